"""Tokens of a Supabase project (004): who comes in with one, as whom, and at what cost."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from threading import Barrier
from typing import Any
from uuid import UUID, uuid4

import jwt
import pytest
from flask.testing import FlaskClient

from config import Settings
from models.errors import Conflict, Unauthorized
from models.user import Role
from services import container
from services.adapters.issuers import ForeignPerson
from services.policies import Actor
from tests.conftest import Clock, Person
from tests.issuer import Project, running
from tests.wire import bearer, failed

# A route of each family that asks for a valid access token, and one that does not insist on any.
FAMILIES = ("/auth/me", "/api/auth/me", "/users/me", "/videos/feed")


@pytest.fixture
def project(clock: Clock) -> Iterator[Project]:
    with running(clock) as (project, _):
        yield project


@pytest.fixture
def settings(settings: Settings, project: Project) -> Settings:
    return replace(settings, supabase_url=f"{project.url}/")


@pytest.fixture
def enter(client: FlaskClient) -> Callable[..., Any]:
    """The profile that a token opens, as 004's front-end asks for it."""

    def ask(token: str, status: int = 200) -> Any:
        answer = client.get("/users/me", headers=bearer(token))
        assert answer.status_code == status, answer.get_json()
        return answer.get_json()

    return ask


def id_of(token: str) -> str:
    return jwt.decode(token, options={"verify_signature": False})["sub"]


def user(services, user_id: str):
    return services.accounts.users.get(user_id)


# Coming in


@pytest.mark.parametrize("number", [0, 1], ids=["RS256", "ES256"])
@pytest.mark.parametrize("path", FAMILIES)
def test_a_token_is_accepted_by_every_family(client, project, path, number):
    token = project.sign(project.claims(), project.keys[number])
    assert client.get(path, headers=bearer(token)).status_code == 200


def test_a_profile_is_made_at_first_sight(services, project, enter, clock):
    metadata = {
        "user_name": "Mia Wallace",
        "full_name": "Mia W.",
        "avatar_url": "https://a.example/mia.png",
    }
    token = project.token(user_metadata=metadata, email_verified=True)
    enter(token)
    found = user(services, id_of(token))
    assert found.username == "mia_wallace"
    assert found.display_name == "Mia W."
    assert found.avatar_url == "https://a.example/mia.png"
    assert (found.email, found.email_verified) == ("mia@example.com", True)
    assert (found.has_password, found.role, found.is_active) == (False, Role.VIEWER, True)
    assert clock() - found.last_login < dt.timedelta(seconds=5)
    enter(project.renewed(token))
    enter(project.sign(project.claims(sub=id_of(token))))
    assert services.accounts.users.collection.count_documents({"id": {"$gt": ""}}) == 1


@pytest.mark.parametrize(
    ("metadata", "username", "display_name", "avatar_url"),
    [
        ({}, "mia", "mia", ""),
        ({"preferred_username": "mw"}, "user_mw", "mw", ""),
        ({"name": "Mïa Wållace"}, "mia_wallace", "Mïa Wållace", ""),
        ({"user_name": " \u0000\u202e ", "name": 5, "avatar_url": 7}, "mia", "mia", ""),
        ({"name": "x" * 500}, "x" * 21, "x" * 100, ""),
        ({"picture": "javascript:alert(1)", "avatar_url": "http://["}, "mia", "mia", ""),
        ({"avatar_url": "", "picture": "http://a.example/x"}, "mia", "mia", "http://a.example/x"),
        ("text", "mia", "mia", ""),
    ],
)
def test_what_a_person_says_of_themselves_is_taken_as_far_as_it_can_be(
    services, project, enter, metadata, username, display_name, avatar_url
):
    token = project.token(user_metadata=metadata)
    enter(token)
    found = user(services, id_of(token))
    assert (found.username, found.display_name) == (username, display_name)
    assert found.avatar_url == avatar_url
    assert found.email_verified is False


def test_a_username_that_is_taken_gets_an_end_of_its_own(services, project, enter, join):
    join("mia_wallace")
    token = project.token(user_metadata={"user_name": "mia_wallace"})
    enter(token)
    assert user(services, id_of(token)).username.startswith("mia_wallace_")


