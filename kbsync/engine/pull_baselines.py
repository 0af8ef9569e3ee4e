"""The baselines of a pull: its files read back, inherited defaults written out, and the lock files made of them."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace

from kbsync.baseline import Baseline, BaselineOrigin, State, lock_file_path
from kbsync.change import Action, Change
from kbsync.codec import encode
from kbsync.content.document import compose, decode_source, edit_fields
from kbsync.content.tree import read_tree
from kbsync.digests import blob_of, link_graph
from kbsync.engine.context import Workspace, tree_rules
from kbsync.engine.merge_files import front_matter_values, source_of
from kbsync.engine.record import content_half, make_baseline, with_state
from kbsync.engine.relocate import Places, relocated, relocated_body
from kbsync.engine.render import LinkResolver, current_addresses
from kbsync.errors import ContentError
from kbsync.files import Files, Overlay
from kbsync.markup.links import split_target
from kbsync.markup.merge.diff3 import find_conflicts
from kbsync.model import (
    Article,
    FieldValue,
    Item,
    ItemKey,
    Kind,
    KnowledgeBase,
    ancestors,
    digest,
    fields_of,
    index_path,
    source_path,
)
from kbsync.planner.planner import Plan


@dataclass(slots=True, kw_only=True)
class PullBaselines:
    """The tree as a pull would leave it: `written` holds each file that changes, None for one that is deleted.

    `agreed` holds the sources of the baselines where they differ from the files, `shown` the bodies that readers get of
    those, by content path. Of the paths in `relinked` only the content half changes. `moved` maps the old paths of
    files and directories to the new ones.
    """

    workspace: Workspace
    live: KnowledgeBase
    written: dict[str, str | bytes | None] = field(default_factory=dict)
    agreed: dict[str, str] = field(default_factory=dict)
    shown: dict[str, str] = field(default_factory=dict)
    relinked: set[str] = field(default_factory=set)
    moved: Mapping[str, str] = field(default_factory=dict)

    def keep_emptied_directories(self, live: Collection[str], *, without: Collection[str]) -> None:
        """Add an index file to each live directory that moves would leave empty: git has no empty directories."""
        if not self.moved:
            return
        present = {*self._read(self.written).by_path(), *without}
        for item in reversed([*self.workspace.content.items()]):
            path = self.moved.get(item.path or "", item.path or "")
            if not isinstance(item, Article) and path in live and path not in present:
                self.written[index_path(path)] = compose(front_matter_values({"name": item.name}), "")
                present |= {path, *ancestors(path)}

    def write_inherited_defaults(self, changes: Sequence[Change]) -> None:
        """Write out the fields that an inherited default would set otherwise than live has them."""
        items = self._read(self.written | self.agreed).by_path()
        for change in changes:
            item, source = items.get(change.path), source_of(change)
            text = self.agreed.get(source) or self.written.get(source)
            if item is None or change.desired is None or not isinstance(text, str) or change.path in self.relinked:
                continue
            wrong = _wrong(item, change)
            if wrong and source in self.agreed:
                self.agreed[source] = edit_fields(text, wrong, path=source)
                self._edit_written(
                    source, {name: value for name, value in wrong.items() if name not in change.kept_fields}
                )
            elif wrong:
                self.written[source] = edit_fields(text, wrong, path=source)

    def _edit_written(self, source: str, fields: Mapping[str, FieldValue]) -> None:
        """Write fields into a merged file too, unless its front matter has conflict markers."""
        text = self.written.get(source)
        if isinstance(text, str) and fields:
            with suppress(ContentError):
                self.written[source] = edit_fields(text, fields, path=source)

    def baselines(self, changes: Sequence[Change], addresses: LinkResolver, ids: Mapping[str, int]) -> list[Baseline]:
        """Make the baselines of a pull's changes, without the texts that git holds."""
        content = self._read(self.written)
        items = (self._read(self.written | self.agreed) if self.agreed else content).by_path()
        anchors = link_graph(content).anchors
        made = []
        for change in changes:
            item = items.get(change.path)
            known = self.workspace.baselines.get(change.key)
            is_relinked = change.path in self.relinked
            if change.action in {Action.FORGET, Action.DELETE} or (change.desired is None and not is_relinked):
                continue
            if isinstance(item, Article) and change.path in self.shown:
                item = replace(item, body=self.shown[change.path])
            if item is not None:
                sent = current_addresses(item, addresses, ids) if isinstance(item, Article) else {}
                made.append(self._baseline(change, item, known, anchors.get(change.path, frozenset()), sent))
            elif known is not None and change.desired is not None:
                made.append(with_state(known, change.desired, seen_at=self.live.seen_at, state=State.LIVE))
        return self._without_known_texts([self._with_previous_blob(known) for known in made])

    def _with_previous_blob(self, made: Baseline) -> Baseline:
        """Note which file this pull writes over, so that the lock counts only where its text was kept.

        Of a file with conflict markers a writer may well restore the former text.
        """
        item = self.workspace.content.by_path().get(made.path)
        written = self.written.get(source_path(made.kind, made.path))
        if item is None or item.origin is None or not isinstance(written, str) or find_conflicts(written):
            return made
        return replace(made, previous_blob=blob_of(item.origin.text))

    def _baseline(
        self, change: Change, item: Item, known: Baseline | None, anchors: Collection[str], sent: Mapping[str, str]
    ) -> Baseline:
        origin = known.origin if known else BaselineOrigin.LIVE
        if known is not None and change.path in self.relinked:
            made = content_half(item, origin=origin, anchors=anchors)
            return replace(
                known,
                path=made.path,
                renderer_version=made.renderer_version,
                source_key=made.source_key,
                blob=made.blob,
                source=made.source,
                expanded=made.expanded,
                content=made.content,
                addresses=self._as_sent(known, sent),
            )
        live = change.desired or item
        seen_at = self.live.seen_at
        made = make_baseline(item, live, seen_at=seen_at, origin=origin, anchors=anchors, addresses=sent, before=known)
        own = set(change.kept_fields) - set(change.fields)
        if known is None or known.source is not None or not own:
            return made
        # The source of the baseline is lost, but its digests are known.
        old = {name: known.content[name] for name in own & known.content.keys()}
        return replace(made, content={**made.content, **old}, source_key="")

    def _as_sent(self, known: Baseline, now: Mapping[str, str]) -> dict[str, str]:
        """Return what the links were sent as: a picture that moved with its directory was sent by its old path."""
        before = {place: path for path, place in self.moved.items()}
        return {target: known.addresses.get(before.get(target, target), address) for target, address in now.items()}

    def _without_known_texts(self, made: Sequence[Baseline]) -> list[Baseline]:
        """Leave out the sources that git has or will have: those that files hold, and those of its blobs."""
        texts = {item.origin.text for item in self.workspace.content.items() if item.origin}
        texts |= {text for text in self.written.values() if isinstance(text, str)}
        wanted = sorted(known.blob for known in made if known.source is not None and known.source not in texts)
        missing = set(wanted) - (self.workspace.repository.blobs(wanted) if wanted else {}).keys()
        return [
            replace(
                known, source=known.source if known.blob in missing else None, fields={}, previous={}, supersedes=""
            )
            for known in made
        ]

    def _read(self, above: Mapping[str, str | bytes | None]) -> KnowledgeBase:
        return read_tree(Overlay(self.workspace.files, above), tree_rules(self.workspace.config)).knowledge


