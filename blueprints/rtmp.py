"""What an RTMP server asks before it lets a live stream in or out (deploy/rtmp.conf).

nginx-rtmp posts what the encoder said, as a form: 2xx lets it, all else refuses it. The key of the
stream, or our own ticket, is who is asking.
"""

from __future__ import annotations

from flask import Blueprint, Response, request

from blueprints.http.caller import public
from blueprints.http.context import services
from blueprints.http.limits import unlimited
from models.errors import Forbidden

rtmp = Blueprint("rtmp", __name__, url_prefix="/live")

REFUSED = "No stream of this key may be sent."


@rtmp.route("/publish", methods=["POST"])
@unlimited
@public
def publish() -> Response:
    """Somebody begins to send: 403 without the key of a stream that is not over."""
    return _answer(is_let=services().broadcasts.arrive(_said(), is_there=True))


@rtmp.route("/update", methods=["POST"])
@unlimited
@public
def update() -> Response:
    """Somebody sends, or fetches, still: asked again and again, and 403 throws them out."""
    return _answer(is_let=services().broadcasts.may_stay(_said(), _one("ticket")))


@rtmp.route("/done", methods=["POST"])
@unlimited
@public
def done() -> Response:
    """Somebody ceased to send."""
    return _answer(is_let=services().broadcasts.arrive(_said(), is_there=False))


@rtmp.route("/play", methods=["POST"])
@unlimited
@public
def play() -> Response:
    """Somebody fetches a stream, which only our own processes may: viewers have HLS."""
    return _answer(is_let=services().broadcasts.may_fetch(_one("name"), _one("ticket")))


def _said() -> str:
    """As an encoder names the stream where nothing stands between us."""
    return f"{_one('name')}?key={_one('key')}"


def _one(field: str) -> str:
    """Nothing, where it was said twice: an encoder's arguments are appended as they are.

    Otherwise who has a key of their own could name another stream beside the one that they send.
    """
    values = request.form.getlist(field)
    return values[0] if len(values) == 1 else ""


def _answer(*, is_let: bool) -> Response:
    if not is_let:
        raise Forbidden(REFUSED)
    return Response(status=204)
