"""HTTP to one Freshdesk portal: one client a run, many threads, retries where they do no harm, a key that stays here.

It knows HTTP and no nouns; `solutions` knows the addresses. The key goes to one host, in one header, and into no
message, repr or log.
"""

import base64
import json
import logging
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal, Self
from urllib.parse import urljoin, urlsplit

import httpx

import kbsync
from kbsync.config import is_loopback
from kbsync.errors import PortalError, UsageError
from kbsync.freshdesk.rate_limit import RateLimiter
from kbsync.freshdesk.responses import (
    ApiResponse,
    Json,
    Raw,
    ResponseLost,
    answer_of,
    complaint_of,
    printable,
    retry_after,
)

_EXAMPLE = "https://NAME.freshdesk.com"


def origin(url: str) -> str:
    """Give scheme, host and port of the portal; raises UsageError where `url` cannot be the address of one."""
    try:
        parts = urlsplit(url.strip())
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        raise UsageError(f"`url` is no address: {url!r}", advice=f"write it like {_EXAMPLE}") from None
    if "@" in parts.netloc:
        raise UsageError(
            "`url` holds a user or a key", advice=f"write it like {_EXAMPLE}; the key is FRESHDESK_API_KEY"
        )
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise UsageError(f"`url` is no address of a portal: {url!r}", advice=f"write it like {_EXAMPLE}")
    if parts.scheme == "http" and not is_loopback(parts.hostname):
        raise UsageError(
            f"`url` is not encrypted, and the key would be readable: {url!r}", advice="write it with https://"
        )
    if parts.path.rstrip("/") not in ("", "/api/v2") or parts.query or parts.fragment:
        raise UsageError(f"`url` names a page, not a portal: {url!r}", advice=f"end it after the host: {_EXAMPLE}")
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    return f"{parts.scheme}://{host}{port}"


def secrets(key: str) -> tuple[str, ...]:
    """Return every form in which the key could be quoted; raises UsageError, never showing it, where it can be no key."""
    wrong = _wrong_with(key)
    if wrong:
        raise UsageError(
            f"the API key {wrong}", advice="copy it anew from the agent's profile settings into FRESHDESK_API_KEY"
        )
    sent = base64.b64encode(f"{key}:X".encode()).decode()
    return (sent, base64.b64encode(key.encode()).decode().rstrip("="), key)


def unreachable(error: BaseException) -> tuple[str, str]:
    """Return why no answer came, and what to do."""
    causes = tuple(_causes(error))
    for kind, what, advice in _REASONS:
        if any(isinstance(cause, kind) for cause in causes):
            return what, advice
    return "broke off in the middle of an answer", "try again; a proxy or a firewall may be in between"


def is_distrusted(error: BaseException) -> bool:
    """Return whether the portal's certificate was not believed, which another attempt does not change."""
    return any(isinstance(cause, ssl.SSLCertVerificationError) for cause in _causes(error))


_REASONS: tuple[tuple[type[BaseException], str, str], ...] = (
    (
        ssl.SSLCertVerificationError,
        "its certificate is not trusted",
        "check `url` for a typing error; where a company's proxy opens TLS, let SSL_CERT_FILE name its certificate",
    ),
    (ssl.SSLError, "no secure connection comes about (TLS)", "check `url`, its port, and any proxy in between"),
    (socket.gaierror, "there is no such host, or no network", f"check `url`: it is written like {_EXAMPLE}"),
    (ConnectionRefusedError, "nothing listens there", "check `url` and its port; is the portal running?"),
    (TimeoutError, "no answer came in time", "try again; Freshdesk may be slow or down (see its status page)"),
    (OSError, "the connection broke", "check the network, then try again"),
    (ValueError, "the answer is not whole, or not the JSON that Freshdesk sends", "try again; then check `url`"),
)


def _wrong_with(key: str) -> str:
    if not key.strip():
        return "is empty"
    if any(c in key for c in "\r\n"):
        return "has a line break in it"
    if not key.isascii() or not key.isprintable() or any(c in key for c in " :"):
        return "has a character in it that no key has"
    return ""


