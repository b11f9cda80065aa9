"""The lookup of parameters by the names that parameter files and ``-p`` options use."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mlops.errors import ParameterError
from mlops.parameters.declarations import Parameter
from mlops.parameters.suggestion import find_closest, suggest
from mlops.pipelines.step import Step

# The runner sets these two parameters of notebooks. Their values are different in every run.
RUN_FOLDER, SWEEP_TRACKING = "run_folder", "sweep"
# The runner sets these if the notebook declares them. Neither a file nor -p can set them.
RESERVED = ("platform", "environment", RUN_FOLDER, SWEEP_TRACKING)
SECRET_NAME = re.compile(r"(^|_)(password|passwd|secret|token|credential|connection_string|api_key|account_key)s?($|_)")
SHARED = "shared"  # stands for all notebooks that declare the parameter, in place of the name of a step


@dataclass(frozen=True)
class Declared:
    """The parameters that the notebooks of a project declare.

    Parameters
    ----------
    steps : sequence of Step
        All steps of the project, including those that the current run leaves out.
    by_notebook : mapping of str to mapping of str to Parameter
        The parameters of each notebook, by the notebook's file name without extension, then by the parameter's name.
    """

    steps: Sequence[Step]
    by_notebook: Mapping[str, Mapping[str, Parameter]]

    def find(self, step: str, name: str, source: str) -> Parameter:
        """Return the parameter `name` of `step`.

        Parameters
        ----------
        step : str
            The name of the step, the name of its notebook without the number, or `SHARED` for all notebooks. Empty if
            the user named no step, which is an error.
        name : str
            The parameter's name.
        source : str
            The file or option that names the parameter, for the error message.

        Raises
        ------
        ParameterError
            If the step or parameter does not exist, if only the runner can set the parameter, or if the parameter's
            name looks like the name of a secret.
        """
        if step == SHARED:
            return self._find_shared(name, source)
        notebooks = {known.notebook_name: known.notebook for known in self.steps}
        notebooks |= {known.name: known.notebook for known in self.steps}
        if step not in notebooks:
            raise ParameterError(self._explain_unknown_step(step, name, source, notebooks))
        _refuse_reserved(name, source)
        parameters = self.by_notebook[notebooks[step]]
        if not parameters:
            raise ParameterError(
                f"notebooks/{notebooks[step]}.ipynb does not declare parameters, but {source} sets one. Tag the cell "
                "that declares them `parameters`."
            )
        if name not in parameters:
            hint = suggest(name, [known for known in parameters if known not in RESERVED])
            raise ParameterError(f"{source}: notebooks/{notebooks[step]}.ipynb has no parameter {name!r}{hint}")
        return parameters[name]

    def _explain_unknown_step(self, step: str, name: str, source: str, notebooks: Mapping[str, str]) -> str:
        owners: dict[str, list[str]] = {}
        for known in {known.notebook: known for known in self.steps}.values():
            for declared in self.by_notebook[known.notebook]:
                owners.setdefault(declared, []).append(f"{known.notebook_name}.{declared}")
        close = find_closest(step, notebooks)
        if close and name in self.by_notebook[notebooks[close]]:
            meant = [f"{close}.{name}"]
        else:
            meant = owners.get(name) or owners.get("" if step else find_closest(name, owners)) or []
        hint = f" Did you mean {' or '.join(meant)}?" if meant else f" Did you mean {close!r}?" if close else ""
        if not step:
            return (
                f"{source} does not name a step.{hint or ' `mlops run --help` lists the steps and their parameters.'}"
            )
        steps = ", ".join(known.name for known in self.steps)
        return f"{source}: there is no step {step!r}.{hint} Steps: {steps}."

    def _find_shared(self, name: str, source: str) -> Parameter:
        _refuse_reserved(name, source)
        everywhere = {name: parameter for found in self.by_notebook.values() for name, parameter in found.items()}
        if name not in everywhere:
            raise ParameterError(
                f"{source}: no notebook has this parameter{suggest(name, sorted(everywhere.keys() - set(RESERVED)))}"
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
