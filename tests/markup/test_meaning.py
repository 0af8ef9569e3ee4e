"""What of HTML means something to a reader: attributes, effective style, classes, white space, indentation."""

import re
from collections import Counter

import pytest

from kbsync.markup.compare import canonical, classes_left_out, losses
from kbsync.markup.options import MarkupOptions
from kbsync.markup.patch.patch import patch_html
from kbsync.markup.to_html import to_html
from kbsync.markup.to_markdown import to_markdown
from tests.markup.cases import cases
from tests.markup.edits import edited
from tests.markup.effective import seen

FILES = ("attributes.txt", "effective_style.txt", "classes.txt", "white_space.txt", "indentation.txt")
CASES = [case for name in FILES for case in cases(name)]


@pytest.mark.parametrize(("html", "expected"), CASES)
def test_html_is_written_as_the_case_says_and_shows_the_same_in_a_browser(html: str, expected: str) -> None:
    html = html.removesuffix("\n")
    text = to_markdown(html).text
    rendered = to_html(text)
    assert text.rstrip("\n") == expected.rstrip("\n")
    assert seen(rendered) == seen(html)
    assert canonical(rendered) == canonical(html)
    assert to_markdown(rendered).text == text
    assert losses(html, rendered) == ()


@pytest.mark.parametrize(("html", "expected"), CASES)
def test_html_without_a_change_of_its_text_goes_back_byte_for_byte(html: str, expected: str) -> None:
    assert patch_html(html, to_html(to_markdown(html).text)).html == html


DRAWN = re.compile(r"(<svg\b.*?</svg>|<math\b.*?</math>)", re.DOTALL)
"""SVG and MathML, whose attributes are all kept: they have names of their own, and style sheets draw by them."""


def with_junk(html: str) -> str:
    """Add attributes without a meaning to every element, and classes to all but players, which keep theirs."""
    torn = re.sub(r"(<[a-z][a-z0-9]*)(?=[ >])", r'\1 data-x="1" helvetica="" neue";="" foo ng-if="a"', html)
    return re.sub(r"(<(?!iframe|video)[a-z][a-z0-9]*)(?=[ >])(?![^>]* class=)", r'\1 class="zz yy"', torn)


@pytest.mark.parametrize(("markdown", "html"), cases("to_html.txt"))
def test_junk_attributes_on_every_element_change_nothing(markdown: str, html: str) -> None:
    clean = to_html(markdown)
    named = "".join(part if part.startswith(("<svg", "<math")) else with_junk(part) for part in DRAWN.split(clean))
    assert to_markdown(named).text == to_markdown(clean).text
    assert canonical(named) == canonical(clean)


KEPT = [
    ('<ul><li class="l">a</li><li>b</li></ul>', "- {.l} a\n- b\n"),
    ('<ol class="steps"><li>a</li></ol>', "{.steps}\n1. a\n"),
    ('<blockquote class="w"><p>x</p></blockquote>', "{.w}\n> x\n"),
    ('<pre class="line-numbers"><code class="language-js">x</code></pre>', "{.line-numbers}\n```js\nx\n```\n"),
    ('<dl class="x"><dt>a</dt><dd>b</dd></dl>', "{.x}\na\n: b\n"),
    ('<p class="a b">x</p><h2 class="c">y</h2>', "{.a .b}\nx\n\n{.c}\n## y\n"),
    ('<table class="t"><tr><td>a</td></tr></table>', "{.t}\n|     |\n| --- |\n| a   |\n"),
    ('<p>a <span class="s">b</span></p>', 'a <span class="s">b</span>\n'),
    ('<ul><li class="l"><p>a</p><pre>x</pre></li></ul>', "- {.l} a\n\n  ```\n  x\n  ```\n"),
    ('<p>a <img src="i.png" class="fr-dib hero"></p>', "a ![](i.png){.center .hero}\n"),
]


@pytest.mark.parametrize("keep", [("*",), ("l", "steps", "w", "line-numbers", "x", "a", "b", "c", "t", "s", "hero")])
@pytest.mark.parametrize(("html", "expected"), KEPT)
def test_classes_that_are_to_be_kept_are_written_and_sent(html: str, expected: str, keep: tuple[str, ...]) -> None:
    options = MarkupOptions(highlight=False, keep_classes=keep)
    text = to_markdown(html, options=options).text
    rendered = to_html(text, options=options)
    assert text == expected
    assert canonical(rendered, keep) == canonical(html, keep)
    assert classes_left_out(rendered) == classes_left_out(html)
    assert to_markdown(rendered, options=options).text == text


def test_classes_without_a_meaning_are_counted() -> None:
    html = (
        '<ul class="l"><li class="l m">a</li></ul><pre class="fd-callout fd-callout--tip">b</pre><img class="fr-fic l">'
    )
    assert classes_left_out(html) == Counter(l=3, m=1)
    assert classes_left_out(html, ("l",)) == Counter(m=1)
    assert classes_left_out(html, ("*",)) == Counter()
    assert classes_left_out(to_html("- [x] a\n- [ ] b\n\n> [!TIP]\n> c\n\n```js\nd\n```\n")) == Counter()


def test_a_class_that_a_writer_adds_reaches_a_live_block_and_others_stay() -> None:
    live = '<p foo="1">One two</p><ul><li class="l">a</li></ul>'
    assert (
        patch_html(live, to_html("{.x}\nOne two\n\n- a")).html
        == '<p class="x">One two</p><ul><li class="l">a</li></ul>'
    )


WRITTEN = ("{.tip}\nOne two three\n", "- {.tip} One two three\n- b\n", '<div class="tip">\nOne two three\n</div>\n')


@pytest.mark.parametrize("mine", WRITTEN)
def test_a_class_that_a_writer_uses_stays_when_an_agent_edits_its_block(mine: str) -> None:
    assert edited(mine, "One", "The one") == mine.replace("One", "The one")
