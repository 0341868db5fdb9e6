"""Changing videos: what is sent, who may, which version, and when a video is published."""

from __future__ import annotations

import datetime as dt
import io
from concurrent.futures import ThreadPoolExecutor

import pytest

from models.user import Role
from models.video import ProcessingStatus, Visibility
from services import container
from services.playback.grants import Grants
from tests.wire import NOBODY, failed, fields_of, moment

PATHS = {"platform": ("PATCH", "/api/videos/{}"), "client": ("PUT", "/videos/{}")}
SNAKE = {
    "publishAt": "publish_at",
    "drmEnabled": "drm_enabled",
    "geoRestrictions": "geo_restrictions",
}
SOLD = {
    "type": "pay_per_view",
    "price": 4.99,
    "currency": "EUR",
    "adConfig": {"preRoll": True, "midRoll": True, "postRoll": False, "frequency": 300},
}


class Family:
    """One family's way of changing a video, asked in the client API's words."""

    def __init__(self, name, client):
        self.name, self.client = name, client

    def change(self, person, reference, **body):
        headers = dict(person.headers if person else {}) | body.pop("headers", {})
        method, path = PATHS[self.name]
        said = body if self.name == "client" else snaked(body)
        return self.client.open(path.format(reference), method=method, json=said, headers=headers)

    def get(self, person, reference):
        path = PATHS[self.name][1].format(reference)
        return self.client.get(path, headers=person.headers if person else {})


def snaked(value):
    if not isinstance(value, dict):
        return value
    names = SNAKE | {
        "adConfig": "ad_config", "preRoll": "pre_roll", "midRoll": "mid_roll",
        "postRoll": "post_roll",
    }  # fmt: skip
    return {names.get(name, name): snaked(inner) for name, inner in value.items()}


@pytest.fixture(params=PATHS)
def family(request, client):
    return Family(request.param, client)


def in_hours(clock, hours):
    return (clock() + dt.timedelta(hours=hours)).isoformat()


def stored(services, video):
    found = services.catalogue.videos.get(video.id)
    assert found is not None
    return found


# What is changed


def test_everything_that_is_sent_is_changed_and_nothing_else(family, ann, add_video, services):
    video = add_video(ann, title="Before", description="Stays", tags=("old",), view_count=7)
    answer = family.change(
        ann,
        video.oid,
        title="  After ",
        tags=["New", "b", "new"],
        category="music",
        visibility="unlisted",
        monetization=SOLD,
        geoRestrictions=["us", "DE", "US"],
    )
    assert answer.status_code == 200, answer.json
    kept = stored(services, video)
    assert (kept.title, kept.description, kept.tags) == ("After", "Stays", ("new", "b"))
    assert (kept.category, kept.visibility) == ("music", Visibility.UNLISTED)
    assert kept.geo_restrictions == ("DE", "US")
    assert (kept.monetization.price_minor, kept.monetization.currency) == (499, "EUR")
    assert (kept.monetization.ad_config.mid_roll, kept.monetization.ad_config.frequency) == (
        True,
        300,
    )
    assert (kept.view_count, kept.published_at) == (7, video.published_at)
    assert kept.updated_at > video.updated_at
    shown = answer.json["monetization"]
    assert (shown["price"], shown["currency"], shown["type"]) == (4.99, "EUR", "pay_per_view")
    assert family.get(ann, video.id).json["title"] == "After"


