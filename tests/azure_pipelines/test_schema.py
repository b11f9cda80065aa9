"""azure-pipelines.yml is valid against the official schema, and the check of that really refuses."""

import re
from pathlib import Path

import pytest
from azure_pipelines.pipeline import PIPELINE, read_pipeline, read_project_pipeline
from azure_pipelines.schema import find_schema_errors

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


def test_pipeline_is_valid(project: Path) -> None:
    """The file as it is."""
    assert find_schema_errors(read_project_pipeline(project)) == []


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
    """Aliases, other cases, variables in place of values: a plain validator would refuse these."""
    assert find_schema_errors(read_pipeline(VALID)) == []
    assert find_schema_errors(read_pipeline(VALID.replace(valid, other))) == []


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
    """One mistake each; the error says where it is."""
    assert valid in VALID
    (error,) = find_schema_errors(read_pipeline(VALID.replace(valid, wrong)))
    assert message in error


@pytest.mark.parametrize("key", ["artifact", "dependsOn", "displayName", "include", "timeoutInMinutes", "versionSpec"])
def test_every_part_of_the_project_file_is_read(project: Path, key: str) -> None:
    """A mistake is found wherever in the project's own file it is."""
    text = (project / PIPELINE).read_text(encoding="utf-8")
    places = [found.end() for found in re.finditer(rf"^[ -]+{key}(?=:)", text, re.MULTILINE)]
    assert places
    for place in places:
        (error,) = find_schema_errors(read_pipeline(f"{text[:place]}Typo{text[place:]}"))
        assert f"'{key}Typo' was unexpected" in error
