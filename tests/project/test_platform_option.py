"""Every command that a message advises has the option of the platform, if the platform is not the default one."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import click

from mlops.cli import main

SOURCES = Path(__file__).parents[2] / "src" / "mlops"
# Places that cannot know the platform, or that do not depend on it.
EXEMPT = {
    "__main__.py": "`mlops status` lists the runs of all platforms",
    "cli/__init__.py": "completes a command that a user mistyped",
    "operations/running.py": "`mlops status` lists the runs of all platforms",
    "regression/check.py": "reads the runs of all platforms",
    "backends/memory/registry.py": "a platform for tests that --platform does not offer",
}
# Texts that name a command without advising it, or advise to print its help.
MENTIONED = ("mlops submit` writes", "can start `mlops run-step`", "--help`")


def list_commands() -> set[str]:
    """Return the commands that take --platform."""
    with click.Context(main) as ctx:
        found = {name: main.get_command(ctx, name) for name in main.list_commands(ctx)}
    return {name for name, command in found.items() if command and "platform" in [p.name for p in command.params]}


def list_texts(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Yield the strings of a module, without docstrings and the pieces of longer strings."""
    pieces = {id(value) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for value in ast.walk(node)}
    pieces |= {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            parts = (found.value if isinstance(found, ast.Constant) else ast.unparse(found) for found in node.values)
            yield node.lineno, "".join(map(str, parts))
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in pieces:
            yield node.lineno, node.value


def test_every_advised_command_selects_the_platform() -> None:
    known, found = list_commands(), []
    assert {"run", "status", "rollback", "keys", "stop", "runs", "submit", "publish", "provision"} <= known
    for path in sorted(SOURCES.rglob("*.py")):
        name = path.relative_to(SOURCES).as_posix()
        for line, text in list_texts(ast.parse(path.read_text())):
            if name in EXEMPT or any(part in text for part in MENTIONED):
                continue
            advised = [f"mlops {said}" for said in re.findall(r"`mlops ([^`]*)", text)] or [text]
            for command in advised:
                word = re.match(r"mlops ([a-z-]+)", command)
                if word and word[1] in known and "--platform" not in command and "options" not in command:
                    found.append(f"{name}:{line}: {command}")
    assert not found, "\n".join(found)
