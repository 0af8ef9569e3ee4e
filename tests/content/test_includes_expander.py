"""Includes and variables in the body of one article."""

import re
import string
import time
from collections.abc import Mapping

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from kbsync.content.includes import MAX_CHARACTERS, MAX_DEPTH, Expander, Expansion, IncludedFile, Location, escape_marks
from kbsync.markup.compare import canonical
from kbsync.markup.placeholders import escape_value
from kbsync.markup.to_html import to_html
from tests.content.cases import Case, cases

VALUES = {"name": "Acme & Sons", "one": "1"}
FILES = {
    "_s/line.md": "*a line*\nof words",
    "_s/blocks.md": "## Blocks\n\n- one\n- two",
    "_s/outer.md": 'Outer {{ name }}\n{% include "_s/line.md" %} end',
    "_s/empty.md": "",
}


def expander(files: Mapping[str, str] = FILES, values: Mapping[str, str] = VALUES) -> Expander:
    def fetch(path: str, _: str) -> IncludedFile | tuple[str, str]:
        return (
            IncludedFile(path=path, text=files[path])
            if path in files
            else (f"included file not found: `{path}`", "look")
        )

    return Expander(values, fetch)


def expanded(body: str, files: Mapping[str, str] = FILES, values: Mapping[str, str] = VALUES) -> Expansion:
    made = expander(files, values).expand(body, path="a/b/c.md", line=10)
    assert made is not None
    return made


def read(body: str, files: Mapping[str, str] = FILES, values: Mapping[str, str] = VALUES) -> str:
    """Return the body with all marks replaced."""
    made = expander(files, values).expand(body, path="a/b/c.md")
    return made.body if made else body


def seen(markdown: str) -> str:
    return canonical(to_html(markdown))


@pytest.mark.parametrize("case", cases("expansions.txt", parts=2), ids=lambda case: case.title)
def test_each_documented_case_expands(case: Case) -> None:
    body, wanted = case.parts
    trailing = re.compile(r"[ \t]+$", re.MULTILINE)
    assert trailing.sub("", read(body)) == trailing.sub("", wanted)


def test_a_body_without_marks_has_no_expansion() -> None:
    for body in ("", "Text\n", "{{ other }} {% if %}\n", "`{{ name }}`\n"):
        assert expander().expand(body, path="a/b/c.md") is None


UGLY = [
    "*bold* _soft_ `code` [link](x) ![picture](y)",
    "<b>&amp;</b> &copy; <!-- x -->",
    "# no heading",
    "1. no list",
    "- no list",
    "+ no list",
    "> no quote",
    "---",
    "===",
    "| a | b |",
    "~~~",
    "{{ one }}",
    "{#id}",
    '{% include "_s/line.md" %}',
    "a\\",
    "\"quoted\" and 'quoted'",
    "snake_case and __init__ and _x_",
    "wow!",
    "[x]: y",
    "C#",
    "שלום, עולם",
    "\u200fمرحبا\u200f",
    "👩‍👩‍👧 emoji",
    "x" * 10_000,
    "https://example.com/a_b?c=d&e=f(g)",
]


@pytest.mark.parametrize("value", UGLY, ids=lambda value: value[:20])
@pytest.mark.parametrize(
    ("body", "html"),
    [
        ("{{ v }}", "<p>{}</p>"),
        ("{{ v }}\nnext", "<p>{} next</p>"),
        ("a{{ v }}[b](https://x/)", '<p>a{}<a href="https://x/">b</a></p>'),
        ("[b]{{ v }}(x)", "<p>[b]{}(x)</p>"),
        ("## {{ v }} ##", "<h2>{}</h2>"),
        ("- {{ v }}", "<ul><li>{}</li></ul>"),
        (
            "| h |\n|---|\n| {{ v }} |",
            "<table><thead><tr><th>h</th></tr></thead><tbody><tr><td>{}</td></tr></tbody></table>",
        ),
        ("<div>{{ v }}</div>", "<div>{}</div>"),
        ("**{{ v }}**", "<p><strong>{}</strong></p>"),
    ],
)
def test_a_value_is_shown_as_it_is_anywhere(value: str, body: str, html: str) -> None:
    escaped = value.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    assert seen(read(body, values={"v": value})) == canonical(html.replace("{}", escaped))


