"""Submitted runs that are really executed: each step is a process with the uploaded sources, as on a compute."""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jwt
from doubles.azure.names import API, COMPUTE_ENVIRON, GROUP, SUBSCRIPTION, WORKSPACE

if TYPE_CHECKING:
    from doubles.azure.azure import Azure

LOG = "user_logs/std_log.txt"
TOKEN_SECONDS = 3600
GRACE_SECONDS = 30  # time for a step to end before it is killed
USE_STRUCTURED = "USE_STRUCTURED_ARGUMENTS"


class Execution:
    """One run: a thread that starts its steps one after the other, each in a new folder, as on a new node."""

    def __init__(self, azure: "Azure", run_id: str, experiment: str, steps: list[dict[str, Any]]) -> None:
        self._azure = azure
        self._run_id = run_id
        self._experiment = experiment
        self._steps = steps
        self._process: subprocess.Popen[bytes] | None = None
        self._canceled = threading.Event()
        self.thread = threading.Thread(target=self._run, name=f"run {run_id}", daemon=True)

    def cancel(self) -> None:
        """End the current step, gracefully at first, and start no other."""
        self._canceled.set()
        process = self._process
        if process and process.poll() is None:
            os.killpg(process.pid, signal.SIGTERM)
            threading.Timer(GRACE_SECONDS, _kill, [process]).start()

        elif not self.thread.is_alive() and self._azure.history.runs[self._run_id]["status"] == "NotStarted":
            self._set(self._run_id, status="Canceled", endTimeUtc=stamp())

    def join(self, seconds: float) -> bool:
        """Wait for the end of the run, and return False if it is still running."""
        if self.thread.ident is not None:
            self.thread.join(seconds)
        return not self.thread.is_alive()

    def _run(self) -> None:
        self._set(self._run_id, status="Running")
        state = "Completed"
        for number, step in enumerate(self._steps):
            if self._canceled.is_set():
                break
            state = self._execute(f"{self._run_id}-{number}", step)
            if state != "Completed":
                break
        self._set(self._run_id, status="Canceled" if self._canceled.is_set() else state, endTimeUtc=stamp())

    def _set(self, run_id: str, **fields: Any) -> None:
        with self._azure.lock:
            self._azure.history.runs[run_id].update(fields)

    def _execute(self, step_id: str, step: dict[str, Any]) -> str:
        """Execute a step, and return the status that it ended with."""
        module = step["module"]
        with self._azure.lock:
            self._azure.history.add_run(
                self._experiment,
                step_id,
                name=module["Name"],
                parentRunId=self._run_id,
                status="Running",
                runType="azureml.StepRun",
                startTimeUtc=stamp(),
                properties={"azureml.runsource": "azureml.StepRun", "ContentSnapshotId": module["StorageId"]},
                tags={"azureml.nodeid": step["node"]["Id"], "azureml.pipeline": self._run_id},
            )
        folder = Path(tempfile.mkdtemp(prefix="azure-node-"))
        try:
            code = self._start(step_id, step, folder)
        finally:
            shutil.rmtree(folder, ignore_errors=True)
        state = "Completed" if code == 0 else "Failed"
        self._set(step_id, status="Canceled" if self._canceled.is_set() and code else state, endTimeUtc=stamp())
        return state

    def _start(self, step_id: str, step: dict[str, Any], folder: Path) -> int:
        self._azure.snapshots.unpack(step["module"]["StorageId"], folder)
        configuration = read_configuration(step)
        command = [sys.executable, configuration["script"], *list_arguments(step)]
        log = self._azure.logs.open(step_id, LOG)
        with open(log, "wb") as stream:
            self._process = subprocess.Popen(
                command,
                cwd=folder,
                env={**self._describe_environ(step_id), **configuration["variables"]},
                stdout=stream,
                stderr=stream,
                stdin=subprocess.DEVNULL,
                start_new_session=True,
            )
            return self._process.wait()

    def _describe_environ(self, step_id: str) -> dict[str, str]:
        """Return the environment variables of a step: its identity, its services, and the address of this double."""
        claims = {"exp": int(time.time()) + TOKEN_SECONDS, "aud": "azureml", "oid": "o", "jti": step_id}
        experiment = self._azure.history.experiments[self._experiment]["experimentId"]
        kept = ("PATH", "LANG", "HOME", "XDG_RUNTIME_DIR", "MLOPS_KERNELS_OWNER")
        proxied = ("HTTPS_PROXY", "https_proxy", "NO_PROXY", "no_proxy", "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE")
        return {
            **{name: os.environ[name] for name in (*kept, *proxied) if name in os.environ},
            **COMPUTE_ENVIRON,
            "AZUREML_RUN_ID": step_id,
            "AZUREML_RUN_TOKEN": jwt.encode(claims, "k" * 32),
            "AZUREML_RUN_TOKEN_EXPIRY": str(claims["exp"]),
            "AZUREML_ARM_SUBSCRIPTION": SUBSCRIPTION,
            "AZUREML_ARM_RESOURCEGROUP": GROUP,
            "AZUREML_ARM_WORKSPACE_NAME": WORKSPACE,
            "AZUREML_ARM_PROJECT_NAME": self._experiment,
            "AZUREML_EXPERIMENT_ID": experiment,
            "AZUREML_WORKSPACE_ID": "33333333-3333-3333-3333-333333333333",
            "AZUREML_SERVICE_ENDPOINT": f"https://{API}",
            "AZUREML_DISCOVERY_SERVICE_ENDPOINT": f"https://{API}/discovery",
        }


def list_arguments(step: dict[str, Any]) -> list[str]:
    """Return the arguments of a step's script: literals, and the assigned values of parameters."""
    words = []
    for argument in step["module"]["StructuredInterface"]["Arguments"]:
        if argument["ValueType"] in ("Literal", "0"):
            words.append(argument["Value"])
        else:
            assert argument["ValueType"] in ("Parameter", "1"), argument
            words.append(str(step["values"][argument["Value"]]))
    return words


def read_configuration(step: dict[str, Any]) -> dict[str, Any]:
    """Return the script and the environment variables of a step."""
    parameters = {one["Name"]: one.get("Value") for one in step["node"]["ModuleParameters"]}
    assert parameters["Arguments"] == USE_STRUCTURED, parameters["Arguments"]
    configuration = json.loads(step["node"]["Runconfig"])
    variables = {**configuration["environment"]["environmentVariables"], **configuration["environmentVariables"]}
    return {"script": parameters["Script"], "variables": variables}


def stamp() -> str:
    """Return the time in Azure's format."""
    return time.strftime("%Y-%m-%dT%H:%M:%S.0000000+00:00", time.gmtime())


def _kill(process: "subprocess.Popen[bytes]") -> None:
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
