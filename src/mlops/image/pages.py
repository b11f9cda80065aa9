"""The paths of a service that answer GET requests, as its description lists them."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from mlops.image.descriptions import ANYWHERE, NO_KEY, Json
from mlops.serving.documents import OPENAPI, SWAGGER, VERSIONS

JSON = "application/json"
UNREADY = "The service is shutting down, its processes die repeatedly, or there are too many connections."


@dataclass(frozen=True)
class Page:
    """A path that answers GET requests.

    Parameters
    ----------
    said : str
        What a request does.
    content : mapping of str to dict
        The answer for each content type: its JSON Schema and, if the image does not change it, an example.
    refused : mapping of int to str
        The statuses of refused requests, each with its meaning, that are not those of `ANYWHERE`.
    query : mapping of str to dict
        The JSON Schema of each parameter in the query.
    needs_key : bool
        Whether a request needs a key.
    """

    said: str
    content: Mapping[str, Json]
    refused: Mapping[int, str] = field(default_factory=dict)
    query: Mapping[str, Json] = field(default_factory=dict)
    needs_key: bool = True

    @property
    def statuses(self) -> Mapping[int, str]:
        """The statuses of all refused requests, each with its meaning."""
        return dict(sorted({**ANYWHERE, **(NO_KEY if self.needs_key else {}), **self.refused}.items()))


def _require(**properties: str) -> Json:
    return {
        "type": "object",
        "required": [*properties],
        "properties": {name: {"type": kind} for name, kind in properties.items()},
    }


_READY = _require(
    status="string", image="string", digest="string", model_name="string", model_version="integer", runtime="string"
)
_CHECK = Page(
    "Check whether the service is ready, and which model serves.",
    {JSON: {"schema": _READY}},
    {503: UNREADY},
    needs_key=False,
)
_METRIC = "# TYPE mlops_workers_ready gauge\nmlops_workers_ready 1\n"
PAGES = {
    "/": _CHECK,
    "/livez": Page(
        "Check whether the process of the service runs.",
        {JSON: {"schema": _require(status="string"), "example": {"status": "live"}}},
        needs_key=False,
    ),
    "/readyz": _CHECK,
    "/metrics": Page(
        "Return the metrics of the service for Prometheus.",
        {
            "text/plain": {"schema": {"type": "string"}, "example": _METRIC},
            "application/openmetrics-text": {"schema": {"type": "string"}, "example": _METRIC + "# EOF\n"},
        },
        {404: "There are no metrics by this value."},
        {"by": {"type": "string", "enum": ["worker"]}},
    ),
    f"/{OPENAPI}": Page("Return this document.", {JSON: {"schema": {"type": "object"}}}),
    f"/{SWAGGER}": Page(
        "Return the description of the service as Swagger 2.0, OpenAPI 3.0 or OpenAPI 3.1.",
        {JSON: {"schema": {"type": "object"}}},
        {404: "There is no such version."},
        {"version": {"type": "string", "enum": [*VERSIONS], "default": "2"}},
    ),
}
