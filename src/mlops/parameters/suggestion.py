"""Suggestions for a mistyped name."""

import difflib
from collections.abc import Iterable


def suggest(name: str, known: Iterable[str], label: str = "Known") -> str:
    """Return the rest of an error about an unknown name: the closest known name, and a list of all of them.

    The text begins with the full stop of the sentence before it: ". Did you mean 'alpha'? Known: alpha, seed." `label`
    introduces the list.
    """
    names = list(known)
    close = difflib.get_close_matches(name, names, n=1)
    return "." + (f" Did you mean {close[0]!r}?" if close else "") + f" {label}: {', '.join(names) or 'none'}."
