"""A film encoded in pieces by one, two and four workers beside the same encoding in one go.

Wall time is only as good as the machine has processors; processor time shows what the pieces cost.
Quality is VMAF against the source, of the largest rendition.
"""

from __future__ import annotations

import json
import resource
import subprocess
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from config import Settings
from services.adapters.media.ffmpeg import Ffmpeg
from services.adapters.media.tools import Tools, find_tools
from services.processing.grid import Piece, frames_of, pieces
from services.processing.ladder import MediaInfo, Rendition, frame_rate, ladder
from tests.npm import FILM
from tests.samples import generate

ROUNDS = 1
LOOPS = 2
PIECE_SECONDS = 10
WORKERS = (1, 2, 4)
VMAF_EVERY = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Film:
    source: Path
    info: MediaInfo
    renditions: tuple[Rendition, ...]
    cut: tuple[Piece, ...]
    ffmpeg: Ffmpeg

    @property
    def largest(self) -> str:
        return f"{self.renditions[-1].name}.mp4"


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    wall_seconds: float
    cpu_seconds: float
    folder: Path


def run(folder: Path) -> None:
    film = _film(folder)
    seconds = film.info.duration_seconds
    print(f"\nBig Buck Bunny, {seconds:.0f} s of 1080p, {len(film.cut)} pieces")
    print("| | wall, s | of one go | CPU, s | of one go | VMAF | frames | picture, s | sound, s |")
    print("| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |")
    first = _best([_whole(film, folder / f"whole{n}") for n in range(ROUNDS)])
    print(_row(film, "in one go", first, first), flush=True)
    for workers in WORKERS:
        made = _best([_joined(film, folder / f"{workers}-{n}", workers) for n in range(ROUNDS)])
        name = f"in pieces, {workers} worker{'s' * (workers > 1)}"
        print(_row(film, name, made, first), flush=True)
    print(f"\nExpected: {frames_of(film.info)} frames, {seconds:.3f} s.")


def _film(folder: Path) -> Film:
    folder.mkdir(parents=True)
    source = folder / "film.mp4"
    generate(f"-stream_loop {LOOPS - 1} -i {FILM} -c copy", source)
    settings = replace(Settings.from_env(), ffmpeg_threads=1)
    ffmpeg = Ffmpeg.from_settings(settings, find_tools(settings))
    info = ffmpeg.inspect(source)
    cut = pieces(info, seconds=PIECE_SECONDS, from_seconds=1)
    return Film(
        source=source,
        info=info,
        renditions=ladder(info, settings.renditions)[1:],
        cut=cut,
        ffmpeg=ffmpeg,
    )


def _whole(film: Film, folder: Path) -> Made:
    folder.mkdir()
    began, used = time.monotonic(), _cpu_seconds()
    film.ffmpeg.encode(
        film.source, film.info, film.renditions, folder, with_audio=True, on_progress=_ignore
    )
    return Made(
        wall_seconds=time.monotonic() - began, cpu_seconds=_cpu_seconds() - used, folder=folder
    )


def _joined(film: Film, folder: Path, workers: int) -> Made:
    """Sound is encoded once, by itself, as in the pipeline."""
    folder.mkdir()
    began = time.monotonic()
    with ProcessPoolExecutor(workers) as pool:
        used = sum(pool.map(partial(_piece, film, folder), film.cut))
    before = _cpu_seconds()
    film.ffmpeg.encode(film.source, film.info, (), folder, with_audio=True, on_progress=_ignore)
    for rendition in film.renditions:
        made = [(p, folder / str(p.number) / f"{rendition.name}.mp4") for p in film.cut]
        film.ffmpeg.join(made, film.info, rendition, folder)
    return Made(
        wall_seconds=time.monotonic() - began,
        cpu_seconds=used + _cpu_seconds() - before,
        folder=folder,
    )


def _piece(film: Film, folder: Path, piece: Piece) -> float:
    """One piece, in a process of its own; returns the processor time that it took."""
    apart, before = folder / str(piece.number), _cpu_seconds()
    apart.mkdir()
    film.ffmpeg.encode_piece(
        film.source, film.info, piece, film.renditions, apart, on_progress=_ignore
    )
    return _cpu_seconds() - before


def _row(film: Film, name: str, made: Made, first: Made) -> str:
    picture, frames = _probed(film.ffmpeg.tools, made.folder / film.largest)
    sound, _ = _probed(film.ffmpeg.tools, made.folder / "audio.mp4")
    wall, cpu = made.wall_seconds, made.cpu_seconds
    return (
        f"| {name} | {wall:.1f} | {wall / first.wall_seconds:.2f} | {cpu:.1f}"
        f" | {cpu / first.cpu_seconds:.2f} | {_vmaf(film, made):.2f} | {frames}"
        f" | {picture:.3f} | {sound:.3f} |"
    )


def _probed(tools: Tools, path: Path) -> tuple[float, int]:
    """How long a file lasts, and how many frames it has."""
    entries = ("-show_entries", "stream=duration,nb_frames", "-of", "json")
    answer = subprocess.run(
        [tools.ffprobe, "-v", "error", *entries, path], check=True, capture_output=True
    )
    (stream,) = json.loads(answer.stdout)["streams"]
    return float(stream["duration"]), int(stream["nb_frames"])


def _vmaf(film: Film, made: Made) -> float:
    report, rate = made.folder / "vmaf.json", frame_rate(film.info)
    size = f"scale={film.info.width}:{film.info.height}:flags=bicubic,fps={rate}"
    graph = f"[0:v]{size}[a];[1:v]{size}[b];[a][b]libvmaf=log_fmt=json:log_path={report.name}"
    subprocess.run(
        [
            *(film.ffmpeg.tools.ffmpeg, "-v", "error", "-i", film.largest, "-i", film.source),
            *("-lavfi", f"{graph}:n_subsample={VMAF_EVERY}", "-f", "null", "-"),
        ],
        check=True,
        cwd=made.folder,
    )
    return json.loads(report.read_text())["pooled_metrics"]["vmaf"]["mean"]


def _best(rounds: list[Made]) -> Made:
    return min(rounds, key=lambda made: made.wall_seconds)


def _cpu_seconds() -> float:
    """Of children that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _ignore(_done: float) -> None:
    pass
