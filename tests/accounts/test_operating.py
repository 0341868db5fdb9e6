"""From a shell: the first admin, and `python app.py users ...`."""

from __future__ import annotations

import os
import pty
import re
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

import app
from embedded.ports import is_free
from models.errors import Conflict, Invalid
from models.user import Role
from services import container
from services.policies import OPERATOR
from tests.embedded_starts import StartedStack, eventually
from tests.stack import free_port, running, wait_for
from tests.wire import failed

ROOT = Path(__file__).parents[2]
SHOWN = re.compile(r"shown this once: (\S+)")


def first_admin(services):
    return services.operating.first_admin("admin", "admin@example.com", "")


# The first admin


def test_where_there_is_no_admin_one_is_made(services, client, ann):
    made = first_admin(services)
    assert (made.user.username, made.user.role) == ("admin", Role.ADMIN)
    assert len(made.password) >= 16
    login = {"login": "admin", "password": made.password}
    assert client.post("/api/auth/login", json=login).status_code == 200
    assert first_admin(services) is None


def test_a_password_that_was_chosen_is_not_told(services):
    made = services.operating.first_admin("admin", "admin@example.com", "Ch0sen-one")
    assert made.password is None
    assert services.accounts.passwords.matches("Ch0sen-one", made.user.password_hash)


def test_where_there_is_an_admin_nobody_is_made(services, join):
    join("root", role=Role.ADMIN)
    assert first_admin(services) is None
    assert services.accounts.users.by_login("admin") is None


def test_of_hosts_that_start_at_the_same_moment_one_makes_the_admin(settings):
    hosts = [container.build(settings) for _ in range(6)]
    together = threading.Barrier(len(hosts))

    def start(host):
        together.wait()
        return first_admin(host)

    with ThreadPoolExecutor(len(hosts)) as pool:
        made = [one for one in pool.map(start, hosts) if one]
    assert len(made) == 1
    assert len(list(hosts[0].administration.everybody(OPERATOR))) == 1


def test_a_name_that_is_somebody_elses_is_said(services, join):
    join("admin")
    with pytest.raises(Conflict):
        first_admin(services)
    with pytest.raises(Invalid):
        services.operating.first_admin("ab", "admin@example.com", "")
    with pytest.raises(Invalid):
        services.operating.first_admin("boss", "nonsense", "")
    with pytest.raises(Invalid):
        services.operating.first_admin("boss", "boss@example.com", "short")


# Commands


@pytest.fixture
def users(settings, tmp_path, monkeypatch) -> Callable[..., Result]:
    """Run `app.py users ...` against the test's servers."""
    values = {
        "MONGO_URL": settings.mongo_url,
        "REDIS_URL": settings.redis_url,
        "JWT_SECRET_KEY": settings.jwt_secret_key,
        "PASSWORD_PEPPER": settings.password_pepper,
        "BCRYPT_ROUNDS": "4",
        "VAR_DIR": str(tmp_path),
    }
    for name, value in values.items():
        monkeypatch.setenv(name, value)

    def run(*arguments: str) -> Result:
        return CliRunner().invoke(app.main, ["users", *arguments])

    return run


def test_users_are_created_and_a_password_is_told_once(users, client):
    made = users("create", "kim", "Kim@Example.com", "--role", "creator")
    assert made.exit_code == 0, made.output
    assert "kim <kim@example.com>  creator" in made.output
    (password,) = SHOWN.findall(made.output)
    login = {"login": "kim", "password": password}
    assert client.post("/api/auth/login", json=login).status_code == 200


def test_a_password_that_is_given_is_taken_and_not_shown(users, client):
    made = users("create", "kim", "kim@example.com", "--password", "Ch0sen-one")
    assert "Ch0sen-one" not in made.output
    assert not SHOWN.search(made.output)
    login = {"login": "kim", "password": "Ch0sen-one"}
    assert client.post("/api/auth/login", json=login).status_code == 200


def test_a_role_that_is_given_holds_at_once(users, client, ann):
    failed(client.get("/api/users", headers=ann.headers), 403, "FORBIDDEN")
    for who in ("ann", "Ann@example.com", ann.user.id, ann.user.oid):
        assert users("role", who, "admin").output == "ann is admin now.\n"
    assert client.get("/api/users", headers=ann.headers).status_code == 200


