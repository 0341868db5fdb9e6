"""MongoDB and Redis together: as the stack starts them, and for the length of a test run."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from embedded.children import Child
from embedded.errors import PortLost, StartFailed
from embedded.files import private_folder
from embedded.mongod import mongod
from embedded.ports import LOOPBACK, Ports
from embedded.redis_server import redis_server
from embedded.supervisor import Supervisor

TRIES = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Servers:
    """Where the two servers answer."""

    mongo_url: str
    redis_url: str


def mongo_url(port: int, database: str) -> str:
    return f"mongodb://{LOOPBACK}:{port}/{database}?directConnection=true"


def redis_url(port: int) -> str:
    return f"redis://{LOOPBACK}:{port}/0"


def start_on_free_ports(
    supervisor: Supervisor, ports: Ports, describe: Callable[[], Sequence[Child]]
) -> None:
    """Start the children that `describe` gives for the present ports, on others where one is lost.

    A port is free when it is chosen, but not always still when its server binds it.
    """
    for _ in range(TRIES):
        try:
            return supervisor.start(describe())
        except PortLost as lost:
            ports.move(lost.setting)
    raise StartFailed(f"{TRIES} times in a row a port was lost to another program while starting.")


@contextmanager
def temporary(
    folder: Path,
    *,
    database: str = "clutch_test",
    mongod_parameters: Mapping[str, str] | None = None,
) -> Iterator[Servers]:
    """MongoDB (a writable primary) and Redis with their data in `folder`, until the block ends.

    They are then killed, not stopped. Use from the main thread: see `die_with_parent`.
    """
    supervisor, ports = Supervisor(), Ports()
    private_folder(folder)

    def describe() -> list[Child]:
        mongo_log, redis_log = folder / "mongod.log", folder / "redis.log"
        return [
            mongod(
                folder / "mongo", mongo_log, ports.of("MONGO_PORT"), parameters=mongod_parameters
            ),
            redis_server(folder / "redis", redis_log, ports.of("REDIS_PORT")),
        ]

    try:
        start_on_free_ports(supervisor, ports, describe)
        yield Servers(
            mongo_url=mongo_url(ports.of("MONGO_PORT"), database),
            redis_url=redis_url(ports.of("REDIS_PORT")),
        )
    finally:
        supervisor.kill()
        ports.close()
