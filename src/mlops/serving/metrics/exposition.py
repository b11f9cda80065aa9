"""Metrics as text, in the formats of Prometheus 0.0.4 and OpenMetrics 1.0."""

# https://prometheus.io/docs/instrumenting/exposition_formats
# https://github.com/prometheus/OpenMetrics/blob/main/specification/OpenMetrics.md

from collections.abc import Iterable, Iterator, Mapping

from .families import Family, Sample

UTF8 = "; charset=utf-8"
PROMETHEUS = "text/plain; version=0.0.4" + UTF8
OPENMETRICS = "application/openmetrics-text; version=1.0.0" + UTF8
SUFFIXES = {"counter": "_total", "info": "_info"}
UNITS = ("seconds", "bytes", "ratio")
ESCAPED = str.maketrans({"\\": r"\\", "\n": r"\n", '"': r"\""})


def choose_format(accepted: str) -> str:
    """Return the content type of the answer, given the header ``Accept`` of the request."""
    return OPENMETRICS if "application/openmetrics-text" in accepted else PROMETHEUS


def write_families(families: Iterable[Family], content_type: str) -> bytes:
    """Return metrics as text. The content type is `PROMETHEUS` or `OPENMETRICS`."""
    described = _describe_strictly if content_type == OPENMETRICS else _describe
    lines = [line for family in families for line in (*described(family), *_list_lines(family))]
    end = "# EOF\n" if content_type == OPENMETRICS else ""
    return ("".join(lines) + end).encode()


def _describe(family: Family) -> Iterator[str]:
    name = family.name + SUFFIXES.get(family.kind, "")
    yield f"# HELP {name} {family.text}\n"
    yield f"# TYPE {name} {'gauge' if family.kind == 'info' else family.kind}\n"


def _describe_strictly(family: Family) -> Iterator[str]:
    unit = family.name.rpartition("_")[2]
    yield f"# TYPE {family.name} {family.kind}\n"
    if unit in UNITS:
        yield f"# UNIT {family.name} {unit}\n"
    yield f"# HELP {family.name} {family.text}\n"


def _list_lines(family: Family) -> Iterator[str]:
    for sample in family.samples:
        suffix = sample.suffix or SUFFIXES.get(family.kind, "")
        yield f"{family.name}{suffix}{_write_labels(sample.labels)} {_write_value(sample)}\n"


def _write_labels(labels: Mapping[str, str]) -> str:
    written = ",".join(f'{name}="{value.translate(ESCAPED)}"' for name, value in labels.items())
    return f"{{{written}}}" if written else ""


def _write_value(sample: Sample) -> str:
    value = float(sample.value)
    return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)
