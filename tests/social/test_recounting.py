"""`counters check`: finds every counter that differs from its rows, and mends it under load."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Event

import pytest
from click.testing import CliRunner

from blueprints.commands.counters import check
from models.reactions import Kind
from services.policies import Actor


@pytest.fixture
def command(services):
    def command(*options):
        found = CliRunner().invoke(check, options, obj=services)
        assert found.exception is None or isinstance(found.exception, SystemExit)
        return found.exit_code, found.stdout

    return command


@pytest.fixture
def world(ann, bob, join, add_video, services):
    """A video that bob likes, and a few follows."""
    video, cleo = add_video(ann, view_count=0), join("cleo")
    services.reactions.react(actor(bob), Kind.VIDEO, video.id, "like")
    services.reactions.react(actor(cleo), Kind.VIDEO, video.id, "dislike")
    for person in (bob, cleo):
        services.follows.follow(actor(person), ann.user.id)
    return video


def actor(person):
    return Actor(id=person.user.id, session_id="s")


def spoil(collection, holder_id, **values):
    collection.update_one({"id": holder_id}, {"$set": values})


def test_counters_that_are_right_are_said_to_be(command, world):
    code, said = command()
    assert (code, "all are as the rows say" in said) == (0, True)


@pytest.mark.parametrize(
    ("name", "says", "rows"),
    [
        ("follower_count", 9, 2), ("following_count", -1, 0), ("total_likes_received", 0, 1),
        ("total_dislikes_received", 5, 1), ("total_views", 3, 0),
    ],
)  # fmt: skip
def test_each_counter_of_a_person_is_found_and_mended(
    command, world, ann, services, name, says, rows
):
    users = services.people.users.collection
    spoil(users, ann.user.id, **{name: says})
    found = f"users/{ann.user.id} {name}: says {says}, and there are {rows}"
    code, said = command()
    assert (code, said.splitlines()[0]) == (1, found)
    code, said = command("--repair")
    assert (code, f"{found}  mended" in said) == (0, True)
    assert users.find_one({"id": ann.user.id})[name] == rows
    assert command()[0] == 0


@pytest.mark.parametrize("name", ["like_count", "dislike_count", "comment_count", "thread_count"])
def test_each_counter_of_a_video_is_found_and_mended(command, world, services, name):
    videos = services.catalogue.videos.collection
    right = videos.find_one({"id": world.id})[name]
    spoil(videos, world.id, **{name: 77})
    assert command()[0] == 1
    assert command("--repair")[0] == 0
    assert videos.find_one({"id": world.id})[name] == right


def test_what_only_waits_to_be_counted_does_not_differ(command, ann, bob, services):
    services.follows.follows.follow(services.follows._row(actor(bob), ann.user))
    assert command()[0] == 0
    assert services.people.users.get(ann.user.id).follower_count == 1


def test_who_is_deleted_has_no_counters_to_check(command, world, ann, client, services):
    body = {"password": "Passw0rd"}
    client.delete("/api/users/me", json=body, headers=ann.headers)
    services.deletion.run(ann.user.id)
    assert command()[0] == 0


def test_many_are_looked_at_in_batches(command, services, join, monkeypatch):
    monkeypatch.setattr("services.social.recounting.BATCH", 3)
    people = [join() for _ in range(8)]
    spoil(services.people.users.collection, people[7].user.id, follower_count=1)
    assert (len(command()[1].splitlines()), command("--repair")[0], command()[0]) == (2, 0, 0)


def test_mending_loses_nothing_of_what_happens_meanwhile(world, ann, join, services):
    users, done = services.people.users.collection, Event()
    people = [join() for _ in range(4)]

    def follow(person):
        for number in range(15):
            change = services.follows.follow if number % 2 == 0 else services.follows.unfollow
            change(actor(person), ann.user.id)

    def mend():
        while not done.is_set():
            spoil(users, ann.user.id, following_count=50)
            list(services.recounting.check(repair=True))

    with ThreadPoolExecutor(5) as pool:
        mending = pool.submit(mend)
        list(pool.map(follow, people))
        done.set()
        mending.result()
    list(services.recounting.check(repair=True))
    found = services.people.users.get(ann.user.id)
    assert (found.follower_count, found.following_count) == (6, 0)
