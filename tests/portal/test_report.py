"""Reports and the index: each is one file that loads nothing, runs no script, and shows everything."""

import base64
import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import nbformat
import pytest
from bs4 import BeautifulSoup
from declared import declare
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output, new_raw_cell

from mlops.files.atomic import write_atomically
from mlops.portal import report as step_report
from mlops.portal.cleaning import clean_html
from mlops.portal.environments import Environment, Overview
from mlops.portal.index import write_index
from mlops.portal.report import render_report
from mlops.portal.reporter import Reporter
from mlops.record.ledger import RunRecord, StepRecord, write_run
from mlops.record.processes import own_process

PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="  # one pixel
POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
PROBES = [
    "<script>alert(1)</script>",
    '"><script>alert(1)</script>',
    '"><img src=x onerror=alert(1)>',
    "' onmouseover='alert(1)",
    "<svg onload=alert(1)><script>alert(1)</script></svg>",
    "<svg><a xlink:href='javascript:alert(1)'><text>x</text></a></svg>",
    "<a href='javascript:alert(1)'>x</a>",
    "<a href='data:text/html,<script>alert(1)</script>'>x</a>",
    "<iframe srcdoc='<script>alert(1)</script>'></iframe>",
    "<iframe src='https://example.org'></iframe>",
    "<object data='https://example.org'></object><embed src='https://example.org'>",
    "<form action='https://example.org'><input autofocus onfocus=alert(1)></form>",
    "<meta http-equiv='refresh' content='0;url=https://example.org'>",
    "<base href='https://example.org/'>",
    "<link rel='stylesheet' href='https://example.org/a.css'>",
    "<style>@import 'https://example.org/a.css';</style>",
    "<div style='background:url(https://example.org/a.png)'>x</div>",
    "<img src='https://example.org/a.png' srcset='https://example.org/b.png 2x'>",
    "<video src='https://example.org/a' poster='https://example.org/b' onerror=alert(1)></video>",
    "<math><mi xlink:href='javascript:alert(1)'>x</mi></math>",
    "<details open ontoggle=alert(1)>x</details>",
    "</style><script>alert(1)</script>",
    "</pre></section><script>alert(1)</script>",
    "{{ 7 * 7 }}{% raw %}<script>alert(1)</script>",
]
ACTIVE = ("script", "iframe", "object", "embed", "form", "input", "base", "link", "video", "audio", "svg", "template")
HANDLER = re.compile(r"^on")


def show(*outputs: Any, source: str = "1 + 1") -> Any:
    """Return a cell that was run."""
    return new_code_cell(source, execution_count=1, outputs=list(outputs))


def render(folder: Path, *cells: Any, step: StepRecord | None = None) -> BeautifulSoup:
    """Render a notebook of these cells."""
    path = folder / "02_train.ipynb"
    nbformat.write(new_notebook(cells=[new_markdown_cell("# Train"), *cells]), path)
    run = make_run(step) if step else None
    report = render_report(path, run, step)
    assert report == folder / "02_train.html"
    return BeautifulSoup(report.read_text(), "html.parser")


def make_run(*steps: StepRecord, **changes: Any) -> RunRecord:
    """Return a run that has ended."""
    values: dict[str, Any] = {
        "run_id": "20261122-190758-all-3f9a51c2",
        "pipeline": "all",
        "platform": "local",
        "state": "succeeded",
        "outcome": "promoted",
        "started": "2026-11-22T19:07:58Z",
        "finished": "2026-11-22T19:08:39Z",
        "git_commit": "0123456789abcdef0123456789abcdef01234567-dirty",
        "process": own_process(),
    }
    return RunRecord(steps=steps, **{**values, **changes})


def assert_inert(page: BeautifulSoup) -> None:
    """Nothing in the page runs, loads from elsewhere, or restyles it."""
    assert page.find_all(ACTIVE) == []
    metas = [meta for meta in page.find_all("meta") if meta.get("http-equiv")]
    assert [meta["content"] for meta in metas] == [POLICY]
    assert len(page.find_all("style")) == 1
    for tag in page.find_all(True):
        assert [name for name in tag.attrs if HANDLER.match(name) or name in ("style", "srcdoc", "srcset")] == []
        assert re.match("data:image/|$", tag.get("src", "")), f"loads {tag}"
        assert not re.match(r"\s*(javascript|data|vbscript):", tag.get("href", ""), re.IGNORECASE), f"opens {tag}"
        assert tag.name == "a" or "href" not in tag.attrs


