"""Playback grants: an expiring signature in the PATH of a media URL.

Every relative URI in a playlist inherits the path, so one signature covers a master playlist, its
renditions and each segment. The form is nginx's `secure_link_md5 "$exp/$vid SECRET"`: an edge
verifies it without asking CLUTCH (deploy/nginx.conf), and the embedded server does it here.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from models.errors import Expired, Forbidden

# Rounding up lets viewers of the same minutes share URLs, and so an edge's cache.
BUCKET_SECONDS = 300
SPARE_SECONDS = 3600


@dataclass(frozen=True, slots=True, kw_only=True)
class Grants:
    secret: str
    now: Callable[[], datetime]
    # A second secret that is accepted while the one is exchanged for the other; empty: none.
    previous: str = ""
    # Links are no longer than this where it is not 0.
    longest_seconds: int = 0

    def path(self, video_id: str, file: str, duration_seconds: float) -> str:
        """A URL path good for twice the video's length and an hour: pauses are part of watching."""
        lasts = 2 * duration_seconds + SPARE_SECONDS
        ends = self.now().timestamp() + min(lasts, self.longest_seconds or lasts)
        expires = str((int(ends) // BUCKET_SECONDS + 1) * BUCKET_SECONDS)
        return f"/hls/{_signature(self.secret, expires, video_id)}/{expires}/{video_id}/{file}"

    def check(self, signature: str, expires: str, video_id: str) -> None:
        """Raises `Forbidden` for a signature that is not ours, `Expired` for one that was."""
        secrets = [secret for secret in (self.secret, self.previous) if secret]
        if not any(_is_signed(signature, secret, expires, video_id) for secret in secrets):
            raise Forbidden("This playback link is not valid. Ask for the stream again.")
        if int(expires) <= self.now().timestamp():
            raise Expired("This playback link has expired. Ask for the stream again.")


def _is_signed(signature: str, secret: str, expires: str, video_id: str) -> bool:
    return hmac.compare_digest(signature, _signature(secret, expires, video_id))


def _signature(secret: str, expires: str, video_id: str) -> str:
    # MD5 is what secure_link speaks. The secret comes last, so a digest cannot be extended.
    signed = f"{expires}/{video_id} {secret}".encode()
    digest = hashlib.md5(signed, usedforsecurity=False).digest()
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")
