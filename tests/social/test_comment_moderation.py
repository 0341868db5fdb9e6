"""Moderation: hiding, approving, pinning, words that wait, blocks, reports, and who hears of it."""

from __future__ import annotations

import pytest

from models.comment import CommentState
from models.user import Role
from services.policies import Actor
from services.social.comment_text import holds_any
from services.social.moderation import WORDS_AT_MOST
from tests.social.remarks import check_counts, contents, listed, say
from tests.social.test_comments import KEYS, MORE, act
from tests.wire import NOBODY, failed, fields_of


@pytest.fixture
def video(ann, add_video):
    return add_video(ann)


@pytest.fixture
def staff(join):
    return join("staff", role=Role.STAFF)


@pytest.fixture
def heard(services):
    """What was published since the last time, on all channels."""
    seen = len(services.events.recent())

    def heard(kind):
        found = [t for t in services.events.recent()[seen:] if t.event["type"] == kind]
        return [(told.channel, told.event) for told in found]

    return heard


def path_of(comment, verb=""):
    return f"/api/comments/{comment['id']}{verb}"


# Hiding


@pytest.mark.parametrize("who", ["owner", "staff"])
def test_a_hidden_thread_is_gone_for_others_and_comes_back_as_it_was(
    client, video, ann, bob, staff, services, who
):
    top = say(client, video, bob)
    reply = say(client, video, staff, "reply", top["id"])
    moderator = {"owner": ann, "staff": staff}[who]
    for _ in range(2):
        hidden = act(client, moderator, "POST", path_of(top, "/hide"))
        assert (hidden.status_code, hidden.json["status"]) == (200, "hidden")
    assert contents(client, video) == []
    assert check_counts(services, video) == 0
    for comment in (top, reply):
        failed(client.get(path_of(comment)), 404, "NOT_FOUND")
    failed(act(client, bob, "GET", path_of(reply)), 404, "NOT_FOUND")
    failed(client.get(path_of(top, "/replies")), 404, "NOT_FOUND")
    assert act(client, bob, "GET", path_of(top)).json["status"] == "hidden"
    assert act(client, moderator, "GET", path_of(top)).status_code == 200
    for _ in range(2):
        shown = act(client, moderator, "POST", path_of(top, "/unhide"))
        assert (shown.status_code, shown.json["status"]) == (200, "shown")
    assert check_counts(services, video) == 2
    actions = {entry.action for entry in services.audit.log.newest(limit=50)}
    assert ({"comment_hidden", "comment_shown"} <= actions) is (who == "staff")


def test_what_staff_has_hidden_is_not_the_owners_to_show(client, video, ann, bob, staff):
    said = say(client, video, bob)
    act(client, staff, "POST", path_of(said, "/hide"))
    failed(act(client, ann, "POST", path_of(said, "/unhide")), 403, "FORBIDDEN")
    assert act(client, staff, "POST", path_of(said, "/unhide")).status_code == 200


def test_a_stranger_and_the_writer_moderate_nothing(client, video, bob, join, services):
    said = say(client, video, bob)
    calls = [("POST", verb) for verb in ("/hide", "/unhide", "/approve", "/reject")]
    calls += [(method, verb) for method in ("PUT", "DELETE") for verb in ("/pin", "/heart")]
    for person in (bob, join("eve")):
        for method, verb in calls:
            failed(act(client, person, method, path_of(said, verb)), 403, "FORBIDDEN")
    assert check_counts(services, video) == 1


# Picking out


def test_one_comment_is_pinned_at_a_time_and_any_may_be_hearted(client, video, ann, bob, staff):
    one, two = say(client, video, bob, "one"), say(client, video, bob, "two")
    reply = say(client, video, bob, "reply", one["id"])
    for comment in (one, two):
        assert act(client, ann, "PUT", path_of(comment, "/pin")).json["pinned"] is True
        assert act(client, ann, "PUT", path_of(comment, "/heart")).json["hearted"] is True
    pinned = {c["content"]: c["pinned"] for c in listed(client, f"/api/videos/{video.id}/comments")}
    assert pinned == {"one": False, "two": True}
    failed(act(client, ann, "PUT", path_of(reply, "/pin")), 400, "VALIDATION_ERROR")
    failed(act(client, staff, "PUT", path_of(one, "/pin")), 403, "FORBIDDEN")
    assert act(client, ann, "DELETE", path_of(two, "/pin")).json["pinned"] is False
    assert act(client, ann, "DELETE", path_of(two, "/heart")).json["hearted"] is False


