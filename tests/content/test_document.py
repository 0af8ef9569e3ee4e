"""One file: parsed, edited, composed."""

import re
import time
from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from hypothesis import assume, given
from hypothesis import strategies as st

from kbsync.content.document import compose, edit_fields, parse_document, replace_body
from kbsync.content.fields import FieldReader
from kbsync.errors import ContentError
from kbsync.model import FieldValue
from tests.content.cases import Case, cases

EDITS = cases("edits.txt", parts=3)


def changes_of(text: str) -> dict[str, FieldValue]:
    """Read `name: value` lines; a list is a tuple, an id an int, anything else a text."""
    changes: dict[str, FieldValue] = {}
    for line in text.splitlines():
        name, _, raw = line.partition(": ")
        value = yaml.safe_load(raw) if raw.startswith(("[", '"', "'", "null")) else raw
        if isinstance(value, list):
            items = raw.strip("[]").split(", ") if '"' not in raw else value
            value = tuple(item for item in items if item)
        changes[name] = int(raw) if name == "id" else value
    return changes


@pytest.mark.parametrize("case", EDITS, ids=lambda case: case.title)
def test_an_edit_changes_the_wanted_lines(case: Case) -> None:
    before, change, after = case.parts
    assert edit_fields(before, changes_of(change)) == after


@pytest.mark.parametrize("case", EDITS, ids=lambda case: case.title)
def test_an_edit_keeps_windows_line_ends_and_a_byte_order_mark(case: Case) -> None:
    before, change, after = case.parts
    if "\n" not in before:
        return
    wanted = "\ufeff" + after.replace("\n", "\r\n")
    assert edit_fields("\ufeff" + before.replace("\n", "\r\n"), changes_of(change)) == wanted


@pytest.mark.parametrize("case", EDITS, ids=lambda case: case.title)
def test_an_edit_made_twice_changes_nothing_the_second_time(case: Case) -> None:
    _, change, after = case.parts
    assert edit_fields(after, changes_of(change)) == after


@pytest.mark.parametrize(
    ("text", "changes"),
    [
        ("---\n{title: a, status: draft}\n---\n", {"title": "b"}),
        ("---\ntitle: &t a\nseo:\n  title: *t\n---\n", {"title": "b"}),
        ("---\n? title\n: a\n---\n", {"title": None}),
        ("---\ntitle: [a\n---\n", {"title": "b"}),
        ("---\nseo: text\n---\n", {"seo.title": "b"}),
        ("---\ntitle: a\n---\n\n# Heading\n", {"title": None}),
    ],
)
def test_what_cannot_be_edited_line_by_line_is_refused(text: str, changes: dict[str, FieldValue]) -> None:
    with pytest.raises(ContentError):
        edit_fields(text, changes, path="a.md")


TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=40)
LINES = [
    "# a comment",
    "",
    "status: draft",
    "author: 'a@example.com'  # who",
    "publish: true",
    "tags:\n  - one\n  - 'two' # 2",
    "tags: [one, two]",
    'seo:\n  title: "S"\n\n  # inside\n  description: >\n    long\n    text\n',
    "seo: {title: S}",
    "id: {production: 5, staging: 6}",
    "title: |-\n  A title\n",
    "title: 'T'  # t",
    "title: plain text",
]
NAMES = ["title", "status", "tags", "seo.title", "seo.description", "author"]
CHANGES = st.dictionaries(st.sampled_from(NAMES), TEXTS | st.none(), max_size=3)


def key_of(line: str) -> str:
    return line.partition(":")[0]


@given(
    lines=st.lists(st.sampled_from(LINES), unique_by=key_of, max_size=6),
    changes=CHANGES,
    tags=st.none() | st.lists(TEXTS, unique=True, max_size=3),
    newline=st.sampled_from(["\n", "\r\n"]),
)
def test_an_edit_sets_the_values_and_keeps_the_other_lines_or_is_refused(
    lines: list[str], changes: dict[str, FieldValue], tags: list[str] | None, newline: str
) -> None:
    wanted: dict[str, FieldValue] = {**changes, "tags": None if tags is None else tuple(tags)}
    front = "".join(line + "\n" for line in lines)
    text = f"---\n{front}---\n\nThe body\n\n    stays\n".replace("\n", newline)
    try:
        edited = edit_fields(text, wanted)
    except ContentError:
        assume(False)
    after = parse_document(edited, "a.md")
    assert after.body == "The body\n\n    stays\n"
    touched = {name.partition(".")[0] for name in wanted}
    for line in lines:
        if key_of(line) not in touched:
            assert line.replace("\n", newline) in edited
    reader = FieldReader("a.md", target="production")
    fields = reader.read_article(after.front)
    title = wanted.get("title")
    if isinstance(title, str) and title.strip() and "\n" not in title:
        assert fields.title == title


