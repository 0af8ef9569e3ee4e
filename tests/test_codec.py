"""The codec of stored files: written values are read back, and errors name the file and place."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kbsync.codec import ALWAYS, LINES, FormatError, decode, encode


class Colour(StrEnum):
    RED = "red"
    BLUE = "blue"


@dataclass(frozen=True, slots=True, kw_only=True)
class Leaf:
    name: str
    size: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    id: int
    seen: str = field(default="", metadata=ALWAYS)
    colour: Colour = Colour.RED
    is_new: bool = False
    text: str | None = field(default=None, metadata=LINES)
    leaf: Leaf | None = None
    leaves: tuple[Leaf, ...] = ()
    names: frozenset[str] = frozenset()
    by_colour: Mapping[Colour, tuple[int, ...]] = field(default_factory=dict)
    fields: Mapping[str, str | int | tuple[str, ...] | None] = field(default_factory=dict, metadata=LINES)


# A pair of surrogates is one character in JSON too: only lone ones are read back as they are.
TEXTS = st.text(max_size=20) | st.text(st.sampled_from("\ud800a\n\u2028\x00\x85"), max_size=5)
LEAVES = st.builds(Leaf, name=TEXTS, size=st.none() | st.integers())
PAGES = st.builds(
    Page,
    id=st.integers(),
    seen=TEXTS,
    colour=st.sampled_from(Colour),
    is_new=st.booleans(),
    text=st.none() | TEXTS,
    leaf=st.none() | LEAVES,
    leaves=st.lists(LEAVES, max_size=3).map(tuple),
    names=st.frozensets(TEXTS, max_size=3),
    by_colour=st.dictionaries(st.sampled_from(Colour), st.lists(st.integers(), max_size=3).map(tuple)),
    fields=st.dictionaries(TEXTS, st.none() | TEXTS | st.integers() | st.lists(TEXTS, max_size=2).map(tuple)).flatmap(
        lambda fields: st.just(fields) | TEXTS.map(lambda body: {**fields, "body": body})
    ),
)


@given(PAGES, st.sampled_from([1, None]))
def test_a_written_value_is_read_back(page: Page, indent: int | None) -> None:
    text = encode(page, indent=indent)
    assert decode(Page, text.encode("utf-8"), file="x") == page
    assert indent or text.count("\n") == 1


def test_keys_are_sorted_lines_are_a_list_and_defaults_are_left_out() -> None:
    page = Page(id=7, text="one\ntwo", fields={"body": "a\n", "tags": ("b",)})
    assert encode(page, indent=None) == (
        '{"fields": {"body": ["a", ""], "tags": ["b"]}, "id": 7, "seen": "", "text": ["one", "two"], "version": 1}\n'
    )


def test_keys_may_be_added_within_a_version() -> None:
    assert decode(Page, '{"version": 1, "id": 7, "seen": "", "later": [{}]}', file="x") == Page(id=7)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"\xff", "x.json: not valid UTF-8"),
        ("", "x.json:1: not valid JSON: Expecting value"),
        ('{\n"id": 7,\n}', "x.json:3: not valid JSON: "),
        ("[" * 100_000, "x.json: nested too deeply"),
        ('{"version": 1, "later": ' + '{"a":' * 100_000, "x.json: nested too deeply"),
        ('{"version": 1, "id": ' + "7" * 5000 + "}", "x.json: a number has too many digits"),
        ('{"version": 1, "id": 7.0, "seen": ""}', "x.json: `id` is not a whole number"),
        ('{"version": 1, "id": NaN, "seen": ""}', "x.json: `id` is not a whole number"),
        ('{"version": 1, "id": true, "seen": null}', "x.json: `id` is not a whole number; `seen` is not a string"),
        ("[]", "x.json: not a JSON object"),
        ("{}", "x.json: `version` is null; this kbsync reads version 1"),
        ('{"version": 2}', "x.json: `version` is 2; this kbsync reads version 1"),
        ('{"version": true}', "x.json: `version` is true; this kbsync reads version 1"),
        ('{"version": 1}', "x.json: `id` is missing; `seen` is missing"),
        ('{"version": 1, "id": 7, "id": 8}', "x.json: `id` is given twice in one object"),
        ('{"version": 1, "id": 7, "seen": "", "colour": "green"}', "x.json: `colour` is not one of red, blue"),
        ('{"version": 1, "id": 7, "seen": "", "colour": ["red"]}', "x.json: `colour` is not one of red, blue"),
        ('{"version": 1, "id": 7, "seen": "", "text": "one"}', ""),
        ('{"version": 1, "id": 7, "seen": "", "text": [1]}', "x.json: `text` is not a list of lines"),
        ('{"version": 1, "id": 7, "seen": "", "fields": {"body": [1]}}', "x.json: `fields` is not a list of lines"),
        ('{"version": 1, "id": 7, "seen": "", "fields": {"a": {}}}', "x.json: `fields.a` is not a string"),
        ('{"version": 1, "id": 7, "seen": "", "fields": []}', "x.json: `fields` is not an object"),
        ('{"version": 1, "id": 7, "seen": "", "leaves": [{"name": "a"}, {}]}', "x.json: `leaves[1].name` is missing"),
        ('{"version": 1, "id": 7, "seen": "", "leaf": {"name": 1}}', "x.json: `leaf.name` is not a string"),
        ('{"version": 1, "id": 7, "seen": "", "by_colour": {"\\u001b[2J": []}}', "x.json: `by_colour.\\u001b[2J` is"),
    ],
)
def test_a_value_that_cannot_be_read_is_reported_with_its_place(text: str | bytes, message: str) -> None:
    if not message:
        assert decode(Page, text, file="x.json").text == "one"
        return
    with pytest.raises(FormatError) as wrong:
        decode(Page, text, file="x.json", advice="restore it")
    assert wrong.value.what.startswith(message)
    assert wrong.value.advice == ("upgrade kbsync, or restore it" if '"version": 2' in str(text) else "restore it")


_ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


@given(st.fixed_dictionaries({}, optional=dict.fromkeys(Page.__slots__, _ANYTHING)))
def test_any_file_is_a_value_or_a_format_error(page: dict[str, object]) -> None:
    text = json.dumps({"version": 1, **page})
    try:
        read = decode(Page, text, file="x")
    except FormatError:
        return
    assert decode(Page, encode(read), file="x") == read
