"""Freshdesk's table of contents (recorded: `<p class="fd-toc">`, then a list of links), made from headings.

`[TOC]` alone in its paragraph stands for it. One function makes it for both directions, so that a list is recognized
when it is exactly what kbsync makes; any other stays a list.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from urllib.parse import quote

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
