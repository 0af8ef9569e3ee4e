"""Comments of a file stay in the file and are not sent; those of a live article stay where nobody changes them."""

from pathlib import Path

import pytest

from kbsync.sandbox.server import Portal
from tests.content.cases import cases
from tests.engine.clone import Clone, new_clone, steps
from tests.planner.world import article

PAGE = "guide/basics/page.md"
CASES = cases("../engine/comments.txt", parts=2)


def test_no_comment_of_a_file_is_sent(clone: Clone) -> None:
    clone.commit(
        {f"guide/basics/case-{number}.md": article(f"C {number}", case.parts[0]) for number, case in enumerate(CASES)}
    )
    clone.published()
    for number, case in enumerate(CASES):
        assert _lines(clone.live(f"guide/basics/case-{number}.md").description) == _lines(case.parts[1]), case.title
    assert steps(clone.plan()) == {}
    before = clone.files()
    clone.pull()
    assert clone.files() == before


def _lines(html: str) -> list[str]:
    return [line for line in html.split("\n") if line.strip()]


def test_a_change_of_comments_alone_is_no_change(clone: Clone) -> None:
    clone.commit({PAGE: article("Page", "One <!-- a -->\n\n<!-- b -->\n\nTwo")})
    clone.published()
    clone.commit({PAGE: article("Page", "One\n\nTwo <!-- c -->")})
    assert set(steps(clone.plan()).values()) <= {"adopt", "rename"}


@pytest.mark.parametrize(
    "live",
    [
        "<p>One</p><!-- agent --><p>Two</p><p>Three</p>",
        "<p>One <!-- agent --> more</p><p>Two</p><p>Three</p>",
        "<!-- agent --><p>One</p><p>Two</p><p>Three</p>",
        "<p>One</p><p>Two</p><p>Three</p><!-- agent -->",
        "<ul><li>One<!-- agent --></li><li>More</li></ul><p>Two</p><p>Three</p>",
        "<div><!-- agent --><p>One</p></div><p>Two</p><p>Three</p>",
        "<table><tbody><tr><td>One<!-- agent --></td></tr></tbody></table><p>Two</p><p>Three</p>",
        "<p>One</p>\n<!-- agent -->\n<p>Two</p>\n<p>Three</p>",
        "<p>One</p><p><!-- agent --></p><p>Two</p><p>Three</p>",
        "<h2><!-- agent -->One</h2><p>Two</p><p>Three</p>",
    ],
)
def test_comments_in_what_nobody_changed_of_a_live_article_stay(portal: Portal, tmp_path: Path, live: str) -> None:
    folder = portal.store.create_folder(portal.store.create_category("Guide").id, "Basics")
    made = portal.store.create_article(folder.id, "Page", body=live)
    clone = new_clone(tmp_path / "pulled", portal, {"kbsync.toml": ""}, new="all")
    clone.pull()
    clone.commit({PAGE: clone.read(PAGE).replace("Three", "Changed")})
    clone.published()
    assert portal.store.article(made.id).description == live.replace("Three", "Changed")
