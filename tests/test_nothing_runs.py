"""No file of a content tree ever runs: whatever a pull request adds, no command of kbsync executes it.

Each attack leaves a mark where its command would make one; where it is cheap, plain git proves that the attack works.
"""

import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.cli.conftest import FILES, FIRST
from tests.cli_runner import Checkout, environment, git, new_checkout
from tests.portals import serve

COMMANDS = (
    ("lint",),
    ("render", FIRST),
    ("plan",),
    ("plan", "--no-refresh"),
    ("status",),
    ("explain", FIRST),
    ("history",),
    ("pull", "--dry-run"),
    ("pull", "--branch", "from-portal", "--commit"),
    ("pull",),
    ("publish", "--yes", "--dirty"),
    ("undo", "--yes"),
    ("release", "--yes", FIRST),
    ("adopt", "--yes", FIRST),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class HostileClone:
    """A clone whose content root is `docs/help`; `mark` is what an attack would make."""

    clone: Path
    root: Path
    mark: Path
    checkout: Checkout

    @property
    def payload(self) -> str:
        """A command that leaves the mark."""
        return f"touch {self.mark.as_posix()};:"

    def put(self, path: str, text: str) -> Path:
        """Write a file, its path being relative to the top of the clone."""
        place = self.clone / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text)
        return place

    def script(self, path: str) -> Path:
        """Write a program that leaves the mark."""
        place = self.put(path, f"#!/bin/sh\n{self.payload}\ncat\n")
        place.chmod(0o755)
        return place

    def lookalike(self, path: str) -> Path:
        """Write ordinary files that git takes for a bare repository."""
        self.put(f"{path}/HEAD", "ref: refs/heads/main\n")
        self.put(f"{path}/objects/x", "")
        self.put(f"{path}/refs/x", "")
        self.put(f"{path}/config", self.settings())
        return self.clone / path

    def settings(self) -> str:
        """Return settings of git that run the payload wherever git can be made to run something."""
        command = self.payload
        return (
            "[core]\n\trepositoryformatversion = 0\n\tbare = false\n\tworktree = .\n"
            f'\tfsmonitor = "{command}"\n\tsshCommand = "{command}"\n\thooksPath = hooks\n\tpager = "{command}"\n'
            f'[remote "origin"]\n\turl = "ext::sh -c {self.payload.replace(" ", "% ")}"\n\tpromisor = true\n'
            f'[filter "x"]\n\tclean = "{command}"\n\tsmudge = "{command}"\n\trequired = true\n'
            f'[diff "x"]\n\ttextconv = "{command}"\n\tcommand = "{command}"\n[merge "x"]\n\tdriver = "{command}"\n'
            f'[credential]\n\thelper = "!{command}"\n[alias]\n\tattack = "!{command}"\n'
        )

    def changed(self) -> None:
        """Make git look at each file's content again, and give publish and pull something to do."""
        for place in self.root.rglob("*.md"):
            if place.name == "second.md":
                continue
            place.write_text(place.read_text() + "\nMore.\n")


@pytest.fixture
def hostile(tmp_path: Path) -> Iterator[HostileClone]:
    """A published clone and its remote; one article was edited on the portal since."""
    clone = tmp_path / "work/clone"
    root = clone / "docs/help"
    with serve() as portal:
        files = {f"docs/help/{path}": text for path, text in FILES.items()}
        files["docs/help/kbsync.toml"] = f'[targets.production]\nurl = "{portal.url}"\n'
        checkout = new_checkout(clone, files, {"FRESHDESK_API_KEY": portal.key, "KBSYNC_ROOT": str(root)})
        git(clone.parent, "clone", "-q", "--bare", "clone", "shared.git")
        checkout.git("remote", "add", "origin", "../shared.git")
        checkout.git("fetch", "-q")
        done = checkout.kbsync("publish", "--yes")
        assert done.code == 0, done.err
        second = next(article for article in portal.store.all_articles() if article.title == "Second steps")
        portal.store.edit_article(second.id, description=second.description + "<p>From the web.</p>")
        yield HostileClone(clone=clone, root=root, mark=tmp_path / "mark", checkout=checkout)


def fires(hostile: HostileClone, *words: str, cwd: Path) -> None:
    """Check that an attack works on plain git there; a git that is safe against it proves nothing."""
    subprocess.run(["git", *words], cwd=cwd, capture_output=True, stdin=subprocess.DEVNULL, check=False)
    if not hostile.mark.exists():
        pytest.skip(f"this git does not fall for it: git {' '.join(words)}")
    hostile.mark.unlink()


