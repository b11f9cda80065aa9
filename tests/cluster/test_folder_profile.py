"""A reference profile from a folder that workers read: the same as on one machine. The workers are this process."""

from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from inline_workers import InlineWorkers

from mlops.cluster import profile as cluster_profile
from mlops.cluster.profile import profile_file, profile_folder
from mlops.data.kinds.counts import CountProfile
from mlops.data.kinds.reference import make_reference
from mlops.data.profile import Profile
from mlops.data.tables import read_table
from mlops.errors import UsageError
from mlops.problem import Column


def make_frame(rows: int, seed: int) -> pd.DataFrame:
    """Return a table whose columns have ties, gaps, infinite values, and a mean far from zero."""
    rng = np.random.default_rng(seed)
    values = rng.normal(size=rows)
    return pd.DataFrame(
        {
            "far": 1e6 + values + seed,
            "few": rng.integers(0, 3, rows),
            "gaps": np.where(rng.random(rows) < 0.2, np.nan, values),
            "infinite": np.where(values > 2, np.inf, values),
            "large": rng.integers(2**53, 2**62, rows),
            "heavy": np.where(rng.random(rows) < 0.9, 0.0, values),
            "plan": rng.choice(["basic", "plus", None], rows),
            "customer_id": [f"C{number}" for number in range(rows)],
            "paid": rng.choice(np.array([True, False, None], dtype=object), rows, p=[0.8, 0.1, 0.1]),
            "begin": np.datetime64("2020-01-01") + rng.integers(0, 2000, rows).astype("timedelta64[D]"),
            "text": (np.datetime64("2020-01-01") + rng.integers(0, 2000, rows).astype("timedelta64[D]")).astype(str),
            "note": [f"note {number}" for number in range(rows)],
        }
    )


def write_folder(folder: Path) -> str:
    """Write files of different sizes and types, one of which lacks a column."""
    folder.mkdir()
    make_frame(3000, seed=0).to_parquet(folder / "a.parquet")
    make_frame(7, seed=1).astype({"few": "int8"}).to_parquet(folder / "b.parquet")
    make_frame(900, seed=2).drop(columns="gaps").to_parquet(folder / "c.parquet")
    make_frame(900, seed=3).head(0).to_parquet(folder / "d.parquet")
    return str(folder)


def assert_same(found: Profile, expected: Profile) -> None:
    """Compare two profiles: counts and edges exactly, means and squares to 1e-12."""
    assert list(found) == list(expected)
    for name, column in expected.items():
        if isinstance(column, CountProfile):
            assert found[name] == column
            continue
        assert found[name].mean == pytest.approx(column.mean, rel=1e-12), name
        assert found[name].squares == pytest.approx(column.squares, rel=1e-12), name
        assert replace(found[name], mean=column.mean, squares=column.squares) == column, name


@pytest.mark.parametrize(("points", "travel"), [(256, 4_000_000), (8, 2_000)])
def test_a_folder_has_the_same_profile_as_on_one_machine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, points: int, travel: int
) -> None:
    """With few points, the search takes many rounds; with little travel, columns are searched one after the other."""
    monkeypatch.setattr(cluster_profile, "POINTS", points)
    monkeypatch.setattr(cluster_profile, "TRAVEL", travel)
    url = write_folder(tmp_path / "data.parquet")
    assert_same(profile_folder(url, InlineWorkers()), make_reference(read_table(url).frame))


def test_declared_columns_have_the_same_profile_as_on_one_machine(tmp_path: Path) -> None:
    url = write_folder(tmp_path / "data.parquet")
    declared = (Column("few", kind="category"), Column("large", kind="id"), Column("heavy", role="ignored"))
    assert_same(profile_folder(url, InlineWorkers(), declared), profile_file(url, "", declared))


@pytest.mark.parametrize("name", ["data.parquet", "data.csv"])
def test_a_file_is_a_table_of_one_part(tmp_path: Path, name: str) -> None:
    url, frame = str(tmp_path / name), make_frame(100, seed=0)
    frame.to_csv(url, index=False) if name.endswith("csv") else frame.to_parquet(url)
    assert_same(profile_folder(url, InlineWorkers()), make_reference(read_table(url).frame))


def test_decimals_have_the_edges_of_their_nearest_doubles(tmp_path: Path) -> None:
    url = str(tmp_path / "data.parquet")
    values = [Decimal(f"{value:.6f}") for value in np.random.default_rng(0).normal(size=500)]
    pq.write_table(pa.table({"x": values}), url)
    assert_same(profile_folder(url, InlineWorkers()), make_reference(read_table(url).frame))


BAD = {
    "twice": pa.table([[1.0], [2.0]], names=["x", "x"]),
    "nothing": pa.table({"x": pa.array([None], pa.float64())}),
    "no rows": pa.table({"x": pa.array([], pa.float64())}),
    "infinite": pa.table({"x": [np.inf, -np.inf]}),
    "too large": pa.table({"x": [1e200, -1e200, 1.0]}),
}


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("kind", BAD)
def test_a_column_without_a_profile_is_refused_as_on_one_machine(tmp_path: Path, kind: str) -> None:
    pq.write_table(BAD[kind], tmp_path / "data.parquet")
    url = str(tmp_path / "data.parquet")
    with pytest.raises(UsageError) as here:
        make_reference(BAD[kind].to_pandas() if kind == "twice" else read_table(url).frame)
    with pytest.raises(UsageError) as there:
        profile_folder(url, InlineWorkers())
    assert str(there.value) == str(here.value)
