"""The HTTP connection, against the embedded portal and against faulty servers."""

import json
import logging
import shutil
import socket
import ssl
import subprocess
import threading
import time
import traceback
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

from kbsync.errors import KbsyncError, PortalError, UsageError
from kbsync.freshdesk.api import PortalReader, PortalWriter
from kbsync.freshdesk.client import Connection
from kbsync.freshdesk.rate_limit import Stopped
from kbsync.freshdesk.responses import ResponseLost, StatusError, next_page_url, retry_after, utc
from tests.freshdesk.faulty import FaultyServer, Reply, faulty, reply

KEY = "aBcDeFgHiJkLmNoPq123"
SECRETS = (KEY, "YUJjRGVGZ0hpSmtMbU5vUHExMjM")
DATE = {"Date": "Sat, 01 Aug 2026 10:00:00 GMT"}


@contextmanager
def _serving(
    answer: Reply | bytes | None, *, timeout: float = 5.0
) -> Iterator[tuple[Connection, FaultyServer, list[float]]]:
    slept: list[float] = []
    with (
        faulty(answer if callable(answer) else lambda *_: answer) as server,
        Connection(server.url, KEY, timeout=timeout, sleep=slept.append) as connection,
    ):
        yield connection, server, slept


def _text_of(error: BaseException) -> str:
    advice = error.advice if isinstance(error, KbsyncError) else ""
    return "\n".join((str(error), repr(error), advice, *traceback.format_exception(error)))


def test_a_call_carries_the_key_and_asks_for_json() -> None:
    with _serving(reply('{"a": "é"}', headers=DATE)) as (connection, server, _):
        answer = connection.put("/api/v2/x", {"title": "\ud800é"})
    assert answer.data == {"a": "é"}
    assert answer.at == "2026-08-01T10:00:00Z"
    head, _, body = server.raw[0].partition(b"\r\n\r\n")
    fields = {name.lower(): value for name, _, value in (row.partition(b": ") for row in head.split(b"\r\n")[1:])}
    assert fields[b"authorization"].startswith(b"Basic " + SECRETS[1].encode())
    assert fields[b"accept"] == b"application/json"
    assert fields[b"content-type"] == b"application/json"
    assert json.loads(body) == {"title": "\ud800é"}
    assert connection.calls == 1


def test_a_call_without_a_body_names_no_content_type() -> None:
    with _serving(reply()) as (connection, server, _):
        connection.get("/x")
    assert b"content-type" not in server.raw[0].lower()


def test_an_answer_without_content_has_no_data() -> None:
    with _serving(b"HTTP/1.1 204 No Content\r\n\r\n") as (connection, _, _):
        assert connection.delete("/x").data is None


@pytest.mark.parametrize("status", ["500 Oops", "502 Bad Gateway", "503 Busy", "504 Late"])
@pytest.mark.parametrize("method", ["get", "put", "delete"])
def test_idempotent_calls_are_retried_when_the_server_fails(status: str, method: str) -> None:
    answers = [reply("<html>", status=status, kind="text/html"), reply("", status=status), reply('{"id": 1}')]
    with _serving(lambda _, n: answers[n - 1]) as (connection, _, slept):
        call = {
            "get": lambda: connection.get("/x"),
            "put": lambda: connection.put("/x", {}),
            "delete": lambda: connection.delete("/x"),
        }[method]
        assert call().data == {"id": 1}
    assert slept == [0.5, 1.0]
    assert connection.calls == 3


