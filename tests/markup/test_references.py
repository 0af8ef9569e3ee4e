import pytest

from kbsync.markup.links import Hazard, Reference, anchors_of, hazards, references
from tests.markup.counted import calls_of

TEXT = """# Title

[a](b.md) and ![c](<d e.png> "t")
then [f][ref] <https://g.example> <a href='h&amp;i.md'>x</a>

<div>
<img
 src="j.png">
</div>

`[not](a.link)`

[ref]: k.md#l
"""


def test_every_address_is_named_with_its_line() -> None:
    assert references(TEXT) == (
        Reference(target="b.md", line=3, embedded=False),
        Reference(target="d e.png", line=3, embedded=True),
        Reference(target="h&i.md", line=4, embedded=False),
        Reference(target="k.md#l", line=4, embedded=False),
        Reference(target="https://g.example", line=4, embedded=False),
        Reference(target="j.png", line=8, embedded=True),
    )


def test_a_text_without_addresses_is_not_parsed() -> None:
    text = "word " * 200_000
    assert references(text) == ()
    assert calls_of(lambda: references(text)) < 20


def test_anchors_are_slugs_given_ids_and_raw_names() -> None:
    text = "# A B\n\n# A B\n\n## C {#own}\n\nD\n---\n\n<a name=e></a> <p id='f'>\n"
    assert anchors_of(text) == {"a-b", "a-b-1", "own", "d", "e", "f"}


def test_anchors_speak_every_script() -> None:
    assert anchors_of("# Привет, мир!\n\n# 日本語 テスト\n\n# हिन्दी में\n\n# !!!\n") == {
        "привет-мир",
        "日本語-テスト",
        "हिन्दी-में",
        "section",
    }


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("a\n\n<script>x</script>", "<script>"),
        ("a\n\n<p onclick='x'>b</p>", "onclick attribute"),
        ("a\n\n[b](java&#115;cript:x)", "address javascript:x"),
        ("a\n\n<a href=' JavaScript:x'>b</a>", "address  JavaScript:x"),
        ("a\n\n<style>b{}</style>", "<style>"),
    ],
)
def test_what_a_browser_would_run_is_named_with_its_line(text: str, what: str) -> None:
    assert hazards(text) == (Hazard(what=what, line=3),)


def test_words_about_scripts_are_no_hazard() -> None:
    assert hazards("`<script>` and \\<script> and on = x, javascript: is a language, [a](/javascript:b)") == ()
