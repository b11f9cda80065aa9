"""A run whose copies are as the notebooks beside it."""

import json
from pathlib import Path

import pytest
from shown import make_cell, make_notebook

from mlops.record.ledger import RunRecord, StepRecord, write_run


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A run of the notebook "01_n" in two environments, and one that was skipped; its notebooks are beside it."""
    steps = (
        StepRecord("n_qa", "01_n", "qa", "done", parameters={"alpha": 0.1, "run_folder": "/x"}),
        StepRecord("n_production", "01_n", "production", "done", parameters={"alpha": 0.4}),
        StepRecord("register", "02_m", state="skipped", reason="not better"),
    )
    run = RunRecord("20261122-190758-all-3f9a51c2", "all", "local", "succeeded", "", "", (0, 0.0), steps, "done")
    write_run(run, tmp_path / "outputs")
    committed = make_notebook()
    parameters = {**make_cell("p", "alpha = 0.4\nrun_folder = ''"), "metadata": {"tags": ["parameters"]}}
    committed["cells"].insert(0, parameters)
    (tmp_path / "notebooks").mkdir()
    (tmp_path / "notebooks" / "01_n.ipynb").write_text(json.dumps(committed))
    folder = tmp_path / "outputs" / run.run_id
    for environment in ("qa", "production"):
        (folder / f"01_n-{environment}.ipynb").write_text(json.dumps(committed))
    return folder
