"""Commands in messages: sentences say `mlops` in backticks; lines for copying begin with the program as it is called.

docs/development.md has the rule.
"""

import re
from pathlib import Path

from prose import list_passages

from mlops.cli.commands import COMMANDS

COMMAND = re.compile(rf"(?:(?<![`>\w/.])mlops|bin/mlops) (?:{'|'.join(COMMANDS)})\b")


def test_a_command_in_a_sentence_is_in_backticks_and_says_mlops(project: Path) -> None:
    """A text that is nothing but a command is put into a sentence elsewhere."""
    found = [
        f"{passage.file}:{passage.line}: {passage.text}"
        for passage in list_passages(project)
        if passage.file.startswith("src/") and passage.kind in ("message", "error")
        for command in COMMAND.finditer(passage.text)
        if command.start() > 0 or ". " in passage.text
    ]
    assert found == []


def test_a_command_that_is_not_in_backticks_is_found() -> None:
    for wrong in ("Run mlops status.", "Run `.venv/bin/mlops status`.", "$(mlops keys qa)"):
        assert COMMAND.search(wrong)
    assert not COMMAND.search("Run `mlops status`.")
