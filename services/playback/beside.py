"""What lies beside a video's HLS master: a DASH manifest, a storyboard, captions as files."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from models.tracks import Caption
from models.video import Video
from services.adapters.media.manifests import MANIFEST, TEXT_FILE
from services.tracks.presenting import is_early
from services.tracks.tidying import caption_folder


@dataclass(frozen=True, slots=True)
class CaptionFile:
    caption: Caption
    path: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Beside:
    """Paths at the edge, under the grant of the stream; None for what there is not."""

    dash_path: str | None = None
    storyboard_path: str | None = None
    captions: tuple[CaptionFile, ...] = ()


NOTHING = Beside()


def beside(video: Video, granted: Callable[[str], str]) -> Beside:
    """`granted` makes a path of what is relative to the video's folder."""
    made = video.presentation
    named = made.captions if made and made.folder == video.manifests else ()
    return Beside(
        # What grows while it plays has a master playlist and no more.
        dash_path=None if is_early(video) else granted(f"{video.manifests}/{MANIFEST}"),
        storyboard_path=granted(video.storyboard) if video.storyboard else None,
        captions=tuple(
            CaptionFile(caption, granted(f"{caption_folder(caption.id)}/{TEXT_FILE}"))
            for caption in video.captions
            if caption.id in named
        ),
    )
