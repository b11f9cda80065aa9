"""``python -m simulations``: simulates error rates, and writes them into docs/statistics.md.

The sections are the promotion gate, the comparison by segment, and the data test.
"""

import argparse
import sys
import time
from pathlib import Path

from simulations import drift, gate, segments
from simulations.running import run_cases
from simulations.tables import fill_tables, format_row

DOCUMENT = Path(__file__).parents[2] / "docs/statistics.md"
SECTIONS = {"gate": gate.CASES, "segments": segments.CASES, "drift": drift.CASES}


def main() -> int:
    """Simulate the chosen sections. Return 1 if a goal is missed by more than the error of the simulation."""
    parser = argparse.ArgumentParser(prog="make simulations", description=__doc__)
    parser.add_argument("--only", choices=list(SECTIONS), action="append", help="a section; may be repeated")
    options = parser.parse_args()
    began, rates = time.monotonic(), []
    for rate in run_cases([case for name in options.only or SECTIONS for case in SECTIONS[name]]):
        rates.append(rate)
        print(f"{time.monotonic() - began:5.0f} s {rate.case.table} {format_row(rate)}", flush=True)
    DOCUMENT.write_text(fill_tables(DOCUMENT.read_text(encoding="utf-8"), rates), encoding="utf-8")
    missed = sum(rate.misses for rate in rates)
    print(f"{len(rates)} rates, {missed} missed goals, written to {DOCUMENT.relative_to(DOCUMENT.parents[1])}")
    return int(missed > 0)


if __name__ == "__main__":
    sys.exit(main())
