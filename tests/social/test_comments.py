"""Comments: 000's words, threads, orders, pages, edits, deletions, and who may what."""

from __future__ import annotations

import time
import unicodedata
from dataclasses import replace

import pytest

from models.user import Role
from models.video import Visibility
from services import container
from tests.social.remarks import check_counts, contents, listed, say
from tests.wire import NOBODY, failed, fields_of

KEYS = {
    "id", "video_id", "user_id", "parent_comment_id", "content", "like_count", "dislike_count",
    "reply_count", "created_at", "updated_at", "edited", "author", "user_interaction",
}  # fmt: skip
LAST_MINUTE = 59
MORE = {"pinned", "hearted", "status", "deleted"}


@pytest.fixture
def video(ann, add_video):
    return add_video(ann)


def act(client, person, method, path, **body):
    return client.open(
        path, method=method, headers=person.headers, **({"json": body} if body else {})
    )


# 000's words


def test_a_comment_has_every_field_that_000_gives_it(client, video, bob):
    said = say(client, video, bob, "  Hello \n")
    assert set(said) == KEYS | MORE
    assert set(said["author"]) == {"id", "username", "display_name", "avatar_url", "verified"}
    assert said["user_interaction"] == {"liked": False, "disliked": False}
    assert (said["content"], said["edited"], said["parent_comment_id"]) == ("Hello", False, None)
    assert said["user_id"] == said["author"]["id"] == bob.user.id
    (found,) = listed(client, f"/api/videos/{video.oid}/comments")
    assert found == said
    assert client.get(f"/api/comments/{said['id']}").json == said


def test_a_page_of_comments_is_numbered_and_counted(client, video, bob):
    for number in range(5):
        say(client, video, bob, f"{number}")
    answer = client.get(f"/api/videos/{video.id}/comments?limit=2&page=2").json
    assert [c["content"] for c in answer["comments"]] == ["2", "1"]
    cursor = answer["pagination"].pop("next_cursor")
    assert answer["pagination"] == {
        "current_page": 2, "total_pages": 3, "total_items": 5, "has_next": True, "has_prev": True,
    }  # fmt: skip
    rest = client.get(f"/api/videos/{video.id}/comments?limit=2&cursor={cursor}").json
    assert [c["content"] for c in rest["comments"]] == ["0"]
    assert rest["pagination"]["has_next"] is False


def test_002s_shape_for_the_client_family(client, video, bob, ann):
    path = f"/videos/{video.id}/comments"
    first = client.post(path, json={"text": "One"}, headers=bob.headers)
    assert first.status_code == 201
    top = first.json
    assert {"videoId", "userId", "text", "timestamp", "likes", "replies"} <= set(top)
    reply = client.post(path, json={"text": "Two", "parentId": top["id"]}, headers=ann.headers).json
    assert reply["parentId"] == top["id"]
    page = client.get(path).json
    assert page["hasMore"] is False
    (found,) = page["comments"]
    assert (found["replies"], found["replyCount"]) == ([reply["id"]], 1)
    answers = client.get(f"/videos/comments/{top['id']}/replies").json
    assert [c["text"] for c in answers["comments"]] == ["Two"]
    changed = act(client, bob, "PUT", f"/videos/comments/{top['id']}", text="Three").json
    assert (changed["text"], changed["edited"]) == ("Three", True)
    assert act(client, ann, "DELETE", f"/videos/comments/{reply['id']}").json == {"success": True}


def test_both_families_say_the_same_of_the_same_comment(client, video, bob):
    said = say(client, video, bob, "Same")
    (there,) = client.get(f"/videos/{video.id}/comments").json["comments"]
    same = ("id", "status", "edited", "pinned", "hearted", "deleted")
    assert {name: there[name] for name in same} == {name: said[name] for name in same}
    assert (there["text"], there["likes"]) == (said["content"], said["like_count"])


# What may be said


@pytest.mark.parametrize(
    "content",
    [
        "<script>alert('x') & \"y\"</script>", "👩‍👩‍👧‍👦 ❤️‍🔥", "שלום עולם، مرحبا", "a" * 1000,
        "日本語",        "two\nlines", "👍" * 1000, "{{7*7}} ${x} $set", "e\u0301",
    ],
)  # fmt: skip
def test_what_is_said_comes_back_as_it_was(client, video, bob, content):
    said = say(client, video, bob, content)
    assert said["content"] == unicodedata.normalize("NFC", content)
    assert contents(client, video) == [said["content"]]


