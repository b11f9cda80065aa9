"""Outputs of notebooks for tests that compare them: a table, a plot, and a notebook with both."""

import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd
from matplotlib import pyplot
from matplotlib.figure import Figure
from progression import problem

from mlops.notebook import figures
from mlops.record.ledger import RunRecord, StepRecord, write_run
from mlops.scraps import make_scrap

SCORES = pd.DataFrame({"mse": [3041.2, 3075.3], "rows": [344, 98]}, index=["training", "holdout"])
HTML = SCORES.to_html()


def draw(figure: Figure, dpi: int = 72) -> bytes:
    """Return a figure as a PNG file, as JupyterLab would show it."""
    written = io.BytesIO()
    figure.savefig(written, dpi=dpi, bbox_inches="tight")
    pyplot.close(figure)
    return written.getvalue()


def predict(alpha: float) -> tuple[Any, Any]:
    """Return the actual values of the holdout, and the predictions of a model."""
    training, holdout = problem.split_rows(problem.load_sample(), 0.2, 0)
    return holdout[problem.target.name], problem.predict(problem.train(training, alpha=alpha), holdout)


def plot(alpha: float = 0.4) -> Figure:
    """Return a plot like that of `02_train`."""
    return figures.plot_predictions(*predict(alpha), "disease progression")


def make_cell(name: str, source: str, *outputs: Mapping[str, Any], **metadata: Any) -> dict[str, Any]:
    """Return a code cell whose output is kept."""
    tagged = {"tags": ["keep_output"], **metadata}
    return {"cell_type": "code", "id": name, "source": source, "metadata": tagged, "outputs": list(outputs)}


def make_scraps(**values: Any) -> list[dict[str, Any]]:
    """Return results as the outputs of a cell."""
    return [make_scrap(name, value) for name, value in values.items()]


def make_notebook(version: int = 1, rows: int = 98, mse: float = 3075.26, **scraps: Any) -> dict[str, Any]:
    """Return a notebook that prints text, shows a table and stores results, like committed and executed notebooks."""
    printed = {"output_type": "stream", "name": "stdout", "text": [f"{rows} rows\n"]}
    warning = {"output_type": "stream", "name": "stderr", "text": f"a warning of version {version}\n"}
    table = {"output_type": "execute_result", "data": {"text/html": HTML.replace("3075.3", f"{mse:.1f}")}}
    named = {"output_type": "stream", "name": "stdout", "text": f"diabetes:{version}\n"}
    check = {"scraps": {"mse": 1e-6, "run": None, "version": None}, "numbers": 0.001}
    return {
        "metadata": {"mlops": {"check": check}},
        "cells": [
            make_cell("a", "print(len(frame), 'rows')\n", printed, warning),
            make_cell("b", "scores", table),
            make_cell("c", "print(image)", named, mlops={"check": {"if_same": ["version"]}}),
            make_cell("d", "glue_results()", *make_scraps(**{"mse": mse, "run": "x", "version": version, **scraps})),
        ],
    }


def write_checked_run(project: Path) -> Path:
    """Write a notebook "01_n" and a run, in which it ran in two environments, and a step was skipped.

    The executed notebooks are the same as the notebook in `project`. Return the folder of the run.
    """
    steps = (
        StepRecord("n_qa", "01_n", "qa", "done", parameters={"alpha": 0.1, "run_folder": "/x"}),
        StepRecord("n_production", "01_n", "production", "done", parameters={"alpha": 0.4}),
        StepRecord("register", "02_m", state="skipped", reason="not better"),
    )
    run = RunRecord("20261122-190758-all-3f9a51c2", "all", "local", "succeeded", "", "", (0, 0.0), steps, "done")
    write_run(run, project / "outputs")
    committed = make_notebook()
    parameters = {**make_cell("p", "alpha = 0.4\nrun_folder = ''"), "metadata": {"tags": ["parameters"]}}
    committed["cells"].insert(0, parameters)
    (project / "notebooks").mkdir()
    (project / "notebooks" / "01_n.ipynb").write_text(json.dumps(committed))
    folder = project / "outputs" / run.run_id
    for environment in ("qa", "production"):
        (folder / f"01_n-{environment}.ipynb").write_text(json.dumps(committed))
    return folder
