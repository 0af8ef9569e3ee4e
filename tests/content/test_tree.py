"""Reading a tree, with the problems of its files."""

import os
from collections.abc import Mapping
from pathlib import Path

import pytest

from kbsync.content.selection import TreeRules
from kbsync.content.tree import ContentTree, read_tree
from kbsync.errors import UsageError
from kbsync.files import WorkingTree
from kbsync.model import Seo, Status, Visibility
from tests.content.cases import shown
from tests.git.conftest import put

GOOD = "---\ntitle: Good\n---\n\nBody\n"


def tree_of(place: Path, files: Mapping[str, str | bytes], rules: TreeRules | None = None) -> ContentTree:
    put(place, files)
    return read_tree(WorkingTree(place), rules or TreeRules())


def messages(tree: ContentTree) -> list[str]:
    return [shown(problem) for problem in tree.problems]


def test_a_tree_becomes_categories_folders_articles_and_assets(tmp_path: Path) -> None:
    tree = tree_of(
        tmp_path,
        {
            "kbsync.toml": "",
            "README.md": "# About the repository",
            "LICENSE": "",
            ".kbsync/production/x.json": "{}",
            "faq/_index.md": "---\nname: Questions\nportals: [1, 2]\nid: 5\n---\n\nAnswers.\n",
            "faq/Getting Started/a.md": GOOD,
            "faq/Getting Started/img/a.png": b"\x89",
            "faq/Getting Started/deep/er/b.md": "# Deep\n\nBody\n",
            "faq/later/_index.md": "---\nvisibility: companies\ncompanies: [7]\ndescription: Soon\n---\n",
            "faq/_drafts/x.md": "no",
            "faq/later/_notes.md": "no",
            "faq/later/.hidden.md": "no",
        },
    )
    known = tree.knowledge
    assert messages(tree) == []
    assert [(item.path, item.name) for item in known.categories] == [("faq", "Questions")]
    assert known.categories[0].description == "Answers."
    assert known.categories[0].portals == (1, 2)
    assert known.categories[0].id == 5
    assert [(item.path, item.name) for item in known.folders] == [
        ("faq/Getting Started", "Getting Started"),
        ("faq/Getting Started/deep", "deep"),
        ("faq/Getting Started/deep/er", "er"),
        ("faq/later", "later"),
    ]
    assert known.folders[-1].visibility is Visibility.COMPANIES
    assert known.folders[-1].companies == (7,)
    assert known.folders[-1].description == "Soon"
    assert known.folders[0].description is None
    assert [(item.path, item.title, item.body) for item in known.articles] == [
        ("faq/Getting Started/a.md", "Good", "Body\n"),
        ("faq/Getting Started/deep/er/b.md", "Deep", "Body\n"),
    ]
    assert known.assets == {"faq/Getting Started/img/a.png"}
    assert {"README.md", ".kbsync/production/x.json", "faq/_drafts/x.md", "faq/later/_notes.md"} <= set(tree.excluded)


def test_an_article_has_its_fields_and_the_line_of_its_body(tmp_path: Path) -> None:
    text = (
        "---\ntitle: 2024\nstatus: draft\ntags: [no, 1.0, ünï]\nseo:\n  title: S\n  keywords: [a, b]\n"
        "author: a@example.com\nid: {production: 12, staging: 13}\n---\n\n\nBody\n"
    )
    article = tree_of(tmp_path, {"a/b/c.md": text}).knowledge.articles[0]
    assert (article.title, article.status, article.tags) == ("2024", Status.DRAFT, ("no", "1.0", "ünï"))
    assert article.seo == Seo(title="S", keywords=("a", "b"))
    assert (article.author, article.id) == ("a@example.com", 12)
    assert article.origin is not None
    assert (article.origin.text, article.origin.body_line) == (text, 13)


def test_what_front_matter_leaves_out_is_not_managed_but_status(tmp_path: Path) -> None:
    article = tree_of(tmp_path, {"a/b/c.md": GOOD}).knowledge.articles[0]
    assert (article.status, article.tags, article.seo, article.author) == (Status.PUBLISHED, None, Seo(), None)


