"""A comment that is posted to a whole CLUTCH, and heard by who watches the page."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.embedded.test_realtime import connect, hear, subscribe
from tests.social.test_comments import KEYS, MORE
from tests.stack import Stack, running

pytestmark = [pytest.mark.stack, pytest.mark.xdist_group("tour")]


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with running(tmp_path_factory.mktemp("comments")) as stack:
        yield stack


def test_who_watches_hears_a_comment_and_how_many_there_are(stack):
    token = stack.sign_in()
    video_id = stack.call("/api/videos").json["videos"][0]["id"]
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