@given(lines=st.lists(st.sampled_from(LINES), unique_by=key_of, max_size=6), title=TEXTS, tag=TEXTS)
def test_an_ordinary_edit_is_never_refused(lines: list[str], title: str, tag: str) -> None:
    front = "".join(line + "\n" for line in lines)
    edited = edit_fields(f"---\n{front}---\nBody\n", {"title": title, "tags": (tag,), "status": "published"})
    assert edited.endswith("---\nBody\n")


@given(title=TEXTS, tags=st.lists(TEXTS, max_size=3), body=TEXTS)
def test_a_composed_file_reads_back(title: str, tags: list[str], body: str) -> None:
    text = compose({"tags": tuple(tags), "title": title, "seo.title": title, "status": None}, body)
    read = parse_document(text, "a.md")
    front = yaml.safe_load(text.split("\n---\n")[0].removeprefix("---\n"))
    assert front == {"title": title, "tags": tags, "seo": {"title": title}}
    assert list(front) == ["title", "tags", "seo"]
    assert text.endswith("\n")
    assert read.body.strip() == re.sub(r"\r\n?", "\n", body).strip()


@pytest.mark.parametrize("title", ["Plain", "It's", "Émoji 🙂", "مرحبا", "C# & C++", "10 tips", "what-is-x?"])
def test_a_title_that_needs_no_quotes_gets_none(title: str) -> None:
    assert compose({"title": title}, "x").startswith(f"---\ntitle: {title}\n---\n\nx\n")


def test_the_body_keeps_the_code_block_that_it_begins_with() -> None:
    document = parse_document("---\ntitle: T\n---\n\n\n    code\n\nend", "a.md")
    assert (document.body, document.body_line) == ("    code\n\nend", 6)


def test_a_byte_order_mark_does_not_hide_the_front_matter() -> None:
    document = parse_document("\ufeff---\r\ntitle: T\r\n---\r\nBody\r\n", "a.md")
    assert (document.places["title"].line, document.body, document.body_line) == (2, "Body\n", 4)


@pytest.mark.parametrize(
    ("text", "title", "body", "line"),
    [
        ("# T\n\nBody\n", "T", "Body\n", 3),
        ("---\nstatus: draft\n---\n\n# T #\nBody\n", "T", "Body\n", 6),
        ("Intro\n\n# T\nBody\n", "T", "Intro\n\n\nBody\n", 1),
        ("# `git` **push** [now](x.md) &amp; \\*then\\* {#p}\n", "git push now & *then*", "", 2),
        ("```\n# no\n```\n<!--\n# no\n-->\n# T\n", "T", "```\n# no\n```\n<!--\n# no\n-->\n\n", 1),
        ("#no\n#\n# T\n", "T", "#no\n#\n\n", 1),
    ],
)  # fmt: skip
def test_the_first_heading_serves_as_title(text: str, title: str, body: str, line: int) -> None:
    document = parse_document(text, "a.md")
    assert document.heading is not None
    assert (document.heading.title, document.body, document.body_line) == (title, body, line)


def test_a_heading_stays_in_the_body_where_the_front_matter_has_a_title() -> None:
    document = parse_document("---\ntitle: T\n---\n# H\n", "a.md")
    assert (document.heading, document.body) == (None, "# H\n")


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("---\ntitle: T\n", 1, "no closing `---`"),
        ("\n---\ntitle: T\n---\n", 1, "first line"),
        ("---\ntitle: T\nseo:\n\ttitle: S\n---\n", 4, "a tab"),
        ("---\ntitle: T\ntitle: U\n---\n", 3, "is given twice"),
        ("---\ntitle: a: b\n---\n", 2, "not valid YAML"),
        ('---\nid: 1\ntitle: "a\n---\n', 3, "not valid YAML"),
        ("---\n- a\n---\n", 2, "key: value"),
        ("---\nJust words\n---\n", 2, "key: value"),
        ("---\ntitle: !!python/object:os.system x\n---\n", 2, "tag"),
        ("---\na: &a [*a, *a]\n---\n", 2, "refers to itself"),
        ("---\na: " + "[" * 5000 + "\n---\n", 2, "not valid YAML"),
        ("---\na: \x07\n---\n", 2, "control characters"),
        ("---\n[a]: b\n---\n", 2, "not text"),
    ],
)
def test_invalid_front_matter_is_an_error_with_its_line(text: str, line: int, words: str) -> None:
    with pytest.raises(ContentError) as caught:
        parse_document(text, "a.md")
    problem = caught.value.problems[0]
    assert problem.path == "a.md"
    assert problem.line == line or "[[[" in text
    assert words in problem.message
    assert problem.advice


