"""The intents and results of a run in the lease and the journal."""

from dataclasses import replace

import pytest

from kbsync.baseline import Baseline
from kbsync.change import Action, Change, Outcome, Result
from kbsync.codec import FormatError
from kbsync.config import Config
from kbsync.git.repository import Repository
from kbsync.model import ItemKey, Kind
from kbsync.state.journal import (
    InFlight,
    Intent,
    Journal,
    current_holder,
    delete_journals,
    journal_folder,
    lease_files,
    read_in_flight,
    read_journals,
    unconfirmed,
)
from kbsync.state.ledger import RemoteHeads, lease_ref

PATH = "a/b/c.md"
BASELINE = Baseline(
    kind=Kind.ARTICLE,
    id=7,
    path=PATH,
    seen_at="2026-01-01T00:00:00Z",
    source="one\n\ud800\u2028two\n",
    live={"title": "x"},
    fields={"title": "Ünïcode \U0001f389", "body": "<p>\udfff</p>\n", "tags": ("a", "b")},
)


def _committed(repository: Repository, files: dict[str, bytes]) -> RemoteHeads:
    return RemoteHeads(ledger=None, lease=repository.commit_files(files, message="m", parent=None))


def test_a_lease_has_its_holder_the_intents_and_the_completed_changes(repository: Repository, config: Config) -> None:
    intents = (
        Intent(action=Action.CREATE, kind=Kind.ARTICLE, path=PATH, source=replace(BASELINE, id=0), draft_first=True),
        Intent(action=Action.ARCHIVE, kind=Kind.FOLDER, path="a/b", id=3, fields=("status",), anchors=("top",)),
    )
    in_flight = InFlight(
        holder=current_holder("c" * 40),
        intents=intents,
        existing=frozenset({ItemKey(Kind.FOLDER, 3), ItemKey(Kind.ARTICLE, 9), ItemKey(Kind.ARTICLE, 8)}),
        ids={"a": 1, "a/b": 3},
        reached={BASELINE.key: BASELINE},
    )
    files = lease_files(in_flight)
    assert sorted(files) == [
        "done/article/7.json",
        "holder.json",
        "intent/00000.json",
        "intent/00001.json",
        "plan.json",
    ]
    heads = _committed(repository, files)
    read = read_in_flight(repository, config, heads)
    assert read is not None
    assert replace(read, noticed_at=in_flight.noticed_at) == replace(in_flight, commit=heads.lease or "")


def test_without_a_lease_nothing_is_in_flight(repository: Repository, config: Config) -> None:
    assert read_in_flight(repository, config, RemoteHeads(ledger=None, lease=None)) is None


@pytest.mark.parametrize(
    ("name", "data", "message"),
    [
        ("holder.json", b'{"version": 1, "who": "ann"}', "holder.json: `user` is missing; `host` is missing;"),
        ("holder.json", b'{"version": 2}', "holder.json: `version` is 2; this kbsync reads version 1"),
        ("plan.json", b"[" * 100_000, "plan.json: nested too deeply"),
        ("plan.json", None, "plan.json:1: not valid JSON"),
        ("done/article/7.json", b"\xff", "done/article/7.json: not valid UTF-8"),
    ],
)
def test_a_lease_that_cannot_be_read_is_reported_with_how_to_set_it_aside(
    repository: Repository, config: Config, name: str, data: bytes | None, message: str
) -> None:
    files = lease_files(InFlight(holder=current_holder(None)))
    files = files | {name: data} if data is not None else {key: files[key] for key in files if key != name}
    with pytest.raises(FormatError) as wrong:
        read_in_flight(repository, config, _committed(repository, files))
    ref = lease_ref(config)
    assert wrong.value.what.startswith(f"{ref}:{message}")
    is_later = data == b'{"version": 2}'
    assert wrong.value.advice.startswith(
        "upgrade" if is_later else f"set it aside with `git fetch origin {ref}:refs/kbsync-old-lease/production"
    )


def test_a_journal_is_read_except_for_a_truncated_line(repository: Repository, config: Config) -> None:
    journal = Journal(journal_folder(repository, config), "run")
    assert read_journals(journal.path.parent) == ({}, ())
    other = replace(BASELINE, id=8)
    journal.note(BASELINE)
    journal.note(other)
    assert read_journals(journal.path.parent) == ({"run": journal.path}, (BASELINE, other))
    journal.path.write_bytes(journal.path.read_bytes()[:-40])
    assert read_journals(journal.path.parent) == ({"run": journal.path}, (BASELINE,))
    delete_journals([journal.path])
    assert read_journals(journal.path.parent) == ({}, ())


def test_of_two_changes_in_one_place_one_may_be_left_unconfirmed() -> None:
    lost = Change(action=Action.CREATE, kind=Kind.ARTICLE, path=PATH)
    done = Change(action=Action.ARCHIVE, kind=Kind.ARTICLE, path=PATH, id=7)
    intents = tuple(Intent(action=one.action, kind=one.kind, path=one.path, id=one.id) for one in (lost, done))
    outcomes = [Outcome(change=lost, result=Result.FAILED), Outcome(change=done, result=Result.DONE)]
    for order in (outcomes, outcomes[::-1]):
        assert unconfirmed(InFlight(holder=current_holder(None), intents=intents), order) == intents[:1]
