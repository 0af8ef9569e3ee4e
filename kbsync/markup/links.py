"""Links of a Markdown text: relative addresses resolved, references and anchors found, addresses rewritten.

Finds hazards (scripts) and the ranges of code too. Knows no files: whether a target exists is checked elsewhere. The
last surveys are cached, since a plan asks for the references and the anchors of the same text.
"""

import json
import re
import unicodedata
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache
from itertools import pairwise, takewhile
from operator import eq
from urllib.parse import quote, unquote

from markdown_it.common.utils import unescapeAll

from kbsync.markup.compare import canonical
from kbsync.markup.dialect import inline_tokens, parser, plain_text, raw_html_of
from kbsync.markup.extensions.toc import other_slugs
from kbsync.markup.options import PLAIN
from kbsync.markup.raw_html import find_attributes, find_scripts, hazard_of, replace_addresses, replace_ranges
from kbsync.markup.to_html import name_headings, to_html
from kbsync.markup.unparsed import Unparsed, find_unparsed
from kbsync.markup.writer.inlines import destination
from kbsync.memo import memoized

_PARSER = parser(PLAIN, join_escaped=False)
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")
ARTICLE_NUMBER = re.compile(r"(?P<id>[0-9]{5,19})(?:-[^/?#.]*)?(?P<anchor>#.*)?")
"""The address of an article of the portal by its number alone, as the portal's own editor and its exports write it."""
PORTAL_PAGE = re.compile(
    r"/(?:[a-z]{2}(?:-[A-Za-z]{2,4})?/)?(?:support|solutions?)(?:[/?#]|$)|/(?:a/solutions|helpdesk)/|/$"
)
# Characters that need no encoding in a Markdown destination and in a URL path.
_SAFE = "/!$'*+,;=:@-._~"


def to_root(path: str, address: str) -> str | None:
    """Return the root-relative form of an address in the file `path`: percent-decoded, in NFC, with its anchor.

    None for an address that is not relative: `#…`, `/…`, `?…`, with a scheme (percent-encoded too) or a Liquid
    placeholder, the number of an article, or empty. A query is dropped, since a file has none. A backslash is an
    ordinary character. A path that has a `#` always has an anchor after it, as `split_target` expects.

    Raises:
        ValueError: the address leads out of the content root.
    """
    address = address.strip()
    if not address or address[0] in "#/?" or "{{" in address or _SCHEME.match(_decode(address).lstrip()):
        return None
    if ARTICLE_NUMBER.fullmatch(address):
        return None
    rest, mark, anchor = address.partition("#")
    rest = rest.partition("?")[0]
    parts = path.split("/")[:-1]
    for part in _decode(rest).split("/"):
        match part:
            case "" | ".":
                continue
            case ".." if not parts:
                raise ValueError(f"{address} is outside the content root")
            case "..":
                parts.pop()
            case _:
                parts.append(part)
    found = "/".join(parts)
    return found + (mark or "#" * ("#" in found)) + _decode(anchor).replace("#", "%23")


def site_target(address: str) -> str | None:
    """Return what an address that begins with `/` means from the root; None for others, and for pages of the portal."""
    address = address.strip()
    if not address.startswith("/") or address.startswith("//") or PORTAL_PAGE.match(address):
        return None
    try:
        return to_root("", f"./{address[1:]}")
    except ValueError:
        return address


def split_target(target: str) -> tuple[str, str, str]:
    """Split a path from the root into the path, `#` where there is one, and the anchor."""
    path, mark, anchor = target.rpartition("#")
    return (path, mark, anchor) if mark else (target, "", "")


def join_target(path: str, anchor: str = "") -> str:
    """Return a path from the root with an anchor, as `split_target` expects it."""
    return f"{path}#{anchor}" if anchor or "#" in path else path


def from_root(path: str, target: str) -> str:
    """Return the relative address of the root-relative `target`, to be written in the file `path`."""
    rest, mark, anchor = split_target(target)
    here = path.split("/")[:-1]
    there = [part for part in unicodedata.normalize("NFC", rest).split("/") if part]
    if anchor and there == path.split("/"):
        return mark + _encode(anchor)
    common = sum(takewhile(bool, map(eq, here, there)))
    steps = [".."] * (len(here) - common) + there[common:]
    written = _encode("/".join(steps)) or "."
    if _SCHEME.match(written) or ARTICLE_NUMBER.fullmatch(written):
        written = "./" + written
    return written + (mark if anchor or "#" not in rest else "") + _encode(anchor)


