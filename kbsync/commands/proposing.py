"""The command that puts a pull on a branch, for a pull request."""

from kbsync.commands.output import ConsoleUi, look, note, say
from kbsync.commands.paths import refuse_unknown
from kbsync.commands.remembering import remembering
from kbsync.config import Config, Secret
from kbsync.engine.branch import ProposedPull
from kbsync.engine.branch import propose as propose_journey
from kbsync.engine.context import Options
from kbsync.errors import UsageError
from kbsync.report.json_output import plan_page, to_json
from kbsync.report.terminal import plan_to_text

OK, HELD = 0, 4


def branch_of(branch: str | None, *, commit: bool, dry_run: bool) -> str | None:
    """Return the branch that a pull is to be put on; None for a pull into the working tree.

    Raises:
        UsageError: the flags do not go together.
    """
    if branch is None and commit:
        raise UsageError("--commit wants a branch of its own", advice="name it with --branch NAME")
    if branch is not None and not commit:
        raise UsageError("--branch only goes with --commit", advice="add --commit, which leaves your files as they are")
    if branch is not None and dry_run:
        raise UsageError("--dry-run and --branch do not go together", advice="`kbsync pull --dry-run` shows the edits")
    return branch


def propose(config: Config, key: Secret, options: Options, *, form: str, branch: str) -> int:
    """Put what changed on the portal on a branch, as one commit."""
    with remembering(), ConsoleUi(lambda _: True) as onlooker:
        proposed = propose_journey(config, key, options, onlooker, branch=branch)
    refuse_unknown(proposed.result.planned, options.paths)
    say(_json(proposed) if form == "json" else _text(proposed))
    for path, parts in proposed.result.pulled.dropped.items():
        note(f"{path}: left out on purpose: {', '.join(parts)}")
    note(_ending(proposed))
    return HELD if proposed.result.planned.plan.conflicts else OK


def _text(proposed: ProposedPull) -> str:
    config, seen = proposed.result.planned.workspace.config, look()
    heading = f"kbsync pull from {config.target} ({config.url}) to the branch {proposed.branch}"
    done = proposed.commit is not None
    return plan_to_text(proposed.result.planned.plan, heading=heading, colour=seen.colour, width=seen.width, done=done)


def _json(proposed: ProposedPull) -> str:
    home = proposed.result
    page = plan_page(home.planned.plan, target=home.planned.workspace.config.target, calls=home.calls)
    return to_json(page | {"branch": proposed.branch, "commit": proposed.commit, "pushed": proposed.pushed})


def _ending(proposed: ProposedPull) -> str:
    if proposed.commit is None:
        return f"Nothing to bring to {proposed.branch}."
    remote = proposed.result.planned.workspace.config.remote
    where = f"pushed to {remote}" if proposed.pushed else "in this clone"
    return f"{proposed.commit[:10]} on {proposed.branch}, {where}."
