"""Git's own formats as values: listings of trees, batches of blobs, streams for fast-import. Pure."""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

SYMLINK = "120000"
SUBMODULE = "160000"
_FILE = "100644"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One line of a listing; `name` may hold surrogates for bytes that are no UTF-8."""

    mode: str
    id: str
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A commit that is to be made: `tree`, else the first parent's, with some files changed or, being None, deleted.

    `modes` are those of files that are not ordinary ones.
    """

    message: str
    files: Mapping[str, bytes | None]
    parents: tuple[str, ...] = ()
    tree: str | None = None
    modes: Mapping[str, str] = field(default_factory=dict)


def entries(listing: bytes) -> Iterator[Entry]:
    """Read what `git ls-tree -z` wrote."""
    for line in listing.split(b"\0"):
        if line:
            head, _, name = line.partition(b"\t")
            mode, _, blob = head.decode("ascii").split(" ")
            yield Entry(mode=mode, id=blob, name=name.decode("utf-8", "surrogateescape"))


def batch(output: bytes) -> Iterator[tuple[str, bytes]]:
    """Read what `git cat-file --batch` wrote, each object by its id; missing ones are passed over."""
    return ((name, data) for name, data in answers(output) if data is not None)


def answers(output: bytes) -> Iterator[tuple[str, bytes | None]]:
    """Read what `git cat-file --batch` wrote, one answer for each object asked for; None for a missing one."""
    at = 0
    while at < len(output):
        end = output.index(b"\n", at)
        head = output[at:end].decode("utf-8", "replace").split(" ")
        at = end + 1
        if len(head) == 3 and head[2].isdigit():
            size = int(head[2])
            yield head[0], output[at : at + size]
            at += size + 1
        else:
            yield head[0], None


def blob_id(data: bytes, object_format: str) -> str:
    """Name a blob as git does."""
    name = hashlib.new(object_format, usedforsecurity=False)
    name.update(b"blob %d\0" % len(data))
    name.update(data)
    return name.hexdigest()


def import_stream(ref: str, draft: Draft, identity: str) -> bytes:
    """Write a stream for `git fast-import` that makes one commit, says its id, and leaves no ref behind."""
    text = draft.message.encode()
    parts = [f"commit {ref}\nmark :1\ncommitter {identity} now\ndata {len(text)}\n".encode() + text + b"\n"]
    for word, parent in zip(("from", *("merge",) * len(draft.parents)), draft.parents, strict=False):
        parts.append(f"{word} {parent}\n".encode())
    if draft.tree is not None:
        parts.append(f'M 040000 {draft.tree} ""\n'.encode())
    for path, data in draft.files.items():
        if data is None:
            parts.append(b"D " + _quoted(path) + b"\n")
        else:
            mode = draft.modes.get(path, _FILE).encode()
            parts.append(b"M " + mode + b" inline " + _quoted(path) + b"\ndata %d\n" % len(data) + data + b"\n")
    parts.append(f"\nget-mark :1\nreset {ref}\nfrom {'0' * 40}\n\ndone\n".encode())
    return b"".join(parts)


def _quoted(path: str) -> bytes:
    raw = path.encode().replace(b"\\", b"\\\\").replace(b'"', b'\\"')
    return b'"' + b"".join(b"\\%03o" % byte if byte < 32 else bytes([byte]) for byte in raw) + b'"'
