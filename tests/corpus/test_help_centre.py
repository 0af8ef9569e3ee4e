"""A whole help centre of 1,221 articles: pulled, published to another portal, and pulled again without a difference.

One test for each collection, since its steps are slow and each depends on the one before.
"""

import shutil
from pathlib import Path

import pytest

from kbsync.sandbox.server import Portal
from kbsync.sandbox.settings import SandboxSettings
from tests.cli_runner import Checkout
from tests.corpora import Step, empty_tree, full_read, load_help_centre, step
from tests.portals import serve

pytestmark = [pytest.mark.corpus, pytest.mark.timeout(900)]

ARTICLES, FOLDERS, CATEGORIES = 1221, 137, 19
ITEMS = ARTICLES + FOLDERS + CATEGORIES
FULL_READ = {"GET": 157}
NOT_CONTENT = (".git", ".kbsync", "kbsync.toml")


def test_a_help_centre_is_pulled_and_published_to_another_portal_without_losing_a_byte(
    corpus: Path, tmp_path: Path
) -> None:
    with serve(SandboxSettings()) as old, serve(SandboxSettings()) as new:
        assert load_help_centre(old, corpus) == ARTICLES
        first, second, last = (
            empty_tree(tmp_path / name, portal) for name, portal in (("1", old), ("2", new), ("3", new))
        )
        pull_into_empty_tree(first, old)
        check_nothing_to_do(first, old)
        assert step(first, new, "publish", "--yes").ended.code == 4, "another portal than the one that is known"
        shutil.copytree(first.root, second.root, dirs_exist_ok=True, ignore=shutil.ignore_patterns(*NOT_CONTENT))
        second.commit("The same articles, for another portal")
        publish_to_empty_portal(second, new)
        check_nothing_to_do(second, new)
        pull_into_empty_tree(last, new)
    there, back = first.content(), last.content()
    assert len(there) == ITEMS + 1
    assert there.keys() == back.keys()
    assert [path for path, data in there.items() if back[path] != data] == ["kbsync.toml"]


def pull_into_empty_tree(checkout: Checkout, portal: Portal) -> None:
    """Pull into an empty tree."""
    pull = step(checkout, portal, "pull", "--format", "json")
    assert pull.ended.code == 0, pull.ended.err
    assert pull.ended.json["counts"] == {"create": ITEMS}
    assert pull.calls == FULL_READ
    assert full_read(portal) == FULL_READ["GET"]
    checkout.commit("As it stands")


def publish_to_empty_portal(checkout: Checkout, portal: Portal) -> None:
    """Publish to an empty portal, whose listing is one call."""
    publish = step(checkout, portal, "publish", "--yes", "--format", "json")
    assert publish.ended.code == 0, publish.ended.err
    assert {change["result"] for change in publish.ended.json["changes"]} == {"done"}
    assert publish.ended.json["counts"] == {"create": ITEMS}
    assert (publish.calls["POST"], publish.calls["GET"]) == (ITEMS, 1)
    assert publish.ended.json["calls"] == publish.total


def check_nothing_to_do(checkout: Checkout, portal: Portal) -> None:
    """Plan, publish and pull once more: each reads once, and none writes anything."""
    plan = step(checkout, portal, "plan", "--format", "json")
    assert plan.ended.code == 0
    assert named(plan) == {"changes": [], "drift": [], "conflicts": [], "unmanaged": []}
    assert (plan.calls, plan.ended.json["unchanged"]) == (FULL_READ, ITEMS)
    publish = step(checkout, portal, "publish", "--yes")
    assert (publish.ended.code, publish.ended.out, publish.calls) == (0, "Nothing to do.\n", FULL_READ)
    pull = step(checkout, portal, "pull", "--format", "json")
    assert (named(pull)["changes"], pull.calls) == ([], FULL_READ)
    assert checkout.git("status", "--short") == ""


def named(after: Step) -> dict[str, list[object]]:
    """Return everything that a plan names."""
    return {name: after.ended.json[name] for name in ("changes", "drift", "conflicts", "unmanaged")}
