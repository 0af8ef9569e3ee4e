"""The API key: where it comes from, and which hosts may be given it.

It comes from the environment and from nowhere else, and goes to no host that a file or a flag alone has named.
"""

import ipaddress
import re
from collections.abc import Mapping
from urllib.parse import urlsplit

from kbsync.config import FILE, Config
from kbsync.errors import UsageError

# What else programs disagree on: some read the host of https://evil.example\.freshdesk.com up to the backslash.
_HOST = re.compile(r"[a-z0-9._-]+|[0-9a-f:.]+")


class Secret:
    """An API key that shows itself to nobody who does not ask: not in a repr, a message or a log."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """Give the key itself, for the one room that sends it."""
        return self._value

    def __repr__(self) -> str:
        return "Secret(…)"


def key_for(config: Config, environ: Mapping[str, str]) -> Secret:
    """Give the API key, if this target's host may have it.

    Raises:
        UsageError: there is no key, no address, or a host that the environment does not allow.
    """
    if not config.url:
        advice = f"set `url` under [targets.{config.target}] in {FILE}, or give --url"
        raise UsageError(f"the target {config.target} has no address", advice=advice)
    _check_host(config.url, environ.get("KBSYNC_ALLOW_HOST", ""))
    own = f"FRESHDESK_API_KEY_{config.target.upper().replace('-', '_')}"
    value = environ.get(own) or environ.get("FRESHDESK_API_KEY") or ""
    if not value.strip():
        raise UsageError("no API key", advice=f"set FRESHDESK_API_KEY (or {own}) in the environment")
    return Secret(value)


def _check_host(url: str, allowed: str) -> None:
    """Refuse an address that a pull request could have pointed at somebody else."""
    try:
        parts = urlsplit(url)
    except ValueError:
        parts = urlsplit("")
    if "@" in parts.netloc:
        raise UsageError("the address holds a user name or a password", advice="the key comes from the environment")
    host = (parts.hostname or "").lower()
    if parts.scheme not in {"http", "https"} or not _HOST.fullmatch(host):
        raise UsageError(f"{url!r} is no web address", advice="it looks like https://acme.freshdesk.com")
    if is_loopback(host):
        return
    if parts.scheme == "http":
        raise UsageError(f"{url} is not https", advice="the key is sent in clear only to this machine itself")
    if host.endswith(".freshdesk.com") or host in {name.strip().lower() for name in allowed.split(",")}:
        return
    advice = f"if it is meant, set KBSYNC_ALLOW_HOST={host} in the environment (a file or a flag cannot)"
    raise UsageError(f"the key is not sent to {host}, which is no freshdesk.com host", advice=advice)


def is_loopback(host: str) -> bool:
    """Tell whether a host name is this very machine."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"
