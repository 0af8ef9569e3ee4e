"""What readers may see of a store: published articles in folders that are open to them."""

from dataclasses import dataclass

from kbsync.sandbox.records import AGENTS_ONLY, BOTS, Category, Folder, Heading
from kbsync.sandbox.store import Store

HIDDEN = (AGENTS_ONLY, BOTS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Shelf:
    """A folder as readers see it: its folders, its articles, and how many articles there are at any depth."""

    folder: Folder
    folders: tuple["Shelf", ...]
    articles: tuple[Heading, ...]

    @property
    def count(self) -> int:
        """Count the articles at any depth."""
        return len(self.articles) + sum(inner.count for inner in self.folders)


@dataclass(frozen=True, slots=True, kw_only=True)
class Bookcase:
    """A category as readers see it."""

    category: Category
    shelves: tuple[Shelf, ...]

    @property
    def count(self) -> int:
        """Count the articles at any depth."""
        return sum(shelf.count for shelf in self.shelves)


class Shelves:
    """One reading of what readers may see in one language."""

    def __init__(self, store: Store, language: str) -> None:
        self._store = store
        self.language = language
        everywhere = {folder.id: folder for folder in store.all_folders()}
        here = everywhere if language == store.language else {one.id: one for one in store.folders.all(language)}
        self._folders = {id_: folder for id_, folder in here.items() if _is_open(folder, everywhere)}
        self._inside: dict[int | None, list[Folder]] = {}
        for folder in self._folders.values():
            self._inside.setdefault(folder.parent_id, []).append(folder)
        self._articles: dict[int, list[Heading]] = {}
        for article in store.articles.headings(language):
            if article.readable and article.folder_id in self._folders:
                self._articles.setdefault(article.folder_id, []).append(article)

    @property
    def open_folders(self) -> frozenset[int]:
        """Give the ids of the folders readers may look into."""
        return frozenset(self._folders)

    def bookcases(self) -> tuple[Bookcase, ...]:
        """Give every category that has a folder to show."""
        cases = (self._bookcase(category) for category in self._store.categories.list(self.language))
        return tuple(case for case in cases if case.shelves)

    def bookcase(self, id_: int) -> Bookcase | None:
        """Give one category."""
        category = self._store.categories.get(id_, self.language)
        return self._bookcase(category) if category else None

    def shelf(self, id_: int) -> Shelf | None:
        """Give one folder."""
        folder = self._folders.get(id_)
        return self._shelf(folder) if folder else None

    def _bookcase(self, category: Category) -> Bookcase:
        top = [folder for folder in self._inside.get(None, []) if folder.category_id == category.id]
        return Bookcase(category=category, shelves=tuple(self._shelf(folder) for folder in top))

    def _shelf(self, folder: Folder) -> Shelf:
        return Shelf(
            folder=folder,
            folders=tuple(self._shelf(inner) for inner in self._inside.get(folder.id, [])),
            articles=tuple(self._articles.get(folder.id, [])),
        )


def _is_open(folder: Folder, everywhere: dict[int, Folder]) -> bool:
    current: Folder | None = folder
    while current is not None:
        if current.visibility in HIDDEN:
            return False
        current = everywhere.get(current.parent_id) if current.parent_id else None
    return True
