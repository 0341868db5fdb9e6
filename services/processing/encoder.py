"""FFmpeg and Packager, in the words of processing (services/adapters/media/ has them)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol

from services.adapters.media.encryption import Encryption
from services.processing.grid import Piece
from services.processing.inspection import Inspection
from services.processing.ladder import MediaInfo, Rendition
from services.processing.work import Work


class Encoder(Protocol):
    """Raises `BadMedia` where the file is to blame; anything else may work out another time."""

    def inspect(self, source: Path) -> MediaInfo: ...

    def inspecting(self, source: Path) -> AbstractContextManager[Inspection]: ...

    def poster(self, source: Path, info: MediaInfo, target: Path, *, seconds: int) -> None: ...

    def encode(
        self,
        source: Path,
        info: MediaInfo,
        renditions: tuple[Rendition, ...],
        folder: Path,
        *,
        with_audio: bool,
        on_progress: Callable[[float], None],
    ) -> None: ...

    def encode_growing(
        self,
        source: Path,
        info: MediaInfo,
        rendition: Rendition,
        folder: Path,
        *,
        with_audio: bool,
        on_segments: Callable[[Path, float], None],
    ) -> None: ...

    def encode_piece(
        self,
        source: Path,
        info: MediaInfo,
        piece: Piece,
        renditions: tuple[Rendition, ...],
        folder: Path,
        *,
        on_progress: Callable[[float], None],
    ) -> None: ...

    def join(
        self,
        made: Sequence[tuple[Piece, Path]],
        info: MediaInfo,
        rendition: Rendition,
        folder: Path,
    ) -> None: ...

    def progressive(self, video: Path, audio: Path | None, target: Path) -> None: ...


class Beside(Protocol):
    """What a video has beside its picture and main sound (services/tracks/of_source.py)."""

    def note(self, work: Work) -> None:
        """Say which sounds there are."""
        ...

    def make(self, work: Work) -> None:
        """Encode and store those sounds that are not the main one."""
        ...

    def storyboard(self, work: Work, lowest: Rendition) -> None:
        """Put small pictures of the lowest rendition where the packager finds them."""
        ...


class SegmentPackager(Protocol):
    def package(
        self,
        renditions: tuple[Rendition, ...],
        encoded_folder: Path,
        has_audio: bool,  # noqa: FBT001 - a fact about the media, always named by the caller
        target: Path,
        encryption: Encryption | None = None,
    ) -> None: ...
