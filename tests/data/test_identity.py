"""The identity of rows: a row that comes back with other digits is the same row, or not known to be a different one."""

import io
import tracemalloc
from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from progression import FEATURES, problem

from mlops.data.identity import match_rows

Write = Callable[[pd.DataFrame], pd.DataFrame]


def through_csv(rows: pd.DataFrame, form: str | None) -> pd.DataFrame:
    """Return rows as they come back from a CSV file."""
    return pd.read_csv(io.StringIO(rows.to_csv(index=False, float_format=form)))


# By name: the form in which the same rows come back, and whether they are recognised as the same.
FORMS: dict[str, tuple[Write, bool]] = {
    "float64": (lambda rows: rows.copy(), True),
    "float32": (lambda rows: rows.astype("float32"), True),
    "CSV, all digits": (lambda rows: through_csv(rows, None), True),
    "CSV, %.6g": (lambda rows: through_csv(rows, "%.6g"), True),
    "CSV, %.9g": (lambda rows: through_csv(rows, "%.9g"), True),
    "CSV, %.6f": (lambda rows: through_csv(rows, "%.6f"), False),
    "CSV, %.4f": (lambda rows: through_csv(rows, "%.4f"), False),
    "CSV, %.3f": (lambda rows: through_csv(rows, "%.3f"), False),
    "CSV, %.2f": (lambda rows: through_csv(rows, "%.2f"), False),
    "CSV, %.3g": (lambda rows: through_csv(rows, "%.3g"), False),
    "CSV, %.2g": (lambda rows: through_csv(rows, "%.2g"), False),
}


@pytest.mark.parametrize(("write", "same"), FORMS.values(), ids=FORMS)
@pytest.mark.parametrize("seed", range(5))
def test_no_trained_row_is_unseen_when_its_digits_change(
    good: pd.DataFrame, write: Write, same: bool, seed: int
) -> None:
    """The new file is also split again, because a row with a value between two roundings may change sides."""
    features = good[list(FEATURES)]
    trained = ~problem.mark_holdout(features, 0.2, seed)
    again = write(features)
    found = match_rows(again, [features[trained]])
    assert not found.unseen[trained].any()
    assert found.seen[trained].all() == same
    assert found.unseen[~trained].sum() == (~trained).sum() > 70
    assert not match_rows(features, [again[trained]]).unseen[trained].any()
    held_out = problem.mark_holdout(again, 0.2, seed)
    assert not (found.unseen & trained & held_out).any()


def test_of_a_file_with_one_digit_hardly_a_new_row_is_left_out(good: pd.DataFrame) -> None:
    features = good[list(FEATURES)]
    trained = ~problem.mark_holdout(features, 0.2, 0)
    found = match_rows(through_csv(features, "%.1g"), [features[trained]])
    assert not found.unseen[trained].any()
    assert found.unknown[~trained].sum() <= 2


def test_whole_numbers_with_few_digits_are_not_taken_for_rounded() -> None:
    rows = pd.DataFrame({"age": [30, 31, 60, 119], "rooms": [1, 2, 3, 4]})
    assert match_rows(rows.assign(age=[29, 32, 62, 125]), [rows]).unseen.all()


def test_the_side_of_a_row_hardly_ever_depends_on_its_digits(good: pd.DataFrame) -> None:
    held_out = problem.mark_holdout(good, 0.2, 0)
    for name in ("float32", "CSV, %.6g"):
        assert (problem.mark_holdout(FORMS[name][0](good[list(FEATURES)]), 0.2, 0) != held_out).sum() <= 1, name


@pytest.mark.parametrize(
    ("factor", "verdict"),
    [
        (1 + 0.9e-5, "seen"),
        (1 - 0.9e-5, "seen"),
        (1 + 1.2e-5, "unknown"),
        (1 - 1e-3, "unknown"),
        (1 + 0.99e-2, "unknown"),
        (1 + 2e-2, "unseen"),
        (-1, "unseen"),
    ],
)
def test_one_column_decides(good: pd.DataFrame, factor: float, verdict: str) -> None:
    features = good[list(FEATURES)]
    for column in FEATURES:
        found = match_rows(features.assign(**{column: features[column] * factor}).head(100), [features])
        tiny = (features[column].abs() < features[column].abs().mean() / 20).to_numpy()[:100]
        assert getattr(found, verdict)[~tiny].all(), column


def test_decimals_decide_only_where_two_files_differ_in_them() -> None:
    rows = pd.DataFrame({"age": [30.0, 31, 60, 120], "share": [0.0011, 0.0012, 0.5, 0.0]})
    others = rows.assign(age=rows["age"] - 1, share=rows["share"] + 0.0001)
    assert match_rows(others.assign(share=rows["share"]), [rows]).unseen.tolist() == [True, True, True, False]
    assert match_rows(others.assign(age=rows["age"]), [rows]).unseen.tolist() == [True, True, False, True]
    fine = rows.assign(share=rows["share"] + 0.000049)
    assert match_rows(rows, [fine]).unknown.all()
    assert match_rows(rows, [rows.head(0), fine, others * 10]).unknown.all()
    assert match_rows(rows, [fine + 0.001]).unseen.tolist() == [True, True, False, True]
    assert match_rows(rows.astype("float32"), [fine]).unknown.all()


