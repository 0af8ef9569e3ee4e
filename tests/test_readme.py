"""The README's first impression: two commands of one line each, and not a word more than a screen or two."""

import re
import subprocess
import sys
from pathlib import Path

README = Path(__file__).parent.parent / "README.md"


def test_command_one_installs_the_sandbox_and_runs_the_demo() -> None:
    lines = [line for line in README.read_text(encoding="utf-8").splitlines() if line.startswith("python3 -m venv")]
    assert len(lines) == 2
    assert lines[0].endswith("&& .venv/bin/kbsync demo")
    assert "[sandbox]" in lines[0]


def test_command_two_installs_and_runs_the_tests() -> None:
    lines = [line for line in README.read_text(encoding="utf-8").splitlines() if line.startswith("python3 -m venv")]
    assert lines[1].endswith("&& .venv/bin/pytest")
    assert "[test]" in lines[1]


def test_the_readme_stays_short() -> None:
    assert len(re.findall(r"\w+", README.read_text(encoding="utf-8"))) < 1000


def test_the_installed_command_answers() -> None:
    answer = subprocess.run(
        [sys.executable, "-c", "from kbsync.cli.main import app; app(['--version'])"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert re.fullmatch(r"kbsync,? (version )?\d+\.\d+\.\d+\n", answer.stdout)
