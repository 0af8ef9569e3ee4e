"""The texts of one item of a pull: its merged file, and the source of its baseline, with live's changes alone.

Nothing is written.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from kbsync.baseline import Baseline
from kbsync.change import Action, Change
from kbsync.content.document import compose, edit_fields, newline_of, parse_document, replace_body, unix_newlines
from kbsync.content.front_matter import PlainValue, plain_value
from kbsync.content.includes import Expansion, Includes, Replacement, escape_marks
from kbsync.content.tree import ContentTree
from kbsync.digests import pulled_body, root_path_resolver
from kbsync.engine.relocate import Places, relocated, relocated_body
from kbsync.engine.render import LinkResolver
from kbsync.errors import ContentError, Problem
from kbsync.files import Files
from kbsync.markup.compare import classes_left_out, counting_classes
from kbsync.markup.merge.diff3 import mark_conflicts
from kbsync.markup.merge.graft import IncludeConflict, Template, graft
from kbsync.markup.merge.merge import MergeResult, MergeVersion, merge
from kbsync.model import (
    INDEX_FILE,
    Article,
    FieldValue,
    Item,
    ItemKey,
    Kind,
    digest,
    fields_of,
    is_default,
    source_path,
)
from kbsync.planner.planner import Plan

Entries = Sequence[str] | Sequence[int]


def merged_list(base: Entries, mine: Entries, theirs: Entries) -> FieldValue:
    """Return `mine` with what `theirs` added to the base, and without what it removed."""
    old, kept = {str(entry) for entry in base}, {str(entry) for entry in theirs}
    stay = [entry for entry in mine if str(entry) in kept or str(entry) not in old]
    mine_too = old | {str(entry) for entry in stay}
    return (*stay, *(entry for entry in theirs if str(entry) not in mine_too))  # type: ignore[return-value]


def listed(text: str, name: str) -> tuple[str, ...]:
    """Return a list that a file's own front matter holds, nested ones named `seo.keywords`; empty where it has none."""
    outer, _, inner = name.partition(".")
    try:
        value = parse_document(text, "").front.items.get(outer)
    except ContentError:
        return ()
    entries: PlainValue = None if value is None else plain_value(value)
    if inner:
        entries = entries.get(inner) if isinstance(entries, dict) else None
    if isinstance(entries, str):
        return tuple(filter(None, (part.strip() for part in entries.split(","))))
    return tuple(map(str, entries)) if isinstance(entries, tuple) else ()


def marked_fields(text: str, theirs: Mapping[str, FieldValue], *, path: str = "") -> str:
    """Put the lines of some fields between conflict markers, with the lines as `theirs` would have them.

    Raises:
        ContentError: the file cannot be edited so.
    """
    lines = (unix_newlines(one).split("\n") for one in (text, edit_fields(text, theirs, path=path)))
    return newline_of(text).join(mark_conflicts(*lines))


class BodyMerger:
    """Writes the bodies of one tree's articles."""

    def __init__(self, tree: ContentTree, files: Files, addresses: LinkResolver) -> None:
        self._tree = tree
        self._options = addresses.options
        self._outside = addresses.outside
        self._snippets = Includes(files)

    def shielded(self, theirs: str, path: str) -> str:
        """Write a pulled text for the file at `path` so that nothing in it is taken for an include or a variable.

        Raises:
            ContentError: it cannot be written so.
        """
        try:
            return escape_marks(theirs, self._tree.variables_at(path))
        except ValueError as error:
            raise ContentError((Problem(path=path, message=str(error)),)) from None

    def grafted(self, text: str, theirs: str, path: str, anchors: Collection[str]) -> str:
        """Return the body for a file whose text was `text`, so that readers get `theirs`.

        Raises:
            ContentError: what was edited comes from an include or a variable.
        """
        ours = self._opened(text, path)
        with _located(ours):
            return graft(
                ours.body,
                theirs,
                resolve=self._resolver(path),
                anchors=anchors,
                options=counting_classes(self._options, ours.body),
                written=ours.written,
            )

    def merged(self, text: str, base: str | None, theirs: str, path: str, anchors: Collection[str]) -> MergeResult:
        """Merge into the body of a file whose text is `text` what `theirs` has other than `base`.

        Both are bodies as readers get them; without a base every difference is put between markers.

        Raises:
            ContentError: what was edited comes from an include or a variable.
        """
        ours, resolve = self._opened(text, path), self._resolver(path)
        with _located(ours):
            return merge(
                None if base is None else MergeVersion(text=base, resolve=resolve),
                MergeVersion(text=ours.body, resolve=resolve),
                MergeVersion(text=theirs, resolve=resolve),
                anchors=anchors,
                options=counting_classes(self._options, ours.body),
                written=ours.written,
            )

    def shown(self, text: str, path: str) -> str:
        """Return the body that readers get of a file with this text."""
        return self._tree.destinations.settle(path, self._opened(text, path).body)

    def _resolver(self, path: str) -> Callable[[str], str]:
        rooted, own = root_path_resolver(path), self._tree.destinations.own
        return lambda address: self._outside(rooted(own(path, address)))

    def _opened(self, text: str, path: str) -> "_Opened":
        document = parse_document(text, path)
        expander = self._snippets.expander(self._tree.variables_at(path))

        def expand(body: str) -> str:
            made = expander.expand(body, path=path, line=document.body_line)
            return made.body if made else body

        expansion = expander.expand(document.body, path=path, line=document.body_line)
        written = Template(
            text=document.body,
            line_map=expansion.rows if expansion else range(document.body.count("\n") + 1),
            placeholders=_marks(expansion.replacements) if expansion else {},
            expand=expand,
            escape=lambda part: self.shielded(part, path),
        )
        return _Opened(path=path, line=document.body_line, written=written, expansion=expansion)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Opened:
    """A file's body as it was written, and as readers get it."""

    path: str
    line: int
    written: Template
    expansion: Expansion | None

    @property
    def body(self) -> str:
        return self.expansion.body if self.expansion else self.written.text


