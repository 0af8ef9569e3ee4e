"""What a plan shows for people: few lines, what it was compared with, the next step, and which words differ."""

import pytest

from kbsync.change import Action, Change, Finding, FindingKind
from kbsync.model import Kind, Side
from kbsync.planner.planner import Plan
from kbsync.report.terminal import plan_to_text
from kbsync.report.wording import (
    Frame,
    base_text,
    changed_words,
    clause,
    diff,
    moment,
    next_step,
    next_step_of_pull,
    rows,
    url_of,
)


def _change(path: str, action: Action = Action.RENAME, **others: object) -> Change:
    kind = Kind.ARTICLE if path.endswith(".md") else Kind.FOLDER if "/" in path else Kind.CATEGORY
    return Change(action=action, kind=kind, path=path, **others)  # type: ignore[arg-type]


def _plan(*changes: Change, written: Side = Side.LIVE, **others: object) -> Plan:
    return Plan(written=written, changes=changes, ids={}, targets={}, anchors={}, **others)  # type: ignore[arg-type]


def _found(kind: FindingKind) -> tuple[Finding, ...]:
    return (Finding(finding_kind=kind, kind=Kind.ARTICLE, path="a/b/c.md", id=3, reason="why"),)


def test_a_renamed_folder_is_one_line_that_says_that_nothing_is_sent() -> None:
    plan = _plan(
        _change("g/new", former_path="g/old", reason="renamed from g/old"),
        _change("g/new/deep", former_path="g/old/deep", reason="was g/old/deep"),
        *(_change(f"g/new/deep/{n}.md", former_path=f"g/old/deep/{n}.md", reason="was") for n in range(40)),
        _change("g/new/own.md", former_path="g/old/former.md", reason="renamed from g/old/former.md"),
        _change("g/new/text.md", Action.UPDATE, former_path="g/old/text.md", fields=("body",)),
    )
    assert [(row.path, row.note) for row in rows(plan)] == [
        ("g/new", "renamed from g/old; nothing is sent for the 41 items in it"),
        ("g/new/own.md", "renamed from g/old/former.md"),
        ("g/new/text.md", "body"),
    ]


def test_a_folder_whose_name_changes_too_has_its_articles_in_its_line() -> None:
    plan = _plan(
        _change("g/new", Action.UPDATE, former_path="g/old", fields=("name",)),
        _change("g/new/a.md", former_path="g/old/a.md"),
    )
    assert [row.note for row in rows(plan)] == ["name; nothing is sent for the 1 item in it"]


def test_a_first_pull_has_a_line_for_each_category() -> None:
    new = [
        _change(path, Action.CREATE) for path in ("a", "a/b", "a/b/1.md", "a/b/2.md", "c", "c/d", "c/d/e", "c/d/e/1.md")
    ]
    plan = _plan(*new, written=Side.CONTENT)
    assert [(row.path, row.note) for row in rows(plan)] == [
        ("a", "1 folder, 2 articles"),
        ("c", "2 folders, 1 article"),
    ]
    text = plan_to_text(plan, heading="x", colour=False, width=80, done=True)
    assert "+ create a  1 folder, 2 articles" in text
    assert text.endswith("8 created.")
    assert len(rows(_plan(*new))) == 8, "a publish names each"
    assert len(rows(_plan(*new, written=Side.CONTENT, unchanged=3))) == 8, "a later pull names a few"


def test_an_archive_says_what_readers_see() -> None:
    assert clause(_change("a/b/c.md", Action.ARCHIVE, reason="its file is gone")) == (
        "its file is gone; becomes a draft, readers no longer see it"
    )


def test_a_web_edit_has_its_time() -> None:
    edit = _change("a/b/c.md", Action.UPDATE, reason="over a web edit", edited_at="2026-11-28T09:07:30Z")
    assert clause(edit) == "over a web edit (2026-11-28 09:07 UTC)"
    assert moment("2026-11-28T10:07:30+01:00") == "2026-11-28 09:07 UTC"
    assert moment("some day") == "some day"


@pytest.mark.parametrize(
    ("base", "paths", "is_partial", "text"),
    [
        (None, (), False, ""),
        (None, ("a/b",), False, ""),
        (None, ("a/b", "c"), True, "Read only what a/b, c concerns."),
        (None, (), True, "Read only what is to be written."),
        (
            {"run": "262e99ab12345", "date": "2026-11-28T09:07:30Z"},
            (),
            True,
            "Compared with the last publish (2026-11-28 09:07 UTC, run 262e99ab12). The portal was not read.",
        ),
        (
            {"run": None, "date": None},
            (),
            True,
            "Compared with the lock files: no publish yet. The portal was not read.",
        ),
    ],
)
def test_a_plan_says_what_it_was_compared_with(
    base: dict[str, object] | None, paths: tuple[str, ...], is_partial: bool, text: str
) -> None:
    assert base_text(base, paths, is_partial=is_partial) == text


