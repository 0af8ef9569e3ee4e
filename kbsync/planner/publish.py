"""The rules of a publish: what each item's state means for the portal. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import partial

from kbsync.baseline import Baseline, State
from kbsync.change import Action, FindingKind
from kbsync.markup.links import split_target
from kbsync.model import Article, Item, Kind, Side, Status, fields_of, parent_path
from kbsync.planner.decide import (
    ChangeStatus,
    Decision,
    ItemState,
    PlanRules,
    SideState,
    Step,
    disagreement,
    make_change,
    make_finding,
    web_edit,
)
from kbsync.planner.match import Match
from kbsync.planner.taken_back import takes_back

_change = partial(make_change, written=Side.LIVE)
_conflict = partial(make_finding, FindingKind.CONFLICT)
_MEANT_OR_NOT = (
    "and only the lock file shows it as seen; "
    "to remove it, publish with --overwrite; to keep it, delete the lock file, commit and pull"
)
_LEFT_ALONE = {Decision.DRIFT, Decision.CONFLICT, Decision.UNDONE}
TOUCHED = 'saved on the portal since, but no field differs; check it there, or set `touched = "go"`'
_MOVED = "to another folder: created again, so id, URL and counts are lost"
_NAME_CYCLE = (
    "and both swap names, but names are unique in Freshdesk; "
    "give one of them a temporary name and publish, then the final name"
)
_NAME_IT = "restore it, or create one with the right `name`"


class PublishRules:
    """Decides about the items of one publish."""

    def __init__(self, match: Match, rules: PlanRules) -> None:
        self.rules = rules
        self.ties = match.ties
        self.anchors = match.links.anchors
        self.former_paths = match.former_paths
        self.category_moves = match.category_moves
        self.cycles = rename_cycles(match.states)
        self.published = {
            state.id: state.content
            for state in match.states
            if state.path in match.ids and _is_published(state.content)
        }
        self.content_paths = {state.content.path for state in match.states if state.content is not None}
        moving = {state.item.path for state in match.states if _moves(state) and rules.moved != "refuse"}
        self.ids = {path: number for path, number in match.ids.items() if path not in moving}
        self.gone = {
            state.path
            for state in match.states
            if state.content and state.baseline and not state.live and not rules.overwrites(state.path)
        }

    def step(self, state: ItemState) -> Step:
        """Decide about one item."""
        if state.path in self.ties:
            return _conflict(state, self.ties[state.path])
        decision = state.decision(Side.LIVE)
        is_left_alone = decision in _LEFT_ALONE or state.baseline_state in {State.KEPT, State.RELEASED}
        if is_left_alone and state.content is not None and self.rules.overwrites(state.path):
            return self._republish(state) if decision is Decision.UNDONE else self._overwrite(state)
        return self._step_of(decision, state)

    def _step_of(self, decision: Decision, state: ItemState) -> Step:
        match decision:
            case Decision.NOTHING:
                return self._unchanged(state)
            case Decision.CREATE:
                return self._create(state)
            case Decision.UPDATE:
                return self._update(state)
            case Decision.RESTORE:
                return self._restore(state)
            case Decision.REMOVE:
                return self._remove(state)
            case Decision.ADOPT:
                return _change(Action.ADOPT, state, reason="both sides are the same")
            case Decision.FORGET:
                return _change(Action.FORGET, state, reason="deleted on both sides")
            case Decision.UNMANAGED:
                return make_finding(FindingKind.UNMANAGED, state, "only on the portal")
            case Decision.DRIFT:
                return make_finding(FindingKind.DRIFT, state, web_edit(state))
            case Decision.CONFLICT:
                return _conflict(state, disagreement(state))
            case Decision.UNDONE:
                waits = (
                    "published again when its file changes" if state.content else "not published until its file is back"
                )
                return make_finding(FindingKind.UNDONE, state, f"undone; {waits}")

    def _unchanged(self, state: ItemState) -> Step:
        if state.baseline is None or state.content is None or state.baseline_state is not State.LIVE:
            return None
        moved = self._changed_addresses(state.baseline)
        if moved and state.live_state.touched and self.rules.touched == "hold":
            return _conflict(state, TOUCHED)
        if moved:
            reason = "; ".join(filter(None, (f"links: {', '.join(moved)}", self._came_from(state))))
            return _change(Action.UPDATE, state, fields=("body",), reason=reason)
        if state.content.path != state.baseline.path:
            return _change(Action.RENAME, state, reason=self._came_from(state))
        return None

    def _changed_addresses(self, baseline: Baseline) -> list[str]:
        """Return the linked paths whose address changed, but for items deleted on the web: they have no other one."""
        now = {target: self.rules.addresses.address_of(target, self.ids) for target in baseline.addresses}
        return [
            target
            for target, sent in baseline.addresses.items()
            if now[target] != sent and (now[target] is not None or split_target(target)[0] not in self.gone)
        ]

    def _create(self, state: ItemState) -> Step:
        item = state.item
        if item.id is not None and state.baseline is None:
            return _conflict(state, f"{item.kind} {item.id} is not on the portal; fix or remove `id`")
        old = self.category_moves.get(state.path)
        reason = (
            f"moved from {old} to another category; created again, since Freshdesk cannot move a folder there"
            if old
            else ""
        )
        return _change(Action.CREATE, state, fields=_managed_fields(item), reason=reason)

    def _update(self, state: ItemState) -> Step:
        if state.live_state.touched and self.rules.touched == "hold":
            return _conflict(state, TOUCHED)
        fields = state.content_state.fields
        removed = self._removed_edit(state)
        if removed and not self.rules.overwrites(state.path):
            return replace(_conflict(state, f"{removed}, {_MEANT_OR_NOT}"), fields=fields)
        if _lost_its_index(state):
            return _conflict(state, f"the _index.md that sets its name was removed; {_NAME_IT}")
        if state.path in self.cycles:
            return _conflict(state, f"gets the name of {self.cycles[state.path]}, {_NAME_CYCLE}")
        if not _moves(state):
            reason = "; ".join(filter(None, (self._came_from(state), f"{removed} (--overwrite)" if removed else "")))
            return _change(Action.UPDATE, state, fields=fields, reason=reason)
        if self.rules.moved == "refuse":
            return _conflict(state, f"{self._came_from(state)} to another folder, which this target refuses (`moved`)")
        return self._move(state)

    def _removed_edit(self, state: ItemState) -> str:
        """Describe the web edit that would be removed as a whole, where only a lock file says that it was seen."""
        known = state.baseline
        before = self.rules.unvouched.get(known.key) if known else None
        if known is None or before is None or (state.kind is not Kind.ARTICLE and state.content is None):
            return ""
        if not takes_back(state.content, state.live, known, before, self.anchors.get(state.path, frozenset())):
            return ""
        day = known.updated_at.partition("T")[0]
        return f"removes the web edit{f' of {day}' if day else ''}"

    def _restore(self, state: ItemState) -> Step:
        if _moves(state):
            return self._move(state)
        fields = state.content_state.fields or (("status",) if state.kind is Kind.ARTICLE else ())
        if _is_published(state.live):
            # The body of an article that was left published is only a link to its successor: all is written again.
            fields = _managed_fields(state.item)
        reason = "; ".join(filter(None, (f"{_source(state.kind)} restored", self._came_from(state))))
        return _change(Action.RESTORE, state, fields=fields, reason=reason)

    def _move(self, state: ItemState) -> Step:
        leaves_pointer = self.rules.moved == "pointer" and _is_published(state.live) and _is_published(state.content)
        left = "the old article links to the new one" if leaves_pointer else "the old article is archived"
        reason = f"{self._came_from(state)} {_MOVED}; {left}"
        move = _change(Action.MOVE, state, fields=_managed_fields(state.item), reason=reason)
        return replace(move, leaves_pointer=leaves_pointer)

    def _came_from(self, state: ItemState) -> str:
        old, new = state.baseline.path if state.baseline else state.path, state.path
        if old == new:
            return ""
        parent = parent_path(new)
        in_same_parent = self.former_paths.get(parent, parent) == parent_path(old)
        if in_same_parent and old.rpartition("/")[2] == new.rpartition("/")[2]:
            return f"was {old}"
        taken = f", where another {state.kind.value} is now" if old in self.content_paths else ""
        return f"{'renamed' if in_same_parent else 'moved'} from {old}{taken}"

    def _remove(self, state: ItemState) -> Step:
        if state.live_state.touched and self.rules.touched == "hold":
            return _conflict(state, TOUCHED)
        removed = self._removed_edit(state) if self.rules.removed != "keep" else ""
        if removed and not self.rules.overwrites(state.path):
            return _conflict(state, f"file removed; this {removed}, {_MEANT_OR_NOT}")
        if why := self._never_held(state):
            return _conflict(state, why)
        kind, successor = state.item.kind, self._successor(state)
        if successor is not None:
            reason = f"moved to {successor.path} by an interrupted run; the old article will link to it"
            made = _change(Action.UPDATE, state, fields=("body",), reason=reason)
            return replace(made, desired=successor, leaves_pointer=True)
        known = state.baseline
        is_draft = known is not None and known.state is State.UNDONE and known.fields.get("status") == Status.DRAFT
        if is_draft and self.rules.removed == "archive":
            return _change(Action.FORGET, state, reason="file removed, and its publish already undone")
        if self.rules.removed == "delete":
            empty = "" if kind is Kind.ARTICLE else ", if it is empty"
            return _change(Action.DELETE, state, reason=f"{_source(kind)} removed{empty}")
        if self.rules.removed == "keep" or kind is not Kind.ARTICLE:
            return _change(Action.FORGET, state, reason=f"{_source(kind)} removed; kept on the portal")
        return _change(Action.ARCHIVE, state, fields=("status",), reason="file removed")

    def _never_held(self, state: ItemState) -> str:
        """Return why an item is not removed: only a lock file says that it was in the tree."""
        titles = self.rules.former_titles.get(state.key)
        is_kept = self.rules.removed == "keep" or (state.kind is not Kind.ARTICLE and self.rules.removed != "delete")
        if titles is None or is_kept or state.live is None or self.rules.overwrites(state.path):
            return ""
        if " ".join(state.live.label.split()) in {" ".join(title.split()) for title in titles}:
            return ""
        if self.rules.is_shallow:
            return (
                f"{_source(state.kind)} removed, but this shallow clone does not show that the branch ever had it; "
                "fetch the whole history (`fetch-depth: 0`), or publish it with --overwrite"
            )
        return (
            f"known from its lock file alone; this branch never had its {_source(state.kind)}; "
            "delete the lock file, or publish it with --overwrite to remove it"
        )

    def _successor(self, state: ItemState) -> Item | None:
        """Return the article that replaced an old one and to which the old one is still to point."""
        known = state.baseline
        if known is None or known.successor is None or self.rules.moved != "pointer" or not _is_published(state.live):
            return None
        return self.published.get(known.successor)

    def _republish(self, state: ItemState) -> Step:
        fields = _managed_fields(state.item)
        if state.baseline is not None and "parent" in state.baseline.content:
            fields = (*fields, "parent")
        return self._update(replace(state, content_state=SideState(status=ChangeStatus.CHANGED, fields=fields)))

    def _overwrite(self, state: ItemState) -> Step:
        if state.live is None:
            fields = _managed_fields(state.item)
            return _change(Action.CREATE, state, fields=fields, reason="deleted on the portal (--overwrite)")
        fields = _overwritten_fields(state)
        reason = "replaces a web edit (--overwrite)"
        if "parent" in state.live_state.fields and state.kind is Kind.FOLDER:
            fields = (*fields, "parent")
        elif "parent" in state.live_state.fields:
            reason = f"{reason}; stays in the folder it was moved to on the portal, and a pull moves the file"
        return _change(Action.UPDATE, state, fields=fields, reason=reason)


def _moves(state: ItemState) -> bool:
    """Return whether an article is in another folder now: the API cannot move it, so it is created again."""
    is_unchanged = state.live_state.status is ChangeStatus.UNCHANGED
    return isinstance(state.content, Article) and is_unchanged and "parent" in state.content_state.fields


def _is_published(item: Item | None) -> bool:
    return isinstance(item, Article) and item.status is Status.PUBLISHED


def _lost_its_index(state: ItemState) -> bool:
    """Return whether a directory would be renamed because the file that gave it its name is gone, as by mistake."""
    content, known = state.content, state.baseline
    if content is None or known is None or content.kind is Kind.ARTICLE:
        return False
    return bool(known.blob) and content.origin is None and "name" in state.content_state.fields


def _managed_fields(item: Item) -> tuple[str, ...]:
    return tuple(name for name, value in fields_of(item).items() if value is not None)


def _overwritten_fields(state: ItemState) -> tuple[str, ...]:
    """Return the managed fields in which content and live differ, as far as that is known."""
    moved = {*state.content_state.fields, *state.live_state.fields}
    known = state.baseline is not None and state.baseline.state is State.LIVE
    differing = state.differing or (moved if known else ())
    managed = _managed_fields(state.item)
    return tuple(name for name in managed if name in differing) or managed


def _source(kind: Kind) -> str:
    return "file" if kind is Kind.ARTICLE else "directory"


def rename_cycles(states: Iterable[ItemState]) -> dict[str, str]:
    """Return the directories that take one another's names in a cycle, each with the one that now has its name."""
    directories = [state for state in states if state.kind is not Kind.ARTICLE and state.baseline]
    known = [(state, state.content, state.live) for state in directories if state.content and state.live]
    holders = {(state.kind, live.parent, live.label): state.path for state, _, live in known}
    follows = {
        state.path: holders[name]
        for state, content, live in known
        if content.label != live.label and (name := (state.kind, live.parent, content.label)) in holders
    }
    return {path: other for path, other in follows.items() if _is_in_cycle(path, follows)}


def _is_in_cycle(path: str, follows: Mapping[str, str]) -> bool:
    seen: set[str] = set()
    step = follows.get(path)
    while step is not None and step != path and step not in seen:
        seen.add(step)
        step = follows.get(step)
    return step == path