@pytest.mark.parametrize(
    "broken",
    [
        None,
        b"HTTP/1.1 200 OK\r\nContent-Le",
        b"SSH-2.0-OpenSSH_9\r\n",
        reply('[{"id": 1}', length=500),
        reply('[{"id": 1}'),
        reply(b'["\xff"]'),
        reply(b"not gzip", headers={"Content-Encoding": "gzip"}),
        reply("[" * 100_000),
    ],
    ids=["dropped", "half a head", "not HTTP", "cut off", "half JSON", "not UTF-8", "bad gzip", "too deep"],
)
def test_an_incomplete_response_is_requested_again_and_never_used(broken: bytes | None) -> None:
    with _serving(lambda _, n: reply('[{"id": 2}]') if n == 3 else broken) as (connection, _, _):
        assert connection.get("/x").data == [{"id": 2}]
    with _serving(broken) as (connection, server, _):
        with pytest.raises(PortalError) as caught:
            connection.get("/x")
        assert len(server.lines) == 4
        with pytest.raises(ResponseLost):
            connection.post("/x", {})
        assert len(server.lines) == 5
    assert caught.value.advice


@pytest.mark.parametrize("status", ["500 Oops", "502 Bad Gateway", "504 Late"])
def test_a_create_call_is_not_retried_when_its_result_is_unknown(status: str) -> None:
    with _serving(reply("", status=status)) as (connection, server, _), pytest.raises(ResponseLost):
        connection.post("/x", {})
    assert len(server.lines) == 1


def test_a_create_call_is_retried_when_nothing_was_sent() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
    slept: list[float] = []
    with (
        Connection(url, KEY, sleep=slept.append) as connection,
        pytest.raises(PortalError, match="connection refused") as caught,
    ):
        connection.post("/x", {})
    assert not isinstance(caught.value, ResponseLost)
    assert len(slept) == 3


def test_a_server_that_stalls_times_out() -> None:
    over = threading.Event()

    def stall(_: str, __: int) -> bytes:
        over.wait(20)
        return reply()

    with _serving(stall, timeout=0.2) as (connection, _, _):
        with pytest.raises(PortalError, match="the request timed out"):
            connection.get("/x")
        with pytest.raises(ResponseLost):
            connection.post("/x", {})
        over.set()


def test_any_call_waits_after_a_429() -> None:
    busy = reply("busy", status="429 Slow", kind="text/plain", headers={"Retry-After": "0.3"})
    with _serving(lambda _, n: reply('{"id": 1}', status="201 Created") if n == 3 else busy) as (connection, _, _):
        start = time.monotonic()
        assert connection.post("/x", {}).data == {"id": 1}
        assert time.monotonic() - start >= 0.6


def test_a_stop_ends_every_pause_and_sends_nothing_new() -> None:
    busy = reply("", status="429 Slow", headers={"Retry-After": "100"})
    with faulty(lambda *_: busy) as server, Connection(server.url, KEY) as connection:
        threading.Timer(0.3, connection.stop).start()
        with pytest.raises(Stopped, match="not started") as stopped:
            connection.post("/x", {})
        assert not stopped.value.has_written
        with pytest.raises(Stopped):
            connection.get("/x")
    assert len(server.lines) == 1


def test_a_change_that_has_begun_to_write_may_go_on_after_a_stop_as_long_as_it_need_not_wait() -> None:
    busy = reply("", status="429 Slow", headers={"Retry-After": "100"})
    with _serving(lambda _, n: busy if n == 3 else reply()) as (connection, server, _):
        connection.put("/x", {})
        connection.stop()
        connection.get("/x")
        with pytest.raises(Stopped, match="before it was complete") as stopped:
            connection.put("/x", {})
        assert stopped.value.has_written
    assert len(server.lines) == 3


def test_a_pause_applies_to_every_thread() -> None:
    def answer(_: str, n: int) -> bytes:
        return reply("", status="429 Slow", headers={"Retry-After": "1"}) if n == 1 else reply()

    with _serving(answer) as (connection, _, _):
        times: list[float] = []
        start = time.monotonic()
        connection_thread = threading.Thread(target=connection.get, args=("/first",))
        connection_thread.start()
        time.sleep(0.4)
        connection.get("/second")
        times.append(time.monotonic() - start)
        connection_thread.join()
    assert times[0] >= 1


def test_a_pause_of_minutes_ends_the_run_with_a_message() -> None:
    with (
        _serving(reply("", status="429 Slow", headers={"Retry-After": "900"})) as (connection, server, _),
        pytest.raises(PortalError, match="asks to wait 15 minutes") as caught,
    ):
        connection.get("/x")
    assert len(server.lines) == 1
    assert "again" in caught.value.advice


