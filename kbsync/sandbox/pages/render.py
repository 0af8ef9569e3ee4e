"""Pages from templates, with the security headers that every page needs, and the forms on them."""

import hashlib
import hmac
import re
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
from kbsync.sandbox.sanitize import TAG, VIDEO_HOSTS, path_of, sanitize_for_readers

ROOT = Path(__file__).parent.parent
STATIC = ROOT / "static"
POLICY = (
    "default-src 'none'; style-src 'self'; style-src-attr 'unsafe-inline'; img-src 'self' https: http: data:;"
    f" frame-src {' '.join(f'https://{host}' for host in VIDEO_HOSTS)}; form-action 'self'; base-uri 'none';"
    " frame-ancestors 'none'"
)
POLICY_WITH_SCRIPT = f"{POLICY}; script-src 'self'; connect-src 'self'"
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
_SECRET = secrets.token_bytes(32)


def page(request: Request, template: str, *, status: int = 200, script: bool = False, **values: Any) -> Response:
    """Render a page; `script` allows the scripts of the portal, but none of an article."""
    settings = account_of(request).settings
    text = _TEMPLATES.get_template(template).render(portal=settings.name, **values)
    return HTMLResponse(
        text,
        status_code=status,
        headers={**HEADERS, "content-security-policy": POLICY_WITH_SCRIPT if script else POLICY},
    )


def body_to_show(body: str) -> Markup:
    """Return the sanitised HTML of an article as markup that templates do not escape; code and tables take the focus.

    Both scroll sideways where they are wide, and without the focus no key scrolls them.
    """
    return Markup(TAG.sub(_focusable, sanitize_for_readers(body)))  # noqa: S704 - the sanitiser made it safe


def _focusable(tag: re.Match[str]) -> str:
    # In sanitised HTML, `TAG` finds whole tags: every other "<" is escaped, or within quotes in a tag.
    if tag[0].startswith("<table"):
        return f'<table tabindex="0"{tag[0].removeprefix("<table")}'
    if tag[0].startswith("<pre") and "fd-callout" not in tag[0]:
        return f'<pre tabindex="0" role="region" aria-label="Code"{tag[0].removeprefix("<pre")}'
    return tag[0]


def day(stamp: str) -> str:
    """Return the day of a timestamp, as in 5 March 2026."""
    moment = datetime.fromisoformat(stamp)
    return f"{moment.day} {moment:%B %Y}"


def minutes(text: str) -> int:
    """Return the estimated minutes to read a text."""
    return max(1, round(len(text) * MINUTES_PER_CHARACTER))


def number(count: int, one: str, many: str) -> str:
    """Return a count with its noun."""
    return f"{count:,} {one if count == 1 else many}"


def id_in_path(request: Request) -> int:
    """Return the id in a path such as `/articles/12-reset`, or 0, which no item has."""
    given = str(request.path_params["id"]).partition("-")[0]
    return int(given) if given.isascii() and given.isdigit() and len(given) < 19 else 0


async def form_fields(request: Request) -> dict[str, str]:
    """Read the fields of a form."""
    text = (await request.body()).decode("utf-8", "replace")
    return {name: values[-1] for name, values in parse_qs(text, keep_blank_values=True).items()}


def token_for(purpose: str) -> str:
    """Return the token of a form; a page of another site cannot read it and so cannot send it."""
    return hmac.new(_SECRET, purpose.encode(), hashlib.sha256).hexdigest()


def is_valid_form(request: Request, token: str, purpose: str) -> bool:
    """Return whether a form was sent from a page of this server."""
    return is_same_site(request) and hmac.compare_digest(token.encode(), token_for(purpose).encode())


def is_same_site(request: Request) -> bool:
    """Return whether a request comes from a page of this server, or the browser does not tell."""
    if request.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
        return False
    origin = request.headers.get("origin")
    return origin is None or urlsplit(origin).netloc == request.headers.get("host")


_TEMPLATES = Environment(
    loader=FileSystemLoader(ROOT / "templates"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_TEMPLATES.filters.update(day=day, minutes=minutes)
_TEMPLATES.globals.update(path_of=path_of, number=number)
