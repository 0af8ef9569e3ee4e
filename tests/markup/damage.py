"""Damages the HTML of real articles in the ways in which other editors and help desks write theirs.

What a reader sees stays the same but where a damage says otherwise. Seeded: the same text and seed give the same.
"""

import random
import re
from collections.abc import Callable, Mapping

_START = re.compile(r"<([a-z][a-z0-9]*)(?=[\s>/])([^<>]*?)(/?)>")
_PARAGRAPH = re.compile(r"<p(\s[^<>]*)?>(.*?)</p>", re.DOTALL)
_LIST_TAG = re.compile(r"<(/?)ul\b[^<>]*>")
_TEXT = re.compile(r"(>|^)([^<>]+)(<|$)")
_CLASSED = frozenset("ul ol blockquote td th pre".split())
_EVERY = 10


def junk_attributes(html: str, seed: int) -> str:
    """Give half of the elements attributes without a meaning: random names, `data-*`, quotes that tore a style."""
    luck = random.Random(seed)

    def more(found: re.Match[str]) -> str:
        if luck.random() < 0.5:
            return found[0]
        name = "".join(luck.choices("abcdefghijklmnopqrstuvwxyz", k=luck.randint(3, 9)))
        junk = luck.choice(
            [
                f'{name}="{luck.randint(0, 99)}"',
                f"j{name}",
                f'data-{name}="{name}"',
                'helvetica="" font-size:=""',
                'neue";=""',
                'roboto,="" sans-serif;"=""',
                f'_{name}-c{luck.randint(10, 99)}=""',
                f'{name}:{name}="x"',
            ]
        )
        return f"<{found[1]}{found[2]} {junk}{found[3]}>"

    return _START.sub(more, html)


def foreign_classes(html: str, seed: int) -> str:
    """Give each list, quotation, cell and code block a class of another system."""
    luck = random.Random(seed)

    def more(found: re.Match[str]) -> str:
        if found[1] not in _CLASSED:
            return found[0]
        name = luck.choice(
            ["wysiwyg-list", "line-numbers", "tg-0lax", "intercom-align-left", "slate-block", "is-style-x"]
        )
        has_class = re.search(r'\sclass="', found[2])
        attrs = re.sub(r'(\sclass=")', rf"\1{name} ", found[2], count=1) if has_class else f'{found[2]} class="{name}"'
        return f"<{found[1]}{attrs}{found[3]}>"

    return _START.sub(more, html)


def nested_weights(html: str, _: int) -> str:
    """Nest each `strong` in a span of weight 400 with a `strong` in it."""
    opened = re.sub(r"<strong\b[^<>]*>", r'\g<0><span style="font-weight: 400;"><strong>', html)
    return opened.replace("</strong>", "</strong></span></strong>")


def lists_in_lists(html: str, seed: int) -> str:
    """Put every tenth bullet list directly into another one."""
    luck = random.Random(seed)
    wrapped: list[bool] = []

    def more(found: re.Match[str]) -> str:
        if found[1]:
            return found[0] + "</ul>" if wrapped and wrapped.pop() else found[0]
        wrapped.append(not luck.randrange(_EVERY))
        return "<ul>" + found[0] if wrapped[-1] else found[0]

    return _LIST_TAG.sub(more, html)


def preserved_lines(html: str, seed: int) -> str:
    """Keep white space in every tenth paragraph, and break its lines."""
    luck = random.Random(seed)

    def more(found: re.Match[str]) -> str:
        attrs, inner = found[1] or "", found[2]
        if luck.randrange(_EVERY) or "style=" in attrs:
            return found[0]
        broken = _TEXT.sub(lambda text: text[1] + re.sub(r"(?<=[.,:]) ", "\n", text[2]) + text[3], inner)
        return f'<p{attrs} style="white-space: pre-wrap;">{broken}</p>'

    return _PARAGRAPH.sub(more, html)


DAMAGES: Mapping[str, Callable[[str, int], str]] = {
    "junk attributes": junk_attributes,
    "foreign classes": foreign_classes,
    "nested weights": nested_weights,
    "lists in lists": lists_in_lists,
    "preserved lines": preserved_lines,
}
