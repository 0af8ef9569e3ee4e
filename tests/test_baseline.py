"""Baselines as files, and which of lock file and ledger counts."""

import json
from dataclasses import replace
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kbsync.baseline import (
    AssetBaseline,
    Baseline,
    BaselineOrigin,
    State,
    fingerprint,
    is_tombstone,
    ledger_file_name,
    lock_file_path,
    newest,
    read_ledger,
    read_lock_files,
    tombstone,
    with_sources,
)
from kbsync.codec import FormatError, decode, encode
from kbsync.digests import blob_of
from kbsync.model import ItemKey, Kind
from tests.planner.trees import law

KEY = ItemKey(Kind.ARTICLE, 7)
TEXTS = st.text(st.characters(codec="utf-8"), max_size=40) | st.just("a lone \ud800 surrogate")
NAMES = st.sampled_from(["title", "body", "tags", "seo.title", "status"])
VALUES = st.one_of(st.none(), TEXTS, st.integers(), st.lists(TEXTS, max_size=3).map(tuple))


ASSETS = st.builds(AssetBaseline, sha256=TEXTS, size=st.integers(0), name=TEXTS, id=st.none() | st.integers(1))


def baselines() -> st.SearchStrategy[Baseline]:
    return st.builds(
        Baseline,
        kind=st.sampled_from(Kind),
        id=st.integers(1, 10**12),
        path=TEXTS,
        parent=st.one_of(st.none(), st.integers(1, 10**12)),
        state=st.sampled_from(State),
        origin=st.sampled_from(BaselineOrigin),
        seen_at=TEXTS,
        updated_at=TEXTS,
        renderer_version=st.integers(0, 9),
        source_key=TEXTS,
        blob=TEXTS,
        source=st.one_of(st.none(), TEXTS),
        expanded=st.one_of(st.none(), TEXTS),
        content=st.dictionaries(NAMES, TEXTS),
        live=st.dictionaries(NAMES, TEXTS),
        addresses=st.dictionaries(TEXTS, TEXTS),
        fields=st.dictionaries(NAMES, VALUES).map(lambda fields: fields | {"body": "one\ntwo\n"} if fields else {}),
        previous=st.dictionaries(NAMES, VALUES).map(lambda fields: fields | {"body": "before\n\n"} if fields else {}),
        supersedes=TEXTS,
        language=st.sampled_from(["", "fr"]),
        url=TEXTS,
        assets=st.dictionaries(TEXTS, ASSETS, max_size=2),
    )


@law(200)
@given(baselines())
def test_a_baseline_is_read_back_from_its_file(baseline: Baseline) -> None:
    text = encode(baseline)
    assert decode(Baseline, text.encode(), file="x") == baseline
    assert encode(decode(Baseline, text, file="x")) == text


def test_a_lock_file_is_readable_in_a_diff() -> None:
    live = {"title": "d1"}
    baseline = Baseline(
        kind=Kind.ARTICLE, id=7, path="a/b/ä.md", source="one\ntwo\n", live=live, fields={"body": "<p>x</p>\n"}
    )
    assert (
        encode(baseline)
        == """{
 "content": {},
 "fields": {
  "body": [
   "<p>x</p>",
   ""
  ]
 },
 "id": 7,
 "kind": "article",
 "live": {
  "title": "d1"
 },
 "path": "a/b/ä.md",
 "seen_at": "",
 "source": [
  "one",
  "two",
  ""
 ],
 "version": 1
}
"""
    )


def test_a_file_in_an_old_format_is_reported_and_not_read() -> None:
    old = {"version": 1, "kind": "article", "id": 7, "path": "a/b/c.md", "seen": "2026", "born": "live", "epoch": 1}
    found, (problem,) = read_lock_files({"x.json": json.dumps(old).encode()})
    assert found == {}
    assert problem.message == "unreadable lock file: `seen_at` is missing; `content` is missing; `live` is missing"
    assert "delete it" in problem.advice


@pytest.mark.parametrize("number", [0, -7])
def test_an_id_that_is_not_possible_is_refused(number: int) -> None:
    text = encode(Baseline(kind=Kind.ARTICLE, id=number, path="a/b/c.md"))
    assert "`id` is not a valid item id" in read_lock_files({"x.json": text.encode()})[1][0].message


@pytest.mark.parametrize(
    ("kind", "path", "name"),
    [
        (Kind.ARTICLE, "a/b/c.md", ".kbsync/staging/a/b/c.md.json"),
        (Kind.FOLDER, "a/b", ".kbsync/staging/a/b/_index.md.json"),
        (Kind.CATEGORY, "عام", ".kbsync/staging/عام/_index.md.json"),
    ],
)
def test_a_lock_file_is_named_after_its_source(kind: Kind, path: str, name: str) -> None:
    assert lock_file_path("staging", kind, path) == name


def test_a_ledger_file_is_named_by_the_id_which_no_rename_changes() -> None:
    assert ledger_file_name(KEY) == "article/7.json"


def _baseline(seen: str, *, live: str = "x", over: str = "", state: State = State.LIVE) -> Baseline:
    return Baseline(
        kind=Kind.ARTICLE, id=7, path="a/b/c.md", seen_at=seen, live={"title": live}, supersedes=over, state=state
    )


def _counts(lock: Baseline | None, ledger: Baseline | None) -> Baseline | None:
    side: dict[ItemKey, Baseline] = newest({KEY: lock} if lock else {}, {KEY: ledger} if ledger else {})
    return side.get(KEY)


