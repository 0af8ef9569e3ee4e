"""Write the addresses of a Markdown text otherwise, and leave every other byte as it is.

The outcome is rendered and compared with what rendering makes of the same change, so that nothing is changed that only
looks like an address, and none is missed.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence

from markdown_it.common.utils import unescapeAll

from kbsync.markup.canonical import canonical
from kbsync.markup.html import rawtags
from kbsync.markup.pulling.escape import destination
from kbsync.markup.reading.prose import code_ranges
from kbsync.markup.reading.references import references
from kbsync.markup.to_html import to_html

_INNER = r"\\.|[^\s()\\]|\((?:\\.|[^\s()\\])*\)"
_PLACE = rf"(?P<{{0}}><(?:\\.|[^<>\n\\])*>|(?!<)(?:{_INNER})+)"
_ADDRESS = re.compile(
    rf"\\.|\]\(\s*{_PLACE.format('inline')}"
    rf"|^[ \t>]*\[(?:\\.|[^\[\]\\]){{1,999}}\]:[ \t]*(?:\n[ \t>]*)?{_PLACE.format('defined')}"
    r"|(?P<tag><[A-Za-z][^<>]*>)",
    re.MULTILINE | re.DOTALL,
)


def readdressed(markdown: str, change: Callable[[str], str]) -> str:
    """Write every address as `change` gives it.

    Raises:
        ValueError: an address stands in a way that cannot be changed without touching other bytes.
    """
    wanted = canonical(to_html(markdown, resolve=change))
    edits = list(_edits(markdown, change))
    for chosen in (edits, _probed(markdown, edits)):
        written = _edited(markdown, chosen)
        if canonical(to_html(written)) == wanted:
            return written
    raise ValueError("an address in it cannot be written otherwise")


def _edited(markdown: str, edits: Iterable[tuple[int, int, str]]) -> str:
    out, done = [], 0
    for start, end, text in edits:
        out += [markdown[done:start], text]
        done = end
    return "".join(out) + markdown[done:]


def _probed(markdown: str, edits: Sequence[tuple[int, int, str]]) -> list[tuple[int, int, str]]:
    """Leave out what only looks like an address: put there, another one is not found by the parser."""
    probes = [(start, end, f"kbsync-probe-{number}") for number, (start, end, _) in enumerate(edits)]
    tags = [markdown[start] == "<" and text.startswith("<") for start, end, text in edits]
    kept = [edit if is_tag else probe for edit, probe, is_tag in zip(edits, probes, tags, strict=True)]
    found = {reference.target for reference in references(_edited(markdown, kept))}
    return [edit for edit, (_, _, probe), is_tag in zip(edits, probes, tags, strict=True) if is_tag or probe in found]


def _edits(markdown: str, change: Callable[[str], str]) -> Iterator[tuple[int, int, str]]:
    for found in _ADDRESS.finditer(_without_code(markdown)):
        if found["tag"]:
            tag = rawtags.replaced(found["tag"], change)
            if tag != found["tag"]:
                yield *found.span("tag"), tag
            continue
        group = "inline" if found["inline"] else "defined"
        if not found[group]:
            continue
        old = unescapeAll(found[group].removeprefix("<").removesuffix(">"))
        new = change(old)
        if new != old:
            yield *found.span(group), destination(new)


def _without_code(markdown: str) -> str:
    """Blank out the code, offset for offset."""
    out, done = [], 0
    for start, end in code_ranges(markdown):
        if start >= done:
            out += [markdown[done:start], " " * (end - start)]
            done = end
    return "".join(out) + markdown[done:]
