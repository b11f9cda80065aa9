"""Frames: payloads in an append-only file, each with a length and a checksum."""

# A file that lost its end, or that ends with zeros after a power failure, must not be read as if it were valid. The
# checksum of nothing is 0, so without the magic number and the minimum length, zeros would be empty frames.

import struct
import zlib
from collections.abc import Iterator

MAGIC = b"\xf5MLC"
HEAD = struct.Struct("<4sII")  # magic number, length of the payload, CRC-32 of the payload


def encode_frame(payload: bytes) -> bytes:
    """Return a frame that contains a payload, which must not be empty."""
    if not payload:
        raise ValueError("A frame must have a payload.")
    return HEAD.pack(MAGIC, len(payload), zlib.crc32(payload)) + payload


def read_frames(content: bytes) -> Iterator[tuple[bytes, int]]:
    """Yield the payload of each frame, and the position of its end. Stop at the first frame that is not whole."""
    start = 0
    while start + HEAD.size < len(content):
        magic, length, checksum = HEAD.unpack_from(content, start)
        end = start + HEAD.size + length
        payload = content[start + HEAD.size : end]
        if magic != MAGIC or not length or end > len(content) or zlib.crc32(payload) != checksum:
            return
        yield payload, end
        start = end
