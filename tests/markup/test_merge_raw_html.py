"""Raw HTML edited on the portal: only the edited place changes in the file."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kbsync.content.document import parse_document, replace_body
from kbsync.markup.compare import canonical, counting_classes
from kbsync.markup.merge.diff3 import resolve_to_sides
from kbsync.markup.merge.graft import IncludeConflict, Template, graft
from kbsync.markup.merge.merge import MergeResult, MergeVersion, merge
from kbsync.markup.options import PLAIN
from kbsync.markup.to_html import to_html, unchanged_address
from tests.markup.edits import edited, pulled, pulled_into

BOX = """<div class="wrap">
  <div class="item">
    <img src="https://example.com/y.svg">
    <p class='t'>Ways to pay &amp; more&nbsp;— caf&eacute;</p>
    <p>
      In rare cases, an order might not
      reach   its destination.
    </p>
    <!-- a note of mine -->
    <a CLASS=c href="https://example.com/one">View it</a>
  </div>
  <div class="item">
    <TABLE>
      <tr><td>one</td><td>two</td></tr>
      <tr><td>three</td>
          <td>four</td></tr>
    </TABLE>
  </div>
  <p dir="rtl">שלום לכם &#x1F600;</p>
</div>"""

ARTICLE = f"Before *it*.\n\n{BOX}\n\n* After\n* it\n"


@pytest.mark.parametrize(
    ("shown", "instead"),
    [
        ("Ways to pay", "How to pay"),
        ("rare cases", "very rare cases"),
        ("an order might not\n", "an order of yours might not\n"),
        ("four", "4"),
        ("<td>one</td>", "<td>one or more</td>"),
        ('href="https://example.com/one"', 'href="https://example.com/two?a=1&amp;b=2"'),
        ('src="https://example.com/y.svg"', 'src="https://example.com/z.svg"'),
        ("View it", "View it &lt;now&gt;"),
        ("לכם", "לכולם"),
        ("      <tr><td>one</td><td>two</td></tr>\n", ""),
        ("    <!-- a note of mine -->\n", "    <!-- a note of mine -->\n    <p>A new one</p>\n"),
        ("    <!-- a note of mine -->\n", "    <!-- a note of mine -->\n    <ul><li>New</li><li>ones</li></ul>\n"),
        ("          <td>four</td></tr>\n", "          <td>four</td></tr>\n      <tr><td>5</td><td>6</td></tr>\n"),
        ('  <p dir="rtl">', '  <p>Last</p>\n  <p dir="rtl">'),
    ],
)
def test_an_edit_in_raw_html_is_the_only_change(shown: str, instead: str) -> None:
    mine = re.sub(" {10}(?=<td>four)", "      ", ARTICLE) if "5</td>" in instead else ARTICLE
    shown, instead = (
        text.replace(" " * 10, " " * 6) if "5</td>" in text + instead else text for text in (shown, instead)
    )
    assert edited(mine, shown, instead) == mine.replace(shown, instead)


@pytest.mark.parametrize(
    ("mine", "shown", "instead"),
    [
        (BOX + "\n", "four", "4"),
        (f"## Heading\n{BOX}\n", "four", "4"),
        (f"<!-- mine -->\n{BOX}\n\nEnd\n", "four", "4"),
        (f"* list\n\n\n\n{BOX}\n\n\nEnd\n", "four", "4"),
        ("   <div\n     class='a'>one\n   two</div>\n", "two", "2"),
        ("<p align=center>One <b>two</b></p>\n<p>three of them</p>\n", "three", "3"),
        ("<pre>\n  a   b\n  c</pre>\nText\n", "  a   b", "  a   d"),
        ("<table>\n<tr><td>a b c</td>\n\n<td>two</td></tr>\n\n</table>\n", "two", "2"),
        ("<ul>\n<li>one thing\n<li>two\n</ul>\n", "one", "the one"),
        ("<div class=a>One two</div>\n\n<div class=a>Three four</div>\n", "four", "for"),
        ("<center><b>One</b> two three</center>\n\nOne\n", "two", "2"),
    ],
)
def test_an_edit_in_any_raw_html_is_the_only_change(mine: str, shown: str, instead: str) -> None:
    assert edited(mine, shown, instead) == mine.replace(shown, instead)


def test_edits_in_two_blocks_and_a_paragraph_between_them_are_merged() -> None:
    mine = f"{BOX}\n\nBetween __them__\n\n<div class=b>\n One <i>two</i>\n</div>\n"
    live = to_html(mine).replace("four", "4").replace("two</i>", "2</i>").replace("Between", "Amid")
    assert pulled_into(mine, live) == mine.replace("four", "4").replace("two</i>", "2</i>").replace(
        "Between __them__", "Amid **them**"
    )


def test_a_paragraph_added_below_is_written_as_markdown() -> None:
    mine = "<div class=b>\n One more <i>thing</i> of mine\n</div>\n"
    live = to_html(mine).replace("</div>", "</div>\n<p>Altogether <b>new</b> words</p>").replace("One", "The one")
    assert pulled_into(mine, live) == mine.replace("One", "The one") + "\nAltogether **new** words\n"


def test_another_text_is_taken_as_it_was_pulled() -> None:
    live = "<p>Nothing of it stays</p><ul><li>here</li></ul>"
    assert pulled_into(BOX + "\n", live) == pulled(live)


def test_code_with_blank_lines_does_not_end_the_block() -> None:
    live = to_html(ARTICLE).replace("    <!-- a note of mine -->\n", "<pre>one\n\ntwo</pre>")
    outcome = pulled_into(ARTICLE, live)
    assert canonical(to_html(outcome)) == canonical(live)
    assert "      In rare cases, an order might not\n      reach   its destination." in outcome


def test_unchanged_addresses_stay_and_new_ones_are_written_as_pulled() -> None:
    def resolve(address: str) -> str:
        return f"/root/{address.removeprefix('./')}" if not address.startswith(("/", "http")) else address

    mine = '<div class=a>\n<a href="./one.md">one</a>\n<a href="two.md">two</a>\n</div>\n'
    theirs = pulled(to_html(mine), mine).replace("./one.md", "one.md").replace("two.md", "three.md")
    assert graft(mine, theirs, resolve=resolve, options=counting_classes(PLAIN, mine)) == mine.replace(
        "two.md", "three.md"
    )


def test_windows_line_endings_stay() -> None:
    text = f"---\ntitle: Ways\n---\n{ARTICLE}".replace("\n", "\r\n")
    body = parse_document(text, "ways.md").body
    outcome = replace_body(text, edited(body, "four", "4"), path="ways.md")
    assert outcome == text.replace("four", "4")


def test_placeholders_in_raw_html_stay_and_are_never_overwritten() -> None:
    source = "<div class=a>\n<p>The {{ name }} board</p>\n<p>Other</p>\n</div>\n"

    def expand(text: str) -> str:
        return text.replace("{{ name }}", "Uno")

    written = Template(
        text=source,
        line_map=range(6),
        placeholders={1: [("{{ name }}", "Uno")]},
        expand=expand,
        escape=unchanged_address,
    )
    mine = expand(source)
    html, options = to_html(mine), counting_classes(PLAIN, mine)
    others = pulled(html.replace("Other", "Others"), mine)
    assert graft(mine, others, written=written, options=options) == source.replace("Other", "Others")
    with pytest.raises(IncludeConflict):
        graft(mine, pulled(html.replace("Uno", "Mega"), mine), written=written, options=options)


def merged(base: str, mine: str, theirs: str) -> MergeResult:
    pulled_text = MergeVersion(text=pulled(to_html(theirs), mine))
    options = counting_classes(PLAIN, mine)
    return merge(MergeVersion(text=base), MergeVersion(text=mine), pulled_text, options=options)


def test_edits_inside_and_outside_raw_html_are_merged() -> None:
    mine, theirs = ARTICLE.replace("Before", "Well before"), ARTICLE.replace("four", "4")
    assert merged(ARTICLE, mine, theirs) == MergeResult(text=mine.replace("four", "4"))


def test_an_edit_is_merged_into_reformatted_raw_html() -> None:
    laid = ARTICLE.replace(
        "      In rare cases, an order might not\n      reach   its", "In rare cases, an order might not reach its"
    )
    mine = laid.replace("Before", "Well before")
    assert merged(ARTICLE, mine, ARTICLE.replace("four", "4")) == MergeResult(text=mine.replace("four", "4"))


def test_raw_html_edited_by_both_is_a_conflict_in_the_authors_format() -> None:
    mine, theirs = ARTICLE.replace("four", "the fourth"), ARTICLE.replace("four", "4")
    outcome = merged(ARTICLE, mine, theirs)
    assert outcome.conflicts == 1
    assert resolve_to_sides(outcome.text) == (mine, theirs)


WORDS = st.sampled_from(
    ["two words", "a <b>bold</b> word", "café &amp; tea", "&lt;b&gt;", "שלום", "1 < 2", "🎉", "a  b"]
)
TAGS = st.sampled_from(
    [
        ("<div class='a'>", "</div>"),
        ("<div>", "</div>"),
        ("<P>", "</P>"),
        ("<ul><li>", "</li></ul>"),
        ("<table><tr><td>", "</td></tr></table>"),
        ("<h3 class=x>", "</h3>"),
        ("<blockquote>", "</blockquote>"),
        ("<p align=right>", "</p>"),
        ("<pre>", "</pre>"),
    ]
)


@st.composite
def elements(draw: st.DrawFn, depth: int = 1) -> str:
    """Draw HTML as people write it, on lines of its own; each text has a number, so that it is unique."""
    space = draw(st.sampled_from(["", "\n", "\n  ", "\n\t", " "]))
    tag, close = draw(TAGS)
    if depth and tag.startswith(("<div", "<ul", "<table", "<blockquote")):
        held = draw(st.lists(elements(depth=depth - 1), min_size=1, max_size=3))
        note = draw(st.sampled_from(["", "<!-- mine -->"]))
        return tag + space + note + space.join(held) + space + close
    return f"{tag}{space}@ {draw(WORDS)}{space}{close}"


@st.composite
def parts(draw: st.DrawFn) -> list[str]:
    """Draw the elements of one box."""
    held = "\0".join(draw(st.lists(elements(), min_size=1, max_size=3)))
    numbers = iter(range(held.count("@")))
    return re.sub("@", lambda _: f"word{next(numbers)}", held).split("\0")


def boxed(held: list[str]) -> str:
    return "\n".join(["<div class=outer>", *held, "</div>"])


@settings(max_examples=50)
@given(parts(), st.data())
def test_an_edit_anywhere_leaves_every_other_element_as_it_was(held: list[str], data: st.DataObject) -> None:
    mine = f"First *one*\n\n{boxed(held)}\n\n* last\n"
    word = f"word{data.draw(st.integers(0, mine.count('word') - 1))} "
    live = to_html(mine).replace(word, f"{word}indeed ", 1)
    outcome = graft(mine, pulled(live))
    assert canonical(to_html(outcome)) == canonical(live)
    for kept in ("First *one*", "* last", *(part for part in held if word not in part)):
        assert "".join(kept.split()) in "".join(outcome.split())


@settings(max_examples=50)
@given(parts(), parts())
def test_the_result_shows_whatever_was_pulled(held: list[str], other: list[str]) -> None:
    theirs = pulled(boxed(other))
    assert canonical(to_html(graft(boxed(held) + "\n", theirs))) == canonical(to_html(theirs))
