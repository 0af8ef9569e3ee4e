"""The command that copies web edits into the files: pull, into the working tree or onto a branch."""

import os

import click

from kbsync.cli.console import ExitCode, look, print_note, print_result
from kbsync.cli.options import (
    CommandContext,
    cache_in_use,
    command,
    dry_run_option,
    format_option,
    ignore_ids_option,
    local_option,
    paths_argument,
)
from kbsync.cli.paths import check_known, content_paths, paths_to_override
from kbsync.cli.ui import INTERRUPTED_NOTE, ConsoleUi, portal_of, print_notices
from kbsync.config import Config, Secret, key_for
from kbsync.engine import pull as engine
from kbsync.engine.branch import propose
from kbsync.engine.context import Options
from kbsync.errors import UsageError
from kbsync.markup.dom import abbreviate
from kbsync.report.json_output import plan_page, to_json
from kbsync.report.terminal import plan_to_text
from kbsync.report.wording import Frame, next_step_of_pull

_MAX_CLASSES = 12


@command("kbsync pull", "kbsync pull --branch web-edits --commit")
@paths_argument
@format_option("text", "json")
@dry_run_option
@click.option(
    "--ours",
    multiple=True,
    metavar="PATH",
    help="Keep your version of PATH and ignore web edits. Repeatable.",
)
@click.option(
    "--theirs", multiple=True, metavar="PATH", help="Take the portal's version of PATH, discard yours. Repeatable."
)
@click.option("--prune", is_flag=True, help="Delete unchanged files whose articles were deleted on the portal.")
@click.option("--branch", metavar="NAME", help="Commit to this branch, for a pull request; requires --commit.")
@click.option("--commit", is_flag=True, help="Commit to --branch; your files and current branch stay unchanged.")
@click.option("--abort", is_flag=True, help="Restore the files that the last pull changed.")
@local_option
@ignore_ids_option
@click.pass_obj
def pull(
    context: CommandContext,
    *,
    paths: tuple[str, ...],
    output_format: str,
    dry_run: bool,
    ours: tuple[str, ...],
    theirs: tuple[str, ...],
    prune: bool,
    branch: str | None,
    commit: bool,
    abort: bool,
    local: bool,
    ignore_ids: bool,
) -> int:
    """Copy edits made on the portal into your files."""
    if abort:
        if paths or ours or theirs or prune or branch or commit or dry_run:
            raise UsageError("--abort cannot be used with paths or other options", advice="run `kbsync pull --abort`")
        return _abort(context.config())
    _check_branch(branch, commit=commit, dry_run=dry_run)
    config = context.config(ignore_ids=ignore_ids)
    options = Options(
        paths=content_paths(config, paths),
        ours=paths_to_override(config, ours, option="--ours"),
        theirs=paths_to_override(config, theirs, option="--theirs"),
        prune=prune,
        local=local,
    )
    if options.ours & options.theirs:
        both = ", ".join(sorted(options.ours & options.theirs))
        raise UsageError(f"--ours and --theirs both name {both}", advice="give each path to one of them")
    key = key_for(config, os.environ)
    if branch is not None:
        return _pull_onto_branch(config, key, options, output_format, branch)
    return _pull_into_tree(config, key, options, output_format, dry_run=dry_run)


def _check_branch(branch: str | None, *, commit: bool, dry_run: bool) -> None:
    if branch is None and commit:
        raise UsageError("--commit requires a branch", advice="add --branch NAME")
    if branch is not None and not commit:
        raise UsageError("--branch requires --commit", advice="add --commit; your files stay unchanged")
    if branch is not None and dry_run:
        raise UsageError(
            "--dry-run cannot be used with --branch", advice="remove --branch and --commit to see the edits"
        )


def _abort(config: Config) -> int:
    restored = engine.abort(config)
    if restored is None:
        print_note("Nothing to restore: there is no record of a pull in this working tree.")
        return ExitCode.OK
    for path in restored.files:
        print_result(f"restored {path}")
    if not (restored.files or restored.edited or restored.committed):
        print_note("Nothing to restore: the files are the same as before the pull.")
    if restored.committed:
        print_note(f"Not restored because committed since (use `git revert`): {', '.join(restored.committed)}")
    if restored.edited:
        print_note(f"Not restored because edited since: {', '.join(restored.edited)}")
    return ExitCode.HELD if restored.edited else ExitCode.OK


def _pull_into_tree(config: Config, key: Secret, options: Options, output_format: str, *, dry_run: bool) -> int:
    try:
        with cache_in_use(), ConsoleUi() as ui:
            pulled = engine.pull(config, key, options, ui, dry_run=dry_run)
    except KeyboardInterrupt:
        print_note(INTERRUPTED_NOTE)
        return ExitCode.INTERRUPTED
    check_known(pulled.planned, (*options.paths, *options.ours, *options.theirs))
    print_notices(pulled.planned)
    if output_format == "json":
        page = plan_page(pulled.planned.plan, target=config.target, calls=pulled.calls, site=config.readers_url)
        print_result(to_json(page | {"classes_left_out": dict(pulled.pulled.classes.most_common())}))
    else:
        heading = f"kbsync pull from {portal_of(pulled.planned)}" + (" (dry run)" if dry_run else "")
        frame = Frame(site=config.readers_url, next_step=next_step_of_pull(pulled.planned.plan, done=not dry_run))
        print_result(plan_to_text(pulled.planned.plan, heading=heading, frame=frame, done=not dry_run, **look()))
    _print_left_out(pulled)
    if pulled.outside:
        print_note(f"Outside this sparse checkout; add with `git add --sparse`: {', '.join(pulled.outside)}")
    return ExitCode.HELD if pulled.planned.plan.conflicts else ExitCode.OK


def _pull_onto_branch(config: Config, key: Secret, options: Options, output_format: str, branch: str) -> int:
    with cache_in_use(), ConsoleUi() as ui:
        proposed = propose(config, key, options, ui, branch=branch)
    pulled = proposed.result
    check_known(pulled.planned, options.paths)
    if output_format == "json":
        page = plan_page(pulled.planned.plan, target=config.target, calls=pulled.calls, site=config.readers_url)
        page |= {"branch": proposed.branch, "commit": proposed.commit, "pushed": proposed.pushed}
        page |= {"classes_left_out": dict(pulled.pulled.classes.most_common())}
        print_result(to_json(page))
    else:
        heading = f"kbsync pull from {portal_of(pulled.planned)} to the branch {branch}"
        done = proposed.commit is not None
        frame = Frame(site=config.readers_url)
        print_result(plan_to_text(pulled.planned.plan, heading=heading, frame=frame, done=done, **look()))
    _print_left_out(pulled)
    if proposed.commit is None:
        print_note(f"Nothing to commit to {branch}.")
    else:
        where = f"pushed to {config.remote}" if proposed.pushed else "in this clone"
        print_note(f"Committed {proposed.commit[:10]} to {branch}, {where}.")
    return ExitCode.HELD if pulled.planned.plan.conflicts else ExitCode.OK


def _print_left_out(pulled: engine.PullResult) -> None:
    for path, parts in pulled.pulled.dropped.items():
        print_note(f"{path}: removed for safety: {', '.join(parts)}")
    if classes := pulled.pulled.classes:
        named = abbreviate([f"{name} ({count})" for name, count in classes.most_common()], _MAX_CLASSES)
        print_note(f"Classes without a meaning in Freshdesk, left out: {named}")
        print_note("To keep them, set `keep_classes` under [pull] in kbsync.toml.")
