"""Plans in files: written, read, and shown again."""

from dataclasses import replace
from pathlib import Path

from kbsync.commands.output import look, note, say
from kbsync.config import Config
from kbsync.engine.context import Options
from kbsync.errors import UsageError
from kbsync.planner.approval import SavedPlan
from kbsync.report.json_output import saved_from_json, saved_to_json
from kbsync.report.pages import plan_to_html, plan_to_markdown
from kbsync.report.terminal import plan_to_text

_NAMED = 5


def read_saved(file: Path) -> SavedPlan:
    """Read a saved plan.

    Raises:
        UsageError: there is none, or it cannot be read.
    """
    try:
        return saved_from_json(file.read_bytes(), name=str(file))
    except OSError as error:
        raise UsageError(
            f"{file} cannot be read: {error.strerror}", advice="name the file that `--out` wrote"
        ) from None


def write_out(out: Path, text: str) -> None:
    """Write what would have been shown to a file.

    Raises:
        UsageError: it cannot be written there.
    """
    try:
        out.write_text(text + "\n", encoding="utf-8")
    except OSError as error:
        raise UsageError(f"{out} cannot be written: {error.strerror}", advice="name another file with --out") from error


def show(file: Path, *, form: str, out: Path | None) -> int:
    """Show a saved plan again, from its file alone."""
    saved = read_saved(file)
    note_uncommitted(saved.uncommitted)
    text = saved_to_json(saved) if form == "json" else _shown(saved, form)
    if out is None:
        say(text)
    else:
        write_out(out, text)
    return 0


def _shown(saved: SavedPlan, form: str) -> str:
    heading = f"kbsync plan for {saved.target} ({saved.url}), saved at {saved.at}"
    match form:
        case "markdown":
            return plan_to_markdown(saved.plan, heading=heading)
        case "html":
            return plan_to_html(saved.plan, heading=heading)
        case _:
            seen = look()
            return plan_to_text(saved.plan, heading=heading, colour=seen.colour, width=seen.width)


def set_aside(options: Options, config: Config, file: Path | None) -> Options:
    """Let a plan's own file count for nothing in the tree, where it lies in it."""
    place = file.absolute().resolve() if file else None
    if place is None or not place.is_relative_to(config.root.resolve()):
        return options
    return replace(options, aside=frozenset({place.relative_to(config.root.resolve()).as_posix()}))


def note_uncommitted(paths: tuple[str, ...]) -> None:
    """Return what of a plan a publish would leave out, no commit having it."""
    if paths:
        shown = ", ".join(paths[:_NAMED]) + (" …" if len(paths) > _NAMED else "")
        note(f"Not committed yet, so that publish would leave it out: {shown}")
