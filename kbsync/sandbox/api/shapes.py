"""The JSON of the API for the records of the store; the order of the keys is as recorded."""

import base64
import json
import secrets
from collections.abc import Iterable, Mapping
from typing import Any

from kbsync.sandbox.database import ID_LIST_OF_VISIBILITY, ArticleRecord, CategoryRecord, FolderRecord, HierarchyLevel
from kbsync.sandbox.sanitize import path_of
from kbsync.sandbox.settings import Agent, SandboxSettings
from kbsync.sandbox.store import published_version
from kbsync.sandbox.tables import COUNTERS


def category_to_json(category: CategoryRecord, settings: SandboxSettings) -> dict[str, Any]:
    """Write a category; `visible_in_portals` only where there are several portals (recorded)."""
    portals = {"visible_in_portals": list(category.portals)} if len(settings.portals) > 1 else {}
    return {
        "id": category.id,
        "name": category.name,
        "description": category.description,
        **portals,
        "created_at": category.created_at,
        "updated_at": category.updated_at,
        "icon": {},
    }


def folder_to_json(
    folder: FolderRecord, hierarchy: Iterable[HierarchyLevel], settings: SandboxSettings, *, listed: bool = False
) -> dict[str, Any]:
    """Write a folder; `listed` is its form in a category's list, which has no `category_id` (recorded)."""
    nesting = {
        "parent_folder_id": folder.parent_id,
        "sub_folders_count": folder.sub_folders_count,
        "hierarchy": hierarchy_to_json(hierarchy),
    }
    extra = ID_LIST_OF_VISIBILITY.get(folder.visibility)
    return {
        "id": folder.id,
        "name": folder.name,
        "description": folder.description,
        **({} if listed else {"category_id": folder.category_id}),
        "articles_count": folder.articles_count,
        "created_at": folder.created_at,
        "updated_at": folder.updated_at,
        "icon_url": None,
        **(nesting if settings.subfolders == "on" else {}),
        "visibility": folder.visibility,
        **({extra: list(getattr(folder, extra))} if extra else {}),
    }


def article_to_json(
    article: ArticleRecord,
    hierarchy: Iterable[HierarchyLevel],
    settings: SandboxSettings,
    *,
    alone: bool = False,
    counts: Mapping[str, int] | None = None,
) -> dict[str, Any]:
    """Write an article; `alone` is the response for one article, which has a token (recorded).

    `counts` are hits and thumbs of all languages (`None`: those of the article).
    """
    shown = article if settings.shown == "draft" else published_version(article)
    counts = counts or {name: getattr(shown, name) for name in COUNTERS}
    written = {
        "id": shown.id,
        "type": shown.type,
        "status": shown.status,
        "agent_id": shown.agent_id,
        "created_at": shown.created_at,
        "category_id": shown.category_id,
        "folder_id": shown.folder_id,
        "title": shown.title,
        "updated_at": shown.updated_at,
        "description": shown.description,
        "description_text": shown.description_text,
        "seo_data": seo_to_json(shown.seo, settings),
        "tags": list(shown.tags),
        "attachments": [],
        "cloud_files": [],
        "thumbs_up": counts["thumbs_up"],
        "thumbs_down": counts["thumbs_down"],
        "hits": counts["hits"],
        "suggested": 0,
        "feedback_count": 0,
        "hierarchy": hierarchy_to_json(hierarchy),
    }
    return {**written, "collaboration": {"convo_token": _token(shown)}} if alone else written


def hit_to_json(
    article: ArticleRecord, hierarchy: tuple[HierarchyLevel, ...], folder: FolderRecord, settings: SandboxSettings
) -> dict[str, Any]:
    """Write an article as a search result (documented sample)."""
    written = article_to_json(article, hierarchy, settings)
    for key in ("seo_data", "tags", "hierarchy", "attachments", "cloud_files"):
        del written[key]
    return {
        **written,
        "folder_visibility": folder.visibility,
        "path": path_of(article.id, article.title),
        "modified_at": article.updated_at,
        "modified_by": article.agent_id,
        "language_id": 6,
        "category_name": hierarchy[0].name,
        "folder_name": hierarchy[-1].name,
    }


def seo_to_json(seo: Mapping[str, Any], settings: SandboxSettings) -> dict[str, str]:
    """Write the SEO fields: keywords are written as an array and returned as one text (documented)."""
    if not seo and settings.seo_unset == "absent":
        return {}
    written = {"meta_title": seo.get("meta_title", ""), "meta_description": seo.get("meta_description", "")}
    if "meta_keywords" in seo:
        written["meta_keywords"] = ",".join(seo["meta_keywords"])
    return written


def hierarchy_to_json(levels: Iterable[HierarchyLevel]) -> list[dict[str, Any]]:
    """Write the levels from the category down."""
    return [
        {"level": number, "type": level.type, "data": {"id": level.id, "name": level.name, "language": level.language}}
        for number, level in enumerate(levels)
    ]


def agent_to_json(agent: Agent, settings: SandboxSettings) -> dict[str, Any]:
    """Write an agent."""
    created_at = "2024-01-01T00:00:00Z"
    return {
        "available": True,
        "occasional": False,
        "id": agent.id,
        "ticket_scope": 1,
        "signature": None,
        "group_ids": [],
        "role_ids": [],
        "created_at": created_at,
        "updated_at": created_at,
        "available_since": None,
        "type": "support_agent",
        "contact": {
            "active": True,
            "email": agent.email,
            "job_title": None,
            "language": settings.language,
            "last_login_at": None,
            "mobile": None,
            "name": agent.name,
            "phone": None,
            "time_zone": "UTC",
            "created_at": created_at,
            "updated_at": created_at,
        },
    }


def _token(article: ArticleRecord) -> str:
    parts = ({"alg": "none", "typ": "JWT"}, {"article": article.id, "nonce": secrets.token_hex(8)})
    written = [base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode() for part in parts]
    return ".".join([*written, secrets.token_urlsafe(16)])
