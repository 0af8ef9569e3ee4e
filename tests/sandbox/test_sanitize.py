"""The HTML of bodies: its plain text, how it is rewritten, and what of it is shown."""

from typing import Any, Literal

import html5lib
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kbsync.sandbox.sanitize import plain_text, rewrite, sanitize_for_readers, sanitize_style
from tests.sandbox.api_client import open_client

PIECES = (
    "<script>alert(1)</script>",
    "<SCRIPT SRC=//evil.example/x.js>",
    "<img src=x onerror=alert(1)>",
    "<a href='javascript:alert(1)'>",
    "<a href='jAva&#x0A;script:alert(1)'>",
    "<a href='data:text/html,<script>alert(1)</script>'>",
    "<svg onload=alert(1)><style><img src=x onerror=alert(1)></style></svg>",
    "<math><mtext></p><style><!--</style><img title='--&gt;&lt;img src=1 onerror=alert(1)&gt;'>",
    "<iframe srcdoc='<script>alert(1)</script>'>",
    "<iframe src='javascript:alert(1)'>",
    "<iframe src='https://evil.example/'></iframe>",
    "<iframe src='https://www.youtube.com@evil.example/'></iframe>",
    "<form action=//evil.example><input name=key><button formaction='javascript:alert(1)'>",
    "<base href=//evil.example/><meta http-equiv=refresh content='0;url=//evil.example'>",
    "<link rel=stylesheet href=//evil.example/x.css><object data=x><embed src=x>",
    "<p style='background:url(//evil.example/x);position:fixed;color:expression(alert(1))'>",
    "<p title='</p><script>alert(1)</script>'>",
    "<noscript><p title='</noscript><img src=x onerror=alert(1)>'>",
    "<textarea><script>alert(1)</script></textarea><xmp><script>alert(1)</script></xmp>",
    "<!--><script>alert(1)</script>-->",
    "<template><script>alert(1)</script></template>",
    "</article></main></body></html>",
    "plain text ",
    "<p>",
    "<table><tr><td>",
    "<pre class='fd-callout fd-callout--note'>",
    "\u0000",
    "<",
    "'\"",
)


def _elements(markup: str) -> list[Any]:
    return list(html5lib.parseFragment(markup, namespaceHTMLElements=False).iter())


def _holds_nothing_harmful(markup: str) -> bool:
    for element in _elements(markup):
        if not isinstance(element.tag, str):
            return False
        if element.tag in {
            "script",
            "style",
            "svg",
            "math",
            "form",
            "input",
            "object",
            "embed",
            "base",
            "meta",
            "link",
        }:
            return False
        for name, value in element.attrib.items():
            plain = "".join(value.split()).lower()
            if name.startswith("on") or name == "srcdoc" or plain.startswith(("javascript:", "data:text", "vbscript:")):
                return False
            if element.tag == "iframe" and name == "src" and not plain.startswith("https://www.youtube.com/"):
                return False
            if name == "style" and any(word in plain for word in ("url(", "expression", "position", "@import")):
                return False
    return True


@given(st.lists(st.sampled_from(PIECES) | st.text(max_size=12), max_size=8).map("".join))
def test_nothing_harmful_is_ever_shown(markup: str) -> None:
    shown = sanitize_for_readers(markup)
    assert _holds_nothing_harmful(shown), shown
    assert _holds_nothing_harmful(f"<div>{shown}</div>")


@given(st.text(alphabet="abc:;()url#%, !-\\/*'\"\n@rgb0123", max_size=60))
def test_a_style_can_only_lay_out_text(style: str) -> None:
    shown = sanitize_style(f"width:{style};{style}")
    assert "url(" not in shown
    assert "\\" not in shown
    assert "@" not in shown


