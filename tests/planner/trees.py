"""Content trees and edits of both sides, drawn by hypothesis: odd titles, links in cycles, renames, web edits.

A tree is a mapping of paths to texts and an edit is a value, so that the same strategies drive the planner in memory
and the engine over HTTP.
"""

import os
import posixpath
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from tests.planner.world import article

TITLES = (
    "Reset your password",
    "Wi‑Fi & “Bluetooth” — 100 %",
    "كيف أعيد تعيين كلمة المرور؟",
    "איפוס סיסמה (v2.0)",
    "Emoji 🎉👩🏽‍💻 title",
    "CON",
    "../../etc/passwd",
    "null",
    "A: b # c - 'd' \"e\"",
    "Straße İstanbul",
    "日本語のタイトル",
    "Same title",
    "Same title",
    "{{ placeholder }} <b>not bold</b>",
)
TAGS = ("how to", "العربية", "a,b", "x" * 32)
WORDS = "press the red button twice and wait until lamps blink slowly before you pull any cable out again".split()
FOLDERS = (
    "guide/basics",
    "guide/basics/more",
    "guide/wifi",
    "عام/أسئلة",
    "shop/orders",
    "shop/orders/late",
    "shop/emoji 🎉",
)


def law(examples: int) -> settings:
    """Return the settings of an invariant: the same examples every time in CI, new ones locally."""
    return settings(
        max_examples=examples,
        deadline=None,
        derandomize=bool(os.environ.get("CI")),
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Edit:
    """One edit of a writer or an agent; its item is chosen when the edit is made."""

    what: str
    which: int
    other: int
    text: str

    def chosen(self, among: list[Any]) -> Any:
        """Return the chosen one of some items."""
        return among[self.which % len(among)] if among else None


def _edits(*whats: str) -> st.SearchStrategy[list[Edit]]:
    numbers = st.integers(0, 40)
    edit = st.builds(
        lambda what, which, other, text: Edit(what=what, which=which, other=other, text=text),
        st.sampled_from(whats),
        numbers,
        numbers,
        paragraphs(),
    )
    return st.lists(edit, max_size=4)


def paragraphs() -> st.SearchStrategy[str]:
    """Draw some Markdown that differs from one draw to the next."""
    plain = st.lists(st.sampled_from(WORDS), min_size=1, max_size=12).map(" ".join)
    odd = st.sampled_from(
        [
            "مرحبا **بالعالم**",
            "- one\n- two\n  - three",
            "| a | b |\n|---|---|\n| 1 | 2 |",
            "```python\nprint('<&>')\n```",
            "> [!NOTE]\n> Mind the *gap*.",
            "`{{ contact.name }}` & <kbd>Ctrl</kbd>",
            "## A heading\n\nUnder it.",
        ]
    )
    return st.one_of(plain, odd)


@st.composite
def trees(draw: st.DrawFn, *, least: int = 1, most: int = 7) -> dict[str, str]:
    """Draw the files of a tree."""
    places = draw(st.lists(st.sampled_from(FOLDERS), min_size=1, max_size=4, unique=True))
    paths = [
        f"{draw(st.sampled_from(places))}/page-{number}.md"
        for number in range(draw(st.integers(least, max(least, most))))
    ]
    files = {path: draw(sources(path, paths)) for path in paths}
    for place in {posixpath.dirname(path) for path in paths}:
        if draw(st.booleans()):
            files[f"{place}/_index.md"] = (
                f"---\nname: {_quoted(f'Name of {place}')}\nvisibility: logged-in\n---\n\nWords.\n"
            )
    return files


@st.composite
def sources(draw: st.DrawFn, path: str, paths: list[str]) -> str:
    """Draw one article's text, with links to others of the tree."""
    parts = draw(st.lists(paragraphs(), max_size=3))
    for target in draw(st.lists(st.sampled_from(paths), max_size=2)):
        parts.append(f"See [this]({link(path, target)}).")
    front: dict[str, str] = {}
    if draw(st.booleans()):
        front["tags"] = (
            "[" + ", ".join(map(_quoted, draw(st.lists(st.sampled_from(TAGS), unique=True, max_size=2)))) + "]"
        )
    if draw(st.integers(0, 4)) == 0:
        front["status"] = "draft"
    # A line of its own, so that few articles are copies of one another; some are, and are called the same.
    parts.append(f"This is {path} and no other." if draw(st.integers(0, 9)) else "A copy.")
    return article(_quoted(draw(st.sampled_from(TITLES))), "\n\n".join(parts), **front)


def link(path: str, target: str) -> str:
    """Return the relative address of a file for a Markdown link."""
    return "<" + posixpath.relpath(target, posixpath.dirname(path)) + ">"


def writers_edits() -> st.SearchStrategy[list[Edit]]:
    """Draw the edits of a writer."""
    return _edits("body", "body", "title", "status", "tags", "remove", "add", "rename", "move")


def agents_edits() -> st.SearchStrategy[list[Edit]]:
    """Draw the edits of an agent."""
    return _edits("body", "body", "title", "status", "tags", "remove", "add", "touch")


def write(files: dict[str, str], edits: list[Edit]) -> None:
    """Make a writer's edits; links follow renamed files and are removed with their targets."""
    for number, edit in enumerate(edits):
        articles = sorted(path for path in files if path.endswith(".md") and not path.endswith("_index.md"))
        path = edit.chosen(articles)
        if path is not None:
            _WRITERS[edit.what](files, path, articles[edit.other % len(articles)], f"{number}", edit)


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _body(files: dict[str, str], path: str, other: str, number: str, edit: Edit) -> None:
    files[path] += f"\n{edit.text}\n\nSee [that]({link(path, other)}) too, {number}.\n"


def _front(files: dict[str, str], path: str, name: str, value: str) -> None:
    head, _, body = files[path].removeprefix("---\n").partition("\n---\n")
    lines = [line for line in head.split("\n") if not line.startswith(f"{name}:")]
    files[path] = "---\n" + "\n".join([*lines, f"{name}: {value}"]) + "\n---\n" + body


def _remove(files: dict[str, str], path: str, *_: object) -> None:
    del files[path]
    _relink(files, path, None)


def _rename(files: dict[str, str], path: str, place: str, number: str) -> None:
    new = f"{place}/renamed-{number}-{posixpath.basename(path)}"
    files[new] = files.pop(path)
    if posixpath.dirname(new) != posixpath.dirname(path):
        files[new] = _moved_links(files[new], path, new, [*files, path])
    _relink(files, path, new)


def _moved_links(text: str, old: str, new: str, targets: list[str]) -> str:
    for target in targets:
        text = text.replace(f"({link(old, target)})", f"({link(new, new if target == old else target)})")
    return text


def _relink(files: dict[str, str], old: str, new: str | None) -> None:
    for path, text in files.items():
        files[path] = text.replace(f"({link(path, old)})", f"({link(path, new)})" if new else "(https://example.com)")


_Writer = Callable[[dict[str, str], str, str, str, Edit], None]
_WRITERS: Mapping[str, _Writer] = {
    "body": _body,
    "title": lambda files, path, _, n, edit: _front(files, path, "title", _quoted(f"{edit.chosen(list(TITLES))} {n}")),
    "status": lambda files, path, _, __, edit: _front(files, path, "status", ("draft", "published")[edit.other % 2]),
    "tags": lambda files, path, _, __, edit: _front(files, path, "tags", f"[{_quoted(TAGS[edit.other % len(TAGS)])}]"),
    "remove": lambda files, path, *_: _remove(files, path),
    "add": lambda files, path, other, n, edit: files.update(
        {f"{posixpath.dirname(other)}/new-{n}.md": article(f"New {n}", f"{edit.text}\n\n[Back]({link(other, path)}).")}
    ),
    "rename": lambda files, path, _, n, __: _rename(files, path, posixpath.dirname(path), n),
    "move": lambda files, path, other, n, _: _rename(files, path, posixpath.dirname(other), n),
}
