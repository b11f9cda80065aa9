"""What an unknown name was probably meant to be."""

import difflib
from collections.abc import Iterable


def suggest(name: str, known: Iterable[str], label: str = "known") -> str:
    """Return the end of an error about an unknown name: the one that was probably meant, and all that are known.

    `label` says what is listed: "(known: alpha, seed)".
    """
    names = list(known)
    close = difflib.get_close_matches(name, names, n=1)
    return (f"; did you mean {close[0]!r}?" if close else "") + f" ({label}: {', '.join(names) or 'none'})"
