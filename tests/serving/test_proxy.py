"""The API behind deploy/nginx.conf: what passes through, and what does not."""

from __future__ import annotations

import base64
import http.client
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from app import create_app
from blueprints.http.bodies import FORM_BYTES
from config import Settings
from embedded.ports import Ports
from services import container
from services.tracks import captions, sounds
from services.uploads import pictures
from services.videos.keys import poster_key
from tests import nginx
from tests.conftest import Clock
from tests.embedded_starts import eventually
from tests.nginx import Behind, ask, serving

pytestmark = pytest.mark.skipif(not nginx.NGINX, reason="nginx is not installed")

MIB = 1024**2
ORIGIN = "http://localhost:8081"
PICTURE = b"\xff\xd8\xff" + bytes(range(256))


@dataclass(frozen=True, slots=True, kw_only=True)
class Front:
    port: int
    api_port: int
    log: Path


@pytest.fixture
def ports() -> Iterator[Ports]:
    ports = Ports()
    yield ports
    ports.close()


@pytest.fixture
def front(settings: Settings, clock: Clock, ports: Ports, tmp_path: Path) -> Iterator[Front]:
    """nginx before the API, set as docker-compose.yml sets it."""
    settings = replace(settings, x_accel_redirect=True, trusted_proxies=1)
    with serving(create_app(container.build(settings, now=clock))) as api:
        behind = Behind(api_port=api, media=settings.media_root, secret=settings.edge_key)
        with nginx.running(tmp_path / "nginx", ports.of("NGINX"), behind):
            log = tmp_path / "nginx" / "access.log"
            yield Front(port=ports.of("NGINX"), api_port=api, log=log)


@pytest.fixture
def dead_front(settings: Settings, ports: Ports, tmp_path: Path) -> Iterator[int]:
    """nginx with nothing behind it."""
    behind = Behind(api_port=nginx.NOBODY, media=tmp_path, secret=settings.edge_key)
    with nginx.running(tmp_path / "nginx", ports.of("NGINX"), behind):
        yield ports.of("NGINX")


@pytest.fixture
def picture(services, ann, add_video) -> str:
    """Where the API shows a picture that lies in storage."""
    video = add_video(ann, has_poster=True)
    path = services.settings.media_root / poster_key(video.id)
    path.parent.mkdir(parents=True)
    path.write_bytes(PICTURE)
    return f"/api/videos/{video.id}/thumbnail"


def test_a_file_that_the_api_names_is_sent_by_nginx(front, picture):
    named = ask(front.api_port, picture)
    assert named.headers["X-Accel-Redirect"].startswith("/_media/posters/")
    assert named.body == b""
    sent = ask(front.port, picture, origin=ORIGIN, x_request_id="picture-1")
    assert (sent.status, sent.body) == (200, PICTURE)
    assert sent.headers["X-Accel-Redirect"] is None
    for name, value in {
        "Content-Type": "image/jpeg",
        "Cache-Control": "private, max-age=3600",
        "X-Request-ID": "picture-1",
        "Access-Control-Allow-Origin": ORIGIN,
        "Vary": "Origin",
        "X-Content-Type-Options": "nosniff",
    }.items():
        assert sent.headers.get_all(name) == [value]


def test_such_a_file_has_ranges_and_an_etag(front, picture):
    part = ask(front.port, picture, range="bytes=3-6")
    assert (part.status, part.body) == (206, PICTURE[3:7])
    whole = ask(front.port, picture, "HEAD")
    assert (whole.status, whole.headers["Content-Length"]) == (200, str(len(PICTURE)))
    again = ask(front.port, picture, if_none_match=whole.headers["ETag"])
    assert (again.status, again.body) == (304, b"")


def test_such_a_file_cannot_be_asked_for_itself(front, picture):
    path = ask(front.api_port, picture).headers["X-Accel-Redirect"]
    refused = ask(front.port, path)
    assert refused.status == 404
    assert json.loads(refused.body)["code"] == "NOT_FOUND"


