"""A run that is told to end, as CI does with a job that is cancelled; and one that waits for another."""

import signal
import subprocess
import time

from tests.cli.conftest import Scene
from tests.desk import PATIENCE, command, environment


def test_a_polite_request_to_end_saves_what_was_done_and_gives_the_lease_back(scene: Scene) -> None:
    scene.portal.faults.delay(1.5, "POST", "*/articles")
    with subprocess.Popen(
        command("publish", "--yes"),
        cwd=scene.desk.root,
        env=environment(scene.desk.environ),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        deadline = time.monotonic() + PATIENCE
        while not any(call.method == "POST" for call in scene.portal.calls) and time.monotonic() < deadline:
            time.sleep(0.02)
        time.sleep(0.5)
        process.send_signal(signal.SIGTERM)
        out, _ = process.communicate(timeout=PATIENCE)
    assert process.returncode == 130
    assert "interrupted before its turn" in out
    refs = scene.desk.git("for-each-ref", "--format=%(refname)", "refs/kbsync*/**").split()
    assert refs == ["refs/kbsync/production"]
    assert scene.desk.kbsync("publish", "--yes").code == 0
    assert scene.desk.kbsync("plan", "--exit-code").code == 0


def test_wait_is_a_span_or_nothing_also_from_the_environment(scene: Scene) -> None:
    for wait in ("0", "30s", "5m"):
        assert scene.desk.kbsync("publish", "--yes", "--wait", wait).code == 0
    assert scene.desk.kbsync("publish", "--yes", KBSYNC_WAIT="1m").code == 0
    ended = scene.desk.kbsync("publish", "--yes", "--wait", "long")
    assert ended.code == 2
    assert "write 90s, 30m" in ended.err
