"""The report of the benchmark."""

import json
import os
import platform
import subprocess
from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import psutil

from benchmarks.goals import GOALS
from benchmarks.processes import PROJECT
from benchmarks.scratch import Section

NAMED = ("papermill", "nbclient", "ipykernel", "nbval", "pandas", "scikit-learn", "matplotlib")


def describe_machine() -> dict[str, Any]:
    """Return a description of the machine and the packages."""
    commit = subprocess.run(["git", "rev-parse", "HEAD"], cwd=PROJECT, capture_output=True, text=True, check=False)
    return {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": commit.stdout.strip() or "unknown",
        "system": platform.platform(),
        "processor": _name_processor(),
        "cores": os.cpu_count(),
        "memory_gib": round(psutil.virtual_memory().total / 2**30, 1),
        "load": [round(load, 2) for load in os.getloadavg()],
        "python": platform.python_version(),
        "packages": {name: version(name) for name in NAMED},
    }


def show_section(section: Section) -> str:
    """Return a section as text."""
    lines = [f"\n{section.title}", "-" * len(section.title)]
    for row in section.rows:
        columns = "   ".join(
            f"{name} {_show(found.median)} {row.unit} ({_show(found.low)} to {_show(found.high)})"
            for name, found in row.columns.items()
        )
        lines.append(f"{row.label:<52} {columns}   n={row.samples}{'   ' + row.note if row.note else ''}")
    lines += [f"  note: {note}" for note in section.notes]
    lines += [f"  {figure.describe()}" for figure in section.figures]
    return "\n".join(lines)


def write_results(path: Path, machine: Mapping[str, Any], sections: Mapping[str, Section]) -> None:
    """Write all measurements so far as JSON."""
    found = {name: asdict(section) for name, section in sections.items()}
    for name, section in sections.items():
        for figure, kept in zip(section.figures, found[name]["figures"], strict=True):
            kept["verdict"] = figure.judge()
    goals = {name: asdict(goal) for name, goal in GOALS.items()}
    content = {"machine": machine, "goals": goals, "sections": found}
    path.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


def _show(number: float) -> str:
    return f"{number:.0f}" if number >= 100 else f"{number:.2f}"


def _name_processor() -> str:
    path = Path("/proc/cpuinfo")
    lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
    return next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), platform.processor())
