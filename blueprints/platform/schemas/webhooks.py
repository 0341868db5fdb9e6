"""Webhooks on the wire of the platform API: endpoints, what was sent, what comes in (000)."""

from __future__ import annotations

from typing import Any

from marshmallow import Schema, fields, post_load, validate

from blueprints.http.parsing import Lenient
from blueprints.http.shapes import Shape
from blueprints.platform.schemas.videos import PAGE_SIZE_LIMIT
from models.announcements import VideoEvent
from models.video import ProcessingStatus
from models.webhook_deliveries import DeliveryState
from services.webhooks.arriving import Report

URL_LENGTH = 2000
OVERLAP_HOURS, LONGEST_OVERLAP_HOURS = 24, 7 * 24
MESSAGE_LENGTH = 2000


def address(**options: Any) -> fields.String:
    return fields.String(
        validate=validate.Length(1, URL_LENGTH),
        metadata={"description": "https, on the public internet unless this CLUTCH allows more."},
        **options,
    )


def events(**options: Any) -> fields.List:
    return fields.List(
        fields.Enum(VideoEvent, by_value=True), validate=validate.Length(1, 20), **options
    )


def description(**options: Any) -> fields.String:
    return fields.String(validate=validate.Length(max=200), **options)


class NewWebhook(Schema):
    url = address(required=True)
    events = events(required=True)
    description = description(load_default="")
    everything = fields.Boolean(
        load_default=False,
        metadata={"description": "Of everybody's videos, for administrators; else of one's own."},
    )


class WebhookChange(Schema):
    url = address()
    events = events()
    description = description()
    is_active = fields.Boolean(metadata={"description": "What waits is given up with false."})


class Rotation(Schema):
    overlap_hours = fields.Integer(
        load_default=OVERLAP_HOURS,
        validate=validate.Range(0, LONGEST_OVERLAP_HOURS),
        metadata={"description": "For how long the secret before signs as well."},
    )


class WebhookOut(Shape):
    id = fields.String()
    url = fields.String()
    events = fields.Function(
        lambda endpoint: list(endpoint.events),
        metadata={"type": "array", "items": {"type": "string"}},
    )
    everything = fields.Boolean()
    description = fields.String()
    is_active = fields.Boolean()
    off_because = fields.String(metadata={"description": "Why it was switched off, if it was."})
    failing_since = fields.DateTime(allow_none=True)
    secrets = fields.Function(
        lambda endpoint: [
            {"created_at": each.created_at, "ends_at": each.ends_at} for each in endpoint.secrets
        ],
        metadata={
            "type": "array",
            "items": {"type": "object"},
            "description": "Since when each signs, and until when. What they are is shown once.",
        },
    )
    created_at = fields.DateTime()
    updated_at = fields.DateTime()


class WebhookListOut(Shape):
    webhooks = fields.List(fields.Nested(WebhookOut))


class WebhookWithSecret(Shape):
    """An endpoint with its new secret. Reads a `WithSecret`."""

    webhook = fields.Nested(WebhookOut, attribute="endpoint")
    secret = fields.String(metadata={"description": "whsec_ and base64; shown this once."})


class AttemptOut(Shape):
    at = fields.DateTime()
    duration_ms = fields.Integer()
    status = fields.Integer(allow_none=True)
    answer = fields.String(metadata={"description": "The first KiB of it."})
    error = fields.String(metadata={"description": "Why there was no answer."})


class DeliveryOut(Shape):
    id = fields.String()
    event_id = fields.String(metadata={"description": "The header webhook-id."})
    event = fields.String()
    video_id = fields.String(allow_none=True)
    sequence = fields.Integer()
    state = fields.Enum(DeliveryState, by_value=True)
    body = fields.String(metadata={"description": "As it is sent."})
    attempts = fields.List(fields.Nested(AttemptOut))
    created_at = fields.DateTime()
    next_at = fields.DateTime(allow_none=True)
    settled_at = fields.DateTime(allow_none=True)


class DeliveryListOut(Shape):
    deliveries = fields.List(fields.Nested(DeliveryOut))
    next_cursor = fields.String(allow_none=True)


class DeliveryQuery(Schema):
    page_size = fields.Integer(load_default=20, validate=validate.Range(1, PAGE_SIZE_LIMIT))
    cursor = fields.String(validate=validate.Length(max=1000))


# From a processor elsewhere


def _web_address() -> fields.String:
    is_https = validate.URL(schemes={"https"}, require_tld=False)
    return fields.String(validate=[validate.Length(max=URL_LENGTH), is_https])


def _picture(value: str) -> None:
    if value:
        validate.URL(schemes={"https"}, require_tld=False)(value)


class VideoProcessed(Lenient):
    """000's payload from a video processing service."""

    video_id = fields.String(required=True, validate=validate.Length(1, 64))
    status = fields.String(required=True, validate=validate.OneOf(["success", "error"]))
    quality_variants = fields.Dict(
        keys=fields.String(validate=validate.Regexp(r"\A[1-9][0-9]{1,4}p\Z")),
        values=_web_address(),
        load_default=dict,
        validate=validate.Length(max=20),
        metadata={"description": 'HLS or MP4 by quality: {"720p": "https://..."}.'},
    )
    duration = fields.Float(load_default=0.0, validate=validate.Range(0, 1_000_000))
    thumbnail_url = fields.String(
        load_default="", allow_none=True, validate=[validate.Length(max=URL_LENGTH), _picture]
    )
    error_message = fields.String(
        load_default="", allow_none=True, validate=validate.Length(max=MESSAGE_LENGTH)
    )

    @post_load
    def as_report(self, data: dict[str, Any], **_: Any) -> Report:
        return Report(
            video_id=data["video_id"],
            succeeded=data["status"] == "success",
            quality_variants=data["quality_variants"],
            duration_seconds=data["duration"],
            thumbnail_url=data["thumbnail_url"] or "",
            error_message=data["error_message"] or "",
        )


class Settled(Shape):
    success = fields.Function(lambda _video: True, metadata={"type": "boolean"})
    video_id = fields.String(attribute="id")
    processing_status = fields.Enum(ProcessingStatus, by_value=True)
