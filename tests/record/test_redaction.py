"""Secrets are redacted anywhere in a record or notebook, however they are spelled or split."""

import ast
import base64
import html
import json
import random
import re
import string
import struct
import time
import zlib
from collections.abc import Callable
from typing import Any
from urllib.parse import quote, quote_plus

import pytest

from mlops.parameters.merging import Parameters
from mlops.record.ledger import RunRecord, RunSettings, StepRecord
from mlops.record.processes import ProcessId
from mlops.record.redaction import Redactor, make_redactor, redact_known, redact_record
from mlops.record.redaction.notebooks import redact_notebook

SECRET = "p&ss <w\"o'r+d>/=%é\n✓x"  # every character that some format escapes
CHARACTERS = string.ascii_letters + string.digits + "&<>\"'+/=% é\n\t\\_-.:@#${}✓\U0001f600"
SPELLINGS: dict[str, Callable[[str], str]] = {
    "as it is": str,
    "HTML": html.escape,
    "HTML without quotes": lambda text: html.escape(text, quote=False),
    "HTML, every character by number": lambda text: "".join(c if c.isalnum() else f"&#{ord(c)};" for c in text),
    "XML": lambda text: text.encode("ascii", "xmlcharrefreplace").decode(),
    "JSON": json.dumps,
    "JSON in UTF-8": lambda text: json.dumps(text, ensure_ascii=False),
    "JSON in JSON": lambda text: json.dumps(json.dumps(text)),
    "JSON in HTML": lambda text: html.escape(json.dumps(text)),
    "HTML with fixed spaces": lambda text: html.escape(text).replace(" ", "&nbsp;"),
    "JSON for scripts": lambda text: json.dumps(text).replace("<", "\\u003c").replace("&", "\\u0026"),
    "repr": repr,
    "repr of repr": lambda text: repr(repr(text)),
    "ASCII": ascii,
    "bytes": lambda text: repr(text.encode()),
    "a path of a URL": quote,
    "a part of a URL": lambda text: quote(text, safe=""),
    "a form": quote_plus,
    "URL in lower case": lambda text: re.sub("%..", lambda found: found[0].lower(), quote(text, safe="")),
    "URL in a URL": lambda text: quote(quote(text, safe=""), safe=""),
    "hexadecimal": lambda text: text.encode().hex(),
    "base64": lambda text: base64.b64encode(text.encode()).decode(),
    "base64 for URLs": lambda text: base64.urlsafe_b64encode(text.encode()).decode(),
    "base64 in a URL": lambda text: quote(base64.b64encode(text.encode()).decode(), safe=""),
    "base64 in lines": lambda text: base64.encodebytes(f"{'x' * 50}{text}{'y' * 50}".encode()).decode(),
    "base64 of JSON": lambda text: base64.b64encode(json.dumps({"key": text}).encode()).decode(),
    "base64 in a repr": lambda text: repr(base64.encodebytes(f"{'x' * 50}{text}{'y' * 50}".encode())),
    "colours": lambda text: "\x1b[1;31m".join(text),
    "wrapped": lambda text: "   \n     ".join([text[:5], text[5:]]),
}


