"""The scripts and workflows of the action, run in a checkout with hostile files.

The workflows are read and run as they are. Stand-ins are only for what GitHub itself provides: the checkout, the
variables of a runner, `gh`, and the `python` of setup-python, which notes the environment that it was started with.
"""

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml

from kbsync.sandbox.server import Portal
from kbsync.sandbox.settings import SandboxSettings
from tests.cli_runner import Checkout, git, new_checkout
from tests.portals import serve

ACTION = Path(__file__).parent.parent / ".github" / "actions" / "kbsync"
KEY = "kEy-0f-MaNy-LeTTeRs"
ARTICLE = "content/guide/start/first.md"
CONTENT = {
    "content/kbsync.toml": '[targets.production]\nurl = "https://acme.freshdesk.com"\n',
    "content/guide/_index.md": "---\nname: Guide\n---\n",
    "content/guide/start/_index.md": "---\nname: Start here\n---\n",
    ARTICLE: "---\ntitle: First steps\n---\nPlug it in.\n",
}
EXPRESSION = re.compile(r"\$\{\{ ([\w.-]+) \}\}")


def _page(path: Path) -> Any:
    return yaml.safe_load(path.read_text(encoding="utf-8"))


THE_ACTION = _page(ACTION / "action.yml")
INSTALL, RUN = THE_ACTION["runs"]["steps"][1:]


def hostile_files(marks: Path) -> dict[str, str]:
    """Files that leave a mark, with the environment that they see, as soon as something imports or runs them."""
    note = f"with open({str(marks)!r}, 'a') as out:\n    print(__file__, *os.environ.items(), file=out)\n"
    module = f"import os\n{note}"
    program = f'#!/bin/sh\n{{ echo "$0 $*"; env; }} >> {shlex.quote(str(marks))}\nexit 1\n'
    packages = "backend click encodings ensurepip hatchling httpx pip platformdirs setuptools venv".split()
    files = {f"{name}/{file}.py": module for name in packages for file in ("__init__", "__main__")}
    modules = "git kbsync plugin setup site sitecustomize usercustomize yaml".split()
    files |= {f"{name}.py": module for name in modules}
    programs = "bash cut env gh git kbsync pip3 python python3 tee".split()
    files |= {f"{folder}{name}": program for folder in ("", "bin/", "venv/bin/") for name in programs}
    files |= dict.fromkeys((".bashrc", ".bash_profile", ".profile", ".env"), program)
    pip = "[global]\nindex-url = http://127.0.0.1:9/\ntarget = .\n[install]\nrequire-hashes = true\n"
    files |= dict.fromkeys(("pip.conf", "pip.ini", ".pip/pip.conf", ".config/pip/pip.conf", "venv/pip.conf"), pip)
    files |= dict.fromkeys(("pyvenv.cfg", "venv/pyvenv.cfg"), "home = .\ninclude-system-site-packages = true\n")
    return files | {
        "any.pth": "import plugin\n",
        "setup.cfg": "[install]\nprefix = .\n",
        "plugin.dist-info/METADATA": "Metadata-Version: 2.1\nName: plugin\nVersion: 1\n",
        "plugin.dist-info/entry_points.txt": "[pygments.lexers]\nany = plugin\n[kbsync.plugins]\nany = plugin\n",
        "pyproject.toml": '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'
        '[project]\nname = "kbsync"\nversion = "99"\n[project.entry-points."kbsync.plugins"]\nany = "plugin"\n',
        ".gitconfig": f"[core]\n\tsshCommand = echo >> {marks}\n[alias]\n\tls-remote = !echo >> {marks}\n",
    }


def posing_as_a_repository(marks: Path) -> dict[str, str]:
    """Files that git takes for a repository where there is no `.git`, and whose config it would obey."""
    command = f"touch {shlex.quote(str(marks))}; false"
    core = "[core]\n\trepositoryformatversion = 0\n\tworktree = .\n"
    config = f'{core}\tsshCommand = "{command}"\n\tfsmonitor = "{command}"\n'
    return {"HEAD": "ref: refs/heads/main\n", "config": config, "objects/.keep": "", "refs/.keep": ""}


