"""The command line as a user calls it, with a state of its own."""

import contextlib
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from click.testing import CliRunner

from mlops.cli import main
from mlops.workspace import Workspace

PROJECT = Path(__file__).resolve().parents[2]
MLOPS = Path(sys.executable).with_name("mlops")


@dataclass(frozen=True)
class CommandLine:
    """The `mlops` command with its own MLOPS_HOME and outputs."""

    workspace: Workspace

    @property
    def environ(self) -> dict[str, str]:
        """The environment variables of the command."""
        return {**os.environ, **self._own}

    @property
    def _own(self) -> dict[str, str]:
        return {"MLOPS_HOME": str(self.workspace.home), "MLOPS_OUTPUTS": str(self.workspace.outputs)}

    def __call__(self, *words: str, **options: str) -> "subprocess.CompletedProcess[str]":
        """Run a command in the folder of the project, and wait until it ends."""
        environ = {**self.environ, **options}
        command, place = [str(MLOPS), *words], self.workspace.project
        return subprocess.run(command, cwd=place, env=environ, capture_output=True, text=True, timeout=300, check=False)

    def invoke(self, *words: str, **options: str) -> "subprocess.CompletedProcess[str]":
        """Run a command in this process, which takes a tenth of the time, and return its output and exit code."""
        with contextlib.chdir(self.workspace.project):
            ran = CliRunner(env={**self._own, **options}).invoke(main, words, prog_name="mlops")
        if ran.exception and not isinstance(ran.exception, SystemExit):
            raise ran.exception
        return subprocess.CompletedProcess(words, ran.exit_code, ran.stdout, ran.stderr)

    def start(self, *words: str) -> "subprocess.Popen[str]":
        """Start a command without waiting for it."""
        return subprocess.Popen(
            [str(MLOPS), *words],
            cwd=self.workspace.project,
            env=self.environ,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
