"""A comment that is posted to a whole CLUTCH, and heard by who watches the page."""

from __future__ import annotations

import pytest

from tests.embedded.test_realtime import connect, hear, public_video, subscribe
from tests.social.test_comments import KEYS, MORE

pytestmark = [pytest.mark.stack, pytest.mark.xdist_group("stack")]


def test_who_watches_hears_a_comment_and_how_many_there_are(stack):
    token = stack.sign_in()
    me = stack.call("/api/auth/me", token=token).json["user"]["id"]
    video_id = public_video(stack, me).id
    with connect(stack) as socket:
        assert subscribe(socket, f"video:{video_id}")["type"] == "subscribed"
        path, body = f"/api/videos/{video_id}/comments", {"content": "שלום <b>👋</b>"}
        said = stack.call(path, token=token, body=body).json
        heard = [hear(socket), hear(socket)]
    told = next(event for event in heard if event["type"] == "new_comment")
    counted = next(event for event in heard if event["type"] == "video_update")
    assert set(told["comment"]) == KEYS | MORE
    assert (told["comment"]["id"], told["comment"]["content"]) == (said["id"], body["content"])
    assert counted["data"] == {"comment_count": 1}
