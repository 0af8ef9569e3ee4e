"""Plans and outcomes as text for a terminal, with or without colour; rich draws them."""

import io
import textwrap
from collections.abc import Iterable, Iterator, Sequence

from rich.cells import cell_len, set_cell_size
from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.padding import Padding
from rich.style import Style
from rich.text import Text

from kbsync.change import Action, Change, Finding, FindingKind, Outcome, Result
from kbsync.planner.planner import Plan
from kbsync.report.wording import (
    SIGNS,
    Frame,
    Row,
    Section,
    both_sides,
    clause,
    counts_text,
    diff,
    diff_pieces,
    one_line,
    refusal_text,
    results,
    rows,
    sections,
    sentence,
    shared_notes,
    shortened,
    title_of,
    unmanaged_text,
    url_of,
    visible,
)

_SIDES = {"-": "red", "+": "green"}
SIGN_STYLES = {"+": "green", "~": "yellow", "-": "red", ">": "cyan", "=": "dim"}
_MAX_LISTED = 10
_MIN_COLUMN = 20
_FINDING_STYLES = {
    FindingKind.DRIFT: "yellow",
    FindingKind.CONFLICT: "red",
    FindingKind.UNDONE: "yellow",
    FindingKind.UNMANAGED: "dim",
}
_PLAIN = Frame()
_RESULT_STYLES = {Result.DONE: "green", Result.FAILED: "red", Result.WITHHELD: "yellow", Result.SKIPPED: "yellow"}


def plan_to_text(
    plan: Plan,
    *,
    heading: str,
    colour: bool,
    width: int,
    links: bool = False,
    frame: Frame = _PLAIN,
    done: bool = False,
    undoing: bool = False,
) -> str:
    """Return a plan as Terraform shows it: a sign and a path for each change, what differs below, one line of counts.

    `done` tells that the changes have been made, `undoing` that they undo a run; with `links` a path is one.
    """
    site, listed, found = frame.site if links else "", rows(plan), sections(plan, undoing=undoing)
    opening: list[RenderableType] = [Text(one_line(heading), style="bold")]
    opening += [Text(frame.base, style="yellow")] if frame.base else []
    blocks = [opening, _changes(listed, site), *(_findings(section, site) for section in found)]
    closing: list[RenderableType] = [Text(legend, style="dim")] if (legend := _legend(listed, found)) else []
    closing.append(Text(sentence(counts_text(plan, done=done, undoing=undoing)), style="bold"))
    if refusal_text(plan):
        closing.append(Text(f"Refused: {visible(refusal_text(plan))}", style="bold red"))
    closing += [Text(frame.next_step)] if frame.next_step else []
    return draw(_spaced((*blocks, closing)), colour=colour, width=width)


def _legend(listed: Sequence[Row], found: Sequence[Section]) -> str:
    """Return what the signs mean that a plan shows."""
    words: dict[str, dict[str, None]] = {}
    for row in listed:
        words.setdefault(SIGNS[row.action], {})[row.action.value] = None
    if any(section.findings for section in found if section.finding_kind is not FindingKind.UNMANAGED):
        words["!"] = {"skipped": None}
    return "Signs: " + ", ".join(f"{sign} {'/'.join(named)}" for sign, named in words.items()) if words else ""


def status_to_text(plan: Plan, *, target: str, archived: int, colour: bool, width: int, links: bool = False) -> str:
    """Return both directions on one screen: how much there is to publish and to pull, and which items."""
    parts: list[RenderableType] = [Text(one_line(target), style="bold"), Text()]
    lists = (
        ("To publish", [change.path for change in plan.changes], "green"),
        ("To pull", [finding.path for finding in plan.drift], "yellow"),
        ("Conflicts", [finding.path for finding in plan.conflicts], "red"),
        ("Undone", [finding.path for finding in plan.undone], "yellow"),
    )
    for heading, paths, style in lists:
        parts.append(Text.assemble((f"{heading:12}", "bold"), (str(len(paths)), style if paths else "dim")))
        parts += [_Entry(Text(f"  {one_line(path)}", style=style)) for path in paths[:_MAX_LISTED]]
        if len(paths) > _MAX_LISTED:
            parts.append(Padding(Text(f"and {len(paths) - _MAX_LISTED} more", style="dim"), (0, 0, 0, 4)))
    parts.append(Text.assemble(("Unmanaged   ", "bold"), (str(len(plan.unmanaged)), "dim")))
    parts += [Text("    `kbsync status --unmanaged` lists them", style="dim")] if plan.unmanaged else []
    parts.append(Text.assemble(("Archived    ", "bold"), (str(archived), "dim")))
    parts.append(Text.assemble(("Unchanged   ", "bold"), (str(plan.unchanged), "dim")))
    return draw(Group(*parts), colour=colour, width=width)


