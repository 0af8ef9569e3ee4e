"""The command that looks at files alone: lint."""

from kbsync.commands.output import list_problems, note, say
from kbsync.commands.paths import refuse_absent
from kbsync.commands.remembering import remembering
from kbsync.config import Config
from kbsync.engine.context import files_on_disk, problems_of
from kbsync.errors import Problem
from kbsync.model import is_under
from kbsync.report.json_output import to_json

OK, FAILED = 0, 1


def lint(config: Config, *, paths: tuple[str, ...], form: str) -> int:
    """Print every problem of the tree, or of the named paths."""
    files = files_on_disk(config)
    refuse_absent(config.root, files.paths(), paths)
    with remembering():
        problems = problems_of(config, files)
    found = tuple(problem for problem in problems if not paths or any(is_under(problem.path, path) for path in paths))
    if form == "json":
        say(to_json({"version": 1, "problems": [_page(problem) for problem in found]}))
    else:
        list_problems(found)
        note(f"{len(found)} problem{'s' if len(found) != 1 else ''}." if found else "No problems.")
    return FAILED if found else OK


def _page(problem: Problem) -> dict[str, object]:
    return {"path": problem.path, "line": problem.line, "what": problem.message, "advice": problem.advice}