def test_nothing_that_is_sent_changes_nothing(family, ann, add_video, services):
    video = add_video(ann)
    assert family.change(ann, video.id).status_code == 200
    assert stored(services, video) == video


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"title": ""}, "title"),
        ({"title": "t" * 101}, "title"),
        ({"title": None}, "title"),
        ({"description": "d" * 5001}, "description"),
        ({"tags": [str(number) for number in range(31)]}, "tags"),
        ({"tags": {"a": 1}}, "tags"),
        ({"visibility": "secret"}, "visibility"),
        ({"visibility": "scheduled"}, "publish_at"),
        ({"publishAt": "2999-01-01T00:00:00Z"}, "publish_at"),
        ({"visibility": "scheduled", "publishAt": "2001-01-01T00:00:00Z"}, "publish_at"),
        ({"visibility": "scheduled", "publishAt": "soon"}, "publish_at"),
        ({"visibility": "scheduled", "publishAt": "9999-12-31T23:59:59-12:00"}, "publish_at"),
        ({"publishAt": None}, "publish_at"),
        ({"visibility": "scheduled", "publishAt": None}, "publish_at"),
        ({"geoRestrictions": ["XX"]}, "geo_restrictions"),
        ({"geoRestrictions": "Germany"}, "geo_restrictions"),
        ({"monetization": {"type": "lottery"}}, "monetization.type"),
        ({"monetization": {"price": 1}}, "monetization.type"),
        ({"monetization": SOLD | {"price": 0}}, "monetization.price"),
        ({"monetization": SOLD | {"price": -1}}, "monetization.price"),
        ({"monetization": SOLD | {"price": 4.999}}, "monetization.price"),
        ({"monetization": SOLD | {"price": 10**9}}, "monetization.price"),
        ({"monetization": SOLD | {"price": "a lot"}}, "monetization.price"),
        ({"monetization": SOLD | {"currency": "EURO"}}, "monetization.currency"),
        ({"monetization": SOLD | {"currency": "ABC"}}, "monetization.currency"),
        ({"monetization": SOLD | {"currency": "JPY", "price": 4.5}}, "monetization.price"),
        ({"monetization": SOLD | {"type": "free"}}, "monetization.price"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named_and_nothing_is_changed(
    family, ann, add_video, services, body, field
):
    video = add_video(ann)
    answer = family.change(ann, video.id, **{"description": "new", **body})
    (named, *_) = fields_of(failed(answer, 400, "VALIDATION_ERROR"))
    camel = {snake: name for name, snake in SNAKE.items()} if family.name == "client" else {}
    assert named.startswith(camel.get(field) or field)
    assert stored(services, video) == video


@pytest.mark.parametrize(
    ("price", "currency", "minor"), [(500, "JPY", 500), (1.234, "KWD", 1234), (0.01, "usd", 1)]
)
def test_a_price_has_as_many_decimals_as_its_currency(
    family, ann, add_video, services, price, currency, minor
):
    video = add_video(ann)
    sold = {"type": "pay_per_view", "price": price, "currency": currency}
    answer = family.change(ann, video.id, monetization=sold)
    assert answer.json["monetization"]["price"] == price
    kept = stored(services, video).monetization
    assert (kept.price_minor, kept.currency) == (minor, currency.upper())


def test_unknown_fields_are_refused_by_one_family_and_ignored_by_the_other(client, ann, add_video):
    video = add_video(ann)
    answer = client.patch(f"/api/videos/{video.id}", json={"owner": "me"}, headers=ann.headers)
    assert set(fields_of(failed(answer, 400, "VALIDATION_ERROR"))) == {"owner"}
    answer = client.put(f"/videos/{video.id}", json={"owner": "me"}, headers=ann.headers)
    assert answer.status_code == 200


@pytest.mark.parametrize("visibility", ["public", "scheduled"])
def test_what_the_client_api_answers_can_be_put_back(
    client, ann, add_video, services, clock, visibility
):
    """PUT is for whole videos: who read one, changes a word and sends all of it."""
    publish_at = clock() + dt.timedelta(hours=1) if visibility == "scheduled" else None
    shown = Visibility(visibility)
    video = add_video(ann, tags=("a", "b"), visibility=shown, publish_at=publish_at)
    read = client.get(f"/videos/{video.id}", headers=ann.headers).json
    same = client.put(f"/videos/{video.id}", json=read | {"title": "New"}, headers=ann.headers)
    assert same.status_code == 200, same.json
    before = {name: value for name, value in read.items() if name in same.json}
    answered = same.json | {"updatedAt": read["updatedAt"], "playbackToken": read["playbackToken"]}
    assert answered == before | {"title": "New", "prompt": "New"}


def test_no_time_goes_with_a_visibility_that_needs_none(family, ann, add_video, services, clock):
    video = add_video(ann, visibility=Visibility.PRIVATE)
    scheduled(family, ann, video, clock)
    answer = family.change(ann, video.id, visibility="private", publishAt=None)
    assert answer.status_code == 200, answer.json
    kept = stored(services, video)
    assert (kept.visibility, kept.publish_at) == (Visibility.PRIVATE, None)


def test_a_form_whose_file_was_not_chosen_changes_the_words_alone(client, ann, add_video, services):
    """As browsers send a file input that was left alone."""
    video = add_video(ann)
    data = {"title": "Form", "file": (io.BytesIO(b""), "")}
    answer = client.put(f"/videos/{video.id}", data=data, headers=ann.headers)
    assert answer.status_code == 200, answer.json
    assert stored(services, video).processing == video.processing
    empty = {"title": "Form", "file": (io.BytesIO(b""), "film.mp4")}
    answer = client.put(f"/videos/{video.id}", data=empty, headers=ann.headers)
    failed(answer, 400, "VALIDATION_ERROR")


def test_the_platform_api_takes_put_as_well(client, ann, add_video):
    video = add_video(ann)
    answer = client.put(f"/api/videos/{video.id}", json={"title": "New"}, headers=ann.headers)
    assert (answer.status_code, answer.json["title"]) == (200, "New")


def test_a_form_says_the_same_as_json(client, ann, add_video, services):
    video = add_video(ann)
    form = {
        "title": "Form",
        "tags": "a, b",
        "geoRestrictions": "fr,de",
        "monetization": '{"type": "pay_per_view", "price": 1, "currency": "EUR"}',
    }
    answer = client.put(
        f"/videos/{video.id}", data=form, headers=ann.headers, content_type="multipart/form-data"
    )
    assert answer.status_code == 200, answer.json
    kept = stored(services, video)
    assert (kept.title, kept.tags, kept.geo_restrictions) == ("Form", ("a", "b"), ("DE", "FR"))
    assert kept.monetization.price_minor == 100


def test_encryption_cannot_be_changed_without_new_content(family, ann, add_video, services):
    video = add_video(ann)
    failed(family.change(ann, video.id, title="x", drmEnabled=True), 409, "CONFLICT")
    assert stored(services, video) == video
    assert family.change(ann, video.id, title="x", drmEnabled=False).status_code == 200


# Who may


def test_the_owner_and_staff_change_a_video_and_nobody_else(family, ann, bob, join, add_video):
    video, hidden = add_video(ann), add_video(ann, visibility=Visibility.PRIVATE)
    failed(family.change(None, video.id, title="x"), 401, "UNAUTHORIZED")
    failed(family.change(bob, video.id, title="x"), 403, "FORBIDDEN")
    failed(family.change(bob, hidden.id, title="x"), 404, "NOT_FOUND")
    failed(family.change(ann, NOBODY, title="x"), 404, "NOT_FOUND")
    for person in (ann, join("boss", role=Role.STAFF)):
        assert family.change(person, video.id, title="x").status_code == 200


# Versions


def test_a_change_of_an_older_version_is_refused_if_asked_for(family, ann, add_video, services):
    video = add_video(ann, title="one")
    seen = f'"{video.updated_at.isoformat()}"'
    first = family.change(ann, video.id, title="two", headers={"If-Match": seen})
    assert first.status_code == 200
    late = family.change(ann, video.id, title="three", headers={"If-Match": seen})
    failed(late, 412, "PRECONDITION_FAILED")
    assert stored(services, video).title == "two"
    for now in (f'"{stored(services, video).updated_at.isoformat()}"', "*"):
        answer = family.change(ann, video.id, title="three", headers={"If-Match": now})
        assert answer.status_code == 200
    broken = family.change(ann, video.id, title="x", headers={"If-Match": '"yesterday"'})
    failed(broken, 400, "VALIDATION_ERROR")


def test_of_changes_of_one_version_at_once_one_holds(services, ann, add_video):
    from services.policies import Actor  # noqa: PLC0415 - beside its only use
    from services.videos.editing import Change, Stale  # noqa: PLC0415 - the same

    video = add_video(ann)

    def change(number: int) -> bool:
        try:
            services.editing.update(
                Actor(id=ann.user.id), video.id, Change(title=str(number)), seen=video.updated_at
            )
        except Stale:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(change, range(16))) == 1


