"""The weekly quota of 003: reserved before bytes come, given back if they become no video."""

from __future__ import annotations

import datetime as dt
import io
from concurrent.futures import ThreadPoolExecutor

import pytest

from models.uploads import Reservation
from services.seeding import SEED_USERNAME
from services.uploads.quota import week_of
from tests.tus import Tus, checksum
from tests.wire import MP4, failed, stored_files

SIZE = len(MP4)
SUNDAY = dt.datetime(2026, 3, 1, tzinfo=dt.UTC)


@pytest.fixture
def tus(client, ann) -> Tus:
    return Tus(client, ann)


@pytest.fixture
def limit(services):
    """Set how many bytes a week has."""

    def set_limit(size: int | None) -> None:
        configuration = services.configuration
        default = configuration._defaults()
        changed = configuration.configurations.change({"weekly_upload_limit_bytes": size}, default)
        configuration.remembered.keep("", changed)

    return set_limit


@pytest.fixture
def used(services, ann):
    """How much of her week ann has used."""
    return lambda: services.quota.quotas.used(ann.user.id, week_of(services.quota.now()))


def multipart(client, person):
    data = {"title": "x", "file": (io.BytesIO(MP4), "x.mp4")}
    return client.post("/api/videos", data=data, headers=person.headers)


@pytest.mark.parametrize(
    ("moment", "week"),
    [
        (SUNDAY, SUNDAY),
        (SUNDAY - dt.timedelta(milliseconds=1), SUNDAY - dt.timedelta(days=7)),
        (SUNDAY + dt.timedelta(days=6, hours=23), SUNDAY),
        (SUNDAY + dt.timedelta(days=7), SUNDAY + dt.timedelta(days=7)),
        (SUNDAY.astimezone(dt.timezone(dt.timedelta(hours=-8))), SUNDAY),
    ],
)
def test_a_week_begins_on_sunday_at_midnight_in_greenwich(moment, week):
    assert week_of(moment) == week


def test_an_upload_of_either_kind_counts_when_it_begins(client, ann, tus, used):
    multipart(client, ann)
    assert used() == SIZE
    tus.begin(1000)
    assert used() == SIZE + 1000


def test_what_is_more_than_is_left_is_refused_and_leaves_nothing(
    client, ann, bob, limit, used, services, settings
):
    tus = Tus(client, ann)
    limit(SIZE + 10)
    assert "00:00 UTC" in failed(tus.create(SIZE + 11), 403, "QUOTA_EXCEEDED")["message"]
    tus.begin(10)
    failed(tus.create(SIZE + 1), 403, "QUOTA_EXCEEDED")
    assert multipart(client, ann).status_code == 201
    files = stored_files(settings)
    failed(multipart(client, ann), 403, "QUOTA_EXCEEDED")
    failed(tus.create(1), 403, "QUOTA_EXCEEDED")
    assert used() == SIZE + 10
    assert stored_files(settings) == files
    assert services.queue.length() == 1
    assert multipart(client, bob).status_code == 201


def test_without_a_limit_anything_goes(tus, limit, used):
    limit(None)
    tus.begin(2**31)
    assert used() == 2**31


def test_with_a_limit_of_nothing_nothing_goes(tus, limit):
    limit(0)
    failed(tus.create(1), 403, "QUOTA_EXCEEDED")


def test_twenty_uploads_that_begin_together_do_not_exceed_the_quota(app, ann, limit, used):
    limit(7 * 100 + 99)

    def begin(_: int) -> int:
        return Tus(app.test_client(), ann).create(100).status_code

    with ThreadPoolExecutor(20) as threads:
        codes = sorted(threads.map(begin, range(20)))
    assert codes == [201] * 7 + [403] * 13
    assert used() == 700


def test_twenty_forms_that_are_sent_together_do_not_exceed_the_quota(
    app, ann, limit, used, settings
):
    limit(7 * SIZE + 1)
    with ThreadPoolExecutor(20) as threads:
        answers = threads.map(lambda _: multipart(app.test_client(), ann), range(20))
        codes = sorted(answer.status_code for answer in answers)
    assert codes == [201] * 7 + [403] * 13
    assert used() == 7 * SIZE
    assert len(stored_files(settings)) == 7


def test_what_is_given_up_refused_or_expired_is_given_back(tus, used, services, client, ann):
    tus.ask("DELETE", tus.begin(100))
    assert used() == 0
    tus.patch(tus.begin(9), 0, b"not video")
    assert used() == 0
    tus.begin(100)
    over = {"$set": {"expires_at": dt.datetime.now(dt.UTC)}}
    services.resumable.uploads.collection.update_many({"user_id": ann.user.id}, over)
    services.resumable.expire()
    assert used() == 0
    client.post("/api/videos", data={"title": "x", "file": (io.BytesIO(b"no"), "x")})
    assert used() == 0


def test_what_became_a_video_stays_used(tus, used, services, ann):
    path = tus.begin(SIZE)
    tus.patch(path, 0, MP4)
    over = {"$set": {"expires_at": dt.datetime.now(dt.UTC)}}
    services.resumable.uploads.collection.update_many({"user_id": ann.user.id}, over)
    assert services.resumable.expire() == 0
    assert tus.ask("HEAD", path).status_code == 404
    assert used() == SIZE


