"""What `python app.py` promises: it starts, stays up, stops, and leaves nothing behind."""

from __future__ import annotations

import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from pymongo import MongoClient, WriteConcern
from pymongo.collection import Collection
from pymongo.errors import PyMongoError
from redis import Redis

from embedded.servers import temporary
from tests.embedded_starts import CLEAN_END, StartedStack, mode_of, processes

pytestmark = [
    pytest.mark.stack,
    pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc"),
]


@pytest.fixture
def stack_in(tmp_path: Path) -> Iterator[Callable[..., StartedStack]]:
    started: list[StartedStack] = []

    def stack_in(name: str = "var", **settings: str) -> StartedStack:
        output = tmp_path / f"output-{len(started)}.txt"
        started.append(StartedStack(var_dir=tmp_path / name, output=output))
        return started[-1].go(**settings)

    yield stack_in
    for stack in started:
        stack.end()


def test_ctrl_c_leaves_no_process_and_no_port_behind(stack_in):
    stack = stack_in(STANDIN_PARENT="api").until_ready()
    family = stack.family()
    names = sorted(processes()[pid][2] for pid in family)
    assert len(family) == 10
    assert {"mongod", "nginx", "redis-server", "sleep"} < set(names)
    assert not stack.has_free_ports()
    assert stack.interrupt() == 0
    assert not family & set(processes())
    assert stack.has_free_ports()
    assert not (stack.var_dir / "run.env").exists()
    assert "Stopped." in stack.said()


def test_a_running_stack_can_be_found_by_its_owner_only(stack_in):
    stack = stack_in().until_ready()
    assert mode_of(stack.var_dir) == 0o700
    assert mode_of(stack.var_dir / "run.env") == 0o600
    found = stack.settings()
    assert found.mongo_url.endswith("/clutch_platform?directConnection=true")
    assert found.port == stack.ports()["PORT"]
    assert found.jwt_secret_key in (stack.var_dir / "secrets.env").read_text()
    assert Redis.from_url(found.redis_url).ping()
    with MongoClient(found.mongo_url) as client:
        assert client.admin.command("hello")["isWritablePrimary"]


def test_a_second_start_in_the_same_folder_is_refused(stack_in):
    stack_in().until_ready()
    second = stack_in()
    assert second.exit_code() == 1
    assert "CLUTCH already runs with the data in" in second.said()
    assert "VAR_DIR=var2 PORT=5001" in second.said()


def test_two_stacks_that_start_at_the_same_moment_run_side_by_side(stack_in):
    one, two = stack_in("one"), stack_in("two")
    ports = {*one.until_ready().ports().values(), *two.until_ready().ports().values()}
    assert len(ports) == 12


def test_a_port_that_is_taken_is_told_before_anything_starts(stack_in):
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        stack = stack_in(PORT=str(port))
        assert stack.exit_code() == 1
    assert f"Port {port} is taken by another program. Set PORT" in stack.said()
    assert not (stack.var_dir / "mongo").exists()


def test_a_killed_child_is_reported_and_started_again(stack_in):
    stack = stack_in().until_ready()
    for name in ("api", "scheduler", "redis-server"):
        pid = stack.pid_of(name)
        os.kill(pid, signal.SIGKILL)
        shown = name.removesuffix("-server")
        stack.until_says(f"{shown} ended unexpectedly: signal SIGKILL. It is started again in 0.2")
        stack.until_says(f"{shown} is back after")
        assert stack.pid_of(name) != pid
    assert "    api is here" in stack.said()


def insert_until_it_fails(collection: Collection[dict[str, Any]]) -> list[int]:
    """The `_id` of every document that was acknowledged."""
    acknowledged: list[int] = []
    # Between two of them a kill goes unnoticed: the next finds a new connection.
    deadline = time.monotonic() + 20
    try:
        while time.monotonic() < deadline:
            collection.insert_one({"_id": len(acknowledged)})
            acknowledged.append(len(acknowledged))
    except PyMongoError:
        pass
    return acknowledged


