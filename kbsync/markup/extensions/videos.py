"""Videos: the link that stands for one in Markdown, and Freshdesk's own HTML for its player, each from the other.

A player is written as Freshdesk's editor writes it (recorded: the span, the sandbox, the wrappers around Wistia's), and
fits narrow screens by its own style, which a portal may drop. Pure text: never parses and never fetches.
"""

import re
from dataclasses import dataclass
from html import escape

_SANDBOX = "allow-scripts allow-forms allow-same-origin allow-presentation"
_ID = r"[\w-]+"
_QUERY = r"(?P<query>\?[^\s<>#\"]*)?"
_TIME = re.compile(r"(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s?)?")


@dataclass(frozen=True, slots=True, kw_only=True)
class _VideoHost:
    """One video host: the pattern of its links, and the addresses of player and link; `{}` is the video's id.

    `usual` is the query of a player whose link has none (recorded).
    """

    links: re.Pattern[str]
    embed: str
    link: str
    usual: str = ""


def _host(links: str, embed: str, link: str, usual: str = "") -> _VideoHost:
    return _VideoHost(links=re.compile(rf"https?://(?:{links}){_QUERY}"), embed=embed, link=link, usual=usual)


_YOUTUBE = _host(
    rf"(?:www\.|m\.)?youtube\.com/(?:watch(?=\?)|(?:embed|shorts|live)/(?P<a>{_ID}))|youtu\.be/(?P<b>{_ID})",
    "https://www.youtube.com/embed/{}",
    "https://www.youtube.com/watch?v={}",
    "?&wmode=opaque",
)
_HOSTS = (
    _YOUTUBE,
    _host(
        rf"www\.youtube-nocookie\.com/embed/(?P<a>{_ID})",
        "https://www.youtube-nocookie.com/embed/{}",
        "https://www.youtube-nocookie.com/embed/{}",
    ),
    _host(
        r"(?:www\.)?vimeo\.com/(?P<a>\d+(?:/\w+)?)|player\.vimeo\.com/video/(?P<b>\d+)",
        "https://player.vimeo.com/video/{}",
        "https://vimeo.com/{}",
    ),
    _host(
        rf"(?:{_ID}\.)?wistia\.(?:com|net)/medias/(?P<a>\w+)|fast\.wistia\.(?:net|com)/embed/iframe/(?P<b>\w+)",
        "https://fast.wistia.net/embed/iframe/{}",
        "https://fast.wistia.net/embed/iframe/{}",
        "?videoFoam=true",
    ),
    _host(
        r"(?:www\.)?loom\.com/(?:share|embed)/(?P<a>\w+)",
        "https://www.loom.com/embed/{}",
        "https://www.loom.com/share/{}",
    ),
)
_WISTIA = (
    '<div class="wistia_responsive_padding" style="padding: 56.25% 0 0 0; position: relative;">'
    '<div class="wistia_responsive_wrapper" style="height: 100%; left: 0; position: absolute; top: 0; width: 100%;">'
    '<iframe src="{}" class="wistia_embed" name="wistia_embed" allowfullscreen="" frameborder="0" width="100%" '
    f'height="100%" sandbox="{_SANDBOX}"></iframe></div></div>'
)
_SPAN = (
    '<span class="fr-video fr-fvc fr-dvb fr-draggable" contenteditable="false">'
    '<iframe width="640" height="360" src="{}" frameborder="0" allowfullscreen="" '
    'style="aspect-ratio: 16 / 9; height: auto; max-width: 100%;" class="fr-draggable" '
    f'sandbox="{_SANDBOX}"></iframe></span>'
)


@dataclass(frozen=True, slots=True, kw_only=True)
class VideoPlayer:
    """A player's HTML; `boxed` when it is a block, which no paragraph can hold."""

    html: str
    boxed: bool


def player_for(link: str) -> VideoPlayer | None:
    """Return the player for a link to a video; None for any other link."""
    address = _player_address(link)
    if address is None:
        return None
    boxed = "wistia" in address
    return VideoPlayer(html=(_WISTIA if boxed else _SPAN).format(escape(address)), boxed=boxed)


def link_for(address: str) -> str | None:
    """Return the link to write for the address of a player's frame; None when no link makes exactly that player."""
    address = "https:" + address if address.startswith("//") else address
    found = _match_host(address)
    if found is None:
        return None
    host, name, query = found
    query = "" if query == host.usual else query
    if host is _YOUTUBE:
        query = re.sub(r"([?&])start=(\d+)(?=&|$)", r"\1t=\2", query)
        query = "&" + query[1:] if query else ""
    link = host.link.format(name) + query
    return link if _player_address(link) == address else None


def _player_address(link: str) -> str | None:
    found = _match_host(link)
    if found is None:
        return None
    host, name, query = found
    if host is _YOUTUBE:
        query = _start_query(query)
    elif "vimeo" in host.embed and "/" in name:
        name, _, secret = name.partition("/")
        query = f"?h={secret}" + (f"&{query[1:]}" if query else "")
    return host.embed.format(name) + (query or host.usual)


def _match_host(link: str) -> tuple[_VideoHost, str, str] | None:
    for host in _HOSTS:
        found = host.links.fullmatch(link)
        if found is None:
            continue
        groups = found.groupdict()
        name, query = groups.get("a") or groups.get("b") or "", groups["query"] or ""
        if not name:
            watched = re.search(rf"[?&]v=({_ID})(?=&|$)", query)
            if watched is None:
                return None
            name, query = watched[1], (query[: watched.start() + 1] + query[watched.end() + 1 :]).rstrip("?&")
        return host, name, query
    return None


def _start_query(query: str) -> str:
    """Replace YouTube's `t=1m30s` by the `start` of its player."""
    parts: list[str] = []
    for part in query[1:].split("&") if query else []:
        key, _, value = part.partition("=")
        time = _TIME.fullmatch(value) if key == "t" and value else None
        if time is None:
            parts.append(part)
            continue
        hours, minutes, seconds = (int(number or 0) for number in time.groups())
        parts.append(f"start={hours * 3600 + minutes * 60 + seconds}")
    return "?" + "&".join(parts) if parts else ""
