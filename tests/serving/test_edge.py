"""nginx and Flask answer alike: deploy/nginx.conf and blueprints/playback/hls.py, by one table."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta

import pytest

from app import create_app
from config import Settings
from embedded.ports import Ports
from services import container
from services.adapters.storage import Storage
from services.playback.grants import Grants
from tests import nginx
from tests.nginx import Answer, Behind, ask, serving
from tests.s3 import judge_server

__all__ = ["judge_server"]

pytestmark = pytest.mark.skipif(not nginx.NGINX, reason="nginx is not installed")

VIDEO, OTHER = "0198aaaa-0000-7000-8000-000000000001", "0198aaaa-0000-7000-8000-000000000002"
SECRET_BYTES = b"not for everybody"
FILES = {
    "master.m3u8": b"#EXTM3U\n" * 3,
    "manifest.mpd": b"<MPD/>",
    "360p/1.m4s": bytes(range(256)),
    "audio.mp4": b"\0\0\0\x18ftyp",
    "board.vtt": "WEBVTT\n\n00:00.000 --> 00:01.000\nä\n".encode(),
    "board.jpg": b"\xff\xd8\xff",
}
# What a player may rely on, whichever of the two it talks to.
COMPARED = (
    "Content-Type",
    "Content-Length",
    "Content-Range",
    "Cache-Control",
    "Access-Control-Allow-Origin",
    "Access-Control-Expose-Headers",
    "X-Content-Type-Options",
    "X-Frame-Options",
    "X-XSS-Protection",
    "Strict-Transport-Security",
    "Content-Security-Policy",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Doors:
    """Where the same media is served: by Flask, and by nginx in front of it."""

    flask: int
    nginx: int
    settings: Settings
    storage: Storage

    def both(self, path: str, method: str = "GET", **headers: str) -> tuple[Answer, Answer]:
        return ask(self.flask, path, method, **headers), ask(self.nginx, path, method, **headers)


@pytest.fixture(scope="module", params=["disk", "bucket"])
def doors(
    request: pytest.FixtureRequest,
    base_settings: Settings,
    schema: None,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Doors]:
    """Media on a disk, and media in a private bucket whose store checks each signature."""
    folder, ports, environment = tmp_path_factory.mktemp("edge"), Ports(), dict[str, str]()
    settings = replace(base_settings, var_dir=folder)
    if request.param == "bucket":
        if not nginx.JS_MODULE.exists():
            pytest.skip("nginx has no njs here")
        bucket = request.getfixturevalue("judge_server").new_bucket()
        settings, environment = bucket.settings(settings), bucket.environment
    services = container.build(settings)
    fill(services.storage)
    with serving(create_app(services)) as flask:
        behind = Behind(
            api_port=flask,
            media=settings.media_root,
            secret=settings.edge_key,
            environment=environment,
        )
        with nginx.running(folder / "nginx", ports.of("NGINX"), behind):
            yield Doors(
                flask=flask, nginx=ports.of("NGINX"), settings=settings, storage=services.storage
            )
    ports.close()


def fill(storage: Storage) -> None:
    for name, content in FILES.items():
        write(storage, f"playback/{VIDEO}/v1/{name}", content)
    for hidden in (f"sources/{VIDEO}.mp4", f"posters/{VIDEO}.jpg", f"playback/{OTHER}/v1/a.m4s"):
        write(storage, hidden, SECRET_BYTES)


def write(storage: Storage, key: str, content: bytes) -> None:
    path = storage.incoming() / "made"
    path.write_bytes(content)
    storage.adopt(path, key)


def grant(settings: Settings, video: str = VIDEO, *, hours_ago: int = 0, secret: str = "") -> str:
    """The folder of a video, as a player is told it."""
    then = container.now() - timedelta(hours=hours_ago)
    grants = Grants(secret=secret or settings.edge_key, now=lambda: then)
    return grants.path(video, "v1", 60)


def links(settings: Settings) -> dict[str, str]:
    granted = grant(settings)
    _, _, signature, expires, *_ = granted.split("/")
    return {
        "granted": granted,
        "expired": grant(settings, hours_ago=3),
        "tampered": granted.replace(signature, signature[1:] + signature[:1]),
        "forged": grant(settings, secret="guessed"),
        "other": grant(settings, OTHER).replace(OTHER, VIDEO),
        "later": granted.replace(expires, "9999999999"),
        "none": f"/hls/{VIDEO}/v1",
        "video": granted.removesuffix("/v1"),
    }


@pytest.mark.parametrize(
    ("method", "path", "headers", "status"),
    [
        *(("GET", f"{{granted}}/{name}", {}, 200) for name in FILES),
        *(("HEAD", f"{{granted}}/{name}", {}, 200) for name in FILES),
        ("GET", "{granted}/360p/1.m4s", {"range": "bytes=2-5"}, 206),
        ("GET", "{granted}/360p/1.m4s", {"range": "bytes=250-"}, 206),
        ("GET", "{granted}/360p/1.m4s", {"range": "bytes=-3"}, 206),
        ("GET", "{granted}/360p/1.m4s", {"if_none_match": '"of another"'}, 200),
        ("GET", "{granted}/360p/2.m4s", {}, 404),
        ("HEAD", "{granted}/360p/2.m4s", {}, 404),
        ("POST", "{granted}/360p/1.m4s", {}, 405),
        ("GET", "{expired}/master.m3u8", {}, 410),
        ("HEAD", "{expired}/master.m3u8", {}, 410),
        ("GET", "{tampered}/master.m3u8", {}, 403),
        ("GET", "{forged}/master.m3u8", {}, 403),
        ("GET", "{other}/master.m3u8", {}, 403),
        ("GET", "{later}/master.m3u8", {}, 403),
        ("GET", "{none}/master.m3u8", {}, 403),
        ("GET", "{granted}/notes.txt", {}, 403),
        ("GET", "{granted}", {}, 403),
        ("GET", "/hls/", {}, 403),
    ],
)
def test_nginx_answers_as_flask_does(doors, method, path, headers, status):
    path = path.format(**links(doors.settings))
    flask, edge = doors.both(path, method, origin="https://player.example", **headers)
    assert (flask.status, edge.status) == (status, status)
    assert seen(edge) == seen(flask)


def seen(answer: Answer) -> dict[str, object]:
    """What is compared; of JSON what it says, not how it is set."""
    headers: dict[str, object] = {name: answer.headers.get_all(name) for name in COMPARED}
    headers["Allow"] = sorted(answer.headers.get("Allow", "").split(", "))
    if answer.status == 200:
        headers["Accept-Ranges"] = answer.headers["Accept-Ranges"]
    if answer.headers.get_content_type() != "application/json":
        return headers | {"body": answer.body}
    del headers["Content-Length"]
    return headers | {"body": json.loads(answer.body or b"null")}


def test_a_range_beyond_the_end_is_refused_once(doors):
    path = f"{links(doors.settings)['granted']}/360p/1.m4s"
    flask, edge = doors.both(path, origin="https://player.example", range="bytes=256-")
    for answer in (flask, edge):
        assert answer.status == 416
        # Of a store's refusal nginx passes on no more than that it refused.
        ranges = answer.headers.get_all("Content-Range")
        assert ranges == ["bytes */256"] or (answer is edge and doors.storage.backend == "s3")
        assert answer.headers.get_all("Access-Control-Allow-Origin") == ["*"]
    assert json.loads(edge.body) == json.loads(flask.body)


def test_what_is_served_is_what_is_stored(doors):
    for name, content in FILES.items():
        flask, edge = doors.both(f"{links(doors.settings)['granted']}/{name}")
        assert flask.body == edge.body == content


@pytest.mark.parametrize(
    "path",
    [
        "{video}/../{other_id}/v1/a.m4s",
        "{video}/v1/../../{other_id}/v1/a.m4s",
        "{video}/%2e%2e/{other_id}/v1/a.m4s",
        "{video}/%2E%2E%2F{other_id}%2Fv1%2Fa.m4s",
        "{video}/v1/..%2f..%2f{other_id}/v1/a.m4s",
        "{video}/..%252f{other_id}/v1/a.m4s",
        "{video}/..;/{other_id}/v1/a.m4s",
        "{video}/..\\{other_id}\\v1\\a.m4s",
        "{video}/v1/../../../posters/{id}.jpg",
        "{video}/..%2f..%2fposters/{id}.jpg",
        "{video}/..%2f..%2fsources/{id}.mp4",
        "{video}/%00/../../../posters/{id}.jpg",
        "{video}//../../posters/{id}.jpg",
        "{signed}/../posters/{id}.jpg",
        "{signed}/..%2fposters/{id}.jpg",
        "/hls/../posters/{id}.jpg",
        "/sources/{id}.mp4",
        "/posters/{id}.jpg",
        "/_media/posters/{id}.jpg",
        "/%5fmedia/posters/{id}.jpg",
        "/hls/../_media/posters/{id}.jpg",
        "/hls/..%2f_media/sources/{id}.mp4",
    ],
)
def test_no_path_leads_to_other_files(doors, path):
    video = links(doors.settings)["video"]
    ids = {"video": video, "signed": video.rsplit("/", 1)[0], "id": VIDEO, "other_id": OTHER}
    for answer in doors.both(path.format(**ids)):
        assert answer.status in {400, 403, 404}
        assert SECRET_BYTES not in answer.body


def test_a_preflight_is_answered_by_both(doors):
    asked = {"origin": "https://a.example", "access_control_request_method": "GET"}
    asked["access_control_request_headers"] = "range"
    for link in ("granted", "none"):
        path = f"{links(doors.settings)[link]}/master.m3u8"
        for answer in doors.both(path, "OPTIONS", **asked):
            assert answer.status in {200, 204}
            assert answer.headers["Access-Control-Allow-Origin"] == "*"
            assert "GET" in answer.headers["Access-Control-Allow-Methods"]
            assert answer.headers["Access-Control-Allow-Headers"].lower() == "range"
            assert answer.headers["Access-Control-Max-Age"] == "86400"


def test_what_a_player_has_is_not_sent_again(doors):
    path = f"{links(doors.settings)['granted']}/360p/1.m4s"
    for door in (doors.flask, doors.nginx):
        etag = ask(door, path).headers["ETag"]
        again = ask(door, path, if_none_match=etag)
        assert (again.status, again.body) == (304, b"")


def test_a_playlist_is_packed_for_whoever_unpacks_it(doors):
    write(doors.storage, f"playback/{VIDEO}/v1/long.m3u8", b"#EXTINF\n" * 500)
    path = f"{links(doors.settings)['granted']}/long.m3u8"
    packed = ask(doors.nginx, path, accept_encoding="gzip")
    assert packed.headers["Content-Encoding"] == "gzip"
    assert len(packed.body) < 500


def test_a_playlist_that_grows_is_seen_to_grow(doors):
    """nginx keeps files open: it would go on sending the one that was replaced."""
    for text in (b"#EXTM3U\n", b"#EXTM3U\n#EXT-X-ENDLIST\n"):
        for edition in ("", "e1"):
            write(doors.storage, f"playback/{VIDEO}/{edition}v0/media.m3u8", text)
            path = f"{links(doors.settings)['video']}/{edition}v0/media.m3u8"
            flask, edge = doors.both(path, origin="https://player.example")
            assert seen(edge) == seen(flask)
            assert (edge.status, edge.body) == (200, text)
            assert edge.headers["Cache-Control"] == "private, max-age=0"
