"""One item, row or quoted paragraph edited on the portal: it changes in the file, and the list around it does not."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kbsync.markup.compare import canonical
from kbsync.markup.merge.graft import IncludeConflict, Template, graft
from kbsync.markup.to_html import to_html
from tests.markup.edits import edited, pulled
from tests.markup.styled import ARTICLES, Node, leaves_of, text_of


@pytest.mark.parametrize(
    ("mine", "shown", "instead", "wanted"),
    [
        ("+ one __b__\n+ two is\n  wrapped\n+ three\n", "three", "3", "+ one __b__\n+ two is\n  wrapped\n+ 3\n"),
        ("* a __b__\n\n* two\n\n\n* c\n", "two", "2", "* a __b__\n\n* 2\n\n\n* c\n"),
        ("7) a __b__\n7) two\n7) c\n", "two", "2", "7) a __b__\n7) 2\n7) c\n"),
        ("1. a __b__\n5. two\n3. c\n", "two", "2", "1. a __b__\n5. 2\n3. c\n"),
        ("10.   a __b__\n11.   two\n", "two", "2", "10.   a __b__\n11.   2\n"),
        ("* a\n    + deep __b__\n    + d\n      w\n* c\n", "deep", "x", "* a\n    + x **b**\n    + d\n      w\n* c\n"),
        ("* a\n    + deep __b__\n* c\n", "c</li>", "d</li>", "* a\n    + deep __b__\n* d\n"),
        ("1.  a\n    w\n\n    par __b__\n\n2.  c\n", "c</p>", "d</p>", "1.  a\n    w\n\n    par __b__\n\n2.  d\n"),
        ("1.  a\n    w\n\n    two\n\n2.  __b__\n", "two", "2", "1.  a\n    w\n\n    2\n\n2.  __b__\n"),
        ("- [ ] a __b__\n- [x] two\n- [ ] c\n", "two", "2", "- [ ] a __b__\n- [x] 2\n- [ ] c\n"),
        ("- a\n\n  ```sh\n  ls\n  ```\n\n- __b__\n", "ls", "pwd", "- a\n\n  ```sh\n  pwd\n  ```\n\n- __b__\n"),
        ("> one\n> w __b__\n>\n> two\n>\n> c\n", "two", "2", "> one\n> w __b__\n>\n> 2\n>\n> c\n"),
        (">one\nlazy __b__\n>\n>two\n", "two", "2", ">one\nlazy __b__\n>\n>2\n"),
        ("> [!NOTE]\n> a __b__\n> w\n>\n> two\n", "two", "2", "> [!NOTE]\n> a __b__\n> w\n>\n> 2\n"),
        ("> * a __b__\n> * two\n", "two", "2", "> * a __b__\n> * 2\n"),
        (">*   a\n>     __b__\n>\n>     two\n", "two", "2", ">*   a\n>     __b__\n>\n>     2\n"),
        ("|a|b|\n|:-|-:|\n|`x`|two|\n|3|4|\n", "two", "2", "|a|b|\n|:-|-:|\n|`x`|2|\n|3|4|\n"),
        ("|a|b|\n|:-|-:|\n|1|2|\n", ">a<", ">c<", "|c|b|\n|:-|-:|\n|1|2|\n"),
        ("|  a | b |\n|-|-|\n|  1 | \\| |\n|  2 | c |\n", "2<", "9<", "|  a | b |\n|-|-|\n|  1 | \\| |\n|  9 | c |\n"),
        ("* 👩‍👩‍👧 __b__\n* שלום two\n* c 🇫🇷\n", "two", "2 🎉", "* 👩‍👩‍👧 __b__\n* שלום 2 🎉\n* c 🇫🇷\n"),
        ("Text:\n* a __b__\n* w\nlazy\n\n\nEnd\n", "a <str", "c <str", "Text:\n* c **b**\n* w\nlazy\n\n\nEnd\n"),
        ("{.wide}\n* a __b__\n* two\n", "two", "2", "{.wide}\n* a __b__\n* 2\n"),
        ("{.wide}\n1) two\n1) a __b__\n", "two", "2", "{.wide}\n1) 2\n1) a __b__\n"),
        ("{.wide}\n|a|b|\n|-|-|\n|1|`2`|\n|3|4|\n", ">a<", ">c<", "{.wide}\n|c|b|\n|-|-|\n|1|`2`|\n|3|4|\n"),
        ("{.wide}\n|a|b|\n|-|-|\n|1|`2`|\n|3|4|\n", ">3<", ">5<", "{.wide}\n|a|b|\n|-|-|\n|1|`2`|\n|5|4|\n"),
        ("* a [x][]\n* two\n\n[x]: https://example.com/\n", "two", "2", "* a [x][]\n* 2\n\n[x]: https://example.com/\n"),
    ],
)  # fmt: skip
def test_an_edit_in_a_list_is_the_only_change(mine: str, shown: str, instead: str, wanted: str) -> None:
    assert edited(mine, shown, instead) == wanted


@pytest.mark.parametrize(
    ("mine", "shown", "instead", "wanted"),
    [
        ("+ a __b__\n+ c\n", "<li>c</li>", "<li>c</li><li>d</li>", "+ a __b__\n+ c\n+ d\n"),
        ("+ a __b__\n+ c\n", "<li>a", "<li>d</li><li>a", "+ d\n+ a __b__\n+ c\n"),
        ("+ a __b__\n\n+ c\n\nEnd\n", "</ul>", "<li>d</li></ul>", "+ a __b__\n\n+ c\n\n+ d\n\nEnd\n"),
        ("1. a __b__\n2. c\n", "<li>c</li>", "<li>c</li><li>d</li>", "1. a __b__\n2. c\n3. d\n"),
        ("1) a __b__\n1) c\n", "<li>c</li>", "<li>d</li><li>c</li>", "1) a __b__\n1) d\n1) c\n"),
        ("4. two\n5. a __b__\n6. c\n", "<li>two</li>", "", "4. a __b__\n6. c\n"),
        ("4. a __b__\n5. two\n6. c\n", "<li>two</li>", "", "4. a __b__\n6. c\n"),
        ("* a __b__\n    * two\n* c\n", "<ul>\n<li>two</li>\n</ul>", "", "* a __b__\n* c\n"),
        ("|a|b|\n|-|-|\n|1|2|\n", "</tbody>", "<tr><td>3</td><td>4</td></tr></tbody>", "|a|b|\n|-|-|\n|1|2|\n|3|4|\n"),
        ("|a|b|\n|-|-|\n|1|2|\n|3|4|\n", "<tr>\n<td>1</td>\n<td>2</td>\n</tr>", "", "|a|b|\n|-|-|\n|3|4|\n"),
        ("> a __b__\n> w\n>\n> two\n>\n> c\n", "<p>two</p>", "", "> a __b__\n> w\n>\n> c\n"),
        (">a __b__\n>w\n", "</blockquote>", "<p>c</p></blockquote>", ">a __b__\n>w\n>\n>c\n"),
    ],
)
def test_an_added_or_removed_item_is_the_only_change(mine: str, shown: str, instead: str, wanted: str) -> None:
    assert edited(mine, shown, instead) == wanted


def test_a_list_that_cannot_be_split_is_replaced_whole() -> None:
    assert edited("*\tone\n*\ttwo __b__\n", "one", "1") == "- 1\n- two **b**\n"


def test_two_lists_joined_on_the_portal_are_one_in_the_file() -> None:
    mine = "- x\n  * a __b__\n  + c\n- y\n"
    theirs = pulled(to_html(mine).replace("</ul>\n<ul>\n<li>c", "<li>c"))
    outcome = graft(mine, theirs)
    assert canonical(to_html(outcome)) == canonical(to_html(theirs)) != canonical(to_html(mine))


def test_placeholders_in_other_items_stay() -> None:
    body = "+ the {{ thing }}\n+ two\n+ three\n"
    written = Template(
        text=body,
        line_map=range(4),
        placeholders={0: [("{{ thing }}", "box")]},
        expand=lambda text: text.replace("{{ thing }}", "box"),
    )
    mine = "+ the box\n+ two\n+ three\n"
    assert graft(mine, "- the box\n- 2\n- three\n", written=written) == body.replace("two", "2")
    assert graft(mine, "- our box\n- two\n- three\n", written=written) == body.replace("the {{", "our {{")
    with pytest.raises(IncludeConflict):
        graft(mine, "- the boxes\n- two\n- three\n", written=written)


def test_items_of_an_included_list_are_not_overwritten() -> None:
    written = Template(
        text="{% all %}\n\nEnd\n",
        line_map=[0, 0, 1, 2, 3],
        placeholders={0: [("{% all %}", "* one\n* two")]},
        expand=lambda text: text.replace("{% all %}", "* one\n* two"),
    )
    mine = "* one\n* two\n\nEnd\n"
    assert graft(mine, "- one\n- two\n\nThe end\n", written=written) == "{% all %}\n\nThe end\n"
    with pytest.raises(IncludeConflict):
        graft(mine, "- one\n- 2\n\nEnd\n", written=written)


@settings(max_examples=40)
@given(ARTICLES, st.data())
def test_an_edited_leaf_is_the_only_one_that_changes_in_any_style(
    article: tuple[Node, ...], data: st.DataObject
) -> None:
    leaves = st.integers(0, leaves_of(article) - 1)
    edits = data.draw(st.dictionaries(leaves, st.just("has *changed* now"), min_size=1, max_size=3))
    wanted = text_of(article, edits)
    assert graft(text_of(article, {}), pulled(to_html(wanted))) == wanted


@settings(max_examples=25)
@given(ARTICLES, ARTICLES)
def test_the_result_renders_as_the_other_version(mine: tuple[Node, ...], theirs: tuple[Node, ...]) -> None:
    wanted = text_of(theirs, {0: "is of this article alone"})
    outcome = graft(text_of(mine, {}), pulled(to_html(wanted)))
    assert canonical(to_html(outcome)) == canonical(to_html(wanted))
