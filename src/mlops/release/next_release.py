"""The next release of a model version: the command that starts it, and what prevents it."""

from collections.abc import Sequence
from dataclasses import dataclass

from mlops.pipelines import PIPELINES, SERVING_AGAIN
from mlops.platform.models import ModelVersion
from mlops.platform.services import Rollback, Service
from mlops.record.summary import name_rollback


@dataclass(frozen=True)
class ReleaseState:
    """The part of a platform's state that affects the next release: champion, services and rollbacks.

    Parameters
    ----------
    champion : ModelVersion or None
        The champion of the project's model; None before the first promotion, or if it cannot be read.
    services : sequence of Service
        The deployed services.
    rollbacks : sequence of Rollback
        The rollbacks of all environments, newest first.
    command_options : str
        The option that selects the platform, such as " --platform azure", to add to commands. It may be empty.
    champion_problem : str
        The reason why the champion cannot be read; empty if it can be read.
    champion_image : str
        The digest of the champion's image; empty if it is unknown, or if a release creates a new image.
    """

    champion: ModelVersion | None = None
    services: Sequence[Service] = ()
    rollbacks: Sequence[Rollback] = ()
    command_options: str = ""
    champion_problem: str = ""
    champion_image: str = ""


@dataclass(frozen=True)
class NextRelease:
    """A release that `mlops run release` can start: its command, and what prevents it.

    Parameters
    ----------
    version : ModelVersion
        The model version that the release deploys: the champion, or the version in the image that the user names.
    rollback : Rollback or None
        The rollback that blocks the release, or None. If there is one, the release needs `--redeploy-rolled-back`.
    replaces : tuple of Service
        The services of other models that the release would replace. If there are any, the release needs `--take-over`.
    failed_in : str
        The environment in which the version failed its latest test; empty if there is none.
    command_options : str
        The option that selects the platform, such as " --platform azure", to add to commands. It may be empty.
    digest : str
        The digest of the image that the user names; empty for the champion's image.
    """

    version: ModelVersion
    rollback: Rollback | None = None
    replaces: tuple[Service, ...] = ()
    failed_in: str = ""
    command_options: str = ""
    digest: str = ""

    @property
    def permissions(self) -> str:
        """The permissions that the release needs, as options: " --take-over --redeploy-rolled-back", or empty."""
        take_over = " --take-over" if self.replaces else ""
        redeploy = " --redeploy-rolled-back" if self.rollback else ""
        return f"{take_over}{redeploy}"

    @property
    def image_option(self) -> str:
        """The option that names the image: " -p deploy_qa.image_digest=sha256:1", or empty."""
        return name_image(self.digest) if self.digest else ""

    @property
    def command(self) -> str:
        """The command that starts the release, with the options that it needs."""
        return f"mlops run release{self.image_option}{self.command_options}{self.permissions}"

    def advise(self, told: str = "") -> str:
        """Return sentences that say what the user can do and, if it is known, why the champion is not deployed.

        `told` is the text that the user has already seen. A rollback in this text is not described again.
        """
        if self.rollback:
            said = describe_rollback(self.rollback)
            return f"{'' if said in told else f'{said} '}`{self.command}` deploys it again."
        if self.failed_in:
            return f"Train another model, or test this one again with `{self.command}`."
        others = ", which replaces {0.model_name} in {0.environment}".format(*self.replaces) if self.replaces else ""
        return f"Release it with `{self.command}`{others}."


def name_image(digest: str) -> str:
    """Return the option of `mlops run release` that selects an image: " -p deploy_qa.image_digest=sha256:1"."""
    first = next(step for step in PIPELINES[SERVING_AGAIN] if step.deploys.image)
    return f" -p {first.name}.{first.deploys.image}={digest}"


def find_next_release(state: ReleaseState) -> NextRelease | None:
    """Return the next release of the champion, or None if there is no champion."""
    return None if state.champion is None else describe_release(state, state.champion)


def describe_release(state: ReleaseState, version: ModelVersion, digest: str = "") -> NextRelease:
    """Return the release that deploys a model version, with everything that prevents it in any environment.

    If `digest` is not empty, the release deploys the image with this digest.
    """
    image, deployed = f"{version.name}:{version.version}", digest or state.champion_image
    return NextRelease(
        version,
        rollback=next((found for found in state.rollbacks if found.bars(image, version.identity, deployed)), None),
        replaces=tuple(found for found in state.services if found.model_name not in ("", version.name)),
        failed_in=next((found.environment for found in state.services if _has_failed(found, version)), ""),
        command_options=state.command_options,
        digest=digest,
    )


def _has_failed(service: Service, version: ModelVersion) -> bool:
    image = f"{version.name}:{version.version}"
    return any(test.concerns(image, version.identity) for test in service.failed)


def describe_rollback(rollback: Rollback) -> str:
    """Describe a rollback in a sentence: its models, user, time and reason."""
    why = rollback.decision
    models = rollback.model, rollback.restored_model
    said = name_rollback(*models, rollback.environment, why.by, why.reason, verb=" was rolled back", at=rollback.at)
    return f"{said}."
