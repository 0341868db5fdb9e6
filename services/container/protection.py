"""Wiring: what stands between a video and who wants to play it."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

from config import SettingError, Settings
from services.accounts.secrets_box import SecretsBox
from services.accounts.sessions import SessionService
from services.adapters.countries import Countries, MaxMindCountries, NoCountries
from services.adapters.key_server import HttpKeyServer
from services.adapters.stream_leases import RedisStreamLeases
from services.container.audience import audience
from services.container.parts import Parts
from services.playback.concurrency import Concurrency
from services.playback.content_keys import ContentKeyService
from services.playback.geography import Geography
from services.playback.grants import Grants
from services.playback.heartbeats import HeartbeatService
from services.playback.key_systems import KeySystems
from services.playback.licences import LicenceService
from services.playback.playback import PlaybackService


def playback(parts: Parts, sessions: SessionService) -> dict[str, Any]:
    """What playback asks, by the names that `PlaybackService` has for it."""
    settings = parts.settings
    limit = settings.max_concurrent_streams
    return {
        "grants": Grants(
            secret=settings.edge_key,
            previous=settings.previous_edge_key,
            longest_seconds=settings.limited_grant_seconds if limit else 0,
            now=parts.now,
        ),
        "geography": Geography(
            countries=_countries(settings),
            blocked=frozenset(settings.geo_blocked),
            is_unknown_blocked=settings.geo_unknown == "block",
        ),
        "concurrency": Concurrency(
            leases=RedisStreamLeases(parts.redis),
            sessions=sessions,
            secret=settings.jwt_secret_key,
            limit=limit,
            lease=timedelta(seconds=settings.stream_lease_seconds),
            now=parts.now,
        ),
        "audience": audience(parts),
        "longest_live_seconds": settings.max_video_seconds / 2,
        "key_systems": KeySystems(
            is_clearkey_offered=settings.drm_clearkey,
            widevine_url=settings.drm_widevine_license_url,
            fairplay_url=settings.drm_fairplay_license_url,
            fairplay_certificate_url=settings.drm_fairplay_certificate_url,
        ),
    }


def licensed(parts: Parts, playback: PlaybackService) -> dict[str, Any]:
    """Playback and what goes with it, by the names that `Services` has for them."""
    return {
        "playback": playback,
        "heartbeats": HeartbeatService(
            playback=playback,
            concurrency=playback.concurrency,
            history=playback.history,
            shelf=parts.shelf,
        ),
        "licences": LicenceService(
            playback=playback,
            keys=content_keys(parts),
            is_clearkey_offered=parts.settings.drm_clearkey,
        ),
    }


def content_keys(parts: Parts) -> ContentKeyService:
    settings = parts.settings
    url = settings.drm_key_server_url
    own = settings.drm_key_secret
    return ContentKeyService(
        keys=parts.content_keys,
        box=SecretsBox(
            own or settings.jwt_secret_key,
            "content key",
            "" if own else settings.jwt_secret_key_previous,
        ),
        server=HttpKeyServer(url=url, token=settings.drm_key_server_token) if url else None,
        now=parts.now,
        new_id=parts.new_id,
    )


def _countries(settings: Settings) -> Countries:
    if not settings.geoip_database:
        return NoCountries()
    try:
        return MaxMindCountries(Path(settings.geoip_database).expanduser())
    except (OSError, ValueError) as wrong:
        raise SettingError(f"GEOIP_DATABASE is not usable: {wrong}") from wrong
