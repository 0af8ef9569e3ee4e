"""What the keys of front matter mean: values become the fields of an article, a folder or a category.

Pure. Whatever is wrong is noted with its line and what to write instead, and the reading goes on.
"""

import re
import unicodedata
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import TypeVar

from kbsync.content.front_matter import FALSE_WORDS, TRUE_WORDS, Listing, Scalar, Table, Value
from kbsync.errors import Problem
from kbsync.markup.placeholders import is_variable_name
from kbsync.model import Seo, Status, Visibility


class Diagnostics:
    """Where one file's front matter is judged: it gathers the problems of that file."""

    def __init__(self, path: str, *, target: str, ignored_keys: Collection[str] = ()) -> None:
        self.path = path
        self.target = target
        self.ignored_keys = frozenset(ignored_keys)
        self.problems: list[Problem] = []

    def note(self, line: int, what: str, advice: str) -> None:
        """Note one thing that is wrong, and what to do about it."""
        self.problems.append(Problem(path=self.path, line=line, message=what, advice=advice))


def read_variables(desk: Diagnostics, key: str, value: Value) -> Mapping[str, str] | None:
    """Read the map under a key; whatever is wrong is noted."""
    if not isinstance(value, Table):
        advice = "write `name: text` lines under it, indented"
        desk.note(value.place.line, f"`{key}` must be made of `name: text` lines", advice)
        return None
    found: dict[str, str] = {}
    for name, item in value.items.items():
        line = value.keys[name].line
        if not is_variable_name(name):
            desk.note(line, f"`{name}` is no name for a variable", "use letters, digits, `_` and `-`")
        elif not isinstance(item, Scalar) or item.is_null:
            desk.note(line, f"the variable `{name}` has no text", 'write it in quotes, `""` for an empty one')
        elif "\n" in item.text.strip():
            what = f"the variable `{name}` runs over more than one line"
            desk.note(line, what, 'longer text belongs in a file of its own: `{% include "…" %}`')
        else:
            found[unicodedata.normalize("NFC", name)] = item.text.strip()
    return found


def merged(own: Mapping[str, str] | None, above: Mapping[str, str] | None) -> Mapping[str, str] | None:
    """Put two sets of variables together, name by name; the nearer one counts."""
    return above if own is None else own if above is None else {**above, **own}


ARTICLE_KEYS = ("title", "status", "draft", "tags", "seo", "author", "id", "publish", "variables")
INDEX_KEYS = ("name", "description", "visibility", "companies", "segments", "portals", "id", "defaults")
SEO_KEYS = ("title", "description", "keywords")
_OWN_KEYS = ("title", "id")
_LONGEST_NAME = 255
_LONGEST_TAG = 32
_INTEGER = re.compile(r"[0-9]{1,19}")
_EMAIL = re.compile(r"[^@\s<>]+@[^@\s<>]+\.[^@\s<>]+")
_Word = TypeVar("_Word", Status, Visibility)


@dataclass(frozen=True, slots=True, kw_only=True)
class ArticleFields:
    """What front matter says of an article; None is a field that it does not manage."""

    title: str | None = None
    status: Status | None = None
    tags: tuple[str, ...] | None = None
    seo: Seo = field(default_factory=Seo)
    author: str | int | None = None
    id: int | None = None
    publish: bool | None = None
    variables: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexFields:
    """What an index file says of its directory; None is a field that it does not manage."""

    name: str | None = None
    description: str | None = None
    visibility: Visibility | None = None
    companies: tuple[int, ...] | None = None
    segments: tuple[int, ...] | None = None
    portals: tuple[int, ...] | None = None
    id: int | None = None
    defaults: ArticleFields = field(default_factory=ArticleFields)


def article_fields(desk: Diagnostics, front: Table) -> ArticleFields:
    """Read the keys of an article's front matter."""
    front = _known(desk, front, ARTICLE_KEYS, "an article")
    return _article(desk, front)


def index_fields(desk: Diagnostics, front: Table) -> IndexFields:
    """Read the keys of an index file's front matter."""
    front = _known(desk, front, INDEX_KEYS, "an index file")
    defaults: ArticleFields | None = _read(desk, front, "defaults", _defaults)
    fields = IndexFields(
        name=_read(desk, front, "name", _name),
        description=_read(desk, front, "description", _text),
        visibility=_read(desk, front, "visibility", _one_of(Visibility)),
        companies=_read(desk, front, "companies", _integers),
        segments=_read(desk, front, "segments", _integers),
        portals=_read(desk, front, "portals", _integers),
        id=_read(desk, front, "id", _pinned),
        defaults=defaults or ArticleFields(),
    )
    _check_audience(desk, front, fields)
    return fields


