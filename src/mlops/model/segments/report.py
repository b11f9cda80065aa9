"""The report of a comparison in segments: sentences, and a table."""

from collections.abc import Iterator

import pandas as pd

from mlops.model.segments.verdicts import WORSE, Segment, Segments
from mlops.numbers import format_confidence, format_count, format_number, format_pair

MOST_NAMED, MOST_SHOWN = 3, 60  # pandas shows at most 60 rows


def describe_segments(segments: Segments) -> str:
    """Return sentences, one per line: where the challenger is worse, and which segments were not compared and why."""
    if not segments.found and not segments.absent:
        return "There are no segments to compare."
    lines = [f"The data has no column {name!r}, so there are no segments of this column." for name in segments.absent]
    if any(segment.verdict for segment in segments.found):
        lines += [_summarize(segments), *_list_uncompared(segments)]
    elif segments.found:
        lines.append("There was no comparison with a champion, so the table has only the challenger.")
    if len(segments.found) > MOST_SHOWN:
        order = "Those in which the challenger is worse come first."
        lines.append(f"The table has {MOST_SHOWN} of {len(segments.found)} segments. {order}")
    return "\n".join(lines)


def tabulate_segments(segments: Segments) -> pd.DataFrame | None:
    """Return the segments as a table, or None if there are none.

    The table has at most 60 segments. If there are more, those in which the challenger is worse come first.
    """
    if not segments.found:
        return None
    shown = segments.found
    if len(shown) > MOST_SHOWN:
        shown = tuple(sorted(shown, key=lambda segment: segment.verdict != WORSE)[:MOST_SHOWN])
    rows = [_list_cells(segment) for segment in shown]
    return pd.DataFrame(rows, [segment.name for segment in shown]).rename_axis(columns=segments.metric.title)


def name_worse(segments: Segments) -> str:
    """Return the rest of a sentence that begins "The challenger is" and names the segments in which it is worse."""
    worse = segments.worse
    named = "; ".join(_describe(segments, segment) for segment in worse[:MOST_NAMED])
    return (
        f"significantly worse in {len(worse)} of {len(segments.compared)} segments: "
        f"{named}{_count_others(len(worse) - MOST_NAMED)}."
    )


def _summarize(segments: Segments) -> str:
    count = len(segments.compared)
    if not count:
        return "No segment has enough rows for a comparison."
    each = f"Together, the bounds of all segments have a confidence of {format_confidence(segments.confidence)}."
    if segments.worse:
        return f"The challenger is {name_worse(segments)} {each}"
    none = f"None of the {count} segments with enough rows shows a"
    none = none if count > 1 else "The only segment with enough rows shows no"
    return f"{none} decline that is significant and large enough to matter. {each}"


def _list_uncompared(segments: Segments) -> Iterator[str]:
    reasons = dict.fromkeys(segment.verdict for segment in segments.found if segment.improvement is None)
    for reason in reasons:
        left_out = [segment for segment in segments.found if segment.verdict == reason]
        named = "; ".join(f"{segment.name} ({format_count(segment.rows, 'row')})" for segment in left_out[:MOST_NAMED])
        yield f"Not compared ({reason}): {named}{_count_others(len(left_out) - MOST_NAMED)}."


def _count_others(count: int) -> str:
    return f"; and {count} more" if count > 0 else ""


def _describe(segments: Segments, segment: Segment) -> str:
    old, new = format_pair(segment.champion or 0.0, segment.challenger or 0.0)
    return f"{segment.name} ({segments.metric.title} {new} instead of {old} on {format_count(segment.rows, 'row')})"


def _list_cells(segment: Segment) -> dict[str, str]:
    cells = {"rows": f"{segment.rows:,}", "share": f"{format_number(100 * segment.share)}%"}
    if not segment.verdict:
        return {**cells, "challenger": format_number(segment.challenger)}
    numbers = {name: getattr(segment, name) for name in ("champion", "challenger", "improvement", "upper_bound")}
    shown = {name.replace("_", " "): format_number(value) for name, value in numbers.items()}
    return {**cells, **shown, "verdict": segment.verdict}
