"""Plans, problems and errors as JSON: one object each, and a saved plan, which is read back.

Nothing in a file is trusted: what is not a saved plan is refused, and a saved plan allows and never instructs.
"""

import json
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import datetime
from typing import TYPE_CHECKING, TypeVar, cast

from kbsync.baseline import Baseline
from kbsync.change import Action, Change, Finding, FindingKind, Outcome
from kbsync.codec import FormatError, decode
from kbsync.errors import ContentError, KbsyncError, Problem, UsageError
from kbsync.model import Article, Category, Folder, Item, Kind, Side
from kbsync.planner.approval import Approval, ApprovedChange, SavedPlan
from kbsync.planner.planner import Plan
from kbsync.report.wording import advice_for, base_text, diff, title_of, url_of, visible

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

VERSION = 1
_T = TypeVar("_T")
_ADVICE = "save one with `kbsync plan --out FILE.json`"


def status_to_json(plan: Plan, archived: Sequence[Baseline], *, target: str, calls: int, site: str = "") -> str:
    """Write both directions: what there is to publish, what to pull, and what waits for a person."""
    page = plan_page(plan, target=target, calls=calls, site=site) | {
        "to_publish": [_change_page(change, site) for change in plan.changes],
        "to_pull": [_finding_page(finding, plan.written, site) for finding in plan.drift],
        "archived": [{"kind": known.kind.value, "path": known.path, "id": known.id} for known in archived],
    }
    return to_json(page)


def problems_to_json(problems: Sequence[Problem]) -> str:
    """Write the problems of a tree."""
    return to_json({"version": VERSION, "problems": [_problem_page(problem) for problem in problems]})


def error_to_json(error: KbsyncError) -> str:
    """Write an error in place of the result that it prevents: as problems, those of the content each its own."""
    return problems_to_json(_problems_of(error))


def error_to_github(error: KbsyncError) -> str:
    """Write an error as annotations; the place of the tree in the repository is not known then."""
    return problems_to_github(_problems_of(error), prefix="")


def _problems_of(error: KbsyncError) -> Sequence[Problem]:
    if isinstance(error, ContentError):
        return error.problems
    return [Problem(path="", message=error.what, advice=error.advice)]


def plan_page(
    plan: Plan,
    *,
    target: str,
    calls: int,
    base: Mapping[str, object] | None = None,
    outcomes: Sequence[Outcome] | None = None,
    site: str = "",
    note: str = "",
) -> dict[str, object]:
    """Return the object that a plan is written as; after a run, with what became of each change.

    `base` is the run, and its time, that the content was compared with where the portal was not read, `note` that in
    words; `site` is where readers find the articles.
    """
    if outcomes is None:
        changes = [_change_page(change, site) for change in plan.changes]
    else:
        changes = [_outcome_page(outcome, site) for outcome in outcomes]
    findings = {"drift": plan.drift, "conflicts": plan.conflicts, "unmanaged": plan.unmanaged, "undone": plan.undone}
    return {
        "version": VERSION,
        "target": target,
        "base": "portal" if base is None else dict(base),
        "note": note,
        "changes": changes,
        **{name: [_finding_page(finding, plan.written, site) for finding in found] for name, found in findings.items()},
        "counts": plan.counts(),
        "unchanged": plan.unchanged,
        "refused": plan.halt or plan.excess,
        "advice": plan.advice,
        "calls": calls,
        "problems": [_problem_page(problem) for problem in plan.problems],
    }


def _problem_page(problem: Problem) -> dict[str, object]:
    return {
        "code": problem.code or None,
        "severity": "error" if problem.is_error else "warning",
        "path": problem.path or None,
        "line": problem.line or None,
        "column": problem.column if problem.line else None,
        "message": problem.message,
        "advice": problem.advice,
        "fixable": problem.fixable,
    }


def problems_to_github(problems: Sequence[Problem], *, prefix: str) -> str:
    """Write problems as annotations of GitHub's checks; `prefix` leads from the repository to the root."""
    return "\n".join(_annotation(problem, prefix) for problem in problems)


