"""The contract of problems: the example and the problems of the tests keep it, and a broken promise is named."""

import importlib
import shutil
import sys
import textwrap
from collections.abc import Iterator
from datetime import date
from importlib.metadata import version
from pathlib import Path
from typing import Any

import cancer
import churn
import numpy as np
import pandas as pd
import progression
import pytest
from other_project import add_problem, write_parameters
from sandbox import SANDBOX
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.tree import DecisionTreeClassifier

from mlops.contract import check
from mlops.data.kinds.reference import make_reference
from mlops.data.profile import encode_profile
from mlops.errors import ProblemError
from mlops.problem import Column, Problem, metrics

CONTRACTS: list[tuple[Problem, dict[str, object]]] = [
    (progression.problem, {"alpha": 0.4}),
    (cancer.problem, {"inverse_penalty": 1.0, "components": 10}),
    (churn.problem, {"trees": 10, "learning_rate": 0.1, "depth": 2, "seed": 0}),
]


@pytest.mark.parametrize(("problem", "hyperparameters"), CONTRACTS, ids=["diabetes", "cancer", "churn"])
def test_a_problem_keeps_its_contract(
    problem: Problem, hyperparameters: dict[str, object], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_problem(tmp_path, problem.folder.name)
    monkeypatch.setitem(problem.__dict__, "folder", tmp_path / "src" / problem.folder.name)
    check(problem, **hyperparameters)


class Visits(Problem):
    """Whether a visitor comes back."""

    name = "visits"
    columns = (
        Column("visitor", kind="id"),
        Column("minutes", minimum=0, maximum=100),
        Column("page", kind="category", allowed=("a", "b"), max_missing=0.2),
        Column("back", kind="boolean", role="target"),
    )
    metrics = (metrics.roc_auc_score("auc"),)
    examples = ({"minutes": 5.0, "page": None},)

    def load_sample(self) -> pd.DataFrame:
        """Return 200 visits, the same each time."""
        rng = np.random.default_rng(0)
        minutes = rng.uniform(0, 100, 200)
        pages = np.where(rng.random(200) < 0.1, None, rng.choice(["a", "b"], 200))
        back = minutes + rng.normal(0, 30, 200) > 50
        return pd.DataFrame({"visitor": range(200), "minutes": minutes, "page": pages, "back": back})

    def train(self, rows: pd.DataFrame, *, penalty: float = 1.0) -> Any:
        """Fit a logistic regression."""
        return LogisticRegression(C=penalty).fit(self.prepare(rows), rows["back"])

    def predict(self, model: Any, rows: pd.DataFrame) -> Any:
        """Return the probability of each row."""
        return model.predict_proba(self.prepare(rows))[:, 1]

    def prepare(self, rows: pd.DataFrame) -> pd.DataFrame:
        """Return the inputs of the model."""
        return pd.DataFrame({"hundreds": rows["minutes"] / 100, "is_a": rows["page"] == "a"})


FEW = pd.DataFrame({"minutes": [1.0, 2.0]})


class Extra(Visits):
    """A sample that the class changes."""

    change: dict[str, Any] = {}

    def load_sample(self) -> pd.DataFrame:
        """Return the changed sample."""
        return super().load_sample().assign(**self.change)


class Forgetful(LogisticRegression):
    """A model that cannot restore a part of itself."""

    def fit(self, *args: Any, **options: Any) -> Any:
        """Fit the model, and shift its predictions."""
        super().fit(*args, **options)
        self.intercept_ = self.intercept_ + 1
        return self

    def __getstate__(self) -> Any:
        return {**super().__getstate__(), "intercept_": self.intercept_ - 1}


class Wrong(Visits):
    """Each method breaks a promise if its name is in `broken`."""

    broken = ""
    trusted_types = (f"{Forgetful.__module__}.Forgetful",)

    def mark_holdout(self, rows: pd.DataFrame, share: float, seed: int) -> pd.Series:
        """Hold out the first rows."""
        if self.broken != "mark_holdout":
            return super().mark_holdout(rows, share, seed)
        return pd.Series(np.arange(len(rows)) < 40, rows.index)

    def train(self, rows: pd.DataFrame, *, penalty: float = 1.0) -> Any:
        """Change the rows, or train on random ones."""
        if self.broken == "rows":
            rows["minutes"] = 0.0
        if self.broken == "untrusted":
            return DecisionTreeClassifier(max_depth=1).fit(self.prepare(rows), rows["back"])
        if self.broken == "forgotten":
            return Forgetful().fit(self.prepare(rows), rows["back"])
        return super().train(rows.sample(100) if self.broken == "train" else rows, penalty=penalty)

    def predict(self, model: Any, rows: pd.DataFrame) -> Any:
        """Return wrong predictions."""
        found = super().predict(model, rows)
        return {
            "labels": found[:-1],
            "gaps": np.where(found > 0.5, np.nan, found),
            "logits": found * 3,
            "ranks": found / found.max(),
        }.get(self.broken, found)

    def explain(self, model: Any) -> Any:
        """Name no feature."""
        return pd.Series([1.0, 2.0]) if self.broken == "explain" else None

    def export(self, model: Any, folder: Path) -> None:
        """Write random bytes, or a folder."""
        if self.broken == "export":
            (folder / "model.json").write_bytes(np.random.default_rng().bytes(8))
        if self.broken == "folder":
            (folder / "inner").mkdir()


@pytest.fixture
def unimported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Leaves the imports out, because the problems of this module are in no package, and returns their folder.

    Its profile has too few values to find drift. Its scoring script loads the model, because `Visits` overrides
    `prepare`.
    """
    monkeypatch.setattr("mlops.contract.promises.check_imports", lambda problem: None)
    monkeypatch.setattr(Visits, "folder", tmp_path)
    (tmp_path / "reference_profile.json").write_bytes(encode_profile(make_reference(FEW)))
    (tmp_path / "score.py").write_text("def init(): ...\ndef run(data): ...\n")
    return tmp_path


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"minutes": 200.0}, "minutes: range: 200 values outside, the furthest 200; allowed: [0, 100]"),
        ({"minutes": "long"}, "minutes: type: str, for example long; allowed: numbers"),
        ({"minutes": None}, "minutes: missing: 200 missing values, the first in row 1, counted from 1; allowed: none"),
        ({"page": "c"}, "page: values: 200 values not in the list, the first 'c'; allowed: a, b"),
        (
            {"visitor": 1},
            "visitor: unique: 199 values already in an earlier row, for example '1'; allowed: each value",
        ),
        ({"back": "yes"}, "back: type: 200 values of another kind, the first 'yes'; allowed: true and false, or 1 and"),
        ({"other": 1}, "other: columns: unexpected; allowed: the columns visitor, minutes, page, back"),
    ],
)
@pytest.mark.usefixtures("unimported")
def test_a_sample_must_pass_the_data_test(change: dict[str, Any], message: str) -> None:
    problem = type("Changed", (Extra,), {"change": change})()
    with pytest.raises(ProblemError) as raised:
        check(problem)
    first, second, *_, last = str(raised.value).splitlines()
    assert first == "The problem 'visits': the rows break these rules of the data test:"
    assert second.startswith(f"  {message}")
    assert last == "Correct the declaration or the rows."


def test_a_sample_must_have_the_distribution_of_the_reference_profile(unimported: Path) -> None:
    problem = Visits()
    (unimported / "reference_profile.json").write_bytes(encode_profile(make_reference(problem.load_sample())))
    check(problem)
    with pytest.raises(
        ProblemError, match="minutes: shift: values are smaller than those of the reference with a probability of 0"
    ):
        check(problem, problem.load_sample().assign(minutes=lambda rows: rows["minutes"] / 2))


@pytest.mark.parametrize("has_profile", [True, False])
def test_a_reference_profile_must_fit_the_problem(unimported: Path, has_profile: bool) -> None:
    path = unimported / "reference_profile.json"
    path.unlink()
    why = f"There is no reference profile {path}."
    if has_profile:
        path.write_bytes(encode_profile(make_reference(FEW.rename(columns={"minutes": "hours"}))))
        why = f"The reference profile {path} has none of the columns that the problem declares."
    with pytest.raises(ProblemError) as raised:
        check(Visits())
    assert str(raised.value) == (
        f"The problem 'visits' cannot be tested for drift. {why} Make one with `mlops profile DATA_FILE --output "
        f"{path}`."
    )


@pytest.mark.usefixtures("unimported")
def test_a_declared_column_must_be_in_the_rows() -> None:
    check(Visits(), Visits().load_sample().astype({"back": int, "visitor": str}), penalty=0.1)
    with pytest.raises(ProblemError, match=r"page: columns: missing; allowed: the columns visitor, minutes, page, bac"):
        check(Visits(), Visits().load_sample().drop(columns="page"))
    ignored = Column("remark", kind="category", role="ignored")
    check(type("Remarked", (Visits,), {"columns": (*Visits.columns, ignored)})())


@pytest.mark.parametrize(
    ("broken", "message"),
    [
        ("mark_holdout", "mark_holdout marks different rows if the order of the rows changes."),
        ("rows", "train changes the given rows, but they are used again."),
        ("train", "train returns different models for the same rows."),
        ("labels", "predict returned an array of shape (35,). The shape must be (36,)."),
        ("gaps", "predict returned nan for row 0."),
        ("logits", "Return probabilities, from 0 to 1."),
        ("ranks", "Do not let rows depend on each other, because the service predicts single rows."),
        ("explain", "explain must return a Series with the name of each feature once in its index."),
        ("export", "export writes a different model.json when it is called again."),
        ("folder", "`export` wrote the folder 'inner'. Write only files."),
        ("untrusted", 'Review them, then add them to `trusted_types`: "sklearn.tree._tree.Tree".'),
        ("forgotten", "after the model was saved and loaded. Keep"),
    ],
)
@pytest.mark.usefixtures("unimported")
def test_a_broken_promise_is_named(broken: str, message: str) -> None:
    with pytest.raises(ProblemError) as raised:
        check(type("Broken", (Wrong,), {"broken": broken})())
    assert message in str(raised.value)


def test_a_runtime_must_serve_the_model_of_a_problem_without_a_script(unimported: Path) -> None:
    (unimported / "score.py").unlink()
    with pytest.raises(ProblemError) as raised:
        check(Visits())
    said = str(raised.value)
    assert said.startswith("The problem 'visits': No runtime predicts the same as the model (numbers: the column page ")
    assert said.endswith("skops: it refuses row 0, or accepts what the model refuses). Write a scoring script.")


@pytest.mark.usefixtures("unimported")
def test_hyperparameters_files_metrics_and_examples_belong_to_the_contract() -> None:
    with pytest.raises(ProblemError, match=r"name=value\) with the hyperparameters of train: penalty\.$"):
        check(Visits(), depth=3)
    rows = Visits().load_sample()
    with pytest.raises(ProblemError, match=r"the metric auc is undefined for \d+ held-out rows\. Use more rows"):
        check(Visits(), rows.assign(back=rows["back"] | Visits().mark_holdout(rows, 0.2, 0)))
    check(type("Mute", (Visits,), {"examples": ()})())
    with pytest.raises(ProblemError, match=r"has 'features\.py' in `image_files`, but there is no .*features\.py\."):
        check(type("Empty", (Visits,), {"image_files": ("features.py",)})())


def test_the_notebooks_must_set_the_hyperparameters(unimported: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = unimported / "src" / "visits"
    package.mkdir(parents=True)
    for name in ("reference_profile.json", "score.py"):
        shutil.copy(unimported / name, package)
    monkeypatch.setattr(Visits, "folder", package)
    notebook = shutil.copytree(SANDBOX / "notebooks", unimported / "notebooks") / "02_train.ipynb"
    with pytest.raises(ProblemError) as raised:
        check(Visits(), penalty=1.0)
    assert str(raised.value) == (
        f"The problem 'visits' has the hyperparameter 'penalty', but {notebook} does not set it. Add a line for it to "
        "the cell tagged `parameters`."
    )
    write_parameters(unimported, {"penalty": "1.0  # inverse strength", "depth": "2  # levels"})
    with pytest.raises(ProblemError, match="sets 'depth', but neither a cell nor the training of 'visits' uses it"):
        check(Visits(), penalty=1.0)
    write_parameters(unimported, {"penalty": "1.0  # inverse strength"})
    check(Visits(), penalty=1.0)


class Picky(Visits):
    """A model that sees another value for a row in the form of the service."""

    columns = (
        *Visits.columns[:3],
        Column("day", kind="date"),
        Column("seen", kind="boolean", max_missing=0.5),
        Visits.columns[3],
    )
    examples = ({"minutes": 5.0, "page": None, "day": date(2024, 1, 31), "seen": None},)
    mark: Any = None

    def load_sample(self) -> pd.DataFrame:
        """Return visits with a day and gaps."""
        days = pd.to_datetime(["2024-01-31", "2024-02-01"] * 100)
        return super().load_sample().assign(day=days, seen=[True, None, False, np.nan] * 50)

    def predict(self, model: Any, rows: pd.DataFrame) -> Any:
        """Give the rows that `mark` marks another probability."""
        return np.where(type(self).mark(rows), 0.0, super().predict(model, rows))


@pytest.mark.parametrize(
    "mark",
    [
        lambda rows: [value is None for value in rows["page"]],
        lambda rows: [isinstance(value, float) for value in rows["seen"]],
        lambda rows: rows["day"].astype("int64") < 1e15,
        lambda rows: rows["seen"].dtype == bool,
    ],
)
@pytest.mark.usefixtures("unimported")
def test_a_model_sees_one_kind_of_gap(mark: Any) -> None:
    """Training, evaluation and service give the model the same values."""
    check(type("Own", (Picky,), {"mark": staticmethod(mark)})())


@pytest.mark.usefixtures("unimported")
def test_a_sample_is_read_by_its_declaration() -> None:
    """So `load_sample` can return dates and booleans as a CSV file has them."""
    rows = Picky().load_sample()
    texts = {"day": rows["day"].astype(str), "seen": rows["seen"].map({True: "1", False: "0"})}
    check(type("Read", (Picky,), {"mark": staticmethod(lambda rows: rows["day"].dt.day == 0)})(), rows.assign(**texts))


@pytest.mark.usefixtures("unimported")
def test_a_prediction_for_the_form_of_the_service_must_be_the_same() -> None:
    """A request of one row without a text has no texts at all."""
    mark = staticmethod(lambda rows: rows["page"].dtype == object)
    with pytest.raises(ProblemError) as raised:
        check(type("Own", (Picky,), {"mark": mark})())
    assert "for the same row in a request" in str(raised.value)


class Tiny(Visits):
    """Predictions in a large unit, which change by the share `noise` if a row is alone."""

    columns = (*Visits.columns[:3], Column("back", role="target"))
    metrics = (metrics.mean_squared_error(),)
    noise = 0.0

    def load_sample(self) -> pd.DataFrame:
        """Return the visits with numbers as their target."""
        return super().load_sample().astype({"back": float})

    def train(self, rows: pd.DataFrame, *, penalty: float = 1.0) -> Any:
        """Fit a linear regression."""
        return LinearRegression().fit(self.prepare(rows), rows["back"] * 1e-15)

    def predict(self, model: Any, rows: pd.DataFrame) -> Any:
        """Return the numbers."""
        return model.predict(self.prepare(rows)) + (1e-15 * self.noise if len(rows) == 1 else 0)


@pytest.mark.usefixtures("unimported")
def test_small_predictions_are_compared_by_their_size() -> None:
    check(type("Rounded", (Tiny,), {"noise": 1e-9})())
    with pytest.raises(ProblemError, match="Do not let rows depend on each other"):
        check(type("Dependent", (Tiny,), {"noise": 1e-4})())


@pytest.mark.usefixtures("unimported")
def test_the_service_must_accept_the_rows() -> None:
    rows = Visits().load_sample().assign(pause=np.inf)
    columns = (*Visits.columns, Column("pause"))
    problem = type("Endless", (Visits,), {"columns": columns, "examples": ()})()
    with pytest.raises(ProblemError, match=r"The service would refuse a held-out row: row\.pause is null, but it must"):
        check(problem, rows)


DECLARATION = """
from mlops.problem import Column, Problem, metrics

class Small(Problem):
    name = "small"
    columns = (Column("a"), Column("b", role="target"))
    metrics = (metrics.mean_squared_error(),)
    image_files = ("features.py",)

problem = Small()
"""


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The folder of a package that declares a small problem."""
    folder = tmp_path / "small_problem"
    folder.mkdir()
    (folder / "__init__.py").write_text(DECLARATION)
    (folder / "features.py").write_text("import math\n")
    monkeypatch.syspath_prepend(tmp_path)
    yield folder
    sys.modules.pop(folder.name, None)


@pytest.mark.parametrize(
    ("file", "text", "message"),
    [
        ("__init__.py", "import pandas", "Importing the package 'small_problem' also imports pandas, which "),
        (
            "__init__.py",
            "import yaml, requests",
            r"loads \d+ modules, but at most 50 are allowed. They belong to: ",
        ),
        (
            "data.py",
            "from mlops.data import tables",
            r"data\.py, line 1, imports mlops\.data\. A problem can import only ",
        ),
        (
            "data.py",
            "from mlops import data",
            r"data\.py, line 1, imports mlops\.data\. A problem can import only mlops",
        ),
        ("data.py", "def read(:", r"small_problem/data\.py, line 1: This is not valid Python \(invalid syntax\)\. Cor"),
        (
            "features.py",
            "import mlops.problem",
            r"features\.py, line 1, imports mlops\.problem, but an image does not contain",
        ),
        (
            "__init__.py",
            "raise OSError('no disk')",
            "Could not import the package 'small_problem' in a new process: OSErr",
        ),
    ],
)
def test_a_problem_imports_little(package: Path, file: str, text: str, message: str) -> None:
    problem = importlib.import_module(package.name).problem
    path = package / file
    path.write_text(f"{text}\n{path.read_text() if path.exists() else ''}")
    with pytest.raises(ProblemError, match=message):
        check(problem)


@pytest.mark.parametrize(
    ("script", "message"),
    [
        ("def init(): ...", r"score\.py does not define run\(\), which the server calls\. Define it there\."),
        ("def run(data, data): ...", r"score\.py, line 1: This is not valid Python \(duplicate argument 'data' in "),
        ("def run(:", r"score\.py, line 1: This is not valid Python \(invalid syntax\)"),
    ],
)
def test_a_scoring_script_that_cannot_serve_is_refused(package: Path, script: str, message: str) -> None:
    (package / "score.py").write_text(script)
    with pytest.raises(ProblemError, match=message):
        check(importlib.import_module(package.name).problem)


def test_an_import_that_the_lock_of_the_script_lacks_is_refused(package: Path) -> None:
    (package / "score.py").write_text("import pandas\ndef init(): ...\ndef run(data): ...\n")
    server = ("click", "h11", "httptools", "msgspec", "numpy", "uvicorn", "uvloop")
    (package / "score_requirements.lock").write_text("".join(f"{name}=={version(name)}\n" for name in server))
    with pytest.raises(ProblemError, match=r"score\.py, line 1: The image does not contain the module pandas\. "):
        check(importlib.import_module(package.name).problem)


def test_the_functions_of_a_scoring_script_can_be_defined_in_any_way(package: Path) -> None:
    (package / "score.py").write_text("from features import init\nrun = print\n")
    with pytest.raises(ProblemError, match="has no sample data"):  # the promise after that of the script
        check(importlib.import_module(package.name).problem)


def test_a_problem_without_a_sample_says_what_to_do(package: Path) -> None:
    """Its imports are right, so the check goes on."""
    (package / "data.py").write_text(
        textwrap.dedent("""\
        import pandas
        from mlops.problem.split import mark_rows
    """)
    )
    with pytest.raises(ProblemError, match=r"has no sample data\. Name a file with the parameter data_path\.$"):
        check(importlib.import_module(package.name).problem)


def test_hyperparameters_must_be_keyword_only() -> None:
    class Positional(Visits):
        """A problem whose training takes hyperparameters by position."""

        def train(self, rows: pd.DataFrame, rate: float = 0.1, *, trees: int = 5) -> Any:  # type: ignore[override]
            """Take `rate` by position."""

    with pytest.raises(ProblemError) as raised:
        Positional()
    assert str(raised.value) == (
        "The problem 'visits': train takes 'rate' by position, but hyperparameters must be keyword-only. Put `*` "
        "before it: def train(self, rows, *, rate)."
    )
