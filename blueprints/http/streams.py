"""What every family tells a player of a stream beside its address: its place, and its licences."""

from __future__ import annotations

from marshmallow import fields, validate

from blueprints.http.links import link
from blueprints.http.shapes import Shape
from services.playback.key_systems import Drm, DrmType, KeySystem
from services.playback.playback import Stream

STREAM_ID_LENGTH = 64
LONGEST_SECONDS = 10_000_000


def license_url(system: KeySystem) -> str:
    return system.licence_url or link(system.licence_path)


class KeySystemOut(Shape):
    """Reads a `KeySystem`."""

    type = fields.Enum(DrmType, by_value=True)
    key_system = fields.String(attribute="name", metadata={"example": "org.w3.clearkey"})
    license_url = fields.Function(
        license_url,
        metadata={"description": "Of this CLUTCH: send the access token in `Authorization`."},
    )
    certificate_url = fields.String(metadata={"description": "For FairPlay; else empty."})


class DrmOut(Shape):
    """Reads a `Drm`: what is the first choice, and all there are."""

    type = fields.Enum(DrmType, by_value=True, attribute="first.type")
    key_system = fields.String(attribute="first.name")
    license_url = fields.Function(lambda drm: license_url(drm.first))
    certificate_url = fields.String(attribute="first.certificate_url")
    systems = fields.List(fields.Nested(KeySystemOut))


def stream_id_in() -> fields.String:
    return fields.String(required=True, validate=validate.Length(1, STREAM_ID_LENGTH))


def position_in() -> fields.Float:
    return fields.Float(
        validate=validate.Range(0, LONGEST_SECONDS),
        metadata={"description": "How far the player is: the watch history keeps it."},
    )


def drm(stream: Stream) -> dict[str, Drm]:
    """`drm` of an encrypted video, for `DrmOut`; nothing of a clear one."""
    return {"drm": stream.drm} if stream.drm else {}