def _causes(error: BaseException) -> Iterator[BaseException]:
    cause: BaseException | None = error
    while cause is not None:
        yield cause
        cause = cause.__cause__ or cause.__context__


_BACKOFF = (0.5, 1.0, 2.0)
_PATIENCE_429 = 5
_RETRY_AFTER_UNSAID = 30.0
# A pause of minutes is a punishment (seen in production): better to end and say so than to sit in CI.
_LONGEST_PAUSE = 120.0
_MOST_PAGES = 500
_NOTHING_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)
# Their log of an answer is the server's to choose, and could echo the key.
for _name in ("httpx", "httpcore"):
    logging.getLogger(_name).setLevel(logging.WARNING)
_NO_ANSWER = (httpx.TransportError, httpx.DecodingError, httpx.InvalidURL, ValueError)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Call:
    method: Literal["GET", "PUT", "DELETE", "POST"]
    address: str
    query: Mapping[str, str] | None = None
    body: Json | None = None

    def __str__(self) -> str:
        return f"{self.method} {self.address}"


class Connection:
    """One portal for one run, to be closed or used in `with`; safe to share among threads."""

    def __init__(
        self,
        url: str,
        key: str,
        *,
        pace: RateLimiter | None = None,
        patience: float = 60.0,
        transport: httpx.BaseTransport | None = None,
        sleep: Callable[[float], None] = time.sleep,
        tell: Callable[[str], None] | None = None,
    ) -> None:
        """Take the portal's address and the key; raises UsageError before any call where one of them cannot be.

        `patience` is the seconds to wait for the portal to go on; `tell` hears why the run stands still.
        """
        self._origin = origin(url)
        self._secrets = secrets(key)
        self._pace = pace or RateLimiter()
        self._sleep = sleep
        self._tell = tell or (lambda _: None)
        self._may_write: Callable[[], str] = lambda: ""
        self._lock = threading.Lock()
        self._calls = 0
        self._client = httpx.Client(
            auth=(key, "X"),
            headers={"Accept": "application/json", "User-Agent": f"kbsync/{kbsync.__version__}"},
            timeout=httpx.Timeout(patience, connect=min(patience, 10.0)),
            limits=httpx.Limits(max_connections=32, max_keepalive_connections=32, keepalive_expiry=15.0),
            follow_redirects=False,
            transport=transport,
            # A proxy that the environment names would read the key where there is no TLS.
            trust_env=not is_loopback(urlsplit(self._origin).hostname or ""),
        )

    @property
    def calls(self) -> int:
        """Count the calls sent so far, repeated ones too."""
        return self._calls

    @property
    def host(self) -> str:
        """Return the portal's host, with its port where that is unusual."""
        return urlsplit(self._origin).netloc

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close every socket."""
        self._client.close()

    def check_before_write(self, check: Callable[[], str]) -> None:
        """Ask `check` before every call that writes, a repeated one too; what it says is raised as PortalError."""
        self._may_write = check

    def get(self, address: str, query: Mapping[str, str] | None = None) -> ApiResponse:
        """Read. Raises Refused where the portal says no, PortalError for whatever else keeps the answer from us."""
        return self._send(_Call(method="GET", address=address, query=query))

    def put(self, address: str, body: Json) -> ApiResponse:
        """Change what exists; repeated like `get`, since doing it twice is doing it once."""
        return self._send(_Call(method="PUT", address=address, body=body))

    def delete(self, address: str) -> ApiResponse:
        """Delete; repeated like `get`, so that Refused with `gone` may mean that an earlier attempt did it."""
        return self._send(_Call(method="DELETE", address=address))

    def post(self, address: str, body: Json) -> ApiResponse:
        """Create; repeated only where nothing was done. Raises AnswerLost where nobody knows whether it was."""
        return self._send(_Call(method="POST", address=address, body=body))

    def pages(self, address: str, query: Mapping[str, str] | None = None) -> Iterator[ApiResponse]:
        """Read a list page by page, a hundred items each; follows Link as given, but never to another host."""
        answer = self.get(address, {"per_page": "100", **(query or {})})
        yield answer
        seen = {address}
        while answer.next:
            following = self._within(answer.next, address)
            if following in seen or len(seen) > _MOST_PAGES:
                raise PortalError(
                    f"{self.host}: the pages of {address} never end",
                    advice="Freshdesk does not do this: check that `url` is the account's own address",
                )
            seen.add(following)
            answer = self.get(following)
            yield answer

    def _within(self, link: str, address: str) -> str:
        """Take path and query of a link to this very host."""
        try:
            parts = urlsplit(urljoin(f"{self._origin}{address}", link))
        except ValueError:
            parts = urlsplit("//unreadable")
        if parts.hostname != urlsplit(self._origin).hostname:
            raise PortalError(
                f"{self.host}: the next page of {address} is on another host, {printable(self._scrub(parts.netloc))}",
                advice="the key was not sent there; check that `url` is the account's own address",
            )
        return parts.path + (f"?{parts.query}" if parts.query else "")

    def _send(self, call: _Call) -> ApiResponse:
        for wait in (*_BACKOFF, None):
            sent = True
            try:
                raw = self._patiently(call)
                if raw.status < 300:
                    return answer_of(raw)
                trouble: PortalError = complaint_of(raw)
                final = raw.status < 500
            except _NO_ANSWER as error:
                what, advice = unreachable(error)
                trouble = PortalError(f"{self.host}: {what} ({call})", advice=advice)
                final = is_distrusted(error)
                sent = not isinstance(error, _NOTHING_SENT)
            if call.method == "POST" and sent and not final:
                raise ResponseLost(trouble.what, advice="it may have been done: look on the portal before asking again")
            if final or wait is None:
                break
            self._sleep(wait)
        raise trouble

    def _patiently(self, call: _Call) -> Raw:
        """Make a call, and again as long as the portal only wants us to wait (429 means that nothing was done)."""
        for _ in range(_PATIENCE_429):
            raw = self._once(call)
            if raw.status != 429:
                return raw
            seconds = retry_after(raw.headers, otherwise=_RETRY_AFTER_UNSAID)
            if seconds > _LONGEST_PAUSE:
                raise PortalError(
                    f"{self.host} wants no call for {seconds / 60:.0f} minutes: the account's calls are used up",
                    advice="run it again after that; a lower `share` leaves more to other integrations",
                )
            self._tell(f"{self.host} asks for a pause of {seconds:.0f} s")
            self._pace.pause(seconds)
        return raw

    def _once(self, call: _Call) -> Raw:
        headers: Mapping[str, str] = {}
        ticket = self._pace.take()
        try:
            if call.method != "GET" and (why := self._may_write()):
                raise PortalError(why, advice="run it again")
            with self._lock:
                self._calls += 1
            response = self._client.request(
                call.method,
                f"{self._origin}{call.address}",
                params=call.query,
                content=None if call.body is None else json.dumps(call.body).encode(),
                headers=None if call.body is None else {"Content-Type": "application/json"},
            )
            headers = response.headers
        finally:
            self._pace.give(ticket, headers)
        raw = Raw(
            asked=str(call), host=self.host, status=response.status_code, headers=headers, content=response.content
        )
        return raw if raw.status < 300 else self._without_key(raw)

    def _without_key(self, raw: Raw) -> Raw:
        """Take the key out of a complaint that echoes it."""
        return Raw(
            asked=raw.asked,
            host=raw.host,
            status=raw.status,
            headers={name.lower(): self._scrub(value) for name, value in raw.headers.items()},
            content=self._scrub(raw.text).encode(),
        )

    def _scrub(self, text: str) -> str:
        for secret in self._secrets:
            text = text.replace(secret, "…")
        return text
