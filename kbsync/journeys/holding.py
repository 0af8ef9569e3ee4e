"""The journeys of adopt and release: what kbsync takes over, and what it lets go.

Both read the portal and write files of the tree alone, for people to commit: the portal is never written here. To adopt
is to have seen what is live; it says no more than that, so that the next plan shows what the file says otherwise.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from kbsync.agreement_files import agreement_to_json, released_name
from kbsync.agreements import Agreement, State
from kbsync.change import Action, Change, Finding
from kbsync.config import Config
from kbsync.content.files import write
from kbsync.content.names import file_name
from kbsync.credentials import Secret
from kbsync.errors import Refusal
from kbsync.journeys.audience import Audience, Options, Planned
from kbsync.journeys.bringing.adopting import Adoption, Named, absent, change_of, lock_paths, refusal
from kbsync.journeys.bringing.home import bring_home
from kbsync.journeys.memory.recording import agree
from kbsync.journeys.planning import connect
from kbsync.journeys.reading import read_live, with_authors
from kbsync.journeys.showing.addressing import TargetAddresses
from kbsync.journeys.workspace import Workspace, caught_up, open_workspace
from kbsync.model import Article, Category, Item, Kind, KnowledgeBase, Side
from kbsync.plan import Plan, make_plan
from kbsync.plan.pairs import Pairs, pair
from kbsync.plan.table import Case
from kbsync.versions import live_digests


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """What was taken over or let go, or would be: the changes of `planned`, the findings that stand in the way.

    `files` are written, None deletes; `agreed` tells whether the audience wanted it.
    """

    planned: Planned
    files: Mapping[str, str | bytes | None]
    agreed: bool = True


def adopt(
    config: Config, key: Secret, named: Named, options: Options, audience: Audience, *, dry_run: bool = False
) -> Held:
    """Take over live items: for one with a file note what is live as seen, for one without bring it into the tree.

    Raises:
        Refusal: it would write over uncommitted changes, or the portal is not the one that the tree is known to be on.
    """
    workspace, live, content, calls = _read(config, key, options, audience)
    adoption = Adoption(workspace, content, live, named)
    made = make_plan(live, adoption.content, adoption.workspace.agreements, adoption.rules(options))
    if made.halt and content.articles:
        raise Refusal(made.halt, advice="nothing was written; check --target and `url`")
    wanted = replace(made, changes=adoption.changes(made))
    audience.begins("converting", len(wanted.changes))
    pulled = bring_home(adoption.workspace, wanted, live, adoption.addresses, Options(), audience.steps)
    changes = tuple(adoption.told(change) for change in pulled.changes)
    files = adoption.files(pulled.files, pulled.changes)
    return _settle(workspace, live, changes, (*adoption.refused, *pulled.refused), files, calls, audience, dry_run)


def release(
    config: Config, key: Secret, named: Named, options: Options, audience: Audience, *, dry_run: bool = False
) -> Held:
    """Let items go: from then on nothing happens with them on either side, whatever becomes of their files.

    Raises:
        Refusal: it would write over uncommitted changes.
    """
    workspace, live, content, calls = _read(config, key, options, audience)
    pairs = pair(content, live, workspace.agreements, TargetAddresses(config, content.assets))
    changes: list[Change] = []
    refused: list[Finding] = []
    files: dict[str, str | bytes | None] = {}
    for case in pairs.cases:
        if not (named.covers(case.path) or (case.id and (case.kind, case.id) in named.keys)):
            continue
        entry = _let_go(case, live, pairs)
        if entry is None:
            refused.append(refusal(case, "not on the portal: set `publish: false`, or delete its file"))
        elif case.agreement is None or case.agreement.state is not State.RELEASED:
            changes.append(
                change_of(Action.FORGET, case, "released: nothing happens with it on either side from now on")
            )
            files |= dict.fromkeys(lock_paths(workspace, {entry.key}))
            files[released_name(config.target, entry.key)] = agreement_to_json(entry)
    refused += absent(named, {*((c.kind, c.id or 0) for c in pairs.cases)})
    return _settle(workspace, live, tuple(changes), refused, files, calls, audience, dry_run)


def _read(
    config: Config, key: Secret, options: Options, audience: Audience
) -> tuple[Workspace, KnowledgeBase, KnowledgeBase, int]:
    workspace = open_workspace(config, local=options.local)
    with connect(config, key, audience) as connection:
        audience.waits("reading the portal")
        live = read_live(connection).live
        content = with_authors(workspace.content, connection)
        return caught_up(workspace, live), live, content, connection.calls


def _settle(
    workspace: Workspace,
    live: KnowledgeBase,
    changes: tuple[Change, ...],
    refused: Sequence[Finding],
    files: Mapping[str, str | bytes | None],
    calls: int,
    audience: Audience,
    dry_run: bool,  # noqa: FBT001
) -> Held:
    """Ask, and write what is to be written."""
    plan = Plan(written=Side.CONTENT, changes=changes, conflicts=tuple(refused), ids={}, targets={}, anchors={})
    held = Held(planned=Planned(workspace=workspace, plan=plan, live=live, calls=calls), files=files)
    if dry_run or not changes:
        return held
    dirty = sorted(workspace.repository.uncommitted() & files.keys())
    if dirty:
        raise Refusal(
            f"this would write over changes that are not committed: {', '.join(dirty)}",
            advice="commit or stash them, then try again",
        )
    if not audience.agrees(held.planned):
        return replace(held, agreed=False)
    workspace.repository.check_in(files.keys())
    write(workspace.config.root, files)
    return held


def _let_go(case: Case, live: KnowledgeBase, pairs: Pairs) -> Agreement | None:
    """Make the lock entry of what is let go; None for what no portal ever had."""
    item, known = case.live, case.agreement
    if item is None:
        return replace(known, state=State.RELEASED, seen=live.seen_at, over="") if known and known.live else None
    if case.content is not None:
        anchors = pairs.links.anchors.get(case.path, frozenset())
        made = agree(case.content, item, seen=live.seen_at, anchors=anchors)
    elif known is not None:
        made = replace(known, live=live_digests(item), seen=live.seen_at, updated_at=item.updated_at or "")
    else:
        path = _path_made_up(item, live)
        made = Agreement(
            kind=item.kind,
            id=item.id or 0,
            path=path,
            parent=None if isinstance(item, Category) else item.parent,
            seen=live.seen_at,
            updated_at=item.updated_at or "",
            live=live_digests(item),
        )
    return replace(made, state=State.RELEASED, source=None, expanded=None, fields={}, was={}, over="")


def _path_made_up(item: Item, live: KnowledgeBase) -> str:
    """Give a path for what has none in the tree: what a pull might call it."""
    if isinstance(item, Article):
        return f"{_place(item.parent, live)}/{file_name(item.title, ())}.md"
    if isinstance(item, Category):
        return file_name(item.name, ())
    return f"{_place(item.parent, live)}/{file_name(item.name, ())}"


def _place(number: int | None, live: KnowledgeBase) -> str:
    by_id = live.by_id()
    above = by_id.get((Kind.FOLDER, number or 0)) or by_id.get((Kind.CATEGORY, number or 0))
    return _path_made_up(above, live) if above else "unknown"