def test_a_reset_password_signs_out_everywhere_and_lifts_locks(users, client, ann):
    for _ in range(60):
        client.post("/api/auth/login", json={"login": "ann", "password": "Wrong000"})
    done = users("reset-password", "ann")
    (password,) = SHOWN.findall(done.output)
    failed(client.get("/auth/me", headers=ann.headers), 401, "UNAUTHORIZED")
    answer = client.post(
        "/api/auth/login",
        json={"login": "ann", "password": password},
        environ_overrides={"REMOTE_ADDR": "203.0.113.7"},
    )
    assert answer.status_code == 200
    chosen = users("reset-password", "ann", "--password", "Ch0sen-one")
    assert not SHOWN.search(chosen.output)


def test_users_are_listed(users, ann, join, services):
    join("root", role=Role.ADMIN)
    services.administration.set_active(OPERATOR, ann.user.id, is_active=False)
    everybody = users("list").output.splitlines()
    assert [line.split()[1:3] for line in everybody] == [["admin", "root"], ["viewer", "ann"]]
    assert everybody[1].endswith("ann <ann@example.com>  (deactivated)")
    assert len(users("list", "--role", "admin").output.splitlines()) == 1


def test_lists_of_any_length_are_shown(users, services):
    list(services.seeding.catalogue(1203, 0))
    assert len(set(users("list").output.splitlines())) == 1203


def test_the_first_admin_is_made_by_a_command(users):
    made = users("first-admin")
    assert "The first administrator is admin <admin@clutch.internal>." in made.output
    assert SHOWN.search(made.output)
    assert users("first-admin").output == ""


@pytest.mark.parametrize(
    ("arguments", "exit_code", "said"),
    [
        (("create", "ann", "new@example.com"), 1, "Username already taken"),
        (("create", "new", "ann@example.com"), 1, "Email already registered"),
        (("create", "x", "new@example.com"), 1, "3 to 30 letters"),
        (("create", "new", "nonsense"), 1, "Invalid email format"),
        (("create", "new", "new@example.com", "--password", "short"), 1, "8 characters at least"),
        (("create", "new", "new@example.com", "--role", "king"), 2, "king"),
        (("create", "new"), 2, "EMAIL"),
        (("role", "nobody", "admin"), 1, "There is no user nobody."),
        (("role", "root", "viewer"), 1, "last administrator"),
        (("role", "ann", "king"), 2, "king"),
        (("reset-password", "nobody"), 1, "There is no user nobody."),
        (("reset-password", "gone"), 1, "gone is deactivated"),
        (("dance",), 2, "dance"),
    ],
)
def test_what_goes_wrong_is_said_and_the_exit_code_tells(
    users, ann, join, services, arguments, exit_code, said
):
    join("root", role=Role.ADMIN)
    services.administration.set_active(OPERATOR, join("gone").user.id, is_active=False)
    result = users(*arguments)
    assert result.exit_code == exit_code, result.output
    assert said in result.output
    assert "Traceback" not in result.output


def test_without_a_running_clutch_it_is_said_how_to_have_one(users, monkeypatch):
    monkeypatch.setenv("MONGO_URL", "")
    result = users("list")
    assert result.exit_code == 1
    assert "CLUTCH is not running here" in result.output


def test_a_server_that_does_not_answer_is_said(users, monkeypatch, ann):
    monkeypatch.setenv("REDIS_URL", "redis://127.0.0.1:1/0")
    result = users("role", "ann", "staff")
    assert result.exit_code == 1
    assert "MongoDB or Redis does not answer" in result.output


def test_at_a_terminal_the_password_is_asked_for(settings, client, tmp_path):
    """With a terminal of its own, as a person has one; what is typed is not shown."""
    parent, terminal = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, str(ROOT / "app.py"), "users", "create", "kim", "kim@example.com"],
        env={**os.environ, **_servers(settings, tmp_path)},
        stdin=terminal,
        stdout=terminal,
        stderr=terminal,
        start_new_session=True,
    )
    os.close(terminal)
    said = b""
    for prompt in (b"generated):", b"confirmation:"):
        while prompt not in said:
            said += os.read(parent, 1024)
        os.write(parent, b"Ch0sen-one\n")
    assert process.wait(timeout=30) == 0
    said += os.read(parent, 1024)
    os.close(parent)
    assert b"kim@example.com" in said
    assert b"Ch0sen-one" not in said
    login = {"login": "kim", "password": "Ch0sen-one"}
    assert client.post("/api/auth/login", json=login).status_code == 200