def nothing_runs(
    hostile: HostileClone, *, refused: bool = False, problem: str = "", cwd: Path | None = None, **environ: str
) -> None:
    """Run every command, and see that none made the mark, and that a refusal is advice, or names a problem."""
    for words in COMMANDS:
        done = hostile.checkout.kbsync(*words, cwd=cwd or hostile.root, **environ)
        assert not hostile.mark.exists(), words
        assert "Traceback" not in done.err, (words, done.err)
        if refused:
            assert done.code != 0, (words, done)
            assert done.err.startswith("error: "), (words, done.err)
            assert "\n  try: " in done.err, (words, done.err)
        elif done.code == 1 and problem:
            assert problem in done.out + done.err, (words, done)
        else:
            assert done.code in {0, 4}, (words, done)


def at_the_root(hostile: HostileClone) -> Path:
    return hostile.lookalike("docs/help")


def above_the_root(hostile: HostileClone) -> Path:
    return hostile.lookalike("docs")


def in_two_parts(hostile: HostileClone) -> Path:
    """`commondir` names another directory, which holds the rest."""
    hostile.lookalike("docs/help/guide/parts")
    hostile.put("docs/help/HEAD", "ref: refs/heads/main\n")
    hostile.put("docs/help/commondir", "guide/parts\n")
    hostile.put("docs/help/guide/parts/config", hostile.settings().replace("worktree = .", "worktree = ../.."))
    return hostile.root


def with_a_link_for_a_head(hostile: HostileClone) -> Path:
    place = hostile.lookalike("docs/help")
    (place / "HEAD").unlink()
    (place / "HEAD").symlink_to("refs/heads/main")
    return place


@pytest.mark.parametrize("attack", [at_the_root, above_the_root, in_two_parts, with_a_link_for_a_head])
def test_files_that_look_like_a_bare_repository_are_refused(
    hostile: HostileClone, attack: Callable[[HostileClone], Path]
) -> None:
    place = attack(hostile)
    hostile.checkout.commit()
    fires(hostile, "attack", cwd=place)
    nothing_runs(hostile, refused=True)


def test_such_files_below_the_root_are_only_files(hostile: HostileClone) -> None:
    place = hostile.lookalike("docs/help/guide/sub")
    hostile.changed()
    hostile.checkout.commit()
    fires(hostile, "status", cwd=place)
    nothing_runs(hostile)
    for words in (("lint",), ("plan",), ("status",), ("pull",), ("history",)):
        assert hostile.checkout.kbsync(*words, cwd=place, KBSYNC_ROOT=None).code == 0
        assert not hostile.mark.exists(), words


def test_such_files_beside_a_real_repository_are_refused(hostile: HostileClone) -> None:
    hostile.lookalike(".")
    nothing_runs(hostile, refused=True)


def test_such_files_are_no_repository_outside_a_clone_either(hostile: HostileClone) -> None:
    place = hostile.lookalike("docs/help")
    shutil.rmtree(hostile.clone / ".git")
    fires(hostile, "status", cwd=place)
    for words in COMMANDS:
        done = hostile.checkout.kbsync(*words, cwd=hostile.root)
        assert not hostile.mark.exists(), words
        assert (done.code == 0) == (words[0] in {"lint", "render"}), (words, done)


def test_a_git_file_that_points_into_the_tree_is_refused(hostile: HostileClone) -> None:
    hostile.lookalike("docs/help/guide/sub")
    hostile.put("docs/help/.git", "gitdir: guide/sub\n")
    fires(hostile, "status", cwd=hostile.root)
    nothing_runs(hostile, refused=True)


def test_a_variable_that_names_such_files_is_ignored(hostile: HostileClone) -> None:
    place = hostile.lookalike("evil")
    hostile.changed()
    nothing_runs(hostile, GIT_DIR=str(place), GIT_COMMON_DIR=str(place), GIT_OBJECT_DIRECTORY=str(place / "objects"))


ATTRIBUTES = "* filter=x diff=x merge=x\n*.md filter=x diff=x merge=x\n[attr]y filter=x\n"


