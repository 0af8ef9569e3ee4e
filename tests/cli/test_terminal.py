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

from kbsync.cli import ui
from tests.cli.conftest import FIRST, SECOND, Project
from tests.cli_runner import TIMEOUT, command, environment

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="there are no such terminals")
if sys.platform != "win32":
    from tests.cli.terminal import TerminalResult, run_in_terminal

ESCAPE = "\x1b"
COLOUR = re.compile(r"\x1b\[[0-9;]*m")


def _see(
    project: Project, *words: str, answers: str = "", columns: int = 80, **environ: str | None
) -> "TerminalResult":
    wanted = {**project.checkout.environ, **environ}
    return run_in_terminal(*words, cwd=project.checkout.root, environ=wanted, answers=answers, columns=columns)


def test_a_terminal_gets_colour_and_a_pipe_none(project: Project) -> None:
    shown = _see(project, "plan")
    assert shown.code == 0
    assert f"{ESCAPE}[32m+ " in shown.text
    piped = project.checkout.process("plan")
    assert ESCAPE not in piped.out + piped.err
    assert COLOUR.sub("", shown.text) == piped.out


@pytest.mark.parametrize("environ", [{"NO_COLOR": "1"}, {"NO_COLOR": "1", "FORCE_COLOR": "1"}, {"TERM": "dumb"}])
def test_colour_can_be_refused(project: Project, environ: dict[str, str]) -> None:
    assert ESCAPE not in _see(project, "plan", answers="", columns=80, **environ).text


def test_colour_can_be_forced_into_a_pipe_and_bars_cannot(project: Project) -> None:
    project.portal.faults.delay(1.4, "GET", "*/categories")
    forced = project.checkout.process("plan", FORCE_COLOR="1")
    assert f"{ESCAPE}[32m+ " in forced.out
    assert forced.err == ""


def test_bars_are_drawn_after_a_second_and_removed(project: Project) -> None:
    assert "reading the portal" not in _see(project, "plan").text
    project.portal.faults.delay(1.8, "GET", "*/categories")
    shown = _see(project, "plan").text
    assert "reading the portal" in shown
    assert COLOUR.sub("", shown.rpartition(f"{ESCAPE}[2K")[2]).startswith("kbsync plan for production")


