"""Reads a content tree, a checkout or a commit, as a knowledge base with the problems of its files.

A file with problems does not stop the others: its problems are collected, and what could be read of it is in the tree,
so that links to it have a target.
"""

import json
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, fields, replace
from typing import TypeVar

from kbsync.config import LOCK_FOLDER
from kbsync.content.document import Document, decode_source, line_at, parse_document
from kbsync.content.fields import ArticleFields, FieldReader, IndexFields
from kbsync.content.front_matter import EMPTY, FrontMatterSpan, YamlMapping
from kbsync.content.includes import Expansion, IncludedFile, Includes
from kbsync.content.selection import (
    Role,
    Selection,
    TreeRules,
    case_collisions,
    directories,
    paths_with_role,
    split_suffix,
)
from kbsync.digests import link_graph
from kbsync.errors import ContentError, Problem
from kbsync.files import Files, windows_name_error
from kbsync.markup.links import (
    ARTICLE_NUMBER,
    aliases_of,
    anchors_of,
    from_root,
    join_target,
    references,
    rewrite_addresses,
    site_target,
    split_target,
    to_root,
)
from kbsync.memo import memoized
from kbsync.model import (
    INDEX_FILE,
    Article,
    Category,
    Folder,
    Item,
    ItemKey,
    KnowledgeBase,
    Origin,
    Seo,
    Side,
    Status,
    ancestors,
    index_path,
    is_under,
    parent_path,
    source_path,
)

