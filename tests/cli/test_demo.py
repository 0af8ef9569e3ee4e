"""`kbsync demo`: the whole loop, on a copy, with nothing left behind."""

import re
import signal
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from tests.cli_runner import TIMEOUT, Checkout, command, environment

CHECKOUT = Path(__file__).parent.parent.parent
MESSAGES = (
    r"^\d+ created\.$",
    r"^\d+ unchanged\.$",
    "another sentence added in the file",
    r"^Edited on the portal, skipped(.|\n)*^Conflicts, skipped(.|\n)*^1 drifted, 1 in conflict,",
    r"\+An agent added this sentence on the web\.(.|\n)*^2 updated,",
    r"^1 updated\.$",
    r"^kbsync undo of run(.|\n)*^1 updated\.$",
)


@pytest.fixture
def temporary(tmp_path: Path) -> Path:
    """Where the demo puts what it needs for a while."""
    place = tmp_path / "tmp"
    place.mkdir()
    return place


def _snapshot(folder: Path) -> dict[Path, tuple[int, bytes]]:
    return {path: (path.stat().st_mtime_ns, path.read_bytes()) for path in folder.rglob("*") if path.is_file()}


def test_the_demo_plays_the_whole_loop_and_leaves_nothing_behind(tmp_path: Path, temporary: Path) -> None:
    before = _snapshot(CHECKOUT / "content")
    checkout = Checkout(root=tmp_path, environ={"TMPDIR": str(temporary), "FRESHDESK_API_KEY": "not-for-the-demo"})
    result = checkout.process("demo", KBSYNC_URL="https://acme.freshdesk.com", KBSYNC_TARGET="other")
    assert result.code == 0, result.err
    lines = result.out.splitlines()
    steps = re.split(r"^(?=[1-7]  )", result.out, flags=re.MULTILINE)[1:]
    assert len(steps) == 7
    for step, message in zip(steps, MESSAGES, strict=True):
        assert re.search(message, step, re.MULTILINE), step
    assert lines[-1].startswith("Portal: http://127.0.0.1:")
    assert "Traceback" not in result.err
    assert list(temporary.iterdir()) == []
    assert [path for path in tmp_path.iterdir() if path != temporary] == []
    assert _snapshot(CHECKOUT / "content") == before


@pytest.mark.skipif(sys.platform == "win32", reason="Ctrl-C is sent otherwise there")
def test_the_portal_can_be_kept_to_look_at(temporary: Path) -> None:
    with subprocess.Popen(
        command("demo", "--keep"),
        env=environment({"TMPDIR": str(temporary), "NO_COLOR": "1"}),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        try:
            address = ""
            for line in process.stdout:
                if line.startswith("Portal: "):
                    address = line.removeprefix("Portal: ").strip()
                    break
            page = httpx.get(address, timeout=TIMEOUT)
            assert page.status_code == 200
            assert "Getting started" in page.text
            process.send_signal(signal.SIGINT)
            assert process.wait(TIMEOUT) == 0
        finally:
            process.kill()
    assert list(temporary.iterdir()) == []


def test_the_demo_ends_with_130_and_cleans_up_when_it_is_interrupted(temporary: Path) -> None:
    with subprocess.Popen(
        command("demo"),
        env=environment({"TMPDIR": str(temporary)}),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "\n"
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=TIMEOUT)
    assert process.returncode == 130
    assert "Traceback" not in err
    assert list(temporary.iterdir()) == []