def _annotation(problem: Problem, prefix: str) -> str:
    properties = {"file": prefix + problem.path} if problem.path else {}
    properties |= {"line": str(problem.line), "col": str(problem.column)} if problem.line else {}
    properties |= {"title": problem.code} if problem.code else {}
    written = ",".join(f"{key}={_encoded(value, ':,')}" for key, value in properties.items())
    command = f"{'error' if problem.is_error else 'warning'} {written}".rstrip()
    text = problem.message + (f" ({problem.advice})" if problem.advice else "")
    return f"::{command}::{_encoded(text)}"


def _encoded(text: str, reserved: str = "") -> str:
    """Encode what would end a property or a line, as @actions/core does; other control characters are made visible."""
    return "".join(f"%{ord(char):02X}" if char in f"%\r\n{reserved}" else visible(char) for char in text)


def to_json(page: Mapping[str, object]) -> str:
    """Write an object so that people can read it on a terminal too: nothing in it can steer one."""
    return "".join(_escaped(char) for char in json.dumps(page, ensure_ascii=False, indent=2))


def _escaped(char: str) -> str:
    if char == "\n" or unicodedata.category(char) not in {"Cc", "Cf", "Cs"} or char in "\u200c\u200d":
        return char
    return json.dumps(char)[1:-1] if char > "\u009f" else f"\\u{ord(char):04x}"


def _change_page(change: Change, site: str) -> dict[str, object]:
    return {
        "action": change.action.value,
        "kind": change.kind.value,
        "path": change.path,
        "former": change.former_path,
        "id": change.id,
        "language": None,
        "url": url_of(change, site) or None,
        "title": title_of(change.desired or change.actual),
        "fields": list(change.fields),
        "reason": change.reason,
        "edited_at": change.edited_at,
        "diff": list(diff(change)),
        "advice": "",
        "widens": None,
    }


def _outcome_page(outcome: Outcome, site: str) -> dict[str, object]:
    number = outcome.live.id if outcome.live else outcome.change.id
    page = _change_page(replace(outcome.change, id=number), site)
    page |= {"result": outcome.result.value, "error": outcome.error}
    return page | ({"notes": list(outcome.notes)} if outcome.notes else {})


def _finding_page(finding: Finding, written: Side, site: str) -> dict[str, object]:
    page: dict[str, object] = {
        "kind": finding.kind.value,
        "path": finding.path,
        "id": finding.id,
        "language": None,
        "url": url_of(finding, site) or None,
        "title": title_of(finding.content or finding.live),
        "fields": list(finding.fields),
        "reason": finding.reason,
        "edited_at": finding.edited_at,
        "advice": advice_for(finding, written),
    }
    sides = {"ours": finding.ours, "theirs": finding.theirs}
    return page | {side: list(lines) for side, lines in sides.items() if lines}


def saved_to_json(saved: SavedPlan) -> str:
    """Write a saved plan; of the sources it has only the diffs, so that its size is that of the changes."""
    approved = {_identity(change): change for change in saved.approval.changes}
    base = None if saved.refreshed else {"run": saved.base_run, "date": saved.base_date}
    note = base_text(base, saved.paths, is_partial=bool(saved.paths))
    page = plan_page(saved.plan, target=saved.target, calls=saved.calls, base=base, site=saved.site, note=note)
    page["changes"] = [_change(change, approved.get(_identity(change)), saved.site) for change in saved.plan.changes]
    page["saved"] = {
        "kbsync": saved.kbsync,
        "at": saved.at,
        "url": saved.url,
        "site": saved.site,
        "tree": saved.tree,
        "commit": saved.commit,
        "paths": list(saved.paths),
        "uncommitted": list(saved.uncommitted),
        "rerender": saved.rerender,
        "refreshed": saved.refreshed,
        "base_run": saved.base_run,
        "base_date": saved.base_date,
    }
    return to_json(page)


def _identity(change: Change | ApprovedChange) -> tuple[Action, Kind, str, int | None]:
    return change.action, change.kind, change.path, change.id


def _change(change: Change, approved: ApprovedChange | None, site: str) -> dict[str, object]:
    page = _change_page(change, site)
    if change.leaves_pointer:
        page["leaves_pointer"] = True
    return page | ({"content": approved.content, "live": approved.live} if approved else {})


