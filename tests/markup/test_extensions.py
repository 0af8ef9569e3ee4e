"""The extensions and options: colours, footnotes, definition lists, tables of contents, accordions, videos."""

import html
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kbsync.markup.compare import canonical, losses
from kbsync.markup.extensions.videos import link_for, player_for
from kbsync.markup.links import anchors_of, references
from kbsync.markup.options import MarkupOptions
from kbsync.markup.to_html import render_blocks, to_html
from kbsync.markup.to_markdown import to_markdown
from tests.markup.counted import calls_of

EVERYTHING = MarkupOptions(linkify=True, typographer=True)
REPEATED = (
    "<details>\n<summary>x</summary>\n\n",
    "<details>\n<summary>x</summary>\n\ny\n\n</details>\n\n",
    "<details><summary>",
    "<details><!--",
    "a[^1]\n\n[^1]: b\n\n",
    "[^1]: ",
    "a\n: b\n\n",
    "https://youtu.be/x?",
    "```python\nx = (\n```\n\n",
)
LOOSE = "\"q\" 'n' it's... a -- b --- c (c) (TM) +-2 ?!?!?! a,, https://x.example/a_b www.x.example a.b+c@x.example"


def settled(markdown: str, options: MarkupOptions = MarkupOptions()) -> str:  # noqa: B008  (frozen)
    """Publish, pull and publish again, and check what has to be equal."""
    sent = to_html(markdown, options=options)
    pulled = to_markdown(sent, options=options)
    again = to_html(pulled.text, options=options)
    assert canonical(again) == canonical(sent)
    assert losses(sent, again) == ()
    assert to_markdown(again, options=options).text == pulled.text
    return pulled.text


def test_by_default_nothing_becomes_a_link_or_a_curly_quote() -> None:
    assert (
        to_html(LOOSE, options=MarkupOptions())
        == f"<p>{html.escape(LOOSE, quote=False).replace(chr(34), '&quot;')}</p>\n"
    )


def test_links_and_typography_are_made_where_the_options_ask() -> None:
    assert to_html(LOOSE, options=EVERYTHING) == (
        "<p>“q” ‘n’ it’s… a – b — c © ™ ±2 !!! a, "
        '<a href="https://x.example/a_b">https://x.example/a_b</a> <a href="http://www.x.example">www.x.example</a> '
        '<a href="mailto:a.b+c@x.example">a.b+c@x.example</a></p>\n'
    )


def test_plain_text_is_escaped_from_the_options() -> None:
    live = f"<p>{html.escape(LOOSE)}</p>"
    text = to_markdown(live, options=EVERYTHING).text
    assert not text.startswith("<")
    assert canonical(to_html(text, options=EVERYTHING)) == canonical(live)
    assert to_markdown(live).text == LOOSE + "\n"


def test_code_is_highlighted_by_default_and_pulled_as_it_was_written() -> None:
    fence = '```python\ndef f(x):\n    return "a\\n"  # <b>\n```\n'
    sent = to_html(fence, options=MarkupOptions())
    assert sent.count('<span style="') > 3
    assert "class" not in re.sub(r'class="language-python"', "", sent)
    assert to_markdown(sent).text == fence
    assert canonical(sent) == canonical(to_html(fence, options=MarkupOptions(highlight=False)))


def test_rendering_that_is_only_compared_has_no_colours() -> None:
    fence = "```python\nimport x\n```\n"
    assert to_html(fence) == to_html(fence, options=MarkupOptions(highlight=False))
    assert "<span" not in to_html(fence)


def test_code_in_an_unknown_language_or_none_is_left_alone() -> None:
    for fence in ("```\nimport x\n```", "```no such\nimport x\n```", "    import x"):
        assert "<span" not in to_html(fence, options=MarkupOptions())


