"""What comes from outside reaches terminals, comments and pages as text, and as nothing else."""

import json

import html5lib
import pytest
from markdown_it import MarkdownIt

from tests.cli.conftest import FIRST, SECOND, Scene

ESCAPES = "\x1b]0;owned\x07\x1b[2J\x1b[31mred\u202eover\u2028\x9b31m"
MARKUP = "<script>alert(1)</script> | @everyone `code` **bold** [x](https://evil.example) #1 <!-- --> &amp; \\|"
FORMS = ("text", "json", "markdown", "html")
STEERING = ("\x1b", "\x07", "\x9b", "\u202e")


def _drift(scene: Scene, name: str) -> None:
    """Leave drift, a conflict, an update and something unmanaged, all under a hostile name."""
    scene.published()
    store = scene.portal.store
    store.edit_article(scene.article("First steps"), title=name, body=f"<p>{name}</p>")
    store.edit_article(scene.article("Second steps"), body=f"<p>{name}</p>")
    category = store.create_category(name[:50])
    store.create_article(store.create_folder(category.id, name[:50]).id, name, f"<p>{name}</p>")
    scene.desk.write(SECOND, "---\ntitle: Second steps\n---\nOurs\n")
    scene.desk.write("guide/start/new.md", f"---\ntitle: {json.dumps(name)}\n---\nText\n")
    scene.desk.commit()


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("colour", [{}, {"FORCE_COLOR": "1"}])
def test_no_escape_sequence_from_outside_reaches_a_report(scene: Scene, form: str, colour: dict[str, str]) -> None:
    _drift(scene, ESCAPES)
    ended = scene.kbsync("plan", "--format", form, **colour)
    assert ended.code == 0
    assert "red" in ended.out
    for text in ("\x1b]0;", "\x1b[2J", *STEERING[1:]):
        assert text not in ended.out + ended.err
    if form != "text" or not colour:
        assert "\x1b" not in ended.out


@pytest.mark.parametrize("command", [["status"], ["pull", "--dry-run"], ["pull"], ["publish", "--yes"]])
def test_no_escape_sequence_from_outside_reaches_the_terminal(scene: Scene, command: list[str]) -> None:
    _drift(scene, ESCAPES)
    ended = scene.kbsync(*command, KBSYNC_NEW="all")
    assert ended.code in (0, 4)
    assert [mark for mark in STEERING if mark in ended.out + ended.err] == []


def test_no_escape_sequence_in_a_file_reaches_the_terminal(scene: Scene) -> None:
    scene.desk.write("guide/start/x.md", '---\ntitle: "\\e[31mX"\ntgas\\u001b: 1\n---\n[x](\x1b[31mgone.md)\n')
    scene.desk.write("guide/start/\x1b[31m.md", "")
    scene.desk.write("guide/start/y.md", "---\ntitle: Y\nstatus: \x1b[31m\n---\n")
    for words in (["lint"], ["plan"]):
        ended = scene.kbsync(*words)
        assert ended.code == 1
        assert "x.md" in ended.out + ended.err
        assert "\x1b" not in ended.out + ended.err


def test_no_escape_sequence_in_a_name_reaches_the_notices(scene: Scene) -> None:
    scene.published()
    scene.desk.write("guide/start/\x1b[31m\nnew.md", "---\ntitle: X\n---\nText\n")
    for words in (["plan"], ["publish", "--yes"], ["plan", "--no-refresh"]):
        ended = scene.kbsync("--url", scene.portal.url, *words)
        assert "new.md" in ended.out + ended.err
        assert "\x1b" not in ended.out + ended.err
    ended = scene.kbsync("--url", "https://\x1b[31m.freshdesk.com", "plan", "--no-refresh")
    assert "\x1b" not in ended.out + ended.err


def test_markdown_reports_hold_no_markup_from_outside(scene: Scene) -> None:
    _drift(scene, MARKUP)
    text = scene.kbsync("plan", "--format", "markdown").out
    page = html5lib.parse(MarkdownIt("commonmark").enable("table").render(text), namespaceHTMLElements=False)
    own = {"html", "head", "body", "h3", "p", "strong", "ul", "li", "code", "pre", "details", "summary"}
    own |= {"table", "thead", "tbody", "tr", "th", "td"}
    assert {str(element.tag) for element in page.iter()} <= own
    assert {len(row) for row in page.iter("tr")} == {3}, "a pipe from outside makes no cell"
    assert MARKUP in "".join(page.itertext()).replace("\u200b", "")
    for element in page.iter():
        if element.tag not in {"code", "pre"}:
            said = (element.text or "") + "".join(child.tail or "" for child in element)
            assert "@everyone" not in said
            assert "#1" not in said
            assert "://evil" not in said


def test_a_fence_in_an_article_does_not_close_the_fence_of_its_diff(scene: Scene) -> None:
    scene.published()
    scene.desk.write(FIRST, "---\ntitle: First steps\n---\n````\n</details>\n````\n\n```\n# Not a heading\n```\n")
    text = scene.kbsync("plan", "--format", "markdown").out
    lines = text.splitlines()
    fences = [line for line in lines if line.startswith("`````")]
    assert fences == ["`````diff", "`````"]


def test_html_reports_hold_no_markup_from_outside(scene: Scene) -> None:
    _drift(scene, MARKUP)
    scene.desk.write("guide/start/<img src=x onerror=alert(1)>.md", "---\ntitle: X\n---\nText\n")
    text = scene.kbsync("plan", "--format", "html").out
    page = html5lib.parse(text, namespaceHTMLElements=False)
    assert page.find(".//script") is None
    assert page.find(".//img") is None
    assert page.find(".//a") is None
    assert [name for element in page.iter() for name in element.attrib if name.startswith("on")] == []
    assert MARKUP in "".join(page.itertext())


def test_a_very_long_plan_fits_a_comment(scene: Scene) -> None:
    for number in range(150):
        scene.desk.write(f"guide/start/{number}.md", f"---\ntitle: T{number}\n---\n" + "A line of text.\n\n" * 40)
    scene.desk.commit()
    scene.published()
    for number in range(150):
        scene.desk.write(f"guide/start/{number}.md", f"---\ntitle: T{number}\n---\n" + "Another line.\n\n" * 40)
    text = scene.kbsync("plan", "--format", "markdown").out
    assert len(text) < 65_536
    assert "more are in `kbsync plan`." in text
    assert text.count("| update |") == 150
