"""One's own reaction: remembered by processes, and seen with the next request, wherever it goes."""

from __future__ import annotations

import random
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import pairwise

import pytest
from redis import Redis

from app import create_app
from models.reactions import Choice, Kind, Reactions
from services import container
from services.adapters.stamps import RedisStamps
from services.policies import VISITOR, Actor
from services.remembered import Remembered
from tests.counted_redis import counted

AWAY = "redis://127.0.0.1:1/0"
SECONDS = 10


@pytest.fixture
def video(ann, add_video):
    return add_video(ann)


@pytest.fixture
def two(settings, clock):
    """Two processes, as far as anything in memory goes; both have their shelves."""
    each = [container.build(replace(settings, shelf_seconds=60), now=clock) for _ in range(2)]
    return [create_app(services).test_client() for services in each]


@pytest.fixture
def own(services):
    return services.catalogue.own_reactions


def shown(client, person, video):
    seen = client.get(f"/api/videos/{video.id}", headers=person.headers)
    assert seen.status_code == 200, seen.json
    other = client.get(f"/videos/{video.id}", headers=person.headers).json
    assert seen.json["user_action"] == other["userAction"]
    return seen.json["user_action"]


def react(client, person, video, action):
    body = {"action": action}
    answer = client.post(f"/api/videos/{video.id}/like", json=body, headers=person.headers)
    assert answer.status_code == 200, answer.json


def actor(person):
    return Actor(id=person.user.id, session_id="s")


def write_only(services, person, video, choice):
    """The row, and nothing after it: what a process leaves that is killed just then."""
    target = services.reactions.targets[Kind.VIDEO].find(actor(person), video.id)
    row = services.reactions._row(actor(person), Kind.VIDEO, target, choice)
    services.reactions.reactions.react(row)


# As fast as it is


def test_what_is_remembered_costs_no_query_and_no_trip_of_its_own(settings, clock, bob, video):
    with counted(settings.redis_url) as redis:
        mine = replace(settings, redis_url=redis.url, shelf_seconds=60)
        services = container.build(mine, now=clock)
        client = create_app(services).test_client()
        shown(client, bob, video)
        trips, queries = redis.round_trips, asked(services)
        for _ in range(10):
            assert client.get(f"/api/videos/{video.id}", headers=bob.headers).status_code == 200
        assert redis.round_trips - trips == 10
        assert asked(services) == queries


def asked(services):
    """How often MongoDB has been asked for anything by anybody."""
    found = services.catalogue.videos.collection.database.client.admin.command("serverStatus")
    return found["opcounters"]["query"]


# As new as it is


def test_a_reaction_shows_at_once_in_another_process(two, bob, video):
    here, there = two
    assert shown(here, bob, video) == shown(there, bob, video) == "none"
    for action, said in (("like", "liked"), ("dislike", "disliked"), ("remove", "none")):
        react(here, bob, video, action)
        assert shown(there, bob, video) == shown(here, bob, video) == said
    for _ in range(2):
        react(there, bob, video, "like")
        assert shown(here, bob, video) == "liked"


def test_it_is_nobody_elses(two, ann, bob, video):
    here, there = two
    assert shown(there, ann, video) == "none"
    react(here, bob, video, "like")
    assert shown(there, ann, video) == "none"
    assert there.get(f"/api/videos/{video.id}").json["user_action"] is None


def test_it_is_of_one_video(two, ann, bob, video, add_video):
    here, there = two
    other = add_video(ann)
    react(here, bob, video, "like")
    react(here, bob, other, "dislike")
    assert [shown(there, bob, one) for one in (video, other, video)] == [
        *("liked", "disliked", "liked")
    ]


def test_everybody_sees_what_they_were_answered_last_wherever_they_ask(two, join, video):
    """Eight people change their minds, each request in either of two processes."""
    said = {"like": "liked", "dislike": "disliked", "remove": "none"}

    def waver(person):
        choose = random.Random(person.user.email)  # noqa: S311 - no secret
        for _ in range(12):
            action = choose.choice(list(said))
            react(choose.choice(two), person, video, action)
            for _ in range(2):
                assert shown(choose.choice(two), person, video) == said[action]

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(waver, [join() for _ in range(8)]))


