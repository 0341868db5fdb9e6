"""What is known of a source: at once what its headers promise, and later what is really in it.

To find out how long picture and sound last, all of a file has to be read, which takes the longer
the longer it is. Its first minutes can be encoded, and watched, meanwhile.
"""

from __future__ import annotations

from concurrent.futures import Future
from dataclasses import dataclass, replace

from services.processing.ladder import MediaInfo

# The last picture stays for a second in any case (`PADDING_SECONDS` of the filters).
TAIL_SECONDS = 0.5


class BrokenPromise(Exception):
    """What was begun on the word of the headers has to be begun again."""


@dataclass(frozen=True, slots=True)
class Inspection:
    """`promised` is None where headers do not say enough, or are known to be wrong."""

    _found: Future[MediaInfo]
    promised: MediaInfo | None = None

    @property
    def is_done(self) -> bool:
        return self._found.done()

    def found(self) -> MediaInfo:
        """What the source is, as soon as that is known. Raises `BadMedia`."""
        return self._found.result()

    def check(self) -> None:
        """Raises what is wrong as far as is known by now: `BadMedia` or `BrokenPromise`."""
        if self.is_done and self.promised and not _is_kept(self.promised, self.found()):
            raise BrokenPromise

    @classmethod
    def of(cls, info: MediaInfo) -> Inspection:
        """Of what is known already."""
        known: Future[MediaInfo] = Future()
        known.set_result(info)
        return cls(known)


def _is_kept(promised: MediaInfo, found: MediaInfo) -> bool:
    """Whether both would be encoded the same way."""
    missing_seconds = (promised.picture_seconds or 0) - (found.picture_seconds or 0)
    unimportant = {
        "picture_seconds": found.picture_seconds,
        "longest_gap_seconds": found.longest_gap_seconds,
    }
    return replace(promised, **unimportant) == found and missing_seconds <= TAIL_SECONDS
