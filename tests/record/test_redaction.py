"""Secrets are struck out wherever in a record they stand."""

from mlops.record.ledger import RunRecord, StepRecord
from mlops.record.redaction import strike_out


def test_a_secret_deep_in_a_run_is_struck_out() -> None:
    step = StepRecord("train", "02_train", parameters={"url": "https://u:s3cr3t@host", "more": [{"k": "s3cr3t"}]})
    run = RunRecord("1", "retrain", "local", "running", "", "", (1, 1.0), (step,), settings={"a": {"b": "s3cr3t"}})
    struck = strike_out(run, ["s3cr3t"])
    assert struck.steps[0].parameters == {"url": "https://u:***@host", "more": [{"k": "***"}]}
    assert struck.settings == {"a": {"b": "***"}}
    assert (struck.process, struck.steps[0].name) == ((1, 1.0), "train")
