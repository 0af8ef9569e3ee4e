"""The content tree as a knowledge base: categories, folders and articles with everything that is wrong with them.

Reads whatever `Files` holds, a checkout or a commit, and writes nothing. A file that is wrong stops no other: its
problems are gathered, and what could be made out of it still stands in the tree, so that links to it lead somewhere.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields, replace

from kbsync.content.document import Document, decode, line_at, parse_document
from kbsync.content.fields import ArticleFields, Diagnostics, IndexFields, article_fields, index_fields, merged
from kbsync.content.front_matter import Table
from kbsync.content.includes import Expansion, Includes
from kbsync.content.selection import INDEX, Role, Selection, TreeRules, directories, split_suffix, twins, with_role
from kbsync.errors import ContentError, Problem
from kbsync.files import Files, windows_name_error
from kbsync.model import Article, Category, Folder, Item, ItemKey, KnowledgeBase, Origin, Seo, Side, Status

_FOLDER_KEYS = ("visibility", "companies", "segments")
_TITLE_ADVICE = "write `title:` in the front matter, or begin with a line `# Title`"


def judge_names(roles: Mapping[str, Role]) -> Iterator[Problem]:
    """Find names that another system could not hold, or not beside one another."""
    visible = sorted(path for path, role in roles.items() if role is not Role.NONE)
    for path in with_role(roles, Role.MISNAMED):
        name = path.rpartition("/")[2]
        wanted = INDEX if name.casefold() == INDEX else f"{split_suffix(name)[0]}.md"
        yield _problem(path, 0, "is not read under this name", f"rename it to `{wanted}`")
    for path, first in twins([*sorted(directories(visible)), *visible]):
        what = f"differs from `{first}` only in case: on macOS and Windows they are one"
        yield _problem(path, 0, what, "rename one of the two")
    for path in directories(visible):
        if split_suffix(path.rpartition("/")[2])[1].casefold() == ".md":
            yield _problem(path, 0, "is a directory with the name of an article", "rename it")
    content = [*with_role(roles, Role.ARTICLE), *with_role(roles, Role.INDEX)]
    for path in (*directories(content), *content):
        trouble = windows_name_error(path.rpartition("/")[2])
        if trouble:
            yield _problem(path, 0, trouble, "rename it", stops=False)


def _problem(path: str, line: int, what: str, advice: str, *, stops: bool = True) -> Problem:
    return Problem(path=path, line=line, message=what, advice=advice, is_error=stops)


def judge_title(desk: Diagnostics, document: Document) -> None:
    """Note a title that is missing or too long."""
    if "title" in document.front.items:
        return
    if document.heading is None:
        empty = not document.text.strip("\ufeff \t\r\n")
        desk.note(1, "is empty" if empty else "has no title", _TITLE_ADVICE)
    elif len(document.heading.title) > 255:
        line = line_at(document.text, document.heading.start)
        what = f"the title has {len(document.heading.title)} characters, more than Freshdesk takes"
        desk.note(line, what, "shorten it to 255")


def judge_index_keys(desk: Diagnostics, front: Table, depth: int) -> None:
    """Note keys that mean nothing for the root, a category or a folder."""
    match depth:
        case 0:
            foreign = tuple(key for key in front.items if key != "defaults")
            where = "the root, where an index file holds `defaults` alone"
        case 1:
            foreign, where = _FOLDER_KEYS, "a category"
        case _:
            foreign, where = ("portals",), "a folder"
    for key in foreign:
        if key in front.items and key not in desk.ignored_keys:
            desk.note(front.keys[key].line, f"`{key}` means nothing for {where}", "take it away")


@dataclass(frozen=True, slots=True, kw_only=True)
class ContentTree:
    """What was read.

    `skipped` are translations, which are not published yet; `withheld` are files that are there and are no content:
    hidden, ignored, or with `publish: false`. `expansions` tells, for the articles that use includes or variables, how
    their bodies came about; `scopes` the variables at each article and directory that has its own, and
    `variables` those everywhere else.
    """

    knowledge: KnowledgeBase
    problems: tuple[Problem, ...] = ()
    translations: tuple[str, ...] = ()
    excluded: tuple[str, ...] = ()
    expansions: Mapping[str, Expansion] = field(default_factory=dict)
    scopes: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    variables: Mapping[str, str] = field(default_factory=dict)

    def variables_at(self, path: str) -> Mapping[str, str]:
        """Return the variables that count at a path, there already or not."""
        while path and path not in self.scopes:
            path = path.rpartition("/")[0]
        return self.scopes.get(path, self.variables)


def read_tree(files: Files, rules: TreeRules) -> ContentTree:
    """Read the whole tree; raises nothing for what a file says or is."""
    selection = Selection(rules)
    roles = {path: selection.role(path) for path in files.paths()}
    reading = _Reading(files, rules)
    reading.problems += [problem for problem in files.problems() if not selection.is_hidden(problem.path)]
    reading.problems += judge_names(roles)
    for path in with_role(roles, Role.INDEX):
        reading.index(path)
    reading.note_scopes()
    for path in with_role(roles, Role.ARTICLE):
        reading.article(path)
    reading.judge_together()
    reading.judge_loose()
    return ContentTree(
        knowledge=reading.knowledge(frozenset(with_role(roles, Role.ASSET))),
        problems=tuple(sorted(set(reading.problems))),
        translations=with_role(roles, Role.TRANSLATION),
        excluded=tuple(sorted((*with_role(roles, Role.NONE), *reading.unpublished))),
        expansions=reading.expansions,
        scopes=reading.scopes,
        variables=rules.variables,
    )


def read_article(files: Files, rules: TreeRules, path: str) -> tuple[Article, tuple[Problem, ...]] | None:
    """Read one article alone, or what is written like one, with what is wrong with its includes; None: there is none.

    Raises:
        ContentError: the file cannot be read or taken apart.
    """
    if path not in files.paths():
        return None
    parse_document(decode(files.read(path), path), path)
    reading = _Reading(files, rules)
    for directory in directories([path]) | {""}:
        if (index := f"{directory}/{INDEX}".lstrip("/")) in files.paths():
            reading.index(index)
    reading.article(path)
    expansion = reading.expansions.get(path)
    article = next((article for article in reading.articles if article.path == path), None)
    return (article, expansion.problems if expansion else ()) if article else None


class _Reading:
    """One reading of a tree: what was made out so far, and what is wrong."""

    def __init__(self, files: Files, rules: TreeRules) -> None:
        self.files = files
        self.rules = rules
        self.problems: list[Problem] = []
        self.unpublished: list[str] = []
        self.indexes: dict[str, tuple[IndexFields, Document | None]] = {}
        self.articles: list[Article] = []
        self.snippets = Includes(files)
        self.expansions: dict[str, Expansion] = {}
        self.scopes: dict[str, Mapping[str, str]] = {}
        self.loose: dict[str, list[Problem]] = {}

    def index(self, path: str) -> None:
        """Read one index file."""
        directory = path.rpartition("/")[0]
        desk, document = self._open(path)
        if document is None:
            self.indexes[directory] = IndexFields(), None
            return
        found = index_fields(desk, document.front)
        if document.body.strip():
            if found.description is not None:
                line = document.lines["description"]
                desk.note(
                    line, "`description` stands beside a body, which is the description too", "keep one of the two"
                )
            found = replace(found, description=document.body.strip())
        judge_index_keys(desk, document.front, directory.count("/") + 1 if directory else 0)
        self.indexes[directory] = found, document
        self.problems += desk.problems

    def note_scopes(self) -> None:
        """Note the variables of the directories, which count for articles that are still to come too."""
        for directory in self.indexes:
            self._scope(directory, self._defaults(directory))

    def article(self, path: str) -> None:
        """Read one article."""
        desk, document = self._open(path)
        directory, _, name = path.rpartition("/")
        stem = split_suffix(name)[0]
        if document is None:
            self.articles.append(Article(path=path, title=stem, body=""))
            return
        found = _inherited(article_fields(desk, document.front), self._defaults(directory))
        if found.publish is False:
            self.unpublished.append(path)
            return
        judge_title(desk, document)
        if directory.count("/") < 1:
            where = f"a directory below `{directory}`" if directory else "a category's folder"
            desk.note(0, "lies outside any folder", f"move it into {where}, or set `publish: false`")
            self.loose[path] = desk.problems
        else:
            self.problems += desk.problems
        self.articles.append(_article(path, document, found, stem, self._body(path, document, found)))

    def _body(self, path: str, document: Document, found: ArticleFields) -> str:
        """Return an article's body with includes and variables resolved."""
        scope = self._scope(path, found)
        expansion = self.snippets.expander(scope).expand(document.body, path=path, line=document.body_line)
        if expansion is None:
            return document.body
        self.expansions[path] = expansion
        self.problems += expansion.problems
        return expansion.body

    def judge_together(self) -> None:
        """Note what is wrong between items that are right by themselves."""
        items = tuple(self.knowledge(frozenset()).items())
        pinned: dict[ItemKey, str] = {}
        named: dict[tuple[str, str], str] = {}
        for item in items:
            path = item.path or ""
            if item.id is not None and pinned.setdefault(item.key, path) != path:
                line = _line_of(item, "id", self.indexes)
                what = f"`id: {item.id}` is pinned by `{pinned[item.key]}` too"
                self._note(_file_of(item), line, what, "an id belongs to one item")
            if isinstance(item, Article):
                continue
            parent = path.rpartition("/")[0]
            if named.setdefault((parent, item.name), path) != path:
                what = f"the name `{item.name}` is taken by `{named[parent, item.name]}`"
                line = _line_of(item, "name", self.indexes)
                self._note(_file_of(item), line, what, "Freshdesk wants names that differ")

    def judge_loose(self) -> None:
        """Note what lies where no article can, but for what is included: that is none."""
        self.unpublished += self.loose.keys() & self.snippets.asked
        self.problems += [problem for path in self.loose.keys() - self.snippets.asked for problem in self.loose[path]]
        self.problems += self.snippets.problems

    def knowledge(self, assets: frozenset[str]) -> KnowledgeBase:
        """Put together what was made out; a directory counts where an index file or an article says so."""
        paths = [article.path or "" for article in self.articles]
        places = directories([*paths, *(f"{directory}/{INDEX}" for directory in self.indexes if directory)])
        ordered = sorted(places, key=lambda place: place.split("/"))
        return KnowledgeBase(
            side=Side.CONTENT,
            categories=tuple(self._category(place) for place in ordered if "/" not in place),
            folders=tuple(self._folder(place) for place in ordered if "/" in place),
            articles=tuple(article for article in self.articles if (article.path or "").count("/") > 1),
            assets=assets,
        )

    def _category(self, place: str) -> Category:
        said, document = self.indexes.get(place, (IndexFields(), None))
        return Category(
            path=place,
            name=said.name or place,
            description=said.description,
            portals=said.portals,
            id=said.id,
            origin=_origin(document),
        )

    def _folder(self, place: str) -> Folder:
        said, document = self.indexes.get(place, (IndexFields(), None))
        return Folder(
            path=place,
            name=said.name or place.rpartition("/")[2],
            description=said.description,
            visibility=said.visibility,
            companies=said.companies,
            segments=said.segments,
            id=said.id,
            origin=_origin(document),
        )

    def _defaults(self, directory: str) -> ArticleFields:
        steps = directory.split("/") if directory else []
        found = ArticleFields()
        for depth in range(len(steps), -1, -1):
            said = self.indexes.get("/".join(steps[:depth]))
            found = _inherited(found, said[0].defaults) if said else found
        return found

    def _scope(self, path: str, found: ArticleFields) -> Mapping[str, str]:
        """Return the variables that count in an article or below a directory, and note them where they are its own."""
        if not found.variables:
            return self.rules.variables
        return self.scopes.setdefault(path, {**self.rules.variables, **found.variables})

    def _open(self, path: str) -> tuple[Diagnostics, Document | None]:
        desk = Diagnostics(path, target=self.rules.target, ignored_keys=self.rules.ignored_keys)
        try:
            text = decode(self.files.read(path), path)
            return desk, parse_document(text, path)
        except ContentError as error:
            self.problems += error.problems
            return desk, None

    def _note(self, path: str, line: int, what: str, advice: str, *, stops: bool = True) -> None:
        self.problems.append(Problem(path=path, line=line, message=what, advice=advice, is_error=stops))