@contextmanager
def _located(ours: _Opened) -> Iterator[None]:
    """Turn an IncludeConflict into a ContentError with the lines of the includes and variables."""
    try:
        yield
    except IncludeConflict as conflict:
        replacements = ours.expansion.replacements if ours.expansion else ()
        messages = {
            f"the text edited on the portal comes from `{use.path}`; edit that file"
            if use.path
            else f"the text edited on the portal is next to `{use.written}`; edit the file yourself": use.row
            for use in reversed(replacements)
            if use.row in conflict.lines
        }
        raise ContentError(
            tuple(Problem(path=ours.path, line=ours.line + row, message=what) for what, row in messages.items())
        ) from None


def _marks(uses: Sequence[Replacement]) -> Mapping[int, Sequence[tuple[str, str]]]:
    found = defaultdict(list)
    for use in uses:
        found[use.row].append((use.written, use.shown))
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class MergedFile:
    """The merged texts of one item.

    `text` is for its file, None where that stays; `agreed` for the baseline, None where it is that of the file. `shown`
    is the agreed body as readers get it, where includes have changed since. `overlaps` names what both sides changed
    differently, which is between markers.
    """

    text: str | None = None
    agreed: str | None = None
    shown: str | None = None
    overlaps: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Base:
    """The source of a baseline, rewritten for the path of its file now, and its body as readers got it."""

    text: str
    body: str


