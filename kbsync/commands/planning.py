"""The commands that only look at both sides: plan, status."""

from pathlib import Path

from kbsync.baseline import State
from kbsync.commands.output import ConsoleUi, look, note, say
from kbsync.commands.paths import refuse_unknown
from kbsync.commands.remembering import remembering
from kbsync.commands.saving import write_out
from kbsync.commands.telling import CHANGES, HELD, OK, notices, shown, target, where
from kbsync.config import Config, Secret
from kbsync.engine.context import Options
from kbsync.engine.plan import plan as plan_journey
from kbsync.engine.plan import status as status_journey
from kbsync.engine.saved_plan import make_saved_plan
from kbsync.report.json_output import saved_to_json, status_to_json
from kbsync.report.terminal import status_to_text
from kbsync.report.wording import counts


def plan(config: Config, key: Secret | None, options: Options, *, form: str, out: Path | None, exit_code: bool) -> int:
    """Show what a publish would do; without a key, against the ledger alone."""
    with remembering(), ConsoleUi(lambda _: False) as onlooker:
        planned = plan_journey(config, key, options, onlooker)
    refuse_unknown(planned, options.paths)
    notices(planned)
    if out is None:
        say(shown(planned, form))
    else:
        is_saved = form == "json" or (out.suffix == ".json" and form == "text")
        write_out(out, saved_to_json(make_saved_plan(planned, options)) if is_saved else shown(planned, form))
        note(f"{counts(planned.plan)}; written to {out}")
    if planned.plan.halt or planned.plan.excess or (exit_code and planned.plan.conflicts):
        return HELD
    return CHANGES if exit_code and planned.plan.changes else OK


def status(config: Config, key: Secret, options: Options, *, form: str) -> int:
    """Show both directions at a glance."""
    with remembering(), ConsoleUi(lambda _: False) as onlooker:
        planned = status_journey(config, key, options, onlooker)
    notices(planned)
    archived = [known for known in planned.workspace.baselines.values() if known.state is State.ARCHIVED]
    if form == "json":
        say(status_to_json(planned.plan, archived, target=target(planned), calls=planned.calls))
        return OK
    seen = look()
    told = status_to_text(
        planned.plan, target=where(planned), archived=len(archived), colour=seen.colour, width=seen.width
    )
    say(told)
    return OK
