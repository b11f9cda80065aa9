"""The results that a notebook passes to later notebooks."""

import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from mlops.errors import HandoffError
from mlops.scraps import make_scrap, name_copy, read_scraps, write_scraps
from mlops.workspace import check_home, find_workspace, mark_home

WORKBENCH = "workbench"  # a folder in MLOPS_HOME


class Results(Mapping[str, Any]):
    """The results of a notebook, as a read-only mapping from name to value."""

    def __init__(self, notebook: str, values: Mapping[str, Any]) -> None:
        self.notebook = notebook
        self._values = dict(values)

    def __getitem__(self, name: str) -> Any:
        try:
            return self._values[name]
        except KeyError:
            names = ", ".join(sorted(self._values)) or "nothing"
            raise HandoffError(f"{self.notebook} has no result {name!r}. Its results are: {names}.") from None

    def get(self, name: str, default: Any = None) -> Any:
        """Return the value of a result, or `default` if there is no such result."""
        return self._values.get(name, default)

    def __contains__(self, name: object) -> bool:
        return name in self._values

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)


def glue_results(notebook: str, run_folder: str = "", /, **values: Any) -> None:
    """Store the results of a notebook for later notebooks. Call this in the last cell of the notebook.

    Parameters
    ----------
    notebook : str
        The name of the calling notebook, such as "02_train"; if it deploys, with the environment: "06_deploy-qa".
    run_folder : str
        The folder of the pipeline run. Empty if no pipeline runs the notebook.
    **values
        The results, by name: text, numbers, booleans, None, and lists or dicts of these. NumPy values are converted.

    Raises
    ------
    HandoffError
        If JSON cannot represent a value, such as NaN or infinity.
    """
    from IPython.display import display

    plain = {name: _make_plain(f"{notebook}.{name}", value) for name, value in values.items()}
    for scrap in (make_scrap(name, value) for name, value in plain.items()):
        display(scrap["data"], metadata=scrap["metadata"], raw=True)
    if not run_folder:
        home = find_workspace().home
        mark_home(home)
        write_scraps(home / WORKBENCH / name_copy(notebook), plain)


def read_results(notebook: str, run_folder: str = "") -> Results:
    """Return the results of a notebook.

    Parameters
    ----------
    notebook : str
        The name of the notebook, such as "02_train".
    run_folder : str
        The folder of the pipeline run. If empty, read the results of the notebook's last execution outside of a
        pipeline.

    Raises
    ------
    HandoffError
        If there are no results, because the notebook has not run to its last cell.
    """
    found = find_results(notebook, run_folder)
    if found is None:
        source, _, environment = notebook.partition("-")
        with_it = f" with environment={environment!r}" if environment else ""
        where = run_folder or _find_workbench()
        raise HandoffError(
            f"There are no results of {notebook} in {where}. Run notebooks/{source}.ipynb{with_it} first."
        )
    return found


def require_same(name: str, *results: Results) -> Any:
    """Return the value of the result `name`, which must be the same in the results of all given notebooks.

    Raises
    ------
    HandoffError
        If the values differ.
    """
    first, *others = results
    for other in others:
        if other[name] != first[name]:
            raise HandoffError(
                f"{name} is {first[name]!r} in {first.notebook}, but {other[name]!r} in {other.notebook}, so they "
                f"belong to different runs. Run {other.notebook} again."
            )
    return first[name]


def find_results(notebook: str, run_folder: str = "") -> Results | None:
    """Return the results of a notebook as `read_results` does, but None if there are none."""
    folder = Path(run_folder) if run_folder else _find_workbench()
    values = read_scraps(folder / name_copy(notebook))
    return Results(notebook, values) if values else None


def _find_workbench() -> Path:
    home = find_workspace().home
    check_home(home)
    return home / WORKBENCH


def _make_plain(name: str, value: Any) -> Any:
    if hasattr(value, "tolist"):
        value = value.tolist()  # numpy scalars and arrays
    if value is None or isinstance(value, (str, bool, int)):
        return value
    if isinstance(value, float):
        if not math.isfinite(value):
            raise HandoffError(f"{name} is {value}, which JSON cannot represent. Pass on a finite number or None.")
        return value
    if isinstance(value, Mapping):
        return {str(key): _make_plain(f"{name}.{key}", item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_make_plain(f"{name}[{index}]", item) for index, item in enumerate(value)]
    kind = type(value).__name__
    raise HandoffError(
        f"{name} is a {kind}, which cannot be passed on. Use plain values, or the URL and hash of a file."
    )