def test_an_answer_that_was_overtaken_by_a_reaction_is_not_remembered_for_it(
    services, own, bob, video
):
    """It was read from MongoDB before the row was there, and comes back after it."""

    class Slow(Reactions):
        def of(self, user_id, kind, target_ids):
            found = super().of(user_id, kind, target_ids)
            services.reactions.react(actor(bob), Kind.VIDEO, video.id, "like")
            return found

    slow = replace(own, reactions=Slow(own.reactions.collection))
    assert slow.of(actor(bob), video.id) is Choice.NONE, "as it was when this was asked"
    assert replace(own, remembered=slow.remembered).of(actor(bob), video.id) is Choice.LIKE


def test_the_row_is_there_when_the_stamp_is_renewed(services, own, settings, bob, video):
    seen = []

    class Watched(RedisStamps):
        def renew(self, user_id):
            super().renew(user_id)
            seen.append(own.of(actor(bob), video.id))

    stamps = Watched(Redis.from_url(settings.redis_url), container.new_id)
    replace(services.reactions, stamps=stamps).react(actor(bob), Kind.VIDEO, video.id, "like")
    assert seen == [Choice.LIKE]


# When something is lost


def test_a_row_of_a_killed_process_shows_after_some_seconds(services, own, bob, video):
    now = [0.0]
    aged = replace(own, remembered=Remembered(seconds=SECONDS, timer=lambda: now[0]))
    assert aged.of(actor(bob), video.id) is Choice.NONE
    write_only(services, bob, video, Choice.LIKE)
    now[0] = SECONDS - 1
    assert aged.of(actor(bob), video.id) is Choice.NONE, "remembered, or this tests nothing"
    now[0] = SECONDS
    assert aged.of(actor(bob), video.id) is Choice.LIKE


def test_reactions_are_remembered_no_longer_than_that(own):
    assert own.remembered._entries.ttl == SECONDS


def test_saying_it_again_is_enough_after_a_process_was_killed(two, services, bob, video):
    here, there = two
    assert shown(there, bob, video) == "none"
    write_only(services, bob, video, Choice.LIKE)
    react(here, bob, video, "like")
    assert shown(there, bob, video) == "liked"


def test_a_redis_that_lost_everything_brings_nothing_back(two, settings, bob, video):
    here, there = two
    redis = Redis.from_url(settings.redis_url)
    assert shown(there, bob, video) == "none"
    react(here, bob, video, "like")
    redis.flushdb()
    assert shown(there, bob, video) == "liked"
    redis.flushdb()
    react(here, bob, video, "dislike")
    redis.flushdb()
    assert shown(there, bob, video) == shown(here, bob, video) == "disliked"


def test_without_redis_mongodb_is_asked_each_time(services, own, bob, video):
    away = replace(own, stamps=RedisStamps(Redis.from_url(AWAY), services.reactions.new_id))
    for choice in (Choice.NONE, Choice.LIKE, Choice.DISLIKE, Choice.NONE):
        write_only(services, bob, video, choice)
        assert away.of(actor(bob), video.id) is choice
    assert len(away.remembered._entries) == 0


def test_a_reaction_is_kept_without_redis(services, own, bob, video):
    away = RedisStamps(Redis.from_url(AWAY), services.reactions.new_id)
    done = replace(services.reactions, stamps=away).react(actor(bob), Kind.VIDEO, video.id, "like")
    assert done.choice is Choice.LIKE
    assert own.of(actor(bob), video.id) is Choice.LIKE


def test_a_visitor_has_none(own, video):
    assert own.of(VISITOR, video.id) is None


# Stamps


def test_a_stamp_stays_until_it_is_renewed_and_never_comes_again(settings):
    redis = Redis.from_url(settings.redis_url)
    stamps = RedisStamps(redis, container.new_id)
    found = [stamps.begin("u"), stamps.begin("u"), stamps.begin("other")]
    assert found[0] == found[1] != found[2]
    stamps.renew("u")
    found = [found[0], stamps.begin("u")]
    redis.flushdb()
    found.append(stamps.begin("u"))
    assert all(one != after for one, after in pairwise(found))
    assert len(set(found)) == 3
    assert redis.ttl("stamp:u") != -1, "or it would stay for ever"
