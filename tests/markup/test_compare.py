import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kbsync.markup.compare import canonical, losses, same

SAME = [
    ("<p class='a b' id=x>y</p>", '<P id="x" class="b a">y</P>'),
    ("<p>a &amp; b&eacute;</p>", "<p>a & bé</p>"),
    ("<p>a\n  b</p>\n\n<p>c</p>", "<p>a b</p><p>c</p>"),
    ("<p>a</p><p><br></p><p>&nbsp;</p><p>b</p>", "<p>a</p><p>b</p>"),
    ('<p dir="ltr" data-identifyelement="1"><span style="font-family: x">a</span></p>', "<p>a</p>"),
    ('<p style="color: rgb(0,0,0); line-height: 2; font-size: 11pt">a</p>', "<p>a</p>"),
    ("<b>a</b><b>b</b>", "<strong>ab</strong>"),
    ("<p><b>a </b>b</p>", "<p><strong>a</strong> b</p>"),
    ("<ul><li><p>a</p></li></ul>", "<ul><li>a</li></ul>"),
    ('<img src="a b.png" width="10">', '<img src="a%20b.png" alt="" style="width: 10px;" class="fr-fic">'),
    ('<a href="x%c3%bc" target="_blank" rel="noopener">a</a>', '<a href="xü">a</a>'),
    ('<iframe src="v" sandbox="allow-scripts"></iframe>', '<iframe src="v"></iframe>'),
    (
        '<div dir="ltr" style="padding: 56% 0 0"><div dir="ltr"><iframe src="v"></iframe></div></div>',
        '<div style="padding: 56% 0 0"><div><iframe src="v"></iframe></div></div>',
    ),
    ("<p>a<br/><br/>b</p>", "<p>a</p><p>b</p>"),
    (
        '<pre rel="highlighter" data-code-brush="Css">a<br>b</pre>',
        '<pre><code class="language-Css">a\nb\n</code></pre>',
    ),
]


@pytest.mark.parametrize(("left", "right"), SAME)
def test_spellings_of_the_same_page_are_the_same(left: str, right: str) -> None:
    assert canonical(left) == canonical(right)
    assert losses(left, right) == ()
    assert losses(right, left) == ()


PAGE = """<h2 id="top">Set <em>up</em></h2><p>One <strong>two</strong> <a href="/x?a=1#b" title="t">three</a> four.</p>
<ol start="3"><li>five</li><li>six <img src="/i.png" alt="seven" style="width: 437px;" class="fr-dib"></li></ol>
<table><tr><th>8</th><th>9</th></tr><tr><td colspan="2">10</td></tr></table>
<pre class="fd-callout fd-callout--note">eleven</pre><pre><code class="language-js">a  b
c</code></pre><p style="text-align: center">twelve <span style="color: #e25041">red</span> <u>under</u></p>
<iframe src="/v" width="640"></iframe><p><a id="n"></a>end</p>"""

CHANGES = [
    ("One ", ""),
    ("four", "fore"),
    ("/x?a=1", "/x?a=2"),
    ("#b", "#c"),
    ('title="t"', ""),
    ('start="3"', 'start="4"'),
    ("437px", "438px"),
    ('alt="seven"', 'alt="sven"'),
    ('alt="seven"', ""),
    ("fr-dib", "fr-dii"),
    ("/i.png", "/j.png"),
    ('colspan="2"', ""),
    ("<th>8</th>", "<td>8</td>"),
    ("--note", "--tip"),
    ("language-js", "language-py"),
    ("a  b", "a b"),
    ("text-align: center", "text-align: right"),
    ("#e25041", "#2541e2"),
    ("<u>under</u>", "under"),
    ("<strong>two</strong>", "two"),
    ("<em>up</em>", "<strong>up</strong>"),
    ("h2", "h3"),
    ('id="top"', 'id="to"'),
    ('id="n"', 'id="m"'),
    ('width="640"', 'width="641"'),
    ("ol", "ul"),
    ("twelve ", "twelve<br>"),
    ("five</li><li>six", "five six"),
    ("10", "11"),
]


@pytest.mark.parametrize(("old", "new"), CHANGES)
def test_a_visible_difference_is_never_the_same(old: str, new: str) -> None:
    changed = PAGE.replace(old, new)
    assert changed != PAGE
    assert canonical(changed) != canonical(PAGE)


@given(st.data())
def test_a_dropped_or_changed_letter_is_a_loss(data: st.DataObject) -> None:
    places = [found.start() for found in re.finditer(r"(?<=>)[^<>\n]*\w[^<>\n]*(?=<)", PAGE)]
    start = data.draw(st.sampled_from(places))
    words = list(re.finditer(r"\w+", PAGE[start : PAGE.index("<", start)]))
    word = data.draw(st.sampled_from(words))
    first, last = start + word.start(), start + word.end()
    new = data.draw(st.text("abcxyz0189", max_size=6).filter(lambda text: text != PAGE[first:last]))
    changed = PAGE[:first] + new + PAGE[last:]
    assert not same(PAGE, changed)
    assert losses(PAGE, changed)


@pytest.mark.parametrize(
    ("sent", "shown", "expected"),
    [
        ("<p>a b c</p>", "<p>a c</p>", ("1 word: b",)),
        ('<p><a href="x">a</a></p>', "<p>a</p>", ("1 link: a → x",)),
        ('<p>a<img src="x.png"></p>', "<p>a</p>", ("1 picture: x.png",)),
        ("<h2>a</h2>", "<p>a</p>", ("1 heading: h2 a",)),
        ("<table><tr><td>a<td>b</table>", "<p>a b</p>", ("2 table cells: a, b",)),
        ("<ul><li>a</ul>", "<p>a</p>", ("1 list item: a",)),
        ('<p>a<iframe src="v"></iframe></p>', "<p>a</p>", ("1 frame: v",)),
        ('<pre class="fd-callout fd-callout--tip">a</pre>', "<p>a</p>", ("1 call-out: tip: a",)),
        ("<pre>a  b</pre>", "<p>a b</p>", ("1 code box: a  b",)),
        ('<p><a id="q"></a>a</p>', "<p>a</p>", ("1 anchor: #q",)),
    ],
)
def test_losses_are_named_in_words(sent: str, shown: str, expected: tuple[str, ...]) -> None:
    assert losses(sent, shown) == expected
    assert losses(shown, shown) == ()


def test_what_the_editor_adds_is_no_loss() -> None:
    sent = '<p>a</p><p><iframe src="v"></iframe></p>'
    shown = (
        '<p dir="ltr" data-identifyelement="7">a</p><p><iframe src="v" sandbox="allow-scripts"></iframe></p><p>more</p>'
    )
    assert losses(sent, shown) == ()
