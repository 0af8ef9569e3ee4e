"""Everything that is wrong with a tree: what reading it found, and links, pictures and scripts in its articles.

Asks nobody and writes nothing. What a link leads to is judged by the tree alone, never by a portal.
"""

import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, replace
from difflib import get_close_matches

from kbsync.content.includes import Expansion, Location
from kbsync.content.selection import INDEX
from kbsync.content.tree import ContentTree
from kbsync.errors import Problem
from kbsync.files import folded
from kbsync.markup.links import Reference, anchors_of, from_root, hazards, references, to_root
from kbsync.model import Article, Status

_LEADS_NOWHERE = "leads nowhere"


def lint(tree: ContentTree, *, assets_url: str | None) -> tuple[Problem, ...]:
    """Return every problem of a tree, sorted by file and line."""
    judge = _Judge(tree, served=assets_url is not None)
    found = {problem for article in tree.knowledge.articles for problem in judge.article(article)}
    return tuple(sorted(found | set(tree.problems)))


@dataclass(frozen=True, slots=True)
class _Trouble:
    """What is wrong with a link.

    A live knowledge base is full of links to anchors and drafts that are gone, and must still be published as it was
    pulled: those do not stop.
    """

    what: str
    advice: str
    stops: bool = True


class _Place:
    """Where the lines of one article's body were written: in its file, or in one that it includes."""

    def __init__(self, article: Article, expansion: Expansion | None) -> None:
        self.path = article.path or ""
        self.above = (article.origin.body_line if article.origin else 1) - 1
        self.expansion = expansion

    def of_line(self, line: int) -> Location:
        if self.expansion is not None:
            return self.expansion.spot(line)
        return Location(path=self.path, line=self.above + line)

    def of_link(self, reference: Reference) -> tuple[Location, str]:
        """Tell also how the address was written there."""
        known = self.expansion.links.get((reference.line, reference.target)) if self.expansion else None
        return known or (self.of_line(reference.line), reference.target)


class _Judge:
    """What links are judged by: everything that there is to link to."""

    def __init__(self, tree: ContentTree, *, served: bool) -> None:
        self.served = served
        known = tree.knowledge
        self.articles = {article.path or "": article for article in known.articles}
        self.directories = {item.path or "" for item in known.items() if not isinstance(item, Article)}
        self.assets = known.assets
        self.translations = frozenset(tree.translations)
        self.withheld = frozenset(tree.excluded)
        self.folded = {folded(path): path for path in (*self.articles, *self.directories, *self.assets)}
        self.expansions = tree.expansions
        self.anchors: dict[str, frozenset[str]] = {}

    def article(self, article: Article) -> Iterator[Problem]:
        """Find what is wrong with the text of one article."""
        place = _Place(article, self.expansions.get(article.path or ""))
        for reference in references(article.body):
            spot, written = place.of_link(reference)
            trouble = self._trouble(article, replace(reference, target=written), spot.path)
            if trouble:
                yield Problem(
                    path=spot.path, line=spot.line, message=trouble.what, advice=trouble.advice, is_error=trouble.stops
                )
        for hazard in hazards(article.body):
            what, spot = f"{hazard.what} would run in a reader's browser", place.of_line(hazard.line)
            yield Problem(path=spot.path, line=spot.line, message=what, advice="take it out")

    def _trouble(self, article: Article, reference: Reference, path: str) -> "_Trouble | None":
        """Judge one link of an article, written in the file at `path`."""
        written = reference.target.strip()
        named = f"the {'picture' if reference.embedded else 'link'} `{_short(written)}`"
        if written.startswith("#"):
            return self._anchor_trouble(article.path or "", _to_anchor(written), named)
        try:
            rooted = to_root(path, written)
        except ValueError:
            return _Trouble(f"{named} leads out of the content tree", "link below the root, or to a whole address")
        if rooted is None:
            return None
        target, _, anchor = rooted.partition("#")
        target = target.removesuffix(f"/{INDEX}")
        linked = self.articles.get(target)
        if linked is not None:
            if linked.status is Status.DRAFT and article.status is Status.PUBLISHED:
                what = f"{named} {_LEADS_NOWHERE}: `{target}` is a draft"
                return _Trouble(what, "publish it, or take the link away", stops=False)
            return self._anchor_trouble(target, anchor, named)
        if target in self.assets:
            advice = "set `assets_url` for the target to where these files are served from"
            return None if self.served else _Trouble(f"{named} has no address that readers could see", advice)
        return None if target in self.directories else self._absence(path, target, named)

    def _anchor_trouble(self, target: str, anchor: str, named: str) -> "_Trouble | None":
        if anchor in ("", "top"):
            return None
        if target not in self.anchors:
            self.anchors[target] = frozenset(map(_nfc, anchors_of(self.articles[target].body)))
        known = self.anchors[target]
        if anchor in known:
            return None
        near = get_close_matches(anchor, known, n=1, cutoff=0.6)
        advice = f"did you mean `#{near[0]}`?" if near else f"see the headings of `{target}`"
        return _Trouble(f"{named} leads to no heading of that name", advice, stops=False)

    def _absence(self, path: str, target: str, named: str) -> "_Trouble":
        """Return why nothing stands where a link leads."""
        if target in self.translations:
            what = f"{named} {_LEADS_NOWHERE}: translations are not published yet"
            return _Trouble(what, "link to the article itself")
        if target in self.withheld:
            why = "is hidden, ignored or has `publish: false`"
            return _Trouble(f"{named} {_LEADS_NOWHERE}: `{target}` {why}", "take the link away, or let it be content")
        twin = self.folded.get(folded(target))
        if twin is not None:
            what = f"{named} {_LEADS_NOWHERE}: it differs from `{twin}` only in case"
            return _Trouble(what, f"write `{from_root(path, twin)}`")
        suffixed = f"{target}.md"
        near = (
            [suffixed] if suffixed in self.articles else get_close_matches(target, self._kin(target), n=1, cutoff=0.8)
        )
        advice = f"did you mean `{from_root(path, near[0])}`?" if near else "mend it, or take it away"
        return _Trouble(f"{named} {_LEADS_NOWHERE}", advice)

    def _kin(self, target: str) -> list[str]:
        """Return the paths that a slip could have meant: of the same name elsewhere, or in the same directory."""
        directory, _, name = target.rpartition("/")
        places = self.folded.values()
        elsewhere = [place for place in places if place.rpartition("/")[2] == name]
        return elsewhere or [place for place in places if place.rpartition("/")[0] == directory]


def _to_anchor(address: str) -> str:
    return (to_root("page", f"page{address}") or "").partition("#")[2]


def _nfc(text: str) -> str:
    return unicodedata.normalize("NFC", text)


def _short(address: str) -> str:
    return address if len(address) <= 100 else f"{address[:99]}…"
