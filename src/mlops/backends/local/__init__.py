"""The platform of one machine: MLflow on SQLite, bundles in a folder, services as processes, keys in private files.

.. code-block:: text

    store/          MLflow's database: file, schema, client, failures
    tracking        trainings as MLflow runs
    registry        versions of models in MLflow's registry
    champions       notes of the champions, outside of the database
    images          bundles in a folder, by digest
    services        one process per environment
    deployments     the recorded state of an environment
    processes       service processes: start, recognition, end
    secrets         environment variables, and keys in private files
    datasets        files by content, and the catalogue of versions
    pipelines       the published pipeline, and its runs in the background
    background      the processes of these runs, and the record and log of each
    infrastructure  creation and deletion of MLOPS_HOME
    settings        the section `local` of parameters/local.yml
    tracking_page   MLflow's own page
    upgrades        state that an older version created, and its upgrade
    leftovers       images, service folders and staged files that nothing needs any more
"""

from mlops.backends.local.datasets import LocalDatasets
from mlops.backends.local.images import LocalImages
from mlops.backends.local.infrastructure import LocalInfrastructure
from mlops.backends.local.leftovers import LocalLeftovers
from mlops.backends.local.pipelines import LocalPipelines
from mlops.backends.local.registry import LocalRegistry
from mlops.backends.local.secrets import LocalSecrets
from mlops.backends.local.services import LocalHost
from mlops.backends.local.settings import read_settings
from mlops.backends.local.store.mlflow_store import MlflowStore
from mlops.backends.local.tracking import LocalTracker
from mlops.backends.local.tracking_page import LocalTrackingPage
from mlops.backends.local.upgrades import LocalUpgrades
from mlops.platform.backend import Backend, Caller
from mlops.release.policy import Releases


def open_backend(caller: Caller) -> Backend:
    """Open the platform on ``MLOPS_HOME``, whose content is created only when it is needed.

    Raises
    ------
    ParameterError, UsageError
        If the section ``local`` of ``parameters/local.yml`` is wrong.
    """
    workspace = caller.workspace
    datasets = LocalDatasets(workspace.home)
    store = MlflowStore(workspace.home)
    images = LocalImages(workspace.home)
    secrets = LocalSecrets(workspace.home)
    host = LocalHost(workspace.home, read_settings(workspace), images, secrets)
    services = Releases(host, images.get_image)
    registry = LocalRegistry(store)
    pipelines = LocalPipelines(workspace, datasets, caller.command)
    return Backend(
        name="local",
        tracker=LocalTracker(store),
        registry=registry,
        images=images,
        services=services,
        secrets=secrets,
        datasets=datasets,
        pipelines=pipelines,
        infrastructure=LocalInfrastructure(workspace, services),
        upgrades=LocalUpgrades(workspace.home),
        leftovers=LocalLeftovers(workspace.home, host, images, registry, datasets, pipelines),
        tracking_page=LocalTrackingPage(workspace.project, store),
    )
