"""Videos, as the platform API speaks of them: /api/videos (000, 003)."""

from __future__ import annotations

from flask import Response, jsonify

from blueprints.http.bodies import video_form
from blueprints.http.caller import caller, for_visitors_too
from blueprints.http.context import services
from blueprints.http.dialect import FamilyBlueprint, Json
from blueprints.http.files import received, serve
from blueprints.http.limits import limit_uploads, unlimited
from blueprints.platform.dialect import dialect
from blueprints.platform.pages import page_of, to_wish
from blueprints.platform.schemas.listings import VideoQuery
from blueprints.platform.schemas.videos import (
    NewVideo,
    PictureQuery,
    RelatedOut,
    StreamQuery,
    VideoListOut,
    VideoOut,
)
from services.uploads.uploads import Details
from services.videos.catalogue import VideoPage

RELATED_VIDEO = VideoOut()

videos = FamilyBlueprint(dialect, "videos", "/api/videos", "Browse, upload, watch.")


@videos.route("")
@videos.arguments(VideoQuery, location="query")
@videos.response(200, VideoListOut)
@for_visitors_too
def list_videos(asked: Json) -> Response:
    """List what everybody may see, newest first unless sorted otherwise (000, 003).

    `mine=true` lists all of one's own, `all=true` everything for staff. Numbered pages reach the
    first 10,000 videos; `cursor` goes on from there, at the same cost on every page.
    """
    wish = to_wish(asked)
    found = services().browsing.browse(caller(), wish)
    return jsonify(page_of(asked, wish.order, wish.limit, found))


@videos.route("", methods=["POST"])
@limit_uploads
@video_form
@videos.arguments(NewVideo, location="multipart")
@videos.response(201, VideoOut)
def upload(form: Json) -> VideoPage:
    """Upload a video as multipart/form-data; answers at once, and processing goes on (003).

    Poll `GET /api/videos/{id}`: `playable` turns true with the first rendition.
    """
    with received(form.pop("file")) as file:
        return services().uploads.create(caller(), file, Details(**form))


@videos.route("/<video_id>")
@videos.response(200, VideoOut)
@for_visitors_too
def get(video_id: str) -> VideoPage:
    """Show one video, by either of its ids (000)."""
    return services().catalogue.get(caller(), video_id)


@videos.route("/<video_id>/related")
@videos.response(200, RelatedOut)
@for_visitors_too
def related(video_id: str) -> Response:
    """What to watch next: at most ten, the closest by tags, author and category first (002)."""
    found = services().related.of(caller(), video_id)
    return jsonify({"videos": RELATED_VIDEO.dump(found, many=True)})


@videos.route("/<video_id>/stream")
@videos.arguments(StreamQuery, location="query")
@videos.response(200, content_type="video/mp4", schema={"type": "string", "format": "binary"})
def stream(asked: Json, video_id: str) -> Response:
    """Send the video as one MP4, whole or by byte ranges (003)."""
    key = services().playback.progressive(caller(), video_id, asked.get("token"))
    return serve(key, "video/mp4")


@videos.route("/<video_id>/thumbnail")
@videos.arguments(PictureQuery, location="query")
@videos.response(200, content_type="image/jpeg", schema={"type": "string", "format": "binary"})
@unlimited
@for_visitors_too
def thumbnail(asked: Json, video_id: str) -> Response:
    """Send the video's picture (003), in the size that was asked for or the next larger one."""
    key = services().playback.poster(caller(), video_id, asked.get("width"))
    return serve(key, "image/jpeg", cache_seconds=3600)
