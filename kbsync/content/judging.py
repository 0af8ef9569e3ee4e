"""What is wrong with names and keys by themselves: what no system or no place of the tree would take."""

from collections.abc import Iterator, Mapping

from kbsync.content.desk import Desk
from kbsync.content.document import Document
from kbsync.content.frame import line_at
from kbsync.content.names import trouble_on_windows
from kbsync.content.selection import INDEX, Role, directories, split_suffix, twins, with_role
from kbsync.content.values import Table
from kbsync.errors import Problem

_FOLDER_KEYS = ("visibility", "companies", "segments")
_TITLE_ADVICE = "write `title:` in the front matter, or begin with a line `# Title`"


def judge_names(roles: Mapping[str, Role]) -> Iterator[Problem]:
    """Find names that another system could not hold, or not beside one another."""
    visible = sorted(path for path, role in roles.items() if role is not Role.NONE)
    for path in with_role(roles, Role.MISNAMED):
        name = path.rpartition("/")[2]
        wanted = INDEX if name.casefold() == INDEX else f"{split_suffix(name)[0]}.md"
        yield _problem(path, 0, "is not read under this name", f"rename it to `{wanted}`")
    for path, first in twins([*sorted(directories(visible)), *visible]):
        what = f"differs from `{first}` only in case: on macOS and Windows they are one"
        yield _problem(path, 0, what, "rename one of the two")
    for path in directories(visible):
        if split_suffix(path.rpartition("/")[2])[1].casefold() == ".md":
            yield _problem(path, 0, "is a directory with the name of an article", "rename it")
    content = [*with_role(roles, Role.ARTICLE), *with_role(roles, Role.INDEX)]
    for path in (*directories(content), *content):
        trouble = trouble_on_windows(path.rpartition("/")[2])
        if trouble:
            yield _problem(path, 0, trouble, "rename it", stops=False)


def _problem(path: str, line: int, what: str, advice: str, *, stops: bool = True) -> Problem:
    return Problem(path=path, line=line, what=what, advice=advice, stops=stops)


def judge_title(desk: Desk, document: Document) -> None:
    """Note a title that is missing or too long."""
    if "title" in document.front.items:
        return
    if document.heading is None:
        empty = not document.text.strip("\ufeff \t\r\n")
        desk.note(1, "is empty" if empty else "has no title", _TITLE_ADVICE)
    elif len(document.heading.title) > 255:
        line = line_at(document.text, document.heading.start)
        what = f"the title has {len(document.heading.title)} characters, more than Freshdesk takes"
        desk.note(line, what, "shorten it to 255")


def judge_index_keys(desk: Desk, front: Table, depth: int) -> None:
    """Note keys that mean nothing for the root, a category or a folder."""
    match depth:
        case 0:
            foreign = tuple(key for key in front.items if key != "defaults")
            where = "the root, where an index file holds `defaults` alone"
        case 1:
            foreign, where = _FOLDER_KEYS, "a category"
        case _:
            foreign, where = ("portals",), "a folder"
    for key in foreign:
        if key in front.items and key not in desk.ignored_keys:
            desk.note(front.keys[key].line, f"`{key}` means nothing for {where}", "take it away")
