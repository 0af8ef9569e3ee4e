"""The runs of the past for people and programs: the list of them, and one with each item before and after."""

import re
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

from kbsync.change import Action
from kbsync.model import FieldValue
from kbsync.report.json_output import VERSION, to_json
from kbsync.report.pages import code, escaped
from kbsync.report.wording import PAST, SIGNS, one_line, plain, shortened
from kbsync.state.ledger import ItemDiff, RunInfo, RunRecord

_LONGEST_VALUE = 60
_NARROWEST = 20
_INDENT = 4
_COLOURS = {"+": "32", "~": "33", "-": "31", ">": "36", "=": "2"}
_DIFF_COLOURS = {"+": "32", "-": "31", "@": "2"}


def runs_to_text(runs: Sequence[RunInfo], *, colour: bool, width: int | None = None) -> str:
    """List runs, one a line, so that the first word of each is what `history` and `undo` take.

    Where there is a `width`, what is too long goes on below.
    """
    if not runs:
        return "No run yet."
    rows = [
        (run.short_id, _when(run), _what(run.record), _name(run.author), _counts(run.record.counts())) for run in runs
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    lines = []
    for run, row in zip(runs, rows, strict=True):
        cells = [_painted(row[0].ljust(widths[0]), "33", colour=colour)]
        cells += [row[column].ljust(widths[column]) for column in range(1, 4)]
        margin = sum(widths) + 2 * len(widths)
        told = row[4] + _undone(run)
        if width is not None:
            told = _folded(told, margin, width)
        start = "  ".join(cells)
        lines.append(f"{start.rstrip()}{told}" if told.startswith("\n") else f"{start}  {told}".rstrip())
    return "\n".join(lines)


def _folded(told: str, margin: int, width: int) -> str:
    """Fold the last cell of a row where it stands; on a line of its own where it has too little space there."""
    if margin + min(len(told), _NARROWEST) > width:
        return f"\n{' ' * _INDENT}" + f"\n{' ' * _INDENT}".join(textwrap.wrap(told, max(width - _INDENT, _NARROWEST)))
    return f"\n{' ' * margin}".join(textwrap.wrap(told, width - margin))


def runs_to_markdown(runs: Sequence[RunInfo]) -> str:
    """Write runs as a table."""
    lines = ["| run | when | what | who | did |", "| --- | --- | --- | --- | --- |"]
    for run in runs:
        did = f"{_counts(run.record.counts())}{_undone(run)}"
        cells = (code(run.short_id), _when(run), _what(run.record), escaped(_name(run.author)), did)
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def runs_to_json(runs: Sequence[RunInfo], *, target: str) -> str:
    """Write runs as one object."""
    return to_json({"version": VERSION, "target": target, "runs": [_run_page(run) for run in runs]})


def run_to_text(run: RunInfo, items: Sequence[ItemDiff], *, colour: bool) -> str:
    """Show one run, each item before and after."""
    lines = [_painted(_heading(run), "1", colour=colour), ""]
    for item in items:
        sign = SIGNS[item.entry.action]
        head = f"{sign} {item.entry.action.value}"
        lines.append(f"  {_painted(head, _COLOURS[sign], colour=colour)} {one_line(_told(item))}")
        lines += [f"      {name}: {_value(was)} → {_value(now)}" for name, was, now in _values(item)]
        for line in shortened(map(plain, item.lines)):
            lines.append("      " + _painted(line, _DIFF_COLOURS.get(line[:1], "2"), colour=colour))
    return "\n".join([*lines, "", _closing(run)])


def run_to_markdown(run: RunInfo, items: Sequence[ItemDiff]) -> str:
    """Write one run as Markdown, each item's diff in a fence."""
    lines = [f"### {escaped(_heading(run))}", ""]
    for item in items:
        lines.append(f"- **{item.entry.action.value}** {code(_told(item))}")
        lines += [f"  - {name}: {code(_value(was))} → {code(_value(now))}" for name, was, now in _values(item)]
        shown = shortened(map(plain, item.lines))
        if shown:
            fence = "`" * max(3, 1 + max((len(tick) for line in shown for tick in re.findall("`+", line)), default=0))
            lines += ["", f"  {fence}diff", *(f"  {line}" for line in shown), f"  {fence}", ""]
    return "\n".join([*lines, "", _closing(run)])


def run_to_json(run: RunInfo, items: Sequence[ItemDiff], *, target: str) -> str:
    """Write one run as one object, the fields of each item before and after in full."""
    return to_json({"version": VERSION, "target": target, "run": _run_page(run), "items": [_item(i) for i in items]})


def _run_page(run: RunInfo) -> dict[str, object]:
    record = run.record
    return {
        "run": run.id,
        "purpose": record.purpose.value,
        "at": record.date or run.date,
        "who": run.author,
        "commit": record.commit,
        "kbsync": record.kbsync,
        "undoes": record.undoes,
        "counts": dict(record.counts()),
        "undone_by": list(run.undone_by),
    }


def _item(item: ItemDiff) -> dict[str, object]:
    entry = item.entry
    return {
        "action": entry.action.value,
        "kind": entry.kind.value,
        "path": entry.path,
        "former": entry.former or None,
        "id": entry.id,
        "fields": list(item.changed),
        "before": dict(item.before),
        "after": dict(item.after),
        "diff": list(item.lines),
    }


def _heading(run: RunInfo) -> str:
    return one_line(f"Run {run.short_id}: {_what(run.record)}, {_when(run)}, by {_name(run.author)}")


def _closing(run: RunInfo) -> str:
    told = _counts(run.record.counts())
    return f"{told[:1].upper()}{told[1:]}{_undone(run)}."


def _name(who: str) -> str:
    return one_line(who.partition(" <")[0])


def _what(record: RunRecord) -> str:
    about = record.undoes or record.commit
    return f"{record.purpose.value} {about[:10]}".rstrip()


def _when(run: RunInfo) -> str:
    """Return a time to the minute, in UTC as the portal says it; a clone's own clock has its offset."""
    try:
        return datetime.fromisoformat(run.record.date or run.date).strftime("%Y-%m-%d %H:%M")
    except ValueError:
        return one_line(run.record.date or run.date)


def _counts(counts: Mapping[str, int]) -> str:
    told = [f"{counts[action.value]} {PAST[action]}" for action in Action if counts.get(action.value)]
    return ", ".join(told) or "what was known already"


def _undone(run: RunInfo) -> str:
    return f" (undone by {', '.join(run.undone_by)})" if run.undone_by else ""


def _told(item: ItemDiff) -> str:
    entry = item.entry
    was = f", was {entry.former}" if entry.former and entry.former != entry.path else ""
    name = (
        item.after.get("title") or item.after.get("name") or item.before.get("title") or item.before.get("name") or ""
    )
    doubted = "; the portal did not show what it was sent" if entry.unverified else ""
    return f'{entry.path} "{name}" ({entry.kind.value} {entry.id}{was}){doubted}'


def _values(item: ItemDiff) -> Iterator[tuple[str, FieldValue, FieldValue]]:
    """Return the fields that differ, less the body, whose lines are told."""
    for name in item.changed:
        if name != "body" or not item.lines:
            yield name, item.before.get(name), item.after.get(name)


def _value(value: FieldValue) -> str:
    text = ", ".join(map(str, value)) if isinstance(value, tuple) else str("" if value is None else value)
    shown = one_line(text if len(text) <= _LONGEST_VALUE else text[: _LONGEST_VALUE - 1] + "…")
    return shown or "nothing"


def _painted(text: str, style: str, *, colour: bool) -> str:
    return f"\x1b[{style}m{text}\x1b[0m" if colour else text
