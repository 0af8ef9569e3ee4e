"""Plans and outcomes as text for a terminal, with or without colour; rich draws them."""

import io
import textwrap
from collections.abc import Iterable, Iterator, Sequence
from difflib import SequenceMatcher
from itertools import groupby

from rich.cells import cell_len, set_cell_size
from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.padding import Padding
from rich.text import Text

from kbsync.change import Action, Change, FindingKind, Outcome, Result
from kbsync.planner.planner import Plan
from kbsync.report.wording import (
    MOST_UNMANAGED,
    SIGNS,
    Section,
    both_sides,
    clause,
    counts_text,
    diff,
    one_line,
    refusal_text,
    results,
    sections,
    sentence,
    shared_notes,
    shortened,
    title_of,
    visible,
)

SIGN_STYLES = {"+": "green", "~": "yellow", "-": "red", ">": "cyan", "=": "dim"}
_MAX_LISTED = 10
_MIN_COLUMN = 20
_FINDING_STYLES = {
    FindingKind.DRIFT: "yellow",
    FindingKind.CONFLICT: "red",
    FindingKind.UNDONE: "yellow",
    FindingKind.UNMANAGED: "dim",
}
_RESULT_STYLES = {Result.DONE: "green", Result.FAILED: "red", Result.WITHHELD: "yellow", Result.SKIPPED: "yellow"}


def plan_to_text(
    plan: Plan, *, heading: str, colour: bool, width: int, done: bool = False, undoing: bool = False
) -> str:
    """Return a plan as Terraform shows it: a sign and a path for each change, what differs below, one line of counts.

    `done` tells that the changes have been made, `undoing` that they undo a run.
    """
    blocks: list[list[RenderableType]] = [[Text(one_line(heading), style="bold")], _changes(plan.changes)]
    blocks += [_findings(section) for section in sections(plan, undoing=undoing)]
    closing: list[RenderableType] = [Text(sentence(counts_text(plan, done=done, undoing=undoing)), style="bold")]
    if refusal_text(plan):
        closing.append(Text(f"Refused: {visible(refusal_text(plan))}", style="bold red"))
    return draw(_spaced((*blocks, closing)), colour=colour, width=width)


def status_to_text(plan: Plan, *, target: str, archived: int, colour: bool, width: int) -> str:
    """Return both directions on one screen: how much there is to publish and to pull, and which items."""
    parts: list[RenderableType] = [Text(one_line(target), style="bold"), Text()]
    lists = (
        ("To publish", [change.path for change in plan.changes], "green"),
        ("To pull", [finding.path for finding in plan.drift], "yellow"),
        ("Conflicts", [finding.path for finding in plan.conflicts], "red"),
        ("Undone", [finding.path for finding in plan.undone], "yellow"),
        ("Unmanaged", [finding.path for finding in plan.unmanaged], "dim"),
    )
    for heading, paths, style in lists:
        parts.append(Text.assemble((f"{heading:12}", "bold"), (str(len(paths)), style if paths else "dim")))
        parts += [_Entry(Text(f"  {one_line(path)}", style=style)) for path in paths[:_MAX_LISTED]]
        if len(paths) > _MAX_LISTED:
            parts.append(Padding(Text(f"and {len(paths) - _MAX_LISTED} more", style="dim"), (0, 0, 0, 4)))
    parts.append(Text.assemble(("Archived    ", "bold"), (str(archived), "dim")))
    parts.append(Text.assemble(("Unchanged   ", "bold"), (str(plan.unchanged), "dim")))
    return draw(Group(*parts), colour=colour, width=width)


