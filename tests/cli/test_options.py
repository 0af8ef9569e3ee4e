"""Options, variables and the settings file: which overrides which, and the error for each mistake."""

import re
import shlex
import subprocess
import sys
from datetime import timedelta

import click
import pytest

import kbsync
from kbsync.cli.main import app
from kbsync.cli.options import CommandContext, Span
from kbsync.sandbox.settings import SandboxSettings
from tests.cli.conftest import Project
from tests.cli_runner import environment
from tests.portals import serve

COMMANDS = app.list_commands(click.Context(app))


def test_version_and_help_answer_anywhere(project: Project) -> None:
    nowhere = project.checkout.root.parent
    version = project.checkout.kbsync("--version", cwd=nowhere)
    assert (version.code, version.out) == (0, f"kbsync, version {kbsync.__version__}\n")
    for words in (("--help",), ("-h",)):
        helped = project.checkout.kbsync(*words, cwd=nowhere)
        assert helped.code == 0
        assert [name for name in COMMANDS if f"  {name} " not in helped.out] == []
        assert "..." not in helped.out.partition("Write and check:")[2]


def test_the_help_lists_the_commands_in_groups_and_in_one_column(project: Project) -> None:
    helped = project.kbsync("--help", COLUMNS="80").out
    lists = helped.partition("\n\nWrite and check:\n")[2].splitlines()
    assert [line for line in lists if line.endswith(":")] == ["Publish and pull:", "Manage:", "Practice:"]
    commands = [line for line in lists if line.startswith("  ")]
    assert [line.split()[0] for line in commands] == COMMANDS
    assert {len(re.match(r"  \w+ +", line)[0]) for line in commands} == {11}  # type: ignore[index]


def test_the_module_is_the_command(project: Project) -> None:
    words = [sys.executable, "-m", "kbsync", "--version"]
    output = subprocess.run(words, env=environment({}), capture_output=True, text=True, check=True)
    assert output.stdout == project.kbsync("--version").out


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself_within_80_columns(project: Project, command: str) -> None:
    helped = project.kbsync(command, "--help", COLUMNS="80")
    assert (helped.code, helped.err) == (0, "")
    assert helped.out.startswith(f"Usage: kbsync {command} ")
    assert [line for line in helped.out.splitlines() if len(line) > 80] == []


@pytest.mark.parametrize("command", COMMANDS)
def test_the_help_of_every_command_ends_with_examples_that_it_accepts(project: Project, command: str) -> None:
    examples = project.kbsync(command, "--help").out.partition("\n\nExamples:\n")[2].splitlines()
    assert len(examples) in {1, 2}
    group = click.Context(app)
    for example in examples:
        program, name, *words = shlex.split(example)
        assert (example[:2], program, name) == ("  ", "kbsync", command)
        found = app.get_command(group, name)
        assert found is not None
        found.make_context(name, words, parent=group, obj=CommandContext())


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["frobnicate"], "No such command 'frobnicate'"),
        (["plan", "--frobnicate"], "No such option '--frobnicate'"),
        (["plan", "--format", "xml"], "'xml' is not one of 'text', 'json', 'markdown', 'html'"),
        (["publish", "--format", "html"], "'html' is not one of 'text', 'json'"),
        (["render"], "Missing argument 'FILE'"),
        (["sandbox", "--port", "70000"], "70000 is not in the range 0<=x<=65535"),
    ],
)
def test_wrong_usage_ends_with_2_and_a_message(project: Project, words: list[str], message: str) -> None:
    result = project.kbsync(*words)
    assert (result.code, result.out) == (2, "")
    assert message in result.err


@pytest.mark.parametrize(
    ("variable", "value"),
    [("KBSYNC_FORMAT", "xml"), ("KBSYNC_EXIT_CODE", "maybe"), ("KBSYNC_REMOVED", "burn"), ("KBSYNC_TARGET", "No Name")],
)
def test_a_wrong_variable_ends_with_2(project: Project, variable: str, value: str) -> None:
    result = project.kbsync("plan", **{variable: value})
    assert (result.code, result.out) == (2, "")
    assert value in result.err


def test_options_are_variables_too(project: Project) -> None:
    place = project.checkout.root.parent / "plan.json"
    environ = {"KBSYNC_FORMAT": "json", "KBSYNC_OUT": str(place), "KBSYNC_NO_REFRESH": "1", "KBSYNC_EXIT_CODE": "true"}
    result = project.kbsync("plan", FRESHDESK_API_KEY=None, **environ)
    assert (result.code, result.out) == (3, "")
    assert place.read_text(encoding="utf-8").startswith("{")
    assert project.portal.calls == []


