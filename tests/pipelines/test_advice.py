"""The names in messages are those of the declarations."""

from mlops.pipelines import advice


def test_the_default_platform_needs_no_option() -> None:
    assert advice.name_platform_option("azure", "local") == " --platform azure"
    assert advice.name_platform_option("local", "local") == ""


def test_messages_name_the_declared_notebooks_and_parameters() -> None:
    assert advice.TRAINING_NOTEBOOK == "02_train"
    assert advice.GATE_NOTEBOOK == "03_evaluate"
    assert advice.IMAGE_NOTEBOOK == "05_create_image"
    assert advice.DATA_PARAMETER == "data_path"
    assert advice.GATE.overruled_by == "promote_always"