def test_a_killed_mongod_comes_back_on_its_port_with_every_acknowledged_write(stack_in):
    stack = stack_in().until_ready()
    killing = threading.Timer(0.4, lambda: os.kill(stack.pid_of("mongod"), signal.SIGKILL))
    with MongoClient(stack.settings().mongo_url, retryWrites=False) as client:
        safely = WriteConcern(w="majority", j=True)
        things = client.test.get_collection("things", write_concern=safely)
        things.insert_one({"_id": -1})
        killing.start()
        acknowledged = insert_until_it_fails(things)
        stack.until_says("mongod is back after")
        assert acknowledged
        assert things.count_documents({"_id": {"$in": acknowledged}}) == len(acknowledged)


def test_a_mongod_that_dies_while_the_rest_starts_is_started_again(stack_in):
    stack = stack_in(STANDIN_SLOW="api").until_says("Starting the API")
    os.kill(stack.pid_of("mongod"), signal.SIGKILL)
    stack.until_ready()
    stack.until_says("mongod is back after")


def test_a_second_ctrl_c_hurries_the_children_but_not_the_databases(stack_in):
    stack = stack_in(STANDIN_DEAF="worker").until_ready()
    family, began = stack.family(), time.monotonic()
    stack.process.send_signal(signal.SIGINT)
    stack.until_says("Stopping ...")
    stack.process.send_signal(signal.SIGINT)
    assert stack.exit_code() == 0
    assert time.monotonic() - began < 4.5  # one that is not hurried has 5 s
    assert not family & set(processes())
    log = (stack.var_dir / "logs" / "mongod.log").read_text()
    assert CLEAN_END in log


def test_a_killed_supervisor_leaves_no_process_and_the_next_start_works(stack_in):
    stack = stack_in().until_ready()
    family = stack.family()
    stack.process.kill()
    stack.process.wait()
    again = stack_in().until_ready()
    assert not family & set(processes())
    log = (stack.var_dir / "logs" / "mongod.log").read_text()
    assert CLEAN_END in log
    assert again.ports() == stack.ports()


def test_a_child_that_does_not_start_is_told_with_its_log(stack_in):
    stack = stack_in(STANDIN_BROKEN="realtime")
    assert stack.exit_code() == 1
    assert "realtime ended with exit code 1 instead of starting" in stack.said()
    assert "    realtime does not feel well" in stack.said()
    assert stack.has_free_ports()


def test_a_stop_while_starting_stops_what_has_started(stack_in):
    stack = stack_in()
    stack.until_says("Starting the API")
    assert stack.interrupt() == 0
    assert "CLUTCH is ready" not in stack.said()
    assert stack.has_free_ports()


def test_seeding_is_tried_until_it_succeeds_and_then_never_again(stack_in):
    failing = stack_in(SEED_ON_FIRST_START="true", STANDIN_BROKEN="seed").until_ready()
    assert "could not be added (exit code 1)" in failing.said()
    assert "    seed does not feel well" in failing.said()
    failing.interrupt()
    for is_first in (True, False):
        stack = stack_in(SEED_ON_FIRST_START="true").until_ready()
        assert ("adding the sample videos" in stack.said()) is is_first
        assert (stack.var_dir / "seeded").exists()
        stack.interrupt()


def test_configured_servers_are_used_and_none_are_started(stack_in, tmp_path):
    with temporary(tmp_path / "servers") as servers:
        urls = {"MONGO_URL": servers.mongo_url, "REDIS_URL": servers.redis_url}
        unsafe = stack_in(**urls)
        assert unsafe.exit_code() == 1
        assert "JWT_SECRET_KEY is not set" in unsafe.said()
        stack = stack_in(**urls, JWT_SECRET_KEY="x" * 32, WORKER_PROCESSES="2").until_ready()
        assert {processes()[pid][2] for pid in stack.children()} <= {"nginx", "python", "python3"}
        assert len(stack.children()) == 8
        assert not (stack.var_dir / "secrets.env").exists()
        assert stack.interrupt() == 0
