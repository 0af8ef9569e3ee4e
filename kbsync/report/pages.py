"""A plan, or the problems of a tree, as Markdown for a comment on a pull request, and as a page of HTML."""

import html
import re
from collections.abc import Callable, Iterator, Sequence
from itertools import count, groupby

from kbsync.change import Change, Finding, FindingKind
from kbsync.errors import ContentError, KbsyncError, Problem
from kbsync.markup.dom import Element, Node, element, parse, serialize
from kbsync.planner.planner import Plan
from kbsync.report.wording import (
    DOCS,
    SIGNS,
    Frame,
    Row,
    Section,
    both_sides,
    changed_words,
    clause,
    counts_text,
    diff,
    diff_pieces,
    one_line,
    refusal_text,
    rows,
    sections,
    sentence,
    shortened,
    title_of,
    unmanaged_text,
    url_of,
    visible,
)

_PLAIN = Frame()
_COMMAND_OR_PAGE = re.compile(rf"(kbsync [^;]+|{re.escape(DOCS)}\S+)")
_ADDRESS = re.compile(r"((?:\w+://|www\.|[^\s`|@(]+@[\w-]+\.)[^\s`|]*[^\s`|.,;:!?)\]>'\"*_~])")
Bodies = Callable[[Change], tuple[str, str]]
"""The HTML that readers see before and after a change, sanitised."""

_MAX_COMMENT = 60_000
"""Characters of a page of Markdown; GitHub takes 65,536 in a comment."""

_MAX_CONFLICTS = 10
"""Conflicts of which a pull request's comment shows what both sides did; it has only so much space."""


def plan_to_markdown(plan: Plan, *, heading: str, frame: Frame = _PLAIN) -> str:
    """Write a plan as GitHub-flavoured Markdown, each article's diff folded away."""
    lines = [f"### {escape_markdown(heading)}", ""]
    lines += [f"> {escape_markdown(frame.base)}", ""] if frame.base else []
    lines.append(" ".join(filter(None, (sentence(counts_text(plan)), _code_in_markdown(frame.next_step)))))
    if refusal_text(plan):
        lines += ["", f"> [!CAUTION]\n> Refused: {escape_markdown(refusal_text(plan))}"]
    if plan.changes:
        lines += ["", "| action | item | change |", "| --- | --- | --- |"]
        lines += [
            f"| {row.action.value} | {_linked(row.path, row.change, frame.site)} {escape_markdown(_named(row.change))} "
            f"| {escape_markdown(row.note)} |"
            for row in rows(plan)
        ]
    for section in sections(plan):
        lines += _markdown_findings(section, frame.site)
    lines += _markdown_problems(plan.problems)
    return "\n".join([*lines, *_markdown_diffs(plan.changes, space=_MAX_COMMENT - sum(map(len, lines)))])


def error_page(error: KbsyncError, output_format: str) -> str:
    """Write an error in place of the result that it prevents, as a page of HTML or as Markdown."""
    return error_to_html(error) if output_format == "html" else error_to_markdown(error)


def error_to_markdown(error: KbsyncError) -> str:
    """Write what prevents a result, the problems of the content each in a row."""
    advice = [escape_markdown(error.advice)] if error.advice else []
    problems = error.problems if isinstance(error, ContentError) else ()
    return "\n".join([f"### {escape_markdown(sentence(error.what))}", "", *advice, *_markdown_problems(problems)])


def _markdown_problems(problems: Sequence[Problem]) -> Iterator[str]:
    if problems:
        yield from ("", "| | where | problem |", "| --- | --- | --- |")
    for problem in problems:
        severity, where, what = _described(problem)
        yield f"| {severity} | {code_span(where)} | {escape_markdown(what)} |"


def _described(problem: Problem) -> tuple[str, str, str]:
    """Return the severity and the rule of a problem, its place, and what is wrong."""
    severity = "error" if problem.is_error else "warning"
    where = f"{problem.path}:{problem.line}:{problem.column}" if problem.line else problem.path
    advice = f" ({problem.advice})" if problem.advice else ""
    return f"{severity} {problem.code}".rstrip(), where, f"{problem.message}{advice}"


def _named(change: Change | None) -> str:
    name = title_of(change.desired or change.actual) if change else ""
    return f"“{name}”" if name else ""


def _linked(path: str, step: Change | Finding | None, site: str) -> str:
    url = url_of(step, site) if step else ""
    return f"[{code_span(path)}]({url})" if url else code_span(path)