def lock_file_changes(
    workspace: Workspace, changes: Sequence[Change], made: Sequence[Baseline]
) -> dict[str, str | bytes | None]:
    """Return the lock's files: the baselines made, and None for those that moved or are not known any more."""
    touched = {change.key for change in changes}
    target, known = workspace.config.target, workspace.baselines
    files: dict[str, str | bytes | None] = {
        lock_file_path(target, entry.kind, entry.path): None
        for key, entry in workspace.lock.items()
        if key in touched or (touched and key not in known)
    }
    return files | {lock_file_path(target, entry.kind, entry.path): encode(entry) for entry in made}


def _wrong(item: Item, change: Change) -> dict[str, FieldValue]:
    """Return the fields in which an item differs from live, with live's values."""
    if change.desired is None:
        return {}
    theirs = front_matter_values(fields_of(change.desired))
    asked = None if not change.kept_fields else set(change.fields)
    return {
        name: theirs[name]
        for name, value in fields_of(item).items()
        if value is not None
        and name not in {"body", "author"}
        and (asked is None or name in asked)
        and digest(value) != digest(theirs[name])
    }


_INDEX = "_index."


def relinked_files(files: Files, places: Places, *, without: Collection[str] = ()) -> dict[str, str | bytes | None]:
    """Return the files that move, and those that link to something that moves, with their new links.

    A file whose links cannot be edited keeps them, and lint reports it. The files in `without` are deleted, not moved.
    """
    if not places.moved:
        return {}
    found: dict[str, str | bytes | None] = {}
    for path in files.paths():
        if path in without:
            continue
        new = places.moved.get(path, path)
        text = _relinked(files, path, new, places)
        if new != path:
            found |= {path: None, new: files.read(path) if text is None else text}
        elif text is not None:
            found[path] = text
    return found


