"""Tags, as people send them: one text with commas.

One tag is one text, however it is typed: `#Live`, `live` and ` LIVE ` are the same, when a video is
given it and when it is looked for.
"""

from __future__ import annotations

import unicodedata

from marshmallow import ValidationError

MAX_TAGS = 30


def to_tags(text: str) -> tuple[str, ...]:
    """`A, b,,#a` is the tags a and b. Raises `ValidationError` for more than anybody needs."""
    tags = tuple(dict.fromkeys(tag for part in text.split(",") if (tag := to_tag(part))))
    if len(tags) > MAX_TAGS:
        raise ValidationError(f"At most {MAX_TAGS} tags.", "tags")
    return tags


def to_tag(text: str) -> str:
    """In lower case, composed, with single blanks, and without the sign before it."""
    same = unicodedata.normalize("NFKC", text).casefold()
    return " ".join(unicodedata.normalize("NFC", same).split()).lstrip("# ")
