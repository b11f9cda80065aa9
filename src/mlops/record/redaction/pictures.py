"""The removal of texts that are embedded in picture files: comments, dates, program names, places, colour profiles."""

# These texts can be compressed, so they are removed without searching them for secrets.

import base64
import binascii
import re
import struct

PNG = b"\x89PNG\r\n\x1a\n"
PNG_PARTS = frozenset(b"IHDR PLTE IDAT IEND tRNS gAMA cHRM sRGB sBIT bKGD pHYs cICP acTL fcTL fdAT".split())
JPEG = b"\xff\xd8"
JPEG_TEXTS = frozenset([*range(0xE1, 0xEE), 0xEF, 0xFE])  # not APP0 and APP14, which are needed for decoding
JPEG_END = 0xD9
JPEG_MARKER = re.compile(rb"\xff+([^\x00\xd0-\xd7\xff])")  # the markers that do not occur in image data
EMBEDDED = re.compile(
    r"(data:image/(?:png|jpe?g|apng)[^,\"'()<>]{0,99};base64,)((?:[A-Za-z0-9+/=\s]|%2[bBfF]|%3[dD])+)"
)


def clean_picture(encoded: str) -> str:
    """Return a PNG or JPEG picture in base64 without its embedded texts. Other strings are returned unchanged."""
    if not encoded.lstrip().startswith(("iVBORw0KGgo", "/9j/")):
        return encoded
    try:
        data = base64.b64decode(encoded)
        cleaned = _clean_png(data) if data.startswith(PNG) else _clean_jpeg(data)
    except (binascii.Error, struct.error, IndexError):
        return encoded
    return encoded if cleaned == data else base64.b64encode(cleaned).decode() + "\n" * encoded.endswith("\n")


def clean_embedded(text: str) -> str:
    """Return a text in which the pictures in ``data:`` URLs no longer contain embedded texts."""
    if ";base64," not in text:
        return text
    return EMBEDDED.sub(lambda found: found[1] + _clean_url(found[2]), text)


def _clean_url(encoded: str) -> str:
    plain = re.sub("%2[bB]", "+", re.sub("%2[fF]", "/", re.sub("%3[dD]", "=", encoded)))
    cleaned = clean_picture(plain)
    return encoded if cleaned == plain else cleaned


def _clean_png(data: bytes) -> bytes:
    parts, place = [PNG], len(PNG)
    while place < len(data):
        length, kind = struct.unpack_from(">I4s", data, place)
        end = place + 12 + length
        if kind in PNG_PARTS:
            parts.append(data[place:end])
        if kind == b"IEND":
            break
        place = end
    return b"".join(parts)


def _clean_jpeg(data: bytes) -> bytes:
    parts, place = [JPEG], len(JPEG)
    while found := JPEG_MARKER.search(data, place):
        parts.append(data[place : found.start()])
        kind, start = found[1][0], found.end()
        if kind == JPEG_END:
            return b"".join([*parts, b"\xff\xd9"])
        place = start + struct.unpack_from(">H", data, start)[0]
        if kind not in JPEG_TEXTS:
            parts.append(data[found.start() : place])
    return b"".join([*parts, data[place:]])
