"""The keys of front matter: their values become the fields of an article, a folder or a category.

Pure. Every problem is collected with its line and with what to write instead; the other keys are still read.
"""

import re
import unicodedata
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import TypeVar

from kbsync.content.front_matter import (
    FALSE_WORDS,
    TRUE_WORDS,
    FrontMatterSpan,
    YamlMapping,
    YamlScalar,
    YamlSequence,
    YamlValue,
)
from kbsync.errors import Problem
from kbsync.markup.placeholders import is_variable_name
from kbsync.model import LONGEST_NAME, LONGEST_TAG, Seo, Status, Visibility, valid_tags

ARTICLE_KEYS = ("title", "status", "draft", "tags", "seo", "author", "id", "publish", "variables")
INDEX_KEYS = ("name", "description", "visibility", "companies", "segments", "portals", "id", "defaults")
SEO_KEYS = ("title", "description", "keywords")
_OTHER_TOOL = "if another tool needs this key, name it in `[front_matter] ignore`"
_OWN_KEYS = ("title", "id")
_INTEGER = re.compile(r"[0-9]{1,19}")
_EMAIL = re.compile(r"[^@\s<>]+@[^@\s<>]+\.[^@\s<>]+")
_T = TypeVar("_T")
_Choice = TypeVar("_Choice", Status, Visibility)


@dataclass(frozen=True, slots=True, kw_only=True)
class ArticleFields:
    """The fields in an article's front matter; None is a field that it does not manage."""

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
    """The fields in an index file's front matter; None is a field that it does not manage."""

    name: str | None = None
    description: str | None = None
    visibility: Visibility | None = None
    companies: tuple[int, ...] | None = None
    segments: tuple[int, ...] | None = None
    portals: tuple[int, ...] | None = None
    id: int | None = None
    defaults: ArticleFields = field(default_factory=ArticleFields)


