"""The guarantees of conftest.py for every test."""

import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import NIGHTLY, SLOW, TESTS, mark_of


def test_sockets_are_closed_to_everything_but_loopback() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as line, pytest.raises(RuntimeError, match=r"192\.0\.2\.1"):
        line.connect(("192.0.2.1", 443))
    with pytest.raises(RuntimeError, match="acme"):
        socket.getaddrinfo("acme.freshdesk.com", 443)
    assert socket.getaddrinfo("127.0.0.1", 80)


def test_a_quick_test_starts_no_process() -> None:
    with pytest.raises(RuntimeError, match="quick test"):
        subprocess.run([sys.executable, "--version"], check=False)


def test_the_mark_of_a_test_follows_from_its_path() -> None:
    assert mark_of(TESTS / "planner" / "test_decide.py", "test_x") == "quick"
    assert mark_of(TESTS / "engine" / "deeper" / "test_x.py", "test_x") == "slow"
    assert mark_of(TESTS / "cli" / "test_bad_content.py", "test_an_article_of_20_mb_is_published") == "nightly"


@pytest.mark.parametrize("place", sorted(SLOW | NIGHTLY))
def test_every_path_in_slow_and_nightly_exists(place: str) -> None:
    path, _, name = place.partition("::")
    assert (TESTS / path).exists()
    assert not name or f"def {name}(" in Path(TESTS / path).read_text(encoding="utf-8")
