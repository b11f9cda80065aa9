"""The service of an environment, compared with the champion."""

from dataclasses import replace

import pytest

from mlops.platform.models import FailedTest, ModelVersion
from mlops.platform.services import Decision, Rollback, Service
from mlops.release.next_release import ReleaseState, describe_rollback
from mlops.release.standing import Standing, find_standings

CHAMPION = ModelVersion("tiny", 2, "run", {}, {}, champion=True)
SERVICE = Service("production", "http://there", "sha256:1", "healthy", "tiny:1", 1, "2026-11-26T03:00:00Z")
ROLLBACK = Rollback("production", "tiny:2", 2, "tiny:1", 1, "2026-11-26T03:10:00Z", Decision("ann", "too slow", "run"))

AGAIN = "Train another model, or test this one again with `mlops run release --platform azure`."


def find_standing(
    service: Service, champion: ModelVersion | None, rollbacks: list[Rollback], command_options: str = ""
) -> Standing:
    """Return the standing of one environment."""
    (found,) = find_standings(ReleaseState(champion, [service], rollbacks, command_options))
    return found


def test_whether_the_champion_serves_is_unknown_if_it_or_the_environment_cannot_be_read() -> None:
    unread = Service("qa", "", "", "unreadable", "", 0, "", problem="qa.json is damaged.")
    qa, production = find_standings(ReleaseState(None, [unread, SERVICE], champion_problem="The registry is damaged."))
    assert (qa.serves_champion, production.serves_champion, production.remark) == (None, None, "")
    assert find_standings(ReleaseState(CHAMPION, [unread]))[0].serves_champion is None
    assert find_standing(SERVICE, None, []).serves_champion is False


@pytest.mark.parametrize(
    ("service", "champion", "remark"),
    [
        (replace(SERVICE, image="tiny:2", model_version=2), CHAMPION, ""),
        (SERVICE, None, ""),
        (
            replace(SERVICE, health="stopped", original="/data/.mlops"),
            CHAMPION,
            "It was started in /data/.mlops, not in this MLOPS_HOME. "
            "`mlops run release --platform azure` deploys the champion, tiny version 2, here.",
        ),
        (
            replace(SERVICE, environment="qa", health="stopped", original="/data/.mlops"),
            None,
            "It was started in /data/.mlops, not in this MLOPS_HOME.",
        ),
        (replace(SERVICE, environment="qa"), CHAMPION, ""),
        (
            SERVICE,
            CHAMPION,
            "It does not serve the champion, tiny version 2. Release it with `mlops run release --platform azure`.",
        ),
        (
            replace(SERVICE, image="other:2", model_version=2),
            CHAMPION,
            "It does not serve the champion, tiny version 2, but a different model, other. "
            "`mlops run release --platform azure --take-over` replaces it.",
        ),
        (
            replace(SERVICE, failed=(FailedTest("tiny:2"),)),
            CHAMPION,
            f"It does not serve the champion, tiny version 2, which failed its test in production. {AGAIN}",
        ),
        (
            replace(SERVICE, tested="failed", previous="tiny:0"),
            CHAMPION,
            'It failed its test and still serves. Run `mlops rollback --platform azure --reason "it failed its test"`.',
        ),
        (
            replace(SERVICE, tested="failed", image="tiny:2", model_version=2),
            CHAMPION,
            f"It failed its test and still serves. {AGAIN}",
        ),
        (
            replace(SERVICE, tested="failed"),
            CHAMPION,
            "It failed its test and still serves. "
            "`mlops run release --platform azure` deploys the champion, tiny version 2.",
        ),
        (
            replace(SERVICE, tested="failed"),
            None,
            "It failed its test and still serves. Train another model with `mlops run retrain --platform azure`.",
        ),
        (
            replace(SERVICE, tested="failed", health="stopped", image="tiny:2", model_version=2),
            CHAMPION,
            f"It failed its test and was stopped. {AGAIN}",
        ),
        (
            replace(SERVICE, environment="qa", accepts_keys=False),
            CHAMPION,
            "It does not accept the stored keys. Run `mlops keys qa --rotate --platform azure` to give it new ones.",
        ),
    ],
    ids=[
        "champion",
        "no champion yet",
        "another home",
        "another home, no champion",
        "qa",
        "not released",
        "another model",
        "failed and restored",
        "failed",
        "failed first",
        "failed, not the champion",
        "failed, no champion",
        "failed and stopped",
        "other keys",
    ],
)
def test_production_says_when_it_does_not_serve_the_champion(
    service: Service, champion: ModelVersion | None, remark: str
) -> None:
    assert find_standing(service, champion, [], " --platform azure").remark == remark


