"""Links: relative addresses, references and anchors with their lines, hazards, ranges of code, rewritten addresses."""

import html
import re
import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from kbsync.markup.compare import canonical
from kbsync.markup.links import (
    Hazard,
    Reference,
    anchors_of,
    code_ranges,
    from_root,
    hazards,
    is_one_paragraph,
    references,
    rewrite_addresses,
    to_root,
)
from kbsync.markup.to_html import to_html
from kbsync.markup.to_markdown import to_markdown
from tests.markup.counted import calls_of

HERE = "kb/start/reset.md"


@pytest.mark.parametrize(
    ("address", "target"),
    [
        ("other.md", "kb/start/other.md"),
        ("./other.md#part", "kb/start/other.md#part"),
        ("../faq/x.md", "kb/faq/x.md"),
        ("../../top.md", "top.md"),
        ("../", "kb"),
        ("a%20b.md?raw=1#c%20d", "kb/start/a b.md#c d"),
        ("a b.md", "kb/start/a b.md"),
        ("caf\u0065\u0301.md", "kb/start/caf\u00e9.md"),
        ("caf%C3%A9.md", "kb/start/café.md"),
        ("a\\..\\b.md", "kb/start/a\\..\\b.md"),
        ("日本/語.md", "kb/start/日本/語.md"),
        ("img//x.png", "kb/start/img/x.png"),
        ("..hidden/x.md", "kb/start/..hidden/x.md"),
    ],
)
def test_a_relative_address_is_resolved_to_the_root(address: str, target: str) -> None:
    assert to_root(HERE, address) == target


@pytest.mark.parametrize(
    "address",
    [
        "",
        "  ",
        "#part",
        "/abs/x.md",
        "//host/x",
        "https://x.example/a",
        "mailto:a@b.example",
        "tel:1",
        "data:x,y",
        "?q",
    ],
)
def test_other_addresses_are_not_relative(address: str) -> None:
    assert to_root(HERE, address) is None


@pytest.mark.parametrize("address", ["../../../x.md", "../../..", "%2e%2e/%2e%2e/../x.md", "a/../../../../x"])
def test_an_address_that_leaves_the_root_is_refused(address: str) -> None:
    with pytest.raises(ValueError, match="is outside"):
        to_root(HERE, address)


@pytest.mark.parametrize(
    ("target", "address"),
    [
        ("kb/start/other.md", "other.md"),
        ("kb/start/reset.md#a b", "#a%20b"),
        ("kb/start/reset.md", "reset.md"),
        ("kb/faq/x.md#y", "../faq/x.md#y"),
        ("top (1).md", "../../top%20%281%29.md"),
        ("kb/start/a:b.md", "./a:b.md"),
        ("kb/start/50%.md", "50%25.md"),
        ("kb/start", "."),
    ],
)
def test_a_target_is_written_relative_to_the_file(target: str, address: str) -> None:
    assert from_root(HERE, target) == address


names = st.text(st.characters(exclude_characters="/\0", exclude_categories=["Cs"]), min_size=1, max_size=8).filter(
    lambda name: name not in (".", "..") and name.strip() == name
)


@given(st.lists(names, min_size=1, max_size=4), st.lists(names, min_size=1, max_size=4), st.text(max_size=5))
def test_to_root_inverts_from_root(here: list[str], there: list[str], anchor: str) -> None:
    path = unicodedata.normalize("NFC", "/".join(here))
    target = unicodedata.normalize("NFC", "/".join(there)).split("#")[0].strip("/")
    anchor = unicodedata.normalize("NFC", anchor.encode("utf-8", "ignore").decode())
    if not target or target == path or any(part in ("", ".", "..") for part in target.split("/")):
        return
    whole = target + (f"#{anchor}" if anchor else "")
    assert to_root(path, from_root(path, whole)) == whole


TEXT = """# Title

[a](b.md) and ![c](<d e.png> "t")
then [f][ref] <https://g.example> <a href='h&amp;i.md'>x</a>

<div>
<img
 src="j.png">
</div>

`[not](a.link)`

[ref]: k.md#l
"""


def test_every_address_is_found_with_its_line() -> None:
    assert references(TEXT) == (
        Reference(target="b.md", line=3, embedded=False),
        Reference(target="d e.png", line=3, embedded=True),
        Reference(target="h&i.md", line=4, embedded=False),
        Reference(target="k.md#l", line=4, embedded=False),
        Reference(target="https://g.example", line=4, embedded=False),
        Reference(target="j.png", line=8, embedded=True),
    )


