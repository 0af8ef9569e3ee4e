"""Relative addresses as POSIX maths: from the file that writes them to the root of the tree, and back.

Pure text: never looks at a disk, a tree or a portal. The pair is inverse:
`to_root(path, from_root(path, target))` gives `target` again, in NFC.
"""

import re
import unicodedata
from urllib.parse import quote, unquote

_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")
# What may stand in a Markdown destination and in a URL path without being taken for something else.
_SAFE = "/!$'*+,;=:@-._~"


def to_root(path: str, address: str) -> str | None:
    """Give the root-relative form of an address written in the file `path`, percent-decoded, in NFC, with its anchor.

    `None` means that the address is not one into the tree: absolute, `#…`, `/…`, `?…`, a scheme or empty. A query is
    dropped, since a file has none. A backslash is an ordinary character. Raises ValueError when the address leaves the
    root.
    """
    address = address.strip()
    if not address or address[0] in "#/?" or _SCHEME.match(address):
        return None
    rest, mark, anchor = address.partition("#")
    rest = rest.partition("?")[0]
    parts = path.split("/")[:-1]
    for part in _decoded(rest).split("/"):
        match part:
            case "" | ".":
                continue
            case ".." if not parts:
                raise ValueError(f"{address} leads out of the content root")
            case "..":
                parts.pop()
            case _:
                parts.append(part)
    return "/".join(parts) + mark + _decoded(anchor)


def from_root(path: str, target: str) -> str:
    """Give the relative address of the root-relative `target` as it is to be written in the file `path`."""
    rest, mark, anchor = target.partition("#")
    here = path.split("/")[:-1]
    there = [part for part in unicodedata.normalize("NFC", rest).split("/") if part]
    if mark and there == path.split("/"):
        return mark + _encoded(anchor)
    shared = 0
    while shared < min(len(here), len(there)) and here[shared] == there[shared]:
        shared += 1
    steps = [".."] * (len(here) - shared) + there[shared:]
    written = _encoded("/".join(steps)) or "."
    if _SCHEME.match(written):
        written = "./" + written
    return written + mark + _encoded(anchor)


def _decoded(text: str) -> str:
    return unicodedata.normalize("NFC", unquote(text, errors="surrogateescape"))


def _encoded(text: str) -> str:
    """Encode what would end or change an address; letters of any script stay, since people read these."""
    return "".join(char if ord(char) > 127 and not char.isspace() else quote(char, safe=_SAFE) for char in text)
