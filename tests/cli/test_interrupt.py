"""A run that gets SIGTERM, as from a cancelled CI job; and one that waits for another."""

import signal
import subprocess
import time

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


def test_wait_is_a_duration_or_empty_also_from_the_environment(project: Project) -> None:
    for wait in ("0", "30s", "5m"):
        assert project.checkout.kbsync("publish", "--yes", "--wait", wait).code == 0
    assert project.checkout.kbsync("publish", "--yes", KBSYNC_WAIT="1m").code == 0
    result = project.checkout.kbsync("publish", "--yes", "--wait", "long")
    assert result.code == 2
    assert "use a form such as 90s, 30m" in result.err
