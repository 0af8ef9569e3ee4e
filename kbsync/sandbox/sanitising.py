"""The one room that decides which HTML may be shown, and what a strict portal would keep of a body."""

from urllib.parse import urlsplit

import nh3

from kbsync.sandbox.styles import is_near_black, style_to_show


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


VIDEO_HOSTS = (
    "www.youtube.com",
    "www.youtube-nocookie.com",
    "player.vimeo.com",
    "fast.wistia.net",
    "fast.wistia.com",
    "www.loom.com",
)
TAGS = _words(
    "a abbr address b bdi bdo blockquote br caption center cite code col colgroup dd del details dfn div dl dt em"
    " figcaption figure font h1 h2 h3 h4 h5 h6 hr i iframe img ins kbd li mark ol p pre q s samp section small span"
    " strike strong sub summary sup table tbody td tfoot th thead time tr tt u ul var wbr"
)
ATTRIBUTES = {
    "*": {"id", "class", "dir", "lang", "title", "style", "align"},
    "a": {"href", "name", "target"},
    "img": {"src", "alt", "width", "height", "loading"},
    "iframe": {"src", "width", "height", "allowfullscreen", "frameborder"},
    "ol": {"start", "type", "reversed"},
    "ul": {"type"},
    "li": {"value"},
    "table": {"border", "cellpadding", "cellspacing", "width", "summary"},
    "td": {"colspan", "rowspan", "width", "height", "valign", "headers"},
    "th": {"colspan", "rowspan", "width", "height", "valign", "scope", "headers"},
    "col": {"span", "width"},
    "colgroup": {"span", "width"},
    "font": {"color", "face", "size"},
    "blockquote": {"cite"},
    "details": {"open"},
    "time": {"datetime"},
}
PICTURES = tuple(f"data:image/{kind};" for kind in ("png", "jpeg", "gif", "webp"))
_STRICT_TAGS = TAGS - {"iframe", "section", "details", "summary", "figure", "figcaption", "font", "center"}
_STRICT_ATTRIBUTES = {
    "*": {"class", "dir", "title"},
    "a": {"href"},
    "img": {"src", "alt", "width", "height"},
    "ol": {"start"},
    "td": {"colspan", "rowspan"},
    "th": {"colspan", "rowspan"},
}


def for_readers(body: str) -> str:
    """Give the HTML of an article as it may be shown: no scripts, no event attributes, frames of video hosts only.

    Ids stay, because links from other articles go to them; no script of ours looks for an id on a reader's page.
    """
    return _READERS.clean(body)


def strict(body: str) -> str:
    """Give what a strict portal keeps of a body: no scripts, frames, ids, styles or unknown tags."""
    return _STRICT.clean(body)


def _keep_for_readers(tag: str, name: str, value: str) -> str | None:
    match tag, name:
        case _, "style":
            return style_to_show(value) or None
        case "font", "color":
            return None if is_near_black(value) else value
        case "iframe", "src":
            return value if _is_video(value) else None
        case "img", "src":
            return value if not _is_data(value) or value.lower().startswith(PICTURES) else None
        case _, "href" | "cite":
            return None if _is_data(value) else value
        case _:
            return value


def _is_data(address: str) -> bool:
    return address.strip().lower().startswith("data:")


def _is_video(address: str) -> bool:
    parts = urlsplit(address if "//" not in address[:2] else f"https:{address}")
    return parts.scheme == "https" and parts.hostname in VIDEO_HOSTS


_READERS = nh3.Cleaner(
    tags=set(TAGS),
    attributes=ATTRIBUTES,
    attribute_filter=_keep_for_readers,
    url_schemes={"http", "https", "mailto", "tel", "data"},
    link_rel="noopener noreferrer",
    set_tag_attribute_values={"img": {"loading": "lazy"}},
)
_STRICT = nh3.Cleaner(
    tags=set(_STRICT_TAGS), attributes=_STRICT_ATTRIBUTES, url_schemes={"http", "https", "mailto", "tel"}
)
