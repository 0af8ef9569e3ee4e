"""Converts Freshdesk's HTML to Markdown that renders back to the same.

The invariant: `canonical(to_html(text))` is the canonical form of the HTML, except for scripts, which are dropped and
named. Every text is rendered and compared; where it differs, the smallest block that does is written with tags, then
as raw HTML, in the end as it came. Nothing visible is ever dropped.
"""

import re
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from urllib.parse import unquote

from kbsync.markup.align import matching_blocks
from kbsync.markup.compare import canonical, canonical_of
from kbsync.markup.dom import (
    HEADINGS,
    Element,
    Node,
    child_elements,
    descendants,
    parse,
    replace,
    text_content,
)
from kbsync.markup.extensions.toc import slug
from kbsync.markup.normalize import Piece, normalize, normalize_pieces
from kbsync.markup.options import PLAIN, MarkupOptions
from kbsync.markup.raw_html import replace_in_value, strip_scripts
from kbsync.markup.to_html import to_html, unchanged_address
from kbsync.markup.writer.blocks import BlockForm, write_document, write_source
from kbsync.markup.writer.shorthand import ShortForms, find_short_forms

_CONTAINERS = ("li", "dt", "dd", "tr", "td", "th")
_NUMBER = re.compile(r"-\d+\Z")
_SEPARATOR = "\n\n<!-- -->\n\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class MarkdownResult:
    """Markdown, and the names of what was dropped: scripts, event attributes, addresses that run a script."""

    text: str
    dropped: tuple[str, ...] = ()


def to_markdown(
    html: str,
    *,
    rewrite: Callable[[str], str] = unchanged_address,
    anchors: Collection[str] = frozenset(),
    options: MarkupOptions = PLAIN,
) -> MarkdownResult:
    """Convert HTML to Markdown; every address is replaced by what `rewrite` returns.

    `anchors` and `options` are those of the later rendering: a heading whose slug is one of the anchors needs no
    explicit id, and what the options would read differently is escaped.

    Deterministic and stable: converting what the text renders to gives the text again.
    """
    kept, dropped = strip_scripts(parse(html).nodes)
    nodes = tuple(_rewrite(node, rewrite) for node in kept)
    return MarkdownResult(text=_Converter(nodes, frozenset(anchors), options.plain).convert(), dropped=dropped)


def addresses_in(html: str) -> tuple[str, ...]:
    """Return every address that `to_markdown` passes to `rewrite`, each once."""
    found: dict[str, str] = {}
    for node in strip_scripts(parse(html).nodes)[0]:
        _rewrite(node, lambda address: found.setdefault(address, address))
    return tuple(found)


