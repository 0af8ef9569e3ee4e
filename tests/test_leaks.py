"""API keys are found in texts in every form, and are in no repr."""

import base64

import pytest

from kbsync.leaks import KeyFinder

KEY = "aBcDeFgHiJkLmNoPq123"
KEYS = KeyFinder.of({"FRESHDESK_API_KEY": f" {KEY}\n", "FRESHDESK_API_KEY_TEST": "sandbox", "OTHER": "otherotherother"})


@pytest.mark.parametrize(
    "text",
    [
        f"the key {KEY}.",
        KEY.lower(),
        f"{KEY[:5]}**{KEY[5:]}**",
        f"<p>{KEY[:5]}<b class='x'>{KEY[5:]}</b></p>",
        f'<a href="?k={KEY}">x</a>',
        f"{KEY[:9]}\n{KEY[9:]}",
        f"{KEY[:9]}\u200b{KEY[9:]}",
        "".join(f"&#{ord(letter)};" for letter in KEY),
        base64.b64encode(f"{KEY}:X".encode()).decode(),
        f"curl -H 'Authorization: Basic {base64.b64encode(f'{KEY}:X'.encode()).decode()}'",
    ],
)
def test_a_key_is_found_in_every_form(text: str) -> None:
    assert KEYS.is_in(text)


@pytest.mark.parametrize("text", ["", KEY[:-1], "sandbox", "otherotherother", "the quick brown fox " * 1000])
def test_other_text_holds_none(text: str) -> None:
    assert not KEYS.is_in(text)
    assert KEYS.redact(text) == text


def test_a_text_is_shown_without_the_key() -> None:
    assert KEYS.redact(f"a {KEY} b {KEY.lower()} c") == "a … b … c"
    assert KEYS.line_in(f"a\n\n{KEY}") == 3
    assert KEYS.line_in("a") == 0


def test_a_short_value_is_no_key() -> None:
    assert KeyFinder(["a", "x1"]).redact("a x1") == "a x1"
    assert not KeyFinder(["a"]).is_in("a")


def test_the_key_is_in_no_repr() -> None:
    assert KEY not in repr(KEYS) + str(KEYS)
