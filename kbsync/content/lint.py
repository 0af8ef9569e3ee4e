"""Checks a tree: the problems that reading it found, and links, pictures and scripts in its articles.

Makes no calls and writes nothing. Links are checked against the tree alone, never against a portal.
"""

import unicodedata
from collections.abc import Iterator
from dataclasses import replace
from difflib import get_close_matches

from kbsync.content.includes import Expansion, Location
from kbsync.content.tree import ContentTree
from kbsync.errors import Problem
from kbsync.files import folded
from kbsync.markup.links import Reference, anchors_of, from_root, hazards, references, to_root
from kbsync.model import INDEX_FILE, Article, Status, parent_path


def lint(tree: ContentTree, *, assets_url: str | None) -> tuple[Problem, ...]:
    """Return every problem of a tree, sorted by file and line."""
    checker = _ArticleChecker(tree, served=assets_url is not None)
    found = {problem for article in tree.knowledge.articles for problem in checker.check(article)}
    return tuple(sorted(found | set(tree.problems)))


class _ArticleChecker:
    """Checks articles against everything that links can lead to.

    Links to drafts and to anchors that do not exist are no errors: a live knowledge base is full of them, and it must
    be possible to publish it as it was pulled.
    """

    def __init__(self, tree: ContentTree, *, served: bool) -> None:
        self.served = served
        known = tree.knowledge
        self.articles = {article.path or "": article for article in known.articles}
        self.directories = {item.path or "" for item in known.items() if not isinstance(item, Article)}
        self.assets = known.assets
        self.translations = frozenset(tree.translations)
        self.excluded = frozenset(tree.excluded)
        self.folded = {folded(path): path for path in (*self.articles, *self.directories, *self.assets)}
        self.expansions = tree.expansions
        self.anchors: dict[str, frozenset[str]] = {}

    def check(self, article: Article) -> Iterator[Problem]:
        expansion = self.expansions.get(article.path or "")
        for reference in references(article.body):
            known = expansion.links.get((reference.line, reference.target)) if expansion else None
            location, written = known or (_location(article, expansion, reference.line), reference.target)
            if problem := self._check_link(article, replace(reference, target=written), location):
                yield problem
        for hazard in hazards(article.body):
            what = f"{hazard.what} would run in a reader's browser"
            yield _location(article, expansion, hazard.line).problem(what, "take it out")

    def _check_link(self, article: Article, reference: Reference, location: Location) -> Problem | None:
        written = reference.target.strip()
        shown = written if len(written) <= 100 else f"{written[:99]}…"
        named = f"the {'picture' if reference.embedded else 'link'} `{shown}`"
        if written.startswith("#"):
            anchor = (to_root("page", f"page{written}") or "").partition("#")[2]
            return self._check_anchor(article.path or "", anchor, named, location)
        try:
            rooted = to_root(location.path, written)
        except ValueError:
            what = f"{named} leads out of the content tree"
            return location.problem(what, "link below the root, or to a whole address")
        if rooted is None:
            return None
        target, _, anchor = rooted.partition("#")
        target = target.removesuffix(f"/{INDEX_FILE}")
        if (linked := self.articles.get(target)) is not None:
            if linked.status is Status.DRAFT and article.status is Status.PUBLISHED:
                what = f"{named}: its target `{target}` is a draft"
                return location.problem(what, "publish it, or remove the link", is_error=False)
            return self._check_anchor(target, anchor, named, location)
        if target in self.assets:
            advice = "set `assets_url` for the target to where these files are served from"
            return None if self.served else location.problem(f"{named} has no address that readers could see", advice)
        return None if target in self.directories else self._not_found(target, named, location)

    def _check_anchor(self, target: str, anchor: str, named: str, location: Location) -> Problem | None:
        if anchor in ("", "top"):
            return None
        if target not in self.anchors:
            names = anchors_of(self.articles[target].body)
            self.anchors[target] = frozenset(unicodedata.normalize("NFC", anchor) for anchor in names)
        if anchor in self.anchors[target]:
            return None
        near = get_close_matches(anchor, self.anchors[target], n=1, cutoff=0.6)
        advice = f"did you mean `#{near[0]}`?" if near else f"see the headings of `{target}`"
        return location.problem(f"{named} leads to no heading of that name", advice, is_error=False)

    def _not_found(self, target: str, named: str, location: Location) -> Problem:
        if target in self.translations:
            what = f"{named}: its target is a translation, and translations are not published yet"
            return location.problem(what, "link to the article itself")
        if target in self.excluded:
            what = f"{named}: its target `{target}` is hidden, ignored or has `publish: false`"
            return location.problem(what, "remove the link, or make the file content")
        if (same_folded := self.folded.get(folded(target))) is not None:
            what = f"{named}: target not found; it differs from `{same_folded}` only in case"
            return location.problem(what, f"write `{from_root(location.path, same_folded)}`")
        near = [f"{target}.md"] if f"{target}.md" in self.articles else self._similar_paths(target)
        advice = f"did you mean `{from_root(location.path, near[0])}`?" if near else "fix or remove the link"
        return location.problem(f"{named}: target not found", advice)

    def _similar_paths(self, target: str) -> list[str]:
        """Return the path that was probably meant: one of the same name elsewhere, else one in the same directory."""
        directory, _, name = target.rpartition("/")
        paths = self.folded.values()
        elsewhere = [path for path in paths if path.rpartition("/")[2] == name]
        siblings = [path for path in paths if parent_path(path) == directory]
        return get_close_matches(target, elsewhere or siblings, n=1, cutoff=0.8)


def _location(article: Article, expansion: Expansion | None, line: int) -> Location:
    """Return where a line of an article's body was written: in its file, or in an included one."""
    if expansion is not None:
        return expansion.location(line)
    lines_above = article.origin.body_line - 1 if article.origin else 0
    return Location(path=article.path or "", line=lines_above + line)
