"""Licences: the key of an encrypted video, for who may play it just now.

Two tokens, as for a stream: who is asking, and a playback token of theirs for this very video.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from models.errors import Forbidden, NotFound
from models.video import Video
from services.playback.content_keys import ContentKeyService, OpenKey
from services.playback.playback import PlaybackService
from services.policies import Actor

FOREIGN = "This key does not belong to the video."
NOT_ENCRYPTED = "This video needs no licence."


@dataclass(frozen=True, slots=True, kw_only=True)
class LicenceService:
    playback: PlaybackService
    keys: ContentKeyService
    # False where only a key server's own licences are to open videos.
    is_clearkey_offered: bool

    def issue(
        self,
        actor: Actor,
        reference: str,
        playback_token: str | None,
        key_ids: Sequence[bytes] | None = None,
    ) -> OpenKey:
        """The key, if these tokens open the video and it is the one that was asked for.

        Raises as `PlaybackService.authorize`, `NotFound` for a video that is not encrypted,
        `StreamLimitReached`, or `Forbidden` for keys of other videos. Nothing is decrypted before
        the tokens are known to be right.
        """
        video = self.playback.authorize(actor, reference, playback_token)
        self._require_offered(video)
        self.playback.concurrency.open(actor, video)
        key = self.keys.open(video.id)
        if key is None:
            raise NotFound(NOT_ENCRYPTED)
        if key_ids is not None and set(key_ids) != {key.key_id}:
            raise Forbidden(FOREIGN)
        return key

    def _require_offered(self, video: Video) -> None:
        if not (video.drm_enabled and self.is_clearkey_offered):
            raise NotFound(NOT_ENCRYPTED)