def _article(path: str, document: Document, found: ArticleFields, stem: str, body: str) -> Article:
    heading = document.heading.title if document.heading else None
    return Article(
        path=path,
        title=found.title or heading or stem,
        body=body,
        status=found.status or Status.PUBLISHED,
        tags=found.tags,
        seo=found.seo,
        author=found.author,
        id=found.id,
        origin=_origin(document),
    )


def _inherited(own: ArticleFields, above: ArticleFields) -> ArticleFields:
    """Fill in what an article does not say itself, field by field."""
    taken = {
        field.name: getattr(above, field.name)
        for field in fields(ArticleFields)
        if field.name not in ("seo", "variables") and getattr(own, field.name) is None
    }
    seo = Seo(
        title=own.seo.title if own.seo.title is not None else above.seo.title,
        description=own.seo.description if own.seo.description is not None else above.seo.description,
        keywords=own.seo.keywords if own.seo.keywords is not None else above.seo.keywords,
    )
    return replace(own, seo=seo, variables=merged(own.variables, above.variables), **taken)


def _origin(document: Document | None) -> Origin | None:
    return Origin(text=document.text, body_line=document.body_line) if document else None


def _file_of(item: Item) -> str:
    if isinstance(item, Article) or item.origin is None:
        return item.path or ""
    return f"{item.path}/{INDEX}"


def _line_of(item: Item, key: str, indexes: Mapping[str, tuple[IndexFields, Document | None]]) -> int:
    if isinstance(item, Article):
        return parse_document(item.origin.text, item.path or "").lines.get(key, 0) if item.origin else 0
    document = indexes.get(item.path or "", (None, None))[1]
    return document.lines.get(key, 0) if document else 0
