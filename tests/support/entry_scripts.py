"""Entry scripts as they are written for Azure Machine Learning."""

TEXT = """
import json, os
def init():
    global weight
    with open(os.path.join(os.environ["AZUREML_MODEL_DIR"], "model.json")) as file:
        weight = json.load(file)["weight"]
def run(raw_data):
    data = json.loads(raw_data)
    if isinstance(data, dict) and "echo" in data:
        return raw_data
    if isinstance(data, dict) and "fail" in data:
        raise ValueError(data["fail"])
    return {"result": [sum(row) * weight for row in data["data"]]}
"""
HEADERS = """
def init(): pass
def run(body, request_headers):
    return {"body": body, "kind": request_headers["Content-Type"], "caller": request_headers.get("X-Caller")}
"""
NUMPY = """
import numpy as np
from inference_schema.parameter_types.numpy_parameter_type import NumpyParameterType
from inference_schema.schema_decorators import input_schema, output_schema
def init(): pass
@input_schema("data", NumpyParameterType(np.array([[1.0, 2.0]])))
@output_schema(NumpyParameterType(np.array([3.0])))
def run(data, request_headers):
    return {"result": data.sum(axis=1).tolist(), "shape": data.shape, "caller": request_headers.get("X-Caller")}
"""
PANDAS = """
import pandas as pd
from inference_schema.parameter_types.pandas_parameter_type import PandasParameterType
from inference_schema.parameter_types.standard_py_parameter_type import StandardPythonParameterType
from inference_schema.schema_decorators import input_schema, output_schema
def init(): pass
@input_schema("factor", StandardPythonParameterType(1.5))
@input_schema("table", PandasParameterType(pd.DataFrame({"plan": ["basic"], "fee": [1.0]})))
@output_schema(StandardPythonParameterType([1.0]))
def run(table, factor=2.0):
    return (table["fee"] * factor + (table["plan"] == "plus")).tolist()
"""
RAW = """
from azureml.contrib.services.aml_request import AMLRequest, rawhttp
from azureml.contrib.services.aml_response import AMLResponse
def init(): pass
@rawhttp
def run(request):
    if request.args.get("fail"):
        raise RuntimeError("secret details")
    if request.args.get("status"):
        return AMLResponse(b"\\x00\\xff", int(request.args["status"]), {"Content-Type": "image/jpeg", "X-Two": "a,b"})
    if request.method == "GET":
        return {"method": "GET", "path": request.full_path, "name": request.args.get("name")}
    if request.files:
        return {name: len(file.read()) for name, file in request.files.items()}
    if request.method == "POST":
        form = dict(request.form)  # empties the body if it is a form
        return AMLResponse({"length": len(request.get_data(False)), "form": form}, 201, json_str=True)
    return AMLResponse("bad request", 500)
"""
UNENCODABLE = """
import numpy as np
def init(): pass
def run(data):
    return np.array([1.0])
"""
NOTHING = """
def init(): pass
def run(data):
    pass
"""
