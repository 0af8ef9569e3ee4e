"""Freshdesk's HTML to Markdown that renders back to what a reader was shown.

The promise: `canonical(to_html(text))` is the canonical form of the HTML, less what is left out on purpose and named.
Every text is rendered back and compared; where it differs, the smallest block that does is written with tags, then raw.
"""

import re
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from urllib.parse import unquote

from kbsync.markup.compare import canonical, canonical_of
from kbsync.markup.dom import Element, Node, parse, replace, serialized, text_of
from kbsync.markup.extensions.slugs import slug
from kbsync.markup.normalize import tidy
from kbsync.markup.options import PLAIN, MarkupOptions
from kbsync.markup.raw_html import without_scripts
from kbsync.markup.to_html import identity, to_html
from kbsync.markup.writer.blocks import Way, document
from kbsync.markup.writer.shorthand import Hand, hand_for

_ADDRESSES = ("href", "src", "poster")
_HOLDERS = ("li", "dt", "dd", "tr", "td", "th")
_HEADINGS = frozenset("h1 h2 h3 h4 h5 h6".split())
_NUMBER = re.compile(r"-\d+\Z")
_APART = "\n\n<!-- -->\n\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class MarkdownResult:
    """Markdown, and in words what was left out of it on purpose: scripts, event attributes, addresses that run."""

    text: str
    dropped: tuple[str, ...] = ()


def to_markdown(
    html: str,
    *,
    rewrite: Callable[[str], str] = identity,
    anchors: Collection[str] = frozenset(),
    options: MarkupOptions = PLAIN,
) -> MarkdownResult:
    """Write HTML as Markdown; every address is put through `rewrite`.

    `anchors` and `options` are those that rendering will be given too: a heading that has such a name by its words
    needs no note, and what the options would read otherwise is escaped.

    Deterministic and stable: pulling what the text renders to gives the text again.
    """
    parsed = parse(html)
    nodes, dropped = without_scripts(parsed.nodes)
    nodes = tuple(_rewritten(node, rewrite) for node in nodes)
    return MarkdownResult(text=_Page(nodes, frozenset(anchors), options.plain).written(), dropped=dropped)


def addresses_in(html: str) -> tuple[str, ...]:
    """Return every address that `to_markdown` puts through `rewrite`, each once."""
    found: dict[str, None] = {}

    def note(address: str) -> str:
        found[address] = None
        return address

    for node in without_scripts(parse(html).nodes)[0]:
        _rewritten(node, note)
    return tuple(found)


class _Page:
    """One page on its way to Markdown: what it must read back as, and how each block of it is to be written."""

    def __init__(self, nodes: tuple[Node, ...], anchors: frozenset[str], options: MarkupOptions) -> None:
        self._nodes = nodes
        self._anchors = anchors
        self._options = options
        self._blocks = tidy(nodes)
        self._wanted = canonical_of(self._blocks)
        self._asked = _asked(self._blocks) | anchors
        self._ways: dict[int, Way] = {}

    def written(self) -> str:
        for text in self._candidates():
            if self._reads(text, self._wanted, self._anchors):
                return text + "\n" if text else ""
        return "<!-- -->" + serialized(_trimmed(self._nodes)) + "\n"

    def _candidates(self) -> Iterator[str]:
        """Give ever safer texts; blocks are each read back alone only when the first texts were not."""
        plain = Hand(options=self._options)
        short = hand_for(self._blocks, self._options)
        hands = [short, plain] if short.short or short.notes else [plain]
        for hand in hands:
            yield document(self._blocks, self._ways, self._asked, hand)
        if self._leave_nameless():
            yield document(self._blocks, self._ways, self._asked, plain)
        for block in self._blocks:
            self._mend(block, plain)
        for hand in hands:
            yield document(self._blocks, self._ways, self._asked, hand)
        yield document(self._blocks, self._ways, hand=plain)
        yield _APART.join(document((block,), self._ways, hand=plain) for block in self._blocks)
        yield _APART.join(document((block,), {id(block): Way.RAW}) for block in self._blocks)

    def _leave_nameless(self) -> bool:
        """Write headings as tags that a link would give a name, although the portal took theirs away."""
        asked = {_NUMBER.sub("", name) for name in self._asked} | self._asked
        found = [
            heading
            for heading in _headings_in(self._blocks)
            if "id" not in heading.attrs and slug(text_of(heading.children)) in asked
        ]
        self._ways |= {id(heading): Way.RAW for heading in found}
        return bool(found)

    def _reads(self, text: str, wanted: str, anchors: frozenset[str] = frozenset()) -> bool:
        return canonical(to_html(text, anchors=anchors, options=self._options)) == wanted

    def _mend(self, block: Element, hand: Hand) -> None:
        """Find the smallest blocks that are not read back as they are meant, and choose a safer way for each."""
        wanted = canonical_of((block,))
        if self._reads(document((block,), self._ways, hand=hand), wanted):
            return
        for inner in _blocks_in(block):
            self._mend(inner, hand)
        for way in (Way.MARKS, Way.TAGS, Way.RAW):
            self._ways[id(block)] = way
            if self._reads(document((block,), self._ways, hand=hand), wanted):
                return


def _trimmed(nodes: tuple[Node, ...]) -> tuple[Node, ...]:
    """Leave out white space at the ends, which would grow with each way there and back."""
    kept = list(nodes)
    for end in (0, -1):
        while kept and isinstance(kept[end], str) and not str(kept[end]).strip():
            kept.pop(end)
    return tuple(kept)


def _blocks_in(block: Element) -> list[Element]:
    inner = [child for child in block.children if isinstance(child, Element)]
    match block.tag:
        case "ul" | "ol" | "dl" | "table" | "tr":
            return [deep for child in inner for deep in (_blocks_in(child) if child.tag in _HOLDERS else [])]
        case "p" | "h1" | "h2" | "h3" | "h4" | "h5" | "h6":
            return []
        case "pre" if "fd-callout" not in block.attrs.get("class", ""):
            return []
        case _:
            return inner


def _headings_in(nodes: tuple[Node, ...]) -> Iterator[Element]:
    for node in nodes:
        if isinstance(node, Element):
            if node.tag in _HEADINGS:
                yield node
            yield from _headings_in(node.children)


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
    """Put addresses through `rewrite`, and attributes in the one order that a portal's own order does not change."""
    if isinstance(node, str):
        return node
    attrs = {key: rewrite(value) if key in _ADDRESSES else value for key, value in sorted(node.attrs.items())}
    return replace(node, attrs=attrs, children=tuple(_rewritten(child, rewrite) for child in node.children))
