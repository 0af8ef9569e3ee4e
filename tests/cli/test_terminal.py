"""What people see on a terminal, in a pipe and in a log: colour, width, questions, bars, interrupts."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Sized
from pathlib import Path

import pytest

from tests.cli.conftest import FIRST, SECOND, Scene
from tests.desk import PATIENCE, command, environment

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="there are no such terminals")
if sys.platform != "win32":
    from tests.cli.terminal import Seen, on_terminal

ESCAPE = "\x1b"
COLOUR = re.compile(r"\x1b\[[0-9;]*m")


def _see(scene: Scene, *words: str, answers: str = "", columns: int = 80, **environ: str | None) -> "Seen":
    wanted = {**scene.desk.environ, **environ}
    return on_terminal(*words, cwd=scene.desk.root, environ=wanted, answers=answers, columns=columns)


def test_a_terminal_gets_colour_and_a_pipe_none(scene: Scene) -> None:
    shown = _see(scene, "plan")
    assert shown.code == 0
    assert f"{ESCAPE}[32m+ " in shown.text
    piped = scene.desk.process("plan")
    assert ESCAPE not in piped.out + piped.err
    assert COLOUR.sub("", shown.text) == piped.out


@pytest.mark.parametrize("environ", [{"NO_COLOR": "1"}, {"NO_COLOR": "1", "FORCE_COLOR": "1"}, {"TERM": "dumb"}])
def test_colour_can_be_refused(scene: Scene, environ: dict[str, str]) -> None:
    assert ESCAPE not in _see(scene, "plan", answers="", columns=80, **environ).text


def test_colour_can_be_forced_into_a_pipe_and_bars_cannot(scene: Scene) -> None:
    scene.portal.faults.delay(1.4, "GET", "*/categories")
    forced = scene.desk.process("plan", FORCE_COLOR="1")
    assert f"{ESCAPE}[32m+ " in forced.out
    assert forced.err == ""


def test_bars_are_drawn_for_what_takes_more_than_a_second_and_go_away(scene: Scene) -> None:
    assert "reading the portal" not in _see(scene, "plan").text
    scene.portal.faults.delay(1.8, "GET", "*/categories")
    shown = _see(scene, "plan").text
    assert "reading the portal" in shown
    assert COLOUR.sub("", shown.rpartition(f"{ESCAPE}[2K")[2]).startswith("kbsync plan for production")


def test_nothing_is_wider_than_80_columns_nor_cut_off(scene: Scene) -> None:
    title = "How to set up the second device when the first one is already in use by another person of the team"
    scene.desk.write("guide/start/long.md", f"---\ntitle: {title}\n---\nText\n")
    shown = _see(scene, "plan", NO_COLOR="1").text
    assert max(len(line) for line in shown.splitlines()) <= 80
    assert title in " ".join(shown.split())


def test_a_path_is_never_broken_so_that_it_can_be_copied(scene: Scene) -> None:
    path = f"guide/start/{'a-long-name-' * 8}.md"
    scene.desk.write(path, "---\ntitle: A title of some words\n---\nText\n")
    lines = _see(scene, "plan", NO_COLOR="1").text.splitlines()
    assert lines[lines.index(f"  + create {path}") + 1] == '      "A title of some words"'


def test_the_question_names_the_portal_and_yes_publishes(scene: Scene) -> None:
    shown = _see(scene, "publish", answers="y\n", NO_COLOR="1")
    assert shown.code == 0
    assert f"Publish this to production ({scene.portal.url})? [y/N]:" in shown.text
    assert "4 created." in shown.text
    assert len(scene.portal.store.all_articles()) == 2


@pytest.mark.parametrize("answer", ["n\n", "\n"])
def test_no_publishes_nothing(scene: Scene, answer: str) -> None:
    shown = _see(scene, "publish", answers=answer, NO_COLOR="1")
    assert shown.code == 1
    assert "Nothing was written." in shown.text
    assert scene.written == []


def test_ctrl_c_at_the_question_writes_nothing(scene: Scene) -> None:
    shown = _see(scene, "publish", answers="\x03", NO_COLOR="1")
    assert shown.code == 130
    assert "interrupted" in shown.text
    assert "Traceback" not in shown.text
    assert scene.written == []


def test_what_needs_no_question_asks_none(scene: Scene) -> None:
    scene.published()
    assert "?" not in _see(scene, "publish", NO_COLOR="1").text


def _started(scene: Scene, *words: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        command(*words),
        cwd=scene.desk.root,
        env=environment(scene.desk.environ),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def _interrupted(process: "subprocess.Popen[str]") -> tuple[int, str, str]:
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=PATIENCE)
    return process.returncode, out, err


def _await(calls: Sized, count: int) -> None:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        if len(calls) >= count:
            return
        time.sleep(0.02)
    raise AssertionError("it did not come")


def test_ctrl_c_while_the_portal_is_read_ends_with_130(scene: Scene) -> None:
    scene.published()
    scene.portal.faults.delay(3, "GET", "*/folders")
    with _started(scene, "plan") as process:
        _await(scene.portal.calls, 1)
        code, out, err = _interrupted(process)
    assert (code, out, err.strip()) == (130, "", "interrupted")


def test_ctrl_c_in_the_middle_of_a_publish_names_what_was_skipped_and_loses_nothing(scene: Scene) -> None:
    scene.portal.faults.delay(1.5, "POST", "*/articles")
    with _started(scene, "publish", "--yes") as process:
        _await(scene.portal.calls, 3)
        time.sleep(0.5)
        code, out, err = _interrupted(process)
    assert code == 130
    assert f"  skipped {FIRST}  interrupted before its turn" in out
    assert "Traceback" not in err
    assert [article.title for article in scene.portal.store.all_articles()] == ["Second steps"]
    again = scene.kbsync("publish", "--yes")
    assert (again.code, again.out.splitlines()[-1]) == (0, "1 created.")
    assert scene.kbsync("plan", "--exit-code").code == 0


def test_whoever_stops_reading_gets_no_traceback(scene: Scene) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "wb") as pipe:
        done = subprocess.run(
            command("plan"),
            cwd=scene.desk.root,
            env=environment(scene.desk.environ),
            stdout=pipe,
            stderr=subprocess.PIPE,
            timeout=PATIENCE,
            check=False,
        )
    assert (done.returncode, done.stderr) == (1, b"")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no disk is full here")
def test_a_full_disk_is_advice(scene: Scene) -> None:
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            command("plan"),
            cwd=scene.desk.root,
            env=environment(scene.desk.environ),
            stdout=full,
            stderr=subprocess.PIPE,
            timeout=PATIENCE,
            check=False,
        )
    assert done.returncode == 1
    assert done.stderr.decode().startswith("error: No space left on device\n  try: ")


def test_output_in_a_pipe_is_utf_8_whatever_the_system_says(scene: Scene) -> None:
    title = "שלום ‘é’ 🎉"
    scene.desk.write(SECOND, f'---\ntitle: "{title}"\n---\nText\n')
    text = scene.desk.process("plan", PYTHONIOENCODING="cp1252")
    assert text.code == 0
    assert title in text.out
    page = scene.desk.process("plan", "--format", "html", PYTHONIOENCODING="ascii")
    assert page.code == 0
    assert title in page.out


@pytest.mark.parametrize(("closed", "code"), [("0<&-", 2), ("1>&-", 2), ("2>&-", 2)])
def test_closed_streams_cause_no_traceback(scene: Scene, closed: str, code: int) -> None:
    words = " ".join(f"'{word}'" for word in command("publish"))
    done = subprocess.run(
        ["/bin/sh", "-c", f"exec {words} {closed}"],
        cwd=scene.desk.root,
        env=environment(scene.desk.environ),
        capture_output=True,
        timeout=PATIENCE,
        check=False,
    )
    assert done.returncode == code
    assert b"Traceback" not in done.stderr


def test_a_directory_that_is_gone_is_advice(scene: Scene) -> None:
    gone = scene.desk.root.parent / "gone"
    gone.mkdir()
    words = " ".join(f"'{word}'" for word in command("plan"))
    done = subprocess.run(
        ["/bin/sh", "-c", f"rmdir '{gone}'; exec {words}"],
        cwd=gone,
        env=environment(scene.desk.environ),
        capture_output=True,
        timeout=PATIENCE,
        check=False,
    )
    assert done.returncode == 2
    assert done.stderr.decode() == "error: the directory that you stand in is gone\n  try: cd to one that exists\n"