def unmanaged_to_text(plan: Plan, *, site: str) -> str:
    """Return what kbsync does not manage on the portal, an item a line with its address."""
    lines = (f"{one_line(finding.path)}  {url_of(finding, site)}".rstrip() for finding in plan.unmanaged)
    return "\n".join((*lines, f"{len(plan.unmanaged)} unmanaged."))


def outcomes_to_text(
    outcomes: Sequence[Outcome],
    *,
    colour: bool,
    width: int,
    links: bool = False,
    shown: Sequence[Outcome] = (),
    next_step: str = "",
) -> str:
    """Return what became of a run: what did not go well in full, the rest in one sentence; `shown` is only counted.

    Without an outcome there was nothing to do only where there is no next step either.
    """
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
    if outcomes or not next_step:
        parts.append(Text(sentence(results(outcomes)), style="bold"))
    parts += [Text(next_step)] if next_step else []
    return draw(Group(*parts), colour=colour, width=width)


def _spaced(blocks: Iterable[Sequence[RenderableType]]) -> Group:
    """Put one empty line between blocks that hold anything."""
    parts: list[RenderableType] = []
    for block in blocks:
        parts += [Text(), *block] if parts and block else block
    return Group(*parts)


def _changes(listed: Sequence[Row], site: str) -> list[RenderableType]:
    parts: list[RenderableType] = []
    for number, row in enumerate(listed, 1):
        parts.append(_row(row, site))
        lines = shortened(diff(row.change)) if row.change else ()
        if lines:
            parts.append(Padding(diff_text(lines), (0, 0, 0 if number == len(listed) else 1, 6)))
    return parts


def _row(row: Row, site: str) -> "_Entry":
    sign, change = SIGNS[row.action], row.change
    head = Text.assemble((f"{sign} {row.action.value} ", SIGN_STYLES[sign]), _path(row.path, change, site))
    name = title_of(change.desired or change.actual) if change and row.action is Action.CREATE else ""
    return _Entry(head, "  ".join(part for part in (f'"{name}"' if name else "", row.note) if part))


def _path(path: str, step: Change | Finding | None, site: str) -> tuple[str, Style]:
    """Return a path as a link to the item's page; rich writes links only where it writes colours."""
    return one_line(path), Style(link=(url_of(step, site) if step else "") or None)


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
    for number, (sign, pieces) in enumerate(diff_pieces(lines)):
        text.append("\n" if number else "")
        if not sign:
            line = pieces[0][0]
            is_place = line.startswith("@") and line.endswith("@@") and "more lines" not in line
            text.append("…" if is_place else line.strip("@ ") if line.startswith("@") else line, style="dim")
            continue
        colour = _SIDES[sign]
        text.append(sign, style=colour)
        for piece, is_marked in pieces:
            text.append(piece, f"bold underline {colour}" if is_marked else colour)
    return text


def _findings(section: Section, site: str) -> list[RenderableType]:
    findings, style = section.findings, _FINDING_STYLES[section.finding_kind]
    if not findings:
        return []
    if section.finding_kind is FindingKind.UNMANAGED:
        return [Text(unmanaged_text(section), style=style)]
    parts: list[RenderableType] = [Text(section.heading, style="bold")]
    for finding in findings:
        why = clause(finding)
        note = "" if why.casefold() == section.heading.casefold() else why
        parts.append(_Entry(Text.assemble(("! ", style), _path(finding.path, finding, site)), note))
        for heading, lines in both_sides(finding):
            parts.append(Padding(Text(heading, style="dim"), (0, 0, 0, 6)))
            parts.append(Padding(diff_text(shortened(lines)), (0, 0, 0, 8)))
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
