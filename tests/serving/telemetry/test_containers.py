"""The connection string of a service on Azure."""

import pytest

from mlops.serving.telemetry.containers import find_connection_string, is_enabled


@pytest.mark.parametrize(
    ("variables", "found", "enabled"),
    [
        ({}, "", False),
        ({"AML_APP_INSIGHTS_ENABLED": "true", "AML_APP_INSIGHTS_KEY": "k"}, "InstrumentationKey=k", True),
        ({"AML_APP_INSIGHTS_ENABLED": "false", "AML_APP_INSIGHTS_KEY": "k"}, "", False),
        ({"AML_APP_INSIGHTS_ENABLED": "true"}, "", False),
        ({"APPLICATIONINSIGHTS_CONNECTION_STRING": "given", "AML_APP_INSIGHTS_KEY": "k"}, "given", False),
    ],
)
def test_azure_gives_a_key_and_the_connection_string_takes_precedence(
    variables: dict[str, str], found: str, enabled: bool
) -> None:
    assert (find_connection_string(variables), is_enabled(variables)) == (found, enabled)