def outcomes_to_text(outcomes: Sequence[Outcome], *, colour: bool, width: int, shown: Sequence[Outcome] = ()) -> str:
    """Return what became of a run: what did not go well in full, the rest in one sentence; `shown` is only counted."""
    parts: list[RenderableType] = []
    shared = shared_notes(outcomes)
    for outcome in outcomes:
        is_done = outcome.result is Result.DONE
        own = [note for note in outcome.notes if not is_done or note not in shared]
        if (is_done and not own) or outcome in shown:
            continue
        style = _RESULT_STYLES[outcome.result]
        why = "; ".join(visible(text) for text in (outcome.error, *own) if text)
        parts.append(_Entry(Text.assemble((outcome.result.value, style), " ", one_line(outcome.change.path)), why))
    parts += [_Entry(Text(f"{count} times", style="dim"), visible(note)) for note, count in shared.items()]
    parts.append(Text(sentence(results(outcomes)), style="bold"))
    return draw(Group(*parts), colour=colour, width=width)


def _spaced(blocks: Iterable[Sequence[RenderableType]]) -> Group:
    """Put one empty line between blocks that hold anything."""
    parts: list[RenderableType] = []
    for block in blocks:
        parts += [Text(), *block] if parts and block else block
    return Group(*parts)


def _changes(changes: Sequence[Change]) -> list[RenderableType]:
    parts: list[RenderableType] = []
    for number, change in enumerate(changes, 1):
        parts.append(_change(change))
        lines = shortened(diff(change))
        if lines:
            parts.append(Padding(diff_text(lines), (0, 0, 0 if number == len(changes) else 1, 6)))
    return parts


def _change(change: Change) -> "_Entry":
    sign = SIGNS[change.action]
    style = SIGN_STYLES[sign]
    head = Text.assemble((f"{sign} {change.action.value} ", style), one_line(change.path))
    name = title_of(change.desired or change.actual) if change.action is Action.CREATE else ""
    return _Entry(head, "  ".join(part for part in (f'"{name}"' if name else "", clause(change)) if part))


class _Entry:
    """A line whose head ends in a path and is never broken, so that it can be copied; its note may wrap below."""

    def __init__(self, head: Text, note: str = "") -> None:
        self.head = Text.assemble("  ", head, no_wrap=True, overflow="ignore")
        self.note = note

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        note = Text(self.note, style="dim")
        if self.head.cell_len + note.cell_len + 2 <= options.max_width:
            yield Text.assemble(self.head, "  " if self.note else "", note)
            return
        yield self.head
        if self.note:
            yield Padding(note, (0, 0, 0, 6))


def diff_text(lines: Sequence[str]) -> Text:
    """Return a diff in colours, with the words marked that differ where one line replaces one other."""
    text = Text()
    for number, line in enumerate(lines):
        text.append("\n" if number else "")
        following = lines[number + 1] if number + 1 < len(lines) else ""
        previous = lines[number - 1] if number else ""
        match line[:1]:
            case "-":
                text.append_text(_marked(line, following if following[:1] == "+" else "", "red"))
            case "+":
                text.append_text(_marked(line, previous if previous[:1] == "-" else "", "green"))
            case "@":
                text.append("…" if line.endswith("@@") and "more lines" not in line else line.strip("@ "), style="dim")
            case _:
                text.append(line, style="dim")
    return text


def _marked(line: str, other: str, colour: str) -> Text:
    mine, theirs = line[1:].split(" "), other[1:].split(" ")
    text = Text(line[0], style=colour)
    same = {
        index
        for block in SequenceMatcher(None, mine, theirs, autojunk=False).get_matching_blocks()
        for index in range(block.a, block.a + block.size)
    }
    differs = [bool(other) and bool(same) and index not in same for index in range(len(mine))]
    for is_marked, run in groupby(range(len(mine)), key=differs.__getitem__):
        indices = list(run)
        text.append(" " if indices[0] else "", style=colour)
        text.append(" ".join(mine[indices[0] : indices[-1] + 1]), f"bold underline {colour}" if is_marked else colour)
    return text


def _findings(section: Section) -> list[RenderableType]:
    findings, style = section.findings, _FINDING_STYLES[section.finding_kind]
    if not findings:
        return []
    most = MOST_UNMANAGED if section.finding_kind is FindingKind.UNMANAGED else len(findings)
    parts: list[RenderableType] = [Text(section.heading, style="bold")]
    for finding in findings[:most]:
        why = clause(finding)
        note = "" if why.casefold() == section.heading.casefold() else why
        parts.append(_Entry(Text.assemble(("! ", style), one_line(finding.path)), note))
        for heading, lines in both_sides(finding):
            parts.append(Padding(Text(heading, style="dim"), (0, 0, 0, 6)))
            parts.append(Padding(diff_text(shortened(lines)), (0, 0, 0, 8)))
    if len(findings) > most:
        parts.append(_Entry(Text(f"and {len(findings) - most} more; --format json lists all", style="dim")))
    return parts


