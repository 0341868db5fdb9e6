"""The parts of the embedded stack: secrets, ports, the lock, logs, and the two servers."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from pymongo import MongoClient
from redis import Redis

from config import Settings
from embedded import programs
from embedded.bell import Bell
from embedded.errors import StartFailed
from embedded.keys import keys_for
from embedded.lock import only_stack_in
from embedded.logs import append_only, last_lines, rotate, rotate_folder
from embedded.mongod import mongod
from embedded.ports import Ports, is_free
from embedded.redis_server import redis_server
from embedded.report import ready_table
from embedded.servers import mongo_url, start_on_free_ports, temporary
from embedded.supervisor import Supervisor
from tests.embedded_starts import CLEAN_END, mode_of, processes

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")


def settings_in(folder: Path, **values: str) -> Settings:
    return Settings.from_env({"VAR_DIR": str(folder), **values})


@pytest.fixture
def supervisor() -> Iterator[Supervisor]:
    supervisor = Supervisor()
    yield supervisor
    supervisor.kill()


@pytest.fixture
def ports() -> Iterator[Ports]:
    ports = Ports()
    yield ports
    ports.close()


# Secrets


def test_secrets_are_generated_once_and_only_their_owner_reads_them(tmp_path):
    first = keys_for(settings_in(tmp_path))
    assert first == keys_for(settings_in(tmp_path))
    assert mode_of(tmp_path / "secrets.env") == 0o600
    assert sorted(first) == ["EDGE_SECRET", "JWT_SECRET_KEY", "PASSWORD_PEPPER"]
    assert len(set(first.values())) == 3
    assert min(map(len, first.values())) == 64


def test_a_configured_secret_wins_and_the_generated_one_is_kept(tmp_path):
    generated = keys_for(settings_in(tmp_path))
    configured = keys_for(settings_in(tmp_path, JWT_SECRET_KEY="mine"))
    assert configured == generated | {"JWT_SECRET_KEY": "mine"}
    assert keys_for(settings_in(tmp_path)) == generated


def test_a_secret_that_is_missing_from_the_file_is_added_to_the_others(tmp_path):
    (tmp_path / "secrets.env").write_text("PASSWORD_PEPPER=from-long-ago\n")
    assert keys_for(settings_in(tmp_path))["PASSWORD_PEPPER"] == "from-long-ago"
    assert (tmp_path / "secrets.env").read_text().count("\n") == 3


# Ports


def test_a_port_is_remembered_and_replaced_when_it_is_taken(tmp_path):
    memory = tmp_path / "ports.json"
    first = Ports(memory=memory)
    port = first.of("REDIS_PORT")
    first.close()
    again = Ports(memory=memory)
    assert again.of("REDIS_PORT") == port
    again.close()
    with socket.create_server(("127.0.0.1", port)):
        other = Ports(memory=memory)
        assert other.of("REDIS_PORT") != port
        other.close()


def test_a_memory_of_ports_that_cannot_be_read_is_no_obstacle(tmp_path):
    (tmp_path / "ports.json").write_text('{"REDIS_PORT": ["?"]}')
    ports = Ports(memory=tmp_path / "ports.json")
    assert is_free(ports.of("REDIS_PORT"))
    ports.close()


def test_two_stacks_are_never_given_the_same_port(ports):
    port = ports.of("MONGO_PORT")
    assert is_free(port)
    with pytest.raises(StartFailed, match=rf"Port {port} is taken .* MONGO_PORT={port + 1}"):
        Ports(configured={"MONGO_PORT": port}).of("MONGO_PORT")


def test_a_server_that_loses_its_port_while_starting_gets_another(tmp_path, supervisor, ports):
    lost = ports.of("REDIS_PORT")
    with socket.create_server(("127.0.0.1", lost)):
        start_on_free_ports(
            supervisor,
            ports,
            lambda: [redis_server(tmp_path / "redis", tmp_path / "log", ports.of("REDIS_PORT"))],
        )
    assert ports.of("REDIS_PORT") != lost
    assert Redis(port=ports.of("REDIS_PORT")).ping()


# The data folder's lock


def test_the_lock_of_a_killed_stack_is_waited_for_until_its_databases_are_done(tmp_path):
    said: list[str] = []
    with only_stack_in(tmp_path, Bell(), said.append) as lock:
        database = subprocess.Popen(["sleep", "300"], pass_fds=[lock])
    dead = subprocess.Popen(["true"])
    dead.wait()
    (tmp_path / "clutch.lock").write_text(str(dead.pid))
    threading.Timer(0.3, database.kill).start()
    with only_stack_in(tmp_path, Bell(), said.append):
        assert database.wait() == -signal.SIGKILL
    assert said == ["Waiting for the databases of an earlier run to finish writing ..."]


# Logs


def test_rotation_keeps_what_was_written_and_the_writer_goes_on(tmp_path):
    path = tmp_path / "api.log"
    with append_only(path) as log:
        for number in range(6):
            log.write(b"line %d\n" % number)
            rotate_folder(tmp_path, above_bytes=5 if number % 2 else 1000)
        log.write(b"last\n")
    assert path.read_text() == "last\n"
    kept = [(tmp_path / f"api.log.{number}").read_text() for number in (3, 2, 1)]
    assert kept == ["line 0\nline 1\n", "line 2\nline 3\n", "line 4\nline 5\n"]
    assert mode_of(tmp_path / "api.log.1") == 0o600


def test_only_three_old_logs_are_kept(tmp_path):
    for number in range(5):
        (tmp_path / "api.log").write_text(str(number))
        rotate(tmp_path / "api.log")
    old = {path.name: path.read_text() for path in tmp_path.iterdir()}
    assert old == {"api.log": "", "api.log.1": "4", "api.log.2": "3", "api.log.3": "2"}


def test_the_log_of_a_running_mongod_can_be_rotated(tmp_path, supervisor, ports):
    log = tmp_path / "mongod.log"
    supervisor.start([mongod(tmp_path / "mongo", log, ports.of("MONGO_PORT"))])
    before = log.read_bytes()
    rotate(log)
    supervisor.stop()
    assert (tmp_path / "mongod.log.1").read_bytes().startswith(before)
    after = log.read_text()
    assert after.startswith('{"t":')
    assert CLEAN_END in after


def test_the_end_of_a_log_is_shown_even_where_there_is_none(tmp_path):
    assert last_lines(tmp_path / "missing.log") == "    (no log)"
    (tmp_path / "long.log").write_text("".join(f"{number}\n" for number in range(20_000)))
    assert last_lines(tmp_path / "long.log", 2) == "    19998\n    19999"


# Servers


def test_a_missing_server_program_is_told_with_the_setting_that_does_without_it():
    with pytest.raises(StartFailed, match=r"no no-such-server .*(?s:.*) set MONGO_URL"):
        programs.find("no-such-server", package="no_such", inside="x", instead="MONGO_URL")


def test_temporary_servers_take_transactions_and_are_gone_afterwards(tmp_path):
    with temporary(tmp_path) as servers:
        with MongoClient(servers.mongo_url) as client, client.start_session() as session:
            with session.start_transaction():
                client.clutch_test.things.insert_one({}, session=session)
            assert client.clutch_test.things.count_documents({}) == 1
            port = client.address[1] if client.address else 0
        assert Redis.from_url(servers.redis_url).config_get("appendonly") == {"appendonly": "yes"}
    assert is_free(port)
    assert not any(str(tmp_path) in _command_line(pid) for pid in processes())


def _command_line(pid: int) -> str:
    path = Path(f"/proc/{pid}/cmdline")
    return path.read_text() if path.exists() else ""


def test_the_data_of_mongod_survives_a_change_of_its_port(tmp_path, supervisor, ports):
    for number in range(2):
        port = ports.of("MONGO_PORT")
        supervisor.start([mongod(tmp_path / "mongo", tmp_path / "log", port)])
        with MongoClient(mongo_url(port, "test")) as client:
            assert client.test.things.count_documents({}) == number
            client.test.things.insert_one({})
            assert client.admin.command("hello")["me"] == f"127.0.0.1:{port}"
        supervisor.stop()
        ports.move("MONGO_PORT")


def test_passwords_are_not_printed(tmp_path):
    settings = settings_in(tmp_path, HOST="::")
    addresses = {
        "MONGO_URL": "mongodb://me:hush@db/x",
        "REDIS_URL": "redis://r/0",
        "PORT": "1",
        "REALTIME_PORT": "2",
        "LIVE_PORT": "3",
    }
    table = ready_table(settings, addresses, 1.23)
    assert "mongodb://me:***@db/x" in table
    assert "rtmp://[::1]:3/live" in table
    assert "http://[::1]:1/docs" in table
    assert "ready in 1.2 s" in table
