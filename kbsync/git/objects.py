"""The forms in which git lists and prints objects, and in which it takes new commits."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

SYMLINK = "120000"
SUBMODULE = "160000"
_FILE = "100644"


@dataclass(frozen=True, slots=True, kw_only=True)
class TreeEntry:
    """One line of a listing; `name` holds surrogates for bytes that are not UTF-8."""

    mode: str
    id: str
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NewCommit:
    """A commit to make: `tree`, else that of the first parent, with some files changed, or deleted where None.

    `modes` are those of files that are not ordinary ones.
    """

    message: str
    files: Mapping[str, bytes | None]
    parents: tuple[str, ...] = ()
    tree: str | None = None
    modes: Mapping[str, str] = field(default_factory=dict)


def parse_entries(listing: bytes) -> Iterator[TreeEntry]:
    """Parse what `git ls-tree -z` wrote."""
    for line in listing.split(b"\0"):
        if line:
            head, _, name = line.partition(b"\t")
            mode, _, blob = head.decode("ascii").split(" ")
            yield TreeEntry(mode=mode, id=blob, name=name.decode("utf-8", "surrogateescape"))


def parse_batch(output: bytes) -> Iterator[tuple[str, bytes | None]]:
    """Parse what `git cat-file --batch` wrote, an object for each that was asked for; None for a missing one."""
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


def import_stream(ref: str, new: NewCommit, identity: str) -> bytes:
    """Return a stream for `git fast-import` that makes one commit, prints its id, and leaves no ref."""
    text = new.message.encode()
    parts = [f"commit {ref}\nmark :1\ncommitter {identity} now\ndata {len(text)}\n".encode() + text + b"\n"]
    for word, parent in zip(("from", *("merge",) * len(new.parents)), new.parents, strict=False):
        parts.append(f"{word} {parent}\n".encode())
    if new.tree is not None:
        parts.append(f'M 040000 {new.tree} ""\n'.encode())
    for path, data in new.files.items():
        if data is None:
            parts.append(b"D " + _quoted(path) + b"\n")
        else:
            mode = new.modes.get(path, _FILE).encode()
            parts.append(b"M " + mode + b" inline " + _quoted(path) + b"\ndata %d\n" % len(data) + data + b"\n")
    parts.append(f"\nget-mark :1\nreset {ref}\nfrom {'0' * 40}\n\ndone\n".encode())
    return b"".join(parts)


def _quoted(path: str) -> bytes:
    raw = path.encode().replace(b"\\", b"\\\\").replace(b'"', b'\\"')
    return b'"' + b"".join(b"\\%03o" % byte if byte < 32 else bytes([byte]) for byte in raw) + b'"'
