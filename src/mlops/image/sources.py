"""The files that go into the image of a problem, and a search for those that changed after the image was created."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import mlops.serving
from mlops.errors import ProblemError
from mlops.files.hashes import hash_content, hash_file
from mlops.image.entry import imports_runtime, reads_body
from mlops.image.runtimes.packages import PROJECT_LOCK, list_compositions, name_runtime
from mlops.image.schema import Row, encode_schema, write_rows
from mlops.pipelines.advice import IMAGE_NOTEBOOK, RUNTIME_PARAMETER
from mlops.problem import Problem
from mlops.problem.image_files import SCORING_LOCK, SCORING_SCRIPT, find_image_files
from mlops.serving.schema import SCHEMA

REQUIREMENTS = "requirements.txt"
SCHEMA_TITLE = "the schema of the problem"
EXAMPLES = "examples.json"
EXAMPLES_TITLE = "the list of the problem's examples"
RUNTIME_TITLE = "the chosen runtime"
CHOICE_TITLE = "the choice of a runtime"
RUNTIME_CHOICE = "runtime.txt"  # in an image whose runtime was chosen by a person, and would be another one otherwise
EMPTY = hash_content(b"")
# The script of a problem without one of its own.
DEFAULT_SCRIPT = Path(mlops.serving.__file__).parent / "runtimes" / "script.py"


@dataclass(frozen=True)
class ImageSources:
    """The files of a problem that go into its image.

    Parameters
    ----------
    project : Path
        The folder to which paths in messages are relative.
    script, requirements : Path
        The scoring script, and the lock file of the packages that it needs.
    image_files : tuple of Path
        The modules beside the script.
    schema : bytes
        The form of requests and answers; see `mlops.image.schema`. Empty if the script reads the body of a request
        itself.
    problem : Problem, optional
        The problem, for its examples.
    loads_runtime : bool
        Whether the script loads the model with the runtime that the image records.
    runtime : str
        The runtime that the user chose; empty for the fastest one.
    """

    project: Path
    script: Path
    requirements: Path
    image_files: tuple[Path, ...] = ()
    schema: bytes = b""
    problem: Problem | None = None
    loads_runtime: bool = False
    runtime: str = ""

    @property
    def lock(self) -> Path:
        """The lock of the project, from which the packages of a runtime are taken."""
        return self.project / PROJECT_LOCK

    def find_changes(self, recorded: Mapping[str, str]) -> tuple[list[str], list[str]]:
        """Return the files that have changed since an image was created, and those that a new image would lack.

        Parameters
        ----------
        recorded : mapping of str to str
            The SHA-256 of each file in the image, by the name of the file.

        Returns
        -------
        changed, removed : list of str
            The names of the files, as shown in messages. Most are paths relative to the project.
        """
        present = {name: (title, sha256) for name, title, sha256 in self._hash_files(recorded)}
        changed = [title for name, (title, sha256) in present.items() if recorded.get(name, EMPTY) != sha256]
        if self.runtime and self.runtime != name_runtime(recorded):
            changed.append(RUNTIME_TITLE)
        removed = [name for name in recorded if "/" not in name and name.endswith(".py") and name not in present]
        if SCHEMA_TITLE in changed and not self.schema:
            changed.remove(SCHEMA_TITLE)
            removed.insert(0, SCHEMA_TITLE)
        if RUNTIME_CHOICE in recorded and not self.runtime:
            removed.insert(0, CHOICE_TITLE)
        return changed, removed

    def write_examples(self) -> list[Row]:
        """Return the examples that the problem declares, as rows of a request."""
        return write_rows(self.problem, self.problem.example_rows) if self.problem and self.problem.examples else []

    def shorten(self, path: Path) -> str:
        """Return a path for messages, relative to the project if the file is in the project."""
        return str(path.relative_to(self.project) if path.is_relative_to(self.project) else path)

    def encode_examples(self) -> bytes:
        """Return the content of ``examples.json``."""
        return (json.dumps(self.write_examples()) + "\n").encode()

    def _hash_files(self, recorded: Mapping[str, str]) -> Iterator[tuple[str, str, str]]:
        for name, path in {SCORING_SCRIPT: self.script, **{path.name: path for path in self.image_files}}.items():
            yield name, self.shorten(path), hash_file(path)
        yield REQUIREMENTS, self.shorten(self.requirements), self._hash_requirements(recorded.get(REQUIREMENTS, ""))
        yield SCHEMA, SCHEMA_TITLE, hash_content(self.schema)
        if EXAMPLES in recorded:  # older images do not have this file
            yield EXAMPLES, EXAMPLES_TITLE, hash_content(self.encode_examples())

    def _hash_requirements(self, recorded: str) -> str:
        """Return `recorded` if a new image could have requirements with this hash, and otherwise another hash."""
        if not self.loads_runtime:
            return hash_file(self.requirements)
        composed = (hash_content(text.encode()) for text in list_compositions(self.requirements, self.lock))
        return next((sha256 for sha256 in composed if sha256 == recorded), EMPTY)


def find_sources(
    problem: Problem, project: Path, script: str = "", requirements: str = "", runtime: str = ""
) -> ImageSources:
    """Return the files from which the image of a problem is created.

    Parameters
    ----------
    problem : Problem
        The problem.
    project : Path
        The folder of the project.
    script, requirements : str
        The paths of a scoring script and a lock, relative to the project. If empty, the problem's own files are used.
        A problem without a scoring script uses the engine's script, and needs no lock.
    runtime : str
        The name of the runtime; empty for the fastest one that predicts the same as the model.

    Raises
    ------
    ProblemError
        If a file does not exist, or if a runtime is chosen although the scoring script loads the model itself.
    """
    own, pinned = problem.folder / SCORING_SCRIPT, problem.folder / SCORING_LOCK
    code = project / script if script else own if own.is_file() else DEFAULT_SCRIPT
    if not requirements and code == DEFAULT_SCRIPT and not pinned.is_file():
        requirements = PROJECT_LOCK
    lock = project / requirements if requirements else pinned
    for path in (code, lock):
        if not path.is_file():
            raise ProblemError(
                f"There is no {path}. Create it, or name another file in the parameters of {IMAGE_NOTEBOOK}."
            )
    schema = b"" if reads_body(code) else encode_schema(problem)
    loads = imports_runtime(code)
    sources = ImageSources(project, code, lock, tuple(find_image_files(problem)), schema, problem, loads, runtime)
    if runtime and not loads:
        raise ProblemError(
            f"{RUNTIME_PARAMETER} is {runtime!r}, but {sources.shorten(code)} loads the model itself. Leave the "
            "parameter empty, or delete the script to let the service load the model."
        )
    return sources
