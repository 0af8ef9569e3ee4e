"""Which files of a tree are content, and as what: a matter of names alone.

Knows the ignore globs and nothing of what the files say.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum

import pathspec

from kbsync.errors import UsageError
from kbsync.files import folded

INDEX = "_index.md"
CONFIG = "kbsync.toml"
_ABOUT_THE_REPOSITORY = frozenset(
    {"readme", "license", "licence", "contributing", "changelog", "code_of_conduct", "security", "support", "notice"}
)
_OTHER_MARKDOWN = frozenset({".markdown", ".mdown", ".mkd", ".mkdn"})


class Role(Enum):
    """What a file is to the tree."""

    ARTICLE = "article"
    INDEX = "index"
    ASSET = "asset"
    TRANSLATION = "translation"
    MISNAMED = "misnamed"
    NONE = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class TreeRules:
    """How a tree is read: globs as in `.gitignore`, the target's other languages, its name, and keys passed over.

    `variables` are those that count in every article.
    """

    ignore: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()
    target: str = "production"
    ignored_keys: frozenset[str] = frozenset()
    variables: Mapping[str, str] = field(default_factory=dict)


class Selection:
    """The rules of one tree, ready to judge paths."""

    def __init__(self, rules: TreeRules) -> None:
        self._languages = frozenset(language.casefold() for language in rules.languages)
        try:
            self._ignored = pathspec.PathSpec.from_lines("gitignore", rules.ignore)
        except ValueError as error:
            raise UsageError(
                f"`ignore` holds a pattern that means nothing: {error}", advice="see `.gitignore`"
            ) from None

    def is_hidden(self, path: str) -> bool:
        """Return whether a name on the way begins with `.` or `_`, or a glob names the path."""
        *directories, name = path.split("/")
        if any(part.startswith((".", "_")) for part in directories) or name.startswith("."):
            return True
        if name.startswith("_") and not name.casefold().startswith("_index."):
            return True
        return path == CONFIG or self._ignored.match_file(path)

    def role(self, path: str) -> Role:
        """Return what a file is by its path."""
        if self.is_hidden(path):
            return Role.NONE
        directory, _, name = path.rpartition("/")
        stem, suffix = split_suffix(name)
        if not directory and (stem.casefold() in _ABOUT_THE_REPOSITORY or name.casefold() in _ABOUT_THE_REPOSITORY):
            return Role.NONE
        if name.casefold() == INDEX:
            return Role.INDEX if name == INDEX else Role.MISNAMED
        if suffix.casefold() in _OTHER_MARKDOWN:
            return Role.MISNAMED
        if suffix.casefold() != ".md":
            return Role.NONE if name.startswith("_") else Role.ASSET
        return Role.TRANSLATION if self._is_translation(stem) else Role.ARTICLE

    def _is_translation(self, stem: str) -> bool:
        _, dot, language = stem.rpartition(".")
        return stem.startswith("_") or (bool(dot) and language.casefold() in self._languages)


def with_role(roles: Mapping[str, Role], role: Role) -> tuple[str, ...]:
    """Return the paths of one role, sorted."""
    return tuple(sorted(path for path, found in roles.items() if found is role))


def split_suffix(name: str) -> tuple[str, str]:
    """Part a file's name from its suffix, the dot with the suffix."""
    stem, dot, suffix = name.rpartition(".")
    return (stem, dot + suffix) if dot else (name, "")


def twins(paths: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Find names of one directory that are one where case or Unicode's normal form is ignored, each with the first."""
    first: dict[tuple[str, str], str] = {}
    for path in paths:
        directory, _, name = path.rpartition("/")
        known = first.setdefault((directory, folded(name)), path)
        if known != path:
            yield path, known


def directories(paths: Iterable[str]) -> frozenset[str]:
    """Return every directory that lies above one of the paths, the root left out."""
    found: set[str] = set()
    for path in paths:
        directory = path.rpartition("/")[0]
        while directory and directory not in found:
            found.add(directory)
            directory = directory.rpartition("/")[0]
    return frozenset(found)
