"""The distribution of the fast tests over the workers of pytest-xdist."""

from xdist.scheduler import LoadFileScheduling

# Each worker has its own parents of warm kernels, and the imports of a parent take 4 s of CPU. So one worker runs all
# tests of a group. The groups take longest, so they are the first.
GROUPS = (
    ("tests/end_to_end/",),
    ("tests/kernels/",),
    (
        "tests/notebooks/",
        "tests/cli/test_cli.py",
        "tests/execution/",
        "tests/notebook/",
        "tests/operations/test_running.py",
        "tests/runner/",
        "tests/sweeps/",
    ),
)


def find_group(name: str) -> int:
    """Return the number of the group of a test. The other tests have the number after the last group."""
    return next((number for number, paths in enumerate(GROUPS) if name.startswith(paths)), len(GROUPS))


class GroupScheduling(LoadFileScheduling):
    """Has one worker run each group of files, and one worker each other file."""

    def _split_scope(self, nodeid: str) -> str:
        group = find_group(nodeid)
        return f"group {group}" if group < len(GROUPS) else super()._split_scope(nodeid)
