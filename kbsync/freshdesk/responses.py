"""What the portal answers, as values; and what it complains of, as advice.

No call is made here. Nothing that the portal sent is repeated to a user before it is made printable and short.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlsplit

from kbsync.errors import PortalError
from kbsync.model import iso_utc

Json = Mapping[str, Any]

_GONE_CODES = ("", "access_denied")
_LONGEST_QUOTE = 300
_NEXT = re.compile(r"<\s*([^>]*?)\s*>\s*;[^,]*?\brel\s*=\s*\"?next\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiResponse:
    """One answer: its JSON (`None` if empty), the portal's time of it (ISO 8601, UTC), where the next page is."""

    status: int
    data: Any = None
    at: str = ""
    next: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemList:
    """A whole list, all its pages, and the portal's time of the first."""

    items: tuple[Mapping[str, Any], ...]
    at: str


class StatusError(PortalError):
    """The portal understood who we are and said no; `status` and `code` are its own."""

    def __init__(self, what: str, *, advice: str = "", status: int, code: str = "") -> None:
        super().__init__(what, advice=advice)
        self.status = status
        self.code = code

    @property
    def is_gone(self) -> bool:
        """Return whether the item may be deleted: Freshdesk answers that with 403 as well as 404 (seen in production)."""
        return self.status == 404 or (self.status == 403 and self.code in _GONE_CODES)


class ResponseLost(PortalError):
    """A call that creates something was sent, and nobody knows whether it was done: look before asking again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Raw:
    """An answer as it came: what was asked, and status, headers and body of the answer."""

    asked: str
    host: str
    status: int
    headers: Mapping[str, str]
    content: bytes

    @property
    def text(self) -> str:
        """Return the body for quoting, whatever its bytes are."""
        return self.content.decode(errors="replace")


def answer_of(raw: Raw) -> ApiResponse:
    """Read a successful answer; raises ValueError where its JSON is cut off, PortalError where it is no JSON at all."""
    if raw.content.strip() and looks_like_html(raw):
        raise _not_freshdesk(raw)
    try:
        data = json.loads(raw.content) if raw.content.strip() else None
    except RecursionError as error:
        raise ValueError("JSON nested too deeply") from error
    at, link = raw.headers.get("date", ""), raw.headers.get("link", "")
    return ApiResponse(status=raw.status, data=data, at=utc(at), next=next_page(link))


def items_of(answer: ApiResponse, what: str) -> tuple[Mapping[str, Any], ...]:
    """Read a page of a list; raises PortalError where it is none. `what` is for that message."""
    if isinstance(answer.data, list) and all(isinstance(item, Mapping) for item in answer.data):
        return tuple(answer.data)
    raise PortalError(
        f"the portal answered with something else than a list of {what.strip('/')}",
        advice="check that `url` is the address of a Freshdesk account",
    )


def complaint_of(raw: Raw) -> PortalError:
    """Turn any answer but a success into advice."""
    code, message = _said(raw)
    said = f": {message}" if message else ""
    mark = f" ({code})" if code else ""
    if 300 <= raw.status < 400:
        return _redirected(raw)
    if code in _BY_CODE:
        what, advice = _BY_CODE[code]
        return StatusError(f"{raw.host}: {what}{mark}", advice=advice, status=raw.status, code=code)
    if raw.status == 404 and raw.content.strip() and looks_like_html(raw):
        return _not_freshdesk(raw)
    what, advice = _BY_STATUS.get(raw.status, (f"answered {raw.status}", "try again later"))
    return StatusError(f"{raw.asked}: {what}{said}{mark}", advice=advice, status=raw.status, code=code)


def utc(date: str) -> str:
    """Return the time of a Date header as ISO 8601 in UTC; this machine's own time where there is none."""
    try:
        found = parsedate_to_datetime(date)
    except ValueError:
        found = datetime.now(UTC)
    aware = found if found.tzinfo else found.replace(tzinfo=UTC)
    return iso_utc(aware)


def next_page(link: str) -> str:
    """Return the address of the next page from a Link header; Freshdesk's own sample has a stray space in it."""
    found = _NEXT.search(link)
    return found.group(1) if found else ""


