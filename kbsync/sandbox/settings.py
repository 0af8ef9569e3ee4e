"""How one sandbox behaves: the choices of its user, and a switch for each thing nobody knows about the real service.

Every default is the documented or recorded behaviour; where there is neither, the one a careful client finds hardest.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal


class SandboxError(Exception):
    """The sandbox cannot start or cannot take what it was given; the text says what to do next."""


Rewriting = Literal["off", "editor", "strict"]


def now() -> datetime:
    """Tell the time in UTC."""
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Agent:
    """Somebody with a key; the first of `SandboxSettings.agents` is the one behind `SandboxSettings.key`."""

    id: int
    name: str
    email: str


AGENTS = (
    Agent(id=150_000_000_001, name="Robin Okafor", email="robin@example.com"),
    Agent(id=150_000_000_002, name="Sam Lindqvist", email="sam@example.com"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class SandboxSettings:
    """The choices for one sandbox.

    * `data`: the SQLite file that keeps it; `None` keeps it in memory.
    * `calls_per_minute`: `None` switches the limit off (the headers then tell of a very large one); `window` is the
      length of a "minute" in seconds; `retry_after` answers that text instead of the seconds to wait; `limit_body` is
      how a 429 is worded.
    * `rewriting`: what happens to the HTML of a body that arrives. `editor` adds what the web editor adds and
      re-serialises; `strict` strips what a strict sanitiser would.
    * `gone`: the status for an item that was deleted.
    * `subfolders`: whether the account has folders in folders, or how the call is refused.
    * `reparenting`: whether `parent_folder_id` may change.
    * `duplicate_body`: the shape of a 409; `folder_names`: within what a folder's name is unique.
    * `fold_case`: whether names that differ by case alone are the same name.
    * `seo_update`: whether an update keeps the keys of `seo_data` it does not name; `seo_unset`: how none is shown.
    * `deleting`: whether what is not empty is deleted with all it holds, or refused.
    * `draft_edit`: what `status: 1` beside other fields does to a published article; `shown`: which of the two
      versions the API then shows; `status_omitted`: what an update without `status` does to a published article.
    * `language`, `languages`: the primary language and the others; without others the account is not multilingual.
    * `parent_language`: whether a translation needs its parent's first.
    * `portals`: the ids of several portals; with fewer than two `visible_in_portals` is refused.
    * `title_limit`, `body_limit`: characters; `None` is no limit.
    * `ids`: whether categories, folders and articles may have the same id.
    * `hosts`: names other than loopback that the server answers to.
    * `clock`: where the time comes from.
    """

    key: str = field(default="sandbox", repr=False)
    name: str = "Help centre"
    data: Path | None = None
    agents: tuple[Agent, ...] = AGENTS
    calls_per_minute: int | None = None
    window: float = 60.0
    retry_after: str | None = None
    limit_body: Literal["json", "text", "empty"] = "json"
    rewriting: Rewriting = "off"
    gone: Literal[404, 403] = 404
    subfolders: Literal["on", "forbidden", "missing"] = "on"
    reparenting: bool = True
    duplicate_body: Literal["errors", "code"] = "errors"
    folder_names: Literal["parent", "category", "account"] = "parent"
    fold_case: bool = False
    seo_update: Literal["merge", "replace"] = "merge"
    seo_unset: Literal["blank", "absent"] = "blank"
    deleting: Literal["cascade", "refuse"] = "cascade"
    draft_edit: Literal["beside", "unpublish"] = "beside"
    shown: Literal["draft", "live"] = "draft"
    status_omitted: Literal["keep", "draft"] = "keep"
    language: str = "en"
    languages: tuple[str, ...] = ()
    parent_language: Literal["strict", "lax"] = "strict"
    portals: tuple[int, ...] = ()
    title_limit: int | None = 255
    body_limit: int | None = None
    ids: Literal["distinct", "overlapping"] = "distinct"
    hosts: tuple[str, ...] = ()
    clock: Callable[[], datetime] = now
