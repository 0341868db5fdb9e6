"""Who may register, and invitations (003), over the wire of each family that signs people up."""

from __future__ import annotations

import datetime as dt
import re
import threading
import uuid
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from urllib.parse import parse_qs, urlsplit

import pytest

from app import create_app
from models.errors import InvitationInvalid
from models.user import Role
from services import container
from tests.conftest import Person
from tests.wire import NOBODY, OID, UUID, failed, fields_of, moment

INVITATION = {
    "id", "email", "token", "role", "created_by", "created_at", "expires_at", "used", "used_at",
}  # fmt: skip
LISTED = INVITATION | {"used_by", "revoked_at"}
PAGINATION = {
    "current_page", "total_pages", "total_items", "has_next", "has_prev", "next_cursor",
}  # fmt: skip
FAMILIES = ("platform", "mobile")


@pytest.fixture
def root(join) -> Person:
    return join("root", role=Role.ADMIN)


@pytest.fixture
def mode(request, settings, clock):
    """A client of a CLUTCH with this registration mode."""

    def with_mode(name: str):
        changed = replace(settings, registration_mode=name)
        return create_app(container.build(changed, now=clock)).test_client()

    return with_mode


def sign_up(client, family: str, name: str, token: str | None = None):
    person = {"email": f"{name}@example.com", "password": "Passw0rd"}
    person |= {"invitation_token": token} if token is not None else {}
    if family == "platform":
        return client.post("/api/auth/register", json={"username": name, **person})
    return client.post("/auth/signup", json={"name": name, **person})


def invite(client, root: Person, **body: object) -> dict:
    answer = client.post("/api/invitations", json=body, headers=root.headers)
    assert answer.status_code == 201, answer.get_json()
    return answer.json


# Modes


@pytest.mark.parametrize("name", ["open", "invite", "closed"])
def test_a_sign_up_form_can_ask_for_the_mode(mode, name):
    answer = mode(name).get("/api/auth/registration")
    assert (answer.status_code, answer.json) == (200, {"mode": name})


@pytest.mark.parametrize("family", FAMILIES)
def test_open_to_everybody(mode, family):
    assert sign_up(mode("open"), family, "newcomer").status_code == 201


@pytest.mark.parametrize("family", FAMILIES)
def test_closed_to_everybody_also_with_an_invitation(client, mode, root, services, family):
    token = invite(client, root)["token"]
    for sent in (None, token):
        body = failed(sign_up(mode("closed"), family, "newcomer", sent), 403, "FORBIDDEN")
        assert "Registration is closed" in str(body)
    assert services.accounts.users.by_login("newcomer") is None
    assert client.get(f"/api/invitations/validate/{token}").status_code == 200


@pytest.mark.parametrize("family", FAMILIES)
def test_by_invitation_only(client, mode, root, family):
    invited = mode("invite")
    for token in (None, "no-such-token", NOBODY):
        answer = failed(sign_up(invited, family, "newcomer", token), 400, "INVITATION_INVALID")
        assert "invitation_token" in fields_of(answer)
    token = invite(client, root)["token"]
    assert sign_up(invited, family, "newcomer", token).status_code == 201
    failed(sign_up(invited, family, "another", token), 400, "INVITATION_INVALID")


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("name", ["open", "invite"])
def test_an_invitation_gives_its_role_and_is_used_up(client, mode, root, services, family, name):
    made = invite(client, root, role="creator")
    assert sign_up(mode(name), family, "newcomer", made["token"]).status_code == 201
    user = services.accounts.users.by_login("newcomer")
    assert user is not None
    assert user.role is Role.CREATOR
    listed = client.get("/api/invitations", headers=root.headers).json["invitations"][0]
    assert (listed["used"], listed["used_by"]) == (True, user.id)
    assert abs(moment(listed["used_at"]) - user.created_at) < dt.timedelta(seconds=5)


@pytest.mark.parametrize("family", FAMILIES)
def test_an_invitation_for_an_address_registers_that_address_only(client, mode, root, family):
    token = invite(client, root, email="Newcomer@Example.com")["token"]
    failed(sign_up(mode("invite"), family, "another", token), 400, "INVITATION_INVALID")
    assert sign_up(mode("invite"), family, "newcomer", token).status_code == 201


@pytest.mark.parametrize("family", FAMILIES)
def test_an_expired_invitation_says_so(client, mode, root, clock, family):
    token = invite(client, root)["token"]
    clock.forward(days=7, seconds=1)
    failed(sign_up(mode("invite"), family, "newcomer", token), 410, "INVITATION_EXPIRED")
    failed(client.get(f"/api/invitations/validate/{token}"), 410, "INVITATION_EXPIRED")


