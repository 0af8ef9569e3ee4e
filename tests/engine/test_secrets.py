"""Law 10: the key is in no output, ledger, lock file, repr or error, whatever the portal answers."""

import base64
from dataclasses import replace

import pytest

from kbsync.config import Secret
from kbsync.engine import publish as publishing
from kbsync.engine.context import Options
from kbsync.errors import KbsyncError
from kbsync.sandbox.account import Fault
from kbsync.sandbox.server import Portal
from kbsync.sandbox.settings import SandboxSettings
from tests.engine.clone import LEDGER, Clone
from tests.planner.world import article

KEY = "kEy-0f-MaNy-LeTTeRs"
FORMS = (KEY, base64.b64encode(f"{KEY}:X".encode()).decode(), base64.b64encode(KEY.encode()).decode().rstrip("="))


@pytest.fixture
def settings() -> SandboxSettings:
    return SandboxSettings(key=KEY)


def _is_clean(*texts: object) -> bool:
    everything = "\n".join(f"{text!r}\n{text}" for text in texts)
    return not any(form in everything for form in FORMS)


def test_law_10_nothing_that_a_run_returns_prints_or_stores_has_the_key(clone: Clone, portal: Portal) -> None:
    published = clone.publish()
    portal.store.edit_article(clone.id_of("guide/basics/install.md"), title="Theirs")
    planned, result = clone.planned(), clone.pull()
    assert _is_clean(published, planned, result, clone.ui.heard, Secret(KEY), clone.config)
    assert _is_clean(*clone.ledger().values(), clone.git("log", "--format=%B", LEDGER))
    everything = [place.read_bytes() for place in clone.root.rglob("*") if place.is_file()]
    assert not [data for data in everything for form in FORMS if form.encode() in data]


@pytest.mark.parametrize(
    "fault",
    [
        Fault(status=401, body="json", times=None),
        Fault(status=403, body="html", times=None),
        Fault(status=500, body="html", times=None),
        Fault(kind="lost", times=None),
        Fault(kind="truncated", times=None),
    ],
    ids=lambda fault: f"{fault.kind} {fault.status}",
)
def test_law_10_no_error_holds_the_key(clone: Clone, portal: Portal, fault: Fault) -> None:
    portal.faults.add(fault)
    with pytest.raises(KbsyncError) as failed:
        clone.publish()
    error: BaseException | None = failed.value
    chain = []
    while error is not None:
        chain.append(error)
        error = error.__cause__ or error.__context__
    assert _is_clean(*chain, failed.value.what, failed.value.advice, clone.ui.heard)
    assert _is_clean(*(getattr(link, "args", ()) for link in chain))


def test_law_10_a_failed_change_does_not_show_the_key_either(clone: Clone, portal: Portal) -> None:
    portal.faults.fail("POST", "*/articles", status=400, times=None)
    done = clone.publish()
    assert done.run is not None
    assert any(outcome.error for outcome in done.run.outcomes)
    assert _is_clean(done.run, *(outcome.error for outcome in done.run.outcomes))


def test_law_10_a_wrong_key_is_an_error_that_does_not_show_it(clone: Clone) -> None:
    wrong = "wRoNg-but-just-as-secret"
    with pytest.raises(KbsyncError, match="key") as failed:
        publishing.publish(clone.config, Secret(wrong), Options(), clone.ui)
    assert wrong not in f"{failed.value}{failed.value!r}{failed.value.advice}"


def test_law_10_a_key_in_the_content_is_published_but_copied_nowhere_else(clone: Clone, portal: Portal) -> None:
    """An agent who pastes a token into an article has it there; kbsync itself adds none to what it sends."""
    clone.commit({"guide/basics/a.md": article("A", "No key here.")})
    clone.published()
    assert _is_clean(*portal.store.all_articles())
    clone.config = replace(clone.config, url="http://127.0.0.1:9")
    with pytest.raises(KbsyncError) as failed:
        clone.publish()
    assert _is_clean(failed.value, failed.value.advice)
