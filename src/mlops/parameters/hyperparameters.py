"""The check that the notebooks match the hyperparameters and the metrics of the problem."""

from collections.abc import Collection, Iterable, Mapping
from pathlib import Path

from mlops.errors import ProblemError
from mlops.parameters.code import list_names, list_results, list_variables
from mlops.parameters.declarations import TAG, read_declarations
from mlops.parameters.suggestion import find_closest
from mlops.pipelines import ALL_STEPS
from mlops.pipelines.step import Step
from mlops.pipelines.tags import VERSION_TAGS
from mlops.problem import Problem


def require_fitting(
    problem: Problem, notebooks: Path, steps: Iterable[Step], declared: Mapping[str, Collection[str]]
) -> None:
    """Raise an error if the notebooks of `steps` do not match the hyperparameters and the metrics of a problem.

    Parameters
    ----------
    problem : Problem
        The problem.
    notebooks : Path
        The folder of the notebooks.
    steps : iterable of Step
        The steps whose notebooks are checked.
    declared : mapping of str to collection of str
        For each notebook that trains, by its name: the parameters that it declares.

    Raises
    ------
    ProblemError
        If a notebook that trains does not set a hyperparameter, if it sets a parameter that nothing uses, or if a
        notebook uses the name of a hyperparameter or a metric for something else.
    """
    for step in (step for step in steps if step.declares):
        notebook = notebooks / f"{step.notebook}.ipynb"
        names = declared[step.notebook] if step.trains else ()
        require_distinct(problem, notebook, names, step.scored_by, step.decides.gains)
        if step.trains:
            require_hyperparameters(problem, notebook, names)


def require_fitting_folder(problem: Problem, notebooks: Path) -> None:
    """Check all notebooks in a folder with `require_fitting`. Missing notebooks are skipped."""
    steps = [step for step in ALL_STEPS if step.declares and (notebooks / f"{step.notebook}.ipynb").is_file()]
    training = {step.notebook for step in steps if step.trains}
    declared = {name: read_declarations(notebooks / f"{name}.ipynb") for name in training}
    require_fitting(problem, notebooks, steps, declared)


def require_hyperparameters(problem: Problem, notebook: Path, declared: Collection[str]) -> None:
    """Raise an error if a notebook does not set a hyperparameter, or declares a parameter that nothing uses.

    Parameters
    ----------
    problem : Problem
        The problem; see `Problem.hyperparameters`.
    notebook : Path
        The notebook that trains the models of the problem.
    declared : collection of str
        The parameters that the notebook declares.

    Raises
    ------
    ProblemError
        If the notebook does not set a hyperparameter, or declares a parameter that nothing uses.
    """
    trained = problem.hyperparameters
    require_set(problem, declared, str(notebook))
    unused = next((name for name in declared if name not in {*trained, *list_names(notebook)}), None)
    if unused:
        close = find_closest(unused, trained)
        fix = f"Did you mean {close!r}?" if close else "Remove its line from the cell tagged `parameters`."
        raise ProblemError(
            f"{notebook} sets {unused!r}, but neither a cell nor the training of {problem.name!r} uses it. {fix}"
        )


def require_distinct(
    problem: Problem,
    notebook: Path,
    parameters: Collection[str],
    scored_by: str,
    results: Collection[str] = (),
) -> None:
    """Raise an error if the name of a metric or hyperparameter has another use in a notebook or a registered version.

    A notebook stores each metric as a result, and each hyperparameter in a variable. A registered version has a tag
    for each metric and each hyperparameter. These results, variables and tags are named after the metric or the
    hyperparameter, so no other result, variable or tag can have that name.

    Parameters
    ----------
    problem : Problem
        The problem.
    notebook : Path
        A notebook that stores the metrics of the problem as results.
    parameters : collection of str
        The parameters of the notebook. Their names are also names of results. Empty if the notebook does not train
        models.
    scored_by : str
        The prefix of the result that holds the cross-validated metric: "cv_"; see `Step.scored_by`. Empty if the
        notebook does not train models.
    results : collection of str
        The names of the notebook's results that cannot be found in its code.

    Raises
    ------
    ProblemError
        If a metric or a hyperparameter has the same name as a result, a variable or a tag.
    """
    results = {*results, *list_results(notebook)}
    score = {f"{scored_by}{problem.decisive.name}"} if scored_by else set()
    metrics = {metric.name: "metric" for metric in problem.metrics}
    hyperparameters = dict.fromkeys(problem.hyperparameters, "hyperparameter") if parameters else {}
    for name, what in {**metrics, **hyperparameters}.items():
        taken = results | score | ({*parameters} - {*hyperparameters} if what == "metric" else list_variables(notebook))
        if name in taken:
            raise ProblemError(
                f"{problem} has the {what} {name!r}, but {notebook} uses this name for something else. Rename "
                f"the {what}."
            )
        if name in VERSION_TAGS:
            raise ProblemError(
                f"{problem} has the {what} {name!r}, but each registered version has a tag with this name. Rename the "
                f"{what}."
            )


def require_set(problem: Problem, names: Collection[str], notebook: str) -> None:
    """Raise an error if a hyperparameter of a problem is not among `names`, the variables that a notebook sets.

    `notebook` is the name of the notebook for the error message.

    Raises
    ------
    ProblemError
        If a hyperparameter is not set.
    """
    missing = next((name for name in problem.hyperparameters if name not in names), None)
    if missing:
        raise ProblemError(
            f"{problem} has the hyperparameter {missing!r}, but {notebook} does not set it. Add a line for it to the "
            f"cell tagged `{TAG}`."
        )
