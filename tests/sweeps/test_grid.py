"""The grid: every combination, and every mistake found before anything runs."""

import pytest
from given_parameters import load_project
from small_sweep import STEPS

from mlops.errors import UsageError
from mlops.sweeps.grid import Grid, read_grid
from mlops.workspace import Workspace


def read(small: Workspace, *overrides: str, step: str = "fit") -> Grid:
    """Read the options of a sweep of the small project."""
    return read_grid(load_project(small.project, STEPS), step, overrides)


def test_several_parameters_make_the_product_and_the_last_varies_fastest(small: Workspace) -> None:
    grid = read(small, "x=1,2.5", "fit.n=1,2,3", "look.seen=4")
    assert len(grid) == 6
    assert list(grid.list_combinations())[:4] == [
        {"x": 1.0, "n": 1},
        {"x": 1.0, "n": 2},
        {"x": 1.0, "n": 3},
        {"x": 2.5, "n": 1},
    ]
    assert [step.name for step in grid.needed] == ["look"]
    assert grid.parameters.values["look"]["seen"] == 4


@pytest.mark.parametrize(
    ("option", "values"),
    [
        ("x=1e-3, 010", (0.001, 10.0)),
        ("name=a,b c", ("a", "b c")),
        ('name=["a,b", c]', ("a,b", "c")),
        ("name=[0.1, 010]", ("0.1", "010")),
        ("columns=[A, B]", (["A", "B"],)),
        ("columns=[[A], [A, B]]", (["A"], ["A", "B"])),
    ],
)
def test_values_have_the_type_of_their_parameter(small: Workspace, option: str, values: tuple[object, ...]) -> None:
    (axis,) = read(small, option).axes.values()
    assert axis == values


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ([], "No values are listed for a parameter of fit. List the values to try: `-p x=0.1,1,10`."),
        (["look.seen=4"], "No values are listed for a parameter of fit"),
        (["x"], "-p x is not of the form name=value,value. For example, write -p x=0.1,1,10."),
        (["x=1,11"], "-p fit.x is '11', but it must be a number in [-10, 10]"),
        (["x=1,,2"], "-p fit.x is '', but it must be a number in [-10, 10]"),
        (["x=1,nan"], "'nan', but it must be"),
        (["n=1,1.5"], "-p fit.n is '1.5', but it must be a whole number in [0, 9]"),
        (["x=1,1.0"], "-p fit.x: '1.0' is listed twice. Remove one."),
        (["x=1", "fit.x=2"], "-p x is given twice. List all its values in one option: -p x=0.1,1."),
        (["y=1,2"], "-p fit.y: notebooks/02_fit.ipynb has no parameter 'y'. Known: x, n, name, columns, boom."),
        (["sweep=1,2"], "-p fit.sweep: the runner sets 'sweep' itself. Remove it."),
        (["x=1,2", "judge.z=1"], "notebooks/03_judge.ipynb has no parameter 'z'"),
        (["columns=A"], "-p fit.columns is 'A', but it must be a list"),
    ],
)
def test_a_mistake_is_named(small: Workspace, options: list[str], said: str) -> None:
    with pytest.raises(UsageError) as raised:
        read(small, *options)
    assert said in str(raised.value)


def test_what_changes_the_registry_or_a_service_is_not_swept(small: Workspace) -> None:
    with pytest.raises(
        UsageError,
        match="Cannot sweep act: it changes what is registered or deployed. Steps to sweep: look, fit, judge.",
    ):
        read(small, "x=1", step="act")
    with pytest.raises(
        UsageError, match=r"there is no such step\. Did you mean 'fit'\? Steps to sweep: look, fit, judge"
    ):
        read(small, "x=1", step="fitt")


def test_a_sweep_has_an_upper_bound(small: Workspace) -> None:
    many = ",".join(str(number / 100) for number in range(200))
    with pytest.raises(
        UsageError,
        match=r"values make 12,000 combinations \(200 x 10 x 6\), but a sweep has at most 10,000. List fewer",
    ):
        read(small, f"x={many}", "n=0,1,2,3,4,5,6,7,8,9", "name=a,b,c,d,e,f")
