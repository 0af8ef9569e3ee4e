"""Finds the API keys of the environment in texts, so that none of them is published, pulled or printed."""

import base64
import re
from collections.abc import Collection, Mapping
from html import unescape

SANDBOX_KEY = "sandbox"
"""The API key of the embedded portal unless it is given another: no secret."""

_VARIABLE = "FRESHDESK_API_KEY"
_SHORTEST = 8
_TAG = re.compile(r"<[^<>]*>")
_NO_WORD = re.compile(r"[\W_]+")


class KeyFinder:
    """Knows some API keys, in every form in which a text may have them; none is in its repr."""

    __slots__ = ("_pattern", "_squeezed")

    def __init__(self, keys: Collection[str]) -> None:
        found = {key.strip() for key in keys} - {SANDBOX_KEY}
        forms = {form for key in found if len(key) >= _SHORTEST for form in _forms(key)}
        alternatives = "|".join(re.escape(form) for form in sorted(forms, key=len, reverse=True))
        self._pattern = re.compile(alternatives, re.IGNORECASE) if forms else None
        self._squeezed = {_squeeze(form) for form in forms}

    @classmethod
    def of(cls, environ: Mapping[str, str]) -> "KeyFinder":
        """Know the keys of an environment, those of all targets."""
        names = (name for name in environ if name == _VARIABLE or name.startswith(f"{_VARIABLE}_"))
        return cls({environ[name] for name in names})

    def is_in(self, text: str) -> bool:
        """Return whether a text holds a key, also one with markup, spaces or line breaks within."""
        if self._pattern is None:
            return False
        plain = unescape(text)
        squeezed = (_squeeze(plain), _squeeze(_TAG.sub("", plain)))
        return any(key in one for key in self._squeezed for one in squeezed)

    def line_in(self, text: str) -> int:
        """Return the line, from 1, of a key that stands in a text as it is; 0 for none."""
        found = self._pattern.search(text) if self._pattern else None
        return text.count("\n", 0, found.start()) + 1 if found else 0

    def redact(self, text: str) -> str:
        """Return a text without the keys."""
        return self._pattern.sub("…", text) if self._pattern else text


def _forms(key: str) -> tuple[str, ...]:
    """Return a key as it is, and as HTTP's basic authentication sends it."""
    return (key, *(base64.b64encode(one.encode()).decode().rstrip("=") for one in (f"{key}:X", key)))


def _squeeze(text: str) -> str:
    return _NO_WORD.sub("", text).casefold()


NO_KEYS = KeyFinder(())
"""Knows none."""
