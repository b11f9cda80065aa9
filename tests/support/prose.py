"""The texts of this repository that people read, each with its file and line."""

import ast
import io
import json
import re
import tokenize
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from checkout import list_tracked

SOURCES = ("src/**/*.py", "notebooks/*.py")
PAGES = ("*.md", "docs/*.md", "outputs/*.md", "src/**/*.j2")
SETTINGS = ("*.yml", ".ci/*", ".ci/azure-pipelines/*.yml", "parameters/*.yml", "Makefile", "notebooks/*.cfg")
Kind = Literal["message", "error", "module", "class", "property", "function", "comment", "page"]
Reader = Callable[[str, str], Iterator["Passage"]]
FILLED_IN = "{}"  # stands for a value that is inserted into a message


@dataclass(frozen=True)
class Passage:
    """A piece of text that people read.

    Parameters
    ----------
    file : str
        The file that contains the text, relative to the project.
    line : int
        The first line of the text in the file; in a notebook, the number of the cell.
    kind : str
        The kind of the text: a string ("message", or "error" if it is raised), a docstring (of a "module", "class",
        "property" or "function"), a "comment", or a "page" of documentation.
    text : str
        The text. In a message, "{}" stands for each value that is inserted.
    """

    file: str
    line: int
    kind: Kind
    text: str


def list_passages(project: Path) -> list[Passage]:
    """Return every passage of the repository."""
    found = [*_read_all(project, SOURCES, read_source), *_read_all(project, PAGES, read_page)]
    found += [*_read_all(project, SETTINGS, read_settings), *_read_all(project, ("notebooks/*.ipynb",), read_notebook)]
    return found


def _read_all(project: Path, patterns: tuple[str, ...], read: Reader) -> Iterator[Passage]:
    for pattern in patterns:
        for path in list_tracked(project, f":(glob){pattern}"):
            yield from read(path.relative_to(project).as_posix(), path.read_text(encoding="utf-8"))


def read_source(file: str, source: str) -> Iterator[Passage]:
    """Yield the docstrings, comments and strings of a module, except strings of one word, which are names."""
    tree = ast.parse(source)
    raised = {id(inner) for node in ast.walk(tree) if isinstance(node, ast.Raise) for inner in ast.walk(node)}
    seen = {id(inner) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for inner in node.values}
    for node in ast.walk(tree):
        docstring = _find_docstring(node)
        if docstring:
            seen.add(id(docstring))
            yield Passage(file, docstring.lineno, _find_kind(node), ast.get_docstring(node) or "")
    for node in ast.walk(tree):
        if id(node) not in seen and isinstance(node, (ast.JoinedStr, ast.Constant)):
            text = _read_string(node)
            if " " in text.strip():
                yield Passage(file, node.lineno, "error" if id(node) in raised else "message", text)
    yield from read_comments(file, source)


def read_comments(file: str, source: str) -> Iterator[Passage]:
    """Yield the comments of Python code. Consecutive lines with only a comment are one comment."""
    tokens = [
        token for token in tokenize.generate_tokens(io.StringIO(source).readline) if token.type == tokenize.COMMENT
    ]
    alone = {token.start[0] for token in tokens if token.line.lstrip().startswith("#")}
    yield from _join_comments(file, [(token.start[0], token.string) for token in tokens if token.start[0] in alone])
    for token in tokens:
        if token.start[0] not in alone:
            yield Passage(file, token.start[0], "comment", token.string.lstrip("#! "))


def read_settings(file: str, text: str) -> Iterator[Passage]:
    """Yield the comments of a YAML file, a Makefile or a shell script, and the names that Azure DevOps shows."""
    lines = list(enumerate(text.splitlines(), start=1))
    comments = [(number, re.search(r"(?:^|\s)##? .*", line)) for number, line in lines]
    yield from _join_comments(file, [(number, found[0].strip()) for number, found in comments if found])
    for number, line in lines:
        if found := re.match(r"\s*(?:- )?(?:displayName|title): (.*)", line):
            yield Passage(file, number, "message", found[1])


def read_page(file: str, text: str) -> Iterator[Passage]:
    """Yield the paragraphs of a page."""
    line = 1
    for paragraph in re.split(r"(\n\s*\n)", text):
        if paragraph.strip():
            yield Passage(file, line, "page", paragraph)
        line += paragraph.count("\n")


def read_notebook(file: str, text: str) -> Iterator[Passage]:
    """Yield the prose of a notebook, and the comments and strings of its code."""
    for number, cell in enumerate(json.loads(text)["cells"], start=1):
        source = "".join(cell["source"])
        read = read_source if cell["cell_type"] == "code" else read_page
        for passage in read(file, source):
            yield Passage(file, number, passage.kind, passage.text)


def _find_kind(node: ast.AST) -> Kind:
    """Return the kind of a docstring. Properties have their own kind, because they are described by a noun."""
    if isinstance(node, (ast.Module, ast.ClassDef)):
        return "module" if isinstance(node, ast.Module) else "class"
    decorators = [ast.unparse(found) for found in getattr(node, "decorator_list", [])]
    return "property" if any("property" in found for found in decorators) else "function"


def _find_docstring(node: ast.AST) -> ast.Constant | None:
    if not isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
        return None
    return node.body[0].value if node.body and ast.get_docstring(node) else None


def _read_string(node: ast.JoinedStr | ast.Constant) -> str:
    if isinstance(node, ast.Constant):
        return node.value if isinstance(node.value, str) else ""
    parts = (part.value if isinstance(part, ast.Constant) else FILLED_IN for part in node.values)
    return "".join(parts)


def _join_comments(file: str, comments: list[tuple[int, str]]) -> Iterator[Passage]:
    block: list[str] = []
    first = last = 0
    for line, text in [*comments, (0, "")]:
        if block and line != last + 1:
            yield Passage(file, first, "comment", " ".join(block))
            block = []
        if not block:
            first = line
        block.append(text.lstrip("#! "))
        last = line
