"""Counters of comments: equal to the rows, whoever does what at once, and whoever is gone."""

from __future__ import annotations

import json
import random
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from models.errors import ClutchError
from models.reactions import Kind
from services.accounts.sessions import Device
from services.policies import Actor
from tests.social.remarks import check_counts, contents, listed, say
from tests.social.test_comments import act


def test_many_at_once_leave_the_counters_equal_to_the_rows(services, ann, bob, join, add_video):
    video = add_video(ann)
    people = [Actor(id=person.user.id) for person in (ann, bob, *(join() for _ in range(3)))]
    owner = people[0]
    comments, moderation = services.comments, services.moderation
    tops = [comments.create(bob_, video.id, "top").comment.id for bob_ in people]
    rng = random.Random(7)  # noqa: S311 - a test

    def something(seed: int) -> None:
        rng = random.Random(seed)  # noqa: S311 - a test
        actor, some = rng.choice(people), rng.choice(tops)
        rows = comments.comments.collection.find({"video_id": video.id}, {"id": 1})
        any_of_them = rng.choice([row["id"] for row in rows] or tops)
        acts = [
            lambda: comments.create(actor, video.id, "new"),
            lambda: comments.create(actor, video.id, "reply", some),
            lambda: comments.create(actor, video.id, "reply", any_of_them),
            lambda: comments.delete(owner, any_of_them),
            lambda: comments.edit(actor, any_of_them, f"edited {seed}"),
            lambda: moderation.hide(owner, any_of_them),
            lambda: moderation.show(owner, any_of_them),
            lambda: moderation.pin(owner, any_of_them, pinned=True),
        ]
        try:
            rng.choice(acts)()
        except ClutchError:
            return  # it was not there any more, or not theirs

    with ThreadPoolExecutor(8) as pool:
        for future in [pool.submit(something, rng.randrange(10**6)) for _ in range(160)]:
            future.result()
    check_counts(services, video)
    assert not [step for step in services.recounting.check() if step.differences]
    pinned = {"video_id": video.id, "pinned": True}
    assert comments.comments.collection.count_documents(pinned) <= 1


def test_deleting_twice_at_once_counts_once(services, ann, add_video):
    video, actor = add_video(ann), Actor(id=ann.user.id)
    service = services.comments
    top = service.create(actor, video.id, "top").comment
    replies = [service.create(actor, video.id, "reply", top.id).comment.id for _ in range(6)]
    with ThreadPoolExecutor(8) as pool:
        done = [pool.submit(service.comments.remove, one) for one in replies * 3]
        removed = [future.result() for future in done]
    assert sum(one is not None for one in removed) == len(replies)
    assert check_counts(services, video) == 1


def test_a_reply_and_the_end_of_what_it_replies_to_never_leave_an_orphan(services, ann, add_video):
    video, actor = add_video(ann), Actor(id=ann.user.id)
    service = services.comments
    for _ in range(10):
        top = service.create(actor, video.id, "top").comment
        new = replace(top, id=service.new_id(), oid=top.oid[::-1], parent_comment_id=top.id)
        with ThreadPoolExecutor(2) as pool:
            added = pool.submit(service.comments.add, new)
            pool.submit(service.comments.remove, top.id).result()
        left = service.comments.collection.count_documents({"parent_comment_id": top.id})
        assert left == int(added.result())
    check_counts(services, video)


def test_likes_of_a_comment_are_counted_and_go_with_it(client, services, ann, bob, add_video):
    said = say(client, add_video(ann), ann)
    path = f"/api/comments/{said['id']}/like"
    assert act(client, bob, "POST", path, action="like").json["like_count"] == 1
    assert act(client, bob, "POST", path, action="dislike").json["like_count"] == 0
    act(client, ann, "DELETE", f"/api/comments/{said['id']}")
    services.reactions.fold()
    assert services.reactions.reactions.of(bob.user.id, Kind.COMMENT, [said["id"]]) == {}


# Who is gone

DEVICE = Device()


def test_a_person_who_is_deleted_takes_their_comments_and_leaves_replies(
    client, services, ann, bob, join, add_video
):
    video, eve = add_video(ann), join("eve")
    top = say(client, video, eve, "Eve was here")
    say(client, video, bob, "Bob's reply", top["id"])
    alone = say(client, video, eve, "Alone")
    under = say(client, video, bob, "Bob's own")
    say(client, video, eve, "Eve's reply", under["id"])
    act(client, bob, "POST", f"/api/comments/{alone['id']}/report", reason="other", note="eve!")
    act(client, ann, "PUT", f"/api/users/{eve.user.id}/block", hide_comments=False)
    act(client, bob, "POST", f"/api/comments/{alone['id']}/like", action="like")
    act(client, eve, "PATCH", "/api/users/me/comments/settings", blocked_words=["bob"])
    services.deletion.delete_own(
        Actor(id=eve.user.id), password="Passw0rd", otp="", keeps_content=False, device=DEVICE
    )
    services.deletion.run(eve.user.id)
    assert contents(client, video, "sort=oldest") == ["", "Bob's own"]
    replies = listed(client, f"/api/comments/{top['id']}/replies")
    assert [reply["content"] for reply in replies] == ["Bob's reply"]
    assert check_counts(services, video) == 2
    services.reactions.fold()
    assert services.reactions.reactions.of(bob.user.id, Kind.COMMENT, [alone["id"]]) == {}
    database = services.comments.comments.collection.database
    for name in ("comments", "reports", "blocks", "comment_rules"):
        assert eve.user.id not in str(list(database[name].find())), name


def test_a_creator_who_is_deleted_takes_what_others_said_under_their_videos(
    client, services, ann, bob, add_video
):
    video, other = add_video(ann), add_video(bob)
    say(client, video, bob)
    say(client, other, ann)
    services.deletion.delete_own(
        Actor(id=ann.user.id), password="Passw0rd", otp="", keeps_content=False, device=DEVICE
    )
    services.deletion.run(ann.user.id)
    assert services.comments.comments.collection.count_documents({}) == 0
    assert check_counts(services, other) == 0


def test_what_is_said_of_a_video_goes_with_it(client, services, ann, bob, add_video):
    video = add_video(ann)
    say(client, video, bob)
    act(client, ann, "DELETE", f"/api/videos/{video.id}?permanent=true")
    services.removal.purge(video.id)
    assert services.comments.comments.collection.count_documents({}) == 0


def test_the_export_has_ones_comments_and_what_they_said_before(client, ann, bob, add_video):
    video = add_video(ann)
    said = say(client, video, bob, "frist")
    act(client, bob, "PUT", f"/api/comments/{said['id']}", content="first")
    say(client, video, ann, "not bob's")
    body = json.loads(client.get("/api/users/me/export", headers=bob.headers).data)
    (comment,) = body["comments"]
    assert (comment["content"], comment["edits"][0]["content"]) == ("first", "frist")
