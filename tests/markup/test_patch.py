"""A patch keeps the bytes of what did not change, and always shows what the Markdown renders to."""

import re
from collections.abc import Callable, Collection

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kbsync.markup.compare import canonical
from kbsync.markup.patch.patch import PatchResult, patch_html
from kbsync.markup.to_html import to_html, unchanged_address
from kbsync.markup.to_markdown import to_markdown
from tests.markup.cases import cases
from tests.markup.counted import calls_of


def patch(
    live: str,
    markdown: str,
    *,
    resolve: Callable[[str], str] = unchanged_address,
    rewrite: Callable[[str], str] = unchanged_address,
    anchors: Collection[str] = (),
) -> PatchResult:
    """Patch live HTML by a Markdown text, with the addresses of `to_html` and `to_markdown`."""
    rendered = to_html(markdown, resolve=resolve, anchors=anchors)
    return patch_html(live, rendered, settle=lambda address: resolve(rewrite(address)))


@pytest.mark.parametrize(("texts", "expected"), cases("patch.txt"))
def test_a_patch_is_as_the_case_says(texts: str, expected: str) -> None:
    live, markdown = texts.split("\n----\n")
    patched = patch(live, markdown)
    assert patched.html == expected.rstrip("\n")
    assert patched.rendered == ()
    assert canonical(patched.html) == canonical(to_html(markdown))


# HTML of the portal's editor, as in real articles, with its noise.
WORDS = st.lists(
    st.sampled_from(
        "press the red button twice 3 days café 東京 שלום 🙂 a_b {{ticket.id}} 50% x*y &amp; &lt;host&gt;".split()
    ),
    min_size=1,
    max_size=6,
).map(" ".join)
NOISE = st.sampled_from(
    ["", ' dir="ltr"', ' style="font-family: Arial; font-size: 13px;"', " data-identifyelement='494'", ' class="p1"']
)
SPACERS = st.sampled_from(["", "", "<p><br></p>", "\n", "<div>&nbsp;</div>\r\n", "<!-- c -->"])


@st.composite
def sentences(draw: st.DrawFn) -> str:
    words, noise = draw(WORDS), draw(NOISE)
    return draw(
        st.sampled_from(
            [
                words,
                f"<span{noise}>{words}</span>",
                f"<b{noise}>{words}</b>",
                f"{words} <i>so</i>",
                f'<a href="https://example.com/a?b=1&amp;c=2" rel="noopener">{words}</a>',
                f'<img src="https://example.com/i.png" class="fr-fic fr-dib" style="width: 300px;">{words}',
            ]
        )
    )


@st.composite
def blocks(draw: st.DrawFn, depth: int = 2) -> str:
    kind = draw(
        st.sampled_from(["p", "h2", "runs", "ul", "ol", "table", "pre", "div", "bold div"][: 9 if depth else 3])
    )
    noise = draw(NOISE)
    match kind:
        case "p" | "h2":
            return f"<{kind}{noise}>{draw(sentences())}</{kind}>"
        case "runs":
            return f"<p{noise}>{draw(sentences())}<br><br>{draw(sentences())}</p>"
        case "ul" | "ol":
            items = draw(st.lists(st.one_of(sentences(), blocks(depth - 1)), min_size=1, max_size=3))
            return f"<{kind}{noise}>" + "".join(f"<li{noise}>{item}</li>" for item in items) + f"</{kind}>"
        case "table":
            rows = draw(
                st.lists(st.tuples(sentences(), st.one_of(sentences(), blocks(depth - 1))), min_size=1, max_size=3)
            )
            cells = "".join(f"<tr{noise}><td{noise}>{a}</td><td>{b}</td></tr>" for a, b in rows)
            return draw(st.sampled_from([f"<table{noise}><tbody>{cells}</tbody></table>", f"<table>\n{cells}</table>"]))
        case "pre":
            inner = "".join(f"<p{noise}>{draw(sentences())}</p>" for _ in range(draw(st.integers(1, 2))))
            return f'<pre class="fd-callout fd-callout--note">{inner}</pre>'
        case "div":
            return f"<div{noise}>{draw(pages(depth - 1))}</div>"
    return f'<div style="text-align: center; font-weight: bold">{draw(pages(depth - 1))}</div>'


@st.composite
def pages(draw: st.DrawFn, depth: int = 2) -> str:
    return "".join(draw(st.lists(st.tuples(blocks(depth), SPACERS).map("".join), min_size=1, max_size=4)))


@given(pages())
def test_an_unchanged_text_keeps_every_byte(live: str) -> None:
    patched = patch(live, to_markdown(live).text)
    assert (patched.html, patched.kept, patched.rendered) == (live, 1.0, ())


@given(pages(), pages())
def test_the_result_shows_what_the_text_does_whatever_was_live(live: str, other: str) -> None:
    markdown = to_markdown(other).text
    patched = patch(live, markdown)
    assert canonical(patched.html) == canonical(to_html(markdown))
    assert 0.0 <= patched.kept <= 1.0


@given(st.lists(st.tuples(blocks(), SPACERS), min_size=2, max_size=6), st.data())
def test_a_changed_block_leaves_every_byte_of_the_others(parts: list[tuple[str, str]], data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(parts) - 1))
    (_, spacer), before, after = parts[at], parts[:at], parts[at + 1 :]
    live = "".join(block + space for block, space in parts)
    changed = "".join(block + space for block, space in before) + "<p>quite another</p>" + spacer
    markdown = to_markdown(changed + "".join(block + space for block, space in after)).text
    patched = patch(live, markdown).html
    first, last = ("".join(block + space for block, space in some) for some in (before, after))
    assert patched.startswith(first)
    assert patched.endswith(last)
    assert canonical(patched) == canonical(to_html(markdown))


