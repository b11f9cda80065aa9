"""Frames: payloads in an append-only file, each with a length and a checksum."""

# After a power failure, a file can lack its end, or end with zeros. Such an end must not be read as valid frames.
# Without the magic number and the minimum length, zeros would be empty frames, because the checksum of no bytes is 0.

import struct
from collections.abc import Iterator

try:  # takes an eighth of the time
    from zlib_ng.zlib_ng import crc32
except ImportError:  # images of older versions do not have it
    from zlib import crc32

MAGIC = b"\xf5MLC"
HEAD = struct.Struct("<4sII")  # magic number, length of the payload, CRC-32 of the payload


def encode_frame(payload: bytes) -> bytes:
    """Return a frame that contains a payload, which must not be empty."""
    if not payload:
        raise ValueError("A frame must have a payload.")
    return HEAD.pack(MAGIC, len(payload), crc32(payload)) + payload


def read_frames(content: bytes) -> Iterator[tuple[bytes, int]]:
    """Yield the payload and the end position of each frame. Stop at a frame that is incomplete or damaged."""
    start = 0
    while start + HEAD.size < len(content):
        magic, length, checksum = HEAD.unpack_from(content, start)
        end = start + HEAD.size + length
        payload = content[start + HEAD.size : end]
        if magic != MAGIC or not length or end > len(content) or crc32(payload) != checksum:
            return
        yield payload, end
        start = end