def test_a_yaml_bomb_is_refused_quickly() -> None:
    bomb = "a: &a [x, x, x, x, x, x, x, x, x]\n"
    for one, two in zip("abcdefgh", "bcdefghi", strict=True):
        bomb += f"{two}: &{two} [{', '.join([f'*{one}'] * 9)}]\n"
    with pytest.raises(ContentError):
        parse_document(f"---\n{bomb}---\n", "a.md")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("---\ntitle: T\n---\n\nOld\n", "---\ntitle: T\n---\n\nNew\n"),
        ("---\ntitle: T\n---\nOld", "---\ntitle: T\n---\nNew\n"),
        ("---\r\ntitle: T\r\n---\r\n\r\nOld\r\n", "---\r\ntitle: T\r\n---\r\n\r\nNew\r\n"),
        ("# T {#t}\n\nOld\n", "# T {#t}\n\nNew\n"),
        ("Intro\n\n# T\nOld\n", "# T\n\nNew\n"),
        ("", "New\n"),
    ],
)
def test_a_body_is_replaced_below_front_matter_and_heading(text: str, expected: str) -> None:
    assert replace_body(text, "\nNew\n\n") == expected
    assert parse_document(expected, "a.md").body == "New\n"


def test_the_same_body_changes_no_byte() -> None:
    text = "---\r\ntitle: T\r\n---\r\n\r\n\r\nA\r\n\r\nB"
    assert replace_body(text, "A\n\nB\n") == text


def test_a_description_in_the_body_of_an_index_file_is_edited_there() -> None:
    text = "---\nname: N\n---\n\nOld\n"
    assert edit_fields(text, {"description": "New"}, path="a/_index.md") == "---\nname: N\n---\n\nNew\n"
    assert edit_fields(text, {"description": None}, path="a/_index.md") == "---\nname: N\n---\n"
    keyed = "---\ndescription: Old\nname: N\n---\n"
    assert edit_fields(keyed, {"description": "New"}, path="a/_index.md") == "---\ndescription: New\nname: N\n---\n"


@pytest.mark.corpus
def test_every_file_of_a_real_help_centre_takes_an_edit_on_one_line(corpus: Path) -> None:
    files = sorted((corpus / "arduino-help-center" / "content").rglob("*.md"))
    assert len(files) == 414
    for file in files:
        text = file.read_bytes().decode()
        for change in ({"title": "Another: title"}, {"id": 7}):
            before, after = text.split("\n"), edit_fields(text, change).split("\n")
            assert len(before) == len(after), file
            assert sum(old != new for old, new in zip(before, after, strict=True)) == 1, file
        added = edit_fields(text, {"tags": ("a",)}).split("\n")
        assert [line for line in added if line != "tags: [a]"] == text.split("\n")


@pytest.mark.parametrize(
    "line", ["# " + " " * 200_000 + "x", "# " + "*a " * 50_000, "# " + "[" * 100_000, "#" * 100_000]
)
def test_a_very_long_line_is_read_quickly(line: str) -> None:
    begun = time.monotonic()
    parse_document(f"{line}\n" + "\n" * 100_000, "a.md")
    assert time.monotonic() - begun < 2


@pytest.mark.parametrize("case", cases("titles.txt", parts=2), ids=lambda case: case.title)
def test_a_heading_of_any_form_is_the_title_and_is_not_in_the_body(case: Case) -> None:
    text, expected = case.parts
    title, _, first_line = expected.rstrip("\n").partition("|")
    document = parse_document(text, "a.md")
    assert document.heading is not None
    assert document.heading.title == title
    assert document.body.split("\n")[0] == first_line
    for number, line in enumerate(document.body.split("\n")):
        assert not line or text.split("\n")[document.body_line - 1 + number] == line, "lines keep their numbers"
    edited = edit_fields(text, {"title": "Another"})
    assert parse_document(edited, "a.md").heading == replace(
        document.heading, title="Another", end=edited.index("Another") + 7
    )
    assert edit_fields(edited, {"title": title}).count("\n") <= text.count("\n")