def test_an_upload_that_is_given_up_by_twenty_at_once_is_given_back_once(app, ann, tus, used):
    tus.begin(50)
    path = tus.begin(100)
    with ThreadPoolExecutor(20) as threads:
        ask = lambda _: Tus(app.test_client(), ann).ask("DELETE", path).status_code  # noqa: E731
        codes = list(threads.map(ask, range(20)))
    assert codes.count(204) == 1
    assert set(codes) <= {204, 404, 423, 410}
    assert used() == 50


# While the length is not known


DEFERRED = {"Upload-Defer-Length": "1"}


def test_an_upload_of_unknown_length_reserves_what_each_part_announces(tus, used):
    path = tus.begin(**DEFERRED)
    assert used() == 0
    tus.patch(path, 0, MP4[:20])
    tus.patch(path, 20, MP4[20:50], headers=checksum(b"other"))
    assert used() == 50
    tus.patch(path, 20, MP4[20:40])
    assert used() == 50
    tus.patch(path, 40, MP4[40:], headers={"Upload-Length": str(SIZE)})
    assert used() == SIZE


def test_its_last_part_gives_back_what_was_announced_and_never_came(tus, used):
    path = tus.begin(**DEFERRED)
    tus.patch(path, 0, b"x" * 500, headers=checksum(b"other"))
    assert used() == 500
    assert "X-Video-Id" in tus.patch(path, 0, MP4, headers={"Upload-Length": str(SIZE)}).headers
    assert used() == SIZE


def test_a_part_beyond_the_quota_is_refused_before_it_is_read(tus, limit, used):
    limit(100)
    path = tus.begin(**DEFERRED)
    tus.patch(path, 0, b"x" * 100)
    failed(tus.patch(path, 100, b"x"), 403, "QUOTA_EXCEEDED")
    failed(tus.patch(path, 100, headers={"Upload-Length": "101"}), 403, "QUOTA_EXCEEDED")
    assert (tus.offset(path), used()) == (100, 100)
    tus.ask("DELETE", path)
    assert used() == 0


# Weeks


def set_week(services, person, used: int, week: dt.datetime) -> None:
    values = {"weekly_upload_bytes": used, "last_upload_reset": week}
    services.quota.quotas.collection.update_one({"id": person.user.id}, {"$set": values})


def test_a_new_week_begins_although_the_scheduler_slept(tus, limit, used, services, ann):
    limit(100)
    week = week_of(services.quota.now())
    set_week(services, ann, 100, week - dt.timedelta(days=21))
    assert used() == 0
    tus.begin(100)
    assert used() == 100
    failed(tus.create(1), 403, "QUOTA_EXCEEDED")


def test_the_scheduler_begins_the_week_for_all_and_only_once(services, ann, bob, join, used):
    week = week_of(services.quota.now())
    set_week(services, ann, 100, week - dt.timedelta(days=7))
    set_week(services, bob, 100, week)
    join()
    assert services.quota.reset() == 1
    assert services.quota.reset() == 0
    rows = services.quota.quotas.collection.find({"id": {"$in": [ann.user.id, bob.user.id]}})
    found = {row["id"]: (row["weekly_upload_bytes"], row["last_upload_reset"]) for row in rows}
    assert found == {ann.user.id: (0, week), bob.user.id: (100, week)}


def test_what_was_reserved_last_week_is_not_taken_from_this_one(services, ann, tus, used):
    tus.begin(70)
    last = Reservation(
        covered_bytes=100,
        held_bytes=100,
        week=week_of(services.quota.now()) - dt.timedelta(days=7),
    )
    services.quota.release(ann.user.id, last)
    assert used() == 70
    again = services.resumable.arrivals.transactions.run(
        lambda within: services.quota.cover(ann.user.id, last, 130, within)
    )
    assert (again.covered_bytes, again.held_bytes) == (130, 30)
    assert used() == 100
    less = services.resumable.arrivals.transactions.run(
        lambda within: services.quota.cover(ann.user.id, last, 10, within)
    )
    assert (less.covered_bytes, less.held_bytes) == (10, 0)
    assert used() == 100


def test_a_host_whose_clock_is_behind_takes_nobody_back_to_last_week(services, ann, used):
    quotas, week = services.quota.quotas, week_of(services.quota.now())
    quotas.reserve(ann.user.id, 10, week=week, limit_bytes=100)
    quotas.reserve(ann.user.id, 10, week=week - dt.timedelta(days=7), limit_bytes=100)
    assert used() == 20


def test_seeds_are_nobodys_quota(services, limit, tmp_path):
    limit(1)
    film = tmp_path / "film.mp4"
    film.write_bytes(MP4)
    services.seeding.upload(film)
    author = services.seeding.author()
    assert author.username == SEED_USERNAME
    assert services.quota.quotas.used(author.id, week_of(services.quota.now())) == 0


def test_nobody_has_used_anything_of_an_account_that_is_not_there(services):
    assert services.quota.quotas.used("x", SUNDAY) == 0