@dataclass(slots=True, kw_only=True)
class FileMerger:
    """Writes the texts of one pull; `dropped` collects what was left out on purpose, by path, `classes` the classes."""

    plan: Plan
    places: Places
    addresses: LinkResolver
    bodies: BodyMerger
    baselines: Mapping[ItemKey, Baseline]
    dropped: dict[str, tuple[str, ...]] = field(default_factory=dict)
    classes: Counter[str] = field(default_factory=Counter)

    def merge(self, change: Change) -> MergedFile:
        """Make the texts of a change that has a live item.

        Raises:
            ContentError: the file cannot be edited so.
        """
        live = change.desired
        if live is None or (change.action is Action.ADOPT and not change.kept_fields):
            return MergedFile()
        theirs = self._body(live, change)
        if change.before is None:
            return self._new_file(change, live, theirs)
        mine = self._moved(change.before, change)
        if not change.kept_fields:
            return MergedFile(text=self._with_live(mine, change, live, theirs))
        base = self._base(change)
        agreed, shown = self._agreed(base, mine, change, live, theirs)
        if change.action is Action.ADOPT:
            return MergedFile(agreed=agreed, shown=shown)
        fields, clashing = self._sort_fields(change, base, live)
        text = edit_fields(mine, fields, path=source_of(change))
        overlaps = [*clashing]
        if "body" in change.fields:
            text, conflicts = self._merged(text, base, change, theirs)
            overlaps += [f"body ({conflicts} places)" if conflicts > 1 else "body"] if conflicts else []
        text = marked_fields(text, clashing, path=source_of(change)) if clashing else text
        return MergedFile(text=text, agreed=agreed, shown=shown, overlaps=tuple(overlaps))

    def _new_file(self, change: Change, live: Item, theirs: str) -> MergedFile:
        """Write a file that does not exist: a new item's, or that of a directory without one."""
        if change.fields == ("parent",) and not change.kept_fields and not isinstance(live, Article):
            # The file would hold nothing but the name of the directory.
            is_default = change.path.rpartition("/")[2] == live.name
            return MergedFile(text=None if is_default else compose(front_matter_values({"name": live.name}), ""))
        text = compose(_front_of(live), self.bodies.shielded(theirs, change.path))
        if change.action is Action.ADOPT or not change.kept_fields:
            return MergedFile(agreed=text) if change.action is Action.ADOPT else MergedFile(text=text)
        fields, clashing = self._sort_fields(change, None, live)
        if clashing:
            what = f"both sides changed {', '.join(clashing)} of a directory without `{INDEX_FILE}`"
            raise ContentError((Problem(path=change.path, message=what),))
        if not fields and change.action is Action.MOVE and not isinstance(change.actual, Article | None):
            # The directory was renamed in the tree; without a file its new name would seem to be lost.
            fields = front_matter_values({"name": change.actual.name})
        return MergedFile(text=compose(fields, "") if fields else None, agreed=text)

    def _moved(self, text: str, change: Change) -> str:
        """Rewrite a file and its links for the paths after the pull."""
        if change.kind is not Kind.ARTICLE or not self.places.moved:
            return text
        return relocated(text, self.places.before(change.path), change.path, self.places.after_moves, self.places.own)

    def _with_live(self, text: str, change: Change, live: Item, theirs: str) -> str:
        edited = edit_fields(text, _front_changes(live, change.fields), path=source_of(change))
        return self._grafted(edited, change, theirs) if "body" in change.fields else edited

    def _grafted(self, text: str, change: Change, theirs: str) -> str:
        body = self.bodies.grafted(text, theirs, change.path, self._anchors(change))
        return replace_body(text, body, path=change.path)

    def _merged(self, text: str, base: _Base | None, change: Change, theirs: str) -> tuple[str, int]:
        if "body" not in change.kept_fields:
            return self._grafted(text, change, theirs), 0
        merged = self.bodies.merged(text, base.body if base else None, theirs, change.path, self._anchors(change))
        return replace_body(text, merged.text, path=change.path), merged.conflicts

    def _agreed(self, base: _Base | None, mine: str, change: Change, live: Item, theirs: str) -> tuple[str, str | None]:
        """Return the source with live's changes alone, and its body where includes or variables have changed since.

        Where the source of the baseline is not known, the file is used in its place.
        """
        if base is None or not isinstance(live, Article) or self.bodies.shown(base.text, change.path) == base.body:
            return self._with_live(base.text if base else mine, change, live, theirs), None
        text = edit_fields(base.text, _front_changes(live, change.fields), path=change.path)
        return text, theirs if "body" in change.fields else base.body

    def _base(self, change: Change) -> _Base | None:
        known = self.baselines.get(change.key)
        if known is None or known.source is None:
            return None
        if change.kind is not Kind.ARTICLE:
            return _Base(text=known.source, body="")
        current = self.places.current(known, self.addresses)
        text = relocated(known.source, known.path, change.path, current, self.places.own)
        if known.expanded is None:
            return _Base(text=text, body=parse_document(text, change.path).body)
        return _Base(text=text, body=relocated_body(known.expanded, known.path, change.path, current, self.places.own))

    def _sort_fields(
        self, change: Change, base: _Base | None, live: Item
    ) -> tuple[dict[str, FieldValue], dict[str, FieldValue]]:
        """Sort live's fields into those that the file takes over, and those that both sides changed differently."""
        mine = fields_of(change.actual) if change.actual else {}
        taken: dict[str, FieldValue] = {}
        clashing: dict[str, FieldValue] = {}
        for name, value in _front_changes(live, change.fields).items():
            own = mine.get(name)
            if name not in change.kept_fields:
                taken[name] = value
            elif digest(own) == digest(value):
                continue
            elif isinstance(own, tuple) and isinstance(value, tuple):
                taken[name] = merged_list(listed(base.text, name) if base else (), own, value)
            else:
                clashing[name] = value
        return taken, clashing

    def _anchors(self, change: Change) -> frozenset[str]:
        return self.plan.anchors.get(self.places.before(change.path), frozenset())

    def _body(self, live: Item, change: Change) -> str:
        if not isinstance(live, Article):
            return ""
        own = self.bodies.shown(change.before, change.path) if change.before else ""
        converted = pulled_body(live, change.path, self.addresses, self.places.paths, own)
        if converted.dropped:
            self.dropped[change.path] = converted.dropped
        keep = counting_classes(self.addresses.options, own).keep_classes
        self.classes.update(classes_left_out(live.body, keep))
        return converted.text


def source_of(change: Change) -> str:
    """Return the file that holds an item's front matter."""
    return source_path(change.kind, change.path)


def _front_of(live: Item) -> dict[str, FieldValue]:
    """Return the front matter of a new file: without defaults, and without what readers do not see."""
    fields = fields_of(live)
    for name in ("body", "author", "portals"):
        fields.pop(name, None)
    return front_matter_values(
        {name: value for name, value in fields.items() if name in {"title", "name"} or not is_default(name, value)}
    )


def _front_changes(live: Item, changed: tuple[str, ...]) -> dict[str, FieldValue]:
    fields = fields_of(live)
    return front_matter_values({name: fields[name] for name in changed if name in fields and name != "body"})


def front_matter_values(fields: Mapping[str, FieldValue]) -> dict[str, FieldValue]:
    """Return fields as front matter holds them: plain text, and names as they are, on one line, but not empty."""
    found = {name: str(value) if isinstance(value, str) else value for name, value in fields.items()}
    names = {name: " ".join(str(found[name]).splitlines()) for name in ("title", "name") if name in found}
    return found | {name: text if text.strip() else "Untitled" for name, text in names.items()}
