"""Films for tests of tracks: pictures under tones, so that it can be heard which sound plays."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from uuid import uuid4

from models.video import Video
from services.container import Services
from services.policies import Actor
from services.uploads.uploads import Details, Upload
from tests.conftest import Person
from tests.samples import AAC, X264, generate, picture

SRT = """1
00:00:01,000 --> 00:00:05,500
Hello & <i>welcome</i>

2
00:00:06,000 --> 00:00:11,500
Still here

3
00:10:00,000 --> 00:10:01,000
After the end
"""
VTT = """WEBVTT

00:01.000 --> 00:05.500
Hallo & <i>willkommen</i>

00:06.000 --> 00:11.500
Noch da
"""


def tone(hertz: int, seconds: float) -> str:
    return f"-f lavfi -i sine={hertz}:r=48000:d={seconds}"


def film(
    target: Path, seconds: float, tones: Sequence[tuple[int, str, str]], *, size: str = "640x360"
) -> Path:
    """A film with a sound for each (hertz, language, title); the second one is its default."""
    sounds = " ".join(tone(hertz, seconds) for hertz, _, _ in tones)
    maps = " ".join(f"-map {number + 1}:a" for number, _ in enumerate(tones))
    tags = " ".join(
        f"-metadata:s:a:{n} language={language}"
        f"{f' -metadata:s:a:{n} title={title}' if title else ''}"
        f" -disposition:a:{n} {'default' if n == min(1, len(tones) - 1) else '0'}"
        for n, (_, language, title) in enumerate(tones)
    )
    generate(f"{picture(size, seconds)} {sounds} -map 0:v {maps} {X264} {AAC} {tags}", target)
    return target


def member(services: Services) -> Actor:
    """Somebody new, with an account."""
    name = uuid4().hex
    user = services.accounts.sign_up(
        email=f"{name}@example.com", password="Passw0rd", display_name=name
    )
    return Actor(id=user.id, role=user.role)


def actor_of(person: Person) -> Actor:
    return Actor(id=person.user.id, role=person.user.role)


def upload(services: Services, owner: Actor, source: Path, *, drm_enabled: bool = False) -> str:
    """Have a film wait for a worker; answers its video's id."""
    path = services.storage.incoming() / f"test-{uuid4()}"
    path.write_bytes(source.read_bytes())
    page = services.uploads.create(
        owner,
        Upload(path=path, filename=source.name),
        Details(title="Film", drm_enabled=drm_enabled),
    )
    return page.video.id


def video_of(services: Services, video_id: str) -> Video:
    found = services.catalogue.videos.get(video_id)
    assert found
    return found