_Fields = TypeVar("_Fields", ArticleFields, Seo)
_FOLDER_KEYS = ("visibility", "companies", "segments")
_OTHER_SUFFIXES = (".md", ".mdx", ".html", ".htm")
_TITLE_ADVICE = (
    "write `title:` in the front matter, or begin with a line `# Title`; for the names of files as titles, set "
    '`title = "filename"` under `[front_matter]`'
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ContentTree:
    """A content tree.

    Attributes:
        translations: Files that are not published yet.
        excluded: Files that are not content: hidden, ignored, or with `publish: false`.
        expansions: The expansion of each article that uses includes or variables.
        scopes: The variables of each article and directory that has its own.
        variables: The variables of all others.
        included: The included files.
        written: The addresses of articles as they were written, in order, where their bodies have another form.
        destinations: What the addresses in the articles can lead to.
    """

    knowledge: KnowledgeBase
    problems: tuple[Problem, ...] = ()
    translations: tuple[str, ...] = ()
    excluded: tuple[str, ...] = ()
    expansions: Mapping[str, Expansion] = field(default_factory=dict)
    scopes: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    variables: Mapping[str, str] = field(default_factory=dict)
    included: Mapping[str, IncludedFile] = field(default_factory=dict)
    written: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    destinations: "Destinations" = field(default_factory=lambda: Destinations(()), compare=False)

    def variables_at(self, path: str) -> Mapping[str, str]:
        """Return the variables of a path, whether a file is there or not."""
        found = next((place for place in (path, *ancestors(path)) if place in self.scopes), "")
        return self.scopes.get(found, self.variables)


def read_tree(files: Files, rules: TreeRules) -> ContentTree:
    """Read the whole tree; problems of files are collected and never raised."""
    selection = Selection(rules)
    roles = {path: selection.role(path) for path in files.paths()}
    reader = _TreeReader(files, rules)
    hidden = selection.is_hidden
    reader.problems += [
        one
        for one in files.problems()
        if is_under(one.path, LOCK_FOLDER) or not (hidden(one.path) or hidden(f"{one.path}/_index.md"))
    ]
    reader.problems += _validate_names(roles)
    for path in paths_with_role(roles, Role.INDEX):
        reader.read_index(path)
    for directory in reader.indexes:
        reader.add_scope(directory, reader.defaults(directory))
    for path in paths_with_role(roles, Role.ARTICLE):
        reader.read_article(path)
    reader.validate_uniqueness()
    reader.add_misplaced()
    knowledge = reader.knowledge_base(frozenset(paths_with_role(roles, Role.ASSET)))
    destinations = Destinations(knowledge.items(), knowledge.assets, roles)
    knowledge, written = _settle(knowledge, destinations)
    nameable = {path for path in paths_with_role(roles, Role.NONE) if selection.may_be_named(path)}
    targets = link_graph(knowledge).targets.values() if nameable else ()
    named = nameable.intersection(path for paths in targets for path in paths)
    return ContentTree(
        knowledge=replace(knowledge, assets=knowledge.assets | named),
        problems=tuple(sorted(set(reader.problems))),
        translations=paths_with_role(roles, Role.TRANSLATION),
        excluded=tuple(sorted({*paths_with_role(roles, Role.NONE), *reader.unpublished} - named)),
        expansions=reader.expansions,
        scopes=reader.scopes,
        variables=rules.variables,
        included=reader.includes.files(),
        written=written,
        destinations=destinations,
    )


def _settle(knowledge: KnowledgeBase, destinations: "Destinations") -> tuple[KnowledgeBase, dict[str, tuple[str, ...]]]:
    """Bring the addresses of all articles to kbsync's own form; return also those that were written otherwise."""
    articles = [replace(one, body=destinations.settle(one.path or "", one.body)) for one in knowledge.articles]
    written = {
        old.path or "": tuple(reference.target for reference in references(old.body))
        for old, new in zip(knowledge.articles, articles, strict=True)
        if old.body != new.body
    }
    return replace(knowledge, articles=tuple(articles)), written


class Destinations:
    """What the addresses of a tree's articles can lead to; forms of other tools become kbsync's own.

    These are addresses from the root (`/a/b/c.md`), without a suffix or with that of another tool, numbers of articles,
    and anchors by other rules. Each is taken where it can mean exactly one thing, and left as it is otherwise.
    """

    def __init__(self, items: Iterable[Item], assets: Collection[str] = (), files: Collection[str] = ()) -> None:
        known = {item.path or "": item for item in items}
        self._bodies = {path: item.body for path, item in known.items() if isinstance(item, Article)}
        self._ids = {item.id: path for path, item in known.items() if isinstance(item, Article) and item.id}
        self._items = known.keys()
        self._known = {*known, *assets, *files}

    def settle(self, path: str, body: str) -> str:
        """Return the body of the file at `path` with its addresses in kbsync's own form."""
        changes = {one.target: self.own(path, one.target) for one in references(body)}
        changes = {old: new for old, new in changes.items() if old != new}
        if not changes:
            return body
        try:
            return memoized(
                "settled",
                (body, json.dumps(changes)),
                lambda: rewrite_addresses(body, lambda address: changes.get(address, address)),
            )
        except ValueError:
            return body

    def own(self, path: str, address: str) -> str:
        """Return the address in kbsync's own form, in the file at `path`."""
        address = address.strip()
        if address.startswith("#"):
            name, _, anchor = split_target(to_root("page", f"page{address}") or "")
            settled = self._anchor(path, anchor)
            return address if settled == anchor else from_root(path, join_target(path, settled))
        number = ARTICLE_NUMBER.fullmatch(address)
        try:
            target = site_target(address) or to_root(path, f"./{address}" if number else address)
        except ValueError:
            return address
        name, _, anchor = split_target(target or "")
        place = self._ids.get(int(number["id"])) if number else None
        place = place or self._place(name)
        if not name or place is None:
            return address
        settled = self._anchor(place, anchor)
        is_own = (place, settled) == (name, anchor) and not (number or address.startswith("/"))
        return address if is_own else from_root(path, join_target(place, settled))

    def _place(self, name: str) -> str | None:
        """Return the one path that can be meant by a path; None where there is none, or several."""
        if name in self._known:
            return name
        directory, _, last = name.rpartition("/")
        stem, suffix = split_suffix(last)
        base = name.removesuffix(suffix) if suffix in _OTHER_SUFFIXES else name
        meant = {f"{base}.md", base} if suffix != ".md" else set()
        found = meant & self._items
        if not found and stem in ("index", "_index", "README"):
            found = {directory} & self._items
        return found.pop() if len(found) == 1 else None

    def _anchor(self, path: str, anchor: str) -> str:
        body = self._bodies.get(path)
        if body is None or anchor in ("", "top", *anchors_of(body)):
            return anchor
        found = aliases_of(body).get(anchor.lower(), frozenset())
        return min(found) if len(found) == 1 else anchor


def read_article(files: Files, rules: TreeRules, path: str) -> tuple[Article, tuple[Problem, ...]] | None:
    """Read one article, or an included file like one, with the problems of its includes; None where there is no file.

    Raises:
        ContentError: the file cannot be read or parsed.
    """
    if path not in files.paths():
        return None
    parse_document(decode_source(files.read(path), path), path)
    reader = _TreeReader(files, rules)
    for directory in directories([path]) | {""}:
        if (index := index_path(directory)) in files.paths():
            reader.read_index(index)
    reader.read_article(path)
    expansion = reader.expansions.get(path)
    article = next((article for article in reader.articles if article.path == path), None)
    return (article, expansion.problems if expansion else ()) if article else None


class _TreeReader:
    """The state of reading one tree."""

    def __init__(self, files: Files, rules: TreeRules) -> None:
        self.files = files
        self.rules = rules
        self.problems: list[Problem] = []
        self.unpublished: list[str] = []
        self.indexes: dict[str, tuple[IndexFields, Document | None]] = {}
        self.articles: list[Article] = []
        self.includes = Includes(files)
        self.expansions: dict[str, Expansion] = {}
        self.scopes: dict[str, Mapping[str, str]] = {}
        self.misplaced: dict[str, list[Problem]] = {}

    def read_index(self, path: str) -> None:
        directory = parent_path(path)
        reader, document = self._open(path)
        if document is None:
            self.indexes[directory] = IndexFields(), None
            return
        found = reader.read_index(document.front)
        if document.body.strip():
            if found.description is not None:
                what = "the description is given twice: as `description` and as the body"
                reader.add("KB115", document.places["description"], what, "keep one of the two")
            found = replace(found, description=document.body.strip())
        _validate_index_keys(reader, document.front, directory.count("/") + 1 if directory else 0)
        self.indexes[directory] = found, document
        self.problems += reader.problems

    def read_article(self, path: str) -> None:
        reader, document = self._open(path)
        directory, _, name = path.rpartition("/")
        stem = split_suffix(name)[0]
        if document is None:
            self.articles.append(Article(path=path, title=stem, body=""))
            return
        found = _inherited(reader.read_article(document.front), self.defaults(directory))
        if found.publish is False:
            self.unpublished.append(path)
            return
        _validate_title(reader, document, required=self.rules.title != "filename")
        if directory.count("/") < 1:
            where = f"`{directory}/FOLDER/`" if directory else "CATEGORY/FOLDER/"
            pattern = f"{directory}/**" if directory else f"/{path}"
            advice = f'move it into {where}; for another file, add `ignore = ["{pattern}"]`, or set `publish: false`'
            reader.add("KB220", EMPTY.span, "is not inside a folder", advice)
            self.misplaced[path] = reader.problems
        else:
            self.problems += reader.problems
        self.articles.append(_article(path, document, found, stem, self._body(path, document, found)))

    def _body(self, path: str, document: Document, found: ArticleFields) -> str:
        scope = self.add_scope(path, found)
        expansion = self.includes.expander(scope).expand(document.body, path=path, line=document.body_line)
        if expansion is None:
            return document.body
        self.expansions[path] = expansion
        self.problems += expansion.problems
        return expansion.body

    def validate_uniqueness(self) -> None:
        pinned: dict[ItemKey, str] = {}
        named: dict[tuple[str, str], str] = {}
        for item in self.knowledge_base(frozenset()).items():
            path = item.path or ""
            if item.id is not None and pinned.setdefault(item.key, path) != path:
                what = f"`id: {item.id}` is also used in `{pinned[item.key]}`"
                self._report("KB221", item, "id", what, "remove the wrong one; an id belongs to one item")
            if isinstance(item, Article):
                continue
            if (first := named.setdefault((parent_path(path), item.name), path)) != path:
                what = f"the name `{item.name}` is already used by `{first}`"
                self._report("KB222", item, "name", what, "change one of them; names are unique in Freshdesk")

    def _report(self, code: str, item: Item, key: str, what: str, advice: str) -> None:
        document = self.indexes.get(item.path or "", (None, None))[1]
        if isinstance(item, Article) and item.origin:
            document = parse_document(item.origin.text, item.path or "")
        path = source_path(item.kind, item.path or "") if item.origin else item.path or ""
        place = document.places.get(key, EMPTY.span) if document else FrontMatterSpan(line=0)
        self.problems.append(place.problem(code, path, what, advice))

    def add_misplaced(self) -> None:
        """Report articles outside of folders, but for included files: these are not articles."""
        self.unpublished += self.misplaced.keys() & self.includes.included
        self.problems += [
            problem for path in self.misplaced.keys() - self.includes.included for problem in self.misplaced[path]
        ]
        self.problems += self.includes.problems

    def knowledge_base(self, assets: frozenset[str]) -> KnowledgeBase:
        """Return the items that were read; directories are those with an index file or an article below."""
        paths = [article.path or "" for article in self.articles]
        places = directories([*paths, *(index_path(directory) for directory in self.indexes if directory)])
        ordered = sorted(places, key=lambda place: place.split("/"))
        return KnowledgeBase(
            side=Side.CONTENT,
            categories=tuple(self._category(place) for place in ordered if "/" not in place),
            folders=tuple(self._folder(place) for place in ordered if "/" in place),
            articles=tuple(article for article in self.articles if (article.path or "").count("/") > 1),
            assets=assets,
        )

    def _category(self, place: str) -> Category:
        own, document = self.indexes.get(place, (IndexFields(), None))
        return Category(
            path=place,
            name=own.name or place,
            description=own.description,
            portals=own.portals,
            id=own.id,
            origin=_origin(document),
        )

    def _folder(self, place: str) -> Folder:
        own, document = self.indexes.get(place, (IndexFields(), None))
        return Folder(
            path=place,
            name=own.name or place.rpartition("/")[2],
            description=own.description,
            visibility=own.visibility,
            companies=own.companies,
            segments=own.segments,
            id=own.id,
            origin=_origin(document),
        )

    def defaults(self, directory: str) -> ArticleFields:
        """Return the defaults for articles in a directory; those of the nearest index file win."""
        found = ArticleFields()
        for place in dict.fromkeys((directory, *ancestors(directory), "")):
            if place in self.indexes:
                found = _inherited(found, self.indexes[place][0].defaults)
        return found

    def add_scope(self, path: str, found: ArticleFields) -> Mapping[str, str]:
        """Return the variables of an article or a directory, and store them where it has its own."""
        if not found.variables:
            return self.rules.variables
        return self.scopes.setdefault(path, {**self.rules.variables, **found.variables})

    def _open(self, path: str) -> tuple[FieldReader, Document | None]:
        reader = FieldReader(path, target=self.rules.target, ignored_keys=self.rules.ignored_keys)
        try:
            return reader, parse_document(decode_source(self.files.read(path), path), path)
        except ContentError as error:
            self.problems += error.problems
            return reader, None


def _validate_names(roles: Mapping[str, Role]) -> Iterator[Problem]:
    """Yield problems of names: some cannot exist on another system, or not beside one another."""
    visible = sorted(path for path, role in roles.items() if role is not Role.NONE)
    for path in paths_with_role(roles, Role.MISNAMED):
        name = path.rpartition("/")[2]
        wanted = INDEX_FILE if name.casefold() == INDEX_FILE else f"{split_suffix(name)[0]}.md"
        yield Problem(
            code="KB213", path=path, message="has a name that kbsync does not read", advice=f"rename it to `{wanted}`"
        )
    for path, first in case_collisions([*sorted(directories(visible)), *visible]):
        what = f"differs from `{first}` only in case, which macOS and Windows ignore"
        yield Problem(code="KB212", path=path, message=what, advice="rename one of the two")
    for path in directories(visible):
        if split_suffix(path.rpartition("/")[2])[1].casefold() == ".md":
            what = "is a directory, but its name ends in `.md`"
            yield Problem(code="KB214", path=path, message=what, advice="rename it")
    content = [*paths_with_role(roles, Role.ARTICLE), *paths_with_role(roles, Role.INDEX)]
    for path in (*directories(content), *content):
        if error := windows_name_error(path.rpartition("/")[2]):
            yield Problem(code="KB215", path=path, message=error, advice="rename it")


def _validate_title(reader: FieldReader, document: Document, *, required: bool) -> None:
    if document.front.has("title"):
        return
    if document.heading is None and not required:
        return
    if document.heading is None:
        if document.text.strip("\ufeff \t\r\n"):
            reader.add("KB120", EMPTY.span, "has no title", _TITLE_ADVICE)
    elif len(document.heading.title) > 255:
        place = replace(EMPTY.span, line=line_at(document.text, document.heading.start))
        what = f"the title has {len(document.heading.title)} characters, more than Freshdesk accepts"
        reader.add("KB121", place, what, "shorten it to 255 characters")


def _validate_index_keys(reader: FieldReader, front: YamlMapping, depth: int) -> None:
    """Report keys that have no meaning for the root, a category or a folder."""
    match depth:
        case 0:
            foreign = tuple(key for key in front.items if key != "defaults")
            where = "the root, where an index file can contain only `defaults`"
        case 1:
            foreign, where = _FOLDER_KEYS, "a category"
        case _:
            foreign, where = ("portals",), "a folder"
    for key in foreign:
        if front.has(key) and key not in reader.ignored_keys:
            reader.add("KB114", front.keys[key], f"`{key}` has no meaning for {where}", "remove it")


def _article(path: str, document: Document, found: ArticleFields, stem: str, body: str) -> Article:
    return Article(
        path=path,
        title=found.title or (document.heading.title if document.heading else "") or stem,
        body=body,
        status=found.status or Status.PUBLISHED,
        tags=found.tags,
        seo=found.seo,
        author=found.author,
        id=found.id,
        origin=_origin(document),
    )


def _inherited(own: ArticleFields, defaults: ArticleFields) -> ArticleFields:
    """Fill in the fields that an article does not have itself."""
    variables = {**(defaults.variables or {}), **(own.variables or {})} or None
    return replace(_filled(own, defaults), seo=_filled(own.seo, defaults.seo), variables=variables)


def _filled(own: _Fields, defaults: _Fields) -> _Fields:
    missing = [field.name for field in fields(own) if getattr(own, field.name) is None]
    return replace(own, **{name: getattr(defaults, name) for name in missing})


def _origin(document: Document | None) -> Origin | None:
    return Origin(text=document.text, body_line=document.body_line) if document else None
