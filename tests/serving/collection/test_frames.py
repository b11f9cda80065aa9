"""Frames: what was written whole is read, and nothing after the first damage is."""

import zlib

import pytest

from mlops.serving.collection.frames import encode_frame, read_frames

PAYLOADS = [b"a", b"\x00" * 20, b"MLC" * 1000]
CONTENT = b"".join(map(encode_frame, PAYLOADS))


def read(content: bytes) -> list[bytes]:
    """Return the payloads that can be read."""
    return [payload for payload, _ in read_frames(content)]


def test_payloads_come_back_with_the_ends_of_their_frames() -> None:
    assert read(CONTENT) == PAYLOADS
    assert [end for _, end in read_frames(CONTENT)][-1] == len(CONTENT)


def test_a_frame_has_the_checksum_that_python_computes() -> None:
    """Images without zlib-ng write and read the same segments."""
    for payload in PAYLOADS:
        assert int.from_bytes(encode_frame(payload)[8:12], "little") == zlib.crc32(payload)


def test_a_file_that_ends_anywhere_gives_only_whole_frames() -> None:
    ends = [end for _, end in read_frames(CONTENT)]
    for length in range(len(CONTENT)):
        assert len(read(CONTENT[:length])) == sum(end <= length for end in ends)


@pytest.mark.parametrize("tail", [b"\x00" * 4096, b"\x00", b"\xf5MLC" + b"\x00" * 100, b"garbage of any kind"])
def test_a_tail_that_is_not_a_frame_is_not_read(tail: bytes) -> None:
    """The checksum of nothing is 0, so a frame of zeros would seem to be valid and empty."""
    assert read(CONTENT + tail) == PAYLOADS


def test_a_changed_byte_ends_the_reading_before_its_frame() -> None:
    changed = bytearray(CONTENT)
    changed[len(encode_frame(PAYLOADS[0])) + 15] ^= 1
    assert read(bytes(changed)) == PAYLOADS[:1]


def test_an_empty_payload_is_refused() -> None:
    with pytest.raises(ValueError, match="must have a payload"):
        encode_frame(b"")
