"""The whole pipeline with media in a bucket: nothing but storage is shared between workers."""

from __future__ import annotations

import shutil
from dataclasses import replace

import pytest

from config import Settings
from models.video import Phase, ProcessingStatus
from services.adapters.media.growing import END
from tests.s3 import s3_bucket, s3_server
from tests.samples import bikes

__all__ = ["s3_bucket", "s3_server"]

pytestmark = pytest.mark.media


@pytest.fixture
def settings(settings: Settings, s3_bucket) -> Settings:
    pieces = {"renditions": (90, 180), "chunk_seconds": 4, "chunk_from_seconds": 8}
    return replace(s3_bucket.settings(settings), **pieces)


def test_every_turn_may_be_taken_on_another_host(services, settings):
    video = services.seeding.upload(bikes()).video
    videos, storage = services.catalogue.videos, services.storage
    services.turns.take()
    assert videos.get(video.id).processing.phase is Phase.CHUNKS
    with storage.local(f"playback/{video.id}/v0/media.m3u8") as playlist:
        assert END in playlist.read_text()
    while videos.get(video.id).processing_status is ProcessingStatus.PROCESSING:
        shutil.rmtree(settings.scratch_dir, ignore_errors=True)
        services.turns.take()
    ready = videos.get(video.id)
    assert ready.processing_status is ProcessingStatus.READY
    assert [rendition.name for rendition in ready.renditions] == ["90p", "180p"]
    assert {entry.key.split("/")[0] for entry in storage.entries()} == {
        "playback",
        "posters",
        "progressive",
    }
    assert [found for step in services.library_check.check() for found in step.findings] == []