def test_a_pinned_comment_that_is_hidden_is_not_above_the_others(client, video, ann, bob):
    said = say(client, video, bob)
    act(client, ann, "PUT", path_of(said, "/pin"))
    act(client, ann, "POST", path_of(said, "/hide"))
    assert contents(client, video) == []
    failed(act(client, ann, "PUT", path_of(said, "/pin")), 409, "CONFLICT")


# Waiting


def test_a_comment_with_a_word_that_is_held_back_waits(
    client, video, ann, bob, staff, services, heard
):
    path = "/api/users/me/comments/settings"
    assert act(client, ann, "GET", path).json == {"blocked_words": [], "hold_for_review": False}
    rule = act(client, ann, "PATCH", path, blocked_words=[" Idiot ", "idiot", "Idiot"]).json
    assert rule == {"blocked_words": ["Idiot", "idiot"], "hold_for_review": False}
    said = say(client, video, bob, "What an ÏDIÖT!")
    assert said["status"] == "held"
    for person in (ann, staff):
        assert say(client, video, person, "idiot")["status"] == "shown"
    assert "What an ÏDIÖT!" not in contents(client, video, person=bob)
    failed(client.get(path_of(said)), 404, "NOT_FOUND")
    body = {"content": "x", "parent_comment_id": said["id"]}
    failed(act(client, staff, "POST", f"/api/videos/{video.id}/comments", **body), 400,
           "VALIDATION_ERROR")  # fmt: skip
    ((channel, event),) = heard("comment_held")
    assert (channel, event["comment"]["id"]) == (f"user:{ann.user.id}", said["id"])
    assert said["id"] not in {event["comment"]["id"] for _, event in heard("new_comment")}
    assert check_counts(services, video) == 2
    held = act(client, ann, "GET", "/api/users/me/comments/held").json
    assert [c["id"] for c in held["comments"]] == [said["id"]]
    assert act(client, ann, "POST", path_of(said, "/approve")).json["status"] == "shown"
    assert heard("new_comment")[-1][1]["comment"]["id"] == said["id"]
    assert check_counts(services, video) == 3
    assert act(client, ann, "GET", "/api/users/me/comments/held").json["comments"] == []


@pytest.mark.parametrize("how", ["video", "creator"])
def test_everything_waits_where_that_is_asked_for(client, video, ann, bob, services, how):
    if how == "video":
        act(client, ann, "PATCH", f"/api/videos/{video.id}", comments_held=True)
    else:
        act(client, ann, "PATCH", "/api/users/me/comments/settings", hold_for_review=True)
    said = [say(client, video, bob, f"{number}") for number in range(3)]
    assert {comment["status"] for comment in said} == {"held"}
    found, cursor = [], ""
    while cursor is not None:
        path = f"/api/users/me/comments/held?page_size=2&cursor={cursor}"
        page = act(client, ann, "GET", path).json
        found += [c["content"] for c in page["comments"]]
        cursor = page["next_cursor"]
    assert found == ["2", "1", "0"]
    assert act(client, bob, "GET", "/api/users/me/comments/held").json["comments"] == []
    assert act(client, ann, "POST", path_of(said[0], "/reject")).json["status"] == "hidden"
    hidden = act(client, ann, "GET", "/api/users/me/comments/held?status=hidden").json["comments"]
    assert [c["id"] for c in hidden] == [said[0]["id"]]
    refused = act(client, ann, "GET", "/api/users/me/comments/held?status=shown")
    failed(refused, 400, "VALIDATION_ERROR")
    assert check_counts(services, video) == 0


