"""What every test gets: no network but loopback, no key, no cache, a git that knows an author, and the corpus."""

import ipaddress
import os
import signal
import sys
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# At a desk every run tries other examples; a check on a server is the same for everybody who runs it again.
settings.register_profile(
    "kbsync", deadline=None, derandomize=bool(os.environ.get("CI")), suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("kbsync")


# What runs in the background of a shell ignores Ctrl-C, and so would every process that the tests interrupt.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


class OutsideError(RuntimeError):
    """A test reached for an address outside this machine."""


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
    sys.addaudithook(_close_sockets)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the longest: whoever came to the laws last would play them alone while the other workers rest."""
    items.sort(key=lambda item: item.path.parent.name != "laws")


@pytest.fixture(scope="session", autouse=True)
def _clean_environment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Forget the caller's key, options and git settings: tests read what they set themselves."""
    kept = {"KBSYNC_CORPUS", "KBSYNC_REQUIRE_NODE"}
    author = tmp_path_factory.mktemp("git") / "config"
    author.write_text("[user]\n\tname = A Writer\n\temail = writer@example.com\n[init]\n\tdefaultBranch = main\n")
    with pytest.MonkeyPatch.context() as patch:
        for name in tuple(os.environ):
            if name.startswith(("FRESHDESK_", "KBSYNC_", "GIT_")) and name not in kept:
                patch.delenv(name)
        patch.setenv("GIT_CONFIG_GLOBAL", str(author))
        patch.setenv("GIT_CONFIG_NOSYSTEM", "1")
        patch.setenv("GIT_TERMINAL_PROMPT", "0")
        patch.setenv("KBSYNC_NO_CACHE", "1")
        yield


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
