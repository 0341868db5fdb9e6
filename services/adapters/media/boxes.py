"""The outermost boxes of an MP4 or QuickTime file (ISO/IEC 14496-12): whether it is whole."""

from __future__ import annotations

import struct
from pathlib import Path

# More than any file needs that is not made of fragments, whose headers promise nothing.
MOST = 64
LARGE_HEADER_BYTES = 16


def is_whole(path: Path) -> bool:
    """Whether each box ends within the file: what was cut off has the headers of the whole."""
    size_bytes, at = path.stat().st_size, 0
    with path.open("rb") as opened:
        for _ in range(MOST):
            opened.seek(at)
            header = opened.read(LARGE_HEADER_BYTES)
            if len(header) < LARGE_HEADER_BYTES // 2:
                return at == size_bytes
            (box_bytes,) = struct.unpack_from(">I", header)
            if box_bytes == 0:  # it lasts as long as the file
                return True
            if box_bytes == 1 and len(header) == LARGE_HEADER_BYTES:
                (box_bytes,) = struct.unpack_from(">Q", header, LARGE_HEADER_BYTES // 2)
            if box_bytes < LARGE_HEADER_BYTES // 2 or at + box_bytes > size_bytes:
                return False
            at += box_bytes
    return False
