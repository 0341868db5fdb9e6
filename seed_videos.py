"""The seeding command line: 001's two videos, local files, or a demo catalogue of any size.

python seed_videos.py                               001's videos; again changes nothing
python seed_videos.py --file a.mp4 --file b.mkv     through the real pipeline
python seed_videos.py --dir ~/Movies
python seed_videos.py --users 1000 --videos 100000  rows for load tests
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

import click

from config import SettingError, Settings
from models.errors import ClutchError
from models.video import ProcessingStatus, Video
from services.container import OUTAGES, Services, build

POLL_SECONDS = 0.5
SUFFIXES = frozenset({".mp4", ".m4v", ".mov", ".avi", ".mkv", ".webm"})
FINAL = {ProcessingStatus.READY, ProcessingStatus.ERROR}


@click.command(help=__doc__)
@click.option(
    "--file", "files", multiple=True, type=click.Path(exists=True, dir_okay=False, path_type=Path)
)
@click.option("--dir", "folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--users", type=click.IntRange(0), default=0, help="Demo users to add.")
@click.option("--videos", type=click.IntRange(0), default=0, help="Demo videos to add.")
def main(files: tuple[Path, ...], folder: Path | None, users: int, videos: int) -> None:
    services = _services()
    found = [*files, *_videos_in(folder)]
    if folder and not found:
        raise click.ClickException(f"There is no video file in {folder}.")
    if not (found or users or videos):
        _seed_youtube(services)
    if users or videos:
        _seed_catalogue(services, users, videos)
    failed = [file for file in found if not _seed_file(services, file)]
    sys.exit(1 if failed else 0)


def _services() -> Services:
    settings = Settings.from_env()
    if settings.embedded:
        raise click.ClickException(
            "CLUTCH is not running here. Start it with `make run`, or set MONGO_URL and REDIS_URL."
        )
    services = build(settings.checked())
    services.prepare()
    return services


def _videos_in(folder: Path | None) -> list[Path]:
    inside = sorted(folder.iterdir()) if folder else []
    return [path for path in inside if path.suffix.lower() in SUFFIXES and path.is_file()]


def _seed_youtube(services: Services) -> None:
    for video in services.seeding.youtube():
        click.echo(f"{video.oid}  {video.title}")


def _seed_catalogue(services: Services, users: int, videos: int) -> None:
    with click.progressbar(length=users + videos, label="Demo catalogue") as bar:
        for written in services.seeding.catalogue(users, videos):
            bar.update(written)


def _seed_file(services: Services, path: Path) -> bool:
    """Upload one file and wait until it is processed; False, with the reason, if it cannot be."""
    try:
        page = services.seeding.upload(path)
    except ClutchError as refused:
        click.echo(f"{path.name}: {refused.message}", err=True)
        return False
    video = _wait(services, page.video, path.name)
    if video.processing_status is ProcessingStatus.ERROR:
        click.echo(f"{path.name}: {video.processing.error_message}", err=True)
        return False
    click.echo(f"{video.oid}  {video.title}")
    return True


def _wait(services: Services, video: Video, label: str) -> Video:
    """Follow the pipeline with a progress bar, as far as a worker takes it."""
    with click.progressbar(length=100, label=label) as bar:
        while video.processing_status not in FINAL:
            time.sleep(POLL_SECONDS)
            video = services.catalogue.videos.get(video.id) or video
            bar.update(int(video.processing.percent) - bar.pos)
        bar.update(100 - bar.pos)
    return video


if __name__ == "__main__":
    try:
        main()
    except SettingError as wrong:
        sys.exit(f"Seeding cannot start: {wrong}")
    except OUTAGES as lost:
        sys.exit(f"MongoDB or Redis does not answer ({type(lost).__name__}). Is CLUTCH running?")
