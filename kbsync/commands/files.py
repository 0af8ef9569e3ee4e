"""The commands that look at files alone: lint and render."""

import json
from pathlib import Path

from kbsync.commands.output import list_problems, note, say
from kbsync.config import Config
from kbsync.content.document import parse
from kbsync.content.files import WorkingTree
from kbsync.errors import ContentError, Problem, UsageError
from kbsync.journeys.workspace import problems_of
from kbsync.markup.to_html import to_html

OK, FAILED = 0, 1


def lint(config: Config, *, paths: tuple[str, ...], form: str) -> int:
    """Print every problem of the tree, or of the named paths."""
    found = tuple(
        problem
        for problem in problems_of(config, WorkingTree(config.root))
        if not paths or any(problem.path == path or problem.path.startswith(f"{path}/") for path in paths)
    )
    if form == "json":
        say(json.dumps({"version": 1, "problems": [_page(problem) for problem in found]}, ensure_ascii=False, indent=2))
    else:
        list_problems(found)
        note(f"{len(found)} problem{'s' if len(found) != 1 else ''}." if found else "No problems.")
    return FAILED if found else OK


def _page(problem: Problem) -> dict[str, object]:
    return {"path": problem.path, "line": problem.line, "what": problem.what, "advice": problem.advice}


def render(file: Path) -> int:
    """Print the HTML of one file, its relative addresses as they are written."""
    try:
        text = file.read_bytes().decode("utf-8")
    except OSError as error:
        raise UsageError(f"{file} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        problem = Problem(path=str(file), what="not UTF-8", advice="save it as UTF-8")
        raise ContentError((problem,)) from error
    say(to_html(parse(text, str(file)).body).rstrip("\n"))
    return OK