def test_a_report_stands_alone(tmp_path: Path) -> None:
    table = "<table border='1'><tr><th>mse</th></tr><tr><td>2900.25</td></tr></table>"
    link = new_markdown_cell("See [the data](https://example.org/data), $a^2$.\n\n```python\nx = 1\n```")
    page = render(tmp_path, link, show(new_output("display_data", data={"text/html": table, "image/png": PNG})))
    assert_inert(page)
    assert page.title is not None
    assert (page.title.string, page.html["lang"]) == ("Train", "en")  # type: ignore[index]
    assert "https://example.org/data" in [link["href"] for link in page.find_all("a")]


CELLS: dict[str, Callable[[str], Any]] = {
    "markdown": lambda probe: new_markdown_cell(f"before {probe} after\n\n{probe}"),
    "title": lambda probe: new_markdown_cell(f"# {probe}"),
    "formula": lambda probe: new_markdown_cell(f"${probe}$ $$\\text{{{probe}}}$$"),
    "raw cell": lambda probe: new_raw_cell(probe, metadata={"raw_mimetype": "text/html"}),
    "code": lambda probe: show(source=probe),
    "tag": lambda probe: new_code_cell("1", metadata={"tags": [probe.replace(",", "")]}),
    "HTML": lambda probe: show(new_output("display_data", data={"text/html": probe})),
    "Markdown output": lambda probe: show(new_output("display_data", data={"text/markdown": probe})),
    "text": lambda probe: show(new_output("execute_result", data={"text/plain": probe}, execution_count=1)),
    "stream": lambda probe: show(new_output("stream", name="stderr", text=probe)),
    "PNG": lambda probe: show(new_output("display_data", data={"image/png": PNG + probe})),
    "JPEG": lambda probe: show(new_output("display_data", data={"image/jpeg": PNG + probe})),
    "alt text": lambda probe: show_picture(alt=probe),
    "width": lambda probe: show_picture(width=probe),
}


def show_picture(**metadata: str) -> Any:
    """Return a cell that shows a picture."""
    return show(new_output("display_data", data={"image/png": PNG}, metadata={"image/png": metadata}))


@pytest.mark.parametrize("place", CELLS)
def test_probes_in_a_cell_stay_inert(tmp_path: Path, place: str) -> None:
    assert_inert(render(tmp_path, *(CELLS[place](probe) for probe in PROBES)))


def test_probes_in_the_head_of_the_page_stay_inert(tmp_path: Path) -> None:
    probe = " ".join(PROBES)
    step = StepRecord(probe, "02_train", state="failed", started=probe, error=probe, parameters={probe: [probe]})
    error = new_output("error", ename=probe, evalue=probe, traceback=[probe])
    page = render(tmp_path, show(error), step=step)
    assert_inert(page)
    assert page.select("section.error pre")[0].get_text() == probe


def test_a_picture_is_never_loaded_from_elsewhere(tmp_path: Path) -> None:
    names = {"image/png": "https://example.org/a.png"}
    assert_inert(
        render(tmp_path, show(new_output("display_data", data={"image/png": PNG}, metadata={"filenames": names})))
    )


def test_svg_is_shown_as_a_picture_which_browsers_run_no_script_of(tmp_path: Path) -> None:
    svg = "<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'><script>alert(1)</script><circle r='3'/></svg>"
    page = render(tmp_path, show(new_output("display_data", data={"image/svg+xml": svg})))
    assert_inert(page)
    (picture,) = page.find_all("img")
    assert base64.b64decode(picture["src"].removeprefix("data:image/svg+xml;base64,")).decode() == svg


@pytest.mark.parametrize("mime", ["application/javascript", "text/latex", "application/vnd.jupyter.widget-view+json"])
def test_what_could_run_is_left_out(tmp_path: Path, mime: str) -> None:
    page = render(tmp_path, show(new_output("display_data", data={mime: "alert(1)", "text/plain": "instead"})))
    assert_inert(page)
    assert "alert(1)" not in page.get_text()
    assert "instead" in page.get_text()


