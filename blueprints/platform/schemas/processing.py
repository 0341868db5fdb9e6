"""Processing on the wire of the platform API: how far each video is, and why it failed."""

from __future__ import annotations

from marshmallow import Schema, fields, validate

from blueprints.http.shapes import Shape
from blueprints.platform.schemas.videos import PAGE_SIZE_LIMIT
from models.external import EXTERNAL_STAGE
from models.video import ProcessingStatus
from services.processing.holding import Held

WAITING, RUNNING, EXTERNAL, FAILED = "waiting", "running", "external", "failed"
STATES = (WAITING, RUNNING, EXTERNAL, FAILED, "done")
# What a list can be asked for. Between two tries a video is `processing`, and waits.
FILTERS = {
    "unfinished": (ProcessingStatus.UPLOADED, ProcessingStatus.PROCESSING),
    "waiting": (ProcessingStatus.UPLOADED,),
    "running": (ProcessingStatus.PROCESSING,),
    "failed": (ProcessingStatus.ERROR,),
}


def state_of(held: Held) -> str:
    processing = held.video.processing
    if held.video.processing_status is ProcessingStatus.ERROR:
        return FAILED
    if held.video.processing_status is ProcessingStatus.READY:
        return "done"
    if processing.stage == EXTERNAL_STAGE:
        return EXTERNAL
    return RUNNING if processing.lease else WAITING


class ProcessingQuery(Schema):
    state = fields.String(load_default="unfinished", validate=validate.OneOf(list(FILTERS)))
    page_size = fields.Integer(load_default=20, validate=validate.Range(1, PAGE_SIZE_LIMIT))
    cursor = fields.String(validate=validate.Length(max=1000))


class HeldOut(Shape):
    """A video in processing. Reads a `Held`."""

    video_id = fields.String(attribute="video.id")
    title = fields.String(attribute="video.title")
    author_id = fields.String(attribute="video.author_id")
    state = fields.Function(state_of, metadata={"type": "string", "enum": list(STATES)})
    stage = fields.String(attribute="video.processing.stage")
    percent = fields.Float(attribute="video.processing.percent")
    attempts = fields.Integer(attribute="video.processing.attempts")
    is_cancelled = fields.Boolean(
        attribute="video.processing.cancelled",
        metadata={"description": "Asked to end, and about to."},
    )
    playable = fields.Boolean(attribute="video.playable")
    can_retry = fields.Function(
        lambda held: state_of(held) == FAILED and held.video.source is not None,
        metadata={"type": "boolean", "description": "Failed, and its upload is kept still."},
    )
    error_code = fields.String(attribute="video.processing.error_code", allow_none=True)
    error_message = fields.String(attribute="video.processing.error_message", allow_none=True)
    created_at = fields.DateTime(attribute="video.created_at")
    finished_at = fields.DateTime(attribute="video.processing.finished_at", allow_none=True)


class HeldForAdmins(HeldOut):
    worker = fields.String(
        attribute="video.processing.worker", metadata={"description": "Who held it last."}
    )
    claimed_at = fields.DateTime(attribute="video.processing.claimed_at", allow_none=True)
    silent_seconds = fields.Float(
        allow_none=True, metadata={"description": "Since its worker was heard of last."}
    )
    next_try_at = fields.DateTime(attribute="video.processing.lease_until", allow_none=True)


class Why(HeldForAdmins):
    last_error = fields.String(
        attribute="video.processing.last_error",
        metadata={"description": "What the tools said last; no paths, and not all of it."},
    )


class HeldListOut(Shape):
    videos = fields.List(fields.Nested(HeldForAdmins))
    next_cursor = fields.String(allow_none=True)
