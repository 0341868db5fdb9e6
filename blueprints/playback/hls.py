"""Playlists, manifests and segments behind a playback grant: /hls/<signature>/<expiry>/<video>/...

The same rule as in deploy/nginx.conf, which serves these URLs in production without Python.
"""

from __future__ import annotations

import re

from flask import Blueprint, Response

from blueprints.http.caller import public
from blueprints.http.context import services
from blueprints.http.files import serve
from blueprints.http.limits import unlimited
from models.errors import Forbidden

hls = Blueprint("hls", __name__, url_prefix="/hls")

GRANT = re.compile(r"[A-Za-z0-9_-]{22}/[0-9]{10}/[A-Za-z0-9_-]{1,64}")
TYPES = {
    "m3u8": "application/vnd.apple.mpegurl",
    "mpd": "application/dash+xml",
    "m4s": "video/iso.segment",
    "mp4": "video/mp4",
    "vtt": "text/vtt",
    "jpg": "image/jpeg",
}
FILE = re.compile(rf"(?!.*\.\.)[A-Za-z0-9_./-]{{1,200}}\.({'|'.join(TYPES)})")
# A published version never changes; the grant in the path ends the right to see it.
CACHE_SECONDS = 3600
# But for the playlist of what is still being encoded (services/processing/early.py) or is live
# (services/live): who asks for it wants to know what is new.
GROWING = re.compile(r"(?:e[0-9]+)?v0/media\.m3u8")


@hls.route("/<signature>/<expires>/<video_id>/<path:file>")
@public
@unlimited
def media(signature: str, expires: str, video_id: str, file: str) -> Response:
    """Send one file of a video: 403 without a valid grant, 410 when it has expired."""
    named = FILE.fullmatch(file)
    if not named or not GRANT.fullmatch(f"{signature}/{expires}/{video_id}"):
        raise Forbidden("This playback link is not valid. Ask for the stream again.")
    key = services().playback.segment(signature, expires, video_id, file)
    cache_seconds = 0 if GROWING.fullmatch(file) else CACHE_SECONDS
    return serve(key, TYPES[named[1]], cache_seconds=cache_seconds)


@hls.route("/")
@hls.route("/<path:_anything>")
@public
@unlimited
def refused(_anything: str = "") -> Response:
    """Whatever else is asked for under /hls was not granted."""
    raise Forbidden("This playback link is not valid. Ask for the stream again.")
