"""Errors of a service, and their descriptions for a log.

A description has no values, because rows and keys must never reach a log.
"""

import traceback

MOST_FRAMES = 10  # of each error, counted from the place where it was raised


class StartFailed(Exception):
    """The reason why a service cannot start. The message has no value of a row, and says what to do."""


def describe_failure(error: BaseException) -> str:
    """Return the classes of an error and its causes, and the places in their tracebacks, but not their messages.

    Parameters
    ----------
    error : BaseException
        The error. Its message may quote a value of a request.

    Returns
    -------
    str
        One line, such as "KeyError at score.py:12 in run, features.py:3 in join; caused by ...".
    """
    parts, seen = list[str](), set[int]()
    found: BaseException | None = error
    while found is not None and id(found) not in seen:
        seen.add(id(found))
        frames = traceback.extract_tb(found.__traceback__, limit=-MOST_FRAMES)
        places = ", ".join(f"{frame.filename}:{frame.lineno} in {frame.name}" for frame in frames)
        parts.append(type(found).__name__ + (f" at {places}" if places else ""))
        found = found.__cause__ or (None if found.__suppress_context__ else found.__context__)
    return "; caused by ".join(parts)
