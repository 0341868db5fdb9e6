"""What may open an encrypted video, as players are told: ClearKey here, others elsewhere."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from models.video import Video


class DrmType(StrEnum):
    CLEARKEY = "clearkey"
    WIDEVINE = "widevine"
    FAIRPLAY = "fairplay"


# As EME names them.
NAMES = {
    DrmType.CLEARKEY: "org.w3.clearkey",
    DrmType.WIDEVINE: "com.widevine.alpha",
    DrmType.FAIRPLAY: "com.apple.fps",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class KeySystem:
    """Where its licences are: an absolute URL elsewhere, or a path of this CLUTCH."""

    type: DrmType
    licence_url: str = ""
    licence_path: str = ""
    certificate_url: str = ""

    @property
    def name(self) -> str:
        return NAMES[self.type]


@dataclass(frozen=True, slots=True, kw_only=True)
class Drm:
    """What opens a video: the first choice, and all there are."""

    first: KeySystem
    systems: tuple[KeySystem, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class KeySystems:
    is_clearkey_offered: bool
    widevine_url: str
    fairplay_url: str
    fairplay_certificate_url: str

    def of(self, video: Video, playback_token: str) -> Drm | None:
        """None for a video that is not encrypted, or that nothing is configured to open."""
        if not video.drm_enabled:
            return None
        clearkey = KeySystem(
            type=DrmType.CLEARKEY,
            licence_path=f"/stream/{video.id}/license?token={playback_token}",
        )
        elsewhere = (
            KeySystem(type=DrmType.WIDEVINE, licence_url=self.widevine_url),
            KeySystem(
                type=DrmType.FAIRPLAY,
                licence_url=self.fairplay_url,
                certificate_url=self.fairplay_certificate_url,
            ),
        )
        offered = (clearkey,) if self.is_clearkey_offered else ()
        systems = (*offered, *(system for system in elsewhere if system.licence_url))
        return Drm(first=systems[0], systems=systems) if systems else None
