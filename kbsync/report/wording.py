"""The wording that every form of a report shares: one clause a change, one sentence of counts. Text in, text out."""

import shlex
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import unified_diff

from kbsync.change import Action, Change, Finding, FindingKind, Outcome, Result
from kbsync.model import Item, Side
from kbsync.planner.planner import Plan

SIGNS = {
    Action.CREATE: "+",
    Action.UPDATE: "~",
    Action.RENAME: "=",
    Action.MOVE: ">",
    Action.ARCHIVE: "-",
    Action.RESTORE: "+",
    Action.DELETE: "-",
    Action.ADOPT: "=",
    Action.FORGET: "=",
}
PAST_TENSE = {
    Action.CREATE: "created",
    Action.UPDATE: "updated",
    Action.RENAME: "renamed",
    Action.MOVE: "moved",
    Action.ARCHIVE: "archived",
    Action.RESTORE: "restored",
    Action.DELETE: "deleted",
    Action.ADOPT: "adopted",
    Action.FORGET: "forgotten",
}
_WHOLE = {Action.CREATE, Action.ARCHIVE, Action.DELETE}

LONGEST_DIFF = 60
"""Lines of one article's diff that are shown; what is beyond is counted."""

MOST_UNMANAGED = 20
"""Unmanaged items that are named for people; an old portal has thousands, and nothing ever happens to them."""

_CONFLICT_OPTIONS = "merge: `kbsync pull PATH`; overwrite: `kbsync publish --overwrite PATH`"
_PUBLISHING = (
    (FindingKind.DRIFT, "Edited on the portal, skipped (`kbsync pull` copies these edits into your files)", "drifted"),
    (FindingKind.CONFLICT, f"Conflicts, skipped ({_CONFLICT_OPTIONS})", "in conflict"),
    (FindingKind.UNDONE, "Undone, skipped", "undone"),
    (FindingKind.UNMANAGED, "Not managed by kbsync", "unmanaged"),
)
_PULLING = (
    (FindingKind.DRIFT, "Changed in your files, not published yet", "to publish"),
    (FindingKind.CONFLICT, "Conflicts to resolve", "in conflict"),
    (FindingKind.UNDONE, "Undone, skipped", "undone"),
    (FindingKind.UNMANAGED, "On one side only, skipped", "on one side only"),
)
_UNDOING = (_PUBLISHING[0], (FindingKind.CONFLICT, "Skipped, to resolve by hand", "skipped"), *_PUBLISHING[2:])


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """One list of what a plan skips, under a heading; `label` follows its count."""

    finding_kind: FindingKind
    heading: str
    label: str
    findings: tuple[Finding, ...]


def sections(plan: Plan, *, undoing: bool = False) -> tuple[Section, ...]:
    """Return the lists of what a plan skips, worded for its direction."""
    found = {
        FindingKind.DRIFT: plan.drift,
        FindingKind.CONFLICT: plan.conflicts,
        FindingKind.UNDONE: plan.undone,
        FindingKind.UNMANAGED: plan.unmanaged,
    }
    headings = _PULLING if plan.written is Side.CONTENT else _UNDOING if undoing else _PUBLISHING
    return tuple(
        Section(finding_kind=kind, heading=heading, label=label, findings=found[kind])
        for kind, heading, label in headings
    )


def advice_for(finding: Finding, written: Side) -> str:
    """Return what to do about a finding; nothing where there is nothing to do, or its reason says it."""
    path = shlex.quote(finding.path)
    match finding.finding_kind, written:
        case FindingKind.CONFLICT, Side.LIVE:
            return (
                f"`kbsync pull {path}` merges both, `kbsync publish --overwrite {path}` publishes the file over the "
                "web edit"
            )
        case FindingKind.CONFLICT, Side.CONTENT:
            return (
                f"edit the file, or take one side: `kbsync pull --ours {path}` keeps the file, `kbsync pull --theirs "
                f"{path}` takes the portal's version"
            )
        case FindingKind.DRIFT, Side.LIVE:
            return f"`kbsync pull {path}` copies the web edit into the file"
        case FindingKind.DRIFT, Side.CONTENT:
            return f"`kbsync publish {path}` publishes the file"
        case _:
            return ""


