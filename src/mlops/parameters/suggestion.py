"""Suggestions for a mistyped name."""

import difflib
from collections.abc import Iterable


def suggest(name: str, known: Iterable[str], label: str = "Known") -> str:
    """Return the end of a message about an unknown name, such as ". Did you mean 'alpha'? Known: alpha, seed.".

    `label` introduces the list of all known names.
    """
    names = list(known)
    close = find_closest(name, names)
    return "." + (f" Did you mean {close!r}?" if close else "") + f" {label}: {', '.join(names) or 'none'}."


def find_closest(name: str, known: Iterable[str]) -> str:
    """Return a known name that begins with `name` or is similar to it, or "" if there is none."""
    names = list(known)
    begun = [found for found in names if name and found.startswith(name)]
    return next(iter([*begun, *difflib.get_close_matches(name, names, n=1)]), "")
