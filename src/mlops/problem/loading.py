"""Loading of a problem by the name of its package."""

import importlib

from mlops.errors import MlopsError, ProblemError, quote_cause
from mlops.problem.declared import Problem

ATTRIBUTE = "problem"


def load(name: str) -> Problem:
    """Return the problem that a package declares.

    Parameters
    ----------
    name : str
        The name of the package: "churn". The package has an attribute ``problem``.

    Raises
    ------
    ProblemError
        If there is no such package, or if the package cannot be imported or declares no problem.
    """
    if not name.isidentifier():
        raise ProblemError(
            f"The problem is set to {name!r}, which is not the name of a package. Correct `problem` in "
            "parameters/base.yml."
        )
    try:
        module = importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name == name:
            raise ProblemError(
                f"There is no package {name!r} to declare the problem. Create src/{name}/, or set `problem` in "
                "parameters/base.yml."
            ) from None
        raise ProblemError(f"Could not import the problem {name!r}: {quote_cause(error)}.") from error
    except MlopsError:
        raise
    except (ImportError, SyntaxError, TypeError, ValueError, NameError, AttributeError) as error:
        raise ProblemError(f"Could not import the problem {name!r}: {quote_cause(error)}.") from error
    except (Exception, SystemExit) as error:  # the package is the user's, so importing it can raise any error
        cause = f"{type(error).__name__}: {quote_cause(error)}"  # the message of a KeyError is only the key
        raise ProblemError(f"Could not import the problem {name!r}: {cause}.") from error
    found = getattr(module, ATTRIBUTE, None)
    if not isinstance(found, Problem):
        raise ProblemError(
            f"The package {name!r} declares no problem: {module.__file__} must set `{ATTRIBUTE}` to an instance of a "
            "class derived from mlops.problem.Problem."
        )
    return found