def test_a_coloured_word_in_code_without_a_language_is_no_highlighting() -> None:
    plain, coloured = "<pre>a b</pre>", '<pre>a <span style="color: #ff0000">b</span></pre>'
    assert canonical(plain) != canonical(coloured)
    named = '<pre><code class="language-x">a {}</code></pre>'
    assert canonical(named.format("b")) == canonical(named.format('<span style="color: #ff0000">b</span>'))
    assert canonical(named.format("b")) != canonical(named.format("c"))
    assert canonical(named.format("b")) != canonical(named.format('<a href="x">b</a>'))


@settings(max_examples=150)
@given(
    st.text("ab \t<>&\"'#/*{}()[]=:;.\\$%@`~\né\u200b0x", max_size=60),
    st.sampled_from("python json bash html diff javascript yaml console http ini sql nonsense".split()),
)
def test_code_of_any_language_keeps_every_character(code: str, language: str) -> None:
    fence = "`" * 30
    sent = to_html(f"{fence}{language}\n{code}\n{fence}\n", options=MarkupOptions())
    shown = re.fullmatch(r"<pre><code class=\"language-\w+\">(.*)</code></pre>\n", sent, re.DOTALL)
    assert shown
    assert html.unescape(re.sub(r"</?span[^>]*>", "", shown[1])) == code + "\n"
    assert to_markdown(sent).text == to_markdown(to_html(f"{fence}{language}\n{code}\n{fence}\n")).text


LINKS = [
    ("https://www.youtube.com/watch?v=a-b_c", "https://www.youtube.com/embed/a-b_c?&wmode=opaque"),
    ("http://youtube.com/watch?list=x&v=abc", "https://www.youtube.com/embed/abc?list=x"),
    ("https://youtu.be/abc?t=1h2m3s&si=q", "https://www.youtube.com/embed/abc?start=3723&si=q"),
    ("https://m.youtube.com/shorts/abc", "https://www.youtube.com/embed/abc?&wmode=opaque"),
    ("https://www.youtube.com/embed/abc?rel=0", "https://www.youtube.com/embed/abc?rel=0"),
    ("https://www.youtube-nocookie.com/embed/abc", "https://www.youtube-nocookie.com/embed/abc"),
    ("https://vimeo.com/123", "https://player.vimeo.com/video/123"),
    ("https://vimeo.com/123/ab9?autoplay=1", "https://player.vimeo.com/video/123?h=ab9&autoplay=1"),
    ("https://acme.wistia.com/medias/ab12", "https://fast.wistia.net/embed/iframe/ab12?videoFoam=true"),
    ("https://fast.wistia.net/embed/iframe/ab?seo=false", "https://fast.wistia.net/embed/iframe/ab?seo=false"),
    ("https://www.loom.com/share/ab12?sid=1", "https://www.loom.com/embed/ab12?sid=1"),
]
NO_VIDEOS = [
    "https://www.youtube.com/watch",
    "https://www.youtube.com/watch?x=1",
    "https://www.youtube.com/@acme",
    "https://www.youtube.com/playlist?list=x",
    "https://youtu.be/",
    "https://youtube.com.evil.example/watch?v=abc",
    "https://vimeo.com/features",
    "https://evil.example/https://youtu.be/abc",
    "https://youtu.be/abc with words",
    'https://youtu.be/abc?x="onload=1',
    "youtu.be/abc",
]


@pytest.mark.parametrize(("link", "address"), LINKS)
def test_a_video_link_and_its_player_convert_to_each_other(link: str, address: str) -> None:
    player = player_for(link)
    assert player
    assert f'src="{html.escape(address)}"' in player.html
    assert 'sandbox="allow-scripts allow-forms allow-same-origin allow-presentation"' in player.html
    written = link_for(address)
    assert written
    assert player_for(written) == player
    assert settled(link) == written + "\n"


@pytest.mark.parametrize("link", NO_VIDEOS)
def test_other_links_are_no_videos(link: str) -> None:
    assert player_for(link) is None
    assert "<iframe" not in to_html(link)


def test_a_video_is_a_player_also_where_bare_links_are_links() -> None:
    assert to_html("https://youtu.be/abc", options=EVERYTHING) == to_html("https://youtu.be/abc")


