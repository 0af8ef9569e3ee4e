"""Messages and pages are in plain English: none of them contains one of these phrases."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

_ROOT = Path(__file__).parents[1]
_PHRASES = (
    *("mend", "mends", "anew", "leads nowhere", "nobody is there", "let go", "lets go", "the way on", "ways on"),
    *("comes home", "brings it home", "brings home", "stands twice", "lies outside", "as it would be"),
    *("under the feet", "is pinned by", "keeps in this clone alone", "past the limit", "trouble on demand"),
)
_WORDS = "|".join(_PHRASES).replace(" ", r"\s+")
_IS_NO = r"(?:\A|(?<!there)(?<!\s)\s+)is\s+no\s+(?!\s|longer\b)"
_UNWANTED = re.compile(rf"\b(?:{_WORDS})\b|{_IS_NO}", re.IGNORECASE)
_PAGES = ("README.md", "action.yml", "content/**/*.md", "kbsync/sandbox/templates/**/*.*")


def _messages(source: str) -> Iterator[tuple[int, str]]:
    """Yield the text and line of every string of a module but its docstrings; `{}` is in place of each f-string value.

    A string on a line of its own is a docstring too.
    """
    nodes = list(ast.walk(ast.parse(source)))
    skipped = {id(node.value) for node in nodes if isinstance(node, ast.Expr)}
    for node in nodes:
        if isinstance(node, ast.JoinedStr):
            skipped.update(map(id, node.values))
            yield (
                node.lineno,
                "".join(str(part.value) if isinstance(part, ast.Constant) else "{}" for part in node.values),
            )
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in skipped:
            yield node.lineno, node.value


def _found(text: str, line: int = 1) -> list[tuple[int, str]]:
    return [
        (line + text.count("\n", 0, found.start()), " ".join(found[0].split())) for found in _UNWANTED.finditer(text)
    ]


def _found_in_messages(source: str) -> list[tuple[int, str]]:
    return [one for line, text in _messages(source) for one in _found(text, line)]


def _listed(path: Path, found: list[tuple[int, str]]) -> list[str]:
    return [f"{path.relative_to(_ROOT).as_posix()}:{line}: {phrase}" for line, phrase in found]


def test_messages_contain_no_unwanted_phrase() -> None:
    modules = sorted((_ROOT / "kbsync").rglob("*.py"))
    lines = [one for path in modules for one in _listed(path, _found_in_messages(path.read_text(encoding="utf-8")))]
    assert not lines, "say it in plain words:\n" + "\n".join(lines)


def test_pages_contain_no_unwanted_phrase() -> None:
    pages = sorted({path for pattern in _PAGES for path in _ROOT.glob(pattern)})
    lines = [one for path in pages for one in _listed(path, _found(path.read_text(encoding="utf-8")))]
    assert not lines, "say it in plain words:\n" + "\n".join(lines)


def test_phrases_are_found_in_messages_alone() -> None:
    source = (
        '"""The docstring is no message."""\n\na = f"{b} is\\nno YAML"\nc = "there is no X, it is no longer there"\n'
    )
    assert _found_in_messages(source) == [(3, "is no")]
