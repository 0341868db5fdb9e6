"""Pictures for videos, chosen by their owners: sent as a form (002), or to storage directly (000).

What is shown is made of what was sent, in several sizes, each version in a folder of its own that
is named after its upload. Which one is shown changes in one step, together with the end of the
upload; whatever else lies beside it is removed then, or when the upload expires.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from models.database import Transactions, Within
from models.direct_uploads import DirectUpload
from models.documents import identity
from models.errors import Conflict, Forbidden, Invalid, NotFound, TooLarge, UnsupportedFormat
from models.uploads import Described, UploadState
from models.video import Thumbnail, Video
from models.videos import Videos
from services.adapters.media.thumbnails import ACCEPTED, thumbnails
from services.adapters.storage import Storage
from services.people.activity import Activity
from services.policies import Actor, may_edit
from services.uploads.custody import Custody
from services.uploads.direct import Offer, Progress
from services.uploads.uploads import NOTHING_YET
from services.videos.keys import incoming_picture_key, keys_of, thumbnails_key
from services.videos.visible import visible

MAX_BYTES = 10 * 1024**2
ADDRESSES_LAST = timedelta(hours=1)
COMPLETED_WITHIN = timedelta(hours=2)
TYPES = frozenset({"image/jpeg", "image/png", "image/webp"})


@dataclass(frozen=True, slots=True, kw_only=True)
class NewPicture:
    """What is announced of a picture that is to be sent to storage."""

    filename: str
    size_bytes: int
    content_type: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PictureService:
    custody: Custody
    storage: Storage
    videos: Videos
    transactions: Transactions
    activity: Activity
    now: Callable[[], datetime]
    new_id: Callable[[], str]

    def request(self, actor: Actor, reference: str, new: NewPicture) -> Offer:
        """Say where to send a picture for this video (000).

        Raises `NotFound`, `Forbidden`, `Invalid`, `TooLarge` or `UnsupportedFormat`.
        """
        video = self._editable(actor, reference)
        check_size(new.size_bytes)
        if new.content_type not in TYPES:
            message = f"This is not a kind of picture that is accepted here: {ACCEPTED}."
            raise UnsupportedFormat(message, fields={"content_type": [f"Not {ACCEPTED}."]})
        upload = self.custody.begin(self._new(actor, video, new), 0)
        put = self.storage.presigned_put(
            incoming_picture_key(upload.id),
            new.size_bytes,
            new.content_type,
            int(ADDRESSES_LAST.total_seconds()),
        )
        return Offer(upload=upload, whole=put)

    def status(self, actor: Actor, upload_id: str) -> Progress:
        """How it stands. Raises `NotFound` or `Expired`."""
        upload = self.custody.own(actor, upload_id)
        if upload.state is UploadState.FINISHED:
            return Progress(upload=upload, received_bytes=upload.size_bytes)
        received = self.storage.head(incoming_picture_key(upload.id))
        return Progress(upload=upload, received_bytes=received)

    def complete(self, actor: Actor, upload_id: str) -> Video:
        """Show the picture that has arrived; asked again, the answer is the same.

        Raises as `DirectService.complete` and `replace` do.
        """
        upload = self.custody.usable(actor, upload_id)
        video = self._editable(actor, upload.video_id)
        if upload.state is UploadState.OPEN:
            with self.custody.held(upload) as lease:
                upload = self.custody.usable(actor, upload_id)
                if upload.state is UploadState.OPEN:
                    self._show_or_fail(upload, lease, lambda: self._arrived(upload))
        return self._shown(actor, video.id)

    def replace(self, actor: Actor, reference: str, path: Path) -> Video:
        """Show the picture in this file from now on (002).

        Raises `NotFound`, `Forbidden`, `UnsupportedFormat`, `TooLarge` (bytes or pixels) or
        `Invalid` (damaged), and then keeps nothing of it.
        """
        video = self._editable(actor, reference)
        size_bytes = path.stat().st_size
        check_size(size_bytes)
        made = thumbnails(path)
        new = NewPicture(filename="", size_bytes=size_bytes, content_type="")
        upload = self.custody.begin(self._new(actor, video, new), 0)
        with self.custody.held(upload) as lease:
            self._show_or_fail(upload, lease, lambda: made)
        return self._shown(actor, video.id)

    def abort(self, actor: Actor, upload_id: str) -> None:
        """Forget it and its bytes. Raises `NotFound`, `Expired`, `Conflict` or `Locked`."""
        self.custody.abort(actor, upload_id)

    def expire(self) -> int:
        return self.custody.expire()

    def _editable(self, actor: Actor, reference: str) -> Video:
        video = visible(actor, self.videos.get(reference))
        if not may_edit(actor, video):
            raise Forbidden("You can change the picture of your own videos only.")
        return video

    def _shown(self, actor: Actor, video_id: str) -> Video:
        self.activity.note(actor)
        video = self.videos.get(video_id)
        if video is None:
            raise NotFound("Video not found")
        return video

    def _show_or_fail(
        self, upload: DirectUpload, lease: str, make: Callable[[], dict[int, bytes]]
    ) -> None:
        try:
            self._show(upload, lease, make())
        except (Invalid, NotFound) as refused:
            self.custody.fail(upload, refused.message)
            raise

    def _arrived(self, upload: DirectUpload) -> dict[int, bytes]:
        key = incoming_picture_key(upload.id)
        found = self.storage.head(key)
        if found is None:
            raise Conflict(NOTHING_YET)
        if found != upload.size_bytes:
            message = f"{found} bytes arrived; {upload.size_bytes} were announced."
            raise Invalid(message, fields={"file_size": [message]})
        with self.storage.local(key) as path:
            return thumbnails(path)

    def _show(self, upload: DirectUpload, lease: str, made: dict[int, bytes]) -> None:
        self._store(upload, made)
        picture = Thumbnail(version=upload.id, sides=tuple(made))

        def work(within: Within) -> None:
            self.custody.finish(upload, lease, within)
            if not self.videos.show(upload.video_id, picture, self.now(), within):
                raise NotFound("Video not found")

        self.transactions.run(work)
        tidy(self.storage, self.videos, self.custody.uploads.state_of, upload)
        stored = sum(map(self.storage.size, keys_of(upload.video_id)))
        self.videos.weighed(upload.video_id, stored)

    def _store(self, upload: DirectUpload, made: dict[int, bytes]) -> None:
        folder = self.storage.incoming() / f"thumbnails-{self.new_id()}"
        folder.mkdir()
        try:
            for side, content in made.items():
                (folder / f"{side}.jpg").write_bytes(content)
            self.storage.adopt(folder, _version_key(upload))
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def _new(self, actor: Actor, video: Video, new: NewPicture) -> DirectUpload:
        now = self.now()
        return DirectUpload(
            **identity(self.new_id()),
            user_id=actor.id or "",
            video_id=video.id,
            size_bytes=new.size_bytes,
            described=Described(filename=new.filename, filetype=new.content_type, title=""),
            reservation=self.custody.quota.none_yet(),
            created_at=now,
            addresses_until=now + ADDRESSES_LAST,
            expires_at=now + COMPLETED_WITHIN,
        )


def check_size(size_bytes: int) -> None:
    """Raises `Invalid` or `TooLarge`."""
    if size_bytes == 0:
        raise Invalid("The picture is empty.", fields={"file": ["Empty."]})
    if size_bytes > MAX_BYTES:
        raise TooLarge(f"A picture may have at most {MAX_BYTES} bytes.")


def clear(storage: Storage, upload: DirectUpload) -> None:
    """Remove what was sent, and what may have been made of it already."""
    storage.remove(incoming_picture_key(upload.id))
    storage.remove(_version_key(upload))


def tidy(
    storage: Storage,
    videos: Videos,
    state_of: Callable[[str], UploadState | None],
    upload: DirectUpload,
) -> None:
    """Remove what was sent, and all versions that are neither shown nor just being made."""
    storage.remove(incoming_picture_key(upload.id))
    video = videos.get(upload.video_id)
    shown = video.thumbnail.version if video and video.thumbnail else ""
    above = f"{thumbnails_key(upload.video_id)}/"
    versions = {entry.key.removeprefix(above).split("/")[0] for entry in storage.entries(above)}
    for version in versions - {shown}:
        if state_of(version) is not UploadState.OPEN:
            storage.remove(above + version)


def _version_key(upload: DirectUpload) -> str:
    return f"{thumbnails_key(upload.video_id)}/{upload.id}"
