"""A plan as Markdown, for a comment on a pull request, and as a page of HTML."""

import html
import re
from collections.abc import Iterator, Sequence

from kbsync.change import Change, Finding, FindingKind
from kbsync.planner.planner import Plan
from kbsync.report.wording import (
    MOST_UNMANAGED,
    Section,
    both_sides,
    clause,
    counts_text,
    diff,
    one_line,
    refusal_text,
    sections,
    sentence,
    shortened,
    title_of,
    visible,
)

_MAX_COMMENT = 60_000
"""Characters of a page of Markdown; GitHub takes 65,536 in a comment."""

_MAX_CONFLICTS = 10
"""Conflicts of which a pull request's comment shows what both sides did; it has only so much space."""


def plan_to_markdown(plan: Plan, *, heading: str) -> str:
    """Write a plan as GitHub-flavoured Markdown, each article's diff folded away."""
    lines = [f"### {escape_markdown(heading)}", "", sentence(counts_text(plan))]
    if refusal_text(plan):
        lines += ["", f"> [!CAUTION]\n> Refused: {escape_markdown(refusal_text(plan))}"]
    if plan.changes:
        lines += ["", "| action | item | change |", "| --- | --- | --- |"]
        lines += [
            f"| {c.action.value} | {code_span(c.path)} {escape_markdown(_named(c))} | {escape_markdown(clause(c))} |"
            for c in plan.changes
        ]
    for section in sections(plan):
        lines += _markdown_findings(section)
    return "\n".join([*lines, *_markdown_diffs(plan.changes, space=_MAX_COMMENT - sum(map(len, lines)))])


def _named(change: Change) -> str:
    name = title_of(change.desired or change.actual)
    return f"“{name}”" if name else ""


def _markdown_findings(section: Section) -> Iterator[str]:
    if not section.findings:
        return
    yield from ("", f"**{section.heading}**", "")
    most = MOST_UNMANAGED if section.finding_kind is FindingKind.UNMANAGED else len(section.findings)
    for finding in section.findings[:most]:
        yield f"- {code_span(finding.path)}: {escape_markdown(clause(finding))}"
    if len(section.findings) > most:
        yield f"- and {len(section.findings) - most} more"
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

    A backslash does not stop GitHub from mentioning a person or linking an issue or an address, which it looks for in
    the rendered text; an invisible space does.
    """
    found = html.escape(one_line(text), quote=False)
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
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
:root {{ color-scheme: light dark; --line: color-mix(in srgb, currentColor 18%, transparent); }}
body {{ font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }}
h1 {{ font-size: 1.4rem; }} h2 {{ font-size: 1.1rem; margin-top: 2rem; }}
ul {{ list-style: none; padding: 0; }} li {{ border-top: 1px solid var(--line); padding: .5rem 0; }}
code, pre {{ font: .9em/1.45 ui-monospace, monospace; }}
pre {{ overflow-x: auto; white-space: pre-wrap; padding: .75rem; border: 1px solid var(--line); border-radius: .4rem; }}
.action {{ display: inline-block; min-width: 5rem; font-weight: 600; }}
.why {{ opacity: .75; }} .refused {{ color: #c0392b; font-weight: 600; }}
ins {{ color: #1a7f37; text-decoration: none; }} del {{ color: #c0392b; text-decoration: none; }}
</style>
</head>
<body>
<h1>{title}</h1>
<p>{counts}</p>
{body}
</body>
</html>"""


def plan_to_html(plan: Plan, *, heading: str) -> str:
    """Write a plan as one page that needs nothing else; nothing from outside reaches it unescaped."""
    parts = []
    if refusal_text(plan):
        parts.append(f'<p class="refused">Refused: {_text(refusal_text(plan))}</p>')
    if plan.changes:
        parts += ["<ul>", *(_html_change(change) for change in plan.changes), "</ul>"]
    for section in sections(plan):
        if section.findings:
            listed = (_html_finding(finding) for finding in section.findings)
            parts += [f"<h2>{_with_code(section.heading)}</h2>", "<ul>", *listed, "</ul>"]
    return _PAGE.format(title=_text(heading), counts=_text(sentence(counts_text(plan))), body="\n".join(parts))


def _with_code(words: str) -> str:
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", _text(words))


def _html_change(change: Change) -> str:
    lines = "\n".join(_html_line(line) for line in shortened(diff(change)))
    shown = f"<details><summary>Diff</summary><pre>{lines}</pre></details>" if lines else ""
    action = f'<span class="action">{change.action.value}</span>'
    why = f'<span class="why">{_text(clause(change))}</span>'
    return f"<li>{action} <code>{_text(change.path)}</code> {_text(_named(change))} {why}{shown}</li>"


def _html_finding(finding: Finding) -> str:
    shown = ""
    for side, lines in both_sides(finding):
        diff_lines = "\n".join(_html_line(line) for line in shortened(lines))
        shown += f"<details><summary>{_text(side)}</summary><pre>{diff_lines}</pre></details>"
    return f'<li><code>{_text(finding.path)}</code> <span class="why">{_text(clause(finding))}</span>{shown}</li>'


def _html_line(line: str) -> str:
    tag = {"+": "ins", "-": "del"}.get(line[:1])
    return f"<{tag}>{_text(line)}</{tag}>" if tag else _text(line)


def _text(text: str) -> str:
    return html.escape(visible(text))
