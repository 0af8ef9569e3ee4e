"""Every Markdown construct between a clone and a portal: published, edited beside it on the web, and pulled."""

from pathlib import Path

import pytest

from kbsync.markup.options import MarkupOptions
from kbsync.sandbox.server import Portal
from kbsync.sandbox.settings import SandboxSettings
from tests.engine.clone import new_clone
from tests.planner.world import article, steps

PAGE = "guide/basics/page.md"
BODY = """[TOC]

## Set it up{#up}

A "bare" address, https://example.com -- and a note[^why].

https://youtu.be/abc

Edit me.

<details>
<summary>More</summary>

- a *list*

</details>

```python
def answer():
    return "<42>"
```

Term
: its meaning

[^why]: It says why.
"""
LOOSE = MarkupOptions(linkify=True, typographer=True)


@pytest.mark.parametrize(
    "options", [MarkupOptions(), LOOSE, MarkupOptions(highlight=False)], ids=["default", "loose", "plain"]
)
@pytest.mark.parametrize("settings", [SandboxSettings(), SandboxSettings(rewriting="editor")], ids=["off", "editor"])
def test_every_construct_survives_an_edit_beside_it(tmp_path: Path, portal: Portal, options: MarkupOptions) -> None:
    clone = new_clone(tmp_path / "work", portal, {PAGE: article("Page", BODY.strip())}, markup=options)
    clone.published()
    assert steps(clone.plan()) == {}
    before, live = clone.read(PAGE), clone.live(PAGE)
    assert ("color: #008000" in live.description) is options.highlight
    assert ("“bare”" in live.description) is options.typographer
    assert ('href="https://example.com"' in live.description) is options.linkify
    portal.store.edit_article(live.id, body=live.description.replace("Edit me.", "Edited."))
    clone.pull()
    assert clone.read(PAGE) == before.replace("Edit me.", "Edited.")
    clone.commit()
    assert steps(clone.plan()) == {}


@pytest.mark.parametrize("options", [MarkupOptions(), LOOSE], ids=["default", "loose"])
def test_a_pull_into_an_empty_tree_leaves_nothing_to_publish(
    tmp_path: Path, portal: Portal, options: MarkupOptions
) -> None:
    first = new_clone(tmp_path / "work", portal, {PAGE: article("Page", BODY.strip())}, markup=options)
    first.published()
    other = new_clone(tmp_path / "other", portal, {}, markup=options)
    other.pull()
    other.commit()
    assert steps(other.plan()) == {}
    (pulled,) = (text for path, text in other.files().items() if path.endswith("/page.md"))
    assert all(part in pulled for part in ("[TOC]", "note[^why]", "<details>", "```python\ndef", ": its", "{#up}"))


def test_text_that_agents_type_is_not_taken_for_markup(tmp_path: Path, portal: Portal) -> None:
    clone = new_clone(tmp_path / "work", portal, {PAGE: article("Page", "Edit me.")}, markup=LOOSE)
    clone.published()
    typed = '<p>[TOC]</p><p>https://youtu.be/abc</p><p>"as is" -- www.example.com</p><p>x[^1]</p>'
    portal.store.edit_article(clone.id_of(PAGE), body=typed)
    clone.pull()
    assert "<" not in clone.read(PAGE)
    clone.commit()
    assert steps(clone.plan()) == {}
    clone.write({PAGE: clone.read(PAGE) + "\nMore.\n"})
    clone.commit()
    clone.published()
    shown = clone.live(PAGE).description
    assert '"as is" -- www.example.com' in shown.replace("&quot;", '"')
    assert not any(tag in shown for tag in ("<iframe", "<a ", "fd-toc"))
