"""A video on a whole stack: scheduled, published by the clock, watched, replaced, removed."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from uuid import uuid4

import pytest

from tests.samples import Samples
from tests.stack import Answer, Stack, wait_for

pytestmark = [pytest.mark.stack, pytest.mark.media, pytest.mark.xdist_group("stack")]


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return Samples(tmp_path_factory.mktemp("film"))["short.mp4"]


def replace_content(stack: Stack, video_id: str, film: Path, token: str) -> Answer:
    """002's PUT with a file."""
    boundary = uuid4().hex
    head = (
        f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="x.mp4"\r\n'
        "Content-Type: video/mp4\r\n\r\n"
    )
    return stack.call(
        f"/videos/{video_id}",
        token=token,
        method="PUT",
        data=head.encode() + film.read_bytes() + f"\r\n--{boundary}--\r\n".encode(),
        headers={"Content-Type": f"multipart/form-data; boundary={boundary}"},
    )


def test_a_video_goes_from_its_upload_to_its_end(stack: Stack, film: Path):
    token = stack.sign_in()
    soon = (dt.datetime.now(dt.UTC) + dt.timedelta(seconds=12)).isoformat()
    made = stack.upload(film, token, visibility="scheduled", publish_at=soon, category="MUSIC")
    assert made.status == 201, made.json
    video_id, path = made.json["id"], f"/api/videos/{made.json['id']}"
    assert made.json["category"] == "music"
    assert stack.call(path).status == 404

    # Published by the clock, once it is time and there is something to see.
    shown = wait_for(lambda: stack.call(path).status == 200 and stack.call(path).json, 60)
    assert (shown["visibility"], shown["publish_at"]) == ("public", None)
    assert dt.datetime.fromisoformat(shown["published_at"]) >= dt.datetime.fromisoformat(soon)
    stack.finished(video_id, token)
    assert any(
        one["slug"] == "music" and one["name"] == "Music"
        for one in stack.call("/api/categories").json["categories"]
    )

    # Watched: the answer counts at once, lists as soon as the scheduler has folded it.
    for expected, person in ((1, ""), (2, token), (2, token)):
        report = stack.call(f"{path}/view", {"watch_time_seconds": 1}, token=person)
        assert report.json == {"success": True, "new_view_count": expected}
    wait_for(lambda: stack.call(f"/videos/{video_id}").json["views"] == 2, 30)

    # Replaced: it plays all the while, and keeps its views.
    before = stack.stream_url(video_id, token)
    assert replace_content(stack, video_id, film, token).status == 200
    assert stack.call(stack.stream_url(video_id, token)).status == 200
    wait_for(lambda: stack.stream_url(video_id, token).split("/")[-2] != before.split("/")[-2], 60)
    assert stack.finished(video_id, token)["view_count"] == 2
    for url in (before, stack.stream_url(video_id, token)):
        assert stack.call(url).status == 200

    # Deleted, restored, and deleted for good.
    assert stack.call(path, token=token, method="DELETE").status == 200
    assert stack.call(path, token=token).status == 404
    assert stack.call(f"{path}/restore", {}, token=token, method="POST").status == 200
    assert stack.call(path).status == 200
    assert stack.call(f"{path}?permanent=true", token=token, method="DELETE").status == 200
    media = stack.folder / "var/media"
    wait_for(lambda: not [file for file in media.rglob("*") if video_id in str(file)], 60)
