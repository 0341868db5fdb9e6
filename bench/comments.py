"""A thread of 100,000 comments beside one of 1,000: first page, last page, and one comment more.

Both are in one MongoDB and are asked in turn, through the whole of the API but for the socket. The
last page is found by its cursor; numbered pages do not reach so far.
"""

from __future__ import annotations

import random
import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from flask.testing import FlaskClient

from app import create_app
from bench.fresh import fresh
from blueprints.http.cursors import to_cursor
from models.comment import Comment, CommentSort
from models.comments import ORDERS
from models.documents import After, identity
from services.container import Services

SMALL, LARGE = 1_000, 100_000
ROUNDS = 60
LIMIT = 20
BATCH = 5_000
# Of them, so many are replies to the first one.
REPLIES = 0.2
MOST = 2.0


@dataclass(frozen=True)
class Thread:
    services: Services
    client: FlaskClient
    headers: dict[str, str]
    video_id: str
    size: int
    # The comment with very many replies.
    top_id: str

    def get(self, path: str) -> float:
        """Milliseconds until the answer."""
        return self._timed("GET", path)

    def post(self) -> float:
        return self._timed("POST", f"/api/videos/{self.video_id}/comments", {"content": "Nice."})

    def _timed(self, method: str, path: str, body: dict[str, Any] | None = None) -> float:
        started = time.perf_counter()
        answer = self.client.open(path, method=method, json=body, headers=self.headers)
        took = time.perf_counter() - started
        assert answer.status_code in {200, 201}, (path, answer.json)
        return took * 1000


Ask = Callable[[Thread], float]


def run(folder: Path, large: int = LARGE) -> None:
    limit = "100000000/hour"
    with fresh(folder, rate_limit_comments=limit, log_level="WARNING") as services:
        client = create_app(services).test_client()
        headers, author_id = _signed_up(client)
        list(services.seeding.catalogue(1, 2))
        ids = [doc["id"] for doc in services.catalogue.videos.collection.find({}, {"id": 1})]
        threads = [
            filled(services, client, headers, author_id, video_id, size)
            for video_id, size in zip(ids, (SMALL, large), strict=False)
        ]
        report(threads, {name: measured(ask, *threads) for name, ask in asked(threads).items()})


def _signed_up(client: FlaskClient) -> tuple[dict[str, str], str]:
    body = {"username": "bench", "email": "bench@example.com", "password": "Passw0rd"}
    answer: Any = client.post("/api/auth/register", json=body).json
    return {"Authorization": f"Bearer {answer['tokens']['access_token']}"}, answer["user"]["id"]


def filled(
    services: Services,
    client: FlaskClient,
    headers: dict[str, str],
    author_id: str,
    video_id: str,
    size: int,
) -> Thread:
    """Comments of some years, with the counters that they have."""
    comments, videos = services.comments.comments, services.catalogue.videos.collection
    made = _comments(services, video_id, author_id, size)
    first = next(made)
    batch, replies = [first], 0
    for comment in made:
        replies += comment.parent_comment_id is not None
        batch.append(comment)
        if len(batch) == BATCH:
            comments.add_many(batch)
            batch = []
    if batch:
        comments.add_many(batch)
    comments.collection.update_one({"id": first.id}, {"$set": {"reply_count": replies}})
    counted = {"comment_count": size, "thread_count": size - replies}
    videos.update_one({"id": video_id}, {"$set": counted})
    return Thread(services, client, headers, video_id, size, first.id)


def _comments(services: Services, video_id: str, author_id: str, size: int) -> Iterator[Comment]:
    chance, now = random.Random(size), services.comments.now()  # noqa: S311 - the same every time
    first = ""
    for number in range(size):
        new_id = services.comments.new_id()
        first = first or new_id
        at = now - timedelta(minutes=size - number)
        yield Comment(
            **identity(new_id),
            video_id=video_id,
            creator_id="somebody",
            user_id=author_id,
            parent_comment_id=first if number and chance.random() < REPLIES else None,
            content=f"Comment {number} of a long thread.",
            created_at=at,
            updated_at=at,
            like_count=int(chance.paretovariate(1.2)) - 1,
        )


def asked(threads: list[Thread]) -> dict[str, Ask]:
    path = "/api/videos/{}/comments?limit=20&sort={}"
    found: dict[str, Ask] = {}
    for sort in CommentSort:
        found[f"first page, {sort}"] = lambda t, s=sort: t.get(path.format(t.video_id, s))
        ends = {thread.video_id: last_page(thread, sort) for thread in threads}
        found[f"last page, {sort}"] = lambda t, s=sort, e=ends: t.get(
            path.format(t.video_id, s) + f"&cursor={e[t.video_id]}"
        )
    found["replies, first page"] = lambda t: t.get(f"/api/comments/{t.top_id}/replies?limit=20")
    found["002's list"] = lambda t: t.get(f"/videos/{t.video_id}/comments")
    found["one comment more"] = lambda t: t.post()
    return found


def last_page(thread: Thread, sort: CommentSort) -> str:
    """The cursor before a page's length from the end."""
    video = thread.services.catalogue.videos.get(thread.video_id)
    assert video
    (last,) = thread.services.comments.comments.listed(
        thread.video_id,
        None,
        sort=sort,
        after=None,
        skip=video.thread_count - LIMIT - 1,
        limit=1,
    )
    with thread.client.application.app_context():
        end = After(getattr(last, ORDERS[sort][0]), last.oid)
        return to_cursor(f"comments.{sort.value}", end) or ""


def measured(ask: Ask, *threads: Thread) -> tuple[float, ...]:
    """Median milliseconds of each, asked in turn."""
    for _ in range(8):
        for thread in threads:
            ask(thread)
    times: list[list[float]] = [[] for _ in threads]
    for _ in range(ROUNDS):
        for taken, thread in zip(times, threads, strict=True):
            taken.append(ask(thread))
    return tuple(statistics.median(taken) for taken in times)


def report(threads: list[Thread], found: dict[str, tuple[float, ...]]) -> None:
    small, large = threads
    print(f"{'ms, median':24}{small.size:>12,}{large.size:>12,}   times")
    for name, (few, many) in found.items():
        verdict = "" if many <= MOST * few else "   more than twice"
        print(f"{name:24}{few:12.2f}{many:12.2f}{many / few:8.2f}{verdict}")
