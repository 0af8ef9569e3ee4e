"""Keeps the raw HTML of an author: what was edited in it is patched, every other byte stays.

A pull converts such HTML, mostly to Markdown. The blocks that correspond to raw HTML are found by their words, and it
is patched to show the same; where the result would not, or would be another kind of block, nothing is patched.
"""

import re
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from html import unescape
from itertools import takewhile

from kbsync.markup.align import align, opcodes
from kbsync.markup.compare import canonical, canonical_address
from kbsync.markup.dom import VOID
from kbsync.markup.merge.blocks import Blocks, SourceBlock, split_blocks
from kbsync.markup.options import MarkupOptions
from kbsync.markup.patch.patch import patch_html
from kbsync.markup.raw_html import find_attributes, replace_addresses
from kbsync.markup.to_html import to_html

_TAG = re.compile(r"<!--.*?-->|<(?P<end>/?)(?P<name>[A-Za-z][^\s/>]*)(?:[^<>\"']|\"[^\"]*\"|'[^']*')*>", re.DOTALL)
_WORD = re.compile(r"\w+")
_NEWLINES_BETWEEN = re.compile(r">\n+<")
_BLANK = re.compile(r"\n[ \t]*(?=\n)")
_MIN_SHARED = 0.5
"""The share of its words that a block must have in common with raw HTML to be a part of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ParseContext:
    """How texts are parsed: the form of their addresses, the anchors that links go to, the options."""

    resolve: Callable[[str], str]
    anchors: Collection[str]
    options: MarkupOptions

    def blocks_of(self, text: str) -> tuple[SourceBlock, ...]:
        """Split a text into its blocks."""
        return split_blocks(text, resolve=self.resolve, anchors=self.anchors, options=self.options)


def keep_raw_html(blocks: Blocks, like: Blocks, context: ParseContext) -> tuple[SourceBlock, ...] | None:
    """Return blocks with those that correspond to raw HTML of `like` written as that is; None where there are none."""
    if not any(is_raw_html(block) for block in like):
        return None
    keys, others = [block.key for block in like], [block.key for block in blocks]
    out: list[SourceBlock] = []
    found = False
    for tag, a, b, c, d in opcodes(keys, others):
        new = _patch_groups(blocks[c:d], like[a:b], context) if tag == "replace" else None
        found = found or new is not None
        out += new or blocks[c:d]
    return tuple(out) if found else None


def use_raw_html_of(before: Blocks, ours: Blocks) -> tuple[SourceBlock, ...]:
    """Return blocks with the raw HTML of another text, where it renders to the same."""
    own = {block.key: block for block in ours if is_raw_html(block)}
    return tuple(
        own.get(block.key, block) if is_raw_html(block) and block.key is not None else block for block in before
    )


def is_raw_html(block: SourceBlock) -> bool:
    """Return whether a block is raw HTML or a comment."""
    return len(block.tokens) == 1 and block.tokens[0].type == "html_block" and block.text.lstrip(" ").startswith("<")


def begins_with_same_tag(block: SourceBlock, text: str) -> bool:
    """Return whether a block is raw HTML that begins with the same tag as a text, and so ends where that would."""
    first, other = _TAG.match(block.text), _TAG.match(text)
    return is_raw_html(block) and bool(first and other and first["name"] and first["name"] == other["name"])


def _patch_groups(blocks: Blocks, like: Blocks, context: ParseContext) -> list[SourceBlock] | None:
    """Write blocks as the raw HTML of `like` that they correspond to; None where there is none."""
    ours, theirs = _group_elements(like), _group_elements(blocks)
    pairs = _pair_groups(ours, theirs)
    out: list[SourceBlock] = []
    at = 0
    for number, group in enumerate(ours):
        parts = [other for own, other in pairs if own == number]
        if not parts or not all(map(is_raw_html, group)):
            continue
        new = _patch_group(group, [block for part in theirs[parts[0] : parts[-1] + 1] for block in part], context)
        if new is not None:
            out += [block for part in theirs[at : parts[0]] for block in part]
            out += [*_invisible_above(ours, number), *new]
            at = parts[-1] + 1
    return [*out, *(block for part in theirs[at:] for block in part)] if at else None


def _invisible_above(groups: Sequence[Blocks], number: int) -> list[SourceBlock]:
    """Return the invisible blocks right above a group, so that they stay above it."""
    above = takewhile(lambda group: group[0].key is None, reversed(groups[:number]))
    return [block for group in reversed(list(above)) for block in group]


def _group_elements(blocks: Blocks) -> list[list[SourceBlock]]:
    """Group the blocks from a start tag to its end tag."""
    groups: list[list[SourceBlock]] = []
    depth = 0
    for block in blocks:
        if depth > 0:
            groups[-1].append(block)
        else:
            groups.append([block])
        depth = max(0, depth) + (_open_tags(block.text) if is_raw_html(block) else 0)
    return groups


def _open_tags(html: str) -> int:
    """Count the elements that are open at the end of raw HTML and were not at its beginning."""
    return sum(_nesting(tag) for tag in _TAG.finditer(html))


def _nesting(tag: re.Match[str]) -> int:
    if not tag["name"] or tag["name"].lower() in VOID or tag[0].endswith("/>"):
        return 0
    return -1 if tag["end"] else 1


def _pair_groups(ours: Sequence[Blocks], theirs: Sequence[Blocks]) -> list[tuple[int, int]]:
    """Return which groups of the second sequence are a part of which of the first, as pairs of (ours, theirs)."""
    whole = [_words(_html(group)) for group in ours]
    # The visible words, or where there are none those of the tags, such as an image's address.
    parts = [_words(_TAG.sub(" ", html)) or _words(html) for html in map(_html, theirs)]
    return align(whole, parts, lambda own, part: len(part & own) - _MIN_SHARED * len(part), repeat=True) or []


def _words(html: str) -> frozenset[str]:
    return frozenset(_WORD.findall(unescape(html)))


def _html(group: Blocks) -> str:
    return "".join(block.html for block in group)


def _patch_group(like: Blocks, blocks: Blocks, context: ParseContext) -> list[SourceBlock] | None:
    """Patch raw HTML to show what some blocks show; None where the result is not raw HTML of as many blocks."""
    keep = context.options.keep_classes
    wanted = canonical(_html(blocks), keep)
    rendered = to_html(_text(blocks), anchors=context.anchors, options=context.options)
    for candidate in _candidates(_text(like), rendered, context.resolve):
        found = context.blocks_of(candidate)
        is_alike = len(found) == len(like) and all(map(is_raw_html, found))
        if is_alike and canonical(_html(found), keep) == wanted:
            return [replace(block, gap=old.gap) for block, old in zip(found, like, strict=True)]
    return None


def _candidates(text: str, rendered: str, resolve: Callable[[str], str]) -> Iterator[str]:
    """Return versions of `text` that show what was rendered, those with the best lines first."""
    for new in dict.fromkeys((_NEWLINES_BETWEEN.sub("><", rendered), rendered)):
        patched = patch_html(text, new, settle=resolve)
        if not patched.kept:
            continue
        html = _with_source_addresses(patched.html, text, new, resolve)
        yield from dict.fromkeys((_on_own_lines(html, text), html, _BLANK.sub("", html), _BLANK.sub("&#10;", html)))


def _on_own_lines(html: str, text: str) -> str:
    """Put new elements beside a line of the author's on lines of their own."""
    old, new = text.split("\n"), html.split("\n")
    out: list[str] = []
    for tag, a, b, c, d in opcodes(old, new):
        lines = new[c:d]
        out += _split_from_line(lines, old[a], old[b - 1], out[-1:]) if tag == "replace" else lines
    return "\n".join(out)