@dataclass(frozen=True, slots=True, kw_only=True)
class Runner:
    """A machine that runs the jobs of workflows; what its stand-ins note is in files of `folder`."""

    folder: Path
    origin: Path
    environ: Mapping[str, str]
    said: list[str] = field(default_factory=list)

    @classmethod
    def started(cls, folder: Path, origin: Path, environ: Mapping[str, str]) -> "Runner":
        (folder / "temp").mkdir()
        for name, ending in (
            ("python", f'exec {shlex.quote(sys.executable)} "$@"'),
            ("gh", '[ "$1" != pr ] || echo 0'),
        ):
            place = folder / "tools" / name
            place.parent.mkdir(exist_ok=True)
            place.write_text(f'#!/bin/sh\n{{ echo "$0 $*"; env; }} >> "{folder}/{name}"\n{ending}\n')
            place.chmod(0o755)
        return cls(folder=folder, origin=origin, environ=environ)

    def noted(self, name: str) -> str:
        """Read what one of the stand-ins saw."""
        return (self.folder / name).read_text(encoding="utf-8")

    def job(self, workflow: str, branch: str = "main") -> str:
        """Run a workflow in a checkout of its own, and return its summary page."""
        checkout = self.folder / workflow
        git(self.folder, "clone", "--quiet", "--depth=1", f"--branch={branch}", self.origin.as_uri(), str(checkout))
        (job,) = _page(ACTION / "workflows" / f"{workflow}.yml")["jobs"].values()
        assert job["steps"][0]["uses"].startswith("actions/checkout@")
        values = {"secrets.FRESHDESK_API_KEY": KEY, "github.token": "a token"}
        for step in job["steps"][1:]:
            given = _filled(step.get("env", {}), values)
            if "run" in step:
                done = self.step(step, checkout, given, values)
                values |= {f"steps.{step.get('id')}.outputs.{name}": value for name, value in done.items()}
            else:
                assert step["uses"].startswith("kbsync/kbsync/.github/actions/kbsync@")
                self.action(_filled(step["with"], values), checkout, given)
        summary = checkout / ".git" / "summary"
        return summary.read_text(encoding="utf-8") if summary.exists() else ""

    def action(self, wanted: Mapping[str, str], checkout: Path, given: Mapping[str, str]) -> None:
        """Run the action's steps with some inputs; all others have their defaults."""
        assert wanted.keys() <= THE_ACTION["inputs"].keys()
        values = {
            f"inputs.{name}": wanted.get(name, known.get("default", "")) for name, known in THE_ACTION["inputs"].items()
        }
        for step in (INSTALL, RUN):
            self.step(step, checkout, given, values)

    def step(
        self, step: Mapping[str, Any], checkout: Path, given: Mapping[str, str], values: Mapping[str, str]
    ) -> dict[str, str]:
        """Run one script as the runner does, and return its outputs."""
        script, output = self.folder / "temp" / "script.sh", self.folder / "temp" / "output"
        script.write_text(step["run"], encoding="utf-8")
        output.write_text("")
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "VIRTUAL_ENV"))}
        runner = {
            "CI": "true",
            "GITHUB_ACTIONS": "true",
            "GITHUB_ACTION_PATH": str(ACTION),
            "GITHUB_OUTPUT": str(output),
            "GITHUB_REPOSITORY": "acme/help",
            "GITHUB_STEP_SUMMARY": str(checkout / ".git" / "summary"),
            "GITHUB_WORKSPACE": str(checkout),
            "GIT_CONFIG_GLOBAL": os.devnull,
            "PATH": f"{self.folder / 'tools'}{os.pathsep}{os.environ['PATH']}",
            "RUNNER_TEMP": str(self.folder / "temp"),
        }
        done = subprocess.run(
            ["bash", "--noprofile", "--norc", "-eo", "pipefail", str(script)],
            cwd=checkout,
            env=kept | runner | dict(self.environ) | dict(given) | _filled(step.get("env", {}), values),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            timeout=500,
            check=False,
        )
        self.said.append(done.stdout)
        assert done.returncode == 0, done.stdout
        return dict(line.split("=", 1) for line in output.read_text().splitlines())


def _filled(texts: Mapping[str, str], values: Mapping[str, str]) -> dict[str, str]:
    return {name: EXPRESSION.sub(lambda found: values[found[1]], str(text)) for name, text in texts.items()}


@pytest.fixture
def portal() -> Iterator[Portal]:
    with serve(SandboxSettings(key=KEY)) as running:
        yield running


@pytest.fixture
def marks(tmp_path: Path) -> Path:
    """Where the files of the checkout write, once something has started them."""
    return tmp_path / "marks"


