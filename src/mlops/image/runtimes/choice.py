"""The choice of the runtime that serves a model."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from mlops.errors import ProblemError
from mlops.image.runtimes.candidates import RUNTIMES, Original, Runtime, convert_model
from mlops.image.runtimes.judging import TOLERANCE, Sample, judge, measure, predict_probes
from mlops.image.runtimes.packages import RUNTIME_PACKAGES, TABLE_PACKAGES
from mlops.image.runtimes.probes import list_probes
from mlops.image.runtimes.tables import Unsupported
from mlops.pipelines.advice import RUNTIME_PARAMETER
from mlops.serving.runtimes import load_model
from mlops.serving.runtimes.record import RECORD, read_record

MANY = 32  # rows; under load, a service scores the rows of several requests in one call
ADVANTAGE = 1.5  # how many times as fast as the next candidate one with packages of its own must be
LONGEST = 100  # characters of a converter's message
HEAVY = ("onnx",)
EXACT = "numbers"  # for linear models, its predictions must have the same bits as those of the estimator
REFERENCE: Runtime = "skops"
NONE_FITS = "No other runtime can serve it, either. Write a scoring script."


@dataclass(frozen=True)
class Candidate:
    """A runtime that may serve a model.

    Parameters
    ----------
    runtime : str
        The name of the runtime.
    folder : Path
        The folder with the files for the runtime.
    problem : str
        Why the runtime cannot serve the model; empty if it can.
    difference : float, optional
        The largest difference from a prediction of the model, in standard deviations of its predictions. None if the
        model could not be converted.
    row : str
        The row with this difference; empty if there is none.
    one, many : float
        The time for 1 row and for `MANY` rows, in seconds.
    """

    runtime: Runtime
    folder: Path
    problem: str = ""
    difference: float | None = None
    row: str = ""
    one: float = 0.0
    many: float = 0.0

    @property
    def seconds(self) -> float:
        """The time by which candidates are compared: the sum of `one` and `many`."""
        return self.one + self.many

    @property
    def files(self) -> list[Path]:
        """The files for the runtime."""
        return sorted(self.folder.iterdir())

    @property
    def packages(self) -> tuple[str, ...]:
        """The packages that the runtime needs."""
        needs_table = (self.folder / RECORD).is_file() and read_record(self.folder).table
        return (*RUNTIME_PACKAGES[self.runtime], *(TABLE_PACKAGES if needs_table else ()))


def try_runtimes(original: Original, folder: Path) -> list[Candidate]:
    """Convert a model for each runtime, compare and time the conversions, and return a candidate for each.

    Parameters
    ----------
    original : Original
        The model.
    folder : Path
        A folder for the files.
    """
    samples = predict_probes(original, list_probes(original))
    estimator = _try_runtime(original, REFERENCE, samples, folder)
    exact = samples if estimator.problem or original.has_trees() else _expect_same_bits(estimator, samples)
    tried: dict[Runtime, Candidate] = {REFERENCE: estimator}
    for runtime in RUNTIMES:
        if runtime not in tried:
            tried[runtime] = _try_runtime(original, runtime, exact if runtime == EXACT else samples, folder)
    return [tried[runtime] for runtime in RUNTIMES]


def choose_candidate(candidates: Sequence[Candidate], wanted: str = "") -> Candidate:
    """Return the candidate that serves the model.

    Parameters
    ----------
    candidates : sequence of Candidate
        The candidates.
    wanted : str
        The name of a runtime; empty for the fastest one.

    Raises
    ------
    ProblemError
        If no candidate, or not the requested one, predicts the same as the model.
    """
    if wanted:
        return _require_candidate(candidates, wanted)
    fit = sorted((one for one in candidates if not one.problem), key=lambda one: one.seconds)
    if not fit:
        reasons = "; ".join(f"{one.runtime}: {one.problem}" for one in candidates)
        raise ProblemError(f"No runtime predicts the same as the model ({reasons}). Write a scoring script.")
    chosen, *others = fit
    while others and chosen.runtime in HEAVY and others[0].seconds < ADVANTAGE * chosen.seconds:
        chosen, *others = others
    return chosen


def _require_candidate(candidates: Sequence[Candidate], wanted: str) -> Candidate:
    found = {one.runtime: one for one in candidates}.get(wanted)  # type: ignore[call-overload]
    known = ", ".join(one.runtime for one in candidates)
    if found is None:
        raise ProblemError(f"{RUNTIME_PARAMETER} is {wanted!r}. Write one of {known}, or nothing for the fastest one.")
    if found.problem:
        fit = " or ".join(one.runtime for one in candidates if not one.problem)
        advice = f"Choose {fit}, or leave the parameter empty for the fastest one." if fit else NONE_FITS
        raise ProblemError(
            f"{RUNTIME_PARAMETER} is {wanted!r}, but this runtime cannot serve the model: {found.problem}. {advice}"
        )
    return found


def _try_runtime(original: Original, runtime: Runtime, samples: Sequence[Sample], folder: Path) -> Candidate:
    candidate = Candidate(runtime, folder / runtime)
    try:
        convert_model(original, runtime, candidate.folder)
        model = load_model(candidate.folder)
    except Unsupported as error:
        return replace(candidate, problem=str(error))
    except Exception as error:  # noqa: BLE001 - converters raise errors of any class
        said = (str(error).splitlines() or [""])[0][:LONGEST]
        return replace(candidate, problem=f"the conversion failed ({type(error).__name__}: {said})")
    verdict = judge(model.predict, samples)
    candidate = replace(candidate, difference=verdict.difference, row=verdict.row)
    if verdict.difference > (0 if runtime == EXACT and not original.has_trees() else TOLERANCE):
        return replace(candidate, problem=_explain(verdict.difference, verdict.row))
    one, many = (measure(model.predict, samples[0].rows, count) for count in (1, MANY))
    return replace(candidate, one=one, many=many)


def _expect_same_bits(estimator: Candidate, samples: Sequence[Sample]) -> list[Sample]:
    """Return samples that expect the predictions for rows in C order. Those for a table can differ in the last bits."""
    predict = load_model(estimator.folder).predict
    accepted = (
        sample if sample.expected is None else replace(sample, expected=predict(sample.rows)) for sample in samples
    )
    return [*accepted]


def _explain(difference: float, row: str) -> str:
    if np.isinf(difference):
        return f"it refuses {row}, or accepts what the model refuses"
    return f"its prediction for {row} differs by {difference:.2g} standard deviations"
