"""`lint`, `render` and `plan` with includes and variables, as a writer runs them."""

from tests.cli.conftest import FIRST, SECOND, Project

NOTE = "_snippets/note.md"


def _shared(project: Project) -> Project:
    config = project.checkout.read("kbsync.toml")
    project.checkout.write("kbsync.toml", f'{config}[variables]\nname = "Acme & Sons"\n')
    project.checkout.write(NOTE, "By {{ name }}, see [the second](../guide/start/second.md).\n")
    project.checkout.write(FIRST, f"---\ntitle: First steps\n---\nPlug it in.\n\n{{% include '{NOTE}' %}}\n")
    project.checkout.commit()
    return project


def test_render_shows_what_readers_get_of_an_article_and_of_a_snippet(project: Project) -> None:
    _shared(project)
    assert "<p>By Acme &amp; Sons, see <a" in project.kbsync("render", FIRST).out
    assert "<p>By Acme &amp; Sons, see <a" in project.kbsync("render", NOTE).out


def test_lint_names_the_line_of_the_snippet(project: Project) -> None:
    _shared(project)
    assert project.kbsync("lint").code == 0
    project.checkout.write(NOTE, "---\nfor: us\n---\n[gone](gone.md)\n{% include 'nowhere' %}\n")
    result = project.kbsync("lint", "--format", "json")
    assert [(problem["path"], problem["line"]) for problem in result.json["problems"]] == [(NOTE, 4), (NOTE, 5)]
    result = project.kbsync("render", NOTE)
    assert (result.code, result.out) == (1, "")
    assert result.err.startswith(f"{NOTE}:5:1: KB230 included file not found: `nowhere`")


def test_a_plan_shows_what_a_snippet_or_a_variable_changes(project: Project) -> None:
    _shared(project).published()
    project.checkout.write(NOTE, "By {{ name }}.\n")
    result = project.kbsync("plan")
    lines = [line.strip() for line in result.out.splitlines()]
    assert f"~ update {FIRST}  body" in lines
    assert "+By Acme & Sons." in lines
    assert "1 to update, 3 unchanged." in lines
    assert SECOND not in result.out.replace("second.md).", "")


def test_a_pull_names_an_edit_within_a_snippet_and_ends_in_4(project: Project) -> None:
    _shared(project).published()
    number = project.article("First steps")
    body = project.portal.store.article(number).description
    project.portal.store.edit_article(number, body=body.replace("By Acme", "From Acme"))
    before = project.checkout.content()
    result = project.kbsync("pull")
    assert result.code == 4
    assert f"the text edited on the portal comes from `{NOTE}`; edit that file" in " ".join(result.out.split())
    assert project.checkout.content() == before
