"""Baselines as pages of JSON, and which of lock and ledger counts."""

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kbsync.baseline import (
    Baseline,
    BaselineOrigin,
    State,
    baseline_from_json,
    baseline_to_json,
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
from kbsync.digests import blob_of
from kbsync.model import ItemKey, Kind
from tests.planner.trees import law

KEY = ItemKey(Kind.ARTICLE, 7)
TEXTS = st.text(st.characters(codec="utf-8"), max_size=40)
NAMES = st.sampled_from(["title", "body", "tags", "seo.title", "status"])
VALUES = st.one_of(st.none(), TEXTS, st.integers(), st.lists(TEXTS, max_size=3).map(tuple))


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
    )


@law(200)
@given(baselines())
def test_an_agreement_survives_its_page(baseline: Baseline) -> None:
    page = baseline_to_json(baseline)
    assert baseline_from_json(page) == baseline
    assert baseline_to_json(baseline_from_json(page)) == page


def test_a_page_reads_well_in_a_diff() -> None:
    page = baseline_to_json(Baseline(kind=Kind.ARTICLE, id=7, path="a/b/ä.md", source="one\ntwo\n"))
    lines = page.splitlines()
    assert page.endswith("}\n")
    assert ' "path": "a/b/ä.md",' in lines
    assert [line.strip() for line in lines if line.startswith("  ")] == ['"one",', '"two",', '""']
    keys = list(json.loads(page))
    assert keys == sorted(keys)


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", "null", "{}", '{"version": 2}', '{"version": 1}', '{"version": 1, "kind": "page"}', "\u0000"],
)
def test_what_is_no_agreement_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        baseline_from_json(text)


def test_wrong_types_are_refused_and_not_carried_about() -> None:
    page = json.loads(baseline_to_json(Baseline(kind=Kind.ARTICLE, id=7, path="a/b/c.md")))
    wrongs: tuple[object, ...] = (5.5, [5], {"a": 5}, [{}], True)
    for name in (*page, "source", "expanded", "fields", "was"):
        for wrong in wrongs:
            if (name, wrong) in (("version", True), ("fields", {"a": 5}), ("was", {"a": 5})):
                continue
            with pytest.raises(ValueError, match=r"usable|version"):
                baseline_from_json(json.dumps(page | {name: wrong}))


@pytest.mark.parametrize(
    ("kind", "path", "name"),
    [
        (Kind.ARTICLE, "a/b/c.md", ".kbsync/staging/a/b/c.md.json"),
        (Kind.FOLDER, "a/b", ".kbsync/staging/a/b/_index.md.json"),
        (Kind.CATEGORY, "عام", ".kbsync/staging/عام/_index.md.json"),
    ],
)
def test_a_lock_file_is_named_after_the_source_that_it_is_about(kind: Kind, path: str, name: str) -> None:
    assert lock_file_path("staging", kind, path) == name


def test_a_ledger_file_is_named_by_the_id_that_outlives_every_rename() -> None:
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


def test_within_one_second_the_ledger_counts_only_over_the_lock_that_it_was_made_over() -> None:
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
def test_a_seal_tells_versions_apart_and_nothing_else(one: Baseline, other: Baseline) -> None:
    same = (one.seen_at, one.blob, sorted(one.live.values())) == (
        other.seen_at,
        other.blob,
        sorted(other.live.values()),
    )
    assert (fingerprint(one) == fingerprint(other)) is same


def test_what_is_gone_on_both_sides_outweighs_its_lock_and_is_known_no_more() -> None:
    lock = _baseline("2026-01-01T00:00:00Z")
    assert not is_tombstone(lock)
    assert _counts(lock, tombstone(lock, seen="2026-01-02T00:00:00Z")) is None
    pulled_anew = _baseline("2026-01-03T00:00:00Z")
    assert _counts(pulled_anew, tombstone(lock, seen="2026-01-02T00:00:00Z")) is pulled_anew
    assert baseline_from_json(baseline_to_json(tombstone(lock, seen="x"))) == tombstone(lock, seen="x")


def test_spoilt_lock_files_are_told_with_their_lines_and_the_others_are_read() -> None:
    good = baseline_to_json(_baseline("2026")).encode()
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


def test_of_two_lock_files_of_one_item_the_later_counts() -> None:
    early, late = _baseline("2026-01-01", live="early"), _baseline("2026-01-02", live="late")
    for first, second in ((early, late), (late, early)):
        found, _ = read_lock_files(
            {"a.json": baseline_to_json(first).encode(), "b.json": baseline_to_json(second).encode()}
        )
        assert found[KEY] == late


def test_a_ledger_is_read_whole_or_not_at_all() -> None:
    page = baseline_to_json(_baseline("2026")).encode()
    assert set(read_ledger({"article/7.json": page, "run.json": b"{}", "leases/x": b"?"})) == {KEY}
    with pytest.raises(ValueError, match=r"."):
        read_ledger({"article/7.json": page, "folder/8.json": b"{}"})


def test_sources_that_git_still_has_are_filled_in_by_blob() -> None:
    with_blob = Baseline(kind=Kind.ARTICLE, id=7, path="a", blob=blob_of("text\n"))
    own = Baseline(kind=Kind.ARTICLE, id=8, path="b", blob=blob_of("text\n"), source="its own")
    without = Baseline(kind=Kind.ARTICLE, id=9, path="c", blob="0" * 40)
    filled = with_sources([with_blob, own, without], {blob_of("text\n"): "text\n"})
    assert [known.source for known in filled] == ["text\n", "its own", None]


def test_a_blob_is_named_as_git_names_it() -> None:
    assert blob_of("") == "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391"
    assert blob_of("hello\n") == "ce013625030ba8dba906f756967f9e9ca394464a"
