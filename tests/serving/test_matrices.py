"""Many rows of numbers: what simdjson reads is what Python's json reads, and it leaves everything else to msgspec."""

import json
import random
import struct
import sys
from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings, strategies

from mlops.serving.matrices import FEWEST_BYTES, KEPT_BYTES, LIMITS, LONG_ROW, MANY_BYTES, MatrixReader
from mlops.serving.rows import RowReader
from mlops.serving.schema import Answer, Feature, Schema

FEATURES = (Feature("a"), Feature("b"), Feature("c"))
# White space that makes a small body one that is read with simdjson, in both ways of finding its rows.
SPACES = [b" " * FEWEST_BYTES, b" " * MANY_BYTES]
ROWS = [[0.1, -2, 3e5], [4.25, 0, -0.0]]
USUAL = json.dumps({"data": ROWS}).encode()
FLOATS = strategies.floats(allow_nan=False, allow_infinity=False)
checked = settings(max_examples=150, deadline=None, derandomize=True, database=None)


def pad(body: bytes, space: bytes = SPACES[0]) -> bytes:
    """Return a body with white space at the end of its first row."""
    return body.replace(b"]", space + b"]", 1)


def read_quickly(body: bytes, has_ids: bool = False) -> Any:
    """Return the rows of a body as simdjson reads them, or None."""
    found = MatrixReader(FEATURES, has_ids).read_matrix(body)
    return None if found is None else found[0]


def read_usual(body: bytes) -> Any:
    """Return the rows of a body as Python reads them."""
    return np.array(json.loads(body)["data"], dtype=np.float64)


def write_midpoint(number: float) -> str:
    """Return the number in the middle between a number and the next one. It has up to 767 digits."""
    if abs(number) > 1e200:  # infinity comes after the largest one
        return repr(number)
    above = np.nextafter(number, np.inf)
    middle = (Fraction(number) + Fraction(float(above))) / 2
    digits = 1100
    return f"{int(middle * 10**digits)}e-{digits}"


def test_the_largest_number_has_no_midpoint() -> None:
    assert write_midpoint(sys.float_info.max) == "1.7976931348623157e+308"


texts = strategies.one_of(
    FLOATS.map(repr),
    FLOATS.map(write_midpoint),
    strategies.integers(-(2**64), 2**64).map(str),
    strategies.integers(10**18, 10**40).map(str),
    strategies.tuples(strategies.integers(0, 10**25), strategies.integers(-345, 280)).map(
        lambda pair: f"{pair[0]}E{pair[1]:+}"
    ),
    strategies.tuples(FLOATS, strategies.integers(0, 30)).map(lambda pair: f"{pair[0]:.{pair[1]}f}"),
    strategies.sampled_from(
        ["-0", "-0.0", "0e9", "-0E0", "1.7976931348623157e308", "5e-324", "2.4703282292062328e-324"]
    ),
)


@checked
@given(numbers=strategies.lists(texts, min_size=3, max_size=3), space=strategies.sampled_from(SPACES))
def test_each_number_has_the_bits_that_python_reads(numbers: list[str], space: bytes) -> None:
    body = pad(b'{"data": [[%s]]}' % ",".join(numbers).encode(), space)
    expected = struct.pack("3d", *map(float, numbers))  # where json.loads makes -0 a whole number, this is -0.0
    found, *_ = RowReader(Schema(1, FEATURES, Answer())).read_rows(body)
    quick = read_quickly(body)
    whole = [number.lstrip("-").isdigit() for number in numbers]
    assert quick is not None or any(whole)  # a whole number with more than 64 bits is left to msgspec
    for matrix in (found, quick):
        if matrix is not None:
            assert matrix.tobytes() == expected or (
                "-0" in numbers and matrix.tolist() == [[float(number) for number in numbers]]
            )


@checked
@given(
    place=strategies.integers(0, len(USUAL)),
    removed=strategies.integers(0, 3),
    added=strategies.one_of(
        strategies.binary(max_size=3), strategies.text('[]{},:"data 0123-.eE\n\\u\ufeff', max_size=4)
    ),
    space=strategies.sampled_from(SPACES),
)
def test_a_changed_body_is_read_as_python_reads_it_or_not_at_all(
    place: int, removed: int, added: bytes | str, space: bytes
) -> None:
    changed = added if isinstance(added, bytes) else added.encode()
    body = pad(USUAL[:place] + changed + USUAL[place + removed :], space)
    matrix = read_quickly(body)
    if matrix is not None:
        assert body.count(b'"') == 2
        np.testing.assert_array_equal(matrix, read_usual(body), strict=True)