def test_repeated_429_ends_too() -> None:
    with (
        _serving(reply("", status="429 Slow", headers={"Retry-After": "0"})) as (connection, server, _),
        pytest.raises(StatusError, match="too many API calls"),
    ):
        connection.get("/x")
    assert len(server.lines) == 5


INVALID = json.dumps(
    {
        "description": "Validation failed",
        "errors": [
            {"field": "tags", "message": "It should be\x1b[31m short", "code": "invalid_value"},
            {"field": "title", "message": "Mandatory attribute missing", "code": "missing_field"},
        ],
    }
)


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (reply('{"code":"invalid_credentials","message":"no"}', status="401 No"), ("API key", "profile settings")),
        (reply("", status="401 No"), ("API key",)),
        (reply('{"code":"access_denied","message":"You are not"}', status="403 No"), ("You are not", "role")),
        (reply('{"code":"require_feature","message":"x"}', status="403 No"), ("plan", "require_feature")),
        (reply('{"code":"account_suspended"}', status="403 No"), ("suspended",)),
        (reply('{"code":"ssl_required"}', status="403 No"), ("https",)),
        (reply("", status="404 No"), ("not found", "`url`")),
        (reply("<html>", status="404 No", kind="text/html"), ("web page", "Freshdesk account")),
        (reply("<html>Hello", kind="text/html"), ("web page", "Freshdesk account")),
        (reply(" <!doctype html>"), ("web page",)),
        (reply("", status="405 No"), ("proxy",)),
        (reply("", status="406 No"), ("proxy",)),
        (reply("", status="415 No"), ("proxy",)),
        (reply(INVALID, status="400 No"), ("tags: It should be [31m short", "title: Mandatory", "missing_field")),
        (reply('{"code":"invalid_json"}', status="400 No"), ("invalid_json",)),
        (reply('{"code":"duplicate_value","message":"taken"}', status="409 No"), ("taken", "unique")),
        (reply("", status="413 No"), ("too large",)),
        (reply("[1]", status="418 Teapot"), ("418",)),
        (reply("{", status="403 No"), ("permission",)),
        (reply('{"errors":[3],"code":[1],"message":{"a":1}}', status="400 No"), ("rejected the request",)),
    ],
)
def test_an_error_of_the_portal_becomes_advice(answer: bytes, words: tuple[str, ...]) -> None:
    with _serving(answer) as (connection, server, _), pytest.raises(PortalError) as caught:
        connection.get("/api/v2/x")
    text = f"{caught.value}\n{caught.value.advice}"
    assert [word for word in words if word not in text] == []
    assert all(c.isprintable() or c == "\n" for c in text)
    assert len(server.lines) == 1


def test_a_deleted_item_may_be_403_or_404_and_a_missing_right_is_distinct() -> None:
    for body, status, gone in (
        ("", "404 No", True),
        ("", "403 No", True),
        ('{"code":"access_denied"}', "403 No", True),
        ('{"code":"require_feature"}', "403 No", False),
        ("", "400 No", False),
    ):
        with _serving(reply(body, status=status)) as (connection, _, _), pytest.raises(StatusError) as caught:
            connection.get("/x")
        assert caught.value.is_gone is gone


@pytest.mark.parametrize("status", ["301 Moved", "302 Found", "307 Temporary", "308 Permanent"])
def test_a_redirect_to_another_host_is_named_and_not_followed(status: str) -> None:
    with faulty(lambda *_: reply()) as other:
        where = other.url.replace("http://", "http://user:pass@")
        with _serving(reply("", status=status, headers={"Location": f"{where}/login"})) as (connection, server, _):
            for call in (lambda: connection.get("/x"), lambda: connection.post("/x", {})):
                with pytest.raises(PortalError, match="another host") as caught:
                    call()
                assert other.url.removeprefix("http://") in str(caught.value)
                assert "pass" not in str(caught.value)
    assert other.lines == []
    assert len(server.lines) == 2


