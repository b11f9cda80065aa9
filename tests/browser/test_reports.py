"""The reports in a real browser."""

import shutil
import subprocess
from pathlib import Path

import nbformat
import pytest

from mlops.portal.report import render_report

pytestmark = pytest.mark.slow
CHROMIUM = (
    "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync --virtual-time-budget=3000 --dump-dom"
).split()
PROBES = (
    "<script>document.title='owned'</script>",
    "<img src=x onerror=\"document.title='owned'\">",
    "<a href=\"javascript:document.title='owned'\">x</a><svg onload=\"document.title='owned'\"></svg>",
    "<iframe srcdoc=\"<script>parent.document.title='owned'</script>\"></iframe>",
)


def browse(page: Path, folder: Path) -> str:
    """Open a page in Chromium and return the document as it is after its scripts have run."""
    browser = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    assert browser, "the browser tests need chromium: apt-get install chromium"
    command = [browser, *CHROMIUM, f"--user-data-dir={folder / 'profile'}", page.as_uri()]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout


def test_injected_scripts_do_not_run(tmp_path: Path) -> None:
    cells = [nbformat.v4.new_markdown_cell(f"# Report\n\n{probe}") for probe in PROBES]
    for probe in PROBES:
        output = nbformat.v4.new_output("display_data", {"text/html": probe, "application/javascript": "alert(1)"})
        cells.append(nbformat.v4.new_code_cell("1", outputs=[output]))
    nbformat.write(nbformat.v4.new_notebook(cells=cells), tmp_path / "probe.ipynb")
    document = browse(render_report(tmp_path / "probe.ipynb"), tmp_path)
    assert "<title>Report</title>" in document
    assert "<iframe" not in document


def test_a_script_does_run_in_an_ordinary_page(tmp_path: Path) -> None:
    """The scripts of the other tests work: in a page that is not a report, they change the title."""
    (tmp_path / "page.html").write_text(f"<title>Report</title>{PROBES[0]}")
    assert "<title>owned</title>" in browse(tmp_path / "page.html", tmp_path)
