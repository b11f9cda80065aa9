"""The overview for stakeholders: the service of each environment, why it was deployed, and its prediction error."""

from contextlib import suppress
from dataclasses import replace

from mlops.errors import MlopsError
from mlops.operations.opening import OpenProject
from mlops.operations.status import Status, read_status
from mlops.platform.datasets import DatasetVersion
from mlops.platform.models import ModelVersion
from mlops.platform.services import ENVIRONMENTS, FAILED_TEST, UNFINISHED_TEST
from mlops.portal.environments import Environment, Overview
from mlops.portal.index import write_index
from mlops.problem import Metric
from mlops.record.clock import now
from mlops.record.summary import OVERRULED
from mlops.release.next_release import describe_rollback
from mlops.release.standing import Standing


def read_overview(opened: OpenProject) -> Overview:
    """Read the environments and their services from the platform, and return their overview, production first."""
    try:
        found = read_status(opened.override())  # an override may name another model
        standings = {standing.service.environment: standing for standing in found.standings}
        environments = tuple(
            _describe(found, standings[name], opened.problem.metrics[0]) if name in standings else Environment(name)
            for name in (reversed(ENVIRONMENTS) if standings else ())
        )
    except (MlopsError, OSError) as error:
        return Overview(problems=(str(error),), at=now())
    dataset, problem = _find_newest_dataset(opened)
    name, url = (f"{dataset.name} version {dataset.version}", dataset.url) if dataset else ("", "")
    return Overview(environments, tuple(filter(None, [found.champion_problem, problem])), now(), name, url)


def _find_newest_dataset(opened: OpenProject) -> tuple[DatasetVersion | None, str]:
    try:
        return opened.backend.datasets.find_newest(), ""
    except (MlopsError, OSError) as error:
        return None, str(error)


def refresh_index(opened: OpenProject) -> None:
    """Rewrite the index page of all runs if the page exists."""
    if (opened.workspace.outputs / "index.html").is_file():
        with suppress(OSError):  # an outdated page is not an error, because the change itself was made
            write_index(opened.workspace.outputs, read_overview(opened))


def _describe(status: Status, standing: Standing, metric: Metric) -> Environment:
    service = standing.service
    if service.problem:
        return Environment(service.environment, "", service.health, is_champion=None, remark=service.problem)
    shown = Environment(
        service.environment,
        service.full_model if _is_first_with_override(status, standing) else service.model,
        service.health,
        service.deployed,
        is_champion=standing.serves_champion,
        remark=standing.remark,
        url=service.address,
        condition=service.condition,
    )
    version = status.versions.get(service.environment)
    if version is None:
        problem = status.unread.get(service.environment, "")
        return replace(shown, remark=f"{standing.remark} {problem}".strip(), decision=_find_decision(status, standing))
    decision = _find_decision(status, standing, version)
    try:
        measured = metric.show(float(version.tags[metric.name]))
    except KeyError:
        measured = ""
    except ValueError:
        remark = f"The tag {metric.name} of {version.title} is {version.tags[metric.name]!r}, which is not a number."
        return replace(shown, remark=f"{standing.remark} {remark}".strip(), decision=decision)
    return replace(shown, decision=decision, error=measured, error_name=metric.title)


def _is_first_with_override(status: Status, standing: Standing) -> bool:
    override = standing.service.override
    return next(found for found in reversed(status.standings) if found.service.override == override) == standing


def _find_decision(status: Status, standing: Standing, version: ModelVersion | None = None) -> str:
    made, undone = standing.service.decision, standing.restored_by
    by = f" by {made.by}" if made.by else ""
    if undone and describe_rollback(undone) in standing.remark:
        return f"rollback{by}"  # the remark names the version and the reason
    if undone:
        return f"rollback of {undone.model}{by} ({made.reason or 'no reason was given'})"
    why = f" ({made.reason})" if made.reason else ""
    promoted = "" if version is None else OVERRULED if version.override else "promoted by the gate"
    if made.reason.endswith((FAILED_TEST, UNFINISHED_TEST)):
        restored = f"restored after {made.reason}{f' (deployed{by})' if by else ''}"
        return f"{promoted}, {restored}" if promoted else restored
    although = status.find_redeployment(standing)
    deployed = f"deployed{' again' if although else ''}{by}{why}" if by or why or although else ""
    return ", ".join(said for said in (promoted, deployed, although) if said)
