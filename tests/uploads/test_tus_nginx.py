"""Resumable uploads through deploy/nginx.conf: they stream through it, and know where they are."""

from __future__ import annotations

import http.client
import io
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from tusclient.client import TusClient
from tusclient.uploader.uploader import Uploader

from app import create_app
from config import Settings
from embedded.ports import Ports
from services import container
from services.videos.keys import source_key
from tests import nginx
from tests.nginx import Behind, serving
from tests.stack import wait_for
from tests.tus import BYTES, VERSION
from tests.wire import MP4

FILM = MP4.ljust(3_000_000, b"\x07")


@pytest.fixture
def port(settings: Settings, tmp_path: Path) -> Iterator[int]:
    """Where nginx listens, before the API, set as docker-compose.yml sets it."""
    settings, ports = replace(settings, trusted_proxies=1), Ports()
    with serving(create_app(container.build(settings))) as api:
        behind = Behind(api_port=api, media=settings.media_root, secret=settings.edge_key)
        with nginx.running(tmp_path / "nginx", ports.of("NGINX"), behind):
            yield ports.of("NGINX")
    ports.close()


def test_tuspy_uploads_through_nginx_and_is_told_its_address_there(port, ann, services):
    root = f"http://127.0.0.1:{port}/upload/video"
    client = TusClient(root, headers=ann.headers)
    uploader = client.uploader(file_stream=io.BytesIO(FILM), chunk_size=800_000)
    uploader.upload(stop_at=1_600_000)
    assert str(uploader.url).startswith(f"{root}/")
    again = client.uploader(file_stream=io.BytesIO(FILM), url=uploader.url, chunk_size=800_000)
    assert again.offset == 1_600_000
    again.upload()
    video_id = again.request.response_headers["x-video-id"]
    assert services.storage.file(source_key(video_id)).read_bytes() == FILM


def test_what_nginx_has_of_a_connection_that_breaks_is_kept(port, ann, services):
    client = TusClient(f"http://127.0.0.1:{port}/upload/video", headers=ann.headers)
    url = client.uploader(file_stream=io.BytesIO(FILM)).create_url()
    connection = http.client.HTTPConnection("127.0.0.1", port)
    connection.putrequest("PATCH", url.partition(str(port))[2])
    sent = {**ann.headers, **VERSION, **BYTES, "Upload-Offset": "0"}
    for name, value in {**sent, "Content-Length": str(len(FILM))}.items():
        connection.putheader(name, value)
    connection.endheaders(FILM[:1_000_000])
    connection.close()
    again = wait_for(lambda: begun(client, url), 10)
    assert again.offset <= 1_000_000
    again.upload()
    video_id = again.request.response_headers["x-video-id"]
    assert services.storage.file(source_key(video_id)).read_bytes() == FILM


def begun(client: TusClient, url: str) -> Uploader | None:
    """Once something has arrived, and nobody writes any more."""
    uploader = client.uploader(file_stream=io.BytesIO(FILM), url=url)
    return uploader if uploader.offset else None


def test_a_page_elsewhere_reads_the_answers_through_nginx(port, ann):
    headers = {**ann.headers, **VERSION, "Upload-Length": "9", "Origin": "http://localhost:3000"}
    connection = http.client.HTTPConnection("127.0.0.1", port)
    connection.request("POST", "/upload/video", headers=headers)
    answer = connection.getresponse()
    connection.close()
    assert answer.status == 201
    assert answer.headers.get_all("Access-Control-Allow-Origin") == ["http://localhost:3000"]
    (exposed,) = answer.headers.get_all("Access-Control-Expose-Headers") or []
    assert {"Location", "Upload-Offset", "X-Video-Id"} <= set(exposed.split(", "))
