"""Overrides: the text of `-p`, read in one place, and written for another process in one place."""

from pathlib import Path

import pytest
from given_parameters import load

from mlops.errors import ParameterError
from mlops.parameters.declarations import Parameter
from mlops.parameters.overrides import Override, check_overrides, read_override
from mlops.pipelines import PIPELINES


@pytest.mark.parametrize("text", ["train", "train.alpha", ".alpha=1", "train.=1", "train.al pha=1"])
def test_an_option_that_is_no_assignment_is_refused(text: str) -> None:
    with pytest.raises(ParameterError) as raised:
        read_override(text)
    advice = "`mlops run --help` lists the steps and their parameters."
    assert str(raised.value) == f"-p {text} is not of the form step.name=value. {advice}"


def test_an_override_for_another_pipeline_is_refused() -> None:
    check_overrides([read_override("train.alpha=1"), read_override("deploy.force=true")], "all", PIPELINES["all"])
    with pytest.raises(
        ParameterError, match="^-p train.alpha: the pipeline build has no step 'train'. Its steps: test_data."
    ):
        check_overrides([read_override("train.alpha=1")], "build", PIPELINES["build"])


@pytest.mark.parametrize("value", ["a=b, c", "", "007", 0.1, 1e-7, 3, True, ["a", 1]])
def test_what_is_written_for_another_process_is_read_there(value: str | float | bool | list[object]) -> None:
    given = Override("train", "alpha", value, "the caller")
    found = read_override(given.to_text())
    assert found.as_setting(Parameter("alpha", value)).value == value


@pytest.mark.parametrize("text", ["007", "1e-3", "true", "null", "a=b", " a\nb ", "", "[1]"])
def test_an_option_for_a_text_stays_as_it_was_typed(tmp_path: Path, text: str) -> None:
    assert load(tmp_path, f"train.label={text}").values["train"]["label"] == text


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ("tran.alpha=1", r"^-p tran.alpha: there is no step 'tran'. Did you mean train.alpha\?"),
        (
            "train.alhpa=1",
            r"^-p train.alhpa: notebooks/02_train.ipynb has no parameter 'alhpa'. Did you mean 'alpha'\?",
        ),
        ("deploy.environment=qa", r"^-p deploy.environment: the runner sets 'environment' itself. Remove it.$"),
        ("train.api_key=abc", r"^-p train.api_key: a secret is never a parameter, .* MLOPS_SECRET_API_KEY instead.$"),
    ],
)
def test_a_mistake_in_an_option_is_named(tmp_path: Path, option: str, message: str) -> None:
    with pytest.raises(ParameterError, match=message):
        load(tmp_path, option)
