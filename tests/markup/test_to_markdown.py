import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kbsync.markup.compare import canonical, losses
from kbsync.markup.to_html import to_html
from kbsync.markup.to_markdown import to_markdown
from tests.markup.cases import cases
from tests.markup.counted import calls_of


def assert_kept(html: str) -> str:
    pulled = to_markdown(html)
    rendered = to_html(pulled.text)
    assert canonical(rendered) == canonical(html)
    assert to_markdown(rendered).text == pulled.text
    return pulled.text


ODD = {
    "unclosed boxes": "<div>" * 10_000 + "x",
    "unclosed marks": "<b><i>" * 5_000 + "x<p>y",
    "10,000 lists": "<ul><li>" * 10_000 + "x",
    "quotes in quotes": "<blockquote>" * 300 + "x",
    "table in a paragraph": "<p>a<table><tr><td>b</table>c",
    "items without a list": "a<li>b<li>c",
    "a list in a list": "<ul><ul><li>a</ul><li>b</ul>",
    "nested tables": "<table><tr><td>" * 20 + "x",
    "breaks in headings": "<h2>a<br>b<br><br>c</h2>",
    "pipes in cells": "<table><tr><th>a|b<th><code>x|y`z</code><tr><td>\\|<td>|</table>",
    "code that holds fences": "<pre>```\ncode\n~~~~\n````</pre>",
    "awkward addresses": '<a href="a(b">x</a> <a href="a (b)">y</a> <a href="ü[]">z</a> <a href="&lt;&gt;">q</a>',
    "a picture in a link in a heading": '<h3><a href="x"><img src="y"></a></h3>',
    "right to left beside marks": "<p>日本<b>「語」</b>です <b>שלום</b>, <i>(مرحبا)</i>x</p>",
    "zero width": "<p>a\u200bb\ufeff<b>\u200b</b></p>",
    "entities": "<p>&amp;amp;lt; &amp;copy &amp;copy; &copy &notit;</p>",
    "a link with a link in words": "<p><a href=x>[a](b)</a> <a href=x>a]b</a> <a href=x>a<br>b</a></p>",
    "NUL and controls": "<p>a\0b \x0b\x1f\x85\u2028c</p>",
    "a template": "<p>a<template name><p>in</p></template>b</p>",
    "comments and CDATA": "<![CDATA[x]]><p>a<!-- c --></p><?php x ?>",
    "typed text": "<xmp><b>x</xmp><textarea>\n\na\n\nb</textarea><plaintext>c<b>",
    "line ends in attributes": '<pre>a\r\nb</pre><p title="a\n\nb">x</p><img src=x alt="a\n\nb">',
    "front matter": "<p>---</p><p>title: x</p><p>---</p>",
    "an SVG": '<svg viewBox="0 0 1 1"><path d="M0 0"/></svg>',
    "numbers": '<ol type=a><li>a<li value=5>b</ol><ol start="-2"><li>x</ol><ol reversed><li>x</ol>',
    "words taken for tags": "<p>use <hostname> and <token id=x>y</token></p><api><p>z</p></api>",
    "a broken style": '<p style="font-family: "Helvetica Neue";" a"b=c>x</p>',
    "nothing": "",
    "white space": " \n ",
    "a call-out with blocks": '<pre class="fd-callout fd-callout--tip"><h2>x</h2><pre>a\n b</pre>\nc\n\nd</pre>',
    "spreading marks": "<b><h2>x</h2><p>y</p></b><a href=x><p>a</p><p>b</p></a>",
    "many brackets": "<p>" + "[" * 2_000 + "</p>",
}


@pytest.mark.parametrize("name", ODD)
def test_malformed_html_is_converted_without_loss(name: str) -> None:
    assert_kept(ODD[name])


