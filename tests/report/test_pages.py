"""A plan and the problems of a tree as Markdown and as a page of HTML: what a reviewer sees, and nothing that runs."""

import html5lib
import pytest

from kbsync.change import Action, Change, Finding, FindingKind
from kbsync.errors import ContentError, KbsyncError, Problem
from kbsync.model import Article, Kind, Side
from kbsync.planner.planner import Plan
from kbsync.report.pages import error_to_html, error_to_markdown, escape_markdown, plan_to_html, plan_to_markdown
from kbsync.report.wording import Frame
from kbsync.sandbox.sanitize import sanitize_for_readers

SITE = "https://help.example.com"
EVIL = (
    "<p id='change-1' class='refused' onclick='alert(1)'>Old words <script>alert(1)</script>stay</p>"
    "<a href='javascript:alert(1)'>x</a><iframe src='https://www.youtube.com/embed/a'></iframe>"
    "<img src='javascript:alert(1)' onerror='alert(1)'><form action='https://evil.example'><input></form>"
)
UPDATE = Change(
    action=Action.UPDATE,
    kind=Kind.ARTICLE,
    path="guide/<script>alert(1)</script>.md",
    id=7,
    fields=("body",),
    desired=Article(title="<img src=x onerror=alert(1)>", body=""),
    before="one\r\ntwo\r\n",
    after="one\r\n<b onclick=alert(1)>three</b>\r\n",
)


def _plan(*changes: Change, **others: object) -> Plan:
    return Plan(written=Side.LIVE, changes=changes, ids={}, targets={}, anchors={}, **others)  # type: ignore[arg-type]


def _bodies(before: str, after: str) -> tuple[str, str]:
    return sanitize_for_readers(before), sanitize_for_readers(after)


def _page(before: str, after: str, *changes: Change) -> str:
    return plan_to_html(
        _plan(*changes or (UPDATE,)), heading="Plan", frame=Frame(site=SITE), bodies=lambda _: _bodies(before, after)
    )


def test_words_that_differ_are_marked_in_what_readers_see() -> None:
    text = _page("<p>Press the <b>red</b> button now.</p>", "<p>Press the <b>green</b> switch now.</p>")
    assert "Press the <b><del>red</del></b> <del>button</del> now." in text
    assert "Press the <b><ins>green</ins></b> <ins>switch</ins> now." in text


def test_what_is_created_has_no_mark_and_no_version_before() -> None:
    text = _page("", "<p>All of it is new.</p>")
    assert "<p>All of it is new.</p>" in text
    assert "<h3>Before</h3>" not in text


def test_no_hostile_content_runs_or_reaches_the_page_around_it() -> None:
    page = html5lib.parse(_page(EVIL, EVIL.replace("Old", "New")), namespaceHTMLElements=False)
    assert [e for e in page.iter() if e.tag in {"script", "iframe", "form", "input", "object", "base"}] == []
    assert [name for e in page.iter() for name in e.attrib if name.startswith("on")] == []
    assert [v for e in page.iter() for v in e.attrib.values() if v.startswith("javascript:")] == []
    assert [e.attrib["id"] for e in page.iter() if "id" in e.attrib] == ["contents", "change-1"]
    assert page.find(".//p[@class='refused']") is None
    assert "video https://www.youtube.com/embed/a" in "".join(page.itertext())


def test_a_policy_in_the_page_forbids_whatever_could_run() -> None:
    page = html5lib.parse(_page("", ""), namespaceHTMLElements=False)
    policy = next(e.attrib["content"] for e in page.iter("meta") if "http-equiv" in e.attrib)
    assert policy.split("; ")[0] == "default-src 'none'"
    assert "script" not in policy
    assert list(page.find("head"))[1].attrib["http-equiv"] == "Content-Security-Policy", "before anything it is about"


def test_the_contents_lead_to_every_change_and_its_path_to_the_article() -> None:
    page = html5lib.parse(_page("", "", UPDATE, UPDATE), namespaceHTMLElements=False)
    links = [e.attrib["href"] for e in page.iter("a")]
    assert links[:2] == ["#change-1", "#change-2"]
    assert {link[1:] for link in links[:2]} <= {e.attrib.get("id") for e in page.iter("section")}
    assert links[2] == f"{SITE}/support/solutions/articles/7"


def test_beyond_its_size_a_page_shows_the_source_difference_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kbsync.report.pages._MAX_PAGE", 100)
    text = _page("<p>Old</p>", f"<p>{'New ' * 50}</p>", UPDATE, UPDATE)
    assert (text.count("<h3>After</h3>"), text.count("<h3>Source</h3>")) == (1, 2)


def test_line_ends_of_windows_are_no_difference() -> None:
    text = plan_to_markdown(_plan(UPDATE), heading="Plan")
    assert "\\x0d" not in text
    assert "\n-two\n" in text


def test_a_path_in_markdown_is_a_link_to_the_article() -> None:
    text = plan_to_markdown(_plan(UPDATE), heading="Plan", frame=Frame(site=SITE))
    assert f"[`guide/<script>alert(1)</script>.md`]({SITE}/support/solutions/articles/7)" in text
    assert "](" not in plan_to_markdown(_plan(UPDATE), heading="Plan", frame=Frame(site="javascript:alert(1)"))


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("see https://help.example.com/a?b=1#c.", "see `https://help.example.com/a?b=1#c`."),
        ("(https://help.example.com)", "(`https://help.example.com`)"),
        ("www.example.com/x_y_z", "`www.example.com/x_y_z`"),
        ("by writer@example.com, today", "by `writer@example.com`, today"),
    ],
)
def test_an_address_can_be_copied_and_is_no_link(text: str, written: str) -> None:
    assert escape_markdown(text) == written


def test_a_mention_and_an_issue_are_neither() -> None:
    assert escape_markdown("@everyone #1") == "@&#8203;everyone #&#8203;1"


def test_what_is_not_managed_is_one_line() -> None:
    found = tuple(
        Finding(
            finding_kind=FindingKind.UNMANAGED, kind=Kind.ARTICLE, path=f"A / {n}", id=n, reason="on the portal only"
        )
        for n in range(1, 1200)
    )
    for text in (
        plan_to_markdown(_plan(unmanaged=found), heading="x"),
        plan_to_html(_plan(unmanaged=found), heading="x"),
    ):
        assert "Not managed by kbsync: 1,199 on the portal only" in text
        assert "A / 7" not in text


PROBLEMS = ContentError(
    (
        Problem(path="a/<b>|.md", line=3, message="unknown key `tilte`", advice="did you mean `title`?"),
        Problem(path="a/c.md", message="is empty"),
    )
)


def test_problems_are_a_table_of_markdown() -> None:
    lines = error_to_markdown(PROBLEMS).splitlines()
    assert lines[0] == "### 2 problems in the content."
    assert lines[-1] == "| error | `a/c.md` | is empty |"
    assert "`a/<b>\\|.md:3:1`" in lines[-2]
    assert "did you mean" in lines[-2]


def test_problems_are_a_page_of_html() -> None:
    page = html5lib.parse(error_to_html(PROBLEMS), namespaceHTMLElements=False)
    assert ["".join(e.itertext()) for e in page.iter("li")] == [
        "error a/<b>|.md:3:1 unknown key `tilte` (did you mean `title`?)",
        "error a/c.md is empty",
    ]


def test_an_error_without_problems_is_shown_too() -> None:
    error = KbsyncError("no API key", advice="set <it>")
    assert error_to_markdown(error) == "### No API key.\n\nset &lt;it&gt;"
    assert "<p>set &lt;it&gt;</p>" in error_to_html(error)
