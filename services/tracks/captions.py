"""Captions: subtitle files of a video's owner, kept as WebVTT, shown by what names tracks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import TypedDict, Unpack

from models.errors import BadMedia, Conflict, Forbidden, Invalid, NotFound, TooLarge
from models.tracks import Caption, TextKind
from models.video import Video
from services.adapters.media import subtitles
from services.adapters.storage import Storage
from services.policies import Actor, may_watch
from services.tracks.changes import TrackChanges, language_of
from services.videos.keys import caption_key

MAX_BYTES = 2 * 1024**2
MOST = 50


class Said(TypedDict, total=False):
    """What an owner says of captions, or changes."""

    language: str
    label: str
    kind: TextKind
    is_default: bool


@dataclass(frozen=True, slots=True)
class VideoCaption:
    """Captions, and what they are of."""

    video_id: str
    caption: Caption


@dataclass(frozen=True, slots=True, kw_only=True)
class CaptionService:
    changes: TrackChanges
    storage: Storage
    now: Callable[[], datetime]
    new_id: Callable[[], str]

    def add(self, actor: Actor, reference: str, file: Path, **said: Unpack[Said]) -> VideoCaption:
        """Keep a SubRip or WebVTT file, in any encoding; also before the video is processed.

        Raises `TooLarge`, `Invalid` with what is wrong with it, or `Conflict` where there is one
        of this name.
        """
        video = self.changes.editable(actor, reference)
        language = language_of(said.get("language", ""))
        caption = Caption(
            id=self.new_id(),
            language=language,
            label=said.get("label") or language,
            kind=said.get("kind", TextKind.SUBTITLES),
            is_default=said.get("is_default", False),
            created_at=self.now(),
        )
        file.write_text(_webvtt(file, video.duration_seconds), encoding="utf-8")
        self._keep(video, caption, file)
        return VideoCaption(video.id, caption)

    def all_of(self, actor: Actor, reference: str) -> list[VideoCaption]:
        return captions_of(self.changes.seen(actor, reference))

    def file(self, actor: Actor, reference: str, caption_id: str) -> str:
        """The storage key of its WebVTT, for who may watch the video."""
        video = self.changes.seen(actor, reference)
        caption = _found(video, caption_id)
        if not may_watch(actor, video):
            raise Forbidden("Video is not available")
        return caption_key(video.id, caption.id)

    def change(
        self, actor: Actor, reference: str, caption_id: str, **said: Unpack[Said]
    ) -> VideoCaption:
        """Change what is said of it; the text itself stays."""
        video = self.changes.editable(actor, reference)
        if "language" in said:
            said["language"] = language_of(said["language"])

        def changed(now: Video) -> Video:
            return _with(now, replace(_found(now, caption_id), **said))

        kept = self.changes.apply(video.id, changed)
        self.changes.have_written(kept)
        return VideoCaption(video.id, _found(kept, caption_id))

    def remove(self, actor: Actor, reference: str, caption_id: str) -> None:
        """Who watches with them now goes on; whoever begins does not see them any more."""
        video = self.changes.editable(actor, reference)

        def without(now: Video) -> Video:
            gone = _found(now, caption_id)
            return replace(now, captions=tuple(c for c in now.captions if c != gone))

        kept = self.changes.apply(video.id, without)
        self.storage.remove(caption_key(video.id, caption_id))
        self.changes.have_written(kept)

    def _keep(self, video: Video, caption: Caption, file: Path) -> None:
        key = caption_key(video.id, caption.id)
        self.storage.adopt(file, key)
        try:
            kept = self.changes.apply(video.id, lambda now: _with(now, caption))
        except BaseException:
            self.storage.remove(key)
            raise
        self.changes.have_written(kept)


def captions_of(video: Video) -> list[VideoCaption]:
    return [VideoCaption(video.id, caption) for caption in video.captions]


def _webvtt(file: Path, duration_seconds: float) -> str:
    if file.stat().st_size > MAX_BYTES:
        raise TooLarge(f"A caption file may have at most {MAX_BYTES} bytes.")
    try:
        cues = subtitles.read(file.read_bytes())
        # Not known before the video is looked at; then it is cut when it is packaged.
        kept = subtitles.until(cues, duration_seconds) if duration_seconds else cues
    except BadMedia as bad:
        raise Invalid(bad.message, fields={"file": [bad.message]}) from bad
    return subtitles.webvtt(kept)


def _found(video: Video, caption_id: str) -> Caption:
    for caption in video.captions:
        if caption.id == caption_id:
            return caption
    raise NotFound("Captions not found")


def _with(video: Video, caption: Caption) -> Video:
    """The video with this track, new or in place of the one with its id."""
    others = tuple(c for c in video.captions if c.id != caption.id)
    if len(others) >= MOST:
        raise Conflict(f"A video may have at most {MOST} caption tracks.")
    # A playlist tells tracks apart by their names.
    if caption.label in {other.label for other in others}:
        message = f"There are captions called {caption.label} already; choose another label."
        raise Conflict(message, fields={"label": ["Taken."]})
    if caption.is_default:
        others = tuple(replace(other, is_default=False) for other in others)
    kept = sorted([*others, caption], key=lambda c: (c.created_at, c.id))
    return replace(video, captions=tuple(kept))
