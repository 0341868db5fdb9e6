"""What owners do with their videos, as the platform API speaks of it: /api/videos (000, 003)."""

from __future__ import annotations

from flask import Response, jsonify

from blueprints.http.bodies import content_form
from blueprints.http.caller import caller
from blueprints.http.context import services
from blueprints.http.cursors import from_cursor, to_cursor
from blueprints.http.dialect import FamilyBlueprint, Json
from blueprints.http.files import received
from blueprints.http.limits import limit_uploads
from blueprints.platform.dialect import dialect
from blueprints.platform.pages import pagination
from blueprints.platform.schemas.editing import (
    DeletedListOut,
    DeletedOut,
    DeletedQuery,
    DeletedVideoOut,
    DeletionQuery,
    NewContent,
    Precondition,
    VideoChange,
    message_of,
)
from blueprints.platform.schemas.videos import VideoOut
from models.video import Video
from services.videos.catalogue import VideoPage
from services.videos.editing import Change
from services.videos.removal import DeletedList

editing = FamilyBlueprint(dialect, "editing", "/api/videos", "Change, replace, delete, restore.")

ORDER = "deleted"
_DELETED = DeletedVideoOut()


@editing.route("/<video_id>", methods=["PATCH", "PUT"])
@editing.arguments(VideoChange)
@editing.arguments(Precondition, location="headers")
@editing.response(200, VideoOut)
def update(change: Change, asked: Json, video_id: str) -> VideoPage:
    """Change what is sent, and nothing else: the owner and staff (003).

    409 for another `drm_enabled`, 412 if `If-Match` names an older version.
    """
    return services().editing.update(caller(), video_id, change, seen=asked["seen"])


@editing.route("/<video_id>/content", methods=["POST"])
@limit_uploads
@content_form
@editing.arguments(NewContent, location="multipart")
@editing.response(202, VideoOut)
def replace_content(form: Json, video_id: str) -> VideoPage:
    """Replace what a video shows, as multipart/form-data; its views, likes and comments stay (002).

    What plays now plays on until the new content does, and goes on playing if that fails. 409 while
    it is being processed.
    """
    change = Change(drm_enabled=form["drm_enabled"])
    with received(form["file"]) as file:
        return services().replacing.update(caller(), video_id, change, file)


@editing.route("/<video_id>", methods=["DELETE"])
@editing.arguments(DeletionQuery, location="query")
@editing.response(200, DeletedOut)
def delete(asked: Json, video_id: str) -> Json:
    """Delete a video: hidden at once, it can be restored for some days (003)."""
    deleted = services().removal.delete(caller(), video_id, for_good=asked["permanent"])
    return _said(deleted, permanent=asked["permanent"])


@editing.route("/<video_id>/restore", methods=["POST"])
@editing.response(200, VideoOut)
def restore(video_id: str) -> VideoPage:
    """Bring a deleted video back. 410 when it is too late, 409 if it is not deleted."""
    return services().removal.restore(caller(), video_id)


@editing.route("/deleted")
@editing.arguments(DeletedQuery, location="query")
@editing.response(200, DeletedListOut)
def list_deleted(asked: Json) -> Response:
    """List one's own deleted videos that can be restored, the latest first."""
    return jsonify(_page(asked, services().removal.deleted(caller(), **_place(asked))))


def _place(asked: Json) -> Json:
    after, size = from_cursor(ORDER, asked.get("cursor")), asked["page_size"]
    return {"after": after, "skip": 0 if after else (asked["page"] - 1) * size, "limit": size}


def _said(deleted: Video, *, permanent: bool) -> Json:
    return {
        "success": True,
        "message": message_of(deleted, permanent=permanent),
        "restorable_until": None if permanent else deleted.purge_at,
    }


def _page(asked: Json, found: DeletedList) -> Json:
    cursor = to_cursor(ORDER, found.end) if found.has_more else None
    return {
        "videos": _DELETED.dump(found.items, many=True),
        "pagination": pagination(asked, asked["page_size"], found.total, cursor),
    }