def test_the_api_behind_nginx_answers_as_without(front):
    behind = ask(front.port, "/api/videos", origin=ORIGIN)
    direct = ask(front.api_port, "/api/videos", origin=ORIGIN)
    assert (behind.status, behind.body) == (direct.status, direct.body)
    answered = {name for name in behind.headers if len(behind.headers.get_all(name, [])) > 1}
    assert not answered, "headers that both nginx and the API send"
    assert set(direct.headers) - set(behind.headers) <= {"Server", "Date"}


def test_links_lead_back_through_nginx(front, ann, add_video):
    add_video(ann)
    body = json.loads(ask(front.port, "/videos/feed").body)
    assert body["videos"][0]["videoUrl"].startswith(f"http://127.0.0.1:{front.port}/stream/")


def test_what_a_client_says_of_proxies_is_not_believed(front, ann, add_video):
    add_video(ann)
    claims = {"x_forwarded_proto": "gopher", "x_forwarded_host": "evil.example"}
    body = json.loads(ask(front.port, "/videos/feed", **claims).body)
    assert body["videos"][0]["videoUrl"].startswith(f"http://127.0.0.1:{front.port}/stream/")


def test_an_id_of_the_request_is_made_where_none_is_sent_or_a_bad_one(front):
    assert ask(front.port, "/healthz", x_request_id="mine-1234").headers["X-Request-ID"] == (
        "mine-1234"
    )
    for sent in ({}, {"x_request_id": "a b"}, {"x_request_id": '"}'}):
        assert len(ask(front.port, "/healthz", **sent).headers["X-Request-ID"]) == 32


def test_metrics_are_for_the_inside(front):
    assert ask(front.api_port, "/metrics").status == 200
    for path in ("/metrics", "//metrics", "/x/../metrics", "/%6detrics"):
        refused = ask(front.port, path, x_forwarded_for="127.0.0.1")
        assert refused.status == 403
        assert json.loads(refused.body)["code"] == "FORBIDDEN"
    assert ask(front.port, "/metrics/").status == 404


def test_what_an_rtmp_server_asks_is_for_the_inside(front):
    assert ask(front.api_port, "/live/publish", "POST").status == 403
    for path in ("/live/publish", "//live/play", "/x/../live/update", "/%6cive/done"):
        refused = ask(front.port, path, "POST")
        assert (refused.status, json.loads(refused.body)["code"]) == (404, "NOT_FOUND")


def test_tokens_and_grants_are_not_logged(front):
    ask(front.port, "/hls/SIGNATURE-of-22-letters/1795255800/some-video/v1/master.m3u8")
    ask(front.port, "/video/1/stream?token=PLAYBACK")
    eventually(lambda: front.log.read_text().count("\n") == 2)
    first, second = map(json.loads, front.log.read_text().splitlines())
    assert first["path"] == "/hls/-/-/some-video/v1/master.m3u8"
    assert second["path"] == "/video/1/stream"
    assert second["status"] == "401"


