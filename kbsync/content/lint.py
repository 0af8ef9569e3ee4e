"""Checks a tree: the problems that reading it found, and links, pictures and scripts in its articles.

Makes no calls and writes nothing. Links are checked against the tree alone, never against a portal. Comments in the
files may ignore warnings.
"""

import re
import unicodedata
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches

from kbsync.content.document import unix_newlines
from kbsync.content.includes import Expansion, Location
from kbsync.content.selection import split_suffix
from kbsync.content.tree import ContentTree
from kbsync.errors import Problem
from kbsync.files import folded
from kbsync.leaks import KeyFinder
from kbsync.markup.links import (
    ARTICLE_NUMBER,
    Reference,
    anchors_of,
    block_after,
    code_ranges,
    fences_with_attributes,
    from_root,
    hazards,
    join_target,
    references,
    site_target,
    split_target,
    to_root,
    unparsed,
)
from kbsync.model import INDEX_FILE, Article, Origin, Status, fields_of, is_under, parent_path, source_path
from kbsync.rules import is_selected, selector_error


def lint(
    tree: ContentTree,
    *,
    assets_url: str | None,
    ignore: Collection[str] = (),
    others: Iterable[Problem] = (),
    empty: Collection[str] = (),
    paths: Collection[str] = (),
    ids: Collection[int] = (),
    is_outside: Callable[[str], bool] = lambda path: False,
) -> tuple[Problem, ...]:
    """Return every problem of a tree, sorted by file and line, with `others` that are known of it already.

    Warnings that a comment in their file ignores, or that the codes in `ignore` begin, are left out. `empty` are the
    articles that have no text on the portal either. With `paths` only the articles below these are checked, and those
    that include other files. `ids` are those of the articles that are known on the portal; `is_outside` returns whether
    the repository has a file of this path from its root.
    """
    checker = _ArticleChecker(
        tree, served=assets_url is not None, empty=frozenset(empty), ids=ids, is_outside=is_outside
    )
    concerned = [one for one in tree.knowledge.articles if _concerns(one.path or "", tree, paths)]
    found = {problem for article in concerned for problem in checker.check(article)}
    found |= {*tree.problems, *others}
    comments: dict[str, tuple[Ignored, ...]] = {}
    for path, text, line in _texts(tree):
        comments[path], wrong = read_ignores(text, path=path, line=line)
        found.update(wrong)
    return tuple(
        problem
        for problem in sorted(found)
        if is_selected(problem.code, ignore=ignore)
        and not any(comment.covers(problem) for comment in comments.get(problem.path, ()))
    )


def _concerns(path: str, tree: ContentTree, paths: Collection[str]) -> bool:
    return not paths or path in tree.expansions or any(is_under(path, asked) for asked in paths)


def _lines_of(origin: Origin) -> list[str]:
    """Return the lines of a body as they were written."""
    return unix_newlines(origin.text).split("\n")[origin.body_line - 1 :]


def _texts(tree: ContentTree) -> Iterator[tuple[str, str, int]]:
    """Yield every Markdown text of a tree, with its file and the line on which it begins."""
    for file in tree.included.values():
        yield file.path, file.text, file.line
    for item in tree.knowledge.items():
        if item.origin is not None:
            yield source_path(item.kind, item.path or ""), "\n".join(_lines_of(item.origin)), item.origin.body_line


def find_keys(tree: ContentTree, keys: KeyFinder) -> Iterator[Problem]:
    """Yield a problem for each file whose text, or what is published of it, holds an API key."""
    for item in tree.knowledge.items():
        path, text = source_path(item.kind, item.path or ""), item.origin.text if item.origin else ""
        values = [str(value) for value in fields_of(item).values() if value is not None]
        if any(keys.is_in(one) for one in (text, *values)):
            yield Problem(
                code="KB502",
                path=path,
                line=keys.line_in(text),
                message="an API key of the environment is in this file",
                advice="remove it, and reset the key in Freshdesk (profile settings)",
            )


_WHOLE_ADDRESS = "write the path from the content root, or a whole address (`https://…`)"
_COMMENT = re.compile(r"<!--.*?(?:-->|\Z)", re.DOTALL)


