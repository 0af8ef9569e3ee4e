"""A third of a help centre of 1,221 articles: pulled, published to another portal, and pulled again unchanged.

One test for each collection, since its steps are slow and each depends on the one before.
"""

import shutil
from pathlib import Path

import pytest

from kbsync.sandbox.server import Portal
from kbsync.sandbox.settings import SandboxSettings
from tests.cli_runner import Checkout
from tests.corpora import THIRDS, Step, empty_tree, full_read, keep_third, load_help_centre, step, with_settled_anchors
from tests.portals import serve

pytestmark = [pytest.mark.corpus, pytest.mark.timeout(900)]

FOLDERS, CATEGORIES = 137, 19
NOT_CONTENT = (".git", ".kbsync", "kbsync.toml")


@THIRDS
def test_a_help_centre_is_pulled_and_published_to_another_portal_without_losing_a_byte(
    third: int, corpus: Path, tmp_path: Path
) -> None:
    with serve(SandboxSettings()) as old, serve(SandboxSettings()) as new:
        assert load_help_centre(old, corpus) == 1221
        items = keep_third(old, third) + FOLDERS + CATEGORIES
        first, second, last = (
            empty_tree(tmp_path / name, portal) for name, portal in (("1", old), ("2", new), ("3", new))
        )
        pull_into_empty_tree(first, old, items)
        check_nothing_to_do(first, old, items)
        assert step(first, new, "publish", "--yes").ended.code == 4, "another portal than the one that is known"
        shutil.copytree(first.root, second.root, dirs_exist_ok=True, ignore=shutil.ignore_patterns(*NOT_CONTENT))
        second.commit("The same articles, for another portal")
        publish_to_empty_portal(second, new, items)
        check_nothing_to_do(second, new, items)
        pull_into_empty_tree(last, new, items)
    there, back = first.content(), last.content()
    assert len(there) == items + 1
    assert there.keys() == back.keys()
    changed = [path for path, data in there.items() if with_settled_anchors(back[path]) != with_settled_anchors(data)]
    assert changed == ["kbsync.toml"]


def pull_into_empty_tree(checkout: Checkout, portal: Portal, items: int) -> None:
    """Pull into an empty tree."""
    pull = step(checkout, portal, "pull", "--format", "json")
    assert pull.ended.code == 0, pull.ended.err
    assert pull.ended.json["counts"] == {"create": items}
    assert pull.calls == {"GET": full_read(portal)}
    checkout.commit("As it stands")


def publish_to_empty_portal(checkout: Checkout, portal: Portal, items: int) -> None:
    """Publish to an empty portal, whose listing is one call."""
    publish = step(checkout, portal, "publish", "--yes", "--format", "json")
    assert publish.ended.code == 0, publish.ended.err
    assert {change["result"] for change in publish.ended.json["changes"]} == {"done"}
    assert publish.ended.json["counts"] == {"create": items}
    assert (publish.calls["POST"], publish.calls["GET"]) == (items, 1)
    assert publish.ended.json["calls"] == publish.total


def check_nothing_to_do(checkout: Checkout, portal: Portal, items: int) -> None:
    """Plan, publish and pull once more: each reads once, and none writes anything."""
    reads = {"GET": full_read(portal)}
    plan = step(checkout, portal, "plan", "--format", "json")
    assert plan.ended.code == 0
    assert named(plan) == {"changes": [], "drift": [], "conflicts": [], "unmanaged": []}
    assert (plan.calls, plan.ended.json["unchanged"]) == (reads, items)
    publish = step(checkout, portal, "publish", "--yes")
    assert (publish.ended.code, publish.ended.out, publish.calls) == (0, "Nothing to do.\n", reads)
    pull = step(checkout, portal, "pull", "--format", "json")
    assert (named(pull)["changes"], pull.calls) == ([], reads)
    assert checkout.git("status", "--short") == ""


def named(after: Step) -> dict[str, list[object]]:
    """Return everything that a plan names."""
    return {name: after.ended.json[name] for name in ("changes", "drift", "conflicts", "unmanaged")}
