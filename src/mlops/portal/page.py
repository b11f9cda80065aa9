"""The frame of all pages except the reports of notebooks."""

# A page uses no scripts, and loads nothing from the network.

import re
from html import escape
from pathlib import Path

TEMPLATES = Path(__file__).parent / "templates"
POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"


def read_stylesheet() -> str:
    """Return the style sheet of all pages, including reports."""
    return (TEMPLATES / "style.css").read_text(encoding="utf-8")


def mark_code(text: str) -> str:
    """Return `text` as HTML, with each part between backticks marked as code."""
    return re.sub(r"`([^`\n]+)`", r"<code>\1</code>", escape(text))


def mark_unit(name: str, unit: str) -> str:
    """Return HTML for the heading of a column of numbers: the column's name, and the unit if there is one."""
    return f"{escape(name)} <small>({escape(unit)})</small>" if unit else escape(name)


def render_page(title: str, main: str, header: str = "") -> str:
    """Return a whole page as HTML.

    Parameters
    ----------
    title : str
        The title, as text.
    main, header : str
        The content of the page, and the part above it, as HTML in which all text is already escaped.
    """
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="{POLICY}">
<title>{escape(title)}</title>
<style>
{read_stylesheet()}
</style>
</head>
<body class="index">
{header}<main>
<h1>{escape(title)}</h1>
{main}
</main>
</body>
</html>
"""
