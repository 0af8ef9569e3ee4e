"""The commands about files: lint checks them, render shows one in its other form."""

import os
import sys
from pathlib import Path

import click

from kbsync.cli.console import ExitCode, print_commands, print_note, print_problems, print_result
from kbsync.cli.options import CommandContext, cache_in_use, command, format_option, ignore_ids_option, paths_argument
from kbsync.cli.paths import check_on_disk, content_paths
from kbsync.config import key_for
from kbsync.content.document import decode_source, parse_document
from kbsync.engine.context import files_on_disk, problems_of
from kbsync.errors import UsageError
from kbsync.markup.options import MarkupOptions
from kbsync.markup.placeholders import may_have_placeholders
from kbsync.markup.raw_html import without_comments
from kbsync.markup.to_html import to_html
from kbsync.markup.to_markdown import MarkdownResult, to_markdown
from kbsync.model import is_under
from kbsync.report.json_output import problems_to_github, problems_to_json
from kbsync.rules import is_selected, selector_error

_STDIN = "-"


@command("kbsync lint", "kbsync lint help/accounts --format json")
@paths_argument
@format_option("text", "json", "github")
@click.option("--select", multiple=True, metavar="CODES", help="Show only these warnings, such as KB3 or KB121,KB122.")
@click.option("--ignore", multiple=True, metavar="CODES", help="Leave these warnings out. Errors are always shown.")
@ignore_ids_option
@click.pass_obj
def lint(
    context: CommandContext,
    *,
    paths: tuple[str, ...],
    output_format: str,
    select: tuple[str, ...],
    ignore: tuple[str, ...],
    ignore_ids: bool,
) -> int:
    """Check the content for problems and list all of them. Needs no network and no API key."""
    selected, ignored = _selectors(select, ignoring=False), _selectors(ignore, ignoring=True)
    config = context.config(ignore_ids=ignore_ids)
    asked = content_paths(config, paths)
    files = files_on_disk(config)
    check_on_disk(config.root, files.paths(), asked)
    with cache_in_use():
        problems = problems_of(config, files, asked)
    found = tuple(
        problem
        for problem in problems
        if is_selected(problem.code, select=selected, ignore=ignored)
        and (not asked or any(is_under(problem.path, path) for path in asked))
    )
    match output_format:
        case "json":
            print_result(problems_to_json(found))
        case "github" if found:
            print_commands(problems_to_github(found, prefix=_prefix(config.root)))
        case "text":
            print_problems(found)
    return ExitCode.FAILED if any(problem.is_error for problem in found) else ExitCode.OK


def _selectors(given: tuple[str, ...], *, ignoring: bool) -> tuple[str, ...]:
    selectors = tuple(code.strip() for codes in given for code in codes.split(","))
    if error := next(filter(None, (selector_error(code, ignoring=ignoring) for code in selectors)), None):
        raise UsageError(error[0], advice=error[1])
    return selectors


def _prefix(root: Path) -> str:
    """Return the way from the checkout, which is the current directory outside of GitHub's runners, to the root."""
    checkout = Path(os.environ.get("GITHUB_WORKSPACE") or Path.cwd()).resolve()
    is_below = root.is_relative_to(checkout) and root != checkout
    return f"{root.relative_to(checkout).as_posix()}/" if is_below else ""


@command("kbsync render help/accounts/reset-your-password.md", "kbsync render --back 152000012345")
@click.argument("named", metavar="FILE")
@click.option(
    "--back",
    envvar="KBSYNC_BACK",
    is_flag=True,
    help="Show the Markdown of an HTML file or a live article (its id or URL) instead.",
)
@click.pass_obj
def render(context: CommandContext, *, named: str, back: bool) -> int:
    """Show the HTML of an article. Use - as FILE to read standard input."""
    if not back:
        print_result(_html(context, named).rstrip("\n"))
        return ExitCode.OK
    pulled = _markdown(context, named)
    print_result(pulled.text.rstrip("\n"))
    if pulled.dropped:
        print_note(f"Removed for safety: {', '.join(pulled.dropped)}")
    return ExitCode.OK


def _html(context: CommandContext, named: str) -> str:
    """Return the HTML of a file as it would be sent; outside a tree its addresses stay as they are written."""
    from kbsync.engine.show import article_html, resolved_body

    text = _read(named, "an article's file, relative to the current directory")
    config = None if named == _STDIN else context.config_for(Path(named).resolve())
    body = parse_document(text, named).body
    if config is not None:
        (path,) = content_paths(config, [named]) or ("",)
        with cache_in_use():
            html = article_html(config, path)
        if html is not None:
            return html
        if may_have_placeholders(body):
            body = resolved_body(config, path) or body
    return without_comments(to_html(body, options=MarkupOptions()))


def _markdown(context: CommandContext, named: str) -> MarkdownResult:
    may_be_live = named.isdigit() or "://" in named
    if named == _STDIN or Path(named).exists() or not may_be_live:
        return to_markdown(_read(named, "an HTML file, or the id or URL of an article").removeprefix("\ufeff"))
    from kbsync.engine.show import live_markdown

    config = context.config()
    return live_markdown(config, key_for(config, os.environ), named)


def _read(named: str, expected: str) -> str:
    if named == _STDIN:
        stream = getattr(sys.stdin, "buffer", None)
        return decode_source(stream.read(), "standard input") if stream else sys.stdin.read()
    try:
        return decode_source(Path(named).read_bytes(), named)
    except OSError as error:
        raise UsageError(f"{named} cannot be read: {error.strerror}", advice=f"give {expected}") from error
