"""The SDK's environment objects for the build of a scoring image, and for its deployment."""

import sys
from collections.abc import Mapping
from pathlib import Path

from mlops.image.bundle import read_pins
from mlops.image.sources import REQUIREMENTS
from mlops.platform.images import Image

SERVER = Path(__file__).with_name("server_requirements.lock")  # for Azure's inference server; `make lock` writes it
# The version that trained the model and tried its runtimes: other versions may get other versions of packages.
PYTHON = "{}.{}".format(*sys.version_info)
MACHINE = {"sys_platform": "linux"}
ENTRY_SCRIPT = "serving/azure_entry.py"  # a path in the bundle


def list_packages(bundle: Path) -> list[str]:
    """Return the packages that the server and a bundle need in an image, pinned like "numpy==2.1.0"."""
    pins = read_pins(SERVER, MACHINE) | read_pins(bundle / REQUIREMENTS, MACHINE)
    return [f"{name}=={version}" for name, version in sorted(pins.items())]


def make_build_environment(name: str, bundle: Path) -> object:
    """Return the SDK's environment with which an image is built from a bundle."""
    from azureml.core import Environment
    from azureml.core.conda_dependencies import CondaDependencies

    environment = Environment(name)
    environment.environment_variables.clear()  # removes the example variable that the SDK sets
    environment.python.conda_dependencies = CondaDependencies.create(
        python_version=PYTHON, pip_packages=list_packages(bundle), pin_sdk_version=False
    )
    return environment


def make_image_environment(name: str, image: Image, variables: Mapping[str, str]) -> object:
    """Return the SDK's environment for deploying an image unchanged, with the given environment variables."""
    from azureml.core import Environment

    environment = Environment(name)
    environment.environment_variables.clear()  # removes the example variable that the SDK sets
    environment.environment_variables.update(variables)
    environment.docker.base_image = image.url
    environment.python.user_managed_dependencies = True
    return environment


def make_inference_configuration(bundle: Path, environment: object) -> object:
    """Return the SDK's inference configuration with a bundle's files, the entry script and the environment."""
    from azureml.core.model import InferenceConfig

    # Azure mounts these files over the files in the image, and the entry script checks them against the manifest.
    return InferenceConfig(entry_script=ENTRY_SCRIPT, source_directory=str(bundle), environment=environment)
