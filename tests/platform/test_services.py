"""The order of the environments."""

from mlops.platform.services import previous_environment


def test_qa_comes_before_production() -> None:
    assert (previous_environment("qa"), previous_environment("production")) == ("", "qa")
