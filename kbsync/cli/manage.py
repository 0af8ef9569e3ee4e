"""The commands about single items: adopt, release, and explain, which says what a publish would do with them."""

import os

import click

from kbsync.cli.console import ExitCode, print_note, print_prose, print_result, require_terminal
from kbsync.cli.options import (
    CommandContext,
    cache_in_use,
    command,
    dry_run_option,
    format_option,
    ignore_ids_option,
    local_option,
    no_refresh_option,
    yes_option,
)
from kbsync.cli.paths import check_known, content_paths
from kbsync.cli.ui import ConsoleUi, Question, format_for_people
from kbsync.config import Config, key_for
from kbsync.engine import adopt as engine
from kbsync.engine.context import Options, PlanResult
from kbsync.engine.plan import explain as explain_items
from kbsync.errors import UsageError
from kbsync.model import ItemKey, Kind, kind_of
from kbsync.report.explain import explanation_to_json, explanation_to_text
from kbsync.report.json_output import plan_page, to_json

_items_argument = click.argument("items", nargs=-1, required=True, metavar="PATH|ID...")


@command("kbsync adopt help/accounts", "kbsync adopt help/accounts/reset-your-password.md=84000123456")
@_items_argument
@format_option("text", "json")
@dry_run_option
@yes_option
@local_option
@ignore_ids_option
@click.pass_obj
def adopt(
    context: CommandContext,
    *,
    items: tuple[str, ...],
    output_format: str,
    dry_run: bool,
    yes: bool,
    local: bool,
    ignore_ids: bool,
) -> int:
    """Start managing articles that already exist on the portal.

    Give a PATH whose articles have the same titles on the portal, PATH=ID for a file whose article has another title,
    or an ID to copy an article into the content tree.
    """
    config = context.config(ignore_ids=ignore_ids)
    key, named = key_for(config, os.environ), named_items(config, items)
    run = _ManageRun("adopt", output_format, yes=yes, dry_run=dry_run)
    with cache_in_use(), ConsoleUi(run.question) as ui:
        result = engine.adopt(config, key, named, Options(local=local), ui, dry_run=dry_run)
    return run.report(result, named, nothing="already managed")


@command("kbsync release help/accounts/reset-your-password.md", "kbsync release help/accounts --dry-run")
@_items_argument
@format_option("text", "json")
@dry_run_option
@yes_option
@local_option
@ignore_ids_option
@click.pass_obj
def release(
    context: CommandContext,
    *,
    items: tuple[str, ...],
    output_format: str,
    dry_run: bool,
    yes: bool,
    local: bool,
    ignore_ids: bool,
) -> int:
    """Stop managing articles. The files and the portal stay unchanged."""
    config = context.config(ignore_ids=ignore_ids)
    key, named = key_for(config, os.environ), named_items(config, items)
    run = _ManageRun("release", output_format, yes=yes, dry_run=dry_run)
    with cache_in_use(), ConsoleUi(run.question) as ui:
        result = engine.release(config, key, named, Options(local=local), ui, dry_run=dry_run)
    return run.report(result, named, nothing="already released")


@command("kbsync explain help/accounts/reset-your-password.md", "kbsync explain 84000123456 --no-refresh")
@_items_argument
@format_option("text", "json")
@no_refresh_option
@local_option
@ignore_ids_option
@click.pass_obj
def explain(
    context: CommandContext,
    *,
    items: tuple[str, ...],
    output_format: str,
    no_refresh: bool,
    local: bool,
    ignore_ids: bool,
) -> int:
    """Explain why an article, folder or category would or would not change. Writes nothing."""
    config = context.config(ignore_ids=ignore_ids)
    key = None if no_refresh else key_for(config, os.environ)
    named = named_items(config, items)
    if named.pairs:
        raise UsageError("explain does not take PATH=ID", advice="give the path or the id")
    with cache_in_use(), ConsoleUi() as ui:
        explained = explain_items(config, key, named.paths, named.keys, Options(local=local), ui)
    if not explained.items:
        check_known(explained.planned, [path for path in explained.unknown if ":" not in path])
    for name in explained.unknown:
        print_note(f"{name}: not found in the content or on the portal")
    if output_format == "json":
        print_result(explanation_to_json(explained.items, target=config.target, calls=explained.planned.calls))
    else:
        print_prose(explanation_to_text(explained.items))
    return ExitCode.OK if explained.items else ExitCode.FAILED


def named_items(config: Config, words: tuple[str, ...]) -> engine.Named:
    """Read live ids (`123`, `article:123`, `folder:5`, `category:2`), paths and `PATH=ID`, or raise UsageError."""
    keys, pairs, plain = list[ItemKey](), dict[str, ItemKey](), list[str]()
    for word in words:
        path, mark, number = word.rpartition("=")
        if (key := _key(word)) is not None:
            keys.append(key)
        elif mark and _key(number) is not None:
            (content_path,) = content_paths(config, (path,)) or ("",)
            pairs[content_path] = _key_for(content_path, number)
        else:
            plain.append(word)
    paths = content_paths(config, plain)
    if plain and not paths:
        raise UsageError("this command does not take the whole tree", advice="give single articles or directories")
    return engine.Named(paths=paths, keys=tuple(keys), pairs=pairs)


def _key(word: str) -> ItemKey | None:
    kind, _, number = word.rpartition(":")
    if not (number.isascii() and number.isdigit()) or kind not in {"", *(kind.value for kind in Kind)}:
        return None
    return ItemKey(Kind(kind) if kind else Kind.ARTICLE, int(number))


def _key_for(path: str, word: str) -> ItemKey:
    """Read the id given for a path, of the path's kind."""
    found, kind = _key(word), kind_of(path)
    if found is None or (":" in word and found.kind is not kind):
        raise UsageError(f"{path} is not a {word.partition(':')[0]}", advice=f"give the id of a {kind}")
    return ItemKey(kind, found.id)


class _ManageRun:
    """What an adopt or a release prints before its question and at its end."""

    def __init__(self, verb: str, output_format: str, *, yes: bool, dry_run: bool) -> None:
        if not yes and not dry_run:
            require_terminal(verb)
        self.question = Question(self._show, lambda _: f"{verb.capitalize()} these items?", yes=yes)
        self._verb = verb
        self._format = output_format
        self._dry_run = dry_run

    def _show(self, planned: PlanResult) -> None:
        if self._format == "text":
            self._print_plan(planned)

    def _print_plan(self, planned: PlanResult) -> None:
        suffix = " (dry run)" if self._dry_run else ""
        heading = f"kbsync {self._verb} from {planned.workspace.config.target}{suffix}"
        print_result(format_for_people(planned.plan, heading))

    def report(self, result: engine.AdoptResult, named: engine.Named, *, nothing: str) -> int:
        """Print what became of it, and return the exit code; `nothing` says why there was nothing to do."""
        planned, plan = result.planned, result.planned.plan
        if not plan.changes and not plan.conflicts:
            check_known(planned, [*named.paths, *named.pairs])
            print_note(f"Nothing to do: {nothing}.")
        if self._format == "json":
            print_result(to_json(plan_page(plan, target=planned.workspace.config.target, calls=planned.calls)))
        elif not self.question.asked and (plan.changes or plan.conflicts):
            self._print_plan(planned)
        if not result.agreed:
            print_note("Nothing was written.")
            return ExitCode.FAILED
        if plan.changes and not self._dry_run:
            print_note("Commit the changes, including the lock files in .kbsync.")
        return ExitCode.HELD if plan.conflicts else ExitCode.OK
