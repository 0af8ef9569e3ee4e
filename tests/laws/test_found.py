"""What the state machine has found, each in its shortest form."""

from tests.journeys.clone import Clone, shown, steps

BASICS = "guide/basics"


def folder(clone: Clone, name: str) -> int:
    (found,) = [folder.id for folder in clone.portal.store.all_folders() if folder.name == name]
    return found


def test_a_renamed_folder_in_conflict_is_still_that_folder_after_its_articles_were_published(clone: Clone) -> None:
    clone.published()
    clone.portal.store.edit_folder(folder(clone, "Basics"), name="Named on the web")
    before = shown(clone.portal)
    (clone.root / BASICS).rename(clone.root / "guide/first-steps")
    files = clone.files()
    clone.commit(
        {
            "guide/first-steps/_index.md": files["guide/first-steps/_index.md"].replace("Basics", "First steps"),
            "guide/basics/.keep": "",
        }
    )
    for _ in range(3):
        told = steps(clone.plan())
        assert told["guide/first-steps"] == "conflict"
        assert "move" not in told.values()
        assert "create" not in told.values()
        clone.publish()
    assert shown(clone.portal) == before
