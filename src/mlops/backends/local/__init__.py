"""The platform on one machine: MLflow with SQLite, and images, data, keys and records as files in MLOPS_HOME.

.. code-block:: text

    store/          MLflow's database: the file, its schema, the client, and explanations of failures
    tracking        trainings as MLflow runs
    registry        versions of models in MLflow's registry
    champions       a record of each champion outside of MLflow's database
    images          scoring images in a folder, found by digest
    environments/   the virtual environments (installed packages) of the services
    services/       the services of qa and production, one server each, and the rows that they collect
    secrets         secrets in environment variables, and keys in private files
    datasets        data files, stored by hash, and the catalogue of versions
    pipelines       the published pipeline, and the runs submitted to it
    background      starts and stops the processes of submitted runs
    infrastructure  creation and deletion of MLOPS_HOME
    settings        the section `local` of parameters/local.yml
    tracking_page   MLflow's web page
    upgrades        upgrades the state that an older version of the engine created
    leftovers       images, service folders and staged files that are no longer needed
"""

from functools import partial

from mlops.backends.local.datasets import LocalDatasets
from mlops.backends.local.environments.environments import LocalEnvironments
from mlops.backends.local.images import LocalImages
from mlops.backends.local.infrastructure import LocalInfrastructure
from mlops.backends.local.leftovers import LocalLeftovers
from mlops.backends.local.pipelines import LocalPipelines
from mlops.backends.local.registry import LocalRegistry
from mlops.backends.local.secrets import LocalSecrets
from mlops.backends.local.services.collections import LocalCollections
from mlops.backends.local.services.host import LocalHost
from mlops.backends.local.settings import read_settings
from mlops.backends.local.store.mlflow_store import MlflowStore
from mlops.backends.local.tracking import LocalTracker
from mlops.backends.local.tracking_page import LocalTrackingPage
from mlops.backends.local.upgrades import LocalUpgrades
from mlops.parameters.layers import load_problem
from mlops.platform.backend import Backend, Caller
from mlops.release.policy import Releases


def open_backend(caller: Caller) -> Backend:
    """Return the local platform, without creating any files.

    Raises
    ------
    ParameterError, UsageError
        If the section ``local`` of ``parameters/local.yml`` is wrong.
    """
    workspace = caller.workspace
    datasets = LocalDatasets(workspace.home, caller.command_options, partial(load_problem, workspace))
    store = MlflowStore(workspace.home)
    images = LocalImages(workspace.home)
    secrets = LocalSecrets(workspace.home)
    settings = read_settings(workspace)
    environments = LocalEnvironments(settings.find_environments(workspace))
    collections = LocalCollections(workspace.home, settings, secrets)
    host = LocalHost(workspace.home, settings, images, secrets, environments, collections, caller.command_options)
    services = Releases(host, images.get_image)
    registry = LocalRegistry(store, caller.command_options)
    pipelines = LocalPipelines(workspace, datasets, caller.command, caller.command_options)
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
        upgrades=LocalUpgrades(workspace.home, datasets),
        environments=environments,
        processes=host,
        logs=host,
        collections=collections,
        leftovers=LocalLeftovers(workspace.home, host, images, registry, datasets, pipelines, environments),
        tracking_page=LocalTrackingPage(workspace.project, store),
    )
