"""Includes and variables in a tree: their sources, what is content, and the places of problems."""

from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kbsync.content.lint import lint
from kbsync.content.selection import TreeRules
from kbsync.content.tree import ContentTree, read_article, read_tree
from kbsync.digests import source_key
from kbsync.errors import ContentError, Problem
from kbsync.files import WorkingTree
from tests.content.cases import shown
from tests.git.conftest import put

TITLE = "---\ntitle: T\n---\n\n"
PAGE = "a/b/c.md"


def tree_of(place: Path, files: Mapping[str, str | bytes], **variables: str) -> ContentTree:
    put(place, files)
    return read_tree(WorkingTree(place), TreeRules(variables=variables))


def messages(tree: ContentTree) -> list[str]:
    return [shown(problem) for problem in lint(tree, assets_url=None)]


def body(tree: ContentTree, path: str = PAGE) -> str:
    (article,) = [article for article in tree.knowledge.articles if article.path == path]
    return article.body


def test_the_nearest_variable_wins(tmp_path: Path) -> None:
    use = "{{ who }} {{ where }} {{ when }} {{ what }}\n"
    tree = tree_of(
        tmp_path,
        {
            "_index.md": "---\ndefaults:\n  variables: {where: root, when: root}\n---\n",
            "a/b/_index.md": "---\ndefaults:\n  variables:\n    when: 1.10\n---\n",
            PAGE: f"---\ntitle: T\nvariables:\n  what: no\n---\n\n{use}",
            "a/x/c.md": TITLE + use,
        },
        who="config",
        where="config",
    )
    assert messages(tree) == []
    assert body(tree) == "config root 1.10 no\n"
    assert body(tree, "a/x/c.md") == "config root root {{ what }}\n"
    assert tree.variables_at(PAGE) == {"who": "config", "where": "root", "when": "1.10", "what": "no"}
    assert tree.variables_at("a/b/new.md") == tree.variables_at("a/b/new/newer.md")
    assert tree.variables_at("a/b/new.md") == {"who": "config", "where": "root", "when": "1.10"}
    assert tree.variables_at("z/z.md") == {"who": "config", "where": "root", "when": "root"}


def test_the_source_stays_as_it_is_in_the_file(tmp_path: Path) -> None:
    text = TITLE + '{{ who }}\n\n{% include "_s/x.md" %}\n'
    tree = tree_of(tmp_path, {PAGE: text, "_s/x.md": "---\nanything: goes\n---\n\n\nX\n\n"}, who="us")
    (article,) = tree.knowledge.articles
    assert article.origin is not None
    assert (article.body, article.origin.text) == ("us\n\nX\n", text)
    assert tree.expansions.keys() == {PAGE}
    assert tree.excluded == ("_s/x.md",)


def test_an_article_without_marks_has_no_expansion(tmp_path: Path) -> None:
    tree = tree_of(tmp_path, {PAGE: TITLE + "{{ticket.id}} {% if x %} `{{ who }}`\n"}, who="us")
    assert tree.expansions == {}
    (message,) = messages(tree)
    assert "`{% if x %}`" in message, "an unknown mark is named, and what is in code is not"


@pytest.mark.parametrize(
    ("front", "line", "what"),
    [
        ("variables: x", 3, "`variables` must contain"),
        ("variables: [x]", 3, "`variables` must contain"),
        ("variables:\n  a b: x", 4, "`a b` is not a valid variable name"),
        ("variables:\n  1a: x", 4, "`1a` is not a valid variable name"),
        ("variables:\n  a:", 4, "the variable `a` has no text"),
        ("variables:\n  a: [x]", 4, "the variable `a` has no text"),
        ("variables:\n  a: |\n    x\n    y", 4, "the variable `a` has more than one line"),
        ("variable: {a: x}", 3, "unknown key `variable` for an article (did you mean `variables`?)"),
    ],
)
def test_invalid_variables_are_reported(tmp_path: Path, front: str, line: int, what: str) -> None:
    tree = tree_of(tmp_path, {PAGE: f"---\ntitle: T\n{front}\n---\n\nText\n"})
    (problem,) = messages(tree)
    assert problem.startswith(f"{PAGE}:{line}: {what}")


PROBLEMS = {
    "_s/nope.md": "included file not found: `_s/nope.md` (did you mean `_s/note.md`?)",
    "note.md": "included file not found: `note.md` (did you mean `_s/note.md`?)",
    "d.md": "included file not found: `d.md` (did you mean `a/b/d.md`? write the path from the content root)",
    "": "`` is not a path inside the content tree",
    "/etc/passwd": "`/etc/passwd` is not a path inside the content tree",
    "C:/x.md": "`C:/x.md` is not a path inside the content tree",
    "_s\\note.md": "`_s\\note.md` is not a path inside the content tree",
    "../outside.md": "`../outside.md` is not a plain path",
    "a/../_s/note.md": "`a/../_s/note.md` is not a plain path",
    "./_s/note.md": "`./_s/note.md` is not a plain path",
    "_s//note.md": "`_s//note.md` is not a plain path",
    ".env": "`.env` cannot be included: a name begins with a dot",
    ".kbsync/production/x.json": "`.kbsync/production/x.json` cannot be included: a name begins with a dot",
    "_s/link.md": "`_s/link.md` cannot be included: `_s/link.md` is a symbolic link",
    "_linked/note.md": "`_linked/note.md` cannot be included: `_linked` is a symbolic link",
    "_s/latin.md": "`_s/latin.md` cannot be included: it is not UTF-8",
    "_s": "included file not found: `_s`",
}


