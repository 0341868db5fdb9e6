"""What lists are narrowed by: fields that every family takes, under names of its own.

A parameter that is sent has to say something: an empty one is a mistake of the client's, and taking
it for none at all would answer everything where nothing was meant.
"""

from __future__ import annotations

from functools import lru_cache
from itertools import chain
from typing import Any

from marshmallow import Schema, ValidationError, fields, validate
from webargs.multidictproxy import MultiDictProxy
from werkzeug.datastructures import MultiDict

from blueprints.http.states import STATUS_WORDS
from models.documents import by_reference
from models.video import ProcessingStatus
from services.videos.browsing import ME

CATEGORY_LENGTH = 100
TAGS_LENGTH = 500
WORDS_LENGTH = 200
MOST_SECONDS = 7 * 24 * 3600
REPEATED_LENGTH = 100

# 000's words, and 003's and 004's for the same.
STATES = {status.value: status for status in ProcessingStatus} | {
    word: status for status, word in STATUS_WORDS.items()
}


class Repeated(Schema):
    """For lists, which many ask for in the same words: reading those words again is left out.

    What is made of them must depend on nothing else, and not be changed by who gets it.
    """

    def load(self, data: Any, **options: Any) -> Any:
        sent: Any = data.data if isinstance(data, MultiDictProxy) else None
        words = None if sent is None else tuple(sent.items(multi=True))
        # Hardly anybody sends what is long, such as a cursor, a second time.
        if words is None or sum(map(len, chain.from_iterable(words))) > REPEATED_LENGTH:
            return super().load(data, **options)
        return dict(_understood(self, words, options.get("unknown")))


@lru_cache(maxsize=1024)
def _understood(schema: Schema, words: tuple[tuple[str, str], ...], unknown: Any) -> Any:
    """Failures are not remembered."""
    return Schema.load(schema, MultiDictProxy(MultiDict(words), schema), unknown=unknown)


def category(**options: Any) -> fields.String:
    return fields.String(
        validate=[validate.Length(max=CATEGORY_LENGTH), _says_something], **options
    )


def tags() -> fields.String:
    return fields.String(
        validate=[validate.Length(max=TAGS_LENGTH), _says_something],
        metadata={"description": "Comma-separated: videos with any of them. Case does not matter."},
    )


def person() -> fields.String:
    return fields.String(
        validate=_names_a_person,
        metadata={"description": "Either id of somebody, or `me` for all of one's own."},
    )


def words() -> fields.String:
    return fields.String(
        validate=[validate.Length(max=WORDS_LENGTH), _says_something],
        metadata={
            "description": "Words of the title or the description, all of them; of what they find,"
            " the first 1,000."
        },
    )


def state() -> fields.String:
    return fields.String(
        validate=validate.OneOf(list(STATES)),
        metadata={"description": "With one's own videos, or for staff."},
    )


def seconds(description: str) -> fields.Float:
    return fields.Float(
        validate=validate.Range(0, MOST_SECONDS), metadata={"description": description}
    )


def alternatives(data: dict[str, Any], *pairs: tuple[str, str]) -> None:
    """Raises `ValidationError` where both of a pair are sent, which say the same."""
    both = [(one, other) for one, other in pairs if {one, other} <= data.keys()]
    if both:
        raise ValidationError({other: [f"Send either {one} or {other}."] for one, other in both})


def whose(data: dict[str, Any], mine: str, person: str) -> None:
    """Raises `ValidationError` where one's own videos are asked for, and somebody else's."""
    if data.get(mine) and data.get(person, ME) != ME:
        raise ValidationError(f"Contradicts {mine}: send one of them.", person)


def ordered(data: dict[str, Any], least: str, most: str) -> None:
    """Raises `ValidationError` for a range that holds nothing."""
    if least in data and most in data and data[least] >= data[most]:
        raise ValidationError(f"Must be more than {least}.", most)


def _says_something(value: str) -> None:
    if not value.replace(",", " ").strip():
        raise ValidationError("Must not be empty.")


def _names_a_person(value: str) -> None:
    if value != ME and by_reference(value) is None:
        raise ValidationError("Not the id of a person, and not `me`.")