def test_a_text_without_addresses_is_not_parsed() -> None:
    text = "word " * 200_000
    assert references(text) == ()
    assert calls_of(lambda: references(text)) < 20


def test_anchors_are_slugs_explicit_ids_and_raw_names() -> None:
    text = "# A B\n\n# A B\n\n## C {#own}\n\nD\n---\n\n<a name=e></a> <p id='f'>\n"
    assert anchors_of(text) == {"a-b", "a-b-1", "own", "d", "e", "f"}


def test_anchors_keep_the_letters_of_every_script() -> None:
    assert anchors_of("# Привет, мир!\n\n# 日本語 テスト\n\n# हिन्दी में\n\n# !!!\n") == {
        "привет-мир",
        "日本語-テスト",
        "हिन्दी-में",
        "section",
    }


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("a\n\n<script>x</script>", "<script>"),
        ("a\n\n<p onclick='x'>b</p>", "onclick attribute"),
        ("a\n\n[b](java&#115;cript:x)", "address javascript:x"),
        ("a\n\n<a href=' JavaScript:x'>b</a>", "address JavaScript:x"),
        ("a\n\n<style>b{}</style>", "<style>"),
    ],
)
def test_what_a_browser_would_run_is_found_with_its_line(text: str, what: str) -> None:
    assert hazards(text) == (Hazard(what=what, line=3),)


@pytest.mark.parametrize(
    "written",
    [
        '<form action="javascript:x()"></form>',
        '<button formaction="JavaScript:x()">b</button>',
        '<svg><a xlink:href="javascript:x()">t</a></svg>',
        '<iframe srcdoc="&lt;p>x"></iframe>',
        '<object data="javascript:x()"></object>',
        '<meta http-equiv="refresh" content="0">',
        '<base href="https://example.com/">',
        '<link rel="stylesheet" href="x.css">',
        "<style>p {}</style>",
        "<script>x()</script>",
        '<p onclick="x()">x</p>',
        '<td background="javascript:x()">x</td>',
        '<video poster=" java&#10;script:x"></video>',
        '<img src="data:text/html,x">',
        '<details ontoggle="x()"><summary>x</summary></details>',
    ],
)
def test_what_a_pull_leaves_out_is_a_hazard(written: str) -> None:
    shown = f"<table><tr>{written}</tr></table>" if written.startswith("<td") else f"<div>{written}</div>"
    dropped = to_markdown(shown).dropped
    assert len(dropped) == 1
    assert tuple(hazard.what for hazard in hazards(shown)) == dropped
    assert not hazards(to_markdown(shown).text)


@pytest.mark.parametrize(
    ("written", "sent"),
    [
        ('<img srcset="a.png 1x, b.png 2x">', '<img srcset="/r/a.png 1x, /r/b.png 2x">'),
        ('<img srcset="a.png">', '<img srcset="/r/a.png">'),
        ('<img srcset="a.png,">', '<img srcset="/r/a.png,">'),
        ('<img srcset=" a.png  100w,b.png">', '<img srcset=" /r/a.png  100w,/r/b.png">'),
        ('<img srcset="data:image/png;base64,AA== 1x, b.png 2x">',) * 2,
        ("<source srcset=a.png>", '<source srcset="/r/a.png">'),
        ('<object data="a.svg"></object>', '<object data="/r/a.svg"></object>'),
        ('<table background="a.png"></table>', '<table background="/r/a.png"></table>'),
        ("<p style=\"background: url('a.png') x\">", "<p style=\"background: url('/r/a.png') x\">"),
        ('<p style="background:url(a.png),URL(b.png)">', '<p style="background:url(/r/a.png),URL(/r/b.png)">'),
        ('<p style="color: red" title="url(a.png)">',) * 2,
    ],
)
def test_every_address_of_a_tag_is_replaced(written: str, sent: str) -> None:
    if "data:" in written:
        sent = written.replace("b.png", "/r/b.png")
    made = to_html(written, resolve=lambda address: f"/r/{address}" if ":" not in address else address)
    assert sent in html.unescape(made)


def test_words_about_scripts_are_no_hazard() -> None:
    assert hazards("`<script>` and \\<script> and on = x, javascript: is a language, [a](/javascript:b)") == ()


WORD = "QX"
PARTS = st.sampled_from(
    [
        WORD,
        WORD,
        "`",
        "``",
        "\\",
        "\n",
        "\n\n",
        "\n> ",
        "\n- ",
        "    ",
        "```\n",
        "<i>",
        "<i title='`'>",
        "*",
        "[a](b)",
        "|",
    ]
)


