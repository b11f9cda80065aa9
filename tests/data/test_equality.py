"""The comparison of two arrays up to rounding."""

from mlops.data.equality import are_equal


def test_values_are_equal_but_for_rounding() -> None:
    assert are_equal([3000.0, 1.0], [3000.0, 1.0 + 1e-7])
    assert not are_equal([3000.0, 1.0], [3000.0, 1.0 + 1e-5])
    assert are_equal([0.0], [0.0])
    assert not are_equal([], [])


def test_one_huge_value_does_not_hide_differences_between_the_others() -> None:
    values = [1e14, *(100.0 + place for place in range(88))]
    assert not are_equal(values, [1e14, *(0.95 * value for value in values[1:])])
    assert are_equal(values, [1e14 * (1 + 1e-12), *values[1:]])


def test_a_few_values_among_zeros_are_compared() -> None:
    assert are_equal([1.0] + [0.0] * 88, [1.0] + [1e-12] + [0.0] * 87)
    assert not are_equal([1.0] + [0.0] * 88, [1.0] + [1e-6] + [0.0] * 87)
