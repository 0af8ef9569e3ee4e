"""Project metadata, CI and hooks agree: one address, pinned actions, measured limits, commands that exist."""

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.version import Version

from kbsync import __version__
from tests.cli_runner import Checkout

ROOT = Path(__file__).parent.parent
GITHUB = ROOT / ".github"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
TOX = PROJECT["tool"]["tox"]
ADDRESS = PROJECT["project"]["urls"]["Source"]
NAME = ADDRESS.removeprefix("https://github.com/")
WORKFLOWS = (*sorted((GITHUB / "workflows").glob("*.yml")), *sorted(GITHUB.glob("actions/*/workflows/*.yml")))
STEPS_OF = (*WORKFLOWS, *sorted(GITHUB.glob("actions/*/action.yml")))
CONTRIBUTING = (GITHUB / "CONTRIBUTING.md").read_text(encoding="utf-8")
# Minutes on two cores, the slowest of several runs.
MEASURED = {"lint": 2.0, "quick": 4.0, "full": 17.0, "package": 2.0}
WRITTEN = ("*.md", "*.toml", "*.yml", "*.yaml")
PLACES = (ROOT, GITHUB, ROOT / "content", ROOT / "kbsync")


def _name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def _load(path: Path) -> Any:
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def _used(page: Any) -> Iterator[str]:
    """Every action that a workflow or an action uses."""
    jobs = page["jobs"].values() if "jobs" in page else [page["runs"]]
    for job in jobs:
        yield from (step["uses"] for step in job.get("steps", ()) if "uses" in step)


def _pages() -> Iterator[Path]:
    for pattern in WRITTEN:
        yield from ROOT.glob(pattern)
        for place in PLACES[1:]:
            yield from place.rglob(pattern)


def addresses_in(text: str) -> set[str]:
    """Find every repository called kbsync that a text names, as `owner/kbsync`, and every placeholder for one."""
    on_github = re.findall(r"github\.com[/:]([\w.-]+/kbsync)\b", text)
    used = re.findall(r"uses: ([\w.-]+/kbsync)/", text)
    return {*on_github, *used, *re.findall(r"\bOWNER/kbsync\b", text)}


def test_every_mention_of_the_repository_is_the_address_of_pyproject() -> None:
    found = {_name(page): addresses_in(page.read_text(encoding="utf-8")) - {NAME} for page in _pages()}
    assert {page: others for page, others in found.items() if others} == {}
    assert all(url.startswith(ADDRESS) for url in PROJECT["project"]["urls"].values())


def test_the_search_for_addresses_finds_those_that_differ() -> None:
    text = "https://github.com/a/kbsync/x git@github.com:b/kbsync uses: c/kbsync/.github/actions/kbsync@v1 OWNER/kbsync"
    assert addresses_in(text) == {"a/kbsync", "b/kbsync", "c/kbsync", "OWNER/kbsync"}


def test_every_example_names_the_version_of_this_tree() -> None:
    pins = re.compile(rf"\b{NAME}(?:/[\w./-]+)?@(\S+?)[\s\"`]|{re.escape(ADDRESS)}\s+rev: (\S+)")
    found = {(_name(page), *pin) for page in _pages() for pin in pins.findall(page.read_text(encoding="utf-8"))}
    pinned = {place: version or rev for place, version, rev in found if (version or rev) != "vX.Y.Z"}
    assert pinned
    assert {place: pin for place, pin in pinned.items() if pin != f"v{__version__}"} == {}


@pytest.mark.parametrize("path", STEPS_OF, ids=_name)
def test_every_action_of_others_is_pinned_to_a_commit(path: Path) -> None:
    others = [use for use in _used(_load(path)) if not use.startswith(("./", f"{NAME}/"))]
    assert [use for use in others if not re.fullmatch(r"[\w.-]+/[\w./-]+@[0-9a-f]{40}", use)] == []


def test_an_action_has_one_commit_everywhere() -> None:
    pins: dict[str, set[str]] = {}
    for use in {use for path in STEPS_OF for use in _used(_load(path)) if "@" in use}:
        action, _, commit = use.partition("@")
        pins.setdefault(action, set()).add(commit)
    assert {action: commits for action, commits in pins.items() if len(commits) > 1} == {}


@pytest.mark.parametrize("path", WORKFLOWS, ids=_name)
def test_a_workflow_grants_nothing_by_itself_and_every_job_has_a_limit(path: Path) -> None:
    page = _load(path)
    assert page["permissions"] == {}
    for name, job in page["jobs"].items():
        assert isinstance(job["timeout-minutes"], int), name
        assert "write-all" not in str(job.get("permissions")), name


@pytest.mark.parametrize(("job", "minutes"), MEASURED.items())
def test_a_limit_is_more_than_twice_the_measured_time(job: str, minutes: float) -> None:
    assert _load(GITHUB / "workflows" / "ci.yml")["jobs"][job]["timeout-minutes"] > 2 * minutes


def test_ci_runs_the_quick_tests_on_every_python_and_system_and_all_on_the_oldest_and_newest() -> None:
    jobs = _load(GITHUB / "workflows" / "ci.yml")["jobs"]
    prefix = "Programming Language :: Python :: "
    found = [line.removeprefix(prefix) for line in PROJECT["project"]["classifiers"] if line.startswith(prefix + "3.")]
    assert jobs["quick"]["strategy"]["matrix"]["python"] == found
    assert {row["system"] for row in jobs["quick"]["strategy"]["matrix"]["include"]} == {
        "windows-latest",
        "macos-latest",
    }
    assert jobs["full"]["strategy"]["matrix"]["python"] == [found[0], found[-1]]
    assert PROJECT["project"]["requires-python"] == f">={found[0]}"


