"""What `mlops status` prints."""

from dataclasses import replace

import pytest

from mlops.cli.status import show_status
from mlops.operations.status import Status
from mlops.platform.models import ModelVersion
from mlops.platform.services import Decision, Rollback, Service

CHAMPION = ModelVersion("tiny", 2, "run", {}, {}, champion=True)
IN_QA = Rollback("qa", "tiny:2", 2, "tiny:1", 1, "2026-11-26T03:10:00Z", Decision("ann", "too slow", "run"))


def make_service(environment: str, decision: Decision = IN_QA.decision) -> Service:
    """Return a service of the first version."""
    return Service(environment, "http://there", "sha256:1", "healthy", "tiny:1", 1, IN_QA.at, decision=decision)


def test_a_rollback_that_concerns_both_environments_is_described_once(capsys: pytest.CaptureFixture[str]) -> None:
    show_status(Status(CHAMPION, [make_service("qa"), make_service("production", Decision())], [IN_QA]))
    again = "`mlops run release --redeploy-rolled-back` deploys it again."
    assert capsys.readouterr().out.splitlines() == [
        "Champion:   tiny version 2",
        "qa:         http://there  healthy, tiny version 1",
        "            It does not serve the champion: tiny version 2 was rolled back to tiny version 1 in qa on "
        f"2026-11-26 03:10:00 UTC by ann (too slow). {again}",
        "production: http://there  healthy, tiny version 1",
        f"            It does not serve the champion, tiny version 2, but tiny version 1. {again}",
    ]


def test_an_environment_without_a_service_is_shown_beside_one_that_has_one(capsys: pytest.CaptureFixture[str]) -> None:
    show_status(Status(None, [make_service("qa")]))
    assert capsys.readouterr().out.splitlines()[1:] == [
        "qa:         http://there  healthy, tiny version 1",
        "production: nothing deployed yet",
    ]


def test_a_service_is_shown_with_its_runtime_and_its_workers(capsys: pytest.CaptureFixture[str]) -> None:
    service = replace(make_service("qa"), tested="passed", runtime="onnx", workers=2, restarts=1)
    show_status(Status(None, [service]))
    shown = "healthy, tiny version 1, test passed, runtime: onnx, 2 workers, restarts: 1"
    assert capsys.readouterr().out.splitlines()[1] == f"qa:         http://there  {shown}"


def test_the_command_that_starts_a_stopped_service_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    services = [replace(make_service(name, Decision()), health="stopped") for name in ("qa", "production")]
    show_status(Status(None, services))
    assert capsys.readouterr().out.splitlines()[1:] == [
        "qa:         stopped, tiny version 1",
        "            `mlops start qa` starts it again.",
        "production: stopped, tiny version 1",
        "            `mlops start` starts it again.",
    ]
    show_status(Status(None, [replace(services[0], original="/data/.mlops")]))
    assert "mlops start" not in capsys.readouterr().out


def test_the_command_that_shows_the_log_of_an_unhealthy_service_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    services = [replace(make_service(name, Decision()), health="unhealthy") for name in ("qa", "production")]
    show_status(Status(None, services, command_options=" --platform azure"))
    assert capsys.readouterr().out.splitlines()[2::2] == [
        "            `mlops logs --service qa --platform azure` may say why.",
        "            `mlops logs --platform azure` may say why.",
    ]


def test_the_reason_why_the_champion_does_not_fit_is_shown_with_its_way_out(capsys: pytest.CaptureFixture[str]) -> None:
    show_status(Status(CHAMPION, misfit="tiny version 2 lacks 'x', so it cannot be tested. Promote another."))
    assert capsys.readouterr().out.splitlines()[:2] == [
        "Champion:   tiny version 2",
        "            tiny version 2 lacks 'x', so it cannot be tested. Promote another.",
    ]
