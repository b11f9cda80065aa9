"""Looking up what a name in a layer or in ``-p`` means: the parameter that a notebook declares, or an error."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mlops.errors import ParameterError
from mlops.parameters.declarations import Parameter
from mlops.parameters.suggestion import suggest
from mlops.pipelines import Step

# What the runner itself tells a notebook, where the notebook declares it; no file and no -p may set these.
RESERVED = ("platform", "environment", "run_folder", "sweep")
SECRET_NAME = re.compile(r"(^|_)(password|passwd|secret|token|credential|connection_string|api_key|account_key)s?($|_)")
SHARED = "shared"  # in the place of a step: the value holds for every notebook that declares the name


@dataclass(frozen=True)
class Declared:
    """What the notebooks of a project declare.

    Parameters
    ----------
    steps : sequence of Step
        All steps of the project, not only those that are to run: a typing error in any is found.
    by_notebook : mapping of str to mapping of str to Parameter
        By the notebook's file name without its ending, then by the parameter's name.
    """

    steps: Sequence[Step]
    by_notebook: Mapping[str, Mapping[str, Parameter]]

    def find(self, step: str, name: str, source: str) -> Parameter:
        """Return the parameter `name` of a step, of a notebook without its number, or of all notebooks (`SHARED`).

        Parameters
        ----------
        step, name : str
            As a layer or an option has them.
        source : str
            Where that is, for the error.

        Raises
        ------
        ParameterError
            If there is no such step or parameter, the runner sets it, or it names a secret.
        """
        if step == SHARED:
            return self._find_shared(name, source)
        notebooks = {known.notebook_name: known.notebook for known in self.steps}
        notebooks |= {known.name: known.notebook for known in self.steps}
        if step not in notebooks:
            raise ParameterError(f"{source}: there is no step {step!r}{suggest(step, notebooks)}")
        _refuse_reserved(name, source)
        parameters = self.by_notebook[notebooks[step]]
        if name not in parameters:
            hint = suggest(name, [known for known in parameters if known not in RESERVED])
            raise ParameterError(f"{source}: notebooks/{notebooks[step]}.ipynb declares no {name!r}{hint}")
        return parameters[name]

    def _find_shared(self, name: str, source: str) -> Parameter:
        _refuse_reserved(name, source)
        everywhere = {name: parameter for found in self.by_notebook.values() for name, parameter in found.items()}
        if name not in everywhere:
            raise ParameterError(
                f"{source}: no notebook declares it{suggest(name, sorted(everywhere.keys() - set(RESERVED)))}"
            )
        return everywhere[name]


def _refuse_reserved(name: str, source: str) -> None:
    if name in RESERVED:
        raise ParameterError(f"{source}: the runner sets {name!r} itself. Remove it.")
    if SECRET_NAME.search(name):
        raise ParameterError(
            f"{source}: a secret is never a parameter, because papermill writes parameters into the notebook. "
            f"Set the environment variable MLOPS_SECRET_{name.upper()} instead."
        )
