"""Playback: two tokens in, a URL that plays out (contract section 3).

The checks are 001's, in its order: the access token (before this is reached), the playback token,
that both belong to one person, that the token is for this video, and that the video may be watched.
"""

from __future__ import annotations

from dataclasses import dataclass

from models.errors import Conflict, Forbidden, Invalid, MissingToken, NotFound
from models.video import ProcessingStatus, Video
from services.accounts.tokens import Tokens, TokenType
from services.adapters.media.packager import single_master
from services.people.history import HistoryService
from services.playback.grants import Grants
from services.policies import Actor, may_see, may_watch
from services.videos.keys import playback_key, poster_key
from services.videos.shelf import Shelf

# 001's, to the letter.
YOUTUBE_EMBED = (
    "https://www.youtube-nocookie.com/embed/{id}?autoplay=0&controls=1&playsinline=1&enablejsapi=1"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stream:
    """Where a video plays: an absolute URL elsewhere, or a path at the edge of this CLUTCH."""

    video: Video
    url: str | None = None
    path: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaybackService:
    shelf: Shelf
    tokens: Tokens
    grants: Grants
    history: HistoryService

    def stream(
        self,
        actor: Actor,
        reference: str,
        playback_token: str | None,
        *,
        quality: str | None = None,
    ) -> Stream:
        """Resolve two tokens to a stream of every rendition, or of just one (002).

        Raises as `authorize`, or `Conflict` before there is anything to play.
        """
        video = self.authorize(actor, reference, playback_token)
        stream = self._resolve(video, quality)
        self.history.note(actor, video)
        return stream

    def progressive(self, actor: Actor, reference: str, playback_token: str | None) -> str:
        """003's one-file MP4: the storage key to serve it from."""
        video = self.authorize(actor, reference, playback_token)
        if video.youtube_id:
            raise NotFound("This video plays elsewhere; use its stream URL.")
        _require(video, video.progressive)
        self.history.note(actor, video)
        return video.progressive or ""

    def authorize(self, actor: Actor, reference: str, playback_token: str | None) -> Video:
        """The video, if these tokens open it.

        Raises `MissingToken`, `Unauthorized` (not a valid playback token), `NotFound`, or
        `Forbidden` (another person's, another video's, inactive, private).
        """
        if not playback_token:
            raise MissingToken("Playback token is required", fields={"token": ["Missing."]})
        claims = self.tokens.read(playback_token, TokenType.PLAYBACK)
        if claims["user_id"] != actor.id:
            raise Forbidden("This playback token belongs to somebody else")
        video = self.shelf.get(actor, reference)
        matches = video is not None and claims["video_id"] == video.id
        if video is None or not (matches or may_see(actor, video)):
            raise NotFound("Video not found")
        if not matches:
            raise Forbidden("Playback token does not match video")
        if not may_watch(actor, video):
            raise Forbidden("Video is not available")
        return video

    def _resolve(self, video: Video, quality: str | None) -> Stream:
        if video.youtube_id:
            return Stream(video=video, url=YOUTUBE_EMBED.format(id=video.youtube_id))
        _require(video, video.playable)
        return Stream(
            video=video,
            path=self.grants.path(video.id, _master(video, quality), video.duration_seconds),
        )

    def segment(self, signature: str, expires: str, video_id: str, file: str) -> str:
        """The storage key behind a grant's path. Raises `Forbidden` or `Expired`."""
        self.grants.check(signature, expires, video_id)
        return f"{playback_key(video_id)}/{file}"

    def poster(self, actor: Actor, reference: str) -> str:
        """003's thumbnail, for whoever may see the video: the storage key to serve it from."""
        video = self.shelf.get(actor, reference)
        if video is None or not may_see(actor, video):
            raise NotFound("Video not found")
        if not video.has_poster:
            raise NotFound("This video has no picture yet.")
        return poster_key(video.id)


def _master(video: Video, quality: str | None) -> str:
    """The master playlist, relative to what the grant opens."""
    if quality in {None, "auto"}:
        return f"{video.playback_version}/master.m3u8"
    known = [rendition.name for rendition in video.renditions]
    if quality not in known:
        message = f"This video has no {quality}; choose auto, {', '.join(known)}."
        raise Invalid(message, fields={"quality": ["No such rendition."]})
    return f"{video.playback_version}/{single_master(quality)}"


def _require(video: Video, made: object) -> None:
    """Raise `Conflict` while what processing makes is not there, or if it never will be."""
    if made:
        return
    if video.processing_status is ProcessingStatus.ERROR:
        raise Conflict("This video could not be processed.")
    raise Conflict("This video is still being processed. Try again shortly.")