def test_the_later_of_lock_and_ledger_counts() -> None:
    early, late = _baseline("2026-01-01T00:00:00Z"), _baseline("2026-01-02T00:00:00Z")
    assert _counts(early, late) is late
    assert _counts(late, early) is late
    assert _counts(early, None) is early
    assert _counts(None, late) is late
    assert _counts(None, None) is None


def test_within_one_second_the_ledger_counts_only_over_the_lock_file_that_it_replaced() -> None:
    lock = _baseline("2026-01-01T00:00:00Z", live="pulled")
    over = _baseline("2026-01-01T00:00:00Z", live="published", over=fingerprint(lock))
    other = _baseline("2026-01-01T00:00:00Z", live="published", over=fingerprint(_baseline("", live="another")))
    assert _counts(lock, over) is over
    assert _counts(lock, other) is lock


def test_within_one_second_what_the_portal_changed_later_counts() -> None:
    moment = "2026-01-01T00:00:05Z"
    lock = replace(_baseline(moment, live="pulled"), updated_at="2026-01-01T00:00:04Z")
    ledger = replace(_baseline(moment, live="published", over="another"), updated_at=moment)
    assert _counts(lock, ledger) is ledger
    assert _counts(replace(ledger, supersedes=""), replace(lock, supersedes="another")) == replace(
        ledger, supersedes=""
    )


@law(100)
@given(baselines(), baselines())
def test_a_fingerprint_differs_by_version_only(one: Baseline, other: Baseline) -> None:
    digests = [sorted((known.seen_at, known.blob, *known.live.values())) for known in (one, other)]
    assert (fingerprint(one) == fingerprint(other)) is (digests[0] == digests[1])


def test_a_tombstone_overrides_its_lock_file() -> None:
    lock = _baseline("2026-01-01T00:00:00Z")
    assert not is_tombstone(lock)
    assert _counts(lock, tombstone(lock, seen="2026-01-02T00:00:00Z")) is None
    pulled_again = _baseline("2026-01-03T00:00:00Z")
    assert _counts(pulled_again, tombstone(lock, seen="2026-01-02T00:00:00Z")) is pulled_again
    assert decode(Baseline, encode(tombstone(lock, seen="x")), file="x") == tombstone(lock, seen="x")


def test_lock_files_that_are_not_valid_are_reported_with_their_lines_and_the_others_are_read() -> None:
    good = encode(_baseline("2026")).encode()
    files = {
        ".kbsync/production/a/b/c.md.json": good,
        ".kbsync/production/a/b/d.md.json": good[:-20] + b"\n<<<<<<< HEAD\n" + good[-20:],
        ".kbsync/production/a/b/e.md.json": b'{\n "version": 1,\n "kind"\n}',
        ".kbsync/production/a/b/f.md.json": b"\xff\xfe",
    }
    found, problems = read_lock_files(files)
    assert set(found) == {KEY}
    assert [problem.path.rpartition("/")[2] for problem in problems] == ["d.md.json", "e.md.json", "f.md.json"]
    assert "conflict markers" in problems[0].message
    assert problems[0].line == good[:-20].count(b"\n") + 2
    assert problems[1].line > 1
    assert all(problem.is_error and "delete" in problem.advice for problem in problems)


def test_of_two_lock_files_of_one_item_the_later_counts_and_the_other_is_named() -> None:
    early, late = encode(_baseline("2026-01-01", live="early")), encode(_baseline("2026-01-02", live="late"))
    for first, second in ((early, late), (late, early)):
        found, problems = read_lock_files({"a.json": first.encode(), "b.json": second.encode()})
        assert found[KEY].live == {"title": "late"}
        outdated, later = ("a.json", "b.json") if first == early else ("b.json", "a.json")
        assert [(problem.path, problem.message, problem.is_error) for problem in problems] == [
            (outdated, f"article 7 has a later lock file, {later}", False)
        ]


def test_a_ledger_is_read_whole_or_not_at_all() -> None:
    good = encode(_baseline("2026")).encode()
    read = partial(read_ledger, ref="refs/kbsync/production", advice="start over")
    assert set(read({"article/7.json": good, "run.json": b"{}", "leases/x": b"?"})) == {KEY}
    with pytest.raises(FormatError, match=r"refs/kbsync/production:folder/8\.json: `version` is null") as wrong:
        read({"article/7.json": good, "folder/8.json": b"{}"})
    assert wrong.value.advice == "start over"
    with pytest.raises(FormatError, match=r"folder/8\.json: wrong file name: the entry is for article 7"):
        read({"article/7.json": good, "folder/8.json": good})


def test_a_translation_has_a_ledger_file_beside_its_primary() -> None:
    french = replace(_baseline("2026"), language="fr")
    assert ledger_file_name(french.key) == "article/7.fr.json"
    files = {"article/7.json": encode(_baseline("2026")).encode(), "article/7.fr.json": encode(french).encode()}
    assert read_ledger(files, ref="x", advice="") == {KEY: _baseline("2026"), french.key: french}


def test_sources_are_filled_in_from_the_blobs_of_git() -> None:
    with_blob = Baseline(kind=Kind.ARTICLE, id=7, path="a", blob=blob_of("text\n"))
    own = Baseline(kind=Kind.ARTICLE, id=8, path="b", blob=blob_of("text\n"), source="its own")
    without = Baseline(kind=Kind.ARTICLE, id=9, path="c", blob="0" * 40)
    filled = with_sources([with_blob, own, without], {blob_of("text\n"): "text\n"})
    assert [known.source for known in filled] == ["text\n", "its own", None]


def test_a_blob_has_the_id_that_git_gives_it() -> None:
    assert blob_of("") == "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391"
    assert blob_of("hello\n") == "ce013625030ba8dba906f756967f9e9ca394464a"