@dataclass(frozen=True, slots=True, kw_only=True)
class _SavedChange:
    """A change as it is shown, and as it was approved where it is written at all."""

    action: Action
    kind: Kind
    path: str
    id: int | None = None
    fields: tuple[str, ...]
    reason: str
    former: str | None = None
    title: str
    edited_at: str | None = None
    diff: tuple[str, ...]
    leaves_pointer: bool = False
    content: str = ""
    live: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class _SavedFinding:
    kind: Kind
    path: str
    id: int | None = None
    fields: tuple[str, ...]
    reason: str
    edited_at: str | None = None
    ours: tuple[str, ...] = ()
    theirs: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class _SavedOrigin:
    """What a saved plan was made of, and when."""

    kbsync: str
    at: str
    url: str
    site: str = ""
    tree: str
    commit: str
    paths: tuple[str, ...]
    uncommitted: tuple[str, ...]
    rerender: bool = False
    refreshed: bool = True
    base_run: str | None = None
    base_date: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _SavedProblem:
    code: str
    path: str
    line: int | None = None
    column: int | None = None
    message: str
    advice: str = ""
    fixable: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class _SavedPlan:
    target: str
    changes: tuple[_SavedChange, ...]
    drift: tuple[_SavedFinding, ...]
    conflicts: tuple[_SavedFinding, ...]
    unmanaged: tuple[_SavedFinding, ...]
    undone: tuple[_SavedFinding, ...]
    unchanged: int
    refused: str
    advice: str
    calls: int
    problems: tuple[_SavedProblem, ...] = ()
    saved: _SavedOrigin


def saved_from_json(text: str | bytes, *, name: str) -> SavedPlan:
    """Read a saved plan from a file of that name; raises UsageError if it is none, or of a later version."""
    try:
        page = decode(_SavedPlan, text, file=name, advice=_ADVICE)
        if not _is_time(page.saved.at):
            raise FormatError(name, "`saved.at` is not a time with a time zone", advice=_ADVICE)
    except FormatError as error:
        raise UsageError(f"{name} is not a saved plan: {error.detail}", advice=error.advice) from None
    approved = (one for one in page.changes if one.action.writes_item)
    approval = Approval(changes=tuple(_taken(ApprovedChange, one, former_path=one.former) for one in approved))
    return _taken(SavedPlan, page.saved, plan=_plan(page), approval=approval, target=page.target, calls=page.calls)


def _is_time(text: str) -> bool:
    try:
        return datetime.fromisoformat(text).tzinfo is not None
    except ValueError:
        return False


def _plan(page: _SavedPlan) -> Plan:
    """Make the plan that is shown: its items are their names alone."""

    def findings(found: tuple[_SavedFinding, ...], finding_kind: FindingKind) -> tuple[Finding, ...]:
        return tuple(_taken(Finding, one, finding_kind=finding_kind) for one in found)

    changes = (_taken(Change, one, former_path=one.former, desired=_named(one.kind, one.title)) for one in page.changes)
    return Plan(
        written=Side.LIVE,
        changes=tuple(changes),
        drift=findings(page.drift, FindingKind.DRIFT),
        conflicts=findings(page.conflicts, FindingKind.CONFLICT),
        unmanaged=findings(page.unmanaged, FindingKind.UNMANAGED),
        undone=findings(page.undone, FindingKind.UNDONE),
        unchanged=page.unchanged,
        problems=tuple(_taken(Problem, one, line=one.line or 0, column=one.column or 1) for one in page.problems),
        ids={},
        targets={},
        anchors={},
        halt=page.refused,
        halt_advice=page.advice,
    )


def _taken(cls: type[_T], page: "DataclassInstance", **others: object) -> _T:
    """Make a value of the fields that an object of the file has by the same names."""
    wanted = fields(cast("type[DataclassInstance]", cls))
    names = {field.name for field in fields(page)} & {field.name for field in wanted}
    return cls(**({name: getattr(page, name) for name in names} | others))


def _named(kind: Kind, title: str) -> Item:
    match kind:
        case Kind.CATEGORY:
            return Category(name=title)
        case Kind.FOLDER:
            return Folder(name=title)
        case Kind.ARTICLE:
            return Article(title=title, body="")
