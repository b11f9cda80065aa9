"""Errors for deployments that are not allowed, and for rollbacks that have no deployment to restore."""

from mlops.errors import DeploymentError, DeploymentNotFoundError, RolledBackError
from mlops.platform.images import Image
from mlops.platform.services import ENVIRONMENTS, Permissions, previous_environment
from mlops.release.history import Deployment, Deployments
from mlops.release.host import Host, State
from mlops.release.next_release import describe_rollback, name_image


def require_passed(host: Host[State], environment: str, image: Image) -> None:
    """Raise an error if the image has not passed its test in the previous environment."""
    before = previous_environment(environment)
    if before and image.digest not in host.look(before).read().passed:
        raise DeploymentError(
            f"{image.name} ({image.digest}) has not passed its test in {before}, and {environment} accepts only "
            f"images that passed it. Test the image with `mlops run release{name_image(image.digest)}"
            f"{host.command_options}`."
        )


def require_kept_everywhere(host: Host[State], environment: str, image: Image, allowed: Permissions) -> None:
    """Raise an error if the image, or its model version, was rolled back in `environment` or a later environment."""
    for place in ENVIRONMENTS[ENVIRONMENTS.index(environment) :]:
        require_kept(host.look(place).read(), image, allowed)


def require_kept(state: Deployments, image: Image, allowed: Permissions) -> None:
    """Raise an error if `state` contains a rollback of the image or of its model version."""
    rollback = None if allowed.redeploy else state.find_rollback(image)
    if rollback:
        said = describe_rollback(rollback)
        raise RolledBackError(f"{said} {rollback.model} is deployed again only with `--redeploy-rolled-back`.")


def require_owner(environment: str, state: Deployments, image: Image, allowed: Permissions) -> None:
    """Raise an error if the image would replace the service of a different model."""
    if state.owner not in ("", image.model_name) and not allowed.take_over:
        raise DeploymentError(explain_owner(environment, state.owner, image.model_name))


def explain_owner(environment: str, owner: str, model_name: str) -> str:
    """Return a message that says that the environment serves another model, and how to replace it."""
    return (
        f"{environment} serves the model {owner}, and this run would deploy the model {model_name}. "
        f"Add `--take-over` to replace {owner}."
    )


def choose_previous(
    environment: str, state: Deployments, take_over: bool, command_options: str
) -> tuple[Deployment, Deployment]:
    """Return the current deployment, which a rollback ends, and the earlier deployment that the rollback restores."""
    previous, other = state.find_previous(same_model=not take_over), state.find_previous()
    if state.current and previous:
        return state.current, previous
    if state.current and other:
        raise DeploymentError(
            f"{environment} serves the model {state.owner}, but its previous image belongs to another model, "
            f"{other.model}. Add `--take-over` to restore it."
        )
    stop = f", or stop the services with `mlops stop{command_options}`" if state.current else ""
    raise DeploymentNotFoundError(
        f"{explain_no_previous(environment)} "
        f"Train and release another model with `mlops run all{command_options}`{stop}."
    )


def explain_no_previous(environment: str) -> str:
    """Return a sentence that says why an environment cannot be rolled back."""
    return f"{environment} has no earlier image that passed its test, so there is nothing to roll back to."