def test_changes_of_different_fields_at_once_all_hold(services, ann, add_video):
    from services.policies import Actor  # noqa: PLC0415 - beside its only use
    from services.videos.editing import Change  # noqa: PLC0415 - the same

    video, actor = add_video(ann), Actor(id=ann.user.id)
    changes = [
        Change(title="t"),
        Change(description="d"),
        Change(tags=("x",)),
        Change(category="c"),
    ]
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda change: services.editing.update(actor, video.id, change), changes))
    kept = stored(services, video)
    assert (kept.title, kept.description, kept.tags, kept.category) == ("t", "d", ("x",), "c")


# Publication


def test_a_private_video_is_published_when_it_becomes_public(
    family, ann, add_video, services, clock
):
    video = add_video(ann, visibility=Visibility.PRIVATE, published_at=None, ranking_score=0.0)
    clock.forward(hours=9)
    assert family.change(ann, video.id, title="Still private").status_code == 200
    assert stored(services, video).published_at is None
    answer = family.change(ann, video.id, visibility="public")
    kept = stored(services, video)
    assert abs(kept.published_at - clock()) < dt.timedelta(minutes=1)
    assert kept.ranking_score > 0
    name = "published_at" if family.name == "platform" else "publishedAt"
    assert moment(answer.json[name]) == kept.published_at


