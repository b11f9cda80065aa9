"""Text is folded as a terminal folds it."""

import time

import pytest

from mlops.record.redaction.terminal import fold

CASES = {
    "plain": ("a\nb\n", "a\nb\n"),
    "Windows": ("a\r\nb", "a\nb"),
    "begin again": ("10 %\r20 %\rdone\nnext", "done\nnext"),
    "shorter over longer": ("abcdef\rxy\n", "xycdef\n"),
    "at the end": ("50 %\r", "50 %"),
    "back": ("abd\bc", "abc"),
    "back at the begin": ("\b\ba", "a"),
    "erase to the end": ("abcdef\rxy\x1b[K", "xy"),
    "erase the line": ("abcdef\r\x1b[2Kxy", "xy"),
    "two bars": ("one 1\ntwo 1\x1b[A\rone 2\n\rtwo 2", "one 2\ntwo 2"),
    "up from the top": ("a\x1b[5A\rb", "b"),
    "colours stay": ("\x1b[31m1\x1b[0m\r\x1b[32m2\x1b[0m", "\x1b[32m2\x1b[0m"),
    "colours of what stays": ("\x1b[31mabc\x1b[0m\rx", "x\x1b[31mbc\x1b[0m"),
    "colours alone": ("\x1b[31ma\x1b[0m\n", "\x1b[31ma\x1b[0m\n"),
    "a link": ("\x1b]8;;https://example.org\x07abc\x1b]8;;\x07\rx", "x\x1b]8;;https://example.org\x07bc\x1b]8;;\x07"),
    "an escape alone": ("a\x1b\rb", "b\x1b"),
}


@pytest.mark.parametrize("case", CASES)
def test_the_last_state_of_a_line_is_shown(case: str) -> None:
    text, shown = CASES[case]
    assert fold(text) == shown


def test_a_progress_bar_is_one_line() -> None:
    assert fold("".join(f"\r{step / 200:3.0f} %" for step in range(20_001))) == "100 %"


@pytest.mark.parametrize("text", ["\x1b[32m.\x1b[0m" * 100_000 + "\r", "a\n" * 200_000 + "\r", "a\b" * 300_000])
def test_a_long_text_is_folded_in_seconds(text: str) -> None:
    """A text of 1 MB takes 0.4 s, and the time grows with the length, not with its square."""
    began = time.process_time()
    fold(text)
    assert time.process_time() - began < 8