class _ArticleChecker:
    """Checks articles against everything that links can lead to.

    Links to drafts and to anchors that do not exist are no errors: a live knowledge base is full of them, and it must
    be possible to publish it as it was pulled.
    """

    def __init__(
        self,
        tree: ContentTree,
        *,
        served: bool,
        empty: frozenset[str],
        ids: Collection[int],
        is_outside: Callable[[str], bool],
    ) -> None:
        self.served = served
        self.empty = empty
        known = tree.knowledge
        self.articles = {article.path or "": article for article in known.articles}
        self.directories = {item.path or "" for item in known.items() if not isinstance(item, Article)}
        self.assets = known.assets
        self.translations = frozenset(tree.translations)
        self.excluded = frozenset(tree.excluded)
        self.folded = {folded(path): path for path in (*self.articles, *self.directories, *self.assets)}
        self.expansions = tree.expansions
        self.written = tree.written
        self.ids = ids
        self.is_outside = is_outside
        self.anchors: dict[str, frozenset[str]] = {}

    def check(self, article: Article) -> Iterator[Problem]:
        expansion = self.expansions.get(article.path or "")
        lines = _lines_of(article.origin) if article.origin else article.body.split("\n")
        if article.origin is not None and not _COMMENT.sub("", article.body).strip():
            code = "KB224" if article.path in self.empty else "KB223"
            advice = "write its text, or set `publish: false` until it has one"
            yield Location(path=article.path or "", line=1).problem(code, "the article has no text", advice)
        found = references(article.body)
        addresses = self.written.get(article.path or "") or [reference.target for reference in found]
        for reference, before in zip(found, addresses, strict=True):
            known = expansion.links.get((reference.line, before)) if expansion else None
            location, written = known or (_location(article, expansion, reference.line, lines), before)
            is_settled = before != reference.target
            meant = (article.path or "", reference.target) if is_settled else (location.path, written)
            if problem := self._check_link(article, replace(reference, target=written), location, *meant):
                yield problem
        for row in fences_with_attributes(article.body):
            what, advice = "the language of a code block is in braces", "write it alone, such as ```` ```python ````"
            yield _location(article, expansion, row, lines).problem("KB401", what, advice, at="{")
        for mark in unparsed(article.body):
            location = _location(article, expansion, mark.line, lines)
            yield location.problem(mark.code, mark.what, mark.advice, at=mark.at)
        for hazard in hazards(article.body):
            what = f"{hazard.what} would run in a reader's browser"
            at = hazard.what.removeprefix("address ").removesuffix(" attribute").removesuffix(">")
            yield _location(article, expansion, hazard.line, lines).problem("KB501", what, "take it out", at=at)

    def _check_link(
        self, article: Article, reference: Reference, location: Location, path: str, address: str
    ) -> Problem | None:
        """Check a link that is written as `reference` has it, and means `address` in the file at `path`."""
        written, address = reference.target.strip(), address.strip()
        shown = written if len(written) <= 100 else f"{written[:99]}…"
        named = f"the {'picture' if reference.embedded else 'link'} `{shown}`"
        if address.startswith("#"):
            anchor = split_target(to_root("page", f"page{address}") or "")[2]
            return self._check_anchor(article.path or "", anchor, named, location, written)
        try:
            rooted = to_root(path, address)
        except ValueError:
            what = f"{named} leads out of the content tree"
            return location.problem("KB303", what, "link below the root, or to a whole address", at=written)
        if rooted is None:
            return self._check_portal_link(named, location, written)
        target, _, anchor = split_target(rooted)
        target = target.removesuffix(f"/{INDEX_FILE}")
        if (linked := self.articles.get(target)) is not None:
            if linked.status is Status.DRAFT and article.status is Status.PUBLISHED:
                what = f"{named}: its target `{target}` is a draft"
                return location.problem("KB305", what, "publish it, or remove the link", at=written)
            return self._check_anchor(target, anchor, named, location, written)
        if target in self.assets:
            what = f"{named} has no address that readers could see"
            advice = "set `assets_url` for the target to where these files are served from"
            return None if self.served else location.problem("KB603", what, advice, at=written)
        return None if target in self.directories else self._not_found(target, reference, named, location)

    def _check_portal_link(self, named: str, location: Location, written: str) -> Problem | None:
        """Check an address that is no path of the tree, which a browser resolves on the portal."""
        if (number := ARTICLE_NUMBER.fullmatch(written)) is not None and int(number["id"]) not in self.ids:
            what = f"{named}: article {number['id']} is not in the content tree"
            return location.problem("KB308", what, "check the number, or link to a file of the tree", at=written)
        if (target := site_target(written)) is None:
            return None
        path = split_target(target)[0]
        if self.is_outside(path):
            what = f"{named}: its target is in the repository, outside the content tree"
            advice = "move it into the tree, or link to a whole address"
            return location.problem("KB307", what, advice, at=written)
        near = self._similar_paths(path)
        advice = f"did you mean `{from_root(location.path, join_target(near[0]))}`?" if near else _WHOLE_ADDRESS
        return location.problem("KB307", f"{named}: target not found in the content tree", advice, at=written)

    def _check_anchor(self, target: str, anchor: str, named: str, location: Location, written: str) -> Problem | None:
        if anchor in ("", "top"):
            return None
        if target not in self.anchors:
            names = anchors_of(self.articles[target].body)
            self.anchors[target] = frozenset(unicodedata.normalize("NFC", anchor) for anchor in names)
        if anchor in self.anchors[target]:
            return None
        near = get_close_matches(anchor, self.anchors[target], n=1, cutoff=0.6)
        advice = f"did you mean `#{near[0]}`?" if near else f"see the headings of `{target}`"
        return location.problem("KB306", f"{named} leads to no heading of that name", advice, at=written)

    def _not_found(self, target: str, reference: Reference, named: str, location: Location) -> Problem:
        written = reference.target.strip()
        if target in self.translations:
            what = f"{named}: its target is a translation, and translations are not published yet"
            return location.problem("KB701", what, "link to the article itself", at=written)
        if target in self.excluded:
            what = f"{named}: its target `{target}` is hidden, ignored or has `publish: false`"
            return location.problem("KB304", what, "remove the link, or make the file content", at=written)
        if (same_folded := self.folded.get(folded(target))) is not None:
            what = f"{named}: target not found; it differs from `{same_folded}` only in case"
            code, advice = (
                "KB602" if reference.embedded else "KB302",
                f"write `{from_root(location.path, join_target(same_folded))}`",
            )
            return location.problem(code, what, advice, at=written, fixable=True)
        near = self._similar_paths(target)
        advice = (
            f"did you mean `{from_root(location.path, join_target(near[0]))}`?" if near else "fix or remove the link"
        )
        code = "KB601" if reference.embedded else "KB301"
        return location.problem(code, f"{named}: target not found", advice, at=written)

    def _similar_paths(self, target: str) -> list[str]:
        """Return the path that was probably meant: one of the same name elsewhere, else one in the same directory."""
        directory, _, name = target.rpartition("/")
        suffix = split_suffix(name)[1]
        paths = [path for path in self.folded.values() if split_suffix(path)[1] == suffix]
        elsewhere = [path for path in paths if path.rpartition("/")[2] == name]
        siblings = [path for path in paths if parent_path(path) == directory]
        return get_close_matches(target, elsewhere or siblings, n=1, cutoff=0.8)


