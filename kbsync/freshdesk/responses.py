"""The responses of the portal as values, and its errors as exceptions with advice.

This module sends nothing. Text of the portal is shown to a user only after it is made printable and short.
"""

import json
import re
import time
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlsplit

from kbsync.errors import PortalError
from kbsync.model import iso_utc

Json = Mapping[str, Any]

_GONE_CODES = ("", "access_denied")
_MAX_QUOTE_LENGTH = 300
_NEXT = re.compile(r"<\s*([^>]*?)\s*>\s*;[^,]*?\brel\s*=\s*\"?next\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiResponse:
    """A successful response: its JSON (`None` if empty), its time (ISO 8601, UTC) and the URL of the next page."""

    status: int
    data: Any = None
    at: str = ""
    next_url: str = ""

    @property
    def fields(self) -> Json:
        """The JSON object; empty where the response has none."""
        return self.data if isinstance(self.data, Mapping) else {}


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemList:
    """The items of all pages of a list, and the time of the first page."""

    items: tuple[Mapping[str, Any], ...]
    at: str


class StatusError(PortalError):
    """The portal answered with an error; `status` and `code` are those of the response."""

    def __init__(self, what: str, *, advice: str = "", status: int, code: str = "") -> None:
        super().__init__(what, advice=advice)
        self.status = status
        self.code = code

    @property
    def is_gone(self) -> bool:
        """Return whether the item may be deleted: Freshdesk then answers with 403 or 404 (seen in production)."""
        return self.status == 404 or (self.status == 403 and self.code in _GONE_CODES)


class ResponseLost(PortalError):
    """A create call was sent without a response: whether it was done must be checked before a retry."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RawResponse:
    """A response as received, with the request that it is for."""

    request: str
    host: str
    status: int
    headers: Mapping[str, str]
    content: bytes

    @property
    def text(self) -> str:
        """Return the body as text, for quoting; bytes that are not UTF-8 are replaced."""
        return self.content.decode(errors="replace")


def parse_response(raw: RawResponse) -> ApiResponse:
    """Read a successful response; raise ValueError where its JSON is incomplete, PortalError where it is HTML."""
    if raw.content.strip() and looks_like_html(raw):
        raise _not_freshdesk_error(raw)
    try:
        data = json.loads(raw.content) if raw.content.strip() else None
    except RecursionError as error:
        raise ValueError("JSON nested too deeply") from error
    next_url = next_page_url(raw.headers.get("link", ""))
    return ApiResponse(status=raw.status, data=data, at=utc(raw.headers.get("date", "")), next_url=next_url)


def list_items(response: ApiResponse, what: str) -> tuple[Mapping[str, Any], ...]:
    """Return the items of a page; raise PortalError where it is not a list. `what` names the list in the message."""
    if isinstance(response.data, list) and all(isinstance(item, Mapping) for item in response.data):
        return tuple(response.data)
    raise PortalError(
        f"the portal's response is not a list of {what.strip('/')}",
        advice="check that `url` is the URL of a Freshdesk account",
    )


def error_from(raw: RawResponse) -> PortalError:
    """Return the error for a response that is not a success."""
    code, message = _code_and_message(raw)
    detail = f": {message}" if message else ""
    suffix = f" ({code})" if code and f"({code})" not in message else ""
    if 300 <= raw.status < 400:
        return _redirect_error(raw)
    if code in _BY_CODE:
        what, advice = _BY_CODE[code]
        return StatusError(f"{raw.host}: {what}{suffix}", advice=advice, status=raw.status, code=code)
    if raw.status == 404 and raw.content.strip() and looks_like_html(raw):
        return _not_freshdesk_error(raw)
    what, advice = _BY_STATUS.get(raw.status, (f"status {raw.status}", "try again later"))
    return StatusError(f"{raw.request}: {what}{detail}{suffix}", advice=advice, status=raw.status, code=code)


def utc(date: str) -> str:
    """Return the time of a Date header as ISO 8601 in UTC, or the local clock's time where it is not valid."""
    return iso_utc(_parse_date(date) or datetime.now(UTC))


def next_page_url(link: str) -> str:
    """Return the URL of the next page in a Link header; the documented sample has a stray space in it."""
    return found[1] if (found := _NEXT.search(link)) else ""


def retry_after(headers: Mapping[str, str], *, otherwise: float) -> float:
    """Return the seconds in a Retry-After header: a number (documented) or a date (allowed by HTTP)."""
    text = headers.get("retry-after", "").strip()
    try:
        return max(0.0, float(text))
    except ValueError:
        until = _parse_date(text)
    return max(0.0, (until - datetime.now(UTC)).total_seconds()) if until else otherwise


def _parse_date(text: str) -> datetime | None:
    try:
        found = parsedate_to_datetime(text)
        return (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def looks_like_html(raw: RawResponse) -> bool:
    """Return whether a response is a web page instead of JSON."""
    return "html" in raw.headers.get("content-type", "").lower() or raw.text.lstrip()[:1] == "<"


def printable_text(text: str) -> str:
    """Return a text of the portal that is safe to print: one line, no control characters, limited in length."""
    line = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return line if len(line) <= _MAX_QUOTE_LENGTH else line[: _MAX_QUOTE_LENGTH - 1] + "…"


def _code_and_message(raw: RawResponse) -> tuple[str, str]:
    """Return code and message of an error body, which may be JSON in two forms, HTML or empty."""
    if looks_like_html(raw):
        return "", ""
    try:
        data = json.loads(raw.text)
    except (ValueError, RecursionError):
        return "", printable_text(raw.text)
    if not isinstance(data, Mapping):
        return "", ""
    listed = data.get("errors")
    errors = [error for error in listed if isinstance(error, Mapping)] if isinstance(listed, list) else []
    if not errors:
        message = str(data.get("message") or data.get("description") or "")
        return printable_text(str(data.get("code") or "")), printable_text(message)
    lines = "".join(f"\n  {_field_error_line(error)}" for error in errors)
    return printable_text(
        str(errors[0].get("code") or "")
    ), f"{printable_text(str(data.get('description') or ''))}{lines}"


def _field_error_line(error: Mapping[str, Any]) -> str:
    field = f"{error['field']}: " if error.get("field") else ""
    code = f" ({error['code']})" if error.get("code") else ""
    return printable_text(f"{field}{error.get('message') or ''}{code}")


def _not_freshdesk_error(raw: RawResponse) -> PortalError:
    return PortalError(
        f"{raw.host} sent a web page instead of JSON ({raw.request}, status {raw.status})",
        advice="check that `url` is the URL of your Freshdesk account, https://NAME.freshdesk.com",
    )


def _redirect_error(raw: RawResponse) -> PortalError:
    location = raw.headers.get("location", "")
    try:
        host = urlsplit(location).netloc.rpartition("@")[2]
    except ValueError:
        host = ""
    where = f"to another host, {printable_text(host)}" if host and host != raw.host else "to another page"
    return PortalError(
        f"{raw.host} redirects {where} ({raw.request}, status {raw.status}); the key was not sent there",
        advice="set `url` to the URL of your Freshdesk account, https://NAME.freshdesk.com",
    )


_BY_CODE = {
    "account_suspended": ("the account is suspended", "an administrator can renew it in Freshdesk"),
    "ssl_required": ("Freshdesk requires https", "write `url` with https://"),
    "require_feature": (
        "the account's plan does not include this feature",
        "check the plan and the settings of the Freshdesk account",
    ),
    "password_lockout": (
        "the agent is locked out after wrong passwords",
        "unlock the agent in Freshdesk, then try again",
    ),
    "password_expired": ("the agent's password has expired", "the owner of the key must set a new one in Freshdesk"),
}
_CHECK_PROXY_AND_URL = "check any proxy in between, and that `url` is a Freshdesk portal"
_BY_STATUS = {
    400: ("Freshdesk rejected the request", "fix the field named in the message"),
    401: (
        "Freshdesk rejected the API key",
        "copy the key from the agent's profile settings in this Freshdesk account to FRESHDESK_API_KEY",
    ),
    403: (
        "the owner of the API key does not have this permission",
        "give the agent a role that can view and edit solutions, and check that the plan has the feature",
    ),
    404: ("not found", "check `url`; if the item was deleted meanwhile, run the command again"),
    405: ("Freshdesk does not allow this method", _CHECK_PROXY_AND_URL),
    406: ("Freshdesk cannot respond with JSON", _CHECK_PROXY_AND_URL),
    409: (
        "an item with this name already exists",
        "category and folder names are unique in Freshdesk; rename one of the two, or adopt the existing one",
    ),
    413: ("too large for Freshdesk", "make the article smaller, or split it"),
    415: ("Freshdesk does not accept JSON", _CHECK_PROXY_AND_URL),
    429: ("too many API calls", "try again in a few minutes, or lower `share`"),
}


MAX_BYTES = 64 * 2**20
"""The most bytes of a response, unpacked: several times a page of a hundred long articles."""

MAX_SECONDS = 180.0
"""The most seconds from a request to the end of its response, however steadily bytes come."""

ENCODING = "gzip"
"""The only packing that is asked for, and unpacked."""


class ResponseTooLarge(ValueError):
    """A response has more than `MAX_BYTES`."""


class ResponseTooSlow(ValueError):
    """A response took longer than `MAX_SECONDS`."""


def read_body(chunks: Iterable[bytes], encoding: str, *, until: float) -> bytes:
    """Read and unpack a body; `until` is when it must have ended, by the monotonic clock.

    Raises:
        ResponseTooLarge: it is larger than `MAX_BYTES`.
        ResponseTooSlow: it did not end in time.
        ValueError: it is incomplete, or packed in a way that was not asked for.
    """
    if encoding.strip().lower() not in ("", "identity", ENCODING):
        raise ValueError("packed in a way that was not asked for")
    unpacker = zlib.decompressobj(wbits=31) if encoding.strip().lower() == ENCODING else None
    parts, size = [], 0
    for chunk in chunks:
        try:
            part = unpacker.decompress(chunk, MAX_BYTES - size + 1) if unpacker else chunk
        except zlib.error as error:
            raise ValueError("not the gzip that it says") from error
        parts.append(part)
        size += len(part)
        if size > MAX_BYTES:
            raise ResponseTooLarge
        if time.monotonic() > until:
            raise ResponseTooSlow
    if unpacker and parts and not unpacker.eof:
        raise ValueError("the gzip is cut off")
    return b"".join(parts)
