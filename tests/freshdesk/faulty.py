"""A server that sends any bytes, for responses that no correct server sends."""

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
    """Return a response; `length` is a wrong Content-Length."""
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
    """The running server: its URL, and the requests as `METHOD path` and as raw bytes."""

    url: str
    lines: list[str] = field(default_factory=list)
    raw: list[bytes] = field(default_factory=list)


@contextmanager
def faulty(respond: Reply) -> Iterator[FaultyServer]:
    """Serve on loopback: `respond` gets `METHOD path` and the number of the request; `None` drops the connection."""
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        server = FaultyServer(url=f"http://127.0.0.1:{listener.getsockname()[1]}")
        stopped = threading.Event()
        thread = threading.Thread(target=_accept, args=(listener, respond, server, stopped), daemon=True)
        thread.start()
        try:
            yield server
        finally:
            stopped.set()
            with socket.socket() as poke:
                poke.connect(listener.getsockname()[:2])
            thread.join(10)


def _accept(listener: socket.socket, respond: Reply, server: FaultyServer, stopped: threading.Event) -> None:
    while True:
        connection, _ = listener.accept()
        if stopped.is_set():
            connection.close()
            return
        threading.Thread(target=_handle, args=(connection, respond, server), daemon=True).start()


def _handle(connection: socket.socket, respond: Reply, server: FaultyServer) -> None:
    """Respond to one request and close, so that no test depends on keep-alive."""
    with connection:
        request = _request(connection)
        if not request:
            return
        line = " ".join(request.split(b"\r\n", 1)[0].decode("latin-1").split(" ")[:2])
        server.lines.append(line)
        server.raw.append(request)
        found = respond(line, len(server.lines))
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
