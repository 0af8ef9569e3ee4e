"""A server that answers bytes, for what no honest server would answer."""

import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field

Reply = Callable[[str, int], bytes | None]


def reply(
    body: bytes | str = b"[]",
    *,
    status: str = "200 OK",
    kind: str = "application/json; charset=utf-8",
    headers: Mapping[str, str] | None = None,
    length: int | None = None,
) -> bytes:
    """Write an answer; `length` lies about its length."""
    content = body.encode() if isinstance(body, str) else body
    named = {"Connection": "close", "Content-Length": str(len(content) if length is None else length)} | dict(
        headers or {}
    )
    if kind:
        named["Content-Type"] = kind
    lines = [f"HTTP/1.1 {status}", *(f"{name}: {value}" for name, value in named.items()), "", ""]
    return "\r\n".join(lines).encode() + content


@dataclass(slots=True)
class FaultyServer:
    """The running server: its address, and the requests it got as `METHOD path` with their raw bytes."""

    url: str
    lines: list[str] = field(default_factory=list)
    raw: list[bytes] = field(default_factory=list)


@contextmanager
def faulty(answer: Reply) -> Iterator[FaultyServer]:
    """Serve on loopback: `answer` gets `METHOD path` and the number of the request; `None` drops the connection."""
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        server = FaultyServer(url=f"http://127.0.0.1:{listener.getsockname()[1]}")
        over = threading.Event()
        thread = threading.Thread(target=_accept, args=(listener, answer, server, over), daemon=True)
        thread.start()
        try:
            yield server
        finally:
            over.set()
            with socket.socket() as poke:
                poke.connect(listener.getsockname()[:2])
            thread.join(10)


def _accept(listener: socket.socket, answer: Reply, server: FaultyServer, over: threading.Event) -> None:
    while True:
        connection, _ = listener.accept()
        if over.is_set():
            connection.close()
            return
        threading.Thread(target=_converse, args=(connection, answer, server), daemon=True).start()


def _converse(connection: socket.socket, answer: Reply, server: FaultyServer) -> None:
    """Answer one request and close, so that no test depends on a connection being kept."""
    with connection:
        request = _request(connection)
        if not request:
            return
        line = " ".join(request.split(b"\r\n", 1)[0].decode("latin-1").split(" ")[:2])
        server.lines.append(line)
        server.raw.append(request)
        found = answer(line, len(server.lines))
        try:
            connection.sendall(found or b"")
        except OSError:
            return


def _request(connection: socket.socket) -> bytes:
    data = b""
    while b"\r\n\r\n" not in data:
        piece = connection.recv(65536)
        if not piece:
            return b""
        data += piece
    head, _, body = data.partition(b"\r\n\r\n")
    length = next(
        (int(v) for k, _, v in (row.partition(b":") for row in head.split(b"\r\n")) if k.lower() == b"content-length"),
        0,
    )
    while len(body) < length:
        body += connection.recv(65536)
    return head + b"\r\n\r\n" + body
