"""Content keys: made once for each encrypted video, kept closed, opened for packaging and licences.

This is access control: ClearKey hands the key to the page that plays. Where that is not enough,
a key server makes the keys, and its Widevine and FairPlay licences keep them from the page.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from models.content_keys import ContentKey, ContentKeys
from models.documents import identity
from models.errors import Unavailable
from models.video import Video
from services.accounts.secrets_box import SecretsBox
from services.adapters.key_server import KeyServer, ServedKey
from services.adapters.media.encryption import Encryption

KEY_BYTES = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenKey:
    """A key that can be used: raw bytes, both of them."""

    key_id: bytes
    key: bytes

    def __repr__(self) -> str:
        return f"OpenKey({self.key_id.hex()})"  # a log must not hold the key


@dataclass(frozen=True, slots=True, kw_only=True)
class ContentKeyService:
    keys: ContentKeys
    box: SecretsBox
    # None: keys are made here.
    server: KeyServer | None
    now: Callable[[], datetime]
    new_id: Callable[[], str]

    def encryption(self, video: Video) -> Encryption | None:
        """What to encrypt `video` with; None for one that is not encrypted.

        The same answer each time, so that versions packaged later need no other licence. Raises
        `Unavailable` while the key server is away.
        """
        if not video.drm_enabled:
            return None
        kept = self.keys.get(video.id) or self.keys.keep(self._made(video))
        opened = self._opened(kept)
        return Encryption(
            key_id=opened.key_id.hex(),
            key=opened.key.hex(),
            key_uri=f"/stream/{video.id}/license",
            pssh=kept.pssh,
            fairplay_uri=kept.fairplay_uri,
        )

    def open(self, video_id: str) -> OpenKey | None:
        """None for a video that has no key."""
        kept = self.keys.get(video_id)
        return self._opened(kept) if kept else None

    def _made(self, video: Video) -> ContentKey:
        served = self.server.key_for(video.id) if self.server else _own()
        return ContentKey(
            **identity(self.new_id()),
            video_id=video.id,
            key_id=served.key_id,
            closed_key=self.box.close(served.key),
            created_at=self.now(),
            pssh=served.pssh,
            fairplay_uri=served.fairplay_uri,
        )

    def _opened(self, kept: ContentKey) -> OpenKey:
        key = self.box.open(kept.closed_key)
        if key is None:
            raise Unavailable("This video's key cannot be read: DRM_KEY_SECRET was changed.")
        return OpenKey(key_id=bytes.fromhex(kept.key_id), key=bytes.fromhex(key))


def _own() -> ServedKey:
    return ServedKey(key_id=secrets.token_hex(KEY_BYTES), key=secrets.token_hex(KEY_BYTES))