def retry_after(headers: Mapping[str, str], *, otherwise: float) -> float:
    """Return the seconds to wait: a number (documented) or a date (what HTTP also allows)."""
    text = headers.get("retry-after", "").strip()
    try:
        return max(0.0, float(text))
    except ValueError:
        pass
    try:
        until = parsedate_to_datetime(text)
    except ValueError:
        return otherwise
    aware = until if until.tzinfo else until.replace(tzinfo=UTC)
    return max(0.0, (aware - datetime.now(UTC)).total_seconds())


def looks_like_html(raw: Raw) -> bool:
    """Return whether a web page came where JSON was asked for."""
    return "html" in raw.headers.get("content-type", "").lower() or raw.text.lstrip()[:1] == "<"


def printable(text: str) -> str:
    """Make what the portal said safe to print: one line, no control characters, not too long."""
    line = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return line if len(line) <= _LONGEST_QUOTE else line[: _LONGEST_QUOTE - 1] + "…"


def _said(raw: Raw) -> tuple[str, str]:
    """Give code and message of an error body, which may be JSON of two shapes, HTML, or empty."""
    if looks_like_html(raw):
        return "", ""
    try:
        data = json.loads(raw.text)
    except (ValueError, RecursionError):
        return "", printable(raw.text)
    if not isinstance(data, Mapping):
        return "", ""
    errors = [error for error in data.get("errors") or () if isinstance(error, Mapping)]
    if not errors:
        return printable(str(data.get("code") or "")), printable(
            str(data.get("message") or data.get("description") or "")
        )
    lines = "".join(f"\n  {_line(error)}" for error in errors)
    return printable(str(errors[0].get("code") or "")), f"{printable(str(data.get('description') or ''))}{lines}"


def _line(error: Mapping[str, Any]) -> str:
    field = f"{error['field']}: " if error.get("field") else ""
    code = f" ({error['code']})" if error.get("code") else ""
    return printable(f"{field}{error.get('message') or ''}{code}")


def _not_freshdesk(raw: Raw) -> PortalError:
    return PortalError(
        f"{raw.host} answered with a web page where Freshdesk answers with JSON ({raw.asked}, status {raw.status})",
        advice="is this a Freshdesk portal? `url` is the account's own address, https://NAME.freshdesk.com",
    )


def _redirected(raw: Raw) -> PortalError:
    location = raw.headers.get("location", "")
    try:
        host = urlsplit(location).netloc.rpartition("@")[2]
    except ValueError:
        host = ""
    where = f"to another host, {printable(host)}" if host and host != raw.host else "to another page"
    return PortalError(
        f"{raw.host} redirects {where} ({raw.asked}, status {raw.status}); the key was not sent there",
        advice="set `url` to the address of the Freshdesk account itself, https://NAME.freshdesk.com",
    )


_BY_CODE = {
    "account_suspended": ("the account is suspended", "an administrator can renew it in Freshdesk"),
    "ssl_required": ("Freshdesk wants https", "write `url` with https://"),
    "require_feature": (
        "the account's plan does not have what was asked for",
        "the feature belongs to another plan or is switched off in Freshdesk's settings",
    ),
    "password_lockout": (
        "the agent is locked out after wrong passwords",
        "unlock the agent in Freshdesk, then try again",
    ),
    "password_expired": ("the agent's password has expired", "the owner of the key sets a new one in Freshdesk"),
}
_NO_FRESHDESK = (
    "something between here and Freshdesk may change what is sent (a proxy?), or `url` names another service"
)
_BY_STATUS = {
    400: ("Freshdesk does not accept what was sent", "mend the field that is named"),
    401: (
        "Freshdesk does not know this API key",
        "copy the key from the agent's profile settings in Freshdesk, of this very account, into FRESHDESK_API_KEY",
    ),
    403: (
        "the key's owner may not do this",
        "give the agent a role that may view and edit solutions, or ask whether the plan has the feature",
    ),
    404: ("nothing is there", "check `url`; or it was deleted meanwhile, and another run sees the portal afresh"),
    405: ("Freshdesk refuses this kind of call there", _NO_FRESHDESK),
    406: ("Freshdesk refuses to answer in JSON", _NO_FRESHDESK),
    409: (
        "it is in the way of something that exists",
        "names of categories and folders are unique in Freshdesk: rename one of the two, or adopt what is there",
    ),
    413: ("it is too large for Freshdesk", "make the article smaller, or split it"),
    415: ("Freshdesk refuses JSON there", _NO_FRESHDESK),
    429: ("Freshdesk wants fewer calls", "try again in some minutes, or lower `share`"),
}
