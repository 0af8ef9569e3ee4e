"""Responses are bounded: in size once unpacked, and in time, whatever the portal sends and however slowly."""

import gzip
import socket
import threading
import time
import zlib
from collections.abc import Iterator
from contextlib import closing, contextmanager

import pytest

from kbsync.errors import PortalError
from kbsync.freshdesk import client, responses
from kbsync.freshdesk.client import Connection
from kbsync.freshdesk.responses import ResponseLost, ResponseTooLarge, read_body
from tests.freshdesk.faulty import faulty, reply

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"


@pytest.fixture(autouse=True)
def _small_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(responses, "MAX_BYTES", 2**20)
    monkeypatch.setattr(client, "MAX_SECONDS", 0.4)
    monkeypatch.setattr(client, "_GRACE", 0.2)


def _packed(megabytes: int) -> Iterator[bytes]:
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    for _ in range(megabytes):
        yield packer.compress(bytes(2**20))
    yield packer.flush()


@contextmanager
def _sending(*, first: bytes, piece: bytes = b"", pause: float = 0.0) -> Iterator[str]:
    """Serve on loopback: each response begins with `first`, and then `piece` is sent for ever."""
    over = threading.Event()

    def send(connection: socket.socket) -> None:
        with connection:
            connection.recv(65536)
            try:
                connection.sendall(first)
                while piece and not over.wait(pause):
                    connection.sendall(piece)
            except OSError:
                return

    def accept(listener: socket.socket) -> None:
        while not over.is_set():
            connection, _ = listener.accept()
            threading.Thread(target=send, args=(connection,), daemon=True).start()

    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        thread = threading.Thread(target=accept, args=(listener,), daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            over.set()
            socket.create_connection(listener.getsockname()[:2]).close()
            thread.join(10)


@pytest.mark.parametrize("status", ["200 OK", "400 Bad Request"])
def test_a_body_that_unpacks_to_far_more_is_an_error_at_the_bound(status: str) -> None:
    bomb = b"".join(_packed(64))
    assert len(bomb) < 2**17
    with faulty(lambda *_: reply(bomb, status=status, headers={"Content-Encoding": "gzip"})) as server:
        with Connection(server.url, "k") as connection, pytest.raises(PortalError, match="larger than 64 MB"):
            connection.get("/x")
        assert len(server.lines) == 1
        with Connection(server.url, "k") as connection, pytest.raises(ResponseLost):
            connection.post("/x", {})


def test_no_more_than_the_bound_is_unpacked() -> None:
    unpacked = 0

    def chunks() -> Iterator[bytes]:
        nonlocal unpacked
        for chunk in _packed(64):
            unpacked += 1
            yield chunk

    with pytest.raises(ResponseTooLarge):
        read_body(chunks(), "gzip", until=time.monotonic() + 60)
    assert unpacked < 40


@pytest.mark.parametrize("encoding", ["br", "zstd", "deflate", "gzip, gzip"])
def test_a_packing_that_was_not_asked_for_is_an_error(encoding: str) -> None:
    with pytest.raises(ValueError, match="not asked for"):
        read_body([gzip.compress(b"[]")], encoding, until=time.monotonic() + 60)


def test_a_packed_body_is_read_whole_or_not_at_all() -> None:
    packed = gzip.compress(b"[1, 2]")
    until = time.monotonic() + 60
    assert read_body([packed[:5], packed[5:]], " GZIP ", until=until) == b"[1, 2]"
    assert read_body([], "gzip", until=until) == b""
    with pytest.raises(ValueError, match="cut off"):
        read_body([packed[:-9]], "gzip", until=until)


@pytest.mark.parametrize(
    ("first", "piece", "pause"),
    [
        (HEAD + b"Content-Length: 9999\r\n\r\n", b" ", 0.02),
        (HEAD + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\n \r\n", 0.02),
        (HEAD + b"X-Slow: ", b"a", 0.02),
        (b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 100 Continue\r\n\r\n", 0.02),
    ],
    ids=["length", "chunks", "headers", "continue"],
)
def test_a_byte_now_and_then_ends_a_call_in_time(first: bytes, piece: bytes, pause: float) -> None:
    with _sending(first=first, piece=piece, pause=pause) as url, Connection(url, "k", timeout=5.0) as connection:
        started = time.monotonic()
        with pytest.raises(PortalError, match="took longer than"):
            connection.get("/x")
        assert time.monotonic() - started < 5
    with _sending(first=first, piece=piece, pause=pause) as url, Connection(url, "k", timeout=5.0) as connection:
        with pytest.raises(ResponseLost):
            connection.post("/x", {})


def test_an_endless_body_is_an_error_at_the_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "MAX_SECONDS", 30.0)
    first = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
    with _sending(first=first, piece=b"1000\r\n" + b" " * 4096 + b"\r\n") as url, Connection(url, "k") as connection:
        with pytest.raises(PortalError, match="larger than 64 MB"):
            connection.get("/x")


@pytest.mark.parametrize("total", ["0.0001", "1e-300", "0"])
def test_a_limit_that_cannot_be_meant_is_named_and_ignored(total: str) -> None:
    messages: list[str] = []
    headers = {"X-RateLimit-Total": total, "X-RateLimit-Remaining": "1e300"}
    with faulty(lambda *_: reply(headers=headers)) as server:
        with Connection(server.url, "k", notify=messages.append) as connection:
            for _ in range(5):
                connection.get("/x")
    (message,) = messages
    assert "calls a minute, which is ignored" in message
