"""The one room that decides which HTML may be shown, and what a strict portal would keep of a body."""

from urllib.parse import urlsplit

import nh3


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
STYLES = _words(
    "background background-color border border-bottom border-collapse border-color border-left border-radius"
    " border-right border-spacing border-style border-top border-width clear color display float font-style"
    " font-weight height list-style list-style-type margin margin-bottom margin-left margin-right margin-top"
    " max-height max-width min-height min-width padding padding-bottom padding-inline-start padding-left"
    " padding-right padding-top text-align text-decoration text-indent text-transform vertical-align white-space"
    " width"
)
IDS = "article-"
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

    Every id is prefixed (and the links to it), so that an article cannot pose as a part of the page around it.
    """
    return _READERS.clean(body)


def strict(body: str) -> str:
    """Give what a strict portal keeps of a body: no scripts, frames, ids, styles or unknown tags."""
    return _STRICT.clean(body)


def _keep_for_readers(tag: str, name: str, value: str) -> str | None:
    if tag == "iframe" and name == "src":
        return value if _is_video(value) else None
    if tag == "img" and name == "src" and value.startswith("data:"):
        return (
            value
            if value.startswith(("data:image/png", "data:image/jpeg", "data:image/gif", "data:image/webp"))
            else None
        )
    if tag == "a" and name == "href" and value.startswith("data:"):
        return None
    if tag == "a" and name == "href" and value.startswith("#") and len(value) > 1:
        return f"#{IDS}{value[1:]}"
    if name in ("id", "name"):
        return f"{IDS}{value}"
    return value


def _is_video(address: str) -> bool:
    parts = urlsplit(address if "//" not in address[:2] else f"https:{address}")
    return parts.scheme == "https" and parts.hostname in VIDEO_HOSTS


_READERS = nh3.Cleaner(
    tags=set(TAGS),
    attributes=ATTRIBUTES,
    attribute_filter=_keep_for_readers,
    url_schemes={"http", "https", "mailto", "tel", "data"},
    filter_style_properties=set(STYLES),
    link_rel="noopener noreferrer",
    set_tag_attribute_values={"img": {"loading": "lazy"}},
)
_STRICT = nh3.Cleaner(
    tags=set(_STRICT_TAGS), attributes=_STRICT_ATTRIBUTES, url_schemes={"http", "https", "mailto", "tel"}
)