def test_every_tox_environment_that_is_named_exists() -> None:
    texts = [CONTRIBUTING, (GITHUB / "PULL_REQUEST_TEMPLATE.md").read_text(encoding="utf-8")]
    texts += [path.read_text(encoding="utf-8") for path in WORKFLOWS]
    named = {name for text in texts for names in re.findall(r"tox run -e ([\w,]+)", text) for name in names.split(",")}
    assert named >= {"quick", "full", "lint", "types", "build"}
    assert named - TOX["env"].keys() == set()
    assert set(TOX["env_list"]) <= TOX["env"].keys()


def test_every_group_that_is_named_exists() -> None:
    groups = PROJECT["dependency-groups"]
    named = {name for environment in TOX["env"].values() for name in environment.get("dependency_groups", ())}
    texts = [CONTRIBUTING, (GITHUB / "workflows" / "nightly.yml").read_text(encoding="utf-8")]
    named |= {name for text in texts for name in re.findall(r"--group (\w+)", text)}
    assert named - groups.keys() == set()
    assert PROJECT["project"]["optional-dependencies"].keys() == {"sandbox", "test"}


def test_every_step_of_ci_run_that_is_named_exists() -> None:
    program = (ROOT / ".ci" / "check.py").read_text(encoding="utf-8")
    texts = [CONTRIBUTING, *(path.read_text(encoding="utf-8") for path in WORKFLOWS)]
    named = {name for text in texts for names in re.findall(r"\.ci/run((?: [a-z]+)+)", text) for name in names.split()}
    assert named
    assert [name for name in sorted(named) if f"    def {name}(self)" not in program] == []


def test_every_path_and_module_that_contributing_names_exists() -> None:
    paths = set(re.findall(r"`((?:kbsync|tests|content)/[\w./-]*)`", CONTRIBUTING))
    paths |= {f"{module.replace('.', '/')}" for module in re.findall(r"python -m (tests[\w.]*)", CONTRIBUTING)}
    assert len(paths) > 20
    assert sorted(path for path in paths if not (ROOT / path).exists() and not (ROOT / f"{path}.py").exists()) == []


def test_hooks_and_groups_mean_the_same_versions() -> None:
    hooks = {
        page["repo"].rpartition("/")[2]: page.get("rev") for page in _load(ROOT / ".pre-commit-config.yaml")["repos"]
    }
    wanted = {Requirement(line).name: Requirement(line) for line in PROJECT["dependency-groups"]["lint"]}
    for hook, tool in (("ruff-pre-commit", "ruff"), ("zizmor-pre-commit", "zizmor")):
        assert Version(hooks[hook].removeprefix("v")) in wanted[tool].specifier, tool


def test_a_release_is_built_checked_attested_and_published_without_a_token() -> None:
    page = _load(GITHUB / "workflows" / "release.yml")
    build, attest, publish = page["jobs"].values()
    assert page[True] == {"push": {"tags": ["v*"]}}  # YAML reads `on` as a boolean
    assert TOX["env"]["build"]["commands"][-1][:2] == ["twine", "check"]
    assert any(step.get("run") == "tox run -e build" for step in build["steps"])
    assert (attest["needs"], publish["needs"]) == ("build", "attest")
    assert attest["permissions"] == {"attestations": "write", "id-token": "write"}
    assert publish["permissions"] == {"id-token": "write"}
    assert publish["environment"]["name"] == "pypi"
    assert "secrets." not in str(page)


@pytest.mark.parametrize("path", sorted((GITHUB / "ISSUE_TEMPLATE").glob("*.yml")), ids=_name)
def test_an_issue_form_has_what_github_requires(path: Path) -> None:
    page = _load(path)
    if path.name == "config.yml":
        assert page["contact_links"]
        return
    assert page["name"]
    assert page["description"]
    fields = [field for field in page["body"] if field["type"] != "markdown"]
    assert len({field["id"] for field in fields}) == len(fields)
    assert all(field["attributes"]["label"] for field in fields)


def test_the_top_directory_has_only_the_known_files() -> None:
    known = {"CHANGELOG.md", "LICENSE", "README.md", "content", "kbsync", "pyproject.toml", "tests"}
    made = {"build", "dist", "htmlcov", "node_modules", "found"}
    assert {place.name for place in ROOT.iterdir() if not place.name.startswith((".", "kbsync."))} - made == known


def test_the_changelog_has_one_line_a_change() -> None:
    lines = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8").split("## [Unreleased]")[1].splitlines()
    assert [line for line in lines if line and not line.startswith(("- ", "#"))] == []
    assert [line for line in lines if len(line) > 140] == []


def test_lint_takes_the_paths_that_pre_commit_passes_where_the_root_is_below_the_top(tmp_path: Path) -> None:
    (hook,) = _load(ROOT / ".pre-commit-hooks.yaml")
    assert hook["entry"] == "kbsync lint"
    checkout = Checkout(root=tmp_path)
    for folder in ("content", "docs/help"):
        checkout.write(f"{folder}/kbsync.toml", '[targets.production]\nurl = "https://acme.freshdesk.com"\n')
        checkout.write(f"{folder}/guide/_index.md", "---\nname: Guide\n---\n")
        checkout.write(f"{folder}/guide/start/_index.md", "---\nname: Start\n---\n")
        for name in ("first", "second"):
            checkout.write(f"{folder}/guide/start/{name}.md", f"---\ntitle: {name}\n---\n[x](none.md)\n")
    for folder, words in (("content", ("lint",)), ("docs/help", ("--root", "docs/help", "lint"))):
        ended = checkout.kbsync(*words, f"{folder}/guide/start/first.md")
        assert ended.code == 1
        assert ended.out.count("none.md") == 1
        assert "guide/start/first.md:4:5: KB301 " in ended.out