def test_a_hundred_first_requests_at_once_make_one_person(app, services, project):
    """Two sessions of one person and one of another, over many threads."""
    mine, other = project.claims(), project.claims("vic")
    tokens = [
        project.sign(mine),
        project.sign({**mine, "session_id": str(uuid4())}),
        project.sign(other),
    ]
    barrier = Barrier(24)

    def ask(number: int) -> int:
        barrier.wait(10)
        return app.test_client().get("/users/me", headers=bearer(tokens[number % 3])).status_code

    with ThreadPoolExecutor(24) as pool:
        assert set(pool.map(ask, range(24))) == {200}
    users, database = services.accounts.users, services.accounts.users.collection.database
    assert users.collection.count_documents({"id": {"$gt": ""}}) == 2
    assert (
        len(list(database.identities.find({"user_id": {"$in": [mine["sub"], other["sub"]]}}))) == 2
    )
    assert len(services.sessions.list(Actor(id=mine["sub"]))) == 2
    logged = services.audit.log.newest(user_id=mine["sub"], limit=50)
    assert sorted(entry.action for entry in logged if entry.action != "signed_in") == [
        "identity_linked", "signed_up",
    ]  # fmt: skip


@pytest.fixture
def person() -> ForeignPerson:
    subject = str(uuid4())
    return ForeignPerson(
        issuer="https://issuer.example", subject=subject, email="pia@example.com", user_id=subject
    )


@pytest.mark.parametrize("moment", [1, 6, 7])
def test_whoever_is_quicker_makes_the_account(services, person, moment):
    """The other request comes in between, wherever an id is drawn: before the account, before its
    link."""
    drawn = []

    def new_id() -> str:
        drawn.append(1)
        if len(drawn) == moment:
            services.identities.user_of(person)
        return container.new_id()

    made = replace(services.identities, new_id=new_id).user_of(person)
    assert len(drawn) >= moment
    assert made == services.identities.user_of(person)
    assert services.accounts.users.collection.count_documents({"id": {"$gt": ""}}) == 1


def test_when_every_name_is_taken_one_is_asked_to_come_again(services, person, join):
    constant = container.new_id()
    for name in ("pia", f"pia_{constant[-8:]}"):
        services.accounts.sign_up(
            email=f"{name}@other.example", password="Passw0rd", display_name=name, username=name
        )
    with pytest.raises(Conflict, match="No username"):
        replace(services.identities, new_id=lambda: constant).user_of(person)


def test_a_profile_that_was_brought_along_is_the_persons(services, project, enter, ann):
    """004: profiles.id == auth.users.id, also of profiles that were imported."""
    enter(project.token(sub=ann.user.id, email="elsewhere@example.com"))
    assert user(services, ann.user.id).email == "ann@example.com"


# An address that is somebody's already


def verify(services, person: Person, **values: Any) -> None:
    services.accounts.users.collection.update_one(
        {"id": person.user.id}, {"$set": {"email_verified": True, **values}}
    )


def test_an_account_is_linked_where_both_sides_have_verified_the_address(
    services, project, enter, ann, client
):
    verify(services, ann)
    token = project.token("ANN", email_verified=True)
    assert enter(token)["id"] == ann.user.id
    assert user(services, id_of(token)) is None
    assert enter(project.renewed(token))["id"] == ann.user.id
    logged = services.audit.log.newest(user_id=ann.user.id, limit=20)
    assert [entry.details for entry in logged if entry.action == "identity_linked"] == [
        {"issuer": project.issuer}
    ]
    login = {"email": "ann@example.com", "password": "Passw0rd"}
    assert client.post("/auth/login", json=login).status_code == 200


UNVERIFIED: dict[str, dict[str, Any]] = {
    "the person's own word": {"user_metadata": {"email_verified": True}},
    "no": {"email_verified": False},
    "a text": {"email_verified": "true"},
    "a number": {"email_verified": 1},
    "nothing": {"user_metadata": {}},
    "no metadata": {"user_metadata": ...},
}


@pytest.mark.parametrize(
    ("here", "there"),
    [*((True, there) for there in UNVERIFIED), (False, "nothing"), (False, "verified there")],
)
def test_nobody_gets_an_account_by_an_unverified_address(
    client, services, project, ann, here, there
):
    if here:
        verify(services, ann)
    claims = UNVERIFIED.get(there, {"email_verified": True})
    answer = client.get("/users/me", headers=bearer(project.token("ann", **claims)))
    body = failed(answer, 409, "CONFLICT")
    assert "Sign in with its password, and verify the address" in body["message"]
    assert services.accounts.users.collection.count_documents({"id": {"$gt": ""}}) == 1