def test_hiding_a_video_and_showing_it_again_does_not_make_it_new(
    family, ann, add_video, services, clock
):
    video = add_video(ann)
    for visibility in ("private", "unlisted", "public"):
        clock.forward(hours=1)
        family.change(ann, video.id, visibility=visibility)
    kept = stored(services, video)
    assert (kept.published_at, kept.ranking_score) == (video.published_at, video.ranking_score)


def test_a_video_is_published_by_what_makes_it_play_only_if_it_is_public(
    services, ann, add_video, clock
):
    videos = services.catalogue.videos
    for visibility in Visibility:
        video = add_video(
            ann,
            visibility=visibility,
            playable=False,
            published_at=None,
            processing_status=ProcessingStatus.UPLOADED,
        )
        now = clock()
        videos.collection.update_one({"id": video.id}, {"$set": {"processing.lease_until": now}})
        assert videos.claim(video.id, "lease", now=now, until=now)
        videos.publish(video.id, "lease", version="v1", renditions=(), now=now, score=5.0)
        published = stored(services, video).published_at
        assert (published == now) is (visibility is Visibility.PUBLIC), visibility


def test_others_see_a_change_within_a_moment(ann, bob, add_video, client, services):
    video = add_video(ann)
    assert client.get(f"/api/videos/{video.id}", headers=bob.headers).status_code == 200
    client.patch(f"/api/videos/{video.id}", json={"visibility": "private"}, headers=ann.headers)
    failed(client.get(f"/api/videos/{video.id}", headers=bob.headers), 404, "NOT_FOUND")
    assert client.get("/api/videos").json["videos"] == []


# Scheduling


def scheduled(family, person, video, clock, hours=1):
    answer = family.change(
        person, video.id, visibility="scheduled", publishAt=in_hours(clock, hours)
    )
    assert answer.status_code == 200, answer.json