def test_a_frame_from_elsewhere_is_kept_as_it_is() -> None:
    frame = '<p><span class="fr-video fr-dvb"><iframe src="https://v.example/1" width="640"></iframe></span></p>'
    assert "<iframe" in settled(frame)


def test_the_title_of_the_table_of_contents_is_an_option() -> None:
    german = MarkupOptions(contents="Inhalt & mehr")
    sent = to_html("[TOC]\n\n# Eins\n", options=german)
    assert "<strong>Inhalt &amp; mehr</strong>" in sent
    assert to_markdown(sent, options=german).text.startswith("[TOC]\n")
    assert to_markdown(sent).text.startswith("{.fd-toc}\n")


def test_a_table_of_contents_without_headings_is_empty() -> None:
    assert to_html("[TOC]\n\ntext") == "<p>text</p>\n"


def test_the_headings_of_accordions_can_be_linked_to() -> None:
    text = "<details>\n<summary>Set *up* &amp; go</summary>\n\n[x](y.md)\n\n</details>\n"
    assert anchors_of(text) == {"set-up--go"}
    assert '<h2 class="accordion-header" id="set-up--go">' in to_html(text, anchors={"set-up--go"})
    assert [reference.line for reference in references(text)] == [4]


def test_each_footnote_is_a_block_at_its_own_lines() -> None:
    text = "a[^1]\n\n[^1]: b\n\n- c[^2]\n\n  [^2]: d\n\n[^3]: text\n"
    assert [(block.start, block.end) for block in render_blocks(text)] == [(0, 1), (2, 4), (4, 8), (8, 9)]


def test_nesting_deeper_than_the_parser_allows_is_not_lost() -> None:
    quoted = to_html(">" * 5_000 + " x")
    assert "x" in quoted
    listed = to_html("".join("  " * depth + f"- item{depth}\n" for depth in range(300)))
    assert all(f"item{depth}" in listed for depth in range(300))


@pytest.mark.parametrize("unit", REPEATED)
def test_work_grows_as_the_text_does(unit: str) -> None:
    def work(count: int) -> int:
        return calls_of(lambda: to_html(unit * count, options=EVERYTHING))

    work(10)
    assert work(3_000) < 13 * work(300)


inline = st.lists(
    st.sampled_from(
        ["a", "**b**", "[^1]", "[^long.one]", "[^none]", "`c`", "[TOC]", "<br>", "_d_", "[l](#one)", ": ", "x&y", '"q"']
    ),
    min_size=1,
    max_size=4,
).map(" ".join)


def hung(first: str, rest: str) -> "st.SearchStrategy[str]":
    return blocks.map(lambda text: first + text.replace("\n", "\n" + rest).replace("\n" + rest + "\n", "\n\n"))


leaves = st.one_of(
    inline,
    inline.map("# {}".format),
    inline.map("### {} {{#own}}".format),
    st.just("[TOC]"),
    st.just("https://youtu.be/abc"),
    st.just("https://acme.wistia.com/medias/ab12"),
    st.just("---"),
    st.just("```json\n[1]\n```"),
    st.just("| a[^1] | b |\n|---|---|\n| c | d |"),
)
blocks: "st.SearchStrategy[str]" = st.deferred(
    lambda: st.one_of(
        leaves,
        hung("- ", "  "),
        hung("> ", "> "),
        hung("> [!TIP]\n> ", "> "),
        hung("Term\n: ", "  "),
        hung("[^1]: ", "    "),
        hung("[^long.one]: ", "    "),
        blocks.map("<details>\n<summary>Title</summary>\n\n{}\n\n</details>".format),
        blocks.map('<details>\n<summary><h3 id="h">T</h3></summary>\n\n{}\n\n</details>'.format),
    )
)
pages = st.lists(blocks, min_size=1, max_size=6).map("\n\n".join)


@settings(max_examples=200, deadline=None)
@given(pages, st.sampled_from([MarkupOptions(), EVERYTHING]))
def test_any_page_with_extensions_is_the_same_after_a_publish_and_a_pull(markdown: str, options: MarkupOptions) -> None:
    settled(markdown, options)
