"""000's webhook for processors elsewhere: /api/webhooks/video-processed."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from flask import request
from werkzeug.exceptions import RequestEntityTooLarge

from blueprints.http.caller import public
from blueprints.http.context import services
from blueprints.http.dialect import FamilyBlueprint
from blueprints.platform.dialect import dialect
from blueprints.platform.schemas.webhooks import Settled, VideoProcessed
from models.video import Video
from services.webhooks.arriving import Report
from services.webhooks.signatures import ID, SIGNATURE, TIMESTAMP

arrivals = FamilyBlueprint(dialect, "arrivals", "/api/webhooks", "Word from processors elsewhere.")

BODY_BYTES = 64 * 1024


def verified(view: Callable[..., Any]) -> Callable[..., Any]:
    """Check the signature over the body as it came, before anything is made of it."""

    @wraps(view)
    def check(**path: Any) -> Any:
        request.max_content_length = BODY_BYTES
        body = request.get_data()
        if len(body) >= BODY_BYTES:  # a body that did not announce its length is cut off there
            raise RequestEntityTooLarge
        services().arrivals.verify(
            _header(ID), _header(TIMESTAMP), request.headers.get(SIGNATURE, ""), body
        )
        return view(**path)

    return check


@arrivals.route("/video-processed", methods=["POST"])
@verified
@arrivals.arguments(VideoProcessed)
@arrivals.response(200, Settled)
@public
def video_processed(report: Report) -> Video:
    """Say what an external processor has made of a video, signed as Standard Webhooks are (000).

    The same webhook-id again changes nothing. 404 unless this CLUTCH has a secret for it, 401 for
    a signature that does not fit, 409 for a video that does not wait for this.
    """
    return services().arrivals.settle(_header(ID), report)


def _header(name: str) -> str:
    return request.headers.get(name, "").strip()
