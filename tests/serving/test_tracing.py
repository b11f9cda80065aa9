"""The id and the trace of a request: what is accepted, and what is replaced."""

import os
import re

import pytest

from mlops.serving.tracing import CLIENT_ID, REQUEST_ID, TRACE, identify_request

NEW = re.compile(rb"[0-9a-f]{32}")
VALID = f"00-{'a' * 32}-{'b' * 16}-01".encode()


@pytest.mark.parametrize("sent", [b"7", b"order-7", b'{"a":[1,2]}', b"x" * 100])
def test_an_id_is_kept(sent: bytes) -> None:
    assert identify_request({REQUEST_ID: sent}) == [(REQUEST_ID, sent)]


@pytest.mark.parametrize("sent", [b"", b"x" * 101, b"a b", b"a\tb", b"a\r\nSet-Cookie: b", b"\xfc", b"a\x00", b"a\n"])
def test_another_id_is_replaced(sent: bytes) -> None:
    ((name, found),) = identify_request({REQUEST_ID: sent})
    assert name == REQUEST_ID
    assert NEW.fullmatch(found)


def test_an_id_of_azure_s_clients_is_kept_and_is_the_id_if_there_is_no_other() -> None:
    client = (CLIENT_ID, b"7")
    assert identify_request({CLIENT_ID: b"7"}) == [(REQUEST_ID, b"7"), client]
    assert identify_request({CLIENT_ID: b"7", REQUEST_ID: b"8"}) == [(REQUEST_ID, b"8"), client]
    ((name, found),) = identify_request({CLIENT_ID: b"a b"})
    assert name == REQUEST_ID
    assert NEW.fullmatch(found)


def test_each_request_gets_its_own_id() -> None:
    assert len({identify_request({})[0] for _ in range(1000)}) == 1000


def test_a_forked_worker_makes_ids_of_its_own() -> None:
    identify_request({})
    reader, writer = os.pipe()
    child = os.fork()
    if not child:
        os.write(writer, b"".join(identify_request({})[0][1] for _ in range(100)))
        os._exit(0)
    os.waitpid(child, 0)
    found = os.read(reader, 3200).decode()
    own = {identify_request({})[0][1].decode() for _ in range(1000)}
    assert len(found) == 3200
    assert not own & {found[place : place + 32] for place in range(0, 3200, 32)}
    os.close(reader)
    os.close(writer)


def test_a_trace_is_kept() -> None:
    assert identify_request({REQUEST_ID: b"7", TRACE: VALID}) == [(REQUEST_ID, b"7"), (TRACE, VALID)]


@pytest.mark.parametrize(
    "sent",
    [
        b"",
        VALID.upper(),
        VALID[:-1],
        VALID + b"-x",
        VALID + b"\n",
        VALID.replace(b"a", b"g"),
        VALID.replace(b"a", b"0"),
        VALID.replace(b"b", b"0"),
        b"ff" + VALID[2:],
    ],
)
def test_a_malformed_trace_is_left_out(sent: bytes) -> None:
    assert identify_request({REQUEST_ID: b"7", TRACE: sent}) == [(REQUEST_ID, b"7")]
