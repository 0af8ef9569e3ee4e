"""What a Markdown text refers to and what can be referred to in it, with lines.

Reads only. The last texts are remembered, since a plan asks for addresses and for anchors of the same text.
"""

import json
import re
from dataclasses import dataclass
from functools import lru_cache

from markdown_it.token import Token

from kbsync.markup.dialect import inlines, parser
from kbsync.markup.html import rawtags
from kbsync.markup.to_html import name_headings
from kbsync.memo import remembered

# Raw attributes and autolinks.
_ADDRESS = re.compile(r"\b(?:href|src|poster)\s*=|<[A-Za-z][A-Za-z0-9+.-]*:|<[^\s<>@]+@", re.IGNORECASE)
_ANCHOR = re.compile(
    r"<summary|^[ \t>*+\-\d.)]*#|^[ \t>]*(?:=+|-+)[ \t]*$|\b(?:id|name)\s*=|\{[^}\n]*#", re.IGNORECASE | re.MULTILINE
)
_SCRIPT = re.compile(r"<script|<style|javascript|vbscript|data:text|\bon\w+\s*=", re.IGNORECASE)
_RUNS = re.compile(r"(?:javascript|vbscript):|data:text/html\b", re.IGNORECASE)
_CONTROL = re.compile(r"[\x00-\x20]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """One address as written, Markdown's escapes undone; `embedded` when the page shows it (a picture, a frame)."""

    target: str
    line: int
    embedded: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Hazard:
    """Something that a browser would run, which kbsync publishes from nobody."""

    what: str
    line: int


def references(markdown: str) -> tuple[Reference, ...]:
    """Name every address of a text, in order."""
    return _survey(markdown).references if _may_refer(markdown) else ()


def anchors_of(markdown: str) -> frozenset[str]:
    """Name every anchor that a link could go to: slugs of headings, ids that the writer gave, raw `id` and `name`."""
    return _survey(markdown).anchors if _ANCHOR.search(markdown) else frozenset()


def hazards(markdown: str) -> tuple[Hazard, ...]:
    """Name the scripts, style sheets, event attributes and addresses that run, which publishing refuses."""
    return _survey(markdown).hazards if _may_run(markdown) else ()


def _may_refer(markdown: str) -> bool:
    """Tell whether there can be an address: plain searches first, since they go through a text many times as fast."""
    if "](" in markdown or "]:" in markdown:
        return True
    return ("<" in markdown or "=" in markdown) and bool(_ADDRESS.search(markdown))


def _may_run(markdown: str) -> bool:
    """Tell whether there can be a hazard; an entity may hide any."""
    if "&" in markdown:
        return True
    return any(sign in markdown for sign in "<=:") and bool(_SCRIPT.search(markdown))


def runs(address: str) -> bool:
    """Whether following the address runs a script."""
    return bool(_RUNS.match(_CONTROL.sub("", address)))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Survey:
    references: tuple[Reference, ...]
    anchors: frozenset[str]
    hazards: tuple[Hazard, ...]


@lru_cache(maxsize=16384)
def _survey(markdown: str) -> _Survey:
    return _survey_from_json(remembered("survey", (markdown,), lambda: _survey_to_json(_surveyed(markdown))))


def _surveyed(markdown: str) -> _Survey:
    tokens = _PARSER.parse(markdown)
    named = set(name_headings(tokens, wanted=()))
    found: list[Reference] = []
    hazards: list[Hazard] = []
    for text, line in _raw(tokens):
        for attribute in rawtags.attributes(text):
            at = line + text.count("\n", 0, max(attribute.start, 0))
            if attribute.is_address:
                found.append(Reference(target=attribute.value, line=at, embedded=attribute.key != "href"))
            elif attribute.key in ("id", "name") and attribute.value:
                named.add(attribute.value)
            elif attribute.key.startswith("on") and len(attribute.key) > 4:
                hazards.append(Hazard(what=f"{attribute.key} attribute", line=at))
        hazards.extend(
            Hazard(what=f"<{name}>", line=line + text.count("\n", 0, at)) for name, at in rawtags.scripts(text)
        )
    for token, line in inlines(tokens):
        if token.type == "link_open":
            found.append(Reference(target=str(token.attrs["href"]), line=line, embedded=False))
        elif token.type == "image":
            found.append(Reference(target=str(token.attrs["src"]), line=line, embedded=True))
    named |= {str(token.attrs["id"]) for token in tokens if token.attrs.get("id")}
    hazards += [Hazard(what=f"address {one.target[:40]}", line=one.line) for one in found if runs(one.target)]
    return _Survey(
        references=tuple(sorted(found, key=lambda one: one.line)),
        anchors=frozenset(named),
        hazards=tuple(sorted(hazards, key=lambda one: (one.line, one.what))),
    )


def _survey_to_json(survey: _Survey) -> str:
    return json.dumps(
        (
            [(one.target, one.line, one.embedded) for one in survey.references],
            sorted(survey.anchors),
            [(one.what, one.line) for one in survey.hazards],
        )
    )


def _survey_from_json(text: str) -> _Survey:
    references, anchors, hazards = json.loads(text)
    return _Survey(
        references=tuple(Reference(target=target, line=line, embedded=shown) for target, line, shown in references),
        anchors=frozenset(anchors),
        hazards=tuple(Hazard(what=what, line=line) for what, line in hazards),
    )


def _raw(tokens: list[Token]) -> list[tuple[str, int]]:
    blocks = [(token.content, (token.map or [0])[0] + 1) for token in tokens if token.type == "html_block"]
    return blocks + [(token.content, line) for token, line in inlines(tokens) if token.type == "html_inline"]


_PARSER = parser()
