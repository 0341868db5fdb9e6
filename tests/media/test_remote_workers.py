"""Workers on other hosts: nothing is shared but MongoDB, Redis and, if there is one, a bucket."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from services.videos.keys import playback_key, source_key
from tests.s3 import judge_bucket, judge_server
from tests.samples import Samples
from tests.stack import wait_for

pytestmark = [pytest.mark.media, pytest.mark.stack, pytest.mark.xdist_group("storage-processes")]

__all__ = ["judge_bucket", "judge_server"]

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def clip(tmp_path_factory) -> Path:
    return Samples(tmp_path_factory.mktemp("clips"))["short.mp4"]


@contextmanager
def worker(folder: Path, settings: Any, environment: dict[str, str]) -> Iterator[Path]:
    """`app.py worker` in a folder of its own; it cannot see the API's."""
    folder.mkdir(exist_ok=True)
    env = {
        "PATH": os.environ["PATH"],
        "MONGO_URL": settings.mongo_url,
        "REDIS_URL": settings.redis_url,
        "JWT_SECRET_KEY": settings.jwt_secret_key,
        "VAR_DIR": str(folder / "var"),
        "X264_PRESET": "ultrafast",
        "LOG_LEVEL": "WARNING",
        **environment,
    }
    with (folder / "output.txt").open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, str(ROOT / "app.py"), "worker"],
            cwd=folder, env=env, stdout=output, stderr=output,
        )  # fmt: skip
    try:
        yield folder / "var"
    finally:
        process.terminate()
        process.wait(30)


@pytest.fixture
def sent(client, ann, clip) -> Callable[[], str]:
    def send() -> str:
        with clip.open("rb") as opened:
            form = {"title": "From afar", "file": (opened, "clip.mp4")}
            return client.post("/api/videos", data=form, headers=ann.headers).json["id"]

    return send


@pytest.fixture
def ended(client, ann) -> Callable[[str], dict[str, Any]]:
    """The video, once its processing has ended."""

    def look(video_id: str) -> dict[str, Any] | None:
        video = client.get(f"/api/videos/{video_id}", headers=ann.headers).json
        return video if video["processing_status"] in {"ready", "error"} else None

    return lambda video_id: wait_for(lambda: look(video_id), 120)


@pytest.fixture
def beside(client, ann) -> Callable[[dict[str, Any], str], bytes]:
    """A file beside the master playlist of a video."""

    def fetch(video: dict[str, Any], name: str) -> bytes:
        token = {"token": video["playback_token"]}
        asked = client.get(f"/stream/{video['id']}", query_string=token, headers=ann.headers)
        master = asked.json["streamUrl"].removeprefix("http://localhost")
        return client.get(f"{master.rpartition('/')[0]}/{name}").data

    return fetch


def files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def leave_behind(folder: Path) -> Path:
    """What a worker that was killed on this host days ago was reading."""
    left = folder / "var" / "s3" / "incoming" / "read-old"
    left.mkdir(parents=True)
    os.utime(left, (1, 1))
    return left


class TestWithABucket:
    @pytest.fixture
    def settings(self, settings, judge_bucket):
        return judge_bucket.settings(settings)

    def test_a_worker_with_nothing_but_the_bucket_makes_a_video_that_plays(
        self, judge_bucket, sent, ended, beside, tmp_path, services
    ):
        settings, video_id = services.settings, sent()
        assert files(settings.var_dir) == []
        assert judge_bucket.keys() == [source_key(video_id)]
        left = leave_behind(tmp_path / "elsewhere")
        with worker(tmp_path / "elsewhere", settings, judge_bucket.environment) as folder:
            wait_for(lambda: not left.exists(), 60)
            video = ended(video_id)
            assert video["processing_status"] == "ready", video
            # It tidies up after it has told.
            wait_for(lambda: not files(folder / "s3") + files(folder / "scratch"), 60)
        assert beside(video, "180p.m3u8").startswith(b"#EXTM3U")
        assert beside(video, "180p/00001.m4s")[4:8] in {b"styp", b"sidx", b"moof"}
        assert services.storage.head(source_key(video_id)) is None
        assert [s.findings for s in services.library_check.check() if s.findings] == []

    def test_a_bucket_that_is_away_costs_a_video_nothing(
        self, settings, judge_bucket, sent, tmp_path, services
    ):
        video_id = sent()
        away = {**judge_bucket.environment, "S3_ENDPOINT_URL": "http://127.0.0.1:9"}
        with worker(tmp_path / "elsewhere", settings, away):
            video = wait_for(
                lambda: (
                    (found := services.catalogue.videos.get(video_id))
                    and found.processing.lease is None
                    and found.processing.stage == "queued"
                    and found.processing_status == "processing"
                    and found
                ),
                120,
            )
        assert (video.processing.attempts, video.processing.error_code) == (0, None)


def test_without_a_bucket_a_worker_that_lacks_the_file_says_so_at_once(
    settings, sent, ended, tmp_path, services
):
    video_id = sent()
    with worker(tmp_path / "elsewhere", settings, {}):
        video = ended(video_id)
    assert video["processing_status"] == "error"
    row = services.catalogue.videos.get(video_id)
    assert row.processing.error_code == "source_missing"
    assert "MEDIA_ROOT" in row.processing.error_message
    assert services.storage.size(playback_key(video_id)) == 0
