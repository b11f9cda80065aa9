"""The quantities that Azure bills in a month, calculated from the settings."""

# The quantities do not include operations of Key Vault, traffic that leaves the region, and the disks, load balancer
# and public address of a Kubernetes cluster.

from mlops.backends.azure.connection.settings import AzureSettings
from mlops.platform.billing import Billable, Usage

DAYS = 30
HOURS = DAYS * 24
RUNS = {"none": 0.0, "minute": HOURS * 60.0, "hour": float(HOURS), "day": float(DAYS), "week": DAYS / 7, "month": 1.0}
REGISTRY_TIER = "Standard"  # as in templates/workspace.json


class AzureBilling:
    """See `mlops.platform.billing.Billing`."""

    def __init__(self, settings: AzureSettings) -> None:
        self._settings = settings

    def list_billable(self, usage: Usage) -> list[Billable]:
        """See `Billing`."""
        return list_billable(self._settings, usage)


def list_billable(settings: AzureSettings, usage: Usage) -> list[Billable]:
    """Return the quantities that Azure bills in a month of 30 days.

    Parameters
    ----------
    settings : AzureSettings
        The sizes and numbers of machines, and the frequency of the schedule.
    usage : Usage
        The assumed use, such as the number of retrainings and the stored GB.
    """
    return [
        *_list_training_hours(settings, usage),
        *_list_production(settings, usage),
        *_list_qa_hours(settings),
        Billable("registry", float(DAYS), "days", f"{DAYS} days", f"registry_day.{REGISTRY_TIER}"),
        Billable("storage", usage.storage_gb, "GB", f"{usage.storage_gb:g} GB", "storage_gb_month"),
        Billable("monitoring", usage.monitoring_gb, "GB", f"{usage.monitoring_gb:g} GB", "monitoring_gb"),
    ]


def _list_training_hours(settings: AzureSettings, usage: Usage) -> list[Billable]:
    price = f"node_hour.{settings.compute_vm_size}.{settings.compute_priority}"
    least, found = settings.compute_min_nodes, []
    if least:
        formula = f"{least} nodes x {HOURS} h"
        found.append(Billable("training, minimum nodes", float(least * HOURS), "node hours", formula, price))
    runs = RUNS[settings.recurrence] if usage.runs is None else usage.runs
    nodes = max(0, min(usage.run_nodes, settings.compute_max_nodes) - least)
    idle = settings.compute_idle_seconds / 60
    hours, most = runs * nodes * (usage.run_minutes + idle) / 60, (settings.compute_max_nodes - least) * HOURS
    formula = f"{runs:g} runs x {nodes} nodes x ({usage.run_minutes:g} + {idle:g} idle) min / 60"
    if hours > most:  # the number of nodes is limited, so further runs wait
        hours, formula = float(most), f"at most {settings.compute_max_nodes - least} nodes x {HOURS} h"
    return [*found, Billable("training", hours, "node hours", formula, price)]


def _list_production(settings: AzureSettings, usage: Usage) -> list[Billable]:
    if settings.kubernetes_resource_id:
        return []  # an existing cluster causes no additional cost
    least, most = settings.kubernetes_min_nodes, settings.kubernetes_max_nodes
    nodes = least if usage.production_nodes is None else min(max(usage.production_nodes, least), most)
    price = f"node_hour.{settings.kubernetes_vm_size}.dedicated"
    return [Billable("production", float(nodes * HOURS), "node hours", f"{nodes:g} nodes x {HOURS} h", price)]


def _list_qa_hours(settings: AzureSettings) -> list[Billable]:
    # The service runs until `mlops stop` stops it.
    cores, memory = settings.qa_cpu_cores, settings.qa_memory_gb
    return [
        Billable("QA, cores", cores * HOURS, "core hours", f"{cores:g} cores x {HOURS} h", "container_core_hour"),
        Billable("QA, memory", memory * HOURS, "GB hours", f"{memory:g} GB x {HOURS} h", "container_gb_hour"),
    ]
