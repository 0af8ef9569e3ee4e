import pytest
from hypothesis import given
from hypothesis import strategies as st

from kbsync.markup.links import from_root, to_root

HERE = "kb/start/reset.md"


@pytest.mark.parametrize(
    ("address", "target"),
    [
        ("other.md", "kb/start/other.md"),
        ("./other.md#part", "kb/start/other.md#part"),
        ("../faq/x.md", "kb/faq/x.md"),
        ("../../top.md", "top.md"),
        ("../", "kb"),
        ("a%20b.md?raw=1#c%20d", "kb/start/a b.md#c d"),
        ("a b.md", "kb/start/a b.md"),
        ("caf\u0065\u0301.md", "kb/start/caf\u00e9.md"),
        ("caf%C3%A9.md", "kb/start/café.md"),
        ("a\\..\\b.md", "kb/start/a\\..\\b.md"),
        ("日本/語.md", "kb/start/日本/語.md"),
        ("img//x.png", "kb/start/img/x.png"),
        ("..hidden/x.md", "kb/start/..hidden/x.md"),
    ],
)
def test_a_relative_address_names_a_place_from_the_root(address: str, target: str) -> None:
    assert to_root(HERE, address) == target


@pytest.mark.parametrize(
    "address",
    [
        "",
        "  ",
        "#part",
        "/abs/x.md",
        "//host/x",
        "https://x.example/a",
        "mailto:a@b.example",
        "tel:1",
        "data:x,y",
        "?q",
    ],
)
def test_other_addresses_lead_nowhere_into_the_tree(address: str) -> None:
    assert to_root(HERE, address) is None


@pytest.mark.parametrize("address", ["../../../x.md", "../../..", "%2e%2e/%2e%2e/../x.md", "a/../../../../x"])
def test_an_address_that_leaves_the_root_is_refused(address: str) -> None:
    with pytest.raises(ValueError, match="leads out"):
        to_root(HERE, address)


@pytest.mark.parametrize(
    ("target", "address"),
    [
        ("kb/start/other.md", "other.md"),
        ("kb/start/reset.md#a b", "#a%20b"),
        ("kb/start/reset.md", "reset.md"),
        ("kb/faq/x.md#y", "../faq/x.md#y"),
        ("top (1).md", "../../top%20%281%29.md"),
        ("kb/start/a:b.md", "./a:b.md"),
        ("kb/start/50%.md", "50%25.md"),
        ("kb/start", "."),
    ],
)
def test_a_place_is_written_relative_to_the_file(target: str, address: str) -> None:
    assert from_root(HERE, target) == address


names = st.text(st.characters(exclude_characters="/\0", exclude_categories=["Cs"]), min_size=1, max_size=8).filter(
    lambda name: name not in (".", "..") and name.strip() == name
)


@given(st.lists(names, min_size=1, max_size=4), st.lists(names, min_size=1, max_size=4), st.text(max_size=5))
def test_the_pair_is_inverse(here: list[str], there: list[str], anchor: str) -> None:
    import unicodedata

    path = unicodedata.normalize("NFC", "/".join(here))
    target = unicodedata.normalize("NFC", "/".join(there)).split("#")[0].strip("/")
    anchor = unicodedata.normalize("NFC", anchor.encode("utf-8", "ignore").decode())
    if not target or target == path or any(part in ("", ".", "..") for part in target.split("/")):
        return
    whole = target + (f"#{anchor}" if anchor else "")
    assert to_root(path, from_root(path, whole)) == whole