def _code_in_markdown(step: str) -> str:
    """Write the next step with its commands as code, and a page of the documentation as a link."""
    pieces = _COMMAND_OR_PAGE.split(step)
    return "".join(
        (code_span(piece) if piece.startswith("kbsync") else f"<{piece}>") if number % 2 else escape_markdown(piece)
        for number, piece in enumerate(pieces)
    )


def _markdown_findings(section: Section, site: str) -> Iterator[str]:
    if not section.findings:
        return
    if section.finding_kind is FindingKind.UNMANAGED:
        yield from ("", re.sub(r"\\`(kbsync [^`]*)\\`", r"`\1`", escape_markdown(unmanaged_text(section))))
        return
    yield from ("", f"**{section.heading}**", "")
    for finding in section.findings:
        yield f"- {_linked(finding.path, finding, site)}: {escape_markdown(clause(finding))}"
    for finding in section.findings[:_MAX_CONFLICTS]:
        for side, lines in both_sides(finding):
            yield from _folded_away(f"<code>{html.escape(one_line(finding.path))}</code> {side}", shortened(lines))


def _markdown_diffs(changes: Sequence[Change], *, space: int) -> Iterator[str]:
    """Return as many whole diffs as there is space for, and count the others."""
    found = [(f"<code>{html.escape(one_line(change.path))}</code>", diff(change)) for change in changes]
    shown = [list(_folded_away(heading, shortened(lines))) for heading, lines in found if lines]
    for number, lines in enumerate(shown):
        space -= sum(len(line) + 1 for line in lines)
        if space < 0:
            yield from ("", f"{len(shown) - number} more diffs: run `kbsync plan`.")
            return
        yield from lines


def _folded_away(heading: str, lines: Sequence[str]) -> Iterator[str]:
    """Return the lines of a diff in a fence that none of them can close, below a heading that opens it."""
    if not lines:
        return
    fence = code_fence(lines)
    yield from ("", f"<details><summary>{heading}</summary>", "", f"{fence}diff")
    yield from lines
    yield from (fence, "", "</details>")


def code_fence(lines: Sequence[str]) -> str:
    """Return a fence that none of the lines can close."""
    return "`" * max(3, 1 + max((len(found) for line in lines for found in re.findall(r"`+", line)), default=0))


def escape_markdown(text: str) -> str:
    """Escape what Markdown, a table cell or GitHub would interpret in text from outside.

    An address is code, so that it can be copied and is no link. A backslash does not stop GitHub from mentioning a
    person or linking an issue, which it looks for in the rendered text; an invisible space does.
    """
    pieces = _ADDRESS.split(one_line(text))
    return "".join(code_span(piece) if number % 2 else _escaped(piece) for number, piece in enumerate(pieces))


def _escaped(text: str) -> str:
    found = html.escape(text, quote=False)
    found = re.sub(r"([\\|`*_\[\]~$])", r"\\\1", found)
    return re.sub(r"[@#]|:(?=//)|www(?=\.)", r"\g<0>&#8203;", found)


def code_span(text: str) -> str:
    """Write text from outside as code in a line or a table cell."""
    content = one_line(text).replace("|", "\\|")
    fence = "`" * (max((len(found) for found in re.findall(r"`+", content)), default=0) + 1)
    pad = " " if "`" in content else ""
    return f"{fence}{pad}{content}{pad}{fence}"


_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy"
  content="default-src 'none'; style-src 'unsafe-inline'; img-src https: data:">