def test_a_rollback_is_the_reason_until_it_is_lifted() -> None:
    said = (
        "tiny version 2 was rolled back to tiny version 1 in production on 2026-11-26 03:10:00 UTC by ann (too slow)."
    )
    assert describe_rollback(ROLLBACK) == said
    standing = find_standing(replace(SERVICE, decision=ROLLBACK.decision), CHAMPION, [ROLLBACK])
    command = "`mlops run release --redeploy-rolled-back` deploys it again."
    assert standing.remark == f"It does not serve the champion: {said} {command}"
    assert standing.shorten_remark(f"rejected: {said}") == f"It does not serve the champion. {command}"
    lifted = find_standing(SERVICE, CHAMPION, [replace(ROLLBACK, lifted="2026-11-27T00:00:00Z")])
    assert lifted.remark == "It does not serve the champion, tiny version 2. Release it with `mlops run release`."


def test_a_rollback_in_qa_keeps_the_champion_out_of_production() -> None:
    in_qa = replace(ROLLBACK, environment="qa", decision=Decision("ann", "too slow", "another run"))
    standing = find_standing(SERVICE, CHAMPION, [in_qa])
    assert standing.remark == (
        "It does not serve the champion, tiny version 2, but tiny version 1. "
        f"{describe_rollback(in_qa)} `mlops run release --redeploy-rolled-back` deploys it again."
    )
    assert standing.shorten_remark(describe_rollback(in_qa)) == (
        "It does not serve the champion, tiny version 2, but tiny version 1. "
        "`mlops run release --redeploy-rolled-back` deploys it again."
    )


def test_a_rollback_of_the_champion_in_qa_is_a_remark_there() -> None:
    """The next release begins in QA, so it is rejected, even while production serves the champion."""
    in_qa = replace(ROLLBACK, environment="qa")
    qa = replace(SERVICE, environment="qa", decision=ROLLBACK.decision)
    production = replace(SERVICE, image="tiny:2", model_version=2)
    standings = find_standings(ReleaseState(CHAMPION, [qa, production], [in_qa], " --platform azure"))
    command = "mlops run release --platform azure --redeploy-rolled-back"
    assert [found.remark for found in standings] == [
        f"It does not serve the champion: {describe_rollback(in_qa)} `{command}` deploys it again.",
        "",
    ]
    later = replace(qa, image="tiny:3", model_version=3, decision=Decision("bob", run_id="a release"))
    assert find_standing(later, CHAMPION, [in_qa]).remark == ""


def test_an_image_that_was_rolled_back_to_another_of_the_same_version_blocks_only_itself() -> None:
    rollback = replace(ROLLBACK, image="tiny:2", restored="tiny:2", restored_version=2, digest="sha256:b")
    rollback = replace(rollback, restored_digest="sha256:a")
    service = replace(SERVICE, image="tiny:2", model_version=2, digest="sha256:a", decision=ROLLBACK.decision)
    state = ReleaseState(CHAMPION, [service], [rollback], champion_image="sha256:b")
    (standing,) = find_standings(state)
    assert standing.remark == (
        f"It serves an older image of the champion: {describe_rollback(rollback)} "
        "`mlops run release --redeploy-rolled-back` deploys it again."
    )
    assert "tiny version 2 (image sha256:b…) was rolled back to tiny version 2 (image sha256:a…) in" in standing.remark
    for digest in ("", "sha256:c"):  # a new image: the corrected one
        (standing,) = find_standings(replace(state, champion_image=digest))
        assert standing.remark == ""


def test_a_rollback_that_a_later_release_replaced_is_not_the_reason() -> None:
    later = replace(SERVICE, image="tiny:3", model_version=3, decision=Decision("bob", run_id="a release"))
    assert find_standing(later, CHAMPION, [ROLLBACK]).remark.startswith(
        "It does not serve the champion, tiny version 2, but tiny version 3. tiny version 2 was rolled back to"
    )


