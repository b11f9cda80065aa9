"""The standing of an environment: its service, since when and by whose decision, and whether it is the champion."""

from collections.abc import Iterable
from dataclasses import dataclass

from mlops.platform.models import ModelVersion
from mlops.platform.services import ENVIRONMENTS, Rollback, Service


@dataclass(frozen=True)
class Standing:
    """The standing of an environment.

    Parameters
    ----------
    service : Service
        The deployed service, with the time and the decision.
    champion : ModelVersion or None
        The champion of the project's model; None before the first promotion.
    rollback : Rollback or None
        The rollback that keeps the champion from serving here; None if there is none.
    command_options : str
        The option that a command needs for the platform: " --platform azure", or empty.
    override : str
        The person who promoted its model although the gate rejected it, and why; empty if the gate decided.
    restored : bool
        Whether a rollback restored it, not a release.
    """

    service: Service
    champion: ModelVersion | None = None
    rollback: Rollback | None = None
    command_options: str = ""
    override: str = ""
    restored: bool = False

    @property
    def model(self) -> str:
        """The deployed model and version, with a mark if it was promoted over the gate."""
        return self.service.model + (f" ({self.override})" if self.override else "")

    @property
    def serves_champion(self) -> bool:
        """True if the champion is deployed here."""
        champion, service = self.champion, self.service
        return champion is not None and (champion.name, champion.version) == (service.model_name, service.model_version)

    @property
    def remark(self) -> str:
        """The problems of the environment, in a sentence or two; empty if there are none.

        Only the last environment is meant to serve the champion. The others test new models.
        """
        if self.service.environment != ENVIRONMENTS[-1] or self.service.problem:
            return ""
        if self.service.tested == "failed" and self.service.health != "stopped":
            return f"It failed its test and still serves. Run `mlops rollback{self.command_options}`."
        if self.champion is None or self.serves_champion:
            return ""
        return f"It does not serve the champion{self._explain(self.champion)}"

    def _explain(self, champion: ModelVersion) -> str:
        if self.rollback:
            return f": {describe_rollback(self.rollback)}"
        named = f", {champion.name} version {champion.version}"
        if champion.name != self.service.model_name:
            return f"{named}, but another model, {self.service.model_name}."
        return f"{named}. Release it with `mlops run release{self.command_options}`."


def find_standing(
    service: Service, champion: ModelVersion | None, rollbacks: Iterable[Rollback], command_options: str = ""
) -> Standing:
    """Return the standing of an environment.

    Parameters
    ----------
    service : Service
        Its deployed service.
    champion : ModelVersion or None
        The champion of the project's model.
    rollbacks : iterable of Rollback
        The rollbacks of all environments, newest first.
    command_options : str
        See `Standing`.
    """
    image = f"{champion.name}:{champion.version}" if champion else ""
    own = [rollback for rollback in rollbacks if rollback.environment == service.environment]
    found = next((rollback for rollback in own if rollback.image == image and not rollback.lifted), None)
    restored = bool(service.decision.run_id) and any(
        rollback.decision.run_id == service.decision.run_id for rollback in own
    )
    return Standing(service, champion, found, command_options, restored=restored)


def describe_rollback(rollback: Rollback) -> str:
    """Describe a rollback: the model, the user, the time and the reason."""
    by = f" by {rollback.decision.by}" if rollback.decision.by else ""
    reason = rollback.decision.reason or "no reason was given"
    at = rollback.at.replace("T", " ").removesuffix("Z")
    return f"{rollback.model} was rolled back in {rollback.environment} on {at} UTC{by} ({reason})."
