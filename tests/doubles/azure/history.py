"""Run history: experiments, their runs, the states of runs, and their metrics."""

import re
import uuid
from typing import TYPE_CHECKING, Any

from doubles.azure.filters import meets
from doubles.azure.names import API, TENANT, WORKSPACE_ID
from doubles.azure.routing import Request, Response, make_error

if TYPE_CHECKING:
    from doubles.azure.azure import Azure

HISTORY = re.escape(f"{API}/history/v1.0{WORKSPACE_ID}")
METRICS = re.escape(f"{API}/metric/v2.0{WORKSPACE_ID}")
NAMED = rf"{HISTORY}/experiments/(?P<experiment>[\w-]+)"
RUN = r"runs/(?P<run>[^/:]+)"
EVENT = "Microsoft.MachineLearning.Run."
STATES = {"Start": "Running", "Completed": "Completed", "Failed": "Failed", "Canceled": "Canceled"}
SILENT = ("Error", "Warning", "Heartbeat", "CancelRequested")
ENDED = ("Completed", "Failed", "Canceled")
MOST = 50  # Azure's limits for the tags, properties and metrics of a run
LONGEST_KEY, LONGEST_VALUE = 100, 1000
MERGED = ("tags", "properties")
CHANGEABLE = {*MERGED, "displayName", "description", "hidden", "inputDatasets", "outputDatasets"}