@given(pages(), st.data())
def test_words_removed_from_a_text_are_removed_and_nothing_else_is(live: str, data: st.DataObject) -> None:
    lines = to_markdown(live).text.split("\n")
    cut = data.draw(st.integers(0, len(lines) - 1))
    markdown = "\n".join(lines[:cut] + lines[cut + 1 :])
    assert canonical(patch(live, markdown).html) == canonical(to_html(markdown))


ADDRESS = "https://acme.example/support/solutions/articles/"


def patch_with_files(live: str, markdown: str, ids: dict[str, int]) -> str:
    """Patch as a publish does: live addresses go to articles, relative ones to files."""
    paths = {f"{ADDRESS}{number}": path for path, number in ids.items()}
    paths |= {f"{ADDRESS}{number}-a-slug": path for path, number in ids.items()}
    return patch(
        live,
        markdown,
        resolve=lambda written: f"{ADDRESS}{ids[written]}" if written in ids else written,
        rewrite=lambda address: paths.get(address, address),
    ).html


def test_another_spelling_of_the_same_link_is_no_change() -> None:
    live = f'<p dir="ltr">See <a href="{ADDRESS}7-a-slug">this</a></p><p dir="ltr">One</p>'
    assert patch_with_files(live, "See [this](reset.md)\n\nOther thing\n", {"reset.md": 7}) == (
        f'<p dir="ltr">See <a href="{ADDRESS}7-a-slug">this</a></p><p>Other thing</p>'
    )


def test_the_new_address_of_an_article_is_the_only_change() -> None:
    live = f'<p dir="ltr"><span style="font-size:9px">See <a rel="x" href=\'{ADDRESS}7-a-slug\'>this</a></span></p>'
    patched = patch_with_files(live, "See [this](reset.md)\n", {"reset.md": 8})
    assert patched == live.replace("7-a-slug", "8")


def test_an_anchor_that_other_texts_link_to_is_the_only_change_of_a_heading() -> None:
    live = '<h2 dir="ltr">Reset it</h2><p dir="ltr">One</p>'
    assert patch(live, "## Reset it\n\nOne\n").html == live
    asked = patch(live, "## Reset it\n\nOne\n", anchors={"reset-it"}).html
    assert asked == '<h2 id="reset-it">Reset it</h2><p dir="ltr">One</p>'


@pytest.mark.parametrize(
    "live",
    [
        "",
        " \n ",
        "bare text",
        "<p>\r\n<b>One</b>\r\n</p>\r\n<p dir='ltr'>Two</p>",
        "🙂<p>🙂🙂</p><p dir=rtl>שלום</p>",
        "<p>One<p>Two<ul><li>a<li>b</ul><table><tr><td>x<td>y<tr><td>z</table>",
        "<table><p>lost</p><tr><td>One</td></tr></table><p>Two</p>",
        "<p><b>One<p>Two</p></i>Three",
        "<p>One</p></div></div><p>Two</p><script>let a = '<p>'</script><p onclick='x()'>Three</p>",
        "<div>" * 200 + "<p>One</p>" + "</div>" * 200 + "<p>Two</p>",
        "<p>One\0</p><p>Two</p>",
        "<template><p>One</p></template><p>Two</p>",
        "<p>a < b > c & d</p><hostname>x<p title='>'>y</p>",
        "<svg><path d='M0 0'/><title>t</title></svg><math><mi>x</mi></math><p>Two</p>",
        '<p style="font-family: "Helvetica Neue"; color: red">One</p><p>Two</p>',
    ],
)
def test_malformed_html_is_kept_and_takes_a_new_paragraph(live: str) -> None:
    markdown = to_markdown(live).text
    assert patch(live, markdown).html == live
    more = patch(live, markdown + "\n\nA new paragraph\n")
    assert "<p>A new paragraph</p>" in more.html
    assert canonical(re.sub("<script.*?</script>", "", more.html.replace(" onclick='x()'", ""))) == canonical(
        to_html(markdown + "\n\nA new paragraph\n")
    )


def test_what_is_replaced_besides_the_change_is_named() -> None:
    live = "<div>" * 80 + "<p>One and only</p>" + "</div>" * 80 + "<p>Two</p>"
    patched = patch(live, "One and only\n\nThree\n")
    assert patched.html == to_html("One and only\n\nThree\n")
    assert (patched.kept, patched.rendered) == (0.0, ("the whole article",))


def test_work_grows_no_faster_than_the_text() -> None:
    assert work(400) < 10 * work(50)


def work(size: int) -> int:
    """Count the calls that two edits take in a long article of rows and of paragraphs that are all the same."""
    rows = "".join(f'<tr><td style="width: 9%">row {at}</td><td>Yes</td></tr>' for at in range(size))
    same = '<p dir="ltr"><span>the same again</span></p><p><br></p>' * size
    live = f"<p>first</p>{same}<table><tbody>{rows}</tbody></table>{same}<p>last</p>"
    markdown = to_markdown(live).text.replace("first", "thirst").replace("last", "least")
    assert patch(live, markdown).kept > 0.99
    return calls_of(lambda: patch(live, markdown))