def test_code_is_folded_and_output_is_not(tmp_path: Path) -> None:
    page = render(tmp_path, show(new_output("stream", name="stdout", text="mse 2900.25"), source="print('mse', mse)"))
    (folded,) = page.find_all("details")
    assert "open" not in folded.attrs
    assert folded.summary is not None
    assert folded.summary.string == "Code"
    assert "print('mse', mse)" in folded.get_text()
    assert "mse 2900.25" not in folded.get_text()
    assert "mse 2900.25" in page.get_text()


def test_a_formula_is_mathml(tmp_path: Path) -> None:
    page = render(tmp_path, new_markdown_cell("Inline $\\alpha^2$.\n\n$$\\frac{1}{n}$$"))
    inline, block = page.find_all("math")
    assert (inline["display"], inline.msup.get_text()) == ("inline", "α2")
    assert (block["display"], [part.get_text() for part in block.mfrac.find_all("mrow")]) == ("block", ["1", "n"])


def test_a_formula_that_cannot_be_read_stays_as_it_was_typed(tmp_path: Path) -> None:
    page = render(tmp_path, new_markdown_cell("Broken $\\frac{$, and whole $b_1$."))
    assert [code.get_text() for code in page.select("p code")] == ["\\frac{"]
    assert len(page.find_all("math")) == 1


def test_a_picture_keeps_its_alt_text(tmp_path: Path) -> None:
    alt = 'Residuals & "bands": mean < 0'
    picture = new_output("display_data", data={"image/png": PNG}, metadata={"image/png": {"alt": alt}})
    (shown,) = render(tmp_path, show(picture)).find_all("img")
    assert (shown["alt"], shown["src"]) == (alt, f"data:image/png;base64,{PNG}")


def test_a_picture_in_the_prose_keeps_its_alt_text(tmp_path: Path) -> None:
    page = render(tmp_path, new_markdown_cell(f"![the three pipelines](data:image/png;base64,{PNG})"))
    assert [picture["alt"] for picture in page.find_all("img")] == ["the three pipelines"]


def test_a_table_stays_a_table(tmp_path: Path) -> None:
    html = "<table><tr><th scope='col'>mse</th><th>r2</th></tr><tr><td colspan='2'>1</td></tr></table>"
    shown = show(new_output("display_data", data={"text/html": html, "text/plain": "mse r2"}))
    output, prose = render(tmp_path, shown, new_markdown_cell("|a|b|\n|-|-|\n|3|4|")).find_all("table")
    assert [cell.get_text() for cell in output.find_all("th")] == ["mse", "r2"]
    assert (output.th["scope"], output.td["colspan"]) == ("col", "2")
    assert [cell.get_text() for cell in prose.find_all("td")] == ["3", "4"]


def test_the_head_tells_run_step_and_parameters(tmp_path: Path) -> None:
    step = StepRecord(
        "train", "02_train", state="done", started="2026-11-22T19:08:01Z", seconds=2.46, parameters={"alpha": 0.4}
    )
    head = render(tmp_path, step=step).find("header")
    assert head is not None
    told = {
        name.get_text(): text.get_text() for name, text in zip(head.find_all("dt"), head.find_all("dd"), strict=True)
    }
    assert told == {
        "Run": "20261122-190758-all-3f9a51c2",
        "Step": "train",
        "State": "done",
        "Started": "2026-11-22 19:08:01 UTC, took 2.5 s",
        "Commit": "0123456789ab (with local changes)",
        "Parameters": "alpha = 0.4 ",
    }
    assert [link["href"] for link in head.find_all("a")] == ["../index.html"]
    assert head.find("section") is None


def test_a_failed_step_shows_its_error_and_not_papermill_s_banner(tmp_path: Path) -> None:
    banner = new_markdown_cell("An Exception was encountered", metadata={"tags": ["papermill-error-cell-tag"]})
    raised = new_output("error", ename="ValueError", evalue="no", traceback=["\x1b[31mValueError\x1b[0m: no <rows>"])
    step = StepRecord("train", "02_train", state="failed", error="ValueError in cell [3]: no <rows>")
    page = render(tmp_path, banner, show(raised), step=step)
    assert page.select("section.error pre")[0].get_text() == "ValueError in cell [3]: no <rows>"
    assert "An Exception was encountered" not in page.get_text()
    assert "ValueError: no <rows>" in page.main.get_text()  # type: ignore[union-attr]


