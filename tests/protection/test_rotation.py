"""Exchanging secrets while people watch: what the one signed stays good next to the other."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from app import create_app
from config import Settings
from embedded.ports import Ports
from models.errors import Forbidden, Unauthorized
from services import container
from services.accounts.secrets_box import SecretsBox
from services.accounts.tokens import TokenType
from services.playback.grants import Grants
from tests import nginx
from tests.nginx import Behind, ask, serving
from tests.wire import bearer, failed

VIDEO = "0198aaaa-0000-7000-8000-000000000001"
FILES = {
    "master.m3u8": b"#EXTM3U\n" * 3,
    "manifest.mpd": b"<MPD/>",
    "360p/1.m4s": bytes(range(256)),
    "board.vtt": "WEBVTT\n\n00:00.000 --> 00:01.000\nä\n".encode(),
}
# What a player may rely on.
COMPARED = (
    *("Content-Type", "Content-Length", "Content-Range", "Cache-Control"),
    *("Access-Control-Allow-Origin", "Access-Control-Expose-Headers"),
    *("X-Content-Type-Options", "Content-Security-Policy"),
)
OLD, NEW = "the-edge-secret-of-last-year", "the-edge-secret-of-this-year"
OTHER_KEY = "another secret that is long enough for HS256 as well"


def rotating(settings: Settings) -> Settings:
    return replace(settings, edge_secret=NEW, edge_secret_previous=OLD)


@pytest.fixture(scope="module")
def edge(
    base_settings: Settings, schema: None, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[int]:
    """nginx in front of the API while one secret is exchanged for the other: its port."""
    if not nginx.NGINX:
        pytest.skip("nginx is not installed")
    folder, ports = tmp_path_factory.mktemp("rotation"), Ports()
    settings = replace(rotating(base_settings), var_dir=folder, x_accel_redirect=True)
    for name, content in FILES.items():
        file = settings.media_root / "playback" / VIDEO / "v1" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
    with serving(create_app(container.build(settings))) as flask:
        behind = Behind(api_port=flask, media=settings.media_root, secret=NEW, previous_secret=OLD)
        with nginx.running(folder / "nginx", ports.of("NGINX"), behind):
            yield ports.of("NGINX")
    ports.close()


def link(secret: str, file: str, hours_ago: int = 0) -> str:
    then = container.now() - timedelta(hours=hours_ago)
    return Grants(secret=secret, now=lambda: then).path(VIDEO, f"v1/{file}", 60)


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("headers", [{}, {"range": "bytes=2-5"}], ids=["whole", "range"])
def test_links_of_both_secrets_play_behind_nginx(edge, name, headers):
    new, old = (
        ask(edge, link(secret, name), origin="https://player.example", **headers)
        for secret in (NEW, OLD)
    )
    assert new.status == old.status == (206 if headers else 200)
    assert {n: old.headers.get_all(n) for n in COMPARED} == {
        n: new.headers.get_all(n) for n in COMPARED
    }
    assert new.body == old.body == (FILES[name][2:6] if headers else FILES[name])


@pytest.mark.parametrize(
    ("secret", "hours_ago", "status"),
    [(NEW, 3, 410), (OLD, 3, 410), ("guessed", 0, 403), ("", 0, 403), ("x", 3, 403)],
)
def test_what_is_over_or_forged_is_refused_behind_nginx(edge, secret, hours_ago, status):
    for method in ("GET", "HEAD"):
        assert ask(edge, link(secret, "master.m3u8", hours_ago), method).status == status


def test_an_unset_secret_is_none_that_signs(settings):
    grants = container.build(replace(settings, edge_secret=NEW)).playback.grants
    forged = Grants(secret="", now=container.now).path(VIDEO, "v1/master.m3u8", 60)
    _, _, signature, expires, *_ = forged.split("/")
    with pytest.raises(Forbidden, match="not valid"):
        grants.check(signature, expires, VIDEO)


# The order of docs/rotating-secrets.md: accept the new one, sign with it, forget the old one.
STEPS = ((OLD, ""), (OLD, NEW), (NEW, OLD), (NEW, ""))


def test_no_step_of_a_rotation_refuses_what_processes_one_step_away_sign(settings):
    """Processes are replaced one by one, so that two steps are always under way."""
    steps = [
        container.build(
            replace(settings, edge_secret=secret, edge_secret_previous=previous)
        ).playback.grants
        for secret, previous in STEPS
    ]
    for one, next_one in itertools.pairwise(steps):
        for signer, reader in ((one, next_one), (next_one, one)):
            reader.check(*signer.path(VIDEO, "v1/master.m3u8", 60).split("/")[2:5])
    # Only the last step ends links: those of a secret that nobody knows any more.
    ended = steps[0].path(VIDEO, "v1/master.m3u8", 60).split("/")[2:5]
    with pytest.raises(Forbidden):
        steps[3].check(*ended)


# The signing key


def test_tokens_of_the_key_before_stay_good_next_to_the_new_one(settings, services, ann, add_video):
    video = add_video(ann)
    playback = services.catalogue.tokens.playback(ann.user.id, video)
    rotated = container.build(
        replace(settings, jwt_secret_key=OTHER_KEY, jwt_secret_key_previous=settings.jwt_secret_key)
    )
    client = create_app(rotated).test_client()
    answer = client.get(f"/stream/{video.id}?token={playback}", headers=ann.headers)
    assert answer.status_code == 200
    renewed: Any = client.post("/auth/refresh-token", json={"refresh_token": ann.refresh_token})
    assert renewed.status_code == 200
    token = renewed.json["token"]
    assert client.get("/auth/me", headers=bearer(token)).status_code == 200
    # Signed by the new one: who knows only the old one does not take it.
    old = create_app(container.build(settings)).test_client()
    failed(old.get("/auth/me", headers=bearer(token)), 401, "UNAUTHORIZED")


def test_without_the_key_before_its_tokens_are_over(settings, ann):
    rotated = container.build(replace(settings, jwt_secret_key=OTHER_KEY))
    with pytest.raises(Unauthorized):
        rotated.catalogue.tokens.read(ann.token, TokenType.ACCESS)


def test_links_of_a_derived_edge_secret_outlive_the_signing_key(settings):
    before = container.build(settings).playback.grants
    _, _, *link = before.path(VIDEO, "v1/master.m3u8", 60).split("/")[:5]
    rotated = replace(
        settings, jwt_secret_key=OTHER_KEY, jwt_secret_key_previous=settings.jwt_secret_key
    )
    container.build(rotated).playback.grants.check(*link)


def test_a_box_opens_what_the_secret_before_closed():
    closed = SecretsBox("old", "x").close("said")
    assert SecretsBox("new", "x", "old").open(closed) == "said"
    assert SecretsBox("new", "x").open(closed) is None
    assert SecretsBox("new", "y", "old").open(closed) is None
