"""The words that every form of a report shares: one clause a change, one sentence of counts. Text in, text out."""

import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from difflib import unified_diff

from kbsync.change import Action, Change, Finding, Outcome, Result
from kbsync.model import Item
from kbsync.plan import Plan

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
_PAST = {
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
LONGEST_DIFF = 60
"""Lines of one article's diff that are shown; what is beyond is counted."""


def plain(text: str) -> str:
    """Make text from outside fit to be shown: what could steer a terminal or hide a word is made visible."""
    return "".join(_visible(char) for char in text)


def _visible(char: str) -> str:
    if char in "\n\t" or unicodedata.category(char) not in {"Cc", "Cf", "Cs"} or char in "\u200c\u200d":
        return char
    return f"\\u{ord(char):04x}" if ord(char) > 255 else f"\\x{ord(char):02x}"


def title_of(item: Item | None) -> str:
    """Give the name that readers see, or nothing for an item that is gone."""
    name = getattr(item, "title", None) or getattr(item, "name", None) or ""
    return plain(str(name))


def clause(change: Change | Finding) -> str:
    """Say in one clause what changes and why."""
    fields = "" if isinstance(change, Change) and change.action is Action.CREATE else ", ".join(change.fields)
    if isinstance(change, Finding):
        return plain(change.reason)
    return plain("; ".join(part for part in (fields, change.reason) if part))


def counts(plan: Plan) -> str:
    """Say in one sentence what a plan would do."""
    number = Counter(change.action for change in plan.changes)
    parts = [f"{number[action]} to {action.value}" for action in Action if number[action]]
    named = [
        (len(plan.drift), "drifted"),
        (len(plan.conflicts), "in conflict"),
        (len(plan.unmanaged), "unmanaged"),
        (plan.unchanged, "unchanged"),
    ]
    parts += [f"{count} {word}" for count, word in named if count]
    return ", ".join(parts) or "nothing there yet"


def results(outcomes: Sequence[Outcome]) -> str:
    """Say in one sentence what became of a run."""
    done = Counter(outcome.change.action for outcome in outcomes if outcome.result is Result.DONE)
    parts = [f"{done[action]} {_PAST[action]}" for action in Action if done[action]]
    for result in (Result.FAILED, Result.WITHHELD, Result.SKIPPED):
        count = sum(outcome.result is result for outcome in outcomes)
        parts += [f"{count} {result.value}"] if count else []
    return ", ".join(parts) or "nothing to do"


def diff(change: Change) -> tuple[str, ...]:
    """Give the lines of a source's diff, without its two file lines; empty where there is none to show."""
    if change.before is None or change.after is None or change.before == change.after:
        return ()
    lines = unified_diff(plain(change.before).splitlines(), plain(change.after).splitlines(), n=1, lineterm="")
    return tuple(line for line in lines if not line.startswith(("--- ", "+++ ")))


def shortened(lines: Iterable[str], longest: int = LONGEST_DIFF) -> tuple[str, ...]:
    """Keep the first lines, and count the others."""
    kept = tuple(lines)
    if len(kept) <= longest:
        return kept
    return (*kept[:longest], f"@@ and {len(kept) - longest} more lines @@")