def test_a_report_without_a_run_is_titled_after_its_notebook(tmp_path: Path) -> None:
    path = tmp_path / "02_train.ipynb"
    nbformat.write(new_notebook(cells=[show()]), path)
    page = BeautifulSoup(render_report(path).read_text(), "html.parser")
    assert page.title is not None
    assert page.title.string == "02_train"
    assert page.find_all("dl") == []


def render_json(folder: Path, *cells: dict[str, Any], **metadata: Any) -> BeautifulSoup:
    """Render a notebook that nbformat may refuse."""
    path = folder / "02_train.ipynb"
    path.write_text(json.dumps({"cells": cells, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}))
    page = BeautifulSoup(render_report(path).read_text(), "html.parser")
    assert_inert(page)
    return page


def find_notes(page: BeautifulSoup) -> list[str]:
    """Return the notes of a report."""
    return [note.get_text() for note in page.select(".note")]


def test_widgets_as_colab_writes_them_become_a_note(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    widgets = {"application/vnd.jupyter.widget-state+json": {"0a1b": {"model_name": "HBoxModel", "state": {}}}}
    prose = {"cell_type": "markdown", "metadata": {}, "source": ["# Train\n", "text"]}
    page = render_json(tmp_path, prose, widgets=widgets)
    assert find_notes(page) == ["A report cannot show the widgets of this notebook. Open 02_train.ipynb to see them."]
    assert "text" in page.get_text()
    assert capfd.readouterr() == ("", "")


ODD_OUTPUTS: dict[str, tuple[Any, str]] = {
    "a type of its own": (
        {"output_type": "display_data", "data": {"application/x-thing": {"k": 1}}},
        "application/x-thing",
    ),
    "a number as text": ({"output_type": "display_data", "data": {"text/plain": 3}}, "text/plain"),
    "plotly": ({"output_type": "display_data", "data": {"application/vnd.plotly.v1+json": {}}}, "plotly"),
    "no data": ({"output_type": "display_data"}, "not valid for nbformat"),
    "nothing": (None, "not valid for nbformat"),
    "no type": ({}, "not valid for nbformat"),
}


@pytest.mark.parametrize("odd", ODD_OUTPUTS)
def test_an_output_that_cannot_be_shown_becomes_a_note(
    tmp_path: Path, odd: str, capfd: pytest.CaptureFixture[str]
) -> None:
    output, said = ODD_OUTPUTS[odd]
    cell = {
        "cell_type": "code",
        "metadata": {},
        "source": "1",
        "outputs": [output, {"output_type": "stream", "text": "after"}],
    }
    page = render_json(tmp_path, cell)
    (note,) = find_notes(page)
    assert said in note
    assert note.endswith("Open 02_train.ipynb to see it.")
    assert "after" in page.get_text()
    assert capfd.readouterr() == ("", "")


def test_a_scrap_is_no_output_and_a_widget_is_shown_as_text(tmp_path: Path) -> None:
    scrap = new_output("display_data", data={"application/scrapbook.scrap.json+json": {"name": "x"}})
    view = {"application/vnd.jupyter.widget-view+json": {"model_id": "1"}, "text/plain": "IntSlider(value=3)"}
    page = render(tmp_path, show(scrap), show(new_output("display_data", data=view)))
    assert "IntSlider(value=3)" in page.get_text()
    assert len(find_notes(page)) == 1


def test_a_cell_that_cannot_be_rendered_becomes_a_note(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(html: str) -> str:
        if "odd" in html:
            raise KeyError("odd")
        return clean_html(html)

    monkeypatch.setattr("mlops.portal.report.clean_html", fail)
    page = render(tmp_path, new_markdown_cell("odd"), new_markdown_cell("next"))
    assert find_notes(page) == ["A report cannot show this cell (KeyError). Open 02_train.ipynb to see it."]
    assert "next" in page.get_text()


@pytest.mark.parametrize("content", ["", "[]", "{", '{"cells": 1, "metadata": {}}', '{"cells": [1], "metadata": {}}'])
def test_a_notebook_that_cannot_be_read_becomes_a_note(tmp_path: Path, content: str) -> None:
    (tmp_path / "02_train.ipynb").write_text(content)
    page = BeautifulSoup(render_report(tmp_path / "02_train.ipynb").read_text(), "html.parser")
    assert find_notes(page) == ["02_train.ipynb cannot be read as a notebook. Run its step again."]


def test_a_progress_bar_is_shown_as_it_ends(tmp_path: Path) -> None:
    """The kernel sends the progress bar in many pieces, some of which end within a line."""
    steps = [
        new_output("stream", name="stderr", text=f"\r{step:4} of 20000 \x1b[32mok\x1b[0m")
        for step in range(0, 20001, 10)
    ]
    (shown,) = render(tmp_path, show(*steps)).select(".jp-OutputArea-output pre")
    assert shown.get_text() == "20000 of 20000 ok"


def test_a_long_text_is_cut_in_the_middle(tmp_path: Path) -> None:
    """50 MB of output take 2 s and leave a page of 0.2 MB."""
    page = render(tmp_path, show(new_output("stream", name="stdout", text="first" + "." * 1_000_000 + "last")))
    text = page.get_text()
    assert "first..." in text
    assert "...last" in text
    assert "800,009 characters omitted. Open 02_train.ipynb to see them." in text
    assert len(text) < 300_000


def test_a_report_that_cannot_be_written_does_not_end_the_run(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    step = StepRecord("train", "02_train", state="done")
    run = make_run(step)
    folder = tmp_path / run.run_id
    (folder / "02_train.html" / "in the way").mkdir(parents=True)
    (tmp_path / "index.html" / "in the way").mkdir(parents=True)
    nbformat.write(new_notebook(cells=[show()]), folder / "02_train.ipynb")
    reporter = Reporter(tmp_path)
    assert reporter.step_ended(run, step) == step
    reporter.run_ended(run)
    assert [record.message.split(".")[0] for record in caplog.records] == [
        "Could not write the report of train",
        "Could not write the index of all runs",
    ]


def read_index(outputs: Path, overview: Overview | None = None) -> BeautifulSoup:
    """Write the index and read it."""
    page = BeautifulSoup(write_index(outputs, overview).read_text(), "html.parser")
    assert_inert(page)
    return page


def test_a_report_that_was_never_made_is_not_linked(tmp_path: Path) -> None:
    write_run(make_run(StepRecord("sweep", "02_train", state="failed", report="sweep.html")), tmp_path)
    assert read_index(tmp_path).find_all("a") == []


def test_a_sweep_shows_the_values_that_it_tried(tmp_path: Path) -> None:
    tried = StepRecord("sweep", "02_train", state="done", parameters={"alpha": [0.1, 1.0], "seed": [0, 1]})
    write_run(make_run(tried, StepRecord("train", "02_train", state="done"), pipeline="sweep"), tmp_path)
    (cell,) = read_index(tmp_path).select("td.changes")
    assert cell.get_text("; ") == "train.alpha 0.1, 1; train.seed 0, 1"


def test_each_run_shows_the_metrics_that_its_own_problem_declares(tmp_path: Path) -> None:
    """So the runs of an earlier problem add no empty column."""
    handed = {"mae": 47.63, "mse": 2900.25, **declare("mae", "mse", unit="points")}
    write_run(make_run(StepRecord("train", "02_train", state="done", results=handed)), tmp_path)
    other = StepRecord("train", "02_train", state="done", results={"auc": 0.9125, **declare("auc")})
    write_run(replace(make_run(other), run_id="other"), tmp_path)
    oldest = StepRecord("train", "02_train", state="done", results={"mae": 46.0})  # its record declares no metrics
    write_run(replace(make_run(oldest), run_id="oldest"), tmp_path)
    page = read_index(tmp_path)
    assert [head.get_text() for head in page.select("thead th")][4:] == ["Model", "Metrics", "Duration"]
    assert {cell.get_text(" ") for cell in page.select("td.metrics")} == {
        "mae  (points) 47.6 mse 2,900",
        "auc 0.912",
        "mae 46.0",
    }


PRODUCTION = Environment(
    "production",
    "diabetes version 2 (gate overruled by alice: ticket 42)",
    "healthy",
    "2026-11-22T19:10:00Z",
    "gate overruled by alice: ticket 42; deployed by bob",
    is_champion=True,
    error="47.1 points of disease progression",
    error_name="mean absolute error",
    url="http://127.0.0.1:81",
)


def test_the_index_begins_with_what_each_environment_serves(tmp_path: Path) -> None:
    step = StepRecord("test_data", "01_test_data", state="done", report="01.html", results={"data_path": "x/good.csv"})
    write_run(make_run(step), tmp_path)
    qa = Environment("qa", "", "unreadable", is_champion=None, remark="qa.json is damaged.")
    page = read_index(tmp_path, Overview([qa, PRODUCTION], ["The registry does not answer."]))
    top = page.select_one("section.overview")
    assert top is not None
    assert page.main.find("section") is page.main.find_all(True)[1]  # type: ignore[union-attr]
    cards = [[" ".join(part.get_text(" ").split()) for part in card.find_all(["h2", "p"])] for card in top("article")]
    assert cards == [
        ["qa", "unknown, ✗ unreadable", "qa.json is damaged."],
        ["production", f"{PRODUCTION.model}, ✓ healthy"],
    ]
    unread, rows = [card.dl for card in top("article")]
    assert unread is not None
    assert rows is not None
    assert unread.get_text(" ", strip=True) == "Champion unknown"
    told = zip(rows.find_all("dt"), rows.find_all("dd"), strict=True)
    assert {name.get_text(): value.get_text() for name, value in told} == {
        "Since": "2026-11-22 19:10:00 UTC",
        "Decision": PRODUCTION.decision,
        "Champion": "yes",
        "Mean absolute error": "47.1 points of disease progression",
        "Address": "http://127.0.0.1:81",
    }
    said = [" ".join(part.get_text(" ").split()) for part in top.find_all("p", recursive=False)]
    assert said == [
        "The registry does not answer.",
        "Last data test: ✓ passed , 2026-11-22 19:07:58 UTC (good.csv)",
    ]


def test_a_service_of_another_home_is_not_called_stopped(tmp_path: Path) -> None:
    elsewhere = replace(PRODUCTION, health="stopped", condition="not running here", url="")
    card = read_index(tmp_path, Overview([elsewhere])).select_one("article p")
    assert card.get_text() == f"{PRODUCTION.model}, ■ not running here"


def test_a_service_that_was_stopped_says_when_it_was_deployed(tmp_path: Path) -> None:
    stopped = replace(PRODUCTION, health="stopped", url="")
    shown = [name.get_text() for name in read_index(tmp_path, Overview([stopped])).select("article dt")]
    assert shown == ["Last deployed", "Decision", "Champion", "Mean absolute error"]


def list_data_tests(outputs: Path, overview: Overview) -> list[str]:
    """Return what the index says of data tests."""
    said = read_index(outputs, overview).select("section.overview > p")
    return [" ".join(part.get_text(" ").split()) for part in said if "data" in part.get_text()]


def test_the_last_data_test_is_that_of_the_registered_data_and_another_file_is_named(tmp_path: Path) -> None:
    url = "file:///home/datasets/1/diabetes.csv"
    good = StepRecord("test_data", "01_test_data", state="done", results={"data_path": url})
    bad = StepRecord(
        "test_data",
        "01_test_data",
        state="failed",
        parameters={"data_path": "/tmp/bad.csv"},
        error_kind="DataTestFailed",
    )
    write_run(make_run(good, order=1), tmp_path)
    registered, time = Overview(dataset="diabetes version 1", dataset_url=url), "2026-11-22 19:07:58 UTC"
    assert list_data_tests(tmp_path, registered) == [f"Last data test of diabetes version 1: ✓ passed , {time}"]
    write_run(make_run(bad, run_id="newer", state="failed", outcome="error", order=2), tmp_path)
    assert list_data_tests(tmp_path, registered) == [
        f"Last data test of diabetes version 1: ✓ passed , {time}",
        f"Last data test of another file, bad.csv: ✗ failed , {time}",
    ]
    assert list_data_tests(tmp_path, replace(registered, dataset_url="file:///elsewhere.csv")) == [
        f"Last data test: ✗ failed , {time} (bad.csv)",
        "None of these runs tested the registered data, diabetes version 1.",
    ]


def test_an_index_without_deployments_says_so(tmp_path: Path) -> None:
    top = read_index(tmp_path, Overview()).select_one("section.overview")
    assert top is not None
    assert [part.get_text() for part in top("p")] == ["Nothing is deployed yet.", "No data has been tested yet."]


@pytest.mark.parametrize("probe", PROBES)
def test_probes_in_an_environment_stay_inert(tmp_path: Path, probe: str) -> None:
    texts = [probe] * 5
    found = Environment(*texts, remark=probe, error=probe, error_name=probe, url=probe)
    read_index(tmp_path, Overview([found], [probe]))


def test_a_report_begins_with_its_verdict_and_marks_what_did_not_run(tmp_path: Path) -> None:
    raised = new_output("error", ename="ValueError", evalue="no", traceback=["no"])
    step = StepRecord("train", "02_train", state="failed", error="ValueError: no", cell="fit(rows)")
    after = new_markdown_cell("The errors are small.")
    page = render(tmp_path, new_markdown_cell("First."), show(raised), after, new_code_cell("2"), step=step)
    verdict = page.select_one("header p.verdict")
    assert verdict is not None
    assert verdict.get_text() == "✗ This step failed, in the cell that begins 'fit(rows)'."
    marked = page.select("div.not-run")
    assert [part.get_text(" ", strip=True).split()[:2] for part in marked] == [["Not", "run"], ["Not", "run"]]
    assert "The errors are small." in marked[0].get_text()
    assert "First." not in "".join(part.get_text() for part in marked)


def test_the_index_of_no_runs_says_so(tmp_path: Path) -> None:
    assert [cell.get_text() for cell in read_index(tmp_path).find_all("td")] == ["No runs yet."]


def test_the_note_about_the_runs_does_not_scroll_sideways_with_their_table(tmp_path: Path) -> None:
    page = read_index(tmp_path)
    (table,) = page.select(".scroll table.runs")
    note = page.select_one(f"#{table['aria-describedby']}")
    assert note.get_text().startswith("Newest first. A run is compared with the last successful run")
    assert not note.find_parents(class_="scroll")


def test_the_index_lists_every_run_newest_first(tmp_path: Path) -> None:
    evaluated = StepRecord(
        "evaluate",
        "03_evaluate",
        state="done",
        report="03_evaluate.html",
        results={"mse": 2900.25, "r2": 0.45, "reason": "Better.", **declare("mse", "r2")},
    )
    registered = StepRecord(
        "register",
        "04_register",
        state="done",
        report="04_register.html",
        results={"model_name": "diabetes", "model_version": 3},
    )
    skipped = StepRecord("register", "04_register", state="skipped", reason="rejected")
    failed = StepRecord("train", "02_train", state="failed", error="ValueError: no\nrows")
    write_run(make_run(evaluated, registered), tmp_path)
    for report in ("20261123-000000-all-0000/03_evaluate", "20261122-190758-all-3f9a51c2/03_evaluate"):
        write_atomically(tmp_path / f"{report}.html", "")
    write_atomically(tmp_path / "20261122-190758-all-3f9a51c2" / "04_register.html", "")
    write_run(make_run(evaluated, skipped, run_id="20261123-000000-all-0000", outcome="rejected"), tmp_path)
    write_run(make_run(failed, run_id="20261121-000000-all-0000", state="failed", outcome="error"), tmp_path)
    page = read_index(tmp_path)
    rows = [
        [" ".join(cell.get_text(" ").split()) for cell in row.find_all(["td", "th"])] for row in page.select("tbody tr")
    ]
    time = "2026-11-22 19:07:58 UTC"
    assert rows == [
        [
            f"{time} 20261123-000000-all-0000",
            "– rejected Better.",
            "–",
            "evaluate 1 skipped",
            "–",
            "mse 2,900 r2 0.450",
            "41 s",
        ],
        [
            f"{time} 20261122-190758-all-3f9a51c2",
            "✓ promoted Better.",
            "–",
            "evaluate , register",
            "diabetes version 3",
            "mse 2,900 r2 0.450",
            "41 s",
        ],
        [
            f"{time} 20261121-000000-all-0000",
            "✗ error train: ValueError: no",
            "–",
            "train (failed)",
            "–",
            "–",
            "41 s",
        ],
    ]
    labels = [cell["data-label"] for cell in page.select("tbody tr")[0].find_all("td")]
    assert labels == ["Status", "Parameters that differ", "Steps", "Model", "Metrics", "Duration"]
    assert [link["href"] for link in page.find_all("a")] == [
        "20261123-000000-all-0000/03_evaluate.html",
        "20261122-190758-all-3f9a51c2/03_evaluate.html",
        "20261122-190758-all-3f9a51c2/04_register.html",
    ]


ENDINGS: dict[str, tuple[RunRecord, str]] = {
    "interrupted": (
        make_run(
            StepRecord("train", "02_train", state="failed", error="interrupted"), state="interrupted", outcome="error"
        ).with_failure(),
        "■ interrupted during train",
    ),
    "lost": (make_run(state="lost", outcome="error", error="its process ended"), "✗ lost its process ended"),
    "newer": (make_run(state="newer", outcome="", error="written by a newer version"), "✗ newer written by a"),
}


@pytest.mark.parametrize("name", ENDINGS)
def test_a_run_that_did_not_end_by_itself_has_the_word_of_its_state(tmp_path: Path, name: str) -> None:
    run, said = ENDINGS[name]
    write_run(run, tmp_path)
    row = read_index(tmp_path).select("tbody tr")[0]
    assert " ".join(row.select("td.status")[0].get_text(" ").split()).startswith(said)
    assert "failed" not in row.get_text()


def test_a_failed_data_test_names_the_rules_that_broke_first(tmp_path: Path) -> None:
    rules = [f"  {column}: type: str, for example n/k; allowed: numbers" for column in ("AGE", "BMI", "BP")]
    error = "\n".join(["DataTestFailed in the cell that begins 'x': The data file bad.csv breaks 3 rules.", *rules])
    step = StepRecord("test_data", "01_test_data", state="failed", error=error, error_kind="DataTestFailed")
    write_run(make_run(step, state="failed", outcome="error").with_failure(), tmp_path)
    (cell,) = read_index(tmp_path).select("td.status small")
    shown = "test_data: the data did not pass its test", rules[0].strip(), rules[1].strip(), "and 1 more"
    assert cell.get_text() == "\n".join(shown)


def test_a_damaged_record_is_unreadable_and_no_error(tmp_path: Path) -> None:
    write_atomically(tmp_path / "monday" / "run.json", "{")
    (cell,) = read_index(tmp_path).select("td.status")
    assert cell.get_text(" ").startswith(f"✗ unreadable {tmp_path / 'monday' / 'run.json'} is damaged")
    assert cell.select("span.unreadable")


RECORDS: dict[str, Callable[[str], StepRecord]] = {
    "error": lambda probe: StepRecord("train", "02_train", state="failed", error=probe, report="02_train.html"),
    "reason": lambda probe: StepRecord(
        "evaluate", "03_evaluate", state="reused", reason=probe, results={"reason": probe}
    ),
    "version": lambda probe: StepRecord(
        "register", "04_register", state="done", results={"model_name": "m", "model_version": probe}
    ),
    "metric": lambda probe: StepRecord("train", "02_train", state="done", results={"mse": probe}),
    "name": lambda probe: StepRecord(probe, "02_train", state="done", report=probe),
    "start": lambda probe: StepRecord("train", "02_train", state="done", started=probe),
}


@pytest.mark.parametrize("place", RECORDS)
def test_probes_in_a_record_stay_inert_in_the_index(tmp_path: Path, place: str) -> None:
    for number, probe in enumerate(PROBES):
        write_run(make_run(RECORDS[place](probe), run_id=f"{number:02}", started=probe), tmp_path)
    assert len(read_index(tmp_path).select("tbody tr")) == len(PROBES)


def test_the_exporter_is_prepared_while_the_first_kernel_starts(tmp_path: Path) -> None:
    step_report._make_exporter.cache_clear()
    step_report.rehearse.cache_clear()
    Reporter(tmp_path).step_started(StepRecord("train", "02_train"))
    assert step_report._make_exporter.cache_info().currsize == 1
