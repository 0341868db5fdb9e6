"""Licences of encrypted videos: /stream/<video>/license?token=<playback token>.

In the two forms that players ask for: POST is the W3C's ClearKey (EME's `license request` and
`license`), GET is the bare key that HLS means by `KEYFORMAT="identity"`. Both ask for the access
token as well, as /stream does.
"""

from __future__ import annotations

import base64
import binascii
from typing import Any

import orjson
from flask import Blueprint, Response, request

from blueprints.http.caller import caller
from blueprints.http.context import services
from blueprints.http.limits import limit_licences
from models.errors import Invalid, TooLarge
from services.playback.content_keys import OpenKey

licences = Blueprint("licences", __name__, url_prefix="/stream")

REQUEST_BYTES = 8 * 1024
KEY_IDS = 32
KEY_ID_BYTES = 16


@licences.route("/<video_id>/license", methods=["POST"])
@limit_licences
def license_of(video_id: str) -> Response:
    """Answer a JWK set with the keys that are asked for.

    400 for what is no licence request or without a playback token, 401 for a bad token, 403 for a
    token or a key of another video, 404 for a video that is not encrypted.
    """
    asked = _key_ids()
    key = services().licences.issue(caller(), video_id, request.args.get("token"), asked)
    jwk = {"kty": "oct", "kid": _base64url(key.key_id), "k": _base64url(key.key)}
    return _answer(orjson.dumps({"keys": [jwk], "type": "temporary"}), "application/json")


@licences.route("/<video_id>/license")
@limit_licences
def key_of(video_id: str) -> Response:
    """Answer the 16 bytes of the key."""
    key: OpenKey = services().licences.issue(caller(), video_id, request.args.get("token"))
    return _answer(key.key, "application/octet-stream")


def _answer(body: bytes, mimetype: str) -> Response:
    return Response(body, mimetype=mimetype, headers={"Cache-Control": "no-store"})


def _key_ids() -> list[bytes]:
    """The `kids` of a licence request, whatever its content type: browsers send none."""
    if (request.content_length or 0) > REQUEST_BYTES:
        raise TooLarge("This is too large for a licence request.")
    request.max_content_length = REQUEST_BYTES
    try:
        asked: Any = orjson.loads(request.get_data())
        kids = asked["kids"]
        found = [_from_base64url(kid) for kid in kids]
    except (orjson.JSONDecodeError, KeyError, TypeError, AttributeError, binascii.Error) as wrong:
        raise _no_request() from wrong
    if not isinstance(kids, list) or not 0 < len(found) <= KEY_IDS:
        raise _no_request()
    if any(len(kid) != KEY_ID_BYTES for kid in found):
        raise _no_request()
    return found


def _no_request() -> Invalid:
    return Invalid('Send a licence request: {"kids": ["<base64url>"], "type": "temporary"}.')


def _base64url(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def _from_base64url(text: str) -> bytes:
    padded = text.translate({ord("-"): "+", ord("_"): "/"}) + "=" * (-len(text) % 4)
    return base64.b64decode(padded.encode("ascii", "replace"), validate=True)
