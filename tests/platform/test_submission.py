"""The submission of the published pipeline: its parameters as text, as overrides, as tags."""

import pytest

from mlops.errors import ParameterError
from mlops.parameters.overrides import Override
from mlops.pipelines import RETRAIN
from mlops.platform.submission import Build, Submission, list_overrides, list_tags, read_submission


def test_every_parameter_has_a_text_and_only_what_is_given_is_sent() -> None:
    usual = {"model_name": "none", "dataset_version": "latest", "data_file_path": "none", "caller_run_id": "none"}
    assert Submission().list_texts() == usual
    assert Submission().list_given() == {}
    given = Submission(dataset_version="3", caller_run_id="7")
    assert given.list_given() == {"dataset_version": "3", "caller_run_id": "7"}
    assert read_submission(given.list_texts()) == given


def test_none_is_no_value() -> None:
    assert read_submission({"dataset_version": "none", "data_file_path": "none"}) == Submission()


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"alpha": "1"}, "-p alpha: The published pipeline has no such parameter. It has: model_name, dataset_version"),
        ({"model_name": ""}, "-p model_name: The value is missing. For the default value, use -p model_name=none."),
    ],
)
def test_what_the_published_pipeline_does_not_take_is_refused(given: dict[str, str], said: str) -> None:
    with pytest.raises(ParameterError, match=said):
        read_submission(given)


def test_a_submission_gives_values_to_the_steps_that_declare_them() -> None:
    given = list_overrides(Submission(model_name="other"), Build("42"), "new.csv", RETRAIN)
    assert given == [
        Override("shared", "model_name", "other", "model_name"),
        Override("test_data", "data_path", "new.csv", "data_file_path"),
        Override("register", "build_id", "42", "build_id"),
    ]
    assert list_overrides(Submission(), Build(), "", RETRAIN) == []


def test_tags_say_where_a_run_comes_from() -> None:
    assert list_tags(Submission(caller_run_id="7"), Build("42")) == {"BuildId": "42", "caller_run_id": "7"}
