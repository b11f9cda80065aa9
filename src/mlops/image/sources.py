"""The files that go into the image of a problem, and a search for those that changed after the image was created."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from mlops.errors import ProblemError
from mlops.files.hashes import hash_content, hash_file
from mlops.image.entry import reads_body
from mlops.image.schema import Row, encode_schema, write_rows
from mlops.pipelines.advice import IMAGE_NOTEBOOK
from mlops.problem import Problem
from mlops.problem.image_files import SCORING_LOCK, SCORING_SCRIPT, find_image_files

REQUIREMENTS = "requirements.txt"
SCHEMA = "schema.json"
SCHEMA_TITLE = "the schema of the problem"
EXAMPLES = "examples.json"
EXAMPLES_TITLE = "the list of the problem's examples"
EMPTY = hash_content(b"")


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
    """

    project: Path
    script: Path
    requirements: Path
    image_files: tuple[Path, ...] = ()
    schema: bytes = b""
    problem: Problem | None = None

    def find_changes(self, recorded: Mapping[str, str]) -> tuple[list[str], list[str]]:
        """Return the files that have changed since an image was created, and those that a new image would lack.

        Parameters
        ----------
        recorded : mapping of str to str
            The SHA-256 of each file in the image, by the name of the file.

        Returns
        -------
        changed, removed : list of str
            The names of the files for messages, which are mostly paths relative to the project.
        """
        present = {name: (title, sha256) for name, title, sha256 in self._hash_files(recorded)}
        changed = [title for name, (title, sha256) in present.items() if recorded.get(name, EMPTY) != sha256]
        removed = [name for name in recorded if "/" not in name and name.endswith(".py") and name not in present]
        if SCHEMA_TITLE in changed and not self.schema:
            changed.remove(SCHEMA_TITLE)
            removed.insert(0, SCHEMA_TITLE)
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
        named = {SCORING_SCRIPT: self.script, REQUIREMENTS: self.requirements}
        for name, path in {**named, **{path.name: path for path in self.image_files}}.items():
            yield name, self.shorten(path), hash_file(path)
        yield SCHEMA, SCHEMA_TITLE, hash_content(self.schema)
        if EXAMPLES in recorded:  # older images do not have this file
            yield EXAMPLES, EXAMPLES_TITLE, hash_content(self.encode_examples())


def find_sources(problem: Problem, project: Path, script: str = "", requirements: str = "") -> ImageSources:
    """Return the files from which the image of a problem is created.

    Parameters
    ----------
    problem : Problem
        The problem.
    project : Path
        The folder of the project.
    script, requirements : str
        The paths of a scoring script and a lock, relative to the project. If empty, the problem's own files are used.

    Raises
    ------
    ProblemError
        If a file does not exist.
    """
    code = project / script if script else problem.folder / SCORING_SCRIPT
    lock = project / requirements if requirements else problem.folder / SCORING_LOCK
    for path in (code, lock):
        if not path.is_file():
            raise ProblemError(
                f"There is no {path}. Create it, or name another file in the parameters of {IMAGE_NOTEBOOK}."
            )
    schema = b"" if reads_body(code) else encode_schema(problem)
    return ImageSources(project, code, lock, tuple(find_image_files(problem)), schema, problem)
