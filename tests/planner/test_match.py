"""What is a change: managed and unmanaged fields, renderings, addresses, and `updated_at` alone."""

from dataclasses import replace

import pytest

from kbsync.baseline import State
from kbsync.digests import source_key
from kbsync.markup.to_html import RENDERER_VERSION
from kbsync.model import Article, Folder, ItemKey, Kind, Seo, Visibility
from tests.planner.world import BothSides, article, published, steps

PATH = "guide/basics/reset.md"
FILES = {
    PATH: article("Reset", "Press the button, as [the other page](other.md#why) says.\n\n![Where](img/where.png)"),
    "guide/basics/other.md": article("Other", "## Why\n\nBecause."),
    "guide/basics/img/where.png": "not a picture",
}


@pytest.fixture
def made() -> BothSides:
    return published(FILES)


def _changes(made: BothSides) -> dict[str, tuple[str, ...]]:
    return {change.path: change.fields for change in made.plan().changes}


def test_rewrapping_a_paragraph_is_no_change(made: BothSides) -> None:
    made.files[PATH] = made.files[PATH].replace("button, as", "button,\nas")
    assert steps(made.plan()) == {}


def test_front_matter_in_another_order_or_style_is_no_change() -> None:
    made = published({PATH: "---\ntitle: Reset\ntags: [one, two]\n---\n\nText.\n"})
    made.files[PATH] = "---\n# why\ntags:\n  - two\n  - one\ntitle: 'Reset'\n---\n\nText.\n"
    assert steps(made.plan()) == {}


def test_a_title_from_a_heading_equals_the_same_title_in_front_matter(made: BothSides) -> None:
    made.files["guide/basics/other.md"] = "# Other\n\n## Why\n\nBecause.\n"
    assert steps(made.plan()) == {}


def test_an_agents_change_of_a_field_that_content_does_not_manage_is_no_drift(made: BothSides) -> None:
    seo = Seo(title="Found by search", description="", keywords=("reset",))
    made.edit(PATH, tags=("vip",), seo=seo, author=99)
    made.edit("guide/basics", description="Begin here", visibility=Visibility.LOGGED_IN)
    assert steps(made.plan(touched="go")) == {}
    made.files[PATH] += "\nMore.\n"
    made.publish(touched="go")
    live = made.live[made.key(PATH)]
    assert isinstance(live, Article)
    assert (live.tags, live.seo, live.author) == (("vip",), seo, 99)


def test_managing_tags_for_the_first_time_is_a_change_of_content_and_no_web_edit(made: BothSides) -> None:
    made.files[PATH] = FILES[PATH].replace("title: Reset", "title: Reset\ntags: [new]")
    assert _changes(made) == {PATH: ("tags",)}
    made.publish()
    assert steps(made.plan()) == {}


def test_managing_tags_with_the_value_that_an_agent_set_is_no_change() -> None:
    made = published({PATH: article("Reset")})
    made.edit(PATH, tags=("vip", "web"))
    made.files[PATH] = article("Reset", tags="[web, vip]")
    assert set(steps(made.plan(touched="go")).values()) <= {"adopt"}


def test_managing_tags_with_another_value_than_an_agent_set_is_a_conflict(made: BothSides) -> None:
    made.edit(PATH, tags=("vip",))
    made.files[PATH] = FILES[PATH].replace("title: Reset", "title: Reset\ntags: [new]")
    assert steps(made.plan()) == {PATH: "conflict"}


def test_a_field_that_is_no_longer_managed_is_no_change_and_belongs_to_the_agents() -> None:
    made = published({PATH: article("Reset", tags="[one]")})
    made.files[PATH] = article("Reset")
    assert steps(made.plan()) == {}
    made.edit(PATH, tags=("two",))
    assert steps(made.plan(touched="go")) == {}


def test_an_edit_of_a_managed_field_is_drift_with_its_name(made: BothSides) -> None:
    made.edit(PATH, title="Reset it", status="draft")
    (finding,) = made.plan().drift
    assert finding.fields == ("title", "status")
    assert finding.reason == "edited on the portal: title, status"


def test_an_unpublished_article_is_drift_since_status_is_always_managed(made: BothSides) -> None:
    made.edit(PATH, status="draft")
    assert steps(made.plan()) == {PATH: "drift"}


