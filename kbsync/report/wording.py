"""The wording that every form of a report shares: rows, clauses, counts, the next step. Text in, text out."""

import shlex
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from difflib import unified_diff
from itertools import groupby
from urllib.parse import quote

from kbsync.change import Action, Change, Finding, FindingKind, Outcome, Result
from kbsync.freshdesk.api import item_url
from kbsync.markup.align import common_ends, opcodes
from kbsync.model import Item, Kind, Side, parent_path
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

DOCS = "https://github.com/kbsync/kbsync/blob/main/content/3-working-together"
_CONFLICT_PAGE = f"{DOCS}/web-edits/solve-a-conflict.md"
_LIMIT_PAGE = f"{DOCS}/publishing/publish-safely.md"

_MOST_CREATED = 20
"""New files of a pull that are named one by one; of more, each category has one line."""

_MOST_STEPS = 10_000_000
"""The steps that the comparison of two sequences of words may take at worst; with more, all between is different."""

_ARCHIVED = "becomes a draft, readers no longer see it"
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
class Frame:
    """What stands around a plan: the readers' pages that it links to, what it was compared with, the next step."""

    site: str = ""
    base: str = ""
    next_step: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One line of a plan: a change, or without one what several have in common."""

    action: Action
    path: str
    note: str
    change: Change | None = None


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


def rows(plan: Plan) -> tuple[Row, ...]:
    """Return the lines of a plan: what only follows its renamed directory has none, many new files one a category."""
    creates = [change for change in plan.changes if change.action is Action.CREATE]
    is_first = len(creates) == len(plan.changes) and not (plan.unchanged or plan.drift or plan.conflicts)
    is_counted = plan.written is Side.CONTENT and bool(creates) and (is_first or len(creates) > _MOST_CREATED)
    following = _followers(plan.changes)
    count = Counter(following.values())
    found = list(_counted_rows(creates)) if is_counted else []
    for change in plan.changes:
        is_following = change.action is Action.RENAME and (change.kind, change.path) in following
        if is_following or (is_counted and change.action is Action.CREATE):
            continue
        inside = count[change.former_path or "", change.path]
        carried = f"nothing is sent for the {counted(inside, 'item')} in it" if inside else ""
        note = "; ".join(filter(None, (clause(change), carried)))
        found.append(Row(action=change.action, path=one_line(change.path), note=note, change=change))
    return tuple(found)


def _followers(changes: Iterable[Change]) -> dict[tuple[Kind, str], tuple[str, str]]:
    """Map what has another path only because its directory was renamed to the former and the new path of that."""
    renamed = {(change.former_path or "", change.path) for change in changes if change.kind is not Kind.ARTICLE}
    found = {}
    for change in changes:
        old, new = change.former_path or "", change.path
        while old and old.rpartition("/")[2] == new.rpartition("/")[2]:
            old, new = parent_path(old), parent_path(new)
        if change.action is Action.RENAME and new != change.path and (old, new) in renamed:
            found[change.kind, change.path] = old, new
    return found


def _counted_rows(creates: Iterable[Change]) -> Iterator[Row]:
    kinds: dict[str, Counter[Kind]] = {}
    for change in creates:
        kinds.setdefault(change.path.partition("/")[0], Counter())[change.kind] += 1
    for path, count in kinds.items():
        named = [counted(count[kind], kind.value) for kind in (Kind.FOLDER, Kind.ARTICLE) if count[kind]]
        yield Row(action=Action.CREATE, path=one_line(path), note=", ".join(named))


def counted(count: int, noun: str) -> str:
    """Return a number with its noun."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def unmanaged_text(section: Section) -> str:
    """Return in one line how many items are on one side only, and what lists them."""
    reasons = Counter(finding.reason for finding in section.findings)
    named = ", ".join(f"{count:,} {reason}".rstrip() for reason, count in reasons.items())
    hint = " (list: `kbsync status --unmanaged`)" if any(finding.id for finding in section.findings) else ""
    return one_line(f"{section.heading}: {named}{hint}")


def base_text(base: Mapping[str, object] | None, paths: Sequence[str] = (), *, is_partial: bool = True) -> str:
    """Return what a plan was compared with where that is not the whole portal; `base` is the run, or None."""
    if base is not None:
        last = f"the last publish ({moment(str(base['date']))}, run {str(base['run'])[:10]})"
        last = last if base["run"] else "the lock files: no publish yet"
        return one_line(f"Compared with {last}. The portal was not read.")
    if not is_partial:
        return ""
    return one_line(f"Read only what {', '.join(paths)} concerns." if paths else "Read only what is to be written.")