def test_a_word_cannot_be_smuggled_in_by_an_edit(client, video, ann, bob, services, heard):
    act(client, ann, "PATCH", "/api/users/me/comments/settings", blocked_words=["spam"])
    said = say(client, video, bob, "Hello")
    changed = act(client, bob, "PUT", path_of(said), content="SPAM").json
    assert changed["status"] == "held"
    assert contents(client, video) == []
    assert [event["comment_id"] for _, event in heard("comment_deleted")] == [said["id"]]
    assert check_counts(services, video) == 0


@pytest.mark.parametrize(
    ("text", "words", "held"),
    [
        ("You Ass.", ["ass"], True), ("A class act", ["ass"], False), ("ça VA", ["ca va"], True),
        ("buy   now", ["buy now"], True), ("b\u200bu\u200by", ["buy"], True),
        ("\uff46\uff52\uff45\uff45", ["free"], True),
        ("Straße", ["STRASSE"], True), ("c++ (sic)", ["c++"], True), ("x", ["", " "], False),
        ("\u043c\u0430\u0442!", ["\u041c\u0410\u0422"], True),
        ("a.c", ["abc"], False), ("fine", [], False),
    ],
)  # fmt: skip
def test_words_are_found_however_they_are_spelled(text, words, held):
    assert holds_any(text, words) is held


def test_no_more_words_than_200(client, ann):
    path = "/api/users/me/comments/settings"
    words = [f"word{number}" for number in range(WORDS_AT_MOST)]
    assert act(client, ann, "PATCH", path, blocked_words=words).status_code == 200
    answer = act(client, ann, "PATCH", path, blocked_words=[*words, "more"])
    assert set(fields_of(failed(answer, 400, "VALIDATION_ERROR"))) == {"blocked_words"}


# Blocks


def test_who_is_blocked_neither_comments_nor_reacts_nor_follows(
    client, video, ann, bob, join, services
):
    said = say(client, video, bob)
    eve = join("eve")
    other = say(client, video, eve)
    path = f"/api/users/{bob.user.id}/block"
    for _ in range(2):
        assert act(client, ann, "PUT", path, hide_comments=True).json["user_id"] == bob.user.id
    failed(client.get(path_of(said)), 404, "NOT_FOUND")
    assert check_counts(services, video) == 1
    calls = [
        ("POST", f"/api/videos/{video.id}/comments", {"content": "x"}),
        ("POST", f"/videos/{video.id}/comments", {"text": "x"}),
        ("PUT", path_of(said), {"content": "x"}),
        ("POST", f"/api/videos/{video.id}/like", {"action": "like"}),
        ("POST", path_of(other, "/like"), {"action": "like"}),
        ("POST", f"/api/users/{ann.user.id}/follow", {}),
    ]
    for method, where, body in calls:
        failed(act(client, bob, method, where, **body), 403, "FORBIDDEN")
    blocks = act(client, ann, "GET", "/api/users/me/blocks").json["blocks"]
    assert [block["user"]["username"] for block in blocks] == ["bob"]
    assert act(client, ann, "DELETE", path).json == {"success": True}
    assert say(client, video, bob)["status"] == "shown"


def test_nobody_blocks_themselves_or_nobody(client, ann):
    wish = {"hide_comments": False}
    path = f"/api/users/{ann.user.id}/block"
    failed(act(client, ann, "PUT", path, **wish), 400, "VALIDATION_ERROR")
    for method in ("PUT", "DELETE"):
        failed(act(client, ann, method, f"/api/users/{NOBODY}/block", **wish), 404, "NOT_FOUND")


# Reports


