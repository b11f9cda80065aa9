"""The files of the checkout that git tracks."""

import subprocess
from pathlib import Path


def list_tracked(project: Path, *patterns: str) -> list[Path]:
    """Return the tracked files that match a pattern, sorted by name. Without a pattern, return all tracked files."""
    command = ["git", "-C", str(project), "ls-files", "-z", "--", *patterns]
    names = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split("\0")
    return [project / name for name in sorted(names) if name and (project / name).is_file()]