def test_attributes_and_settings_in_the_tree_are_ignored(hostile: HostileClone) -> None:
    for folder in ("", "docs/help/"):
        hostile.put(f"{folder}.gitattributes", ATTRIBUTES)
        for name in (".gitconfig", ".config/git/config", "config", "gitconfig", ".lfsconfig"):
            hostile.put(f"{folder}{name}", hostile.settings())
        for hook in ("pre-push", "post-checkout", "reference-transaction", "post-index-change", "pre-commit"):
            hostile.script(f"{folder}hooks/{hook}")
    hostile.checkout.commit()
    hostile.changed()
    nothing_runs(hostile)


def test_hooks_and_a_monitor_that_the_clone_names_in_the_tree_are_not_run(hostile: HostileClone) -> None:
    for hook in ("pre-push", "post-checkout", "reference-transaction", "post-index-change", "pre-commit"):
        hostile.script(f".githooks/{hook}")
    hostile.script("monitor.sh")
    hostile.checkout.commit()
    hostile.checkout.git("config", "core.hooksPath", str(hostile.clone / ".githooks"))
    fires(hostile, "update-ref", "refs/heads/other", "HEAD", cwd=hostile.clone)
    hostile.checkout.git("config", "core.fsmonitor", "./monitor.sh")
    hostile.mark.unlink(missing_ok=True)
    hostile.changed()
    nothing_runs(hostile)


@pytest.mark.parametrize("which", ["smudge", "textconv", "command", "driver"])
def test_a_program_of_the_user_that_attributes_select_is_not_run(hostile: HostileClone, which: str) -> None:
    hostile.script("program.sh")
    hostile.put(".gitattributes", "*.md filter=x diff=x merge=x\n")
    hostile.checkout.commit()
    section = {"smudge": "filter", "driver": "merge"}.get(which, "diff")
    hostile.checkout.git("switch", "-q", "-c", "from-portal", "HEAD~1")
    hostile.put(f"docs/help/{FIRST}", "---\ntitle: First steps\n---\nOn the branch.\n")
    hostile.checkout.commit()
    hostile.checkout.git("switch", "-q", "main")
    hostile.put(f"docs/help/{FIRST}", "---\ntitle: First steps\n---\nOn main.\n")
    hostile.checkout.commit()
    hostile.checkout.git("push", "-q", "origin", "main")
    hostile.checkout.git("config", f"{section}.x.{which}", f"{hostile.clone.as_posix()}/program.sh")
    proofs = {
        "smudge": ("checkout", "HEAD~1", "--", "docs"),
        "driver": ("merge", "--no-commit", "from-portal"),
        "textconv": ("show", "HEAD"),
        "command": ("diff", "HEAD~1", "HEAD"),
    }
    shutil.copytree(hostile.clone, hostile.clone.parent / "proof", symlinks=True)
    fires(hostile, *proofs[which], cwd=hostile.clone.parent / "proof")
    nothing_runs(hostile)


def test_a_repository_within_the_tree_is_not_read(hostile: HostileClone) -> None:
    inner = hostile.root / "guide/inner"
    inner.mkdir()
    git(inner, "init", "-q")
    (inner / "a.md").write_text("a")
    git(inner, "add", "-A")
    git(inner, "commit", "-q", "-m", "inner")
    git(inner, "config", "core.fsmonitor", hostile.payload)
    hostile.checkout.git("-c", "advice.addEmbeddedRepo=false", "add", "-A")
    hostile.checkout.commit()
    fires(hostile, "status", cwd=hostile.clone)
    url = "ext::sh -c " + hostile.payload.replace(" ", "% ")
    hostile.put(
        ".gitmodules",
        f'[submodule "inner"]\n\tpath = docs/help/guide/inner\n\turl = "{url}"\n\tupdate = "!{hostile.payload}"\n'
        "\tfetchRecurseSubmodules = true\n\tignore = none\n",
    )
    git(inner, "remote", "add", "origin", url)
    for name in ("submodule.recurse", "submodule.inner.active", "status.submoduleSummary", "protocol.ext.allow"):
        hostile.checkout.git("config", name, "always" if name == "protocol.ext.allow" else "true")
    hostile.changed()
    nothing_runs(hostile, problem="guide/inner: KB205 ")