def visible(text: str) -> str:
    """Return text from outside with what could steer a terminal or hide a word made visible."""
    return "".join(_visible(char) for char in text)


def one_line(text: str) -> str:
    """Return text from outside as part of one line."""
    return visible(text).replace("\n", "\\n").replace("\t", "\\t")


def _visible(char: str) -> str:
    if char in "\n\t" or unicodedata.category(char) not in {"Cc", "Cf", "Cs"} or char in "\u200c\u200d":
        return char
    return f"\\u{ord(char):04x}" if ord(char) > 255 else f"\\x{ord(char):02x}"


def title_of(item: Item | None) -> str:
    """Return the name that readers see, or nothing for an item that is gone."""
    return one_line(item.label) if item else ""


def clause(change: Change | Finding) -> str:
    """Return in one clause what changes and why; an item that comes or goes as a whole needs no list of fields."""
    if isinstance(change, Finding) or change.action in _WHOLE:
        return one_line(change.reason)
    # A move that changes no parent creates the item again on the portal, with every field.
    is_recreated = change.action is Action.MOVE and "parent" not in change.fields
    fields = "" if is_recreated else ", ".join(change.fields)
    if fields and change.reason.endswith(fields):
        return one_line(change.reason)
    return one_line("; ".join(part for part in (fields, change.reason) if part))


def counts_text(plan: Plan, *, done: bool = False, undoing: bool = False) -> str:
    """Return in one sentence what a plan would do, or has done."""
    number = Counter(change.action for change in plan.changes)
    words = PAST_TENSE if done else {action: f"to {action.value}" for action in Action}
    parts = [f"{number[action]} {words[action]}" for action in Action if number[action]]
    named = [(len(section.findings), section.label) for section in sections(plan, undoing=undoing)]
    parts += [f"{count} {word}" for count, word in (*named, (plan.unchanged, "unchanged")) if count]
    return ", ".join(parts) or "no content yet"


def refusal_text(plan: Plan) -> str:
    """Return why a plan would be refused as a whole and what to do then, or nothing."""
    return "; ".join(filter(None, (plan.halt or plan.excess, plan.advice)))


def results(outcomes: Sequence[Outcome]) -> str:
    """Return in one sentence what became of a run."""
    done = Counter(outcome.change.action for outcome in outcomes if outcome.result is Result.DONE)
    parts = [f"{done[action]} {PAST_TENSE[action]}" for action in Action if done[action]]
    for result in (Result.FAILED, Result.WITHHELD, Result.SKIPPED):
        count = sum(outcome.result is result for outcome in outcomes)
        parts += [f"{count} {result.value}"] if count else []
    return ", ".join(parts) or "nothing to do"


def shared_notes(outcomes: Sequence[Outcome]) -> dict[str, int]:
    """Return the notes that several successful changes have, and how many: each is printed once."""
    notes = Counter(note for outcome in outcomes if outcome.result is Result.DONE for note in outcome.notes)
    return {note: count for note, count in notes.items() if count > 1}


def diff(change: Change) -> tuple[str, ...]:
    """Return the lines of a source's diff, without its two file lines; empty where there is none to show."""
    if change.before is None or change.after is None or change.before == change.after:
        return tuple(visible(line).replace("\n", "\\n") for line in change.diff)
    lines = unified_diff(visible(change.before).splitlines(), visible(change.after).splitlines(), n=1, lineterm="")
    return tuple(line for line in lines if not line.startswith(("--- ", "+++ ")))


def both_sides(finding: Finding) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """Return what each side of a conflict did, with the heading over it; nothing where none is known."""
    sides = (("in your file:", finding.ours), ("on the portal:", finding.theirs))
    return tuple((heading, tuple(visible(line) for line in lines)) for heading, lines in sides if lines)


def shortened(lines: Iterable[str], longest: int = LONGEST_DIFF) -> tuple[str, ...]:
    """Return the first lines, and a line that counts the others."""
    every = tuple(lines)
    if len(every) <= longest:
        return every
    return (*every[:longest], f"@@ and {len(every) - longest} more lines @@")


def sentence(text: str) -> str:
    """Return a text with a capital letter and a full stop."""
    return f"{text[:1].upper()}{text[1:]}."
