"""A plan saved on one machine and applied on another: what it contains, and whether it still holds.

It only permits: what is done is what a fresh plan says, less what the saved one does not allow.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

from kbsync import __version__
from kbsync.change import Outcome
from kbsync.engine.context import Options, PlanResult, Workspace
from kbsync.errors import Refusal, first_few
from kbsync.model import iso_utc
from kbsync.planner.approval import SavedPlan, approval_of, needs_review, restrict_to_approval
from kbsync.planner.planner import Plan

_AHEAD = timedelta(minutes=10)
"""How far the clocks of two machines may differ."""

_NAMED = 5


def make_saved_plan(planned: PlanResult, options: Options) -> SavedPlan:
    """Return the plan of the working tree as it is saved."""
    workspace = planned.workspace
    commit = workspace.repository.head() or ""
    return SavedPlan(
        plan=planned.plan,
        approval=approval_of(planned.plan, planned.live.assumed),
        target=workspace.config.target,
        url=workspace.config.url,
        site=workspace.config.readers_url,
        tree=(workspace.repository.tree_id(commit) or "") if commit else "",
        at=planned.live.seen_at or iso_utc(datetime.now(UTC)),
        commit=commit,
        kbsync=__version__,
        calls=planned.calls,
        paths=options.paths,
        uncommitted=planned.uncommitted,
        rerender=options.rerender,
    )


def options_of_saved(options: Options, workspace: Workspace) -> Options:
    """Return the options of a run with the paths of its saved plan, if it has one, after checking that plan.

    Raises:
        Refusal: it is for another target, portal or tree, or was made with other rendering options.
    """
    if options.saved is None:
        return options
    _refuse_mismatch(options.saved, options, workspace)
    return replace(options, paths=options.saved.paths)


def _refuse_mismatch(saved: SavedPlan, options: Options, workspace: Workspace) -> None:
    config = workspace.config
    if saved.target != config.target:
        raise Refusal(f"the saved plan is for the target {saved.target}, not {config.target}", advice=_SAVE_AGAIN)
    if _host(saved.url) != _host(config.url):
        raise Refusal(f"the saved plan is for {_host(saved.url)}, not {_host(config.url)}", advice=_SAVE_AGAIN)
    if saved.uncommitted:
        what = f"the saved plan contains uncommitted files: {first_few(saved.uncommitted)}"
        raise Refusal(what, advice="commit, then save a plan again")
    if workspace.commit is None or saved.tree != workspace.repository.tree_id(workspace.commit):
        made_of = f" ({saved.commit[:10]})" if saved.commit else ""
        raise Refusal(f"the content has changed since the saved plan{made_of}", advice=_SAVE_AGAIN)
    if saved.rerender != options.rerender:
        made = "with" if saved.rerender else "without"
        raise Refusal(f"the saved plan was made {made} --rerender", advice=f"publish it {made} --rerender")


def restrict_to_saved(made: Plan, options: Options, *, now: str) -> tuple[Plan, tuple[Outcome, ...]]:
    """Restrict a fresh plan to what the saved one allows, if there is one; return the rest as withheld.

    `now` is the portal's time.

    Raises:
        Refusal: the saved plan is too old, or something is withheld where it was to be all or nothing.
    """
    if options.saved is None:
        return made, ()
    _refuse_old(options.saved, now, options.max_age)
    reduced, withheld = restrict_to_approval(made, options.saved.approval)
    held_back = [outcome for outcome in withheld if needs_review(outcome)]
    if held_back and options.all_or_nothing:
        raise Refusal(f"parts of the saved plan are out of date: {_listed(held_back)}", advice=_PLAN_AGAIN)
    return reduced, withheld


_SAVE_AGAIN = "save a new plan: `kbsync plan --out FILE.json`"
_PLAN_AGAIN = "nothing was written; check a new plan, or publish the rest without --all-or-nothing"


def _refuse_old(saved: SavedPlan, now: str, max_age: timedelta) -> None:
    made = datetime.fromisoformat(saved.at)
    today = datetime.fromisoformat(now) if now else datetime.now(UTC)
    if today - made > max_age:
        what = f"the saved plan was made at {saved.at}, {_age(today - made)} ago; plans expire after {_age(max_age)}"
        raise Refusal(what, advice="save a new plan, or allow older ones with --max-age")
    if made - today > _AHEAD:
        raise Refusal(f"the saved plan was made at {saved.at}, which is in the future", advice=_SAVE_AGAIN)


def _age(span: timedelta) -> str:
    """Return a time span in its largest fitting unit."""
    seconds = int(span.total_seconds())
    for name, length in (("day", 86400), ("hour", 3600), ("minute", 60)):
        if seconds >= 2 * length or seconds == length:
            count = seconds // length
            return f"{count} {name}{'s' if count != 1 else ''}"
    return "1 second" if seconds == 1 else f"{seconds} seconds"


def _host(url: str) -> str:
    return urlsplit(url).netloc.rpartition("@")[2].casefold()


def _listed(withheld: Sequence[Outcome]) -> str:
    named = [f"{outcome.change.path} ({outcome.error})" for outcome in withheld]
    more = f" and {len(named) - _NAMED} more" if len(named) > _NAMED else ""
    return "; ".join(named[:_NAMED]) + more
