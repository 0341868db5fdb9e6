"""Pictures that owners choose for their videos: which one is shown."""

from __future__ import annotations

from datetime import datetime

from pymongo.collection import Collection

from models.database import Within
from models.documents import Document, to_doc
from models.video import Thumbnail


class Thumbnails:
    """A part of `Videos`."""

    collection: Collection[Document]

    def show(self, video_id: str, thumbnail: Thumbnail, now: datetime, within: Within) -> bool:
        """Have this picture shown from now on; False if the video is deleted."""
        where = {"id": video_id, "deleted_at": None}
        values = {"thumbnail": to_doc(thumbnail), "updated_at": now}
        done = self.collection.update_one(where, {"$set": values}, session=within)
        return done.matched_count == 1
