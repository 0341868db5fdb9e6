"""Seeding: 001's two videos, a catalogue of any size, and the command line that does it."""

from __future__ import annotations

import datetime as dt
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

import seed_videos
from config import Settings
from models.errors import Unauthorized
from models.video import ProcessingStatus
from services.accounts.sessions import Device
from services.videos.keys import poster_key
from tests.conftest import SECRET
from tests.wire import MP4


@pytest.fixture
def seed(settings: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    """Run `python seed_videos.py` with these arguments against the test's servers."""
    monkeypatch.chdir(tmp_path)
    environ = {
        "MONGO_URL": settings.mongo_url,
        "REDIS_URL": settings.redis_url,
        "JWT_SECRET_KEY": SECRET,
        "VAR_DIR": str(settings.var_dir),
        "BCRYPT_ROUNDS": "4",
    }

    def run(*arguments: str, **changed: str | None) -> Result:
        return CliRunner().invoke(seed_videos.main, arguments, env={**environ, **changed})

    return run


# 001's videos


def test_the_two_videos_of_001_are_seeded_newest_first(services):
    first, second = services.seeding.youtube()
    assert (first.youtube_id, second.youtube_id) == ("CBYhVcO4WgI", "UF8uR6Z6KLc")
    assert first.published_at > second.published_at
    for video in (first, second):
        assert (video.playable, video.is_active) == (True, True)
        assert video.processing_status is ProcessingStatus.READY
        assert services.storage.file(poster_key(video.id)).read_bytes().startswith(b"\xff\xd8")


def test_seeding_again_changes_nothing_but_the_texts(services, clock):
    before = services.seeding.youtube()
    services.catalogue.videos.collection.update_one(
        {"id": before[0].id}, {"$set": {"view_count": 7, "title": "edited"}}
    )
    clock.forward(days=1)
    after = services.seeding.youtube()
    assert [v.id for v in after] == [v.id for v in before]
    assert [v.published_at for v in after] == [v.published_at for v in before]
    assert (after[0].view_count, after[0].title) == (7, before[0].title)
    assert services.catalogue.videos.collection.count_documents({}) == 2
    assert services.accounts.users.collection.count_documents({}) == 1


def test_seeding_from_several_places_at_once_seeds_once(services):
    with ThreadPoolExecutor(6) as pool:
        found = list(pool.map(lambda _: services.seeding.youtube(), range(6)))
    assert len({tuple(video.id for video in videos) for videos in found}) == 1
    assert services.catalogue.videos.collection.count_documents({}) == 2
    assert services.accounts.users.collection.count_documents({}) == 1


def test_a_picture_that_was_lost_is_drawn_again(services):
    video = services.seeding.youtube()[0]
    services.storage.remove(poster_key(video.id))
    services.seeding.youtube()
    assert services.storage.file(poster_key(video.id)) is not None


def test_nobody_can_sign_in_as_the_seed_author(services):
    services.seeding.youtube()
    for password in ("", "clutch", "CLUTCH", "password"):
        with pytest.raises(Unauthorized):
            services.accounts.sign_in(
                login="clutch", password=password, device=Device(), lifetime=dt.timedelta(hours=1)
            )


# A catalogue


def test_a_catalogue_has_as_many_rows_as_asked_for(services):
    assert sum(services.seeding.catalogue(12, 1234)) == 12 + 1234
    assert services.accounts.users.collection.count_documents({}) == 12
    assert services.catalogue.videos.collection.count_documents({}) == 1234
    assert sum(services.seeding.catalogue(3, 4)) == 7
    assert not [step for step in services.recounting.check() if step.differences]
    assert services.catalogue.videos.collection.count_documents({}) == 1238


def test_a_catalogue_without_users_belongs_to_the_seed_author(services):
    list(services.seeding.catalogue(0, 5))
    author = services.seeding.author().id
    assert services.catalogue.videos.count_of(author) == 5


def test_a_catalogue_can_be_browsed_in_every_way(client, services):
    list(services.seeding.catalogue(5, 200))
    whole = client.get("/api/videos?limit=50").json
    assert whole["pagination"]["total_items"] == 200
    assert len({video["author"]["id"] for video in whole["videos"]}) == 5
    for category in {video["category"] for video in whole["videos"]}:
        found = client.get(f"/api/videos?category={category}").json
        assert found["pagination"]["total_items"] == 40
    for tag in {tag for video in whole["videos"] for tag in video["tags"]}:
        assert client.get(f"/api/videos?tags={tag}").json["videos"]


# A file


def test_a_copy_of_a_local_file_goes_through_the_pipeline(services, tmp_path):
    file = tmp_path / "My_first film.mp4"
    file.write_bytes(MP4)
    page = services.seeding.upload(file)
    assert file.read_bytes() == MP4
    assert page.video.title == "My first film"
    assert page.video.author_id == services.seeding.author().id
    assert services.queue.length() == 1
    assert list(services.storage.incoming().iterdir()) == []


# The command line


def test_without_arguments_it_seeds_001s_videos_and_names_them(seed, services):
    result = seed()
    assert result.exit_code == 0, result.output
    assert "How to Start a Startup" in result.output
    assert "Steve Jobs Stanford Commencement Address" in result.output
    assert "CBYhVcO4WgI" not in result.output
    assert services.catalogue.videos.collection.count_documents({}) == 2
    assert seed().exit_code == 0
    assert services.catalogue.videos.collection.count_documents({}) == 2


def test_it_writes_a_catalogue(seed, services):
    result = seed("--users", "3", "--videos", "20")
    assert result.exit_code == 0, result.output
    assert services.accounts.users.collection.count_documents({}) == 3
    assert services.catalogue.videos.collection.count_documents({}) == 20


@pytest.mark.parametrize(
    "arguments", [("--users", "-1"), ("--videos", "x"), ("--file", "none.mp4")]
)
def test_it_refuses_what_makes_no_sense(seed, arguments):
    result = seed(*arguments)
    assert result.exit_code == 2
    assert "Traceback" not in result.output


def test_it_says_why_a_file_is_refused_and_fails(seed, tmp_path):
    (tmp_path / "notes.mp4").write_text("not a video")
    result = seed("--file", str(tmp_path / "notes.mp4"))
    assert result.exit_code == 1
    assert "notes.mp4" in result.output
    assert "not a video file" in result.output
    assert "Traceback" not in result.output


def test_it_says_when_a_folder_holds_no_videos(seed, tmp_path):
    (tmp_path / "folder").mkdir()
    result = seed("--dir", str(tmp_path / "folder"))
    assert result.exit_code == 1
    assert "no video file" in result.output


def test_it_says_when_clutch_is_not_running(seed):
    result = seed(MONGO_URL=None, REDIS_URL=None, MONGODB_URI=None)
    assert result.exit_code == 1
    assert "make run" in result.output
