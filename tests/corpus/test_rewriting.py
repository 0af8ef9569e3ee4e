"""pull → publish → pull through portals that rewrite HTML: the same files, byte for byte, on both collections.

Asserted for each collection, its pulled tree being T0:

* `off` (Markdown collection; the help centre's own test has it for the other) and `editor`: T0 is published without a
  complaint, and a pull into an empty tree gives T0.
* `strict`: the portal strips what its readers then lose (names, sizes, frames …). Each article is created; what lost
  words, links, pictures or frames is named as failed. A pull into an empty tree gives T1. T1 is published, and a pull
  gives T1 again. Only a link such as `#Lost-Phone`, to a heading that lost its id, takes a second round: it is
  published as `#lost-phone`, so the heading gets its id once more, and loses it. Its article alone is named, for the
  anchor.
* Anchors are compared in lower case, since they are published in the case of their headings.
* In each mode a pull into the tree that was just published writes nothing.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

import pytest

from kbsync.sandbox.server import Portal
from kbsync.sandbox.settings import SandboxSettings
from tests.cli_runner import Checkout
from tests.corpora import THIRDS, empty_tree, keep_third, load_help_centre, markdown_tree, step, with_settled_anchors
from tests.portals import serve

pytestmark = [pytest.mark.corpus, pytest.mark.timeout(900)]

Mode = Literal["off", "editor", "strict"]
Files = Mapping[str, bytes]
SETTINGS = "kbsync.toml"
ONLY_ANCHORS = re.compile(r"accepted, but the body lost [0-9]+ anchors?: [^;]*")


@THIRDS
def test_a_help_centre_stays_the_same_through_every_portal(third: int, corpus: Path, tmp_path: Path) -> None:
    with serve(SandboxSettings()) as portal:
        load_help_centre(portal, corpus)
        assert keep_third(portal, third) == 407
        files = pulled(tmp_path / "pulled", portal)
    assert sum(path.endswith(".md") and not path.endswith("_index.md") for path in files) == 407
    comes_back_the_same(tmp_path / "editor", files, "editor")
    settles(tmp_path / "strict", files)


@THIRDS
def test_articles_written_in_markdown_stay_the_same_through_every_portal(
    third: int, corpus: Path, tmp_path: Path
) -> None:
    with serve(SandboxSettings()) as portal:
        checkout = markdown_tree(tmp_path / "tree", portal, corpus)
        assert step(checkout, portal, "publish", "--yes").ended.code == 0
        assert keep_third(portal, third) == 138
        files = pulled(tmp_path / "pulled", portal)
    assert sum(path.endswith(".md") and not path.endswith("_index.md") for path in files) == 138
    comes_back_the_same(tmp_path / "off", files, "off")
    comes_back_the_same(tmp_path / "editor", files, "editor")
    settles(tmp_path / "strict", files)


def comes_back_the_same(folder: Path, files: Files, mode: Mode) -> None:
    back, complaints = published_and_pulled(folder, files, mode)
    assert complaints == {}
    assert differing(files, back) == []


def settles(folder: Path, files: Files) -> None:
    shown, complaints = published_and_pulled(folder / "first", files, "strict")
    assert shown.keys() == files.keys()
    assert all(" lost " in complaint for complaint in complaints.values()), complaints
    assert complaints.keys() <= set(differing(files, shown)), "what is named as lost is another text"
    back, complaints = published_and_pulled(folder / "second", shown, "strict")
    assert all(ONLY_ANCHORS.fullmatch(complaint) for complaint in complaints.values()), complaints
    assert complaints.keys() <= set(written_anew(shown, back)), "its link has the form of another tool"
    assert set(differing(shown, back)) <= complaints.keys()
    if complaints:
        last, complaints = published_and_pulled(folder / "third", back, "strict")
        assert complaints == {}
        assert written_anew(back, last) == []


def published_and_pulled(folder: Path, files: Files, mode: Mode) -> tuple[Files, Mapping[str, str]]:
    """Publish a tree to a new portal; return what an empty tree then pulls, and the complaints of publish by path."""
    with serve(SandboxSettings(rewriting=mode)) as portal:
        checkout = empty_tree(folder / "tree", portal)
        for path in files.keys() - {SETTINGS}:
            checkout.write(path, files[path])
        checkout.commit("As it was pulled")
        publish = step(checkout, portal, "publish", "--yes", "--format", "json")
        changes = publish.ended.json["changes"]
        complaints = {change["path"]: change["error"] for change in changes if change["result"] != "done"}
        assert publish.ended.code == bool(complaints), publish.ended.err
        assert publish.calls["POST"] == len(changes) == len(files) - 1
        check_pull_writes_nothing(checkout, portal)
        return pulled(folder / "pulled", portal), complaints


def check_pull_writes_nothing(checkout: Checkout, portal: Portal) -> None:
    """Pull into the tree that was just published."""
    pull = step(checkout, portal, "pull", "--format", "json")
    assert (pull.ended.code, pull.ended.json["changes"], pull.ended.json["conflicts"]) == (0, [], [])
    assert checkout.git("status", "--short") == ""


def pulled(root: Path, portal: Portal) -> Files:
    """Pull everything into an empty tree, and check that a second pull writes nothing."""
    checkout = empty_tree(root, portal)
    assert step(checkout, portal, "pull").ended.code == 0
    files = checkout.content()
    checkout.commit("As it stands")
    check_pull_writes_nothing(checkout, portal)
    return files


def differing(left: Files, right: Files) -> list[str]:
    """Return the paths of the files that differ in more than the case of anchors."""
    return written_anew(
        *({path: with_settled_anchors(data) for path, data in files.items()} for files in (left, right))
    )


def written_anew(left: Files, right: Files) -> list[str]:
    return sorted(path for path in left.keys() | right.keys() if path != SETTINGS and left.get(path) != right.get(path))