def _decode(text: str) -> str:
    return unicodedata.normalize("NFC", unquote(text, errors="surrogateescape"))


def _encode(text: str) -> str:
    """Percent-encode what would end or change an address; letters of any script stay readable."""
    return "".join(char if ord(char) > 127 and not char.isspace() else quote(char, safe=_SAFE) for char in text)


_BRACED_LANGUAGE = re.compile(r"(?:```|~~~)[ \t]*\{")
_TICKS = re.compile("`+")
_CODE_OR_TAG = re.compile(
    r"\\.|(?P<ticks>`+)|(?P<comment><!--)|<(?P<raw>pre|code|script|style)\b(?P<attributes>[^<>]*)>|</?[A-Za-z][^<>]*>",
    re.DOTALL | re.IGNORECASE,
)
_CALLOUT = "fd-callout"


def code_ranges(markdown: str) -> tuple[tuple[int, int], ...]:
    """Return the offsets of all code, in order: fenced and indented blocks, spans, and what raw HTML marks as code."""
    starts = [0, *(found.end() for found in re.finditer("\n", markdown)), len(markdown)]
    found: set[tuple[int, int]] = set()
    looked: set[tuple[int, int]] = set()
    for token in _PARSER.parse(markdown):
        if token.map is None or token.type not in ("fence", "code_block", "inline", "html_block"):
            continue
        first, last = (starts[min(line, len(starts) - 1)] for line in token.map)
        if token.type in ("fence", "code_block"):
            found.add((first, last))
        elif (first, last) not in looked:
            looked.add((first, last))
            found.update(_inline_code(markdown, first, last, ticks=token.type == "inline"))
    return tuple(sorted(found))


def is_one_paragraph(markdown: str) -> bool:
    """Return whether a text is one paragraph and nothing else, or empty."""
    kinds = [token.type for token in _PARSER.parse(markdown)]
    return kinds in ([], ["paragraph_open", "inline", "paragraph_close"])


def fences_with_attributes(markdown: str) -> Iterator[int]:
    """Yield the lines, from 1, of fenced code whose language is in braces, as Pandoc writes it."""
    for token in _PARSER.parse(markdown) if _BRACED_LANGUAGE.search(markdown) else ():
        if token.type == "fence" and token.map and token.info.lstrip().startswith("{"):
            yield token.map[0] + 1


def block_after(markdown: str, row: int) -> range:
    """Return the lines, from 0, of the first block that begins below a line; empty where there is none."""
    for token in _PARSER.parse(markdown):
        if token.map is not None and token.map[0] > row:
            return range(*token.map)
    return range(0)


def _inline_code(text: str, start: int, end: int, *, ticks: bool) -> Iterator[tuple[int, int]]:
    """Find the code of one range of inline text, or of raw HTML, where backticks have no meaning."""
    runs: dict[int, list[int]] = {}
    for run in _TICKS.finditer(text, start, end) if ticks else ():
        runs.setdefault(len(run[0]), []).append(run.start())
    at, is_closed = start, True
    while found := _CODE_OR_TAG.search(text, at, end):
        at = found.end()
        if found["ticks"]:
            places = runs.get(len(found["ticks"]), [])
            after = bisect_left(places, at)
            if after < len(places):
                at = places[after] + len(found["ticks"])
                yield found.start(), at
        elif found["comment"] and is_closed:
            closing = text.find("-->", at, end)
            is_closed = closing >= 0
            at = closing + 3 if is_closed else at
        elif found["raw"] and _CALLOUT not in found["attributes"]:
            closer = re.compile(rf"</{found['raw']}\s*>", re.IGNORECASE).search(text, at, end)
            at = closer.end() if closer else end
            yield found.start(), at


