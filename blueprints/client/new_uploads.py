"""Files that come as forms in the client API: POST /videos and POST /upload/thumbnail (002)."""

from __future__ import annotations

from blueprints.client.dialect import dialect
from blueprints.client.schemas.catalogue import CatalogueVideo
from blueprints.client.schemas.new_uploads import NewClientVideo, NewThumbnail, ThumbnailOut
from blueprints.http.bodies import picture_form, video_form
from blueprints.http.caller import caller
from blueprints.http.context import services
from blueprints.http.dialect import FamilyBlueprint, Json
from blueprints.http.files import received
from blueprints.http.limits import limit_pictures, limit_uploads
from models.video import Video
from services.videos.catalogue import VideoPage
from services.videos.describing import Details

new_videos = FamilyBlueprint(dialect, "new_videos", "/videos", "Videos that come as a form.")
thumbnails = FamilyBlueprint(dialect, "thumbnails", "/upload/thumbnail", "Pictures of videos.")


@new_videos.route("", methods=["POST"])
@limit_uploads
@video_form
@new_videos.arguments(NewClientVideo, location="multipart")
@new_videos.response(201, CatalogueVideo)
def upload(form: Json) -> VideoPage:
    """Upload a video as multipart/form-data; answers at once, and processing goes on (002).

    Poll `GET /videos/{id}`: its status says when it is completed.
    """
    with received(form.pop("file")) as file:
        return services().uploads.create(caller(), file, Details(**form))


@thumbnails.route("", methods=["POST"])
@limit_pictures
@picture_form
@thumbnails.arguments(NewThumbnail, location="multipart")
@thumbnails.response(200, ThumbnailOut)
def upload_thumbnail(form: Json) -> Video:
    """Show this picture for a video of one's own: JPEG, PNG or WebP, up to 10 MiB (002)."""
    with received(form["file"]) as file:
        return services().pictures.replace(caller(), form["videoId"], file.path)
