"""What can go wrong, as exceptions.

.. code-block:: text

    MlopsError
    ├── UsageError              the command line or a parameters file asks for what cannot be (exit code 2)
    │   ├── ParameterError      a parameter is unknown, of the wrong type, or out of range
    │   └── FormatError         state was written by a newer version, or must be upgraded first
    ├── DataTestFailed          the data file breaks its schema or has drifted from the reference profile
    ├── HandoffError            a notebook's results are missing, or hold what cannot be handed on
    ├── IntegrityError          a file is not what it was when its hash was recorded
    ├── ConflictError           somebody else changed the champion since it was looked at
    ├── NotFoundError           no such model, image or deployment
    ├── PlatformError           the platform refused, or could not be reached, after what retrying can do
    ├── DeploymentError         a service did not start, or may not be deployed there
    │   └── ServiceTestFailed   a deployed service does not answer as its contract says
    └── StepFailed              a notebook ended red

Every message names the value that is wrong, where it came from, and the fix.
"""


class MlopsError(Exception):
    """Base of every error that this platform raises on purpose."""


class UsageError(MlopsError):
    """The command line or a parameters file asks for what cannot be."""


class ParameterError(UsageError):
    """A parameter is unknown, of the wrong type, or out of range."""


class FormatError(UsageError):
    """State was written by a newer version, or must be upgraded first."""


class DataTestFailed(MlopsError):
    """The data file breaks its schema or has drifted from the reference profile."""


class HandoffError(MlopsError):
    """A notebook's results are missing, or hold what cannot be handed on."""


class IntegrityError(MlopsError):
    """A file is not what it was when its hash was recorded."""


class ConflictError(MlopsError):
    """Somebody else changed the champion since it was looked at."""


class NotFoundError(MlopsError):
    """No such model, image or deployment."""


class PlatformError(MlopsError):
    """The platform refused, or could not be reached, after what retrying can do."""


class DeploymentError(MlopsError):
    """A service did not start, or may not be deployed there."""


class ServiceTestFailed(DeploymentError):
    """A deployed service does not answer as its contract says."""


class StepFailed(MlopsError):
    """A notebook ended red."""
