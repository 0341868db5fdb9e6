"""/ws: news from whichever process has some, to whoever may hear it."""

from __future__ import annotations

import json
import os
import signal
import socket as sockets
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from redis import Redis
from redis.exceptions import RedisError
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection
from websockets.sync.client import connect as open_socket

from models.video import Video
from services import container
from services.adapters.events import Events
from tests.samples import big_buck_bunny
from tests.stack import Stack, free_port, wait_for

pytestmark = [pytest.mark.stack, pytest.mark.xdist_group("stack")]

COUNTERS = {"view_count": 3, "like_count": 2, "comment_count": 1}


@pytest.fixture(scope="module")
def token(stack: Stack) -> str:
    return stack.sign_in()


@pytest.fixture(scope="module")
def user_id(stack: Stack, token: str) -> str:
    return stack.call("/api/auth/me", token=token).json["user"]["id"]


@pytest.fixture(scope="module")
def events(stack: Stack) -> Events:
    """As any process of this CLUTCH publishes them."""
    return container.build(stack.settings()).events


@pytest.fixture(scope="module")
def video_id(stack: Stack, user_id: str) -> str:
    return public_video(stack, user_id).id


def public_video(stack: Stack, owner_id: str) -> Video:
    """One that nobody else of this CLUTCH has to do with."""
    services = container.build(stack.settings())
    demo = services.seeding._demo_video(0, [owner_id], container.now())
    services.catalogue.videos.add(demo)
    return demo


def connect(where: Stack | str, token: str = "") -> ClientConnection:
    url = where if isinstance(where, str) else f"ws{where.url.removeprefix('http')}/ws"
    headers = {"Authorization": f"Bearer {token}"} if token else None
    return open_socket(url, additional_headers=headers, legacy=True)


def say(socket: ClientConnection, message: Any) -> Any:
    socket.send(message if isinstance(message, str) else json.dumps(message))
    return hear(socket)


def hear(socket: ClientConnection, seconds: float = 30) -> Any:
    return json.loads(socket.recv(timeout=seconds))


def subscribe(socket: ClientConnection, channel: str, **more: Any) -> Any:
    return say(socket, {"type": "subscribe", "channel": channel, **more})


def update(video_id: str, **data: int) -> dict[str, Any]:
    return {"type": "video_update", "video_id": video_id, "data": data}


def test_the_socket_answers_where_the_api_does(stack: Stack):
    assert f"{stack.url.replace('http', 'ws')}/ws" in stack.output()


def test_an_owner_hears_of_every_step_until_ready(stack: Stack, token: str, user_id: str):
    socket, channel = connect(stack, token), f"user:{user_id}"
    answer = subscribe(socket, channel)
    assert answer.pop("event_id")
    assert answer == {"type": "subscribed", "channel": channel}
    video_id = stack.upload(big_buck_bunny(), token).json["id"]
    heard = []
    while not heard or heard[-1]["type"] != "ready":
        heard.append(hear(socket))
    assert {event["video_id"] for event in heard if "video_id" in event} == {video_id}
    kinds = [event["type"] for event in heard]
    assert kinds.index("playable") < kinds.index("ready")
    progress = [event["percent"] for event in heard if event["type"] == "processing"]
    assert progress == sorted(progress)
    socket.close()


def test_what_was_unsubscribed_is_not_heard(
    stack: Stack, token: str, user_id: str, video_id: str, events: Events
):
    socket, channel = connect(stack, token), f"user:{user_id}"
    subscribe(socket, channel)
    answer = say(socket, {"type": "unsubscribe", "channel": channel})
    assert answer == {"type": "unsubscribed", "channel": channel}
    subscribe(socket, f"video:{video_id}")
    events.publish(channel, {"type": "ready", "video_id": video_id})
    events.publish(f"video:{video_id}", update(video_id, **COUNTERS))
    assert hear(socket)["type"] == "video_update"
    socket.close()


def test_nobody_hears_what_is_somebody_elses(stack: Stack, user_id: str):
    for socket in (connect(stack, stack.sign_in()), connect(stack)):
        assert subscribe(socket, f"user:{user_id}")["code"] == "FORBIDDEN"
        socket.close()


@pytest.mark.parametrize("nonsense", ["{", "[]", '"subscribe"', "{}", '{"type": 5}', ""])
def test_nonsense_is_answered_and_the_socket_stays(stack: Stack, token: str, nonsense: str):
    socket = connect(stack, token)
    assert say(socket, nonsense)["code"] == "VALIDATION_ERROR"
    assert say(socket, {"type": "ping"}) == {"type": "pong"}
    socket.close()


