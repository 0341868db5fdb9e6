"""/ws: an owner hears how their upload fares, from whichever process says so."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection
from websockets.sync.client import connect as open_socket

from tests.samples import big_buck_bunny
from tests.stack import Stack, running

pytestmark = [pytest.mark.stack, pytest.mark.xdist_group("tour")]


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with running(tmp_path_factory.mktemp("realtime")) as stack:
        yield stack


@pytest.fixture(scope="module")
def token(stack: Stack) -> str:
    return stack.sign_in()


@pytest.fixture(scope="module")
def user_id(stack: Stack, token: str) -> str:
    return stack.call("/api/auth/me", token=token).json["user"]["id"]


def connect(stack: Stack, token: str = "") -> ClientConnection:
    found = re.search(r"ws://\S+/ws", stack.output())
    assert found
    headers = {"Authorization": f"Bearer {token}"} if token else None
    return open_socket(found[0], additional_headers=headers, legacy=True)


def say(socket: ClientConnection, message: Any) -> Any:
    socket.send(message if isinstance(message, str) else json.dumps(message))
    return hear(socket)


def hear(socket: ClientConnection, seconds: float = 30) -> Any:
    return json.loads(socket.recv(timeout=seconds))


def test_an_owner_hears_of_every_step_until_ready(stack: Stack, token: str, user_id: str):
    socket, channel = connect(stack, token), f"user:{user_id}"
    answer = say(socket, {"type": "subscribe", "channel": channel})
    assert answer == {"type": "subscribed", "channel": channel}
    video_id = stack.upload(big_buck_bunny(), token).json["id"]
    heard = []
    while not heard or heard[-1]["type"] != "ready":
        heard.append(hear(socket))
    assert {event["video_id"] for event in heard} == {video_id}
    kinds = [event["type"] for event in heard]
    assert kinds.index("playable") < kinds.index("ready")
    progress = [event["percent"] for event in heard if event["type"] == "processing"]
    assert progress == sorted(progress)
    socket.close()


def test_what_was_unsubscribed_is_not_heard(stack: Stack, token: str, user_id: str):
    socket, channel = connect(stack, token), f"user:{user_id}"
    say(socket, {"type": "subscribe", "channel": channel})
    answer = say(socket, {"type": "unsubscribe", "channel": channel})
    assert answer == {"type": "unsubscribed", "channel": channel}
    stack.finished(stack.upload(big_buck_bunny(), token).json["id"], token)
    with pytest.raises(TimeoutError):
        socket.recv(timeout=0)
    socket.close()


def test_nobody_hears_what_is_somebody_elses(stack: Stack, user_id: str):
    for socket in (connect(stack, stack.sign_in()), connect(stack)):
        answer = say(socket, {"type": "subscribe", "channel": f"user:{user_id}"})
        assert answer["code"] == "FORBIDDEN"
        socket.close()


@pytest.mark.parametrize("nonsense", ["{", "[]", '"subscribe"', "{}", '{"type": 5}', ""])
def test_nonsense_is_answered_and_the_socket_stays(stack: Stack, token: str, nonsense: str):
    socket = connect(stack, token)
    assert say(socket, nonsense)["code"] == "VALIDATION_ERROR"
    assert say(socket, {"type": "ping"}) == {"type": "pong"}
    socket.close()


def test_a_bad_token_is_told_and_shown_out(stack: Stack):
    socket = connect(stack, "not a token")
    assert hear(socket)["code"] == "UNAUTHORIZED"
    with pytest.raises(ConnectionClosed):
        socket.recv(timeout=5)


def test_a_message_that_is_too_long_ends_the_socket_and_no_other(stack: Stack, token: str):
    socket, other = connect(stack, token), connect(stack, token)
    socket.send("x" * 10_000)
    with pytest.raises(ConnectionClosed):
        socket.recv(timeout=5)
    assert say(other, {"type": "ping"}) == {"type": "pong"}
    other.close()
