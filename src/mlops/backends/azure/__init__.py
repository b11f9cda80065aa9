"""The platform Azure Machine Learning, implemented with azureml-sdk v1.

This package can be imported even if the Python packages for Azure are not installed.

.. code-block:: text

    connection      the identity, requests to Azure, and explanations of refused requests
    models          trainings, and versions of models
    images          scoring images in the Container Registry
    services        services on Container Instances and Kubernetes
    pipelines       the published pipeline and its schedules
    submitted       runs of the published pipeline, and their steps
    infrastructure  set-up and deletion of the resources on Azure, and their billable quantities
    datasets        versions of the data set
    arrivals        new data in a watched folder
    secrets         secrets in Key Vault, and the keys of services
    telemetry       sends reports of runs to Application Insights
"""

import atexit
import importlib.util
import logging

from mlops.backends.azure.arrivals import AzureArrivals
from mlops.backends.azure.connection.identity import adopt_compute_identity
from mlops.backends.azure.connection.session import AzureSession
from mlops.backends.azure.connection.settings import read_settings
from mlops.backends.azure.datasets import AzureDatasets
from mlops.backends.azure.images.images import AzureImages
from mlops.backends.azure.infrastructure.billing import AzureBilling
from mlops.backends.azure.infrastructure.infrastructure import AzureInfrastructure
from mlops.backends.azure.models.registry import AzureRegistry
from mlops.backends.azure.models.tracking import AzureTracker
from mlops.backends.azure.pipelines.pipelines import AzurePipelines
from mlops.backends.azure.secrets import AzureSecrets
from mlops.backends.azure.services.collections import AzureCollections
from mlops.backends.azure.services.logs import AzureLogs
from mlops.backends.azure.services.services import AzureServices
from mlops.backends.azure.submitted.job import AzureJobs
from mlops.backends.azure.telemetry import AzureTelemetry
from mlops.errors import ExtraMissingError
from mlops.platform.backend import Backend, Caller

NEEDED = (
    "azureml.core",
    "azureml.pipeline.core",
    "azure.containerregistry",
    "azure.identity",
    "azure.keyvault.secrets",
    "azure.mgmt.keyvault",
    "azure.mgmt.resource",
    "azure.monitor.opentelemetry.exporter",
    "azure.storage.blob",
    "adlfs",
)


def open_backend(caller: Caller) -> Backend:
    """Return the platform Azure, without sending a request to it.

    Raises
    ------
    ExtraMissingError
        If the Python packages for Azure are not installed.
    ParameterError
        If a setting in ``parameters/azure.yml`` is wrong.
    """
    require_packages()
    adopt_compute_identity()  # before any credential is created
    # Since Python 3.12, no thread can start when a process ends, but the SDK's log handler starts one to send its last
    # reports. logging would print a traceback after each command.
    atexit.register(setattr, logging, "raiseExceptions", False)
    session = AzureSession(read_settings(caller.workspace), caller.workspace)
    images = AzureImages(session)
    datasets, secrets = AzureDatasets(session), AzureSecrets(session)
    collections = AzureCollections(session, secrets)
    services = AzureServices(session, images, collections, caller.command_options)
    pipelines = AzurePipelines(session)
    return Backend(
        name="azure",
        tracker=AzureTracker(session),
        registry=AzureRegistry(session),
        images=images,
        services=services,
        secrets=secrets,
        datasets=datasets,
        infrastructure=AzureInfrastructure(session, services),
        pipelines=pipelines,
        triggers=pipelines,
        arrivals=AzureArrivals(session, datasets),
        jobs=AzureJobs(session),
        billing=AzureBilling(session.settings),
        telemetry=AzureTelemetry(session),
        logs=AzureLogs(session, caller.command_options),
        collections=collections,
    )


def require_packages() -> None:
    """Check that the Python packages for Azure are installed, without importing them.

    Raises
    ------
    ExtraMissingError
        If a package is missing.
    """
    missing = [name for name in NEEDED if not _is_installed(name)]
    if missing:
        raise ExtraMissingError("The platform azure", "azure", *missing)


def _is_installed(name: str) -> bool:
    try:
        return importlib.util.find_spec(name) is not None
    except ModuleNotFoundError:  # its parent package is not installed
        return False
