"""Secrets are struck out wherever in a record they stand."""

from mlops.parameters.merging import Parameters
from mlops.record.ledger import RunRecord, RunSettings, StepRecord
from mlops.record.processes import ProcessId
from mlops.record.redaction import strike_out


def test_a_secret_deep_in_a_run_is_struck_out() -> None:
    step = StepRecord("train", "02_train", parameters={"url": "https://u:s3cr3t@host", "more": [{"k": "s3cr3t"}]})
    told = Parameters("local", 10.0, {}, {"train": {"url": "s3cr3t"}})
    process = ProcessId(1, 1.0)
    run = RunRecord("1", "retrain", "local", "running", "", "", process, (step,), settings=RunSettings(told))
    struck = strike_out(run, ["s3cr3t"])
    assert struck.steps[0].parameters == {"url": "https://u:***@host", "more": [{"k": "***"}]}
    assert struck.settings.parameters == Parameters("local", 10.0, {}, {"train": {"url": "***"}})
    assert (struck.process, struck.steps[0].name) == (process, "train")
