"""The installation of the kernelspec that makes Jupyter start warm kernels."""

import json
import sys
from pathlib import Path

NAME = "python3"  # the name under which every tool looks for the kernel of an environment
DISPLAY_NAME = f"notebook-mlops (Python {sys.version_info.major}.{sys.version_info.minor})"
PROVISIONER = "warm-kernel-provisioner"


def install_kernelspec(prefix: str) -> Path:
    """Write the kernelspec of warm kernels below the folder `prefix`, and return the path of its file."""
    from ipykernel.kernelspec import install

    folder = install(prefix=prefix, kernel_name=NAME, display_name=DISPLAY_NAME)
    path = Path(folder, "kernel.json")
    spec = json.loads(path.read_text(encoding="utf-8"))
    spec["metadata"]["kernel_provisioner"] = {"provisioner_name": PROVISIONER}
    path.write_text(json.dumps(spec, indent=1) + "\n", encoding="utf-8")
    return path


if __name__ == "__main__":
    print(install_kernelspec(sys.prefix))
