"""The file of a fitted estimator. It is in skops' format, which cannot contain code.

The same estimator always gives the same bytes, in every process.
"""

# skops names objects and files after addresses in memory, and stores the time. So this module numbers the objects in
# the order in which they occur, sorts sets, and sets all times to the earliest time that an archive can store.

import io
import json
from collections.abc import Mapping
from itertools import count
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Any
from zipfile import ZipFile, ZipInfo

import numpy as np
import skops.io
from skops.io.exceptions import UntrustedTypesFoundException

from mlops.errors import IntegrityError, ProblemError
from mlops.problem import Problem

if TYPE_CHECKING:
    from numpy.typing import NDArray

SCHEMA = "schema.json"
LOADER, IDENTITY, FILE = "__loader__", "__id__", "file"  # the keys of an object in the schema
ADDRESSES = ("_stop_words_id",)  # attributes that contain addresses; a loaded object does not use them
RIGHTS = 0o600 << 16


def dump_estimator(problem: Problem, estimator: Any) -> bytes:
    """Return a fitted estimator as the content of a file, and check that it can be loaded again.

    Raises
    ------
    ProblemError
        If the estimator cannot be loaded again, for example because it has types that the problem does not trust.
    """
    try:
        content = rewrite_archive(skops.io.dumps(estimator))
        skops.io.loads(content, trusted=list(problem.trusted_types))
    except UntrustedTypesFoundException as error:
        raise ProblemError(
            f"{problem}: the fitted model has types that skops does not trust, so it could not be loaded again. "
            f"Review them, then add them to `trusted_types`: {_list_untrusted(problem, content)}."
        ) from error
    except (AttributeError, ImportError, TypeError, ValueError) as error:
        raise ProblemError(
            f"{problem}: skops cannot save the fitted model and load it again. Build it from scikit-learn's estimators "
            f"and from functions and classes that a module defines at its top level. skops said: {error}"
        ) from error
    return content


def load_estimator(problem: Problem, path: Path) -> Any:
    """Load a fitted estimator from a file, without checking the hash of the file.

    Raises
    ------
    IntegrityError
        If the file contains types that neither skops nor the problem trusts.
    """
    try:
        return skops.io.load(path, trusted=list(problem.trusted_types))
    except UntrustedTypesFoundException as error:
        raise IntegrityError(
            f"{path} was not loaded, because the problem {problem.name!r} does not trust all types in it. Review "
            f"them, then add them to `trusted_types`: {_list_untrusted(problem, path.read_bytes())}."
        ) from error


def rewrite_archive(content: bytes) -> bytes:
    """Return an archive of `skops.io.dumps`, rewritten so that the same estimator always gives the same bytes."""
    with ZipFile(io.BytesIO(content)) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    schema, numbering = json.loads(files.pop(SCHEMA)), Numbering()
    numbering.renumber(schema)
    rewritten = io.BytesIO()
    with ZipFile(rewritten, "w") as archive:
        for name, numbered in numbering.files.items():
            _write_file(archive, numbered, _clear_gaps(files[name]) if name.endswith(".npy") else files[name])
        _write_file(archive, SCHEMA, json.dumps(schema, indent=2).encode())
    return rewritten.getvalue()


class Numbering:
    """The new numbers of the objects in an archive, and the new names of its files.

    Attributes
    ----------
    files : dict of str to str
        The new name of each file, by its old name.
    """

    def __init__(self) -> None:
        self.files: dict[str, str] = {}
        self._numbers: dict[int, int] = {}
        self._next = count(1)

    def renumber(self, node: Any) -> None:
        """Renumber all objects in a part of the archive's schema, and rename their files."""
        if isinstance(node, list):
            for item in node:
                self.renumber(item)
        if not isinstance(node, dict):
            return
        if node.get(LOADER) == "SetNode":
            node["content"].sort(key=_describe_value)
        for key, value in node.items():
            if key == IDENTITY and isinstance(value, int):
                node[key] = self._number_object(node, value)
            elif key == FILE and isinstance(value, str):
                node[key] = self.files.setdefault(value, f"{len(self.files) + 1}{PurePath(value).suffix}")
            else:
                self.renumber(value)
            if key in ADDRESSES:
                value["content"] = "0"

    def _number_object(self, node: Mapping[str, Any], identity: int) -> int:
        # Equal strings and numbers may or may not be the same object, depending on the process. This does not affect
        # loaded models.
        if node.get(LOADER) == "JsonNode":
            return next(self._next)
        if identity not in self._numbers:
            self._numbers[identity] = next(self._next)
        return self._numbers[identity]


def _list_untrusted(problem: Problem, content: bytes) -> str:
    found = skops.io.get_untrusted_types(data=content)
    return ", ".join(f'"{name}"' for name in found if name not in problem.trusted_types)


def _describe_value(node: Any) -> str:
    """Return a string that depends on the value of an object, but not on its address."""
    if isinstance(node, dict):
        return json.dumps({key: _describe_value(value) for key, value in node.items() if key != IDENTITY})
    return json.dumps([_describe_value(item) for item in node] if isinstance(node, list) else node)


def _clear_gaps(content: bytes) -> bytes:
    """Return the file of an array, with the unused bytes between the fields of a structured array set to 0.

    scikit-learn stores the nodes of decision trees in such arrays, and these bytes have arbitrary values.
    """
    records = np.load(io.BytesIO(content), allow_pickle=False)
    if records.dtype.names is None or not records.nbytes:
        return content
    data = np.frombuffer(content, dtype="u1").copy()
    data[-records.nbytes :].reshape(-1, records.itemsize)[:, ~_find_used_bytes(records.dtype)] = 0
    return data.tobytes()


def _find_used_bytes(kind: "np.dtype[Any]") -> "NDArray[np.bool_]":
    used = np.zeros(kind.itemsize, dtype=bool)
    for field, offset, *_ in (kind.fields or {}).values():
        used[offset : offset + field.itemsize] = _find_used_bytes(field) if field.names else True
    return used


def _write_file(archive: ZipFile, name: str, content: bytes) -> None:
    entry = ZipInfo(name)  # with the default time, 1980-01-01
    entry.external_attr, entry.create_system = RIGHTS, 3
    archive.writestr(entry, content)
