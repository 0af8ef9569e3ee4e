"""Text from outside reaches terminals, comments and pages as plain text only."""

import json
import re
import time

import html5lib
import pytest
from markdown_it import MarkdownIt

from kbsync.cli import console
from tests.cli.conftest import FIRST, SECOND, Project

ESCAPES = "\x1b]0;owned\x07\x1b[2J\x1b[31mred\u202eover\u2028\x9b31m"
MARKUP = "<script>alert(1)</script> | @everyone `code` **bold** [x](https://evil.example) #1 <!-- --> &amp; \\|"
FORMS = ("text", "json", "markdown", "html")
STEERING = ("\x1b", "\x07", "\x9b", "\u202e")


def _drift(project: Project, name: str) -> None:
    """Leave drift, a conflict, an update and something unmanaged, all under a hostile name."""
    project.published()
    store = project.portal.store
    store.edit_article(project.article("First steps"), title=name, body=f"<p>{name}</p>")
    store.edit_article(project.article("Second steps"), body=f"<p>{name}</p>")
    category = store.create_category(name[:50])
    store.create_article(store.create_folder(category.id, name[:50]).id, name, f"<p>{name}</p>")
    project.checkout.write(SECOND, "---\ntitle: Second steps\n---\nOurs\n")
    project.checkout.write("guide/start/new.md", f"---\ntitle: {json.dumps(name)}\n---\nText\n")
    project.checkout.commit()


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("colour", [{}, {"FORCE_COLOR": "1"}])
def test_no_escape_sequence_from_outside_reaches_a_report(project: Project, form: str, colour: dict[str, str]) -> None:
    _drift(project, ESCAPES)
    result = project.kbsync("plan", "--format", form, **colour)
    assert result.code == 0
    assert "red" in result.out
    for text in ("\x1b]0;", "\x1b[2J", *STEERING[1:]):
        assert text not in result.out + result.err
    if form != "text" or not colour:
        assert "\x1b" not in result.out


@pytest.mark.parametrize("command", [["status"], ["pull", "--dry-run"], ["pull"], ["publish", "--yes"]])
def test_no_escape_sequence_from_outside_reaches_the_terminal(project: Project, command: list[str]) -> None:
    _drift(project, ESCAPES)
    result = project.kbsync(*command, KBSYNC_NEW="all")
    assert result.code in (0, 4)
    assert [mark for mark in STEERING if mark in result.out + result.err] == []


def test_no_escape_sequence_in_a_file_reaches_the_terminal(project: Project) -> None:
    project.checkout.write("guide/start/x.md", '---\ntitle: "\\e[31mX"\ntgas\\u001b: 1\n---\n[x](\x1b[31mgone.md)\n')
    project.checkout.write("guide/start/\x1b[31m.md", "")
    project.checkout.write("guide/start/y.md", "---\ntitle: Y\nstatus: \x1b[31m\n---\n")
    for words in (["lint"], ["plan"]):
        result = project.kbsync(*words)
        assert result.code == 1
        assert "x.md" in result.out + result.err
        assert "\x1b" not in result.out + result.err


def test_no_escape_sequence_in_a_name_reaches_the_notices(project: Project) -> None:
    project.published()
    project.checkout.write("guide/start/\x1b[31m\nnew.md", "---\ntitle: X\n---\nText\n")
    for words in (["plan"], ["publish", "--yes"], ["plan", "--no-refresh"]):
        result = project.kbsync("--url", project.portal.url, *words)
        assert "new.md" in result.out + result.err
        assert "\x1b" not in result.out + result.err
    result = project.kbsync("--url", "https://\x1b[31m.freshdesk.com", "plan", "--no-refresh")
    assert "\x1b" not in result.out + result.err


def test_markdown_reports_hold_no_markup_from_outside(project: Project) -> None:
    _drift(project, MARKUP)
    text = project.kbsync("plan", "--format", "markdown").out
    page = html5lib.parse(MarkdownIt("commonmark").enable("table").render(text), namespaceHTMLElements=False)
    own = {"html", "head", "body", "h3", "p", "strong", "ul", "li", "code", "pre", "details", "summary"}
    own |= {"table", "thead", "tbody", "tr", "th", "td", "a"}
    assert {str(element.tag) for element in page.iter()} <= own
    assert {len(row) for row in page.iter("tr")} == {3}, "a pipe from outside makes no cell"
    addresses = [link.attrib["href"] for link in page.iter("a")]
    assert [to for to in addresses if not to.startswith((project.portal.url, "https://github.com/kbsync"))] == []
    assert MARKUP in "".join(page.itertext()).replace("\u200b", "")
    for element in page.iter():
        if element.tag not in {"code", "pre"}:
            message = (element.text or "") + "".join(child.tail or "" for child in element)
            assert "@everyone" not in message
            assert "#1" not in message
            assert "://evil" not in message


