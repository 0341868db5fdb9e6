"""`python app.py` from start to end: the servers, CLUTCH's own processes, and their stop."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import click

from config import SettingError, Settings
from embedded.bell import Bell
from embedded.children import Child
from embedded.errors import StartFailed, StopRequested
from embedded.files import private_folder
from embedded.first_admin import make_once
from embedded.front_door import Behind, front_door, program
from embedded.handover import (
    addresses,
    behind_nginx,
    edge_values,
    environment,
    run_file,
    secrets_for,
    write_run_file,
)
from embedded.limits import open_many_files
from embedded.lock import only_stack_in
from embedded.logs import rotate_folder
from embedded.mongod import mongod
from embedded.ports import Ports
from embedded.redis_server import redis_server
from embedded.report import ready_table
from embedded.roles import own_processes
from embedded.seeding import seed_once
from embedded.servers import start_on_free_ports
from embedded.supervisor import Supervisor

ROOT = Path(__file__).resolve().parent.parent


def run(
    settings: Settings,
    *,
    app: Path = ROOT / "app.py",
    seed_program: Path = ROOT / "seed_videos.py",
    say: Callable[[str], None] = click.echo,
) -> int:
    """Start everything, keep it running until a signal asks to stop, and give the exit code.

    `app` is run with the name of a role as its argument, `seed_program` at the first start.
    `settings` must not have been read from the run file of an earlier stack.
    """
    bell = Bell()
    with bell.listening():
        try:
            _run(settings, app, seed_program, Supervisor(bell=bell, say=say))
        except (StartFailed, SettingError) as problem:
            click.echo(str(problem).rstrip(), err=True)
            return 1
        except StopRequested:
            say("Stopped.")
    return 0


def _run(settings: Settings, app: Path, seed_program: Path, supervisor: Supervisor) -> None:
    private_folder(settings.var_dir)
    open_many_files()
    with only_stack_in(settings.var_dir, supervisor.bell, supervisor.say) as lock:
        Stack(
            settings=settings,
            app=app,
            seed_program=seed_program,
            supervisor=supervisor,
            nginx=program() if settings.front_door else None,
            ports=_ports(settings),
            lock=lock,
        ).run()


def _ports(settings: Settings) -> Ports:
    return Ports(
        configured={
            "PORT": settings.port,
            "API_PORT": settings.api_port,
            "REALTIME_PORT": settings.realtime_port,
            "MONGO_PORT": settings.mongo_port,
            "REDIS_PORT": settings.redis_port,
            "LIVE_PORT": settings.live_port,
        },
        hosts=dict.fromkeys(("PORT", "REALTIME_PORT", "LIVE_PORT"), settings.host),
        memory=settings.var_dir / "ports.json",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Stack:
    """All that runs over one VAR_DIR, whose `lock` is held."""

    settings: Settings
    app: Path
    seed_program: Path
    supervisor: Supervisor
    # What listens at PORT before the others; None where they listen by themselves.
    nginx: Path | None
    ports: Ports
    lock: int

    def run(self) -> None:
        """The whole story; ends with `StopRequested` or `StartFailed`."""
        began = time.monotonic()
        run_file(self.settings).unlink(missing_ok=True)  # of a stack that was killed
        secrets = secrets_for(self.settings)
        try:
            self.ports.of("PORT")  # if that is taken, say so before anything runs
            self._start_servers()
            # Before the API, which would make one itself, and say so in its log.
            make_once(self.settings, self.app, self._hand_over(secrets), self.supervisor)
            self._start_own_processes(secrets)
            self._seed(secrets)
            seconds = time.monotonic() - began
            self.supervisor.say(ready_table(self.settings, self._addresses, seconds))
            self.supervisor.watch(chores=partial(rotate_folder, self._logs))
        finally:
            self._stop()

    @property
    def _logs(self) -> Path:
        return self.settings.var_dir / "logs"

    @property
    def _addresses(self) -> dict[str, str]:
        return addresses(self.settings, self.ports, has_front_door=bool(self.nginx))

    def _start_servers(self) -> None:
        if self.settings.embedded:
            is_new = not (self.settings.var_dir / "mongo").exists()
            self.supervisor.say(f"{'Creating' if is_new else 'Opening'} the databases ...")
            start_on_free_ports(self.supervisor, self.ports, self._servers)

    def _servers(self) -> list[Child]:
        """Those of the two servers that are not configured."""
        folder, kept_open, servers = self.settings.var_dir, (self.lock,), list[Child]()
        if not self.settings.mongo_url:
            log, port = self._logs / "mongod.log", self.ports.of("MONGO_PORT")
            servers.append(mongod(folder / "mongo", log, port, kept_open=kept_open))
        if not self.settings.redis_url:
            log, port = self._logs / "redis.log", self.ports.of("REDIS_PORT")
            servers.append(redis_server(folder / "redis", log, port, kept_open=kept_open))
        return servers

    def _start_own_processes(self, secrets: Mapping[str, str]) -> None:
        self.supervisor.say("Starting the API, the real-time server, the worker, the scheduler ...")

        def describe() -> list[Child]:
            env = self._hand_over(secrets)
            own = own_processes(self.settings, self.app, env, self.ports)
            return [*own, *self._front_doors(secrets)]

        # First those that are called: loading beside the others would take them twice as long.
        start_on_free_ports(
            self.supervisor, self.ports, lambda: [child for child in describe() if child.port]
        )
        self.supervisor.start([child for child in describe() if not child.port])

    def _front_doors(self, secrets: Mapping[str, str]) -> list[Child]:
        if self.nginx is None:
            return []
        folder, port = self.settings.var_dir / "front", self.ports.of("PORT")
        behind = Behind(
            api_port=self.ports.of("API_PORT"),
            realtime_port=self.ports.of("REALTIME_PORT"),
            media=self.settings.media_root,
            values={**edge_values(self.settings), **secrets},
        )
        log = self._logs / "front-door.log"
        return [front_door(self.nginx, folder, log, self.settings.host, port, behind)]

    def _hand_over(self, secrets: Mapping[str, str]) -> dict[str, str]:
        """The environment of our processes; other shells find the servers through a file."""
        values = {**self._addresses, **secrets}
        if self.settings.embedded:
            write_run_file(self.settings, values)
        return environment(self.settings, {**values, **behind_nginx(self.settings, self.nginx)})

    def _seed(self, secrets: Mapping[str, str]) -> None:
        if self.settings.embedded:
            env = self._hand_over(secrets)
            seed_once(self.settings, self.seed_program, env, self.supervisor)

    def _stop(self) -> None:
        if self.supervisor.kept:
            self.supervisor.say("Stopping ...")
        self.supervisor.stop()
        run_file(self.settings).unlink(missing_ok=True)
        self.ports.close()
