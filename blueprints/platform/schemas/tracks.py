"""Captions and audio tracks on the wire of the platform API."""

from __future__ import annotations

from typing import Any

from marshmallow import Schema, fields

from blueprints.http.links import link
from blueprints.http.shapes import Shape
from blueprints.http.tracks import a_file, default_in, kind_in, label_in, language_in
from models.tracks import TextKind, TrackState
from models.video import Video
from services.tracks.captions import VideoCaption, captions_of


def vtt_url(shown: VideoCaption) -> str:
    return link(f"/api/videos/{shown.video_id}/captions/{shown.caption.id}.vtt")


class CaptionChange(Schema):
    language = language_in(required=False)
    label = label_in()
    kind = kind_in()
    default = default_in()


class NewCaption(CaptionChange):
    """A multipart form: the file, and what its owner says about it."""

    file = a_file("SubRip or WebVTT, up to 2 MiB, in any encoding.")
    language = language_in(required=True)


class CaptionOut(Shape):
    """Reads a `VideoCaption`."""

    id = fields.String(attribute="caption.id")
    language = fields.String(attribute="caption.language")
    label = fields.String(attribute="caption.label")
    kind = fields.Enum(TextKind, by_value=True, attribute="caption.kind")
    default = fields.Boolean(attribute="caption.is_default")
    created_at = fields.DateTime(attribute="caption.created_at")
    url = fields.Function(vtt_url, metadata={"type": "string", "description": "As WebVTT."})


class CaptionListOut(Shape):
    captions = fields.List(fields.Nested(CaptionOut))


class AudioTrackChange(Schema):
    language = language_in(required=False)
    label = label_in()


class NewAudioTrack(AudioTrackChange):
    """A multipart form: the sound, and what its owner says about it."""

    file = a_file("MP3, AAC, M4A, WAV, FLAC, Ogg or Matroska, as long as the video.")
    language = language_in(required=True)


class AudioTrackOut(Shape):
    """Reads an `AudioTrack`."""

    id = fields.String()
    language = fields.String(metadata={"description": "Empty where nobody said which it is."})
    label = fields.String()
    default = fields.Boolean(
        attribute="is_main", metadata={"description": "The sound that came with the picture."}
    )
    state = fields.Enum(TrackState, by_value=True)
    error_message = fields.String(allow_none=True)
    created_at = fields.DateTime()


class AudioTrackListOut(Shape):
    audio_tracks = fields.List(fields.Nested(AudioTrackOut))


_CAPTION, _AUDIO_TRACK = CaptionOut(), AudioTrackOut()


def captions_out(video: Video) -> list[dict[str, Any]]:
    return _CAPTION.dump(captions_of(video), many=True) if video.captions else []


def audio_tracks_out(video: Video) -> list[dict[str, Any]]:
    return _AUDIO_TRACK.dump(video.audio_tracks, many=True) if video.audio_tracks else []
