"""Administration of users (003): who may, what happens at once, and that an admin remains."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from redis import Redis

from models.errors import Conflict, Unavailable
from models.membership import UserFilter
from models.user import Role
from services.accounts.sessions import Device
from services.adapters.register import RedisSessionRegister
from services.policies import OPERATOR
from tests.conftest import Person
from tests.wire import NOBODY, UUID, failed, fields_of, moment

MEMBER = {
    "id", "username", "email", "display_name", "avatar_url", "role", "is_active",
    "email_verified", "created_at", "last_login",
}  # fmt: skip


@pytest.fixture
def root(join) -> Person:
    return join("root", role=Role.ADMIN)


@pytest.fixture
def call(client) -> Callable:
    """One request as somebody."""

    def call(method: str, path: str, person: Person, body: object = None):
        options = {} if body is None else {"json": body}
        return client.open(path, method=method, headers=person.headers, **options)

    return call


def admins(services) -> set[str]:
    wanted = services.administration.list(OPERATOR, _admins(), limit=100)
    return {user.username for user in wanted.items if user.is_active}


def _admins():
    return UserFilter(role=Role.ADMIN)


# Who may


@pytest.mark.parametrize("role", [Role.VIEWER, Role.CREATOR, Role.STAFF])
@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "/api/users", None),
        ("PATCH", "/api/users/{}/role", {"role": "admin"}),
        ("PATCH", "/api/users/{}/active", {"is_active": False}),
        ("DELETE", "/api/users/{}", None),
        ("GET", "/api/admin/audit", None),
    ],
)
def test_only_admins_administer(call, ann, join, role, method, path, body):
    other = join(role=role)
    for reference in (ann.user.id, other.user.id, NOBODY):
        failed(call(method, path.format(reference), other, body), 403, "FORBIDDEN")
    assert call("GET", "/api/auth/me", ann).status_code == 200


@pytest.mark.parametrize("reference", [NOBODY, "0" * 24, "nonsense"])
@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("PATCH", "/api/users/{}/role", {"role": "staff"}),
        ("PATCH", "/api/users/{}/active", None),
        ("DELETE", "/api/users/{}", None),
    ],
)
def test_who_is_not_there_is_not_found(call, root, method, path, body, reference):
    failed(call(method, path.format(reference), root, body), 404, "NOT_FOUND")


# Listing


def test_users_are_listed_newest_first(call, root, ann, bob):
    answer = call("GET", "/api/users", root)
    assert set(answer.json) == {"users", "pagination"}
    assert [user["username"] for user in answer.json["users"]] == ["bob", "ann", "root"]
    shown = answer.json["users"][1]
    assert set(shown) == MEMBER
    assert UUID.fullmatch(shown["id"])
    assert moment(shown["created_at"]) <= moment(shown["last_login"])
    assert (shown["role"], shown["is_active"], shown["email_verified"]) == ("user", True, False)
    assert answer.json["pagination"]["total_items"] == 3


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("role=admin", {"root"}),
        ("role=user", {"ann", "anton", "bob"}),
        ("role=viewer&active=false", {"bob"}),
        ("active=true", {"root", "ann", "anton", "kim"}),
        ("q=an", {"ann", "anton"}),
        ("q=%20AN%20", {"ann", "anton"}),
        ("q=ann%40ex", {"ann"}),
        ("q=an&role=creator", set()),
        ("q=zzz", set()),
        ("q=some", {"kim"}),
        ("q=.*", set()),
    ],
)
def test_users_are_found_by_role_activity_and_how_their_names_begin(
    call, root, join, services, query, found
):
    for name in ("ann", "anton", "bob"):
        join(name)
    join("kim", role=Role.CREATOR)
    users = services.accounts.users.collection
    users.update_one({"username_key": "bob"}, {"$set": {"is_active": False}})
    users.update_one({"username_key": "kim"}, {"$set": {"email": "someone@example.com"}})
    answer = call("GET", f"/api/users?{query}", root)
    assert {user["username"] for user in answer.json["users"]} == found
    assert answer.json["pagination"]["total_items"] == len(found)


@pytest.mark.parametrize("query", ["", "q=p"])
@pytest.mark.parametrize("way", ["page", "cursor"])
def test_pages_neither_repeat_nor_skip_anybody(call, root, join, services, query, way):
    """With a prefix the list has two parts: by username, then by address."""
    users = services.accounts.users.collection
    people = [join(f"p{number}") for number in range(4)] + [join(f"x{n}") for n in range(3)]
    for number, person in enumerate(people[4:]):
        values = {"email": f"p_other{number}@example.com"}
        users.update_one({"id": person.user.id}, {"$set": values})
    seen, cursor = [], ""
    for number in range(1, 9):
        place = f"cursor={cursor}" if way == "cursor" and cursor else f"page={number}"
        page = call("GET", f"/api/users?page_size=2&{query}&{place}", root).json
        seen += [user["username"] for user in page["users"]]
        cursor = page["pagination"]["next_cursor"]
        if not page["pagination"]["has_next"]:
            break
    expected = [person.user.username for person in people]
    assert seen == (expected if query else [*expected[::-1], "root"])


def test_bad_questions_are_refused(call, root):
    for query in ("role=king", "active=perhaps", "page=0", "page_size=101", "cursor=x"):
        failed(call("GET", f"/api/users?{query}", root), 400, "VALIDATION_ERROR")


# Roles


@pytest.mark.parametrize(("word", "role"), [("user", "user"), ("viewer", "user")])
def test_both_words_for_a_viewer_are_understood(call, root, join, word, role):
    kim = join(role=Role.CREATOR)
    answer = call("PATCH", f"/api/users/{kim.user.oid}/role", root, {"role": word})
    assert answer.status_code == 200
    assert set(answer.json) == MEMBER
    assert answer.json["role"] == role


def test_a_new_role_holds_at_once_in_every_session(call, root, ann):
    path = f"/api/users/{ann.user.id}/role"
    failed(call("GET", "/api/users", ann), 403, "FORBIDDEN")
    assert call("PATCH", path, root, {"role": "admin"}).json["role"] == "admin"
    assert call("GET", "/api/users", ann).status_code == 200
    assert call("PATCH", path, root, {"role": "staff"}).status_code == 200
    failed(call("GET", "/api/users", ann), 403, "FORBIDDEN")


def test_a_role_that_does_not_exist_is_refused(call, root, ann):
    for body in ({"role": "king"}, {"role": 5}, {}, {"role": "admin", "x": 1}):
        answer = call("PATCH", f"/api/users/{ann.user.id}/role", root, body)
        assert {"role", "x"} & set(fields_of(failed(answer, 400, "VALIDATION_ERROR")))


def test_a_role_change_is_noted_once(call, root, ann, services):
    for _ in range(2):
        call("PATCH", f"/api/users/{ann.user.id}/role", root, {"role": "staff"})
    (noted,) = services.audit.log.newest(action="role_changed", limit=9)
    assert (noted.user_id, noted.actor_id) == (ann.user.id, root.user.id)
    assert noted.details == {"old": "viewer", "new": "staff"}


def test_a_demotion_that_redis_does_not_hear_of_has_not_happened(
    root, join, services, settings, servers
):
    """What cannot be taken from the sessions is not taken from the record either: ask again."""
    other = join("other", role=Role.ADMIN)
    broken = _without_redis(services)
    with pytest.raises(Unavailable):
        broken.change_role(OPERATOR, other.user.id, Role.VIEWER)
    assert services.accounts.users.get(other.user.id).role is Role.ADMIN
    services.administration.change_role(OPERATOR, other.user.id, Role.VIEWER)
    assert services.sessions.authenticate(other.token).actor.role is Role.VIEWER


def _without_redis(services):
    """The same administration, with a register that nobody answers for."""
    register = RedisSessionRegister(Redis(port=1, socket_connect_timeout=0.1))
    sessions = replace(services.sessions, live=register)
    return replace(services.administration, sessions=sessions)


# Being active


def test_who_is_deactivated_is_out_at_once_and_may_come_back(call, client, root, ann, services):
    path = f"/api/users/{ann.user.id}/active"
    answer = call("PATCH", path, root, {"is_active": False})
    assert (answer.status_code, answer.json["is_active"]) == (200, False)
    failed(call("GET", "/auth/me", ann), 401, "UNAUTHORIZED")
    login = {"login": "ann", "password": "Passw0rd"}
    failed(client.post("/api/auth/login", json=login), 401, "UNAUTHORIZED")
    refresh = {"refresh_token": ann.refresh_token}
    failed(client.post("/api/auth/refresh", json=refresh), 401, "UNAUTHORIZED")
    assert call("PATCH", path, root, {"is_active": True}).json["is_active"] is True
    failed(call("GET", "/auth/me", ann), 401, "UNAUTHORIZED")
    assert client.post("/api/auth/login", json=login).status_code == 200
    noted = [entry.action for entry in services.audit.log.newest(user_id=ann.user.id, limit=9)]
    assert {"deactivated", "activated"} <= set(noted)


def test_without_a_body_it_is_the_other_way_round(call, root, ann):
    path = f"/api/users/{ann.user.id}/active"
    assert call("PATCH", path, root).json["is_active"] is False
    assert call("PATCH", path, root).json["is_active"] is True
    assert call("PATCH", path, root, {}).json["is_active"] is False


def test_a_deactivation_that_redis_does_not_hear_of_can_be_asked_for_again(root, ann, services):
    with pytest.raises(Unavailable):
        _without_redis(services).set_active(OPERATOR, ann.user.id, is_active=False)
    services.administration.set_active(OPERATOR, ann.user.id, is_active=False)
    assert not services.accounts.users.get(ann.user.id).is_active


# The last admin


LAST = [
    ("PATCH", "/api/users/{}/role", {"role": "staff"}),
    ("PATCH", "/api/users/{}/active", {"is_active": False}),
    ("PATCH", "/api/users/{}/active", None),
    ("DELETE", "/api/users/{}", None),
    ("DELETE", "/api/users/me", {"password": "Passw0rd"}),
]


@pytest.mark.parametrize(("method", "path", "body"), LAST)
def test_the_last_admin_stays(call, root, join, services, method, path, body):
    gone = join("gone", role=Role.ADMIN)
    services.administration.set_active(OPERATOR, gone.user.id, is_active=False)
    failed(call(method, path.format(root.user.id), root, body), 409, "CONFLICT")
    assert admins(services) == {"root"}
    assert call("GET", "/api/users", root).status_code == 200


@pytest.mark.parametrize(("method", "path", "body"), LAST)
def test_with_a_second_admin_anybody_may_go(call, root, join, services, method, path, body):
    join("second", role=Role.ADMIN)
    assert call(method, path.format(root.user.id), root, body).status_code == 200
    assert admins(services) == {"second"}


def test_promoting_the_last_admin_to_admin_changes_nothing(call, root, services):
    path = f"/api/users/{root.user.id}/role"
    assert call("PATCH", path, root, {"role": "admin"}).status_code == 200
    assert admins(services) == {"root"}


@pytest.mark.parametrize("act", ["role", "active", "delete", "each its own"])
@pytest.mark.parametrize("number", range(4))
def test_two_admins_who_remove_each_other_at_once_leave_one(join, services, act, number):
    one, two = (join(f"admin{n}", role=Role.ADMIN) for n in (1, 2))
    together = threading.Barrier(2)
    acts = [act, act] if act != "each its own" else ["role", ("active", "delete")[number % 2]]

    def remove(target: Person, how: str) -> str:
        together.wait()
        try:
            {
                "role": lambda: services.administration.change_role(
                    OPERATOR, target.user.id, Role.VIEWER
                ),
                "active": lambda: services.administration.set_active(
                    OPERATOR, target.user.id, is_active=False
                ),
                "delete": lambda: services.deletion.delete(
                    OPERATOR, target.user.id, keeps_content=False
                ),
            }[how]()
        except Conflict:
            return "refused"
        return "done"

    with ThreadPoolExecutor(2) as pool:
        outcomes = sorted(pool.map(remove, (two, one), acts))
    assert outcomes == ["done", "refused"]
    assert len(admins(services)) == 1


@pytest.mark.parametrize(("method", "path", "body"), LAST[:2] + LAST[3:4])
def test_on_the_wire_too_two_admins_who_remove_each_other_leave_one(
    app, join, services, method, path, body
):
    people = [join(f"admin{n}", role=Role.ADMIN) for n in range(2)]
    together = threading.Barrier(2)

    def remove(pair: tuple[Person, Person]) -> int:
        actor, target = pair
        together.wait()
        options = {} if body is None else {"json": body}
        return (
            app.test_client()
            .open(path.format(target.user.id), method=method, headers=actor.headers, **options)
            .status_code
        )

    with ThreadPoolExecutor(2) as pool:
        statuses = list(pool.map(remove, [tuple(people), tuple(people[::-1])]))
    # Who was removed first may not even be let in any more.
    assert min(statuses) == 200
    assert max(statuses) in {401, 403, 409}
    assert len(admins(services)) == 1


def test_in_a_ring_of_admins_who_demote_each_other_at_once_one_remains(join, services):
    people = [join(f"admin{n}", role=Role.ADMIN) for n in range(8)]
    together = threading.Barrier(len(people))

    def demote(target: Person) -> None:
        together.wait()
        try:
            services.administration.change_role(OPERATOR, target.user.id, Role.VIEWER)
        except Conflict:
            return

    with ThreadPoolExecutor(len(people)) as pool:
        list(pool.map(demote, people))
    assert len(admins(services)) == 1
    (left,) = admins(services)
    for person in people:
        role = services.sessions.authenticate(person.token).actor.role
        assert (role is Role.ADMIN) is (person.user.username == left)


# The audit log


ENTRY = {"id", "at", "action", "user_id", "actor_id", "address", "request_id", "details"}


def test_an_admin_reads_what_happened_newest_first(call, root, ann, bob):
    call("PATCH", f"/api/users/{ann.user.id}/role", root, {"role": "staff"})
    answer = call("GET", "/api/admin/audit?page_size=100", root)
    assert set(answer.json) == {"entries", "has_more", "next_cursor"}
    first = answer.json["entries"][0]
    assert set(first) == ENTRY
    assert (first["action"], first["user_id"]) == ("role_changed", ann.user.id)
    assert first["actor_id"] == root.user.id
    assert first["details"] == {"old": "viewer", "new": "staff"}
    times = [moment(entry["at"]) for entry in answer.json["entries"]]
    assert times == sorted(times, reverse=True)
    assert answer.json["has_more"] is False
    assert answer.json["next_cursor"] is None


def test_the_log_is_filtered_by_person_and_by_action(call, root, ann, bob):
    for reference in (ann.user.id, ann.user.oid):
        found = call("GET", f"/api/admin/audit?user_id={reference}", root).json["entries"]
        assert {entry["user_id"] for entry in found} == {ann.user.id}
        assert {entry["action"] for entry in found} == {"signed_up", "signed_in"}
    path = f"/api/admin/audit?user_id={ann.user.id}&action=signed_in"
    assert len(call("GET", path, root).json["entries"]) == 1
    assert call("GET", f"/api/admin/audit?user_id={NOBODY}", root).json["entries"] == []
    for query in ("action=cooking", "page_size=0", "cursor=x"):
        failed(call("GET", f"/api/admin/audit?{query}", root), 400, "VALIDATION_ERROR")


def test_the_log_is_read_on_where_a_page_ended(call, root, join, services):
    for number in range(6):
        join(f"p{number}")
    everything = call("GET", "/api/admin/audit?page_size=100", root).json["entries"]
    seen, cursor = [], ""
    while cursor is not None:
        page = call("GET", f"/api/admin/audit?page_size=5&cursor={cursor}", root).json
        seen += page["entries"]
        cursor = page["next_cursor"]
        services.accounts.sign_in(
            login="p0@example.com",
            password="Passw0rd",
            device=Device(),
            lifetime=services.sessions.refresh_lifetime,
        )
    assert seen == everything
