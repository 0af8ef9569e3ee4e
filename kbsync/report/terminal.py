"""Plans and outcomes for a terminal: text with or without colour, and bars for what takes long.

The module of rich. It gives text to whoever prints, but for the bars, which draw themselves.
"""

import io
from collections.abc import Iterable, Sequence
from difflib import SequenceMatcher
from itertools import groupby
from threading import Lock, Timer
from typing import Self

from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.padding import Padding
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.text import Text

from kbsync.change import Action, Change, Finding, FindingKind, Outcome, Result
from kbsync.planner.planner import Plan
from kbsync.report.wording import (
    MOST_UNMANAGED,
    SIGNS,
    both_sides,
    clause,
    counts,
    diff,
    gathered,
    one_line,
    plain,
    refusal,
    results,
    sections,
    shortened,
    title_of,
)

_COLOURS = {"+": "green", "~": "yellow", "-": "red", ">": "cyan", "=": "dim"}
_ON_ONE_SCREEN = 10
_PATIENCE = 1.0
_MATTERS = {
    FindingKind.DRIFT: "yellow",
    FindingKind.CONFLICT: "red",
    FindingKind.UNDONE: "yellow",
    FindingKind.UNMANAGED: "dim",
}
_RESULT_COLOURS = {Result.DONE: "green", Result.FAILED: "red", Result.WITHHELD: "yellow", Result.SKIPPED: "yellow"}


def plan_to_text(
    plan: Plan, *, heading: str, colour: bool, width: int, done: bool = False, undoing: bool = False
) -> str:
    """Show a plan as Terraform does: a sign and a path for each change, what differs below it, one line of counts.

    `done` tells that the changes have been made, `undoing` that they put a run back.
    """
    blocks: list[list[RenderableType]] = [[Text(one_line(heading), style="bold")], _changes(plan.changes)]
    left = sections(plan, undoing=undoing)
    blocks += [_findings(section.words, section.findings, _MATTERS[section.matter]) for section in left]
    told = counts(plan, done=done, undoing=undoing)
    closing: list[RenderableType] = [Text(told[:1].upper() + told[1:] + ".", style="bold")]
    if refusal(plan):
        closing.append(Text(f"Refused: {plain(refusal(plan))}", style="bold red"))
    return _drawn(_spaced((*blocks, closing)), colour=colour, width=width)


def status_to_text(plan: Plan, *, target: str, archived: int, colour: bool, width: int) -> str:
    """Show both directions on one screen: how much there is to publish and to pull, and which items."""
    parts: list[RenderableType] = [Text(one_line(target), style="bold"), Text()]
    lists = (
        ("To publish", [change.path for change in plan.changes], "green"),
        ("To pull", [finding.path for finding in plan.drift], "yellow"),
        ("In conflict", [finding.path for finding in plan.conflicts], "red"),
        ("Undone", [finding.path for finding in plan.undone], "yellow"),
        ("Unmanaged", [finding.path for finding in plan.unmanaged], "dim"),
    )
    for heading, paths, style in lists:
        parts.append(Text.assemble((f"{heading:12}", "bold"), (str(len(paths)), style if paths else "dim")))
        parts += [_Entry(Text(f"  {one_line(path)}", style=style)) for path in paths[:_ON_ONE_SCREEN]]
        if len(paths) > _ON_ONE_SCREEN:
            parts.append(Padding(Text(f"and {len(paths) - _ON_ONE_SCREEN} more", style="dim"), (0, 0, 0, 4)))
    parts.append(Text.assemble(("Archived    ", "bold"), (str(archived), "dim")))
    parts.append(Text.assemble(("Unchanged   ", "bold"), (str(plan.unchanged), "dim")))
    return _drawn(Group(*parts), colour=colour, width=width)


def outcomes_to_text(outcomes: Sequence[Outcome], *, colour: bool, width: int, told: Sequence[Outcome] = ()) -> str:
    """Show what became of a run: what did not go well in full, the rest in one sentence; what was `told` is counted."""
    parts: list[RenderableType] = []
    together = gathered(outcomes)
    for outcome in outcomes:
        is_done = outcome.result is Result.DONE
        own = [note for note in outcome.notes if not is_done or note not in together]
        if (is_done and not own) or outcome in told:
            continue
        style = _RESULT_COLOURS[outcome.result]
        why = "; ".join(plain(text) for text in (outcome.error, *own) if text)
        parts.append(_Entry(Text.assemble((outcome.result.value, style), " ", one_line(outcome.change.path)), why))
    parts += [_Entry(Text(f"{count} times", style="dim"), plain(note)) for note, count in together.items()]
    parts.append(Text(results(outcomes)[:1].upper() + results(outcomes)[1:] + ".", style="bold"))
    return _drawn(Group(*parts), colour=colour, width=width)


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
            parts.append(Padding(_coloured(lines), (0, 0, 0 if number == len(changes) else 1, 6)))
    return parts