def moment(text: str) -> str:
    """Return an ISO 8601 time to the minute, in UTC; any other text as it is."""
    try:
        return f"{datetime.fromisoformat(text).astimezone(UTC):%Y-%m-%d %H:%M} UTC"
    except ValueError:
        return text


def url_of(step: Change | Finding, site: str) -> str:
    """Return the readers' address of an item that is on the portal; empty where it is not, or the site is unknown."""
    if not step.id or not site.startswith(("https://", "http://")):
        return ""
    return quote(item_url(site, step.kind, step.id), safe=":/?#[]@!$&*+,;=%-._~")


def next_step(plan: Plan, *, paths: Sequence[str] = (), uncommitted: bool = False) -> str:
    """Return what to do after a plan toward the portal was shown; empty where there is nothing."""
    if plan.halt or plan.excess:
        return f"Limits: see {_LIMIT_PAGE}"
    named = "".join(f" {shlex.quote(path)}" for path in paths)
    steps = []
    if plan.changes:
        steps.append(f"{'commit, then ' if uncommitted else ''}kbsync publish{named}")
    if plan.drift:
        steps.append(f"kbsync pull{named}")
    if plan.conflicts:
        steps.append(f"resolve {counted(len(plan.conflicts), 'conflict')}, see {_CONFLICT_PAGE}")
    return one_line(f"Next: {'; '.join(steps)}") if steps else ""


def next_step_of_pull(plan: Plan, *, done: bool) -> str:
    """Return what to do after a pull, or after one that only showed what it would write."""
    if plan.conflicts:
        return f"Next: resolve {counted(len(plan.conflicts), 'conflict')}, see {_CONFLICT_PAGE}"
    if not plan.changes:
        return "Next: kbsync publish" if plan.drift else ""
    return "Next: kbsync lint; git add . && git commit; kbsync plan" if done else "Next: kbsync pull"


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
    """Return in one clause what changes and why, with the time of the web edit that it is about."""
    saved = f" ({moment(change.edited_at)})" if change.edited_at else ""
    return f"{_clause(change)}{one_line(saved)}".strip()


def _clause(change: Change | Finding) -> str:
    """Return what changes and why; an item that comes or goes as a whole needs no list of fields."""
    if isinstance(change, Change) and change.action is Action.ARCHIVE:
        return one_line("; ".join(filter(None, (change.reason, _ARCHIVED))))
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
    before, after = (text.replace("\r\n", "\n").replace("\r", "\n") for text in (change.before, change.after))
    return tuple(unified_diff(visible(before).splitlines(), visible(after).splitlines(), n=1, lineterm=""))[2:]


def changed_words(mine: Sequence[str], theirs: Sequence[str]) -> tuple[frozenset[int], frozenset[int]]:
    """Return the places in which two sequences of words differ, in either of them.

    Beyond their common ends they are compared only where that is known to take few steps.
    """
    head, tail = common_ends(mine, theirs)
    here, there = mine[head : len(mine) - tail], theirs[head : len(theirs) - tail]
    count = Counter(there)
    rows = len(here) + sum(count[word] for word in here)
    if rows * min(len(here), len(there)) > _MOST_STEPS:
        edits = [("replace", 0, len(here), 0, len(there))]
    else:
        edits = [edit for edit in opcodes(here, there) if edit[0] != "equal"]
    return (
        frozenset(head + at for _, start, end, _, _ in edits for at in range(start, end)),
        frozenset(head + at for _, _, _, start, end in edits for at in range(start, end)),
    )


DiffLine = tuple[str, tuple[tuple[str, bool], ...]]
"""A line of a diff: its sign, and its text in pieces, each with whether its words differ from the line it replaces."""


def diff_pieces(lines: Sequence[str]) -> Iterator[DiffLine]:
    """Return the lines of a diff with the words that differ, where one line replaces one other."""
    for number, line in enumerate(lines):
        sign = line[:1]
        following, previous = "".join(lines[number + 1 : number + 2]), lines[number - 1] if number else ""
        if sign == "-" and following[:1] == "+":
            yield sign, _pieces(line[1:], following[1:])
        elif sign == "+" and previous[:1] == "-":
            yield sign, _pieces(line[1:], previous[1:])
        else:
            yield (sign, ((line[1:], False),)) if sign in ("-", "+") else ("", ((line, False),))


def _pieces(line: str, other: str) -> tuple[tuple[str, bool], ...]:
    words = line.split(" ")
    changed, _ = changed_words(words, other.split(" "))
    if len(changed) == len(words):
        return ((line, False),)
    found = []
    for is_changed, run in groupby(range(len(words)), key=changed.__contains__):
        places = list(run)
        found += [(" ", False)] if places[0] else []
        found.append((" ".join(words[places[0] : places[-1] + 1]), is_changed))
    return tuple(found)


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
