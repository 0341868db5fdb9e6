"""003's configuration: one row of what an admin may change while CLUTCH runs."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from pymongo import IndexModel, ReturnDocument
from pymongo.collection import Collection

from models.documents import Document, Entity, from_doc, identity, to_doc

# There is one row, and this is its id.
ROW = identity("00000000-0000-7000-8000-000000000001")


@dataclass(frozen=True, slots=True, kw_only=True)
class Configuration(Entity):
    max_file_size_bytes: int
    # None: as much as they like.
    weekly_upload_limit_bytes: int | None
    updated_at: datetime | None = None
    updated_by: str | None = None


class Configurations:
    INDEXES = (IndexModel("id", unique=True),)

    def __init__(self, collection: Collection[Document]) -> None:
        self.collection = collection

    def get(self) -> Configuration | None:
        """None until an admin has changed something."""
        doc = self.collection.find_one({"id": ROW["id"]})
        return from_doc(Configuration, doc) if doc else None

    def change(self, values: Document, otherwise: Configuration) -> Configuration:
        """Set these fields, and the others to `otherwise` if there is no row yet."""
        others = {name: v for name, v in to_doc(otherwise).items() if name not in values}
        doc = self.collection.find_one_and_update(
            {"id": ROW["id"]},
            {"$set": values, "$setOnInsert": others},
            upsert=True,
            return_document=ReturnDocument.AFTER,
        )
        return from_doc(Configuration, doc or to_doc(otherwise) | values)
