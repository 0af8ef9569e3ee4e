"""Templates to pages, each with the headers that keep what articles bring along from doing harm."""

import hashlib
import hmac
import secrets
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from kbsync.sandbox.account import account_of
from kbsync.sandbox.sanitize import VIDEO_HOSTS, for_readers, path_of

_SECRET = secrets.token_bytes(32)


async def fields_of(request: Request) -> dict[str, str]:
    """Read the fields of a form."""
    text = (await request.body()).decode("utf-8", "replace")
    return {name: values[-1] for name, values in parse_qs(text, keep_blank_values=True).items()}


def token_for(purpose: str) -> str:
    """Make the token that a form carries; a foreign page cannot read it, so it cannot send it."""
    return hmac.new(_SECRET, purpose.encode(), hashlib.sha256).hexdigest()


def is_ours(request: Request, token: str, purpose: str) -> bool:
    """Return whether a form was sent from a page of this server."""
    return is_same_site(request) and hmac.compare_digest(token.encode(), token_for(purpose).encode())


def is_same_site(request: Request) -> bool:
    """Return whether the browser says that a request comes from a page of this server, or says nothing."""
    if request.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
        return False
    origin = request.headers.get("origin")
    return origin is None or urlsplit(origin).netloc == request.headers.get("host")


HERE = Path(__file__).parent.parent
STATIC = HERE / "static"
POLICY = (
    "default-src 'none'; style-src 'self'; style-src-attr 'unsafe-inline'; img-src 'self' https: http: data:;"
    f" frame-src {' '.join(f'https://{host}' for host in VIDEO_HOSTS)}; form-action 'self'; base-uri 'none';"
    " frame-ancestors 'none'"
)
WITH_OUR_SCRIPT = f"{POLICY}; script-src 'self'; connect-src 'self'"
HEADERS = {
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "strict-origin-when-cross-origin",
    "cross-origin-opener-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=(), payment=()",
    "cache-control": "no-store",
    "x-robots-tag": "noindex",
}
MINUTES_PER_CHARACTER = 1 / 1200


def page(request: Request, template: str, *, status: int = 200, script: bool = False, **values: Any) -> Response:
    """Render a page; `script` allows our own script on it, never one that an article brings."""
    settings = account_of(request).settings
    text = _TEMPLATES.get_template(template).render(portal=settings.name, **values)
    return HTMLResponse(
        text,
        status_code=status,
        headers={**HEADERS, "content-security-policy": WITH_OUR_SCRIPT if script else POLICY},
    )


def body_to_show(body: str) -> Markup:
    """Return an article's HTML, sanitised, as text that templates do not escape."""
    return Markup(for_readers(body))  # noqa: S704 - the sanitiser made it safe


def day(stamp: str) -> str:
    """Write a time as people write a day."""
    moment = datetime.fromisoformat(stamp)
    return f"{moment.day} {moment:%B %Y}"


def minutes(text: str) -> int:
    """Estimate how long a text takes to read."""
    return max(1, round(len(text) * MINUTES_PER_CHARACTER))


def number(count: int, one: str, many: str) -> str:
    """Write a count with its noun."""
    return f"{count:,} {one if count == 1 else many}"


_TEMPLATES = Environment(
    loader=FileSystemLoader(HERE / "templates"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_TEMPLATES.filters.update(day=day, minutes=minutes)
_TEMPLATES.globals.update(path_of=path_of, number=number)
