"""What tests stand on: one MongoDB and one Redis per test process, emptied before each test."""

from __future__ import annotations

import datetime as dt
import gc
import itertools
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from flask import Flask
from flask.testing import FlaskClient
from pymongo import MongoClient
from redis import Redis

from app import GC_THRESHOLDS, create_app
from config import GIB, Settings
from embedded.servers import Servers, temporary
from models.database import Database
from models.documents import Document
from models.user import Role, User
from models.video import Video
from services import container
from services.accounts.sessions import Device
from services.container import Services
from tests.stack import Stack, running

MEMORY = Path("/dev/shm")  # noqa: S108 - mkdtemp makes a private folder of its own in it
# Of which the servers of one test process have been seen to take a tenth.
MEMORY_BYTES = 4 * GIB
SECRET = "a secret that is long enough for HS256, and known to every test"


class Clock:
    """The time as the services see it; a test moves it."""

    def __init__(self) -> None:
        self.ahead = dt.timedelta()

    def __call__(self) -> dt.datetime:
        return container.now() + self.ahead

    def forward(self, **delta: float) -> None:
        self.ahead += dt.timedelta(**delta)


@dataclass
class Person:
    """Somebody with an account who is signed in."""

    user: User
    token: str
    refresh_token: str
    headers: dict[str, str] = field(init=False)

    def __post_init__(self) -> None:
        self.headers = {"Authorization": f"Bearer {self.token}"}


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep each module in one process, which prepares once what its tests share."""
    for item in items:
        if item.get_closest_marker("xdist_group") is None:
            item.add_marker(pytest.mark.xdist_group(item.location[0]))


@pytest.fixture(scope="session", autouse=True)
def rarely_collected() -> None:
    """As in production (app.py): what was imported is never garbage."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*GC_THRESHOLDS)


@pytest.fixture(scope="session")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    # A query without an index is an error in every test, not only in those that look for it.
    strict = {"notablescan": "true"}
    with (
        _quickest_folder(tmp_path_factory) as folder,
        temporary(folder / "servers", mongod_parameters=strict) as running,
    ):
        yield running


@contextmanager
def _quickest_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """In memory where there is room: each write waits until it is on the disk otherwise."""
    if MEMORY.is_dir() and shutil.disk_usage(MEMORY).free > MEMORY_BYTES:
        _forget_the_killed()
        with TemporaryDirectory(dir=MEMORY, prefix=f"clutch-tests-{os.getpid()}-") as folder:
            yield Path(folder)
    else:
        yield tmp_path_factory.mktemp("servers")


def _forget_the_killed() -> None:
    """Memory that test processes which were killed still hold."""
    for left in MEMORY.glob("clutch-tests-*-*"):
        if not Path("/proc", left.name.split("-")[2]).exists():
            shutil.rmtree(left, ignore_errors=True)


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """The whole of CLUTCH, for everybody who can share one; its start takes half a minute of CPU.

    Who uses it is in the xdist group `stack`, leaves it running, and asks for nothing that others
    change; who needs another has a fixture of this name. A player may rest longer than a minute.
    """
    with running(tmp_path_factory.mktemp("stack"), STREAM_LEASE_SECONDS="600") as stack:
        yield stack


