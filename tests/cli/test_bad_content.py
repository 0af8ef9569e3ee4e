"""Content that is wrong: a clear message with file and line, nothing sent, nothing lost."""

import unicodedata
from dataclasses import dataclass

import pytest

from tests.cli.conftest import FIRST, SECOND, Scene

X = "guide/start/x.md"
SOUND = "---\ntitle: X\n---\nText\n"
MERGE = "<<<<<<< HEAD\none\n=======\ntwo\n>>>>>>> other\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Bad:
    """One way for a tree to be wrong: its files, and what is said of them, first the place.

    `within` an article is what a glance at both sides does not look for.
    """

    files: dict[str, str | bytes]
    said: tuple[str, ...]
    within: bool = False


BAD = {
    "malformed YAML": Bad(
        files={X: "---\ntitle: [a\n---\nText\n"}, said=(f"{X}:2: ", "the front matter is no YAML", "quotes")
    ),
    "a tab in front matter": Bad(
        files={X: "---\ntitle: X\n\ttags: [a]\n---\nText\n"},
        said=(f"{X}:3: ", "a tab in the front matter", "indent it with spaces"),
    ),
    "front matter that never ends": Bad(files={X: "---\ntitle: X\nText\n"}, said=(f"{X}:1: ", "---")),
    "two articles with one id": Bad(
        files={X: "---\ntitle: X\nid: 5\n---\nText\n", "guide/start/y.md": "---\nid: 5\ntitle: Y\n---\nText\n"},
        said=("guide/start/y.md:2: ", f"`id: 5` is pinned by `{X}` too", "an id belongs to one item"),
    ),
    "a title of 300 characters": Bad(
        files={X: f"---\ntitle: {'x' * 300}\n---\nText\n"},
        said=(f"{X}:2: ", "300 characters", "shorten it to 255"),
    ),
    "a heading of 300 characters for a title": Bad(
        files={X: f"\n# {'x' * 300}\n\nText\n"}, said=(f"{X}:2: ", "300 characters", "shorten it to 255")
    ),
    "a tag of 40 characters": Bad(
        files={X: f"---\ntitle: X\ntags: [{'t' * 40}]\n---\nText\n"}, said=(f"{X}:3: ", "40 characters", "at most 32")
    ),
    "an article outside any folder": Bad(
        files={"guide/x.md": SOUND, "y.md": SOUND},
        said=("guide/x.md: lies outside any folder", "\ny.md: lies outside any folder", "`publish: false`"),
    ),
    "an empty file": Bad(files={X: ""}, said=(f"{X}:1: ", "is empty", "write `title:`")),
    "a file of white space": Bad(files={X: " \n\t\n"}, said=(f"{X}:1: ", "is empty")),
    "a file that is not UTF-8": Bad(
        files={X: "---\ntitle: Caf\u00e9\n---\nText\n".encode("latin-1")},
        said=(f"{X}:2: ", "is not UTF-8", "save it as UTF-8"),
    ),
    "a file of UTF-16": Bad(files={X: SOUND.encode("utf-16")}, said=(f"{X}:1: ", "is not UTF-8")),
    "a file with a NUL": Bad(files={X: SOUND.encode() + b"\0"}, said=(f"{X}:5: ", "NUL", "text file")),
    "one name in two normal forms": Bad(
        files={unicodedata.normalize(form, "guide/start/caf\u00e9.md"): SOUND for form in ("NFC", "NFD")},
        said=("guide/start/caf\u00e9.md: ", "two normal forms of Unicode", "keep one"),
    ),
    "names that differ by case alone": Bad(
        files={X: SOUND, "guide/start/X.md": SOUND}, said=("guide/start/", "only in case", "rename one of the two")
    ),
    "HTML with scripts": Bad(
        files={X: '---\ntitle: X\n---\n<script>x()</script>\n\n<b onclick="x()">b</b> [c](javascript:x())\n'},
        within=True,
        said=(f"{X}:4: ", "<script>", f"{X}:6: ", "onclick", "javascript:x()", "take it out"),
    ),
    "a merge that was not finished, in the body": Bad(
        files={X: f"---\ntitle: X\n---\n{MERGE}"}, said=(f"{X}:4: ", "a merge that was not finished", "resolve")
    ),
    "a merge that was not finished, in the front matter": Bad(
        files={X: f"---\n{MERGE}---\nText\n"}, said=(f"{X}:2: ", "a merge that was not finished")
    ),
    "a merge that was not finished, in the lock": Bad(
        files={f".kbsync/production/{X}.json": "{\n" + MERGE + "}\n"},
        said=(f".kbsync/production/{X}.json:2: ", "conflict markers in a lock file", "keep either side whole"),
    ),
    "a lock file cut short": Bad(
        files={f".kbsync/production/{X}.json": '{\n "version": 1,\n'},
        said=(f".kbsync/production/{X}.json:", "unreadable lock file", "restore it from git"),
    ),
    "a link that leads nowhere": Bad(
        files={X: "---\ntitle: X\n---\nText\n\n[y](y.md)\n"}, within=True, said=(f"{X}:6: ", "y.md")
    ),
    "a picture where no assets_url is set": Bad(
        files={X: "---\ntitle: X\n---\n![y](y.png)\n", "guide/start/y.png": b"\x89PNG"},
        within=True,
        said=(f"{X}:4: ", "y.png", "assets_url"),
    ),
    "an unknown key": Bad(
        files={X: "---\ntitle: X\ntgas: [a]\n---\nText\n"}, said=(f"{X}:3: ", "did you mean `tags`?")
    ),
    "a file that leads out of the root by its links": Bad(
        files={X: "---\ntitle: X\n---\n[y](../../../../etc/passwd)\n"},
        within=True,
        said=(f"{X}:4: ", "../../../../etc/passwd"),
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_content_is_named_with_its_place_and_stops_everything(scene: Scene, name: str) -> None:
    bad = BAD[name]
    for path, text in bad.files.items():
        scene.desk.write(path, text)
    scene.desk.commit()
    before = scene.desk.files()
    found = scene.kbsync("lint")
    assert found.code == 1
    assert found.err.endswith(" problem.\n" if found.out.count("\n") == 1 else " problems.\n")
    for words in (
        ["plan"],
        ["plan", "--no-refresh"],
        ["publish", "--yes"],
        ["pull"],
        *([] if bad.within else [["status"]]),
    ):
        ended = scene.kbsync(*words)
        assert (ended.code, ended.out) == (1, ""), words
        assert ended.err.startswith(found.out), words
    for said in bad.said:
        assert said in found.out
    assert found.out.startswith(bad.said[0])
    assert scene.portal.calls == []
    assert scene.desk.files() == before


@pytest.mark.parametrize("name", ["CON", "aux.notes", "a:b", "what?", "ends with a dot."])
def test_a_name_that_windows_refuses_is_told_by_lint_and_stops_nobody_else(scene: Scene, name: str) -> None:
    scene.desk.write(f"guide/start/{name}.md", SOUND)
    scene.desk.commit()
    found = scene.kbsync("lint")
    assert found.code == (0 if name.endswith(".") else 1)
    if found.code:
        assert found.out.startswith(f"guide/start/{name}.md: ")
        assert "(rename it)" in found.out
    assert scene.kbsync("publish", "--yes").code == 0


def test_an_id_that_is_gone_is_a_conflict_and_the_rest_goes_out(scene: Scene) -> None:
    scene.desk.write(X, "---\ntitle: X\nid: 4711\n---\nText\n")
    scene.desk.commit()
    done = scene.kbsync("publish", "--yes", "--format", "json")
    assert done.code == 4
    assert done.page["counts"] == {"create": 4}
    assert [(found["path"], found["reason"]) for found in done.page["conflicts"]] == [
        (X, "article 4711 is not on the portal: correct or drop `id`")
    ]
    assert len(scene.portal.store.all_articles()) == 2


def test_a_folder_without_articles_is_a_folder(scene: Scene) -> None:
    scene.desk.write("guide/later/_index.md", "---\nname: Later\n---\n")
    scene.desk.write("guide/pictures/only.png", b"\x89PNG")
    scene.desk.commit()
    assert scene.kbsync("publish", "--yes").code == 0
    assert {folder.name for folder in scene.portal.store.all_folders()} == {"Start here", "Later"}
    scene.portal.calls.clear()
    assert scene.kbsync("plan").out.splitlines()[-1] == "5 unchanged."
    assert len(scene.portal.calls) == 3, "an empty folder costs no call"


def test_an_article_of_20_mb_goes_out(scene: Scene) -> None:
    scene.desk.write(X, "---\ntitle: X\n---\n" + (("A sentence of some words. " * 400) + "\n\n") * 2_000)
    scene.desk.commit()
    assert scene.kbsync("publish", "--yes", X).code == 0
    assert len(scene.portal.store.article(scene.article("X")).description) > 20_000_000


def test_a_title_of_emoji_is_a_title(scene: Scene) -> None:
    title = "🎉 Party 🏳️\u200d🌈 👩🏽\u200d🚒"
    scene.desk.write(X, f"---\ntitle: {title}\n---\n# 🎉\n\n🎉\n")
    scene.desk.commit()
    assert scene.kbsync("publish", "--yes").code == 0
    assert scene.portal.store.article(scene.article(title)).title == title
    before = scene.desk.files()
    assert scene.kbsync("pull").code == 0
    assert scene.desk.files() == before


def test_a_byte_order_mark_and_windows_line_ends_are_no_trouble(scene: Scene) -> None:
    text = "\ufeff---\r\ntitle: X\r\n---\r\nText\r\n\r\n* one\r\n"
    scene.desk.write(X, text)
    scene.desk.commit()
    assert scene.kbsync("publish", "--yes").code == 0
    number = scene.article("X")
    assert "\r" not in scene.portal.store.article(number).description
    scene.portal.store.edit_article(number, title="Y")
    assert scene.kbsync("pull").code == 0
    assert scene.desk.read(X) == text.replace("title: X", "title: Y")


def test_symbolic_links_out_of_the_root_are_refused(scene: Scene) -> None:
    outside = scene.desk.root.parent / "secret.md"
    outside.write_text(SOUND)
    (scene.desk.root / X).symlink_to(outside)
    (scene.desk.root / "guide" / "elsewhere").symlink_to(scene.desk.root.parent)
    found = scene.kbsync("lint")
    assert found.code == 1
    assert [line.split(": ")[0] for line in found.out.splitlines()] == ["guide/elsewhere", X]
    assert scene.kbsync("publish", "--yes").code in (1, 4)
    assert scene.written == []


def test_two_problems_of_two_kinds_are_named_in_one_run(scene: Scene) -> None:
    scene.desk.write(X, "")
    scene.desk.write(f".kbsync/production/{FIRST}.json", "{")
    scene.desk.write(SECOND, "---\ntitle: [a\n---\n")
    planned = scene.kbsync("plan")
    assert len([line for line in planned.err.splitlines() if ": " in line and not line.startswith((" ", "error"))]) == 3
    assert planned.err.splitlines()[-2] == "error: 3 problems in the content"
    assert "`kbsync lint`" in planned.err.splitlines()[-1]