def test_an_article_moved_on_the_web_is_drift_and_a_folder_too(made: BothSides) -> None:
    made.add("guide/basics", "Beside")
    made.files["guide/second/x.md"] = article("X")
    made.publish()
    made.edit(PATH, parent=made.id_of("guide/second"))
    made.edit("guide/second", parent=made.id_of("guide/basics"))
    actions = steps(made.plan())
    assert (actions[PATH], actions["guide/second"]) == ("drift", "drift")


def test_another_updated_at_alone_is_neither_drift_nor_a_change(made: BothSides) -> None:
    made.edit(PATH)
    assert steps(made.plan()) == {}


@pytest.mark.parametrize(("touched", "said"), [("hold", "conflict"), ("go", "update")])
def test_an_update_of_an_article_saved_without_a_change_follows_the_setting_touched(
    made: BothSides, touched: str, said: str
) -> None:
    made.edit(PATH)
    made.files[PATH] += "\nMore.\n"
    assert steps(made.plan(touched=touched)) == {PATH: said}


@pytest.mark.parametrize(("touched", "said"), [("hold", "conflict"), ("go", "archive")])
def test_an_article_saved_without_a_change_is_not_archived(made: BothSides, touched: str, said: str) -> None:
    made.edit(PATH)
    made.remove(PATH)
    assert steps(made.plan(touched=touched))[PATH] == said


def test_a_pull_adopts_an_article_that_was_saved_without_a_change(made: BothSides) -> None:
    made.edit(PATH)
    assert steps(made.plan_pull()) == {PATH: "adopt"}


def test_noise_of_the_web_editor_is_an_edit_of_live_only(made: BothSides) -> None:
    """The live half is compared with itself without the volatile parts; a pull decides what an edit means."""
    live = made.live[made.key(PATH)]
    assert isinstance(live, Article)
    made.edit(PATH, body=live.body.replace("<p>", '<p dir="ltr">'))
    assert steps(made.plan()) == {PATH: "drift"}
    assert steps(made.plan_pull()) == {PATH: "update"}


def test_signed_addresses_of_attachments_are_no_edit() -> None:
    body = '<p><img src="https://acme.freshdesk.com/helpdesk/attachments/5?signature=one" alt="x"></p>'
    made = published({"a/b/_index.md": "---\nname: B\n---\n", "a/b/y.md": article("Y")})
    made.add("a/b", "Web", body=body)
    number = max(key.id for key in made.live if key.kind is Kind.ARTICLE)
    markdown = "![x](https://acme.freshdesk.com/helpdesk/attachments/5?signature=one)"
    made.files["a/b/web.md"] = article("Web", markdown)
    made.publish()
    live = made.live[ItemKey(Kind.ARTICLE, number)]
    assert isinstance(live, Article)
    made.live[ItemKey(Kind.ARTICLE, number)] = replace(live, body=body.replace("one", "two"))
    assert steps(made.plan()) == {}


def test_another_assets_url_updates_exactly_the_articles_that_show_assets(made: BothSides) -> None:
    made.config = replace(made.config, assets_url="https://img.acme.com")
    plan = made.publish()
    assert _reasons(plan.changes) == {PATH: "links: guide/basics/img/where.png"}
    live = made.live[made.key(PATH)]
    assert isinstance(live, Article)
    assert "https://img.acme.com/guide/basics/img/where.png" in live.body
    assert steps(made.plan()) == {}


def test_another_public_url_updates_exactly_the_articles_with_links(made: BothSides) -> None:
    made.config = replace(made.config, public_url="https://help.acme.com")
    assert _reasons(made.publish().changes) == {PATH: "links: guide/basics/other.md#why"}
    assert steps(made.plan()) == {}


def test_an_article_that_is_created_again_updates_those_that_link_to_it(made: BothSides) -> None:
    before = made.id_of("guide/basics/other.md")
    made.lose("guide/basics/other.md")
    plan = made.publish(overwrite=frozenset({"guide/basics/other.md"}))
    assert _reasons(plan.changes)[PATH] == "links: guide/basics/other.md#why"
    assert made.id_of("guide/basics/other.md") != before
    live = made.live[made.key(PATH)]
    assert isinstance(live, Article)
    assert f"/articles/{made.id_of('guide/basics/other.md')}#" in live.body
    assert steps(made.plan()) == {}