def draw(what: RenderableType, *, colour: bool, width: int | None = None) -> str:
    """Return what rich draws, with or without colour; without a `width` no line is wrapped."""
    out = io.StringIO()
    console = Console(
        file=out,
        width=width,
        force_terminal=colour,
        no_color=not colour,
        color_system="standard" if colour else None,
        highlight=False,
        emoji=False,
        markup=False,
        legacy_windows=False,
    )
    console.print(what, soft_wrap=width is None, crop=False)
    return "\n".join(line.rstrip() for line in out.getvalue().splitlines())


def draw_table(rows: Sequence[tuple[str, str, str, str, str]], *, colour: bool, width: int | None) -> str:
    """Return rows in columns; with a `width`, the last cell of a row that is too long goes on below."""
    sizes = [max(cell_len(row[column]) for row in rows) for column in range(4)]
    lines: list[RenderableType] = []
    for row in rows:
        cells = [set_cell_size(cell, size) for cell, size in zip(row, sizes, strict=False)]
        head = Text.assemble((cells[0], "yellow"), *(f"  {cell}" for cell in cells[1:]), "  ")
        lines += _with_last_cell(head, row[-1], width)
    return draw(Group(*lines), colour=colour, width=width)


def _with_last_cell(head: Text, last: str, width: int | None) -> Iterator[RenderableType]:
    """Put the last cell of a row beside the others, or below them where there is too little space beside them."""
    margin = head.cell_len
    if width is None or margin + cell_len(last) <= width:
        yield head.append(last)
    elif margin + _MIN_COLUMN > width:
        yield Text(head.plain.rstrip(), spans=head.spans, no_wrap=True, overflow="ignore")
        yield Padding(Text(last), (0, 0, 0, 4))
    else:
        first, *more = wrapped(last, width - margin, indent=0).splitlines()
        yield head.append(first)
        yield from (Padding(Text(line), (0, 0, 0, margin)) for line in more)


def draw_run(
    heading: str, rows: Sequence[tuple[Action, str, Sequence[str], Sequence[str]]], closing: str, *, colour: bool
) -> str:
    """Return one run: for each item the action and its name, the fields that differ, and a diff. Nothing is wrapped."""
    lines: list[RenderableType] = [Text(heading, style="bold"), Text()]
    for action, title, values, diff_lines in rows:
        sign = SIGNS[action]
        lines.append(Text.assemble("  ", (f"{sign} {action.value}", SIGN_STYLES[sign]), f" {one_line(title)}"))
        lines += [Text(f"      {value}") for value in values]
        if diff_lines:
            indented = Text("\n").join(
                Text.assemble("      ", line) for line in diff_text(diff_lines).split("\n", allow_blank=True)
            )
            lines.append(indented)
    return draw(Group(*lines, Text(), Text(closing)), colour=colour)


def heading_to_text(heading: str, command: str, *, colour: bool, width: int) -> str:
    """Return a heading, and beside it the command that it is about, if any."""
    return draw(
        Text.assemble((heading, "bold"), (f"   $ {command}" if command else "", "dim")), colour=colour, width=width
    )


def wrapped(text: str, width: int, *, indent: int = 4) -> str:
    """Wrap lines between words, what follows indented; a word is never broken, so that a path can be copied.

    Rich breaks a word that is too long, or wraps nothing at all, hence `textwrap`.
    """
    wrapper = textwrap.TextWrapper(
        width=width, subsequent_indent=" " * indent, break_long_words=False, break_on_hyphens=False
    )
    return "\n".join(wrapper.fill(line) if cell_len(line) > width else line for line in text.split("\n"))
