"""What the commands at a portal share: progress, the question before a write, a plan as text, notices."""

import time
from collections.abc import Callable, Iterable, Mapping
from threading import Event, Lock, Thread
from typing import Self

from rich.console import Console, RenderableType
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.text import Text

from kbsync.change import Change, Result
from kbsync.cli.console import confirm, look, print_error, print_note, print_uncommitted
from kbsync.engine.apply import ApplyResult
from kbsync.engine.context import Options, PlanResult
from kbsync.engine.plan import replacements
from kbsync.errors import KbsyncError
from kbsync.planner.planner import Plan
from kbsync.report.json_output import plan_page, to_json
from kbsync.report.pages import Bodies, plan_to_html, plan_to_markdown
from kbsync.report.terminal import plan_to_text
from kbsync.report.wording import Frame, base_text, visible
from kbsync.state.lease import describe

_DELAY = 1.0
"""Seconds before a progress bar is drawn: what is done by then needs none."""
_EVERY = 15.0
"""Seconds between two lines where there is no terminal to draw in."""
_MINUTES = 90.0
"""Seconds from which a time is told in minutes."""

INTERRUPTED_NOTE = "Interrupted. Run the same command again to continue."


class ConsoleUi:
    """The ui of a run: a progress bar on standard error, and the question before it writes."""

    def __init__(self, confirm: Callable[[PlanResult], bool] = lambda _: False) -> None:
        self._confirm = confirm
        self._bar: ProgressBar | None = None

    def __enter__(self) -> Self:
        self._bar = ProgressBar()
        return self

    def __exit__(self, *_: object) -> None:
        self._close()

    def status(self, why: str) -> None:
        """Show what is being waited for."""
        self._shown().start(why, None)

    def start(self, what: str, total: int) -> None:
        """Show a bar of so many steps."""
        self._shown().start(what, total)

    def advance(self, what: str) -> None:
        """Show one step done; `what` is its path."""
        if self._bar is not None and what:
            self._bar.advance()

    def read(self, done: int, about: int) -> None:
        """Show how many of about how many articles were read."""
        self._shown().reach(done, about, "{:,} of about {:,} articles")

    def waiting(self, why: str) -> None:
        """Show why no call is sent at the moment; empty when calls are sent again."""
        if self._bar is not None:
            self._bar.waiting = why

    def note(self, text: str) -> None:
        """Print a line that stays."""
        if self._bar is not None:
            self._bar.print(text)

    def confirm(self, planned: PlanResult) -> bool:
        """Ask, with the bar out of the way."""
        self._close()
        return self._confirm(planned)

    def _shown(self) -> "ProgressBar":
        self._bar = self._bar or ProgressBar()
        return self._bar

    def _close(self) -> None:
        if self._bar is not None:
            self._bar.close()
            self._bar = None


class _BarWithLine(Progress):
    """A bar, and a line of text below it."""

    line: Callable[[], str] = staticmethod(str)

    def get_renderables(self) -> Iterable[RenderableType]:
        """Return the bar and its line."""
        yield from super().get_renderables()
        yield Text(self.line(), style="dim")


class ProgressBar:
    """Progress on standard error: in a terminal a bar, of which nothing stays on the screen, else a line now and then.

    `waiting` is why nothing moves at the moment.
    """

    def __init__(self) -> None:
        # FORCE_COLOR, which many CI systems set, makes no log a terminal.
        console = Console(stderr=True)
        self._is_drawn = console.is_terminal and console.file.isatty()
        columns = SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn()
        self._progress = _BarWithLine(*columns, console=console, transient=True, disable=not self._is_drawn)
        self._progress.line = self._line
        self._task = self._progress.add_task("starting", total=None)
        self._form, self._since, self.waiting = "", time.monotonic(), ""
        self._closing, self._drawing = Event(), Lock()
        Thread(target=self._show, name="progress", daemon=True).start()

    def close(self) -> None:
        """Remove the bar from the screen."""
        self._closing.set()
        with self._drawing:
            self._progress.stop()

    def start(self, what: str, total: int | None) -> None:
        """Show another task of `total` steps, or of nobody knows how many."""
        self._form, self._since = "{:,} of {:,}" if total else "", time.monotonic()
        self._progress.reset(self._task, description=visible(what), total=total)

    def advance(self) -> None:
        """Show one step done."""
        self._progress.advance(self._task)

    def reach(self, done: int, total: int, form: str) -> None:
        """Show how many steps of how many are done, in the words of a format string."""
        self._form = form
        self._progress.update(self._task, completed=done, total=total)

    def print(self, text: str) -> None:
        """Print a line that stays, above the bar."""
        with self._drawing:
            self._progress.console.print(visible(text), markup=False, highlight=False, soft_wrap=True)

    def _show(self) -> None:
        if self._is_drawn and not self._closing.wait(_DELAY):
            with self._drawing:
                if not self._closing.is_set():
                    self._progress.start()
        while not self._is_drawn and not self._closing.wait(_EVERY):
            print_note(": ".join(filter(None, (self._progress.tasks[0].description, self._line()))))

    def _line(self) -> str:
        task, elapsed = self._progress.tasks[0], time.monotonic() - self._since
        done, total = task.completed, task.total or 0
        left = elapsed / done * (total - done) if done and elapsed > _DELAY and not self.waiting else 0
        parts = (
            self._form.format(int(done), int(total)) if self._form else "",
            f"about {left:.0f} s left" if 1 <= left < _MINUTES else f"about {left / 60:.0f} min left" if left else "",
            self.waiting,
        )
        return ", ".join(filter(None, parts))


