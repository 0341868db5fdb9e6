"""Whose fault a failure is: refusals of files in words for their owners, or a case for a retry.

A message says what is wrong and what to do about it. Never a path, and never what FFmpeg printed:
both tell strangers about the machine.
"""

from __future__ import annotations

import signal

from models.errors import BadMedia
from services.adapters.media.confined import LimitReached, ToolFailed

ACCEPTED = "MP4, MOV, AVI, MKV or WEBM"
MESSAGES = {
    "empty": "The file is empty. Please upload it again.",
    "not_a_video": f"The file is not a video. Please upload {ACCEPTED}.",
    "unsupported_format": "This kind of file is not accepted."
    f" Please convert it to {ACCEPTED} and upload that.",
    "no_video_stream": "The file has no moving picture in it, only sound or a cover."
    " Please upload a video.",
    "too_long": "The video is longer than the {minutes} minutes that are accepted here."
    " Please shorten it.",
    "too_large_picture": "The picture is larger than 8192x4320 pixels, the largest accepted here."
    " Please export it smaller.",
    "truncated": "The file ends too early, as when an upload or a recording was cut off."
    " Please upload the complete file.",
    "damaged": "The file is damaged and its picture cannot be read."
    " Please export or record it again.",
    "too_slow": "The file takes far more work to read than a video should, so reading it was given"
    " up. Please export it again, for example as an MP4 with H.264.",
}
# A program that falls over a file will fall over it again.
CRASHES = {signal.SIGSEGV, signal.SIGBUS, signal.SIGFPE, signal.SIGABRT}


def refusal(reason: str, *, minutes: int = 0) -> BadMedia:
    """The error for one of the stable reasons above."""
    return BadMedia(reason, MESSAGES[reason].format(minutes=minutes))


def blame_limit(reached: LimitReached) -> Exception:
    """Work without end is the file's doing; a slow clock or a long file may be ours."""
    if reached.limit in {"cpu_seconds", "output"}:
        return refusal("too_slow")
    return ToolFailed(str(reached))


def blame_signal(returncode: int) -> Exception:
    """For a program that a signal ended: killed from outside, or by what it read."""
    if -returncode in CRASHES:
        return refusal("damaged")
    return ToolFailed(f"ended by signal {-returncode}")
