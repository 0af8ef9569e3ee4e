"""Footnotes as links, numbers and a list at the end, which every portal keeps: tokens in, tokens out.

The anchors contain the label, so that the writer of Markdown finds it again. A definition without a reference, or the
second one of a label, stays as text in its place: nothing is dropped.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from markdown_it.rules_core import StateCore
from markdown_it.token import Token

from kbsync.markup.extensions.toc import slug, unique_name

NOTE_PREFIX, REFERENCE_PREFIX = "fn-", "fnref-"
# With the variation selector for text, since phones would show an emoji.
BACK_ARROW = "\u21a9\ufe0e"
_LABEL = re.compile(r"[\w.-]+")


@dataclass(slots=True, kw_only=True)
class _Definition:
    label: str
    tokens: list[Token] = field(default_factory=list)
    map: list[int] | None = None


def collect_footnotes(state: StateCore) -> None:
    """Move the definitions with a reference to the end of the text, in the order of the references."""
    known: Mapping[int, Mapping[str, Any]] = state.env.get("footnotes", {}).get("list", {})
    used = {str(one["label"]): number for number, one in known.items()}
    kept, definitions = _split_definitions(state.tokens, used)
    taken: set[str] = set()
    names = {number: _anchor_name(label, taken) for label, number in used.items()}
    for child in (child for token in state.tokens for child in token.children or ()):
        if child.type == "footnote_ref":
            child.meta["name"] = names[child.meta["id"]]
    if definitions:
        kept.append(_token("footnotes_open", "ol", 1))
        for label, number in sorted(used.items(), key=lambda one: one[1]):
            kept += _item(definitions[label], names[number], known[number]["count"])
        kept.append(_token("footnotes_close", "ol", -1))
    state.tokens = kept


def _split_definitions(tokens: Sequence[Token], used: Mapping[str, int]) -> tuple[list[Token], dict[str, _Definition]]:
    """Separate the definitions that are used from a text; the others become paragraphs again."""
    kept: list[Token] = []
    found: dict[str, _Definition] = {}
    opened: list[tuple[_Definition, bool]] = []
    for token in tokens:
        here = opened[-1][0].tokens if opened else kept
        if token.type == "footnote_reference_open":
            definition = _Definition(label=token.meta["label"], map=token.map)
            opened.append((definition, definition.label in used and definition.label not in found))
            if opened[-1][1]:
                found[definition.label] = definition
        elif token.type == "footnote_reference_close":
            definition, taken = opened.pop()
            if not taken:
                (opened[-1][0].tokens if opened else kept).extend(_as_text(definition))
        else:
            here.append(token)
    return kept, found


def _as_text(definition: _Definition) -> list[Token]:
    mark = Token("text", "", 0, content=f"[^{definition.label}]: ")
    tokens = definition.tokens
    if len(tokens) > 1 and tokens[0].type == "paragraph_open" and tokens[1].children is not None:
        tokens[1].children.insert(0, mark)
        return tokens
    inline = Token("inline", "", 0, content=mark.content, children=[mark], map=definition.map, block=True)
    return [_token("paragraph_open", "p", 1, definition.map), inline, _token("paragraph_close", "p", -1), *tokens]


def _anchor_name(label: str, taken: set[str]) -> str:
    name = unique_name(label if _LABEL.fullmatch(label) else slug(label), taken, {})
    taken.add(name)
    return name


def _item(definition: _Definition, name: str, count: int) -> list[Token]:
    opening = _token("footnote_open", "li", 1, definition.map)
    opening.attrs["id"] = NOTE_PREFIX + name
    tokens, end = definition.tokens, [_token("footnote_close", "li", -1)]
    links = [Token("footnote_back", "", 0, meta={"name": reference_name(name, sub)}) for sub in range(count)]
    if len(tokens) > 2 and tokens[-1].type == "paragraph_close" and tokens[-2].children is not None:
        tokens[-2].children.extend(links)
        return [opening, *tokens, *end]
    inline = Token("inline", "", 0, children=links, block=True)
    paragraph = [_token("paragraph_open", "p", 1), inline, _token("paragraph_close", "p", -1)]
    return [opening, *tokens, *paragraph, *end]


def reference_name(name: str, sub: int) -> str:
    """Return the anchor of a reference; `sub` counts the references to one footnote from 0."""
    return REFERENCE_PREFIX + name + (f":{sub}" if sub else "")


def _token(kind: str, tag: str, nesting: int, lines: list[int] | None = None) -> Token:
    return Token(kind, tag, nesting, block=True, map=lines)  # type: ignore[arg-type]
