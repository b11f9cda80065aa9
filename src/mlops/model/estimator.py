"""The file of a fitted estimator in skops' format, which contains no code."""

from pathlib import Path
from typing import Any

import skops.io
from skops.io.exceptions import UntrustedTypesFoundException

from mlops.errors import IntegrityError, ProblemError
from mlops.model.canonical import rewrite_archive
from mlops.problem import Problem


def dump_estimator(problem: Problem, estimator: Any) -> bytes:
    """Return a fitted estimator as the content of a file, and check that it can be loaded again.

    Raises
    ------
    ProblemError
        If the estimator could not be loaded again, for example because it has types that the problem does not trust.
    """
    try:
        content = rewrite_archive(skops.io.dumps(estimator))
        skops.io.loads(content, trusted=list(problem.trusted_types))
    except UntrustedTypesFoundException as error:
        raise ProblemError(
            f"{problem}: the fitted model has types that skops does not trust, so it could not be loaded again. "
            f"Review them, then add them to `trusted_types`: {_list_untrusted(problem, content)}."
        ) from error
    except (AttributeError, ImportError, TypeError, ValueError) as error:
        raise ProblemError(
            f"{problem}: skops cannot save the fitted model and load it again. Build it from scikit-learn's estimators "
            f"and from functions and classes that a module defines at its top level. skops said: {error}"
        ) from error
    return content


def load_estimator(problem: Problem, path: Path) -> Any:
    """Return the fitted estimator in a file, without checking the hash of the file.

    Raises
    ------
    IntegrityError
        If the file contains types that neither skops nor the problem trusts.
    """
    try:
        return skops.io.load(path, trusted=list(problem.trusted_types))
    except UntrustedTypesFoundException as error:
        raise IntegrityError(
            f"{path} was not loaded, because the problem {problem.name!r} does not trust all types in it. Review "
            f"them, then add them to `trusted_types`: {_list_untrusted(problem, path.read_bytes())}."
        ) from error


def _list_untrusted(problem: Problem, content: bytes) -> str:
    found = skops.io.get_untrusted_types(data=content)
    return ", ".join(f'"{name}"' for name in found if name not in problem.trusted_types)
