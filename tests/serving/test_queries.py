"""Every query that CLUTCH sends: recorded as it happens, explained, and held to its indexes."""

from __future__ import annotations

import importlib
import io
import pkgutil
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from flask import Flask, request_started
from flask.testing import FlaskClient
from pymongo import monitoring
from pymongo.database import Database

from config import Settings
from models.video import Processing, ProcessingStatus, Rendition, Video
from services import container
from services.container import Services
from services.policies import VISITOR
from services.videos.catalogue import Query
from tests import visits
from tests.conftest import Clock
from tests.wire import MP4, NOBODY, bearer, sign_in

READS = {"find", "aggregate", "count", "distinct"}
WRITES = {"update", "delete", "findAndModify"}
GOOD_STAGES = {"IXSCAN", "COUNT_SCAN", "IDHACK", "EOF", "DISTINCT_SCAN"}
BAD_STAGES = {"COLLSCAN", "SORT", "SORT_KEY_GENERATOR", "TEXT_MATCH"}
# No index has both words and an order. A search puts a bounded number of videos in order.
SEARCH_STAGES = {"SORT", "TEXT_MATCH"}
# What belongs to the connection, and not to the query.
ENVELOPE = {
    "lsid", "txnNumber", "$db", "$clusterTime", "$readPreference", "writeConcern", "readConcern",
    "startTransaction", "autocommit",
}  # fmt: skip


class Recorder(monitoring.CommandListener):
    """Keeps the commands that clients made after it was registered send, while it is on."""

    def __init__(self) -> None:
        self.is_on = False
        self.commands: list[dict[str, Any]] = []

    def started(self, event: monitoring.CommandStartedEvent) -> None:
        if self.is_on and event.command_name in READS | WRITES | {"insert"}:
            self.commands.append({"name": event.command_name, **event.command})

    def succeeded(self, event: monitoring.CommandSucceededEvent) -> None: ...

    def failed(self, event: monitoring.CommandFailedEvent) -> None: ...

    def during(self, act: Callable[[], object]) -> list[dict[str, Any]]:
        """The commands that `act` causes."""
        self.is_on, self.commands = True, []
        try:
            act()
        finally:
            self.is_on = False
        return self.commands

    def names(self, act: Callable[[], object]) -> list[str]:
        return [command["name"] for command in self.during(act)]


@pytest.fixture(scope="module")
def registered() -> Recorder:
    recorder = Recorder()
    monitoring.register(recorder)
    return recorder


@pytest.fixture
def recorder(registered: Recorder) -> Recorder:
    registered.commands, registered.is_on = [], False
    return registered


@pytest.fixture
def services(recorder: Recorder, settings: Settings, clock: Clock) -> Services:
    """Connected after the recorder was registered, so that it hears them."""
    return container.build(settings, now=clock)


@pytest.fixture
def database(services: Services) -> Database:
    return services.catalogue.videos.collection.database


# Explaining


