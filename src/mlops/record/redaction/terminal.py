r"""The text that a terminal shows for the output of a program."""

# `\r` returns to the start of the line, `\b` goes back one character, and some codes move the cursor or erase text.

import re

CODE = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-Z^_])")
MOVES = re.compile(r"[\r\b]|\x1b\[[0-9]*[AK]")
PARTS = re.compile(rf"\x1b\[(?P<number>[0-9]*)(?P<kind>[AK])|(?P<code>{CODE.pattern})|[\r\n\b]|[^\r\n\b\x1b]+|\x1b")

RESET = "\x1b[0m"
RESETS = (RESET, "\x1b[m")
LONGEST_STYLE = 100  # maximum total length of the colour codes that are kept, in characters
CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")  # XML forbids most of them


def escape_controls(text: str) -> str:
    """Escape the control characters of a text, except tabs and line breaks: a backspace becomes ``\\x08``."""
    return CONTROLS.sub(lambda found: ascii(found[0])[1:-1], text)


def fold(text: str) -> str:
    """Return the text that a terminal shows for the output of a program. Colour codes are kept.

    Parameters
    ----------
    text : str
        The output of a program. If it never moves the cursor, it is returned unchanged.
    """
    text = text.replace("\r\n", "\n")
    if not MOVES.search(text):
        return text
    screen = _Screen()
    for part in PARTS.finditer(text):
        if part["kind"]:
            screen.move(part["kind"], part["number"])
        elif part["code"]:
            screen.colour(part[0])
        else:
            screen.write(part[0])
    return screen.read()


class _Screen:
    # Each row is a list of strings, so that it is fast to append text, which most programs do.

    def __init__(self) -> None:
        self._rows: list[list[str]] = [[]]
        self._row, self._column, self._width = 0, 0, 0
        self._style = ""  # the codes for the colour of the text that follows

    def write(self, text: str) -> None:
        if text == "\n":
            self._go_to(self._row + 1)
            self._column = 0
        elif text == "\r":
            self._column = 0
        elif text == "\b":
            self._column = max(0, self._column - 1)
        else:
            self._print(text)

    def colour(self, code: str) -> None:
        if self._column == self._width:
            self._rows[self._row].append(code)
        if code in RESETS:
            self._style = ""
        elif code.endswith("m"):
            self._style = self._style + code if len(self._style) < LONGEST_STYLE else code

    def move(self, kind: str, number: str) -> None:
        if kind == "A":
            self._go_to(max(0, self._row - int(number or 1)))
        elif number in ("", "0", "2"):
            self._replace(_split_at_column("".join(self._rows[self._row]), self._column if number != "2" else 0)[0])

    def read(self) -> str:
        return "\n".join("".join(row) for row in self._rows)

    def _print(self, text: str) -> None:
        row, end = self._rows[self._row], self._column + len(text)
        if self._column == self._width:
            row.append(text)
            self._width = end
        else:
            line = "".join(row) + " " * (self._column - self._width)
            before, after = _split_at_column(line, self._column)[0], _split_at_column(line, end)[1]
            begin = self._style or RESET * ("\x1b" in before)
            self._replace(begin.join([before, text]) + RESET * bool(self._style and after) + after)
        self._column = end

    def _go_to(self, row: int) -> None:
        if row == len(self._rows):
            self._rows.append([])
        self._row = row
        self._width = _measure("".join(self._rows[row]))

    def _replace(self, line: str) -> None:
        self._rows[self._row] = [line]
        self._width = _measure(line)


def _measure(line: str) -> int:
    return len(CODE.sub("", line)) if "\x1b" in line else len(line)


def _split_at_column(line: str, column: int) -> tuple[str, str]:
    if "\x1b" not in line:
        return line[:column], line[column:]
    place, last = 0, ""
    for code in CODE.finditer(line):
        if code.start() - place >= column:
            break
        column -= code.start() - place
        place, last = code.end(), code[0]
    cut = place + column
    rest = line[cut:]
    return line[:cut], last + rest if _measure(rest) else ""
