"""An API key in a text: publish refuses the tree, a pull leaves the article out, and no output and no file shows it."""

import pytest

from kbsync.sandbox.settings import SandboxSettings
from tests.cli.conftest import FIRST, SECOND, Project
from tests.cli_runner import CommandResult

KEY = "aBcDeFgHiJkLmNoPq123"
FORMS = ("text", "json", "markdown", "html")

pytestmark = pytest.mark.parametrize("settings", [SandboxSettings(key=KEY)])


def _run(project: Project, *words: str) -> CommandResult:
    found = project.kbsync("--url", project.portal.url, *words)
    assert KEY.lower() not in (found.out + found.err).lower()
    return found


@pytest.mark.parametrize(
    "change",
    [
        {FIRST: f"---\ntitle: First steps\n---\ncurl -u {KEY}:X\n"},
        {FIRST: f"---\ntitle: The {KEY}\n---\nText\n"},
        {FIRST: f"---\ntitle: T\ntags: [{KEY}]\n---\nText\n"},
        {FIRST: f"---\ntitle: T\nseo: {{description: {KEY}}}\n---\nText\n"},
        {FIRST: '---\ntitle: T\n---\n{% include "_key.md" %}\n', "_key.md": f"Use **{KEY[:4]}**{KEY[4:]}.\n"},
        {FIRST: f"---\ntitle: T\nvariables:\n  k: {KEY}\n---\n{{{{ k }}}}\n"},
        {"guide/_index.md": f"---\nname: Guide\ndescription: {KEY}\n---\n"},
        {f"guide/{KEY}/a.md": "---\ntitle: A\n---\nText\n"},
    ],
    ids=["body", "title", "tag", "seo", "include", "variable", "description", "directory"],
)
def test_a_publish_refuses_it_before_any_call(project: Project, change: dict[str, str]) -> None:
    for path, text in change.items():
        project.checkout.write(path, text)
    project.checkout.commit()
    project.portal.calls.clear()
    linted = _run(project, "lint")
    assert linted.code == 1
    assert "KB502" in linted.out
    for words in (*(["plan", "--format", form] for form in FORMS), ["publish", "--yes"], ["pull"], ["status"]):
        assert _run(project, *words).code in (0, 1)
    assert _run(project, "publish", "--yes").code == 1
    assert project.written == []


def test_a_pull_leaves_it_out_and_takes_the_rest(project: Project) -> None:
    assert _run(project, "publish", "--yes").code == 0
    store = project.portal.store
    first, second = project.article("First steps"), project.article("Second steps")
    store.edit_article(first, body=f"<p>Plug it in. {KEY[:3]}<b>{KEY[3:]}</b></p>")
    store.edit_article(second, body="<p>Turn it on, twice.</p>")
    store.create_article(store.article(first).folder_id, f"All about {KEY}", "<p>Text</p>")
    for words in (*(["plan", "--format", form] for form in FORMS), ["status"], ["pull", "--dry-run"]):
        _run(project, *words)
    pulled = _run(project, "pull")
    assert pulled.code == 4
    assert "contains your API key" in pulled.out
    assert "twice" in project.checkout.files()[SECOND].decode()
    assert "Plug it in.\n" in project.checkout.files()[FIRST].decode()
    project.checkout.commit()
    project.checkout.write(FIRST, "---\ntitle: First steps\n---\nMine.\n")
    project.checkout.commit()
    assert _run(project, "publish", "--yes", "--overwrite", FIRST).code == 0
    assert store.article(first).description == "<p>Mine.</p>\n"
    for words in (["history"], ["history", "--format", "json"]):
        _run(project, *words)
    held = project.checkout.git("log", "--all", "-p", "-i", f"-G{KEY}", "--format=%H")
    assert held == ""
    assert [path for path, data in project.checkout.files().items() if KEY.encode() in data] == []
