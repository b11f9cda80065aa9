"""The standing of an environment: its service, problems of the service, and whether it serves the champion."""

from dataclasses import dataclass

from mlops.platform.services import ENVIRONMENTS, Rollback, Service
from mlops.release.next_release import NextRelease, ReleaseState, describe_rollback, find_next_release


@dataclass(frozen=True)
class Standing:
    """The standing of an environment: its service, and how this service compares with the champion.

    Parameters
    ----------
    service : Service
        The deployed service.
    next_release : NextRelease or None
        The next release of the champion; None if there is no champion.
    restored_by : Rollback or None
        The rollback that restored the service; None if a release deployed the service.
    command_options : str
        The option that selects the platform, such as " --platform azure", to add to commands. It may be empty.
    champion_problem : str
        The reason why the champion cannot be read; empty if it can be read.
    """

    service: Service
    next_release: NextRelease | None = None
    restored_by: Rollback | None = None
    command_options: str = ""
    champion_problem: str = ""

    @property
    def serves_champion(self) -> bool | None:
        """True if the environment serves the champion; None if the champion or the environment cannot be read."""
        service, champion = self.service, self.next_release.version if self.next_release else None
        if service.problem or self.champion_problem:
            return None
        return champion is not None and service.serves(champion)

    @property
    def remark(self) -> str:
        """Sentences about the problems of the environment; empty if there are none."""
        return self.shorten_remark("")

    def shorten_remark(self, told: str) -> str:
        """Return sentences about the environment's problems, except problems that the text `told` already describes."""
        if self.service.problem:
            return ""
        if self.service.original:
            said = self._describe_other_home()
            return "" if said in told else said
        found = []
        if self.service.environment == ENVIRONMENTS[-1]:
            found = [self._describe_failed_test() or self._explain_other_model(told)]
        elif self._own_rollback_blocks:
            found = [self._explain_other_model(told)]
        if not self.service.accepts_keys:
            command = f"mlops keys {self.service.environment} --rotate{self.command_options}"
            found.append(f"It does not accept the stored keys. Run `{command}` to give it new ones.")
        if self.service.changes and self.service.health != "stopped":
            applied = f"Run `mlops run release{self.command_options}` to apply the changes."
            found.append(f"Its settings have changed: {', '.join(self.service.changes)}. {applied}")
        return " ".join(filter(None, found))

    @property
    def _own_rollback_blocks(self) -> bool:
        rollback = self.next_release.rollback if self.next_release else None
        return rollback is not None and rollback == self.restored_by

    def _describe_other_home(self) -> str:
        said, following = f"It was started in {self.service.original}, not in this MLOPS_HOME.", self.next_release
        if following is None:
            return said
        return f"{said} `{following.command}` deploys the champion, {following.version.title}, here."

    def _describe_failed_test(self) -> str:
        service, following = self.service, self.next_release
        if service.tested != "failed":
            return ""
        failed = f"It failed its test and {'was stopped' if service.health == 'stopped' else 'still serves'}."
        if service.previous and service.health != "stopped":
            return f'{failed} Run `mlops rollback{self.command_options} --reason "it failed its test"`.'
        if following is None:
            if self.champion_problem:
                return failed  # while the champion is unreadable, training another model does not help
            return f"{failed} Train another model with `mlops run retrain{self.command_options}`."
        if self.serves_champion:
            return f"{failed} Train another model, or test this one again with `{following.command}`."
        return f"{failed} `{following.command}` deploys the champion, {following.version.title}."

    def _explain_other_model(self, told: str) -> str:
        service, following = self.service, self.next_release
        if following is None:
            return ""
        if following.rollback and self._own_rollback_blocks:
            said = "It serves an older image of" if self.serves_champion else "It does not serve"
            mark = "." if describe_rollback(following.rollback) in told else ":"
            return f"{said} the champion{mark} {following.advise(told)}"
        if self.serves_champion:
            return ""
        said = f"It does not serve the champion, {following.version.title}"
        if service.model_name != following.version.name:
            advice = following.advise(told) if following.rollback else f"`{following.command}` replaces it."
            return f"{said}, but a different model, {service.model_name}. {advice}"
        # After a registry is restored from a backup, the same version number can belong to another model.
        if service.image == f"{following.version.name}:{following.version.version}":
            return f"{said}, but an older {service.model}, from another training. {following.advise(told)}"
        if following.rollback:
            return f"{said}, but {service.model}. {following.advise(told)}"
        failed = f", which failed its test in {following.failed_in}" if following.failed_in else ""
        return f"{said}{failed}. {following.advise(told)}"


def find_standings(state: ReleaseState) -> list[Standing]:
    """Return the standing of each environment. Environments without a service are left out."""
    following = find_next_release(state)
    return [
        Standing(
            service,
            following,
            next((found for found in state.rollbacks if _has_restored(found, service)), None),
            state.command_options,
            state.champion_problem,
        )
        for service in state.services
    ]


def _has_restored(rollback: Rollback, service: Service) -> bool:
    run = service.decision.run_id
    return rollback.environment == service.environment and run != "" and rollback.decision.run_id == run
