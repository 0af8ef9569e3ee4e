"""What a run sets out to do, as values that outlive its process: the pages of a lease.

Nothing is read or written here. What is found of it on the portal later is the business of `recovering`.
"""

import json
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from kbsync.agreement_files import agreement_from_json, agreement_to_json, ledger_name
from kbsync.agreements import Agreement, Born, Key
from kbsync.change import Action, Change, Outcome, Result, circle_openers
from kbsync.errors import KbsyncError
from kbsync.journeys.guarding.holders import Holder
from kbsync.journeys.memory.recording import intended
from kbsync.model import Article, Kind, fields_of
from kbsync.plan import Plan
from kbsync.versions import live_digests

_VERSION = 1
_HOLDER, _PLAN = "holder.json", "plan.json"
_INTENT, _DONE = "intent/", "done/"


@dataclass(frozen=True, slots=True, kw_only=True)
class Intent:
    """One change that a run will write.

    `source` is the agreement that it is to end in, but for what the portal will show; where a former live version is
    put back, its `live` says which. `opens` tells that the article is written twice, the first time as a draft.
    """

    action: Action
    kind: Kind
    path: str
    id: int | None = None
    former: str | None = None
    fields: tuple[str, ...] = ()
    source: Agreement | None = None
    anchors: tuple[str, ...] = ()
    opens: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Underway:
    """What a lease tells of its run, at `commit`: what was intended, and which agreements were reached so far.

    `seen` are the live items that were there before, `ids` the live ids that the run's content paths had, `noticed`
    when this process first saw this very commit, by its monotonic clock.
    """

    holder: Holder
    commit: str = ""
    intents: tuple[Intent, ...] = ()
    seen: frozenset[Key] = frozenset()
    ids: Mapping[str, int] = field(default_factory=dict)
    done: Mapping[Key, Agreement] = field(default_factory=dict)
    noticed: float = field(default_factory=time.monotonic)

    @property
    def since(self) -> str:
        """Say who has been at it since when."""
        return f"{self.holder.who} on {self.holder.host}, since {self.holder.since}"


def intents_of(plan: Plan, known: Mapping[Key, Agreement]) -> tuple[Intent, ...]:
    """Say of each change that will write what it is to end in."""
    openers = circle_openers(plan.changes, plan.targets)
    return tuple(_intent(change, plan, known, openers) for change in plan.writes)


def _intent(change: Change, plan: Plan, known: Mapping[Key, Agreement], openers: frozenset[str]) -> Intent:
    anchors = tuple(sorted(plan.anchors.get(change.path, ())))
    return Intent(
        action=change.action,
        kind=change.kind,
        path=change.path,
        id=change.id,
        former=change.former,
        fields=change.fields,
        source=_source(change, known, anchors),
        anchors=anchors,
        opens=change.path in openers and change.action in {Action.CREATE, Action.MOVE},
    )


def _source(change: Change, known: Mapping[Key, Agreement], anchors: tuple[str, ...]) -> Agreement | None:
    item = change.desired
    if item is None:
        return change.leaves
    fields = {name: value for name, value in fields_of(item).items() if value is not None and name != "body"}
    if change.leaves is not None:
        body = {"body": live_digests(item)["body"]} if isinstance(item, Article) else {}
        return replace(change.leaves, fields=fields, live=body)
    agreed = known.get((change.kind, change.id or 0))
    new = change.action in {Action.CREATE, Action.MOVE}
    born = agreed.born if agreed else Born.CONTENT if new else Born.LIVE
    return replace(intended(item, born=born, anchors=anchors), fields=fields)


def unsettled(underway: Underway, outcomes: Iterable[Outcome]) -> tuple[Intent, ...]:
    """Give the intents of which nobody knows whether they were carried out, and those that had none in this run."""
    # One path may have two changes: one item leaves it, and another takes it.
    told = {_place_of(outcome.change): outcome for outcome in outcomes}
    return tuple(intent for intent in underway.intents if _is_unsettled(intent, told.get(_place_of(intent))))


def _place_of(one: Change | Intent) -> tuple[Action, Kind, str]:
    return one.action, one.kind, one.path


def _is_unsettled(intent: Intent, outcome: Outcome | None) -> bool:
    if outcome is None:
        return True
    half = intent.action is Action.MOVE
    return outcome.result is Result.FAILED and (outcome.live is None or half)


def pages_of(underway: Underway) -> dict[str, bytes]:
    """Write a lease's files, by path."""
    seen = {kind.value: sorted(number for other, number in underway.seen if other is kind) for kind in Kind}
    pages: dict[str, object] = {
        _HOLDER: _holder_page(underway.holder),
        _PLAN: {"seen": seen, "ids": dict(underway.ids)},
    }
    pages |= {f"{_INTENT}{at:05}.json": _intent_page(intent) for at, intent in enumerate(underway.intents)}
    return {name: _json(page) for name, page in pages.items()} | done_pages(underway.done)


def done_pages(done: Mapping[Key, Agreement]) -> dict[str, bytes]:
    """Write the files of agreements that were reached, by path."""
    return {f"{_DONE}{ledger_name(key)}": agreement_to_json(known).encode() for key, known in done.items()}


def underway_from(files: Mapping[str, bytes], commit: str) -> Underway:
    """Read a lease's files.

    Raises:
        KbsyncError: they are of a later version.
    """
    try:
        return _underway(files, commit)
    except (KeyError, TypeError, ValueError) as error:
        what = f"the lease of another publish cannot be read: {error}"
        raise KbsyncError(what, advice="upgrade kbsync") from error


def _underway(files: Mapping[str, bytes], commit: str) -> Underway:
    plan = json.loads(files[_PLAN])
    done = [agreement_from_json(text.decode()) for name, text in files.items() if name.startswith(_DONE)]
    return Underway(
        holder=_holder_from(json.loads(files[_HOLDER])),
        commit=commit,
        intents=tuple(_intent_from(json.loads(files[name])) for name in sorted(files) if name.startswith(_INTENT)),
        seen=frozenset((Kind(kind), number) for kind, numbers in plan["seen"].items() for number in numbers),
        ids=plan["ids"],
        done={known.key: known for known in done},
    )


def _holder_page(holder: Holder) -> dict[str, object]:
    return {"version": _VERSION} | {name: getattr(holder, name) for name in Holder.__slots__}


def _holder_from(page: Mapping[str, object]) -> Holder:
    if page["version"] != _VERSION:
        raise ValueError(f"version {page['version']}")
    return Holder(**{name: page[name] for name in Holder.__slots__})  # type: ignore[arg-type]


def _intent_page(intent: Intent) -> dict[str, object]:
    source = json.loads(agreement_to_json(intent.source)) if intent.source else None
    return {
        "action": intent.action.value,
        "kind": intent.kind.value,
        "path": intent.path,
        "id": intent.id,
        "former": intent.former,
        "fields": list(intent.fields),
        "source": source,
        "anchors": list(intent.anchors),
        "opens": intent.opens,
    }


def _intent_from(page: Mapping[str, object]) -> Intent:
    plain = dict(page)
    source, fields, anchors = plain.pop("source"), plain.pop("fields"), plain.pop("anchors")
    return Intent(
        **plain
        | {
            "action": Action(str(page["action"])),
            "kind": Kind(str(page["kind"])),
            "source": agreement_from_json(json.dumps(source)) if source else None,
            "fields": tuple(fields),  # type: ignore[arg-type]
            "anchors": tuple(anchors),  # type: ignore[arg-type]
        },
    )


def _json(page: object) -> bytes:
    return (json.dumps(page, ensure_ascii=False, indent=1, sort_keys=True) + "\n").encode()
