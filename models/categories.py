"""Categories: what an administrator has named (003). A video holds the slug of one, or free text.

The slug stays when the name changes, and so does what videos hold.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from pymongo import IndexModel, ReturnDocument, UpdateOne
from pymongo.collection import Collection
from pymongo.errors import DuplicateKeyError

from models.documents import Document, Entity, by_reference, from_doc, to_doc


class NameTaken(Exception):
    """Another category has this name or this slug; `field` says which."""

    def __init__(self, field: str) -> None:
        super().__init__(field)
        self.field = field


@dataclass(frozen=True, slots=True, kw_only=True)
class Category(Entity):
    name: str
    # The name as it is compared: whatever its case.
    name_key: str
    slug: str
    created_by: str | None
    created_at: datetime
    updated_at: datetime
    # Public videos, as the scheduler last counted them.
    video_count: int = 0


class Categories:
    INDEXES = (
        IndexModel("id", unique=True),
        IndexModel("name_key", unique=True),
        IndexModel("slug", unique=True),
        IndexModel("created_by"),
    )

    def __init__(self, collection: Collection[Document]) -> None:
        self.collection = collection

    def add(self, category: Category) -> None:
        """Raises `NameTaken`."""
        try:
            self.collection.insert_one(to_doc(category))
        except DuplicateKeyError as duplicate:
            raise _taken(duplicate) from duplicate

    def all(self, limit: int = 10_000) -> list[Category]:
        """By name."""
        found = self.collection.find({}).sort("name_key", 1).limit(limit)
        return [from_doc(Category, doc) for doc in found]

    def get(self, reference: str) -> Category | None:
        """By uuid or ObjectId."""
        where = by_reference(reference)
        return self._one(where) if where else None

    def with_slug(self, slug: str) -> Category | None:
        """By exactly this slug."""
        return self._one({"slug": slug})

    def called(self, name_key: str, slug: str) -> Category | None:
        """By its name; if none has it, by its slug."""
        return self._one({"name_key": name_key}) or self._one({"slug": slug})

    def rename(self, category_id: str, name: str, name_key: str, now: datetime) -> Category | None:
        """Raises `NameTaken`."""
        values = {"name": name, "name_key": name_key, "updated_at": now}
        try:
            doc = self.collection.find_one_and_update(
                {"id": category_id}, {"$set": values}, return_document=ReturnDocument.AFTER
            )
        except DuplicateKeyError as duplicate:
            raise _taken(duplicate) from duplicate
        return from_doc(Category, doc) if doc else None

    def remove(self, category_id: str) -> bool:
        return self.collection.delete_one({"id": category_id}).deleted_count == 1

    def note_counts(self, counts: dict[str, int]) -> None:
        """By slug."""
        updates = [
            UpdateOne({"slug": slug}, {"$set": {"video_count": n}}) for slug, n in counts.items()
        ]
        if updates:
            self.collection.bulk_write(updates, ordered=False)

    def forget_all_of(self, user_id: str) -> None:
        """For an administrator who is deleted: what they named stays."""
        self.collection.update_many({"created_by": user_id}, {"$set": {"created_by": None}})

    def _one(self, where: Document) -> Category | None:
        doc = self.collection.find_one(where)
        return from_doc(Category, doc) if doc else None


def _taken(duplicate: DuplicateKeyError) -> NameTaken:
    keys = (duplicate.details or {}).get("keyPattern", {})
    return NameTaken("slug" if "slug" in keys else "name")
