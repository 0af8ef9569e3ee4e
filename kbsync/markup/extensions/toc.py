"""Anchors of headings, as GitHub makes them, and Freshdesk's table of contents (recorded: `<p class="fd-toc">`).

`[TOC]` alone in its paragraph stands for it. One function makes it for both directions, so that a list is recognized
when it is exactly what kbsync makes; any other stays a list.
"""

import re
import unicodedata
from collections.abc import Collection, MutableMapping, Sequence
from dataclasses import dataclass
from html import escape
from urllib.parse import quote

_KEPT = frozenset("LMN")
_FALLBACK = "section"

_NOT_IN_SLUG = re.compile(r"[^\w\s-]")


def slug(title: str) -> str:
    """Return the slug of a title: lower case, letters, marks and digits of any script, `-` and `_`."""
    plain = unicodedata.normalize("NFC", title).strip().lower()
    kept = (char for char in plain if char.isspace() or char in "-_" or unicodedata.category(char)[0] in _KEPT)
    return "".join("-" if char.isspace() else char for char in kept).strip("-") or _FALLBACK


def other_slugs(title: str) -> tuple[str, ...]:
    """Return the slugs of a title as GitHub and Docusaurus, GitLab, MkDocs, and Sphinx and Hugo make them.

    One for each rule, in this order; those of MkDocs and Sphinx with their ASCII letters alone and with all.
    """
    text = unicodedata.normalize("NFC", title).strip().lower()
    ascii_only = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode("ascii")
    github = _joined(_NOT_IN_SLUG.sub("", text), r"\s")
    return (
        github,
        _joined(github, "-+").strip("-"),
        *(_joined(_NOT_IN_SLUG.sub("", one).strip(), r"[-\s]+") for one in (ascii_only, text)),
        *(_joined(one, r"[\W_]+").strip("-") for one in (ascii_only, text)),
    )


def _joined(text: str, separators: str) -> str:
    return re.sub(separators, "-", text)


def unique_name(name: str, taken: Collection[str], tried: MutableMapping[str, int]) -> str:
    """Return `name`, or the first of `name-1`, `name-2` … that is not taken; `tried` keeps the last number of each."""
    number = tried.get(name, 0)
    while (numbered := f"{name}-{number}" if number else name) in taken:
        number += 1
    tried[name] = number
    return numbered


TOC_MARKER = "[TOC]"
TOC_CLASS = "fd-toc"
_SAFE = "/?:@=+$,-_.!~*()"


@dataclass(frozen=True, slots=True, kw_only=True)
class TocEntry:
    """One heading in a table of contents."""

    level: int
    id: str
    text: str


def toc_html(headings: Sequence[TocEntry], title: str) -> str:
    """Write the table of contents; nothing when there are no headings."""
    if not headings:
        return ""
    out = [f'<p class="{TOC_CLASS}"><strong>{escape(title)}</strong></p>']
    opened: list[int] = []
    for heading in headings:
        if not opened or heading.level > opened[-1]:
            out.append("<ul>")
            opened.append(heading.level)
        else:
            while len(opened) > 1 and heading.level <= opened[-2]:
                out.append("</li></ul>")
                opened.pop()
            opened[-1] = min(opened[-1], heading.level)
            out.append("</li>")
        out.append(f'<li><a href="#{quote(heading.id, safe=_SAFE)}">{escape(heading.text)}</a>')
    return "".join(out) + "</li></ul>" * len(opened) + "\n"
