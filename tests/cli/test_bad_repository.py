"""Repositories, settings and names from the portal that are wrong or odd."""

import shutil
import unicodedata
from pathlib import Path

import pytest

from kbsync.sandbox.server import Portal
from tests.cli.conftest import FILES, FIRST, Project
from tests.cli_runner import Checkout, new_checkout

NEEDING_GIT = (["plan"], ["plan", "--no-refresh"], ["publish", "--yes"], ["pull"], ["status"])


def test_a_directory_that_is_not_a_repository_is_an_error_with_advice_and_lint_works_there(project: Project) -> None:
    shutil.rmtree(project.checkout.root / ".git")
    before = project.checkout.files()
    assert project.kbsync("lint").code == 0
    for words in NEEDING_GIT:
        result = project.kbsync(*words)
        assert (result.code, result.out) == (1, "")
        assert (
            result.err
            == "error: not a git repository\n  try: run `git init` there, or give the content root with --root\n"
        )
    assert project.checkout.files() == before
    assert project.portal.calls == []


def test_a_repository_without_a_commit_can_be_planned_but_not_published(project: Project) -> None:
    shutil.rmtree(project.checkout.root / ".git")
    project.checkout.git("init", "--quiet")
    assert project.kbsync("lint").code == 0
    assert project.kbsync("plan").out.splitlines()[-2] == "4 to create."
    assert project.kbsync("pull").code == 0
    result = project.kbsync("publish", "--yes")
    assert (result.code, result.out) == (1, "")
    assert result.err == "error: no commits yet\n  try: commit the content, then publish\n"
    assert project.written == []


def test_a_bare_repository_is_an_error_with_advice(project: Project) -> None:
    bare = project.checkout.root.parent / "bare.git"
    project.checkout.git("clone", "--quiet", "--bare", ".", str(bare))
    (bare / "kbsync.toml").write_text(project.checkout.read("kbsync.toml"))
    result = project.kbsync("--root", str(bare), "plan")
    assert (result.code, result.out) == (1, "")
    assert result.err.startswith("error: ")
    assert "\n  try: " in result.err


def test_a_missing_git_is_an_error_with_advice(project: Project) -> None:
    result = project.checkout.process("plan", PATH="/nonexistent")
    assert (result.code, result.out) == (1, "")
    assert result.err == "error: git not found\n  try: install git, and check that it is on the PATH\n"


def test_a_plan_goes_on_without_the_remote_and_says_so(project: Project) -> None:
    project.published()
    project.checkout.git("remote", "add", "origin", str(project.checkout.root.parent / "nowhere.git"))
    for words in (["plan", "--exit-code"], ["plan", "--no-refresh", "--exit-code"], ["status"]):
        result = project.kbsync(*words)
        assert result.code == 0
        assert "the remote `origin` could not be reached" in result.err
        assert "add --local" in result.err
        assert "create" not in result.out
    assert "(git remote not reached)" in project.kbsync("plan").out.splitlines()[0]


def test_a_remote_that_cannot_be_reached_stops_before_any_call(project: Project) -> None:
    project.checkout.git("remote", "add", "origin", str(project.checkout.root.parent / "nowhere.git"))
    for words in (["publish", "--yes"], ["pull"]):
        result = project.kbsync(*words)
        assert (result.code, result.out) == (1, "")
        assert "origin" in result.err
        assert "\n  try: " in result.err
    assert project.portal.calls == []
    assert project.kbsync("plan", "--local").code == 0


WRONG_SETTINGS = {
    "x = [": ("kbsync.toml", "not valid TOML"),
    "[targets.production]\nurll = 'x'\n": ("kbsync.toml:2:", "unknown key 'urll'", "did you mean 'url'?"),
    "[targets.production]\nurl = 5\n": ("kbsync.toml:2:", "url cannot be 5", "use a string in quotes"),
    "[targets.production]\nremoved = 'burn'\n": (
        "kbsync.toml:2:",
        "removed cannot be 'burn'",
        "one of archive, delete, keep",
    ),
    "[targets.production]\nshare = 3\n": ("kbsync.toml:2:", "share cannot be 3", "use a number above 0, up to 1"),
    "[targets.production]\nlanguages = 'fr'\n": ("kbsync.toml:2:", "languages cannot be 'fr'", "use a list of strings"),
    "[limits]\narchive = '300%'\n": (
        "kbsync.toml:2:",
        "archive cannot be '300%'",
        'use a share such as "30%", or a number',
    ),
    "targets = 3\n": ("kbsync.toml:1:", "targets is not a table"),
    "[nope]\n": ("kbsync.toml:1:", "unknown key 'nope' in the file"),
}


@pytest.mark.parametrize("text", WRONG_SETTINGS)
def test_wrong_settings_are_named_with_their_line(project: Project, text: str) -> None:
    project.checkout.write("kbsync.toml", text)
    for words in (["lint"], ["plan"], ["plan", "--no-refresh"]):
        result = project.kbsync(*words)
        assert (result.code, result.out) == (2, "")
        assert [message for message in WRONG_SETTINGS[text] if message not in result.err] == []
        assert "error: 1 problem in the settings\n" in result.err