@pytest.mark.parametrize(
    "setting",
    [
        '[ledger]\nremote = "ext::sh -c {}"\n',
        '[ledger]\nremote = "--upload-pack={}"\n',
        '[ledger]\nremote = "{}"\n',
        '[ledger]\nremote = "ssh://-oProxyCommand={}/x"\n',
        '[ledger]\nremote = "../lookalike"\n',
    ],
)
def test_a_remote_that_the_clone_does_not_have_is_a_usage_error(hostile: HostileClone, setting: str) -> None:
    hostile.lookalike("docs/lookalike")
    hostile.checkout.git("config", "protocol.ext.allow", "always")
    place = hostile.root / "kbsync.toml"
    place.write_text(place.read_text() + setting.format(hostile.payload))
    hostile.checkout.commit()
    for words in COMMANDS:
        done = hostile.checkout.kbsync(*words)
        assert not hostile.mark.exists(), words
        if words[0] in {"plan", "publish", "pull", "status", "history", "undo"} and "--no-refresh" not in words:
            assert done.code == 2, (words, done)
            assert "has no remote" in done.err
            assert "--local" in done.err
    assert hostile.checkout.kbsync("plan", "--local").code == 0
    assert not hostile.mark.exists()


@pytest.mark.parametrize("name", ["--output={}", "-c{}", "$({})", "`{}`", "x; {}"])
def test_the_name_of_a_branch_or_a_target_is_never_an_option_or_a_command(hostile: HostileClone, name: str) -> None:
    said = name.format(hostile.payload)
    place = hostile.root / "kbsync.toml"
    place.write_text(place.read_text().replace("\n", f"\nbranch = '{said}'\n", 1) + f"[targets.'{said}']\nurl = 'x'\n")
    hostile.changed()
    hostile.checkout.commit()
    for words in (*COMMANDS, ("pull", "--branch", said, "--commit"), ("undo", "--branch", said), ("history", said)):
        done = hostile.checkout.kbsync(*words)
        assert not hostile.mark.exists(), words
        assert "Traceback" not in done.err, words
    assert hostile.checkout.kbsync("--target", said, "plan").code != 0
    assert not hostile.mark.exists()
    assert not [place for place in hostile.clone.parent.rglob("*") if place.name.startswith(("touch", "--output"))]


def test_a_shallow_clone_fetches_from_its_own_remote_alone(hostile: HostileClone) -> None:
    hostile.changed()
    hostile.checkout.commit()
    hostile.checkout.git("push", "-q", "origin", "main")
    shared = (hostile.clone.parent / "shared.git").as_uri()
    shutil.rmtree(hostile.clone)
    git(hostile.clone.parent, "clone", "-q", "--depth=1", shared, "clone")
    place = hostile.root / "kbsync.toml"
    place.write_text(place.read_text() + f'[ledger]\nremote = "ext::sh -c {hostile.payload}"\n')
    hostile.checkout.git("config", "protocol.ext.allow", "always")
    hostile.checkout.commit()
    for words in COMMANDS:
        for more in ((), ("--local",)):
            hostile.checkout.kbsync(*words, *more)
            assert not hostile.mark.exists(), words


MODULES = ("click", "rich", "httpx", "git", "yaml", "markdown_it", "tomllib", "sitecustomize", "kbsync", "encodings")


def python_files(hostile: HostileClone) -> None:
    for name in MODULES:
        hostile.put(f"docs/help/{name}.py", f"open({str(hostile.mark)!r}, 'w')\n")


def test_no_module_of_the_tree_is_imported_by_the_command(hostile: HostileClone, tmp_path: Path) -> None:
    python_files(hostile)
    installed = tmp_path / "bin" / "kbsync"
    installed.parent.mkdir()
    installed.write_text("from kbsync.cli.main import main\nmain()\n")
    for words in (("--version",), ("lint",), ("plan",), ("publish", "--yes", "--dirty")):
        done = subprocess.run(
            [sys.executable, str(installed), *words],
            cwd=hostile.root,
            env=environment(dict(hostile.checkout.environ)),
            capture_output=True,
            stdin=subprocess.DEVNULL,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        assert not hostile.mark.exists(), words


def test_python_m_kbsync_imports_no_library_from_the_directory_that_it_is_started_in(hostile: HostileClone) -> None:
    python_files(hostile)
    for name in ("kbsync", "encodings", "sitecustomize"):
        (hostile.root / f"{name}.py").unlink()
    done = subprocess.run(
        [sys.executable, "-m", "kbsync", "lint"],
        cwd=hostile.root,
        env=environment(dict(hostile.checkout.environ)),
        capture_output=True,
        stdin=subprocess.DEVNULL,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert not hostile.mark.exists()
