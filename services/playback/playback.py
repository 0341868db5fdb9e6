"""Playback: two tokens in, a URL that plays out (contract section 3).

The checks are 001's, in its order: the access token (before this is reached), the playback token,
that both belong to one person, that the token is for this video, and that the video may be watched.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial

from models.errors import Conflict, Forbidden, Invalid, MissingToken, NotFound
from models.video import ExternalMedia, LiveStatus, ProcessingStatus, Video
from services.accounts.tokens import Tokens, TokenType
from services.adapters.media.packager import single_master
from services.live.audience import Audience, is_on_air
from services.people.history import HistoryService
from services.playback.beside import NOTHING, Beside, beside
from services.playback.concurrency import Concurrency
from services.playback.geography import Geography
from services.playback.grants import Grants
from services.playback.key_systems import Drm, KeySystems
from services.policies import Actor, may_see, may_watch
from services.videos.keys import picture_key, playback_key
from services.videos.shelf import Shelf
from services.videos.visible import visible

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
    # What a player renews its place with, and how often; empty where none is kept.
    stream_id: str = ""
    heartbeat_seconds: int = 0
    beside: Beside = NOTHING
    # What opens an encrypted video.
    drm: Drm | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaybackService:
    shelf: Shelf
    tokens: Tokens
    grants: Grants
    history: HistoryService
    geography: Geography
    concurrency: Concurrency
    key_systems: KeySystems
    audience: Audience
    # For how long a live stream may be watched: it has no length yet.
    longest_live_seconds: float

    def stream(
        self,
        actor: Actor,
        reference: str,
        playback_token: str | None,
        *,
        quality: str | None = None,
    ) -> Stream:
        """Resolve two tokens to a stream of every rendition, or of just one (002).

        Raises as `authorize`, `Conflict` before there is anything to play, or `StreamLimitReached`.
        """
        video = self.authorize(actor, reference, playback_token)
        stream = self.resolve(actor, video, quality)
        if stream.stream_id:
            self.concurrency.open(actor, video)
            self.audience.saw(video, stream.stream_id)
        self.history.note(actor, video)
        if stream.path is None:
            return stream
        return replace(stream, drm=self.key_systems.of(video, playback_token or ""))

    def progressive(self, actor: Actor, reference: str, playback_token: str | None) -> str:
        """003's one-file MP4: the storage key to serve it from.

        Raises as `authorize`, `NotFound`, or `Conflict` for what has none.
        """
        video = self.authorize(actor, reference, playback_token)
        if video.youtube_id or video.external:
            raise NotFound("This video plays elsewhere; use its stream URL.")
        if video.drm_enabled:
            raise Conflict(
                "This video is encrypted, and has no file in one piece. Use its stream URL."
            )
        _require(video, video.progressive)
        # Players ask for range after range, and each keeps the place.
        self.concurrency.open(actor, video)
        self.history.note(actor, video)
        return video.progressive or ""

    def authorize(self, actor: Actor, reference: str, playback_token: str | None) -> Video:
        """The video, if these tokens open it.

        Raises `MissingToken`, `Unauthorized` (not a valid playback token), `NotFound`, or
        `Forbidden` (another person's, another video's, inactive, private), or `GeoBlocked`.
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
        self.permit(actor, video)
        return video

    def permit(self, actor: Actor, video: Video) -> None:
        """What must hold whenever a video plays: when it is opened, and while it is watched."""
        if not may_watch(actor, video):
            raise Forbidden("Video is not available")
        self.geography.check(actor, video)

    def resolve(self, actor: Actor, video: Video, quality: str | None) -> Stream:
        """Where it plays. What plays elsewhere is not counted among streams."""
        if video.youtube_id:
            return Stream(video=video, url=YOUTUBE_EMBED.format(id=video.youtube_id))
        if video.external:
            return Stream(video=video, url=_external_url(video.external, quality))
        _require(video, video.playable)
        seconds = self.longest_live_seconds if is_on_air(video) else video.duration_seconds
        granted = partial(self.grants.path, video.id, duration_seconds=seconds)
        return Stream(
            video=video,
            path=granted(_master(video, quality)),
            beside=beside(video, granted),
            stream_id=self.concurrency.stream_id(actor, video),
            heartbeat_seconds=self.concurrency.heartbeat_seconds,
        )

    def segment(self, signature: str, expires: str, video_id: str, file: str) -> str:
        """The storage key behind a grant's path. Raises `Forbidden` or `Expired`."""
        self.grants.check(signature, expires, video_id)
        return f"{playback_key(video_id)}/{file}"

    def poster(self, actor: Actor, reference: str, side: int | None = None) -> str:
        """003's thumbnail, for whoever may see the video: the storage key to serve it from.

        Of several sizes the smallest that is not smaller than `side`, else the largest.
        """
        video = visible(actor, self.shelf.get(actor, reference))
        key = picture_key(video, side)
        if key is None:
            raise NotFound("This video has no picture yet.")
        return key


def _master(video: Video, quality: str | None) -> str:
    """The master playlist, relative to what the grant opens."""
    if quality in {None, "auto"}:
        return f"{video.manifests}/master.m3u8"
    known = [rendition.name for rendition in video.renditions]
    if quality not in known:
        raise _no_such(quality, known)
    return f"{video.manifests}/{single_master(quality)}"


def _external_url(media: ExternalMedia, quality: str | None) -> str:
    """What a processor elsewhere has made; of all of it, the best."""
    known = {variant.name: variant.url for variant in media.variants}
    if quality in {None, "auto"}:
        return media.variants[-1].url
    if quality not in known:
        raise _no_such(quality, list(known))
    return known[quality]


def _no_such(quality: str | None, known: list[str]) -> Invalid:
    message = f"This video has no {quality}; choose auto, {', '.join(known)}."
    return Invalid(message, fields={"quality": ["No such rendition."]})


def _require(video: Video, made: object) -> None:
    """Raise `Conflict` while what processing makes is not there, or if it never will be."""
    if made:
        return
    if video.processing_status is ProcessingStatus.ERROR:
        raise Conflict("This video could not be processed.")
    if video.live_status is LiveStatus.WAITING:
        raise Conflict("This live stream has not begun yet.")
    if is_on_air(video):
        raise Conflict("This is live, and no file yet. Use its stream URL.")
    if video.live_status is not None and not video.playable:
        raise Conflict("This live stream is over, and was not kept.")
    raise Conflict("This video is still being processed. Try again shortly.")
