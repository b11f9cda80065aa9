"""The loading of a problem by the name of its package."""

import importlib
import os
import traceback
from importlib.util import find_spec

from mlops.errors import MlopsError, ProblemError, quote_cause
from mlops.problem.declared import Problem

ATTRIBUTE = "problem"


def load(name: str) -> Problem:
    """Return the problem that a package declares.

    Parameters
    ----------
    name : str
        The name of the package, such as "churn". Its attribute ``problem`` is the problem.

    Raises
    ------
    ProblemError
        If the package does not exist, cannot be imported, or declares no problem.
    """
    if not name.isidentifier():
        raise ProblemError(
            f"parameters/base.yml sets `problem` to {name!r}, which is not the name of a package. Write the name of a "
            "package in src/."
        )
    try:
        module = importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name == name:
            raise ProblemError(
                f"`problem` in parameters/base.yml is {name!r}, but there is no such package. Create src/{name}/, "
                "or set another package there."
            ) from None
        raise _explain_failure(name, error, "Correct this line, or install the module.") from error
    except MlopsError:
        raise
    except (Exception, SystemExit) as error:  # the package is the user's, so importing it can raise any error
        raise _explain_failure(name, error, "Correct this line.") from error
    found = getattr(module, ATTRIBUTE, None)
    if not isinstance(found, Problem):
        raise ProblemError(
            f"The package {name!r} declares no problem: {module.__file__} must set `{ATTRIBUTE}` to an instance of a "
            "class derived from mlops.problem.Problem."
        )
    return found


def _explain_failure(name: str, error: BaseException, advice: str) -> ProblemError:
    if isinstance(error, SyntaxError):
        place, cause = f"{error.filename}, line {error.lineno}", error.msg
    else:
        place, cause = _find_line(name, error), f"{type(error).__name__}: {quote_cause(error)}"
    return ProblemError(f"Could not import the problem {name!r}. {place}: {cause.rstrip('.')}. {advice}")


def _find_line(name: str, error: BaseException) -> str:
    """Return the file and line of the traceback's last frame in the package, or the package's path if there is none."""
    spec = find_spec(name)
    places = (spec and spec.submodule_search_locations) or [str(spec and spec.origin)]
    frames = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if any(frame.filename == place or frame.filename.startswith(f"{place}{os.sep}") for place in places)
    ]
    return f"{frames[-1].filename}, line {frames[-1].lineno}" if frames else places[0]
