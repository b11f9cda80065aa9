"""The colours of code in reports."""

# nbconvert's own filter creates a formatter for each cell, and reads every cell with the slow rules for magics.

from functools import cache

from IPython.lib.lexers import IPython3Lexer
from nbconvert.preprocessors import HighlightMagicsPreprocessor
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexer import Lexer
from pygments.lexers import get_lexer_by_name

CLASS = "highlight"
MARKS = "%!?"  # every magic, shell command and help request of IPython contains one of these


def highlight_code(source: str) -> str:
    """Return the source of a code cell as HTML."""
    language = ""
    if any(mark in source for mark in MARKS):
        language = _make_preprocessor().which_magic_language(source) or "ipython3"
    return str(highlight(source or " ", _find_lexer(language or "python3"), _make_formatter()))


@cache
def list_code_styles() -> str:
    """Return the style sheet of highlighted code."""
    return str(_make_formatter().get_style_defs(f".{CLASS}"))


@cache
def _make_formatter() -> "HtmlFormatter[str]":
    return HtmlFormatter(cssclass=CLASS)


@cache
def _make_preprocessor() -> HighlightMagicsPreprocessor:
    return HighlightMagicsPreprocessor()


@cache
def _find_lexer(language: str) -> Lexer:
    return IPython3Lexer() if language == "ipython3" else get_lexer_by_name(language)
