"""The standing of an environment: its service, since when and by whose decision, and whether it is the champion."""

from collections.abc import Iterable
from dataclasses import dataclass

from mlops.platform.models import ModelVersion
from mlops.platform.services import ENVIRONMENTS, Rollback, Service
from mlops.record.summary import name_rollback


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
    restored_by : Rollback or None
        The rollback that restored the service; None if it was released.
    failed_in : str
        The environment in which the champion failed its last test; empty if it did not.
    """

    service: Service
    champion: ModelVersion | None = None
    rollback: Rollback | None = None
    command_options: str = ""
    restored_by: Rollback | None = None
    failed_in: str = ""

    @property
    def serves_champion(self) -> bool:
        """True if the champion is deployed here."""
        champion, service = self.champion, self.service
        return champion is not None and (champion.name, champion.version) == (service.model_name, service.model_version)

    @property
    def remark(self) -> str:
        """The problems of the environment, in a few sentences; empty if there are none.

        Only the last environment is meant to serve the champion. The others test new models.
        """
        if self.service.problem:
            return ""
        found = [] if self.service.environment != ENVIRONMENTS[-1] else [self._judge_test() or self._judge_champion()]
        if not self.service.accepts_keys:
            command = f"mlops keys {self.service.environment} --rotate{self.command_options}"
            found.append(f"It does not accept the stored keys. Run `{command}` to give it new ones.")
        return " ".join(filter(None, found))

    def _judge_test(self) -> str:
        """Say that the service failed its test; empty if it did not."""
        service, options = self.service, self.command_options
        if service.tested != "failed":
            return ""
        again = f"Train another model, or test it again with `mlops run release{options}`."
        if service.health == "stopped":
            return f"It failed its test and was stopped. {again}"
        if service.previous:
            return f"It failed its test and still serves. Run `mlops rollback{options}`."
        return f"It failed its test and still serves. {again}"

    def _judge_champion(self) -> str:
        """Say why the champion does not serve; empty if it does."""
        champion, service = self.champion, self.service
        if champion is None or self.serves_champion:
            return ""
        if self.rollback and (self.rollback == self.restored_by or champion.name == service.model_name):
            return f"It does not serve the champion: {describe_rollback(self.rollback)}"
        said, release = f"It does not serve the champion, {champion.title}", f"mlops run release{self.command_options}"
        if champion.name != service.model_name:
            return f"{said}, but another model, {service.model_name}. `{release} --take-over` replaces that."
        if self.failed_in:
            failed = f"which failed its test in {self.failed_in}"
            return f"{said}, {failed}. Train another model, or test it again with `{release}`."
        return f"{said}. Release it with `{release}`."


def find_standings(
    services: Iterable[Service],
    champion: ModelVersion | None,
    rollbacks: Iterable[Rollback],
    command_options: str = "",
) -> list[Standing]:
    """Return the standing of each environment.

    Parameters
    ----------
    services : iterable of Service
        The deployed services.
    champion : ModelVersion or None
        The champion of the project's model.
    rollbacks : iterable of Rollback
        The rollbacks of all environments, newest first.
    command_options : str
        See `Standing`.
    """
    services, rollbacks = tuple(services), tuple(rollbacks)
    image = f"{champion.name}:{champion.version}" if champion else ""
    failed_in = next((service.environment for service in services if image in service.failed), "")
    return [
        Standing(
            service,
            champion,
            next((found for found in rollbacks if _keeps_out(found, service, image)), None),
            command_options,
            next((found for found in rollbacks if _put_back(found, service)), None),
            failed_in,
        )
        for service in services
    ]


def _keeps_out(rollback: Rollback, service: Service, image: str) -> bool:
    """Return whether an image must not be deployed where a service is, because it was rolled back there."""
    return rollback.environment == service.environment and rollback.image == image and not rollback.lifted


def _put_back(rollback: Rollback, service: Service) -> bool:
    """Return whether a service serves because of a rollback."""
    run = service.decision.run_id
    return rollback.environment == service.environment and run != "" and rollback.decision.run_id == run


def describe_rollback(rollback: Rollback) -> str:
    """Describe a rollback: the models, the user, the time and the reason."""
    why = rollback.decision
    models = rollback.model, rollback.restored_model
    said = name_rollback(*models, rollback.environment, why.by, why.reason, verb=" was rolled back", at=rollback.at)
    return f"{said}."