def _servers(settings, folder: Path) -> dict[str, str]:
    return {
        "MONGO_URL": settings.mongo_url,
        "REDIS_URL": settings.redis_url,
        "JWT_SECRET_KEY": settings.jwt_secret_key,
        "PASSWORD_PEPPER": settings.password_pepper,
        "BCRYPT_ROUNDS": "4",
        "VAR_DIR": str(folder),
    }


# The API's own start


@pytest.fixture
def api_says(settings, tmp_path) -> Iterator[Callable[..., str]]:
    """What `app.py api` writes to its standard error while it starts, into a pipe or a file."""
    started: list[subprocess.Popen[bytes]] = []

    def start(*, into_a_file: bool = False, **values: str) -> str:
        port = free_port()
        env = {**os.environ, **_servers(settings, tmp_path), "PORT": str(port), **values}
        log = tmp_path / "stderr"
        with log.open("wb") as file:
            process = subprocess.Popen(
                [sys.executable, str(ROOT / "app.py"), "api"],
                env={**env, "API_PROCESSES": "1"},
                stderr=file if into_a_file else subprocess.PIPE,
                stdout=subprocess.DEVNULL,
            )
            started.append(process)
            # It makes the admin before it listens.
            eventually(lambda: not is_free(port, "127.0.0.1"), 40)
            process.terminate()
            said = process.communicate(timeout=30)[1]
        return log.read_text() if into_a_file else said.decode()

    yield start
    for process in started:
        process.kill()
        process.wait()


@pytest.mark.stack
def test_the_api_makes_the_first_admin_and_says_so_once(api_says, services):
    said = api_says()
    assert "The first administrator is admin" in said
    assert SHOWN.search(said)
    assert services.accounts.users.by_login("admin").role is Role.ADMIN
    assert "administrator" not in api_says()


@pytest.mark.stack
def test_the_api_writes_no_password_into_a_file(api_says, services):
    assert not SHOWN.search(api_says(into_a_file=True))
    assert services.accounts.users.by_login("admin") is None
    said = api_says(into_a_file=True, ADMIN_PASSWORD="Ch0sen-one")
    assert "The first administrator is admin" in said
    assert "Ch0sen-one" not in said


@pytest.mark.stack
def test_the_api_serves_also_where_no_admin_can_be_made(api_says, join):
    join("admin")
    assert "There is no administrator yet: Username already taken" in api_says()


# The embedded stack


@pytest.mark.stack
def test_a_first_start_shows_the_password_and_keeps_it_nowhere(tmp_path):
    with running(tmp_path, SEED_ON_FIRST_START="false") as stack:
        (password,) = SHOWN.findall(stack.output())
        login = {"login": "admin", "password": password}
        token = stack.call("/api/auth/login", login).json["tokens"]["access_token"]
        assert stack.call("/api/users", token=token).status == 200
    with running(tmp_path, SEED_ON_FIRST_START="false") as stack:
        wait_for(lambda: stack.output().count("ready in") == 2, 60)
        assert len(SHOWN.findall(stack.output())) == 1
        assert stack.call("/api/auth/login", login).status == 200
    for path in (tmp_path / "var").rglob("*"):
        assert not (path.is_file() and password.encode() in path.read_bytes()), path


@pytest.mark.stack
def test_a_first_admin_that_fails_does_not_stop_the_stack(tmp_path):
    stack = StartedStack(var_dir=tmp_path / "var", output=tmp_path / "output.txt")
    try:
        stack.go(STANDIN_BROKEN="users").until_ready()
        assert "No administrator could be made (exit code 1)" in stack.said()
        assert "    users does not feel well" in stack.said()
        assert not (stack.var_dir / "first-admin").exists()
        assert stack.interrupt() == 0
        stack.go().until_ready()
        assert "users is here" in stack.said()
        assert (stack.var_dir / "first-admin").exists()
    finally:
        stack.end()
