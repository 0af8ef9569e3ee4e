"""Filling a store from JSON: category → folder → articles, each `{title, position, description}`."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from kbsync.sandbox.errors import SandboxError
from kbsync.sandbox.records import PUBLISHED
from kbsync.sandbox.store import Store

Document = Mapping[str, Mapping[str, Sequence[Mapping[str, Any]]]]


def load(store: Store, document: Document) -> int:
    """Add what a document holds to a store, all or nothing, and give the number of articles.

    A category or folder that is there already takes the new articles; articles get ascending ids by `position`. Raises
    `SandboxError` where the document is not of this shape.
    """
    _check(document)
    with store.together():
        return sum(
            _load_folder(store, _category(store, category), folder, articles)
            for category, folders in document.items()
            for folder, articles in folders.items()
        )


def load_path(store: Store, path: Path) -> int:
    """Add a JSON file, or every `*.json` of a folder in the order of their names; gives the number of articles."""
    files = sorted(path.glob("*.json")) if path.is_dir() else [path]
    if not files:
        raise SandboxError(f"{path} holds no *.json file to load")
    with store.together():
        return sum(load(store, _read(file)) for file in files)


def _read(file: Path) -> Document:
    try:
        document: Document = json.loads(file.read_text(encoding="utf-8"))
        _check(document)
    except OSError as error:
        raise SandboxError(f"cannot read {file}: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise SandboxError(f"{file} is not JSON in UTF-8: {error}") from error
    except SandboxError as error:
        raise SandboxError(f"{file}: {error}") from error
    return document


def _check(document: Any) -> None:
    shape = 'it should read {"category": {"folder": [{"title": "…", "description": "<p>…</p>", "position": 1}]}}'
    if not isinstance(document, dict):
        raise SandboxError(shape)
    for category, folders in document.items():
        if not isinstance(folders, dict):
            raise SandboxError(f"in {category!r}: {shape}")
        for folder, articles in folders.items():
            if not isinstance(articles, list) or not all(_is_article(article) for article in articles):
                raise SandboxError(f"in {category!r} / {folder!r}: {shape}")


def _is_article(value: Any) -> bool:
    return (
        isinstance(value, dict)
        and isinstance(value.get("title"), str)
        and isinstance(value.get("description", ""), str)
        and isinstance(value.get("position", 0), int | float)
    )


def _category(store: Store, name: str) -> int:
    for category in store.all_categories():
        if category.name == name:
            return category.id
    return store.create_category(name).id


def _load_folder(store: Store, category_id: int, name: str, articles: Sequence[Mapping[str, Any]]) -> int:
    for folder in store.folders.in_category(category_id, store.language):
        if folder.name == name:
            folder_id = folder.id
            break
    else:
        folder_id = store.create_folder(category_id, name).id
    for article in sorted(articles, key=lambda one: one.get("position", 0)):
        fields = {"title": article["title"], "description": article.get("description", ""), "status": PUBLISHED}
        store.articles.create(store.language, folder_id=folder_id, agent_id=store.agent_id, fields=fields)
    return len(articles)
