"""The differences between the results that a notebook stores and the results that its metadata declares."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from mlops.regression.expectations import read_declaration
from mlops.regression.notebook import Notebook

CHECK = ("mlops", "check", "scraps")  # the keys of the declarations in the metadata of a notebook
DIGITS = 1e-6  # the proposed tolerance for a number with decimals; other results must be equal


@dataclass(frozen=True)
class ScrapChanges:
    """The changes to the declarations in a notebook's metadata: results to add, and results to remove.

    Parameters
    ----------
    missing : mapping of str to float
        The proposed tolerance of each result that the notebook stores, but does not declare.
    stale : tuple of str
        The results that the notebook declares, but does not store.
    """

    missing: Mapping[str, float]
    stale: tuple[str, ...]

    def __bool__(self) -> bool:
        return bool(self.missing or self.stale)

    def describe(self) -> list[str]:
        """Return the changes as lines of a diff."""
        added = (f"+ {name}: {value:g}" for name, value in self.missing.items())
        return [*(f"- {name}" for name in self.stale), *added]

    def apply(self, metadata: dict[str, Any]) -> None:
        """Apply the changes to the metadata of a notebook."""
        for key in CHECK[:-1]:
            metadata = metadata.setdefault(key, {})
        kept = {name: value for name, value in metadata.get(CHECK[-1], {}).items() if name not in self.stale}
        metadata[CHECK[-1]] = {**kept, **self.missing}


def compare_scraps(executed: Mapping[str, Any], name: str) -> ScrapChanges:
    """Return the differences between the results that an executed notebook declares and those that it stored.

    Parameters
    ----------
    executed : mapping
        The notebook with its outputs.
    name : str
        The name of the notebook, for error messages.

    Raises
    ------
    UsageError
        If the metadata of the notebook contains an invalid declaration.
    """
    notebook = msgspec.convert(executed, Notebook)
    declared, found = read_declaration(notebook, name).scraps, notebook.scraps
    missing = {key: DIGITS if isinstance(value, float) else 0.0 for key, value in found.items() if key not in declared}
    return ScrapChanges(missing, tuple(key for key in declared if key not in found))
