"""What Shaka Packager has to know to encrypt: CENC in the cbcs scheme, which HLS and DASH share."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

APPLE = "com.apple.streamingkeydelivery"
FAIRPLAY_URI = re.compile(rf'URI="[^"]*"(?=[^\n]*KEYFORMAT="{re.escape(APPLE)}")')


@dataclass(frozen=True, slots=True, kw_only=True)
class Encryption:
    """One key for all of a video's streams; ids, keys and boxes are hex digits."""

    key_id: str
    key: str
    # Where HLS players of no key system ask for the key.
    key_uri: str
    # `pssh` boxes of key systems beside the common one, which is always written.
    pssh: tuple[str, ...] = ()
    # FairPlay's skd://...; with one, HLS names FairPlay as well.
    fairplay_uri: str = ""

    def flags(self) -> str:
        """For a `--flagfile`: on a command line anybody on the machine could read the key."""
        systems = "Common,FairPlay" if self.fairplay_uri else "Common"
        flags = {
            "keys": f"label=:key_id={self.key_id}:key={self.key}",
            "protection_scheme": "cbcs",
            "protection_systems": systems,
            "hls_key_uri": self.key_uri,
            # Packager would leave the first five seconds in the clear.
            "clear_lead": "0",
        } | ({"pssh": "".join(self.pssh)} if self.pssh else {})
        lines = [f"--{name}={value}\n" for name, value in flags.items()]
        return "".join(["--enable_raw_key_encryption\n", *lines])

    def correct(self, folder: Path) -> None:
        """Give FairPlay's lines their own URI: Packager has one for all of a playlist's lines."""
        if not self.fairplay_uri:
            return
        uri = f'URI="{self.fairplay_uri}"'
        for playlist in folder.glob("*.m3u8"):
            playlist.write_text(FAIRPLAY_URI.sub(lambda _: uri, playlist.read_text()))
