"""Forms from a browser: their fields, and the proof that they come from our own page."""

import hashlib
import hmac
import secrets
from urllib.parse import parse_qs, urlsplit

from starlette.requests import Request

_SECRET = secrets.token_bytes(32)


async def fields_of(request: Request) -> dict[str, str]:
    """Read the fields of a form."""
    text = (await request.body()).decode("utf-8", "replace")
    return {name: values[-1] for name, values in parse_qs(text, keep_blank_values=True).items()}


def token_for(purpose: str) -> str:
    """Make the token that a form carries; a foreign page cannot read it, so it cannot send it."""
    return hmac.new(_SECRET, purpose.encode(), hashlib.sha256).hexdigest()


def is_ours(request: Request, token: str, purpose: str) -> bool:
    """Tell whether a form was sent from a page of this server."""
    return is_same_site(request) and hmac.compare_digest(token.encode(), token_for(purpose).encode())


def is_same_site(request: Request) -> bool:
    """Tell whether the browser says that a request comes from a page of this server, or says nothing."""
    if request.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
        return False
    origin = request.headers.get("origin")
    return origin is None or urlsplit(origin).netloc == request.headers.get("host")
