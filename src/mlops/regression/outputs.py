"""The output of a cell, split into pieces to compare: printed text, tables and pictures."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from mlops.numbers import format_pair
from mlops.regression.grids import Grid, find_grid_differences, read_grids
from mlops.regression.notebook import PICTURES, Cell, Display, Stream, join_text
from mlops.regression.pictures import measure_difference
from mlops.regression.values import Difference, Sanitizer, describe_tolerance, find_text_differences

ERRORS = "stderr"  # not compared, because warnings contain paths that differ between machines


@dataclass(frozen=True)
class Piece:
    """One part of a cell's output. `content` is a string, a `Grid`, or the bytes of a picture."""

    kind: Literal["text", "table", "picture"]
    content: Any


def read_pieces(cell: Cell) -> list[Piece]:
    """Split the output of a cell into pieces. The first piece is all printed text, if there is any."""
    streams = (output for output in cell.outputs if isinstance(output, Stream) and output.name != ERRORS)
    printed = "".join(join_text(stream.text) for stream in streams)
    shown = [piece for output in cell.outputs if isinstance(output, Display) for piece in _read_comparable(output.data)]
    return [Piece("text", printed), *shown] if printed.strip() else shown


def find_piece_differences(
    committed: Piece, found: Piece, *, numbers: float, pictures: float, sanitizer: Sanitizer
) -> Iterator[Difference]:
    """Yield the differences between two pieces of the same kind: two texts, two tables or two pictures."""
    if committed.kind == "text":
        yield from find_text_differences(committed.content, found.content, numbers, sanitizer)
    elif committed.kind == "table":
        yield from find_grid_differences(committed.content, found.content, numbers, sanitizer)
    else:
        yield from _find_picture_difference(committed.content, found.content, pictures)


def describe_pieces(pieces: list[Piece]) -> str:
    """Describe the output of a cell: "text, 2 tables"."""
    kinds = [piece.kind for piece in pieces]
    counts = {kind: kinds.count(kind) for kind in dict.fromkeys(kinds)}
    return ", ".join(kind if count == 1 else f"{count} {kind}s" for kind, count in counts.items()) or "nothing"


def _read_comparable(data: Mapping[str, Any]) -> Iterator[Piece]:
    for mime in PICTURES:
        if mime in data:
            yield Piece("picture", data[mime])
            return
    grids: list[Grid] = read_grids(data["text/html"]) if "text/html" in data else []
    if grids:
        yield from (Piece("table", grid) for grid in grids)
    elif "text/plain" in data:
        yield Piece("text", data["text/plain"])


def _find_picture_difference(committed: bytes, found: bytes, allowed: float) -> Iterator[Difference]:
    try:
        difference = measure_difference(committed, found)
    except OSError as error:
        yield Difference("picture", f"could not be compared: {error}")
        return
    if difference > allowed:
        measured, _ = format_pair(difference, allowed)
        yield Difference("picture", f"differs by {measured}", allowed=describe_tolerance(allowed))
