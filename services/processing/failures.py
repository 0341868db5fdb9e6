"""Why something could not be processed, in the tools' own words, for an administrator to read."""

from __future__ import annotations

import errno
import os
import re

from models.errors import BadMedia
from services.adapters.media.confined import ToolFailed

KEPT_CHARACTERS = 2000
# Where things lie on this machine, and addresses that carry a permit.
_ADDRESS = re.compile(r"\b[a-z][a-z0-9+.-]*://\S+")
_FOLDERS = re.compile(r"(?<![\w.])/(?:[^\s/:'\"]+/)+")
_CONTROLS = re.compile(r"[^\S\n ]|[\x00-\x09\x0b-\x1f\x7f]")

_FULL = (errno.ENOSPC, errno.EDQUOT)


def is_for_want_of_room(failure: BaseException) -> bool:
    """Whether a disk is full: that passes, and is no fault of what was processed."""
    if isinstance(failure, OSError):
        return failure.errno in _FULL
    words = (os.strerror(number) for number in _FULL)
    return isinstance(failure, ToolFailed) and any(word in str(failure) for word in words)


def details_of(failure: BaseException) -> str:
    """The end of what was said; of what is not a tool's, which may say too much, its kind."""
    said = failure.__cause__ if isinstance(failure, BadMedia) else failure
    if not isinstance(said, ToolFailed):
        return type(failure).__name__ if said is failure else ""
    text = _CONTROLS.sub(" ", str(said))
    return _FOLDERS.sub("…/", _ADDRESS.sub("…", text))[-KEPT_CHARACTERS:].strip()