@settings(checked, max_examples=60)
@given(
    rows=strategies.recursive(
        strategies.sampled_from([1, 2.5, -3]), lambda values: strategies.lists(values, max_size=4), max_leaves=14
    ),
    space=strategies.sampled_from(SPACES),
)
def test_lists_of_other_shapes_are_left_to_msgspec(rows: object, space: bytes) -> None:
    for data in (rows, [*ROWS, rows], [*ROWS, rows, *ROWS], [rows, *ROWS]):
        matrix = read_quickly(pad(b'{"data":%s}' % json.dumps(data).encode(), space))
        is_regular = isinstance(data, list) and all(isinstance(row, list) and len(row) == 3 for row in data)
        if is_regular and data and not any(isinstance(value, list) for row in data for value in row):
            np.testing.assert_array_equal(matrix, data)
        else:
            assert matrix is None


@pytest.mark.parametrize("space", SPACES, ids=["small", "large"])
@pytest.mark.parametrize(
    "body",
    [
        b'{"data": [[1, 2, 3]], "data": [[1, 2, 3]]}',
        b'{"data": [[1, 2, 3]], "rows": [[1, 2, 3]]}',
        b'{"rows": [[1, 2, 3]]}',
        b'{"d1ata": [[1, 2, 3]]}',
        b'{"da ta": [[1, 2, 3]]}',
        b'{"\\u0064ata": [[1, 2, 3]]}',
        b'\xef\xbb\xbf{"data": [[1, 2, 3]]}',
        b'{"data": [[1, 2, 3]], "ids": ["a"]}',
        b'{"data": [[1, 2], [3, 4, 5, 6]]}',
        b'{"data": [[1, 2, 3], [4, 5], [6]]}',
        b'{"data": [[1, 2, 3],4,[5, 6]]}',
        b'{"data": [[1, 2, 3], 4, 5, 6]}',
        b'{"data": [[1, 2, 3], [4, 5, 6], []]}',
        b'{"data": [[1, 2, 3], []]}',
        b'{"data": [[1, 2, [3]]]}',
        b'{"data": [[[1, 2, 3]]]}',
        b'{"data": [[1, 2, 3, 4, 5, 6]]}',
        b'{"data": [1, 2, 3]}',
        b'{"data": [[]]}',
        b'{"data": []}',
        b'{"data": [[1, 2, null]]}',
        b'{"data": [[1, 2, true]]}',
        b'{"data": [[1, 2, "3"]]}',
        b'{"data": [[1, 2, NaN]]}',
        b'{"data": [[1, 2, 1e999]]}',
        b'{"data": [[1, 2, 01]]}',
        b'{"data": [[1, 2, .5]]}',
        b'{"data": [[1, 2, ]]}',
        b'{"data": [[1, 2 3, 4]]}',
        b'{"data": [[1, 2, 3]',
        b'{"data": [[1, 2, 3]]} 1',
        b'{"data": [[1, 2, 3]]}\x00',
        b'{"data": [{"a": 1, "b": 2, "c": 3}]}',
        b"[[1, 2, 3]]",
    ],
)
def test_an_unusual_body_is_left_to_msgspec(body: bytes, space: bytes) -> None:
    reader = MatrixReader(FEATURES)
    assert reader.read_matrix(body.replace(b"[", b"[" + space, 1)) is None
    matrix, ids = reader.read_matrix(pad(USUAL, space))  # the parser can be used again
    np.testing.assert_array_equal(matrix, ROWS)
    assert ids is None


@pytest.mark.parametrize("space", SPACES, ids=["small", "large"])
def test_white_space_can_be_anywhere_between_the_tokens(space: bytes) -> None:
    body = b'\n{ "data"\t:\r\n[ [ 0.1%s ,-2,3e5 ]\n,[4.25,0,-0.0] ] }\n' % space
    assert read_quickly(body).tobytes() == np.array(ROWS).tobytes()