<meta name="referrer" content="no-referrer">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
:root {{ color-scheme: light dark; --line: color-mix(in srgb, currentColor 20%, transparent);
  --add: light-dark(#d2f4d9, #14532d); --cut: light-dark(#ffd9d6, #6e1a17); --soft: light-dark(#f6f7f9, #1c2128); }}
* {{ box-sizing: border-box; overflow-wrap: anywhere; }}
body {{ font: 16px/1.5 system-ui, sans-serif; max-width: 96rem; margin: 0 auto; padding: 1rem; }}
h1 {{ font-size: 1.4rem; }} h2 {{ font-size: 1.1rem; margin: 0; }} .why {{ opacity: .8; margin: .25rem 0 .75rem; }}
code, pre {{ font: .9em/1.45 ui-monospace, monospace; }} pre {{ margin: 0; padding: .75rem; white-space: pre-wrap; }}
nav, section {{ border: 1px solid var(--line); border-radius: .5rem; margin: 1rem 0; padding: .75rem 1rem; }}
nav ol {{ margin: .5rem 0 0; padding-left: 2.5rem; max-height: 20rem; overflow: auto; }}
.base, .refused {{ font-weight: 600; }} .refused {{ color: light-dark(#a32116, #ff9d94); }}
.sides {{ display: grid; gap: .75rem; grid-template-columns: repeat(auto-fit, minmax(min(100%, 22rem), 1fr)); }}
.side {{ border: 1px solid var(--line); border-radius: .4rem; min-width: 0; overflow: hidden; }}
.side > h3 {{ font-size: .8rem; margin: 0; padding: .3rem .75rem; background: var(--soft); }}
.shown {{ contain: content; padding: .75rem; max-height: 40rem; overflow: auto; }}
.shown > :first-child {{ margin-top: 0; }} .shown > :last-child {{ margin-bottom: 0; }}
.shown img {{ max-width: 100%; height: auto; }} .shown table {{ border-collapse: collapse; }}
.shown :is(td, th) {{ border: 1px solid var(--line); padding: .2rem .4rem; }} .shown pre {{ background: var(--soft); }}
.shown .fd-callout {{ font: inherit; border-left: .25rem solid var(--line); }}
:is(ins, del) {{ color: inherit; border-radius: .15rem; }} ins {{ background: var(--add); }}
del {{ background: var(--cut); }} pre :is(ins, del) {{ text-decoration: none; }} pre b {{ text-decoration: underline; }}
</style>
</head>
<body>
<h1>{title}</h1>
{body}
</body>
</html>"""
_MAX_PAGE = 4_000_000
"""Characters of before and after on one page; beyond, a change shows its source difference alone."""

_WORD = re.compile(r"\s+|\w+|[^\w\s]")


def plan_to_html(plan: Plan, *, heading: str, frame: Frame = _PLAIN, bodies: Bodies | None = None) -> str:
    """Write a plan as one page that needs nothing else; with `bodies`, what readers see before and after each change.

    Nothing from outside reaches it unescaped, but for these bodies, which are sanitised.
    """
    parts = [f'<p class="base">{_text(frame.base)}</p>'] if frame.base else []
    parts.append(f"<p>{_text(sentence(counts_text(plan)))}</p>")
    if refusal_text(plan):
        parts.append(f'<p class="refused">Refused: {_text(refusal_text(plan))}</p>')
    parts += [f"<p>{_with_page(frame.next_step)}</p>"] if frame.next_step else []
    listed = rows(plan)
    if listed:
        entries = (
            f'<li><a href="#change-{number}">{row.action.value} {_text(row.path)}</a></li>'
            for number, row in enumerate(listed, 1)
        )
        parts += ['<nav aria-labelledby="contents"><h2 id="contents">Contents</h2><ol>', *entries, "</ol></nav>"]
    space = _MAX_PAGE
    for number, row in enumerate(listed, 1):
        shown = _html_bodies(row.change, bodies) if row.change and bodies and space > 0 else []
        space -= sum(map(len, shown))
        parts.append(_html_row(row, number, shown, frame.site))
    parts += [_html_section(section, frame.site) for section in sections(plan) if section.findings]
    parts.append(_html_problems(plan.problems))
    return _PAGE.format(title=_text(one_line(heading)), body="\n".join(parts))


def error_to_html(error: KbsyncError) -> str:
    """Write what prevents a result as a page, the problems of the content each in a line."""
    problems = error.problems if isinstance(error, ContentError) else ()
    body = f"<p>{_text(error.advice)}</p>{_html_problems(problems)}"
    return _PAGE.format(title=_text(sentence(error.what)), body=body)


def _html_problems(problems: Sequence[Problem]) -> str:
    entries = (
        f"<li>{severity} <code>{_text(where)}</code> {_text(what)}</li>"
        for severity, where, what in map(_described, problems)
    )
    return f"<section><h2>Problems</h2><ul>{''.join(entries)}</ul></section>" if problems else ""


def _with_page(step: str) -> str:
    return re.sub(rf"{re.escape(DOCS)}\S+", r'<a href="\g<0>" rel="noreferrer">\g<0></a>', _text(step))


def _html_row(row: Row, number: int, shown: Sequence[str], site: str) -> str:
    name = (
        f"{SIGNS[row.action]} {row.action.value} {_html_path(row.path, row.change, site)} {_text(_named(row.change))}"
    )
    lines = shortened(diff(row.change)) if row.change else ()
    sides = [*shown, *([_side("Source", f"<pre>{_html_lines(lines)}</pre>")] if lines else [])]
    why = f'<p class="why">{_text(row.note)}</p>' if row.note else ""
    compared = f'<div class="sides">{"".join(sides)}</div>' if sides else ""
    return f'<section id="change-{number}"><h2>{name}</h2>{why}{compared}</section>'


def _html_path(path: str, step: Change | Finding | None, site: str) -> str:
    name = f"<code>{_text(one_line(path))}</code>"
    url = url_of(step, site) if step else ""
    return f'<a href="{html.escape(url)}" rel="noreferrer">{name}</a>' if url else name


def _side(heading: str, content: str) -> str:
    return f'<div class="side"><h3>{heading}</h3>{content}</div>'


def _html_bodies(change: Change, bodies: Bodies) -> list[str]:
    """Return what readers see before and after a change, with the words marked that differ."""
    before, after = (parse(found).nodes for found in bodies(change))
    mine, theirs = _words(before), _words(after)
    cut, added = changed_words(mine, theirs) if mine and theirs else (frozenset[int](), frozenset[int]())
    shown = (("Before", before, cut, "del"), ("After", after, added, "ins"))
    return [
        _side(heading, f'<div class="shown" tabindex="0">{serialize(_marked(nodes, changed, tag, count()))}</div>')
        for heading, nodes, changed, tag in shown
        if nodes
    ]


def _words(nodes: Sequence[Node]) -> list[str]:
    found: list[str] = []
    for node in nodes:
        found += _WORD.findall(node) if isinstance(node, str) else _words(node.children)
    return [word for word in found if not word.isspace()]


def _marked(nodes: Sequence[Node], changed: frozenset[int], tag: str, places: Iterator[int]) -> tuple[Node, ...]:
    """Return nodes with the words at some places marked, and without what could reach the page around them."""
    found: list[Node] = []
    for node in nodes:
        if isinstance(node, Element):
            found.append(_contained(node, _marked(node.children, changed, tag, places)))
            continue
        words = [(word, not word.isspace() and next(places) in changed) for word in _WORD.findall(node)]
        # A space between two marked words is marked with them.
        spaced = [
            (word, marked or (word.isspace() and 0 < at < len(words) - 1 and words[at - 1][1] and words[at + 1][1]))
            for at, (word, marked) in enumerate(words)
        ]
        for marked, run in groupby(spaced, key=lambda pair: pair[1]):
            text = "".join(word for word, _ in run)
            found.append(element(tag, {}, text) if marked else text)
    return tuple(found)


def _contained(node: Element, children: tuple[Node, ...]) -> Element:
    if node.tag == "iframe":
        return element("code", {}, f"[video {node.attrs.get('src', '')}]")
    kept = {name: value for name, value in node.attrs.items() if name not in {"id", "class", "name"}}
    is_callout = "fd-callout" in node.attrs.get("class", "")
    return element(node.tag, kept | ({"class": "fd-callout"} if is_callout else {}), *children)


def _html_section(section: Section, site: str) -> str:
    if section.finding_kind is FindingKind.UNMANAGED:
        return f"<p>{_with_code(unmanaged_text(section))}</p>"
    entries = "".join(_html_finding(finding, site) for finding in section.findings)
    return f"<section><h2>{_with_code(section.heading)}</h2>{entries}</section>"


def _with_code(words: str) -> str:
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", _text(words))


def _html_finding(finding: Finding, site: str) -> str:
    sides = (_side(_text(side), f"<pre>{_html_lines(shortened(lines))}</pre>") for side, lines in both_sides(finding))
    why = f'{_html_path(finding.path, finding, site)} <span class="why">{_text(clause(finding))}</span>'
    return f'<p>{why}</p><div class="sides">{"".join(sides)}</div>'


def _html_lines(lines: Sequence[str]) -> str:
    found = []
    for sign, pieces in diff_pieces(lines):
        text = "".join(f"<b>{_text(piece)}</b>" if is_marked else _text(piece) for piece, is_marked in pieces)
        tag, text = {"+": "ins", "-": "del"}.get(sign), "…" if re.fullmatch("@@ [-+0-9, ]+ @@", text) else text
        found.append(f"<{tag}>{sign}{text}</{tag}>" if tag else text)
    return "\n".join(found)


def _text(text: str) -> str:
    return html.escape(visible(text))
