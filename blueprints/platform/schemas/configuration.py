"""The wire shapes of 003's configuration and of its dashboard."""

from __future__ import annotations

from marshmallow import Schema, fields, validate

from blueprints.http.shapes import Shape

# What 64 bits hold, and MongoDB with them.
MOST = 2**62


class ConfigurationChange(Schema):
    """Only what is sent is changed."""

    max_file_size_bytes = fields.Integer(strict=True, validate=validate.Range(1, MOST))
    weekly_upload_limit_bytes = fields.Integer(
        strict=True,
        allow_none=True,
        validate=validate.Range(0, MOST),
        metadata={"description": "null: as much as they like."},
    )


class ConfigurationOut(Shape):
    max_file_size_bytes = fields.Integer(attribute="configuration.max_file_size_bytes")
    weekly_upload_limit_bytes = fields.Integer(
        attribute="configuration.weekly_upload_limit_bytes", allow_none=True
    )
    video_storage_path = fields.String(metadata={"description": "MEDIA_ROOT; cannot be changed."})
    updated_at = fields.DateTime(attribute="configuration.updated_at", allow_none=True)
    updated_by = fields.String(attribute="configuration.updated_by", allow_none=True)


class StatisticsOut(Shape):
    total_users = fields.Integer()
    total_videos = fields.Integer()
    storage_used_bytes = fields.Integer()
    processing_queue_length = fields.Integer()
