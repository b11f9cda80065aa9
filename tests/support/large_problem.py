"""A copy of the project with other columns, and data files of any size."""

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from other_project import copy_project

from mlops.data.kinds.reference import make_reference
from mlops.data.profile import encode_profile

CHUNK = 4_000_000  # the number of values that are drawn at a time


def copy_large_project(folder: Path, columns: int) -> Path:
    """Copy the project into `folder/project`, and return its path.

    Its problem has `columns` columns of normal numbers, the last of which is the target.
    """
    project = copy_project(folder, "progression").workspace.project
    declared = project / "src" / "progression" / "__init__.py"
    text = declared.read_text().replace("minimum=-0.5, maximum=0.5", "minimum=-10.0, maximum=10.0")
    text = text.replace('("SEX", "BMI")', '("C0", "C1")')
    names = f'FEATURES = tuple(f"C{{number}}" for number in range({columns - 1}))'
    text = text.replace("range(1, 11)", f"range(1, {columns})").replace("range(10,", f"range({columns - 1},")
    declared.write_text(re.sub(r"^FEATURES = .*$", names, text, flags=re.MULTILINE))
    reference = make_reference(draw_rows(2000, columns, seed=1))
    declared.with_name("reference_profile.json").write_bytes(encode_profile(reference))
    return project


def draw_rows(rows: int, columns: int, seed: int) -> pd.DataFrame:
    """Return rows of the problem: normal features, and a target from 0 to 500 that depends on two of them."""
    values = np.random.default_rng(seed).normal(size=(rows, columns))
    values[:, -1] = np.clip(150 + 40 * values[:, 0] - 20 * values[:, 1] + 10 * values[:, -1], 0, 500)
    return pd.DataFrame(values, columns=[*(f"C{number}" for number in range(columns - 1)), "Y"])


def write_rows(path: Path, rows: int, columns: int) -> Path:
    """Write a Parquet file of the problem in row groups, so that no more than `CHUNK` values are in memory."""
    size = min(rows, max(1, CHUNK // columns))
    writer = None
    for seed, start in enumerate(range(0, rows, size)):
        part = pa.Table.from_pandas(draw_rows(min(size, rows - start), columns, seed), preserve_index=False)
        writer = writer or pq.ParquetWriter(path, part.schema)
        writer.write_table(part)
    if writer:
        writer.close()
    return path
