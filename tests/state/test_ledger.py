"""The ledger: baselines and the record of each run, stored in git."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kbsync.baseline import Baseline
from kbsync.change import Action
from kbsync.codec import FormatError, decode, encode
from kbsync.config import Config
from kbsync.git.repository import Repository
from kbsync.model import Kind
from kbsync.state.ledger import (
    MAX_LISTED,
    Purpose,
    RunEntry,
    RunRecord,
    ledger_ref,
    read_local_ledger,
    write_ledger,
)
from tests.planner.trees import law

TEXTS = st.text(max_size=20) | st.just("a lone \ud800 surrogate")
ENTRIES = st.builds(
    RunEntry,
    action=st.sampled_from(Action),
    kind=st.sampled_from(Kind),
    id=st.integers(1),
    path=TEXTS,
    former=TEXTS,
    fields=st.lists(TEXTS, max_size=2).map(tuple),
    replaces=st.none() | st.integers(1),
    unverified=st.booleans(),
)
RECORDS = st.builds(
    RunRecord,
    target=TEXTS,
    purpose=st.sampled_from(Purpose),
    commit=TEXTS,
    date=TEXTS,
    author=TEXTS,
    kbsync=TEXTS,
    undoes=TEXTS,
    entries=st.lists(ENTRIES, max_size=3).map(tuple),
)


@law(100)
@given(RECORDS)
def test_a_record_is_read_back_from_its_file(record: RunRecord) -> None:
    assert decode(RunRecord, encode(record).encode(), file="run.json") == record


def test_a_record_has_the_changes_and_omits_empty_fields() -> None:
    entry = RunEntry(action=Action.MOVE, kind=Kind.ARTICLE, id=8, path="a/b/c.md", former="a/c.md", replaces=7)
    page = json.loads(encode(RunRecord(target="production", commit="c0ffee", entries=(entry,))))
    assert page == {
        "version": 1,
        "target": "production",
        "commit": "c0ffee",
        "entries": [
            {"action": "move", "kind": "article", "id": 8, "path": "a/b/c.md", "former": "a/c.md", "replaces": 7}
        ],
    }


def test_written_baselines_are_read_and_forgotten_ones_are_gone(repository: Repository, config: Config) -> None:
    assert read_local_ledger(repository, config) == ({}, None)
    first, second = (
        Baseline(kind=Kind.ARTICLE, id=number, path=f"a/b/{number}.md", source="\ud800\n", live={"title": "x"})
        for number in (7, 8)
    )
    record = RunRecord(target="production", commit="c0ffee")
    write_ledger(repository, config, {first.key: first, second.key: second}, (), record=record)
    assert read_local_ledger(repository, config) == ({first.key: first, second.key: second}, record)
    write_ledger(repository, config, {}, {first.key}, record=record)
    assert read_local_ledger(repository, config) == ({second.key: second}, record)


@pytest.mark.parametrize(
    ("name", "data", "message"),
    [
        ("article/7.json", b"[" * 100_000, "article/7.json: nested too deeply"),
        (
            "article/7.json",
            b'{"version": 1, "id": [1]}',
            "article/7.json: `kind` is missing; `id` is not a whole number;",
        ),
        (
            "folder/8.json",
            b'{"version": 1, "kind": "folder", "id": ' + b"8" * 5000 + b"}",
            "folder/8.json: a number has",
        ),
        ("run.json", b"{}", "run.json: `version` is null; this kbsync reads version 1"),
    ],
)
def test_a_ledger_that_cannot_be_read_is_reported_with_how_to_set_it_aside(
    repository: Repository, config: Config, name: str, data: bytes, message: str
) -> None:
    ref = ledger_ref(config)
    repository.write_ref(ref, {name: data}, message="m", parent=None)
    with pytest.raises(FormatError) as wrong:
        read_local_ledger(repository, config)
    assert wrong.value.what.startswith(f"{ref}:{message}")
    assert wrong.value.advice == (
        f"set it aside with `git fetch origin {ref}:refs/kbsync-old/production` and "
        f"`git push origin refs/kbsync-old/production :{ref}` (without a remote "
        f"`git update-ref refs/kbsync-old/production {ref}`), then `git update-ref -d {ref}` and `kbsync pull`"
    )


def test_a_message_lists_a_few_items_and_counts_the_others() -> None:
    entries = tuple(
        RunEntry(action=Action.CREATE, kind=Kind.ARTICLE, id=number, path=f"a/b/{number}\n.md")
        for number in range(MAX_LISTED + 7)
    )
    message = RunRecord(target="production", commit="c" * 40, entries=entries).message().splitlines()
    assert message[0] == f"publish cccccccccc to production: {MAX_LISTED + 7} create"
    assert len(message) == 2 + MAX_LISTED + 1
    assert message[-1] == "and 7 more, see run.json"
