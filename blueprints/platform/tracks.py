"""Captions and further sounds of a video, as the platform API speaks of them."""

from __future__ import annotations

from flask import Response

from blueprints.http.bodies import caption_form, sound_form
from blueprints.http.caller import caller
from blueprints.http.context import services
from blueprints.http.dialect import FamilyBlueprint, Json
from blueprints.http.files import received, serve
from blueprints.http.limits import limit_tracks, unlimited
from blueprints.platform.dialect import dialect
from blueprints.platform.schemas.tracks import (
    AudioTrackChange,
    AudioTrackListOut,
    AudioTrackOut,
    CaptionChange,
    CaptionListOut,
    CaptionOut,
    NewAudioTrack,
    NewCaption,
)
from models.tracks import AudioTrack
from services.tracks.captions import VideoCaption

tracks = FamilyBlueprint(dialect, "tracks", "/api/videos", "Captions, and sound in more languages.")

CAPTIONS, SOUNDS = "/<video_id>/captions", "/<video_id>/audio-tracks"
TEXT = {"type": "string"}


@tracks.route(CAPTIONS, methods=["POST"])
@limit_tracks
@caption_form
@tracks.arguments(NewCaption, location="multipart")
@tracks.response(201, CaptionOut)
def add_captions(form: Json, video_id: str) -> VideoCaption:
    """Add captions to a video of one's own, whether or not it is processed yet.

    400 says what is wrong with the file, 409 that there are captions of this label.
    """
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


@tracks.route(SOUNDS, methods=["POST"])
@limit_tracks
@sound_form
@tracks.arguments(NewAudioTrack, location="multipart")
@tracks.response(201, AudioTrackOut)
def add_audio_track(form: Json, video_id: str) -> AudioTrack:
    """Add a sound to a video of one's own; `state` says when it can be chosen, or why not.

    It must be as long as the video, within 2 s or 2 %.
    """
    with received(form.pop("file")) as file:
        return services().audio_tracks.add(caller(), video_id, file.path, **form)


@tracks.route(SOUNDS)
@tracks.response(200, AudioTrackListOut)
def list_audio_tracks(video_id: str) -> Json:
    """List a video's sounds, its own first."""
    return {"audio_tracks": services().audio_tracks.all_of(caller(), video_id)}


@tracks.route(f"{SOUNDS}/<track_id>", methods=["PATCH"])
@tracks.arguments(AudioTrackChange)
@tracks.response(200, AudioTrackOut)
def change_audio_track(body: Json, video_id: str, track_id: str) -> AudioTrack:
    """Say otherwise which language a sound is in, or what it is called."""
    return services().audio_tracks.change(caller(), video_id, track_id, **body)


@tracks.route(f"{SOUNDS}/<track_id>", methods=["DELETE"])
@tracks.response(204)
def remove_audio_track(video_id: str, track_id: str) -> None:
    """Take a sound away; 409 for the one that came with the picture."""
    services().audio_tracks.remove(caller(), video_id, track_id)
