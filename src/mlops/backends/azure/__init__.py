"""The platform Azure Machine Learning, by azureml-sdk v1: the only room that imports an Azure package.

Importing this module imports none: the parts import what they need when they are first asked for something.

.. code-block:: text

    connection      who we are, what we ask, what refusals mean
    models          trainings and versions
    images          the Container Registry
    services        Container Instances and Kubernetes
    pipelines       published pipelines and their schedules
    submitted       runs of the published pipeline, and their jobs
    infrastructure  the ARM template, deletion, billing
    datasets        versions of the data set
    arrivals        new data in a watched folder
    secrets         Key Vault, and keys of services
    telemetry       runs in Application Insights
"""

import importlib.util

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
from mlops.backends.azure.services.services import AzureServices
from mlops.backends.azure.submitted.job import AzureJobs
from mlops.backends.azure.telemetry import AzureTelemetry
from mlops.errors import UsageError
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
    """Open the platform; nothing is asked of Azure before it is needed.

    Raises
    ------
    UsageError
        If its packages are not installed.
    ParameterError
        If ``parameters/azure.yml`` is wrong.
    """
    require_packages()
    adopt_compute_identity()  # before this process, or a notebook that it starts, makes a credential
    session = AzureSession(read_settings(caller.workspace), caller.workspace)
    images = AzureImages(session)
    services = AzureServices(session, images)
    datasets = AzureDatasets(session)
    pipelines = AzurePipelines(session)
    return Backend(
        name="azure",
        tracker=AzureTracker(session),
        registry=AzureRegistry(session),
        images=images,
        services=services,
        secrets=AzureSecrets(session),
        datasets=datasets,
        infrastructure=AzureInfrastructure(session, services),
        pipelines=pipelines,
        triggers=pipelines,
        arrivals=AzureArrivals(session, datasets),
        jobs=AzureJobs(session),
        billing=AzureBilling(session.settings),
        telemetry=AzureTelemetry(session),
    )


def require_packages() -> None:
    """Check that the packages are there, without importing them.

    Raises
    ------
    UsageError
        Naming those that are missing, and how to install them.
    """
    missing = [name for name in NEEDED if not _is_installed(name)]
    if missing:
        raise UsageError(
            f"the platform azure needs {', '.join(missing)}: `pip install 'notebook-mlops[azure]'`, "
            "in a checkout `make setup`; the local platform needs none of them"
        )


def _is_installed(name: str) -> bool:
    try:
        return importlib.util.find_spec(name) is not None
    except ModuleNotFoundError:  # the package that it is in
        return False
