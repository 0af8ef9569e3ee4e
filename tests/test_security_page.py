"""Pages name what there is: the tests that hold a promise, modules and their functions, the keys of a format."""

import ast
import re
import tomllib
from dataclasses import fields
from functools import cache
from pathlib import Path

import pytest

from kbsync.baseline import Baseline
from kbsync.state.ledger import RunEntry, RunRecord

ROOT = Path(__file__).parent.parent
GITHUB = ROOT / ".github"
FORMATS = ROOT / "content/5-reference/how-it-works/lock-and-ledger.md"
PAGES = {
    name: (GITHUB / f"{name}.md").read_text(encoding="utf-8") for name in ("ARCHITECTURE", "CONTRIBUTING", "SECURITY")
}
TEST = re.compile(r"`(tests/[\w/]+\.py)::(test_\w+)`")
FILE = re.compile(r"`((?:tests|kbsync|content)/[\w/-]+(?:/|\.py|\.md|\.txt))`")
FUNCTION = re.compile(r"`([\w/]+\.py)`\s+`([\w.]+)`")


@cache
def definitions(path: Path) -> frozenset[str]:
    """Return the functions, classes and methods that a module defines, methods as `Class.method`."""
    found = set()
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            found.add(node.name)
        if isinstance(node, ast.ClassDef):
            found |= {f"{node.name}.{part.name}" for part in node.body if isinstance(part, ast.FunctionDef)}
    return frozenset(found)


def unknown_names(page: str) -> list[str]:
    """Return the tests, files and functions that a page names and that do not exist."""
    wrong = [path for path in FILE.findall(page) if not any((top / path).exists() for top in (ROOT, ROOT / "kbsync"))]
    places = [(ROOT / path, name) for path, name in TEST.findall(page)]
    places += [(ROOT / "kbsync" / path, name) for path, name in FUNCTION.findall(page) if not path.startswith("tests/")]
    return wrong + [
        f"{path.name}: {name}" for path, name in places if not path.is_file() or name not in definitions(path)
    ]


@pytest.mark.parametrize("name", PAGES)
def test_every_test_module_and_function_that_a_page_names_exists(name: str) -> None:
    assert unknown_names(PAGES[name]) == []


def test_the_check_finds_what_does_not_exist() -> None:
    page = (
        "`tests/test_docs.py::test_of_nothing`, `tests/nowhere.py::test_of_nothing`, `kbsync/nowhere.py`, "
        "`engine/publish.py` `nothing`,\n`engine/session.py`\n`RunSession.nothing`, "
        "`engine/session.py` `RunSession.read`, `tests/test_docs.py`"
    )
    assert len(unknown_names(page)) == 5


def test_each_promise_of_the_security_page_names_a_test() -> None:
    promises = [
        part for part in re.split(r"^(?=- |#|$)", PAGES["SECURITY"], flags=re.MULTILINE) if part.startswith("- **")
    ]
    assert len(promises) >= 20
    assert [promise for promise in promises if not TEST.search(promise)] == []


def test_the_layers_on_the_page_are_those_of_the_contract() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    layers = project["tool"]["importlinter"]["contracts"][0]["layers"]
    shown = PAGES["ARCHITECTURE"].split("```text\n")[1].split("```")[0].splitlines()
    assert [row.replace(" ", "") for row in shown] == [row.replace("kbsync.", "").replace(" ", "") for row in layers]


def test_the_glossary_counts_its_words() -> None:
    glossary = PAGES["ARCHITECTURE"].split("## Glossary")[1]
    words = re.findall(r"^\| ([\w ]+) \|", glossary, re.MULTILINE)[1:]
    assert words == sorted(words)
    assert f"kbsync's own words, {len(words)}:" in glossary


@pytest.mark.parametrize("form", [Baseline, RunRecord, RunEntry])
def test_the_page_about_lock_files_and_the_ledger_names_every_key(form: type[Baseline | RunRecord | RunEntry]) -> None:
    page = FORMATS.read_text(encoding="utf-8").split("## Keys of a baseline")[1]
    assert {field.name for field in fields(form)} <= set(re.findall(r"`(\w+)`", page))


def test_the_page_about_lock_files_names_no_key_that_a_baseline_does_not_have() -> None:
    rows = re.findall(r"^\| (`.*?`) \|", FORMATS.read_text(encoding="utf-8"), re.MULTILINE)
    assert {name for row in rows for name in re.findall(r"`(\w+)`", row)} == {field.name for field in fields(Baseline)}