def test_a_redirect_to_the_same_host_is_an_error_too() -> None:
    with (
        _serving(reply("", status="302 Found", headers={"Location": "/login"})) as (connection, _, _),
        pytest.raises(PortalError, match="another page"),
    ):
        connection.get("/x")


def _paged(pages: dict[str, tuple[str, str]]) -> Reply:
    def answer(line: str, _: int) -> bytes:
        body, link = pages[line.removeprefix("GET ")]
        return reply(body, headers={"Link": link} if link else {})

    return answer


FIRST = "/api/v2/solutions/categories?per_page=100"


@pytest.mark.parametrize(
    "link",
    [
        '<{url}/next?page=2>;rel="next"',
        '< {url}/next?page=2>; rel="next"',
        "<{url}/next?page=2>; rel=next",
        '<https://127.0.0.1/next?page=2>; title="a"; rel="next"',
        '<{url}/last>; rel="last", <{url}/next?page=2>; rel="next"',
        '</next?page=2>;rel="next"',
    ],
)
def test_the_next_page_is_the_one_in_the_link_header(link: str) -> None:
    pages = {FIRST: ('[{"id": 1}]', ""), "/next?page=2": ('[{"id": 2}]', "")}
    with _serving(_paged(pages)) as (connection, server, _):
        pages[FIRST] = ('[{"id": 1}]', link.format(url=server.url))
        listing = PortalReader(connection).categories()
    assert [item["id"] for item in listing.items] == [1, 2]
    assert server.lines == [f"GET {FIRST}", "GET /next?page=2"]


def test_pages_in_a_cycle_end_with_an_error() -> None:
    with (
        _serving(reply('[{"id": 1}]', headers={"Link": '</b>; rel="next"'})) as (connection, server, _),
        pytest.raises(PortalError, match="has no last page"),
    ):
        PortalReader(connection).categories()
    assert len(server.lines) == 2


def test_pages_without_end_end_with_an_error() -> None:
    def answer(_: str, n: int) -> bytes:
        return reply("[]", headers={"Link": f'</{n}>; rel="next"'})

    with _serving(answer) as (connection, server, _), pytest.raises(PortalError, match="has no last page"):
        PortalReader(connection).categories()
    assert len(server.lines) == 501


@pytest.mark.parametrize("link", ["<http://evil.example/x>", "<//evil.example>", "<http://[>"])
def test_a_next_page_on_another_host_is_an_error(link: str) -> None:
    with (
        _serving(reply("[]", headers={"Link": f'{link}; rel="next"'})) as (connection, server, _),
        pytest.raises(PortalError, match="another host"),
    ):
        PortalReader(connection).categories()
    assert len(server.lines) == 1


@pytest.mark.parametrize("body", ["{}", "", "3", "[3]", '{"description": "x"}', "null"])
def test_a_response_that_is_not_a_list_is_not_freshdesk(body: str) -> None:
    with (
        _serving(reply(body)) as (connection, _, _),
        pytest.raises(PortalError, match="is not a list of categories"),
    ):
        PortalReader(connection).categories()


def test_the_paths_are_the_documented_ones() -> None:
    with _serving(reply("[]")) as (connection, server, _):
        reader, writer = PortalReader(connection), PortalWriter(connection)
        reader.folders(1), reader.subfolders(2), reader.articles(3), reader.agents("a+b@example.com"), reader.me()
        writer.create_category({}), writer.create_folder(4, {}), writer.create_article(5, {})
    assert server.lines == [
        "GET /api/v2/solutions/categories/1/folders?per_page=100",
        "GET /api/v2/solutions/folders/2/subfolders?per_page=100",
        "GET /api/v2/solutions/folders/3/articles?per_page=100",
        "GET /api/v2/agents?email=a%2Bb%40example.com",
        "GET /api/v2/agents/me",
        "POST /api/v2/solutions/categories",
        "POST /api/v2/solutions/categories/4/folders",
        "POST /api/v2/solutions/folders/5/articles",
    ]