VALUE = st.one_of(
    st.text(st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp"])),
    st.text("ab1 .,;:_-+=*&#!?<>[](){}|~`\\\"'/$%^@", max_size=12),
)


@given(VALUE)
def test_no_value_breaks_a_paragraph_or_a_tag(value: str) -> None:
    text = "".join(char for char in value if char == " " or not char.isspace()).strip()
    plain = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace('"', "&quot;")
    assert seen(f"a{escape_value(text)}b") == canonical(f"<p>a{plain}b</p>")
    alone = seen(f"{escape_value(text)}\n\n{escape_value(text)}\n===\n") if text else None
    assert alone in (None, canonical(f"<p>{plain}</p><h1>{plain}</h1>"))
    assert seen(f"<i title='{escape_value(text)}'>x</i>") == canonical(f'<p><i title="{plain}">x</i></p>')


def test_a_value_in_an_address_is_not_escaped() -> None:
    address = "https://example.com/a_b/*c*?d=(e)&f=~g"
    wanted = f'<p><a href="{address.replace("&", "&amp;")}">x</a></p>'
    for body in ("[x]({{ v }})", "[x](<{{ v }}>)", '<a href="{{ v }}">x</a>', "[x]\n\n[x]: {{ v }}"):
        assert seen(read(body, values={"v": address})) == canonical(wanted)


def test_every_line_has_the_location_where_it_was_written() -> None:
    made = expanded('One\n{% include "_s/outer.md" %}\n\n{% include "_s/line.md" %}{{ name }}\nLast')
    assert made.body == "One\nOuter Acme & Sons\n*a line* of words end\n\n*a line* of wordsAcme & Sons\nLast"
    assert [(spot.path, spot.line) for spot in made.locations] == [
        ("a/b/c.md", 10),
        ("_s/outer.md", 1),
        ("_s/outer.md", 2),
        ("a/b/c.md", 12),
        ("a/b/c.md", 13),
        ("a/b/c.md", 14),
    ]
    assert made.rows == (0, 1, 1, 2, 3, 4)
    assert [(use.row, use.written, use.path) for use in made.replacements] == [
        (1, '{% include "_s/outer.md" %}', "_s/outer.md"),
        (3, '{% include "_s/line.md" %}', "_s/line.md"),
        (3, "{{ name }}", ""),
    ]


def test_links_of_an_included_file_are_relative_to_that_file() -> None:
    text = (
        "[a](../a/b/d.md) ![p](<../img/a b.png>) [self](../a/b/c.md#x) <a href='../z.md'>z</a> [w](https://x/)\n"
        "[h](#h) [r]\n\n[r]: ../a/r.md\n\n`[a](../a/b/d.md)`\n\n[v]({{ base }}/x)"
    )
    made = expanded("{% include '_s/f.md' %}", {"_s/f.md": text}, {"base": "https://y"})
    assert made.body == (
        "[a](d.md) ![p](../../img/a%20b.png) [self](c.md#x) <a href='../../z.md'>z</a> [w](https://x/)\n"
        "[h](#h) [r]\n\n[r]: ../r.md\n\n`[a](../a/b/d.md)`\n\n[v](https://y/x)"
    )
    assert made.links[1, "d.md"] == (Location(path="_s/f.md", line=1), "../a/b/d.md")
    assert made.problems == ()


def test_links_keep_their_targets_through_two_includes() -> None:
    files = {"_s/f.md": 'See {% include "_s/deep/g.md" %}', "_s/deep/g.md": "[g](../../a/b/d.md)"}
    made = expanded("{% include '_s/f.md' %}", files)
    assert made.body == "See [g](d.md)"
    assert made.links == {(1, "d.md"): (Location(path="_s/deep/g.md", line=1), "../../a/b/d.md")}


def messages(made: Expansion) -> list[str]:
    return [f"{problem.path}:{problem.line}: {problem.message}" for problem in made.problems]


def test_a_mark_that_cannot_be_included_is_reported_at_its_place_and_stays() -> None:
    body = 'One\n\n{% include "gone.md" %}\n\nIn {% include "gone.md" %} {{ one }}'
    made = expanded(body)
    assert messages(made) == [
        "a/b/c.md:12: included file not found: `gone.md`",
        "a/b/c.md:14: included file not found: `gone.md`",
    ]
    assert made.body == body.replace("{{ one }}", "1")


@pytest.mark.parametrize(
    ("files", "where"),
    [
        ({"x": "{% include 'x' %}"}, "x:1: circular include: x → x"),
        ({"x": "\n{% include 'y' %}", "y": "{% include 'x' %}"}, "y:1: circular include: x → y → x"),
        ({"x": "{% include 'a/b/c.md' %}"}, "x:1: circular include: a/b/c.md → x → a/b/c.md"),
        ({"x": "in {% include 'x' %} line"}, "x:1: circular include: x → x"),
    ],
)
def test_a_cycle_of_includes_is_a_problem_with_the_chain(files: dict[str, str], where: str) -> None:
    assert messages(expanded("{% include 'x' %}", files)) == [where]


def test_includes_have_a_maximum_depth() -> None:
    files = {f"f{number}": f"{{% include 'f{number + 1}' %}}" for number in range(5000)} | {f"f{MAX_DEPTH - 1}": "end"}
    assert expanded("{% include 'f0' %}", files).body == "end"
    files[f"f{MAX_DEPTH - 1}"] = f"{{% include 'f{MAX_DEPTH}' %}}"
    (problem,) = expanded("{% include 'f0' %}", files).problems
    assert (problem.path, problem.line) == (f"f{MAX_DEPTH - 1}", 1)
    assert "deep" in problem.message


def test_blocks_cannot_be_included_within_a_line() -> None:
    made = expanded('See {% include "_s/blocks.md" %}.')
    assert messages(made) == [
        "a/b/c.md:10: `_s/blocks.md` has more than one paragraph and cannot be included within a line"
    ]


def test_links_out_of_the_tree_are_reported_at_their_place() -> None:
    made = expanded("{% include '_s/f.md' %}", {"_s/f.md": "[out](../../x.md)"})
    assert messages(made) == ["_s/f.md:1: `../../x.md` is outside the content tree"]


def _quick(
    body: str, files: Mapping[str, str], values: Mapping[str, str] = VALUES, *, seconds: float = 20
) -> Expansion:
    before = time.monotonic()
    made = expanded(body, files, values)
    assert time.monotonic() - before < seconds
    return made


def test_ten_thousand_includes_and_variables_are_fast() -> None:
    made = _quick("{% include '_s/x' %}\n\n" * 10_000, {"_s/x": "[a](../y.md) text {{ one }}\n\nmore"})
    assert made.problems == ()
    assert made.body.count("[a](../../y.md) text 1") == 10_000
    made = _quick("{{ one }} {% include 'x' %}\n" * 10_000, {"x": "y"})
    assert made.body == "1 y\n" * 10_000


def test_multiplying_includes_stop_at_a_limit() -> None:
    files = {f"f{number}": f"{{% include 'f{number + 1}' %}}\n\n" * 20 for number in range(8)} | {"f8": "text " * 20}
    made = _quick("{% include 'f0' %}", files)
    assert any("more than 1,000,000 characters" in problem.message for problem in made.problems)
    assert len(made.body) < 3 * MAX_CHARACTERS


def test_huge_values_stop_at_a_limit() -> None:
    made = _quick("{{ v }}\n" * 5, {}, {"v": "x" * (MAX_CHARACTERS // 2)})
    assert len(made.body) < 2 * MAX_CHARACTERS
    assert len(made.problems) == 1


@pytest.mark.parametrize(
    "body",
    ["{{" * 100_000, "\\" * 200_000 + "{{ one }}", "{% include '" * 50_000, "{{ one " * 50_000, "`{{ one }}" * 20_000],
)
def test_odd_texts_are_fast(body: str) -> None:
    before = time.monotonic()
    read(body)
    assert time.monotonic() - before < 20


WORDS = st.sampled_from(
    [
        "{{",
        "}}",
        "{{ other }}",
        "{{a}}",
        "{%",
        "%}",
        "include",
        "`",
        "```\n",
        "\n",
        "\n\n",
        "    ",
        "\\",
        "<code>",
        "x",
        " ",
        "é",
    ]
)
TEXTS = st.one_of(st.lists(WORDS, max_size=30).map("".join), st.text(max_size=50))


@given(TEXTS)
def test_a_text_without_declared_names_is_never_changed(text: str) -> None:
    assert expander().expand(text, path="a/b/c.md") is None


NAMES = st.sampled_from(["{{ one }}", "\\{{ one }}", "{{name}}", '{% include "_s/line.md" %}', "\\{% include 'x' %}"])
MARKED = st.lists(st.one_of(WORDS, NAMES), max_size=30).map("".join)


@given(MARKED)
@example("`\\{{ one }}")
@example("\\\\\\{{ one }}")
def test_the_result_of_an_expansion_is_not_expanded_again(text: str) -> None:
    once = read(text)
    assert read(once) == once


@given(MARKED)
def test_every_line_comes_from_a_line_and_none_is_lost(text: str) -> None:
    made = expander().expand(text, path="a/b/c.md")
    if made is None:
        return
    lines = made.body.split("\n")
    assert len(lines) == len(made.rows) == len(made.locations)
    assert list(made.rows) == sorted(made.rows)
    assert set(made.rows) == set(range(text.count("\n") + 1))


@given(MARKED)
def test_escaped_marks_stay_text(text: str) -> None:
    try:
        written = escape_marks(text, VALUES)
    except ValueError:
        return
    assert seen(read(written)) == seen(text)
    assert escape_marks(written, VALUES) == written


@pytest.mark.parametrize(
    "text",
    [
        "{{ name }}",
        "a {{ name }} \\{{ name }} \\\\{{ name }}",
        '{% include "x" %}',
        "<div>{{ name }}</div>",
        '<a title="{{ name }}" href="https://x/{{ name }}">{{ name }}</a>',
        "<div>\\{{ name }}</div>",
        "[a](<https://x/{{ name }}>)",
        "| {{ name }} |\n|---|\n| `{{ name }}` |",
        "## {{ name }}",
        "`{{ name }}` {{ticket.id}}",
    ],
)
def test_the_text_of_agents_can_be_escaped(text: str) -> None:
    assert seen(read(escape_marks(text, VALUES))) == seen(text)


def test_names_of_variables_can_be_of_any_script() -> None:
    assert read("{{ цена }} {{ 価格 }} {{ a-b_2 }}", values={"цена": "1", "価格": "2", "a-b_2": "3"}) == "1 2 3"


def test_names_have_the_documented_characters() -> None:
    for char in string.punctuation:
        if char not in "_-":
            assert expander(values={f"a{char}b": "x"}).expand(f"{{{{ a{char}b }}}}", path="x") is None
