"""Bring a plan toward content into the tree: new files, edited files, and the lock that says what they agree with.

It works out every file first and writes nothing: what it returns is written by the journey, all at once.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from kbsync.agreements import Born, Key, agreement_to_json, lock_name
from kbsync.change import Action, Change, Finding, Matter, asked_for
from kbsync.content.document import compose, edit, replace_body
from kbsync.content.names import file_name
from kbsync.content.overlay import Overlay
from kbsync.content.tree import read as read_tree
from kbsync.errors import ContentError
from kbsync.journeys.addressing import TargetAddresses
from kbsync.journeys.bodies import Bodies
from kbsync.journeys.recording import agree
from kbsync.journeys.rendering import addresses_now
from kbsync.journeys.workspace import Workspace, tree_rules
from kbsync.model import (
    Article,
    Category,
    FieldValue,
    Folder,
    Item,
    Kind,
    KnowledgeBase,
    Status,
    Visibility,
    digest,
    fields_of,
    kind_of,
)
from kbsync.plan import Plan
from kbsync.versions import links_of, pulled_body

_INDEX = "_index.md"
_STOREY = {Kind.CATEGORY: 0, Kind.FOLDER: 1, Kind.ARTICLE: 2}


@dataclass(slots=True, kw_only=True)
class Pulled:
    """What a pull would write: each file by path (None deletes), and the changes.

    `dropped` tells what was left out on purpose, by path; `refused` are files that cannot be edited by line.
    """

    files: dict[str, str | None] = field(default_factory=dict)
    changes: list[Change] = field(default_factory=list)
    dropped: dict[str, tuple[str, ...]] = field(default_factory=dict)
    refused: list[Finding] = field(default_factory=list)


def bring_home(
    workspace: Workspace,
    plan: Plan,
    live: KnowledgeBase,
    addresses: TargetAddresses,
    paths: Sequence[str],
    tell: Callable[[str], None],
) -> Pulled:
    """Work out the files of a pull, of all or at some `paths`; `tell` hears of each article that was converted."""
    pulling = _Pulling(workspace, plan, live, addresses)
    for change in asked_for(pulling.named_changes(), paths):
        pulling.take(change)
        tell(change.path)
    pulling.settle()
    return pulling.pulled


class _Pulling:
    """One pull being worked out."""

    def __init__(self, workspace: Workspace, plan: Plan, live: KnowledgeBase, addresses: TargetAddresses) -> None:
        self.workspace = workspace
        self.files = workspace.files
        self.plan = plan
        self.live = live
        self.addresses = addresses
        self.rules = tree_rules(workspace.config)
        self.paths: dict[Key, str] = {(kind_of(path), number): path for path, number in plan.ids.items()}
        self.bodies = Bodies(workspace.tree, workspace.files, workspace.config.markup)
        self.written: dict[str, str] = {}
        self.pulled = Pulled()
        self.taken: dict[str, set[str]] = {}
        self.present = frozenset(workspace.files.paths())
        for path in self.present:
            self._take(path)

    def named_changes(self) -> list[Change]:
        """Give every change its content path: what is new gets a file name of its title, parents first."""
        ordered = sorted(self.plan.changes, key=self._order)
        named = []
        for change in ordered:
            path = self._new_path(change) if change.action is Action.CREATE else change.path
            if path is not None:
                named.append(replace(change, path=path, before=self._text(change.kind, path)))
        return named

    def _order(self, change: Change) -> tuple[int, int, int]:
        item = change.desired
        depth = self._depth(item) if isinstance(item, Folder) else 0
        return _STOREY[change.kind], depth, change.id or 0

    def _depth(self, folder: Folder) -> int:
        above = self.live.by_id().get((Kind.FOLDER, folder.parent or 0))
        return 1 + self._depth(above) if isinstance(above, Folder) else 0

    def _new_path(self, change: Change) -> str | None:
        item = change.desired
        if item is None or item.id is None:
            return None
        above = "" if isinstance(item, Category) else self._path_above(item)
        if above is None:
            return None
        title = item.title if isinstance(item, Article) else item.name
        taken = self.taken.setdefault(above, set())
        stem = file_name(title, taken)
        taken.add(stem)
        name = f"{stem}.md" if isinstance(item, Article) else stem
        path = f"{above}/{name}" if above else name
        self.paths[item.kind, item.id] = path
        return path

    def _path_above(self, item: Folder | Article) -> str | None:
        number = item.parent or 0
        return self.paths.get((Kind.FOLDER, number)) or self.paths.get((Kind.CATEGORY, number))

    def _take(self, path: str) -> None:
        """Mark a name as taken in its directory, with the directories on the way."""
        while path:
            above, _, name = path.rpartition("/")
            self.taken.setdefault(above, set()).add(name.removesuffix(".md"))
            path = above

    def take(self, change: Change) -> None:
        """Work out one file; one that cannot be edited by line is named and left alone, and the others go on."""
        try:
            text = self.text_of(change)
        except ContentError as error:
            why = "; ".join(problem.what for problem in error.problems)
            self.pulled.refused.append(
                Finding(matter=Matter.CONFLICT, kind=change.kind, path=change.path, id=change.id, reason=why)
            )
            return
        if text is not None:
            self.written[self.source_of(change)] = text
        self.pulled.changes.append(replace(change, after=text))

    def source_of(self, change: Change) -> str:
        """Give the file that holds an item's front matter."""
        return change.path if change.kind is Kind.ARTICLE else f"{change.path}/{_INDEX}"

    def _text(self, kind: Kind, path: str) -> str | None:
        source = path if kind is Kind.ARTICLE else f"{path}/{_INDEX}"
        return self.files.read(source).decode("utf-8") if source in self.present else None

    def text_of(self, change: Change) -> str | None:
        """Write one file's text anew or edited, or None where it stays as it is."""
        live = change.desired
        if live is None or change.action not in {Action.CREATE, Action.UPDATE}:
            return None
        if change.before is None:
            body = self.bodies.shielded(self._body(live, change.path), change.path)
            return compose(_front_of(live, change.path), body)
        source = self.source_of(change)
        text = edit(change.before, _front_changes(live, change.fields), path=source)
        if "body" not in change.fields:
            return text
        anchors = self.plan.anchors.get(change.path, frozenset())
        body = self.bodies.grafted(text, self._body(live, change.path), change.path, anchors)
        return replace_body(text, body, path=source)

    def _body(self, live: Item, path: str) -> str:
        if not isinstance(live, Article):
            return ""
        converted = pulled_body(live, path, self.addresses, self.paths)
        if converted.dropped:
            self.pulled.dropped[path] = converted.dropped
        return converted.text

    def settle(self) -> None:
        """Read back what would be written, say outright what defaults would say otherwise, and make the lock."""
        content = self._content()
        if self._make_explicit(content):
            content = self._content()
        items, links = content.by_path(), links_of(content)
        ids = {path: number for (_, number), path in self.paths.items()}
        self.pulled.files |= self._outlived_locks()
        for change in self.pulled.changes:
            lock = lock_name(self.workspace.config.target, change.kind, change.path)
            item = items.get(change.path)
            if change.action is Action.FORGET or item is None or change.desired is None:
                continue
            known = self.workspace.agreements.get((change.kind, change.desired.id or 0))
            agreement = agree(
                item,
                change.desired,
                seen=self.live.seen_at,
                born=known.born if known else Born.LIVE,
                anchors=links.anchors.get(change.path, frozenset()),
                addresses=addresses_now(item, self.addresses, ids) if isinstance(item, Article) else None,
            )
            self.pulled.files[lock] = agreement_to_json(replace(agreement, source=None, fields={}))
        self.pulled.files |= self.written

    def _outlived_locks(self) -> dict[str, None]:
        """Name the lock files of what is pulled, which may lie elsewhere by now, and of what is known no more."""
        touched = {(change.kind, change.id) for change in self.pulled.changes}
        known = self.workspace.agreements
        return {
            lock_name(self.workspace.config.target, entry.kind, entry.path): None
            for key, entry in self.workspace.lock.items()
            if key in touched or (touched and key not in known)
        }

    def _content(self) -> KnowledgeBase:
        return read_tree(Overlay(self.files, self.written), self.rules).knowledge

    def _make_explicit(self, content: KnowledgeBase) -> bool:
        """Write out the fields that an inherited default would set otherwise than live has them."""
        items = content.by_path()
        before = dict(self.written)
        for change in self.pulled.changes:
            item, source = items.get(change.path), self.source_of(change)
            if item is None or change.desired is None or source not in self.written:
                continue
            theirs = _plain(fields_of(change.desired))
            wrong = {
                name: theirs[name]
                for name, value in fields_of(item).items()
                if value is not None and name not in {"body", "author"} and digest(value) != digest(theirs[name])
            }
            if wrong:
                self.written[source] = edit(self.written[source], wrong, path=source)
        return self.written != before


def _front_of(live: Item, path: str) -> dict[str, FieldValue]:
    """Give the front matter of a new file: what a reader could tell, and nothing that is as it would be anyway."""
    named = {"title", "name"}
    fields = {name: value for name, value in fields_of(live).items() if value not in (None, "", ()) or name in named}
    for name in ("body", "author", "portals"):
        fields.pop(name, None)
    if fields.get("status") == Status.PUBLISHED:
        del fields["status"]
    if fields.get("visibility") == Visibility.ALL:
        del fields["visibility"]
    return _plain(fields)


def _front_changes(live: Item, changed: tuple[str, ...]) -> dict[str, FieldValue]:
    fields = fields_of(live)
    return _plain({name: fields[name] for name in changed if name in fields and name != "body"})


def _plain(fields: Mapping[str, FieldValue]) -> dict[str, FieldValue]:
    """Give fields as front matter can say them: plain text, and names on one line that are not empty."""
    plain = {name: str(value) if isinstance(value, str) else value for name, value in fields.items()}
    names = {name: " ".join(str(plain[name]).split()) or "Untitled" for name in ("title", "name") if name in plain}
    return plain | names
