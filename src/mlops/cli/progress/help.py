"""The help of commands that run steps, with lists of the steps and of their notebooks' parameters."""

from collections.abc import Iterator

import click

from mlops.errors import MlopsError
from mlops.parameters.declarations import Parameter
from mlops.parameters.lookup import RESERVED, SHARED
from mlops.parameters.project import Project
from mlops.pipelines import PIPELINES, SETTING_UP
from mlops.workspace import find_workspace

OFFERED = [name for name in PIPELINES if name != SETTING_UP]  # the pipelines of `mlops run`


class StepsCommand(click.Command):
    """A command whose help ends with the steps of each pipeline and with their parameters."""

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the lists of steps and parameters. If the project or a notebook cannot be read, list only steps."""
        super().format_epilog(ctx, formatter)
        with formatter.section("Steps"):
            formatter.write_dl([(name, ", ".join(step.name for step in PIPELINES[name])) for name in OFFERED])
        try:
            rows = list(list_parameters(Project.load(find_workspace())))
        except (MlopsError, OSError):
            return
        with formatter.section("Parameters, with their defaults"):
            formatter.write_dl(rows)


def list_parameters(project: Project) -> Iterator[tuple[str, str]]:
    """Yield the name of each parameter, as written after -p, and its description with the default."""
    shared = set(project.base.shared)
    for step in {step.notebook: step for name in OFFERED for step in PIPELINES[name]}.values():
        for name, parameter in project.declared(step.notebook).items():
            if name not in RESERVED and name not in shared:
                yield f"{step.notebook_name}.{name}", _describe(parameter)
    declared = {name: found for step in project.steps for name, found in project.declared(step.notebook).items()}
    yield from ((f"{SHARED}.{name}", _describe(declared[name])) for name in sorted(shared & declared.keys()))


def _describe(parameter: Parameter) -> str:
    return parameter.comment + ("" if parameter.default == "" else f" [default: {parameter.default}]")