@pytest.mark.parametrize(
    "content",
    ["", " \n\t ", "\u200b\u200d\ufeff", "\u2800\u3164", "\x00\x07", "a" * 1001, "\u202e", None, 7],
)
def test_what_cannot_be_said_is_refused_with_the_field(client, video, bob, services, content):
    answer = act(client, bob, "POST", f"/api/videos/{video.id}/comments", content=content)
    assert set(fields_of(failed(answer, 400, "VALIDATION_ERROR"))) == {"content"}
    failed(act(client, bob, "POST", f"/videos/{video.id}/comments", text=content), 400,
           "VALIDATION_ERROR")  # fmt: skip
    assert check_counts(services, video) == 0


def test_what_cannot_be_seen_is_taken_out_of_what_can(client, video, bob):
    assert say(client, video, bob, "\ufeff a\x00b\u202ec\r\nd \u200b")["content"] == "abc\nd"


# Threads


def test_a_reply_to_a_reply_joins_the_thread(client, video, ann, bob, services):
    top = say(client, video, ann)
    reply = say(client, video, bob, "one", top["id"])
    further = say(client, video, ann, "two", reply["id"])
    assert reply["parent_comment_id"] == further["parent_comment_id"] == top["id"]
    (found,) = listed(client, f"/api/videos/{video.id}/comments")
    assert found["reply_count"] == 2
    answer = client.get(f"/api/comments/{top['id']}/replies?limit=1").json
    assert [c["content"] for c in answer["comments"]] == ["one"]
    assert answer["pagination"]["total_items"] == 2
    cursor = answer["pagination"]["next_cursor"]
    path = f"/api/comments/{top['id']}/replies?limit=1&cursor={cursor}"
    assert [c["content"] for c in listed(client, path)] == ["two"]
    assert check_counts(services, video) == 3


def test_nobody_replies_across_videos(client, video, ann, bob, add_video, services):
    elsewhere = say(client, add_video(ann), ann)
    for parent in (elsewhere["id"], NOBODY, "nonsense"):
        body = {"content": "x", "parent_comment_id": parent}
        answer = act(client, bob, "POST", f"/api/videos/{video.id}/comments", **body)
        assert set(fields_of(failed(answer, 400, "VALIDATION_ERROR"))) == {"parent_comment_id"}
    assert check_counts(services, video) == 0


# Orders and pages


def liked(services, comment, likes):
    where = {"id": comment["id"]}
    services.comments.comments.collection.update_one(where, {"$set": {"like_count": likes}})


def test_each_order_lists_every_comment_once_whatever_the_pages(client, video, bob, services):
    said = [say(client, video, bob, f"{number}") for number in range(7)]
    for comment, likes in zip(said, (1, 5, 1, 5, 1, 0, 5), strict=True):
        liked(services, comment, likes)
    # Of those with as many likes, the order is settled within a second only: but it is one.
    top = "".join(contents(client, video, "sort=top"))
    assert [set(part) for part in (top[:3], top[3:6], top[6:])] == [set("136"), set("024"), {"5"}]
    for sort, order in {"newest": "6543210", "oldest": "0123456", "top": top}.items():
        for limit in (1, 2, 3, 7):
            found, cursor = "", ""
            while cursor is not None:
                path = f"/api/videos/{video.id}/comments?sort={sort}&limit={limit}&cursor={cursor}"
                page = client.get(path).json
                found += "".join(c["content"] for c in page["comments"])
                cursor = page["pagination"]["next_cursor"]
            assert found == order, (sort, limit)


def test_a_cursor_is_taken_only_in_the_order_it_was_given_in(client, video, bob):
    for _ in range(2):
        say(client, video, bob)
    path = f"/api/videos/{video.id}/comments"
    cursor = client.get(f"{path}?limit=1").json["pagination"]["next_cursor"]
    failed(client.get(f"{path}?sort=top&cursor={cursor}"), 400, "VALIDATION_ERROR")
    failed(client.get(f"{path}?limit=50&page=1000"), 400, "VALIDATION_ERROR")
    failed(client.get(f"{path}?sort=best"), 400, "VALIDATION_ERROR")


