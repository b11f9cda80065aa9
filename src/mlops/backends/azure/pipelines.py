"""The retraining pipeline, published in the workspace."""

from mlops.backends.azure.session import AzureSession


class AzurePipelines:
    """The retraining pipeline, published in the workspace."""

    def __init__(self, session: AzureSession) -> None:
        self._session = session