def test_an_upload_reaches_the_api_while_it_is_being_sent(front, settings, ann):
    start = (
        b'--b\r\nContent-Disposition: form-data; name="title"\r\n\r\nMine'
        b'\r\n--b\r\nContent-Disposition: form-data; name="file"; filename="a.mp4"\r\n\r\n'
    )
    start, rest = start + bytes(MIB), bytes(MIB) + b"\r\n--b--\r\n"
    with announced(front.port, "/api/videos", len(start) + len(rest), **ann.headers) as connection:
        connection.send(start)
        folder = settings.media_root / "incoming"
        eventually(lambda: [f for f in folder.glob("upload-*") if f.stat().st_size > MIB // 2])
        connection.send(rest)
        answer = connection.getresponse()
        assert answer.status == 415
        assert json.loads(answer.read())["error_code"] == "FILE_FORMAT_NOT_SUPPORTED"


@pytest.mark.parametrize(
    ("path", "size_bytes", "code_at"),
    [
        ("/api/auth/login", 13 * MIB, ("error", "code")),
        ("/auth/login", 13 * MIB, ("code",)),
    ],
)
def test_what_is_too_large_is_refused_before_it_is_sent(front, path, size_bytes, code_at):
    with announced(front.port, path, size_bytes) as connection:
        answer = connection.getresponse()
        said = json.loads(answer.read())
    assert answer.status == 413
    for name in code_at:
        said = said[name]
    assert said == "PAYLOAD_TOO_LARGE"


def test_how_large_a_video_may_be_the_api_says_alone(front, ann):
    with announced(front.port, "/api/videos", 3 * 1024**3, **ann.headers) as connection:
        answer = connection.getresponse()
        said = json.loads(answer.read())
    assert (answer.status, said["error"]["code"]) == (413, "PAYLOAD_TOO_LARGE")
    assert str(2 * 1024**3) in said["error"]["message"]


@pytest.mark.parametrize(
    ("path", "most_bytes"),
    [
        # MAX_VIDEO_BYTES may be set to any number.
        ("/api/videos", 20 * 1024**3),
        ("/videos", 20 * 1024**3),
        ("/api/videos/some-video/content", 20 * 1024**3),
        ("/api/videos/some-video/audio-tracks", sounds.MAX_BYTES),
    ],
)
def test_a_form_as_large_as_it_may_be_reaches_the_api_at_once(front, path, most_bytes):
    with announced(front.port, path, most_bytes + FORM_BYTES) as connection:
        answer = connection.getresponse()
        assert answer.status == 401, "who it is for is asked by the API alone"


@pytest.mark.parametrize(
    ("path", "most_bytes"),
    [
        ("/api/videos/some-video/captions", captions.MAX_BYTES),
        ("/videos/some-video/captions", captions.MAX_BYTES),
        ("/upload/thumbnail", pictures.MAX_BYTES),
    ],
)
def test_a_small_form_reaches_the_api_when_it_is_whole(front, path, most_bytes):
    with announced(front.port, path, most_bytes + FORM_BYTES) as connection:
        connection.send(bytes(most_bytes + FORM_BYTES))
        answer = connection.getresponse()
        assert answer.status == 401, "who it is for is asked by the API alone"


def test_a_long_description_goes_with_an_upload_and_comes_back(front, ann):
    text = "\N{HIRAGANA LETTER A}" * 5000
    said = f"description {base64.b64encode(text.encode()).decode()}"
    told = {"Upload-Length": "1000", "Upload-Metadata": said, "Tus-Resumable": "1.0.0"}
    begun = ask(front.port, "/upload/video", "POST", **ann.headers, **told)
    assert (begun.status, begun.headers["Upload-Metadata"]) == (201, said)
    path = urlsplit(begun.headers["Location"]).path
    again = ask(front.port, path, "HEAD", **ann.headers, **{"Tus-Resumable": "1.0.0"})
    assert (again.status, again.headers["Upload-Metadata"]) == (200, said)


@contextmanager
def announced(
    port: int, path: str, size_bytes: int, **headers: str
) -> Iterator[http.client.HTTPConnection]:
    """A POST whose body is still to come."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=nginx.ANSWER_SECONDS)
    connection.putrequest("POST", path)
    for name, value in {
        "Content-Type": "multipart/form-data; boundary=b",
        "Content-Length": str(size_bytes),
        **headers,
    }.items():
        connection.putheader(name, value)
    connection.endheaders()
    try:
        yield connection
    finally:
        connection.close()


def test_an_api_that_is_away_is_told_in_the_words_of_the_family(dead_front):
    platform, mobile = ask(dead_front, "/api/videos"), ask(dead_front, "/dashboard")
    for answer in (platform, mobile):
        assert (answer.status, answer.headers["Retry-After"]) == (503, "5")
    assert json.loads(platform.body)["error"]["code"] == "SERVICE_UNAVAILABLE"
    assert json.loads(mobile.body)["statusCode"] == 503
