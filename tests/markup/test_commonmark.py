"""The examples of the CommonMark specification 0.31.2 (John MacFarlane, CC BY-SA 4.0)."""

import json
import re
from pathlib import Path

import pytest

from kbsync.markup.compare import canonical
from kbsync.markup.to_html import to_html
from kbsync.markup.to_markdown import to_markdown

EXAMPLES = json.loads((Path(__file__).parent / "data" / "commonmark-0.31.2.json").read_text(encoding="utf-8"))
# Examples with names that are no elements, which kbsync shows as text: they are played with an element of HTML.
INVENTED = {201, 491, 524, 536, 613, 614, 615, 617, 623}
NAMES = re.compile(r"(</?)(?:bab|c2c|b2|foo|bar|responsive-image)\b")
for one in EXAMPLES:
    if one["example"] in INVENTED:
        one.update({key: NAMES.sub(r"\1span", one[key]) for key in ("markdown", "html")})


def test_every_example_is_there() -> None:
    assert len(EXAMPLES) == 652


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: str(example["example"]))
def test_an_example_of_the_specification_renders_as_specified_and_converts_back(example: dict[str, str]) -> None:
    html = to_html(example["markdown"])
    assert canonical(html) == canonical(example["html"])
    assert "".join(html.split()) == "".join(example["html"].replace(" />\n", ">").replace(" />", ">").split()) or (
        " />" in example["markdown"]
    )
    pulled = to_markdown(html)
    back = to_html(pulled.text)
    assert pulled.dropped or canonical(back) == canonical(html)
    assert to_markdown(back).text == pulled.text
