"""The models that an evaluation compares: the new model (the challenger) and the current one (the champion)."""

from typing import TYPE_CHECKING, Any

from mlops.errors import ProblemError, quote_cause
from mlops.model.schema import REPLACE, explain_misfit
from mlops.platform.models import ModelVersion
from mlops.problem import Problem

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

    from mlops.platform.backend import Backend

CHAMPION, CHALLENGER, REGISTERED = "champion", "challenger", "champion when registered"


class Contenders:
    """The models to compare: the challenger and, if it fits the problem, the champion.

    Parameters
    ----------
    backend : Backend
        The platform.
    problem : Problem
        The problem that the challenger solves.
    challenger : scikit-learn estimator
        The new model.
    champion : ModelVersion, optional
        The current model.
    overruled : bool
        Whether a person overrules the gate. If so, a champion that does not fit the problem is left out.

    Attributes
    ----------
    models : dict of str to scikit-learn estimator
        The models, with the keys "challenger" and, if it is compared, "champion".
    misfit : str
        The reason why the champion is left out, as a sentence. Empty if the champion is compared.

    Raises
    ------
    ProblemError
        If the champion belongs to another problem, or was trained on other columns, and the gate is not overruled.
    """

    def __init__(
        self,
        backend: "Backend",
        problem: Problem,
        challenger: Any,
        champion: ModelVersion | None,
        *,
        overruled: bool = False,
    ) -> None:
        self._problem, self._champion, self._overruled = problem, champion, overruled
        self.models: dict[str, Any] = {CHALLENGER: challenger}
        self.misfit = ""
        if champion:
            from mlops.model.loading import load_registered

            if why := explain_misfit(backend.registry, problem, champion):
                self._leave_out(f"The champion, {champion.title}, {why}.")
            else:
                self.models = {CHAMPION: load_registered(backend, problem, champion), **self.models}

    @property
    def recorded(self) -> dict[str, dict[str, float | None]]:
        """The champion's metrics from its registration, as a column for `show_scores`; empty if it is not compared.

        They may have been measured on other rows than the comparison uses. An unrecorded metric is None.
        """
        if not self._champion or CHAMPION not in self.models:
            return {}
        tags = {metric.name: self._champion.tags.get(metric.name) for metric in self._problem.metrics}
        return {REGISTERED: {name: float(tag) if tag else None for name, tag in tags.items()}}

    def predict(self, rows: "pd.DataFrame") -> "dict[str, NDArray[np.generic]]":
        """Return the predictions of each model for `rows`, with the same keys as `models`.

        Raises
        ------
        ProblemError
            If the problem cannot predict with a model.
        """
        from mlops.problem.scoring import predict_rows

        found = {CHALLENGER: predict_rows(self._problem, self.models[CHALLENGER], rows)}
        if CHAMPION not in self.models:
            return found
        try:
            return {CHAMPION: predict_rows(self._problem, self.models[CHAMPION], rows), **found}
        except Exception as error:  # the problem's code may expect another estimator, and can raise any error
            if not self._champion:
                raise
            cause = f"{type(error).__name__}: {quote_cause(error)}"
            self._leave_out(f"{self._problem} cannot predict with the champion, {self._champion.title}: {cause}.")
            return found

    def _leave_out(self, why: str) -> None:
        self.models.pop(CHAMPION, None)
        self.misfit = why
        if not self._overruled:
            raise ProblemError(f"{why} {REPLACE}")