def read(*outputs: dict[str, Any], **cell: Any) -> str:
    """Return the redacted outputs of a cell, as one text."""
    found = {"cell_type": "code", "source": "", "metadata": {}, "outputs": list(outputs), **cell}
    notebook = {"cells": [found], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    (redacted,) = redact_notebook(notebook, Redactor([SECRET]))["cells"]
    return json.dumps(redacted, ensure_ascii=False)


def stream(text: str, name: str = "stdout") -> dict[str, Any]:
    """Return what a cell printed."""
    return {"output_type": "stream", "name": name, "text": text}


def show(kind: str, data: Any) -> dict[str, Any]:
    """Return what a cell displayed."""
    return {"output_type": "display_data", "metadata": {}, "data": {kind: data}}


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_a_secret_is_found_in_every_spelling(spelling: str) -> None:
    """Hide 40 random secrets and the worst one in random text, because base64 depends on the text before them."""
    random_ = random.Random(7)
    secrets = ["".join(random_.choices(CHARACTERS, k=random_.randint(12, 40))).strip() for _ in range(40)]
    for secret in [SECRET, *(secret for secret in secrets if len(secret) >= 8)]:
        for before in ("", "a", "ab", "abc"):
            text = SPELLINGS[spelling](before + secret + "z")
            assert "***" in Redactor([secret]).redact(f"- {text} -"), (secret, text)


def test_what_is_no_secret_stays() -> None:
    redactor = Redactor([SECRET, "another-secret"])
    for text in ("another secret", "p&ss", "&lt;w\n", "\x1b[31mred\x1b[0m\n  line", "<b>a</b>", "C:\\new\\table"):
        assert redactor.redact(text, "text/html") == text


@pytest.mark.parametrize("alignment", range(3))
def test_base64_of_surrounding_text_keeps_what_surrounds(alignment: int) -> None:
    text = "user" + "x" * alignment + ":" + SECRET + " and more"
    redacted = Redactor([SECRET]).redact(base64.b64encode(text.encode()).decode())
    assert redacted.count("***") == 1
    assert redacted.startswith(base64.b64encode(b"user").decode()[:5])


def test_tags_within_a_secret_are_kept() -> None:
    assert Redactor(["s3cr3t-word"]).redact("<b>s3cr</b><i>3t-word</i>", "text/html") == "<b>***</b><i></i>"


def test_a_line_of_a_key_file_is_a_secret_of_its_own() -> None:
    key = "-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG9w0B\nAQEFAASCBKcwggSjAgEAAoIB\n-----END PRIVATE KEY-----\n"
    assert Redactor([key]).redact("0: AQEFAASCBKcwggSjAgEAAoIB") == "0: ***"
    assert Redactor([key]).redact(key) == "***\n\n\n\n"  # line breaks stay
    assert Redactor([key]).redact("-----BEGIN PRIVATE KEY-----") == "-----BEGIN PRIVATE KEY-----"


STREAMS: dict[str, list[dict[str, Any]]] = {
    "two prints": [stream(SECRET[:6]), stream(SECRET[6:])],
    "each character": [stream(character) for character in SECRET],
    "both streams": [stream(SECRET[:6]), stream(SECRET[6:], "stderr")],
    "a log between": [stream(SECRET[:6]), stream("log\n", "stderr"), stream(SECRET[6:])],
    "a picture between": [stream(SECRET[:6]), show("text/plain", "-"), stream(SECRET[6:])],
    "colours": [stream(f"\x1b[31m{SECRET[:6]}\x1b[0m"), stream(f"\x1b[32m{SECRET[6:]}")],
    "overwritten": [stream(f"????{SECRET[4:9]}\r{SECRET[:4]}\r\x1b[0m{SECRET[:9]}-\b{SECRET[9:]}")],
}


@pytest.mark.parametrize("case", STREAMS)
def test_a_secret_that_is_spread_over_streams_is_found(case: str) -> None:
    left = read(*STREAMS[case])
    assert "***" in left
    assert "w\\\"o'r+d" not in left
    assert "✓" not in left


def make_png(*texts: tuple[bytes, bytes]) -> str:
    """Return a picture of one pixel with texts in it, in base64."""
    parts = [(b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0)), *texts]
    parts += [(b"IDAT", zlib.compress(b"\0\0")), (b"IEND", b"")]
    chunks = (
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in parts
    )
    return base64.b64encode(b"\x89PNG\r\n\x1a\n" + b"".join(chunks)).decode()


def make_jpeg(*texts: tuple[int, bytes]) -> str:
    """Return bytes that begin and end like a JPEG, in base64."""
    parts = [(0xE0, b"JFIF\0"), *texts, (0xDA, b"\1\1\0\0\0\0")]
    segments = (bytes([0xFF, kind]) + struct.pack(">H", len(data) + 2) + data for kind, data in parts)
    return base64.b64encode(b"\xff\xd8" + b"".join(segments) + b"\1\xff\0\2\xff\xd9").decode()


PLAIN = SECRET.encode()
PICTURES = {
    "tEXt": ("image/png", make_png((b"tEXt", b"Comment\0" + PLAIN)), make_png()),
    "iTXt": ("image/png", make_png((b"iTXt", b"Comment\0\1\0\0\0" + zlib.compress(PLAIN))), make_png()),
    "zTXt": ("image/png", make_png((b"zTXt", b"Comment\0\0" + zlib.compress(PLAIN))), make_png()),
    "EXIF": ("image/png", make_png((b"eXIf", PLAIN)), make_png()),
    "JPEG comment": ("image/jpeg", make_jpeg((0xFE, PLAIN)), make_jpeg()),
    "JPEG EXIF": ("image/jpeg", make_jpeg((0xE1, b"Exif\0\0" + PLAIN)), make_jpeg()),
    "after the end": (
        "image/png",
        base64.b64encode(base64.b64decode(make_png()) + zlib.compress(PLAIN)).decode(),
        make_png(),
    ),
}


@pytest.mark.parametrize("case", PICTURES)
def test_the_texts_in_a_picture_are_removed_and_the_picture_stays(case: str) -> None:
    kind, picture, clean = PICTURES[case]
    assert json.loads(read(show(kind, picture)))["outputs"][0]["data"][kind] == clean
    for text in (f'<img src="data:{kind};base64,{picture}">', f"![](data:{kind};base64,{quote(picture)})"):
        left = json.loads(read(show("text/html", text)))["outputs"][0]["data"]["text/html"]
        assert left in (text.replace(picture, clean), text.replace(quote(picture), clean))
    attached = read(cell_type="markdown", attachments={"a.png": {kind: picture}})
    assert json.loads(attached)["attachments"]["a.png"][kind] == clean


def test_a_picture_that_is_none_is_searched_as_text() -> None:
    odd = base64.b64encode(b"\x89PNG\r\n\x1a\n" + PLAIN).decode()
    assert "***" in read(show("image/png", odd))
    assert "***" in read(show("application/pdf", base64.b64encode(b"%PDF" + PLAIN).decode()))