@pytest.fixture(scope="session")
def base_settings(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return Settings(
        mongo_url=servers.mongo_url,
        redis_url=servers.redis_url,
        var_dir=tmp_path_factory.mktemp("var"),
        jwt_secret_key=SECRET,
        password_pepper="pepper",
        bcrypt_rounds=4,
        # Tests change the database under the services; test_shelf.py has its own.
        shelf_seconds=0,
        api_threads=64,  # as many may race to sign in
        rate_limit_general="1000000/hour",
        rate_limit_auth="1000000/minute",
        rate_limit_upload="1000000/hour",
        rate_limit_comments="1000000/hour",
        x264_preset="ultrafast",
        log_level="WARNING",
    )


@pytest.fixture(scope="session")
def schema(base_settings: Settings) -> None:
    container.build(base_settings).prepare()


@pytest.fixture(scope="session")
def wipe(base_settings: Settings) -> Callable[[], None]:
    """Empties both servers."""
    client: MongoClient[Document] = MongoClient(base_settings.mongo_url)
    database = client[base_settings.database]
    redis = Redis.from_url(base_settings.redis_url)

    def empty() -> None:
        for name in _filled(database):
            database[name].delete_many({})
        redis.flushdb()

    return empty


def _filled(database: Database) -> list[str]:
    """The collections with something in them, asked at once: emptying each takes far longer."""

    def one_of(name: str) -> list[Document]:
        return [{"$limit": 1}, {"$project": {"_id": 0, "of": {"$literal": name}}}]

    names = database.list_collection_names()
    if not names:
        return []
    others = [{"$unionWith": {"coll": name, "pipeline": one_of(name)}} for name in names[1:]]
    return [found["of"] for found in database[names[0]].aggregate(one_of(names[0]) + others)]


@pytest.fixture
def settings(
    base_settings: Settings, schema: None, tmp_path: Path, wipe: Callable[[], None]
) -> Settings:
    """The settings of one test; override this fixture to test with others."""
    wipe()
    return replace(base_settings, var_dir=tmp_path)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def services(settings: Settings, clock: Clock) -> Services:
    return container.build(settings, now=clock)


# Laying out a hundred routes takes longer than most tests, and is the same for the same settings.
_APPS: dict[Settings, Flask] = {}
# An app is some ten megabytes, which each full garbage collection looks through.
MOST_APPS = 8


@pytest.fixture
def app(services: Services) -> Flask:
    """The API over this test's services. It may be an earlier test's: do not add to it."""
    # These name what a test started for itself, and are read by services alone.
    key = replace(services.settings, var_dir=Path(), supabase_url="", oidc_issuer="")
    # Who verifies signatures is decided when an app is made, and reads the clock.
    app = _APPS.pop(key, None)
    if app is None or services.signatures:
        app = create_app(services)
        app.testing = False  # what is not expected ends in the 500 handler, as in production
    app.extensions["clutch"] = services
    _APPS[key] = app
    if len(_APPS) > MOST_APPS:
        del _APPS[next(iter(_APPS))]
    return app


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()


@pytest.fixture
def join(services: Services) -> Callable[..., Person]:
    """Make somebody who is signed in; each call another person."""
    numbers = itertools.count(1)

    def sign_up(name: str = "", *, role: Role = Role.VIEWER) -> Person:
        name = name or f"person{next(numbers)}"
        user = services.accounts.sign_up(
            email=f"{name}@example.com", password="Passw0rd", display_name=name
        )
        if role is not Role.VIEWER:
            services.accounts.users.collection.update_one({"id": user.id}, {"$set": {"role": role}})
        signed_in = services.accounts.sign_in(
            login=user.email,
            password="Passw0rd",
            device=Device(),
            lifetime=dt.timedelta(hours=24),
        )
        return Person(signed_in.user, signed_in.access_token, signed_in.refresh_token)

    return sign_up


@pytest.fixture
def ann(join: Callable[..., Person]) -> Person:
    return join("ann")


@pytest.fixture
def bob(join: Callable[..., Person]) -> Person:
    return join("bob")


@pytest.fixture
def add_video(services: Services, clock: Clock) -> Callable[..., Video]:
    """Store a video as if it had been processed, with whatever fields a test wants."""

    def add(author: Person, **fields: object) -> Video:
        demo = services.seeding._demo_video(0, [author.user.id], clock())
        video = replace(demo, **fields)
        services.catalogue.videos.add(video)
        return video

    return add


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print what tests measured, after their verdicts."""
    for report in terminalreporter.stats.get("passed", []):
        for name, value in report.user_properties:
            terminalreporter.write_line(f"{name}: {value}")
