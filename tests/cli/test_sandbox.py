"""`kbsync sandbox`: a portal as a process, and that each of its options does something."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from kbsync.sandbox.settings import SandboxSettings
from tests.cli.conftest import Project
from tests.cli_runner import TIMEOUT, command, environment
from tests.portals import serve

API = "/api/v2/solutions"


@contextmanager
def running(*words: str, key: str = "sandbox", **environ: str) -> Iterator[httpx.Client]:
    """Run the command until the block ends, and give a client of the address that its first line names."""
    with subprocess.Popen(
        command("sandbox", *words),
        env=environment({"KBSYNC_PORT": "0", **environ}),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        try:
            address = process.stdout.readline().strip()
            with httpx.Client(base_url=address, auth=(key, "X"), timeout=TIMEOUT) as client:
                yield client
            process.send_signal(signal.SIGINT)
            assert process.wait(TIMEOUT) == 0
        finally:
            process.kill()


def _make(client: httpx.Client) -> tuple[int, int]:
    category = client.post(f"{API}/categories", json={"name": "Guide"}).json()["id"]
    folder = client.post(f"{API}/categories/{category}/folders", json={"name": "Start", "visibility": 1}).json()["id"]
    return category, folder


def test_the_first_line_is_its_address_and_it_accepts_articles() -> None:
    with running() as client:
        assert str(client.base_url).startswith("http://127.0.0.1:")
        _, folder = _make(client)
        made = client.post(
            f"{API}/folders/{folder}/articles", json={"title": "A", "description": "<p>x</p>", "status": 2}
        )
        assert made.status_code == 201
        assert client.get("/support/solutions").status_code == 200
        assert client.get("/a/solutions").status_code == 200


def test_the_key_is_checked_and_can_be_chosen() -> None:
    with running("--key", "mine") as client:
        assert client.get(f"{API}/categories").status_code == 401
        assert client.get(f"{API}/categories", auth=("mine", "X")).status_code == 200


def test_data_survives_in_a_file(tmp_path: Path) -> None:
    place = str(tmp_path / "portal.db")
    with running("--data", place) as client:
        _make(client)
    with running(KBSYNC_DATA=place) as client:
        assert [category["name"] for category in client.get(f"{API}/categories").json()] == ["Guide"]


def test_it_can_be_filled_and_faulted_and_limited(tmp_path: Path) -> None:
    page = tmp_path / "kb.json"
    page.write_text(json.dumps({"Guide": {"Start": [{"title": "A", "description": "<p>x</p>", "position": 1}]}}))
    fault = json.dumps({"kind": "error", "status": 502, "path": "*/categories"})
    with running("--load", str(page), "--fault", fault, "--rate", "50", "--language", "fr") as client:
        assert client.get(f"{API}/categories").status_code == 502
        answer = client.get(f"{API}/categories")
        assert [category["name"] for category in answer.json()] == ["Guide"]
        assert float(answer.headers["x-ratelimit-total"]) == 50
        assert client.get(f"{API}/categories/fr").status_code == 200


def test_the_unknowns_of_the_service_can_be_switched() -> None:
    options = ("--gone", "403", "--subfolders", "forbidden", "--duplicates", "code", "--rewriting", "strict")
    with running(*options) as client:
        _, folder = _make(client)
        assert client.get(f"{API}/folders/{folder}/subfolders").status_code == 403
        again = client.post(f"{API}/categories", json={"name": "Guide"})
        assert (again.status_code, "errors" in again.json()) == (409, False)
        made = client.post(
            f"{API}/folders/{folder}/articles",
            json={"title": "A", "description": '<p style="color: red">x</p><script>y</script>', "status": 2},
        )
        assert "script" not in made.json()["description"]
        assert client.delete(f"{API}/articles/{made.json()['id']}").status_code == 204
        assert client.get(f"{API}/articles/{made.json()['id']}").status_code == 403


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--fault", "{"], "--fault {: "),
        (["--fault", '{"kind": "flood"}'], "kind must be one of "),
        (["--load", "/nonexistent.json"], "cannot read /nonexistent.json"),
        (["--data", "/nonexistent/portal.db"], "/nonexistent/portal.db"),
        (["--host", "0.0.0.0"], "other computers can reach 0.0.0.0"),
    ],
)
def test_an_impossible_option_is_an_error_with_advice(project: Project, words: list[str], message: str) -> None:
    result = project.kbsync("sandbox", "--port", "0", *words)
    assert (result.code, result.out) == (2, "")
    assert message in result.err


def test_a_port_in_use_is_an_error_with_advice(project: Project) -> None:
    with serve(SandboxSettings()) as other:
        result = project.kbsync("sandbox", "--port", other.url.rpartition(":")[2])
    assert (result.code, result.out) == (2, "")
    assert "use --port 0 for a free port" in result.err


@pytest.mark.skipif(sys.platform == "win32", reason="there it ends at once")
def test_sigterm_ends_the_sandbox() -> None:
    with subprocess.Popen(
        command("sandbox", "--port", "0"), env=environment({}), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline().startswith(b"http://127.0.0.1:")
        os.kill(process.pid, signal.SIGTERM)
        assert process.wait(TIMEOUT) in (0, -signal.SIGTERM)
