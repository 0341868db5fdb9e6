"""Wiring: where media is kept, as MEDIA_STORAGE_BACKEND says."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime

from config import Settings
from models.errors import Unavailable
from services.adapters.storage import LocalStorage, Storage
from services.uploads.addresses import Addresses
from services.uploads.uploads import KEEP_INCOMING

LOCAL, S3 = "local", "s3"


def _utc_now() -> datetime:
    return datetime.now(UTC)


def storage(
    settings: Settings, backend: str = "", *, now: Callable[[], datetime] = _utc_now
) -> Storage:
    """The one that is configured, or `backend`. Raises `SettingError` if it cannot be."""
    if (backend or settings.storage_backend) == S3:
        return _s3(settings.checked_for_s3())
    addresses = Addresses(settings.jwt_secret_key, now)
    return LocalStorage(settings.media_root, address=addresses.path, now=now)


def require(storage: Storage) -> None:
    """Raise `SettingError` if the settings lead nowhere; one that is away may come back."""
    with suppress(Unavailable):
        storage.require()


def tidy_host(settings: Settings) -> None:
    """Remove what killed processes left on this host, and copies that nobody needs any more."""
    storage(settings).tidy_host(_utc_now() - KEEP_INCOMING)


def _s3(settings: Settings) -> Storage:
    # Half a second that nobody pays whose media is on a disk.
    from services.adapters.storage.s3 import S3Storage  # noqa: PLC0415
    from services.adapters.storage.s3_client import Place  # noqa: PLC0415

    place = Place(
        bucket=settings.aws_s3_bucket,
        access_key_id=settings.aws_access_key_id,
        secret_access_key=settings.aws_secret_access_key,
        region=settings.aws_region,
        endpoint_url=settings.s3_endpoint_url,
        public_endpoint_url=settings.s3_public_endpoint_url,
        path_style=settings.s3_path_style,
    )
    return S3Storage(place, settings.var_dir / "s3")
