"""The redaction of secrets in texts. A secret can span several consecutive texts."""

import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from itertools import accumulate

from mlops.record.redaction.spelling import Spelling
from mlops.record.redaction.terminal import CODE

MASK = "***"
TAG = r"<[^<>]*>"
BREAK = r"(?<![ \t\r])[ \t\r]*+\n[ \t]*+"
ESCAPED_BREAK = r"\\{1,8}r?\\{0,8}n"
PLAIN, MARKUP, ESCAPED = (re.compile("|".join([BREAK, CODE.pattern, *more])) for more in ([], [TAG], [ESCAPED_BREAK]))


def redact_pieces(pieces: Sequence[str], spellings: Sequence[Spelling], *, markup: bool = False) -> list[str]:
    """Return consecutive texts in which every secret is replaced, even if it spans several texts.

    Parameters
    ----------
    pieces : sequence of str
        The texts: lines, or the pieces of a program's output.
    spellings : sequence of Spelling
        The spellings of the secrets.
    markup : bool
        Whether the texts are HTML, Markdown or SVG, in which tags are invisible.
    """
    found = list(pieces)
    whole = "".join(found)
    for noise, quiet in _remove_noise(whole, markup):
        if not any(spelling.anchor in quiet for spelling in spellings):
            continue
        edits = _find_edits("".join(found), noise, spellings)
        if edits:
            found = _apply_edits(found, edits)
    return found


def _remove_noise(text: str, markup: bool) -> Iterator[tuple[re.Pattern[str], str]]:
    coloured = CODE.sub("", text) if "\x1b" in text else text
    joined = "".join(line.strip(" \t\r") for line in coloured.split("\n")) if "\n" in coloured else coloured
    yield PLAIN, joined
    if markup and "<" in joined:
        yield MARKUP, re.sub(TAG, "", joined)
    if "\\" in joined:
        yield ESCAPED, re.sub(ESCAPED_BREAK, "", joined)


def _find_edits(text: str, noise: re.Pattern[str], spellings: Sequence[Spelling]) -> list[tuple[int, int, str]]:
    # If invisible characters split a secret, its first part is replaced with the mask, and all other parts with "".
    kept, place = [], 0
    for left_out in noise.finditer(text):
        kept.append((place, left_out.start()))
        place = left_out.end()
    kept.append((place, len(text)))
    kept = [(start, end) for start, end in kept if end > start]
    starts = [0, *accumulate(end - start for start, end in kept)]
    quiet = "".join(text[start:end] for start, end in kept)
    edits = []
    for begin, stop in _find_merged_secrets(quiet, spellings):
        mark = MASK
        for number in range(bisect_right(starts, begin) - 1, len(kept)):
            if starts[number] >= stop:
                break
            shift = kept[number][0] - starts[number]
            edits.append((max(begin, starts[number]) + shift, min(stop, starts[number + 1]) + shift, mark))
            mark = ""
    return edits


def _find_merged_secrets(text: str, spellings: Sequence[Spelling]) -> list[tuple[int, int]]:
    found = sorted(
        match.span() for spelling in spellings if spelling.anchor in text for match in spelling.pattern.finditer(text)
    )
    merged: list[tuple[int, int]] = []
    for start, end in found:
        if merged and start < merged[-1][1]:
            start, end = merged[-1][0], max(end, merged.pop()[1])
        merged.append((start, end))
    return merged


def _apply_edits(pieces: Sequence[str], edits: Sequence[tuple[int, int, str]]) -> list[str]:
    results, begin, waiting = [], 0, list(reversed(edits))
    for piece in pieces:
        end, place, parts = begin + len(piece), begin, []
        while waiting and waiting[-1][0] < end:
            start, stop, mark = waiting.pop()
            parts += [piece[place - begin : start - begin], mark]
            place = min(stop, end)
            if stop > end:
                waiting.append((end, stop, ""))
        results.append("".join([*parts, piece[place - begin :]]))
        begin = end
    return results
