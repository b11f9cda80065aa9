"""azure-pipelines.yml is valid against the official schema, and the check refuses invalid files."""

import re
from pathlib import Path

import pytest
from azure_pipelines.pipeline import FILES, list_pipelines
from azure_pipelines.schema import find_schema_errors
from azure_pipelines.templates import expand_file, list_choices, read_yaml

VALID = """\
stages:
  - stage: Build
    jobs:
      - job: Test
        timeoutInMinutes: 0
        steps:
          - bash: make test
          - task: PublishTestResults@2
            condition: always()
            inputs:
              testResultsFormat: JUnit
              testResultsFiles: '*.xml'
              mergeTestResults: true
          - task: DownloadPipelineArtifact@2
            inputs:
              itemPattern: '*.xml'
"""


def test_every_file_is_valid(project: Path) -> None:
    """The files as they are, expanded with every set of parameters that they can be started with."""
    found = {
        (file, *choice.values()): find_schema_errors(pipeline) for file, choice, pipeline in list_pipelines(project)
    }
    assert {file for file, *_ in found} == set(FILES)
    assert len(found) == 5
    assert set(map(tuple, found.values())) == {()}


@pytest.mark.parametrize(
    ("valid", "other"),
    [
        ("testResultsFormat: JUnit", "testRunner: junit"),
        ("mergeTestResults: true", "MERGETESTRESULTS: $(merge)"),
        ("task: PublishTestResults@2", "task: publishtestresults@2"),
        ("itemPattern", "patterns"),
        ("timeoutInMinutes: 0", "continueOnError: Yes"),
    ],
)
def test_what_azure_accepts_is_valid(valid: str, other: str) -> None:
    """A plain validator would refuse aliases, other upper or lower case, and variables in place of values."""
    assert find_schema_errors(read_yaml(VALID)) == []
    assert find_schema_errors(read_yaml(VALID.replace(valid, other))) == []


@pytest.mark.parametrize(
    ("valid", "wrong", "message"),
    [
        ("timeoutInMinutes:", "timeoutInMinute:", "stages.0.jobs.0: Additional properties are not allowed"),
        ("bash: make test", "bush: make test", "steps.0: {'bush': 'make test'} is not valid under any"),
        ("condition: always()", "conditions: always()", "steps.1: Additional properties are not allowed"),
        ("condition: always()", "continueOnError: perhaps", "steps.1.continueOnError: 'perhaps' does not match"),
        ("PublishTestResults@2", "PublishTestResult@2", "steps.1: there is no task 'PublishTestResult@2'"),
        ("PublishTestResults@2", "PublishTestResults@9", "steps.1: there is no task 'PublishTestResults@9'"),
        ("mergeTestResults: true", "mergeTestResults: 1", "steps.1.inputs.mergeTestResults: '1' does not match"),
        ("'*.xml'\n              merge", "[a.xml]\n              merge", "inputs.testResultsFiles: ['a.xml'] is not"),
        ("testResultsFormat: JUnit", "testResultsFormat: PyUnit", "inputs.testResultsFormat: 'PyUnit' does not match"),
        ("testResultsFiles:", "testResultFiles:", "steps.1.inputs: Additional properties are not allowed"),
        ("- stage: Build", "- stages: Build", "stages.0: {'stages': 'Build', 'jobs'"),
    ],
)
def test_what_azure_refuses_is_an_error(valid: str, wrong: str, message: str) -> None:
    """Each file has one mistake, and the error names its place."""
    assert valid in VALID
    (error,) = find_schema_errors(read_yaml(VALID.replace(valid, wrong)))
    assert message in error


@pytest.mark.parametrize(
    ("valid", "wrong", "message"),
    [
        ("type: ACR", "typ: ACR", "resources.containers.0"),
        ("repository: diabetes", "repo: diabetes", "resources.containers.0: Additional properties are not allowed"),
        ("registry: r", "", "resources.containers.0: 'registry' is a required property"),
        ("enabled: true", "enable: true", "resources.containers.0.trigger"),
    ],
)
def test_a_container_of_a_registry_is_checked(valid: str, wrong: str, message: str) -> None:
    """The schema requires an image where Azure Pipelines does not. Its other rules still apply."""
    container = (
        "type: ACR, azureSubscription: a, resourceGroup: g, registry: r, repository: diabetes, trigger: {enabled: true}"
    )
    text = f"{VALID}resources:\n  containers:\n    - {{container: scoring, {container}}}\n"
    assert find_schema_errors(read_yaml(text)) == []
    (error,) = find_schema_errors(read_yaml(text.replace(valid, wrong).replace(", ,", ",")))
    assert error.startswith(message)


@pytest.mark.parametrize("key", ["artifact", "dependsOn", "displayName", "include", "timeoutInMinutes", "environment"])
@pytest.mark.parametrize("file", FILES)
def test_every_part_of_the_project_files_is_read(project: Path, file: str, key: str) -> None:
    """A mistake is found in any of the project's own files."""
    text = (project / file).read_text(encoding="utf-8")
    for found in re.finditer(rf"^[ -]+{key}(?=:)", text, re.MULTILINE):
        spoiled = f"{text[: found.end()]}Typo{text[found.end() :]}"
        choices = [expand_file(spoiled, project / file, choice) for choice in list_choices(text)]
        errors = {error for choice in choices for error in find_schema_errors(choice)}
        assert errors
        assert all(f"'{key}Typo' was unexpected" in error for error in errors), errors
