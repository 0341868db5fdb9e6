"""Answer shapes: marshmallow schemas whose `dump` is compiled.

marshmallow documents the answer and says what each field is; walking a schema anew for each of 20
videos costs most of a list's time, so the walk is done once. What orjson writes as marshmallow
would (text, numbers, enums, times) passes through untouched. A test holds both to the same bytes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property
from operator import attrgetter, itemgetter
from typing import Any

from marshmallow import Schema, fields

PASSED_THROUGH = (
    *(fields.String, fields.Integer, fields.Float, fields.Boolean),
    *(fields.Enum, fields.DateTime),
)
ABSENT = object()

Getter = Callable[[Any], Any]

# For openapi.json: what a function answers, which says nothing of that itself.
ADDRESS = {"type": "string", "format": "uri"}
NAME = {"type": ["string", "null"]}
ADDRESSES = {"type": "object", "additionalProperties": ADDRESS}


def record(*, nullable: bool = False, **kinds: str | dict[str, Any]) -> dict[str, Any]:
    """An object with these properties, each of a kind or a schema of its own."""
    said = {n: {"type": kind} if isinstance(kind, str) else kind for n, kind in kinds.items()}
    return {"type": ["object", "null"] if nullable else "object", "properties": said}


def many(schema: str) -> dict[str, Any]:
    """A list of what has a name in openapi.json."""
    return {"type": "array", "items": {"$ref": f"#/components/schemas/{schema}"}}


class Shape(Schema):
    """A schema to answer with: reads attributes (of a mapping, its keys), never queries."""

    def dump(self, obj: Any, *, many: bool | None = None) -> Any:
        if self.many if many is None else many:
            return [self._dump(item) for item in obj]
        return self._dump(obj)

    def _dump(self, obj: Any) -> dict[str, Any]:
        if isinstance(obj, Mapping):
            found = ((name, read(obj)) for name, read in self._of_mapping)
            return {name: value for name, value in found if value is not ABSENT}
        return {name: read(obj) for name, read in self._of_object}

    @cached_property
    def _of_object(self) -> list[tuple[str, Getter]]:
        return [(name, _compiled(field, attrgetter)) for name, field in self.dump_fields.items()]

    @cached_property
    def _of_mapping(self) -> list[tuple[str, Getter]]:
        return [(name, _compiled(field, _item)) for name, field in self.dump_fields.items()]


def _item(name: str) -> Getter:
    get = itemgetter(name)

    def read(mapping: Mapping[str, Any]) -> Any:
        return get(mapping) if name in mapping else ABSENT

    return read


def _compiled(field: fields.Field[Any], reader: Callable[[str], Getter]) -> Getter:
    """How to get this field's value out of an object, ready for orjson."""
    if isinstance(field, fields.Function) and field.serialize_func:
        return field.serialize_func
    read = reader(field.attribute or field.name or "")
    convert = _converter(field)
    if convert is None:
        return read

    def converted(obj: Any) -> Any:
        value = read(obj)
        return value if value is None or value is ABSENT else convert(value)

    return converted


def _converter(field: fields.Field[Any]) -> Getter | None:
    if isinstance(field, fields.Nested):
        return field.schema.dump
    if isinstance(field, fields.List):
        inner = _converter(field.inner)
        return (lambda items: [inner(item) for item in items]) if inner else None
    if isinstance(field, PASSED_THROUGH):
        return None
    raise TypeError(f"{type(field).__name__} has no compiled form yet: {field.name}")
