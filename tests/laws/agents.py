"""An agent who works in the portal's editor: edits, drafts, restores, deletes, creates, moves. No key, no call."""

from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any

from kbsync.sandbox.database import DRAFT, PUBLISHED, ArticleRecord
from kbsync.sandbox.server import Portal
from tests.laws.people import Words

Shown = tuple[int, str, str, int, tuple[str, ...], tuple[tuple[str, Any], ...]]


def shown(article: ArticleRecord) -> Shown:
    """Return the parts of an article that people write."""
    seo = tuple(sorted(article.seo.items()))
    return article.folder_id, article.title, article.description, article.status, article.tags, seo


def own_values(article: ArticleRecord) -> set[str]:
    """Return the tags and the SEO of an article that an agent has written."""
    return {str(value) for value in (*article.tags, *article.seo.values()) if str(value).startswith("web-")}


@dataclass(slots=True, kw_only=True)
class Agent:
    """Edits by hand; `unseen` holds the time of each article's last save by hand since kbsync wrote it."""

    portal: Portal
    words: Words
    versions: dict[int, list[Shown]] = field(default_factory=lambda: defaultdict(list))
    unseen: dict[int, str] = field(default_factory=dict)
    deleted: set[int] = field(default_factory=set)

    def articles(self) -> dict[int, ArticleRecord]:
        return {article.id: article for article in self.portal.store.all_articles()}

    def edit_text(self, which: int, how: int) -> None:
        if (article := self._chosen(which)) is None:
            return
        parts = [f"{part}</p>" for part in article.description.split("</p>") if part.strip()]
        at = which % (len(parts) + 1)
        match how % 4:
            case 0 | 1:
                parts.insert(at, f"<p>{self.words.paragraph('a')}</p>")
            case 2 if len(parts) > 1:
                del parts[at % len(parts)]
            case _ if parts:
                last = parts[at % len(parts)]
                parts[at % len(parts)] = f"{last.removesuffix('</p>')} {self.words.paragraph('a')}</p>"
        self._save(article, body="".join(parts))

    def edit_fields(self, which: int, how: int) -> None:
        if (article := self._chosen(which)) is None:
            return
        match how % 6:
            case 0:
                self._save(article, title=self.words.title("a"))
            case 1:
                self._save(article, status=DRAFT if article.status == PUBLISHED else PUBLISHED)
            case 2:
                self._save(article, tags=(self.words.value("web"),))
            case 3:
                self._save(article, seo={**article.seo, "meta_title": self.words.value("web")})
            case 4:
                tags = (*article.tags, self.words.value("web"))
                self._save(article, tags=tags, seo={**article.seo, "meta_description": self.words.value("web")})
            case _:
                self._save(article)

    def restore(self, which: int, how: int) -> None:
        """Put an older version back."""
        article = self._chosen(which)
        if article is not None and self.versions[article.id]:
            old = self.versions[article.id][-1 - how % len(self.versions[article.id])]
            self._save(article, title=old[1], body=old[2], status=old[3], tags=old[4], seo=dict(old[5]))

    def create_or_delete(self, which: int, how: int) -> None:
        folders = self.portal.store.all_folders()
        article = self._chosen(which)
        if how % 3 and folders:
            body = "".join(f"<p>{self.words.paragraph('a')}</p>" for _ in range(2))
            made = self.portal.store.create_article(folders[which % len(folders)].id, self.words.title("a"), body)
            self.unseen[made.id] = made.updated_at
        elif article is not None:
            self.portal.store.delete_article(article.id)
            self.deleted.add(article.id)

    def move(self, which: int, how: int) -> None:
        folders = self.portal.store.all_folders()
        article = self._chosen(which)
        if article is not None:
            self._note(article)
            moved = self.portal.store.move_article(article.id, folders[how % len(folders)].id)
            self.unseen[article.id] = moved.updated_at

    def rename_folder(self, which: int) -> None:
        folders = self.portal.store.all_folders()
        if folders:
            self.portal.store.edit_folder(folders[which % len(folders)].id, name=self.words.title("a"))

    def _chosen(self, which: int) -> ArticleRecord | None:
        here = list(self.articles().values())
        return here[which % len(here)] if here else None

    def _save(self, article: ArticleRecord, **changes: Any) -> None:
        self._note(article)
        saved = self.portal.store.edit_article(article.id, **changes)
        self.unseen[article.id] = saved.updated_at

    def _note(self, article: ArticleRecord) -> None:
        self.versions[article.id].append(shown(article))
