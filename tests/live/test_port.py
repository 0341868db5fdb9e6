"""The port that encoders call without an RTMP server before it: strangers, and what they cost."""

from __future__ import annotations

import os
import signal
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from threading import Event, Thread

import pytest

from embedded.ports import Ports
from models.video import LiveStatus
from services.adapters.rtmp import (
    CHANCE_SECONDS,
    CHUNK_BYTES,
    HELLO_BYTES,
    STRANGE_BYTES,
    Call,
    Door,
    Lobby,
)
from tests.camera import camera
from tests.live.ingesting import SECONDS, Ingest, ends, ingesting, settled, stored
from tests.live.streams import create, row, video_of
from tests.stack import wait_for
from workers.ingest import STRANGERS_PER_ADDRESS

pytestmark = pytest.mark.media

HELLO = b"\x03" + bytes(8) + os.urandom(HELLO_BYTES - 9)
HALF = HELLO[: HELLO_BYTES // 2]
# What nobody stops them from saying: more than is ever heard of a stranger.
FLOOD = HELLO + os.urandom(16 * 1024**2)


@pytest.fixture
def port() -> Iterator[int]:
    ports = Ports()
    yield ports.of("LIVE_PORT")
    ports.close()


@pytest.fixture
def ingest(settings, port) -> Iterator[Ingest]:
    with ingesting(settings, LIVE_PORT=str(port)) as ingest:
        wait_for(lambda: stranger(port).close() or True, SECONDS)
        yield ingest


def stranger(port: int, said: bytes = b"", source: str = "127.0.0.1") -> socket.socket:
    line = socket.create_connection(("127.0.0.1", port), SECONDS, source_address=(source, 0))
    with suppress(OSError):  # they do not listen to all of it
        line.sendall(said)
    return line


def hears_the_end(line: socket.socket) -> bool:
    """Whether they hang up, whatever they say before."""
    line.settimeout(SECONDS)
    with suppress(ConnectionError):
        while line.recv(64 * 1024):
            pass
    return True


def is_cut(line: socket.socket) -> bool:
    """Whether they have hung up already."""
    line.setblocking(False)
    try:
        while line.recv(64 * 1024):
            pass
    except BlockingIOError:
        return False
    except ConnectionError:
        pass
    return True


def is_alone(ingest: Ingest, threads: int) -> bool:
    """Whether nothing is left of anybody."""
    return (ingest.children(), ingest.folders()) == ([], []) and ingest.threads() <= threads


@contextmanager
def crowd(port: int, source: str, count: int, said: bytes) -> Iterator[None]:
    """So many who call again as soon as they are hung up on."""
    left = Event()

    def one() -> None:
        while not left.is_set():
            with suppress(OSError), closing(stranger(port, said, source)) as line:
                line.settimeout(0.5)
                while not left.is_set():
                    with suppress(TimeoutError):
                        if not line.recv(64 * 1024):
                            break
            left.wait(0.2)

    threads = [Thread(target=one) for _ in range(count)]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        left.set()
        for thread in threads:
            thread.join()


def test_who_says_no_rtmp_gets_no_ffmpeg_and_is_hung_up_on(ingest, port):
    before, seen = ingest.threads(), set[int]()
    with ExitStack() as strangers:
        lines = [
            strangers.enter_context(closing(stranger(port, said)))
            for said in (b"", b"GET / HTTP/1.1\r\nHost: here\r\n\r\n", b"\x03", HALF)
        ]
        wait_for(lambda: seen.update(ingest.children()) or all(map(is_cut, lines)), SECONDS)
    assert seen == set()
    wait_for(lambda: is_alone(ingest, before), SECONDS)


def test_who_says_rtmp_and_then_nothing_of_use_leaves_nothing(ingest, port):
    before, memory, seen = ingest.threads(), ingest.memory_bytes(), set[int]()
    with ExitStack() as strangers:
        silent, floods = (
            strangers.enter_context(closing(stranger(port, said))) for said in (HELLO, FLOOD)
        )
        wait_for(lambda: seen.update(ingest.children()) or is_cut(silent), SECONDS)
        assert hears_the_end(floods)
    assert seen
    wait_for(lambda: is_alone(ingest, before), SECONDS)
    assert ingest.memory_bytes() < memory + 32 * 1024**2


def test_a_stream_goes_on_whoever_else_calls(ingest, port, client, ann, services, settings):
    made = create(client, ann)
    with camera(f"rtmp://127.0.0.1:{port}/live/{made['stream_key']}"), ExitStack() as strangers:
        wait_for(lambda: video_of(services, made["video_id"]).playable, SECONDS)
        threads, (ffmpeg,) = ingest.threads(), ingest.children()
        for said in (b"", b"GET / HTTP/1.1\r\n\r\n", HALF, HELLO, FLOOD):
            for _ in range(6):
                strangers.enter_context(closing(stranger(port, said)))
        # Who gives way takes a moment to go.
        assert len(ingest.children()) <= 1 + 2 * STRANGERS_PER_ADDRESS
        seen = len(stored(settings, made["video_id"]))
        wait_for(lambda: len(stored(settings, made["video_id"])) > seen + 3, SECONDS)
        wait_for(lambda: ingest.children() == [ffmpeg], SECONDS)
        wait_for(lambda: len(ingest.folders()) == 1 and ingest.threads() <= threads, SECONDS)
        broadcast = row(services, made["video_id"])
        assert (broadcast.status, broadcast.sessions) == (LiveStatus.LIVE, 1)


def test_thirty_at_once_are_four_at_a_time(ingest, port):
    before = ingest.threads()
    with ExitStack() as strangers:
        lines = [strangers.enter_context(closing(stranger(port, HELLO))) for _ in range(30)]
        wait_for(lambda: sum(map(is_cut, lines)) >= 30 - STRANGERS_PER_ADDRESS, SECONDS)
        assert len(ingest.children()) <= 2 * STRANGERS_PER_ADDRESS
        wait_for(lambda: all(map(is_cut, lines)), SECONDS)
    wait_for(lambda: is_alone(ingest, before), SECONDS)


def test_an_encoder_gets_in_while_strangers_hang_on(ingest, port, client, ann, services):
    made = create(client, ann)
    url = f"rtmp://127.0.0.1:{port}/live/{made['stream_key']}"
    threads = ingest.threads()
    with crowd(port, "127.0.0.2", 30, HALF), ExitStack() as encoder:
        wait_for(lambda: ingest.threads() >= threads + STRANGERS_PER_ADDRESS, SECONDS)
        # It calls once.
        encoder.enter_context(camera(url))
        wait_for(lambda: video_of(services, made["video_id"]).playable, SECONDS)
        assert settled(lambda: row(services, made["video_id"]).status is LiveStatus.LIVE, 3)
        assert row(services, made["video_id"]).sessions == 1


def lobby_and_calls(door: Door, *sources: str) -> Iterator[tuple[Call, socket.socket]]:
    for source in sources:
        line = stranger(door.port, source=source)
        call = door.answer(SECONDS)
        assert call is not None
        yield call, line


@pytest.mark.parametrize(
    "sources",
    [["127.0.0.2"] * 2, ["127.0.0.2", "127.0.0.3", "127.0.0.4"]],
    ids=["of one address", "of all"],
)
def test_who_hangs_on_gives_way_once_they_had_their_chance(sources):
    lobby = Lobby(places=3, per_address=2)
    with closing(Door("127.0.0.1", 0)) as door, ExitStack() as open_lines:
        calls = list(lobby_and_calls(door, *sources, "127.0.0.2", "127.0.0.2"))
        for call, line in calls:
            open_lines.enter_context(closing(line))
            open_lines.callback(call.close)
        *inside, early, late = calls
        assert all(lobby.enter(call) for call, _ in inside)
        # Unless this machine is so slow that their chance is over.
        if not lobby.enter(early[0]):
            assert not any(is_cut(line) for _, line in inside)
        wait_for(lambda: lobby.enter(late[0]), SECONDS)
        assert hears_the_end(inside[0][1])
        assert lobby._inside[-1] is late[0]
        assert len(lobby._inside) == len(inside)


def test_who_calls_and_hangs_up_without_end_is_heard_now_and_then():
    lobby, began, heard = Lobby(places=8, per_address=2), time.monotonic(), 0
    with closing(Door("127.0.0.1", 0)) as door:
        while (seconds := time.monotonic() - began) < 2 * CHANCE_SECONDS:
            ((call, line),) = lobby_and_calls(door, "127.0.0.2")
            heard += lobby.enter(call)
            line.close()
            call.close()
    assert 2 < heard <= 2 * (seconds / CHANCE_SECONDS + 1)


def test_a_chance_is_shorter_than_all_patience():
    ours, theirs = socket.socketpair()
    with closing(ours), closing(theirs):
        assert Call(ours, "here").seconds_left > CHANCE_SECONDS


def test_who_is_known_is_no_stranger_any_more():
    lobby = Lobby(places=1, per_address=1)
    with closing(Door("127.0.0.1", 0)) as door, ExitStack() as open_lines:
        (first, a), (second, b) = lobby_and_calls(door, "127.0.0.1", "127.0.0.1")
        for ended in (a, b, first, second):
            open_lines.enter_context(closing(ended))
        assert lobby.enter(first)
        lobby.leave(first)
        assert lobby.enter(second)
        assert not is_cut(a)


def test_little_is_heard_of_a_stranger_and_all_of_who_is_known():
    said, heard = os.urandom(4 * STRANGE_BYTES), bytearray()
    with ExitStack() as open_lines:
        door = open_lines.enter_context(closing(Door("127.0.0.1", 0)))
        ffmpeg = open_lines.enter_context(socket.create_server(("127.0.0.1", 0)))
        ((call, line),) = lobby_and_calls(door, "127.0.0.1")
        for ended in (call, line):
            open_lines.enter_context(closing(ended))
        assert call.pass_to(ffmpeg.getsockname()[1])
        listener = open_lines.enter_context(ffmpeg.accept()[0])
        thread = Thread(target=line.sendall, args=(said,), daemon=True)
        thread.start()
        listener.settimeout(1)
        with suppress(TimeoutError):
            while more := listener.recv(CHUNK_BYTES):
                heard += more
        assert STRANGE_BYTES <= len(heard) < STRANGE_BYTES + CHUNK_BYTES
        call.is_known()
        listener.settimeout(SECONDS)
        while len(heard) < len(said) and (more := listener.recv(CHUNK_BYTES)):
            heard += more
        assert heard == said


def test_a_wrong_key_stores_nothing(ingest, port, client, ann, services, settings):
    made, before = create(client, ann), ingest.threads()
    for name in (f"{made['video_id']}?key=wrong", made["video_id"], "nothing", "?key="):
        with camera(f"rtmp://127.0.0.1:{port}/live/{name}") as process:
            assert ends(process) != 0
    wait_for(lambda: is_alone(ingest, before), SECONDS)
    broadcast = row(services, made["video_id"])
    assert (broadcast.status, broadcast.sessions) == (LiveStatus.WAITING, 0)
    assert stored(settings, made["video_id"]) == []


@pytest.mark.parametrize(
    "output",
    [
        ("-c:v", "flv1", "-c:a", "aac"),
        ("-c:v", "libx265", "-preset", "ultrafast", "-x265-params", "log-level=none"),
        ("-map", "1:a", "-c:a", "aac"),
    ],
    ids=["flv1", "hevc", "sound alone"],
)
def test_what_players_cannot_play_is_refused_with_a_reason(
    ingest, port, client, ann, services, settings, output
):
    made, before = create(client, ann), ingest.threads()
    with camera(f"rtmp://127.0.0.1:{port}/live/{made['stream_key']}", *output) as process:
        wait_for(lambda: row(services, made["video_id"]).problem, SECONDS)
        assert ends(process) != 0
    wait_for(lambda: is_alone(ingest, before), SECONDS)
    shown = client.get(f"/api/videos/{made['video_id']}/live", headers=ann.headers)
    assert "H.264" in shown.json["problem"]
    assert shown.json["status"] == "waiting"
    assert stored(settings, made["video_id"]) == []


def test_told_to_stop_it_lets_go_of_everybody(ingest, port, client, ann, services):
    made = create(client, ann)
    with (
        camera(f"rtmp://127.0.0.1:{port}/live/{made['stream_key']}") as process,
        closing(stranger(port, HELLO)),
    ):
        wait_for(lambda: video_of(services, made["video_id"]).playable, SECONDS)
        children = ingest.children()
        assert children
        ingest.process.send_signal(signal.SIGTERM)
        assert ingest.process.wait(SECONDS) == 0
        assert ends(process) != 0
    broadcast = row(services, made["video_id"])
    assert (broadcast.status, broadcast.lease) == (LiveStatus.OFFLINE, None)
    assert video_of(services, made["video_id"]).live_status is LiveStatus.OFFLINE
    assert not any(is_running(pid) for pid in children)
    assert ingest.folders() == []


def is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_what_a_killed_process_left_goes_in_time(ingest, port, client, ann, services, settings):
    made = create(client, ann)
    with camera(f"rtmp://127.0.0.1:{port}/live/{made['stream_key']}"):
        wait_for(lambda: video_of(services, made["video_id"]).playable, SECONDS)
        children = ingest.children()
        ingest.process.kill()
        ingest.process.wait(SECONDS)
    wait_for(lambda: not any(map(is_running, children)), SECONDS)
    (left,) = ingest.folders()
    new = left.with_name("in-new")
    new.mkdir()
    os.utime(left, (0, 0))
    with ingesting(settings, LIVE_PORT=str(port)):
        wait_for(lambda: ingest.folders() == [new], SECONDS)