def test_a_flag_wins_over_a_variable_and_a_variable_over_the_file(project: Project) -> None:
    with serve(SandboxSettings()) as second, serve(SandboxSettings()) as third:
        file, variable, flag = project.portal, second, third
        assert project.kbsync("plan").code == 0
        assert [len(portal.calls) for portal in (file, variable, flag)] == [1, 0, 0]
        assert project.kbsync("plan", KBSYNC_URL=variable.url).code == 0
        assert [len(portal.calls) for portal in (file, variable, flag)] == [1, 1, 0]
        assert project.kbsync("--url", flag.url, "plan", KBSYNC_URL=variable.url).code == 0
        assert [len(portal.calls) for portal in (file, variable, flag)] == [1, 1, 1]
    assert project.kbsync("plan", "--format", "json", KBSYNC_FORMAT="html").out.startswith("{")


def test_the_root_is_named_or_found(project: Project) -> None:
    checkout = project.checkout
    above, root = checkout.root.parent, str(checkout.root)
    assert checkout.kbsync("lint", cwd=checkout.root / "guide" / "start").code == 0
    assert checkout.kbsync("--root", root, "lint", cwd=above).code == 0
    assert checkout.kbsync("lint", cwd=above, KBSYNC_ROOT=root).code == 0
    assert checkout.kbsync("--root", root, "lint", cwd=above, KBSYNC_ROOT="/nonexistent").code == 0
    checkout.root.rename(above / "content")
    assert checkout.kbsync("lint", cwd=above).code == 0


def test_a_missing_root_is_an_error_with_advice(project: Project) -> None:
    result = project.checkout.kbsync("plan", cwd=project.checkout.root.parent)
    assert (result.code, result.out) == (2, "")
    assert result.err == (
        "error: kbsync.toml not found in this directory, its parents or content/\n"
        "  try: create one (see the README), or give the content root with --root\n"
    )
    assert project.kbsync("--root", "/nonexistent", "plan").err.startswith("error: /nonexistent is not a directory\n")


def test_a_target_is_chosen_by_name_and_has_its_own_key(project: Project) -> None:
    with serve(SandboxSettings(key="other")) as staging:
        text = project.checkout.read("kbsync.toml") + f'[targets.stage-2]\nurl = "{staging.url}"\n'
        project.checkout.write("kbsync.toml", text)
        project.checkout.commit()
        keys = {"FRESHDESK_API_KEY_STAGE_2": "other", "KBSYNC_URL": staging.url}
        assert project.kbsync("--target", "stage-2", "publish", "--yes", **keys).code == 0
        assert project.kbsync("plan", KBSYNC_TARGET="stage-2", **keys).out.splitlines()[-1] == "4 unchanged."
        assert project.portal.calls == []
    assert project.kbsync("plan").out.splitlines()[-2] == "4 to create."
    unknown = project.kbsync("--target", "nope", "plan")
    assert unknown.err == "error: kbsync.toml has no target 'nope'\n  try: known targets: production, stage-2\n"


@pytest.mark.parametrize("command", ["plan", "publish", "pull", "status"])
def test_a_key_is_required_and_the_advice_names_its_variables(project: Project, command: str) -> None:
    words = [command, "--yes"] if command == "publish" else [command]
    result = project.kbsync("--url", project.portal.url, *words, FRESHDESK_API_KEY=None)
    assert (result.code, result.out) == (2, "")
    assert result.err == (
        "error: no API key\n  try: set FRESHDESK_API_KEY (or FRESHDESK_API_KEY_PRODUCTION) in the environment\n"
    )
    assert project.portal.calls == []


def test_the_key_is_in_no_option() -> None:
    keyed = {
        (name, word)
        for name in COMMANDS
        if (command := app.get_command(click.Context(app), name)) is not None
        for option in command.params
        for word in option.opts
        if "key" in word
    }
    assert keyed == {("sandbox", "--key")}


@pytest.mark.parametrize(
    ("typed", "span"),
    [
        ("90s", timedelta(seconds=90)),
        ("30m", timedelta(minutes=30)),
        ("12h", timedelta(hours=12)),
        (" 7d ", timedelta(days=7)),
        ("0", timedelta(0)),
    ],
)
def test_a_duration_is_a_number_and_a_unit(typed: str, span: timedelta) -> None:
    assert Span().convert(typed, None, None) == span


@pytest.mark.parametrize("typed", ["7", "d", "7w", "-1d", "1.5h", "", "99999999999d"])
def test_a_duration_without_a_number_or_a_unit_is_refused(typed: str) -> None:
    with pytest.raises(click.BadParameter, match="is not a duration; use a form such as 90s, 30m, 12h or 7d"):
        Span().convert(typed, None, None)