@pytest.mark.parametrize(
    "values",
    [
        {"role": "staff"},
        {"role": "admin"},
        {"second_factor": {"secret": "x", "confirmed_at": dt.datetime(2026, 1, 1, tzinfo=dt.UTC)}},
    ],
)
def test_an_address_opens_no_account_of_staff_nor_one_with_a_second_factor(
    client, services, project, ann, values
):
    verify(services, ann, **values)
    token = project.token("ann", email_verified=True)
    answer = client.get("/users/me", headers=bearer(token))
    body = failed(answer, 409, "CONFLICT")
    assert "its own password only" in body["message"]


@pytest.mark.parametrize("path", FAMILIES)
def test_a_conflict_is_told_in_each_familys_form(client, project, ann, path):
    failed(client.get(path, headers=bearer(project.token("ann"))), 409, "CONFLICT")


@pytest.mark.parametrize(
    "email", ["", ..., None, "nobody", "@", 5, "a@b", "x" * 400 + "@x.example"]
)
def test_who_has_no_address_can_have_no_account(client, services, project, email):
    """Anonymous people, and those who signed in by phone, have valid tokens as well."""
    answer = client.get("/users/me", headers=bearer(project.token(email=email)))
    failed(answer, 403, "FORBIDDEN")
    assert services.accounts.users.collection.count_documents({"id": {"$gt": ""}}) == 0


# Second factors


def test_who_set_up_a_second_factor_must_have_shown_one_there(services, project, client, clock):
    token = project.token()
    headers = bearer(token)
    assert client.get("/users/me", headers=headers).status_code == 200
    factor = {"secret": "x", "confirmed_at": clock()}
    services.accounts.users.collection.update_one(
        {"id": id_of(token)}, {"$set": {"second_factor": factor}}
    )
    clock.forward(minutes=55)
    weak = client.get("/users/me", headers=bearer(project.renewed(token)))
    failed(weak, 401, "MFA_REQUIRED")
    clock.forward(seconds=1)
    strong = project.renewed(token, aal="aal2")
    assert client.get("/users/me", headers=bearer(strong)).status_code == 200


# Sessions


def test_a_session_elsewhere_is_a_device_here_and_ends_here(client, services, project, enter):
    token = project.token()
    agent = {"User-Agent": "InstaVeo/1.0", **bearer(token)}
    client.get("/users/me", headers=agent)
    enter(project.renewed(token))
    listed = client.get("/auth/sessions", headers=bearer(token))
    assert listed.status_code == 200
    assert "InstaVeo/1.0" in listed.get_data(as_text=True)
    (session,) = services.sessions.list(Actor(id=id_of(token)))
    assert (session.user_agent, session.address) == ("InstaVeo/1.0", "127.0.0.1")
    assert client.post("/auth/logout", headers=bearer(token)).status_code == 200
    for path in FAMILIES:
        failed(client.get(path, headers=bearer(token)), 401, "UNAUTHORIZED")
    enter(project.renewed(token), 401)
    assert enter(project.sign(project.claims(sub=id_of(token))))["id"] == id_of(token)


def test_an_ended_session_stays_so_whatever_redis_forgets_and_however_often_it_comes(
    services, settings, project, enter, clock
):
    token = project.token()
    enter(token)
    services.sessions.end_all_of(id_of(token))
    redis = services.queue.rq.connection
    for _ in range(6):
        redis.flushdb()
        enter(project.renewed(token), 401)
        clock.forward(days=7)
        renewed = project.renewed(token)
        enter(renewed, 401)
        # Of the process as well: another one has never seen the session.
        with pytest.raises(Unauthorized):
            container.build(settings, now=clock).sessions.authenticate(renewed)


