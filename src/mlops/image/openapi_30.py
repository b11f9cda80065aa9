"""``openapi-3.0.json`` in an image: the description of its service as OpenAPI 3.0, for clients of Azure."""

from typing import Any

from mlops.image.descriptions import Json

VERSION = "3.0.3"


def convert_document(document: Json) -> Json:
    """Return a document of OpenAPI 3.1 as OpenAPI 3.0.

    OpenAPI 3.0 has no lists of types, and describes all values of an array in the same way. So a row that is a list
    is described with its number of values, but without the range of each value.
    """
    return {**_convert(document), "openapi": VERSION}


def _convert(found: Any) -> Any:
    if isinstance(found, list):
        return [_convert(one) for one in found]
    if not isinstance(found, dict):
        return found
    converted = {name: _convert(one) for name, one in found.items()}
    if isinstance(found.get("prefixItems"), list):
        some_missing = any("nullable" in one for one in converted.pop("prefixItems"))
        converted["items"] = {"type": "number", **({"nullable": True} if some_missing else {})}
    if isinstance(found.get("type"), list):
        nullable = {"nullable": True} if "null" in found["type"] else {}
        types = [{"type": one, **nullable} for one in converted.pop("type") if one != "null"]
        converted |= types[0] if len(types) == 1 else {"anyOf": types}
    return converted
