"""The comparison of two arrays up to rounding."""

from mlops.data.equality import are_equal


def test_values_are_equal_but_for_rounding() -> None:
    assert are_equal([3000.0, 1.0], [3000.0, 1.0 + 1e-7])
    assert not are_equal([3000.0, 1.0], [3000.0, 1.0 + 1e-5])
    assert are_equal([0.0], [0.0])
    assert not are_equal([], [])