def _article(desk: Diagnostics, front: Table) -> ArticleFields:
    seo = _read(desk, front, "seo", _seo)
    return ArticleFields(
        title=_read(desk, front, "title", _name),
        status=_status(desk, front),
        tags=_read(desk, front, "tags", _tags),
        seo=seo or Seo(),
        author=_read(desk, front, "author", _author),
        id=_read(desk, front, "id", _pinned),
        publish=_read(desk, front, "publish", _boolean),
        variables=_read(desk, front, "variables", read_variables),
    )


_Read = TypeVar("_Read")


def _read(
    desk: Diagnostics, front: Table, key: str, reader: Callable[[Diagnostics, str, Value], _Read], prefix: str = ""
) -> _Read | None:
    value = front.items.get(key)
    if value is None:
        return None
    if isinstance(value, Scalar) and value.is_null:
        advice = f'write `{key}: "{value.text}"` if that is its text, or take the line away'
        desk.note(front.keys[key].line, f"`{prefix}{key}` has no value", advice if value.text else "take the line away")
        return None
    return reader(desk, prefix + key, value)


def _known(desk: Diagnostics, table: Table, keys: tuple[str, ...], where: str, prefix: str = "") -> Table:
    """Pass over what the configuration ignores, and note every key that nothing here knows."""
    items = {key: value for key, value in table.items.items() if prefix + key not in desk.ignored_keys}
    for key in items.keys() - set(keys):
        near = get_close_matches(key.lower(), keys, n=1, cutoff=0.5)
        advice = f"did you mean `{prefix}{near[0]}`?" if near else f"known keys are {', '.join(keys)}"
        desk.note(table.keys[key].line, f"unknown key `{prefix}{key}` for {where}", advice)
    return Table(items=items, keys=table.keys, flow=table.flow, place=table.place)


def _text(desk: Diagnostics, key: str, value: Value) -> str | None:
    if isinstance(value, Scalar):
        return value.text.strip()
    advice = "put it in quotes if it is a text with brackets or a colon"
    desk.note(value.place.line, f"`{key}` must be a text, not a {_shape(value)}", advice)
    return None


def _name(desk: Diagnostics, key: str, value: Value) -> str | None:
    text = _text(desk, key, value)
    if text is None:
        return None
    if not text:
        desk.note(value.place.line, f"`{key}` is empty", "give it a text")
        return None
    if "\n" in text:
        desk.note(value.place.line, f"`{key}` runs over more than one line", "write it on one line")
    if len(text) > _LONGEST_NAME:
        what = f"`{key}` has {len(text)} characters, more than Freshdesk takes"
        desk.note(value.place.line, what, f"shorten it to {_LONGEST_NAME}")
    return text


def _texts(desk: Diagnostics, key: str, value: Value) -> tuple[str, ...] | None:
    if not isinstance(value, Listing):
        text = value.text if isinstance(value, Scalar) else "…"
        desk.note(value.place.line, f"`{key}` must be a list", f"write `[{text}]`")
        return None
    texts: dict[str, None] = {}
    for item in value.items:
        if not isinstance(item, Scalar) or item.is_null or not item.text.strip():
            desk.note(item.place.line, f"an entry of `{key}` is no text", "put it in quotes, or take it away")
        elif item.text.strip() in texts:
            desk.note(item.place.line, f"`{item.text.strip()}` stands twice in `{key}`", "keep one of the two")
        else:
            texts[item.text.strip()] = None
    return tuple(texts)


def _tags(desk: Diagnostics, key: str, value: Value) -> tuple[str, ...] | None:
    tags = _texts(desk, key, value)
    if isinstance(value, Listing):
        for item in value.items:
            if isinstance(item, Scalar) and len(item.text.strip()) > _LONGEST_TAG:
                what = f"the tag `{item.text.strip()}` has {len(item.text.strip())} characters"
                desk.note(item.place.line, what, f"Freshdesk takes at most {_LONGEST_TAG}")
    return tags


def _integer(desk: Diagnostics, key: str, value: Value) -> int | None:
    if isinstance(value, Scalar) and _INTEGER.fullmatch(value.text) and int(value.text) > 0:
        return int(value.text)
    written = f"`{value.text}`" if isinstance(value, Scalar) else f"a {_shape(value)}"
    desk.note(
        value.place.line, f"`{key}` must be a whole number, not {written}", "copy it from the address in Freshdesk"
    )
    return None


def _integers(desk: Diagnostics, key: str, value: Value) -> tuple[int, ...] | None:
    if not isinstance(value, Listing):
        desk.note(value.place.line, f"`{key}` must be a list of whole numbers", f"write `{key}: [1, 2]`")
        return None
    numbers = (_integer(desk, key, item) for item in value.items)
    return tuple(dict.fromkeys(number for number in numbers if number is not None))