def _change(change: Change) -> "_Entry":
    sign = SIGNS[change.action]
    style = _COLOURS[sign]
    head = Text.assemble((f"{sign} {change.action.value} ", style), one_line(change.path))
    name = title_of(change.desired or change.actual) if change.action is Action.CREATE else ""
    return _Entry(head, "  ".join(part for part in (f'"{name}"' if name else "", clause(change)) if part))


class _Entry:
    """A line whose head ends in a path and is never broken, so that it can be copied; what follows may wrap below."""

    def __init__(self, head: Text, told: str = "") -> None:
        self.head = Text.assemble("  ", head, no_wrap=True, overflow="ignore")
        self.told = told

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        told = Text(self.told, style="dim")
        if self.head.cell_len + told.cell_len + 2 <= options.max_width:
            yield Text.assemble(self.head, "  " if self.told else "", told)
            return
        yield self.head
        if self.told:
            yield Padding(told, (0, 0, 0, 6))


def _coloured(lines: Sequence[str]) -> Text:
    """Colour a diff, and mark the words that differ where one line took the place of one other."""
    text = Text()
    for number, line in enumerate(lines):
        text.append("\n" if number else "")
        following = lines[number + 1] if number + 1 < len(lines) else ""
        previous = lines[number - 1] if number else ""
        match line[:1]:
            case "-":
                text.append_text(_against(line, following if following[:1] == "+" else "", "red"))
            case "+":
                text.append_text(_against(line, previous if previous[:1] == "-" else "", "green"))
            case "@":
                text.append("…" if line.endswith("@@") and "more lines" not in line else line.strip("@ "), style="dim")
            case _:
                text.append(line, style="dim")
    return text


def _against(line: str, other: str, colour: str) -> Text:
    mine, theirs = line[1:].split(" "), other[1:].split(" ")
    text = Text(line[0], style=colour)
    same = {
        index
        for block in SequenceMatcher(None, mine, theirs, autojunk=False).get_matching_blocks()
        for index in range(block.a, block.a + block.size)
    }
    told = [bool(other) and bool(same) and index not in same for index in range(len(mine))]
    for is_marked, run in groupby(range(len(mine)), key=told.__getitem__):
        indices = list(run)
        text.append(" " if indices[0] else "", style=colour)
        text.append(" ".join(mine[indices[0] : indices[-1] + 1]), f"bold underline {colour}" if is_marked else colour)
    return text


def _findings(heading: str, findings: Sequence[Finding], style: str) -> list[RenderableType]:
    if not findings:
        return []
    most = MOST_UNMANAGED if findings[0].finding_kind is FindingKind.UNMANAGED else len(findings)
    parts: list[RenderableType] = [Text(heading, style="bold")]
    for finding in findings[:most]:
        said = clause(finding)
        told = "" if said.casefold() == heading.casefold() else said
        parts.append(_Entry(Text.assemble(("! ", style), one_line(finding.path)), told))
        for words, lines in both_sides(finding):
            parts.append(Padding(Text(words, style="dim"), (0, 0, 0, 6)))
            parts.append(Padding(_coloured(shortened(lines)), (0, 0, 0, 8)))
    if len(findings) > most:
        parts.append(_Entry(Text(f"and {len(findings) - most} more; --format json names them all", style="dim")))
    return parts


def _drawn(what: RenderableType, *, colour: bool, width: int) -> str:
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
    console.print(what, soft_wrap=False, crop=False)
    return "\n".join(line.rstrip() for line in out.getvalue().splitlines())


class Bars:
    """Progress on standard error, for a terminal alone; nothing of it stays on the screen."""

    def __init__(self) -> None:
        # FORCE_COLOR, which many CI systems set, makes no log a terminal.
        console = Console(stderr=True)
        self._progress = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.fields[count]}"),
            TimeElapsedColumn(),
            console=console,
            transient=True,
            disable=not (console.is_terminal and console.file.isatty()),
        )
        self._task = self._progress.add_task("starting", total=None, count="")
        self._lock = Lock()
        self._over = False
        self._due = Timer(_PATIENCE, self._draw)
        self._due.daemon = True

    def __enter__(self) -> Self:
        self._due.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._due.cancel()
        with self._lock:
            self._over = True
            self._progress.stop()

    def begins(self, what: str, total: int | None) -> None:
        """Show another thing that takes long; `total` steps, or None where nobody knows."""
        self._progress.reset(self._task, description=plain(what), total=total, count=f"0/{total}" if total else "")

    def steps(self) -> None:
        """Show one step done."""
        self._progress.advance(self._task)
        task = self._progress.tasks[0]
        self._progress.update(self._task, count=f"{task.completed:.0f}/{task.total:.0f}" if task.total else "")

    def _draw(self) -> None:
        with self._lock:
            if not self._over:
                self._progress.start()