def test_what_real_articles_need_is_kept() -> None:
    body = (
        '<h2 id="reset">Reset</h2><pre class="fd-callout fd-callout--note" dir="ltr">Note</pre>'
        '<p><img src="https://cdn.example.com/a.png" class="fr-fic fr-dib" style="width: 437px;" alt="A"></p>'
        '<ol start="3" style="list-style-type: lower-alpha;"><li>a<ul><li>b</li></ul></li></ol>'
        '<table><tbody><tr><td colspan="2" style="background-color: rgb(255, 255, 0);">x</td></tr></tbody></table>'
        '<p><a href="#reset">up</a> <a href="/support/solutions/articles/1">other</a> <u>u</u></p>'
        '<section class="accordion-wrapper"><h2 class="accordion-header">H</h2></section>'
        '<span class="fr-video"><iframe src="https://www.youtube.com/embed/x" allowfullscreen=""></iframe></span>'
        '<iframe src="//fast.wistia.net/embed/iframe/x"></iframe>'
    )
    shown = sanitize_for_readers(body)
    for part in (
        'id="reset"',
        'class="fd-callout fd-callout--note"',
        'style="width:437px"',
        'alt="A"',
        'start="3"',
        "lower-alpha",
        'colspan="2"',
        "rgb(255, 255, 0)",
        'href="#reset"',
        'href="/support/solutions/articles/1"',
        "<u>u</u>",
        "accordion-wrapper",
        'src="https://www.youtube.com/embed/x"',
        'src="//fast.wistia.net/embed/iframe/x"',
    ):
        assert part in shown, part


def test_colours_that_are_unreadable_on_a_dark_page_are_removed() -> None:
    assert sanitize_style("color: rgb(0, 0, 0); background-color: #fff; text-align: center") == "text-align:center"
    assert sanitize_style("color: #333") == sanitize_style("background: white") == ""
    assert sanitize_style("color: red") == "color:light-dark(rgb(255, 0, 0), rgb(255, 153, 153))"
    assert sanitize_style("color: #ffcc00") == "color:rgb(255, 204, 0)"


@pytest.mark.parametrize("hostile", [" " * 200_000, "width:" + "rgb(" * 50_000, "a:" * 100_000, ";" * 100_000])
def test_a_hostile_style_takes_no_time(hostile: str) -> None:
    assert len(sanitize_style(hostile)) < 5000


@pytest.mark.parametrize(
    ("markup", "text"),
    [
        ("<p>x</p>", " x "),
        ("<p>one</p><p>two</p>", " one  two "),
        ("a <b>bold </b>word", "a bold word"),
        ("one<br>two<br/>three", "one two three"),
        ("5&nbsp;&lt;&#8364;&amp;", "5\u00a0<€&"),
        ("<a title=\"a > b\" href='x>y'>link</a>", "link"),
        ('<p style="font-family: "Helvetica Neue";">x</p>', " x "),
        ("<!-- no --><script>var a = '<p>';</script><style>p{}</style>z", "z"),
        ("1 < 2 and <3", "1 < 2 and <3"),
        ("  untrimmed  ", "  untrimmed  "),
        ("<ul><li>a</li><li>b</li></ul>", "  a  b  "),
        ('<p class="unclosed>text', '<p class="unclosed>text'),
    ],
)
def test_plain_text_is_made_by_the_recorded_rule(markup: str, text: str) -> None:
    expected = " text" if "unclosed" in markup else text
    assert plain_text(markup) == expected


@given(st.text())
def test_plain_text_never_fails(markup: str) -> None:
    plain_text(markup)
    for mode in ("off", "editor", "strict"):
        rewrite(markup, mode)


def test_the_editor_marks_paragraphs_and_keeps_the_text() -> None:
    after = rewrite("<P>a &amp; b<BR/>c</P><img src='x' alt='\"'>&nbsp;<pre>x &lt; y</pre>", "editor")
    assert after == (
        '<p data-identifyelement="441" dir="ltr">a &amp; b<br>c</p><img alt="&quot;" src="x">&nbsp;'
        '<pre data-identifyelement="442" dir="ltr">x &lt; y</pre>'
    )
    assert rewrite(after, "editor") == after


def test_a_strict_portal_strips() -> None:
    body = '<h2 id="a" class="c">T</h2><script>x</script><iframe src="https://www.youtube.com/embed/x"></iframe><foo>w</foo>'
    assert rewrite(body, "strict") == '<h2 class="c">T</h2>w'


@pytest.mark.parametrize(
    ("mode", "stored"),
    [
        ("off", "<p id=x>a</p>"),
        ("editor", '<p data-identifyelement="441" dir="ltr" id="x">a</p>'),
        ("strict", "<p>a</p>"),
    ],
)
def test_a_body_is_rewritten_when_it_arrives(mode: Literal["off", "editor", "strict"], stored: str) -> None:
    with open_client(rewriting=mode) as client:
        made = client.article(description="<p id=x>a</p>")
        assert made["description"] == stored
        again = client.put(f"/articles/{made['id']}", {"description": "<p id=x>a</p>"}).json()
        assert again["updated_at"] == made["updated_at"]
