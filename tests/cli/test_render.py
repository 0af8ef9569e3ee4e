"""`kbsync render`: one article in its other form, from a file, standard input or the portal."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from kbsync.sandbox.settings import SandboxSettings
from tests.cli.conftest import FIRST, SECOND, Scene
from tests.desk import command, environment

MARKDOWN = "## One\n\nTo [two](two.md) and **on**.\n"
HTML = '<h2>One</h2>\n<p>To <a href="two.md">two</a> and <strong>on</strong>.</p>\n'


def piped(scene: Scene, text: bytes, *words: str) -> tuple[int, str, str]:
    environ = environment(scene.desk.environ)
    done = subprocess.run(
        command(*words), cwd=scene.desk.root, env=environ, input=text, capture_output=True, check=False
    )
    return done.returncode, done.stdout.decode(), done.stderr.decode()


def test_links_lead_to_the_portal_where_a_publish_has_told_the_ids(scene: Scene) -> None:
    before = scene.kbsync("render", FIRST)
    assert '<a href="second.md">' in before.out
    scene.published()
    after = scene.kbsync("render", FIRST, FRESHDESK_API_KEY=None)
    number = scene.article("Second steps")
    assert after.out == before.out.replace("second.md", f"{scene.portal.url}/support/solutions/articles/{number}")
    assert scene.portal.calls == []


def test_links_lead_to_the_portal_where_the_lock_or_a_pin_tells_the_ids(scene: Scene) -> None:
    scene.published()
    number = scene.article("Second steps")
    scene.desk.git("update-ref", "-d", "refs/kbsync/production")
    assert '<a href="second.md">' in scene.kbsync("render", FIRST).out
    scene.kbsync("pull")
    assert list(scene.desk.root.glob(".kbsync/production/**/second.md.json"))
    assert f"/articles/{number}" in scene.kbsync("render", FIRST).out
    shutil.rmtree(scene.desk.root / ".git")
    assert f"/articles/{number}" in scene.kbsync("render", FIRST).out
    shutil.rmtree(scene.desk.root / ".kbsync")
    assert '<a href="second.md">' in scene.kbsync("render", FIRST).out
    scene.desk.write(SECOND, scene.desk.read(SECOND).replace("---\n", "---\nid: 77\n", 1))
    assert "/support/solutions/articles/77" in scene.kbsync("render", FIRST).out


def test_a_heading_that_another_article_links_to_has_its_id(scene: Scene) -> None:
    scene.desk.write(SECOND, "---\ntitle: Second\n---\n## A part\n\nText.\n")
    assert scene.kbsync("render", SECOND).out == "<h2>A part</h2>\n<p>Text.</p>\n"
    scene.desk.write(FIRST, "---\ntitle: First\n---\nSee [there](second.md#a-part).\n")
    assert scene.kbsync("render", SECOND).out == '<h2 id="a-part">A part</h2>\n<p>Text.</p>\n'


def test_a_picture_shows_where_it_is_served_from(scene: Scene) -> None:
    scene.desk.write("kbsync.toml", '[targets.production]\nassets_url = "https://cdn.example.com/kb"\n')
    scene.desk.write("guide/start/img/a b.png", b"\x89PNG")
    scene.desk.write(FIRST, "---\ntitle: First\n---\n![A](img/a%20b.png) ![B](img/none.png)\n")
    shown = scene.kbsync("render", FIRST).out
    assert 'src="https://cdn.example.com/kb/guide/start/img/a%20b.png"' in shown
    assert 'src="img/none.png"' in shown


def test_a_file_is_found_from_wherever_one_stands(scene: Scene, tmp_path: Path) -> None:
    scene.published()
    shown = scene.kbsync("render", FIRST).out
    assert scene.desk.kbsync("render", "first.md", cwd=scene.desk.root / "guide" / "start").out == shown
    assert scene.desk.kbsync("render", str(scene.desk.root / FIRST), cwd=tmp_path).out == shown
    assert scene.desk.kbsync("--root", str(scene.desk.root), "render", f"help/{FIRST}", cwd=tmp_path).out == shown


def test_a_file_outside_the_tree_or_not_of_it_is_shown_as_it_is_written(scene: Scene, tmp_path: Path) -> None:
    scene.published()
    scene.desk.write("guide/start/_draft.md", MARKDOWN)
    scene.desk.write("loose.md", MARKDOWN)
    (tmp_path / "away.md").write_text(MARKDOWN)
    for name in ("guide/start/_draft.md", "loose.md", "../away.md"):
        ended = scene.kbsync("render", name)
        assert (ended.code, ended.out, ended.err) == (0, HTML, ""), name
    assert scene.desk.kbsync("render", "away.md", cwd=tmp_path).out == HTML


def test_standard_input_is_a_dash(scene: Scene) -> None:
    assert piped(scene, MARKDOWN.encode(), "render", "-") == (0, HTML, "")
    assert piped(scene, "---\ntitle: Ü\n---\nÄ\r\n".encode(), "render", "-") == (0, "<p>Ä</p>\n", "")
    assert piped(scene, HTML.encode(), "render", "--back", "-") == (0, MARKDOWN, "")
    assert piped(scene, b"", "render", "-") == (0, "\n", "")
    code, out, err = piped(scene, b"\xff", "render", "--back", "-")
    assert (code, out) == (1, "")
    assert err.startswith("standard input:1: is not UTF-8")


def test_back_gives_the_markdown_of_a_file_and_names_what_it_leaves_out(scene: Scene, tmp_path: Path) -> None:
    (tmp_path / "page.html").write_text(f"\ufeff{HTML}<p onclick='x()'>Two<script>y()</script></p>", encoding="utf-8")
    ended = scene.desk.kbsync("render", "--back", "page.html", cwd=tmp_path, FRESHDESK_API_KEY=None)
    assert (ended.code, ended.out) == (0, f"{MARKDOWN}\nTwo\n")
    assert ended.err == "Left out on purpose: onclick attribute, <script>\n"


def test_back_gives_a_live_article_as_a_pull_would_write_it(scene: Scene) -> None:
    scene.published()
    number = scene.article("First steps")
    wanted = scene.desk.read(FIRST).split("---\n")[2]
    for named in (
        str(number),
        f"{scene.portal.url}/support/solutions/articles/{number}-first-steps",
        f"{scene.portal.url}/a/solutions/articles/{number}",
    ):
        scene.portal.calls.clear()
        ended = scene.kbsync("render", "--back", named)
        assert (ended.code, ended.out, ended.err) == (0, wanted, ""), named
        calls = [(call.method, call.path) for call in scene.portal.calls]
        assert calls == [("GET", f"/api/v2/solutions/articles/{number}")]


def test_links_of_a_live_article_that_is_in_no_file_stay(scene: Scene) -> None:
    scene.published()
    number = scene.article("First steps")
    scene.desk.git("update-ref", "-d", "refs/kbsync/production")
    there = f"{scene.portal.url}/support/solutions/articles/{scene.article('Second steps')}"
    assert f"[the second]({there})" in scene.kbsync("render", "--back", str(number)).out


def test_a_file_with_a_number_for_a_name_comes_before_the_article(scene: Scene) -> None:
    scene.desk.write("77", "<p>A file</p>")
    assert scene.kbsync("render", "--back", "77").out == "A file\n"


@pytest.mark.parametrize("settings", [SandboxSettings(gone=404), SandboxSettings(gone=403)])
def test_what_cannot_be_shown_is_told_with_advice(scene: Scene) -> None:
    folder = f"{scene.portal.url}/support/solutions/folders/1"
    for named, what in {
        "99": "error: there is no article 99 on ",
        "https://else.example/support/solutions/articles/1": "error: https://else.example/support/",
        folder: f"error: {folder} is neither a file nor an article of production",
        "nowhere.html": "error: nowhere.html cannot be read: ",
        "²": "error: ² is neither a file nor an article of production",
        "guide": "error: guide cannot be read: ",
    }.items():
        ended = scene.kbsync("render", "--back", named)
        assert (ended.code, ended.out) == (2, ""), named
        assert ended.err.startswith(what), named
        assert "\n  try: " in ended.err


def test_a_live_article_needs_the_key_and_a_host_that_may_have_it(scene: Scene) -> None:
    ended = scene.kbsync("render", "--back", "1", FRESHDESK_API_KEY=None)
    assert (ended.code, ended.out) == (2, "")
    assert "FRESHDESK_API_KEY" in ended.err
    ended = scene.kbsync("--url", "https://else.example", "render", "--back", "1")
    assert (ended.code, ended.out) == (2, "")
    assert "the key is not sent to else.example" in ended.err


def test_an_article_with_includes_and_problems_elsewhere_is_still_shown(scene: Scene) -> None:
    scene.desk.write("guide/start/broken.md", "---\ntilte: Slip\n---\n")
    scene.desk.write("kbsync.toml", '[targets.production]\nurl = "http://127.0.0.1:9"\n')
    assert scene.kbsync("render", FIRST).code == 0
    assert scene.kbsync("render", "guide/start/broken.md").out == "\n"


def test_a_plan_is_the_same_with_a_cache_without_one_and_where_there_can_be_none(scene: Scene, tmp_path: Path) -> None:
    scene.published()
    cache = tmp_path / "cache"
    plain = scene.kbsync("plan", "--format", "json")
    for _ in range(2):
        ended = scene.desk.process("plan", "--format", "json", KBSYNC_NO_CACHE=None, XDG_CACHE_HOME=str(cache))
        assert ended == plain
    if sys.platform == "linux":
        assert [place.name for place in cache.rglob("*") if place.is_file()] == ["texts-1.sqlite3"]
        shutil.rmtree(cache)
    cache.write_text("in the way")
    assert scene.desk.process("plan", "--format", "json", KBSYNC_NO_CACHE=None, XDG_CACHE_HOME=str(cache)) == plain
