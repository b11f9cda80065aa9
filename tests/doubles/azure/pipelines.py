"""The pipeline service: modules, published pipelines and their endpoint, schedules, and runs that are really executed.

Published pipelines must name existing modules, endpoints and data types. `doubles.azure.execution` executes submitted
ones.
"""

import re
import uuid
from typing import TYPE_CHECKING, Any

from doubles.azure.execution import Execution
from doubles.azure.names import API, WORKSPACE_ID
from doubles.azure.routing import Drop, Request, Response

if TYPE_CHECKING:
    from doubles.azure.azure import Azure

BASE = re.escape(f"{API}/pipelines/v1.0{WORKSPACE_ID}")
URL = f"https://{API}/pipelines/v1.0{WORKSPACE_ID}"
ID = "(?P<id>[0-9a-f-]{36})"
ACTIVE, DISABLED = "0", "2"
STATUSES = {"0": "0", "1": "1", "2": "2", "Active": "0", "Deprecated": "1", "Disabled": "2"}
RECURRENCE, DATA_STORE = "0", "1"
COMPLETED, PROVISIONING, FAILED = "0", "1", "2"  # of a schedule
TIME = "2026-11-22T09:00:00Z"


class Pipelines:
    """The service.

    `answer_is_lost` drops the connection after the next submission was accepted. Without `has_nodes`, a submitted run
    waits forever for a compute. `failing` is how many of the next schedules are accepted but then not set up.
    """

    def __init__(self) -> None:
        self.data_types: dict[str, dict[str, Any]] = {}
        self.modules: dict[str, dict[str, Any]] = {}
        self.published: dict[str, dict[str, Any]] = {}
        self.graphs: dict[str, dict[str, Any]] = {}
        self.endpoints: dict[str, dict[str, Any]] = {}
        self.schedules: dict[str, dict[str, Any]] = {}
        self.executions: dict[str, Execution] = {}
        self.answer_is_lost = False
        self.has_nodes = True
        self.failing = 0

    def install(self, azure: "Azure") -> None:
        self._azure = azure
        self._install_parts(azure)
        self._install_published(azure)
        self._install_schedules(azure)
        submit = rf"{BASE}/PipelineRuns"
        azure.route("POST", rf"{submit}/PipelineSubmit/{ID}")(self._submit_version)
        azure.route("POST", rf"{submit}/PipelineEndpointSubmit/Id/{ID}")(self._submit_default)
        azure.route("GET", rf"{submit}/{ID}")(self._get_run)
        azure.route("DELETE", rf"{submit}/{ID}/Execution")(self._cancel)

    def _install_parts(self, azure: "Azure") -> None:
        azure.route("GET", rf"{BASE}/DataTypes")(lambda request: Response(body=list(self.data_types.values())))
        azure.route("POST", rf"{BASE}/DataTypes")(self._create_data_type)
        azure.route("POST", rf"{BASE}/Modules")(self._create_module)
        azure.route("GET", rf"{BASE}/Modules/Hash/.*")(lambda request: _refuse("module"))
        azure.route("GET", rf"{BASE}/Modules/{ID}")(self._get_module)

    def _install_published(self, azure: "Azure") -> None:
        azure.route("POST", rf"{BASE}/Pipelines/Create")(self._publish)
        azure.route("GET", rf"{BASE}/Pipelines")(self._list_published)
        azure.route("GET", rf"{BASE}/Pipelines/{ID}")(self._get_published)
        azure.route("PUT", rf"{BASE}/Pipelines/{ID}/status")(self._set_status)
        azure.route("POST", rf"{BASE}/PipelineEndpoints/Create")(self._create_endpoint)
        azure.route("GET", rf"{BASE}/PipelineEndpoints/Name")(self._find_endpoint)
        azure.route("GET", rf"{BASE}/PipelineEndpoints/Id/{ID}")(self._get_endpoint)
        azure.route("GET", rf"{BASE}/PipelineEndpoints")(lambda request: Response(body=list(self.endpoints.values())))
        azure.route("PUT", rf"{BASE}/PipelineEndpoints/{ID}")(self._update_endpoint)

    def _install_schedules(self, azure: "Azure") -> None:
        azure.route("POST", rf"{BASE}/Schedules/Create")(self._create_schedule)
        azure.route("GET", rf"{BASE}/Schedules")(self._list_schedules)
        azure.route("GET", rf"{BASE}/Schedules/{ID}")(self._get_schedule)
        azure.route("PUT", rf"{BASE}/Schedules/{ID}")(self._update_schedule)

    @property
    def active(self) -> list[dict[str, Any]]:
        """The active published pipelines."""
        return [found for found in self.published.values() if found["EntityStatus"] == ACTIVE]

    @property
    def active_schedules(self) -> list[dict[str, Any]]:
        """The active schedules."""
        return [found for found in self.schedules.values() if found["EntityStatus"] == ACTIVE]

    def find_default(self, endpoint: dict[str, Any]) -> str:
        """Return the id of the pipeline that an endpoint starts."""
        versions = {version["Version"]: version["PipelineId"] for version in endpoint["PipelineVersionList"]}
        return str(versions[endpoint["DefaultVersion"]])

    def fire(self, schedule: dict[str, Any]) -> str:
        """Start the run of a schedule, as the service does at the scheduled time, and return its id."""
        pipeline = self.find_default(self.endpoints[schedule["PipelineEndpointId"]])
        return self._start(pipeline, {**schedule["PipelineSubmissionInfo"], "RunType": "Schedule"})

    def wait(self, run_id: str, seconds: float = 300) -> dict[str, Any]:
        """Wait until a run ends, and return it."""
        assert self.executions[run_id].join(seconds), f"the run {run_id} has not ended in {seconds} s"
        return self._azure.history.runs[run_id]

    def close(self) -> None:
        """End all runs that are still running."""
        for execution in self.executions.values():
            execution.cancel()
        for execution in self.executions.values():
            execution.join(30)

    def _create_data_type(self, request: Request) -> Response:
        given = request.json
        if given["Id"] in self.data_types:
            return _make_error(400, "UserError", f"DataType {given['Id']} already exist")
        self.data_types[given["Id"]] = given
        return Response(body=given)

    def _create_module(self, request: Request) -> Response:
        given = request.json
        if given["StorageId"] not in self._azure.snapshots.files:
            return _make_error(400, "UserError", f"there is no snapshot {given['StorageId']!r}")
        fields = ("Name", "Description", "StructuredInterface", "IdentifierHash", "ModuleType", "StepType", "Runconfig")
        module = _make_entity(**{name: given.get(name) for name in (*fields, "StorageId")}, UploadState="1")
        self.modules[module["Id"]] = module
        return Response(body=module)

    def _get_module(self, request: Request) -> Response:
        module = self.modules.get(request["id"])
        return (
            Response(body={"Data": module, "Interface": _describe_interface(module)}) if module else _refuse("module")
        )

    def _publish(self, request: Request) -> Response:
        given = request.json
        unknown = [node["ModuleId"] for node in given["Graph"]["ModuleNodes"] if node["ModuleId"] not in self.modules]
        if unknown or not given.get("Name"):
            return _make_error(400, "UserError", f"the graph has no name, or modules that are not there: {unknown}")
        made = _make_entity(
            Name=given["Name"],
            Description=given.get("Description"),
            Version=given.get("Version"),
            GraphId=str(uuid.uuid4()),
            TotalRunSteps=len(given["Graph"]["ModuleNodes"]),
        )
        made["Url"] = f"{URL}/PipelineRuns/PipelineSubmit/{made['Id']}"
        self.published[made["Id"]] = made
        self.graphs[made["Id"]] = {"graph": given["Graph"], "interface": given["GraphInterface"]}
        return Response(body=made)

    def _list_published(self, request: Request) -> Response:
        only_active = request.query.get("activeOnly", "true").lower() == "true"
        return Response(body=self.active if only_active else list(self.published.values()))

    def _get_published(self, request: Request) -> Response:
        found = self.published.get(request["id"])
        return Response(body=found) if found else _refuse("pipeline")

    def _set_status(self, request: Request) -> Response:
        self.published[request["id"]]["EntityStatus"] = STATUSES[str(request.json)]
        return Response()

    def _create_endpoint(self, request: Request) -> Response:
        given = request.json
        if any(found["Name"] == given["Name"] for found in self.endpoints.values()):
            return _make_error(409, "UserError", f"a pipeline endpoint {given['Name']!r} exists already")
        if given["PipelineId"] not in self.published or not given.get("Description"):
            return _make_error(400, "UserError", "an endpoint needs a pipeline that is there, and a description")
        made = _make_entity(
            Name=given["Name"],
            Description=given["Description"],
            DefaultVersion="0",
            PipelineVersionList=[{"Version": "0", "PipelineId": given["PipelineId"]}],
        )
        made["Url"] = f"{URL}/PipelineRuns/PipelineEndpointSubmit/Id/{made['Id']}"
        self.endpoints[made["Id"]] = made
        return Response(body=made)

    def _find_endpoint(self, request: Request) -> Response:
        named = [found for found in self.endpoints.values() if found["Name"] == request.query["Name"]]
        return Response(body=named[0]) if named else _refuse("pipeline endpoint")

    def _get_endpoint(self, request: Request) -> Response:
        found = self.endpoints.get(request["id"])
        return Response(body=found) if found else _refuse("pipeline endpoint")

    def _update_endpoint(self, request: Request) -> Response:
        given, found = request.json, self.endpoints[request["id"]]
        versions = [version["Version"] for version in given["PipelineVersionList"]]
        unknown = [version for version in given["PipelineVersionList"] if version["PipelineId"] not in self.published]
        if given["DefaultVersion"] not in versions or len(set(versions)) < len(versions) or unknown:
            return _make_error(400, "UserError", "the endpoint's versions are not what can be")
        found.update({name: given[name] for name in ("DefaultVersion", "PipelineVersionList", "Description")})
        return Response(body=found)

    def _create_schedule(self, request: Request) -> Response:
        given = request.json
        kind = str(given["ScheduleType"])
        if bool(given.get("PipelineId")) == bool(given.get("PipelineEndpointId")):
            return _make_error(400, "UserError", "a schedule starts either a pipeline or an endpoint")
        if given.get("PipelineEndpointId", "") not in self.endpoints:
            return _make_error(404, "UserError", "there is no such pipeline endpoint")
        if not given.get("Recurrence" if kind == RECURRENCE else "DataStoreTriggerInfo"):
            return _make_error(400, "UserError", "the schedule does not say when")
        kept = ("Name", "PipelineEndpointId", "ScheduleType", "Recurrence", "DataStoreTriggerInfo")
        submission = given["PipelineSubmissionInfo"]
        if not submission.get("ExperimentName"):
            return _make_error(400, "UserError", "the schedule names no experiment")
        made = _make_entity(**{name: given.get(name) for name in kept}, PipelineSubmissionInfo=submission)
        self.schedules[made["Id"]] = {**made, "ProvisioningStatus": PROVISIONING}
        if kind == RECURRENCE and not given["Recurrence"].get("StartTime"):
            self.fire(made)  # as Azure does
        return Response(body=self.schedules[made["Id"]])

    def _list_schedules(self, request: Request) -> Response:
        only_active = request.query.get("activeOnly", "true").lower() == "true"
        return Response(body=self.active_schedules if only_active else list(self.schedules.values()))

    def _get_schedule(self, request: Request) -> Response:
        found = self.schedules.get(request["id"])
        if found and found["ProvisioningStatus"] == PROVISIONING:
            found["ProvisioningStatus"] = FAILED if self.failing else COMPLETED
            self.failing = max(self.failing - 1, 0)
        return Response(body=found) if found else _refuse("schedule")

    def _update_schedule(self, request: Request) -> Response:
        found, given = self.schedules[request["id"]], request.json
        found.update({name: given[name] for name in ("Name", "Recurrence", "DataStoreTriggerInfo") if name in given})
        found["EntityStatus"] = STATUSES[str(given["EntityStatus"])]
        return Response(body=found)

    def _submit_version(self, request: Request) -> Response:
        return self._submit(request["id"], request)

    def _submit_default(self, request: Request) -> Response:
        endpoint = self.endpoints.get(request["id"])
        return self._submit(self.find_default(endpoint), request) if endpoint else _refuse("pipeline endpoint")

    def _submit(self, pipeline: str, request: Request) -> Response:
        if not request.headers.get("Authorization", "").startswith("Bearer "):
            return _make_error(401, "Unauthorized", "Bearer token not provided.")
        if self.published[pipeline]["EntityStatus"] != ACTIVE:
            return _make_error(400, "UserError", "the pipeline is not active")
        # Read in upper or lower case.
        given = {name[:1].upper() + name[1:]: value for name, value in request.json.items()}
        declared = {found["Name"] for found in self.graphs[pipeline]["interface"]["Parameters"]}
        if unknown := (given.get("ParameterAssignments") or {}).keys() - declared:
            return _make_error(400, "UserError", f"the pipeline has no parameters {sorted(unknown)}")
        if not given.get("ExperimentName"):
            return _make_error(400, "UserError", "ExperimentName is required")
        run_id = self._start(pipeline, given)
        if self.answer_is_lost:
            self.answer_is_lost = False
            raise Drop
        return Response(body=self._describe_run(run_id))

    def _start(self, pipeline: str, given: dict[str, Any]) -> str:
        run_id = str(uuid.uuid4())
        self._azure.history.add_run(
            given["ExperimentName"],
            run_id,
            runType="azureml.PipelineRun",
            startTimeUtc=TIME,
            tags=dict(given.get("Tags") or {}),
            properties={
                "azureml.runsource": "azureml.PipelineRun",
                "runSource": given.get("RunSource") or "Unavailable",
                "runType": given.get("RunType") or "HTTP",
                "azureml.parameters": str(given.get("ParameterAssignments") or {}),
                "azureml.pipelineid": pipeline,
            },
        )
        execution = Execution(self._azure, run_id, given["ExperimentName"], self._list_steps(pipeline, given))
        self.executions[run_id] = execution
        if self.has_nodes:
            execution.thread.start()
        return run_id

    def _list_steps(self, pipeline: str, given: dict[str, Any]) -> list[dict[str, Any]]:
        """Return the steps in the order of their execution: each module with its arguments and configuration."""
        graph, interface = (self.graphs[pipeline][name] for name in ("graph", "interface"))
        values = {found["Name"]: found["DefaultValue"] for found in interface["Parameters"]}
        values |= given.get("ParameterAssignments") or {}
        nodes = {node["Id"]: node for node in graph["ModuleNodes"]}
        return [
            {"module": self.modules[nodes[node]["ModuleId"]], "node": nodes[node], "values": values}
            for node in _order(graph)
        ]

    def _describe_run(self, run_id: str) -> dict[str, Any]:
        run = self._azure.history.runs[run_id]
        experiment = next(
            found["name"]
            for found in self._azure.history.experiments.values()
            if found["experimentId"] == run["experimentId"]
        )
        codes = {"NotStarted": "0", "Running": "1", "Failed": "2", "Completed": "3", "Canceled": "4"}
        return {
            **_make_entity(RunHistoryExperimentName=experiment, tags=run["tags"]),
            "Id": run_id,
            "Status": {"StatusCode": codes[run["status"]]},
        }

    def _get_run(self, request: Request) -> Response:
        return Response(body=self._describe_run(request["id"])) if request["id"] in self.executions else _refuse("run")

    def _cancel(self, request: Request) -> Response:
        self.executions[request["id"]].cancel()
        return Response()


