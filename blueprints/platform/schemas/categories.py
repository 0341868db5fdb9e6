"""Categories on the wire of the platform API (003)."""

from __future__ import annotations

from marshmallow import Schema, fields, validate

from blueprints.http.shapes import Shape

NAME_LENGTH = 60


class CategoryName(Schema):
    name = fields.String(required=True, validate=validate.Length(1, NAME_LENGTH))


class CategoryDeletion(Schema):
    move_to = fields.String(
        load_default=None,
        validate=validate.Length(1, 100),
        metadata={"description": "The category that its videos go to: id, slug or name."},
    )


class CategoryOut(Shape):
    id = fields.String()
    name = fields.String()
    slug = fields.String(metadata={"description": "What videos have as their category."})
    video_count = fields.Integer(
        metadata={"description": "Public videos in it, up to a minute old."}
    )
    created_by = fields.String(allow_none=True)
    created_at = fields.DateTime()


class CategoryListOut(Shape):
    categories = fields.List(fields.Nested(CategoryOut))


class Deleted(Shape):
    success = fields.Boolean()
    message = fields.String()
