"""Wiring: who is watching live streams."""

from __future__ import annotations

from datetime import timedelta

from services.adapters.live_viewers import RedisLiveViewers
from services.container.parts import Parts
from services.live.audience import Audience


def audience(parts: Parts) -> Audience:
    return Audience(
        viewers=RedisLiveViewers(parts.redis),
        events=parts.events,
        lease=timedelta(seconds=parts.settings.stream_lease_seconds),
        now=parts.now,
    )
