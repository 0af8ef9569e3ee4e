"""What the calls on categories, folders and articles have in common."""

from collections.abc import Iterable
from typing import Any, TypeVar

from starlette.requests import Request

from kbsync.sandbox.account import Account
from kbsync.sandbox.api.errors import (
    FieldRules,
    duplicate_value,
    invalid_value,
    not_found,
    translation_rules,
    validation_failed,
)
from kbsync.sandbox.api.requests import id_of
from kbsync.sandbox.database import ArticleRecord, CategoryRecord, FolderRecord
from kbsync.sandbox.tables import ItemTable

Item = TypeVar("Item", CategoryRecord, FolderRecord, ArticleRecord)
Named = CategoryRecord | FolderRecord


def find(request: Request, account: Account, table: ItemTable[Item], language: str | None = None) -> Item:
    """Return the item that the path names, in the primary language by default; raise `ApiError` for an unknown one."""
    return _get(account, table, id_of(request), language or account.settings.language)


def find_untranslated(request: Request, account: Account, table: ItemTable[Item], language: str) -> Item:
    """Return the item that the path names; raise `ApiError` where it has a translation in the language already."""
    item = find(request, account, table)
    if table.get(item.id, language):
        raise duplicate_value(account, "language")
    return item


def require_translated_parent(account: Account, table: ItemTable[Item], parent_id: int, language: str) -> None:
    """Raise `ApiError` where a parent has no translation in the language, unless the account is lax about it."""
    if account.settings.parent_language == "strict" and table.get(parent_id, language) is None:
        message = f"The {table.kind} has no translation in this language"
        raise validation_failed([invalid_value("language", message)])


def require_unique_name(account: Account, name: str, others: Iterable[Named], *, own_id: int | None = None) -> None:
    """Raise `ApiError` where another item has the name."""

    def key(text: str) -> str:
        return text.casefold() if account.settings.fold_case else text

    if any(key(other.name) == key(name) for other in others if other.id != own_id):
        raise duplicate_value(account, "name")


def update_rules(account: Account, language: str, rules: FieldRules) -> FieldRules:
    """Return the rules for an update: those given for the primary language, else those of a translation."""
    return rules if language == account.settings.language else translation_rules(account.settings)


def changed_fields(before: Named | ArticleRecord, wanted: dict[str, Any]) -> dict[str, Any]:
    """Return the fields that an update changes."""
    return {key: value for key, value in wanted.items() if getattr(before, key) != value}


def save_changes(account: Account, table: ItemTable[Item], before: Item, changes: dict[str, Any]) -> Item:
    """Write the changed fields and return the item after it; without a change `updated_at` stays."""
    if changes:
        table.edit(before, changes, time=account.store.database.time())
    return _get(account, table, before.id, before.language)


def _get(account: Account, table: ItemTable[Item], id_: int, language: str) -> Item:
    found = table.get(id_, language)
    if found is None:
        raise not_found(account, table.kind, id_)
    return found
