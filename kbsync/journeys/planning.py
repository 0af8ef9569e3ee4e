"""The journey of a plan: both sides read, what is remembered brought to them, and nothing written."""

from kbsync.config import Config
from kbsync.credentials import Secret
from kbsync.freshdesk.client import Connection
from kbsync.freshdesk.pace import Pacer
from kbsync.journeys.audience import Audience, Options, Planned
from kbsync.journeys.carrying.moving import with_pointers
from kbsync.journeys.guarding.recovering import with_doubts
from kbsync.journeys.reading import read_live, remembered, with_authors, without_authors
from kbsync.journeys.showing.addressing import TargetAddresses
from kbsync.journeys.showing.contesting import with_both_sides
from kbsync.journeys.showing.foreseeing import foreseen
from kbsync.journeys.showing.renewing import renewed
from kbsync.journeys.workspace import Workspace, caught_up, open_workspace
from kbsync.model import KnowledgeBase, Side
from kbsync.plan import Plan, Rules, make_plan


def plan(config: Config, key: Secret | None, options: Options, audience: Audience) -> Planned:
    """Plan a publish of the working tree; without a key, against the ledger alone. Nothing is written."""
    workspace = open_workspace(config, local=options.local)
    uncommitted = tuple(sorted(workspace.repository.uncommitted() - options.aside))
    if key is None:
        workspace = caught_up(workspace, KnowledgeBase(side=Side.LIVE))
        live = remembered(workspace.agreements)
        made = plan_toward_live(workspace, without_authors(workspace.content), live, options)
        return Planned(workspace=workspace, plan=made, live=live, calls=0, uncommitted=uncommitted)
    with connect(config, key, audience) as connection:
        audience.waits("reading the portal")
        reading = read_live(connection)
        content = with_authors(workspace.content, connection)
        workspace = caught_up(workspace, reading.live)
        made = plan_toward_live(workspace, content, reading.live, options)
        return Planned(
            workspace=workspace, plan=made, live=reading.live, calls=connection.calls, uncommitted=uncommitted
        )


def status(config: Config, key: Secret, options: Options, audience: Audience) -> Planned:
    """Compare both sides as a plan does, less what is for reading closely: links, diffs, what an update keeps."""
    workspace = open_workspace(config, local=options.local, checked=False)
    with connect(config, key, audience) as connection:
        audience.waits("reading the portal")
        reading = read_live(connection)
        content = with_authors(workspace.content, connection)
        workspace = caught_up(workspace, reading.live)
        made = _compared(workspace, content, reading.live, options)
        return Planned(workspace=workspace, plan=made, live=reading.live, calls=connection.calls)


def connect(config: Config, key: Secret, audience: Audience) -> Connection:
    """Open the portal of a target, at its share of the account's calls."""
    return Connection(config.url, key.reveal(), pace=Pacer(config.share), tell=audience.waits)


def rules_of(workspace: Workspace, addresses: TargetAddresses, options: Options) -> Rules:
    """Say what a target's settings and one run's flags mean for the comparison."""
    config = workspace.config
    return Rules(
        addresses=addresses,
        removed=config.removed,
        moved=config.moved,
        touched=config.touched,
        new=config.new,
        archive_share=config.archive_share,
        archive_number=config.archive_number,
        overwrite=options.overwrite,
        ours=options.ours,
        theirs=options.theirs,
        prune=options.prune,
        paths=options.paths,
    )


def plan_toward_live(workspace: Workspace, content: KnowledgeBase, live: KnowledgeBase, options: Options) -> Plan:
    """Compare a tree with what was read of the portal, toward a publish, and say more of it to whoever reads it."""
    addresses = TargetAddresses(workspace.config, content.assets)
    made = _compared(workspace, content, live, options)
    if options.rerender:
        rules = rules_of(workspace, addresses, options)
        made = renewed(made, (content, live), workspace.agreements, rules, addresses)
        return with_both_sides(made, workspace.agreements, addresses)
    made = with_both_sides(made, workspace.agreements, addresses)
    return foreseen(made, workspace.agreements, addresses) if workspace.config.style == "keep" else made


def _compared(workspace: Workspace, content: KnowledgeBase, live: KnowledgeBase, options: Options) -> Plan:
    addresses = TargetAddresses(workspace.config, content.assets)
    made = make_plan(content, live, workspace.agreements, rules_of(workspace, addresses, options))
    made = with_pointers(made, workspace.agreements, addresses)
    return with_doubts(made, workspace.recovered.doubts)
