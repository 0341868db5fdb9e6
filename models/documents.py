"""The only place where a stored document becomes an entity and back.

Every document carries `_id` (ObjectId) and `id` (UUIDv7); an entity has both, as `oid` and `id`,
because 001 shows the first and the other families show the second (contract section 1).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, is_dataclass
from enum import Enum
from functools import cache
from types import NoneType, UnionType
from typing import Any, TypedDict, TypeVar, get_args, get_origin, get_type_hints
from uuid import UUID

from bson import ObjectId

E = TypeVar("E")
Document = dict[str, Any]

OID_HEX_LENGTH = 24


@dataclass(frozen=True, slots=True, kw_only=True)
class Entity:
    """What every stored thing has: one identity in two spellings."""

    id: str
    oid: str


@dataclass(frozen=True, slots=True)
class After:
    """Where the last page ended: its last item's sort value and ObjectId."""

    value: Any
    oid: str

    def beyond(self, field: str, *, ascending: bool = False) -> Document:
        """What follows in a list that descends on `field` and `_id`, or ascends on both.

        Two index ranges, so that page 10,000 costs as page 1.
        """
        oid, further = ObjectId(self.oid), "$gt" if ascending else "$lt"
        return {"$or": [{field: {further: self.value}}, {field: self.value, "_id": {further: oid}}]}


class Identity(TypedDict):
    id: str
    oid: str


def identity(uuid: str) -> Identity:
    """Both spellings of a new identity. The ObjectId keeps the UUIDv7's second and random part.

    Of a UUID that is no v7, as one made of a name, it is as good as random.
    """
    raw = UUID(uuid).bytes
    seconds = int.from_bytes(raw[:6]) // 1000 % 2**32
    return {"id": uuid, "oid": (seconds.to_bytes(4) + raw[8:]).hex()}


def by_reference(reference: str) -> Document | None:
    """The filter that finds an entity by either spelling; None if it is neither."""
    if len(reference) == OID_HEX_LENGTH and ObjectId.is_valid(reference):
        return {"_id": ObjectId(reference)}
    try:
        return {"id": str(UUID(reference))}
    except ValueError:
        return None


def from_doc(cls: type[E], doc: Mapping[str, Any]) -> E:
    """Build `cls` from `doc`, ignoring what the code no longer knows.

    A field that an old document lacks takes the dataclass default, so adding a field with a
    default needs no migration.
    """
    return cls(
        **{
            name: convert(doc[key]) if convert else doc[key]
            for key, name, convert in _plan(cls)
            if key in doc
        }
    )


def to_doc(entity: Any) -> Document:
    """The inverse of `from_doc`."""
    doc = {spec.name: _plain(getattr(entity, spec.name)) for spec in fields(entity)}
    if isinstance(entity, Entity):
        doc["_id"] = ObjectId(doc.pop("oid"))
    return doc


def _plain(value: Any) -> Any:
    if is_dataclass(value):
        return to_doc(value)
    return [_plain(item) for item in value] if isinstance(value, tuple) else value


@cache
def _plan(cls: type[Any]) -> tuple[tuple[str, str, Callable[[Any], Any] | None], ...]:
    hints = get_type_hints(cls)
    return tuple(
        ("_id" if spec.name == "oid" else spec.name, spec.name, _converter(spec.name, hints))
        for spec in fields(cls)
    )


def _converter(name: str, hints: Mapping[str, Any]) -> Callable[[Any], Any] | None:
    """How to turn what BSON gives back into what the dataclass declares."""
    if name == "oid":
        return str
    hint, optional = _without_none(hints[name])
    convert = _of_type(hint)
    if convert and optional:
        return lambda value: None if value is None else convert(value)
    return convert


def _of_type(hint: Any) -> Callable[[Any], Any] | None:
    if isinstance(hint, type) and issubclass(hint, Enum):
        return hint
    if is_dataclass(hint):
        return lambda value: from_doc(hint, value)  # type: ignore[arg-type]  # is_dataclass narrows to an instance as well
    if get_origin(hint) is tuple:
        each = _of_type(get_args(hint)[0])
        return (lambda values: tuple(map(each, values))) if each else tuple
    return None


def _without_none(hint: Any) -> tuple[Any, bool]:
    if isinstance(hint, UnionType) and NoneType in get_args(hint):
        return next(arg for arg in get_args(hint) if arg is not NoneType), True
    return hint, False
