"""Tags, as people send them: one text with commas."""

from __future__ import annotations

from marshmallow import ValidationError

MAX_TAGS = 30


def to_tags(text: str) -> tuple[str, ...]:
    """`a, b,,a` is the tags a and b. Raises `ValidationError` for more than anybody needs."""
    tags = tuple(dict.fromkeys(tag.strip() for tag in text.split(",") if tag.strip()))
    if len(tags) > MAX_TAGS:
        raise ValidationError(f"At most {MAX_TAGS} tags.", "tags")
    return tags