def _make_entity(**fields: Any) -> dict[str, Any]:
    return {
        "Id": str(uuid.uuid4()),
        "Etag": '"1"',
        "CreatedDate": TIME,
        "LastModifiedDate": TIME,
        "EntityStatus": ACTIVE,
        **fields,
    }


def _describe_interface(module: dict[str, Any]) -> dict[str, Any]:
    given = module["StructuredInterface"]

    def list_parameters(kind: str) -> list[dict[str, Any]]:
        return [
            {"Name": one["Name"], "DefaultValue": one.get("DefaultValue"), "IsOptional": one.get("IsOptional", False)}
            for one in given.get(kind) or ()
        ]

    inputs = [{"Name": one["Name"], "DataTypesIds": one.get("DataTypeIdsList")} for one in given.get("Inputs") or ()]
    outputs = [{"Name": one["Name"], "DataTypeId": one.get("DataTypeId")} for one in given.get("Outputs") or ()]
    return {
        "Parameters": list_parameters("Parameters"),
        "MetadataParameters": list_parameters("MetadataParameters"),
        "Ports": {"Inputs": inputs, "Outputs": outputs},
    }


def _order(graph: dict[str, Any]) -> list[str]:
    """Return the ids of a graph's nodes, each after its predecessors."""
    waits: dict[str, set[str]] = {node["Id"]: set() for node in graph["ModuleNodes"]}
    for edge in graph.get("Edges") or ():
        source = edge["SourceOutputPort"].get("NodeId")
        if source:
            waits[edge["DestinationInputPort"]["NodeId"]].add(source)
    ordered: list[str] = []
    while waits:
        ready = sorted(node for node, needed in waits.items() if needed <= set(ordered))
        assert ready, "the graph has a circle"
        ordered.append(ready[0])
        del waits[ready[0]]
    return ordered


def _make_error(status: int, code: str, message: str) -> Response:
    """Return an error in the format of this service's SDK models, with capitalized names."""
    return Response(status, {"Error": {"Code": code, "Message": message}})


def _refuse(kind: str) -> Response:
    return _make_error(404, "UserError", f"there is no such {kind}")
