"""A pull never writes what lint calls an error, whatever agents wrote."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kbsync.engine.context import problems_of
from kbsync.files import WorkingTree
from kbsync.sandbox.server import serve
from kbsync.sandbox.settings import SandboxSettings
from tests.engine.clone import new_clone, steps

MARKERS = "&lt;&lt;&lt;&lt;&lt;&lt;&lt; yours{0}a{0}======={0}b{0}&gt;&gt;&gt;&gt;&gt;&gt;&gt; portal"
LINES = MARKERS.format("\n")
TITLES = [
    *(
        " lead",
        "tab\there",
        "new\nline",
        "x" * 256,
        "",
        "  ",
        "# h",
        "a: b #c",
        "---",
        "'",
        '"q"',
        "\u00a0x\u00a0",
        "<b>",
    ),
    *(
        "{{ x }}",
        "con",
        "a\0b",
        "\u200b",
        "{% include 'x' %}",
        "README",
        "_index",
        ".hidden",
        "a.fr",
        "null",
        "~",
        "yes",
    ),
    *("12", "[a]", "*x*", "x\u2028y", "<<<<<<< yours", "a\\", "\U0001f389"),
]
NAMES = ["A  B", "A B", " A B", "x\ny", "x" * 200, "CON", "_x", ".y", "\u00e9", "e\u0301", "# h", "a: b", "~", "README"]
TAGS = [["x" * 40], ["", "a"], ["a", "a"], ["a,b"], [" a "], ["a\nb"], ["~"], ["A", "a"], ["#x"], ["[", "]"]]
DESCRIPTIONS = [
    *(LINES.replace("&lt;", "<").replace("&gt;", ">"), "---\na: b\n---\n", "# H\n\n{% include 'x' %}"),
    *(" lead\n\n\ntrail ", "<script>x</script>", "a\0b", "[x](none.md)", "~", "", "- a\n- b"),
]
PIECES = [
    *(
        "",
        " ",
        "<p></p>",
        "<p>&nbsp;</p>",
        "<!-- c -->",
        "<h1>T</h1>",
        "---<p>x</p>",
        "<p>---</p><p>a: b</p><p>---</p>",
    ),
    *(f"<p>{MARKERS.format('</p><p>')}</p>", f"<p>{MARKERS.format('<br>')}</p>", f"<pre>{LINES}</pre>"),
    *(f"<ul><li>{MARKERS.format('</li><li>')}</li></ul>", f"<div style='color: red'>{LINES}</div>"),
    *(
        f"<table><tr><td>{MARKERS.format('<br>')}</td></tr></table>",
        "<p>a</p>\x0c<p>b</p>",
        "<p>\ufffe&#0;\x1b[31m</p>",
    ),
    *(
        "<p>{% include 'x.md' %}</p>",
        "<p>{{ product }}</p>",
        "<!-- kbsync: ignore KB301 --><p>x</p>",
        "<p>[x](none.md)</p>",
    ),
    *(
        f"<p><a href='{address}'>x</a> <img src='{address}'></p>"
        for address in (
            *(
                "#nowhere",
                "12000065909#part",
                "../../../../x.md",
                "none.md",
                "img/x.png",
                "/support/solutions/articles/99",
            ),
            *("", "javascript:x()", " JaVaScRiPt:x", "java&#10;script:x", "data:text/html,<script>x</script>", "cid:1"),
            *("%2e%2e/%2e%2e/x", "about%3Ablank", "{{#if url}}{{url}}{{/if}}", "x:y", "C:\\x", "http://[bad", "//"),
        )
    ),
    *(
        "<script>x()</script>",
        '<p onclick="x()">y</p>',
        "<iframe src='javascript:x()'></iframe>",
        "<style>p{}</style>x",
    ),
    *('<form action="javascript:x()"><input></form>', '<object data="x"></object>', '<svg onload="x()"></svg>'),
    *(
        "<video src='v.mp4'></video>",
        "<table background='x.png'><tr><td>y</td></tr></table>",
        "<p><a name='a b'>x</a></p>",
    ),
]


@settings(max_examples=8)
@given(
    articles=st.lists(
        st.tuples(st.sampled_from(TITLES), st.sampled_from(TAGS), st.lists(st.sampled_from(PIECES), max_size=3)),
        min_size=10,
        max_size=20,
    ),
    descriptions=st.lists(st.sampled_from(DESCRIPTIONS), max_size=3),
)
def test_a_pull_of_odd_content_leaves_no_error(
    tmp_path_factory: pytest.TempPathFactory, articles: list[tuple[str, list[str], list[str]]], descriptions: list[str]
) -> None:
    assert _errors(articles, descriptions, tmp_path_factory.mktemp("pull")) == []


def test_a_pull_of_everything_odd_leaves_no_error(tmp_path: Path) -> None:
    articles = [(f"Body {number}", ["a"], [piece]) for number, piece in enumerate(PIECES)]
    articles += [(title, TAGS[number % len(TAGS)], ["<p>x</p>"]) for number, title in enumerate(TITLES)]
    assert _errors(articles, DESCRIPTIONS, tmp_path) == []


def _errors(articles: list[tuple[str, list[str], list[str]]], descriptions: list[str], place: Path) -> list[str]:
    with serve(SandboxSettings()) as portal:
        category = portal.store.create_category("Guide")
        folder = portal.store.create_folder(category.id, "Basics")
        for name in NAMES:
            portal.store.create_folder(category.id, name)
            portal.store.create_folder(portal.store.create_category(f"C {name}").id, name)
        for number, text in enumerate(descriptions):
            portal.store.create_folder(category.id, f"Folder {number}", description=text)
            portal.store.create_category(f"Category {number}", description=text)
        for title, tags, pieces in articles:
            portal.store.create_article(folder.id, title, body="".join(pieces), tags=tuple(tags))
        files = {"kbsync.toml": ""}
        clone = new_clone(place / "clone", portal, files, new="all", languages=("fr",), variables={"product": "P"})
        clone.pull()
        clone.commit()
        assert steps(clone.plan()) == {}
    return [str(one) for one in problems_of(clone.config, WorkingTree(clone.root)) if one.is_error]
