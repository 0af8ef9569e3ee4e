"""Content that is wrong: a clear message with file and line, nothing sent, nothing lost."""

import unicodedata
from dataclasses import dataclass

import pytest

from tests.cli.conftest import FIRST, SECOND, Project

X = "guide/start/x.md"
SOUND = "---\ntitle: X\n---\nText\n"
MERGE = "<<<<<<< HEAD\none\n=======\ntwo\n>>>>>>> other\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Bad:
    """One way for a tree to be wrong: its files, and the messages about them, the place first.

    `within` an article is what `status` does not look for.
    """

    files: dict[str, str | bytes]
    message: tuple[str, ...]
    within: bool = False


BAD = {
    "malformed YAML": Bad(
        files={X: "---\ntitle: [a\n---\nText\n"}, message=(f"{X}:2:", "the front matter is not valid YAML", "quotes")
    ),
    "a tab in front matter": Bad(
        files={X: "---\ntitle: X\n\ttags: [a]\n---\nText\n"},
        message=(f"{X}:3:", "the front matter contains a tab", "indent with spaces"),
    ),
    "front matter that never ends": Bad(files={X: "---\ntitle: X\nText\n"}, message=(f"{X}:1:", "---")),
    "two articles with one id": Bad(
        files={X: "---\ntitle: X\nid: 5\n---\nText\n", "guide/start/y.md": "---\nid: 5\ntitle: Y\n---\nText\n"},
        message=(
            "guide/start/y.md:2:",
            f"`id: 5` is also used in `{X}`",
            "remove the wrong one; an id belongs to one item",
        ),
    ),
    "an article outside any folder": Bad(
        files={"guide/x.md": SOUND, "y.md": SOUND},
        message=("guide/x.md:1:1: KB220 ", "\ny.md:1:1: KB220 ", "`publish: false`"),
    ),
    "an empty file": Bad(files={X: ""}, within=True, message=(f"{X}:1:", "has no text", "`publish: false`")),
    "a file of white space": Bad(files={X: " \n\t\n"}, within=True, message=(f"{X}:1:", "has no text")),
    "a file that is not UTF-8": Bad(
        files={X: "---\ntitle: Caf\u00e9\n---\nText\n".encode("latin-1")},
        message=(f"{X}:2:", "is not UTF-8", "save it as UTF-8"),
    ),
    "a file of UTF-16": Bad(files={X: SOUND.encode("utf-16")}, message=(f"{X}:1:", "is not UTF-8")),
    "a file with a NUL": Bad(files={X: SOUND.encode() + b"\0"}, message=(f"{X}:5:", "NUL", "text file")),
    "one name in two normal forms": Bad(
        files={unicodedata.normalize(form, "guide/start/caf\u00e9.md"): SOUND for form in ("NFC", "NFD")},
        message=("guide/start/caf\u00e9.md: ", "two Unicode normal forms", "keep one"),
    ),
    "names that differ by case alone": Bad(
        files={X: SOUND, "guide/start/X.md": SOUND}, message=("guide/start/", "only in case", "rename one of the two")
    ),
    "HTML with scripts": Bad(
        files={X: '---\ntitle: X\n---\n<script>x()</script>\n\n<b onclick="x()">b</b> [c](javascript:x())\n'},
        within=True,
        message=(f"{X}:4:", "<script>", f"{X}:6:", "onclick", "javascript:x()", "take it out"),
    ),
    "a merge that was not finished, in the body": Bad(
        files={X: f"---\ntitle: X\n---\n{MERGE}"}, message=(f"{X}:4:", "contains conflict markers", "resolve")
    ),
    "a merge that was not finished, in the front matter": Bad(
        files={X: f"---\n{MERGE}---\nText\n"}, message=(f"{X}:2:", "contains conflict markers")
    ),
    "a merge that was not finished, in the lock": Bad(
        files={f".kbsync/production/{X}.json": "{\n" + MERGE + "}\n"},
        message=(f".kbsync/production/{X}.json:2:", "conflict markers in a lock file", "keep one of the two versions"),
    ),
    "a lock file cut short": Bad(
        files={f".kbsync/production/{X}.json": '{\n "version": 1,\n'},
        message=(f".kbsync/production/{X}.json:", "unreadable lock file", "restore it from git"),
    ),
    "a link to nothing": Bad(
        files={X: "---\ntitle: X\n---\nText\n\n[y](y.md)\n"}, within=True, message=(f"{X}:6:", "y.md")
    ),
    "a picture where no assets_url is set": Bad(
        files={X: "---\ntitle: X\n---\n![y](y.png)\n", "guide/start/y.png": b"\x89PNG"},
        within=True,
        message=(f"{X}:4:", "y.png", "assets_url"),
    ),
    "an unknown key": Bad(
        files={X: "---\ntitle: X\ntgas: [a]\n---\nText\n"}, message=(f"{X}:3:", "did you mean `tags`?")
    ),
    "a file that leads out of the root by its links": Bad(
        files={X: "---\ntitle: X\n---\n[y](../../../../etc/passwd)\n"},
        within=True,
        message=(f"{X}:4:", "../../../../etc/passwd"),
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_content_is_named_with_its_place_and_stops_everything(project: Project, name: str) -> None:
    bad = BAD[name]
    for path, text in bad.files.items():
        project.checkout.write(path, text)
    project.checkout.commit()
    before = project.checkout.files()
    found = project.kbsync("lint")
    assert found.code == 1
    assert found.err.endswith(" error.\n" if found.out.count("\n") == 1 else " errors.\n")
    for words in (
        ["plan"],
        ["plan", "--no-refresh"],
        ["publish", "--yes"],
        ["pull"],
        *([] if bad.within else [["status"]]),
    ):
        result = project.kbsync(*words)
        assert (result.code, result.out) == (1, ""), words
        assert result.err.startswith(found.out), words
    for message in bad.message:
        assert message in found.out
    assert found.out.startswith(bad.message[0])
    assert project.portal.calls == []
    assert project.checkout.files() == before


@pytest.mark.parametrize("name", ["CON", "aux.notes", "a:b", "what?", "ends with a dot."])
def test_a_name_that_windows_refuses_is_a_lint_problem_and_stops_no_other_article(project: Project, name: str) -> None:
    project.checkout.write(f"guide/start/{name}.md", SOUND)
    project.checkout.commit()
    found = project.kbsync("lint")
    assert found.code == 0
    if not name.endswith("."):
        assert found.out.startswith(f"guide/start/{name}.md: KB215 warning: ")
        assert "(rename it)" in found.out
    assert project.kbsync("publish", "--yes").code == 0


LONG = {
    "a title": f"---\ntitle: {'x' * 300}\n---\nText\n",
    "a heading": f"\n# {'x' * 300}\n\nText\n",
    "a tag": f"---\ntitle: X\ntags: [{'t' * 40}]\n---\nText\n",
}


@pytest.mark.parametrize("name", LONG)
def test_what_is_too_long_for_freshdesk_is_a_warning_and_stops_no_other_article(project: Project, name: str) -> None:
    project.checkout.write(X, LONG[name])
    project.checkout.commit()
    found = project.kbsync("lint")
    assert (found.code, found.err) == (0, "1 warning.\n")
    assert "KB122 warning" in found.out if name == "a tag" else "KB121 warning" in found.out
    project.kbsync("publish", "--yes")
    assert len(project.portal.store.all_articles()) >= 2


def test_a_missing_id_is_a_conflict_and_the_rest_is_published(project: Project) -> None:
    project.checkout.write(X, "---\ntitle: X\nid: 4711\n---\nText\n")
    project.checkout.commit()
    done = project.kbsync("publish", "--yes", "--format", "json")
    assert done.code == 4
    assert done.json["counts"] == {"create": 4}
    assert [(found["path"], found["reason"]) for found in done.json["conflicts"]] == [
        (X, "article 4711 is not on the portal; fix or remove `id`")
    ]
    assert len(project.portal.store.all_articles()) == 2


def test_a_folder_without_articles_is_a_folder(project: Project) -> None:
    project.checkout.write("guide/later/_index.md", "---\nname: Later\n---\n")
    project.checkout.write("guide/pictures/only.png", b"\x89PNG")
    project.checkout.commit()
    assert project.kbsync("publish", "--yes").code == 0
    assert {folder.name for folder in project.portal.store.all_folders()} == {"Start here", "Later"}
    project.portal.calls.clear()
    assert project.kbsync("plan").out.splitlines()[-1] == "5 unchanged."
    assert len(project.portal.calls) == 3, "an empty folder costs no call"


def test_an_article_of_20_mb_is_published(project: Project) -> None:
    project.checkout.write(X, "---\ntitle: X\n---\n" + (("A sentence of some words. " * 400) + "\n\n") * 2_000)
    project.checkout.commit()
    assert project.kbsync("publish", "--yes", X).code == 0
    assert len(project.portal.store.article(project.article("X")).description) > 20_000_000


def test_a_title_of_emoji_is_a_title(project: Project) -> None:
    title = "🎉 Party 🏳️\u200d🌈 👩🏽\u200d🚒"
    project.checkout.write(X, f"---\ntitle: {title}\n---\n# 🎉\n\n🎉\n")
    project.checkout.commit()
    assert project.kbsync("publish", "--yes").code == 0
    assert project.portal.store.article(project.article(title)).title == title
    before = project.checkout.files()
    assert project.kbsync("pull").code == 0
    assert project.checkout.files() == before


def test_a_byte_order_mark_and_windows_line_ends_are_accepted(project: Project) -> None:
    text = "\ufeff---\r\ntitle: X\r\n---\r\nText\r\n\r\n* one\r\n"
    project.checkout.write(X, text)
    project.checkout.commit()
    assert project.kbsync("publish", "--yes").code == 0
    number = project.article("X")
    assert "\r" not in project.portal.store.article(number).description
    project.portal.store.edit_article(number, title="Y")
    assert project.kbsync("pull").code == 0
    assert project.checkout.read(X) == text.replace("title: X", "title: Y")


def test_symbolic_links_out_of_the_root_are_refused(project: Project) -> None:
    outside = project.checkout.root.parent / "secret.md"
    outside.write_text(SOUND)
    (project.checkout.root / X).symlink_to(outside)
    (project.checkout.root / "guide" / "elsewhere").symlink_to(project.checkout.root.parent)
    found = project.kbsync("lint")
    assert found.code == 1
    assert [line.split(": ")[0] for line in found.out.splitlines()] == ["guide/elsewhere", X]
    assert project.kbsync("publish", "--yes").code in (1, 4)
    assert project.written == []


def test_two_problems_of_two_kinds_are_named_in_one_run(project: Project) -> None:
    project.checkout.write(X, "")
    project.checkout.write(f".kbsync/production/{FIRST}.json", "{")
    project.checkout.write(SECOND, "---\ntitle: [a\n---\n")
    planned = project.kbsync("plan")
    assert len([line for line in planned.err.splitlines() if ": " in line and not line.startswith((" ", "error"))]) == 3
    assert planned.err.splitlines()[-2] == "error: 3 problems in the content"
    assert "`kbsync lint`" in planned.err.splitlines()[-1]


@pytest.mark.parametrize("linked", [".kbsync", ".kbsync/production", f".kbsync/production/{FIRST}.json"])
def test_lock_files_behind_a_symbolic_link_are_refused(project: Project, linked: str) -> None:
    place = project.checkout.root / linked
    outside = project.checkout.root.parent / "outside"
    outside.mkdir()
    (outside / "lock.json").write_text("{}")
    place.parent.mkdir(parents=True, exist_ok=True)
    place.symlink_to(outside / "lock.json" if linked.endswith(".json") else outside)
    project.checkout.git("add", "-A")
    project.checkout.git("commit", "-q", "-m", "linked")
    for words in (("lint",), ("plan",), ("publish", "--yes")):
        found = project.kbsync(*words)
        assert found.code == 1
        assert f"{linked}: KB204 is a symbolic link" in found.out + found.err
    assert project.written == []


def test_the_html_of_an_article_with_a_bad_include_is_an_error(project: Project) -> None:
    project.checkout.write(FIRST, '---\ntitle: T\n---\n\n{% include "none.md" %}\n')
    found = project.kbsync("render", FIRST)
    assert found.code == 1
    assert "none.md" in found.err