def test_every_wrong_setting_is_named_at_once(project: Project) -> None:
    project.checkout.write(
        "kbsync.toml", "ingore = []\n[targets.production]\nurl = 5\nshare = 0\n[limits]\narchive = -1\n"
    )
    result = project.kbsync("lint")
    assert [line.split(" ")[0].removesuffix(":") for line in result.err.splitlines()[:4]] == [
        f"kbsync.toml:{line}:1" for line in (1, 3, 4, 6)
    ]
    assert "error: 4 problems in the settings\n" in result.err


@pytest.mark.parametrize("encoding", ["latin-1", "utf-16"])
def test_settings_that_are_not_utf_8_are_an_error_with_advice(project: Project, encoding: str) -> None:
    project.checkout.write("kbsync.toml", '# \u00e9\n[targets.production]\nurl = "x"\n'.encode(encoding))
    result = project.kbsync("lint")
    assert (result.code, result.out) == (2, "")
    assert result.err.startswith("kbsync.toml:1:1: KB101 is not UTF-8 (save it as UTF-8)\n")


def test_settings_with_a_byte_order_mark_and_windows_line_ends_are_read(project: Project) -> None:
    project.checkout.write("kbsync.toml", "\ufeff" + project.checkout.read("kbsync.toml").replace("\n", "\r\n"))
    assert project.kbsync("plan").code == 0


HOSTILE = (
    "../../etc/passwd",
    "/etc/passwd",
    "..",
    ".",
    "a/b",
    "a\\b",
    "CON",
    "com1.txt",
    ".git",
    ".kbsync",
    "_index",
    "kbsync.toml",
    "-rf *",
    "caf\u00e9",
    unicodedata.normalize("NFD", "caf\u00e9"),
    "CAF\u00c9",
    "🎉",
    "<script>alert(1)</script>",
    "\u202egnp.exe",
    "x" * 255,
    "tab\tand\x1b[31m",
    " spaces . ",
    "שלום",
    "first",
)


@pytest.fixture
def hostile(portal: Portal, tmp_path: Path) -> Checkout:
    """An empty tree, and a portal with names that would do harm if they were used unchecked."""
    for name in HOSTILE[:5]:
        category = portal.store.create_category(name)
        folder = portal.store.create_folder(category.id, name)
        nested = portal.store.create_folder(category.id, "..", parent_id=folder.id)
        for title in HOSTILE:
            portal.store.create_article(folder.id, title, f"<p>{HOSTILE.index(title)}</p><script>alert(1)</script>")
        portal.store.create_article(nested.id, "..", "<p>Deep</p>")
    settings = f'[targets.production]\nurl = "{portal.url}"\n'
    return new_checkout(tmp_path / "tree", {"kbsync.toml": settings}, {"FRESHDESK_API_KEY": portal.key})


def test_names_from_the_portal_never_leave_the_root_nor_collide(hostile: Checkout, portal: Portal) -> None:
    outside = sorted(path for path in hostile.root.parent.rglob("*") if not path.is_relative_to(hostile.root))
    done = hostile.kbsync("pull")
    assert done.code == 0, done.err
    assert "\x1b" not in done.out + done.err
    assert sorted(path for path in hostile.root.parent.rglob("*") if not path.is_relative_to(hostile.root)) == outside
    articles = [path for path in hostile.content() if path.endswith(".md") and not path.endswith("_index.md")]
    assert len(articles) == len(portal.store.all_articles()) == 5 * (len(HOSTILE) + 1)
    assert len({unicodedata.normalize("NFC", path).casefold() for path in hostile.content()}) == len(hostile.content())
    for path in hostile.content():
        assert not {"..", "", ".", ".git"} & set(path.split("/"))
        assert not set('<>:"|?*\\\x1b\n\t\u202e') & set(path)
    assert hostile.git("status", "--short", "--untracked-files=all", "--", ".git") == ""
    hostile.commit()
    assert hostile.kbsync("lint").out == ""
    assert hostile.kbsync("plan", "--exit-code").code == 0
    assert hostile.kbsync("pull").out.splitlines()[-1].endswith(" unchanged.")
    assert hostile.git("status", "--short") == ""


@pytest.mark.parametrize("title", ["two\nlines", ""])
def test_a_pull_writes_a_valid_tree(project: Project, title: str) -> None:
    project.published()
    project.portal.store.edit_article(project.article("First steps"), title=title)
    assert project.kbsync("pull").code == 0
    assert project.kbsync("lint").out == ""
    assert project.kbsync("plan", "--exit-code").code == 0


def test_a_nested_root_in_a_larger_repository_works(portal: Portal, tmp_path: Path) -> None:
    files = {f"docs/help/{path}": text for path, text in FILES.items()}
    settings = f'[targets.production]\nurl = "{portal.url}"\n'
    checkout = new_checkout(
        tmp_path / "repo",
        {"docs/help/kbsync.toml": settings, "README.md": "# Not content\n", **files},
        {"FRESHDESK_API_KEY": portal.key, "KBSYNC_ROOT": str(tmp_path / "repo" / "docs" / "help")},
    )
    checkout.write("README.md", "# Changed, and none of kbsync's business\n")
    assert checkout.kbsync("publish", "--yes").code == 0
    assert checkout.kbsync("plan", f"docs/help/{FIRST}").out.splitlines()[-1].endswith("unchanged.")
    assert checkout.kbsync("plan", FIRST).code == 0
