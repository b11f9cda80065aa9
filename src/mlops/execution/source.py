"""The requirements of a notebook: an installed kernel, and a cell that sets the parameters."""

import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlops.errors import ParameterError, UsageError
from mlops.kernels.install import NAME, PROVISIONER
from mlops.parameters.declarations import TAG


@dataclass(frozen=True)
class KernelSpec:
    """The name of a notebook's kernel, and the language in which papermill writes the parameters."""

    name: str
    language: str


def find_kernel(notebook: Path) -> KernelSpec:
    """Return the kernel that a notebook names, or the project's kernel if it names none."""
    metadata = _read(notebook).get("metadata", {})
    asked = metadata.get("kernelspec", {})
    language = asked.get("language") or metadata.get("language_info", {}).get("name") or "python"
    return KernelSpec(asked.get("name") or NAME, language)


def require_sources(notebooks: Iterable[Path]) -> None:
    """Raise an error if a notebook cannot be executed.

    Raises
    ------
    UsageError
        If a kernel is not installed.
    ParameterError
        If a notebook has no cell with the tag ``parameters``, or more than one.
    """
    installed = set[str]()  # a search for a kernel takes 3 ms, and all notebooks usually name the same kernel
    for notebook in notebooks:
        name, kernel = f"{notebook.parent.name}/{notebook.name}", find_kernel(notebook).name
        if kernel not in installed:
            _require_kernel(kernel, name)
            installed.add(kernel)
        _require_tag(notebook, name)


def _require_tag(notebook: Path, name: str) -> None:
    cells = [cell for cell in _read(notebook)["cells"] if TAG in cell.get("metadata", {}).get("tags", [])]
    if not cells:
        raise ParameterError(
            f"{name}: No cell is tagged `{TAG}`, so the notebook would ignore its parameters. Tag the cell that sets "
            "them."
        )
    if len(cells) > 1 or cells[0]["cell_type"] != "code":
        raise ParameterError(f"{name}: The tag `{TAG}` must be on one code cell only. Remove it from the others.")


def _require_kernel(kernel: str, notebook: str) -> None:
    program = _find_program_of_own_kernel(kernel) or _find_program(kernel, notebook)
    if os.path.isabs(program) and not os.access(program, os.X_OK):
        raise UsageError(
            f"{notebook}: The Jupyter kernel {kernel!r} starts {program}, which does not exist. Run `make setup`."
        )


def _find_program_of_own_kernel(kernel: str) -> str:
    # The kernelspec is read without jupyter_client, which imports IPython and zmq (0.3 s).
    from jupyter_core.paths import jupyter_path

    paths = (Path(folder, kernel, "kernel.json") for folder in jupyter_path("kernels"))
    path = next((path for path in paths if path.is_file()), None)
    spec = _read(path) if path else {}
    provisioner = spec.get("metadata", {}).get("kernel_provisioner", {}).get("provisioner_name")
    return str(spec["argv"][0]) if provisioner == PROVISIONER else ""


def _find_program(kernel: str, notebook: str) -> str:
    from jupyter_client.kernelspec import KernelSpecManager, NoSuchKernel

    known = KernelSpecManager()
    try:
        return str(known.get_kernel_spec(kernel).argv[0])
    except NoSuchKernel:
        names = ", ".join(sorted(known.find_kernel_specs())) or "none"
        raise UsageError(
            f"{notebook}: The Jupyter kernel {kernel!r} is not installed here (installed: {names}). Choose another one "
            f"in JupyterLab, for example the project's own, {NAME!r}."
        ) from None


def _read(notebook: Path) -> Mapping[str, Any]:
    found: Mapping[str, Any] = json.loads(notebook.read_text(encoding="utf-8"))
    return found
