"""Shares: an address to pass on, and a count that is right however many share at once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from models.documents import identity
from models.shares import Share
from models.video import Visibility
from services.accounts.sessions import Device
from services.container import Services, new_id
from services.policies import VISITOR, Actor
from tests.wire import failed, fields_of

PLATFORM, CLIENT = "/api/videos/{}/share", "/videos/{}/share"


def test_sharing_answers_an_address_and_counts_once_an_hour(
    client, services, ann, bob, add_video, clock
):
    video = add_video(ann)
    first = client.post(PLATFORM.format(video.id), json={}, headers=bob.headers)
    assert (first.status_code, first.json["success"]) == (200, True)
    assert first.json["share_url"].endswith(f"/videos/{video.id}")
    assert first.json["share_count"] == 1
    again = client.post(CLIENT.format(video.oid), json={"channel": "mail"}, headers=bob.headers)
    assert again.json == {
        "success": True,
        "shareUrl": first.json["share_url"],
        "shareCount": 1,
    }
    assert client.post(PLATFORM.format(video.id), headers=ann.headers).json["share_count"] == 2
    clock.forward(hours=1)
    shared = services.shares.share(Actor(id=bob.user.id), video.id, "", Device())
    assert shared.share_count == 3
    assert client.get(f"/videos/{video.id}").json["stats"]["shares"] == 3


def test_visitors_count_by_address_and_program(services, ann, add_video):
    video = add_video(ann)
    for agent in ("one", "two", "one"):
        device = Device(address="10.0.0.1", user_agent=agent)
        shared = services.shares.share(VISITOR, video.id, "", device)
    assert shared.share_count == 2


@pytest.mark.parametrize("path", [PLATFORM, CLIENT])
def test_what_is_hidden_cannot_be_shared(client, ann, bob, add_video, path):
    video = add_video(ann, visibility=Visibility.PRIVATE)
    failed(client.post(path.format(video.id), headers=bob.headers), 404, "NOT_FOUND")
    assert client.post(path.format(video.id), headers=ann.headers).status_code == 200


@pytest.mark.parametrize("channel", ["x" * 33, "a b", "<b>", "a\n"])
def test_a_channel_is_one_short_word(client, ann, add_video, channel):
    path = PLATFORM.format(add_video(ann).id)
    answer = client.post(path, json={"channel": channel}, headers=ann.headers)
    assert "channel" in fields_of(failed(answer, 400, "VALIDATION_ERROR"))


def test_the_count_is_right_whatever_happens_at_once(services: Services, ann, add_video):
    video = add_video(ann)

    def share(number: int) -> int:
        actor = Actor(id=f"person-{number % 40}")
        return services.shares.share(actor, video.id, "", Device()).share_count

    with ThreadPoolExecutor(8) as pool:
        counts = list(pool.map(share, range(120)))
    assert max(counts) == 40
    assert services.catalogue.videos.share_count(video.id) == 40


def test_what_was_cut_short_is_counted_by_the_sweeper_once(services, ann, add_video):

    video = add_video(ann)
    row = Share(
        **identity(new_id()),
        video_id=video.id,
        sharer=ann.user.id,
        window=1,
        created_at=services.people.now(),
    )
    assert services.shares.shares.add(row) is True
    assert services.shares.shares.add(row) is False
    assert [services.shares.fold() for _ in range(2)] == [1, 0]
    assert services.catalogue.videos.share_count(video.id) == 1


def test_who_is_deleted_is_not_named_and_the_count_stays(services, client, ann, bob, add_video):
    video = add_video(ann)
    client.post(PLATFORM.format(video.id), headers=bob.headers)
    for forget in services.deletion.forgetting:
        forget(bob.user.id)
    assert list(services.shares.shares.every_one_of(bob.user.id)) == []
    assert services.catalogue.videos.share_count(video.id) == 1
    for forget in services.removal.forgetting:
        forget(video.id)
    rows = services.shares.shares.collection
    assert rows.count_documents({"video_id": video.id}) == 0
