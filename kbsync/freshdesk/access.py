"""Where the portal is and who asks: address and key checked before any call, and advice for when nobody answers.

The key is never part of what is said here.
"""

import base64
import socket
import ssl
from collections.abc import Iterator
from urllib.parse import urlsplit

from kbsync.credentials import is_loopback
from kbsync.errors import UsageError

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
    """Give every form in which the key could be quoted; raises UsageError, never showing it, where it can be no key."""
    wrong = _wrong_with(key)
    if wrong:
        raise UsageError(
            f"the API key {wrong}", advice="copy it anew from the agent's profile settings into FRESHDESK_API_KEY"
        )
    sent = base64.b64encode(f"{key}:X".encode()).decode()
    return (sent, base64.b64encode(key.encode()).decode().rstrip("="), key)


def unreachable(error: BaseException) -> tuple[str, str]:
    """Say why no answer came, and what to do."""
    causes = tuple(_causes(error))
    for kind, what, advice in _REASONS:
        if any(isinstance(cause, kind) for cause in causes):
            return what, advice
    return "broke off in the middle of an answer", "try again; a proxy or a firewall may be in between"


def is_distrusted(error: BaseException) -> bool:
    """Tell whether the portal's certificate was not believed, which another attempt does not change."""
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
