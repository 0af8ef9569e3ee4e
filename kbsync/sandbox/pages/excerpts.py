"""The few words under a title: the beginning of an article, or the place where a search found something."""

import re

LENGTH = 180
BEFORE = 50


def beginning(text: str) -> str:
    """Give the first words of a text."""
    return _cut(" ".join(text.split()), 0)


def around(text: str, term: str) -> list[tuple[str, bool]]:
    """Give the words around the first hit, in pieces that are marked or not."""
    whole = " ".join(text.split())
    words = [re.escape(word) for word in term.split()]
    if not words:
        return [(beginning(text), False)]
    pattern = re.compile("|".join(sorted(words, key=len, reverse=True)), re.IGNORECASE)
    hit = pattern.search(whole)
    shown = _cut(whole, max(0, hit.start() - BEFORE) if hit else 0)
    pieces: list[tuple[str, bool]] = []
    end = 0
    for found in pattern.finditer(shown):
        pieces += [(shown[end : found.start()], False), (found[0], True)]
        end = found.end()
    return [piece for piece in (*pieces, (shown[end:], False)) if piece[0]]


def _cut(text: str, start: int) -> str:
    if start:
        start = text.find(" ", start) + 1 or start
    cut = text[start : start + LENGTH]
    if start + LENGTH < len(text):
        cut = f"{cut.rpartition(' ')[0] or cut}…"
    return f"…{cut}" if start else cut
