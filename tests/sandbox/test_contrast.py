"""The colours of the pages: every text reaches WCAG's AA, 4.5:1, on light and on dark pages."""

import re
from itertools import product

import pytest
from pygments.styles import get_style_by_name
from pygments.token import Whitespace

from kbsync.sandbox.pages.render import STATIC
from kbsync.sandbox.sanitize import sanitize_style

AA = 4.5
AA_GRAPHICS = 3.0
MODES = ("light", "dark")
CSS = (STATIC / "portal.css").read_text(encoding="utf-8")
PALETTE = {
    name: dict(zip(MODES, colours, strict=True))
    for name, *colours in re.findall(r"--([\w-]+): light-dark\((#[0-9a-f]{6}), (#[0-9a-f]{6})\)", CSS)
}
PAGES = ("paper", "ground")
TONES = ("note", "good", "care", "bad", "accent")
TEXT_ON = {
    "ink": (*PAGES, "code", "mark", "accent-wash", *(f"{tone}-wash" for tone in TONES)),
    "ink-soft": (*PAGES, "code", "accent-wash"),
    "accent": (*PAGES, "code", "mark", *(f"{tone}-wash" for tone in TONES)),
    "accent-deep": (*PAGES, "code", *(f"{tone}-wash" for tone in TONES)),
    "on-accent": ("accent", "accent-deep"),
    **{tone: (f"{tone}-wash",) for tone in TONES[:-1]},
}


def _contrast(one: str, other: str) -> float:
    darker, lighter = sorted((_luminance(one), _luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def _luminance(colour: str) -> float:
    parts = (
        re.findall(r"\d+", colour) if colour.startswith("rgb") else (int(colour[at : at + 2], 16) for at in (1, 3, 5))
    )
    linear = [
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4
        for part in (int(part) / 255 for part in parts)
    ]
    return sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def _shown(colour: str, mode: str) -> str:
    """Return the colour that readers see for one that an article gives to its text."""
    style = sanitize_style(f"color: {colour}")
    found = re.findall(r"rgb\([\d, ]+\)", style)
    return str(found[MODES.index(mode) if len(found) == 2 else 0]) if found else PALETTE["ink"][mode]


def _background(selector: str) -> str:
    rule = re.search(rf"^{re.escape(selector)} \{{(.*?)\}}", CSS, re.MULTILINE | re.DOTALL)
    found = re.search(r"background: var\(--([\w-]+)\)", rule[1]) if rule else None
    assert found, selector
    return str(found[1])


def test_the_ratio_is_that_of_wcag() -> None:
    assert _contrast("#000000", "#ffffff") == pytest.approx(21)
    assert _contrast("#777777", "rgb(255, 255, 255)") == pytest.approx(4.48, abs=0.01)


@pytest.mark.parametrize("mode", MODES)
def test_every_text_can_be_read_on_its_backgrounds(mode: str) -> None:
    ratios = {
        (text, ground): _contrast(PALETTE[text][mode], PALETTE[ground][mode])
        for text, grounds in TEXT_ON.items()
        for ground in grounds
    }
    assert {pair: round(ratio, 2) for pair, ratio in ratios.items() if ratio < AA} == {}


@pytest.mark.parametrize("mode", MODES)
def test_the_edges_of_call_outs_and_fields_can_be_seen(mode: str) -> None:
    for edge, page in product((*TONES, "field"), PAGES):
        assert _contrast(PALETTE[edge][mode], PALETTE[page][mode]) >= AA_GRAPHICS, (edge, page)


@pytest.mark.parametrize("mode", MODES)
def test_every_colour_of_highlighted_code_can_be_read(mode: str) -> None:
    colours = {style["color"] for token, style in get_style_by_name("default") if token not in Whitespace}
    background = PALETTE[_background(".article pre")][mode]
    ratios = {colour: _contrast(_shown(f"#{colour}", mode), background) for colour in colours if colour}
    assert len(ratios) > 10
    assert {colour: round(ratio, 2) for colour, ratio in ratios.items() if ratio < AA} == {}


def test_every_colour_that_an_article_gives_its_text_can_be_read_on_a_dark_page() -> None:
    steps = (0, 51, 102, 153, 204, 255)
    for colour, page in product(product(steps, repeat=3), (*PAGES, "code")):
        shown = _shown(f"rgb({', '.join(map(str, colour))})", "dark")
        assert _contrast(shown, PALETTE[page]["dark"]) >= AA, (colour, page)


def test_a_search_mark_has_the_colour_of_text_on_its_own_background() -> None:
    rule = re.search(r"^mark \{(.*)\}", CSS, re.MULTILINE)
    assert rule
    assert "background: var(--mark)" in rule[1]
    assert "color: var(--ink)" in rule[1]


def test_each_kind_of_call_out_has_a_word_and_an_icon_of_its_own() -> None:
    kinds = re.findall(r"\.fd-callout--(\w+) \{ .*--word: \"(\w+)\"; --icon: url\((.*?)\); \}", CSS)
    base = re.search(r"--word: \"(Note)\";\s+--icon: url\((.*?)\);", CSS)
    assert base
    assert [word.lower() for _, word, _ in kinds] == [kind for kind, _, _ in kinds]
    assert {kind for kind, _, _ in kinds} == {"info", "idea", "tip", "success", "warning", "danger"}
    assert len({base[2], *(icon for _, _, icon in kinds)}) == 7