@pytest.mark.parametrize("channel", ["video:", "user:", "videos", 7, None])
def test_what_is_no_channel_is_told(stack: Stack, channel: Any):
    socket = connect(stack)
    assert subscribe(socket, channel)["code"] == "VALIDATION_ERROR"
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


def test_who_says_too_much_is_shown_out(stack: Stack):
    socket = connect(stack)
    with pytest.raises(ConnectionClosed):
        pings(socket, 1000)


def pings(socket: ClientConnection, number: int) -> None:
    for _ in range(number):
        say(socket, {"type": "ping"})


def test_somebody_may_say_later_who_they_are(stack: Stack, token: str, user_id: str):
    socket = connect(stack)
    assert subscribe(socket, f"user:{user_id}")["code"] == "FORBIDDEN"
    answer = say(socket, {"type": "authenticate", "token": token})
    assert answer == {"type": "authenticated", "user_id": user_id}
    assert subscribe(socket, f"user:{user_id}")["type"] == "subscribed"
    assert say(socket, {"type": "authenticate", "token": "x"})["code"] == "UNAUTHORIZED"
    socket.close()


def test_a_token_in_the_query_is_as_good(stack: Stack, token: str, user_id: str):
    socket = connect(f"ws{stack.url.removeprefix('http')}/ws?token={token}")
    assert subscribe(socket, f"user:{user_id}")["type"] == "subscribed"
    socket.close()


def test_of_the_counters_one_hears_what_one_asked_for(stack: Stack, video_id: str, events: Events):
    all_of_it, likes = connect(stack), connect(stack)
    channel = f"video:{video_id}"
    subscribe(all_of_it, channel)
    assert subscribe(likes, channel, events=["like_count"])["events"] == ["like_count"]
    time.sleep(0.3)  # counters are told four times a second, the first of them at once
    events.publish(channel, update(video_id, **COUNTERS))
    heard = hear(all_of_it)
    assert heard.pop("event_id")
    assert heard == {"type": "video_update", "video_id": video_id, "data": COUNTERS}
    assert hear(likes)["data"] == {"like_count": 2}
    events.publish(channel, update(video_id, comment_count=5))
    events.publish(channel, {"type": "new_comment", "video_id": video_id, "comment": {}})
    assert hear(likes)["type"] == "new_comment"
    wrong = subscribe(likes, channel, events=["everything"])
    assert wrong["code"] == "VALIDATION_ERROR"
    for socket in (all_of_it, likes):
        socket.close()


def test_a_private_video_is_not_there_and_one_that_becomes_private_falls_silent(
    stack: Stack, token: str, user_id: str, events: Events
):
    demo = public_video(stack, user_id)
    channel = f"video:{demo.id}"
    stranger, own = connect(stack), connect(stack, token)
    assert subscribe(stranger, channel)["type"] == "subscribed"
    assert subscribe(own, f"video:{demo.oid}")["channel"] == channel
    change = {"visibility": "private"}
    path = f"/api/videos/{demo.id}"
    assert stack.call(path, change, token=token, method="PATCH").status == 200
    events.publish(channel, {"type": "new_comment", "video_id": demo.id, "comment": {}})
    assert hear(stranger) == {"type": "unsubscribed", "channel": channel}
    assert hear(own)["type"] == "new_comment"
    assert subscribe(stranger, channel)["code"] == "NOT_FOUND"
    assert subscribe(stranger, "video:no-such-video")["code"] == "NOT_FOUND"
    for socket in (stranger, own):
        socket.close()


def test_logging_out_ends_what_is_ones_own_on_an_open_socket(stack: Stack):
    token = stack.sign_in()
    me = stack.call("/api/auth/me", token=token).json["user"]["id"]
    socket = connect(stack, token)
    subscribe(socket, f"user:{me}")
    assert stack.call("/auth/logout", {}, token=token).status == 200
    assert hear(socket, 60)["type"] == "signed_out"
    assert hear(socket) == {"type": "unsubscribed", "channel": f"user:{me}"}
    socket.close()


@contextmanager
def another_process(stack: Stack, role: str, port: int, **more: str) -> Iterator[None]:
    """One more API or real-time server over the same MongoDB and Redis."""
    env = {**stack.run_env(), "VAR_DIR": str(stack.folder / role), "API_PROCESSES": "1", **more}
    process = subprocess.Popen([sys.executable, "app.py", role], env=env)
    try:
        wait_for(lambda: is_listening(port), 60)
        yield
    finally:
        process.terminate()
        process.wait(30)