@pytest.mark.parametrize("family", FAMILIES)
def test_a_sign_up_that_fails_does_not_burn_the_invitation(client, mode, root, ann, family):
    token = invite(client, root)["token"]
    failed(sign_up(mode("invite"), family, "ann", token), 409, "CONFLICT")
    assert sign_up(mode("invite"), family, "newcomer", token).status_code == 201


@pytest.mark.parametrize("change", [{"role": Role.STAFF}, {"is_active": False}])
def test_an_invitation_stands_only_while_who_made_it_may_invite(client, root, services, change):
    token = invite(client, root, role="admin")["token"]
    services.accounts.users.collection.update_one({"id": root.user.id}, {"$set": change})
    failed(client.get(f"/api/invitations/validate/{token}"), 400, "INVITATION_INVALID")
    failed(sign_up(client, "platform", "newcomer", token), 400, "INVITATION_INVALID")


# Races and crashes


@pytest.mark.parametrize("family", FAMILIES)
def test_of_twenty_who_redeem_at_once_one_has_an_account(app, client, root, services, family):
    token = invite(client, root)["token"]
    together = threading.Barrier(20)

    def redeem(number: int) -> int:
        together.wait()
        return sign_up(app.test_client(), family, f"racer{number}", token).status_code

    with ThreadPoolExecutor(20) as pool:
        statuses = sorted(pool.map(redeem, range(20)))
    assert statuses == [201] + [400] * 19
    racers = services.accounts.users.collection.count_documents(
        {"username_key": {"$gte": "racer", "$lt": "racer~"}}
    )
    assert racers == 1
    assert services.accounts.users.by_login("root") is not None


def test_a_crash_between_redeeming_and_keeping_the_user_leaves_neither(client, root, services):
    """What happens inside the transaction is as if it had not been, however it ends."""
    registration, token = services.registration, invite(client, root)["token"]

    class PowerCut(BaseException):
        pass

    def work(within) -> None:
        now = registration.now()
        assert registration.invitations.redeem(token, user_id=NOBODY, now=now, within=within)
        raise PowerCut

    with pytest.raises(PowerCut):
        registration.transactions.run(work)
    assert sign_up(client, "platform", "newcomer", token).status_code == 201


def test_who_is_beaten_to_it_inside_the_transaction_is_refused(client, root, ann, services):
    made = invite(client, root)
    checked = services.registration.check("late@example.com", made["token"])
    assert sign_up(client, "platform", "early", made["token"]).status_code == 201
    late = replace(ann.user, id=container.new_id(), oid="0" * 24, email="late@example.com")
    with pytest.raises(InvitationInvalid):
        services.registration.add(replace(late, username_key="late"), checked)
    assert services.accounts.users.by_login("late@example.com") is None


# Creating, listing, validating, revoking


def test_inviting_answers_003s_fields_and_a_link(client, root, clock):
    body = invite(client, root, email="noa@example.com", role="creator")
    assert set(body) == INVITATION | {"link"}
    assert UUID.fullmatch(body["id"])
    assert uuid.UUID(body["token"]).version == 4
    assert abs(moment(body["created_at"]) - clock()) < dt.timedelta(seconds=5)
    assert moment(body["expires_at"]) - moment(body["created_at"]) == dt.timedelta(days=7)
    expected = {
        "email": "noa@example.com",
        "role": "creator",
        "created_by": root.user.id,
        "used": False,
        "used_at": None,
    }
    assert {name: body[name] for name in expected} == expected
    link = urlsplit(body["link"])
    assert (link.scheme, link.netloc, link.path) == ("http", "127.0.0.1:5000", "/register")
    assert parse_qs(link.query) == {"invitation": [body["token"]]}


def test_the_default_is_a_viewer_whom_000_calls_user(client, root):
    assert invite(client, root)["role"] == "user"
    assert invite(client, root, role="user", email=None)["role"] == "user"


def test_whom_it_is_for_is_written_to(client, root, services):
    body = invite(client, root, email="noa@example.com")
    invite(client, root)
    mails = services.mailing.mails.collection.find({"kind": "invitation"}, hint="_id_")
    assert [(mail["to"], mail["context"]["link"]) for mail in mails] == [
        ("noa@example.com", body["link"])
    ]


@pytest.mark.parametrize(
    "body", [{"email": "nonsense"}, {"email": 5}, {"role": "king"}, {"role": None}, {"x": 1}]
)
def test_a_bad_invitation_is_refused(client, root, body):
    failed(
        client.post("/api/invitations", json=body, headers=root.headers), 400, "VALIDATION_ERROR"
    )


