"""FFmpeg's filter graphs, as text: any source picture becomes steady, square, 8-bit BT.709."""

from __future__ import annotations

from fractions import Fraction

from services.processing.ladder import MediaInfo, Rendition

HD_LINES = 720
# Kept bright: without it HDR looks washed out, with a plain conversion highlights are clipped.
TONE_MAP = (
    "zscale=t=linear:npl=100,format=gbrpf32le,zscale=p=bt709,tonemap=hable:desat=0"
    ",zscale=t=bt709:m=bt709:r=tv,format=yuv420p"
)
TO_BT709 = "out_color_matrix=bt709:out_range=tv,format=yuv420p"
AS_BT709 = "setparams=range=tv:colorspace=bt709:color_primaries=bt709:color_trc=bt709"
# JPEG knows nothing else (JFIF).
TO_JPEG = "scale=out_color_matrix=bt601:out_range=pc,format=yuvj420p"
# A decoder may end a frame early; what is more than this short is damage and shall show.
PADDING_SECONDS = 1.0
SOUND = "aresample=async=1:first_pts=0"


def renditions_graph(
    info: MediaInfo, renditions: tuple[Rendition, ...], rate: Fraction, lead_seconds: int = 0
) -> tuple[str, tuple[str, ...]]:
    """One decoded picture for all renditions, and the label of each rendition's end.

    The source is brought to the largest of them once; the others are made from that. What is shown
    in its first `lead_seconds` counts only as far as it is still shown after them.
    """
    largest = max(renditions, key=lambda rendition: rendition.width * rendition.height)
    common = ",".join(
        [
            *_repair(info),
            *([f"setpts=PTS-{lead_seconds}/TB"] if lead_seconds else []),
            f"fps={rate}:start_time=0",
            _resize(info, largest.width, largest.height),
            _until_the_end(info),
        ]
    )
    inner, ends = (
        [f"[{kind}{n}]" for n, _ in enumerate(renditions)] for kind in ("picture", "end")
    )
    branches = (
        f"{begin}scale={rendition.width}:{rendition.height}:flags=bicubic,setsar=1{end}"
        for begin, rendition, end in zip(inner, renditions, ends, strict=True)
    )
    split = f"[{info.video_stream}]{common},split={len(renditions)}{''.join(inner)}"
    return ";".join([split, *branches]), tuple(ends)


def poster_filters(info: MediaInfo, width: int, height: int, candidates: int) -> str:
    """The most ordinary of the first frames. Made small first: candidates are kept in memory."""
    small = _resize(info, width, height)
    return ",".join([*_repair(info), small, f"thumbnail=n={candidates}", TO_JPEG])


def sound_filters(info: MediaInfo) -> str:
    """In step with the picture, and as long: gaps and late starts become silence."""
    return f"{SOUND},apad=whole_dur={info.duration_seconds:.6f}"


def _repair(info: MediaInfo) -> list[str]:
    """What has to be known or undone before the picture is resized."""
    deinterlace = ["bwdif=mode=send_frame:deint=interlaced"] if info.interlaced else []
    return [*deinterlace, *_assumed_colors(info)]


def _assumed_colors(info: MediaInfo) -> list[str]:
    """Unlabelled pictures mean BT.709 in HD and BT.601 below; FFmpeg would say BT.601 to all.

    Left unlabelled, players would guess for each rendition by its own size.
    """
    if info.hdr:
        return ["setparams=color_primaries=bt2020:colorspace=bt2020nc"]
    if info.color_space is not None:
        return []
    is_hd = min(info.width, info.height) >= HD_LINES
    return [f"setparams=colorspace={'bt709' if is_hd else 'smpte170m'}"]


def _resize(info: MediaInfo, width: int, height: int) -> str:
    scale = f"scale={width}:{height}:flags=bicubic"
    converted = f"{scale},{TONE_MAP}" if info.hdr else f"{scale}:{TO_BT709}"
    return f"{converted},setsar=1,{AS_BT709}"


def _until_the_end(info: MediaInfo) -> str:
    """The last frame stays while the sound goes on: players stop where the picture does."""
    shown_seconds = info.duration_seconds if info.picture_seconds is None else info.picture_seconds
    seconds = info.duration_seconds - shown_seconds + PADDING_SECONDS
    return f"tpad=stop_mode=clone:stop_duration={seconds:.6f}"
