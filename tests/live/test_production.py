"""Live streams through nginx and its rtmp module, as docker-compose.yml puts them together."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import pytest

from config import Settings
from models.broadcasts import Broadcast
from models.video import LiveStatus
from services.container import Services
from services.live.broadcasts import ARRIVAL
from tests.camera import CODED, camera
from tests.live.ingesting import SECONDS, Ingest, calling, ends, ingesting, settled, stored
from tests.live.rtmp_server import UPDATE_SECONDS, RtmpServer, require, rtmp_server
from tests.live.streams import create, row, video_of
from tests.nginx import serving
from tests.samples import TOOLS
from tests.stack import wait_for

pytestmark = pytest.mark.media

# Long enough for nginx to have asked about who sends.
ASKED_SECONDS = 4 * UPDATE_SECONDS


@dataclass(frozen=True)
class Production:
    """One stream that may be sent, and what it is sent through."""

    services: Services
    server: RtmpServer
    api: ExitStack
    made: dict[str, Any]

    @property
    def settings(self) -> Settings:
        return self.services.settings

    @property
    def video_id(self) -> str:
        return self.made["video_id"]

    @property
    def url(self) -> str:
        return f"{self.server.url}/{self.made['stream_key']}"

    @property
    def row(self) -> Broadcast:
        return row(self.services, self.video_id)

    def is_shown(self, part: int = 1) -> bool:
        """Whether viewers have enough of this part."""
        shown = video_of(self.services, self.video_id).live_status is LiveStatus.LIVE
        found = [one for one in stored(self.settings, self.video_id) if one.part == part]
        return shown and len(found) >= 3


@pytest.fixture
def production(app, client, ann, services, tmp_path) -> Iterator[Production]:
    require()
    with ExitStack() as api:
        api_port = api.enter_context(serving(app))
        with rtmp_server(tmp_path / "rtmp", api_port) as server:
            yield Production(services, server, api, create(client, ann))


@pytest.fixture
def ingest(production) -> Iterator[Ingest]:
    with ingesting(production.settings, LIVE_RTMP_URL=production.server.url) as ingest:
        yield ingest


def fetch(url: str) -> int:
    """How FFmpeg ends that asks the server for a second of this stream."""
    command = [TOOLS.ffmpeg, "-v", "error", "-rw_timeout", "20000000", "-i", url]
    play = [*command, "-t", "1", "-f", "null", "-"]
    return subprocess.run(play, capture_output=True, timeout=SECONDS, check=False).returncode


def test_what_is_sent_with_its_key_is_shown(production, ingest, client, ann, record_property):
    began = time.monotonic()
    with camera(production.url):
        wait_for(production.is_shown, SECONDS)
        record_property("seconds_to_live", time.monotonic() - began)
        record_property("ingest_bytes", ingest.memory_bytes())
        shown = client.get(f"/api/videos/{production.video_id}/live", headers=ann.headers).json
        assert (shown["status"], shown["problem"]) == ("live", None)
        assert production.row.sessions == 1
    _, _, key = production.made["stream_key"].partition("key=")
    assert key not in production.server.log()


def test_it_needs_no_folder_but_its_own(production):
    """It is nobody in its container, and all but /tmp is read-only there."""
    files = [name for name in production.server.open_files() if name.startswith("/")]
    folder = str(production.server.folder)
    assert all(name.startswith((folder, "/dev/")) for name in files), files


def test_a_wrong_key_is_refused_at_the_door(production, ingest):
    for name in (f"{production.video_id}?key=wrong", production.video_id, "nothing?key=x"):
        with camera(f"{production.server.url}/{name}") as process:
            assert ends(process) != 0
    assert (production.row.arrived, production.row.sessions) == (False, 0)
    assert stored(production.settings, production.video_id) == []


@pytest.mark.parametrize("said", ["arguments", "-rtmp_flashver"])
def test_nobody_sends_another_stream_than_the_one_of_their_key(production, client, bob, said):
    named = f"name={create(client, bob)['stream_key'].replace('?', '&')}"
    url = f"{production.server.url}/{production.video_id}"
    arguments = [f"{url}?{named}"] if said == "arguments" else [url, said, f"x&{named}&x=", *CODED]
    with camera(*arguments) as process:
        assert ends(process) != 0
    assert (production.row.arrived, production.row.sessions) == (False, 0)


def test_only_our_own_processes_fetch_a_stream(production):
    services, url = production.services, production.server.url
    with camera(production.url):
        wait_for(lambda: production.row.arrived, SECONDS)
        for name in (
            production.video_id,
            production.made["stream_key"],
            f"{production.video_id}?ticket=wrong",
        ):
            assert fetch(f"{url}/{name}") != 0
        assert fetch(services.broadcasts.address_at(url, production.row)) == 0


def test_a_killed_process_is_followed_by_another_and_the_sender_notices_nothing(
    production, ingest, client, ann
):
    with camera(production.url) as process:
        wait_for(production.is_shown, SECONDS)
        ingest.process.kill()
        ingest.process.wait(SECONDS)
        with ingesting(production.settings, LIVE_RTMP_URL=production.server.url):
            wait_for(lambda: production.is_shown(part=2), SECONDS)
            assert process.poll() is None
            assert production.row.sessions == 2
            folder = production.settings.media_root / "playback" / production.video_id / "v0"
            assert "#EXT-X-DISCONTINUITY\n" in (folder / "media.m3u8").read_text()


def test_who_leaves_is_not_fetched_any_more_and_may_come_back(production, ingest):
    with camera(production.url):
        wait_for(production.is_shown, SECONDS)
    wait_for(lambda: not production.row.arrived, SECONDS)
    wait_for(lambda: production.row.status is LiveStatus.OFFLINE, SECONDS)
    wait_for(lambda: production.row.lease is None and not ingest.children(), SECONDS)
    sessions = production.row.sessions
    assert settled(lambda: production.row.sessions == sessions, ASKED_SECONDS)
    with camera(production.url):
        wait_for(lambda: production.is_shown(part=sessions + 1), SECONDS)


def test_ending_it_throws_out_who_sends_it_for_good(production, ingest, client, ann):
    with camera(production.url) as process:
        wait_for(production.is_shown, SECONDS)
        path = f"/api/videos/{production.video_id}/live/end"
        assert client.post(path, headers=ann.headers).status_code == 200
        assert ends(process) != 0
    wait_for(lambda: production.row.lease is None and not ingest.children(), SECONDS)
    with camera(production.url) as process:
        assert ends(process) != 0
    assert (production.row.status, production.row.sessions) == (LiveStatus.ENDED, 1)


def test_another_key_throws_out_who_sends_with_the_old_one(production, ingest, client, ann):
    with camera(production.url) as process:
        wait_for(production.is_shown, SECONDS)
        path = f"/api/videos/{production.video_id}/live/key"
        answer = client.post(path, headers=ann.headers).json
        assert ends(process) != 0
    with calling(f"{production.server.url}/{answer['stream_key']}"):
        wait_for(lambda: production.row.status is LiveStatus.OFFLINE, SECONDS)
        wait_for(lambda: production.is_shown(production.row.sessions), SECONDS)


def test_while_the_api_is_away_who_sends_goes_on(production, ingest):
    with camera(production.url) as process:
        wait_for(production.is_shown, SECONDS)
        production.api.close()
        seen = len(stored(production.settings, production.video_id))
        assert settled(lambda: process.poll() is None, ASKED_SECONDS)
        wait_for(lambda: len(stored(production.settings, production.video_id)) > seen, SECONDS)
    with camera(production.url) as process:
        assert ends(process) != 0, "nobody could be asked"


def test_a_second_sender_is_refused_and_takes_nothing_from_the_first(production, ingest):
    with camera(production.url) as first:
        wait_for(production.is_shown, SECONDS)
        with camera(production.url) as second:
            ends(second)
        # It said that it has left, as nginx tells it, with the same key: the first is known again
        # with its next update.
        wait_for(lambda: settled(lambda: production.row.arrived, ASKED_SECONDS), SECONDS)
        assert first.poll() is None
        assert production.row.sessions == 1


def test_a_server_that_is_killed_is_asked_no_more_after_a_while(production, clock):
    with camera(production.url):
        wait_for(lambda: production.row.arrived, SECONDS)
        assert production.services.broadcasts.broadcasts.to_fetch(clock(), 1)
        clock.forward(seconds=ARRIVAL.total_seconds() + ASKED_SECONDS)
        wait_for(lambda: production.services.broadcasts.broadcasts.to_fetch(clock(), 1), SECONDS)
    wait_for(lambda: not production.row.arrived, SECONDS)


def test_what_players_cannot_play_is_thrown_out_with_a_reason(production, ingest):
    with camera(production.url, "-c:v", "flv1", "-c:a", "aac") as process:
        wait_for(lambda: "H.264" in production.row.problem, SECONDS)
        assert ends(process) != 0
    wait_for(lambda: not ingest.children(), SECONDS)
    assert (production.row.sessions, production.row.arrived) == (1, False)
    assert "H.264" in production.row.problem
    with camera(production.url):
        wait_for(lambda: production.is_shown(part=2), SECONDS)
        assert production.row.problem == ""