class FieldReader:
    """Reads the fields in one file's front matter and collects its problems."""

    def __init__(self, path: str, *, target: str, ignored_keys: Collection[str] = ()) -> None:
        self.path = path
        self.target = target
        self.ignored_keys = frozenset(ignored_keys)
        self.problems: list[Problem] = []

    def add(self, code: str, place: FrontMatterSpan, what: str, advice: str, *, fixable: bool = False) -> None:
        """Add a problem and what to do about it."""
        self.problems.append(place.problem(code, self.path, what, advice, fixable=fixable))

    def read_article(self, front: YamlMapping) -> ArticleFields:
        """Read the keys of an article's front matter."""
        return self._article(self._known(front, ARTICLE_KEYS, "an article"))

    def read_index(self, front: YamlMapping) -> IndexFields:
        """Read the keys of an index file's front matter."""
        front = self._known(front, INDEX_KEYS, "an index file")
        defaults: ArticleFields | None = self._read(front, "defaults", self._defaults)
        fields = IndexFields(
            name=self._read(front, "name", self._name),
            description=self._read(front, "description", self._text),
            visibility=self._read(front, "visibility", self._one_of(Visibility)),
            companies=self._read(front, "companies", self._integers),
            segments=self._read(front, "segments", self._integers),
            portals=self._read(front, "portals", self._integers),
            id=self._read(front, "id", self._pinned),
            defaults=defaults or ArticleFields(),
        )
        self._check_visibility(front, fields)
        return fields

    def _article(self, front: YamlMapping) -> ArticleFields:
        seo = self._read(front, "seo", self._seo)
        return ArticleFields(
            title=self._read(front, "title", self._name),
            status=self._status(front),
            tags=self._read(front, "tags", self._tags),
            seo=seo or Seo(),
            author=self._read(front, "author", self._author),
            id=self._read(front, "id", self._pinned),
            publish=self._read(front, "publish", self._boolean),
            variables=self._read(front, "variables", self._variables),
        )

    def _read(
        self, front: YamlMapping, key: str, reader: Callable[[str, YamlValue], _T], prefix: str = ""
    ) -> _T | None:
        return reader(prefix + key, front.items[key]) if front.has(key) else None

    def _known(self, table: YamlMapping, keys: tuple[str, ...], where: str, prefix: str = "") -> YamlMapping:
        """Return a mapping without the keys that the configuration ignores; report every unknown key."""
        items = {key: value for key, value in table.items.items() if prefix + key not in self.ignored_keys}
        for key in items.keys() - set(keys):
            near = get_close_matches(key.lower(), keys, n=1, cutoff=0.6)
            advice = f"did you mean `{prefix}{near[0]}`?" if near else f"known keys: {', '.join(keys)}; {_OTHER_TOOL}"
            fixable = bool(get_close_matches(key.lower(), keys, n=1, cutoff=0.8))
            self.add("KB112", table.keys[key], f"unknown key `{prefix}{key}` for {where}", advice, fixable=fixable)
        return YamlMapping(items=items, keys=table.keys, flow=table.flow, span=table.span)

    def _text(self, key: str, value: YamlValue) -> str | None:
        if isinstance(value, YamlScalar):
            self._check_comment(key, value)
            return value.text.strip()
        advice = "put it in quotes if it contains brackets or a colon"
        self.add("KB113", value.span, f"`{key}` must be text, not a {_shape(value)}", advice)
        return None

    def _check_comment(self, key: str, value: YamlScalar) -> None:
        if value.comment:
            what = f"`{key}` ends before `{value.comment}`, which is a comment in YAML"
            self.add("KB124", value.span, what, f'if it belongs to the text, write it in quotes: `"{value.text} …"`')

    def _name(self, key: str, value: YamlValue) -> str | None:
        if self._text(key, value) is None or not isinstance(value, YamlScalar):
            return None
        text = value.text.rstrip("\n")
        if not text.strip():
            self.add("KB113", value.span, f"`{key}` is empty", "write a value, or remove the line")
            return None
        if "\n" in text:
            self.add("KB113", value.span, f"`{key}` has more than one line", "write it on one line")
        if len(text) > LONGEST_NAME:
            what = f"`{key}` has {len(text)} characters, more than Freshdesk accepts"
            self.add("KB121", value.span, what, f"shorten it to {LONGEST_NAME} characters")
        return text

    def _texts(self, key: str, value: YamlValue) -> tuple[str, ...] | None:
        if not isinstance(value, YamlSequence):
            text = value.text if isinstance(value, YamlScalar) else "…"
            self.add("KB113", value.span, f"`{key}` must be a list", f"write `[{text}]`")
            return None
        texts: list[str] = []
        for item in value.items:
            if not isinstance(item, YamlScalar) or item.is_null or not item.text.strip():
                self.add("KB123", item.span, f"an entry of `{key}` is not text", "put it in quotes, or remove it")
            elif (text := item.text) in texts:
                self.add("KB123", item.span, f"`{text}` is given twice in `{key}`", "keep one of the two")
            else:
                texts.append(text)
                self._check_comment(key, item)
                if key == "seo.keywords" and "," in text:
                    what = f"the keyword `{text}` has a comma, at which Freshdesk divides it"
                    self.add("KB125", item.span, what, "write each keyword as an entry of its own")
        return tuple(texts)

    def _tags(self, key: str, value: YamlValue) -> tuple[str, ...] | None:
        for item in value.items if isinstance(value, YamlSequence) else ():
            if isinstance(item, YamlScalar) and len(tag := item.text) > LONGEST_TAG:
                what = f"the tag `{tag}` has {len(tag)} characters"
                self.add("KB122", item.span, what, f"Freshdesk accepts at most {LONGEST_TAG}")
        texts = self._texts(key, value)
        return texts if texts is None else valid_tags(texts)

    def _integer(self, key: str, value: YamlValue) -> int | None:
        if isinstance(value, YamlScalar) and _INTEGER.fullmatch(value.text) and int(value.text) > 0:
            return int(value.text)
        written = f"`{value.text}`" if isinstance(value, YamlScalar) else f"a {_shape(value)}"
        what = f"`{key}` must be a whole number, not {written}"
        self.add("KB113", value.span, what, f"copy it from the address in Freshdesk; {_OTHER_TOOL}")
        return None

    def _integers(self, key: str, value: YamlValue) -> tuple[int, ...] | None:
        if not isinstance(value, YamlSequence):
            self.add("KB113", value.span, f"`{key}` must be a list of whole numbers", f"write `{key}: [1, 2]`")
            return None
        numbers = (self._integer(key, item) for item in value.items)
        return tuple(dict.fromkeys(number for number in numbers if number is not None))

    def _pinned(self, key: str, value: YamlValue) -> int | None:
        if not isinstance(value, YamlMapping):
            return self._integer(key, value)
        ids = {target: self._integer(f"{key}.{target}", item) for target, item in value.items.items()}
        return ids.get(self.target)

    def _boolean(self, key: str, value: YamlValue) -> bool | None:
        word = value.text.lower() if isinstance(value, YamlScalar) else ""
        if word in TRUE_WORDS | FALSE_WORDS:
            return word in TRUE_WORDS
        self.add("KB113", value.span, f"`{key}` must be true or false", f"write `{key}: true` or `{key}: false`")
        return None

    def _one_of(self, words: type[_Choice]) -> Callable[[str, YamlValue], _Choice | None]:
        def read(key: str, value: YamlValue) -> _Choice | None:
            text = value.text.strip() if isinstance(value, YamlScalar) else f"a {_shape(value)}"
            known = [word.value for word in words]
            if text in known:
                return words(text)
            near = get_close_matches(text.lower(), known, n=1, cutoff=0.5)
            advice = f"did you mean `{near[0]}`?" if near else f"use one of {', '.join(known)}"
            self.add("KB113", value.span, f"`{key}` cannot be `{text}`", f"{advice}; {_OTHER_TOOL}")
            return None

        return read

    def _status(self, front: YamlMapping) -> Status | None:
        status = self._read(front, "status", self._one_of(Status))
        draft = self._read(front, "draft", self._boolean)
        if draft is None:
            return status
        meant = Status.DRAFT if draft else Status.PUBLISHED
        if status is not None and status != meant:
            what = f"`draft: {str(draft).lower()}` contradicts `status: {status}`"
            self.add("KB115", front.keys["draft"], what, "keep `status` and remove `draft`")
        return status or meant

    def _seo(self, key: str, value: YamlValue) -> Seo | None:
        if not isinstance(value, YamlMapping):
            advice = f"write {', '.join(SEO_KEYS)} below it, indented"
            self.add("KB113", value.span, f"`{key}` must contain `key: value` lines", advice)
            return None
        table = self._known(value, SEO_KEYS, "`seo`", f"{key}.")
        return Seo(
            title=self._read(table, "title", self._text, f"{key}."),
            description=self._read(table, "description", self._text, f"{key}."),
            keywords=self._read(table, "keywords", self._texts, f"{key}."),
        )

    def _author(self, key: str, value: YamlValue) -> str | int | None:
        text = value.text.strip() if isinstance(value, YamlScalar) else ""
        if _INTEGER.fullmatch(text):
            return int(text)
        if _EMAIL.fullmatch(text):
            return text
        self.add(
            "KB113",
            value.span,
            f"`{key}` must be an agent's e-mail or id",
            f"write `{key}: name@example.com`; {_OTHER_TOOL}",
        )
        return None

    def _variables(self, key: str, value: YamlValue) -> Mapping[str, str] | None:
        if not isinstance(value, YamlMapping):
            advice = "write `name: text` lines below it, indented"
            self.add("KB113", value.span, f"`{key}` must contain `name: text` lines", advice)
            return None
        found: dict[str, str] = {}
        for name, item in value.items.items():
            place = value.keys[name]
            if not is_variable_name(name):
                self.add("KB113", place, f"`{name}` is not a valid variable name", "use letters, digits, `_` and `-`")
            elif not isinstance(item, YamlScalar) or item.is_null:
                self.add(
                    "KB113",
                    place,
                    f"the variable `{name}` has no text",
                    'write the text in quotes, or `""` for an empty text',
                )
            elif "\n" in item.text.strip():
                what = f"the variable `{name}` has more than one line"
                self.add("KB113", place, what, 'put longer text into a file of its own: `{% include "…" %}`')
            else:
                found[unicodedata.normalize("NFC", name)] = item.text.strip()
        return found

    def _defaults(self, key: str, value: YamlValue) -> ArticleFields | None:
        if not isinstance(value, YamlMapping):
            what = f"`{key}` must contain `key: value` lines"
            self.add("KB113", value.span, what, "write article keys below it, indented")
            return None
        for own in _OWN_KEYS:
            if own in value.items:
                what = f"`{own}` cannot be a default: it belongs to one article"
                self.add("KB114", value.keys[own], what, "write it in the article")
        return self._article(self._known(value, ARTICLE_KEYS, "articles"))

    def _check_visibility(self, front: YamlMapping, fields: IndexFields) -> None:
        """Check that a list of readers comes with the `visibility` without which the API ignores it (documented)."""
        companies = (Visibility.COMPANIES,)
        segments = (Visibility.CONTACT_SEGMENTS, Visibility.COMPANY_SEGMENTS)
        for key, given, wanted in (("companies", fields.companies, companies), ("segments", fields.segments, segments)):
            if given is not None and fields.visibility not in wanted:
                advice = f"add `visibility: {wanted[0]}`"
                self.add("KB115", front.keys[key], f"`{key}` has no effect without `visibility: {wanted[0]}`", advice)
            if fields.visibility in wanted and (given == () or not front.has(key)):
                advice = f"add `{key}: [id, …]`"
                self.add("KB115", front.keys["visibility"], f"`visibility: {fields.visibility}` needs `{key}`", advice)


def _shape(value: YamlValue) -> str:
    match value:
        case YamlScalar():
            return "text"
        case YamlSequence():
            return "list"
        case YamlMapping():
            return "block of keys"