STARTS = (
    "# 1. 1) - > | + = ~~~ ``` --- === *** _ __ [x] [a]: {.a} {#b} : * \\ &lt;b> ! [!NOTE] ` |---| &amp;nbsp; ~ ~~a~~ "
    "_a_ __init__ a_b_c 2*3*4 [a](b) ![a](b) [a][b] &lt;http://x.y> 1986\\. $x$ ^a^ {{x}} {%y%} {a=b} &lt;!-- \\* \\\\ "
    "**a** a** **a"
).split()
BOXES = ("<p>{}</p>", "<ul><li>{}</li></ul>", "<h2>{}</h2>", "<p>a<br>{}</p>", "<blockquote>{}")


@pytest.mark.parametrize("box", BOXES)
@pytest.mark.parametrize("start", STARTS)
def test_text_that_looks_like_markdown_stays_text(start: str, box: str) -> None:
    for words in (start, f"{start} x", f"x {start}", f"{start}<b>x</b>{start}"):
        text = assert_kept(box.format(words))
        assert not text.startswith("<")


def test_work_grows_no_faster_than_the_text() -> None:
    def work(size: int) -> int:
        page = "<p>" + "*a [" * size + "</p>" + "<p>b</p>" * size
        return calls_of(lambda: to_markdown(page))

    work(10)
    assert work(2_000) < 12 * work(200)


def test_scripts_are_dropped_and_named() -> None:
    pulled = to_markdown(
        '<script>a</script><p onclick="x">b <a href="java\nscript:y">c</a><img src="d.png" onerror=z></p>'
        "<style>e</style>"
    )
    assert pulled.text == "b c![](d.png)\n"
    assert pulled.dropped == ("<script>", "onclick attribute", "address java script:y", "onerror attribute", "<style>")


def test_addresses_are_rewritten() -> None:
    html = (
        '<p><a href="/a/1">x</a> <img src="/i.png"></p><table><tr><td rowspan=2><a href="/a/2">y</a></td></tr></table>'
    )
    seen = []

    def rewrite(address: str) -> str:
        seen.append(address)
        return "../" + address.strip("/") + ".md"

    text = to_markdown(html, rewrite=rewrite).text
    assert sorted(seen) == ["/a/1", "/a/2", "/i.png"]
    assert all(one in text for one in ("(../a/1.md)", "(../i.png.md)", "(../a/2.md)"))


def test_a_heading_that_others_link_to_needs_no_explicit_id() -> None:
    html = '<h2 id="set-up">Set up</h2><h2>More</h2><h2 id="own">Else</h2>'
    text = to_markdown(html, anchors={"set-up", "own"}).text
    assert text == "## Set up\n\n## More\n\n## Else {#own}\n"
    assert canonical(to_html(text, anchors={"set-up", "own"})) == canonical(html)


def test_a_block_of_raw_html_leaves_its_neighbours_markdown() -> None:
    text = assert_kept(
        "<ul><li>a</li><li value=7>b</li></ul><p>c <b>d</b></p><blockquote><p>e</p><p x=y>f</p></blockquote>"
    )
    assert "c **d**" in text
    assert "> e" in text


words = st.sampled_from(
    [
        " ",
        "&amp;",
        "&lt;t&gt;",
        "&nbsp;",
        "a",
        "b c",
        "*",
        "_",
        "1.",
        "{{v}}",
        "#",
        "x",
        "é",
        "日本",
        "(",
        ")",
        ".",
        "[",
        "]",
        "|",
        "`",
        "~",
    ]
)


Pages = st.SearchStrategy[str]


def wrapped(inner: Pages) -> Pages:
    tags = st.sampled_from(["b", "i", "u", "s", "code", "span", 'a href="x"', 'span style="color:#f00"', "sub"])
    return st.builds(lambda tag, text: f"<{tag}>{text}</{tag.split()[0]}>", tags, inner)


def in_rows(inner: Pages) -> Pages:
    rows = st.lists(inner, max_size=4).map("".join)
    return st.one_of(wrapped(inner), rows, st.just("<br>"), st.just('<img src="i.png" width="5">'))


