"""Freshdesk's list of contents (recorded: `<p class="fd-toc">`, then a list of links), made from an article's headings.

`[TOC]` alone in its paragraph stands for it. One function makes it for both directions, so that a list which was made
this way is known again, and any other stays the list that it is.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from urllib.parse import quote

MARK = "[TOC]"
CLASS = "fd-toc"
_SAFE = "/?:@=+$,-_.!~*()"


@dataclass(frozen=True, slots=True, kw_only=True)
class Heading:
    """What a list of contents tells of one heading."""

    level: int
    id: str
    text: str


def contents(headings: Sequence[Heading], title: str) -> str:
    """Write the list of contents; nothing when there are no headings."""
    if not headings:
        return ""
    out = [f'<p class="{CLASS}"><strong>{escape(title)}</strong></p>']
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
