"""``python -m benchmarks``: measures, prints each section when it is done, and saves everything as JSON."""

import argparse
import os

from benchmarks.processes import adopt_orphans, keep_parents_apart
from benchmarks.report import describe_machine, show_section, write_results
from benchmarks.scratch import OUTPUTS, Section
from benchmarks.sections import SECTIONS


def main() -> None:
    """Read the options and measure. A goal that is not met is reported, but is not an error."""
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--repeats", type=int, default=3, help="rounds of each section (default: 3)")
    parser.add_argument("--only", choices=list(SECTIONS), action="append", help="a section; may be repeated")
    options = parser.parse_args()
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    adopt_orphans()
    machine = describe_machine()
    OUTPUTS.mkdir(parents=True, exist_ok=True)
    path = OUTPUTS / f"{machine['date'].replace(':', '')[:17]}.json"
    sections: dict[str, Section] = {}
    print(
        f"{machine['processor']}, {machine['cores']} cores, load {machine['load'][0]}, commit {machine['commit'][:8]}"
    )
    for name in options.only or SECTIONS:
        with keep_parents_apart():
            sections[name] = SECTIONS[name](options.repeats)
        print(show_section(sections[name]), flush=True)
        write_results(path, machine, sections)
    print(f"\nkept in {path.relative_to(OUTPUTS.parents[1])}")


if __name__ == "__main__":
    main()