@pytest.mark.parametrize("limit", [1, 2, 3, 10])
def test_the_pinned_comment_is_first_and_nowhere_else(client, video, ann, bob, services, limit):
    said = [say(client, video, bob, f"{number}") for number in range(5)]
    for likes, comment in enumerate(said):
        liked(services, comment, likes)
    act(client, ann, "PUT", f"/api/comments/{said[1]['id']}/pin")
    for sort, order in {"newest": "14320", "top": "14320", "oldest": "01234"}.items():
        base = f"/api/videos/{video.id}/comments?sort={sort}&limit={limit}"
        pages = [listed(client, f"{base}&page={n}") for n in range(1, 7)]
        assert "".join(c["content"] for page in pages for c in page) == order
        found, cursor = "", ""
        while cursor is not None:
            page = client.get(f"{base}&cursor={cursor}").json
            assert len(page["comments"]) <= limit
            found += "".join(c["content"] for c in page["comments"])
            cursor = page["pagination"]["next_cursor"]
        assert found == order


def test_what_the_caller_thinks_of_each_is_beside_it(client, video, ann, bob):
    one, two, _ = (say(client, video, ann) for _ in range(3))
    for comment, action in ((one, "like"), (two, "dislike")):
        answer = act(client, bob, "POST", f"/api/comments/{comment['id']}/like", action=action)
        assert answer.status_code == 200
        assert set(answer.json) == {"success", "user_action", "like_count", "dislike_count"}
    path = f"/api/videos/{video.id}/comments?sort=oldest"
    seen = [(c["user_interaction"], c["like_count"]) for c in listed(client, path, bob)]
    yes_no, no_yes = {"liked": True, "disliked": False}, {"liked": False, "disliked": True}
    neither = {"liked": False, "disliked": False}
    assert seen == [(yes_no, 1), (no_yes, 0), (neither, 0)]
    assert all(c["user_interaction"] == neither for c in listed(client, path))


# Changing and deleting


def test_an_edit_is_marked_and_what_it_said_is_kept(client, video, ann, bob, join):
    said = say(client, video, bob, "frist")
    path = f"/api/comments/{said['id']}"
    for text in ("first", "first", "First!"):
        changed = act(client, bob, "PUT", path, content=text)
        assert (changed.status_code, changed.json["edited"]) == (200, True)
    assert set(changed.json) == KEYS | MORE
    for person in (bob, ann, join("staff", role=Role.STAFF)):
        edits = act(client, person, "GET", f"{path}/history").json["edits"]
        assert [edit["content"] for edit in edits] == ["frist", "first"]
    failed(act(client, join("eve"), "GET", f"{path}/history"), 403, "FORBIDDEN")
    assert "frist" not in client.get(f"/api/videos/{video.id}/comments").text


def test_saying_the_same_again_is_no_edit(client, video, bob):
    said = say(client, video, bob, "Same")
    again = act(client, bob, "PUT", f"/api/comments/{said['id']}", content=" Same ").json
    assert again == said


def test_nobody_edits_what_others_say(client, video, ann, bob, join):
    path = f"/api/comments/{say(client, video, bob)['id']}"
    for person in (ann, join("staff", role=Role.STAFF), join("eve")):
        failed(act(client, person, "PUT", path, content="I am a fool"), 403, "FORBIDDEN")
    for text in ("", "a" * 1001):
        failed(act(client, bob, "PUT", path, content=text), 400, "VALIDATION_ERROR")
    failed(act(client, bob, "PUT", f"/api/comments/{NOBODY}", content="x"), 404, "NOT_FOUND")
    assert contents(client, video) == ["Nice."]


@pytest.mark.parametrize("who", ["writer", "owner", "staff"])
def test_a_comment_without_replies_is_gone(client, video, ann, bob, join, services, who):
    said = say(client, video, bob)
    person = {"writer": bob, "owner": ann, "staff": join("s", role=Role.STAFF)}[who]
    answer = act(client, person, "DELETE", f"/api/comments/{said['id']}")
    assert answer.json == {"success": True, "message": "Comment deleted"}
    assert contents(client, video) == []
    assert services.comments.comments.collection.count_documents({"video_id": video.id}) == 0
    failed(act(client, person, "DELETE", f"/api/comments/{said['id']}"), 404, "NOT_FOUND")
    assert check_counts(services, video) == 0
    audited = services.audit.log.newest(limit=50)
    assert ("comment_deleted" in {entry.action for entry in audited}) is (who == "staff")


def test_a_stranger_deletes_nothing(client, video, bob, join):
    said = say(client, video, bob)
    failed(act(client, join("eve"), "DELETE", f"/api/comments/{said['id']}"), 403, "FORBIDDEN")
    assert contents(client, video) == ["Nice."]


