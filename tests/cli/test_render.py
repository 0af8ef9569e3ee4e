"""`kbsync render`: one article in its other form, from a file, standard input or the portal."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from kbsync.sandbox.settings import SandboxSettings
from tests.cli.conftest import FIRST, SECOND, Project
from tests.cli_runner import command, environment

MARKDOWN = "## One\n\nTo [two](two.md) and **on**.\n"
HTML = '<h2>One</h2>\n<p>To <a href="two.md">two</a> and <strong>on</strong>.</p>\n'


def piped(project: Project, text: bytes, *words: str) -> tuple[int, str, str]:
    environ = environment(project.checkout.environ)
    done = subprocess.run(
        command(*words), cwd=project.checkout.root, env=environ, input=text, capture_output=True, check=False
    )
    return done.returncode, done.stdout.decode(), done.stderr.decode()


def test_links_go_to_the_portal_when_a_publish_has_recorded_the_ids(project: Project) -> None:
    before = project.kbsync("render", FIRST)
    assert '<a href="second.md">' in before.out
    project.published()
    after = project.kbsync("render", FIRST, FRESHDESK_API_KEY=None)
    number = project.article("Second steps")
    assert after.out == before.out.replace("second.md", f"{project.portal.url}/support/solutions/articles/{number}")
    assert project.portal.calls == []


def test_links_go_to_the_portal_when_the_lock_file_or_a_pin_has_the_ids(project: Project) -> None:
    project.published()
    number = project.article("Second steps")
    project.checkout.git("update-ref", "-d", "refs/kbsync/production")
    assert '<a href="second.md">' in project.kbsync("render", FIRST).out
    project.kbsync("pull")
    assert list(project.checkout.root.glob(".kbsync/production/**/second.md.json"))
    assert f"/articles/{number}" in project.kbsync("render", FIRST).out
    shutil.rmtree(project.checkout.root / ".git")
    assert f"/articles/{number}" in project.kbsync("render", FIRST).out
    shutil.rmtree(project.checkout.root / ".kbsync")
    assert '<a href="second.md">' in project.kbsync("render", FIRST).out
    project.checkout.write(SECOND, project.checkout.read(SECOND).replace("---\n", "---\nid: 77\n", 1))
    assert "/support/solutions/articles/77" in project.kbsync("render", FIRST).out


def test_a_heading_that_another_article_links_to_has_its_id(project: Project) -> None:
    project.checkout.write(SECOND, "---\ntitle: Second\n---\n## A part\n\nText.\n")
    assert project.kbsync("render", SECOND).out == "<h2>A part</h2>\n<p>Text.</p>\n"
    project.checkout.write(FIRST, "---\ntitle: First\n---\nSee [there](second.md#a-part).\n")
    assert project.kbsync("render", SECOND).out == '<h2 id="a-part">A part</h2>\n<p>Text.</p>\n'


def test_a_picture_shows_where_it_is_served_from(project: Project) -> None:
    project.checkout.write("kbsync.toml", '[targets.production]\nassets_url = "https://cdn.example.com/kb"\n')
    project.checkout.write("guide/start/img/a b.png", b"\x89PNG")
    project.checkout.write(FIRST, "---\ntitle: First\n---\n![A](img/a%20b.png) ![B](img/none.png)\n")
    shown = project.kbsync("render", FIRST).out
    assert 'src="https://cdn.example.com/kb/guide/start/img/a%20b.png"' in shown
    assert 'src="img/none.png"' in shown


def test_a_file_is_found_from_any_working_directory(project: Project, tmp_path: Path) -> None:
    project.published()
    shown = project.kbsync("render", FIRST).out
    assert project.checkout.kbsync("render", "first.md", cwd=project.checkout.root / "guide" / "start").out == shown
    assert project.checkout.kbsync("render", str(project.checkout.root / FIRST), cwd=tmp_path).out == shown
    assert (
        project.checkout.kbsync("--root", str(project.checkout.root), "render", f"help/{FIRST}", cwd=tmp_path).out
        == shown
    )


def test_a_file_that_is_not_in_the_tree_is_rendered_without_it(project: Project, tmp_path: Path) -> None:
    project.published()
    project.checkout.write("guide/start/_draft.md", MARKDOWN)
    project.checkout.write("loose.md", MARKDOWN)
    (tmp_path / "away.md").write_text(MARKDOWN)
    for name in ("guide/start/_draft.md", "loose.md", "../away.md"):
        result = project.kbsync("render", name)
        assert (result.code, result.out, result.err) == (0, HTML, ""), name
    assert project.checkout.kbsync("render", "away.md", cwd=tmp_path).out == HTML


def test_standard_input_is_a_dash(project: Project) -> None:
    assert piped(project, MARKDOWN.encode(), "render", "-") == (0, HTML, "")
    assert piped(project, "---\ntitle: Ü\n---\nÄ\r\n".encode(), "render", "-") == (0, "<p>Ä</p>\n", "")
    assert piped(project, HTML.encode(), "render", "--back", "-") == (0, MARKDOWN, "")
    assert piped(project, b"", "render", "-") == (0, "\n", "")
    code, out, err = piped(project, b"\xff", "render", "--back", "-")
    assert (code, out) == (1, "")
    assert err.startswith("standard input:1:1: KB201 is not UTF-8")


def test_back_prints_the_markdown_of_a_file_and_names_what_it_drops(project: Project, tmp_path: Path) -> None:
    (tmp_path / "page.html").write_text(f"\ufeff{HTML}<p onclick='x()'>Two<script>y()</script></p>", encoding="utf-8")
    result = project.checkout.kbsync("render", "--back", "page.html", cwd=tmp_path, FRESHDESK_API_KEY=None)
    assert (result.code, result.out) == (0, f"{MARKDOWN}\nTwo\n")
    assert result.err == "Removed for safety: onclick attribute, <script>\n"


def test_back_prints_a_live_article_as_a_pull_would_write_it(project: Project) -> None:
    project.published()
    number = project.article("First steps")
    wanted = project.checkout.read(FIRST).split("---\n")[2]
    for named in (
        str(number),
        f"{project.portal.url}/support/solutions/articles/{number}-first-steps",
        f"{project.portal.url}/a/solutions/articles/{number}",
    ):
        project.portal.calls.clear()
        result = project.kbsync("render", "--back", named)
        assert (result.code, result.out, result.err) == (0, wanted, ""), named
        calls = [(call.method, call.path) for call in project.portal.calls]
        assert calls == [("GET", f"/api/v2/solutions/articles/{number}")]


def test_links_of_a_live_article_that_is_in_no_file_stay(project: Project) -> None:
    project.published()
    number = project.article("First steps")
    project.checkout.git("update-ref", "-d", "refs/kbsync/production")
    there = f"{project.portal.url}/support/solutions/articles/{project.article('Second steps')}"
    assert f"[the second]({there})" in project.kbsync("render", "--back", str(number)).out


def test_a_file_with_a_number_for_a_name_comes_before_the_article(project: Project) -> None:
    project.checkout.write("77", "<p>A file</p>")
    assert project.kbsync("render", "--back", "77").out == "A file\n"


@pytest.mark.parametrize("settings", [SandboxSettings(gone=404), SandboxSettings(gone=403)])
def test_an_input_that_cannot_be_rendered_ends_with_advice(project: Project) -> None:
    folder = f"{project.portal.url}/support/solutions/folders/1"
    for named, what in {
        "99": "error: article 99 not found on ",
        "https://else.example/support/solutions/articles/1": "error: https://else.example/support/",
        folder: f"error: {folder} is neither a file nor an article of production",
        "nowhere.html": "error: nowhere.html cannot be read: ",
        "²": "error: ² is neither a file nor an article of production",
        "guide": "error: guide cannot be read: ",
    }.items():
        result = project.kbsync("render", "--back", named)
        assert (result.code, result.out) == (2, ""), named
        assert result.err.startswith(what), named
        assert "\n  try: " in result.err


def test_a_live_article_needs_the_key_and_a_host_that_may_have_it(project: Project) -> None:
    result = project.kbsync("--url", project.portal.url, "render", "--back", "1", FRESHDESK_API_KEY=None)
    assert (result.code, result.out) == (2, "")
    assert "FRESHDESK_API_KEY" in result.err
    result = project.kbsync("--url", "https://else.example", "render", "--back", "1")
    assert (result.code, result.out) == (2, "")
    assert "the API key is not sent to else.example" in result.err


def test_an_article_with_includes_and_problems_elsewhere_is_still_shown(project: Project) -> None:
    project.checkout.write("guide/start/broken.md", "---\ntilte: Slip\n---\n")
    project.checkout.write("kbsync.toml", '[targets.production]\nurl = "http://127.0.0.1:9"\n')
    assert project.kbsync("render", FIRST).code == 0
    assert project.kbsync("render", "guide/start/broken.md").out == "\n"


def test_a_plan_is_the_same_with_without_and_with_an_impossible_cache(project: Project, tmp_path: Path) -> None:
    project.published()
    cache = tmp_path / "cache"
    plain = project.kbsync("plan", "--format", "json")
    for _ in range(2):
        result = project.checkout.process("plan", "--format", "json", KBSYNC_NO_CACHE=None, XDG_CACHE_HOME=str(cache))
        assert result == plain
    if sys.platform == "linux":
        assert [place.name for place in cache.rglob("*") if place.is_file()] == ["texts-1.sqlite3"]
        shutil.rmtree(cache)
    cache.write_text("in the way")
    assert (
        project.checkout.process("plan", "--format", "json", KBSYNC_NO_CACHE=None, XDG_CACHE_HOME=str(cache)) == plain
    )