def _split_from_line(lines: Sequence[str], first: str, last: str, above: Sequence[str]) -> Sequence[str]:
    """Split new lines from the author's line that they begin or end with."""
    ending = last.strip()
    new = lines[-1].removesuffix(ending).strip()
    if ending and lines[-1].endswith(ending) and not _open_tags("\n".join((*lines[:-1], new))):
        beside = above[0] if ending.startswith("</") and above and len(lines) == 1 else last
        return [*lines[:-1], *([_indentation(beside) + new] if new else []), last]
    new = lines[0].removeprefix(first)
    if first.strip() and lines[0].startswith(first) and not _open_tags("\n".join((new, *lines[1:]))):
        return [first, _indentation(first) + new.strip(), *lines[1:]]
    return lines


def _indentation(line: str) -> str:
    return line[: len(line) - len(line.lstrip())]


def _text(blocks: Blocks) -> str:
    return "".join(block.text + "\n" * (1 + block.gap) for block in blocks).rstrip("\n")


def _with_source_addresses(html: str, text: str, rendered: str, resolve: Callable[[str], str]) -> str:
    """Write new addresses as the rendered text writes them."""
    own = {address for found in find_attributes(text) for address in found.addresses}
    shown = [address for found in find_attributes(rendered) for address in found.addresses]
    new = {canonical_address(resolve(address)): address for address in shown}
    return replace_addresses(html, lambda address: address if address in own else new.get(address, address))