def test_many_rows_of_any_width_are_read() -> None:
    chooser = random.Random(3)
    for columns in (1, 2, 7, 255, 256, 300):
        rows = [[chooser.choice([0, 1, -1.5, 12345]) for _ in range(columns)] for _ in range(12_000 // columns)]
        reader = MatrixReader([Feature(f"c{place}") for place in range(columns)])
        for separators in ((",", ":"), (", ", ": ")):
            body = pad(json.dumps({"data": rows}, separators=separators).encode(), b" " * LONG_ROW)
            assert len(body) > MANY_BYTES
            np.testing.assert_array_equal(reader.read_matrix(body)[0], rows)
        for wrong in ([*rows[:-1], [*rows[-1], 1]], [[*rows[0], *rows[0]], *rows[1:-1], []]):
            assert reader.read_matrix(pad(json.dumps({"data": wrong}).encode(), b" " * LONG_ROW)) is None


@pytest.mark.parametrize("space", SPACES, ids=["small", "large"])
@pytest.mark.parametrize(
    "ids", [["a", "b"], [4711, None], ["]],[", '", "ids": ["'], ["ids", "\u00e9\0"], [-5, 2**64 - 1]]
)
def test_ids_after_the_rows_are_read_with_them(ids: list[object], space: bytes) -> None:
    body = pad(json.dumps({"data": ROWS, "ids": ids}).encode(), space)
    matrix, found = MatrixReader(FEATURES, has_ids=True).read_matrix(body)
    np.testing.assert_array_equal(matrix, ROWS)
    assert found == ids


@pytest.mark.parametrize("space", SPACES, ids=["small", "large"])
@pytest.mark.parametrize(
    "more",
    [
        b'"ids": ["a"]',
        b'"ids": ["a", "b", "c"]',
        b'"ids": ["a", 1.0]',
        b'"ids": ["a", true]',
        b'"ids": ["a", ["b"]]',
        b'"ids": ["a", 18446744073709551616]',
        b'"ids": ["a", "\\ud800"]',
        b'"ids": ["a", "\xff"]',
        b'"ids": null',
        b'"ids": "ab"',
        b'"ids": {"a": 1, "b": 2}',
        b'"ids": ["a", "b"], "ids": ["a", "b"]',
        b'"ids": ["a", "b"], "more": 1',
        b'"ids": ["a", "b"], "data": [[1, 2, 3]]',
        b'"more": 1, "ids": ["a", "b"]',
        b'"more": ["ids"]',
    ],
)
def test_unusual_ids_are_left_to_msgspec(more: bytes, space: bytes) -> None:
    body = pad(USUAL[:-1] + b", " + more + b"}", space)
    assert MatrixReader(FEATURES, has_ids=True).read_matrix(body) is None


def test_numbers_out_of_range_are_left_to_msgspec() -> None:
    reader = MatrixReader((Feature("a", minimum=0, maximum=1), Feature("b", maximum=2.5), Feature("c")))
    good = [[0, -1e300, 5], [1, 2.5, -5]]
    np.testing.assert_array_equal(reader.read_matrix(pad(json.dumps({"data": good}).encode()))[0], good)
    for column, value in ((0, -5e-324), (0, 1.0000000000000002), (1, 2.5000000000000004)):
        for count in (1, LIMITS // 3):
            bad = [*good * count, [*good[0]]]
            bad[-1][column] = value
            assert reader.read_matrix(pad(json.dumps({"data": bad}).encode())) is None


def test_threads_and_bodies_of_any_size_share_a_reader() -> None:
    chooser, reader = random.Random(7), MatrixReader(FEATURES)
    bodies = []
    for count in (30, 700, 90, 6_000, 300, 40) * 8:
        rows = [[chooser.gauss(0, 1e3), chooser.random(), float(chooser.randint(-9, 9))] for _ in range(count)]
        bodies.append((json.dumps({"data": rows}).encode(), np.array(rows)))
    assert len(bodies[3][0]) > KEPT_BYTES
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(reader.read_matrix, [body for body, _ in bodies]))
    for read, (_, expected) in zip(found, bodies, strict=True):
        assert read is not None
        assert read[0].tobytes() == expected.tobytes()
