"""Writers and what they do with a clone: text, files, branches, merges, reverts. kbsync is not used here.

Every piece of text has a unique word, by which it is found later: `w12x` is a writer's, `a12x` an
agent's. What is written stays uncommitted until git needs it committed.
"""

import posixpath
import re
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import count
from pathlib import Path

from tests.engine.clone import Clone, git

TOKEN = re.compile(r"\b[wa]\d+x\b")
FOLDERS = ("guide/basics", "guide/more", "shop/orders")
_LINK = re.compile(r"\[(\w+)\]\(([^)<>:]+\.md)\)")
_FRONT = re.compile(r"\A---\n(.*?)^---\n+", re.DOTALL | re.MULTILINE)
_OVERLAP = re.compile(r"^<{7,} .*?\n(.*?)(?:^\|{7,} .*?\n.*?)?^={7,}\n(.*?)^>{7,} .*?\n", re.DOTALL | re.MULTILINE)


@dataclass(slots=True)
class Words:
    """Makes unique words."""

    numbers: Iterator[int] = field(default_factory=count)

    def paragraph(self, whose: str) -> str:
        """Return a paragraph that holds a word of its own."""
        number = next(self.numbers)
        return " ".join(
            f"{name}{number}{end}" for name, end in ((whose, "x"), ("alpha", ""), ("beta", ""), ("rho", ""))
        )

    def title(self, whose: str) -> str:
        """Return a title that holds a word of its own."""
        return f"Title {whose}{next(self.numbers)}x"

    def value(self, whose: str) -> str:
        """Return a tag, or a text for search engines, that nothing else has."""
        return f"{whose}-{next(self.numbers)}"

    def name(self) -> str:
        """Return a file name."""
        return f"page-{next(self.numbers)}.md"

    def article(self) -> str:
        """Return a new article's source."""
        body = "\n\n".join(self.paragraph("w") for _ in range(3))
        return f"---\ntitle: {self.title('w')}\n---\n\n{body}\n"


def tokens(text: str) -> set[str]:
    """Return the words of their own in a text; a file that is linked may have one in its name, which nobody reads."""
    return set(TOKEN.findall(_LINK.sub(r"\1", text)))


def links(path: str, text: str) -> dict[str, str]:
    """Return the words that a file links to other files, with their paths."""
    return {found[1]: _target(path, found[2]) for found in _LINK.finditer(text)}


def _target(path: str, address: str) -> str:
    return posixpath.normpath(posixpath.join(posixpath.dirname(path), address))


def _address(path: str, target: str) -> str:
    return posixpath.relpath(target, posixpath.dirname(path))


def has_markers(text: str) -> bool:
    """Return whether a merge left its marks in a text."""
    return re.search(r"^(<{7,}|>{7,}) ", text, re.MULTILINE) is not None


def front(text: str, name: str) -> str:
    """Read one line of a file's front matter."""
    found = re.search(rf"^{name}: *(.*)$", head_of(text), re.MULTILINE)
    return found[1].strip("'\"") if found else ""


def without(head: str, name: str) -> str:
    """Return front matter without a key and what is indented below it."""
    return re.sub(rf"^{name}:.*\n(?:[ -].*\n)*", "", head, flags=re.MULTILINE)


def _settled(ours: str, theirs: str, side: int) -> str:
    """Take one side of an overlap, or both where that is text."""
    is_text = not re.search(r"^(title|status|tags|seo| +(title|description)):", ours + theirs, re.MULTILINE)
    return (ours, theirs, ours + theirs if is_text else ours)[side % 3]


def head_of(text: str) -> str:
    """Return a file's front matter."""
    found = _FRONT.match(text)
    return found[1] if found else ""