def test_a_log_gets_a_line_now_and_then_with_what_is_done_and_what_is_waited_for(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(ui, "_EVERY", 0.05)
    with ui.ConsoleUi() as shown:
        shown.status("reading the portal")
        shown.read(640, 1221)
        shown.waiting("waiting for Freshdesk's limit (200 calls a minute), 38 s left")
        time.sleep(0.5)
        shown.note("Stopping. Ctrl-C again to quit.")
    lines = capsys.readouterr().err.splitlines()
    wanted = (
        "reading the portal: 640 of about 1,221 articles, waiting for Freshdesk's limit (200 calls a minute), 38 s left"
    )
    assert lines.count(wanted) > 1
    assert lines[-1] == "Stopping. Ctrl-C again to quit."


def test_no_line_is_wider_than_80_columns_or_cut_off(project: Project) -> None:
    title = "How to set up the second device when the first one is already in use by another person of the team"
    project.checkout.write("guide/start/long.md", f"---\ntitle: {title}\n---\nText\n")
    shown = _see(project, "plan", NO_COLOR="1").text
    assert max(len(line) for line in shown.splitlines()) <= 80
    assert title in " ".join(shown.split())


def test_a_path_is_never_broken_so_that_it_can_be_copied(project: Project) -> None:
    path = f"guide/start/{'a-long-name-' * 8}.md"
    project.checkout.write(path, "---\ntitle: A title of some words\n---\nText\n")
    lines = _see(project, "plan", NO_COLOR="1").text.splitlines()
    assert lines[lines.index(f"  + create {path}") + 1] == '      "A title of some words"'


def test_the_question_names_the_portal_and_yes_publishes(project: Project) -> None:
    shown = _see(project, "publish", answers="y\n", NO_COLOR="1")
    assert shown.code == 0
    assert f"Publish these changes to production ({project.portal.url})? [y/N]:" in shown.text
    assert "4 created." in shown.text
    assert len(project.portal.store.all_articles()) == 2


@pytest.mark.parametrize("answer", ["n\n", "\n"])
def test_no_publishes_nothing(project: Project, answer: str) -> None:
    shown = _see(project, "publish", answers=answer, NO_COLOR="1")
    assert shown.code == 1
    assert "Nothing was written." in shown.text
    assert project.written == []


def test_ctrl_c_at_the_question_writes_nothing(project: Project) -> None:
    shown = _see(project, "publish", answers="\x03", NO_COLOR="1")
    assert shown.code == 130
    assert "Interrupted" in shown.text
    assert "Traceback" not in shown.text
    assert project.written == []


def test_a_run_without_changes_asks_no_question(project: Project) -> None:
    project.published()
    assert "?" not in _see(project, "publish", NO_COLOR="1").text


def _started(project: Project, *words: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        command(*words),
        cwd=project.checkout.root,
        env=environment(project.checkout.environ),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def _interrupted(process: "subprocess.Popen[str]") -> tuple[int, str, str]:
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=TIMEOUT)
    return process.returncode, out, err


def _await(calls: Sized, count: int) -> None:
    deadline = time.monotonic() + TIMEOUT
    while time.monotonic() < deadline:
        if len(calls) >= count:
            return
        time.sleep(0.02)
    raise AssertionError("it did not come")


def test_ctrl_c_while_the_portal_is_read_ends_with_130(project: Project) -> None:
    project.published()
    project.portal.faults.delay(3, "GET", "*/folders")
    with _started(project, "plan") as process:
        _await(project.portal.calls, 1)
        code, out, err = _interrupted(process)
    assert (code, out, err.strip()) == (130, "", "Interrupted. Run the same command again.")


def test_ctrl_c_in_the_middle_of_a_publish_names_what_was_skipped_and_loses_nothing(project: Project) -> None:
    project.portal.faults.delay(1.5, "POST", "*/articles")
    with _started(project, "publish", "--yes") as process:
        _await(project.portal.calls, 3)
        time.sleep(0.5)
        code, out, err = _interrupted(process)
    assert code == 130
    assert f"  skipped {FIRST}  not started: interrupted" in out
    assert "Traceback" not in err
    assert [article.title for article in project.portal.store.all_articles()] == ["Second steps"]
    again = project.kbsync("publish", "--yes")
    assert (again.code, again.out.splitlines()[-1]) == (0, "1 created.")
    assert project.kbsync("plan", "--exit-code").code == 0


def test_a_closed_pipe_causes_no_traceback(project: Project) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "wb") as pipe:
        done = subprocess.run(
            command("plan"),
            cwd=project.checkout.root,
            env=environment(project.checkout.environ),
            stdout=pipe,
            stderr=subprocess.PIPE,
            timeout=TIMEOUT,
            check=False,
        )
    assert (done.returncode, done.stderr) == (1, b"")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no disk is full here")
def test_a_full_disk_is_an_error_with_advice(project: Project) -> None:
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            command("plan"),
            cwd=project.checkout.root,
            env=environment(project.checkout.environ),
            stdout=full,
            stderr=subprocess.PIPE,
            timeout=TIMEOUT,
            check=False,
        )
    assert done.returncode == 1
    assert done.stderr.decode().startswith("error: No space left on device\n  try: ")


def test_output_in_a_pipe_is_utf_8_in_any_locale(project: Project) -> None:
    title = "שלום ‘é’ 🎉"
    project.checkout.write(SECOND, f'---\ntitle: "{title}"\n---\nText\n')
    text = project.checkout.process("plan", PYTHONIOENCODING="cp1252")
    assert text.code == 0
    assert title in text.out
    page = project.checkout.process("plan", "--format", "html", PYTHONIOENCODING="ascii")
    assert page.code == 0
    assert title in page.out


@pytest.mark.parametrize(("closed", "code"), [("0<&-", 2), ("1>&-", 2), ("2>&-", 2)])
def test_closed_streams_cause_no_traceback(project: Project, closed: str, code: int) -> None:
    words = " ".join(f"'{word}'" for word in command("publish"))
    done = subprocess.run(
        ["/bin/sh", "-c", f"exec {words} {closed}"],
        cwd=project.checkout.root,
        env=environment(project.checkout.environ),
        capture_output=True,
        timeout=TIMEOUT,
        check=False,
    )
    assert done.returncode == code
    assert b"Traceback" not in done.stderr


def test_a_deleted_working_directory_is_an_error_with_advice(project: Project) -> None:
    gone = project.checkout.root.parent / "gone"
    gone.mkdir()
    words = " ".join(f"'{word}'" for word in command("plan"))
    done = subprocess.run(
        ["/bin/sh", "-c", f"rmdir '{gone}'; exec {words}"],
        cwd=gone,
        env=environment(project.checkout.environ),
        capture_output=True,
        timeout=TIMEOUT,
        check=False,
    )
    assert done.returncode == 2
    assert done.stderr.decode() == "error: the current directory no longer exists\n  try: change to another directory\n"