@pytest.mark.parametrize("path", PROBLEMS)
def test_a_file_that_cannot_be_included_is_a_problem_with_its_place(tmp_path: Path, path: str) -> None:
    root = tmp_path / "root"
    put(tmp_path, {"outside.md": "secret", "far/note.md": "secret"})
    put(
        root,
        {
            "_s/note.md": "N",
            "_s/latin.md": b"\xe9",
            "a/b/d.md": TITLE,
            ".env": "KEY=secret",
            ".kbsync/production/x.json": "{}",
        },
    )
    (root / "_s" / "link.md").symlink_to(tmp_path / "outside.md")
    (root / "_linked").symlink_to(tmp_path / "far")
    tree = tree_of(root, {PAGE: f"{TITLE}Text\n\n{{% include '{path}' %}}\n"})
    found = [problem for problem in messages(tree) if problem.startswith(f"{PAGE}:7: ")]
    assert len(found) == 1
    assert found[0].startswith(f"{PAGE}:7: {PROBLEMS[path]}")
    assert "secret" not in body(tree)


def test_problems_in_an_included_file_are_reported_there_once(tmp_path: Path) -> None:
    note = "---\nx: y\n---\n\nOne\n\n[bad](gone.md) [draft](../a/b/d.md) <script>x</script> [h](#nowhere)\n"
    include = '\n\n{% include "_s/note.md" %}\n'
    tree = tree_of(
        tmp_path,
        {
            "_s/note.md": note,
            PAGE: TITLE + include,
            "a/b/d.md": "---\ntitle: D\nstatus: draft\n---\n" + include,
            "a/b/in/e.md": TITLE + "Here: " + include.strip() + " [own](gone.md)\n",
        },
    )
    wanted = {
        "_s/note.md:7: the link `gone.md`: target not found (fix or remove the link)",
        "_s/note.md:7: the link `../a/b/d.md`: its target `a/b/d.md` is a draft (publish it, or remove the link)",
        "_s/note.md:7: <script> would run in a reader's browser (take it out)",
    }
    assert wanted <= set(messages(tree))
    assert (
        f"_s/note.md:7: the link `#nowhere` leads to no heading of that name (see the headings of `{PAGE}`)"
        in messages(tree)
    )
    assert any(
        problem.startswith("a/b/in/e.md:5: `_s/note.md` has more than one paragraph") for problem in messages(tree)
    )
    assert any(problem.startswith("a/b/in/e.md:5: the link `gone.md`") for problem in messages(tree))


def test_a_link_included_within_a_line_is_reported_in_its_own_file(tmp_path: Path) -> None:
    files = {PAGE: TITLE + "[mine](gone.md) {% include '_s/x.md' %}\n", "_s/x.md": "[theirs](../a/gone.md)\n"}
    assert [problem.partition(": target")[0] for problem in messages(tree_of(tmp_path, files))] == [
        "_s/x.md:1: the link `../a/gone.md`",
        f"{PAGE}:5: the link `gone.md`",
    ]


def test_lines_after_an_include_keep_their_numbers(tmp_path: Path) -> None:
    text = '# Title\n\n{% include "_s/x.md" %}\n\n{{ who }}\n\n[x](gone.md)\n'
    tree = tree_of(tmp_path, {PAGE: text, "_s/x.md": "1\n\n2\n\n3\n"}, who="us")
    assert [problem.split(": the")[0] for problem in messages(tree)] == [f"{PAGE}:7"]


def test_an_included_file_outside_of_folders_is_not_an_article(tmp_path: Path) -> None:
    files: dict[str, str | bytes] = {
        "snippets/x.md": "X\n",
        "loose.md": "{% include 'deeper.md' %}\n",
        "deeper.md": "D\n",
    }
    tree = tree_of(tmp_path, files | {PAGE: TITLE + "{% include 'snippets/x.md' %}\n{% include 'loose.md' %}\n"})
    assert (messages(tree), body(tree)) == ([], "X\nD\n")
    assert {"snippets/x.md", "loose.md", "deeper.md"} <= set(tree.excluded)
    alone = read_tree(WorkingTree(tmp_path), TreeRules(ignore=(PAGE,)))
    assert any(problem.startswith("snippets/x.md:1: is not inside a folder") for problem in messages(alone))