def test_the_next_step_is_what_is_left_to_do() -> None:
    update, drift = _change("a/b/c.md", Action.UPDATE), _found(FindingKind.DRIFT)
    assert next_step(_plan(update)) == "Next: kbsync publish"
    assert next_step(_plan(update), uncommitted=True) == "Next: commit, then kbsync publish"
    assert next_step(_plan(update, drift=drift), paths=["a b"]) == "Next: kbsync publish 'a b'; kbsync pull 'a b'"
    assert next_step(_plan(conflicts=_found(FindingKind.CONFLICT))).startswith("Next: resolve 1 conflict, see https://")
    assert next_step(_plan(unchanged=4, undone=_found(FindingKind.UNDONE))) == ""
    assert next_step(_plan(update, halt="none of it is there")).startswith("Limits: see https://")


def test_the_next_step_after_a_pull() -> None:
    made = _plan(_change("a/b/c.md", Action.UPDATE), written=Side.CONTENT)
    assert next_step_of_pull(made, done=False) == "Next: kbsync pull"
    assert next_step_of_pull(made, done=True) == "Next: kbsync lint; git add . && git commit; kbsync plan"
    assert next_step_of_pull(_plan(written=Side.CONTENT), done=True) == ""
    assert "conflict" in next_step_of_pull(_plan(conflicts=_found(FindingKind.CONFLICT)), done=True)


def test_a_terminal_gets_links_and_a_log_none_and_the_signs_are_explained() -> None:
    plan, frame = _plan(_change("a/b/c.md", Action.UPDATE, id=3)), Frame(site="https://help.example.com")
    shown = plan_to_text(plan, heading="x", colour=True, width=80, links=True, frame=frame)
    assert "\x1b]8;" in shown
    assert ";https://help.example.com/support/solutions/articles/3\x1b\\" in shown
    log = plan_to_text(plan, heading="x", colour=False, width=80, frame=frame)
    assert "]8;" not in plan_to_text(plan, heading="x", colour=True, width=80, frame=frame) + log
    assert "Signs: ~ update\n1 to update." in log


@pytest.mark.parametrize("site", ["", "javascript:alert(1)", "help.example.com"])
def test_without_a_site_of_the_web_there_is_no_link(site: str) -> None:
    assert url_of(_change("a/b/c.md", id=3), site) == ""


def test_an_address_holds_nothing_that_ends_it() -> None:
    assert url_of(_change("a/b/c.md", id=3), "https://x\x1b\\)y") == "https://x%1B%5C%29y/support/solutions/articles/3"
    assert url_of(_change("a/b/c.md"), "https://x") == "", "it is not on the portal yet"


def test_a_line_that_begins_with_dashes_is_part_of_a_diff() -> None:
    assert diff(_change("a/b/c.md", Action.UPDATE, before="a\n-- b\n", after="a\n++ c\n"))[1:] == (
        " a",
        "--- b",
        "+++ c",
    )


class _Word(str):
    """A word that counts how often it is looked up or compared."""

    __slots__ = ()
    steps = 0

    def __hash__(self) -> int:
        _Word.steps += 1
        return super().__hash__()

    def __eq__(self, other: object) -> bool:
        _Word.steps += 1
        return super().__eq__(other)


def _counted(mine: str, theirs: str) -> tuple[int, int, int]:
    one, other = [_Word(word) for word in mine.split()], [_Word(word) for word in theirs.split()]
    _Word.steps = 0
    cut, added = changed_words(one, other)
    return len(cut), len(added), _Word.steps


def test_words_are_compared_between_the_common_ends() -> None:
    long = " ".join(f"w{n}" for n in range(8000))
    cut, added, steps = _counted(long, long.replace("w4000 ", "other words "))
    assert (cut, added) == (1, 2)
    assert steps < 40_000


@pytest.mark.parametrize("word", ["a", "w{n}"], ids=["all the same", "all different"])
def test_a_long_line_that_differs_all_over_takes_few_steps(word: str) -> None:
    mine = " ".join(word.format(n=n) for n in range(8000))
    theirs = " ".join("x" if n % 2 == 0 else word.format(n=n) for n in range(8001))
    cut, added, steps = _counted(mine, theirs)
    assert (cut, added) == (8000, 8001)
    assert steps < 100_000


def test_a_paragraph_is_compared_word_by_word() -> None:
    words = "the quick brown fox jumps over the lazy dog and the cat".split() * 15
    other = [*words]
    other[3] = other[-4] = "wolf"
    assert changed_words(words, other) == (frozenset({3, len(words) - 4}), frozenset({3, len(words) - 4}))
