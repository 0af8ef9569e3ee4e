"""Articles written in Markdown for another system: published whole, and unchanged afterwards."""

from pathlib import Path

import pytest

from kbsync.sandbox.settings import SandboxSettings
from tests.corpora import full_read, markdown_tree, step
from tests.portals import serve

pytestmark = [pytest.mark.corpus, pytest.mark.timeout(900)]

ARTICLES = 414


def test_a_tree_of_another_system_is_published_and_one_edit_is_one_write(corpus: Path, tmp_path: Path) -> None:
    with serve(SandboxSettings()) as portal:
        checkout = markdown_tree(tmp_path / "tree", portal, corpus)
        publish = step(checkout, portal, "publish", "--yes", "--format", "json")
        changes = publish.ended.json["changes"]
        assert publish.ended.code == 0, publish.ended.err
        assert {change["result"] for change in changes} == {"done"}
        assert len(portal.store.all_articles()) == ARTICLES
        assert publish.calls["POST"] == len(changes)
        assert publish.calls["PUT"] < ARTICLES / 4, "only circular links need a second write"

        read = {"GET": full_read(portal)}
        plan = step(checkout, portal, "plan", "--format", "json")
        page = plan.ended.json
        assert (page["changes"], page["drift"], page["conflicts"], page["unmanaged"]) == ([], [], [], [])
        assert plan.calls == read
        again = step(checkout, portal, "publish", "--yes")
        assert (again.ended.code, again.ended.out, again.calls) == (0, "Nothing to do.\n", read)
        pull = step(checkout, portal, "pull", "--format", "json")
        assert (pull.ended.json["changes"], pull.calls) == ([], read)
        assert checkout.git("status", "--short") == ""

        edited = min(path for path in checkout.content() if path.endswith(".md") and path.count("/") > 1)
        checkout.write(edited, checkout.read(edited) + "\nOne more sentence.\n")
        checkout.commit("One edit")
        edit = step(checkout, portal, "publish", "--yes", "--format", "json")
        assert [(change["action"], change["path"]) for change in edit.ended.json["changes"]] == [("update", edited)]
        assert (edit.writes, edit.calls["PUT"]) == (1, 1)
        assert step(checkout, portal, "plan", "--format", "json").ended.json["changes"] == []
