"""A video that somebody may not see any more falls silent for them, and for nobody else."""

from __future__ import annotations

import time
from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

import orjson
import pytest
from gevent.socket import socketpair
from pymongo.errors import AutoReconnect
from simple_websocket import ConnectionClosed, Server
from wsproto.connection import Connection, ConnectionType
from wsproto.events import Message

from blueprints.realtime.conversation import Conversation
from blueprints.realtime.hub import Hub
from models.user import Role
from models.video import Video, Visibility
from services.adapters.events import KEPT
from services.container import Services
from services.policies import Actor
from services.videos.catalogue import CatalogueService

CHANGED = {"type": "access_changed"}
COMMENT = {"type": "new_comment", "comment": {}}


@pytest.fixture
def hub() -> Hub:
    return Hub(KEPT, time.monotonic)


class Socket:
    """Both ends of a WebSocket whose handshake is done."""

    def __init__(self, services: Services, hub: Hub, token: str = "") -> None:
        inner, self._line = socketpair()
        connection = cast("Server", SimpleNamespace(sock=inner, ws=None))
        self._conversation = Conversation(connection, services, hub)
        self._protocol = Connection(ConnectionType.CLIENT)
        self._token = token

    def subscribe(self, channel: str) -> list[str]:
        said = orjson.dumps({"type": "subscribe", "channel": channel}).decode()
        self._line.sendall(self._protocol.send(Message(said)))
        self._line.shutdown(1)  # nothing more is said here, which ends `hold`
        with pytest.raises(ConnectionClosed):
            self._conversation.hold(self._token)
        return self.heard()

    def heard(self) -> list[str]:
        """The types of what has come since this was last asked."""
        return [event["type"] for event in self.events()]

    def events(self) -> list[dict[str, Any]]:
        self._line.settimeout(0.05)
        while True:
            try:
                self._protocol.receive_data(self._line.recv(65536))
            except TimeoutError:
                said = (e for e in self._protocol.events() if isinstance(e, Message))
                return [orjson.loads(event.data) for event in said]


def said_of(services: Services, video_id: str) -> list[dict[str, Any]]:
    told = services.events.recent()
    return [one.event for one in told if one.channel == f"video:{video_id}"]


def pass_on(services: Services, hub: Hub) -> None:
    """What a real-time server does with what was published."""
    for told in services.events.recent():
        hub.tell(told)


@pytest.mark.parametrize("hidden", ["private", "scheduled"])
def test_hiding_a_video_is_told_to_the_real_time_servers(services, client, ann, add_video, hidden):
    video, headers = add_video(ann), ann.headers
    when = {"publish_at": "2999-01-01T00:00:00Z"} if hidden == "scheduled" else {}
    path = f"/api/videos/{video.id}"
    assert client.patch(path, json={"title": "New"}, headers=headers).status_code == 200
    assert said_of(services, video.id) == []
    change = {"visibility": hidden, **when}
    assert client.patch(path, json=change, headers=headers).status_code == 200
    assert said_of(services, video.id) == [CHANGED]


@pytest.mark.parametrize("shown", ["public", "unlisted"])
def test_what_stays_open_to_who_listens_is_not(services, client, ann, add_video, shown):
    video = add_video(ann, visibility=Visibility.PRIVATE)
    path, change = f"/api/videos/{video.id}", {"visibility": shown}
    assert client.patch(path, json=change, headers=ann.headers).status_code == 200
    assert said_of(services, video.id) == []


def test_a_change_that_is_refused_is_not_told(services, client, ann, bob, add_video):
    video = add_video(ann)
    path, change = f"/api/videos/{video.id}", {"visibility": "private"}
    assert client.patch(path, json=change, headers=bob.headers).status_code == 403
    late = {**ann.headers, "If-Match": '"2001-01-01T00:00:00+00:00"'}
    assert client.patch(path, json=change, headers=late).status_code == 412
    assert said_of(services, video.id) == []


def test_who_may_not_see_it_any_more_hears_nothing_more(
    services, hub, client, ann, bob, join, add_video
):
    video, staff = add_video(ann), join("boss", role=Role.STAFF)
    channel = f"video:{video.id}"
    inside = [Socket(services, hub, person.token) for person in (ann, staff)]
    outside = [Socket(services, hub, bob.token), Socket(services, hub)]
    assert all(socket.subscribe(channel) == ["subscribed"] for socket in inside + outside)
    path, change = f"/api/videos/{video.id}", {"visibility": "private"}
    assert client.patch(path, json=change, headers=ann.headers).status_code == 200
    services.events.publish(channel, COMMENT)
    pass_on(services, hub)
    assert [socket.heard() for socket in inside] == [["new_comment"], ["new_comment"]]
    for socket in outside:
        assert socket.events() == [{"type": "unsubscribed", "channel": channel}]


def test_everybody_is_told_of_a_deletion_and_nothing_after_it(
    services, hub, client, ann, bob, add_video
):
    video = add_video(ann)
    channel = f"video:{video.id}"
    sockets = [Socket(services, hub, person.token) for person in (ann, bob)]
    assert all(socket.subscribe(channel) == ["subscribed"] for socket in sockets)
    client.delete(f"/api/videos/{video.id}", headers=ann.headers)
    services.events.publish(channel, COMMENT)
    pass_on(services, hub)
    assert [socket.heard() for socket in sockets] == [["deleted", "unsubscribed"]] * 2


def test_the_videos_of_a_closed_account_fall_silent(services, hub, client, ann, bob, add_video):
    video = add_video(ann)
    channel = f"video:{video.id}"
    socket = Socket(services, hub, bob.token)
    assert socket.subscribe(channel) == ["subscribed"]
    mine = {"password": "Passw0rd"}
    answer = client.delete("/api/users/me", json=mine, headers=ann.headers)
    assert answer.status_code == 200, answer.json
    services.deletion.run(ann.user.id)
    services.events.publish(channel, COMMENT)
    pass_on(services, hub)
    assert socket.heard() == ["deleted", "unsubscribed"]


def test_who_comes_back_is_not_told_what_was_for_the_servers(services, hub, ann, add_video):
    """Of a real-time server that was started after it was said."""
    video = add_video(ann)
    channel = f"video:{video.id}"
    for event in (COMMENT, CHANGED, COMMENT):
        services.events.publish(channel, event)
    first, changed, last = services.events.recent()
    hub.remember([first, changed])
    assert hub.last_id == changed.id
    hub.remember([last])
    assert len(hub.missed(channel, "0-1", None).frames) == 2


class Fallible:
    """A catalogue whose MongoDB may have a new primary to elect."""

    def __init__(self, catalogue: CatalogueService) -> None:
        self._catalogue, self.is_away = catalogue, False

    def visible(self, actor: Actor, reference: str) -> Video:
        if self.is_away:
            raise AutoReconnect
        return self._catalogue.visible(actor, reference)


def test_while_mongodb_is_away_it_falls_silent_and_the_others_go_on(services, hub, ann, add_video):
    video, other = add_video(ann), add_video(ann)
    channel, catalogue = f"video:{video.id}", Fallible(services.catalogue)
    socket = Socket(replace(services, catalogue=cast("Any", catalogue)), hub, ann.token)
    bystander = Socket(services, hub)
    socket.subscribe(channel)
    bystander.subscribe(f"video:{other.id}")
    catalogue.is_away = True
    services.events.publish(channel, CHANGED)
    services.events.publish(f"video:{other.id}", COMMENT)
    pass_on(services, hub)
    assert socket.heard() == ["unsubscribed"]
    assert bystander.heard() == ["new_comment"]
