"""File names from titles: safe on Linux, macOS and Windows, and never one that is taken. Pure.

A title may come from a portal that anybody edits, so a name never holds a separator, never leads out of its directory
and never begins with a character that hides a file.
"""

import unicodedata
from collections.abc import Collection, Iterator
from itertools import count

MOST_BYTES = 120
_UNNAMED = "untitled"
_PORTS = frozenset(f"{port}{digit}" for port in ("com", "lpt") for digit in "0123456789¹²³")
_DEVICES = _PORTS | {"con", "prn", "aux", "nul", "conin$", "conout$"}
_RESERVED = frozenset('<>:"|?*\\/')
_DROPPED = frozenset("'’ʼ`´\u00ad\u200b\u200c\u200d\u2060\ufeff")
_VARIATIONS = frozenset(map(chr, range(0xFE00, 0xFE10)))


def file_name(title: str, taken: Collection[str]) -> str:
    """Name a file or directory after a title, without a suffix: words in lower case joined by hyphens.

    Letters of every script stay. The name differs from every one that is taken, also for a file system that knows
    neither case nor Unicode's normal forms.
    """
    used = {folded(name.removesuffix(".md")) for name in taken}
    for name in _candidates(_words(title)):
        if folded(name) not in used:
            return name
    raise AssertionError("the numbers ran out")


def folded(name: str) -> str:
    """Give the form in which two names are one to a file system that ignores case and normal form."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFD", name).casefold()).casefold()


def trouble_on_windows(name: str) -> str:
    """Say in words why Windows could not hold a name; empty where it could."""
    stem = name.partition(".")[0].rstrip(" ").casefold()
    if stem in _DEVICES:
        return f"`{name}` is the name of a device on Windows"
    wrong = sorted({letter for letter in name if letter in _RESERVED or unicodedata.category(letter) == "Cc"})
    if wrong:
        return f"`{name}` holds {', '.join(map(repr, wrong))}, which Windows does not allow in a name"
    if name.endswith((".", " ")):
        return f"`{name}` ends in a dot or a space, which Windows drops"
    return ""


def _candidates(base: str) -> Iterator[str]:
    yield base
    for number in count(2):
        ending = f"-{number}"
        yield _cut(base, MOST_BYTES - len(ending)) + ending


def _words(title: str) -> str:
    plain = unicodedata.normalize("NFC", unicodedata.normalize("NFKC", title).lower())
    letters: list[str] = []
    for letter in plain:
        kept = _kept(letter, follows=bool(letters) and letters[-1] != " ")
        letters += [kept] if kept else []
    name = _cut("-".join("".join(letters).split()), MOST_BYTES) or _UNNAMED
    return f"{name}-page" if name in _DEVICES else name


def _kept(letter: str, *, follows: bool) -> str:
    """Give what stands for a character: itself, a space, or nothing; a mark stays only where it follows a letter."""
    kind = unicodedata.category(letter)
    if letter in _DROPPED or letter in _VARIATIONS or kind == "Me":
        return ""
    if kind[0] == "M":
        return letter if follows else ""
    return letter if kind[0] in "LN" else " "


def _cut(name: str, most: int) -> str:
    """Shorten a name to a number of UTF-8 bytes, at a hyphen where one is near."""
    raw = name.encode("utf-8", "ignore")
    if len(raw) <= most:
        return name
    short = raw[:most].decode("utf-8", "ignore")
    whole_words = short.rpartition("-")[0]
    return (whole_words if len(whole_words) > len(short) // 2 else short).rstrip("-")
