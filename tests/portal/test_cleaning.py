"""The cleaning of HTML: which content stays, and which errors are raised."""

import os
import signal

import pytest

from mlops.portal import cleaning
from mlops.portal.cleaning import clean_html

LINKS = '<a href="https://example.org">x</a>' * 9


@pytest.mark.usefixtures("interruptible")
def test_an_interrupt_while_html_is_cleaned_is_raised(monkeypatch: pytest.MonkeyPatch) -> None:
    """nh3 swallows the exceptions of its filter, so Ctrl-C was lost and the run went on."""
    given = cleaning._clean_attribute
    calls: list[str] = []

    def interrupt(tag: str, name: str, value: str) -> str | None:
        calls.append(name)
        if len(calls) == 3:
            os.kill(os.getpid(), signal.SIGINT)
        return given(tag, name, value)

    monkeypatch.setattr(cleaning, "_clean_attribute", interrupt)
    with pytest.raises(KeyboardInterrupt):
        clean_html(LINKS)


def test_an_error_of_the_filter_is_raised(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(tag: str, name: str, value: str) -> str | None:
        raise MemoryError(name)

    monkeypatch.setattr(cleaning, "_clean_attribute", fail)
    with pytest.raises(MemoryError, match="href"):
        clean_html(LINKS)


@pytest.mark.parametrize(
    ("image", "shown"),
    [
        ('<img src="data:image/png;base64,x">', '<img alt="No description has been provided for this image" src='),
        ('<img src="data:image/png;base64,x" alt="a plot">', '<img src="data:image/png;base64,x" alt="a plot">'),
    ],
)
def test_an_image_without_a_text_gets_one(image: str, shown: str) -> None:
    assert shown in clean_html(image)
