"""The command line as a user calls it, on a state of its own."""

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from mlops.workspace import Workspace

PROJECT = Path(__file__).resolve().parents[2]
MLOPS = Path(sys.executable).with_name("mlops")


@dataclass(frozen=True)
class CommandLine:
    """The `mlops` command on a state of its own."""

    workspace: Workspace

    @property
    def environ(self) -> dict[str, str]:
        """The environment that it runs in."""
        own = {"MLOPS_HOME": str(self.workspace.home), "MLOPS_OUTPUTS": str(self.workspace.outputs)}
        return {**os.environ, **own}

    def __call__(self, *words: str, **options: str) -> "subprocess.CompletedProcess[str]":
        """Run a command to its end, in the project's folder."""
        environ = {**self.environ, **options}
        return subprocess.run(
            [str(MLOPS), *words], cwd=PROJECT, env=environ, capture_output=True, text=True, timeout=300, check=False
        )

    def start(self, *words: str) -> "subprocess.Popen[str]":
        """Start a command and come back at once."""
        return subprocess.Popen(
            [str(MLOPS), *words],
            cwd=PROJECT,
            env=self.environ,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
