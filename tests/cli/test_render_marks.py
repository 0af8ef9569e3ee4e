"""`lint`, `render` and `plan` with includes and variables, as a writer types them."""

from tests.cli.conftest import FIRST, SECOND, Scene

NOTE = "_snippets/note.md"


def _shared(scene: Scene) -> Scene:
    config = scene.desk.read("kbsync.toml")
    scene.desk.write("kbsync.toml", f'{config}[variables]\nname = "Acme & Sons"\n')
    scene.desk.write(NOTE, "By {{ name }}, see [the second](../guide/start/second.md).\n")
    scene.desk.write(FIRST, f"---\ntitle: First steps\n---\nPlug it in.\n\n{{% include '{NOTE}' %}}\n")
    scene.desk.commit()
    return scene


def test_render_shows_what_readers_get_of_an_article_and_of_a_snippet(scene: Scene) -> None:
    _shared(scene)
    assert "<p>By Acme &amp; Sons, see <a" in scene.kbsync("render", FIRST).out
    assert "<p>By Acme &amp; Sons, see <a" in scene.kbsync("render", NOTE).out


def test_lint_points_into_the_snippet(scene: Scene) -> None:
    _shared(scene)
    assert scene.kbsync("lint").code == 0
    scene.desk.write(NOTE, "---\nfor: us\n---\n[gone](gone.md)\n{% include 'nowhere' %}\n")
    ended = scene.kbsync("lint", "--format", "json")
    assert [(problem["path"], problem["line"]) for problem in ended.page["problems"]] == [(NOTE, 4), (NOTE, 5)]
    ended = scene.kbsync("render", NOTE)
    assert (ended.code, ended.out) == (1, "")
    assert ended.err.startswith(f"{NOTE}:5: there is no `nowhere` to include")


def test_a_plan_shows_what_a_snippet_or_a_variable_changes(scene: Scene) -> None:
    _shared(scene).published()
    scene.desk.write(NOTE, "By {{ name }}.\n")
    ended = scene.kbsync("plan")
    lines = [line.strip() for line in ended.out.splitlines()]
    assert f"~ update {FIRST}  body" in lines
    assert "+By Acme & Sons." in lines
    assert lines[-1] == "1 to update, 3 unchanged."
    assert SECOND not in ended.out.replace("second.md).", "")


def test_a_pull_names_an_edit_within_a_snippet_and_ends_in_4(scene: Scene) -> None:
    _shared(scene).published()
    number = scene.article("First steps")
    body = scene.portal.store.article(number).description
    scene.portal.store.edit_article(number, body=body.replace("By Acme", "From Acme"))
    before = scene.desk.content()
    ended = scene.kbsync("pull")
    assert ended.code == 4
    assert f"what was edited on the portal comes from `{NOTE}`; edit it there" in " ".join(ended.out.split())
    assert scene.desk.content() == before
