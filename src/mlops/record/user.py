"""The user who started a run."""

import os
from collections.abc import Mapping

from mlops.record.processes import name_user

# The variables with the name of the user who started a build, because a build runs as a system user.
ON_AGENTS = ("BUILD_REQUESTEDFOR", "GITHUB_ACTOR")  # in Azure Pipelines and in GitHub Actions


def find_user(environ: Mapping[str, str] | None = None) -> str:
    """Return the name of the user who started this process. On a build agent, that is the user who started the build.

    Parameters
    ----------
    environ : mapping, optional
        The environment variables; by default, those of this process.
    """
    environ = os.environ if environ is None else environ
    return next((environ[name] for name in ON_AGENTS if environ.get(name)), "") or name_user()
