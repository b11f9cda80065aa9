"""Models that older versions stored are loaded, and their predictions stay the same."""

import warnings
from pathlib import Path

import pandas as pd
import pytest
from old_homes import build_home
from progression import problem

from mlops.backends import open_backend
from mlops.errors import IntegrityError
from mlops.model.loading import load_registered, load_trained
from mlops.platform.models import ModelVersion
from mlops.platform.trainings import TrainingRun
from mlops.problem.scoring import predict_rows


@pytest.mark.parametrize("home", ["format-1", "format-2", "format-3"])
def test_the_champion_of_an_older_home_predicts_without_a_warning(
    home: str, good: pd.DataFrame, tmp_path: Path
) -> None:
    backend = open_backend("local", build_home(tmp_path, home))
    champion = backend.registry.find_champion("diabetes")
    assert champion
    assert {"model.json", "model.skops"} <= champion.files.keys()
    assert "MLmodel" not in champion.files
    with warnings.catch_warnings(action="error"):
        for model in (
            load_registered(backend, problem, champion),
            load_trained(backend, problem, TrainingRun(champion.run_id, champion.files)),
        ):
            assert predict_rows(problem, model, good.head(1)) == pytest.approx([191.2], abs=25)


def test_a_changed_model_is_not_loaded(tmp_path: Path) -> None:
    workspace = build_home(tmp_path)
    backend = open_backend("local", workspace)
    champion = backend.registry.find_champion("diabetes")
    assert isinstance(champion, ModelVersion)
    (estimator,) = (workspace.home / "artifacts").rglob("model.skops")
    estimator.write_bytes(b"")
    with pytest.raises(IntegrityError, match="model diabetes version 1: model.skops has changed since it was recorded"):
        load_registered(backend, problem, champion)
