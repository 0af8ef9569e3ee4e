"""Options, variables and the file: who overrides whom, and what is said of what is wrong."""

import subprocess
import sys

import pytest

import kbsync
from kbsync.cli import app
from kbsync.sandbox.server import serve
from kbsync.sandbox.settings import SandboxSettings
from tests.cli.conftest import Scene
from tests.desk import environment

COMMANDS = sorted(app.commands)


def test_version_and_help_answer_anywhere(scene: Scene) -> None:
    nowhere = scene.desk.root.parent
    version = scene.desk.kbsync("--version", cwd=nowhere)
    assert (version.code, version.out) == (0, f"kbsync, version {kbsync.__version__}\n")
    for words in (("--help",), ("-h",)):
        helped = scene.desk.kbsync(*words, cwd=nowhere)
        assert helped.code == 0
        assert [name for name in COMMANDS if f"  {name} " not in helped.out] == []
        assert "..." not in helped.out.partition("Commands:")[2]


def test_the_module_is_the_command(scene: Scene) -> None:
    words = [sys.executable, "-m", "kbsync", "--version"]
    told = subprocess.run(words, env=environment({}), capture_output=True, text=True, check=True)
    assert told.stdout == scene.kbsync("--version").out


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself_within_80_columns(scene: Scene, command: str) -> None:
    helped = scene.kbsync(command, "--help", COLUMNS="80")
    assert (helped.code, helped.err) == (0, "")
    assert helped.out.startswith(f"Usage: kbsync {command} ")
    assert [line for line in helped.out.splitlines() if len(line) > 80] == []


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["frobnicate"], "No such command 'frobnicate'"),
        (["plan", "--frobnicate"], "No such option '--frobnicate'"),
        (["plan", "--format", "xml"], "'xml' is not one of 'text', 'json', 'markdown', 'html'"),
        (["publish", "--format", "html"], "'html' is not one of 'text', 'json'"),
        (["render"], "Missing argument 'FILE'"),
        (["sandbox", "--port", "70000"], "70000 is not in the range 0<=x<=65535"),
    ],
)
def test_wrong_usage_ends_with_2_and_says_what_is_wrong(scene: Scene, words: list[str], said: str) -> None:
    ended = scene.kbsync(*words)
    assert (ended.code, ended.out) == (2, "")
    assert said in ended.err


@pytest.mark.parametrize(
    ("variable", "value"),
    [("KBSYNC_FORMAT", "xml"), ("KBSYNC_EXIT_CODE", "maybe"), ("KBSYNC_REMOVED", "burn"), ("KBSYNC_TARGET", "No Name")],
)
def test_a_wrong_variable_ends_with_2(scene: Scene, variable: str, value: str) -> None:
    ended = scene.kbsync("plan", **{variable: value})
    assert (ended.code, ended.out) == (2, "")
    assert value in ended.err


def test_options_are_variables_too(scene: Scene) -> None:
    place = scene.desk.root.parent / "plan.json"
    environ = {"KBSYNC_FORMAT": "json", "KBSYNC_OUT": str(place), "KBSYNC_NO_REFRESH": "1", "KBSYNC_EXIT_CODE": "true"}
    ended = scene.kbsync("plan", FRESHDESK_API_KEY=None, **environ)
    assert (ended.code, ended.out) == (3, "")
    assert place.read_text(encoding="utf-8").startswith("{")
    assert scene.portal.calls == []


def test_a_flag_wins_over_a_variable_and_a_variable_over_the_file(scene: Scene) -> None:
    with serve(SandboxSettings()) as second, serve(SandboxSettings()) as third:
        file, variable, flag = scene.portal, second, third
        assert scene.kbsync("plan").code == 0
        assert [len(portal.calls) for portal in (file, variable, flag)] == [1, 0, 0]
        assert scene.kbsync("plan", KBSYNC_URL=variable.url).code == 0
        assert [len(portal.calls) for portal in (file, variable, flag)] == [1, 1, 0]
        assert scene.kbsync("--url", flag.url, "plan", KBSYNC_URL=variable.url).code == 0
        assert [len(portal.calls) for portal in (file, variable, flag)] == [1, 1, 1]
    assert scene.kbsync("plan", "--format", "json", KBSYNC_FORMAT="html").out.startswith("{")


def test_the_root_is_named_or_found(scene: Scene) -> None:
    desk = scene.desk
    above, root = desk.root.parent, str(desk.root)
    assert desk.kbsync("lint", cwd=desk.root / "guide" / "start").code == 0
    assert desk.kbsync("--root", root, "lint", cwd=above).code == 0
    assert desk.kbsync("lint", cwd=above, KBSYNC_ROOT=root).code == 0
    assert desk.kbsync("--root", root, "lint", cwd=above, KBSYNC_ROOT="/nonexistent").code == 0
    desk.root.rename(above / "content")
    assert desk.kbsync("lint", cwd=above).code == 0


def test_no_root_is_advice(scene: Scene) -> None:
    ended = scene.desk.kbsync("plan", cwd=scene.desk.root.parent)
    assert (ended.code, ended.out) == (2, "")
    assert ended.err == (
        "error: no kbsync.toml here, above or in content/\n"
        "  try: write one (see the README), or name the root with --root\n"
    )
    assert scene.kbsync("--root", "/nonexistent", "plan").err.startswith("error: /nonexistent is no directory\n")


def test_a_target_is_chosen_by_name_and_has_its_own_key(scene: Scene) -> None:
    with serve(SandboxSettings(key="other")) as staging:
        text = scene.desk.read("kbsync.toml") + f'[targets.stage-2]\nurl = "{staging.url}"\n'
        scene.desk.write("kbsync.toml", text)
        scene.desk.commit()
        keys = {"FRESHDESK_API_KEY_STAGE_2": "other"}
        assert scene.kbsync("--target", "stage-2", "publish", "--yes", **keys).code == 0
        assert scene.kbsync("plan", KBSYNC_TARGET="stage-2", **keys).out.splitlines()[-1] == "4 unchanged."
        assert scene.portal.calls == []
    assert scene.kbsync("plan").out.splitlines()[-1] == "4 to create."
    unknown = scene.kbsync("--target", "nope", "plan")
    assert unknown.err == "error: kbsync.toml has no target 'nope'\n  try: it has production, stage-2\n"


@pytest.mark.parametrize("command", ["plan", "publish", "pull", "status"])
def test_a_key_is_wanted_and_where_it_comes_from_is_said(scene: Scene, command: str) -> None:
    words = [command, "--yes"] if command == "publish" else [command]
    ended = scene.kbsync(*words, FRESHDESK_API_KEY=None)
    assert (ended.code, ended.out) == (2, "")
    assert ended.err == (
        "error: no API key\n  try: set FRESHDESK_API_KEY (or FRESHDESK_API_KEY_PRODUCTION) in the environment\n"
    )
    assert scene.portal.calls == []


def test_the_key_is_in_no_option() -> None:
    from kbsync.cli import app

    keyed = {
        (name, word)
        for name, command in app.commands.items()
        for option in command.params
        for word in option.opts
        if "key" in word
    }
    assert keyed == {("sandbox", "--key")}
