"""Freshdesk's HTML to Markdown that renders back to what a reader was shown.

The promise: `canonical(to_html(text))` is the canonical form of the HTML, less what is left out on purpose and named.
Every text is rendered back and compared; where it differs, the smallest block that does is written with tags, then raw.
"""

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from urllib.parse import unquote

from kbsync.markup.blocks import Way, document
from kbsync.markup.canonical import canonical, canonical_of
from kbsync.markup.nodes import Element, Node, replace, serialized
from kbsync.markup.parse import parse
from kbsync.markup.safety import without_scripts
from kbsync.markup.tidy import tidy
from kbsync.markup.to_html import identity, to_html

_ADDRESSES = ("href", "src", "poster")
_APART = "\n\n<!-- -->\n\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Pulled:
    """Markdown, and in words what was left out of it on purpose: scripts, event attributes, addresses that run."""

    text: str
    dropped: tuple[str, ...] = ()


def to_markdown(
    html: str, *, rewrite: Callable[[str], str] = identity, anchors: Collection[str] = frozenset()
) -> Pulled:
    """Write HTML as Markdown; every address is put through `rewrite`.

    `anchors` are those that rendering will be given too: a heading that has such a name by its words needs no note.

    Deterministic and stable: pulling what the text renders to gives the text again.
    """
    parsed = parse(html)
    nodes, dropped = without_scripts(parsed.nodes)
    nodes = tuple(_rewritten(node, rewrite) for node in nodes)
    return Pulled(text=_written(nodes, frozenset(anchors)), dropped=dropped)


def addresses_in(html: str) -> tuple[str, ...]:
    """Name every address that `to_markdown` puts through `rewrite`, each once."""
    found: dict[str, None] = {}

    def note(address: str) -> str:
        found[address] = None
        return address

    for node in without_scripts(parse(html).nodes)[0]:
        _rewritten(node, note)
    return tuple(found)


def _written(nodes: tuple[Node, ...], anchors: frozenset[str]) -> str:
    blocks = tidy(nodes)
    if not blocks:
        return ""
    wanted = canonical_of(blocks)
    asked = _asked(blocks) | anchors
    ways: dict[int, Way] = {}
    text = document(blocks, ways, asked)
    if _reads(text, wanted, anchors):
        return text + "\n"
    for block in blocks:
        _mend(block, ways)
    for text in _candidates(blocks, ways, asked):
        if _reads(text, wanted, anchors):
            return text + "\n"
    return "<!-- -->" + serialized(nodes) + "\n"


def _candidates(blocks: tuple[Element, ...], ways: dict[int, Way], asked: frozenset[str]) -> Iterator[str]:
    """Give ever safer texts of a document whose blocks are each read back, but not yet beside one another."""
    yield document(blocks, ways, asked)
    yield document(blocks, ways)
    yield _APART.join(document((block,), ways) for block in blocks)
    yield _APART.join(document((block,), {id(block): Way.RAW}) for block in blocks)


def _reads(text: str, wanted: str, anchors: frozenset[str] = frozenset()) -> bool:
    return canonical(to_html(text, anchors=anchors)) == wanted


def _mend(block: Element, ways: dict[int, Way]) -> None:
    """Find the smallest blocks that are not read back as they are meant, and choose a safer way for each."""
    wanted = canonical_of((block,))
    if _reads(document((block,), ways), wanted):
        return
    for inner in _blocks_in(block):
        _mend(inner, ways)
    for way in (Way.MARKS, Way.TAGS, Way.RAW):
        ways[id(block)] = way
        if _reads(document((block,), ways), wanted):
            return


def _blocks_in(block: Element) -> list[Element]:
    inner = [child for child in block.children if isinstance(child, Element)]
    match block.tag:
        case "ul" | "ol" | "table" | "tr":
            return [
                deep for child in inner for deep in (_blocks_in(child) if child.tag in ("li", "tr", "td", "th") else [])
            ]
        case "p" | "h1" | "h2" | "h3" | "h4" | "h5" | "h6":
            return []
        case "pre" if "fd-callout" not in block.attrs.get("class", ""):
            return []
        case _:
            return inner


def _asked(blocks: tuple[Element, ...]) -> frozenset[str]:
    found: set[str] = set()

    def walk(node: Element) -> None:
        if node.attrs.get("href", "").startswith("#"):
            found.add(unquote(node.attrs["href"][1:]))
        for child in node.children:
            if isinstance(child, Element):
                walk(child)

    for block in blocks:
        walk(block)
    return frozenset(found)


def _rewritten(node: Node, rewrite: Callable[[str], str]) -> Node:
    if isinstance(node, str):
        return node
    attrs = {key: rewrite(value) if key in _ADDRESSES else value for key, value in node.attrs.items()}
    return replace(node, attrs=attrs, children=tuple(_rewritten(child, rewrite) for child in node.children))
