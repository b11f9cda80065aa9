"""The redaction of secrets in all output that is saved or shown.

.. code-block:: text

    spelling   the forms of a secret: escaped, quoted, in base64
    texts      finds secrets in texts, even across line breaks, colour codes and tags
    pictures   removes comments and other embedded texts from pictures
    notebooks  finds secrets in executed notebooks, even across outputs
    terminal   converts the output of a program to the text that a terminal shows
"""

# Some secrets are not found: those that are drawn, encrypted, hashed, compressed or reversed, that are shown only in
# part, whose parts are separated by other characters, or that are spread over several cells or values.
# `docs/secrets.md` lists these cases.

from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any, TypeVar

import msgspec

from mlops.record.redaction.pictures import clean_embedded, clean_picture
from mlops.record.redaction.spelling import Spelling, list_spellings
from mlops.record.redaction.texts import MASK, redact_pieces

__all__ = ["MASK", "Redactor", "make_redactor", "redact_known", "redact_record", "redact_text"]

Record = TypeVar("Record")
MARKUP = ("text/html", "text/markdown", "text/latex", "image/svg+xml", "application/xml", "text/xml")
# Texts up to this length are cached after redaction, because a run saves its record about ten times, with the same 900
# short texts.
MEMO_LENGTH, MEMO_SIZE = 1000, 10_000
PICTURES = ("image/png", "image/jpeg", "image/apng")


class Redactor:
    """An object that replaces secrets with ``***``.

    Parameters
    ----------
    secrets : iterable of str
        The values to keep secret.
    """

    def __init__(self, secrets: Iterable[str]) -> None:
        self._spellings: tuple[Spelling, ...] = tuple(
            spelling for secret in dict.fromkeys(secrets) if secret.strip() for spelling in list_spellings(secret)
        )
        self._memo: dict[tuple[str, str], str] = {}

    def __bool__(self) -> bool:
        return bool(self._spellings)

    def redact(self, text: str, kind: str = "") -> str:
        """Return a text in which every secret is replaced. `kind` is the MIME type of the text, or empty."""
        if len(text) > MEMO_LENGTH:
            return self.redact_pieces([text], kind)[0]
        found = self._memo.get((text, kind))
        if found is None:
            if len(self._memo) >= MEMO_SIZE:
                self._memo.clear()
            found = self._memo[text, kind] = self.redact_pieces([text], kind)[0]
        return found

    def redact_pieces(self, pieces: list[str], kind: str = "") -> list[str]:
        """Return consecutive texts, such as lines, in which every secret is replaced. `kind` is their MIME type."""
        if not self._spellings:
            return pieces
        if kind in PICTURES:
            pieces = [clean_picture("".join(pieces))] + [""] * (len(pieces) - 1)
        elif any(";base64," in piece for piece in pieces):
            pieces = [clean_embedded("".join(pieces))] + [""] * (len(pieces) - 1)
        return redact_pieces(pieces, self._spellings, markup=kind in MARKUP)

    def redact_value(self, value: Any, kind: str = "") -> Any:
        """Return a JSON value in which every secret is replaced, even one that spans several strings of a list."""
        if isinstance(value, str):
            return self.redact(value, kind)
        if isinstance(value, Mapping):
            return {
                self.redact(key) if isinstance(key, str) else key: self.redact_value(item, _find_mime_type(key, kind))
                for key, item in value.items()
            }
        if isinstance(value, list | tuple):
            if value and all(isinstance(item, str) for item in value):
                return self.redact_pieces(list(value), kind)
            return [self.redact_value(item, kind) for item in value]
        return value


def _find_mime_type(key: Any, kind: str) -> str:
    return key if isinstance(key, str) and "/" in key else kind


_known: dict[str, None] = {}


@lru_cache(maxsize=16)
def _remember(secrets: tuple[str, ...]) -> Redactor:
    _known.update(dict.fromkeys(secrets))
    return Redactor(secrets)


def make_redactor(secrets: Iterable[str]) -> Redactor:
    """Return a redactor for these secrets. Repeated calls return the same object."""
    return _remember(tuple(secrets))


def redact_record(record: Record, secrets: Iterable[str]) -> Record:
    """Return a copy of a record in which every secret is replaced with ``***``.

    Parameters
    ----------
    record : JSON value or dataclass
        The value to redact. A secret can span several strings of a list.
    secrets : iterable of str
        The values to keep secret.
    """
    redactor = make_redactor(secrets)
    if not redactor:
        return record
    return msgspec.convert(redactor.redact_value(msgspec.to_builtins(record)), type(record))


def redact_text(text: str, secrets: Iterable[str]) -> str:
    """Return a text in which every secret is replaced with ``***``."""
    return make_redactor(secrets).redact(text)


def redact_known(text: str, others: Iterable[str] = ()) -> str:
    """Return a text in which every known secret is replaced with ``***``.

    The known secrets are those in `others`, and all that were given to the functions of this module before.
    """
    # All secrets are replaced in one pass. In two passes, the first could replace a short secret at the beginning of a
    # longer secret, and the rest of the longer secret would remain.
    return redact_text(text, [*_known, *others])
