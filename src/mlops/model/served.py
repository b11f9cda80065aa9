"""The files and packages with which an image serves a model."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd

from mlops.data.tables import read_table
from mlops.errors import IntegrityError, ProblemError, UsageError
from mlops.image.runtimes.candidates import Original
from mlops.image.runtimes.choice import MANY, Candidate, choose_candidate, try_runtimes
from mlops.image.runtimes.packages import compose_requirements, measure_added
from mlops.image.sources import DEFAULT_SCRIPT, REQUIREMENTS, ImageSources
from mlops.model.estimator import load_estimator
from mlops.model.files import ESTIMATOR, list_served
from mlops.pipelines import ALL_STEPS, find_training
from mlops.problem import Problem
from mlops.problem.values import set_types


@dataclass(frozen=True)
class ServedModel:
    """The files and packages with which an image serves a model.

    Parameters
    ----------
    sources : ImageSources
        The files of the image. Their requirements include the packages of the runtime. Their `runtime` is empty if the
        fastest one was chosen.
    files : list of Path
        The files of the model.
    chosen : Candidate, optional
        The runtime of the model. None if the scoring script loads the model itself.
    candidates : tuple of Candidate
        All runtimes that were tried.
    """

    sources: ImageSources
    files: list[Path]
    chosen: Candidate | None = None
    candidates: tuple[Candidate, ...] = ()

    @property
    def runtime(self) -> str:
        """The name of the runtime; empty if the scoring script loads the model itself."""
        return self.chosen.runtime if self.chosen else ""


def choose_served(
    problem: Problem, made: Mapping[str, str], sources: ImageSources, model: Path, scratch: Path
) -> ServedModel:
    """Return the files and packages with which an image serves a model.

    Parameters
    ----------
    problem : Problem
        The problem.
    made : mapping of str to str
        The tags of the registered version, which name the data of the training.
    sources : ImageSources
        The files from which the image is created.
    model : Path
        The folder with the registered files of the model.
    scratch : Path
        A folder for new files. It must stay until the image is created.

    Raises
    ------
    ProblemError
        If the chosen runtime does not predict the same as the model or, without a choice, if no runtime does.
    """
    kept = list_served(path.name for path in model.iterdir())
    if not sources.loads_runtime:
        return ServedModel(sources, [model / name for name in kept])
    rows = set_types(_find_rows(problem, made)[list(problem.features)], problem.feature_columns)
    estimator, prepares = load_estimator(problem, model / ESTIMATOR), sources.script != DEFAULT_SCRIPT
    original = Original(problem, estimator, model / ESTIMATOR, rows, prepares)
    candidates = try_runtimes(original, scratch / "runtimes")
    chosen = choose_candidate(candidates, sources.runtime)
    requirements = scratch / REQUIREMENTS
    text = compose_requirements(sources.requirements, sources.lock, chosen.packages)
    requirements.write_text(text, encoding="utf-8")
    others = [model / name for name in kept if name != ESTIMATOR]
    fixed = "" if chosen == choose_candidate(candidates) else chosen.runtime
    written = replace(sources, requirements=requirements, runtime=fixed)
    return ServedModel(written, [*chosen.files, *others], chosen, tuple(candidates))


def show_candidates(served: ServedModel, sources: ImageSources) -> pd.DataFrame:
    """Return a table of the runtimes that were tried. `sources` are the files before a runtime was chosen."""
    rows = {
        candidate.runtime: {
            "1 row, µs": _show_time(candidate.one),
            f"{MANY} rows, µs": _show_time(candidate.many),
            "difference, sd": "" if candidate.difference is None else f"{candidate.difference:.1g}",
            "adds, MB": _show_size(candidate, sources),
            "result": candidate.problem or ("chosen" if candidate == served.chosen else ""),
        }
        for candidate in served.candidates
    }
    return pd.DataFrame.from_dict(rows, orient="index")


def _show_size(candidate: Candidate, sources: ImageSources) -> str:
    size = measure_added(sources.requirements, sources.lock, candidate.packages, candidate.folder)
    return "" if size is None else f"{size:,.0f}"


def _show_time(seconds: float) -> str:
    """Return a time in microseconds; "" for a runtime that was not timed."""
    return f"{1e6 * seconds:,.{1 if seconds < 1e-4 else 0}f}" if seconds else ""


def _find_rows(problem: Problem, made: Mapping[str, str]) -> pd.DataFrame:
    """Return a training's data or, if this is unavailable, the sample data or the examples of the problem."""
    step = find_training(ALL_STEPS)
    for file in step.hands_on if step else ():
        try:
            if file.url in made:
                return read_table(made[file.url], made[file.sha256], problem.columns).frame
        except (IntegrityError, UsageError):  # the data file was deleted or changed
            continue
    try:
        return problem.load_sample()
    except ProblemError:
        return pd.DataFrame(problem.example_rows, columns=list(problem.features))
