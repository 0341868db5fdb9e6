"""Request bodies that are files: how long they are, and that one that is too long is not read."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import wraps
from typing import Any, TypeVar

from flask import request

from blueprints.http.caller import caller
from blueprints.http.context import services
from blueprints.http.parsing import FORM
from models.errors import TooLarge
from services.tracks import captions, sounds
from services.uploads import pictures

View = TypeVar("View", bound=Callable[..., Any])

# What surrounds the file in a multipart body: the other fields, and the boundaries.
FORM_BYTES = 1024 * 1024
# A slow sender fills one in a second or two: of resumable uploads, only whole ones are acknowledged
# on the way.
PIECE_BYTES = 64 * 1024


def announced_bytes() -> int | None:
    """How long the body is; None where that is not said. Flask takes an empty text for 0."""
    return request.content_length if request.environ.get("CONTENT_LENGTH") else None


def pieces() -> Iterator[bytes]:
    """The body, as it comes."""
    while piece := request.stream.read(PIECE_BYTES):
        yield piece


def video_form(view: View) -> View:
    """For a form with a video in it: refused by its length alone, where that is enough."""
    return _first(_check_video, view)


def content_form(view: View) -> View:
    """For a form with new content for a video: also refused where nothing may be replaced."""

    def check() -> None:
        if request.mimetype == FORM:
            _check_content()
        _check_video()

    return _first(check, view)


def picture_form(view: View) -> View:
    """For a form with a picture in it."""

    def check() -> None:
        pictures.check_size(max(1, _least_bytes()))
        request.max_content_length = pictures.MAX_BYTES + FORM_BYTES

    return _first(check, view)


def caption_form(view: View) -> View:
    """For a form with a subtitle file in it."""
    return _first(lambda: _bound(captions.MAX_BYTES), view)


def sound_form(view: View) -> View:
    """For a form with a sound in it."""
    return _first(lambda: _bound(sounds.MAX_BYTES), view)


def _check_video() -> None:
    uploads = services().uploads
    uploads.check_announced(caller(), _least_bytes())
    request.max_content_length = uploads.max_bytes() + FORM_BYTES


def _check_content() -> None:
    """What will be asked again when the file is there, and is known before it has come."""
    replacing, video_id = services().replacing, (request.view_args or {})["video_id"]
    # A form that is put may be without a file, unless it is too long for that.
    if request.method == "POST" or _least_bytes() > 0:
        replacing.replaceable(caller(), video_id)
    else:
        replacing.editing.editable(caller(), video_id)


def _bound(most_bytes: int) -> None:
    if _least_bytes() > most_bytes:
        raise TooLarge(f"This file may have at most {most_bytes} bytes.")
    request.max_content_length = most_bytes + FORM_BYTES


def _least_bytes() -> int:
    """How many bytes the file of this form has at least."""
    return (announced_bytes() or 0) - FORM_BYTES


def _first(check: Callable[[], None], view: View) -> View:
    """`view`, but `check` is called before its arguments are read."""

    @wraps(view)
    def call(*positional: Any, **named: Any) -> Any:
        check()
        return view(*positional, **named)

    return call  # type: ignore[return-value]  # wraps: the same in all that is asked of it
