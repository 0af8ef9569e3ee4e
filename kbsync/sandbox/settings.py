"""The settings of a sandbox: the choices of its user, and one setting for each unknown of the real service.

Every default is the documented or recorded behaviour; where neither exists, the one that is hardest for a client.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal


class SandboxError(Exception):
    """The sandbox cannot start, or its input is not valid; the message says what to do."""


Rewriting = Literal["off", "editor", "strict"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Agent:
    """An agent of the account; the first of `SandboxSettings.agents` is the one behind `SandboxSettings.key`."""

    id: int
    name: str
    email: str


AGENTS = (
    Agent(id=150_000_000_001, name="Robin Okafor", email="robin@example.com"),
    Agent(id=150_000_000_002, name="Sam Lindqvist", email="sam@example.com"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class SandboxSettings:
    """The settings of one sandbox.

    * `data`: the SQLite file with the content; `None` keeps the content in memory.
    * `calls_per_minute`: the rate limit; `None` is no limit, and the headers then show a very large one. `window` is
      the length of the "minute" in seconds, `retry_after` replaces the number of seconds in the header of that name,
      `limit_body` is the form of the 429 response.
    * `rewriting`: the changes to the HTML of a body that is written. `editor` adds what the web editor adds and
      serialises again; `strict` removes what a strict sanitiser removes.
    * `gone`: the status for a deleted item.
    * `subfolders`: whether the account has folders in folders; if not, the error of the call.
    * `reparenting`: whether `parent_folder_id` may change.
    * `duplicate_body`: the form of a 409 response. `folder_names`: where the name of a folder must be unique.
    * `fold_case`: whether names that differ only in case are equal.
    * `seo_update`: whether an update keeps the keys of `seo_data` that it does not have. `seo_unset`: the value of
      `seo_data` that was never set.
    * `deleting`: whether a category or folder is deleted with its content, or only when empty.
    * `draft_edit`: the effect of `status: 1` with other fields on a published article. `shown`: the version that the
      API then returns. `status_omitted`: the effect of an update without `status` on a published article.
    * `language`, `languages`: the primary language and the others; without others the account is not multilingual.
    * `parent_language`: whether a translation needs one of its parent first.
    * `portals`: the ids of several portals; with fewer than two, `visible_in_portals` is not a valid field.
    * `title_limit`, `body_limit`: the maximum number of characters; `None` is no limit.
    * `ids`: whether a category, a folder and an article may have the same id.
    * `hosts`: host names other than loopback that the server accepts.
    * `clock`: the source of the time.
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
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)
