"""Services: QA on Container Instances, production on Kubernetes Service."""

from mlops.backends.azure.session import AzureSession


class AzureServices:
    """Services: QA on Container Instances, production on Kubernetes Service."""

    def __init__(self, session: AzureSession) -> None:
        self._session = session
