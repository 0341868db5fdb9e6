"""Comments for tests: saying something, and what the rows and the counters then say."""

from __future__ import annotations

from typing import Any

from flask.testing import FlaskClient

from models.comment import CommentState
from models.video import Video
from services.container import Services


def say(
    client: FlaskClient,
    video: Video,
    person: Any,
    content: str = "Nice.",
    parent: str | None = None,
) -> dict[str, Any]:
    """What the platform API answers to a new comment."""
    body = {"content": content} | ({"parent_comment_id": parent} if parent else {})
    answer = client.post(f"/api/videos/{video.id}/comments", json=body, headers=person.headers)
    assert answer.status_code == 201, answer.json
    comment: Any = answer.json
    return comment


def listed(client: FlaskClient, path: str, person: Any = None) -> list[dict[str, Any]]:
    answer = client.get(path, headers=person.headers if person else {})
    assert answer.status_code == 200, answer.json
    page: Any = answer.json
    return page["comments"]


def contents(client: FlaskClient, video: Video, query: str = "", person: Any = None) -> list[str]:
    path = f"/api/videos/{video.id}/comments?{query}"
    return [comment["content"] for comment in listed(client, path, person)]


def check_counts(services: Services, video: Video) -> int:
    """Hold every counter of a video's comments to the rows; answers how many are shown."""
    rows = list(services.comments.comments.collection.find({"video_id": video.id}))
    replies: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        if row["parent_comment_id"]:
            replies.setdefault(row["parent_comment_id"], []).append(row)
    tops = [row for row in rows if row["parent_comment_id"] is None]
    assert set(replies) <= {top["id"] for top in tops}, "a reply without its thread"
    shown, threads = 0, 0
    for top in tops:
        answers = sum(r["state"] == CommentState.SHOWN for r in replies.get(top["id"], []))
        assert top["reply_count"] == answers
        is_shown, is_left = top["state"] == "shown", top["state"] == "deleted"
        assert top["listed"] is (is_shown or (is_left and answers > 0))
        assert not is_left or replies.get(top["id"]), "nothing is left under this"
        threads += top["listed"]
        shown += is_shown + (answers if is_shown or is_left else 0)
    kept = services.catalogue.videos.get(video.id)
    assert kept
    assert (kept.comment_count, kept.thread_count) == (shown, threads)
    return shown
