"""The verdict as JUnit's XML."""

import json
from pathlib import Path
from xml.etree import ElementTree

from shown import make_cell, make_notebook

from mlops.regression.check import check_run
from mlops.regression.junit import format_junit


def test_junit_has_a_case_for_each_notebook(folder: Path) -> None:
    (folder / "01_n-qa.ipynb").write_text(json.dumps(make_notebook(mse=3098.4)))
    suite = ElementTree.fromstring(format_junit(check_run(folder, folder.parents[1] / "notebooks")))
    assert {name: suite.get(name) for name in ("tests", "failures", "skipped")} == {
        "tests": "3",
        "failures": "1",
        "skipped": "1",
    }
    failure = suite.find("testcase[@name='01_n-qa']/failure")
    assert failure is not None
    assert (failure.text or "").startswith("scrap mse: 3,100, committed 3,080 (allowed: 1e-06)")
    assert (failure.get("message") or "").startswith("2 of 4 outputs differ from the committed notebook. ")
    skipped = suite.find("testcase[@name='02_m']/skipped")
    assert skipped is not None
    assert skipped.get("message") == "not run: not better"


def test_control_characters_in_messages_are_escaped(folder: Path) -> None:
    notebook = make_notebook()
    notebook["cells"].append(make_cell("new", "age\x08"))
    notebook["cells"][0]["outputs"][0]["text"] = "97 \x1b rows \ud800"
    (folder / "01_n-qa.ipynb").write_text(json.dumps(notebook))
    record = json.loads((folder / "run.json").read_text())
    record["steps"][1] |= {"state": "failed", "error": "KeyError: 'age\x08'"}
    record["steps"][2]["reason"] = "no column age\x08"
    (folder / "run.json").write_text(json.dumps(record))
    suite = ElementTree.fromstring(format_junit(check_run(folder, folder.parents[1] / "notebooks")))
    assert r"97 \x1b rows" in (suite.findtext("testcase[@name='01_n-qa']/failure") or "")
    assert r"in the run, but not in the notebook: `age\x08`" in (suite.findtext("testcase/system-out") or "")
    assert r"failed: KeyError: 'age\x08'" in (suite.findtext("testcase[@name='01_n-production']/failure") or "")
    (skipped,) = suite.iter("skipped")
    assert skipped.get("message") == r"not run: no column age\x08"
