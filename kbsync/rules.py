"""The rules of the linter: one code each, never used twice, explained in the reference under the same code.

An error stops a publish of the whole tree, a warning does not; only warnings can be ignored.
"""

from collections.abc import Collection
from dataclasses import dataclass
from difflib import get_close_matches


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule; `summary` is what is wrong, `fixable` says that at least some of its problems have one right answer."""

    code: str
    name: str
    summary: str
    is_error: bool = True
    fixable: bool = False


def _warning(code: str, name: str, summary: str, *, fixable: bool = False) -> Rule:
    return Rule(code, name, summary, is_error=False, fixable=fixable)


_TABLE = (
    Rule("KB101", "config-syntax", "kbsync.toml is not valid TOML, or not UTF-8"),
    Rule("KB102", "config-key", "unknown key in kbsync.toml", fixable=True),
    Rule("KB103", "config-value", "a value in kbsync.toml is not valid"),
    _warning("KB104", "ignore-comment", "an ignore comment names no rule, or a rule that cannot be ignored"),
    Rule("KB110", "front-matter-syntax", "the front matter is not valid YAML"),
    Rule("KB111", "duplicate-key", "a key is given twice"),
    Rule("KB112", "unknown-key", "unknown key in the front matter", fixable=True),
    Rule("KB113", "key-value", "the value of a key is not valid"),
    Rule("KB114", "misplaced-key", "a key has no meaning in this file"),
    Rule("KB115", "contradicting-keys", "two keys contradict or need one another"),
    Rule("KB120", "no-title", "an article has no title"),
    _warning("KB121", "long-title", "a title or name is longer than 255 characters"),
    _warning("KB122", "long-tag", "a tag is longer than 32 characters"),
    _warning("KB123", "list-entry", "an entry of a list is empty or given twice"),
    _warning("KB124", "comment-in-text", "YAML reads the end of a text as a comment"),
    _warning("KB125", "comma-in-keyword", "a keyword has a comma"),
    Rule("KB201", "file-encoding", "a file is not UTF-8 text"),
    Rule("KB202", "merge-conflict", "a file has the markers of an unfinished merge"),
    Rule("KB203", "unreadable-file", "a file or directory cannot be read"),
    Rule("KB204", "symbolic-link", "an entry is a symbolic link"),
    Rule("KB205", "submodule", "a directory is another git repository"),
    Rule("KB206", "special-file", "an entry is not a regular file"),
    Rule("KB210", "file-name-encoding", "a file name is not UTF-8"),
    Rule("KB211", "file-name-double", "two file names differ only in their Unicode normal form"),
    Rule("KB212", "file-name-case", "two file names differ only in case"),
    Rule("KB213", "file-name-form", "a content file has a name that kbsync does not read"),
    Rule("KB214", "directory-name", "a directory has the name of an article"),
    _warning("KB215", "file-name-windows", "Windows does not allow a file name"),
    Rule("KB220", "outside-folder", "an article is not inside a folder"),
    Rule("KB221", "duplicate-id", "two items have the same id"),
    Rule("KB222", "duplicate-name", "two items of one parent have the same name"),
    Rule("KB223", "empty-article", "an article has no text"),
    _warning("KB224", "empty-article-pulled", "an article has no text, on the portal either"),
    Rule("KB230", "include-failed", "a file cannot be included"),
    Rule("KB231", "include-nesting", "files include one another in a circle, or too deeply"),
    Rule("KB232", "include-size", "includes and variables add too much text"),
    Rule("KB233", "include-in-line", "a file of several paragraphs is included within a line"),
    Rule("KB240", "lock-file", "a lock file cannot be read"),
    _warning("KB241", "lock-file-outdated", "two lock files are about the same item"),
    Rule("KB301", "link-target", "the target of a link is not found"),
    Rule("KB302", "link-case", "a link differs from its target only in case", fixable=True),
    Rule("KB303", "link-outside", "a link leads out of the content tree"),
    Rule("KB304", "link-excluded", "the target of a link is not published"),
    _warning("KB305", "link-draft", "a published article links to a draft"),
    _warning("KB306", "link-anchor", "the target of a link has no such heading or anchor"),
    _warning("KB307", "link-root", "the target of an address that begins with / is not found"),
    _warning("KB308", "link-number", "the number of an article is not known in the tree"),
    _warning("KB401", "code-language", "the language of a code block is not understood"),
    _warning("KB402", "other-tool", "a mark of another tool is not understood"),
    _warning("KB403", "component", "JavaScript or a component of another tool is not understood"),
    _warning("KB404", "wiki-link", "a wiki link is not understood"),
    _warning("KB405", "emphasis", "a mark of emphasis is not closed, or not understood"),
    _warning("KB406", "link-syntax", "a link is not understood"),
    _warning("KB407", "link-definition", "a reference has no definition"),
    _warning("KB408", "unknown-element", "text in angle brackets is not an HTML element"),
    _warning("KB409", "attribute-list", "an attribute list in braces is not understood"),
    Rule("KB501", "active-content", "something would run in a reader's browser"),
    Rule("KB502", "api-key", "an API key of the environment is in the content"),
    Rule("KB601", "file-target", "a picture or file is not found"),
    Rule("KB602", "file-case", "the address of a picture or file differs from its name only in case", fixable=True),
    Rule("KB603", "file-address", "a picture or file has no address that readers can see"),
    Rule("KB701", "link-translation", "a link leads to a translation instead of the article"),
)
RULES = {rule.code: rule for rule in _TABLE}


def selector_error(selector: str, *, ignoring: bool) -> tuple[str, str] | None:
    """Return why a code, or the beginning of codes, cannot be selected or ignored, and advice; None where it can."""
    if ignoring and (rule := RULES.get(selector)) is not None and rule.is_error:
        return f"{selector} is an error, and errors cannot be ignored", "fix the problem, or ignore warnings only"
    if selector and any(code.startswith(selector) for code in RULES):
        return None
    near = get_close_matches(selector.upper(), RULES, n=1, cutoff=0.8)
    return f"unknown rule {selector!r}", f"did you mean {near[0]}?" if near else "see the reference of the rules"


def is_selected(code: str, *, select: Collection[str] = (), ignore: Collection[str] = ()) -> bool:
    """Return whether a problem of this rule is shown; errors always are."""
    rule = RULES.get(code)
    if rule is None or rule.is_error:
        return True
    return (not select or code.startswith(tuple(select))) and not code.startswith(tuple(ignore))
