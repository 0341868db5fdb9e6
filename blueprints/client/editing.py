"""What owners do with their videos, as the client API speaks of it: /videos/:id (002)."""

from __future__ import annotations

from blueprints.client.dialect import dialect
from blueprints.client.schemas.catalogue import CatalogueVideo
from blueprints.client.schemas.editing import (
    DeletedListOut,
    DeletedOut,
    DeletionQuery,
    Precondition,
    VideoChange,
)
from blueprints.client.schemas.videos import FeedQuery
from blueprints.http.bodies import content_form
from blueprints.http.caller import caller
from blueprints.http.context import services
from blueprints.http.cursors import from_cursor, to_cursor
from blueprints.http.dialect import FamilyBlueprint, Json
from blueprints.http.files import received_if_sent
from blueprints.http.limits import limit_uploads
from models.video import Video
from services.videos.catalogue import VideoPage
from services.videos.removal import DeletedList

editing = FamilyBlueprint(dialect, "editing", "/videos", "Change, replace, delete, restore.")
DELETED = "deleted"


@editing.route("/<video_id>", methods=["PUT"])
@limit_uploads
@content_form
@editing.arguments(VideoChange, location="json_or_multipart")
@editing.arguments(Precondition, location="headers")
@editing.response(200, CatalogueVideo)
def update(body: Json, asked: Json, video_id: str) -> VideoPage:
    """Change what is sent: metadata, visibility, monetization, or, as a form, the content (002).

    409 for another `drmEnabled` without new content, and for new content while it is processed.
    """
    with received_if_sent(body["file"]) as file:
        return services().replacing.update(
            caller(), video_id, body["change"], file, seen=asked["seen"]
        )


@editing.route("/<video_id>", methods=["DELETE"])
@editing.arguments(DeletionQuery, location="query")
@editing.response(200, DeletedOut)
def delete(asked: Json, video_id: str) -> Json:
    """Delete a video: hidden at once, its storage is cleaned up after some days (002)."""
    deleted = services().removal.delete(caller(), video_id, for_good=asked["permanent"])
    return _said(deleted, permanent=asked["permanent"])


@editing.route("/<video_id>/restore", methods=["POST"])
@editing.response(200, CatalogueVideo)
def restore(video_id: str) -> VideoPage:
    """Bring a deleted video back (002). 410 when it is too late, 409 if it is not deleted."""
    return services().removal.restore(caller(), video_id)


@editing.route("/deleted")
@editing.arguments(FeedQuery, location="query")
@editing.response(200, DeletedListOut)
def list_deleted(asked: Json) -> Json:
    """List one's own deleted videos that can be restored, the latest first (002)."""
    after = from_cursor(DELETED, asked.get("cursor"))
    return _page(services().removal.deleted(caller(), after=after, skip=0, limit=asked["limit"]))


def _said(deleted: Video, *, permanent: bool) -> Json:
    return {"success": True, "restorableUntil": None if permanent else deleted.purge_at}


def _page(found: DeletedList) -> Json:
    body: Json = {"videos": found.items, "hasMore": found.has_more}
    return body | ({"nextCursor": to_cursor(DELETED, found.end)} if found.has_more else {})