def test_a_session_is_kept_for_thirty_days_after_it_was_last_seen(services, project, enter, clock):
    token = project.token()
    enter(token)
    me = Actor(id=id_of(token))
    (first,) = services.sessions.list(me)
    clock.forward(days=29)
    enter(project.renewed(token))
    (again,) = services.sessions.list(me)
    assert (again.id, again.created_at) == (first.id, first.created_at)
    assert again.expires_at - first.expires_at >= dt.timedelta(days=29)
    clock.forward(days=29)
    assert len(services.sessions.list(me)) == 1
    clock.forward(days=2)
    assert services.sessions.list(me) == []
    # It goes on over there: so it does here.
    enter(project.renewed(token))
    assert [session.id for session in services.sessions.list(me)] == [first.id]


def test_every_way_of_ending_a_session_reaches_it(client, services, project, ann, enter):
    verify(services, ann)
    first, second = (project.token("ann", email_verified=True) for _ in range(2))
    enter(first)
    enter(project.renewed(first))
    linked = project.renewed(first, session_id=str(uuid4()))
    enter(linked)
    assert second != first
    client.delete("/auth/sessions", headers=ann.headers)
    enter(first, 401)
    enter(linked, 401)
    assert client.get("/auth/me", headers=ann.headers).status_code == 200


def test_a_token_without_a_session_is_a_session(client, project, enter):
    token = project.token(session_id=...)
    enter(token)
    client.post("/auth/logout", headers=bearer(token))
    enter(token, 401)
    assert enter(project.renewed(token, jti="x"))["id"] == id_of(token)


def test_a_role_is_in_force_with_the_next_request(services, project, enter):
    token = project.token()
    enter(token)
    users = services.accounts.users.collection
    users.update_one({"id": id_of(token)}, {"$set": {"role": "creator"}})
    services.sessions.role_changed(id_of(token), Role.CREATOR)
    assert services.sessions.authenticate(token).actor.role is Role.CREATOR


def test_who_is_deactivated_is_out_at_once_and_with_every_token(services, project, enter):
    token = project.token()
    enter(token)
    users = services.accounts.users.collection
    users.update_one({"id": id_of(token)}, {"$set": {"is_active": False}})
    services.sessions.end_all_of(id_of(token))
    enter(token, 401)
    enter(project.renewed(token), 401)
    enter(project.sign(project.claims(sub=id_of(token))), 401)


@pytest.mark.parametrize("redis_forgets", [False, True])
def test_who_deletes_their_account_is_not_brought_back_by_a_token_they_still_hold(
    client, services, settings, project, enter, clock, redis_forgets
):
    token = project.token()
    enter(token)
    clock.forward(minutes=1)
    now = clock()
    users, user_id = services.accounts.users, id_of(token)
    services.sessions.end_all_of(user_id)
    users.close(user_id, now, keeps_content=False)
    enter(token, 401)
    # As the job does it.
    services.sessions.sessions.forget_all_of(user_id)
    services.identities.identities.forget_all_of(user_id)
    users.forget(users.get(user_id), now)
    if redis_forgets:
        services.queue.rq.connection.flushdb()
    clock.forward(minutes=1)
    elsewhere = container.build(settings, now=clock)
    for stale in (token, project.renewed(token)):
        enter(stale, 401)
        with pytest.raises(Unauthorized):
            elsewhere.sessions.authenticate(stale)
    # Who signs in anew begins anew.
    fresh = enter(project.sign(project.claims(sub=user_id)))
    assert fresh["id"] != user_id
    assert UUID(fresh["id"])


def test_a_linked_account_that_was_deleted_is_not_made_again_by_its_session(
    services, settings, project, ann, enter, clock
):
    verify(services, ann)
    token = project.token("ann", email_verified=True)
    enter(token)
    services.sessions.end_all_of(ann.user.id)
    services.identities.identities.forget_all_of(ann.user.id)
    services.accounts.users.collection.delete_one({"id": ann.user.id})
    clock.forward(minutes=5)
    elsewhere = container.build(settings, now=clock)
    for stale in (token, project.renewed(token)):
        enter(stale, 401)
        with pytest.raises(Unauthorized):
            elsewhere.sessions.authenticate(stale)
    assert services.accounts.users.collection.count_documents({"id": {"$gt": ""}}) == 0


def test_a_link_to_an_account_that_is_no_more_opens_nothing(services, project, ann, enter):
    verify(services, ann)
    token = project.token("ann", email_verified=True)
    enter(token)
    services.accounts.users.collection.delete_one({"id": ann.user.id})
    enter(project.renewed(token, session_id=str(uuid4())), 401)
