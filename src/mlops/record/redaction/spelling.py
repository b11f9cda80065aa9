r"""The forms in which a secret can occur: plain, escaped for code, JSON, HTML or a URL, in base64 or hexadecimal."""

# A spelling is a regular expression that matches every escaped form of each character: ``&`` is also ``&amp;``,
# ``&#38;``, ``%26`` and ``\u0026``. Searching for a regular expression is slow (50 MB/s), but searching for a fixed
# string is fast (1 GB/s). So each spelling also has an anchor: the longest part of the secret that is the same in every
# format. Only texts that contain the anchor are searched with the regular expression.

import base64
import html.entities
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from urllib.parse import quote

LONG_LINE = 16  # in a secret with several lines, lines of at least this length are also redacted individually
SHORT_ANCHOR = 3  # minimum length of an anchor; a shorter anchor would occur in almost every text
NAMES: dict[str, list[str]] = {}
for _name, _text in html.entities.html5.items():
    if _name.endswith(";"):
        NAMES.setdefault(_text, []).append(_name[:-1])


@dataclass(frozen=True)
class Spelling:
    """A form of a secret, with a string and a pattern by which it is found in texts.

    Parameters
    ----------
    anchor : str
        The longest part of the secret that no escaping changes; empty if this part is too short to be useful.
    pattern : re.Pattern
        A pattern that matches the secret after line breaks, colour codes and tags were removed from the text.
    """

    anchor: str
    pattern: re.Pattern[str]


@cache
def list_spellings(secret: str) -> tuple[Spelling, ...]:
    """Return the spellings of a secret and, if the secret has several lines, of each long line."""
    lines = [
        line for line in secret.split("\n") if len(line.strip()) >= LONG_LINE and not re.search(r"\s", line.strip())
    ]
    found = {}
    for text in dict.fromkeys([secret.strip(), *(line.strip() for line in lines)]):
        for spelled in (text, *_list_hex_and_base64(text)):
            found[spelled] = _spell(spelled)
    return tuple(found.values())


def _list_hex_and_base64(text: str) -> Iterator[str]:
    # The base64 of a secret depends on its position in the encoded text, so all possible forms are yielded.
    forms = {
        text,
        json.dumps(text)[1:-1],
        json.dumps(text, ensure_ascii=False)[1:-1],
        quote(text, safe=""),
        html.escape(text),
    }
    yield text.encode(errors="surrogatepass").hex()
    yield text.encode(errors="surrogatepass").hex().upper()
    for form in sorted(forms):
        data = form.encode(errors="surrogatepass")
        for before in range(3):
            bits = 8 * (before + len(data))
            first = -(-8 * before // 6)  # the first character without bits of the preceding text
            yield base64.b64encode(bytes(before) + data).decode()[first : bits // 6]


def _spell(text: str) -> Spelling:
    runs = re.findall("[0-9A-Za-z]+", text)
    anchor = max(runs, key=len, default="")
    pattern = "".join(_spell_character(character) for character in text)
    return Spelling(anchor if len(anchor) >= SHORT_ANCHOR else "", re.compile(pattern))


@cache
def _spell_character(character: str) -> str:
    if re.fullmatch("[0-9A-Za-z]", character):
        return character
    number = ord(character)
    ways = [re.escape(character)]
    ways += [rf"&(?:amp;){{0,3}}{re.escape(name)};" for name in NAMES.get(character, ())]
    ways += [rf"&(?:amp;){{0,3}}#0{{0,6}}{number};", rf"&(?:amp;){{0,3}}#[xX]0{{0,6}}{_ignore_case(f'{number:x}')};"]
    data = character.encode(errors="surrogatepass")
    ways += ["".join(f"%(?:25){{0,3}}{_ignore_case(f'{byte:02x}')}" for byte in data)]
    ways += ["".join(rf"\\{{1,8}}x{_ignore_case(f'{byte:02x}')}" for byte in data)]
    wide = character.encode("utf-16-be", errors="surrogatepass").hex()
    ways += ["".join(rf"\\{{1,8}}u{_ignore_case(wide[place : place + 4])}" for place in range(0, len(wide), 4))]
    ways += [rf"\\{{1,8}}U{_ignore_case(f'{number:08x}')}"]
    ways += [rf"\\{{1,8}}x{_ignore_case(f'{number:02x}')}"] if number < 256 else []
    ways += OTHER_WAYS.get(character, [])
    optional = "?" if character.isspace() else ""
    return rf"(?:\\{{0,8}}(?:{'|'.join(dict.fromkeys(ways))})){optional}"


OTHER_WAYS = {
    " ": [r"\+", "&nbsp;", "\xa0"],
    "+": ["-"],  # the alphabet of base64 for URLs
    "/": ["_"],
    "\n": [r"\\{1,8}n", r"\\{1,8}r\\{1,8}n", "%0[dD]%0[aA]", "&#13;&#10;", r"\r\n"],
    "\t": [r"\\{1,8}t"],
    "\r": [r"\\{1,8}r"],
    "\\": [r"\\{1,8}"],
}


def _ignore_case(digits: str) -> str:
    return "".join(f"[{digit}{digit.upper()}]" if digit.isalpha() else digit for digit in digits)