def test_a_reader_cannot_write() -> None:
    assert [name for name in dir(PortalReader) if name.startswith(("create", "update", "delete", "post", "put"))] == []


def test_many_threads_share_one_connection_and_every_call_is_counted() -> None:
    with _serving(reply("[]")) as (connection, server, _), ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda n: connection.get(f"/{n}"), range(40)))
    assert connection.calls == len(server.lines) == 40


@pytest.mark.parametrize(
    "url",
    [
        "http://acme.freshdesk.com",
        "http://127.0.0.1.example.com",
        "http://10.0.0.1",
        "ftp://acme.freshdesk.com",
        "acme.freshdesk.com",
        "",
        "https://",
        "https://[",
        "https://acme.freshdesk.com:x",
        f"https://{KEY}@acme.freshdesk.com",
        "https://acme.freshdesk.com/support/home",
        "https://acme.freshdesk.com?x=1",
    ],
)
def test_a_url_that_is_not_valid_is_an_error_before_any_call(url: str) -> None:
    with pytest.raises(UsageError) as caught:
        Connection(url, KEY)
    assert KEY not in _text_of(caught.value)


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("https://acme.freshdesk.com/", "acme.freshdesk.com"),
        (" https://acme.freshdesk.com/api/v2/ ", "acme.freshdesk.com"),
        ("http://localhost:8000", "localhost:8000"),
        ("http://127.0.0.2", "127.0.0.2"),
        ("http://[::1]:80", "[::1]:80"),
    ],
)
def test_a_url_may_end_as_people_copy_it(url: str, host: str) -> None:
    with Connection(url, KEY) as connection:
        assert connection.host == host


@pytest.mark.parametrize("key", ["", "  ", "zQ9\n", "zQ9\r\nX: y", "é-zQ9", "zQ9 x", "zQ9\x00", "zQ9:key", "zQ9\u200b"])
def test_a_key_that_is_not_valid_is_an_error_and_not_shown(key: str) -> None:
    with pytest.raises(UsageError, match="API key") as caught:
        Connection("https://acme.freshdesk.com", key)
    assert "zQ9" not in f"{caught.value} {caught.value!r} {caught.value.advice}"


def test_a_proxy_of_the_environment_does_not_see_loopback(monkeypatch: pytest.MonkeyPatch) -> None:
    with faulty(lambda *_: reply()) as proxy, faulty(lambda *_: reply()) as server:
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        monkeypatch.setenv("ALL_PROXY", proxy.url)
        with Connection(server.url, KEY) as connection:
            connection.get("/x")
    assert proxy.lines == []


ECHOES = [
    reply(json.dumps({"code": "access_denied", "message": f"key {KEY} Basic {SECRETS[1]}6WA=="}), status="403 No"),
    reply(f"your key is {KEY}", status="400 No", kind="text/plain"),
    reply(json.dumps({"errors": [{"field": KEY, "message": KEY, "code": KEY}]}), status="400 No"),
    reply("", status="302 Found", headers={"Location": f"https://{KEY}.example/{KEY}"}),
    reply("[]", headers={"Link": f'<https://{KEY}.example/>; rel="next"'}),
    reply(f"<html>{KEY}", kind="text/html"),
    reply("", status="429 Slow", headers={"Retry-After": "999", "X-Key": KEY}),
    reply("", status="500 Oops", headers={"X-Key": KEY}),
    f"HTTP/1.1 {KEY}\r\n\r\n".encode(),
    f"HTTP/1.1 200 OK\r\n{KEY}\r\n\r\n".encode(),
    reply(KEY),
    None,
]


