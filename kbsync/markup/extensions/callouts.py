"""Freshdesk's call-outs, and the alerts that stand for them in Markdown: the kinds of both.

Freshdesk writes `<pre class="fd-callout fd-callout--note">` (recorded: note, info, idea, warning, success, danger,
tip); Markdown says `> [!NOTE]`. GitHub's two other names are read as the nearest kind of Freshdesk's.
"""

import re

KINDS = ("note", "info", "idea", "warning", "success", "danger", "tip")
_GITHUB = {"important": "info", "caution": "danger"}
_MARKER = re.compile(r"\[!([A-Za-z]+)\][ \t]*(?:\n|$)")
_CLASS = "fd-callout"


def kind_of_marker(text: str) -> tuple[str, int] | None:
    """Return the kind that an alert's first line names, and how many characters the line takes; else None."""
    found = _MARKER.match(text)
    if not found:
        return None
    name = found[1].lower()
    kind = _GITHUB.get(name, name)
    return (kind, found.end()) if kind in KINDS else None


def marker(kind: str) -> str:
    """Return the first line of an alert."""
    return f"[!{kind.upper()}]"


def class_of(kind: str) -> str:
    """Return the class attribute of a call-out."""
    return f"{_CLASS} {_CLASS}--{kind}"


def kind_of_class(value: str) -> str | None:
    """Return the kind of call-out that a class attribute names and nothing more; else None."""
    names = value.split()
    if len(names) != 2 or names[0] != _CLASS:
        return None
    kind = names[1].removeprefix(f"{_CLASS}--")
    return kind if kind in KINDS and names[1] != kind else None
