"""HTTP to one Freshdesk portal: one thread-safe client for a run, with a rate limit and safe retries.

The paths of the API are in `api`. The key is sent to one host, in one header, and appears in no message, repr or log.
"""

import base64
import json
import logging
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Literal, Self
from urllib.parse import urljoin, urlsplit

import httpx

import kbsync
from kbsync.config import is_loopback
from kbsync.errors import PortalError, UsageError
from kbsync.freshdesk.rate_limit import RateLimiter
from kbsync.freshdesk.responses import (
    ENCODING,
    MAX_BYTES,
    MAX_SECONDS,
    ApiResponse,
    Json,
    RawResponse,
    ResponseLost,
    ResponseTooLarge,
    ResponseTooSlow,
    error_from,
    parse_response,
    printable_text,
    read_body,
    retry_after,
)

_EXAMPLE = "https://NAME.freshdesk.com"


def origin(url: str) -> str:
    """Return scheme, host and port of the portal; raise UsageError where `url` is not valid."""
    try:
        parts = urlsplit(url.strip())
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        raise UsageError(f"`url` is not a valid URL: {url!r}", advice=f"write it like {_EXAMPLE}") from None
    if "@" in parts.netloc:
        raise UsageError(
            "`url` contains a user name or a key", advice=f"write it like {_EXAMPLE}; the key goes in FRESHDESK_API_KEY"
        )
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise UsageError(f"`url` is not the URL of a portal: {url!r}", advice=f"write it like {_EXAMPLE}")
    if parts.scheme == "http" and not is_loopback(parts.hostname):
        raise UsageError(
            f"`url` is not https, so the key would not be encrypted: {url!r}", advice="write it with https://"
        )
    if parts.path.rstrip("/") not in ("", "/api/v2") or parts.query or parts.fragment:
        raise UsageError(f"`url` is the URL of a page, not of a portal: {url!r}", advice=f"remove the path: {_EXAMPLE}")
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    return f"{parts.scheme}://{host}{port}"


def key_forms(key: str) -> tuple[str, ...]:
    """Return every form in which a response may echo the key; raise UsageError, without the key, for one not valid."""
    if problem := _key_problem(key):
        raise UsageError(
            f"the API key {problem}", advice="copy it again from the agent's profile settings to FRESHDESK_API_KEY"
        )
    sent = base64.b64encode(f"{key}:X".encode()).decode()
    return (sent, base64.b64encode(key.encode()).decode().rstrip("="), key)


def failure_reason(error: BaseException) -> tuple[str, str]:
    """Return why there is no response, and what to do."""
    causes = tuple(_causes(error))
    for kind, what, advice in _FAILURE_REASONS:
        if any(isinstance(cause, kind) for cause in causes):
            return what, advice
    return "the response was cut off", "try again; check any proxy or firewall in between"


def is_certificate_error(error: BaseException) -> bool:
    """Return whether the certificate of the portal is not trusted, which a retry does not change."""
    return any(isinstance(cause, ssl.SSLCertVerificationError) for cause in _causes(error))


_FAILURE_REASONS: tuple[tuple[type[BaseException], str, str], ...] = (
    (
        ssl.SSLCertVerificationError,
        "its certificate is not trusted",
        "check `url` for a typo; behind a proxy that inspects TLS, set SSL_CERT_FILE to its certificate",
    ),
    (ssl.SSLError, "the TLS connection failed", "check `url`, its port, and any proxy in between"),
    (socket.gaierror, "host not found, or no network", f"check `url`; write it like {_EXAMPLE}"),
    (ConnectionRefusedError, "connection refused", "check `url` and its port, and that the portal is running"),
    (
        ResponseTooLarge,
        f"the response is larger than {MAX_BYTES // 2**20} MB",
        "Freshdesk sends no such response; check `url`, and any proxy in between",
    ),
    (
        ResponseTooSlow,
        f"the response took longer than {MAX_SECONDS:.0f} s",
        "try again; Freshdesk may be slow, or a proxy may delay its responses",
    ),
    (TimeoutError, "the request timed out", "try again; Freshdesk may be slow or down (see its status page)"),
    (OSError, "the connection failed", "check the network, then try again"),
    (ValueError, "the response is incomplete, or not JSON from Freshdesk", "try again; then check `url`"),
)


def _key_problem(key: str) -> str:
    if not key.strip():
        return "is empty"
    if any(c in key for c in "\r\n"):
        return "contains a line break"
    if not key.isascii() or not key.isprintable() or any(c in key for c in " :"):
        return "contains a character that is not allowed in a key"
    return ""


def _causes(error: BaseException) -> Iterator[BaseException]:
    cause: BaseException | None = error
    while cause is not None:
        yield cause
        cause = cause.__cause__ or cause.__context__


