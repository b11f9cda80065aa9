"""The columns, the number of rows and the hash of a data folder, combined from those of its files."""

from collections.abc import Iterator
from dataclasses import dataclass

from mlops.cluster.parts import Part, find_parts, inspect_part
from mlops.cluster.workers import Workers
from mlops.data.batches import Columns, combine_schemas
from mlops.data.listing import PARQUET


@dataclass(frozen=True)
class Folder:
    """The result of inspecting a data folder. A data file counts as a folder with one part.

    Parameters
    ----------
    parts : tuple of Part
        The files with rows, in the order of the rows.
    counts : tuple of int
        The number of rows of each part.
    columns : Columns
        The columns of the table.
    sha256 : str
        The hash of all files. Empty if it was not requested.
    """

    parts: tuple[Part, ...]
    counts: tuple[int, ...]
    columns: Columns
    sha256: str

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the columns, in order."""
        return self.columns.names

    @property
    def numbers(self) -> frozenset[str]:
        """The names of the numeric columns, except names that occur more than once."""
        return self.columns.numbers

    @property
    def rows(self) -> int:
        """The number of rows."""
        return sum(self.counts)

    @property
    def is_text(self) -> bool:
        """True for a text file, whose columns are unknown until the file is read."""
        return self.parts[0].format != PARQUET

    def name_kind(self, name: str) -> str:
        """Return the pandas name of a column's type, such as "float64"."""
        return self.columns.name_kind(name)

    def list_starts(self) -> Iterator[tuple[Part, int]]:
        """Yield each part, and the position of its first row in the whole table, counted from 0."""
        row = 0
        for part, count in zip(self.parts, self.counts, strict=True):
            yield part, row
            row += count


def inspect_folder(url: str, workers: Workers, *, is_hashed: bool) -> Folder:
    """Return the columns and the number of rows of a data file or folder and, if `is_hashed` is true, its hash.

    Raises
    ------
    UsageError
        If the file or folder does not exist, if a worker cannot read it, or if a file is damaged.
    """
    files, parts = find_parts(url)
    with_rows = {name for name in files.parts if files.format == PARQUET}
    wanted = parts if is_hashed else {name: parts[name] for name in files.parts}
    handles = [workers.submit(inspect_part, part, name in with_rows, is_hashed) for name, part in wanted.items()]
    found = dict(zip(wanted, workers.collect(handles), strict=True))
    inspected = [found[name] for name in files.parts]
    return Folder(
        parts=tuple(one.part for one in inspected),
        counts=tuple(one.rows for one in inspected),
        columns=combine_schemas([one.schema for one in inspected]),
        sha256=files.hash_content({name: one.part.sha256 for name, one in found.items()}) if is_hashed else "",
    )
