"""A run that gets SIGTERM, as from a cancelled CI job; and one that waits for another."""

import signal
import subprocess
import sys
import time
from collections.abc import Callable

import pytest

from kbsync.sandbox.settings import SandboxSettings
from tests.cli.conftest import Project
from tests.cli_runner import TIMEOUT, command, environment


def test_sigterm_saves_what_was_done_and_releases_the_lease(project: Project) -> None:
    project.portal.faults.delay(1.5, "POST", "*/articles")
    with subprocess.Popen(
        command("publish", "--yes"),
        cwd=project.checkout.root,
        env=environment(project.checkout.environ),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        deadline = time.monotonic() + TIMEOUT
        while not any(call.method == "POST" for call in project.portal.calls) and time.monotonic() < deadline:
            time.sleep(0.02)
        time.sleep(0.5)
        process.send_signal(signal.SIGTERM)
        out, _ = process.communicate(timeout=TIMEOUT)
    assert process.returncode == 130
    assert "not started: interrupted" in out
    refs = project.checkout.git("for-each-ref", "--format=%(refname)", "refs/kbsync*/**").split()
    assert refs == ["refs/kbsync/production"]
    assert project.checkout.kbsync("publish", "--yes").code == 0
    assert project.checkout.kbsync("plan", "--exit-code").code == 0


def _started(project: Project, *words: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        command(*words),
        cwd=project.checkout.root,
        env=environment(project.checkout.environ),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def _await(happened: Callable[[], bool]) -> None:
    deadline = time.monotonic() + TIMEOUT
    while not happened() and time.monotonic() < deadline:
        time.sleep(0.02)


@pytest.mark.skipif(sys.platform == "win32", reason="there is no such signal")
@pytest.mark.parametrize("settings", [SandboxSettings(calls_per_minute=10)])
def test_ctrl_c_in_a_pause_of_the_rate_limit_ends_at_once_and_says_how_to_go_on(project: Project) -> None:
    for number in range(20):
        project.checkout.write(f"guide/start/{number}.md", f"---\ntitle: Number {number}\n---\nText\n")
    project.checkout.commit()
    with _started(project, "publish", "--yes") as process:
        _await(lambda: len(project.portal.calls) >= 8)
        time.sleep(0.5)
        start = time.monotonic()
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=TIMEOUT)
        assert time.monotonic() - start < 30  # the pause is of a minute
    assert process.returncode == 130
    assert err.splitlines()[0] == "Stopping. Ctrl-C again to quit."
    assert err.splitlines()[-1] == "Interrupted. Run the same command again to continue."
    assert "7 created, 17 skipped." in out.splitlines()
    assert "failed" not in out


@pytest.mark.skipif(sys.platform == "win32", reason="there is no such signal")
def test_a_second_ctrl_c_quits_at_once_and_says_how_to_go_on(project: Project) -> None:
    project.portal.faults.delay(20, "POST", "*/articles")
    with _started(project, "publish", "--yes") as process:
        _await(lambda: len(project.written) >= 2)
        start = time.monotonic()
        time.sleep(1)
        process.send_signal(signal.SIGINT)
        time.sleep(0.5)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=TIMEOUT)
        assert time.monotonic() - start < 15
    assert process.returncode == 130
    assert "Stopping: finishing 1 request. Ctrl-C again to quit." in err
    assert err.splitlines()[-1].startswith("Quit before all requests had ended. Run the same command again")
    assert "Traceback" not in err


def test_wait_is_a_duration_or_empty_also_from_the_environment(project: Project) -> None:
    for wait in ("0", "30s", "5m"):
        assert project.checkout.kbsync("publish", "--yes", "--wait", wait).code == 0
    assert project.checkout.kbsync("publish", "--yes", KBSYNC_WAIT="1m").code == 0
    result = project.checkout.kbsync("publish", "--yes", "--wait", "long")
    assert result.code == 2
    assert "use a form such as 90s, 30m" in result.err
