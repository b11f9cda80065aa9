"""The answer to ``GET /metrics``: what the workers counted, and the state of the service."""

from collections.abc import Callable, Iterable, Mapping
from itertools import chain
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import numpy as np

from ..refusals import Refusal, quote_value
from .exposition import choose_format, write_families
from .families import Family, Sample, describe_workers
from .recorder import Recorder
from .slots import Worker, read_workers

GROUPING, WORKER = "by", "worker"  # the parameter of the query, and its value
Describe = Callable[[], Iterable[Family]]


class MetricsPage:
    """An object that answers ``GET /metrics``.

    Parameters
    ----------
    recorder : Recorder
        The recorder of this worker.
    identity : mapping
        The identity of the image; see `serving.identity`.
    folder : Path, optional
        The folder with the files of all workers. Without it, the answer has only the counts of this worker.
    describe : sequence of callables
        Functions that return more metrics. They are called for each answer.
    """

    def __init__(
        self,
        recorder: Recorder,
        identity: Mapping[str, Any],
        folder: Path | None = None,
        describe: Iterable[Describe] = (),
    ) -> None:
        self._recorder = recorder
        self._identity = identity
        self._folder = folder
        self._describe = tuple(describe)

    def answer(self, accepted: str, query: bytes = b"") -> tuple[bytes, str]:
        """Return the metrics as text, and the content type of this text.

        Parameters
        ----------
        accepted : str
            The header ``Accept`` of the request.
        query : bytes
            The query of the request. With ``by=worker``, each worker is reported separately.

        Raises
        ------
        Refusal
            If the metrics cannot be grouped as requested.
        """
        asked = parse_qs(query.decode("latin-1"), keep_blank_values=True).get(GROUPING, [])
        if asked and asked[-1] != WORKER:
            said = f"/metrics has no metrics by {quote_value(asked[-1])}. Use /metrics or /metrics?{GROUPING}={WORKER}."
            raise Refusal(404, said)
        self._recorder.refresh()
        workers = read_workers(self._folder) if self._folder else []
        counted = describe_workers(
            workers or [Worker("0", True, np.array(self._recorder.slots))], by_worker=bool(asked)
        )
        more = chain.from_iterable(describe() for describe in self._describe)
        content_type = choose_format(accepted)
        return write_families((*self._list_identity(), *counted, *more), content_type), content_type

    def _list_identity(self) -> Iterable[Family]:
        labels = {name: str(value) for name, value in self._identity.items()}
        yield Family("mlops_model", "info", "The model and the image of the service.", [Sample(1, labels)])
