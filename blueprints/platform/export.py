"""One's own data in one document: /api/users/me/export."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import orjson
from flask import Response, stream_with_context

from blueprints.http.caller import caller
from blueprints.http.context import services
from blueprints.http.dialect import FamilyBlueprint
from blueprints.http.shapes import Shape
from blueprints.platform.dialect import dialect
from blueprints.platform.schemas.export import (
    ExportedComment,
    ExportedInvitation,
    ExportedLiveStream,
    ExportedNotification,
    ExportedPlaylist,
    ExportedPlaylistItem,
    ExportedProfile,
    ExportedSession,
    ExportedShare,
    ExportedSubscription,
    ExportedVideo,
    ExportedView,
    ExportOut,
)
from blueprints.platform.schemas.membership import AuditEntryOut
from blueprints.platform.schemas.users import Preferences, Settings
from services.people.export import Export

export = FamilyBlueprint(dialect, "export", "/api/users", "All that is known of oneself.")

CHUNK_BYTES = 64 * 1024
HEADERS = {
    "Content-Disposition": 'attachment; filename="clutch-export.json"',
    "Cache-Control": "no-store",
}


@export.route("/me/export")
@export.response(200, ExportOut)
def mine() -> Response:
    """Download all that CLUTCH knows of oneself, as one JSON document (GDPR)."""
    chunks = _in_chunks(_written(services().export.of(caller())))
    return Response(stream_with_context(chunks), mimetype="application/json", headers=HEADERS)


def _written(found: Export) -> Iterator[bytes]:
    """The document in pieces, each of which is forgotten once it is sent."""
    once = {
        "exported_at": found.at,
        "profile": ExportedProfile().dump(found.user),
        "settings": Settings().dump(found.user.settings),
        "preferences": Preferences().dump(found.user.preferences),
        "subscriptions": ExportedSubscription().dump(found.user.subscriptions, many=True),
    }
    yield orjson.dumps(once)[:-1]
    yield from _list("sessions", ExportedSession(), found.sessions)
    yield from _list("invitations", ExportedInvitation(), found.invitations)
    yield from _list("videos", ExportedVideo(), found.videos)
    yield from _list("live_streams", ExportedLiveStream(), found.live_streams)
    yield from _list("watch_history", ExportedView(), found.history)
    yield from _list("comments", ExportedComment(), found.comments)
    yield from _list("playlists", ExportedPlaylist(), found.playlists)
    yield from _list("playlist_items", ExportedPlaylistItem(), found.playlist_items)
    yield from _list("shares", ExportedShare(), found.shares)
    yield from _list("notifications", ExportedNotification(), found.notifications)
    yield from _list("audit", AuditEntryOut(), found.audit)
    yield b"}"


def _list(name: str, shape: Shape, items: Iterable[object]) -> Iterator[bytes]:
    yield f',"{name}":['.encode()
    comma = b""
    for item in items:
        yield comma + orjson.dumps(shape.dump(item))
        comma = b","
    yield b"]"


def _in_chunks(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Few writes to the network, whatever the pieces are."""
    waiting = bytearray()
    for piece in pieces:
        waiting += piece
        if len(waiting) >= CHUNK_BYTES:
            yield bytes(waiting)
            waiting.clear()
    yield bytes(waiting)
