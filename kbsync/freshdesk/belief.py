"""Whether two views of one live item agree: what was sent and what is shown, what was read and what is there now.

Pure. Markdown is never compared here, and HTML with what readers see in it.
"""

from kbsync.markup.html.kinds import kinds_of, some
from kbsync.markup.html.volatile import stable_body
from kbsync.markup.losses import losses
from kbsync.model import Article, FieldValue, Folder, Item, digest, fields_of

_LONGEST = 60
_MOST_LOSSES = 3


def doubts(sent: Item, shown: Item) -> tuple[str, ...]:
    """Say in what the portal does not show what it was sent; fields that were not sent (`None`) do not count."""
    theirs = fields_of(shown)
    wrong = [
        f"{name} came back as {_quoted(theirs[name])} instead of {_quoted(value)}"
        for name, value in fields_of(sent).items()
        if value is not None and name != "body" and _plain(value) != _plain(theirs[name])
    ]
    if is_rewritten(sent, shown) and isinstance(sent, Article) and isinstance(shown, Article):
        wrong += _lost(losses(stable_body(sent.body), stable_body(shown.body)))
    return tuple(wrong)


def is_rewritten(sent: Item, shown: Item) -> bool:
    """Tell whether the portal made other HTML of an article's body."""
    if not isinstance(sent, Article) or not isinstance(shown, Article):
        return False
    return stable_body(sent.body) != stable_body(shown.body)


def rewriting(sent: Item, shown: Item) -> str:
    """Say what HTML the portal made other than what it was sent, in kinds, so that equal accounts can be gathered."""
    if not isinstance(sent, Article) or not isinstance(shown, Article):
        return ""
    before, after = (kinds_of(stable_body(article.body)) for article in (sent, shown))
    parts = [(before - after, "left out"), (after - before, "added")]
    told = [f"{some(sorted(kinds))} {word}" for kinds, word in parts if kinds]
    return f"the portal rewrote the HTML ({', '.join(told) or 'spaces and spelling'}); readers lose nothing"


def moved(planned: Item, now: Item) -> tuple[str, ...]:
    """Name the fields in which an item is not what the plan saw; `None` in the plan is a field it does not know."""
    theirs = fields_of(now)
    names = [
        name
        for name, value in fields_of(planned).items()
        if value is not None and _stable(name, value) != _stable(name, theirs[name])
    ]
    if isinstance(planned, Folder | Article) and isinstance(now, Folder | Article):
        elsewhere = planned.parent is not None and planned.parent != now.parent
        return (*names, "folder") if elsewhere else tuple(names)
    return tuple(names)


def _stable(name: str, value: FieldValue) -> str:
    return digest(stable_body(value) if name == "body" and isinstance(value, str) else value)


def _plain(value: FieldValue) -> str:
    """Digest a value for comparing; spaces around a text are nobody's intention, and an id may be written as text."""
    return digest(value if isinstance(value, tuple) or value is None else str(value).strip())


def _quoted(value: FieldValue) -> str:
    text = ", ".join(str(one) for one in value) if isinstance(value, tuple) else str(value or "")
    return f'"{text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"}"'


def _lost(found: tuple[str, ...]) -> list[str]:
    if not found:
        return []
    more = f" and {len(found) - _MOST_LOSSES} more" if len(found) > _MOST_LOSSES else ""
    return [f"the body lost {', '.join(found[:_MOST_LOSSES])}{more}"]
