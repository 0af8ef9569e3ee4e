"""The journey of a pull: what changed on the portal, brought into the working tree."""

from dataclasses import dataclass, field, replace

from kbsync.change import Action, Finding, Matter
from kbsync.config import Config
from kbsync.content.files import write
from kbsync.content.names import folded
from kbsync.credentials import Secret
from kbsync.errors import Refusal
from kbsync.freshdesk.client import Connection
from kbsync.journeys.audience import Audience, Options, Planned
from kbsync.journeys.bringing.home import Pulled, bring_home
from kbsync.journeys.planning import connect, rules_of
from kbsync.journeys.reading import read_live, still_there, with_authors
from kbsync.journeys.showing.addressing import TargetAddresses
from kbsync.journeys.workspace import Workspace, caught_up, open_workspace
from kbsync.plan import Plan, make_plan


@dataclass(frozen=True, slots=True, kw_only=True)
class PulledHome:
    """What a pull wrote, or would write; `outside` are files of it that a sparse checkout had left out."""

    planned: Planned
    pulled: Pulled = field(default_factory=Pulled)
    calls: int = 0
    outside: tuple[str, ...] = ()


def pull(config: Config, key: Secret, options: Options, audience: Audience, *, dry_run: bool) -> PulledHome:
    """Bring what changed on the portal into the working tree.

    Raises:
        Refusal: it would write over files with uncommitted changes.
        ContentError: some files could not be written.
    """
    workspace = open_workspace(config, local=options.local)
    home = work_out(workspace, key, options, audience)
    if not dry_run:
        _refuse_to_write_over(workspace, home.pulled)
        home = replace(home, outside=workspace.repository.check_in(home.pulled.files.keys()))
        write(config.root, home.pulled.files)
    return home


def work_out(workspace: Workspace, key: Secret, options: Options, audience: Audience) -> PulledHome:
    """Read the portal, and work out what a pull into this workspace would write; nothing is written.

    Raises:
        Refusal: the portal is not the one that the tree is known to be on.
    """
    config = workspace.config
    with connect(config, key, audience) as connection:
        audience.waits("reading the portal")
        live = read_live(connection).live
        content = with_authors(workspace.content, connection)
        workspace = caught_up(workspace, live)
        addresses = TargetAddresses(config, content.assets)
        rules = rules_of(workspace, addresses, replace(options, paths=()))
        made = make_plan(live, content, workspace.agreements, rules)
        if made.halt and content.articles:
            raise Refusal(made.halt, advice="nothing was written; check --target and `url`")
        made = _without_the_unlisted(made, connection)
        audience.begins("converting", len(made.changes))
        pulled = bring_home(workspace, made, live, addresses, options, audience.steps)
    changes, conflicts = tuple(pulled.changes), (*made.conflicts, *pulled.refused)
    planned = Planned(
        workspace=workspace,
        plan=replace(made, changes=changes, conflicts=conflicts),
        live=live,
        calls=connection.calls,
    )
    return PulledHome(planned=planned, pulled=pulled, calls=connection.calls)


def _without_the_unlisted(plan: Plan, connection: Connection) -> Plan:
    """Hold back each deletion of a file whose item the portal still has when asked for it by its id."""
    asked = [change for change in plan.changes if change.action is Action.DELETE]
    there = still_there(connection, {(change.kind, change.id) for change in asked if change.id is not None})
    held = [change for change in asked if (change.kind, change.id) in there]
    findings = (
        Finding(
            matter=Matter.CONFLICT,
            kind=change.kind,
            path=change.path,
            id=change.id,
            reason="still on the portal, although its list lacked it; pull again",
            content=change.actual,
        )
        for change in held
    )
    changes = tuple(change for change in plan.changes if change not in held)
    return replace(plan, changes=changes, conflicts=(*plan.conflicts, *findings))


def _refuse_to_write_over(workspace: Workspace, pulled: Pulled) -> None:
    uncommitted = set(workspace.repository.uncommitted()) & pulled.files.keys()
    if uncommitted:
        raise Refusal(
            f"a pull would write over changes that are not committed: {', '.join(sorted(uncommitted))}",
            advice="commit or stash them, then pull again",
        )
    known = {folded(path) for path in workspace.files.paths()}
    new = (path for path, text in pulled.files.items() if text is not None and folded(path) not in known)
    unknown = [path for path in new if (workspace.config.root / path).is_file()]
    if unknown:
        raise Refusal(
            f"a pull would write over files that git ignores: {', '.join(sorted(unknown))}",
            advice="move them away, then pull again",
        )
