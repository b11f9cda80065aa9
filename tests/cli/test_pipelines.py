"""The command `mlops runs`, without a platform that runs anything."""

from dataclasses import replace
from types import SimpleNamespace

import pytest
from click.testing import CliRunner

from mlops.cli import main, pipelines
from mlops.platform.pipelines import SubmittedRun

RUN = SubmittedRun("one", "retrain", "42", "succeeded")
SAID = "Run one was not canceled, because it had already ended.\n"


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ("succeeded", "succeeded", SAID),
        ("failed", "failed", SAID),
        ("canceled", "canceled", ""),
        ("running", "canceled", ""),
        ("queued", "failed", ""),  # locally, a run that has not begun leaves no record of its end
    ],
)
def test_a_run_that_has_ended_is_not_canceled(
    before: str, after: str, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    stub = SimpleNamespace(cancel=lambda run_id: replace(RUN, state=after))
    monkeypatch.setattr(pipelines, "require_pipelines", lambda backend: stub)
    monkeypatch.setattr(pipelines, "require_submitted", lambda opened, run_id: None)
    monkeypatch.setattr(pipelines, "get_run", lambda opened, run_id: replace(RUN, state=before))
    done = CliRunner().invoke(main, ["runs", "one", "--cancel"])
    assert (done.exit_code, done.stderr) == (0, said)
    assert f"State:      {after}" in done.stdout
