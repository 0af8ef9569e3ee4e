"""The HTML of bodies: what is safe to show to readers, how a portal rewrites it, and its plain text."""

import html
import re
from html.parser import HTMLParser
from typing import assert_never
from urllib.parse import urlsplit

import nh3

from kbsync.sandbox.settings import Rewriting

STYLE_PROPERTIES = frozenset(
    (
        "background background-color border border-bottom border-collapse border-color border-left border-radius"
        " border-right border-spacing border-style border-top border-width clear color display float font-style"
        " font-weight height list-style list-style-type margin margin-bottom margin-left margin-right margin-top"
        " max-height max-width min-height min-width padding padding-bottom padding-inline-start padding-left"
        " padding-right padding-top text-align text-decoration text-indent text-transform vertical-align white-space"
        " width"
    ).split()
)
SAFE_VALUE = re.compile(
    r"[\w\s#%.,+\-/!'\"]*(?:\b(?:rgba?|hsla?|calc)\([\w\s%.,+\-/*]*\)[\w\s#%.,+\-/!'\"]*)*", re.IGNORECASE
)
MAX_STYLE_LENGTH = 4000
RGB = re.compile(r"rgba?\(\s*(\d{1,3})[\s,]+(\d{1,3})[\s,]+(\d{1,3})", re.IGNORECASE)
HEX = re.compile(r"#([0-9a-f]{6}|[0-9a-f]{3})\b", re.IGNORECASE)
COLOUR_NAMES = dict(
    one.split("=")
    for one in (
        "black=#000000 white=#ffffff red=#ff0000 green=#008000 blue=#0000ff navy=#000080 purple=#800080 maroon=#800000"
        " gray=#808080 grey=#808080 orange=#ffa500 yellow=#ffff00"
    ).split()
)
GREY_SPREAD = 26
NEARLY_BLACK = 0x70
NEARLY_WHITE = 0xF0
BRIGHT = 150
LIGHTEN = 0.6


def sanitize_style(style: str) -> str:
    """Return a style with only the layout properties whose values are harmless.

    Near-black text and near-white backgrounds are removed: the editor writes them into every paragraph, and on a dark
    page they make the text unreadable. Other dark text gets a lighter variant for dark pages.
    """
    declarations = (one.partition(":") for one in style[:MAX_STYLE_LENGTH].split(";"))
    kept = (_declaration(name.strip().lower(), value.strip()) for name, _, value in declarations)
    return ";".join(one for one in kept if one)


def is_near_black(colour: str) -> bool:
    """Return whether a colour is black or a dark grey."""
    parts = _rgb(colour)
    return parts is not None and max(parts) <= NEARLY_BLACK and max(parts) - min(parts) <= GREY_SPREAD


def _declaration(name: str, value: str) -> str:
    if name not in STYLE_PROPERTIES or not SAFE_VALUE.fullmatch(value):
        return ""
    parts = _rgb(value)
    if parts is None:
        return f"{name}:{value}"
    if name == "color":
        return "" if is_near_black(value) else _with_dark_variant(parts)
    if name in ("background", "background-color") and min(parts) >= NEARLY_WHITE:
        return ""
    return f"{name}:{value}"


def _with_dark_variant(parts: tuple[int, ...]) -> str:
    original = f"rgb({', '.join(map(str, parts))})"
    red, green, blue = parts
    if 0.299 * red + 0.587 * green + 0.114 * blue > BRIGHT:
        return f"color:{original}"
    lighter = ", ".join(str(round(part + (255 - part) * LIGHTEN)) for part in parts)
    return f"color:light-dark({original}, rgb({lighter}))"


def _rgb(colour: str) -> tuple[int, ...] | None:
    if found := RGB.search(colour):
        return tuple(min(int(part), 255) for part in found.groups())
    if found := HEX.search(COLOUR_NAMES.get(colour.strip().lower(), colour)):
        digits = found[1] if len(found[1]) == 6 else "".join(digit * 2 for digit in found[1])
        return tuple(int(digits[at : at + 2], 16) for at in (0, 2, 4))
    return None