def test_replies_stay_under_what_says_nothing_any_more(client, video, ann, bob, services):
    top = say(client, video, bob, "My secret")
    act(client, bob, "PUT", f"/api/comments/{top['id']}", content="My second secret")
    reply = say(client, video, ann, "Really?", top["id"])
    act(client, bob, "DELETE", f"/api/comments/{top['id']}")
    (left,) = listed(client, f"/api/videos/{video.id}/comments", bob)
    assert (left["content"], left["deleted"], left["reply_count"]) == ("", True, 1)
    assert left["author"] is left["user_id"] is None
    row = services.comments.comments.collection.find_one({"id": top["id"]})
    assert "secret" not in str(row)
    assert [c["content"] for c in listed(client, f"/api/comments/{top['id']}/replies")] == [
        "Really?"
    ]
    calls = (
        ("PUT", "", {"content": "x"}),
        ("DELETE", "", {}),
        ("POST", "/like", {"action": "like"}),
    )
    for method, path, body in calls:
        answer = act(client, bob, method, f"/api/comments/{top['id']}{path}", **body)
        failed(answer, 404, "NOT_FOUND")
    body = {"content": "x", "parent_comment_id": top["id"]}
    failed(act(client, bob, "POST", f"/api/videos/{video.id}/comments", **body), 400,
           "VALIDATION_ERROR")  # fmt: skip
    assert check_counts(services, video) == 1
    act(client, ann, "DELETE", f"/api/comments/{reply['id']}")
    assert services.comments.comments.collection.count_documents({}) == 0
    assert check_counts(services, video) == 0


# Who may


def test_a_private_video_has_no_comments_for_others(client, video, ann, bob, services):
    said = say(client, video, bob)
    values = {"$set": {"visibility": Visibility.PRIVATE}}
    services.catalogue.videos.collection.update_one({"id": video.id}, values)
    calls = [
        ("GET", f"/api/videos/{video.id}/comments", {}),
        ("POST", f"/api/videos/{video.id}/comments", {"content": "x"}),
        ("GET", f"/videos/{video.id}/comments", {}),
        ("POST", f"/videos/{video.id}/comments", {"text": "x"}),
        ("GET", f"/api/comments/{said['id']}", {}),
        ("GET", f"/api/comments/{said['id']}/replies", {}),
        ("PUT", f"/api/comments/{said['id']}", {"content": "x"}),
        ("DELETE", f"/api/comments/{said['id']}", {}),
        ("POST", f"/api/comments/{said['id']}/like", {"action": "like"}),
        ("POST", f"/api/comments/{said['id']}/report", {"reason": "spam"}),
    ]
    for method, path, body in calls:
        failed(act(client, bob, method, path, **body), 404, "NOT_FOUND")
    assert contents(client, video, person=ann) == ["Nice."]


@pytest.mark.parametrize(
    ("path", "name"), [("/api/videos/{}", "comments_enabled"), ("/videos/{}", "commentsEnabled")]
)
def test_comments_can_be_turned_off_and_what_was_said_stays(client, video, ann, bob, path, name):
    said = say(client, video, bob)
    act(client, ann, "PUT", path.format(video.id), **{name: False})
    for person in (ann, bob):
        answer = act(client, person, "POST", f"/api/videos/{video.id}/comments", content="x")
        failed(answer, 403, "FORBIDDEN")
    failed(act(client, bob, "PUT", f"/api/comments/{said['id']}", content="x"), 403, "FORBIDDEN")
    assert contents(client, video) == ["Nice."]
    assert client.get(f"/api/videos/{video.id}").json["comments_enabled"] is False
    assert act(client, bob, "DELETE", f"/api/comments/{said['id']}").status_code == 200


class TestLimits:
    @pytest.fixture
    def settings(self, settings):
        return replace(settings, rate_limit_comments="30/hour")

    def test_the_31st_comment_within_an_hour_is_too_many_in_all_families_together(
        self, client, video, bob, join, services
    ):
        # Not across the end of an hour, where the count begins anew.
        while container.now().minute == LAST_MINUTE and container.now().second > 30:
            time.sleep(1)
        for number in range(15):
            say(client, video, bob, f"{number}")
            path = f"/videos/{video.id}/comments"
            assert act(client, bob, "POST", path, text=f"{number}").status_code == 201
        for path, name in ((f"/api/videos/{video.id}", "content"), (f"/videos/{video.id}", "text")):
            answer = act(client, bob, "POST", f"{path}/comments", **{name: "one more"})
            failed(answer, 429, "RATE_LIMITED")
        assert check_counts(services, video) == 30
        say(client, video, join("eve"))


def test_the_video_says_how_many_comments_it_has(client, video, ann, bob):
    top = say(client, video, ann)
    say(client, video, bob, parent=top["id"])
    assert client.get(f"/api/videos/{video.id}").json["comment_count"] == 2