def test_an_id_for_another_target_is_ignored(tmp_path: Path) -> None:
    tree = tree_of(tmp_path, {"a/b/c.md": "---\ntitle: T\nid:\n  staging: 13\n---\n"})
    assert (tree.knowledge.articles[0].id, messages(tree)) == (None, [])


def test_defaults_are_inherited_and_the_nearest_wins(tmp_path: Path) -> None:
    tree = tree_of(
        tmp_path,
        {
            "_index.md": "---\ndefaults: {author: root@example.com, tags: [root]}\n---\n",
            "a/_index.md": "---\ndefaults:\n  status: draft\n  seo: {title: S, description: D}\n---\n",
            "a/b/_index.md": "---\ndefaults:\n  tags: [b]\n  seo:\n    title: Near\n---\n",
            "a/b/c.md": "---\ntitle: T\nstatus: published\nseo: {keywords: [k]}\n---\n",
            "a/x/c.md": GOOD,
        },
    )
    near, far = tree.knowledge.articles
    assert messages(tree) == []
    assert (near.status, near.tags, near.author) == (Status.PUBLISHED, ("b",), "root@example.com")
    assert near.seo == Seo(title="Near", description="D", keywords=("k",))
    assert (far.status, far.tags) == (Status.DRAFT, ("root",))


def test_an_unpublished_article_is_not_content(tmp_path: Path) -> None:
    tree = tree_of(
        tmp_path,
        {"a/b/c.md": "---\ntitle: T\npublish: no\n---\n", "a/c/d.md": GOOD, "loose.md": "---\npublish: false\n---\n"},
    )
    assert [item.path for item in tree.knowledge.items()] == ["a", "a/c", "a/c/d.md"]
    assert (tree.excluded, messages(tree)) == (("a/b/c.md", "loose.md"), [])


def test_ignore_globs_work_as_in_gitignore(tmp_path: Path) -> None:
    rules = TreeRules(ignore=("drafts/", "**/tmp*.md", "/a/b/x.md", "!a/b/tmp-kept.md"))
    files = dict.fromkeys(
        ["a/b/c.md", "a/b/x.md", "a/d/b/x.md", "a/b/tmp1.md", "a/b/tmp-kept.md", "a/drafts/y.md"], GOOD
    )
    tree = tree_of(tmp_path, files, rules)
    assert [article.path for article in tree.knowledge.articles] == ["a/b/c.md", "a/b/tmp-kept.md", "a/d/b/x.md"]
    with pytest.raises(UsageError, match="ignore"):
        read_tree(WorkingTree(tmp_path), TreeRules(ignore=("a\\",)))


def test_translations_are_skipped_and_listed(tmp_path: Path) -> None:
    files = dict.fromkeys(["a/b/c.md", "a/b/c.fr.md", "a/b/c.PT-br.md", "a/b/v1.2.md", "a/b/c.de.md"], GOOD)
    tree = tree_of(tmp_path, {**files, "a/_index.fr.md": "x"}, TreeRules(languages=("fr", "pt-BR")))
    assert tree.translations == ("a/_index.fr.md", "a/b/c.PT-br.md", "a/b/c.fr.md")
    assert [article.path for article in tree.knowledge.articles] == ["a/b/c.de.md", "a/b/c.md", "a/b/v1.2.md"]


def test_a_directory_without_articles_is_a_folder_only_with_an_index_file(tmp_path: Path) -> None:
    tree = tree_of(tmp_path, {"a/_index.md": "", "b/img/x.png": b"", "a/c/_index.md": "", "a/d/e/x.png": b""})
    assert [item.path for item in tree.knowledge.items()] == ["a", "a/c"]
    assert messages(tree) == []


def test_an_empty_root_is_an_empty_tree(tmp_path: Path) -> None:
    assert read_tree(WorkingTree(tmp_path), TreeRules()).knowledge.articles == ()


