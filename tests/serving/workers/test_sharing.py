"""The memory of a scikit-learn estimator, which the workers of a service share."""

import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
import skops.io
from server_process import ServerProcess, exchange, make_request, start_server
from sklearn.neural_network import MLPRegressor

from mlops.image.sources import DEFAULT_SCRIPT

WIDTH = 2000  # neurons of each of two layers; the weights between them take 32 MB
OWN = 20  # MB of PSS that a worker may add; 13 were measured
ROWS = np.linspace(-2, 2, 7).reshape(-1, 1)


@contextmanager
def start(folder: Path, estimator: Any, workers: int) -> Iterator[ServerProcess]:
    """Start a service whose workers serve an estimator with skops."""
    folder.mkdir()
    model, record = folder / "model.skops", folder / "runtime.json"
    skops.io.dump(estimator, model)
    trusted = skops.io.get_untrusted_types(file=model)
    described = {"format": 1, "runtime": "skops", "columns": ["a"], "file": model.name, "trusted": trusted}
    record.write_text(json.dumps(described))
    script = DEFAULT_SCRIPT.read_text(encoding="utf-8")
    with start_server(folder, "--workers", str(workers), script=script, more_files=[model, record]) as server:
        yield server


def measure_memory(server: ServerProcess) -> float:
    """Return the PSS of the supervisor and its workers in MB."""
    processes = (psutil.Process(server.popen.pid), *server.list_workers())
    return sum(float(process.memory_full_info().pss) for process in processes) / 1e6


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_forks_share_an_estimator_and_predict_with_one_thread(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        monkeypatch.delenv(name, raising=False)
    estimator = MLPRegressor(hidden_layer_sizes=(WIDTH, WIDTH), max_iter=1, random_state=0).fit(ROWS, ROWS.ravel())
    del estimator._optimizer  # is twice as large as the model, and needed only for more training
    body = json.dumps({"data": ROWS.tolist()}).encode()
    used = {}
    for count in (1, 4):
        with start(tmp_path / str(count), estimator, count) as server:
            workers = server.list_workers()
            with ExitStack() as stack:  # each worker gets two of eight connections
                clients = [stack.enter_context(server.connect()) for _ in range(2 * count)]
                for client in clients:
                    status, _, answer = exchange(client, make_request(body=body))
                    assert status == 200
                    np.testing.assert_allclose(json.loads(answer)["result"], estimator.predict(ROWS), rtol=1e-9)
            used[count] = measure_memory(server)
            assert [worker.num_threads() for worker in workers] == [1] * count
    assert used[4] - used[1] < 3 * OWN
