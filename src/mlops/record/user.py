"""The user on whose behalf something runs."""

import getpass
import os
from collections.abc import Mapping

ON_AGENTS = ("BUILD_REQUESTEDFOR", "GITHUB_ACTOR")  # Azure Pipelines and GitHub run everything as one user of their own


def find_user(environ: Mapping[str, str] | None = None) -> str:
    """Return the name of the user who started this: on a build agent the one who started the build.

    Parameters
    ----------
    environ : mapping, optional
        The environment; this process's by default.
    """
    environ = os.environ if environ is None else environ
    named = next((environ[name] for name in ON_AGENTS if environ.get(name)), "")
    if named:
        return named
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # in a container the user may have a number and no name
        return f"user {os.getuid()}"
