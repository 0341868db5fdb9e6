"""Content keys: what an encrypted video's segments are encrypted with. One key per video.

A key is kept closed (services/accounts/secrets_box.py): the database alone opens no video.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pymongo import IndexModel, ReturnDocument
from pymongo.collection import Collection

from models.documents import Document, Entity, from_doc, to_doc


@dataclass(frozen=True, slots=True, kw_only=True)
class ContentKey(Entity):
    video_id: str
    # 32 hex digits each; `closed_key` is what the box made of the key.
    key_id: str
    closed_key: str
    created_at: datetime
    # `pssh` boxes of a key server, in hex; Packager writes its own where there are none.
    pssh: tuple[str, ...] = ()
    # Where FairPlay's players ask for the key: skd://...
    fairplay_uri: str = ""


class ContentKeys:
    INDEXES = (
        IndexModel("id", unique=True),
        IndexModel("video_id", unique=True),
    )

    def __init__(self, collection: Collection[Document]) -> None:
        self.collection = collection

    def get(self, video_id: str) -> ContentKey | None:
        doc = self.collection.find_one({"video_id": video_id})
        return from_doc(ContentKey, doc) if doc else None

    def keep(self, key: ContentKey) -> ContentKey:
        """Keep a video's first key; answers the one that is kept, which may be an earlier one."""
        doc = to_doc(key)
        where = {"video_id": doc.pop("video_id")}
        kept: Any = self.collection.find_one_and_update(
            where, {"$setOnInsert": doc}, upsert=True, return_document=ReturnDocument.AFTER
        )
        return from_doc(ContentKey, kept)

    def forget_video(self, video_id: str) -> None:
        """For a video that is gone: nobody can read what is left of its segments."""
        self.collection.delete_one({"video_id": video_id})