def test_a_fence_in_an_article_does_not_close_the_fence_of_its_diff(project: Project) -> None:
    project.published()
    project.checkout.write(FIRST, "---\ntitle: First steps\n---\n````\n</details>\n````\n\n```\n# Not a heading\n```\n")
    text = project.kbsync("plan", "--format", "markdown").out
    lines = text.splitlines()
    fences = [line for line in lines if line.startswith("`````")]
    assert fences == ["`````diff", "`````"]


def test_html_reports_hold_no_markup_from_outside(project: Project) -> None:
    _drift(project, MARKUP)
    project.checkout.write("guide/start/<img src=x onerror=alert(1)>.md", "---\ntitle: X\n---\nText\n")
    text = project.kbsync("plan", "--format", "html").out
    page = html5lib.parse(text, namespaceHTMLElements=False)
    assert page.find(".//script") is None
    assert page.find(".//img") is None
    addresses = [link.attrib["href"] for link in page.iter("a")]
    assert [
        to for to in addresses if not to.startswith(("#change-", project.portal.url, "https://github.com/kbsync"))
    ] == []
    assert [name for element in page.iter() for name in element.attrib if name.startswith("on")] == []
    assert MARKUP in "".join(page.itertext())


def test_a_very_long_plan_fits_a_comment(project: Project) -> None:
    for number in range(150):
        project.checkout.write(f"guide/start/{number}.md", f"---\ntitle: T{number}\n---\n" + "A line of text.\n\n" * 40)
    project.checkout.commit()
    project.published()
    for number in range(150):
        project.checkout.write(f"guide/start/{number}.md", f"---\ntitle: T{number}\n---\n" + "Another line.\n\n" * 40)
    text = project.kbsync("plan", "--format", "markdown").out
    assert len(text) < 65_536
    assert "more diffs: run `kbsync plan`." in text
    assert text.count("| update |") == 150


COMMANDS = (
    "::add-mask::x",
    "  ::stop-commands::x",
    "\t::set-output name=a::b",
    "##[error]x",
    "a ##[add-mask]x",
    "##vso[task.setvariable variable=a]b",
    "##teamcity[buildStop]",
    "\x1b[0Ksection_start:1:a[collapsed=true]\r\x1b[0Kx",
    "a\r::add-mask::x",
    "\u00a0::add-mask::x",
)
CI = ({"GITHUB_ACTIONS": "true"}, {"GITLAB_CI": "true"}, {"GITHUB_ACTIONS": "true", "FORCE_COLOR": "1"})


def _commands_in(text: str) -> list[str]:
    """Return the lines that a runner takes for its commands."""
    plain = re.sub(r"\x1b\[[0-9;]*m", "", text)
    lines = [line for line in re.split(r"[\r\n]", plain) if line.strip().startswith("::")]
    return lines + re.findall(r"##[a-z]*\[|\r|\x1b\[0K", plain)


@pytest.mark.parametrize("ci", CI, ids=["github", "gitlab", "colours"])
def test_no_output_holds_a_command_of_a_ci_system(project: Project, ci: dict[str, str]) -> None:
    lines = "\n".join(COMMANDS)
    old = f"---\ntitle: {json.dumps(COMMANDS[0])}\ntags: ['##[x]']\n---\nFirst\n\n{lines}\n\nLast\n"
    project.checkout.write(FIRST, old)
    project.checkout.write("guide/start/::add-mask::x.md", "---\ntitle: X\n---\n[x](none\n")
    project.checkout.commit()
    project.published()
    project.checkout.write(FIRST, old.replace("First", "Other").replace("Last", "End"))
    store = project.portal.store
    store.edit_article(project.article("Second steps"), title=COMMANDS[3], body=f"<pre>{lines}</pre>")
    project.checkout.write(SECOND, f"---\ntitle: Second steps\n---\n{lines}\n")
    for words in (
        *(["plan", "--format", form] for form in FORMS),
        *(["status"], ["lint"], ["render", FIRST], ["pull", "--dry-run"], ["history"], ["::no", "\n::add-mask::x"]),
        *(["plan", "\n::add-mask::x"], ["explain", FIRST], ["publish", "--yes"], ["publish", "--yes", "--dirty"]),
    ):
        found = project.kbsync(*words, **ci)
        assert _commands_in(found.out + found.err) == [], words
        if words == ["plan", "--format", "json"]:
            assert "##[error]x" in json.dumps(json.loads(found.out))


def test_a_result_that_is_all_white_space_is_checked_in_linear_work() -> None:
    for text in ("\n" * 50_000, "\r" * 50_000, " " * 50_000, "\x1b[0m" * 20_000, ("\n" + " " * 20) * 5000):
        assert _neutral_within(text, seconds=5.0)


def _neutral_within(text: str, *, seconds: float) -> bool:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GITHUB_ACTIONS", "true")
        started = time.process_time()
        console._neutral(text)
        return time.process_time() - started < seconds