def _location(article: Article, expansion: Expansion | None, line: int, lines: Sequence[str]) -> Location:
    """Return where a line of an article's body was written: in its file, or in an included one."""
    if expansion is not None:
        return expansion.location(line)
    lines_above = article.origin.body_line - 1 if article.origin else 0
    return Location(
        path=article.path or "", line=lines_above + line, text=lines[line - 1] if line <= len(lines) else ""
    )


_HINT = "kbsync:"
_IGNORE_COMMENT = re.compile(
    r"<!--\s*kbsync:\s*(?P<what>ignore(?:-file)?)(?P<codes>(?:[\s,]++(?:(?!-->)[^\s,<>])++)*+)\s*+-->"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ignored:
    """What one comment ignores: codes, or beginnings of codes, on lines of one file; on all where `lines` is None."""

    codes: tuple[str, ...]
    lines: range | None

    def covers(self, problem: Problem) -> bool:
        """Return whether the comment is about this problem, and may ignore it."""
        is_there = self.lines is None or problem.line in self.lines
        return is_there and not is_selected(problem.code, ignore=self.codes)


def read_ignores(text: str, *, path: str, line: int) -> tuple[tuple[Ignored, ...], tuple[Problem, ...]]:
    """Read the comments of Markdown that begins on a `line` of its file, and the problems of the comments."""
    if _HINT not in text:
        return (), ()
    code = code_ranges(text)
    comments = [
        one for one in _IGNORE_COMMENT.finditer(text) if not any(start <= one.start() < end for start, end in code)
    ]
    ignored = tuple(_ignored(text, comment, line) for comment in comments)
    return ignored, tuple(problem for comment in comments for problem in _problems(text, comment, path, line))


def _ignored(text: str, comment: re.Match[str], line: int) -> Ignored:
    codes = tuple(code for code in _codes(comment) if not selector_error(code, ignoring=True))
    if comment["what"] == "ignore-file":
        return Ignored(codes=codes, lines=None)
    first, last = (text.count("\n", 0, at) for at in comment.span())
    start, end = text.rfind("\n", 0, comment.start()) + 1, text.find("\n", comment.end())
    beside = text[start : comment.start()] + text[comment.end() : end if end >= 0 else None]
    rows = range(first, last + 1) if beside.strip(" \t>*+-.)0123456789") else block_after(text, last)
    return Ignored(codes=codes, lines=range(rows.start + line, rows.stop + line))


def _problems(text: str, comment: re.Match[str], path: str, line: int) -> Iterator[Problem]:
    row = text.count("\n", 0, comment.start())
    column = comment.start() - text.rfind("\n", 0, comment.start())
    errors = [error for code in _codes(comment) if (error := selector_error(code, ignoring=True))]
    if not _codes(comment):
        errors = [("the comment names no rule to ignore", "write its code: `<!-- kbsync: ignore KB306 -->`")]
    for what, advice in errors:
        yield Problem(code="KB104", path=path, line=line + row, column=column, message=what, advice=advice)


def _codes(comment: re.Match[str]) -> list[str]:
    return re.findall(r"[^\s,]+", comment["codes"])
