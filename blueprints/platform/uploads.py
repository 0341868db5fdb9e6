"""Direct uploads, as the platform API speaks of them: /api/upload (000)."""

from __future__ import annotations

from flask import Response

from blueprints.http.caller import caller
from blueprints.http.context import services
from blueprints.http.dialect import FamilyBlueprint, Json
from blueprints.http.limits import limit_pictures, limit_uploads
from blueprints.platform.dialect import dialect
from blueprints.platform.schemas.uploads import (
    OfferOut,
    PictureCompletion,
    PictureRequest,
    ProgressOut,
    ThumbnailOut,
    VideoCompletion,
    VideoOfferOut,
    VideoRequest,
)
from blueprints.platform.schemas.videos import VideoOut
from models.video import Video
from services.uploads.direct import NewDirect, Offer, Progress
from services.videos.catalogue import VideoPage
from services.videos.describing import Details

uploads = FamilyBlueprint(
    dialect, "uploads", "/api/upload", "Files that clients send to storage themselves."
)


@uploads.route("/video/request", methods=["POST"])
@limit_uploads
@uploads.arguments(VideoRequest)
@uploads.response(200, VideoOfferOut)
def request_video(new: NewDirect) -> Offer:
    """Ask where to send a video: PUT it to upload_url, with these headers, and complete it (000).

    Its bytes count against the weekly quota from now on, until it is aborted or expires.
    """
    return services().direct.request(caller(), new)


@uploads.route("/video/complete", methods=["POST"])
@uploads.arguments(VideoCompletion)
@uploads.response(200, VideoOut)
def complete_video(asked: Json) -> VideoPage:
    """Make what was sent a video, and have it processed (000). Asking again answers the same.

    Of a file that was sent in parts, each is named with the ETag that its PUT was answered with.
    """
    upload_id, parts = asked.pop("video_id"), asked.pop("parts")
    details = Details(**{"title": "", **asked})
    return services().direct.complete(caller(), upload_id, details, parts)


@uploads.route("/video/<video_id>")
@uploads.response(200, ProgressOut)
def video_status(video_id: str) -> Progress:
    """Show how an upload stands."""
    return services().direct.status(caller(), video_id)


@uploads.route("/video/<video_id>", methods=["DELETE"])
@uploads.response(204)
def abort_video(video_id: str) -> Response:
    """Give an upload up; what was sent of it is removed, and its quota given back."""
    services().direct.abort(caller(), video_id)
    return Response(status=204)


@uploads.route("/thumbnail/request", methods=["POST"])
@limit_pictures
@uploads.arguments(PictureRequest)
@uploads.response(200, OfferOut)
def request_thumbnail(asked: Json) -> Offer:
    """Ask where to send a picture for a video: JPEG, PNG or WebP, up to 10 MiB (000)."""
    return services().pictures.request(caller(), asked["reference"], asked["new"])


@uploads.route("/thumbnail/complete", methods=["POST"])
@uploads.arguments(PictureCompletion)
@uploads.response(200, ThumbnailOut)
def complete_thumbnail(asked: Json) -> Video:
    """Show the picture that was sent. Asking again answers the same (000)."""
    return services().pictures.complete(caller(), asked["upload_id"])


@uploads.route("/thumbnail/<upload_id>")
@uploads.response(200, ProgressOut)
def thumbnail_status(upload_id: str) -> Progress:
    """Show how the upload of a picture stands."""
    return services().pictures.status(caller(), upload_id)


@uploads.route("/thumbnail/<upload_id>", methods=["DELETE"])
@uploads.response(204)
def abort_thumbnail(upload_id: str) -> Response:
    """Give the upload of a picture up; what was sent of it is removed."""
    services().pictures.abort(caller(), upload_id)
    return Response(status=204)
