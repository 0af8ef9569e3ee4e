"""The calls of the Solutions API, as documented: `Reader` for those that change nothing, `Writer` for the others.

Whoever holds a `Reader` cannot write. What goes in and comes out is JSON; `wire` knows what it means.
"""

from kbsync.freshdesk.answers import Answer, Listing, items_of
from kbsync.freshdesk.client import Connection
from kbsync.freshdesk.wire import Json
from kbsync.model import Kind

_PLURAL = {Kind.CATEGORY: "categories", Kind.FOLDER: "folders", Kind.ARTICLE: "articles"}


class Reader:
    """What can be asked of a portal without changing it."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def categories(self) -> Listing:
        """List the categories."""
        return self._list("/categories")

    def folders(self, category: int) -> Listing:
        """List the folders directly in a category; what is in those, `subfolders` tells (recorded)."""
        return self._list(f"/categories/{category}/folders")

    def subfolders(self, folder: int) -> Listing:
        """List the folders directly in a folder."""
        return self._list(f"/folders/{folder}/subfolders")

    def articles(self, folder: int) -> Listing:
        """List the articles directly in a folder, drafts and bodies too (recorded)."""
        return self._list(f"/folders/{folder}/articles")

    def one(self, kind: Kind, number: int) -> Answer:
        """Read one item by its id."""
        return self._connection.get(f"/api/v2/solutions/{_PLURAL[kind]}/{number}")

    def me(self) -> Answer:
        """Read the agent whose key this is."""
        return self._connection.get("/api/v2/agents/me")

    def agents(self, email: str) -> tuple[Json, ...]:
        """Find the agents with an e-mail address."""
        return items_of(self._connection.get("/api/v2/agents", {"email": email}), "agents")

    def _list(self, address: str) -> Listing:
        answers = list(self._connection.pages(f"/api/v2/solutions{address}"))
        items = tuple(item for answer in answers for item in items_of(answer, address))
        return Listing(items=items, at=answers[0].at)


class Writer:
    """What changes a portal. Every method raises as its `Connection` does; JSON comes from `wire`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def create_category(self, body: Json) -> Answer:
        """Create a category."""
        return self._connection.post("/api/v2/solutions/categories", body)

    def create_folder(self, category: int, body: Json) -> Answer:
        """Create a folder in a category, or in the folder that `parent_folder_id` in the body names."""
        return self._connection.post(f"/api/v2/solutions/categories/{category}/folders", body)

    def create_article(self, folder: int, body: Json) -> Answer:
        """Create an article in a folder."""
        return self._connection.post(f"/api/v2/solutions/folders/{folder}/articles", body)

    def update(self, kind: Kind, number: int, body: Json) -> Answer:
        """Change the item with this id."""
        return self._connection.put(f"/api/v2/solutions/{_PLURAL[kind]}/{number}", body)

    def delete(self, kind: Kind, number: int) -> Answer:
        """Delete the item with this id for ever, and for all that is known what it holds."""
        return self._connection.delete(f"/api/v2/solutions/{_PLURAL[kind]}/{number}")
