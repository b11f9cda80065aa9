"""The descriptions of the service for clients: files of the image, which `mlops.image.openapi` writes."""

import json
import os
from collections.abc import Collection, Mapping
from pathlib import Path
from urllib.parse import parse_qs

from .refusals import Refusal, quote_value

OPENAPI = "openapi.json"
OPENAPI_30 = "openapi-3.0.json"
SWAGGER = "swagger.json"
FILES = (OPENAPI, OPENAPI_30, SWAGGER)
VERSIONS = {"2": SWAGGER, "2.0": SWAGGER, "3": OPENAPI_30, "3.0": OPENAPI_30, "3.1": OPENAPI}  # as in Azure's server
PATHS = {f"/{OPENAPI}": "3.1", f"/{SWAGGER}": "2"}  # each with the version that it returns by default
PREFIX = "SERVICE_PATH_PREFIX"  # the path at which a proxy publishes the service; Azure sets it on Kubernetes


def read_documents(bundle: Path) -> dict[str, bytes]:
    """Return the documents of an image by their names. Older images do not have all of them.

    If the variable `SERVICE_PATH_PREFIX` is set, the paths in the documents begin with its value.
    """
    prefix = os.environ.get(PREFIX, "").strip("/")
    found = {name: (bundle / name).read_bytes() for name in FILES if (bundle / name).is_file()}
    return {name: _add_prefix(content, prefix) if prefix else content for name, content in found.items()}


def choose_document(documents: Mapping[str, bytes], path: str, query: bytes) -> bytes:
    """Return the document for a request.

    Parameters
    ----------
    documents : mapping of str to bytes
        The documents by their names.
    path : str
        The path of the request, which is one of `PATHS`.
    query : bytes
        The query of the request. For ``/swagger.json``, it can have the parameter ``version``, a key of `VERSIONS`.

    Raises
    ------
    Refusal
        If the requested version has no document.
    """
    sent = parse_qs(query.decode("latin-1"), keep_blank_values=True) if path == f"/{SWAGGER}" else {}
    asked = sent.get("version", [PATHS[path]])[-1]
    if VERSIONS.get(asked) not in documents:
        known = ", ".join(version for version, name in VERSIONS.items() if name in documents)
        raise Refusal(404, f"/{SWAGGER} has no version {quote_value(asked)}. Use one of: {known}.")
    return documents[VERSIONS[asked]]


def describe_bodies(
    documents: Mapping[str, bytes], request: object, answer: object, versions: Collection[str]
) -> dict[str, bytes]:
    """Return the documents with other descriptions of the bodies of requests and answers.

    Parameters
    ----------
    documents : mapping of str to bytes
        The documents by their names.
    request, answer : JSON
        The JSON Schemas of the bodies.
    versions : collection of str
        The keys of `VERSIONS` for which these JSON Schemas are valid. Other documents do not change.
    """
    names = {VERSIONS[version] for version in versions if version in VERSIONS}
    return {
        name: _replace_bodies(name, content, request, answer) if name in names else content
        for name, content in documents.items()
    }


def _replace_bodies(name: str, content: bytes, request: object, answer: object) -> bytes:
    document = json.loads(content)
    if name == SWAGGER:
        document["definitions"] |= {"ServiceInput": request, "ServiceOutput": answer}
    else:
        document["components"]["schemas"] |= {"Request": request, "Answer": answer}
    return _encode(document)


def _add_prefix(content: bytes, prefix: str) -> bytes:
    document = json.loads(content)
    document["paths"] = {f"/{prefix}{path}": described for path, described in document["paths"].items()}
    return _encode(document)


def _encode(document: object) -> bytes:
    return (json.dumps(document, indent=1) + "\n").encode()
