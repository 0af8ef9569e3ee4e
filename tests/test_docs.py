"""The commands, options, settings and links that the documentation names exist."""

import re
import shlex
import tomllib
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from kbsync.cli.main import app
from kbsync.config import load_config
from kbsync.content.selection import TreeRules
from kbsync.content.tree import read_tree
from kbsync.files import WorkingTree

ROOT = Path(__file__).parent.parent
ARTICLES = tuple(sorted((ROOT / "content").rglob("*.md")))
PAGES = (ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / ".github").rglob("*.md")), *ARTICLES)
WORKFLOWS = tuple(sorted((ROOT / ".github" / "actions").rglob("*.yml")))

FENCE = re.compile(r"^(?:> )?(`{3,})(\w*)\n(.*?)^(?:> )?\1$", re.MULTILINE | re.DOTALL)
SPAN = re.compile(r"(?<!`)`(kbsync(?: [^`\n]+)?)`")
LINK = re.compile(r"(?<!!)\[[^\]\n]*\]\((?!https?:|mailto:)([^)\s]+)\)")


def _name(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


def _fences(page: Path, *languages: str) -> Iterator[str]:
    for _, language, code in FENCE.findall(page.read_text(encoding="utf-8")):
        if language in languages:
            yield re.sub(r"^> ?", "", code, flags=re.MULTILINE)


def _calls(page: Path) -> Iterator[str]:
    """Every `kbsync …` that a page tells the reader to type, as one line."""
    lines = [line for code in _fences(page, "sh", "yaml", "powershell") for line in code.splitlines()]
    for line in lines:
        for part in re.split(r"&&|\||;", line.split(" #")[0]):
            words = part.strip().removeprefix("- ").removeprefix(".venv/bin/").removeprefix(".venv\\Scripts\\")
            if words.startswith("kbsync "):
                yield words
    yield from SPAN.findall(re.sub(FENCE, "", page.read_text(encoding="utf-8")))


def _options(command: click.Command) -> dict[str, click.Option]:
    return {word: option for option in command.params if isinstance(option, click.Option) for word in option.opts}


def wrong_words(call: str) -> list[str]:
    """Return the options and commands of one call that the command line does not know."""
    command: click.Command = app
    words = iter(shlex.split(call)[1:])
    wrong: list[str] = []
    for word in words:
        if word in ("--help", "COMMAND"):
            return wrong
        if word.startswith("-"):
            known = _options(command) | _options(app)
            option = known.get(word.split("=")[0])
            if option is None:
                wrong.append(word)
            elif not option.is_flag and "=" not in word:
                next(words, None)
        elif isinstance(command, click.Group):
            found = command.get_command(click.Context(command), word)
            if found is None:
                return [*wrong, word]
            command = found
    return wrong


@pytest.mark.parametrize("page", PAGES, ids=_name)
def test_every_command_and_option_that_a_page_names_exists(page: Path) -> None:
    assert {call: wrong for call in _calls(page) if (wrong := wrong_words(call))} == {}


def test_the_check_itself_finds_what_does_not_exist() -> None:
    assert wrong_words("kbsync publsh") == ["publsh"]
    assert wrong_words("kbsync --target x plan help --format json --frobnicate") == ["--frobnicate"]


def test_the_command_reference_names_every_command_and_option() -> None:
    folder = ROOT / "content" / "5-reference" / "commands-and-settings"
    text = (folder / "commands.md").read_text(encoding="utf-8")
    context = click.Context(app)
    commands = {name: app.get_command(context, name) for name in app.list_commands(context)}
    assert [name for name in commands if f"\n## {name}\n" not in text] == []
    named = {word for command in commands.values() if command for word in _options(command)}
    assert sorted(word for word in named - {"--help"} if word.startswith("--") and f"`{word}`" not in text) == []


@pytest.mark.parametrize("page", PAGES, ids=_name)
def test_every_relative_link_leads_to_a_file_and_a_heading(page: Path) -> None:
    text = re.sub(FENCE, "", page.read_text(encoding="utf-8"))
    broken = []
    for link in LINK.findall(text):
        address, _, anchor = link.partition("#")
        target = (page.parent / address).resolve() if address else page
        if not target.exists() or (anchor and anchor not in _anchors(target)):
            broken.append(link)
    assert broken == []


def _anchors(page: Path) -> set[str]:
    headings = re.findall(r"^#+ (.*)$", re.sub(FENCE, "", page.read_text(encoding="utf-8")), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=_name)
def test_every_settings_example_is_valid(page: Path, tmp_path: Path) -> None:
    for code in _fences(page, "toml"):
        (tmp_path / "kbsync.toml").write_text(code, encoding="utf-8")
        target = next(iter(tomllib.loads(code).get("targets", {"production": {}})))
        assert load_config(tmp_path, {"target": target}, {}).target == target


@pytest.mark.parametrize("page", ARTICLES, ids=_name)
def test_every_example_of_front_matter_is_valid(page: Path, tmp_path: Path) -> None:
    for number, code in enumerate(_fences(page, "markdown", "yaml")):
        if not code.startswith("---\n"):
            continue
        is_index = re.search(r"^(name|defaults|visibility):", code, re.MULTILINE)
        place = tmp_path / str(number) / "help" / "folder" / ("_index.md" if is_index else "article.md")
        place.parent.mkdir(parents=True)
        place.write_text(code if is_index else code + "\nText.\n", encoding="utf-8")
        assert read_tree(WorkingTree(tmp_path / str(number)), TreeRules()).problems == ()


def test_the_documentation_is_a_knowledge_base_of_some_size() -> None:
    folders = [page.parent for page in ARTICLES if page.name == "_index.md"]
    depths = [len(folder.relative_to(ROOT / "content").parts) for folder in folders]
    assert depths.count(1) >= 2
    assert depths.count(2) >= 5
    assert depths.count(3) >= 1
    assert sum(page.name != "_index.md" for page in ARTICLES) >= 15


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=_name)
def test_workflows_never_run_a_pull_request_with_secrets(workflow: Path) -> None:
    text = workflow.read_text(encoding="utf-8")
    assert "pull_request_target" not in text
    assert not ("pull_request:" in text and "secrets." in text)


def test_the_action_puts_no_input_into_a_script() -> None:
    scripts = re.findall(
        r"^ {6}run: \|\n((?: {8}.*\n|\n)+)", (ROOT / ".github/actions/kbsync/action.yml").read_text(), re.MULTILINE
    )
    assert len(scripts) == 2
    assert all("${{" not in script for script in scripts)