PLACES: dict[str, Callable[[], str]] = {
    "SVG": lambda: read(show("image/svg+xml", f"<svg><metadata>{html.escape(SECRET)}</metadata></svg>")),
    "SVG in pieces": lambda: read(
        show("image/svg+xml", f"<text>{html.escape(SECRET[:6])}<tspan>{html.escape(SECRET[6:])}")
    ),
    "a table": lambda: read(show("text/html", ["<table>\n", f"<td>{html.escape(SECRET)}</td>\n", "</table>"])),
    "lines": lambda: read(show("text/plain", [f"{SECRET[:8]}\n", SECRET[8:]])),
    "JSON": lambda: read(show("application/json", {"a": [{SECRET: 1}]})),
    "a traceback": lambda: read(
        {
            "output_type": "error",
            "ename": "E",
            "evalue": SECRET,
            "traceback": [f"\x1b[0;31m{SECRET[:7]}", f"\x1b[0m{SECRET[7:]}"],
        }
    ),
    "the source": lambda: read(source=f"key = {SECRET!r}"),
    "a cell's metadata": lambda: read(metadata={"note": {"deep": [SECRET]}}),
    "an output's metadata": lambda: read({**show("text/plain", ""), "metadata": {"image/png": {"alt": SECRET}}}),
    "a key": lambda: read(show("application/vnd.x+json", {SECRET: None})),
}


@pytest.mark.parametrize("place", PLACES)
def test_every_place_of_a_notebook_is_searched(place: str) -> None:
    left = PLACES[place]()
    assert "***" in left
    assert "o'r+d" not in left
    assert "✓" not in left


def test_the_metadata_of_a_notebook_is_searched() -> None:
    notebook = {"cells": [], "metadata": {"papermill": {"parameters": {"url": f"https://u:{quote(SECRET)}@host"}}}}
    left = redact_notebook(notebook, Redactor([SECRET]))
    assert left["metadata"]["papermill"]["parameters"] == {"url": "https://u:***@host"}


def test_a_notebook_without_secrets_stays_as_it_is() -> None:
    outputs = [
        stream("a\rb\n"),
        stream("c\b", "stderr"),
        show("image/png", make_png()),
        show("application/json", [1, "2"]),
    ]
    cell = {"cell_type": "code", "source": ["a\n", "b"], "metadata": {}, "outputs": outputs}
    notebook = {"cells": [cell], "metadata": {"x": 1}, "nbformat": 4}
    assert redact_notebook(json.loads(json.dumps(notebook)), Redactor([SECRET])) == notebook


def test_a_secret_deep_in_a_run_is_redacted() -> None:
    step = StepRecord("train", "02_train", parameters={"url": "https://u:s3cr3t@host", "more": [{"k": "s3cr3t"}]})
    told = Parameters("local", 10.0, {}, {"train": {"url": "s3cr3t"}})
    process = ProcessId(1, 1.0)
    run = RunRecord("1", "retrain", "local", "running", "", "", process, (step,), settings=RunSettings(told))
    redacted = redact_record(run, ["s3cr3t"])
    assert redacted.steps[0].parameters == {"url": "https://u:***@host", "more": [{"k": "***"}]}
    assert redacted.settings.parameters == Parameters("local", 10.0, {}, {"train": {"url": "***"}})
    assert (redacted.process, redacted.steps[0].name) == (process, "train")


def test_a_python_literal_stays_one() -> None:
    redacted = Redactor([SECRET]).redact(repr({"key": SECRET, "other": [1]}))
    assert ast.literal_eval(redacted) == {"key": "***", "other": [1]}


def test_the_last_resort_knows_what_was_redacted() -> None:
    make_redactor(["seen-before-1234"])
    assert redact_known("ValueError: seen-before-1234") == "ValueError: ***"


LARGE = {
    "lines": "2026-11-26 step 12345 loss=0.1234\n" * 30_000,
    "one line": "0.1234 " * 140_000,
    "colours": "\x1b[32mstep\x1b[0m done\n" * 50_000,
    "progress": "\r 50%|#####     | 5000/10000" * 35_000,
    "backslashes": "\\" * 200_000,
    "spaces": " " * 1_000_000,
    "brackets": "<" * 200_000,
    "base64": base64.b64encode(random.Random(1).randbytes(750_000)).decode(),
}


@pytest.mark.parametrize("text", LARGE)
def test_large_outputs_take_seconds(text: str) -> None:
    """An output of 1 MB takes up to 1 s with the worst of five secrets. 50 MB take 0.3 to 2.6 s with usual secrets."""
    redactor = Redactor([SECRET, *(random.Random(n).randbytes(16).hex() for n in range(4))])
    cell = {"cell_type": "code", "source": "", "metadata": {}, "outputs": [stream(LARGE[text])]}
    began = time.process_time()
    redact_notebook({"cells": [cell], "metadata": {}}, redactor)
    assert time.process_time() - began < 8