class _Converter:
    """One conversion: what the text must render as, and the form in which each block is written."""

    def __init__(self, nodes: tuple[Node, ...], anchors: frozenset[str], options: MarkupOptions) -> None:
        self._anchors = anchors
        self._options = options
        self._pieces = normalize_pieces(nodes, options.keep_classes)
        self._blocks = tuple(block for piece in self._pieces for block in piece.blocks)
        self._wanted = canonical_of(self._blocks)
        self._linked = _linked_anchors(self._blocks) | anchors
        self._forms: dict[int, BlockForm] = {}

    def convert(self) -> str:
        for text in self._candidates():
            if self._renders_as(text, self._wanted, self._anchors):
                return text + "\n" if text else ""
        return _SEPARATOR.join(write_source(piece.nodes) for piece in self._pieces if piece.blocks) + "\n"

    def _candidates(self) -> Iterator[str]:
        """Return ever safer texts; single blocks are rendered and compared only when the first texts differ."""
        long = ShortForms(options=self._options)
        short = find_short_forms(self._blocks, self._options)
        variants = [short, long] if short.texts or short.footnotes else [long]
        for forms in variants:
            yield write_document(self._blocks, self._forms, self._linked, forms)
        if self._keep_headings_without_id():
            yield write_document(self._blocks, self._forms, self._linked, long)
        for block in self._blocks:
            self._choose_forms(block, long)
        for forms in variants:
            yield write_document(self._blocks, self._forms, self._linked, forms)
        yield write_document(self._blocks, self._forms, short=long)
        yield from self._separated(long)

    def _separated(self, short: ShortForms) -> Iterator[str]:
        """Write each piece apart from the others: as it came where it differs alone, then where it does in the page."""
        texts = {at: self._alone(piece, short) for at, piece in enumerate(self._pieces) if piece.blocks}
        while True:
            yield (text := _SEPARATOR.join(texts.values()))
            changed = {at: write_source(self._pieces[at].nodes) for at in self._differing(text)}
            if changed.items() <= texts.items():
                return
            texts |= changed

    def _alone(self, piece: Piece, short: ShortForms) -> str:
        text = _SEPARATOR.join(write_document((block,), self._forms, short=short) for block in piece.blocks)
        return text if self._renders_as(text, canonical_of(piece.blocks)) else write_source(piece.nodes)

    def _differing(self, text: str) -> list[int]:
        """Find the pieces that a text does not render as it should, and those beside what it renders in addition."""
        owners = [at for at, piece in enumerate(self._pieces) for _ in piece.blocks]
        html = to_html(text, anchors=self._anchors, options=self._options)
        shown = normalize(parse(html).nodes, self._options.keep_classes)
        wanted, found = ([canonical_of((block,)) for block in blocks] for blocks in (self._blocks, shown))
        wrong: set[int] = set()
        done = done_shown = 0
        for start, start_shown, size in matching_blocks(wanted, found):
            around = int(start == done and start_shown > done_shown)
            wrong.update(owners[max(0, done - around) : start + around])
            done, done_shown = start + size, start_shown + size
        return sorted(wrong)

    def _keep_headings_without_id(self) -> bool:
        """Write headings as tags that would get an id by a link, although the portal removed theirs."""
        linked = {_NUMBER.sub("", name) for name in self._linked} | self._linked
        found = [
            heading
            for heading in descendants(self._blocks)
            if heading.tag in HEADINGS and "id" not in heading.attrs and slug(text_content(heading.children)) in linked
        ]
        self._forms |= {id(heading): BlockForm.RAW for heading in found}
        return bool(found)

    def _renders_as(self, text: str, wanted: str, anchors: frozenset[str] = frozenset()) -> bool:
        html = to_html(text, anchors=anchors, options=self._options)
        return canonical(html, self._options.keep_classes) == wanted

    def _choose_forms(self, block: Element, short: ShortForms) -> None:
        """Choose a safer form for each of the smallest blocks that do not render as they should."""
        wanted = canonical_of((block,))
        if self._renders_as(write_document((block,), self._forms, short=short), wanted):
            return
        for inner in _inner_blocks(block):
            self._choose_forms(inner, short)
        for form in BlockForm:
            self._forms[id(block)] = form
            if self._renders_as(write_document((block,), self._forms, short=short), wanted):
                return


def _inner_blocks(block: Element) -> list[Element]:
    inner = child_elements(block)
    match block.tag:
        case "ul" | "ol" | "dl" | "table" | "tr":
            return [deep for child in inner for deep in (_inner_blocks(child) if child.tag in _CONTAINERS else [])]
        case "p" | "h1" | "h2" | "h3" | "h4" | "h5" | "h6":
            return []
        case "pre" if "fd-callout" not in block.attrs.get("class", ""):
            return []
        case _:
            return inner


def _linked_anchors(blocks: tuple[Element, ...]) -> frozenset[str]:
    addresses = (node.attrs.get("href", "") for node in descendants(blocks))
    return frozenset(unquote(address[1:]) for address in addresses if address.startswith("#"))


def _rewrite(node: Node, rewrite: Callable[[str], str]) -> Node:
    """Rewrite addresses, and sort attributes so that the portal's order does not matter."""
    if isinstance(node, str):
        return node
    attrs = {key: replace_in_value(key, value, rewrite) for key, value in sorted(node.attrs.items())}
    return replace(node, attrs=attrs, children=tuple(_rewrite(child, rewrite) for child in node.children))
