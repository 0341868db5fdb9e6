"""Keys from a key server elsewhere: asked once, checked, packaged with its boxes, never logged."""

from __future__ import annotations

import base64
import json
import logging
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from config import Settings
from models.errors import Unavailable
from services import container
from services.adapters.key_server import HttpKeyServer
from services.adapters.media.encryption import Encryption
from services.adapters.media.packager import Packager
from services.processing.ladder import ladder
from tests.pipeline import FFMPEG
from tests.samples import TOOLS, Samples

KEY_ID, KEY = "00112233445566778899aabbccddeeff", "0123456789abcdef0123456789abcdef"
WIDEVINE = UUID("edef8ba9-79d6-4ace-a3c8-27dcd51d21ed").bytes
SKD = "skd://licences.example/0198aaaa"


def box(system: bytes, data: bytes) -> str:
    """A `pssh` box of version 0, in base64."""
    body = b"pssh" + bytes(4) + system + len(data).to_bytes(4) + data
    return base64.b64encode((len(body) + 4).to_bytes(4) + body).decode()


WHOLE = {"key_id": KEY_ID, "key": KEY, "pssh": [box(WIDEVINE, b"\x12\x10" + bytes(16))]}


@dataclass
class KeyServer:
    """A key server that answers what a test tells it to."""

    url: str = ""
    status: int = 200
    answer: Any = field(default_factory=lambda: dict(WHOLE))
    asked: list[tuple[dict[str, Any], str | None]] = field(default_factory=list)


@pytest.fixture
def server() -> Iterator[KeyServer]:
    told = KeyServer()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            told.asked.append((body, self.headers.get("Authorization")))
            said = (
                told.answer if isinstance(told.answer, bytes) else json.dumps(told.answer).encode()
            )
            self.send_response(told.status)
            self.send_header("Location", "/elsewhere")
            self.send_header("Content-Length", str(len(said)))
            self.end_headers()
            self.wfile.write(said)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base's name
            pass

    listening = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=listening.serve_forever, daemon=True).start()
    told.url = f"http://127.0.0.1:{listening.server_port}/keys"
    yield told
    listening.shutdown()
    listening.server_close()


@pytest.fixture
def settings(settings: Settings, server: KeyServer) -> Settings:
    return replace(settings, drm_key_server_url=server.url, drm_key_server_token="let me in")


def test_it_is_asked_once_per_video_and_its_key_is_kept_closed(server, services, ann, add_video):
    video = add_video(ann, drm_enabled=True)
    asked = [services.licences.keys.encryption(video) for _ in range(3)]
    encryption = asked[-1]
    assert server.asked == [({"content_id": video.id, "scheme": "cbcs"}, "Bearer let me in")]
    assert (encryption.key_id, encryption.key) == (KEY_ID, KEY)
    assert encryption.pssh == (base64.b64decode(WHOLE["pssh"][0]).hex(),)
    stored = repr(services.licences.keys.keys.get(video.id))
    assert KEY not in stored


def test_uuids_are_key_ids_as_well(server):
    server.answer = WHOLE | {"key_id": str(UUID(KEY_ID)).upper(), "fairplay_uri": SKD}
    served = HttpKeyServer(url=server.url, token="").key_for("x")
    assert (served.key_id, served.fairplay_uri) == (KEY_ID, SKD)
    assert server.asked[-1][1] is None


@pytest.mark.parametrize(
    "answer",
    [
        {},
        [],
        b"",
        b"not JSON",
        {"key_id": KEY_ID},
        {"key_id": KEY_ID, "key": None},
        {"key_id": KEY_ID, "key": KEY[:-1]},
        {"key_id": "x" * 32, "key": KEY},
        {"key_id": KEY_ID, "key": f"{KEY}\n--keys=x"},
        WHOLE | {"pssh": ["not base64!"]},
        WHOLE | {"pssh": [base64.b64encode(b"no box at all").decode()]},
        WHOLE | {"pssh": [WHOLE["pssh"][0][:-8]]},
        WHOLE | {"pssh": [7]},
        WHOLE | {"fairplay_uri": "https://licences.example"},
        WHOLE | {"fairplay_uri": 'skd://x"\n#EXT-X-ENDLIST'},
        WHOLE | {"padding": "x" * 70_000},
    ],
)
def test_what_is_no_key_is_not_taken_for_one(server, answer, caplog):
    server.answer = answer
    with caplog.at_level(logging.DEBUG), pytest.raises(Unavailable):
        HttpKeyServer(url=server.url, token="t").key_for("x")
    assert KEY[:-1] not in caplog.text


@pytest.mark.parametrize("status", [201, 301, 302, 307, 401, 404, 500, 503])
def test_a_refusal_or_a_redirect_is_no_key(server, status):
    server.status = status
    with pytest.raises(Unavailable):
        HttpKeyServer(url=server.url, token="t").key_for("x")
    assert len(server.asked) == 1


def test_without_the_server_nothing_is_packaged_in_the_clear(settings, ann, add_video):
    away = container.build(replace(settings, drm_key_server_url="http://127.0.0.1:9/"))
    with pytest.raises(Unavailable):
        away.licences.keys.encryption(add_video(ann, drm_enabled=True))


@pytest.mark.media
def test_its_boxes_and_its_address_are_in_what_is_packaged(tmp_path: Path):
    source = Samples(tmp_path)["short.mp4"]
    info = FFMPEG.inspect(source)
    renditions = ladder(info, (180,))
    FFMPEG.encode(source, info, renditions, tmp_path, with_audio=True, on_progress=lambda _: None)
    encryption = Encryption(
        key_id=KEY_ID,
        key=KEY,
        key_uri="/stream/x/license",
        pssh=(base64.b64decode(WHOLE["pssh"][0]).hex(),),
        fairplay_uri=SKD,
    )
    packaged = tmp_path / "v1"
    Packager(TOOLS).package(renditions, tmp_path, True, packaged, encryption)
    keys = [
        line
        for line in (packaged / "180p.m3u8").read_text().splitlines()
        if line.startswith("#EXT-X-KEY:")
    ]
    by_format = {line.rpartition('KEYFORMAT="')[2].strip('"'): line for line in keys}
    assert f'URI="{SKD}"' in by_format["com.apple.streamingkeydelivery"]
    assert 'URI="/stream/x/license"' in by_format["identity"]
    assert f"urn:uuid:{UUID(bytes=WIDEVINE)}" in by_format
    manifest = (packaged / "manifest.mpd").read_text()
    assert WHOLE["pssh"][0] in manifest
    assert str(UUID(KEY_ID)) in manifest
    stored = b"".join(file.read_bytes() for file in packaged.rglob("*") if file.is_file())
    assert KEY.encode() not in stored
    assert bytes.fromhex(KEY) not in stored
    assert list(tmp_path.rglob("*.flags")) == []
