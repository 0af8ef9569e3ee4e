"""The rules of lint: their codes and pages, one data file of cases a hundred, and what can be ignored."""

import re
from dataclasses import replace
from pathlib import Path

import pytest

import kbsync
from kbsync.config import load_config
from kbsync.engine.context import problems_of
from kbsync.errors import ConfigError, Problem
from kbsync.files import WorkingTree
from kbsync.rules import RULES, Rule, is_selected, selector_error
from tests.content.cases import HERE, Case, cases
from tests.git.conftest import put

SOURCE = Path(kbsync.__file__).parent
PAGES = SOURCE.parent / "content" / "5-reference" / "lint"
CASES = [case for file in sorted((HERE / "lint").glob("*.txt")) for case in cases(f"lint/{file.name}", parts=2)]
PAGE = "a/b/page.md"


def problems(place: Path, files: str) -> tuple[Problem, ...]:
    """Lint a tree; each file is below a line `==> PATH`, but for `a/b/page.md`, which may come first."""
    name, *others = re.split(r"^==> (.+)\n", f"==> {PAGE}\n{files}", flags=re.MULTILINE)[1:]
    texts = dict(zip([name, *others[1::2]], others[::2], strict=True))
    put(place, {path: text for path, text in texts.items() if text or path != PAGE})
    try:
        return problems_of(load_config(place, {}, {}), WorkingTree(place))
    except ConfigError as error:
        return error.problems


def places(found: tuple[Problem, ...]) -> str:
    return "".join(f"{one.path}:{one.line}:{one.column} {one.code}{' fixable' * one.fixable}\n" for one in found)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.title)
def test_each_problem_has_its_place_and_its_code(tmp_path: Path, case: Case) -> None:
    files, expected = case.parts
    assert places(problems(tmp_path, files)) == expected


def test_every_rule_has_a_case_but_for_those_of_the_file_system_and_the_environment() -> None:
    tested = {code for case in CASES for code in re.findall(r"KB\d{3}", case.parts[1])}
    of_the_system = {
        "KB201",
        "KB203",
        "KB204",
        "KB205",
        "KB206",
        "KB210",
        "KB211",
        "KB224",
        "KB232",
        "KB240",
        "KB241",
        "KB502",
    }
    assert RULES.keys() - tested == of_the_system


def test_the_codes_in_the_source_are_the_rules() -> None:
    named = {
        code
        for file in SOURCE.rglob("*.py")
        if file.name != "rules.py"
        for code in re.findall(r'"(KB\d{3})"', file.read_text(encoding="utf-8"))
    }
    assert named == set(RULES)
    rows = re.findall(r'"(KB\d{3})"', (SOURCE / "rules.py").read_text(encoding="utf-8"))
    assert len(rows) == len(RULES), "a code is used twice"
    assert len({rule.name for rule in RULES.values()}) == len(RULES)


@pytest.mark.parametrize("rule", RULES.values(), ids=lambda rule: rule.code)
def test_each_rule_has_its_heading_on_the_page_of_its_hundred(rule: Rule) -> None:
    (page,) = PAGES.glob(f"kb{rule.code[2]}-*.md")
    section = page.read_text(encoding="utf-8").partition(f"\n## {rule.code}\n")[2].partition("\n## ")[0]
    severity = "error" if rule.is_error else "warning"
    assert section.startswith(f"\n`{rule.name}`, {severity}. {rule.summary[0].upper()}{rule.summary[1:]}.\n\n")
    assert "```text\n" in section
    assert "\n**Fix:** " in section


def test_no_page_explains_a_rule_that_does_not_exist() -> None:
    explained = [
        code for page in PAGES.glob("*.md") for code in re.findall(r"^## (KB\w+)$", page.read_text(), re.MULTILINE)
    ]
    assert sorted(explained) == sorted(RULES)


ANCHOR, DEAD = "[x](#nowhere)", "[x](dead.md)"
TITLE = "# T\n\n"


@pytest.mark.parametrize(
    ("text", "left"),
    [
        (f"{ANCHOR} <!-- kbsync: ignore KB306 -->\n\n{ANCHOR}\n", [5]),
        (f"<!-- kbsync: ignore KB306 -->\n{ANCHOR}\n\n{ANCHOR}\n", [6]),
        (f"<!-- kbsync: ignore KB306 -->\n\n{ANCHOR}\n{ANCHOR}\n\n{ANCHOR}\n", [8]),
        (f"<!-- kbsync: ignore KB3 -->\n- {ANCHOR}\n- {ANCHOR}\n\n  {ANCHOR}\n\nText {ANCHOR}\n", [9]),
        (f"- a\n\n  <!-- kbsync: ignore KB306 -->\n  {ANCHOR}\n- {ANCHOR}\n", [7]),
        (f"{ANCHOR}\n\n<!-- kbsync: ignore-file KB306 -->\n", []),
        (f"<!--kbsync: ignore KB121,KB306-->\n{ANCHOR}\n", []),
        (f"<!--\nkbsync: ignore\nKB121 KB306\n-->\n{ANCHOR}\n", []),
        (f"<!-- kbsync: ignore KB121 -->\n{ANCHOR}\n", [4]),
        (f"<!-- kbsync: ignore KB306 -->\n\n{DEAD}\n", [5]),
        (f"<!-- kbsync: ignore-file KB -->\n{DEAD} {ANCHOR}\n", [4]),
        (f"`<!-- kbsync: ignore KB306 -->` {ANCHOR}\n", [3]),
        (f"```html\n<!-- kbsync: ignore-file KB306 -->\n```\n{ANCHOR}\n", [6]),
        (f"{ANCHOR}\n\n<!-- kbsync: ignore KB306 -->\n", [3]),
    ],
)
def test_a_comment_ignores_warnings_of_its_line_its_block_or_its_file(
    tmp_path: Path, text: str, left: list[int]
) -> None:
    assert [problem.line for problem in problems(tmp_path, TITLE + text)] == left


