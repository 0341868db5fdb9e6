"""Bytes, not JSON: what players fetch. In production nginx answers these instead."""

from __future__ import annotations

from blueprints.playback.hls import hls
from blueprints.playback.licences import licences

BLUEPRINTS = (hls, licences)

__all__ = ["BLUEPRINTS"]