@dataclass(slots=True, kw_only=True)
class Person:
    """A writer with a clone of the shared repository; `dropped` are words that were taken out of a merge.

    No commit ever held them in a file, so the next one's message does.
    """

    name: str
    shared: Path
    clone: Clone
    words: Words
    clones: "count[int]" = field(default_factory=count)
    links_others: bool = False
    is_dirty: bool = False
    dropped: set[str] = field(default_factory=set)
    branches: list[str] = field(default_factory=list)
    branch: str = "main"

    def git(self, *words: str) -> str:
        return self.clone.git(*words)

    def tries(self, *words: str) -> bool:
        """Run git where it may say no."""
        return subprocess.run(["git", *words], cwd=self.clone.root, capture_output=True, check=False).returncode == 0

    def articles(self) -> dict[str, str]:
        """Read the articles of the working tree."""
        files = self.clone.files()
        return {path: files[path] for path in sorted(files) if path.endswith(".md") and not path.endswith("_index.md")}

    def tokens(self) -> set[str]:
        return {token for text in self.articles().values() for token in tokens(text)}

    # Text and files.

    def edit_text(self, which: int, how: int) -> None:
        path, text = self._chosen(which)
        found = _FRONT.match(text)
        head, body = (text[: found.end()], text[found.end() :]) if found else ("", text)
        parts = [part for part in body.rstrip("\n").split("\n\n") if part]
        at = which % (len(parts) + 1)
        match how % 4:
            case 0 if how >= 4 and self.links_others:
                others = list(self.articles())
                link = f"[w{next(self.words.numbers)}x]({_address(path, others[(which + how) % len(others)])})"
                parts.insert(at, f"{self.words.paragraph('w')}, see {link}.")
            case 0 | 1:
                parts.insert(at, self.words.paragraph("w"))
            case 2 if len(parts) > 1:
                del parts[at % len(parts)]
            case _ if parts:
                parts[at % len(parts)] += f" {self.words.paragraph('w')}"
        self._write(path, head + "\n\n".join(parts) + "\n")

    def edit_front(self, which: int, how: int) -> None:
        path, text = self._chosen(which)
        match how % 6:
            case 0:
                name, line = "title", f"title: {self.words.title('w')}\n"
            case 1:
                name = "status"
                line = f"status: {'published' if front(text, 'status') == 'draft' else 'draft'}\n"
            case 2:
                name, line = "tags", f"tags: [{self.words.value('tag')}]\n"
            case 3:
                name, line = "seo", f"seo: {{title: {self.words.value('seo')}}}\n"
            case rest:
                name, line = ("tags", "seo")[rest % 2], ""
        found = _FRONT.match(text)
        body = text[found.end() :] if found else text
        self._write(path, f"---\n{line}{without(head_of(text), name)}---\n\n{body}")

    def add_or_remove(self, which: int, how: int) -> None:
        here = self.articles()
        if how % 2 or len(here) < 3:
            self._write(f"{FOLDERS[how % len(FOLDERS)]}/{self.words.name()}", self.words.article())
        else:
            (self.clone.root / self._chosen(which)[0]).unlink()
        self.is_dirty = True

    def rename_or_move(self, which: int, how: int) -> None:
        path, text = self._chosen(which)
        folder, _, name = path.rpartition("/")
        match how % 4:
            case 0 | 1:
                new = f"{folder}/{self.words.name()}"
            case 2:
                new = f"{FOLDERS[how % len(FOLDERS)]}/{name}"
            case _:
                self._rename_folder(folder)
                return
        if new not in self.articles():
            self._write(new, text)
            (self.clone.root / path).unlink()
            self._links_follow({path: new})

    def _rename_folder(self, folder: str) -> None:
        before = list(self.articles())
        new = f"{folder.rpartition('/')[0]}/folder-{next(self.words.numbers)}"
        (self.clone.root / folder).rename(self.clone.root / new)
        self.is_dirty = True
        self._links_follow({path: new + path.removeprefix(folder) for path in before if path.startswith(f"{folder}/")})

    def _links_follow(self, moved: Mapping[str, str]) -> None:
        """Write the links from and to files that were moved again."""
        was = {new: old for old, new in moved.items()}
        for path, text in self.articles().items():

            def relinked(found: re.Match[str], path: str = path) -> str:
                target = _target(was.get(path, path), found[2])
                return f"[{found[1]}]({_address(path, moved.get(target, target))})"

            if (changed := _LINK.sub(relinked, text)) != text:
                self._write(path, changed)

    def remove_broken_links(self) -> set[str]:
        """Remove the links to files that do not exist, which stop a publish; return the changed files."""
        here, fixed = self.articles() if self.links_others else {}, set()
        for path, text in here.items():

            def without_broken(found: re.Match[str], path: str = path) -> str:
                return found[0] if _target(path, found[2]) in here else found[1]

            if (changed := _LINK.sub(without_broken, text)) != text:
                self._write(path, changed)
                fixed.add(path)
        return fixed

    def _chosen(self, which: int) -> tuple[str, str]:
        """Return the path and the text of a file; a new one where merges have left none."""
        if not self.articles():
            self._write(f"{FOLDERS[0]}/{self.words.name()}", self.words.article())
        here = list(self.articles().items())
        return here[which % len(here)]

    def _write(self, path: str, text: str) -> None:
        self.clone.write({path: text})
        self.is_dirty = True

    def settle_markers(self, side: int) -> None:
        """Take one side of each overlap that a pull left, or both."""
        for path, text in self.articles().items():
            if has_markers(text):
                settled = _OVERLAP.sub(lambda found: _settled(found[1], found[2], side), text)
                self.dropped |= tokens(text) - tokens(settled)
                self._write(path, settled)

    # Commits and branches.

    def commit(self) -> None:
        """Commit what there is, if there is anything."""
        self.remove_broken_links()
        if self.is_dirty:
            self.git("add", "-A")
            self._commit("edits")
            self.is_dirty = False

    def _commit(self, what: str) -> None:
        dropped, self.dropped = sorted(self.dropped), set()
        self.git("commit", "-q", "--allow-empty", "-m", f"{self.name} {what}\n\n{' '.join(dropped)}")

    def switch(self, branch: str) -> None:
        if branch != self.branch:
            self.commit()
            self.git("switch", "-q", branch)
            self.branch = branch

    def begin_branch(self) -> None:
        if len(self.branches) < 2:
            self.commit()
            self.branch = f"branch-{next(self.words.numbers)}"
            self.branches.append(self.branch)
            self.git("switch", "-q", "-c", self.branch)

    def throw_away(self, which: int) -> None:
        if self.branches:
            self.switch("main")
            self.git("branch", "-q", "-D", self.branches.pop(which % len(self.branches)))

    def merge(self, which: int, side: int, *, squash: bool) -> None:
        """Merge a branch into main; it may continue afterwards."""
        if not self.branches:
            return
        self.switch("main")
        self.commit()
        branch = self.branches[which % len(self.branches)]
        if squash:
            self.dropped |= tokens(self.git("log", "-p", "-m", "--format=%B", "--no-color", f"HEAD..{branch}"))
        if not self.tries("merge", "-q", *(["--squash"] if squash else ["--no-edit"]), branch):
            self._settle_merge(side)
        if squash:
            self._commit(f"squashes {branch}")
        if side % 3 == 0:
            self.branches.remove(branch)
            self.git("branch", "-q", "-D", branch)

    def _settle_merge(self, side: int) -> None:
        """Take one side of everything that overlaps, and commit."""
        which = ("--ours", "--theirs")[side % 2]
        for path in filter(None, self.git("diff", "--name-only", "--diff-filter=U", "-z").split("\0")):
            if not self.tries("checkout", which, "--", path):
                self.git("rm", "-q", "-f", "--", path)
        self.settle_markers(side)
        for entry in self.clone.root.glob(".kbsync/**/*.json"):
            if has_markers(entry.read_text()):
                # Where both sides renamed, git leaves its marks in the one and the other; kbsync says to delete them.
                entry.unlink()
        self.git("add", "-A")
        self._commit("settles a merge")

    def revert(self, back: int) -> None:
        """Take back one of the last commits, where git can."""
        self.commit()
        commit = f"HEAD~{back % 3}"
        parents = self.git("rev-list", "--max-count=4", "--parents", "HEAD").splitlines()
        if back % 3 + 1 >= len(parents):
            return
        is_merge = self.tries("rev-parse", "--verify", "--quiet", f"{commit}^2")
        if not self.tries("revert", "--no-edit", *(["-m", "1"] if is_merge else []), commit):
            self.tries("revert", "--abort")
            self.tries("reset", "-q", "--hard")

    def share(self, side: int = 0) -> None:
        """Merge main with the remote, as before a publish."""
        self.switch("main")
        self.commit()
        self.git("fetch", "-q", "origin", "main")
        if not self.tries("merge", "-q", "--no-edit", "FETCH_HEAD"):
            self._settle_merge(side)
        self.commit()
        self.git("push", "-q", "origin", "main")

    def clone_again(self, *, shallow: bool) -> None:
        """Lose the clone with all that was not shared, and make another."""
        root = self.clone.root.parent / f"{self.name}-{next(self.clones)}"
        options = ["--depth=1"] if shallow else []
        git(self.shared, "clone", "-q", *options, self.shared.as_uri(), str(root))
        config = replace(self.clone.config, root=root)
        self.clone = replace(self.clone, root=root, config=config)
        self.is_dirty, self.branches, self.branch = False, [], "main"
