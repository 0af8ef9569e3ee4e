"""The body of a response, unpacked and within bounds: the portal decides neither how much is held nor for how long."""

import time
import zlib
from collections.abc import Iterable

MAX_BYTES = 64 * 2**20
"""The most bytes of a response, unpacked: several times a page of a hundred long articles."""

MAX_SECONDS = 180.0
"""The most seconds from a request to the end of its response, however steadily bytes come."""

ENCODING = "gzip"
"""The only packing that is asked for, and unpacked."""


class ResponseTooLarge(ValueError):
    """A response has more than `MAX_BYTES`."""


class ResponseTooSlow(ValueError):
    """A response took longer than `MAX_SECONDS`."""


def read_body(chunks: Iterable[bytes], encoding: str, *, until: float) -> bytes:
    """Read and unpack a body; `until` is when it must have ended, by the monotonic clock.

    Raises:
        ResponseTooLarge: it is larger than `MAX_BYTES`.
        ResponseTooSlow: it did not end in time.
        ValueError: it is incomplete, or packed in a way that was not asked for.
    """
    if encoding.strip().lower() not in ("", "identity", ENCODING):
        raise ValueError("packed in a way that was not asked for")
    unpacker = zlib.decompressobj(wbits=31) if encoding.strip().lower() == ENCODING else None
    parts, size = [], 0
    for chunk in chunks:
        try:
            part = unpacker.decompress(chunk, MAX_BYTES - size + 1) if unpacker else chunk
        except zlib.error as error:
            raise ValueError("not the gzip that it says") from error
        parts.append(part)
        size += len(part)
        if size > MAX_BYTES:
            raise ResponseTooLarge
        if time.monotonic() > until:
            raise ResponseTooSlow
    if unpacker and parts and not unpacker.eof:
        raise ValueError("the gzip is cut off")
    return b"".join(parts)
