"""A merge of a large text ends: its work is counted, and grows no faster than the text."""

from collections.abc import Callable, Sequence
from random import Random

import pytest

from kbsync.markup.align import matching_blocks, opcodes
from kbsync.markup.merge.diff3 import resolve_to_sides
from kbsync.markup.merge.merge import MergeResult, MergeVersion, merge
from tests.markup.counted import calls_of, lines_of

NEAR_LINEAR = 2.5
"""How many times as much work a text of twice the length may take."""

WRITTEN: dict[str, Callable[[int], Sequence[str]]] = {
    "rows": lambda size: ["| a | b |", "| --- | --- |", *(f"| row {at} | value |" for at in range(size))],
    "equal rows": lambda size: ["| a | b |", "| --- | --- |", *["| a | b |"] * size],
    "padded rows": lambda size: ["| a     | b |", "| ----- | - |", *(f"| {at:<5} | b |" for at in range(size))],
    "items": lambda size: [f"- item {at} of it" for at in range(size)],
    "equal items": lambda size: ["* one"] * size,
    "numbers": lambda size: [f"{at + 1}. item {at} of it" for at in range(size)],
    "quoted": lambda size: [line for at in range(size // 2) for line in (f"> part {at} of it", ">")],
    "items of items": lambda size: [f"{'  ' * (at % 8)}- item {at} of it" for at in range(size)],
    "paragraphs": lambda size: [line for at in range(size // 2) for line in (f"Paragraph {at} of it.", "")],
    "equal paragraphs": lambda size: ["The same.", ""] * (size // 2),
    "lines": lambda size: [f"Line {at} of a paragraph." for at in range(size)],
    "raw rows": lambda size: ["<table>", *(f"<tr><td>row {at}</td></tr>" for at in range(size)), "</table>"],
    "raw blocks": lambda size: [line for at in range(size // 2) for line in (f'<p class="c">Block {at}</p>', "")],
    "footnotes": lambda size: [
        *(line for at in range(size // 4) for line in (f"See {at}[^{at}].", "")),
        *(line for at in range(size // 4) for line in (f"[^{at}]: Note {at}.", "")),
    ],
}


def edited(lines: Sequence[str], places: Sequence[int], word: str) -> str:
    """Return a text with a word more in some lines that have words."""
    out = list(lines)
    filled = [at for at, line in enumerate(lines) if line.strip("> |-") and at > 1 and not line.startswith("</")]
    for place in places:
        at = filled[place % len(filled)]
        end = next((out[at].rindex(mark) for mark in (" |", "</td>", "</p>") if mark in out[at]), len(out[at]))
        out[at] = f"{out[at][:end]} {word}{out[at][end:]}"
    return "\n".join(out) + "\n"


def merged(kind: str, size: int, ours: Sequence[int], theirs: Sequence[int]) -> MergeResult:
    lines = WRITTEN[kind](size)
    texts = (edited(lines, places, word) for places, word in (((), ""), (ours, "mine"), (theirs, "theirs")))
    return merge(*(MergeVersion(text=text) for text in texts))


def work_of(action: Callable[[], object]) -> int:
    """Count the calls of an action, which is run before, so that what is kept from one run to the next is there."""
    action()
    return calls_of(action)


@pytest.mark.parametrize("kind", WRITTEN)
def test_work_on_two_edits_grows_as_the_text(kind: str) -> None:
    def work(size: int) -> int:
        return work_of(lambda: merged(kind, size, [size // 4], [size // 5]))

    assert work(240) < NEAR_LINEAR * work(120)


@pytest.mark.parametrize("kind", [kind for kind in WRITTEN if kind not in ("lines", "raw rows")])
def test_two_edits_of_different_lines_are_merged(kind: str) -> None:
    result = merged(kind, 80, [15], [9])
    assert (result.conflicts, result.text.count("mine"), result.text.count("theirs")) == (0, 1, 1)


@pytest.mark.parametrize("kind", ["rows", "padded rows", "items", "numbers", "paragraphs", "footnotes", "quoted"])
def test_work_on_edits_of_every_line_grows_as_the_text(kind: str) -> None:
    def work(size: int) -> int:
        return work_of(lambda: merged(kind, size, range(0, size, 2), range(1, size, 2)))

    assert work(240) < NEAR_LINEAR * work(120)


@pytest.mark.parametrize("kind", ["rows", "items", "numbers", "paragraphs"])
def test_every_line_edited_on_one_side_or_the_other_is_merged(kind: str) -> None:
    size = 200
    filled = size // 2 if kind == "paragraphs" else size
    result = merged(kind, size, range(2, filled - 2, 2), range(3, filled - 2, 2))
    assert result.conflicts == 0
    assert result.text.count("mine") == result.text.count("theirs") == filled // 2 - 2


def test_many_lines_that_both_changed_are_conflicts_and_nothing_is_lost() -> None:
    result = merged("items", 200, range(2, 190), range(2, 190))
    ours, theirs = resolve_to_sides(result.text)
    assert result.conflicts > 0
    assert (ours.count("mine"), theirs.count("theirs")) == (188, 188)


def test_where_too_much_differs_the_whole_block_is_a_conflict() -> None:
    lines = [f"- item {at}" for at in range(300)]
    ours, theirs = ([f"- {word} {at} entirely" for at in range(count)] for word, count in (("my", 299), ("your", 301)))
    result = merge(*(MergeVersion(text="\n".join(text) + "\n") for text in (lines, ours, theirs)))
    assert result.conflicts == 1
    assert resolve_to_sides(result.text)[0].splitlines() == ours


SEQUENCES: dict[str, Callable[[int], tuple[list[str], list[str]]]] = {
    "one edit": lambda size: ([str(at) for at in range(size)], [str(at) if at != 9 else "x" for at in range(size)]),
    "every second edited": lambda size: (
        [str(at) for at in range(size)],
        [str(at) if at % 2 else f"{at}x" for at in range(size)],
    ),
    "all the same but three": lambda size: (
        ["a"] * size,
        ["x" if at in (9, size // 2, size - 9) else "a" for at in range(size)],
    ),
    "nothing in common": lambda size: (["a"] * size, ["b"] * size),
    "every second of all the same": lambda size: (["a"] * size, ["a", "b"] * (size // 2)),
    "shuffled": lambda size: ([str(at) for at in range(size)], Random(0).sample([str(at) for at in range(size)], size)),
    "letters": lambda size: (Random(0).choices("abc", k=size), Random(1).choices("abc", k=size)),
    "halves exchanged": lambda size: (
        [str(at) for at in range(size)],
        [str((at + size // 2) % size) for at in range(size)],
    ),
}


@pytest.mark.parametrize("kind", SEQUENCES)
def test_comparisons_of_two_sequences_grow_as_their_length(kind: str) -> None:
    one, other = SEQUENCES[kind](4000), SEQUENCES[kind](8000)
    assert lines_of(lambda: opcodes(*other)) < NEAR_LINEAR * lines_of(lambda: opcodes(*one))


def test_what_is_all_the_same_but_for_a_few_items_is_aligned() -> None:
    ours, theirs = SEQUENCES["all the same but three"](4000)
    assert sum(size for _, _, size in matching_blocks(ours, theirs)) == 3997
