"""Texts and globs that make a naive matcher work for minutes: the work grows with their length, or they are refused.

The calls that are made are counted, which is the same on every machine. What a regular expression does within one call
is not counted: there an alarm, far above what linear work takes, ends the test.
"""

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from types import FrameType

import pytest

from kbsync.content.document import parse_document
from kbsync.content.lint import lint
from kbsync.content.selection import Selection, TreeRules
from kbsync.content.tree import read_tree
from kbsync.errors import ContentError, UsageError
from kbsync.files import Overlay
from kbsync.markup.to_html import to_html
from kbsync.markup.to_markdown import to_markdown
from tests.markup.counted import calls_of

TEXTS: dict[str, Callable[[int], str]] = {
    "heading spaces": lambda n: "# a" + " " * n + "b",
    "heading closing": lambda n: "# a" + " #" * n + "b",
    "heading hashes": lambda n: "# a " + "#" * n + "b",
    "brackets": lambda n: "[" * n,
    "brackets closed": lambda n: "[" * n + "]" * n,
    "link nest": lambda n: "[a](" * n,
    "images": lambda n: "![" * n,
    "images closed": lambda n: "![" * n + "]" * n,
    "images links": lambda n: "![" * n + "](x)" * n,
    "brackets links": lambda n: "[" * n + "](x)" * n,
    "lt": lambda n: "<" * n,
    "lt a": lambda n: "<a " * n,
    "lt a =": lambda n: "<a b='" * n,
    "comment": lambda n: "<!--" * n,
    "comment line": lambda n: "<!-- a\n" * n,
    "pi": lambda n: "<?" * n,
    "cdata": lambda n: "<![CDATA[" * n,
    "decl": lambda n: "<!A " * n,
    "backticks": lambda n: "".join("`" * i + " " for i in range(1, int((2 * n) ** 0.5))),
    "backticks 2": lambda n: "` `` " * n,
    "fences": lambda n: "```\n" * n,
    "em": lambda n: "*a " * n,
    "em mixed": lambda n: "*a_ " * n,
    "strong nested": lambda n: "**a *b " * n,
    "em nested": lambda n: "*" * n + "a" + "*" * n,
    "under": lambda n: "_" * n + "a",
    "strike": lambda n: "~~a " * n,
    "quotes nested": lambda n: ">" * n + "a",
    "quotes lines": lambda n: "> " * 100 + "a\n" * (n // 100),
    "lists nested": lambda n: "".join(" " * (2 * i) + "- a\n" for i in range(int(n**0.5))),
    "list inline": lambda n: "- " * n + "a",
    "numbers inline": lambda n: "1. " * n + "a",
    "table wide": lambda n: "|" + "a|" * n + "\n|" + "-|" * n + "\n",
    "table rows": lambda n: "|a|b|\n|-|-|\n" + "|c|d|\n" * (n // 10),
    "pipes": lambda n: "|" * n,
    "table delim": lambda n: "a\n" + "-" * n + "|",
    "table colons": lambda n: "a|b\n" + ":-" * n,
    "refs": lambda n: "".join(f"[{i}]: /x\n" for i in range(n // 10)),
    "ref unclosed": lambda n: "[a]: <" + "b" * n,
    "ref brackets": lambda n: "[a]: " * n,
    "footnotes": lambda n: "[^1]" * n,
    "footnote defs": lambda n: "".join(f"[^{i}]: a\n" for i in range(n // 10)),
    "footnotes nest": lambda n: "^[" * n,
    "entities": lambda n: "&" * n,
    "entities 2": lambda n: "&#" * n,
    "backslash": lambda n: "\\" * n,
    "autolink": lambda n: "<http:" * n,
    "mail": lambda n: "<a@" + "a." * n,
    "spaces": lambda n: "a" + " " * n + "b",
    "spaces lines": lambda n: ("a" + " " * 100 + "\n") * (n // 100),
    "tabs": lambda n: "\t" * n + "a",
    "newlines": lambda n: "\n" * n,
    "attrs": lambda n: "# a {" + " .a" * n,
    "attrs2": lambda n: "# a " + "{#b} " * n,
    "span attrs": lambda n: "[a]{" * n,
    "braces": lambda n: "{" * n,
    "mustache": lambda n: "{{ " * n,
    "mustache2": lambda n: "{% include " * n,
    "deflist": lambda n: "a\n: " * n,
    "deflist2": lambda n: "a\n" + ": " * n,
    "colons": lambda n: ":" * n,
    "callouts": lambda n: "> [!NOTE]\n" * n,
    "details": lambda n: "<details>\n\n" * (n // 10),
    "details closed": lambda n: "<details>" * (n // 10) + "</details>" * (n // 10),
    "div nested": lambda n: "<div>" * (n // 10),
    "spans": lambda n: "<b>" * n,
    "front": lambda n: "---\n" + "a: " * n,
    "front2": lambda n: "---\n" + "- " * n + "\n---\n",
    "setext": lambda n: "a\n" * n + "===",
    "hr": lambda n: "- " * n + "\nb",
    "hr2": lambda n: "* " * n + "x",
    "toc": lambda n: "[TOC]\n\n" * (n // 10) + "# a\n" * 10,
    "headings": lambda n: "# a\n" * (n // 10),
    "quotes typog": lambda n: "\"'" * n,
    "paren": lambda n: "[a](b" + "(" * n,
    "link title": lambda n: '[a](b "' + "c" * n,
    "cjk": lambda n: "**粗。**后" * n,
    "zwsp": lambda n: "\u200b" * n,
    "combining": lambda n: "a" + "\u0301" * n,
    "nul": lambda n: "\0" * n,
    "kbsync comment": lambda n: "<!-- kbsync: ignore " * n,
    "youtube": lambda n: "https://youtu.be/a " * n,
}
HTML: dict[str, Callable[[int], str]] = {
    "open inline": lambda n: "<b>" * n,
    "open blocks": lambda n: "<div>" * n,
    "open tags": lambda n: "<a " * n,
    "open values": lambda n: "<a b='" * n,
    "attributes": lambda n: "<p" + " a=b" * n + ">x</p>",
    "styles": lambda n: "<p style='" + "color: red; " * n + "'>x</p>",
    "comments": lambda n: "<!--" * n,
    "closed": lambda n: "</b>" * n,
    "paragraphs": lambda n: "<p>a*_[`</p>" * n,
    "marks": lambda n: "<p>" + "*_[]`<>&#|~" * n + "</p>",
    "spaces": lambda n: "<p>a" + " " * n + "b</p>",
    "breaks": lambda n: "<p>" + "<br>" * n + "</p>",
    "items": lambda n: "<ul>" + "<li>a</li>" * n + "</ul>",
    "cells": lambda n: "<table><tr>" + "<td>a|b</td>" * n + "</tr></table>",
    "mixed nesting": lambda n: "<b><i>" * n + "x" + "</b></i>" * n,
    "markers": lambda n: "<p>" + "&lt;" * n + "</p>",
}
_MOST_SECONDS = 20.0
"""Of this process, whatever else the machine does."""


class _NoFiles:
    def paths(self) -> tuple[str, ...]:
        return ()

    def problems(self) -> tuple[()]:
        return ()

    def read(self, path: str) -> bytes:
        raise KeyError(path)


def _check(text: str) -> None:
    try:
        parse_document(text, "a/b/c.md")
    except ContentError:
        return
    lint(read_tree(Overlay(_NoFiles(), {"a/b/c.md": text}), TreeRules()), assets_url=None)


@contextmanager
def _alarm() -> Iterator[None]:
    def ring(_: int, __: FrameType | None) -> None:
        raise AssertionError("this takes for ever")

    before = signal.signal(signal.SIGVTALRM, ring)
    signal.setitimer(signal.ITIMER_VIRTUAL, _MOST_SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)


def _calls_to_render(name: str, size: int) -> int:
    return calls_of(lambda: to_html(TEXTS[name](size)))


@pytest.mark.parametrize("name", TEXTS)
def test_rendering_a_text_twice_as_long_takes_about_twice_the_calls(name: str) -> None:
    with _alarm():
        one, two = _calls_to_render(name, 300), _calls_to_render(name, 600)
        if two < one + 1000:
            to_html(TEXTS[name](40_000))
    assert two < 2.6 * one + 20_000


@pytest.mark.parametrize("name", TEXTS)
def test_a_long_text_is_checked_in_time(name: str) -> None:
    with _alarm():
        _check(TEXTS[name](40_000))


@pytest.mark.parametrize("name", HTML)
def test_converting_html_twice_as_long_takes_about_twice_the_calls(name: str) -> None:
    with _alarm():
        one, two = (calls_of(partial(to_markdown, HTML[name](size))) for size in (200, 400))
        to_markdown(HTML[name](2_000))
    assert two < 2.6 * one + 20_000


STARS = (
    "*" + "a*" * 60 + "b",
    "/" + "*a" * 80,
    "*[ab]" * 40 + "c",
    "*?" * 60,
    "a*/" * 30 + "*b",
    "**/a/**/b",
    "!" + "*a" * 60,
)


@pytest.mark.parametrize("glob", STARS)
def test_a_glob_with_many_stars_is_matched_at_once(glob: str) -> None:
    with _alarm():
        selection = Selection(TreeRules(ignore=(glob,)))
        for path in ("a" * 250 + "c/" + "a" * 250 + ".md", "a/" * 300 + "x.md", "ab" * 120 + ".md"):
            selection.is_hidden(path)


@pytest.mark.parametrize("glob", ["**/a/**/a/**/b", "**/" * 20 + "b"])
def test_a_glob_that_cannot_be_matched_in_linear_work_is_refused(glob: str) -> None:
    with pytest.raises(UsageError, match=r"more than 2 `\*\*`"):
        Selection(TreeRules(ignore=(glob,)))


@pytest.mark.parametrize(
    ("glob", "path", "is_hidden"),
    [
        ("*a*b.md", "x/aab.md", True),
        ("*a*b.md", "x/bba.md", False),
        ("a*b*c/d.md", "abbcbc/d.md", True),
        ("*[!a]*b.md", "x/ab.md", False),
        ("*[!a]*b.md", "x/cab.md", True),
        ("**/old/**", "x/old/y.md", True),
        ("*.*.md", "x/a.b.md", True),
        ("docs/**/*_*.md", "docs/x/y/a_b.md", True),
    ],
)
def test_globs_mean_what_git_means_by_them(glob: str, path: str, is_hidden: bool) -> None:
    assert Selection(TreeRules(ignore=(glob,))).is_hidden(path) is is_hidden
