"""The errors that the engine raises, as a tree.

.. code-block:: text

    MlopsError
    ├── UsageError
    │   ├── ParameterError
    │   ├── FormatError
    │   ├── ProblemError
    │   └── ExtraMissingError
    ├── DataTestFailed
    ├── HandoffError
    ├── IntegrityError
    ├── ConflictError
    ├── NotFoundError
    │   ├── RunNotFoundError
    │   ├── StepNotFoundError
    │   ├── TrainingNotFoundError
    │   ├── ModelNotFoundError
    │   ├── ImageNotFoundError
    │   ├── DeploymentNotFoundError
    │   ├── DatasetNotFoundError
    │   ├── SecretNotFoundError
    │   ├── PipelineNotFoundError
    │   ├── ComputeNotFoundError
    │   └── WorkspaceNotFoundError
    ├── PlatformError
    │   └── LostLockError
    ├── ClusterError
    ├── DeploymentError
    │   ├── RolledBackError
    │   ├── ServiceUntestedError
    │   └── ServiceTestFailed
    └── StepFailed

`RunInterrupted` is not in this tree. It is a `KeyboardInterrupt`, so `except Exception` does not catch it.

Every message says which value is wrong, where it came from, and how to fix it.
"""


def quote_cause(error: BaseException) -> str:
    """Return the message of an error as one line without a final full stop, so that another message can quote it."""
    return " ".join(str(error).split()).rstrip(".")


class MlopsError(Exception):
    """Base class of all errors that the engine raises deliberately."""


class UsageError(MlopsError):
    """The command line or a parameters file requests something impossible (exit code 2)."""


class ParameterError(UsageError):
    """A parameter is unknown, has the wrong type, or is out of range."""


class FormatError(UsageError):
    """The stored state is too new for this version of `mlops`, or so old that it must be upgraded first."""


class ProblemError(UsageError):
    """The problem's declaration is missing, contradicts itself, or does not match the code, the data or a model."""


class ExtraMissingError(UsageError):
    """The packages of an optional extra are not installed.

    Parameters
    ----------
    what : str
        The feature that needs the packages, as the subject of the message.
    extra : str
        The name of the extra in ``pyproject.toml`` that installs the packages.
    missing : str
        The missing packages or modules. The message names the first one.
    """

    def __init__(self, what: str, extra: str, *missing: str) -> None:
        others = f" and {len(missing) - 1} more" if missing[1:] else ""
        super().__init__(
            f"{what} needs packages that are not installed: {missing[0]}{others}. "
            f"Run `make setup EXTRAS={extra}`, or without a checkout `pip install 'notebook-mlops[{extra}]'`."
        )


class DataTestFailed(MlopsError):
    """The data file violates its schema or has drifted from the reference profile."""


class HandoffError(MlopsError):
    """The results of a notebook are missing, or a value cannot be passed on to later notebooks."""


class IntegrityError(MlopsError):
    """A file has changed since its hash was recorded, or is damaged."""


class ConflictError(MlopsError):
    """Another run changed the champion or the state of an environment after this run had read it."""


class NotFoundError(MlopsError):
    """Base class of errors about something that does not exist. A command that raises it exits with code 2."""


class RunNotFoundError(NotFoundError):
    """The run does not exist, or has not stored any results yet."""


class StepNotFoundError(NotFoundError):
    """The run has no such step, or has not started this step."""


class TrainingNotFoundError(NotFoundError):
    """The training does not exist, or its files were deleted."""


class ModelNotFoundError(NotFoundError):
    """The model has no such version, or no champion yet."""


class ImageNotFoundError(NotFoundError):
    """The image does not exist, or no image has been created for the model."""


class DeploymentNotFoundError(NotFoundError):
    """No image is deployed in the environment, or the environment has no earlier image that passed its test."""


class DatasetNotFoundError(NotFoundError):
    """The data set has no such version, or no new data has arrived."""


class SecretNotFoundError(NotFoundError):
    """The secret is not set."""


class PipelineNotFoundError(NotFoundError):
    """The pipeline has not been published."""


class ComputeNotFoundError(NotFoundError):
    """The workspace has no such compute target."""


class WorkspaceNotFoundError(NotFoundError):
    """The platform has no such workspace."""


class PlatformError(MlopsError):
    """The platform refused the request or stayed unreachable after all retries."""


class LostLockError(PlatformError):
    """A lock could not be renewed.

    Another process may hold the lock now, so do not change the state that the lock protects.
    """


class ClusterError(MlopsError):
    """A Dask cluster lost its scheduler or too many workers, or one of its workers failed."""


class DeploymentError(MlopsError):
    """A service did not start, or an image is not allowed in an environment."""


class RolledBackError(DeploymentError):
    """A model version was rolled back, so it is not deployed again unless a person requests it explicitly."""


class ServiceUntestedError(DeploymentError):
    """A service could not be tested, for example because this machine cannot reach it.

    The service may still be healthy.
    """


class ServiceTestFailed(DeploymentError):
    """A deployed service failed its test: its answers are wrong, or it does not answer."""


class StepFailed(MlopsError):
    """A notebook failed.

    Parameters
    ----------
    message : str
        A description of the error, with the cell in which it happened.
    kind : str
        The name of the exception class, such as "ConflictError", if a cell raised an exception. Empty otherwise, for
        example if the kernel died.
    cell : str
        The first line of the failed cell. Empty if no cell ran.
    line : int
        The number of the failing line in the cell, counted from 1. 0 if it is unknown.
    """

    def __init__(self, message: str, kind: str = "", cell: str = "", line: int = 0) -> None:
        super().__init__(message)
        self.kind = kind
        self.cell = cell
        self.line = line


class RunInterrupted(KeyboardInterrupt):
    """Ctrl-C or a termination signal ended a recorded run.

    Parameters
    ----------
    run_id : str
        The id of the run.
    problem : str
        A message about a service that may still be running although it has not passed its test. Empty if there is no
        such service.
    resumable : bool
        Whether the user should resume the run. False if the model of the run failed its test.
    """

    def __init__(self, run_id: str, problem: str = "", resumable: bool = True) -> None:
        super().__init__(run_id)
        self.run_id = run_id
        self.problem = problem
        self.resumable = resumable
