"""HTML as the editors of many systems leave it: a grammar of elements, nestings, styles and attributes without meaning.

Every text is a word of its own, so that a lost or moved one is seen.
"""

from hypothesis import strategies as st

Html = st.SearchStrategy[str]

WORDS = st.sampled_from("alpha beta gamma delta epsilon zeta eta theta iota kappa".split())
GLUE = st.sampled_from(["", " ", " ", "\n", "&nbsp;", "  ", "\n  "])
TEXT = st.lists(st.tuples(GLUE, WORDS), min_size=1, max_size=3).map(lambda parts: "".join(map("".join, parts)))

TEXT_STYLES = [
    "font-weight: 400",
    "font-weight: 700",
    "font-weight: normal",
    "font-weight: bold",
    "font-weight: bolder",
    "font-weight: lighter",
    "font-style: italic",
    "font-style: normal",
    "text-decoration: underline",
    "text-decoration: line-through",
    "text-decoration: none",
    "vertical-align: super",
    "color: #111",
    "font-size: 13px; font-family: Arial",
    "white-space: pre-wrap",
    "white-space: normal",
]
BLOCK_STYLES = [
    *TEXT_STYLES[:11],
    "white-space: pre-wrap",
    "white-space: pre-line",
    "white-space: pre",
    "white-space: nowrap",
    "text-align: center",
    "text-align: left",
    "text-align: right",
    "direction: rtl",
    "line-height: 1.5",
]
JUNK = [
    "",
    "",
    ' data-x="1"',
    ' helvetica="" font-size:=""',
    ' neue";=""',
    ' class="wysiwyg-x"',
    " foo",
    ' class="slate tg-0lax"',
    ' _ngcontent-c1=""',
]
HINTS = [' align="center"', ' dir="rtl"']


def attributes(styles: list[str]) -> Html:
    """Return attributes, mostly none: a style or two, and junk."""
    style = st.lists(st.sampled_from(styles), max_size=2).map(
        lambda ones: f' style="{"; ".join(ones)}"' if ones else ""
    )
    junk = JUNK + HINTS if styles is BLOCK_STYLES else JUNK
    return st.one_of(st.just(""), st.just(""), st.tuples(style, st.sampled_from(junk)).map("".join))


def tagged(tags: list[str], styles: list[str], inner: Html) -> Html:
    """Return one of the elements around what is within."""
    return st.builds(
        lambda tag, attrs, text: f"<{tag}{attrs}>{text}</{tag.split()[0]}>",
        st.sampled_from(tags),
        attributes(styles),
        inner,
    )


MARKS = ["span", "span", "strong", "b", "em", "i", "u", "s", "sup", "code", 'a href="https://x.example/y"']


def _marked(inner: Html) -> Html:
    return tagged(MARKS, TEXT_STYLES, st.lists(inner, min_size=1, max_size=3).map("".join))


INLINE = st.recursive(st.one_of(TEXT, TEXT, st.just("<br>"), st.just('<img src="i.png">')), _marked, max_leaves=4)
INLINES = st.lists(INLINE, min_size=1, max_size=3).map("".join)
LEAVES = st.one_of(
    tagged(["p", "p", "div", "h2", "h3", "pre"], BLOCK_STYLES, INLINES),
    INLINES,
    st.just("<hr>"),
    st.just("<pre><code>one\n  two</code></pre>"),
)


def _rows(cells: list[list[str]]) -> str:
    return "".join(f"<tr>{''.join(row)}</tr>" for row in cells)


def _boxes(inner: Html) -> Html:
    some = st.lists(inner, min_size=1, max_size=3).map("".join)
    items = st.lists(tagged(["li"], BLOCK_STYLES, some), min_size=1, max_size=3).map("".join)
    cells = st.lists(st.lists(tagged(["td", "td", "th"], BLOCK_STYLES, some), min_size=2, max_size=2), max_size=2)
    return st.one_of(
        tagged(["ul", "ol"], BLOCK_STYLES, items),
        tagged(["ul", "ol"], BLOCK_STYLES, st.one_of(some, st.tuples(items, some).map("".join))),
        tagged(["blockquote", "div", 'pre class="fd-callout fd-callout--note"'], BLOCK_STYLES, some),
        tagged(["table"], BLOCK_STYLES, cells.map(_rows)),
        tagged(["span", "strong", "dl", "section"], TEXT_STYLES, some),
        items,
        some,
    )


PAGES = st.lists(st.recursive(LEAVES, _boxes, max_leaves=6), min_size=1, max_size=4).map("".join)