def _relinked(files: Files, path: str, new: str, places: Places) -> str | None:
    """Return a file with its links rewritten for its new path; None where they stay as they are."""
    hidden = any(part.startswith(".") for part in path.split("/"))
    if hidden or not path.endswith(".md") or path.rpartition("/")[2].startswith(_INDEX):
        return None
    try:
        text = decode_source(files.read(path), path)
        written = relocated(text, path, new, places.after_moves, places.own)
    except ContentError:
        return None
    return written if written != text else None


def moved_along(
    state: PullBaselines, plan: Plan, places: Places, addresses: LinkResolver, taken: Collection[ItemKey]
) -> Iterator[Change]:
    """Yield the changes of known items of which only the path or the links change, and note them in `state`."""
    live, baselines = state.live.by_id(), state.workspace.baselines
    keys = {places.moved.get(known.path, known.path): key for key, known in baselines.items() if key not in live}
    keys |= {path: key for key, path in places.paths.items()}
    for item in state.workspace.content.items():
        old = item.path or ""
        path = places.moved.get(old, old)
        known = baselines.get(keys.get(path, ItemKey(Kind.ARTICLE, 0)))
        moved = path != old or any(split_target(target)[0] in places.moved for target in plan.targets.get(old, ()))
        if not moved or known is None or known.state is not State.LIVE or known.key in taken:
            continue
        if isinstance(item, Article) and not _keep_base(state, places, addresses, item, known):
            continue
        state.relinked.add(path)
        yield Change(
            action=Action.UPDATE if path == old else Action.RENAME,
            kind=item.kind,
            path=path,
            id=known.id,
            former_path=old if path != old else None,
            reason="links updated for items moved on the portal"
            if path == old
            else "its directory was moved on the portal",
            desired=live.get(known.key),
            actual=item,
            before=item.origin.text if item.origin else None,
            kept_fields=("body",) if path in state.agreed else (),
        )


def _keep_base(
    state: PullBaselines, places: Places, addresses: LinkResolver, article: Article, known: Baseline
) -> bool:
    """Keep the source of the baseline apart from what the writer has changed since; return whether that is possible."""
    path = places.moved.get(article.path or "", article.path or "")
    is_unchanged = blob_of(article.origin.text if article.origin else "") == known.blob
    if is_unchanged and known.expanded in (None, article.body):
        return True
    if known.source is None:
        return False
    current = places.current(known, addresses)
    try:
        state.agreed[path] = relocated(known.source, known.path, path, current, places.own)
        if known.expanded is not None:
            state.shown[path] = relocated_body(known.expanded, known.path, path, current, places.own)
    except ContentError:
        state.agreed.pop(path, None)
        return False
    return True
