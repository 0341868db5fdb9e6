"""Every route of captions and audio tracks, and what jobs and the scheduler ask about them."""

from __future__ import annotations

import io
from datetime import timedelta
from typing import Any

from flask.testing import FlaskClient

from services.container import Services
from tests.tracks import SRT
from tests.wire import MP4


def visit(client: FlaskClient, services: Services, ann: Any) -> None:
    mine = ann.headers

    def post(path: str, **form: Any) -> str:
        answer: Any = client.post(path, data=form, headers=mine)
        return answer.json["id"]

    video_id = post("/api/videos", title="x", file=(io.BytesIO(MP4), "x.mp4"))
    for root in ("/api/videos", "/videos"):
        path = f"{root}/{video_id}/captions"
        file = (io.BytesIO(SRT.encode()), "x.srt")
        caption_id = post(path, language="en", label=root, file=file)
        client.get(path, headers=mine)
        client.get(f"{path}/{caption_id}.vtt", headers=mine)
        client.patch(f"{path}/{caption_id}", json={"label": "x"}, headers=mine)
        client.delete(f"{path}/{caption_id}", headers=mine)
    sounds = f"/api/videos/{video_id}/audio-tracks"
    track_id = post(sounds, language="en", file=(io.BytesIO(b"ID3" + bytes(20)), "x.mp3"))
    client.get(sounds, headers=mine)
    client.patch(f"{sounds}/{track_id}", json={"label": "y"}, headers=mine)
    _work(services, video_id)
    client.delete(f"{sounds}/{track_id}", headers=mine)


def _work(services: Services, video_id: str) -> None:
    videos, now = services.catalogue.videos, services.presenting.now()
    values = {"playable": True, "playback_version": "v1"}
    videos.collection.update_one({"id": video_id}, {"$set": values})
    services.presenting.sweep()
    videos.delay_tracks(video_id, now + timedelta(minutes=1))
    videos.claim_tracks(video_id, now=now + timedelta(minutes=2), until=now + timedelta(minutes=3))
    services.presenting.present(video_id)
    due = {"$set": {"tracks.tidy_at": now - timedelta(minutes=1)}}
    videos.collection.update_one({"id": video_id}, due)
    services.tidying.sweep()
