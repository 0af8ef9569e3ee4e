"""File names from titles."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kbsync.files import MOST_BYTES, MOST_CHARACTERS, file_name, folded, windows_name_error

TITLES = st.text(max_size=200) | st.sampled_from(["CON", "con.md", "_index", "..", "a/b", "é", "e\u0301", "🙂", "x.fr"])


@pytest.mark.parametrize(
    ("title", "name"),
    [
        ("Reset your password", "reset-your-password"),
        ("What's new in 2.0?", "whats-new-in-2-0"),
        ("../../etc/passwd", "etc-passwd"),
        ("C:\\Windows\\x", "c-windows-x"),
        ("CON", "con-page"),
        ("com¹", "com1-page"),
        ("nul.txt", "nul-txt"),
        ("_index", "index"),
        (".hidden", "hidden"),
        ("page.fr", "page-fr"),
        ("🙂", "untitled"),
        ("", "untitled"),
        ("\u0301", "untitled"),
        ("I ❤️ 1️⃣ tags 👨‍👩‍👧", "i-1-tags"),
        ("Straße", "straße"),
        ("Как начать", "как-начать"),
        ("ログイン方法", "ログイン方法"),
        ("إعادة كلمة المرور", "إعادة-كلمة-المرور"),
        ("हिन्दी में", "हिन्दी-में"),
        ("e\u0301te\u0301", "été"),
        ("a\u202eb\u0000c\nd", "a-b-c-d"),
        ("１２３ ﬁne", "123-fine"),
    ],
)
def test_a_title_becomes_words_in_lower_case(title: str, name: str) -> None:
    assert file_name(title, ()) == name


def test_a_long_title_ends_at_a_word() -> None:
    name = file_name("many words " * 50, ())
    assert MOST_CHARACTERS - 6 <= len(name) <= MOST_CHARACTERS
    assert set(name.split("-")) == {"many", "words"}


@pytest.mark.parametrize("cluster", ["e\u0323\u0302\u0301", "क्ष", "க்ஷ", "नि", "ก้", "가"])
def test_a_long_word_is_never_cut_within_a_character_that_readers_see(cluster: str) -> None:
    whole = file_name(cluster, ())
    for before in range(len(whole) + 1):
        name = file_name("x" * before + cluster * 99, ())
        cut = name.removeprefix("x" * before)
        assert cut == whole * (len(cut) // len(whole))
        assert MOST_CHARACTERS // 3 <= len(name) <= MOST_CHARACTERS


def test_names_that_a_file_system_would_confuse_get_numbers() -> None:
    assert file_name("Été", ["ÉTÉ"]) == "été-2"
    assert file_name("Été", ["e\u0301te\u0301.md", "été-2"]) == "été-3"
    assert file_name("Strasse", ["straße"]) == "strasse-2"
    assert len(file_name("x" * 500, ["x" * MOST_CHARACTERS]).encode()) <= MOST_BYTES


@given(title=TITLES)
def test_a_name_is_safe_everywhere(title: str) -> None:
    name = file_name(title, ())
    assert name
    assert len(name.encode()) <= MOST_BYTES
    assert len(name) <= MOST_CHARACTERS
    assert name == unicodedata.normalize("NFC", name)
    assert not windows_name_error(name)
    assert not windows_name_error(f"{name}.md")
    assert not name.startswith((".", "_", "-"))
    assert not set(name) & set("./\\:*?\"<>|\0 ~$%#&'`{}[]()!")
    assert all(unicodedata.category(letter)[0] in "LMN" or letter == "-" for letter in name)


@given(titles=st.lists(TITLES, max_size=12))
def test_names_never_collide(titles: list[str]) -> None:
    taken: list[str] = []
    for title in titles:
        taken.append(file_name(title, taken))
    assert len({folded(name) for name in taken}) == len(titles)
    assert len({unicodedata.normalize("NFD", name.upper()) for name in taken}) == len(titles)


@pytest.mark.parametrize("name", ["CON", "con.md", "Aux .md", "LPT9.tar.gz", "a:b", "a?", "x.", "x ", "a\tb", "COM²"])
def test_names_that_are_not_possible_on_windows_are_errors(name: str) -> None:
    assert windows_name_error(name)


@pytest.mark.parametrize("name", ["console.md", "com.md", "été.md", "a-b", "GO!", "C# & more.md"])
def test_other_names_are_possible_on_windows(name: str) -> None:
    assert not windows_name_error(name)