@pytest.mark.parametrize("answer", ECHOES)
def test_the_key_is_in_no_message_repr_or_log_whatever_the_server_does(
    answer: bytes | None, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    with _serving(answer) as (connection, _, _):
        texts = [repr(connection), str(connection), repr(PortalReader(connection)), repr(PortalWriter(connection))]
        for call in (
            lambda: PortalReader(connection).categories(),
            lambda: connection.put("/x", {}),
            lambda: connection.post("/x", {}),
        ):
            try:
                call()
            except PortalError as error:
                texts.append(_text_of(error))
    assert len(texts) >= 5
    for secret in SECRETS:
        assert secret not in "\n".join(texts)
        assert secret not in caplog.text


def test_a_host_that_does_not_exist_is_named() -> None:
    with (
        Connection("https://acme.invalid", KEY, sleep=lambda _: None) as connection,
        pytest.raises(PortalError, match="host not found") as caught,
    ):
        connection.get("/x")
    assert "acme.invalid" in str(caught.value)


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a self-signed certificate."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("there is no openssl to make a certificate with")
    path = tmp_path_factory.mktemp("tls") / "both.pem"
    made = [openssl, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"]
    subprocess.run([*made, "-keyout", path, "-out", path.with_suffix(".crt")], check=True, capture_output=True)
    path.write_bytes(path.read_bytes() + path.with_suffix(".crt").read_bytes())
    return path


def test_a_self_signed_certificate_is_an_error_without_retry(certificate: Path) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    got: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]

        def serve() -> None:
            plain, _ = listener.accept()
            with plain:
                try:
                    with context.wrap_socket(plain, server_side=True) as wrapped:
                        got.append(wrapped.recv(1000))
                except OSError:
                    return

        thread = threading.Thread(target=serve)
        thread.start()
        with (
            Connection(f"https://127.0.0.1:{port}", KEY, sleep=lambda _: pytest.fail("it waits")) as connection,
            pytest.raises(PortalError, match="certificate is not trusted") as caught,
        ):
            connection.post("/x", {})
        thread.join(10)
    assert "SSL_CERT_FILE" in caught.value.advice
    assert not isinstance(caught.value, ResponseLost)
    assert KEY not in _text_of(caught.value)
    assert b"".join(got) == b""


def test_tls_to_a_server_without_tls_is_an_error() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            for _ in range(4):
                plain, _ = listener.accept()
                with plain:
                    plain.recv(5)
                    plain.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

        thread = threading.Thread(target=serve)
        thread.start()
        url = f"https://127.0.0.1:{listener.getsockname()[1]}"
        with Connection(url, KEY, sleep=lambda _: None) as connection, pytest.raises(PortalError, match=r"TLS|broke"):
            connection.post("/x", {})
        thread.join(10)


@pytest.mark.parametrize(
    ("date", "expected"),
    [
        ("Sat, 01 Aug 2026 10:00:00 GMT", "2026-08-01T10:00:00Z"),
        ("Sat, 01 Aug 2026 12:00:00 +0200", "2026-08-01T10:00:00Z"),
        ("Sat, 01 Aug 2026 10:00:00 -0000", "2026-08-01T10:00:00Z"),
    ],
)
def test_the_time_of_the_portal_is_utc(date: str, expected: str) -> None:
    assert utc(date) == expected


@pytest.mark.parametrize("date", ["", "yesterday", "Sat, 99 Aug 2026 10:00:00 GMT", "a, b"])
def test_without_a_date_header_the_local_time_is_used(date: str) -> None:
    assert utc(date).startswith("20")
    assert utc(date).endswith("Z")


def test_a_pause_is_seconds_or_a_date() -> None:
    assert retry_after({"retry-after": "34"}, otherwise=30) == 34
    assert retry_after({"retry-after": "1.5"}, otherwise=30) == 1.5
    assert retry_after({}, otherwise=30) == 30
    assert retry_after({"retry-after": "soon"}, otherwise=30) == 30
    assert retry_after({"retry-after": "Sat, 01 Aug 2020 10:00:00 GMT"}, otherwise=30) == 0
    assert retry_after({"retry-after": "Sat, 01 Aug 2099 10:00:00 GMT"}, otherwise=30) > 1e6


def test_no_link_is_no_next_page() -> None:
    assert next_page_url("") == next_page_url('<http://x/1>; rel="prev"') == next_page_url("nonsense") == ""