def test_another_model_in_qa_alone_needs_a_take_over() -> None:
    qa = replace(SERVICE, environment="qa", image="other:1")
    assert find_standings(ReleaseState(CHAMPION, [qa, SERVICE]))[1].remark.endswith(
        "Release it with `mlops run release --take-over`, which replaces other in qa."
    )


def test_another_model_of_the_same_number_is_not_the_champion() -> None:
    service = replace(SERVICE, image="tiny:2", model_version=2, model_identity=CHAMPION.identity)
    assert find_standing(service, CHAMPION, []).serves_champion
    restored = find_standing(replace(service, model_identity="tiny:2:other"), CHAMPION, [])
    assert not restored.serves_champion
    of_other = replace(ROLLBACK, model_identity="tiny:2:other")
    assert find_standing(SERVICE, CHAMPION, [of_other]).remark.endswith("Release it with `mlops run release`.")


def test_a_failed_test_does_not_concern_another_model_of_the_same_number() -> None:
    """A restored registry may give the number to another model."""
    for identity, failed in (("tiny:2:other", False), (CHAMPION.identity, True), ("", True)):
        service = replace(SERVICE, failed=(FailedTest("tiny:2", identity),))
        assert ("which failed its test" in find_standing(service, CHAMPION, []).remark) == failed


def test_a_champion_that_failed_in_qa_is_not_called_unreleased() -> None:
    qa = replace(
        SERVICE, environment="qa", image="tiny:2", model_version=2, tested="failed", failed=(FailedTest("tiny:2"),)
    )
    state = ReleaseState(CHAMPION, [qa, SERVICE], command_options=" --platform azure")
    assert [found.remark for found in find_standings(state)] == [
        "",
        f"It does not serve the champion, tiny version 2, which failed its test in qa. {AGAIN}",
    ]


def test_after_a_take_over_an_old_rollback_is_not_the_reason() -> None:
    other = replace(SERVICE, image="other:1", decision=Decision("bob", run_id="a release"))
    assert find_standing(other, CHAMPION, [ROLLBACK]).remark == (
        "It does not serve the champion, tiny version 2, but a different model, other. "
        f"{describe_rollback(ROLLBACK)} `mlops run release --take-over --redeploy-rolled-back` deploys it again."
    )
    back_to_other = replace(ROLLBACK, restored="other:1")
    standing = find_standing(replace(other, decision=ROLLBACK.decision), CHAMPION, [back_to_other])
    assert standing.remark.startswith(f"It does not serve the champion: {describe_rollback(back_to_other)} `mlops run")


def test_a_failed_service_needs_no_training_while_the_champion_cannot_be_read() -> None:
    """A training would be refused; the status names the problem of the champion."""
    failed = replace(SERVICE, tested="failed", health="stopped")
    (standing,) = find_standings(ReleaseState(None, [failed], champion_problem="The champion was deleted."))
    assert standing.remark == "It failed its test and was stopped."


def test_what_a_rollback_put_back_is_told_from_what_was_released() -> None:
    assert find_standing(replace(SERVICE, decision=ROLLBACK.decision), CHAMPION, [ROLLBACK]).restored_by == ROLLBACK
    for decision in (Decision(), Decision("ann", "too slow", "a release")):
        assert not find_standing(replace(SERVICE, decision=decision), CHAMPION, [ROLLBACK]).restored_by
    without_record = replace(ROLLBACK, decision=Decision())
    assert not find_standing(SERVICE, CHAMPION, [without_record]).restored_by


def test_a_rollback_without_a_reason_says_so() -> None:
    assert describe_rollback(replace(ROLLBACK, decision=Decision())).endswith("UTC (no reason was given).")


def test_a_version_that_was_promoted_over_the_gate_is_marked_when_it_is_rolled_back() -> None:
    mark = "gate overruled by alice: ticket 42"
    marked = replace(ROLLBACK, override=mark)
    assert describe_rollback(marked).startswith("tiny version 2 (gate overruled) was rolled back to tiny version 1 in")
