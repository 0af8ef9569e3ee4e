"""The commands that take over and let go, and the one that says why: adopt, release, explain."""

from collections.abc import Callable

import click

from kbsync.commands.output import ConsoleUi, attended, look, note, say, tell
from kbsync.commands.paths import refuse_unknown, within
from kbsync.commands.remembering import remembering
from kbsync.config import Config, Secret
from kbsync.engine import plan as explaining_journey
from kbsync.engine.adopt import AdoptResult, Named
from kbsync.engine.adopt import adopt as adopt_journey
from kbsync.engine.adopt import release as release_journey
from kbsync.engine.context import Options, PlanResult
from kbsync.errors import UsageError
from kbsync.model import ItemKey, Kind, kind_of
from kbsync.report.explain import explanation_to_json, explanation_to_text
from kbsync.report.json_output import plan_to_json
from kbsync.report.terminal import plan_to_text

OK, FAILED, HELD = 0, 1, 4


def adopt(
    config: Config, key: Secret, words: tuple[str, ...], options: Options, *, form: str, yes: bool, dry_run: bool
) -> int:
    """Take over what is named."""
    named = named_in(config, words)
    asked = _Question("Adopt this", "kbsync adopt from", form=form, yes=yes, dry_run=dry_run)
    with remembering(), ConsoleUi(asked.answer) as onlooker:
        held = adopt_journey(config, key, named, options, onlooker, dry_run=dry_run)
    return _told(held, asked, named, "already managed")


def release(
    config: Config, key: Secret, words: tuple[str, ...], options: Options, *, form: str, yes: bool, dry_run: bool
) -> int:
    """Let go of what is named."""
    named = named_in(config, words)
    asked = _Question("Release this", "kbsync release from", form=form, yes=yes, dry_run=dry_run)
    with remembering(), ConsoleUi(asked.answer) as onlooker:
        held = release_journey(config, key, named, options, onlooker, dry_run=dry_run)
    return _told(held, asked, named, "released already")


def explain(config: Config, key: Secret | None, words: tuple[str, ...], options: Options, *, form: str) -> int:
    """Return why the named items would or would not change."""
    named = named_in(config, words)
    if named.pairs:
        raise UsageError("explain takes a path or an id, not both in one", advice="name the path alone")
    with remembering(), ConsoleUi(lambda _: False) as onlooker:
        explained = explaining_journey.explain(config, key, named.paths, named.keys, options, onlooker)
    if not explained.items:
        refuse_unknown(explained.planned, [path for path in explained.unknown if ":" not in path])
    for name in explained.unknown:
        note(f"{name}: nothing is known of it, on either side")
    if form == "json":
        say(_explained(explained))
    else:
        tell(explanation_to_text(explained.items))
    return OK if explained.items else FAILED


def _explained(explained: explaining_journey.Explanation) -> str:
    planned = explained.planned
    return explanation_to_json(explained.items, target=planned.workspace.config.target, calls=planned.calls)


def named_in(config: Config, words: tuple[str, ...]) -> Named:
    """Make out what is named: `123` and `article:123`, `folder:5`, `category:2` are live ids, `PATH=ID` both in one.

    Raises:
        UsageError: a word is none of these, or names the whole tree.
    """
    keys = [key for word in words if (key := _key(word)) is not None]
    others = [word for word in words if _key(word) is None]
    paired = {}
    for word in others:
        path, mark, number = word.rpartition("=")
        if mark and _key(number) is not None:
            (content_path,) = within(config, (path,)) or ("",)
            paired[content_path] = _key_for(content_path, number)
    plain = [word for word in others if _key(word.rpartition("=")[2]) is None or "=" not in word]
    paths = within(config, plain)
    if plain and not paths:
        raise UsageError("this names the whole tree", advice="name the articles or directories that are meant")
    return Named(paths=paths, keys=tuple(keys), pairs=paired)


def _key(word: str) -> ItemKey | None:
    kind, _, number = word.rpartition(":")
    if not (number.isascii() and number.isdigit()) or kind not in {"", *(kind.value for kind in Kind)}:
        return None
    return ItemKey(Kind(kind) if kind else Kind.ARTICLE, int(number))


def _key_for(path: str, word: str) -> ItemKey:
    """Read the id that a path is said to have; its kind is the path's."""
    found, kind = _key(word), kind_of(path)
    if found is None or (":" in word and found[0] is not kind):
        raise UsageError(f"{path} is no {word.partition(':')[0]}", advice=f"give the id of a {kind}")
    return ItemKey(kind, found.id)


class _Question:
    """The question before anything is written, and what is shown with it."""

    def __init__(self, words: str, heading: str, *, form: str, yes: bool, dry_run: bool) -> None:
        if not yes and not dry_run and not attended():
            raise UsageError("nobody is there to be asked", advice="give --yes to go on without a question")
        self.words = words
        self.heading = heading
        self.form = form
        self.yes = yes
        self.dry_run = dry_run
        self.shown = False

    def answer(self, planned: PlanResult) -> bool:
        if self.form == "text":
            self.show(planned, say)
        return self.yes or click.confirm(f"{self.words}?", err=True)

    def show(self, planned: PlanResult, where: Callable[[str], None]) -> None:
        seen, target = look(), planned.workspace.config.target
        heading = f"{self.heading} {target}" + (", as it would be" if self.dry_run else "")
        where(plan_to_text(planned.plan, heading=heading, colour=seen.colour, width=seen.width))
        self.shown = True


def _told(held: AdoptResult, asked: _Question, named: Named, already: str) -> int:
    plan = held.planned.plan
    if not plan.changes and not plan.conflicts:
        refuse_unknown(held.planned, [*named.paths, *named.pairs])
        note(f"Nothing to do: {already}.")
    if asked.form == "json":
        say(plan_to_json(plan, target=held.planned.workspace.config.target, calls=held.planned.calls))
    elif not asked.shown and (plan.changes or plan.conflicts):
        asked.show(held.planned, say)
    if not held.agreed:
        note("Nothing was written.")
        return FAILED
    if plan.changes and not asked.dry_run:
        note("Commit .kbsync with it: what is agreed on travels with the branch.")
    return HELD if plan.conflicts else OK