def test_who_has_an_account_is_not_invited(client, root, ann):
    body = {"email": "ANN@example.com"}
    failed(client.post("/api/invitations", json=body, headers=root.headers), 409, "CONFLICT")


def test_invitations_are_listed_newest_first_page_by_page(client, root):
    tokens = [invite(client, root)["token"] for _ in range(5)][::-1]

    def page(query: str) -> dict:
        answer = client.get(f"/api/invitations?page_size=2&{query}", headers=root.headers)
        assert answer.status_code == 200
        return answer.json

    first = page("")
    assert set(first) == {"invitations", "pagination"}
    assert set(first["invitations"][0]) == LISTED
    assert set(first["pagination"]) == PAGINATION
    assert first["pagination"] | {"next_cursor": ""} == {
        "current_page": 1,
        "total_pages": 3,
        "total_items": 5,
        "has_next": True,
        "has_prev": False,
        "next_cursor": "",
    }
    by_number = [page(f"page={n}") for n in (1, 2, 3)]
    seen = [item["token"] for answer in by_number for item in answer["invitations"]]
    assert seen == tokens
    invite(client, root)
    second = page(f"cursor={first['pagination']['next_cursor']}")
    assert [item["token"] for item in second["invitations"]] == tokens[2:4]
    assert second["pagination"]["has_prev"] is True
    last = page("page=3")
    assert last["pagination"]["next_cursor"] is None


@pytest.mark.parametrize("query", ["page_size=101", "page=0", "cursor=forged", "page=x"])
def test_a_bad_page_is_refused(client, root, query):
    answer = client.get(f"/api/invitations?{query}", headers=root.headers)
    failed(answer, 400, "VALIDATION_ERROR")


def test_validating_tells_whom_it_is_for_and_until_when(client, root):
    made = invite(client, root, email="noa@example.com")
    answer = client.get(f"/api/invitations/validate/{made['token']}")
    assert answer.status_code == 200
    assert answer.json == {
        "valid": True,
        "email": "noa@example.com",
        "expires_at": made["expires_at"],
    }
    failed(client.get(f"/api/invitations/validate/{NOBODY}"), 400, "INVITATION_INVALID")


@pytest.mark.parametrize("spelling", ["id", "oid"])
def test_a_revoked_invitation_lets_nobody_in_and_revoking_twice_is_fine(
    client, root, services, spelling
):
    made = invite(client, root)
    invitation = services.invitations.invitations.get(made["id"])
    reference = getattr(invitation, spelling)
    assert (OID if spelling == "oid" else UUID).fullmatch(reference)
    for _ in range(2):
        answer = client.delete(f"/api/invitations/{reference}", headers=root.headers)
        assert (answer.status_code, set(answer.json)) == (200, {"success", "message"})
    failed(sign_up(client, "platform", "newcomer", made["token"]), 400, "INVITATION_INVALID")
    failed(client.get(f"/api/invitations/validate/{made['token']}"), 400, "INVITATION_INVALID")
    actions = [entry.action for entry in services.audit.log.newest(limit=5)]
    assert actions.count("invitation_revoked") == 1


def test_a_used_invitation_cannot_be_revoked(client, root):
    made = invite(client, root)
    assert sign_up(client, "platform", "newcomer", made["token"]).status_code == 201
    path = f"/api/invitations/{made['id']}"
    failed(client.delete(path, headers=root.headers), 409, "CONFLICT")


@pytest.mark.parametrize("reference", [NOBODY, "0" * 24, "nonsense"])
def test_an_unknown_invitation_is_not_found(client, root, reference):
    answer = client.delete(f"/api/invitations/{reference}", headers=root.headers)
    failed(answer, 404, "NOT_FOUND")


@pytest.mark.parametrize("role", [Role.VIEWER, Role.CREATOR, Role.STAFF])
@pytest.mark.parametrize(
    ("method", "path"), [("POST", ""), ("GET", ""), ("DELETE", f"/{NOBODY}"), ("DELETE", "/{made}")]
)
def test_only_admins_deal_with_invitations(client, root, join, role, method, path):
    path = "/api/invitations" + path.format(made=invite(client, root)["id"])
    body = {"json": {}} if method == "POST" else {}
    answer = client.open(path, method=method, headers=join(role=role).headers, **body)
    failed(answer, 403, "FORBIDDEN")


def test_no_audit_entry_holds_a_token(client, root, services):
    made = invite(client, root, email="noa@example.com")
    entries = services.audit.log.collection.find({}, hint="_id_")
    assert not re.search(made["token"], str(list(entries)))
