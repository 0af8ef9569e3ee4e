"""What of a page Markdown says shorter, and only of the page as a whole: its list of contents and its footnotes.

Found in tidy blocks, by what publishing would make of the short form; anything that differs stays what it is. The
blocks themselves are never changed: what is to be written stands beside them, by the identity of the element.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from urllib.parse import unquote

from kbsync.markup.compare import canonical_of
from kbsync.markup.dom import HEADINGS, Element, Node, parse, replace, text_of
from kbsync.markup.extensions import footnotes
from kbsync.markup.extensions import toc as contents
from kbsync.markup.normalize import tidy
from kbsync.markup.normalize_inline import is_anchor
from kbsync.markup.options import PLAIN, MarkupOptions


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """One footnote: its label, and its blocks without the anchors and links that publishing adds."""

    label: str
    blocks: tuple[Node, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Hand:
    """How a page is written: for which options, and what stands for some of its elements ("" for nothing)."""

    options: MarkupOptions = PLAIN
    short: Mapping[int, str] = field(default_factory=dict)
    notes: Mapping[int, tuple[Note, ...]] = field(default_factory=dict)


def hand_for(blocks: tuple[Element, ...], options: MarkupOptions) -> Hand:
    """Find what of a page is written short."""
    short = _contents(blocks, options)
    notes = _notes(blocks)
    references = _references(blocks, frozenset(note.label for note in notes)) if notes else None
    if references is None:
        return Hand(options=options, short=short)
    return Hand(options=options, short={**short, **references, id(blocks[-2]): ""}, notes={id(blocks[-1]): notes})


def _walk(nodes: Sequence[Node]) -> Iterator[Element]:
    for node in nodes:
        if isinstance(node, Element):
            yield node
            yield from _walk(node.children)


def _contents(blocks: tuple[Element, ...], options: MarkupOptions) -> dict[int, str]:
    lists = [pair for holder in (blocks, *(node.children for node in _walk(blocks))) for pair in _listings(holder)]
    if not lists:
        return {}
    headings = [node for node in _walk(blocks) if node.tag in HEADINGS]
    if any("id" not in node.attrs for node in headings):
        return {}
    told = [contents.Heading(level=int(node.tag[1]), id=node.attrs["id"], text=_told(node)) for node in headings]
    wanted = canonical_of(tidy(parse(contents.contents(told, options.contents)).nodes))
    return {
        id(node): text
        for pair in lists
        if canonical_of(pair) == wanted
        for node, text in zip(pair, (contents.MARK, ""), strict=True)
    }


def _listings(nodes: Sequence[Node]) -> Iterator[tuple[Element, Element]]:
    for title, items in pairwise(nodes):
        if isinstance(title, str) or isinstance(items, str):
            continue
        if (title.tag, dict(title.attrs), items.tag) == ("p", {"class": contents.CLASS}, "ul"):
            yield title, items


def _told(heading: Element) -> str:
    pictures = " ".join(node.attrs.get("alt", "") for node in _walk(heading.children) if node.tag == "img")
    return " ".join(f"{text_of(heading.children)} {pictures}".split())


def _notes(blocks: Sequence[Element]) -> tuple[Note, ...]:
    """Read the list at the end of a page as footnotes; none of them when one of its items is anything else."""
    if len(blocks) < 3 or (blocks[-2].tag, blocks[-1].tag) != ("hr", "ol") or blocks[-1].attrs:
        return ()
    found = [_note(item) for item in blocks[-1].children if isinstance(item, Element)]
    notes = tuple(note for note in found if note)
    return notes if len(notes) == len(found) else ()


def _note(item: Element) -> Note | None:
    blocks = [child for child in item.children if isinstance(child, Element)]
    if item.attrs or not blocks or (blocks[0].tag, blocks[-1].tag) != ("p", "p") or blocks[0].attrs or blocks[-1].attrs:
        return None
    anchor = blocks[0].children[0]
    if not isinstance(anchor, Element) or not is_anchor(anchor) or not anchor.attrs["id"].startswith(footnotes.NOTE):
        return None
    blocks[0] = replace(blocks[0], children=blocks[0].children[1:])
    label = anchor.attrs["id"].removeprefix(footnotes.NOTE)
    last = _without_links(blocks[-1].children, label)
    if last == blocks[-1].children or not label:
        return None
    blocks[-1] = replace(blocks[-1], children=last)
    return Note(label=label, blocks=tuple(block for block in blocks if block.children))


def _without_links(nodes: tuple[Node, ...], label: str) -> tuple[Node, ...]:
    """Take the links back to the references off the end of a footnote."""
    kept = list(nodes)
    while kept and _says_nothing(kept[-1], label):
        kept.pop()
    if kept and isinstance(kept[-1], str):
        kept[-1] = kept[-1].rstrip()
    return tuple(kept)


def _says_nothing(node: Node, label: str) -> bool:
    """Whether a node at the end of a footnote is white space or a link back to a reference."""
    if isinstance(node, str):
        return not node.strip()
    place = unquote(node.attrs.get("href", "")).partition(":")[0]
    return node.tag == "a" and place == f"#{footnotes.REFERENCE}{label}" and text_of(node.children) == footnotes.BACK


def _references(blocks: Sequence[Element], labels: frozenset[str]) -> dict[int, str] | None:
    """Find the references to footnotes; None unless each footnote has one."""
    found: dict[int, str] = {}
    met: set[str] = set()
    for node in _walk(blocks):
        if is_anchor(node) and _label(node.attrs["id"], footnotes.REFERENCE) in labels:
            found[id(node)] = ""
        elif node.tag == "sup" and not node.attrs:
            links = [child for child in node.children if not is_anchor(child)]
            names = [_label(unquote(_href(link)), "#" + footnotes.NOTE) for link in links]
            if names and all(name in labels for name in names):
                found[id(node)] = "".join(f"[^{name}]" for name in names)
                met.update(names)
    return found if met == labels else None


def _href(node: Node) -> str:
    return node.attrs.get("href", "") if isinstance(node, Element) else ""


def _label(name: str, prefix: str) -> str:
    return name.removeprefix(prefix).partition(":")[0] if name.startswith(prefix) else ""