def explainable(command: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The command as `explain` takes it: one for each update or delete that it holds."""
    name = command["name"]
    kept = {k: v for k, v in command.items() if k not in ENVELOPE and k != "name"}
    if name in {"update", "delete"}:
        for part in kept[f"{name}s"]:
            yield {name: kept[name], f"{name}s": [part]}
    elif name != "insert":
        yield {name: kept.pop(name), **kept}


def stages(plan: Any) -> Iterator[str]:
    if isinstance(plan, dict):
        if isinstance(plan.get("stage"), str):
            yield plan["stage"]
        for key, value in plan.items():
            if key not in {"rejectedPlans", "slotBasedPlan", "command"}:
                yield from stages(value)
    elif isinstance(plan, list):
        for value in plan:
            yield from stages(value)


def number(found: Any, name: str) -> int:
    """The largest `name` anywhere in an explanation."""
    if isinstance(found, dict):
        own = found.get(name, 0)
        return max([own if isinstance(own, int) else 0, *(number(v, name) for v in found.values())])
    return max([number(v, name) for v in found], default=0) if isinstance(found, list) else 0


def explain(database: Database, query: dict[str, Any]) -> dict[str, Any]:
    return database.command("explain", query, verbosity="executionStats")


def check(database: Database, commands: list[dict[str, Any]]) -> None:
    for command in commands:
        for query in explainable(command):
            explained = explain(database, query)
            used = set(stages(explained))
            allowed = SEARCH_STAGES if "$text" in str(query) else set()
            assert not used & BAD_STAGES - allowed, (used, query)
            assert used & GOOD_STAGES, (used, query)


# What happens in CLUTCH


def watchable(services: Services, author_id: str, **fields: Any) -> Video:
    made = services.seeding._demo_video(0, [author_id], services.transcoding.now())
    values = {name: getattr(made, name) for name in made.__dataclass_fields__}
    video = Video(**values | fields)
    services.catalogue.videos.add(video)
    return video


def visit_everything(client: FlaskClient, services: Services, ann: Any) -> None:
    """Call every route of every family in the way that reaches furthest."""
    video = watchable(services, ann.user.id, has_poster=True, progressive="progressive/x.mp4")
    token = services.catalogue.tokens.playback(ann.user.id, video)
    get = lambda path: client.get(path, headers=ann.headers)  # noqa: E731 - short beside its uses
    mobile = {"name": "Joe", "email": "joe@example.com", "password": "Passw0rd"}
    client.get("/")
    client.post("/auth/signup", json=mobile)
    client.post("/auth/signup", json=mobile)
    client.post("/auth/login", json=mobile)
    client.post("/auth/login", json=mobile | {"password": "Wrong000"})
    client.post(
        "/api/auth/register",
        json={"username": "kim", "email": "kim@example.com", "password": "Passw0rd"},
    )
    tokens = sign_in(client, "kim")["tokens"]
    client.post("/api/auth/refresh", json={"refresh_token": tokens["refresh_token"]})
    client.post("/api/auth/refresh", json={"refresh_token": tokens["refresh_token"]})
    for path in ("/auth/me", "/api/auth/me", "/dashboard", "/api/videos", "/videos/feed"):
        get(path)
    for query in (
        "page=2",
        "category=music",
        "tags=live",
        "tags=live,short",
        "category=music&tags=live",
    ):
        for sort in ("latest", "popular", "trending"):
            get(f"/api/videos?limit=2&sort={sort}&{query}")
    for reference in (video.id, video.oid, NOBODY):
        for path in ("/api/videos/{}", "/videos/{}", "/api/videos/{}/thumbnail"):
            get(path.format(reference))
        for path in ("/video/{}/stream", "/stream/{}", "/api/videos/{}/stream"):
            get(f"{path.format(reference)}?token={token}")
    upload = {"title": "x", "file": (io.BytesIO(MP4), "x.mp4")}
    client.post("/api/videos", data=upload, headers=ann.headers)
    client.post("/auth/logout", headers=bearer(sign_in(client, "kim")["tokens"]["access_token"]))
    for found in pkgutil.iter_modules(visits.__path__):
        importlib.import_module(f"tests.visits.{found.name}").visit(client, services, ann)


def process(services: Services) -> None:
    """Every step of the pipeline's that speaks to MongoDB, and the sweeper's."""
    videos, now = services.catalogue.videos, services.transcoding.now()
    author = services.seeding.author().id
    waiting = {"processing_status": ProcessingStatus.UPLOADED, "playable": False}
    for end in ("finish", "fail", "release"):
        video = watchable(services, author, processing=Processing(lease_until=now), **waiting)
        videos.claim(video.id, end, now=now, until=now)
        videos.renew(video.id, end, until=now, stage="encoding", percent=1.0)
        videos.describe(video.id, end, {"duration_seconds": 1.0})
        renditions = (Rendition(name="360p", width=640, height=360),)
        videos.publish(video.id, end, version="v1", renditions=renditions, now=now, score=1.0)
        if end == "finish":
            videos.finish(video.id, end, progressive="progressive/x.mp4", now=now)
        elif end == "fail":
            videos.fail(video.id, end, code="x", message="x", now=now)
        else:
            videos.release(video.id, end, until=now, counted=True)
    list(videos.stalled(now))
    services.transcoding.sweep()


def test_every_query_of_every_route_uses_an_index(client, app, ann, services, recorder, database):
    list(services.seeding.catalogue(3, 300))
    visited: set[str] = set()

    def note(_sender: Flask, **_: Any) -> None:
        from flask import request  # noqa: PLC0415 - the request under way

        visited.add(request.endpoint or "")

    with request_started.connected_to(note, app):
        commands = recorder.during(lambda: visit_everything(client, services, ann))
    families = {e for e in app.view_functions if e.startswith(("platform_", "client_", "mobile_"))}
    assert families <= visited
    assert len(commands) > 60
    check(database, commands)


def test_every_query_of_the_pipeline_and_of_seeding_uses_an_index(services, recorder, database):
    list(services.seeding.catalogue(3, 300))
    commands = recorder.during(
        lambda: (
            process(services),
            services.seeding.youtube(),
            services.seeding.youtube(),
            list(services.seeding.catalogue(2, 3)),
        )
    )
    assert Counter(command["name"] for command in commands)["findAndModify"] >= 19
    check(database, commands)


# How much is read


FIRST_PAGES = (
    "/dashboard",
    "/dashboard?limit=50",
    "/videos/feed?limit=20",
    *(
        f"/api/videos?sort={sort}{query}"
        for sort in ("latest", "popular", "trending")
        for query in ("", "&category=music", "&tags=live", "&limit=50&tags=live&category=music")
    ),
)


@pytest.fixture
def look(services: Services, recorder: Recorder, client, ann, database) -> Callable:
    """Among 3,000 videos: ask for a page, and explain how its videos were found."""
    list(services.seeding.catalogue(5, 3000))

    def look(path: str) -> dict[str, Any]:
        def ask() -> None:
            assert client.get(path, headers=ann.headers).status_code == 200

        sent = recorder.during(ask)
        (find,) = [c for c in sent if c["name"] == "find" and c["find"] == "videos"]
        explained = explain(database, next(explainable(find)))
        assert not set(stages(explained)) & BAD_STAGES, path
        return explained["executionStats"]

    return look


def test_a_first_page_reads_no_more_than_it_shows(look):
    for path in FIRST_PAGES:
        stats = look(path)
        assert stats["nReturned"] >= 2, path
        assert stats["totalKeysExamined"] <= 1.2 * stats["nReturned"] + 3, path
        assert stats["totalDocsExamined"] <= stats["totalKeysExamined"] + 1, path


@pytest.mark.parametrize("query", ["", "&category=music", "&tags=live", "&tags=live,short"])
def test_a_page_far_down_reads_no_more_than_the_first(look, client, query):
    for sort in ("latest", "popular", "trending"):
        path = f"/api/videos?limit=50&sort={sort}{query}"
        cursor = ""
        for _ in range(8):
            cursor = client.get(f"{path}&cursor={cursor}").json["pagination"]["next_cursor"]
        stats = look(f"{path}&cursor={cursor}")
        assert stats["nReturned"] == 51, path
        assert stats["totalKeysExamined"] <= 2.5 * 51 + 10, path


def test_as_many_tags_as_fit_are_still_read_in_order(look, client):
    tags = ",".join(["live", "short", *(chr(0x100 + number) for number in range(28))])
    first = look(f"/api/videos?limit=50&tags={tags}")
    assert first["totalKeysExamined"] <= 1500
    answer = client.get(f"/api/videos?limit=50&tags={tags}")
    cursor = answer.json["pagination"]["next_cursor"]
    assert look(f"/api/videos?limit=50&tags={tags}&cursor={cursor}")["totalKeysExamined"] <= 1500


@pytest.mark.parametrize("path", ["/users/{}/videos?limit=50", "/api/users/{}/videos?page_size=50"])
def test_a_persons_list_reads_what_it_shows_for_everybody_on_every_page(
    look, client, services, path
):
    author = services.catalogue.list(VISITOR, Query(limit=1)).items[0].video.author_id
    path, cursor = path.format(author), ""
    for _ in range(11):
        stats = look(f"{path}&cursor={cursor}")
        assert stats["nReturned"] == 51
        assert stats["totalKeysExamined"] <= 2.5 * 51
        answer = client.get(f"{path}&cursor={cursor}")
        cursor = answer.headers.get("X-Next-Cursor") or answer.json["pagination"]["next_cursor"]


def test_the_sweeper_reads_only_what_is_unfinished(services, recorder, database):
    list(services.seeding.catalogue(5, 1000))
    for command in recorder.during(services.transcoding.sweep):
        for query in explainable(command):
            stats = explain(database, query)["executionStats"]
            assert number(stats, "totalKeysExamined") <= 5


# How many queries


@pytest.mark.parametrize(
    ("path", "commands"),
    [
        ("/dashboard?limit={}", ["find"]),
        ("/videos/feed?limit={}", ["find", "find"]),
        ("/api/videos?limit={}", ["find", "find", "aggregate"]),
    ],
)
@pytest.mark.parametrize("limit", [1, 50])
def test_a_page_costs_the_same_queries_whatever_its_length(
    client, ann, services, recorder, path, commands, limit
):
    list(services.seeding.catalogue(60, 60))
    sent = recorder.names(lambda: client.get(path.format(limit), headers=ann.headers))
    assert sorted(sent) == sorted(commands)


def test_a_list_asked_for_again_is_not_counted_again(client, ann, services, recorder):
    list(services.seeding.catalogue(2, 10))
    client.get("/api/videos")
    assert "aggregate" not in recorder.names(lambda: client.get("/api/videos?page=2&limit=5"))


@pytest.mark.parametrize(
    ("path", "most"),
    [
        # The video, its author, and what the caller thinks of it.
        ("/api/videos/{id}", 3),
        # With what is related to it, which is then remembered.
        ("/videos/{id}", 6),
        ("/api/videos/{id}/thumbnail", 1),
        # The video; and, for who has not just watched it, an entry in their unpaused history.
        ("/video/{id}/stream?token={token}", 4),
        ("/stream/{id}?token={token}", 4),
        ("/api/videos/{id}/stream?token={token}", 4),
        ("/auth/me", 1),
        ("/api/auth/me", 2),
    ],
)
def test_one_thing_costs_few_queries(client, ann, services, recorder, path, most):
    video = watchable(services, ann.user.id)
    token = services.catalogue.tokens.playback(ann.user.id, video)
    url = path.format(id=video.id, token=token)
    sent = recorder.names(lambda: client.get(url, headers=ann.headers))
    assert 1 <= len(sent) <= most


@pytest.mark.parametrize("path", ["/video/{}/stream", "/stream/{}", "/api/videos/{}/stream"])
def test_playing_again_within_a_minute_writes_nothing(client, ann, services, recorder, path):
    video = watchable(services, ann.user.id, progressive="progressive/x.mp4")
    token = services.catalogue.tokens.playback(ann.user.id, video)
    url = f"{path.format(video.id)}?token={token}"
    first = recorder.names(lambda: client.get(url, headers=ann.headers))
    # The video; whether their history is paused; the entry; how long it is.
    assert first == ["find", "find", "update", "find"]
    assert recorder.names(lambda: client.get(url, headers=ann.headers)) == ["find"]


def test_knowing_who_calls_costs_no_query_at_all(client, ann, services, recorder):
    assert recorder.names(lambda: services.sessions.authenticate(ann.token)) == []
    services.queue.rq.connection.flushdb()
    assert recorder.names(lambda: services.sessions.authenticate(ann.token)) == [
        "find",
        "find",
        "update",
    ]
    assert recorder.names(lambda: services.sessions.authenticate(ann.token)) == []


@pytest.mark.parametrize("path", ["/", "/healthz", "/docs", "/openapi.json", "/hls/a/b/c/d.m4s"])
def test_what_needs_no_database_asks_none(client, ann, recorder, path):
    assert recorder.names(lambda: client.get(path, headers=ann.headers)) == []


def test_an_upload_is_one_insert(client, ann, services, recorder):
    data = {"title": "x", "file": (io.BytesIO(MP4), "x.mp4")}
    sent = recorder.during(lambda: client.post("/api/videos", data=data, headers=ann.headers))
    names = Counter(command["name"] for command in sent)
    assert names["insert"] == 1
    # Beside it: the limits, the quota, when somebody was last active, and their name.
    assert sum(names.values()) <= 6


def test_a_catalogue_is_written_in_batches(services, recorder):
    sent = recorder.names(lambda: list(services.seeding.catalogue(20, 2500)))
    assert Counter(sent) == {"insert": 4, "update": 1}