@pytest.mark.parametrize(
    ("path", "text", "message"),
    [
        ("a/b/c.md", "---\ntitel: T\ntitle: T\n---\n", ":2: unknown key `titel` for an article (did you mean `title`"),
        ("a/b/c.md", "---\ntitle: T\nseo: {titel: x}\n---\n", "key `seo.titel` for `seo` (did you mean `seo.title`"),
        ("a/b/c.md", "---\ntitle: T\nzzz: 1\n---\n", "known keys: title, status"),
        ("a/b/c.md", "---\ntitle: T\nstatus: publishd\n---\n", "`status` cannot be `publishd` (did you mean `publi"),
        ("a/b/c.md", "---\ntitle: T\nstatus: draft\ndraft: no\n---\n", ":4: `draft: false` contradicts `status: draf"),
        ("a/b/c.md", "---\ntitle: T\ndraft: maybe\n---\n", ":3: `draft` must be true or false"),
        ("a/b/c.md", "---\ntitle: T\ntags: a, b\n---\n", ":3: `tags` must be a list (write `[a, b]`)"),
        ("a/b/c.md", f"---\ntitle: T\ntags:\n- ok\n- {'x' * 40}\n---\n", f":5: the tag `{'x' * 40}` has 40 characters"),
        ("a/b/c.md", "---\ntitle: T\ntags: [a, a]\n---\n", "is given twice in `tags`"),
        ("a/b/c.md", "---\ntitle: T\ntags: [[a]]\n---\n", "an entry of `tags` is not text"),
        ("a/b/c.md", f"---\ntitle: {'x' * 300}\n---\n", "than Freshdesk accepts (shorten it to 255 characters)"),
        ("a/b/c.md", f"\n# {'x' * 300}\n", ":2: the title has 300 characters"),
        ("a/b/c.md", "---\ntitle: [a]\n---\n", ":2: `title` must be text, not a list"),
        ("a/b/c.md", "---\ntitle: |\n  a\n  b\n---\n", "more than one line"),
        ("a/b/c.md", "---\ntitle: ''\n---\n", "`title` is empty"),
        ("a/b/c.md", "---\ntitle: T\nid: abc\n---\n", ":3: `id` must be a whole number, not `abc`"),
        ("a/b/c.md", "---\ntitle: T\nid: {production: x}\n---\n", "`id.production` must be a whole number"),
        ("a/b/c.md", "---\ntitle: T\nid: -4\n---\n", "`id` must be a whole number"),
        ("a/b/c.md", "---\ntitle: T\nauthor: someone\n---\n", "agent's e-mail or id"),
        ("a/b/c.md", "---\ntitle: T\npublish: 3\n---\n", "`publish` must be true or false"),
        ("a/b/c.md", "---\ntitle: T\nseo: words\n---\n", "`seo` must contain"),
        ("a/b/c.md", "Only words\n", ":1: has no title"),
        ("a/b/c.md", "# T\n\n<<<<<<< HEAD\na\n=======\nb\n>>>>>>> branch\n", ":3: contains conflict markers"),
        ("a/b/_index.md", "---\nname: N\nvisibility: al\n---\n", "did you mean `all`?"),
        ("a/b/_index.md", "---\nvisibility: companies\n---\n", "needs `companies`"),
        ("a/b/_index.md", "---\ncompanies: [1]\n---\n", "has no effect without `visibility: companies`"),
        ("a/b/_index.md", "---\nvisibility: contact-segments\nsegments: x\n---\n", "must be a list of whole numbers"),
        ("a/b/_index.md", "---\nportals: [1]\n---\n", "`portals` has no meaning for a folder"),
        ("a/_index.md", "---\nvisibility: all\n---\n", "`visibility` has no meaning for a category"),
        ("_index.md", "---\nname: N\n---\n", "`name` has no meaning for the root"),
        ("a/b/_index.md", "---\ndescription: x\n---\nbody\n", ":2: the description is given twice"),
        ("a/b/_index.md", "---\ndefaults: {id: 3}\n---\n", "`id` cannot be a default"),
        ("a/b/_index.md", "---\ndefaults: {stauts: draft}\n---\n", "did you mean `status`?"),
        ("a/b/_index.md", "---\ndefault: {status: draft}\n---\n", "did you mean `defaults`?"),
        ("loose.md", GOOD, "is not inside a folder"),
        ("a/loose.md", GOOD, "is not inside a folder (move it into `a/FOLDER/`"),
        ("a/b/CON.md", GOOD, "`CON.md` is a reserved device name on Windows"),
        ("a/nul/c.md", GOOD, "a/nul: `nul` is a reserved device name"),
        ("a/b/what?.md", GOOD, "contains '?'"),
        ("a/b/back\\slash.md", GOOD, "which Windows does not allow"),
        ("a/b/c.markdown", GOOD, "has a name that kbsync does not read (rename it to `c.md`)"),
        ("a/b/_Index.md", "", "rename it to `_index.md`"),
    ],
)  # fmt: skip
def test_a_problem_of_a_file_has_its_line_and_advice(tmp_path: Path, path: str, text: str, message: str) -> None:
    tree = tree_of(tmp_path, {path: text, "ok/fine/x.md": GOOD})
    assert len(tree.problems) == 1, messages(tree)
    problem = tree.problems[0]
    assert message in shown(problem)
    assert problem.advice
    assert "ok/fine/x.md" in {article.path for article in tree.knowledge.articles}


