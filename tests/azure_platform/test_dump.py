import json

from azure_double.azure import Azure

from mlops.backends.azure.pipelines import AzurePipelines
from mlops.backends.azure.session import AzureSession
from mlops.backends.azure.settings import read_settings
from mlops.workspace import Workspace


def test_dump(azure: Azure, workspace: Workspace) -> None:
    p = AzurePipelines(AzureSession(read_settings(workspace), workspace))
    published = p.publish("42", "https://build/42")
    print(published)
    m = list(azure.pipelines.modules.values())[1]
    print({k: v for k, v in m.items() if k not in ("StructuredInterface",)})
    print(
        m["StructuredInterface"]["Arguments"], m["StructuredInterface"]["Inputs"], m["StructuredInterface"]["Outputs"]
    )
    g = list(azure.pipelines.graphs.values())[0]
    print(json.dumps(g["graph"]["Edges"], indent=0).replace("\n", " "))
    print(g["graph"].keys(), g["interface"])
    rc = json.loads(g["graph"]["ModuleNodes"][0]["Runconfig"])
    rc["environment"].pop("python", None)
    print(rc)
    print(
        [
            (s["Name"], s["ScheduleType"], s["Recurrence"], s["DataStoreTriggerInfo"])
            for s in azure.pipelines.schedules.values()
        ]
    )
    published = p.publish("42", "https://build/42")
    print(published)
    print(len(azure.pipelines.published), len(azure.pipelines.schedules), len(azure.pipelines.endpoints))