def _pinned(desk: Diagnostics, key: str, value: Value) -> int | None:
    if not isinstance(value, Table):
        return _integer(desk, key, value)
    ids: Mapping[str, int | None] = {
        target: _integer(desk, f"{key}.{target}", item) for target, item in value.items.items()
    }
    return ids.get(desk.target)


def _boolean(desk: Diagnostics, key: str, value: Value) -> bool | None:
    word = value.text.lower() if isinstance(value, Scalar) else ""
    if word in TRUE_WORDS:
        return True
    if word in FALSE_WORDS:
        return False
    desk.note(value.place.line, f"`{key}` must be true or false", f"write `{key}: true` or `{key}: false`")
    return None


def _one_of(words: type[_Word]) -> Callable[[Diagnostics, str, Value], _Word | None]:
    def read(desk: Diagnostics, key: str, value: Value) -> _Word | None:
        text = value.text.strip() if isinstance(value, Scalar) else f"a {_shape(value)}"
        known = [word.value for word in words]
        if text in known:
            return words(text)
        near = get_close_matches(text.lower(), known, n=1, cutoff=0.5)
        advice = f"did you mean `{near[0]}`?" if near else f"it is one of {', '.join(known)}"
        desk.note(value.place.line, f"`{key}` cannot be `{text}`", advice)
        return None

    return read


def _status(desk: Diagnostics, front: Table) -> Status | None:
    status = _read(desk, front, "status", _one_of(Status))
    draft = _read(desk, front, "draft", _boolean)
    if draft is None:
        return status
    meant = Status.DRAFT if draft else Status.PUBLISHED
    if status is not None and status != meant:
        what = f"`draft: {str(draft).lower()}` contradicts `status: {status}`"
        desk.note(front.keys["draft"].line, what, "keep `status` and take `draft` away")
    return status or meant


def _seo(desk: Diagnostics, key: str, value: Value) -> Seo | None:
    if not isinstance(value, Table):
        advice = f"write {', '.join(SEO_KEYS)} under it, indented"
        desk.note(value.place.line, f"`{key}` must be made of `key: value` lines", advice)
        return None
    table = _known(desk, value, SEO_KEYS, "`seo`", f"{key}.")
    return Seo(
        title=_read(desk, table, "title", _text, f"{key}."),
        description=_read(desk, table, "description", _text, f"{key}."),
        keywords=_read(desk, table, "keywords", _texts, f"{key}."),
    )


def _author(desk: Diagnostics, key: str, value: Value) -> str | int | None:
    text = value.text.strip() if isinstance(value, Scalar) else ""
    if _INTEGER.fullmatch(text):
        return int(text)
    if _EMAIL.fullmatch(text):
        return text
    desk.note(value.place.line, f"`{key}` must be an agent's e-mail or id", f"write `{key}: name@example.com`")
    return None


def _defaults(desk: Diagnostics, key: str, value: Value) -> ArticleFields | None:
    if not isinstance(value, Table):
        desk.note(
            value.place.line, f"`{key}` must be made of `key: value` lines", "write article keys under it, indented"
        )
        return None
    for own in _OWN_KEYS:
        if own in value.items:
            what = f"`{own}` cannot be inherited: it belongs to one article"
            desk.note(value.keys[own].line, what, "write it in the article")
    table = _known(desk, value, ARTICLE_KEYS, "articles")
    return _article(desk, table)


def _check_audience(desk: Diagnostics, front: Table, fields: IndexFields) -> None:
    """Hold lists of readers and `visibility` together: each list counts with its own visibility (documented)."""
    company_wide = (Visibility.COMPANIES,)
    segmented = (Visibility.CONTACT_SEGMENTS, Visibility.COMPANY_SEGMENTS)
    for key, given, wanted in (("companies", fields.companies, company_wide), ("segments", fields.segments, segmented)):
        if given is not None and fields.visibility not in wanted:
            advice = f"write `visibility: {wanted[0]}` beside it"
            desk.note(front.keys[key].line, f"`{key}` says nothing without `visibility: {wanted[0]}`", advice)
        if fields.visibility in wanted and (given == () or key not in front.items):
            advice = f"write `{key}: [id, …]` beside it"
            desk.note(front.keys["visibility"].line, f"`visibility: {fields.visibility}` wants `{key}`", advice)


def _shape(value: Value) -> str:
    match value:
        case Scalar():
            return "text"
        case Listing():
            return "list"
        case Table():
            return "block of keys"
