"""Articles that people wrote in Markdown for another system: published whole, and left alone ever after."""

from pathlib import Path

import pytest

from kbsync.sandbox.server import serve
from kbsync.sandbox.settings import SandboxSettings
from tests.corpora import full_read, markdown_tree, step

pytestmark = [pytest.mark.corpus, pytest.mark.timeout(900)]

ARTICLES = 414


def test_a_tree_of_another_system_goes_out_and_one_edit_is_one_write(corpus: Path, tmp_path: Path) -> None:
    with serve(SandboxSettings()) as portal:
        desk = markdown_tree(tmp_path / "tree", portal, corpus)
        publish = step(desk, portal, "publish", "--yes", "--format", "json")
        changes = publish.ended.page["changes"]
        assert publish.ended.code == 0, publish.ended.err
        assert {change["result"] for change in changes} == {"done"}
        assert len(portal.store.all_articles()) == ARTICLES
        assert publish.calls["POST"] == len(changes)
        assert publish.calls["PUT"] < ARTICLES / 4, "only circles of links cost a second write"

        read = {"GET": full_read(portal)}
        plan = step(desk, portal, "plan", "--format", "json")
        page = plan.ended.page
        assert (page["changes"], page["drift"], page["conflicts"], page["unmanaged"]) == ([], [], [], [])
        assert plan.calls == read
        again = step(desk, portal, "publish", "--yes")
        assert (again.ended.code, again.ended.out, again.calls) == (0, "Nothing to do.\n", read)
        pull = step(desk, portal, "pull", "--format", "json")
        assert (pull.ended.page["changes"], pull.calls) == ([], read)
        assert desk.git("status", "--short") == ""

        edited = min(path for path in desk.content() if path.endswith(".md") and path.count("/") > 1)
        desk.write(edited, desk.read(edited) + "\nOne more sentence.\n")
        desk.commit("One edit")
        edit = step(desk, portal, "publish", "--yes", "--format", "json")
        assert [(change["action"], change["path"]) for change in edit.ended.page["changes"]] == [("update", edited)]
        assert (edit.writes, edit.calls["PUT"]) == (1, 1)
        assert step(desk, portal, "plan", "--format", "json").ended.page["changes"] == []
