"""The command that brings home what was edited on the portal."""

from kbsync.commands.output import ConsoleUi, look, note, say
from kbsync.commands.paths import refuse_unknown
from kbsync.commands.remembering import remembering
from kbsync.commands.telling import HELD, OK, as_json, notices, where
from kbsync.config import Config, Secret
from kbsync.engine.context import Options
from kbsync.engine.pull import PullResult
from kbsync.engine.pull import pull as pull_journey
from kbsync.report.terminal import plan_to_text


def pull(config: Config, key: Secret, options: Options, *, form: str, dry_run: bool) -> int:
    """Bring what changed on the portal into the tree."""
    with remembering(), ConsoleUi(lambda _: True) as onlooker:
        home = pull_journey(config, key, options, onlooker, dry_run=dry_run)
    refuse_unknown(home.planned, (*options.paths, *options.ours, *options.theirs))
    notices(home.planned)
    say(as_json(home.planned, home.calls) if form == "json" else _pulled(home, dry_run=dry_run))
    for path, parts in home.pulled.dropped.items():
        note(f"{path}: left out on purpose: {', '.join(parts)}")
    if home.outside:
        note(f"Left out of this sparse checkout until now; `git add --sparse` takes: {', '.join(home.outside)}")
    return HELD if home.planned.plan.conflicts else OK


def _pulled(home: PullResult, *, dry_run: bool) -> str:
    seen = look()
    heading = f"kbsync pull from {where(home.planned)}" + (", as it would be" if dry_run else "")
    return plan_to_text(home.planned.plan, heading=heading, colour=seen.colour, width=seen.width, done=not dry_run)
