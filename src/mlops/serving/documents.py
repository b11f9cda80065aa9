"""The descriptions of the service for clients: files of the image, which `mlops.image.openapi` writes."""

from collections.abc import Mapping
from pathlib import Path
from urllib.parse import parse_qs

from .faults import quote_value
from .refusals import Refusal

OPENAPI = "openapi.json"
SWAGGER = "swagger.json"
VERSIONS = {"2": SWAGGER, "2.0": SWAGGER, "3.1": OPENAPI}  # as the clients of Azure's server ask for them


def read_documents(bundle: Path) -> dict[str, bytes]:
    """Return the documents of an image by their names. Older images have none."""
    return {name: (bundle / name).read_bytes() for name in (OPENAPI, SWAGGER) if (bundle / name).is_file()}


def choose_document(documents: Mapping[str, bytes], path: str, query: bytes) -> bytes:
    """Return the document for a request.

    Parameters
    ----------
    documents : mapping of str to bytes
        The documents by their names.
    path : str
        The path of the request: a slash and one of these names.
    query : bytes
        The query of the request. With ``version=3.1``, ``/swagger.json`` returns the OpenAPI 3.1 document.

    Raises
    ------
    Refusal
        If there is no document of the requested version.
    """
    name = path.removeprefix("/")
    asked = (
        parse_qs(query.decode("latin-1"), keep_blank_values=True).get("version", ["2"])[-1]
        if name == SWAGGER
        else "3.1"
    )
    if VERSIONS.get(asked) not in documents:
        raise Refusal(404, f"/{SWAGGER} has no version {quote_value(asked)}. Use one of: {', '.join(VERSIONS)}.")
    return documents[VERSIONS[asked]]