@given(st.lists(PARTS, max_size=25).map("".join))
@example(f"\\`{WORD}`{WORD}`")
@example(f"<i title='`'>{WORD}`{WORD}`")
@example(f"> `a\n> {WORD}` {WORD}")
@example(f"| `{WORD} | {WORD}` |\n|---|---|\n")
def test_what_renders_as_code_is_found_as_code(text: str) -> None:
    """Number the words, and find those that are rendered in code."""
    count = iter(range(1000))
    numbered = re.sub(WORD, lambda _: f"{WORD}{next(count):03}", text)
    shown = re.sub(r"<i title='[^']*'>", "", to_html(numbered))
    in_code = {word for code in re.findall(r"<code.*?</code>", shown, re.DOTALL) for word in _words(code)}
    ranges = code_ranges(numbered)
    found = {word for start, end in ranges for word in _words(numbered[start:end])}
    # A code span of a table ends with its cell, which only the parser knows.
    assert in_code <= found
    if "|" not in text:
        assert found & set(_words(shown)) == in_code


def _words(text: str) -> list[str]:
    return re.findall(WORD + r"\d{3}", html.unescape(text))


def test_code_in_raw_html_is_found() -> None:
    text = (
        "<pre>a</pre>\n\n"
        "b <code class='x'>c</code> d <!-- `e --> f` <pre class='fd-callout'>g</pre>\n<script>h</script>\n"
    )
    assert [text[start:end] for start, end in code_ranges(text)] == [
        "<pre>a</pre>",
        "<code class='x'>c</code>",
        "<script>h</script>",
    ]


@pytest.mark.parametrize(
    ("text", "one"),
    [("", True), ("a *b*\nc", True), ("a\n\nb", False), ("# a", False), ("- a", False), ("<p>a</p>", False)],
)
def test_a_single_paragraph_is_recognized(text: str, one: bool) -> None:
    assert is_one_paragraph(text) is one


def _elsewhere(address: str) -> str:
    return address if address.startswith(("#", "http")) or not address else f"../{address}"


ADDRESSES = st.sampled_from(["a.md", "<b c.md>", "d(e).md", "f\\_g.md", "h%20i.png", "#j", "https://k/l", "m&amp;n.md"])
LINKS = st.one_of(
    ADDRESSES.map("[x]({})".format),
    ADDRESSES.map("![x]({} 'title')".format),
    ADDRESSES.map("[![x](y.png)]({})".format),
    ADDRESSES.map("`[x]({})`".format),
    ADDRESSES.map("\n\n[x]: {}\n\n[x]".format),
    ADDRESSES.map("\n\n```\n[x]({})\n```\n\n".format),
    st.just("<a href='z.md'>z</a> <https://auto/>"),
    st.sampled_from(["word", "**", "\n", "\n\n> "]),
)


@given(st.lists(LINKS, max_size=8).map(" ".join))
def test_addresses_are_rewritten_and_nothing_else_is(text: str) -> None:
    try:
        written = rewrite_addresses(text, _elsewhere)
    except ValueError:
        return
    assert canonical(to_html(written)) == canonical(to_html(text, resolve=_elsewhere))
    assert [one.line for one in references(written)] == [one.line for one in references(text)]
    assert rewrite_addresses(text, lambda address: address) == text


@pytest.mark.parametrize(
    "text",
    [
        "[x](a.md)",
        "[x]( <a b.md> 'title' )",
        "![x](a.png){width=10}",
        "[x]\n\n[x]: a.md 'title'",
        "> [x][y]\n>\n> [y]:\n>   a.md",
        "<img src='a.png'> <a\nhref=a.md>x</a>",
        "[a [b](c.md)](d.md) `[x](a.md)`",
        "[x](a.md)\n\n    [x](a.md)\n",
    ],
)
def test_addresses_of_every_form_can_be_rewritten(text: str) -> None:
    written = rewrite_addresses(text, _elsewhere)
    assert to_html(written) == to_html(text, resolve=_elsewhere)
    assert written != text


def test_what_only_looks_like_an_address_stays() -> None:
    assert rewrite_addresses("foo](a.md) and [x](b.md)", _elsewhere) == "foo](a.md) and [x](../b.md)"
    assert rewrite_addresses("\\[x](b.md) ![x](b.md)", _elsewhere) == "\\[x](b.md) ![x](../b.md)"
