"""Finds what Markdown writes in a short form for the page as a whole: its table of contents and its footnotes.

Both are recognized in normalized blocks when rendering the short form would make exactly them. The blocks are never
changed: the short forms are a mapping by the identity of the element.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from urllib.parse import unquote

from kbsync.markup.compare import canonical, canonical_of
from kbsync.markup.dom import HEADINGS, Element, Node, child_elements, descendants, replace, text_content
from kbsync.markup.extensions import footnotes, toc
from kbsync.markup.normalize_inline import is_anchor
from kbsync.markup.options import PLAIN, MarkupOptions


@dataclass(frozen=True, slots=True, kw_only=True)
class FootnoteText:
    """One footnote: its label, and its blocks without the anchors and links that rendering adds."""

    label: str
    blocks: tuple[Node, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ShortForms:
    """The options for which a page is written, and the text for some of its elements ("" for none)."""

    options: MarkupOptions = PLAIN
    texts: Mapping[int, str] = field(default_factory=dict)
    footnotes: Mapping[int, tuple[FootnoteText, ...]] = field(default_factory=dict)


def find_short_forms(blocks: tuple[Element, ...], options: MarkupOptions) -> ShortForms:
    """Find the short forms of a page."""
    texts = _find_toc(blocks, options)
    notes = _find_footnotes(blocks)
    references = _find_references(blocks, frozenset(note.label for note in notes)) if notes else None
    if references is None:
        return ShortForms(options=options, texts=texts)
    texts |= {**references, id(blocks[-2]): ""}
    return ShortForms(options=options, texts=texts, footnotes={id(blocks[-1]): notes})


def _find_toc(blocks: tuple[Element, ...], options: MarkupOptions) -> dict[int, str]:
    holders = (blocks, *(node.children for node in descendants(blocks)))
    lists = [pair for holder in holders for pair in _toc_candidates(holder)]
    if not lists:
        return {}
    headings = [node for node in descendants(blocks) if node.tag in HEADINGS]
    if any("id" not in node.attrs for node in headings):
        return {}
    entries = [toc.TocEntry(level=int(node.tag[1]), id=node.attrs["id"], text=_heading_text(node)) for node in headings]
    wanted = canonical(toc.toc_html(entries, options.contents))
    return {
        id(node): text
        for pair in lists
        if canonical_of(pair) == wanted
        for node, text in zip(pair, (toc.TOC_MARKER, ""), strict=True)
    }


def _toc_candidates(nodes: Sequence[Node]) -> Iterator[tuple[Element, Element]]:
    for title, items in pairwise(nodes):
        if isinstance(title, str) or isinstance(items, str):
            continue
        if (title.tag, dict(title.attrs), items.tag) == ("p", {"class": toc.TOC_CLASS}, "ul"):
            yield title, items


def _heading_text(heading: Element) -> str:
    pictures = " ".join(node.attrs.get("alt", "") for node in descendants(heading.children) if node.tag == "img")
    return " ".join(f"{text_content(heading.children)} {pictures}".split())


def _find_footnotes(blocks: Sequence[Element]) -> tuple[FootnoteText, ...]:
    """Parse the list at the end of a page as footnotes; none when one of its items is anything else."""
    if len(blocks) < 3 or (blocks[-2].tag, blocks[-1].tag) != ("hr", "ol") or blocks[-1].attrs:
        return ()
    found = [_footnote(item) for item in child_elements(blocks[-1])]
    notes = tuple(note for note in found if note)
    return notes if len(notes) == len(found) else ()


def _footnote(item: Element) -> FootnoteText | None:
    blocks = child_elements(item)
    if item.attrs or not blocks or (blocks[0].tag, blocks[-1].tag) != ("p", "p") or blocks[0].attrs or blocks[-1].attrs:
        return None
    anchor = blocks[0].children[0]
    if not is_anchor(anchor) or not anchor.attrs["id"].startswith(footnotes.NOTE_PREFIX):
        return None
    blocks[0] = replace(blocks[0], children=blocks[0].children[1:])
    label = anchor.attrs["id"].removeprefix(footnotes.NOTE_PREFIX)
    last = _without_back_links(blocks[-1].children, label)
    if last == blocks[-1].children or not label:
        return None
    blocks[-1] = replace(blocks[-1], children=last)
    return FootnoteText(label=label, blocks=tuple(block for block in blocks if block.children))


def _without_back_links(nodes: tuple[Node, ...], label: str) -> tuple[Node, ...]:
    kept = list(nodes)
    while kept and _is_back_link(kept[-1], label):
        kept.pop()
    if kept and isinstance(kept[-1], str):
        kept[-1] = kept[-1].rstrip()
    return tuple(kept)


def _is_back_link(node: Node, label: str) -> bool:
    """Return whether a node at the end of a footnote is white space or a link back to a reference."""
    if isinstance(node, str):
        return not node.strip()
    place = unquote(node.attrs.get("href", "")).partition(":")[0]
    is_back = node.tag == "a" and place == f"#{footnotes.REFERENCE_PREFIX}{label}"
    return is_back and text_content(node.children) == footnotes.BACK_ARROW


def _find_references(blocks: Sequence[Element], labels: frozenset[str]) -> dict[int, str] | None:
    """Find the references to footnotes; None unless each footnote has one."""
    found: dict[int, str] = {}
    seen: set[str] = set()
    for node in descendants(blocks):
        if is_anchor(node) and _label(node.attrs["id"], footnotes.REFERENCE_PREFIX) in labels:
            found[id(node)] = ""
        elif node.tag == "sup" and not node.attrs:
            links = [child for child in node.children if not is_anchor(child)]
            names = [_label(unquote(_href(link)), "#" + footnotes.NOTE_PREFIX) for link in links]
            if names and all(name in labels for name in names):
                found[id(node)] = "".join(f"[^{name}]" for name in names)
                seen.update(names)
    return found if seen == labels else None


def _href(node: Node) -> str:
    return node.attrs.get("href", "") if isinstance(node, Element) else ""


def _label(name: str, prefix: str) -> str:
    return name.removeprefix(prefix).partition(":")[0] if name.startswith(prefix) else ""