runs = st.recursive(words, in_rows, max_leaves=12)


def boxed(inner: Pages) -> Pages:
    tags = st.sampled_from(["div", "blockquote", 'div class="q"', 'pre class="fd-callout fd-callout--tip"', "section"])
    items = st.lists(inner, min_size=1, max_size=3).map(lambda parts: "".join(f"<li>{part}</li>" for part in parts))
    cells = st.lists(inner, min_size=1, max_size=4).map(
        lambda parts: "<table>" + "".join(f"<tr><td>{part}</td><td>x</td></tr>" for part in parts) + "</table>"
    )
    return st.one_of(
        st.builds(lambda tag, text: f"<{tag}>{text}</{tag.split()[0]}>", tags, inner),
        items.map(lambda text: f"<ul>{text}</ul>"),
        items.map(lambda text: f"<ol>{text}</ol>"),
        cells,
        st.lists(inner, max_size=3).map("".join),
    )


leaves = st.one_of(
    runs.map(lambda text: f"<p>{text}</p>"),
    runs.map(lambda text: f"<h2>{text}</h2>"),
    runs.map(lambda text: f'<p style="text-align:center">{text}</p>'),
    runs,
    st.just("<hr>"),
    st.just("<pre>a\n  b</pre>"),
)
pages = st.recursive(leaves, boxed, max_leaves=8)


@settings(max_examples=300)
@given(pages)
def test_any_page_is_converted_without_loss_and_stable(html: str) -> None:
    assert_kept(html)
    assert losses(html, to_html(to_markdown(html).text)) == ()


marks = st.text("ab *_`[]()<>#-+.1\n\\|~!&;{}=:\t\"'", max_size=80)


@settings(max_examples=300)
@given(marks)
def test_any_markdown_is_stable_after_one_publish_and_pull(markdown: str) -> None:
    html = to_html(markdown)
    pulled = to_markdown(html)
    again = to_html(pulled.text)
    if not pulled.dropped:
        assert canonical(again) == canonical(html)
    assert to_markdown(again).text == pulled.text


def test_the_order_of_attributes_on_the_portal_changes_no_text() -> None:
    sent = '<form method="get" action="/s"><p><input name="q" value="x"></p></form><p><img src="a" alt="A&#10;b"></p>'
    shown = '<form action="/s" method="get"><p><input value="x" name="q"></p></form><p><img alt="A&#10;b" src="a"></p>'
    assert to_markdown(sent) == to_markdown(shown)
    assert canonical(to_html(to_markdown(sent).text)) == canonical(sent)


def test_headings_without_the_ids_that_links_go_to_get_none() -> None:
    links = '<p>To <a href="#one">it</a> and <a href="#two-1">there</a>.</p>'
    html = f"{links}<h2>One</h2><p>Text</p><h3>Two</h3><h3>Two</h3>"
    text = to_markdown(html).text
    assert text.startswith("To [it](#one) and [there](#two-1).\n\n<h2>One</h2>\n\nText\n")
    assert canonical(to_html(text)) == canonical(html)
    assert to_markdown(to_html(text)).text == text


@pytest.mark.parametrize(("html", "expected"), cases("to_markdown.txt"))
def test_html_is_written_as_the_case_says_and_renders_back(html: str, expected: str) -> None:
    pulled = to_markdown(html)
    assert pulled.text.rstrip("\n") == expected.rstrip("\n")
    assert pulled.dropped == ()
    assert canonical(to_html(pulled.text)) == canonical(html)


@pytest.mark.parametrize(("markdown", "html"), cases("to_html.txt"))
def test_rendered_html_converts_back_to_markdown_that_renders_the_same(markdown: str, html: str) -> None:
    pulled = to_markdown(to_html(markdown))
    assert canonical(to_html(pulled.text)) == canonical(html)
    assert to_markdown(to_html(pulled.text)).text == pulled.text
