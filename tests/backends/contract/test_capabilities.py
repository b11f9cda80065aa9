"""The capabilities of each platform, so that no test is skipped by mistake."""

import pytest

from mlops.errors import UsageError
from mlops.platform.backend import Backend

OPTIONAL = (
    "infrastructure",
    "upgrades",
    "pipelines",
    "triggers",
    "arrivals",
    "jobs",
    "billing",
    "telemetry",
    "tracking_page",
    "collections",
    "leftovers",
    "environments",
)
CAPABILITIES = {
    "memory": set(),
    "local": {"infrastructure", "upgrades", "pipelines", "tracking_page", "leftovers", "environments", "collections"},
    "azure": {"infrastructure", "pipelines", "triggers", "arrivals", "jobs", "billing", "telemetry", "collections"},
}


@pytest.mark.no_blobs
def test_a_platform_has_what_it_says(backend: Backend, platform: str) -> None:
    assert backend.name == platform
    assert {name for name in OPTIONAL if getattr(backend, name) is not None} == CAPABILITIES[platform]


@pytest.mark.no_blobs
def test_what_it_lacks_is_said_in_one_sentence(backend: Backend, platform: str) -> None:
    if backend.billing:
        pytest.skip(f"the platform {platform} has it")
    with pytest.raises(
        UsageError, match=f"The platform {platform} does not support bills. Choose another platform with --platform."
    ):
        backend.require(backend.billing, "bills")