@pytest.fixture
def repository(tmp_path: Path, marks: Path) -> Checkout:
    """The repository whose files are all an attacker's, but for the content."""
    repository = new_checkout(tmp_path / "help", {}, {})
    for path, text in hostile_files(marks).items():
        for folder in ("", "content/"):
            repository.write(folder + path, text).chmod(0o755)
    posing = {f"content/notes/{name}": text for name, text in posing_as_a_repository(marks).items()}
    for path, text in (CONTENT | posing).items():
        repository.write(path, text)
    repository.commit("Begin")
    git(tmp_path, "init", "--quiet", "--bare", "--initial-branch=main", "origin.git")
    repository.git("remote", "add", "origin", str(tmp_path / "origin.git"))
    repository.git("push", "--quiet", "origin", "main")
    return repository


@pytest.fixture
def runner(tmp_path: Path, portal: Portal) -> Runner:
    folder = tmp_path / "runner"
    folder.mkdir()
    return Runner.started(folder, tmp_path / "origin.git", {"KBSYNC_URL": portal.url})


def test_nothing_of_a_hostile_checkout_runs_in_any_workflow_and_only_kbsync_sees_the_key(
    runner: Runner, repository: Checkout, portal: Portal, marks: Path
) -> None:
    runner.job("publish")
    assert not marks.exists(), marks.read_text()
    (article,) = portal.store.all_articles()
    assert article.title == "First steps"
    assert (runner.folder / "temp" / "kbsync" / "bin" / "kbsync").exists()

    portal.store.edit_article(article.id, title="First steps, by an agent")
    assert "First steps, by an agent" in runner.job("pull")
    assert "by an agent" in git(runner.origin, "show", f"kbsync-pull:{ARTICLE}")
    assert "pr create --head kbsync-pull" in runner.noted("gh")
    assert not marks.exists(), marks.read_text()

    repository.git("checkout", "--quiet", "-b", "proposal")
    repository.write(ARTICLE, "---\ntitle: First steps\n---\nPlug it in, and wait.\n")
    repository.commit("Wait")
    repository.git("push", "--quiet", "origin", "proposal")
    assert "and wait" in runner.job("check", branch="proposal")
    assert not marks.exists(), marks.read_text()

    seen = [*runner.said, runner.noted("python"), runner.noted("gh")]
    assert [text for text in seen if KEY in text] == []


def test_the_files_of_the_hostile_checkout_leave_marks_when_run(repository: Checkout, marks: Path) -> None:
    """The test above would prove nothing with files that cannot run."""
    starts = ["-m venv x", "-m pip", "-m kbsync", "-m site", "-c 'import yaml'", "-c 'import httpx'"]
    for words in (*([sys.executable, *shlex.split(start)] for start in starts), ["./kbsync"], ["sh", "bin/python"]):
        subprocess.run(words, cwd=repository.root, capture_output=True, check=False)
    noted = marks.read_text()
    for name in (
        "venv/__init__.py",
        "pip/__init__.py",
        "kbsync.py",
        "yaml.py",
        "httpx/__init__.py",
        "./kbsync ",
        "bin/python ",
    ):
        assert name in noted


@pytest.mark.parametrize("name", ["FRESHDESK_API_KEY", "FRESHDESK_API_KEY_PRODUCTION"])
def test_a_key_in_the_environment_of_the_job_is_hidden_from_the_installation(
    runner: Runner, repository: Checkout, name: str
) -> None:
    python = runner.folder / "tools" / "python"
    python.write_text(python.read_text().replace("exec ", "exit 3 # "))
    with pytest.raises(AssertionError):
        runner.action({"command": "lint"}, repository.root, {name: KEY})
    assert "RUNNER_TEMP=" in runner.noted("python")
    assert KEY not in runner.noted("python")


def test_the_documentation_names_every_input() -> None:
    page = (ACTION.parents[2] / "content" / "4-automation" / "ci" / "github-actions.md").read_text(encoding="utf-8")
    assert set(re.findall(r"^\| `([\w-]+)` \|", page, re.MULTILINE)) == THE_ACTION["inputs"].keys()


def test_only_the_step_that_runs_kbsync_is_given_the_key() -> None:
    naming = [step for step in THE_ACTION["runs"]["steps"] if "api-key" in str(step)]
    assert naming == [RUN]
    for workflow in (ACTION / "workflows").glob("*.yml"):
        (job,) = _page(workflow)["jobs"].values()
        places = [part for part in (job, *job["steps"]) if "secrets." in str(part.get("env"))]
        assert places == [], workflow.name


def test_every_python_of_the_action_is_isolated() -> None:
    for script in (INSTALL["run"], RUN["run"]):
        calls = re.findall(r"\bpython\"? +(\S+)", script)
        assert calls
        assert set(calls) == {"-I"}
        assert "/bin/pip" not in script
