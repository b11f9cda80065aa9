"""How an environment stands beside the champion."""

from dataclasses import replace

import pytest

from mlops.platform.models import ModelVersion
from mlops.platform.services import Decision, Rollback, Service
from mlops.release.standing import describe_rollback, find_standing

CHAMPION = ModelVersion("tiny", 2, "run", {}, {}, champion=True)
SERVICE = Service("production", "http://there", "sha256:1", "healthy", "tiny:1", 1, "2026-11-26T03:00:00Z")
ROLLBACK = Rollback("production", "tiny:2", 2, "tiny:1", 1, "2026-11-26T03:10:00Z", Decision("ann", "too slow", "run"))


@pytest.mark.parametrize(
    ("service", "champion", "remark"),
    [
        (replace(SERVICE, image="tiny:2", model_version=2), CHAMPION, ""),
        (SERVICE, None, ""),
        (replace(SERVICE, environment="qa"), CHAMPION, ""),
        (
            SERVICE,
            CHAMPION,
            "It does not serve the champion, tiny version 2. Release it with `mlops run release --platform azure`.",
        ),
        (
            replace(SERVICE, image="other:2", model_version=2),
            CHAMPION,
            "It does not serve the champion, tiny version 2, but another model, other.",
        ),
        (
            replace(SERVICE, tested="failed"),
            CHAMPION,
            "It failed its test and still serves. Run `mlops rollback --platform azure`.",
        ),
    ],
    ids=["champion", "no champion yet", "qa", "not released", "another model", "failed"],
)
def test_production_says_when_it_does_not_serve_the_champion(
    service: Service, champion: ModelVersion | None, remark: str
) -> None:
    assert find_standing(service, champion, [], " --platform azure").remark == remark


def test_a_rollback_is_the_reason_until_it_is_lifted() -> None:
    said = "tiny version 2 was rolled back in production on 2026-11-26 03:10:00 UTC by ann (too slow)."
    assert describe_rollback(ROLLBACK) == said
    standing = find_standing(SERVICE, CHAMPION, [ROLLBACK])
    assert standing.remark == f"It does not serve the champion: {said}"
    for other in (replace(ROLLBACK, lifted="2026-11-27T00:00:00Z"), replace(ROLLBACK, environment="qa")):
        assert find_standing(SERVICE, CHAMPION, [other]).rollback is None


def test_what_a_rollback_put_back_is_told_from_what_was_released() -> None:
    assert find_standing(replace(SERVICE, decision=ROLLBACK.decision), CHAMPION, [ROLLBACK]).restored
    for decision in (Decision(), Decision("ann", "too slow", "a release")):
        assert not find_standing(replace(SERVICE, decision=decision), CHAMPION, [ROLLBACK]).restored
    without_record = replace(ROLLBACK, decision=Decision())
    assert not find_standing(SERVICE, CHAMPION, [without_record]).restored


def test_a_rollback_without_a_reason_says_so() -> None:
    assert describe_rollback(replace(ROLLBACK, decision=Decision())).endswith("UTC (no reason was given).")
