"""Captions of a video, as the client API speaks of them: /videos/:id/captions."""

from __future__ import annotations

from flask import Response

from blueprints.client.dialect import dialect
from blueprints.client.schemas.tracks import CaptionChange, CaptionListOut, CaptionOut, NewCaption
from blueprints.http.bodies import caption_form
from blueprints.http.caller import caller
from blueprints.http.context import services
from blueprints.http.dialect import FamilyBlueprint, Json
from blueprints.http.files import received, serve
from blueprints.http.limits import limit_tracks, unlimited
from services.tracks.captions import VideoCaption

tracks = FamilyBlueprint(dialect, "tracks", "/videos", "Captions.")

CAPTIONS = "/<video_id>/captions"
TEXT = {"type": "string"}


@tracks.route(CAPTIONS, methods=["POST"])
@limit_tracks
@caption_form
@tracks.arguments(NewCaption, location="multipart")
@tracks.response(201, CaptionOut)
def add_captions(form: Json, video_id: str) -> VideoCaption:
    """Add captions to a video of one's own, whether or not it is processed yet."""
    with received(form.pop("file")) as file:
        return services().captions.add(caller(), video_id, file.path, **form)


@tracks.route(CAPTIONS)
@tracks.response(200, CaptionListOut)
def list_captions(video_id: str) -> Json:
    """List a video's captions."""
    return {"captions": services().captions.all_of(caller(), video_id)}


@tracks.route(f"{CAPTIONS}/<caption_id>.vtt")
@tracks.response(200, content_type="text/vtt", schema=TEXT)
@unlimited
def captions_file(video_id: str, caption_id: str) -> Response:
    """Send captions as WebVTT, to who may watch the video."""
    key = services().captions.file(caller(), video_id, caption_id)
    return serve(key, "text/vtt")


@tracks.route(f"{CAPTIONS}/<caption_id>", methods=["PATCH"])
@tracks.arguments(CaptionChange)
@tracks.response(200, CaptionOut)
def change_captions(body: Json, video_id: str, caption_id: str) -> VideoCaption:
    """Say otherwise what captions are; for another text, add them anew."""
    return services().captions.change(caller(), video_id, caption_id, **body)


@tracks.route(f"{CAPTIONS}/<caption_id>", methods=["DELETE"])
@tracks.response(204)
def remove_captions(video_id: str, caption_id: str) -> None:
    """Take captions away; who is watching with them goes on."""
    services().captions.remove(caller(), video_id, caption_id)