def is_listening(port: int) -> bool:
    with sockets.create_connection(("127.0.0.1", port), timeout=1):
        return True


def test_an_event_of_any_process_reaches_the_subscribers_of_every_other(
    stack: Stack, video_id: str, events: Events
):
    port, channel = free_port(), f"video:{video_id}"
    with another_process(stack, "realtime", port, REALTIME_PORT=str(port), API_PORT="1"):
        here, there = connect(stack), connect(f"ws://127.0.0.1:{port}/ws")
        for socket in (here, there):
            subscribe(socket, channel)
        events.publish(channel, {"type": "live_stream", "video_id": video_id, "status": "live"})
        assert hear(here) == hear(there)
        for socket in (here, there):
            socket.close()


def test_who_comes_back_hears_what_was_said_meanwhile(stack: Stack, video_id: str, events: Events):
    channel, said = f"video:{video_id}", lambda n: {"type": "new_comment", "number": n}
    socket = connect(stack)
    subscribe(socket, channel)
    events.publish(channel, said(1))
    last = hear(socket)["event_id"]
    socket.close()
    for number in (2, 3):
        events.publish(channel, said(number))
    socket = connect(stack)
    answer = subscribe(socket, channel, last_event_id=last)
    assert [hear(socket)["number"] for _ in range(2)] == [2, 3]
    events.publish(channel, said(4))
    assert hear(socket)["number"] == 4
    assert answer["event_id"] > last
    assert subscribe(socket, channel, last_event_id="yesterday")["code"] == "VALIDATION_ERROR"
    subscribe(socket, channel, last_event_id="1-1")
    assert {hear(socket)["type"] for _ in range(1)} <= {"missed", "new_comment", "video_update"}
    socket.close()


def test_what_is_said_around_a_restart_of_redis_is_heard(
    stack: Stack, video_id: str, events: Events
):
    channel = f"video:{video_id}"
    socket = connect(stack)
    subscribe(socket, channel)
    redis = Redis.from_url(stack.settings().redis_url)
    pid = process_of(redis)
    assert pid
    events.publish(channel, {"type": "new_comment", "number": 1})
    time.sleep(1.2)  # what Redis was told is on its disk within a second
    os.kill(pid, signal.SIGKILL)
    wait_for(lambda: process_of(redis) not in {None, pid}, 60)
    events.publish(channel, {"type": "new_comment", "number": 2})
    assert [hear(socket)["number"] for _ in range(2)] == [1, 2]
    socket.close()


def process_of(redis: Redis) -> int | None:
    try:
        server: Any = redis.info("server")
    except RedisError:
        return None
    return server["process_id"]


def test_who_does_not_read_is_dropped_and_harms_nobody(stack: Stack, video_id: str, events: Events):
    channel, long = f"video:{video_id}", "x" * 50_000
    slow, quick = raw_socket(stack, channel), connect(stack)
    subscribe(quick, channel)
    heard: list[int] = []
    # More than the kernel keeps for who reads slowly; else it is the next ping that ends them.
    for number in range(150):
        events.publish(channel, {"type": "new_comment", "number": number, "text": long})
        heard.append(hear(quick)["number"])
    assert heard == list(range(150))
    assert eventually_closed(slow)
    quick.close()


def raw_socket(stack: Stack, channel: str) -> sockets.socket:
    """A client that subscribes and then never reads."""
    host, port = stack.url.removeprefix("http://").split(":")
    slow = sockets.socket()
    slow.setsockopt(sockets.SOL_SOCKET, sockets.SO_RCVBUF, 4096)
    slow.connect((host, int(port)))
    slow.sendall(
        b"GET /ws HTTP/1.1\r\nHost: clutch\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n\r\n"
    )
    assert b" 101 " in slow.recv(300)
    message = json.dumps({"type": "subscribe", "channel": channel}).encode()
    # Unmasked bytes are masked with zeros.
    slow.sendall(bytes([0x81, 0x80 | len(message), 0, 0, 0, 0]) + message)
    time.sleep(0.5)
    return slow


def eventually_closed(slow: sockets.socket) -> bool:
    slow.settimeout(30)
    try:
        while slow.recv(65536):
            pass
    except ConnectionResetError:
        return True
    return True