def test_an_article_can_be_included_too(tmp_path: Path) -> None:
    tree = tree_of(
        tmp_path, {PAGE: TITLE + "{% include 'a/b/d.md' %}\n", "a/b/d.md": TITLE + "D {{ who }}\n"}, who="us"
    )
    assert (messages(tree), body(tree), body(tree, "a/b/d.md")) == ([], "D us\n", "D us\n")


def test_files_with_windows_line_endings_are_read_the_same(tmp_path: Path) -> None:
    bom = b"\xef\xbb\xbf"
    page = bom + (TITLE + "{{ who }}\n\n> {% include '_s/x.md' %}\n\n[x](gone.md)\n").replace("\n", "\r\n").encode()
    tree = tree_of(tmp_path, {PAGE: page, "_s/x.md": bom + b"---\r\na: b\r\n---\r\n\r\nOne\r\n\r\nTwo\r\n"}, who="us")
    assert body(tree) == "us\n\n> One\n>\n> Two\n\n[x](gone.md)\n"
    assert [problem.split(": the")[0] for problem in messages(tree)] == [f"{PAGE}:9"]


def test_names_and_texts_of_any_script(tmp_path: Path) -> None:
    files = {"_s/הערה 😀.md": "\u200fשלום {{ שם }}\n", PAGE: TITLE + "{% include '_s/הערה 😀.md' %}\n"}
    assert body(tree_of(tmp_path, dict(files), שם="עולם")) == "\u200fשלום עולם\n"
    decomposed = {"_s/e\u0301.md": "é\n", PAGE: TITLE + "{% include '_s/\u00e9.md' %}\n"}
    assert body(tree_of(tmp_path / "nfd", dict(decomposed))) == "é\n"


def test_empty_and_broken_included_files_are_reported(tmp_path: Path) -> None:
    files = {"_s/empty.md": "", "_s/open.md": "---\nx: y\n", "_s/merge.md": "<<<<<<< a\n=======\n>>>>>>> b\n"}
    includes = "\n\n".join(f"{{% include '{path}' %}}" for path in files)
    tree = tree_of(tmp_path, {**files, PAGE: TITLE + includes})
    found = messages(tree)
    assert len(found) == 3
    assert found[0].startswith("_s/merge.md:1: contains conflict markers")
    assert found[1].startswith(f"{PAGE}:7: `_s/open.md` cannot be included: the front matter has no closing")
    assert found[2].startswith(f"{PAGE}:9: `_s/merge.md` cannot be included: it contains conflict markers")


WORDS = st.sampled_from(["one", "two", "{{ who }}", "{{ what }}", "{% include '_s/a.md' %}", "{% include '_s/b.md' %}"])
TEXTS = st.lists(WORDS, max_size=5).map("\n\n".join)


class MemoryFiles:
    """Files of a tree in memory."""

    def __init__(self, files: dict[str, str]) -> None:
        self.files = files

    def paths(self) -> tuple[str, ...]:
        return tuple(sorted(self.files))

    def problems(self) -> tuple[Problem, ...]:
        return ()

    def read(self, path: str) -> bytes:
        return self.files[path].encode()


@given(st.lists(TEXTS, min_size=1, max_size=4), st.data())
def test_a_change_affects_exactly_the_articles_that_use_it(pages: list[str], data: st.DataObject) -> None:
    """Change an included file or a variable: the key of an article changes exactly when its body does."""
    files = {f"a/b/{number}.md": TITLE + text for number, text in enumerate(pages)}
    shared = {"_s/a.md": "A {{ what }}", "_s/b.md": "B"}
    values = {"who": "w", "what": "v"}
    changed = data.draw(st.sampled_from([*shared, *values]))
    after_files = shared | ({changed: "changed"} if changed in shared else {})
    after_values = values | ({changed: "changed"} if changed in values else {})
    before = read_tree(MemoryFiles(files | shared), TreeRules(variables=values)).knowledge.articles
    after = read_tree(MemoryFiles(files | after_files), TreeRules(variables=after_values)).knowledge.articles
    for old, new, text in zip(before, after, pages, strict=True):
        uses = changed in text or (changed == "what" and "_s/a.md" in text)
        assert (source_key(old, ()) != source_key(new, ())) == uses == (old.body != new.body)


def test_one_article_is_read_alone_with_its_variables_and_includes(tmp_path: Path) -> None:
    files: dict[str, str | bytes] = {
        "_index.md": "---\ndefaults:\n  variables: {who: us}\n---\n",
        "a/broken.md": "---\n",
        "_s/x.md": "X {{ who }}\n",
        PAGE: TITLE + "{% include '_s/x.md' %} {% include 'nope' %}\n",
    }
    put(tmp_path, files)
    for path, wanted in ((PAGE, "X us {% include 'nope' %}\n"), ("_s/x.md", "X us\n")):
        found = read_article(WorkingTree(tmp_path), TreeRules(), path)
        assert found is not None
        assert found[0].body == wanted
    assert read_article(WorkingTree(tmp_path), TreeRules(), "a/b/gone.md") is None
    with pytest.raises(ContentError):
        read_article(WorkingTree(tmp_path), TreeRules(), "a/broken.md")
