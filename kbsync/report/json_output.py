"""The file form of a saved plan: the JSON object of every plan, and beside it what tells whether it still holds.

Nothing in a file is believed: what is no saved plan is refused in words, and what is one allows and never instructs.
"""

import json
import unicodedata
from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import NoReturn, TypeVar

from kbsync.baseline import Baseline
from kbsync.change import Action, Change, Finding, FindingKind, Outcome
from kbsync.errors import UsageError
from kbsync.model import Article, Category, Folder, Item, Kind, Side
from kbsync.planner.approval import Approval, ApprovedChange, SavedPlan
from kbsync.planner.planner import Plan
from kbsync.report.wording import diff, title_of

VERSION = 1


def plan_to_json(plan: Plan, *, target: str, calls: int, outcomes: Sequence[Outcome] | None = None) -> str:
    """Write a plan; after a run, with what became of each change."""
    return to_json(plan_page(plan, target=target, calls=calls, outcomes=outcomes))


def status_to_json(plan: Plan, archived: Sequence[Baseline], *, target: str, calls: int) -> str:
    """Write both directions at a glance: what there is to publish, what to pull, and what waits for a person."""
    page = plan_page(plan, target=target, calls=calls) | {
        "to_publish": [_change_data(change) for change in plan.changes],
        "to_pull": [_finding(finding) for finding in plan.drift],
        "archived": [{"kind": known.kind.value, "path": known.path, "id": known.id} for known in archived],
    }
    return to_json(page)


def plan_page(plan: Plan, *, target: str, calls: int, outcomes: Sequence[Outcome] | None = None) -> dict[str, object]:
    """Return the object that a plan is written as."""
    return {
        "version": VERSION,
        "target": target,
        "changes": [_change_data(change) for change in plan.changes]
        if outcomes is None
        else [_outcome(o) for o in outcomes],
        "drift": [_finding(finding) for finding in plan.drift],
        "conflicts": [_finding(finding) for finding in plan.conflicts],
        "unmanaged": [_finding(finding) for finding in plan.unmanaged],
        "undone": [_finding(finding) for finding in plan.undone],
        "counts": plan.counts(),
        "unchanged": plan.unchanged,
        "refused": plan.halt or plan.excess,
        "way_on": plan.advice,
        "calls": calls,
    }


def to_json(page: Mapping[str, object]) -> str:
    """Write an object so that people can read it on a terminal too: nothing in it can steer one."""
    return "".join(_escaped(char) for char in json.dumps(page, ensure_ascii=False, indent=2))


def _escaped(char: str) -> str:
    if char == "\n" or unicodedata.category(char) not in {"Cc", "Cf", "Cs"} or char in "\u200c\u200d":
        return char
    return json.dumps(char)[1:-1] if char > "\u009f" else f"\\u{ord(char):04x}"


def _change_data(change: Change) -> dict[str, object]:
    return {
        "action": change.action.value,
        "kind": change.kind.value,
        "path": change.path,
        "id": change.id,
        "fields": list(change.fields),
        "reason": change.reason,
    }


def _outcome(outcome: Outcome) -> dict[str, object]:
    number = outcome.live.id if outcome.live else outcome.change.id
    page = _change_data(outcome.change) | {"id": number, "result": outcome.result.value, "error": outcome.error}
    return page | ({"notes": list(outcome.notes)} if outcome.notes else {})


def _finding(finding: Finding) -> dict[str, object]:
    page: dict[str, object] = {
        "kind": finding.kind.value,
        "path": finding.path,
        "id": finding.id,
        "fields": list(finding.fields),
        "reason": finding.reason,
    }
    sides = {"ours": finding.ours, "theirs": finding.theirs}
    return page | {side: list(lines) for side, lines in sides.items() if lines}


_Word = TypeVar("_Word", bound=StrEnum)


def saved_to_json(saved: SavedPlan) -> str:
    """Write a saved plan; a diff stands in it by its lines, so that its size is that of what changes."""
    grants = {(grant.action, grant.kind, grant.path, grant.id): grant for grant in saved.approval.changes}
    page = plan_page(saved.plan, target=saved.target, calls=saved.calls)
    page["changes"] = [
        _change(change, grants.get((change.action, change.kind, change.path, change.id)))
        for change in saved.plan.changes
    ]
    page["saved"] = {
        "kbsync": saved.kbsync,
        "at": saved.at,
        "url": saved.url,
        "tree": saved.tree,
        "commit": saved.commit,
        "paths": list(saved.paths),
        "uncommitted": list(saved.uncommitted),
        "rerender": saved.rerender,
    }
    return to_json(page)


def _change(change: Change, grant: ApprovedChange | None) -> dict[str, object]:
    page: dict[str, object] = {
        "action": change.action.value,
        "kind": change.kind.value,
        "path": change.path,
        "id": change.id,
        "fields": list(change.fields),
        "reason": change.reason,
        "former": change.former_path,
        "title": title_of(change.desired or change.actual),
        "diff": list(diff(change)),
    }
    if change.leaves_pointer:
        page["points"] = True
    return page | ({"content": grant.content, "live": grant.live} if grant else {})


