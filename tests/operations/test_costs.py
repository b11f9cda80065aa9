"""The costs of a month: quantities from the settings, prices from the user's file, exact sums."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from mlops.backends.azure.connection.settings import AzureSettings, read_settings
from mlops.backends.azure.infrastructure.billing import list_billable
from mlops.cli import main
from mlops.errors import ParameterError
from mlops.operations.costs import Prices, estimate_costs, read_prices
from mlops.platform.billing import Billable, Usage
from mlops.workspace import Workspace

LAYER = "azure:\n  {}\n"


@pytest.fixture
def settings(tmp_path: Path) -> "MakeSettings":
    """Makes settings, as read from parameters/azure.yml."""
    return MakeSettings(tmp_path)


class MakeSettings:
    """Settings of which a few differ from the defaults."""

    def __init__(self, folder: Path) -> None:
        self._workspace = Workspace(folder, folder / "home", folder / "outputs")

    def __call__(self, **values: object) -> AzureSettings:
        folder = self._workspace.parameters
        folder.mkdir(exist_ok=True)
        (folder / "azure.yml").write_text(f"azure: {json.dumps(values)}\n")
        return read_settings(self._workspace, {})


def find(billable: list[Billable], item: str) -> Billable:
    """Return the line of that name."""
    (found,) = (line for line in billable if line.item == item)
    return found


def test_the_schedule_says_how_many_nodes_hours_the_training_takes(settings: MakeSettings) -> None:
    """30 runs of 20 minutes, each with 5 more minutes until its node is released: 12.5 hours."""
    found = find(list_billable(settings(), Usage()), "training")
    assert found.quantity == 12.5
    assert found.formula == "30 runs x 1 nodes x (20 + 5 idle) min / 60"
    assert found.price == "node_hour.Standard_DS2_v2.lowpriority"


@pytest.mark.parametrize(
    ("values", "usage", "hours"),
    [
        ({"recurrence": "none"}, Usage(), 0.0),
        ({"recurrence": "month"}, Usage(), 25 / 60),
        ({"recurrence": "hour"}, Usage(), 300.0),
        ({"recurrence": "none"}, Usage(runs=12, run_minutes=55), 12.0),
        ({}, Usage(run_nodes=3), 37.5),
        ({"compute_max_nodes": 2}, Usage(run_nodes=3), 25.0),
        ({"compute_min_nodes": 1}, Usage(), 0.0),
        ({"compute_min_nodes": 1}, Usage(run_nodes=3), 25.0),
        ({"compute_idle_seconds": 2400}, Usage(), 30.0),
    ],
)
def test_node_hours_of_the_training(
    settings: MakeSettings, values: dict[str, object], usage: Usage, hours: float
) -> None:
    """Runs also use the minimum nodes, which are a separate line. The maximum number of nodes is never exceeded."""
    assert find(list_billable(settings(**values), usage), "training").quantity == pytest.approx(hours)


def test_nodes_that_stay_are_billed_all_month(settings: MakeSettings) -> None:
    found = list_billable(settings(compute_min_nodes=2, kubernetes_min_nodes=3, kubernetes_max_nodes=6), Usage())
    assert find(found, "training, minimum nodes").quantity == 1440.0
    assert find(found, "production").quantity == 2160.0


@pytest.mark.parametrize(("average", "hours"), [(None, 2160.0), (4.5, 3240.0), (1, 2160.0), (99, 4320.0)])
def test_production_has_as_many_nodes_as_the_autoscaler_allows(
    settings: MakeSettings, average: float | None, hours: float
) -> None:
    found = list_billable(settings(kubernetes_min_nodes=3, kubernetes_max_nodes=6), Usage(production_nodes=average))
    assert find(found, "production").quantity == hours


def test_a_cluster_of_ones_own_is_not_billed_again(settings: MakeSettings) -> None:
    cluster = "/subscriptions/s/resourceGroups/g/providers/Microsoft.ContainerService/managedClusters/c"
    items = [line.item for line in list_billable(settings(kubernetes_resource_id=cluster), Usage())]
    assert items == ["training", "QA, cores", "QA, memory", "registry", "storage", "monitoring"]


def test_a_month_is_the_sum_of_its_lines(settings: MakeSettings) -> None:
    """12.5 x 0.5 + 2160 x 0.25 + 720 x 0.125 + 720 x 0.0625 + 30 x 0.5 + 10 x 0.25 + 1 x 2."""
    prices = {
        "node_hour.Standard_DS2_v2.lowpriority": 0.5,
        "node_hour.Standard_DS3_v2.dedicated": 0.25,
        "container_core_hour": 0.125,
        "container_gb_hour": 0.0625,
        "registry_day.Standard": 0.5,
        "storage_gb_month": 0.25,
        "monitoring_gb": 2.0,
    }
    billable = list_billable(settings(kubernetes_vm_size="Standard_DS3_v2"), Usage())
    estimate = estimate_costs(billable, Prices("EUR", prices))
    assert estimate.total == 6.25 + 540.0 + 90.0 + 45.0 + 15.0 + 2.5 + 2.0
    assert (estimate.missing, estimate.unused) == ((), ())


def test_what_has_no_price_is_named_and_not_taken_for_free() -> None:
    billable = [Billable("a", 2.0, "h", "2 h", "price_a"), Billable("b", 3.0, "h", "3 h", "price_b")]
    estimate = estimate_costs(billable, Prices("USD", {"price_a": 4.0, "price_c": 1.0}))
    assert [line.amount for line in estimate.lines] == [8.0, None]
    assert (estimate.total, estimate.missing, estimate.unused) == (8.0, ("price_b",), ("price_c",))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("currency: EUR\nprices: {a: 1}\nprice: {}", "unknown key 'price'. Allowed: currency, prices."),
        ("prices: {a: 1}", "currency is None, but it must be a text such as EUR"),
        ("currency: EUR\nprices: 3", "prices is 3, but it must be a mapping"),
        ("currency: EUR\nprices: {a: -1}", "prices.a is -1, but it must be a number that is 0 or more"),
        ("currency: EUR\nprices: {a: .inf}", "prices.a is inf, but it must be a number"),
        ("currency: EUR\nprices: {a: true}", "prices.a is True, but it must be a number"),
        ("currency: EUR\nprices: {a: 0,1}", "prices.1 is None, but it must be a number"),
        ("currency: EUR\nprices:\n  a: 1\n  a: 2", "'a' appears twice"),
        ("currency: [", "is not valid YAML"),
    ],
)
def test_a_wrong_price_file_says_where(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "prices.yml").write_text(text)
    with pytest.raises(ParameterError) as error:
        read_prices(tmp_path / "prices.yml")
    assert message in str(error.value)
    assert "prices.yml" in str(error.value)


def test_the_example_has_all_prices_that_the_defaults_ask_for(project: Path) -> None:
    workspace = Workspace(project, project, project)
    prices = read_prices(project / "docs" / "prices-example.yml")
    estimate = estimate_costs(list_billable(read_settings(workspace, {}), Usage()), prices)
    assert (estimate.missing, estimate.unused) == ((), ())


def test_the_command_shows_each_line_with_its_formula(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(project)
    words = ["cost", "--platform", "azure", "--runs", "12", "--minutes", "55"]
    shown = CliRunner().invoke(main, [*words, "--prices", "docs/prices-example.yml"]).output
    assert "= 12 runs x 1 nodes x (55 + 5 idle) min / 60 x 0.03 EUR" in shown
    assert "0.36 EUR" in shown
    assert "a month of 30 days: " in shown
    without = CliRunner().invoke(main, words).output
    assert "12.0 node hours  = 12 runs" in without
    assert "no price for: node_hour.Standard_DS2_v2.lowpriority," in without
    assert json.loads(CliRunner().invoke(main, [*words, "--json"]).output)["lines"][0]["quantity"] == 12.0


def test_at_home_nothing_is_billed(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(project)
    assert (
        CliRunner().invoke(main, ["cost"]).output == "Nothing is billed, because this platform is your own machine.\n"
    )
