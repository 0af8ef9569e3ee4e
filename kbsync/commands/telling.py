"""What the commands at the portal tell of a plan, in every form, and where it goes."""

from collections.abc import Sequence

from kbsync.change import Outcome, Result
from kbsync.commands.output import look, note
from kbsync.commands.saving import note_uncommitted
from kbsync.engine.context import PlanResult
from kbsync.report.json_output import plan_to_json
from kbsync.report.terminal import plan_to_text
from kbsync.state.lease import describe

OK, FAILED, CHANGES, HELD = 0, 1, 3, 4
INTERRUPTED = 130
"""The exit codes of what looks at a portal."""

GO_ON = "Interrupted. Run the same command again: it goes on from here."


def unsaved(outcomes: Sequence[Outcome]) -> str:
    """Return what an error of the ledger means, after it is known what became of the portal."""
    if any(outcome.result is Result.DONE for outcome in outcomes):
        return "The portal was written, but the ledger was not saved everywhere:"
    return "Nothing was written to the portal, and the ledger was not saved:"


def shown(planned: PlanResult, form: str) -> str:
    """Write a plan in a form."""
    seen = look()
    match form:
        case "json":
            return as_json(planned, planned.calls)
        case "markdown":
            from kbsync.report.pages import plan_to_markdown

            return plan_to_markdown(planned.plan, heading=heading(planned))
        case "html":
            from kbsync.report.pages import plan_to_html

            return plan_to_html(planned.plan, heading=heading(planned))
        case _:
            return plan_to_text(planned.plan, heading=heading(planned), colour=seen.colour, width=seen.width)


def as_json(planned: PlanResult, calls: int) -> str:
    """Write a plan as one JSON object."""
    return plan_to_json(planned.plan, target=target(planned), calls=calls)


def heading(planned: PlanResult) -> str:
    """Return what a plan is of."""
    return f"kbsync plan for {where(planned)}"


def where(planned: PlanResult) -> str:
    """Return a plan's target, and its portal."""
    config = planned.workspace.config
    return f"{config.target} ({config.url})" if config.url else config.target


def target(planned: PlanResult) -> str:
    """Return a plan's target."""
    return planned.workspace.config.target


def notices(planned: PlanResult) -> None:
    """Return what the plan rests on or leaves out, on standard error."""
    skipped = planned.workspace.tree.translations
    if skipped:
        note(f"Not published yet, being translations: {', '.join(skipped)}")
    under_way = describe(planned.workspace.in_flight)
    if under_way:
        note(under_way)
    note_uncommitted(planned.uncommitted)
