"""The bytes of a file as text, or the reason why they are none."""

from kbsync.content.frame import line_at
from kbsync.errors import ContentError, Problem
from kbsync.markup.merging.conflicts import conflicts_in

_RESOLVE = "resolve the conflict: keep what is right of both, and take the lines `<<<<<<<`, `=======` and `>>>>>>>` out"


def text_of(data: bytes, path: str) -> str:
    """Decode a file.

    Raises:
        ContentError: it is no UTF-8, holds a NUL, or the markers of a merge that was not finished; with the line.
    """
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise ContentError((Problem(path=path, line=line, what="is not UTF-8", advice="save it as UTF-8"),)) from None
    if "\0" in text:
        line = line_at(text, text.index("\0"))
        raise ContentError((Problem(path=path, line=line, what="holds a NUL character", advice="is it a text file?"),))
    lines = conflicts_in(text)
    if lines:
        what = "holds the markers of a merge that was not finished"
        raise ContentError(tuple(Problem(path=path, line=line, what=what, advice=_RESOLVE) for line in lines))
    return text