def test_all_problems_of_all_files_are_reported_at_once(tmp_path: Path) -> None:
    tree = tree_of(
        tmp_path, {"a/b/c.md": "---\ntitel: T\ntags: x\nid: y\n---\n", "a/b/d.md": "---\nx: [\n---\n", "e.md": ""}
    )
    assert [(problem.path, problem.line) for problem in tree.problems] == [
        ("a/b/c.md", 1), ("a/b/c.md", 2), ("a/b/c.md", 3), ("a/b/c.md", 4), ("a/b/d.md", 2), ("e.md", 1),
    ]  # fmt: skip


def test_one_id_given_twice_is_a_problem_at_its_line(tmp_path: Path) -> None:
    pinned = "---\ntitle: T\nid: 7\n---\n"
    tree = tree_of(tmp_path, {"a/b/c.md": pinned, "a/b/d.md": pinned, "a/_index.md": "---\nid: 7\n---\n"})
    assert messages(tree) == [
        "a/b/d.md:3: `id: 7` is also used in `a/b/c.md` (remove the wrong one; an id belongs to one item)"
    ]


def test_ids_of_another_system_can_be_ignored(tmp_path: Path) -> None:
    files = {"a/b/c.md": "---\ntitle: T\nid: x\n---\n", "a/b/d.md": "---\ntitle: T\nid: 7\n---\n"}
    tree = tree_of(tmp_path, files, TreeRules(ignored_keys=frozenset({"id"})))
    assert (messages(tree), {article.id for article in tree.knowledge.articles}) == ([], {None})


def test_two_folders_of_one_name_in_one_directory_are_a_problem(tmp_path: Path) -> None:
    index = "---\nname: N\n---\n"
    tree = tree_of(tmp_path, {"a/b/_index.md": index, "a/c/_index.md": index, "d/b/_index.md": index})
    assert messages(tree) == [
        "a/c/_index.md:2: the name `N` is already used by `a/b` (change one of them; names are unique in Freshdesk)"
    ]


def test_names_that_differ_only_in_case_are_a_problem(tmp_path: Path) -> None:
    tree = tree_of(tmp_path, {"a/b/C.md": GOOD, "a/b/c.md": GOOD, "A/x/c.md": GOOD})
    assert {problem.path for problem in tree.problems} == {"a", "a/b/c.md"}
    assert all("only in case" in problem.message for problem in tree.problems)


def test_one_name_in_two_normal_forms_is_a_problem(tmp_path: Path) -> None:
    tree = tree_of(tmp_path, {"a/b/\u00e9.md": GOOD, "a/b/e\u0301.md": GOOD})
    assert len(tree.problems) == 1
    assert "two Unicode normal forms" in messages(tree)[0]


def test_a_name_in_the_other_normal_form_has_the_same_path(tmp_path: Path) -> None:
    tree = tree_of(tmp_path, {"a/b/e\u0301te\u0301.md": GOOD})
    assert ([article.path for article in tree.knowledge.articles], messages(tree)) == (["a/b/\u00e9t\u00e9.md"], [])


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ("---\ntitle: T\n---\ncaf\u00e9\n".encode("latin-1"), ":4: is not UTF-8"),
        ("# T\n".encode("utf-16"), ":1: is not UTF-8"),
        (b"# T\n\n\0\n", ":3: contains a NUL character"),
    ],
)
def test_a_file_that_is_not_text_is_a_problem_with_its_line(tmp_path: Path, data: bytes, message: str) -> None:
    tree = tree_of(tmp_path, {"a/b/c.md": data})
    assert [message in one for one in messages(tree)] == [True]
    assert [article.path for article in tree.knowledge.articles] == ["a/b/c.md"]


