"""What a platform must do for the pipelines: the seam between a laptop and a cloud.

Notebooks and the command line get a `Backend` from `mlops.backends.open_backend` and know nothing of the platform
behind it. To add one, make a folder beside ``local/`` whose ``__init__`` has ``open_backend(workspace) -> Backend``,
and run the contract suite in ``tests/backends`` over it.
"""

from dataclasses import dataclass

from mlops.platform.images import Images
from mlops.platform.infrastructure import Infrastructure
from mlops.platform.models import Registry, Tracker
from mlops.platform.pipelines import Pipelines
from mlops.platform.secrets import Secrets
from mlops.platform.services import Services
from mlops.platform.telemetry import Telemetry


@dataclass(frozen=True)
class Backend:
    """A platform: its parts."""

    tracker: Tracker
    registry: Registry
    images: Images
    services: Services
    secrets: Secrets
    pipelines: Pipelines
    infrastructure: Infrastructure
    telemetry: Telemetry