# Attributes of raw HTML, and autolinks.
_ADDRESS_HINT = re.compile(
    r"\b(?:href|src|srcset|poster|data|background)\s*=|\burl\(|<[A-Za-z][A-Za-z0-9+.-]*:|<[^\s<>@]+@", re.IGNORECASE
)
_ANCHOR_HINT = re.compile(
    r"<summary|^[ \t>*+\-\d.)]*#|^[ \t>]*(?:=+|-+)[ \t]*$|\b(?:id|name)\s*=|\{[^}\n]*#", re.IGNORECASE | re.MULTILINE
)
_UNPARSED_HINT = re.compile(r"[\[<*{]|:::|!!!|\?\?\?|__|~~|==|8<|^[ \t]*\.\.|^import|^export", re.MULTILINE)
_SCRIPT_HINT = re.compile(
    r"<script|<style|<link|<meta|<base|srcdoc|javascript|vbscript|data:text|\bon\w+\s*=", re.IGNORECASE
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """One address as written, without Markdown's escapes; `embedded` when the page shows it (an image, a frame)."""

    target: str
    line: int
    embedded: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Hazard:
    """Something that a browser would run, which kbsync never publishes."""

    what: str
    line: int


def references(markdown: str) -> tuple[Reference, ...]:
    """Return every address of a text, in order."""
    return _survey(markdown).references if _may_refer(markdown) else ()


def anchors_of(markdown: str) -> frozenset[str]:
    """Return every anchor that a link could go to: slugs of headings, explicit ids, raw `id` and `name`."""
    return _survey(markdown).anchors if _ANCHOR_HINT.search(markdown) else frozenset()


@lru_cache(maxsize=4096)
def aliases_of(markdown: str) -> Mapping[str, frozenset[str]]:
    """Return the names by which other tools know the anchors of a text, in lower case, each with what it may mean."""
    tokens = _PARSER.parse(markdown)
    name_headings(tokens, wanted=None)
    found: dict[str, set[str]] = {name.lower(): {name} for name in anchors_of(markdown)}
    seen: Counter[tuple[int, str]] = Counter()
    for opening, inline in pairwise(tokens):
        if opening.type != "heading_open":
            continue
        own = unicodedata.normalize("NFC", str(opening.attrs["id"]))
        for rule, name in enumerate(other_slugs(plain_text(inline))):
            number = seen[rule, name]
            seen[rule, name] += 1
            for alias in (f"{name}-{number}", f"{name}_{number}") if number else (name,):
                found.setdefault(alias, set()).add(own)
    return {alias: frozenset(names) for alias, names in found.items() if alias}


def hazards(markdown: str) -> tuple[Hazard, ...]:
    """Return the scripts, style sheets, event attributes and script addresses, which publishing refuses."""
    return _survey(markdown).hazards if _may_run(markdown) else ()


def unparsed(markdown: str) -> tuple[Unparsed, ...]:
    """Return the markup that did not take, in order."""
    return _survey(markdown).unparsed if _UNPARSED_HINT.search(markdown) else ()


def _may_refer(markdown: str) -> bool:
    """Return whether there can be an address; plain searches come first, since they are many times as fast."""
    if "](" in markdown or "]:" in markdown:
        return True
    return ("<" in markdown or "=" in markdown) and bool(_ADDRESS_HINT.search(markdown))


def _may_run(markdown: str) -> bool:
    """Return whether there can be a hazard; an entity may hide any."""
    if "&" in markdown:
        return True
    return any(sign in markdown for sign in "<=:") and bool(_SCRIPT_HINT.search(markdown))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Survey:
    references: tuple[Reference, ...]
    anchors: frozenset[str]
    hazards: tuple[Hazard, ...]
    unparsed: tuple[Unparsed, ...]


@lru_cache(maxsize=16384)
def _survey(markdown: str) -> _Survey:
    built = memoized("survey", (markdown,), lambda: json.dumps(asdict(_build_survey(markdown)), default=sorted))
    found = json.loads(built)
    return _Survey(
        references=tuple(Reference(**one) for one in found["references"]),
        anchors=frozenset(found["anchors"]),
        hazards=tuple(Hazard(**one) for one in found["hazards"]),
        unparsed=tuple(Unparsed(**one) for one in found["unparsed"]),
    )


def _build_survey(markdown: str) -> _Survey:
    tokens = _PARSER.parse(markdown)
    named = set(name_headings(tokens, wanted=()))
    found: list[Reference] = []
    hazards: list[Hazard] = []
    for text, line in raw_html_of(tokens):
        for attribute in find_attributes(text):
            at = line + text.count("\n", 0, max(attribute.start, 0))
            embedded = attribute.key != "href"
            found += [Reference(target=one, line=at, embedded=embedded) for one in attribute.addresses]
            if attribute.key in ("id", "name") and attribute.value:
                named.add(attribute.value)
            if what := hazard_of(attribute.key, attribute.value):
                hazards.append(Hazard(what=what, line=at))
        hazards.extend(Hazard(what=f"<{name}>", line=line + text.count("\n", 0, at)) for name, at in find_scripts(text))
    for token, line in inline_tokens(tokens):
        key = {"link_open": "href", "image": "src"}.get(token.type)
        if key is not None:
            target = str(token.attrs[key])
            found.append(Reference(target=target, line=line, embedded=key == "src"))
            if what := hazard_of(key, target):
                hazards.append(Hazard(what=what, line=line))
    named |= {str(token.attrs["id"]) for token in tokens if token.attrs.get("id")}
    return _Survey(
        references=tuple(sorted(found, key=lambda one: one.line)),
        anchors=frozenset(named),
        hazards=tuple(sorted(hazards, key=lambda one: (one.line, one.what))),
        unparsed=tuple(sorted(find_unparsed(tokens, markdown), key=lambda one: (one.line, one.code))),
    )


_INNER = r"\\.|[^\s()\\]|\((?:\\.|[^\s()\\])*\)"
_DESTINATION = rf"(?P<{{0}}><(?:\\.|[^<>\n\\])*>|(?!<)(?:{_INNER})+)"
_ADDRESS = re.compile(
    rf"\\.|\]\(\s*{_DESTINATION.format('inline')}"
    rf"|^[ \t>]*\[(?:\\.|[^\[\]\\]){{1,999}}\]:[ \t]*(?:\n[ \t>]*)?{_DESTINATION.format('defined')}"
    r"|(?P<tag><[A-Za-z][^<>]*>)",
    re.MULTILINE | re.DOTALL,
)


def rewrite_addresses(markdown: str, change: Callable[[str], str]) -> str:
    """Replace every address by what `change` returns.

    Raises:
        ValueError: an address cannot be replaced without changing other bytes.
    """
    anchors = anchors_of(markdown)
    wanted = canonical(to_html(markdown, resolve=change, anchors=anchors))
    edits = list(_address_edits(markdown, change))
    for chosen in (edits, _real_addresses(markdown, edits)):
        written = replace_ranges(markdown, chosen)
        if canonical(to_html(written, anchors=anchors)) == wanted:
            return written
    raise ValueError("an address in the text cannot be changed alone")


def _real_addresses(markdown: str, edits: Sequence[tuple[int, int, str]]) -> list[tuple[int, int, str]]:
    """Return the edits of real addresses: another address in the place of any other is not found by the parser."""
    probes = [(start, end, f"kbsync-probe-{number}") for number, (start, end, _) in enumerate(edits)]
    tags = [markdown[start] == "<" and text.startswith("<") for start, end, text in edits]
    kept = [edit if is_tag else probe for edit, probe, is_tag in zip(edits, probes, tags, strict=True)]
    found = {reference.target for reference in references(replace_ranges(markdown, kept))}
    return [edit for edit, (_, _, probe), is_tag in zip(edits, probes, tags, strict=True) if is_tag or probe in found]


def _address_edits(markdown: str, change: Callable[[str], str]) -> Iterator[tuple[int, int, str]]:
    for found in _ADDRESS.finditer(_without_code(markdown)):
        if found["tag"]:
            tag = replace_addresses(found["tag"], change)
            if tag != found["tag"]:
                yield *found.span("tag"), tag
            continue
        group = "inline" if found["inline"] else "defined"
        if not found[group]:
            continue
        old = unescapeAll(found[group].removeprefix("<").removesuffix(">"))
        new = change(old)
        if new != old:
            yield *found.span(group), destination(new)


def _without_code(markdown: str) -> str:
    """Replace code by spaces, so that offsets stay."""
    edits: list[tuple[int, int, str]] = []
    for start, end in code_ranges(markdown):
        if not edits or start >= edits[-1][1]:
            edits.append((start, end, " " * (end - start)))
    return replace_ranges(markdown, edits)
