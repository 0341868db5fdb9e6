"""Every way to list videos, and what is related to one."""

from __future__ import annotations

from dataclasses import replace
from itertools import product
from typing import Any

from flask.testing import FlaskClient

from models.listings import NEWEST
from models.user import Role
from services.container import Services
from services.policies import VISITOR
from services.videos.catalogue import Query
from tests.wire import bearer, sign_in

FILTERS = (
    *("category=music", "tags=live", "tags=live,short", "category=music&tags=live"),
    *("{author}", "{author}&category=music", "{author}&tags=live,short"),
    *("{author}&category=music&tags=live", "{length}", "category=music&{length}"),
)
SORTS = {
    "/api/videos": ("sort=trending", "sort_by=view_count&order=asc", "sort_by=created_at"),
    "/videos": ("sort=latest&order=asc", "sort=views", "sort=createdAt"),
}
SPELT = {
    "/api/videos": ("uploaded_by={}", "min_duration=60&max_duration=600"),
    "/videos": ("creatorId={}", "minDuration=60&maxDuration=600"),
}
OF_ANY_STATE = ("category=music", "tags=live", "visibility=private", "status=failed", "q=demo")


def visit(client: FlaskClient, services: Services, ann: Any) -> None:
    found = services.catalogue.list(VISITOR, Query(limit=1)).items[0].video
    staff = _staff(client, services)
    for path in ("/api/videos", "/videos"):
        author, length = SPELT[path]
        for narrowed, sort in product(("", *FILTERS), SORTS[path]):
            query = narrowed.format(author=author.format(found.author_id), length=length)
            _follow(client, f"{path}?limit=2&{sort}&{query}", {})
        for query in OF_ANY_STATE:
            for sort in SORTS[path][1:]:
                _follow(client, f"{path}?limit=2&mine=true&{sort}&{query}", ann.headers)
                _follow(client, f"{path}?limit=2&all=true&{sort}&{query}", staff)
        for query in ("q=demo", "q=demo+video&category=music", "q=nothing"):
            _follow(client, f"{path}?limit=2&{query}", {})
        client.get(f"{path}?limit=2&page=3")
        client.get(f"{path}/{found.id}/related")
    _count(services)


def _follow(client: FlaskClient, path: str, headers: dict[str, str]) -> None:
    """The first page, and the next."""
    answer: Any = client.get(path, headers=headers)
    assert answer.status_code == 200, (path, answer.json)
    pagination = answer.json.get("pagination", {})
    if cursor := answer.json.get("nextCursor") or pagination.get("next_cursor"):
        assert client.get(f"{path}&cursor={cursor}", headers=headers).status_code == 200, path


def _staff(client: FlaskClient, services: Services) -> dict[str, str]:
    users, email = services.accounts.users, "catalogue_staff@example.com"
    user = services.accounts.sign_up(email=email, password="Passw0rd", display_name="Staff")
    users.collection.update_one({"id": user.id}, {"$set": {"role": Role.STAFF}})
    return bearer(sign_in(client, email)["tokens"]["access_token"])


def _count(services: Services) -> None:
    """As for a list that is too long to be counted while somebody waits."""
    totals = services.totals
    for listing in (NEWEST, replace(NEWEST, category="music"), replace(NEWEST, tags=("live",))):
        totals.totals.ask(totals.row(listing))
        totals.totals.known(totals.row(listing).key, totals.now())
    totals.recount()