def test_a_scheduled_video_is_hidden_until_its_time_and_then_public(
    family, ann, bob, add_video, services, clock
):
    video = add_video(ann, visibility=Visibility.PRIVATE, published_at=None)
    scheduled(family, ann, video, clock)
    failed(family.get(bob, video.id), 404, "NOT_FOUND")
    assert services.scheduling.publish_due() == 0
    clock.forward(hours=1, seconds=1)
    assert services.scheduling.publish_due() == 1
    assert services.scheduling.publish_due() == 0
    kept = stored(services, video)
    assert (kept.visibility, kept.publish_at) == (Visibility.PUBLIC, None)
    assert abs(kept.published_at - clock()) < dt.timedelta(minutes=1)
    assert family.get(bob, video.id).status_code == 200


def test_a_scheduler_that_was_away_publishes_what_it_missed(
    family, ann, add_video, services, clock
):
    videos = [add_video(ann, visibility=Visibility.PRIVATE, published_at=None) for _ in range(3)]
    for video in videos:
        scheduled(family, ann, video, clock)
    clock.forward(days=4)
    assert services.scheduling.publish_due() == 3


def test_of_several_schedulers_one_publishes_a_video(
    settings, services, ann, add_video, clock, client
):
    family = Family("client", client)
    for _ in range(6):
        scheduled(family, ann, add_video(ann, visibility=Visibility.PRIVATE), clock)
    clock.forward(hours=2)
    others = [container.build(settings, now=clock) for _ in range(4)]
    with ThreadPoolExecutor(4) as pool:
        done = pool.map(lambda each: each.scheduling.publish_due(), others)
    assert sum(done) == 6


def test_a_schedule_can_be_moved_and_given_up(family, ann, add_video, services, clock):
    video = add_video(ann, visibility=Visibility.PRIVATE)
    scheduled(family, ann, video, clock)
    assert family.change(ann, video.id, publishAt=in_hours(clock, 5)).status_code == 200
    clock.forward(hours=2)
    assert services.scheduling.publish_due() == 0
    family.change(ann, video.id, title="Renamed")
    assert stored(services, video).publish_at is not None
    family.change(ann, video.id, visibility="private")
    clock.forward(hours=9)
    assert services.scheduling.publish_due() == 0
    assert stored(services, video).publish_at is None


def test_a_scheduled_video_that_is_not_processed_shows_with_its_first_rendition(
    family, ann, add_video, services, clock
):
    video = add_video(
        ann, playable=False, published_at=None, visibility=Visibility.PRIVATE,
        processing_status=ProcessingStatus.UPLOADED,
    )  # fmt: skip
    scheduled(family, ann, video, clock)
    clock.forward(hours=2)
    assert services.scheduling.publish_due() == 1
    assert stored(services, video).published_at is None
    videos, now = services.catalogue.videos, clock()
    videos.collection.update_one({"id": video.id}, {"$set": {"processing.lease_until": now}})
    videos.claim(video.id, "lease", now=now, until=now)
    videos.publish(video.id, "lease", version="v1", renditions=(), now=now, score=5.0)
    assert stored(services, video).published_at == now


def test_publication_is_told_to_the_owner_and_to_who_looks(services, ann, add_video, clock, client):
    video = add_video(ann, visibility=Visibility.PRIVATE)
    scheduled(Family("client", client), ann, video, clock)
    clock.forward(hours=2)
    services.scheduling.publish_due()
    told = [one.channel for one in services.events.recent() if one.event["type"] == "published"]
    assert told == [f"user:{ann.user.id}", f"video:{video.id}"]


def test_no_grant_is_longer_than_replacing_content_relies_on():
    grants = Grants(secret="s" * 32, now=lambda: dt.datetime(2026, 1, 1, tzinfo=dt.UTC))
    expires = int(grants.path("v", "x", 100).split("/")[3])
    begun = dt.datetime(2026, 1, 1, tzinfo=dt.UTC).timestamp()
    assert expires - begun <= 2 * 100 + 3600 + 300