_BACKOFF = (0.5, 1.0, 2.0)
_MAX_ATTEMPTS_429 = 5
_RETRY_AFTER_UNSAID = 30.0
# A pause of minutes is a penalty (seen in production): the run ends with an error instead of blocking CI.
_MAX_RETRY_AFTER = 120.0
_MAX_PAGES = 500
PER_PAGE = 100
"""The most items that a page of a list holds (documented)."""
_NOT_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)
# Their logs contain text of the server, which may echo the key.
for _name in ("httpx", "httpcore"):
    logging.getLogger(_name).setLevel(logging.WARNING)
# Closing every connection is left to the last, since it ends the calls of all threads.
_GRACE = 5.0
_NO_RESPONSE = (httpx.TransportError, httpx.DecodingError, httpx.InvalidURL, ValueError)


class TooLate(PortalError):
    """The time until which a call was allowed had passed when it could have been sent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Request:
    method: Literal["GET", "PUT", "DELETE", "POST"]
    path: str
    query: Mapping[str, str] | None = None
    body: Json | None = None
    not_after: float = float("inf")

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


class Connection:
    """One portal for one run, to be closed or used in `with`; safe to share among threads."""

    def __init__(
        self,
        url: str,
        key: str,
        *,
        rate_limiter: RateLimiter | None = None,
        timeout: float = 60.0,
        transport: httpx.BaseTransport | None = None,
        sleep: Callable[[float], object] | None = None,
        notify: Callable[[str], None] | None = None,
    ) -> None:
        """Prepare a client for the URL and the key; raise UsageError where one of them is not valid.

        `timeout` is in seconds; `notify` is called with what is odd about the portal's rate limit.
        """
        self._origin = origin(url)
        self._key_forms = key_forms(key)
        self._rate_limiter = rate_limiter or RateLimiter()
        self._sleep = sleep or self._rate_limiter.sleep
        self._notify = notify or (lambda _: None)
        self._thread = threading.local()
        self._write_problem: Callable[[], str] = lambda: ""
        self._lock = threading.Lock()
        self._calls = 0
        self._overran = self._has_odd_limit = False
        self._client = httpx.Client(
            auth=(key, "X"),
            headers={
                "Accept": "application/json",
                "Accept-Encoding": ENCODING,
                "User-Agent": f"kbsync/{kbsync.__version__}",
            },
            timeout=httpx.Timeout(timeout, connect=min(timeout, 10.0)),
            limits=httpx.Limits(max_connections=32, max_keepalive_connections=32, keepalive_expiry=15.0),
            follow_redirects=False,
            transport=transport,
            # A proxy that the environment names would read the key where there is no TLS.
            trust_env=not is_loopback(urlsplit(self._origin).hostname or ""),
        )

    @property
    def calls(self) -> int:
        """Return the number of calls sent so far, retries included."""
        return self._calls

    @property
    def concurrency(self) -> int:
        """Return how many callers can use this connection at the same time at the pace that the account allows."""
        return self._rate_limiter.concurrency

    @property
    def calls_per_second(self) -> float:
        """Return how many calls the connection makes at most, by the account's pace and the portal's latency."""
        return self._rate_limiter.calls_per_second

    @property
    def latency(self) -> float:
        """Return the seconds that a call takes, as a moving average; 0 before the first response."""
        return self._rate_limiter.latency

    @property
    def host(self) -> str:
        """Return the host of the portal, with its port if it is not the default."""
        return urlsplit(self._origin).netloc

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close every socket."""
        self._client.close()

    @property
    def in_flight(self) -> int:
        """Return how many calls have no response yet."""
        return self._rate_limiter.in_flight

    def stop(self) -> None:
        """Send nothing more but what changes need that this thread or another has begun to write, and never wait."""
        self._rate_limiter.stop()

    def check_before_write(self, check: Callable[[], str]) -> None:
        """Call `check` before every write, retries included; a message that it returns is raised as PortalError."""
        self._write_problem = check

    def get(self, path: str, query: Mapping[str, str] | None = None) -> ApiResponse:
        """Read. Raise StatusError for an error status, PortalError where there is no valid response."""
        return self._send(_Request(method="GET", path=path, query=query))

    def put(self, path: str, body: Json, *, not_after: float = float("inf")) -> ApiResponse:
        """Update; retried like `get`, since it is idempotent.

        Raise TooLate, with nothing sent, where the rate limit or a pause delays it past `not_after` (monotonic clock).
        """
        return self._send(_Request(method="PUT", path=path, body=body, not_after=not_after))

    def delete(self, path: str, *, not_after: float = float("inf")) -> ApiResponse:
        """Delete; retried like `get`, so that StatusError with `is_gone` may be due to an earlier attempt.

        `not_after` is that of `put`.
        """
        return self._send(_Request(method="DELETE", path=path, not_after=not_after))

    def post(self, path: str, body: Json) -> ApiResponse:
        """Create; retried only where nothing was sent. Raise ResponseLost where it is not known whether it was done."""
        return self._send(_Request(method="POST", path=path, body=body))

    def pages(self, path: str, query: Mapping[str, str] | None = None) -> Iterator[ApiResponse]:
        """Read the pages of a list, a hundred items each; the Link header is followed, but never to another host."""
        response = self.get(path, {"per_page": str(PER_PAGE), **(query or {})})
        yield response
        seen = {path}
        while response.next_url:
            next_path = self._same_host_path(response.next_url, path)
            if next_path in seen or len(seen) > _MAX_PAGES:
                raise PortalError(
                    f"{self.host}: the list {path} has no last page",
                    advice="check that `url` is the URL of your Freshdesk account",
                )
            seen.add(next_path)
            response = self.get(next_path)
            yield response

    def _same_host_path(self, link: str, path: str) -> str:
        """Return path and query of a link; raise PortalError where it leads to another host."""
        try:
            parts = urlsplit(urljoin(f"{self._origin}{path}", link))
        except ValueError:
            parts = urlsplit("//unreadable")
        if parts.hostname != urlsplit(self._origin).hostname:
            raise PortalError(
                f"{self.host}: the next page of {path} is on another host, "
                f"{printable_text(self._redact(parts.netloc))}",
                advice="the key was not sent there; check that `url` is the URL of your Freshdesk account",
            )
        return parts.path + (f"?{parts.query}" if parts.query else "")

    def _send(self, request: _Request) -> ApiResponse:
        for wait in (*_BACKOFF, None):
            sent = True
            try:
                raw = self._send_within_limit(request)
                if raw.status < 300:
                    return parse_response(raw)
                problem: PortalError = error_from(raw)
                final = raw.status < 500
            except _NO_RESPONSE as error:
                what, advice = failure_reason(error)
                problem = PortalError(f"{self.host}: {what} ({request})", advice=advice)
                is_endless = isinstance(error, ResponseTooLarge | ResponseTooSlow)
                final = is_certificate_error(error) or (is_endless and request.method != "POST")
                sent = not isinstance(error, _NOT_SENT)
            if request.method == "POST" and sent and not final:
                advice = "the change may have been made; check the portal before you run the command again"
                raise ResponseLost(problem.what, advice=advice)
            if final or wait is None:
                break
            # It may have been done: what the portal shows now no longer says whether it may be repeated.
            request = replace(request, not_after=float("inf")) if sent else request
            self._sleep(wait)
        raise problem

    def _send_within_limit(self, request: _Request) -> RawResponse:
        """Send a request, and again after a pause while the response is 429, which means that nothing was done."""
        for _ in range(_MAX_ATTEMPTS_429):
            raw = self._send_once(request)
            if raw.status != 429:
                return raw
            seconds = retry_after(raw.headers, otherwise=_RETRY_AFTER_UNSAID)
            if seconds > _MAX_RETRY_AFTER:
                raise PortalError(
                    f"{self.host} asks to wait {seconds / 60:.0f} minutes: the account's API calls are used up",
                    advice="run the command again after that; a lower `share` leaves more calls for other integrations",
                )
            self._rate_limiter.pause(seconds)
        return raw

    def _send_once(self, request: _Request) -> RawResponse:
        raw = RawResponse(request=str(request), host=self.host, status=0, headers={}, content=b"")
        had_written = getattr(self._thread, "has_written", False)
        started_at = self._rate_limiter.acquire(has_written=had_written)
        try:
            if request.method != "GET" and (why := self._write_problem()):
                raise PortalError(why, advice="run the command again")
            if time.monotonic() > request.not_after:
                raise TooLate(f"{request} was not sent in time")
            with self._lock:
                self._calls += 1
            self._thread.has_written = had_written or request.method != "GET"
            raw = self._exchange(request, raw)
            if raw.status == 429:
                self._thread.has_written = had_written
        finally:
            odd = self._rate_limiter.release(started_at, raw.headers)
            if odd and not self._has_odd_limit:
                self._has_odd_limit = True
                self._notify(f"{self.host} {odd}")
        if raw.status < 300:
            return raw
        # An error response may echo the key.
        shown = {name.lower(): self._redact(value) for name, value in raw.headers.items()}
        return replace(raw, headers=shown, content=self._redact(raw.text).encode())

    def _exchange(self, request: _Request, raw: RawResponse) -> RawResponse:
        """Send a request and read its response, within bounds of size and time."""
        until = time.monotonic() + MAX_SECONDS
        watchdog = threading.Timer(MAX_SECONDS + _GRACE, self._give_up)
        watchdog.daemon = True
        watchdog.start()
        try:
            with self._client.stream(
                request.method,
                f"{self._origin}{request.path}",
                params=request.query,
                content=None if request.body is None else json.dumps(request.body).encode(),
                headers=None if request.body is None else {"Content-Type": "application/json"},
            ) as response:
                encoding = response.headers.get("content-encoding", "")
                content = read_body(response.iter_raw(), encoding, until=until)
                return replace(raw, status=response.status_code, headers=response.headers, content=content)
        except Exception:
            if self._overran:
                raise ResponseTooSlow from None
            raise
        finally:
            watchdog.cancel()

    def _give_up(self) -> None:
        """Close every connection: headers that come a byte at a time can be stopped in no other way."""
        self._overran = True
        self._client.close()

    def _redact(self, text: str) -> str:
        for form in self._key_forms:
            text = text.replace(form, "…")
        return text