def saved_from_json(text: str, *, name: str) -> SavedPlan:
    """Read a saved plan; `name` is what its file is called.

    Raises:
        UsageError: it is none, or was saved by a later version of kbsync.
    """
    try:
        return _saved(_Page(json.loads(text)))
    except _LaterVersion as later:
        raise UsageError(f"{name} was saved by a later version of kbsync ({later})", advice="upgrade kbsync") from None
    except (ValueError, RecursionError) as error:
        what = f"{name} is no saved plan: {error}"
        raise UsageError(what, advice="save one with `kbsync plan --out FILE.json`") from None


class _LaterVersion(Exception):
    """The file is of a form that this version of kbsync does not know."""


def _saved(page: "_Page") -> SavedPlan:
    version = page.number("version")
    if version != VERSION:
        raise _LaterVersion(f"form {version}, and this one knows {VERSION}")
    about = page.page("saved")
    changes = page.pages("changes")
    return SavedPlan(
        plan=_plan(page),
        approval=Approval(changes=tuple(_grant(change) for change in changes if "content" in change.plain)),
        target=page.text("target"),
        url=about.text("url"),
        tree=about.text("tree"),
        at=about.time("at"),
        commit=about.text("commit"),
        kbsync=about.text("kbsync"),
        calls=page.number("calls"),
        paths=about.texts("paths"),
        uncommitted=about.texts("uncommitted"),
        rerender=about.plain.get("rerender") is True,
    )


def _plan(page: "_Page") -> Plan:
    """Make the plan that is shown: its items are their names alone."""
    return Plan(
        written=Side.LIVE,
        changes=tuple(_shown(change) for change in page.pages("changes")),
        drift=_findings(page, "drift", FindingKind.DRIFT),
        conflicts=_findings(page, "conflicts", FindingKind.CONFLICT),
        unmanaged=_findings(page, "unmanaged", FindingKind.UNMANAGED),
        undone=_findings(page, "undone", FindingKind.UNDONE),
        unchanged=page.number("unchanged"),
        ids={},
        targets={},
        anchors={},
        halt=page.text("refused"),
        halt_advice=page.text("way_on"),
    )


def _shown(page: "_Page") -> Change:
    kind = page.word("kind", Kind)
    return Change(
        action=page.word("action", Action),
        kind=kind,
        path=page.text("path"),
        id=page.maybe_number("id"),
        former_path=page.maybe_text("former"),
        fields=page.texts("fields"),
        reason=page.text("reason"),
        desired=_named(kind, page.text("title")),
        diff=page.texts("diff"),
        leaves_pointer=page.plain.get("points") is True,
    )


def _named(kind: Kind, title: str) -> Item:
    match kind:
        case Kind.CATEGORY:
            return Category(name=title)
        case Kind.FOLDER:
            return Folder(name=title)
        case Kind.ARTICLE:
            return Article(title=title, body="")


def _grant(page: "_Page") -> ApprovedChange:
    return ApprovedChange(
        action=page.word("action", Action),
        kind=page.word("kind", Kind),
        path=page.text("path"),
        id=page.maybe_number("id"),
        former_path=page.maybe_text("former"),
        fields=page.texts("fields"),
        content=page.text("content"),
        live=page.text("live"),
        leaves_pointer=page.plain.get("points") is True,
    )


def _findings(page: "_Page", name: str, matter: FindingKind) -> tuple[Finding, ...]:
    return tuple(
        Finding(
            finding_kind=matter,
            kind=found.word("kind", Kind),
            path=found.text("path"),
            id=found.maybe_number("id"),
            fields=found.texts("fields"),
            reason=found.text("reason"),
            ours=found.texts("ours") if "ours" in found.plain else (),
            theirs=found.texts("theirs") if "theirs" in found.plain else (),
        )
        for found in page.pages(name)
    )


class _Page:
    """One object of a file from anywhere: every value is looked at before it is taken."""

    def __init__(self, plain: object) -> None:
        if not isinstance(plain, Mapping):
            raise ValueError("it holds no object where one belongs")
        self.plain = plain

    def text(self, name: str) -> str:
        value = self.plain.get(name)
        return value if isinstance(value, str) else self._fail(name)

    def maybe_text(self, name: str) -> str | None:
        return None if self.plain.get(name) is None else self.text(name)

    def number(self, name: str) -> int:
        value = self.plain.get(name)
        return value if isinstance(value, int) and not isinstance(value, bool) else self._fail(name)

    def maybe_number(self, name: str) -> int | None:
        return None if self.plain.get(name) is None else self.number(name)

    def texts(self, name: str) -> tuple[str, ...]:
        value = self.plain.get(name)
        if isinstance(value, list) and all(isinstance(one, str) for one in value):
            return tuple(value)
        return self._fail(name)

    def word(self, name: str, words: type[_Word]) -> _Word:
        value = self.text(name)
        return words(value) if value in set(words) else self._fail(name)

    def time(self, name: str) -> str:
        value = self.text(name)
        return value if _is_time(value) else self._fail(name)

    def page(self, name: str) -> "_Page":
        return _Page(self.plain.get(name)) if name in self.plain else self._fail(name)

    def pages(self, name: str) -> tuple["_Page", ...]:
        value = self.plain.get(name)
        return tuple(_Page(one) for one in value) if isinstance(value, list) else self._fail(name)

    def _fail(self, name: str) -> NoReturn:
        raise ValueError(f'it has no usable "{name}"')


def _is_time(text: str) -> bool:
    try:
        return datetime.fromisoformat(text).tzinfo is not None
    except ValueError:
        return False