class Question:
    """The question before a run writes. `asked` tells whether the plan was shown, `declined` that the answer was no."""

    def __init__(self, show: Callable[[PlanResult], None], text: Callable[[PlanResult], str], *, yes: bool) -> None:
        self._show = show
        self._text = text
        self._yes = yes
        self.asked = False
        self.declined = False

    def __call__(self, planned: PlanResult) -> bool:
        """Show the plan, and ask unless `--yes` has answered."""
        self._show(planned)
        self.asked = True
        if not self._yes:
            self.declined = not confirm(self._text(planned))
        return not self.declined


def portal_of(planned: PlanResult) -> str:
    """Return the name of a plan's target, and its address where it has one."""
    config = planned.workspace.config
    return f"{config.target} ({config.url})" if config.url else config.target


def format_plan(
    planned: PlanResult,
    output_format: str,
    *,
    base: Mapping[str, str | None] | None = None,
    options: Options | None = None,
    next_step: str = "",
) -> str:
    """Write a plan toward the portal in one of the formats; the `options` are those that it was made with."""
    config, options = planned.workspace.config, options or Options()
    note = base_text(base, options.paths, is_partial=bool(planned.live.assumed))
    branch = planned.workspace.repository.branch()
    heading = f"kbsync plan for {portal_of(planned)}" + (f", branch {branch}" if branch else "")
    heading += " (git remote not reached)" if planned.workspace.unreachable else ""
    if output_format == "json":
        page = plan_page(
            planned.plan, target=config.target, calls=planned.calls, base=base, site=config.readers_url, note=note
        )
        return to_json(page)
    frame = Frame(site=config.readers_url, base=note, next_step=next_step)
    bodies = _bodies(planned, options) if output_format == "html" else None
    return format_for_people(planned.plan, heading, output_format, frame=frame, bodies=bodies)


def format_for_people(
    plan: Plan, heading: str, output_format: str = "text", *, frame: Frame | None = None, bodies: Bodies | None = None
) -> str:
    """Write a plan below a heading, as Markdown, HTML or text."""
    frame = frame or Frame()
    match output_format:
        case "markdown":
            return plan_to_markdown(plan, heading=heading, frame=frame)
        case "html":
            return plan_to_html(plan, heading=heading, frame=frame, bodies=bodies)
        case _:
            return plan_to_text(plan, heading=heading, frame=frame, **look())


def _bodies(planned: PlanResult, options: Options) -> Bodies:
    """Return the function that shows what readers see before and after a change, as safe HTML."""
    from kbsync.sandbox.sanitize import sanitize_for_readers

    shown = replacements(planned.workspace, planned.plan, planned.live, options)

    def bodies(change: Change) -> tuple[str, str]:
        before, after = shown.bodies(change)
        return sanitize_for_readers(before), sanitize_for_readers(after)

    return bodies


def print_notices(planned: PlanResult) -> None:
    """Print what a plan rests on or leaves out."""
    skipped = planned.workspace.tree.translations
    if skipped:
        print_note(f"Skipped translations (not supported yet): {', '.join(skipped)}")
    if planned.workspace.unreachable:
        print_note(
            f"{planned.workspace.unreachable}. This uses the publish history that this clone has, which may be old; "
            "add --local to skip the remote. `kbsync publish` needs the remote."
        )
    if planned.workspace.cut_off:
        print_note("The last pull was interrupted: `kbsync pull` finishes it, `kbsync pull --abort` undoes it.")
    in_flight = describe(planned.workspace.in_flight)
    if in_flight:
        print_note(in_flight)
    print_uncommitted(planned.uncommitted)
    if warnings := len(planned.plan.problems):
        print_note(f"{warnings} warning{'s' if warnings > 1 else ''} in the content: `kbsync lint` shows them.")


def print_failures(run: ApplyResult, ledger_error: KbsyncError | None) -> None:
    """Print what failed in a run beside its changes: the ledger was not saved, or the run was interrupted."""
    if ledger_error is not None:
        if any(outcome.result is Result.DONE for outcome in run.outcomes):
            print_note("The changes are on the portal, but the ledger was not saved everywhere:")
        else:
            print_note("Nothing was written to the portal, and the ledger was not saved:")
        print_error(ledger_error)
    if run.interrupted:
        print_note(INTERRUPTED_NOTE)