class History:
    """Experiments, runs and metrics."""

    def __init__(self) -> None:
        self.experiments: dict[str, dict[str, Any]] = {}
        self.runs: dict[str, dict[str, Any]] = {}
        self.metrics: dict[str, dict[str, dict[str, Any]]] = {}

    def install(self, azure: "Azure") -> None:
        azure.route("GET", NAMED)(self._get_experiment)
        azure.route("POST", NAMED)(self._create_experiment)
        azure.route("GET", rf"{HISTORY}/experimentids/(?P<id>[^/]+)")(self._get_experiment_by_id)
        azure.route("POST", rf"{NAMED}/runs:query")(self._query)
        azure.route("GET", rf"{NAMED}/{RUN}/children")(self._list_children)
        azure.route("POST", rf"{NAMED}/{RUN}/events")(self._post_event)
        azure.route("GET", rf"{NAMED}/{RUN}/metricsingest/wait")(lambda request: Response(body={}))
        for place in (rf"{NAMED}/{RUN}", rf"{HISTORY}/experimentids/(?P<id>[^/]+)/{RUN}"):
            azure.route("PATCH", place)(self._patch)
            azure.route("GET", place)(self._get)
        azure.route("GET", rf"{HISTORY}/{RUN}")(self._get)
        azure.route("POST", rf"{METRICS}/{RUN}/batch")(self._log_metrics)
        azure.route("POST", rf"{METRICS}/{RUN}/list")(self._list_metrics)
        azure.route("POST", rf"{METRICS}/{RUN}/full")(self._read_metric)

    @property
    def containers(self) -> set[str]:
        """The containers of the runs' files."""
        return {run["dataContainerId"] for run in self.runs.values()}

    def ensure_experiment(self, name: str) -> dict[str, Any]:
        """Return an experiment, after creating it if necessary."""
        made = {"experimentId": str(uuid.uuid4()), "name": name, "createdUtc": "2026-11-22T09:00:00Z", "tags": {}}
        return self.experiments.setdefault(name, made)

    def add_run(self, experiment: str, run_id: str, **fields: Any) -> dict[str, Any]:
        """Create a run that has not started; `fields` have the names of the service."""
        parent = self.runs.get(fields.get("parentRunId") or "")
        self.runs[run_id] = {
            "runId": run_id,
            "experimentId": self.ensure_experiment(experiment)["experimentId"],
            "status": "NotStarted",
            "runNumber": len(self.runs) + 1,
            "createdUtc": "2026-11-22T09:00:00Z",
            "createdBy": {"userObjectId": "o", "userTenantId": TENANT, "userName": "the double"},
            "dataContainerId": f"dcid.{run_id}",
            "runUuid": str(uuid.uuid4()),
            "rootRunId": parent["rootRunId"] if parent else run_id,
            "hidden": False,
            "tags": {},
            "properties": {},
            **{name: value for name, value in fields.items() if value is not None},
        }
        return self.runs[run_id]

    def _name(self, experiment_id: str) -> str:
        return next(name for name, found in self.experiments.items() if found["experimentId"] == experiment_id)

    def _get_experiment(self, request: Request) -> Response:
        if request["experiment"] not in self.experiments:
            return make_error(404, "UserError", f"Experiment {request['experiment']} was not found")
        return Response(body=self.experiments[request["experiment"]])

    def _create_experiment(self, request: Request) -> Response:
        return Response(body=self.ensure_experiment(request["experiment"]))

    def _get_experiment_by_id(self, request: Request) -> Response:
        return Response(body=self.experiments[self._name(request["id"])])

    def _find(self, request: Request) -> dict[str, Any] | None:
        """Return the requested run if it is in the experiment of the request."""
        run = self.runs.get(request["run"])
        groups = request.found.groupdict() if request.found else {}
        wanted = groups.get("id") or self.experiments.get(groups.get("experiment") or "", {}).get("experimentId")
        return run if run and wanted in (None, run["experimentId"]) else None

    def _get(self, request: Request) -> Response:
        run = self._find(request)
        return Response(body=run) if run else _refuse_run(request)

    def _patch(self, request: Request) -> Response:
        """Change a run, or create it, because that is how the SDK creates runs."""
        given = {name: value for name, value in request.json.items() if value is not None}
        if given.pop("runId", request["run"]) != request["run"]:
            return make_error(400, "UserError", "the run's id in the body is not that of the address")
        run = self._find(request)
        if run is None:
            groups = request.found.groupdict() if request.found else {}
            fields = {name: value for name, value in given.items() if name not in MERGED}
            run = self.add_run(groups.get("experiment") or self._name(groups["id"]), request["run"], **fields)
        elif given.keys() - CHANGEABLE:
            return make_error(400, "UserError", f"{sorted(given.keys() - CHANGEABLE)} of a run cannot change")
        merged = {name: {**run[name], **given.get(name, {})} for name in MERGED}
        if refused := _refuse_labels(run, merged):
            return make_error(400, "UserError", refused)
        run.update({**given, **merged})
        return Response(body=run)

    def _post_event(self, request: Request) -> Response:
        run, event = self._find(request), request.json["name"].removeprefix(EVENT)
        if run is None:
            return _refuse_run(request)
        if event in SILENT:
            run["error"] = request.json["data"].get("ErrorResponse") or run.get("error")
            return Response()
        if event not in STATES or run["status"] in ENDED:
            return make_error(400, "UserError", f"a run that is {run['status']} cannot become {event}")
        run["status"] = STATES[event]
        field, value = ("startTimeUtc", "StartTime") if event == "Start" else ("endTimeUtc", "EndTime")
        run[field] = request.json["data"][value]
        return Response()

    def _query(self, request: Request) -> Response:
        """Answer with a page of an experiment's runs, the last to start first."""
        if request["experiment"] not in self.experiments:
            return make_error(404, "UserError", f"Experiment {request['experiment']} was not found")
        wanted = self.experiments[request["experiment"]]["experimentId"]
        if request.json.get("orderby") not in (None, "StartTimeUtc desc"):
            return make_error(400, "UserError", f"cannot order by {request.json['orderby']}")
        found = [
            run
            for run in self.runs.values()
            if run["experimentId"] == wanted and meets(run, request.json.get("filter"))
        ]
        return _page(found, request.json.get("top") or 500, request.json.get("continuationToken"))

    def _list_children(self, request: Request) -> Response:
        if self._find(request) is None:
            return _refuse_run(request)
        found = [run for run in self.runs.values() if run.get("parentRunId") == request["run"]]
        return _page(found, int(request.query.get("$top", 500)), request.query.get("$continuationToken"))

    def _log_metrics(self, request: Request) -> Response:
        if request["run"] not in self.runs:
            return _refuse_run(request)
        known = self.metrics.setdefault(request["run"], {})
        for metric in request.json["values"]:
            if len(known) >= MOST and metric["name"] not in known:
                return make_error(400, "UserError", f"a run has {MOST} metrics at most")
            stored = known.setdefault(metric["name"], {**metric, "value": []})
            stored["value"] += metric["value"]
        return Response()

    def _list_metrics(self, request: Request) -> Response:
        known = self.metrics.get(request["run"], {})
        value = [
            {"metricKey": {"namespace": "", "name": name}, "columns": metric["columns"]}
            for name, metric in known.items()
        ]
        return Response(body={"value": value})

    def _read_metric(self, request: Request) -> Response:
        metric = self.metrics.get(request["run"], {}).get(request.json["metricName"])
        if metric is None:
            return make_error(404, "UserError", f"there is no metric {request.json['metricName']!r}")
        return Response(body={**metric, "dataContainerId": f"dcid.{request['run']}"})


def _page(runs: list[dict[str, Any]], size: int, token: str | None) -> Response:
    ordered = sorted(runs, key=lambda run: run.get("startTimeUtc") or "", reverse=True)
    start = int(token or 0)
    more = {"continuationToken": str(start + size)} if start + size < len(ordered) else {}
    return Response(body={"value": ordered[start : start + size], **more})


def _refuse_run(request: Request) -> Response:
    return make_error(404, "UserError", f"Run {request['run']} was not found")


def _refuse_labels(run: dict[str, Any], merged: dict[str, dict[str, str]]) -> str:
    """Return what is wrong with the changed tags and properties of a run, or "" if they are allowed."""
    for name, labels in merged.items():
        if len(labels) > MOST:
            return f"a run has {MOST} {name} at most, not {len(labels)}"
        for key, value in labels.items():
            if len(key) > LONGEST_KEY or not isinstance(value, str) or len(value) > LONGEST_VALUE:
                return f"{name}: {key!r} or its value is too long, or no text"
    if changed := [key for key, value in run["properties"].items() if merged["properties"][key] != value]:
        return f"properties cannot change: {changed}"
    return ""
