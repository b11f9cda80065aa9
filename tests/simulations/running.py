"""Runs cases on several processes. The rates do not depend on the number of processes."""

import zlib
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor

import numpy as np

from simulations.cases import Case, Rate

SEED = 13
PARTS = 4  # each part of a case has its own seed, so that one long case can use all processes


def run_cases(cases: Sequence[Case], processes: int = 2) -> Iterator[Rate]:
    """Yield the rate of each case, in the order of the cases."""
    with ProcessPoolExecutor(processes) as pool:
        found = [[pool.submit(run_part, case, part) for part in range(PARTS)] for case in cases]
        for case, parts in zip(cases, found, strict=True):
            yield Rate(case, sum(part.result() for part in parts))


def run_part(case: Case, part: int) -> int:
    """Return the number of events in one part of the rounds of a case."""
    rounds = (case.rounds + part) // PARTS
    rng = np.random.default_rng([SEED, zlib.crc32(f"{case.table}: {case.name}".encode()), part])
    return case.simulate(rng, rounds) if rounds else 0
