"""The places and the goal of a sweep."""

import pytest
from progression import problem

from mlops.errors import UsageError
from mlops.operations.sweeping import Places, choose_goal
from mlops.pipelines.step import Step
from mlops.sweeps.plan import Goal


def test_a_cluster_decides_itself_how_many_notebooks_run_at_once() -> None:
    assert Places(jobs=2).scheduler == ""
    with pytest.raises(UsageError, match="^--jobs applies only to this machine"):
        Places(jobs=2, scheduler="tcp://10.0.0.7:8786")


def test_a_sweep_optimizes_the_metric_asked_for_or_the_one_of_the_step() -> None:
    scored = Step("fit", "02_fit", scored_by="cv_")
    assert choose_goal(scored, problem) == Goal("cv_mse")
    assert choose_goal(scored, problem, "gain", True) == Goal("gain", True)
    assert choose_goal(scored, problem, "r2") == choose_goal(scored, problem, "r2", True) == Goal("r2", True)
    certain = {name for name in ("", "cv_mse", "r2", "cv_r2", "gain") if choose_goal(scored, problem, name).is_declared}
    assert certain == {"", "cv_mse", "r2"}
    with pytest.raises(UsageError, match="The step look does not declare a metric to compare by"):
        choose_goal(Step("look", "01_look"), problem)
