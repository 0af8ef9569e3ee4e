"""Selects the files of a tree that are content, and their roles, by their names alone."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum

import pathspec
from pathspec.pattern import RegexPattern
from pathspec.patterns.gitignore.basic import GitIgnoreBasicPattern

from kbsync.config import CONFIG_FILE
from kbsync.errors import UsageError
from kbsync.files import folded
from kbsync.model import INDEX_FILE, ancestors, parent_path

_ABOUT_THE_REPOSITORY = frozenset(
    {"readme", "license", "licence", "contributing", "changelog", "code_of_conduct", "security", "support", "notice"}
)
_MOST_DOUBLE_STARS = 2
# A star, and what stands between it and the next one of the same directory.
_STAR = re.compile(r"\[\^/\]\*((?:\\.|\[(?:\\.|[^\]\\])+\](?![*+?])|[^\\\[()/*+?|$])*)(?=\[\^/\]\*)")
_OTHER_MARKDOWN = frozenset({".markdown", ".mdown", ".mkd", ".mkdn"})


class Role(Enum):
    """The role of a file in the tree."""

    ARTICLE = "article"
    INDEX = "index"
    ASSET = "asset"
    TRANSLATION = "translation"
    MISNAMED = "misnamed"
    NONE = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class TreeRules:
    """The settings that a tree is read by.

    Attributes:
        ignore: Globs as in `.gitignore`.
        languages: The target's other languages.
        ignored_keys: Keys of front matter that are ignored.
        variables: The variables of every article.
        title: Where the title of a file without `title` comes from: its `heading`, or else its `filename`.
    """

    ignore: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()
    target: str = "production"
    ignored_keys: frozenset[str] = frozenset()
    variables: Mapping[str, str] = field(default_factory=dict)
    title: str = "heading"


class Selection:
    """Decides about the paths of one tree."""

    def __init__(self, rules: TreeRules) -> None:
        self._languages = frozenset(language.casefold() for language in rules.languages)
        try:
            self._ignored = _spec(rules.ignore)
        except ValueError as error:
            what = f"`ignore` contains an invalid pattern: {error}"
            raise UsageError(what, advice="write patterns as in `.gitignore`") from None

    def is_hidden(self, path: str) -> bool:
        """Return whether a name in the path begins with `.` or `_`, or a glob matches the path."""
        *directories, name = path.split("/")
        if any(part.startswith((".", "_")) for part in directories) or name.startswith("."):
            return True
        if name.startswith("_") and not name.casefold().startswith("_index."):
            return True
        return path == CONFIG_FILE or self._ignored.match_file(path)

    def may_be_named(self, path: str) -> bool:
        """Return whether a file is an asset once an article names it: it is not Markdown, in a hidden directory."""
        directory, _, name = path.rpartition("/")
        is_markdown = split_suffix(name)[1].casefold() in (".md", *_OTHER_MARKDOWN)
        is_hidden = name.startswith((".", "_")) or not self.is_hidden(f"{directory}/x")
        return not (is_markdown or is_hidden or self._ignored.match_file(path))

    def role(self, path: str) -> Role:
        """Return the role of the file at a path."""
        if self.is_hidden(path):
            return Role.NONE
        directory, _, name = path.rpartition("/")
        stem, suffix = split_suffix(name)
        if not directory and (stem.casefold() in _ABOUT_THE_REPOSITORY or name.casefold() in _ABOUT_THE_REPOSITORY):
            return Role.NONE
        if name.casefold() == INDEX_FILE:
            return Role.INDEX if name == INDEX_FILE else Role.MISNAMED
        if suffix.casefold() in _OTHER_MARKDOWN:
            return Role.MISNAMED
        if suffix.casefold() != ".md":
            return Role.NONE if name.startswith("_") else Role.ASSET
        return Role.TRANSLATION if self._is_translation(stem) else Role.ARTICLE

    def _is_translation(self, stem: str) -> bool:
        _, dot, language = stem.rpartition(".")
        return stem.startswith("_") or (bool(dot) and language.casefold() in self._languages)


def _spec(globs: Iterable[str]) -> "pathspec.PathSpec[RegexPattern]":
    """Return globs that match in linear work; raise ValueError for one that cannot.

    A `*` before another one of its directory takes the nearest that fits, since the next can take any more.
    """
    patterns = []
    for glob in globs:
        if glob.rstrip("/").removesuffix("/**").count("**") > _MOST_DOUBLE_STARS:
            raise ValueError(f"{glob[:60]!r} has more than {_MOST_DOUBLE_STARS} `**` before its last name")
        found = GitIgnoreBasicPattern(glob)
        if found.regex is not None:
            found.regex = re.compile(_STAR.sub(r"(?>[^/]*?\1)", found.regex.pattern))
        patterns.append(found)
    return pathspec.PathSpec(patterns)


def paths_with_role(roles: Mapping[str, Role], role: Role) -> tuple[str, ...]:
    """Return the paths of one role, sorted."""
    return tuple(sorted(path for path, found in roles.items() if found is role))


def split_suffix(name: str) -> tuple[str, str]:
    """Split a file's name into its stem and its suffix with the dot."""
    stem, dot, suffix = name.rpartition(".")
    return (stem, dot + suffix) if dot else (name, "")


def case_collisions(paths: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Yield paths that are the same as an earlier one where case and normal form do not count, with that one."""
    first: dict[tuple[str, str], str] = {}
    for path in paths:
        directory, _, name = path.rpartition("/")
        known = first.setdefault((directory, folded(name)), path)
        if known != path:
            yield path, known


def directories(paths: Iterable[str]) -> frozenset[str]:
    """Return every directory above the paths but the root."""
    parents = {parent_path(path) for path in paths} - {""}
    return frozenset(parents).union(*map(ancestors, parents))
