"""The metrics of the sender."""

from pathlib import Path

from ..metrics.families import Family, Sample
from ..metrics.tally import read_tally
from .sender import DROPPED, SENT

TALLY = "telemetry.json"  # the file with the counts of the sender, in the folder with the metrics of a service


def describe_telemetry(folder: Path) -> list[Family]:
    """Return the metrics of the sender, given the folder with the metrics of a service."""
    counts = read_tally(folder / TALLY)
    said = {SENT: "Items that Application Insights accepted.", DROPPED: "Items that were lost or refused."}
    return [
        Family(f"mlops_telemetry_{name}", "counter", text, [Sample(counts.get(name, 0))]) for name, text in said.items()
    ]