def test_one_report_for_each_person_and_many_hide_a_comment(
    client, video, ann, bob, staff, join, services
):
    said = say(client, video, bob)
    failed(act(client, bob, "POST", path_of(said, "/report"), reason="spam"), 400,
           "VALIDATION_ERROR")  # fmt: skip
    people = [join(f"p{number}") for number in range(5)]
    for number, person in enumerate(people):
        assert check_counts(services, video) == 1, number
        body = {"reason": "spam", "note": "again"}
        assert act(client, person, "POST", path_of(said, "/report"), **body).status_code == 201
        if number < 4:
            failed(act(client, person, "POST", path_of(said, "/report"), **body), 409, "CONFLICT")
    assert check_counts(services, video) == 0
    for person in (ann, bob):
        failed(act(client, person, "GET", "/api/admin/reports"), 403, "FORBIDDEN")
    first = act(client, staff, "GET", "/api/admin/reports?page_size=2").json
    assert [r["reporter_id"] for r in first["reports"]] == [p.user.id for p in people[:2]]
    assert first["reports"][0]["comment"]["status"] == "hidden"
    path = f"/api/admin/reports/{first['reports'][0]['id']}/resolve"
    failed(act(client, ann, "POST", path, action="dismiss"), 403, "FORBIDDEN")
    assert act(client, staff, "POST", path, action="dismiss").json["status"] == "dismissed"
    failed(act(client, staff, "POST", path, action="dismiss"), 409, "CONFLICT")
    assert check_counts(services, video) == 1
    assert act(client, staff, "GET", "/api/admin/reports").json["reports"] == []
    settled = act(client, staff, "GET", "/api/admin/reports?status=dismissed").json["reports"]
    assert len(settled) == 5
    assert "report_resolved" in {entry.action for entry in services.audit.log.newest(limit=50)}


@pytest.mark.parametrize("verdict", ["hide", "delete"])
def test_what_staff_upholds_is_taken_away(client, video, ann, bob, staff, services, verdict):
    said = say(client, video, bob)
    act(client, ann, "POST", path_of(said, "/report"), reason="hate")
    (report,) = act(client, staff, "GET", "/api/admin/reports").json["reports"]
    path = f"/api/admin/reports/{report['id']}/resolve"
    assert act(client, staff, "POST", path, action=verdict).json["status"] == "upheld"
    rows = services.comments.comments.collection.find({"video_id": video.id})
    assert [row["state"] for row in rows] == {"hide": ["hidden"], "delete": []}[verdict]
    assert check_counts(services, video) == 0


# Who hears of it


def test_subscribers_hear_the_whole_comment_and_the_count(client, video, bob, heard):
    said = say(client, video, bob)
    ((channel, event),) = heard("new_comment")
    assert (channel, event["video_id"]) == (f"video:{video.id}", video.id)
    assert set(event) == {"type", "video_id", "comment"}
    assert set(event["comment"]) == KEYS | MORE
    told = dict(event["comment"])
    # The address of a picture that everybody has depends on how a caller came here.
    avatars = told["author"].pop("avatar_url"), said["author"].pop("avatar_url")
    assert told == said
    assert all(url.endswith("/static/avatar.svg") for url in avatars)
    assert heard("video_update")[-1][1]["data"] == {"comment_count": 1}
    act(client, bob, "DELETE", path_of(said))
    assert heard("video_update")[-1][1]["data"] == {"comment_count": 0}
    assert [event["comment_id"] for _, event in heard("comment_deleted")] == [said["id"]]


def test_whose_video_it_is_and_who_is_replied_to_are_notified_once(
    client, video, ann, bob, join, services
):
    eve = join("eve")
    top = say(client, video, bob)
    say(client, video, eve, "reply", top["id"])
    say(client, video, ann, "own")

    def told(person):
        page = services.notifications.list(Actor(id=person.user.id), limit=10)
        return [(one.notification.kind, one.notification.count) for one in page.items]

    assert (told(ann), told(bob), told(eve)) == ([("comment", 2)], [("reply", 1)], [])


def test_held_and_hidden_comments_are_told_to_no_subscriber_of_the_video(
    client, video, ann, bob, heard
):
    act(client, ann, "PATCH", f"/api/videos/{video.id}", comments_held=True)
    said = say(client, video, bob)
    assert not [told for told in heard("new_comment") if told[0].startswith("video:")]
    act(client, ann, "POST", path_of(said, "/reject"))
    assert not heard("comment_deleted")
    assert act(client, bob, "GET", path_of(said)).json["status"] == CommentState.HIDDEN