def test_an_article_of_twenty_megabytes_is_read(tmp_path: Path) -> None:
    tree = tree_of(tmp_path, {"a/b/c.md": "# T\n\n" + "words " * 3_500_000})
    assert messages(tree) == []
    assert len(tree.knowledge.articles[0].body) > 20_000_000


def test_symbolic_links_are_refused_unless_they_are_ignored(tmp_path: Path) -> None:
    root = tmp_path / "root"
    put(tmp_path, {"secret.md": GOOD, "elsewhere/b/x.md": GOOD, "root/a/b/c.md": GOOD})
    (root / "a/b/leak.md").symlink_to(tmp_path / "secret.md")
    (root / "a/out").symlink_to(tmp_path / "elsewhere")
    (root / "a/loop").symlink_to(root)
    tree = read_tree(WorkingTree(root), TreeRules())
    assert [problem.path for problem in tree.problems] == ["a/b/leak.md", "a/loop", "a/out"]
    assert [article.path for article in tree.knowledge.articles] == ["a/b/c.md"]
    assert messages(read_tree(WorkingTree(root), TreeRules(ignore=("leak.md", "a/out", "a/loop")))) == []


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_cannot_be_read_is_reported(tmp_path: Path) -> None:
    put(tmp_path, {"a/b/c.md": GOOD})
    (tmp_path / "a/b/c.md").chmod(0)
    assert "cannot be read" in messages(read_tree(WorkingTree(tmp_path), TreeRules()))[0]


def test_a_file_that_vanishes_while_reading_is_reported(tmp_path: Path) -> None:
    put(tmp_path, {"a/b/c.md": GOOD})
    files = WorkingTree(tmp_path)
    (tmp_path / "a/b/c.md").unlink()
    assert "cannot be read" in messages(read_tree(files, TreeRules()))[0]


def test_names_that_are_not_text_are_reported(tmp_path: Path) -> None:
    put(tmp_path, {"a/b/c.md": GOOD})
    (tmp_path / os.fsdecode(b"a/b/caf\xe9.md")).write_bytes(b"x")
    tree = read_tree(WorkingTree(tmp_path), TreeRules())
    assert ["UTF-8" in one for one in messages(tree)] == [True]
    assert messages(tree)[0].encode()


@pytest.mark.corpus
def test_a_real_help_centre_reads_without_a_problem(corpus: Path) -> None:
    tree = read_tree(WorkingTree(corpus / "arduino-help-center" / "content"), TreeRules(ignored_keys=frozenset({"id"})))
    assert messages(tree) == []
    known = tree.knowledge
    assert (len(known.categories), len(known.folders), len(known.articles), len(known.assets)) == (7, 44, 414, 882)
    for article in known.articles:
        assert article.origin is not None
        assert article.origin.text.split("\n", article.origin.body_line - 1)[-1] == article.body


@pytest.mark.parametrize(
    ("name", "text", "title"),
    [
        ("A note", "Text\n", "A note"),
        ("getting-started", "Text\n", "getting-started"),
        ("2024-01-02 Daily", "---\ntags: [a]\n---\nText\n", "2024-01-02 Daily"),
        ("a.b", "Text\n", "a.b"),
        ("\u00dcber uns", "Text\n", "\u00dcber uns"),
        ("x", "# Heading\n\nText\n", "Heading"),
        ("x", "Text\n\n# Heading\n", "Heading"),
        ("x", "Heading\n===\n\nText\n", "Heading"),
        ("x", "---\ntitle: Given\n---\n# Heading\n", "Given"),
        ("x", "---\ntitle:\n---\nText\n", "x"),
    ],
)
def test_the_name_of_a_file_can_be_its_title(tmp_path: Path, name: str, text: str, title: str) -> None:
    tree = tree_of(tmp_path, {f"a/b/{name}.md": text}, TreeRules(title="filename"))
    assert (messages(tree), [article.title for article in tree.knowledge.articles]) == ([], [title])
    unnamed = tree_of(tmp_path, {f"a/b/{name}.md": text})
    assert [problem.code for problem in unnamed.problems] == (["KB120"] if title == name else [])
