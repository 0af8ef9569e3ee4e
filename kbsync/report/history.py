"""Runs of the ledger as text, Markdown and JSON: the list of them, and one with each item before and after."""

from collections.abc import Callable, Sequence
from datetime import datetime

from kbsync.change import Action
from kbsync.model import FieldValue
from kbsync.report.json_output import VERSION, to_json
from kbsync.report.pages import code_fence, code_span, escape_markdown
from kbsync.report.terminal import draw_run, draw_table
from kbsync.report.wording import PAST_TENSE, one_line, sentence, shortened, visible
from kbsync.state.ledger import ItemDiff, RunInfo, RunRecord

_MAX_VALUE = 60


def runs_to_text(runs: Sequence[RunInfo], *, colour: bool, width: int | None = None) -> str:
    """List runs, one a line, so that the first word of each is what `history` and `undo` take.

    With a `width`, what is too long goes on below.
    """
    if not runs:
        return "No runs yet."
    return draw_table([_row(run) for run in runs], colour=colour, width=width)


def runs_to_markdown(runs: Sequence[RunInfo]) -> str:
    """Write runs as a table."""
    lines = ["| run | date | command | author | changes |", "| --- | --- | --- | --- | --- |"]
    for run in runs:
        name, when, what, who, did = _row(run)
        lines.append(f"| {code_span(name)} | {when} | {what} | {escape_markdown(who)} | {did} |")
    return "\n".join(lines)


def runs_to_json(runs: Sequence[RunInfo], *, target: str) -> str:
    """Write runs as one object."""
    return to_json({"version": VERSION, "target": target, "runs": [_run_page(run) for run in runs]})


def run_to_text(run: RunInfo, items: Sequence[ItemDiff], *, colour: bool) -> str:
    """Show one run, each item before and after."""
    rows = [(item.entry.action, _title(item), _values(item), _diff(item)) for item in items]
    return draw_run(_heading(run), rows, sentence(_did(run)), colour=colour)


def run_to_markdown(run: RunInfo, items: Sequence[ItemDiff]) -> str:
    """Write one run as Markdown, each item's diff in a fence."""
    lines = [f"### {escape_markdown(_heading(run))}", ""]
    for item in items:
        lines.append(f"- **{item.entry.action.value}** {code_span(_title(item))}")
        lines += [f"  - {line}" for line in _values(item, code_span)]
        shown = _diff(item)
        if shown:
            fence = code_fence(shown)
            lines += ["", f"  {fence}diff", *(f"  {line}" for line in shown), f"  {fence}", ""]
    return "\n".join([*lines, "", sentence(_did(run))])


def run_to_json(run: RunInfo, items: Sequence[ItemDiff], *, target: str) -> str:
    """Write one run as one object, the fields of each item before and after in full."""
    pages = [_item_page(item) for item in items]
    return to_json({"version": VERSION, "target": target, "run": _run_page(run), "items": pages})


def _run_page(run: RunInfo) -> dict[str, object]:
    record = run.record
    return {
        "run": run.id,
        "purpose": record.purpose.value,
        "date": record.date or run.date,
        "author": run.author,
        "commit": record.commit,
        "kbsync": record.kbsync,
        "undoes": record.undoes,
        "counts": dict(record.counts()),
        "undone_by": list(run.undone_by),
    }


def _item_page(item: ItemDiff) -> dict[str, object]:
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


def _row(run: RunInfo) -> tuple[str, str, str, str, str]:
    return run.short_id, _when(run), _what(run.record), _name(run.author), _did(run)


def _heading(run: RunInfo) -> str:
    return one_line(f"Run {run.short_id}: {_what(run.record)}, {_when(run)}, by {_name(run.author)}")


def _name(who: str) -> str:
    return one_line(who.partition(" <")[0])


def _what(record: RunRecord) -> str:
    about = record.undoes or record.commit
    return f"{record.purpose.value} {about[:10]}".rstrip()


def _when(run: RunInfo) -> str:
    """Return a time to the minute, in UTC as the portal has it; a clone's own clock has its offset."""
    try:
        return datetime.fromisoformat(run.record.date or run.date).strftime("%Y-%m-%d %H:%M")
    except ValueError:
        return one_line(run.record.date or run.date)


def _did(run: RunInfo) -> str:
    counts = run.record.counts()
    parts = [f"{counts[action.value]} {PAST_TENSE[action]}" for action in Action if counts.get(action.value)]
    undone = f" (undone by {', '.join(run.undone_by)})" if run.undone_by else ""
    return (", ".join(parts) or "no changes") + undone


def _title(item: ItemDiff) -> str:
    entry = item.entry
    was = f", was {entry.former}" if entry.former and entry.former != entry.path else ""
    names = (fields.get(key) for fields in (item.after, item.before) for key in ("title", "name"))
    name = next((name for name in names if name), "")
    unverified = "; the portal did not return what was sent" if entry.unverified else ""
    return f'{entry.path} "{name}" ({entry.kind.value} {entry.id}{was}){unverified}'


def _diff(item: ItemDiff) -> tuple[str, ...]:
    return shortened(map(visible, item.lines))


def _values(item: ItemDiff, write: Callable[[str], str] = str) -> list[str]:
    """Return a line for each field that differs, but for a body whose diff is shown."""
    names = [name for name in item.changed if name != "body" or not item.lines]
    sides = ((name, _value(item.before.get(name)), _value(item.after.get(name))) for name in names)
    return [f"{name}: {write(was)} → {write(now)}" for name, was, now in sides]


def _value(value: FieldValue) -> str:
    text = ", ".join(map(str, value)) if isinstance(value, tuple) else str("" if value is None else value)
    shown = one_line(text if len(text) <= _MAX_VALUE else text[: _MAX_VALUE - 1] + "…")
    return shown or "(empty)"
