"""Social tables: what is asked of a small number of rows, beside the same of a very large one.

Each table is a function; rows are written straight into MongoDB, and the API is asked without a
socket. Figures of the large side should be within twice those of the small one.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from itertools import islice
from pathlib import Path

from flask.testing import FlaskClient

from app import create_app
from bench.fresh import fresh
from blueprints.http.cursors import to_cursor
from models.documents import After, identity, to_doc
from models.follows import Follow, Follows
from models.user import User
from services.accounts.sessions import Device
from services.container import Services, new_id

SMALL, LARGE = 1_000, 1_000_000
FOLLOWED = 1_000
ROUNDS = 40
BATCH = 10_000
PASSWORD = "Passw0rd"  # noqa: S105 - of nobody


def run(folder: Path, large: int = LARGE) -> None:
    with fresh(folder) as services:
        client = create_app(services).test_client()
        followers(services, client, large)
        feed(services, client)


def followers(services: Services, client: FlaskClient, large: int = LARGE) -> None:
    """A creator with a million followers beside one with a thousand."""
    small, big = (_creator(services, count) for count in (SMALL, large))
    me = _signed_in(services, "reader")
    pages: Mapping[str, Callable[[User], float]] = {
        "first page": lambda user: _get(client, f"/api/users/{user.id}/followers", me),
        "last page": lambda user: _get(client, _last_page(client, services.follows, user), me),
        "follow and unfollow": lambda user: _toggle(client, user, me),
        "profile": lambda user: _get(client, f"/api/users/{user.id}", me),
    }
    _table(f"followers: {SMALL:,} and {large:,}", pages, small, big)


def feed(services: Services, client: FlaskClient) -> None:
    """The feed of somebody who follows 10 people beside one who follows 1,000."""
    list(services.seeding.catalogue(FOLLOWED, 20 * FOLLOWED))
    found = services.people.users.collection.find({"username": {"$regex": "^demo_"}}, {"id": 1})
    authors = [doc["id"] for doc in found]
    tokens: dict[str, dict[str, str]] = {}
    users: list[User] = []
    for count in (10, FOLLOWED):
        user, tokens[user.id] = _person(services, f"follows_{count}")
        _follow(services, ((user.id, author) for author in authors[:count]))
        users.append(user)
    path = "/api/users/me/following/videos"
    pages: Mapping[str, Callable[[User], float]] = {
        "first page": lambda user: _get(client, path, tokens[user.id]),
        "page 20": lambda user: _get(client, f"{path}?page=20", tokens[user.id]),
    }
    _table(f"feed of who follows 10 and {FOLLOWED:,}", pages, users[0], users[1])


def _table(
    title: str, pages: Mapping[str, Callable[[User], float]], small: User, large: User
) -> None:
    print(f"\n{title}; medians of {ROUNDS}, interleaved")
    print("| asked | small ms | large ms | ratio |")
    print("| --- | ---: | ---: | ---: |")
    for name, ask in pages.items():
        for user in (small, large):
            ask(user)
        took = [(ask(small), ask(large)) for _ in range(ROUNDS)]
        first, second = (statistics.median(side) for side in zip(*took, strict=True))
        print(f"| {name} | {first:.1f} | {second:.1f} | {second / first:.2f} |")


def _creator(services: Services, count: int) -> User:
    """Somebody whom so many follow; a few of them have accounts, as in any page that is shown."""
    user, _ = _person(services, f"creator_{count}")
    followers = [_person(services, f"fan{number}_of_{count}")[0].id for number in range(20)]
    rest = (new_id() for _ in range(count - len(followers)))
    _follow(services, ((who, user.id) for who in (*followers[:10], *rest, *followers[10:])))
    users = services.people.users.collection
    users.update_one({"id": user.id}, {"$set": {"follower_count": count}})
    return user


def _follow(services: Services, pairs: Iterator[tuple[str, str]]) -> None:
    """Rows that are counted already, a second apart."""
    start = services.follows.now() - timedelta(days=365)
    rows = (
        to_doc(
            Follow(
                **identity(new_id()),
                follower_id=follower_id,
                following_id=following_id,
                created_at=start + timedelta(seconds=number),
                counted=True,
                pending=False,
            )
        )
        for number, (follower_id, following_id) in enumerate(pairs)
    )
    while batch := list(islice(rows, BATCH)):
        services.follows.follows.collection.insert_many(batch, ordered=False)


def _last_page(client: FlaskClient, service: object, user: User) -> str:
    """By the cursor of what stands 20 rows before the end."""
    follows: Follows = service.follows  # type: ignore[attr-defined]  # the container's service
    where = {"following_id": user.id}
    order = [("created_at", 1), ("_id", 1)]
    found = follows.collection.find(where).sort(order).skip(20).limit(1)
    after = next(After(doc["created_at"], str(doc["_id"])) for doc in found)
    with client.application.app_context():
        return f"/api/users/{user.id}/followers?cursor={to_cursor('followers', after)}"


def _toggle(client: FlaskClient, user: User, headers: dict[str, str]) -> float:
    path, started = f"/api/users/{user.id}/follow", time.perf_counter()
    for method in ("POST", "DELETE"):
        assert client.open(path, method=method, headers=headers).status_code == 200
    return (time.perf_counter() - started) * 1000


def _get(client: FlaskClient, path: str, headers: dict[str, str]) -> float:
    """Milliseconds until the answer."""
    started = time.perf_counter()
    answer = client.get(path, headers=headers)
    took = time.perf_counter() - started
    assert answer.status_code == 200, (path, answer.json)
    return took * 1000


def _signed_in(services: Services, name: str) -> dict[str, str]:
    return _person(services, name)[1]


def _person(services: Services, name: str) -> tuple[User, dict[str, str]]:
    email = f"{name}@example.com"
    user = services.accounts.sign_up(email=email, password=PASSWORD, display_name=name)
    signed_in = services.accounts.sign_in(
        login=email, password=PASSWORD, device=Device(), lifetime=timedelta(hours=24)
    )
    return user, {"Authorization": f"Bearer {signed_in.access_token}"}