def test_a_comment_in_an_included_file_is_about_that_file(tmp_path: Path) -> None:
    files = TITLE + f"{ANCHOR}\n\n{{% include '_s/x.md' %}}\n"
    found = problems(tmp_path, f"{files}==> _s/x.md\nA\n\n{ANCHOR} <!-- kbsync: ignore KB306 -->\n")
    assert [(problem.path, problem.line) for problem in found] == [(PAGE, 3)]


def test_a_comment_that_names_no_rule_or_an_error_is_a_warning(tmp_path: Path) -> None:
    text = "<!-- kbsync: ignore KB301 KB999 -->\n\nA <!-- kbsync: ignore -->\n"
    found = problems(tmp_path, TITLE + text + DEAD + "\n")
    assert [(problem.line, problem.column, problem.code) for problem in found] == [
        (3, 1, "KB104"),
        (3, 1, "KB104"),
        (5, 3, "KB104"),
        (6, 5, "KB301"),
    ]
    assert [problem.message for problem in found][:2] == [
        "KB301 is an error, and errors cannot be ignored",
        "unknown rule 'KB999'",
    ]


def test_settings_ignore_warnings_and_name_what_they_cannot_ignore(tmp_path: Path) -> None:
    files = f"{TITLE}{ANCHOR} {DEAD}\n==> kbsync.toml\n[lint]\nignore = "
    assert [one.code for one in problems(tmp_path, files + '["KB306"]\n')] == ["KB301"]
    assert [one.code for one in problems(tmp_path, files + '["KB"]\n')] == ["KB301"]
    found = problems(tmp_path, files + '["KB301", "kb306", "KB39"]\n')
    assert [(one.code, one.line, one.column) for one in found] == [("KB103", 2, 12), ("KB103", 2, 21), ("KB103", 2, 30)]
    assert found[1].advice == "did you mean KB306?"


def test_a_target_in_the_repository_outside_the_tree_is_named(tmp_path: Path) -> None:
    put(tmp_path, {".git/HEAD": "", "img/x.png": "x"})
    (found,) = problems(tmp_path / "docs", f"{TITLE}![p](/img/x.png)\n")
    assert (found.code, found.is_error) == ("KB307", False)
    assert found.message == "the picture `/img/x.png`: its target is in the repository, outside the content tree"
    (absent,) = problems(tmp_path / "docs", f"{TITLE}![p](/img/y.png)\n")
    assert absent.message == "the picture `/img/y.png`: target not found in the content tree"


def test_errors_are_always_shown() -> None:
    assert is_selected("KB301", select=("KB1",), ignore=("KB3",))
    assert is_selected("KB306")
    assert not is_selected("KB306", select=("KB1",))
    assert not is_selected("KB306", ignore=("KB30",))
    assert selector_error("KB301", ignoring=False) is None


def test_a_warning_is_marked_in_the_text_of_a_problem() -> None:
    problem = Problem(path="a.md", line=3, column=5, code="KB306", message="m", advice="a")
    assert str(problem) == "a.md:3:5: KB306 warning: m (a)"
    assert str(replace(problem, code="KB301")) == "a.md:3:5: KB301 m (a)"
    assert str(replace(problem, code="KB215", line=0, advice="")) == "a.md: KB215 warning: m"


def test_only_the_articles_below_some_paths_are_checked_and_those_that_include_files(tmp_path: Path) -> None:
    files = f"{TITLE}{DEAD}\n==> a/b/two.md\n{TITLE}{DEAD}\n==> a/c/three.md\n{TITLE}{{% include '_s/x.md' %}}\n"
    problems(tmp_path, f"{files}==> _s/x.md\n{DEAD}\n")
    config, tree = load_config(tmp_path, {}, {}), WorkingTree(tmp_path)
    assert {one.path for one in problems_of(config, tree)} == {PAGE, "a/b/two.md", "_s/x.md"}
    assert {one.path for one in problems_of(config, tree, [PAGE])} == {PAGE, "_s/x.md"}
    assert {one.path for one in problems_of(config, tree, ["_s/x.md"])} == {"_s/x.md"}