def test_an_article_deleted_on_the_web_changes_no_article_that_links_to_it(made: BothSides) -> None:
    made.lose("guide/basics/other.md")
    assert steps(made.plan()) == {"guide/basics/other.md": "drift"}


def test_a_moved_article_updates_those_that_link_to_it_with_that_reason(made: BothSides) -> None:
    made.files["guide/second/x.md"] = article("X")
    made.publish()
    made.rename("guide/basics/other.md", "guide/second/other.md")
    made.files[PATH] = FILES[PATH].replace("other.md#why", "../second/other.md#why")
    plan = made.publish()
    assert steps(plan) == {PATH: "update", "guide/second/other.md": "move"}
    live = made.live[made.key(PATH)]
    assert isinstance(live, Article)
    assert f"/articles/{made.id_of('guide/second/other.md')}#why" in live.body
    assert steps(made.plan()) == {}


def test_an_update_of_links_is_held_back_while_an_article_is_touched(made: BothSides) -> None:
    made.edit(PATH)
    made.config = replace(made.config, assets_url="https://img.acme.com")
    assert steps(made.plan()) == {PATH: "conflict"}
    assert steps(made.plan(touched="go")) == {PATH: "update"}


def test_a_renamed_file_that_others_link_to_changes_nothing_that_readers_see(made: BothSides) -> None:
    made.rename("guide/basics/other.md", "guide/basics/another.md")
    made.files[PATH] = FILES[PATH].replace("other.md#why", "another.md#why")
    before = dict(made.live)
    actions = steps(made.publish())
    assert actions["guide/basics/another.md"] == "rename"
    assert {key: _said(item) for key, item in made.live.items()} == {key: _said(item) for key, item in before.items()}
    assert steps(made.plan()) == {}


def test_a_new_link_to_an_anchor_changes_both_articles(made: BothSides) -> None:
    made.files[PATH] = FILES[PATH] + "\n## Reset it\n\nNow.\n"
    made.publish()
    made.files["guide/basics/third.md"] = article("Third", "See [there](reset.md#reset-it).")
    actions = steps(made.publish())
    assert actions == {PATH: "update", "guide/basics/third.md": "create"}
    live = made.live[made.key(PATH)]
    assert isinstance(live, Article)
    assert 'id="reset-it"' in live.body
    made.files["guide/basics/fourth.md"] = article("Fourth", "See [there](other.md#why).")
    assert steps(made.plan()) == {"guide/basics/fourth.md": "create"}


def test_an_upgrade_with_the_same_rendering_plans_nothing(made: BothSides) -> None:
    """A baseline of an older renderer version with the digest of this one, as opening a workspace makes it."""
    key = made.key(PATH)
    content = {item.path: item for item in made.content().articles}[PATH]
    assert made.baselines[key].source_key == source_key(content, frozenset())
    made.baselines[key] = replace(
        made.baselines[key], source_key="of another kbsync", renderer_version=RENDERER_VERSION
    )
    assert steps(made.plan()) == {}


def test_a_folders_new_description_and_visibility_are_one_update() -> None:
    made = published({PATH: article("Reset"), "guide/basics/_index.md": "---\nname: Basics\n---\n"})
    made.files["guide/basics/_index.md"] = "---\nname: Basics\nvisibility: agents\n---\n\nFor us.\n"
    assert _changes(made) == {"guide/basics": ("description", "visibility")}
    made.publish()
    live = made.live[made.key("guide/basics")]
    assert isinstance(live, Folder)
    assert (live.description, live.visibility) == ("For us.", Visibility.AGENTS)
    assert steps(made.plan()) == {}


def test_an_undone_article_is_published_when_its_file_changes(made: BothSides) -> None:
    key = made.key(PATH)
    made.baselines[key] = replace(made.baselines[key], state=State.UNDONE)
    assert steps(made.plan()) == {PATH: "undone"}
    made.files[PATH] += "\nMore.\n"
    assert steps(made.publish()) == {PATH: "update"}
    assert made.baseline(PATH).state is State.LIVE


def _reasons(changes: object) -> dict[str, str]:
    assert isinstance(changes, tuple)
    return {change.path: change.reason for change in changes}


def _said(item: object) -> object:
    assert isinstance(item, Article | Folder) or hasattr(item, "name")
    return replace(item, updated_at=None)  # type: ignore[type-var]