def test_rows_are_looked_up_among_all_records_and_all_are_unknown_without_one(good: pd.DataFrame) -> None:
    features = good[list(FEATURES)]
    first, second, third = features[:100], features[100:150], features[150:]
    found = match_rows(features, [first, second])
    assert found.unseen.tolist() == [False] * 150 + [True] * 292
    assert str(found) == "292 of 442 held-out rows are unseen. Left out: 150 seen, 0 that may have been seen."
    assert found.left_out == "150 held-out rows are left out because a model was trained on them."
    found = match_rows(features * 1.001, [first])
    assert found.left_out == found.explanation
    assert str(found).splitlines() == [
        "342 of 442 held-out rows are unseen. Left out: 0 seen, 100 that may have been seen.",
        "100 rows are left out because each agrees with a training row except for rounding, and may be the same row.",
    ]
    found = match_rows(third, [first, None])
    assert (found.seen.any(), found.unknown.all(), found.unseen.any()) == (False, True, False)
    assert found.explanation == (
        "292 rows are left out because the training rows of a model are unavailable. Restore them from a backup."
    )
    assert match_rows(features, [features, None]).seen.all()


def test_without_rows_or_records_nothing_is_seen(good: pd.DataFrame) -> None:
    features = good[list(FEATURES)]
    assert match_rows(features, []).unseen.all()
    assert match_rows(features, []).left_out == ""
    assert match_rows(features, [features.head(0)]).unseen.all()
    assert len(match_rows(features.head(0), [features]).unseen) == 0


def test_text_gaps_dates_zeros_and_infinities_have_an_identity_too() -> None:
    rows = pd.DataFrame(
        {
            "city": ["Ulm", "Ulm", None, "Bonn"],
            "day": pd.to_datetime(["2026-01-01", "2026-01-02", None, "2026-01-01"]),
            "amount": [1.0, np.nan, np.inf, 0.0],
            "count": [0, 0, 0, 0],
            "member": [True, False, True, True],
        }
    )
    assert match_rows(rows, [rows[::-1]]).seen.all()
    others = {"city": "Köln", "day": pd.Timestamp("2020-01-01"), "amount": 5.0, "count": 1, "member": False}
    for name, value in others.items():
        changed = rows.head(1).assign(**{name: value})
        assert match_rows(changed, [rows]).unseen.all(), name


def test_the_type_of_a_column_may_differ_between_files() -> None:
    """A gap elsewhere in a file makes booleans objects, and pandas reads times in other units."""
    rows = pd.DataFrame({"member": [True, False], "day": pd.to_datetime(["2026-01-01", "2026-01-02"])})
    gaps = pd.concat([rows, pd.DataFrame({"member": [None], "day": [pd.NaT]})], ignore_index=True)
    again = gaps.astype({"day": "datetime64[s]"})
    assert again["member"].dtype == object
    assert match_rows(rows, [again]).seen.all()
    assert match_rows(again, [rows]).seen.tolist() == [True, True, False]
    assert match_rows(again, [gaps]).seen.all()


def test_constant_and_repeated_rows_are_found() -> None:
    rows = pd.DataFrame({"a": [3.0] * 1000, "b": [0.0] * 1000})
    assert match_rows(rows, [rows]).seen.all()
    assert match_rows(rows.assign(a=3.6), [rows]).unseen.all()


def test_of_a_column_of_zeros_only_zeros_are_found() -> None:
    known = pd.DataFrame({"a": [-0.0, np.inf]})
    assert match_rows(pd.DataFrame({"a": [0.0, np.inf, 2.0]}), [known]).unseen.tolist() == [False, False, True]


def test_wide_rows_are_looked_up_in_all_their_columns(good: pd.DataFrame) -> None:
    wide = pd.DataFrame(np.random.default_rng(0).normal(size=(60, 5000))).rename(columns=str)
    assert match_rows(wide, [wide[:40]]).seen.tolist() == [True] * 40 + [False] * 20
    assert match_rows(wide.assign(**{"4999": 9.0}), [wide]).unseen.all()


def test_no_copy_of_all_recorded_rows_is_in_memory() -> None:
    tables = [pd.DataFrame(np.random.default_rng(seed).normal(size=(50_000, 20))) for seed in range(3)]
    rows = tables[2][-100:].reset_index(drop=True)
    tracemalloc.start()
    try:
        assert match_rows(rows, tables).seen.all()
        assert tracemalloc.get_traced_memory()[1] < 2 * tables[0].to_numpy().nbytes * len(tables)
    finally:
        tracemalloc.stop()