VIDEO_HOSTS = (
    "www.youtube.com www.youtube-nocookie.com player.vimeo.com fast.wistia.net fast.wistia.com www.loom.com".split()
)
READER_TAGS = frozenset(
    (
        "a abbr address b bdi bdo blockquote br caption center cite code col colgroup dd del details dfn div dl dt em"
        " figcaption figure font h1 h2 h3 h4 h5 h6 hr i iframe img ins kbd li mark ol p pre q s samp section small span"
        " strike strong sub summary sup table tbody td tfoot th thead time tr tt u ul var wbr"
    ).split()
)
READER_ATTRIBUTES = {
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
IMAGE_DATA_URLS = tuple(f"data:image/{kind};" for kind in ("png", "jpeg", "gif", "webp"))
_STRICT_TAGS = READER_TAGS - {"iframe", "section", "details", "summary", "figure", "figcaption", "font", "center"}
_STRICT_ATTRIBUTES = {
    "*": {"class", "dir", "title"},
    "a": {"href"},
    "img": {"src", "alt", "width", "height"},
    "ol": {"start"},
    "td": {"colspan", "rowspan"},
    "th": {"colspan", "rowspan"},
}


def sanitize_for_readers(body: str) -> str:
    """Return the HTML of an article that is safe to show: no scripts, no event attributes, frames of video hosts only.

    Ids stay, because other articles link to them; no script of the portal uses an id on a reader's page.
    """
    return _READERS.clean(body)


def _safe_attribute(tag: str, name: str, value: str) -> str | None:
    match tag, name:
        case _, "style":
            return sanitize_style(value) or None
        case "font", "color":
            return None if is_near_black(value) else value
        case "iframe", "src":
            return value if _is_video(value) else None
        case "img", "src":
            return value if not _is_data(value) or value.lower().startswith(IMAGE_DATA_URLS) else None
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
    tags=set(READER_TAGS),
    attributes=READER_ATTRIBUTES,
    attribute_filter=_safe_attribute,
    url_schemes={"http", "https", "mailto", "tel", "data"},
    link_rel="noopener noreferrer",
    set_tag_attribute_values={"img": {"loading": "lazy"}},
)
# A strict portal stores no scripts, frames, ids, styles and unknown tags.
_STRICT = nh3.Cleaner(
    tags=set(_STRICT_TAGS), attributes=_STRICT_ATTRIBUTES, url_schemes={"http", "https", "mailto", "tel"}
)


BLOCK_TAGS = frozenset(
    (
        "address article aside blockquote caption center dd details dialog div dl dt fieldset figcaption figure footer"
        " form h1 h2 h3 h4 h5 h6 header hr iframe li main nav ol option p pre section summary table tbody td tfoot th"
        " thead tr ul"
    ).split()
)
VOID_TAGS = frozenset("area base br col embed hr img input link meta source track wbr".split())
MARKED_TAGS = frozenset("p div ul ol li h1 h2 h3 h4 h5 h6 pre blockquote table".split())
FIRST_MARK = 441
# A quote opens an attribute's value only after "="; elsewhere browsers read it as part of a name, and real articles
# are full of such broken attributes.
TAG = re.compile(
    r"<!--.*?-->|<(script|style)\b.*?</\1\s*>|</?([a-z][^\s/>]*)(?:=\s*\"[^\"]*\"|=\s*'[^']*'|[^>=]++|=)*+>|<[!?][^>]*>",
    re.IGNORECASE | re.DOTALL,
)


def rewrite(body: str, mode: Rewriting) -> str:
    """Return a body as the portal stores it."""
    match mode:
        case "off":
            return body
        case "editor":
            editor = _WebEditorSerializer()
            editor.feed(body)
            editor.close()
            return "".join(editor.written)
        case "strict":
            return _STRICT.clean(body)
        case _:
            assert_never(mode)


def plain_text(body: str) -> str:
    """Return the plain text of a body as recorded responses have it.

    Every block tag, opening or closing, and every `br` becomes a space, other tags are removed, entities are decoded,
    and nothing is trimmed. (Recorded for short bodies; inferred for tables, lists and code.)
    """
    return html.unescape(TAG.sub(_tag_text, body))


def _tag_text(tag: re.Match[str]) -> str:
    name = (tag[2] or "").lower()
    return " " if name in BLOCK_TAGS or name == "br" else ""


class _WebEditorSerializer(HTMLParser):
    """Serialises HTML as the web editor does: marks on paragraphs, quotes and entities."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.written: list[str] = []
        self.mark = FIRST_MARK

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag in MARKED_TAGS:
            given = {"data-identifyelement": str(self.mark), "dir": "ltr", **given}
            self.mark += 1
        kept = "".join(f' {name}="{html.escape(value or "")}"' for name, value in sorted(given.items()))
        self.written.append(f"<{tag}{kept}>")

    handle_startendtag = handle_starttag

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID_TAGS:
            self.written.append(f"</{tag}>")

    def handle_data(self, data: str) -> None:
        escaped = data if self.cdata_elem else html.escape(data, quote=False)
        self.written.append(escaped.replace("\u00a0", "&nbsp;"))


def path_of(id_: int, title: str) -> str:
    """Return `<id>-<slug>`: the title in lower case, a hyphen for all but letters and digits (recorded)."""
    slug = re.sub(r"[^\w]+", "-", title.lower())
    return f"{id_}-{slug}"
