"""The environment of every test: no network but loopback, no key, no cache, a git author, and the corpus.

`quick` tests start no process and no state machine, `nightly` ones take minutes, all others are `slow`: marks set by
folder. A quick test that starts a process fails.
"""

import ipaddress
import os
import signal
import sys
from collections.abc import Generator, Iterator
from importlib import import_module
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests.environment import clean_environment
from tests.ready import Ready

# Locally every run tries other examples; in CI a run is the same for everybody who repeats it.
settings.register_profile(
    "kbsync", deadline=None, derandomize=bool(os.environ.get("CI")), suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("kbsync")


# What runs in the background of a shell ignores Ctrl-C, and so would every process that the tests interrupt.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


TESTS = Path(__file__).parent
SLOW = {
    "cli",
    "corpus",
    "engine",
    "freshdesk/test_client.py::test_a_self_signed_certificate_is_an_error_without_retry",
    "git",
    "laws",
    "sandbox/test_server.py::test_the_command_prints_its_address_once_it_listens_and_ends_when_interrupted",
    "sandbox/test_third_party.py",
    "state",
    "test_action.py",
    "test_cache.py::test_several_runs_at_once_keep_everything_they_store",
    "test_nothing_runs.py",
    "test_readme.py::test_the_installed_command_answers",
    "test_start_up.py",
    "test_workshop.py::test_lint_takes_the_paths_that_pre_commit_passes_where_the_root_is_below_the_top",
}
NIGHTLY = {
    "markup/test_chromium.py",
    "cli/test_bad_content.py::test_an_article_of_20_mb_is_published",
}
PROCESSES = {"os.exec", "os.fork", "os.forkpty", "os.posix_spawn", "os.spawn", "os.system", "subprocess.Popen"}


class OutsideError(RuntimeError):
    """A test connected to an address outside this machine."""


class ProcessError(RuntimeError):
    """A test that is marked as quick started a process."""


def mark_of(path: Path, name: str) -> str:
    """Return the mark of a test, by its file and its name without parameters."""
    file = path.relative_to(TESTS)
    places = {file.as_posix(), f"{file.as_posix()}::{name}", *(folder.as_posix() for folder in file.parents)}
    if places & NIGHTLY:
        return "nightly"
    return "slow" if places & SLOW else "quick"


class _Current:
    """The test that runs now, and whether it may start processes."""

    quick = False


def _refuse_processes(event: str, _: tuple[object, ...]) -> None:
    if _Current.quick and event in PROCESSES:
        raise ProcessError("a quick test starts a process: name its file in SLOW of tests/conftest.py")


def _is_inside(host: object) -> bool:
    if isinstance(host, bytes):
        host = host.decode("ascii", "replace")
    if host is None or host in ("", "localhost"):
        return True
    try:
        return ipaddress.ip_address(str(host).split("%")[0]).is_loopback
    except ValueError:
        return False


def _close_sockets(event: str, arguments: tuple[object, ...]) -> None:
    match event, arguments:
        case ("socket.connect" | "socket.sendto", (_, (str() as host, *_))) if not _is_inside(host):
            raise OutsideError(f"a test reaches for {host}")
        case ("socket.getaddrinfo", (host, *_)) if not _is_inside(host) and not str(host).endswith(".invalid"):
            raise OutsideError(f"a test asks for the address of {host}")


def pytest_configure(config: pytest.Config) -> None:
    """Close sockets to everything but loopback for as long as this process lives."""
    import_module("git")  # it starts git when it is imported, which no quick test should pay for
    sys.addaudithook(_close_sockets)
    sys.addaudithook(_refuse_processes)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark each test, and begin with the longest, which one worker would otherwise run alone at the end."""
    for item in items:
        if item.get_closest_marker("nightly") is None:
            item.add_marker(mark_of(item.path, getattr(item, "originalname", item.name)))
    items.sort(key=lambda item: item.path.parent.name != "laws")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Refuse processes for as long as a quick test runs."""
    _Current.quick = item.get_closest_marker("quick") is not None
    try:
        return (yield)
    finally:
        _Current.quick = False


@pytest.fixture(scope="session", autouse=True)
def _clean_environment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Forget the caller's key, options and git settings: tests read what they set themselves."""
    with clean_environment(tmp_path_factory.mktemp("git"), kept=frozenset({"KBSYNC_CORPUS", "KBSYNC_REQUIRE_NODE"})):
        yield


@pytest.fixture(scope="session")
def ready(tmp_path_factory: pytest.TempPathFactory) -> Ready:
    """Copies of what many tests begin with."""
    return Ready(tmp_path_factory.mktemp("ready"))


@pytest.fixture(scope="session")
def corpus() -> Path:
    """The folder that holds the large collections."""
    named = os.environ.get("KBSYNC_CORPUS")
    if not named:
        pytest.skip("KBSYNC_CORPUS names no folder")
    return Path(named)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Turn a skip into a failure where the caller has promised what the test needs."""
    report = yield
    promised = item.get_closest_marker("corpus") is not None and bool(os.environ.get("KBSYNC_CORPUS"))
    if report.skipped and promised and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"{item.nodeid} was skipped although KBSYNC_CORPUS is set: {report.longrepr}"
    return report
