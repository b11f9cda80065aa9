"""Suggestions for a mistyped name."""

import difflib
from collections.abc import Iterable


def suggest(name: str, known: Iterable[str], label: str = "Known") -> str:
    """Return the end of an error message about an unknown name: the closest known name, and a list of all known names.

    The text begins with the full stop of the sentence before it: ". Did you mean 'alpha'? Known: alpha, seed." `label`
    introduces the list.
    """
    names = list(known)
    close = find_closest(name, names)
    return "." + (f" Did you mean {close!r}?" if close else "") + f" {label}: {', '.join(names) or 'none'}."


def find_closest(name: str, known: Iterable[str]) -> str:
    """Return a known name that begins with `name`, or else a similar one. Return "" if no name is similar."""
    names = list(known)
    begun = [found for found in names if name and found.startswith(name)]
    return next(iter([*begun, *difflib.get_close_matches(name, names, n=1)]), "")
