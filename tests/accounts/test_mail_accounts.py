"""What is proved by reading a mail: an address, and who may choose a new password."""

from __future__ import annotations

import datetime as dt
import statistics
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from redis import Redis

from models.email_tokens import Purpose
from models.errors import Invalid, Unauthorized, Unavailable
from models.mails import MailKind
from services import container
from services.accounts.sessions import Device
from services.adapters.mail.mailer import SmtpMailer
from services.adapters.register import RedisSessionRegister
from services.mailing import hash_of
from tests.mailbox import deliver, mailed, smtp_server, waiting
from tests.wire import NOBODY, OID, UUID, bearer, failed, fields_of, sign_in, unchanging

ANN = "ann@example.com"
HOUR = dt.timedelta(hours=1)
FAMILIES = ("/auth", "/api/auth")
STRONG = "N3wPassword"


def told(answer) -> set[str]:
    """The keys of an answer that went well, whichever family's."""
    assert answer.status_code == 200, answer.json
    assert answer.json["message"]
    return set(answer.json) - {"success"}


def forgot(client, services, prefix: str = "/auth", email: str = ANN) -> str:
    """Ask for a link as somebody does who forgot their password; answers the token in it."""
    told(client.post(f"{prefix}/forgot-password", json={"email": email}))
    return mailed(services, MailKind.PASSWORD_RESET, email)[-1].token


def verification_token(services, email: str = ANN) -> str:
    return mailed(services, MailKind.VERIFICATION, email)[-1].token


def user_of(services, email: str = ANN):
    return services.accounts.users.by_login(email)


def actions(services, user_id: str) -> list[str]:
    found = services.audit.log.newest(user_id=user_id, limit=50)
    return [entry.action.value for entry in found]


def logs_in(client, password: str, login: str = ANN) -> bool:
    body = {"email": login, "password": password}
    return client.post("/auth/login", json=body).status_code == 200


# Verifying


@pytest.mark.parametrize("family", ["mobile", "platform"])
def test_signing_up_sends_a_link_that_verifies_the_address(client, services, family):
    if family == "mobile":
        body = {"name": "Ann", "email": ANN, "password": "secret"}
        client.post("/auth/signup", json=body)
    else:
        body = {"username": "ann", "email": ANN, "password": "Passw0rd"}
        client.post("/api/auth/register", json=body)
    (letter,) = deliver(services)
    assert (letter.to, letter.subject) == (ANN, "Verify your e-mail address")
    assert letter.link.startswith("http://127.0.0.1:5000/auth/verify-email?token=")
    assert not user_of(services).email_verified
    answer = client.post("/auth/verify-email", json={"token": letter.token})
    assert answer.status_code == 200
    assert answer.json == {"message": "E-mail address verified."}
    assert user_of(services).email_verified
    assert "email_verified" in actions(services, user_of(services).id)


def test_the_link_begins_where_people_reach_clutch(settings):
    services = container.build(replace(settings, public_url="https://videos.example.com/"))
    services.accounts.sign_up(email=ANN, password="secret", display_name="Ann")
    (letter,) = deliver(services)
    assert letter.link.startswith("https://videos.example.com/auth/verify-email?token=")


def test_no_token_is_stored_in_the_clear(client, services, ann):
    token = forgot(client, services)
    database = services.accounts.users.collection.database
    for name in ("mails", "email_tokens", "audit_log", "users"):
        stored = str(list(database[name].find().hint("_id_")))
        assert token not in stored
    assert hash_of(token) in str(list(database.email_tokens.find().hint("_id_")))


def refused_alike(client, path: str, bodies: list[dict]) -> None:
    """All of these get one and the same answer, which says what to do next."""
    said = {unchanging(failed(client.post(path, json=b), 400, "VALIDATION_ERROR")) for b in bodies}
    assert len(said) == 1
    assert "no longer valid. Please " in said.pop()


def test_a_link_that_is_unknown_used_expired_or_overtaken_is_refused_alike(
    client, services, ann, join, clock
):
    overtaken = verification_token(services)
    client.post("/auth/resend-verification", json={"email": ANN})
    used = verification_token(services)
    assert used != overtaken
    bodies = [{"token": overtaken}, {"token": "x"}]
    refused_alike(client, "/auth/verify-email", bodies)
    told(client.post("/auth/verify-email", json={"token": used}))
    join("bob")
    expired = verification_token(services, "bob@example.com")
    clock.forward(hours=24, seconds=1)
    refused_alike(client, "/auth/verify-email", [*bodies, {"token": used}, {"token": expired}])


def test_a_verification_lasts_a_day(client, services, ann, clock):
    token = verification_token(services)
    clock.forward(hours=23, minutes=59)
    told(client.post("/auth/verify-email", json={"token": token}))


def test_a_link_says_nothing_about_another_address(client, services, ann):
    verify, reset = verification_token(services), forgot(client, services)
    services.accounts.users.collection.update_one(
        {"id": ann.user.id}, {"$set": {"email": "new@example.com"}}
    )
    refused_alike(client, "/auth/verify-email", [{"token": verify}])
    refused_alike(client, "/auth/reset-password", [{"token": reset, "password": "secret"}])
    assert not user_of(services, "new@example.com").email_verified
    assert logs_in(client, "Passw0rd", "new@example.com")


def test_a_token_is_good_for_its_own_purpose_only(client, services, ann):
    verify, reset = verification_token(services), forgot(client, services)
    refused_alike(client, "/auth/verify-email", [{"token": reset}])
    refused_alike(client, "/auth/reset-password", [{"token": verify, "password": "secret"}])
    # Neither was used up by that.
    told(client.post("/auth/verify-email", json={"token": verify}))
    told(client.post("/auth/reset-password", json={"token": reset, "password": "secret"}))


@pytest.mark.parametrize("purpose", Purpose)
def test_of_twenty_who_use_a_token_at_once_one_wins(services, ann, client, purpose):
    token = verification_token(services) if purpose is Purpose.VERIFY else forgot(client, services)

    def use(number: int) -> bool:
        try:
            if purpose is Purpose.VERIFY:
                services.verification.verify(token)
            else:
                services.recovery.reset(token, f"password{number}", Device())
        except Invalid:
            return False
        return True

    with ThreadPoolExecutor(20) as pool:
        results = list(pool.map(use, range(20)))
    assert results.count(True) == 1
    if purpose is Purpose.RESET:
        assert logs_in(client, f"password{results.index(True)}")


def test_who_is_verified_already_gets_no_other_link(client, services, ann):
    told(client.post("/auth/verify-email", json={"token": verification_token(services)}))
    told(client.post("/auth/resend-verification", json={"email": ANN}))
    assert deliver(services) == []


# Bodies that are wrong


WRONG_BODIES = [
    ("/auth/verify-email", {}, {"token"}),
    ("/auth/verify-email", {"token": {"$gt": ""}}, {"token"}),
    ("/auth/verify-email", {"token": "x" * 201}, {"token"}),
    ("/auth/resend-verification", {}, {"email"}),
    ("/auth/resend-verification", {"email": "nobody"}, {"email"}),
    *(
        row
        for prefix, weak in (("/auth", "short"), ("/api/auth", "passw0rd"))
        for row in (
            (f"{prefix}/forgot-password", {}, {"email"}),
            (f"{prefix}/forgot-password", {"email": "nobody"}, {"email"}),
            (f"{prefix}/forgot-password", {"email": ["a@example.com"]}, {"email"}),
            (f"{prefix}/reset-password", {}, {"token", "password"}),
            (f"{prefix}/reset-password", {"token": "x", "password": weak}, {"password"}),
            (f"{prefix}/reset-password", {"token": "x", "password": "P0" * 600}, {"password"}),
            (f"{prefix}/change-password", {}, {"current_password", "password"}),
            (
                f"{prefix}/change-password",
                {"current_password": "Passw0rd", "password": weak},
                {"password"},
            ),
        )
    ),
]


@pytest.mark.parametrize(("path", "body", "fields"), WRONG_BODIES)
def test_a_body_that_is_wrong_is_said_to_be(client, ann, path, body, fields):
    answer = client.post(path, json=body, headers=ann.headers)
    assert set(fields_of(failed(answer, 400, "VALIDATION_ERROR"))) == fields


def test_a_reset_with_a_weak_password_does_not_use_the_link_up(client, services, ann):
    token = forgot(client, services)
    client.post("/auth/reset-password", json={"token": token, "password": "x"})
    told(client.post("/auth/reset-password", json={"token": token, "password": "secret"}))


@pytest.mark.parametrize("prefix", FAMILIES)
def test_changing_a_password_takes_a_token(client, prefix):
    body = {"current_password": "Passw0rd", "password": STRONG}
    failed(client.post(f"{prefix}/change-password", json=body), 401, "UNAUTHORIZED")


# Forgetting


@pytest.mark.parametrize("prefix", FAMILIES)
def test_a_forgotten_password_is_replaced_and_every_device_signed_out(
    client, services, ann, prefix
):
    other = sign_in(client, "ann")["tokens"]
    token = forgot(client, services, prefix)
    answer = client.post(f"{prefix}/reset-password", json={"token": token, "password": STRONG})
    assert told(answer) == {"message"}
    assert ("success" in answer.json) is (prefix == "/api/auth")
    for access in (ann.token, other["access_token"]):
        failed(client.get("/auth/me", headers=bearer(access)), 401, "UNAUTHORIZED")
    for refresh in (ann.refresh_token, other["refresh_token"]):
        body = {"refresh_token": refresh}
        failed(client.post("/api/auth/refresh", json=body), 401, "UNAUTHORIZED")
    assert logs_in(client, STRONG)
    assert not logs_in(client, "Passw0rd")
    done = actions(services, ann.user.id)
    assert {"password_reset_requested", "password_reset"} <= set(done)


def test_a_reset_verifies_the_address_and_tells_its_owner(client, services, ann):
    token = forgot(client, services)
    client.post("/auth/reset-password", json={"token": token, "password": "secret"})
    assert user_of(services).email_verified
    (notice,) = mailed(services, MailKind.PASSWORD_CHANGED, ANN)
    assert notice.subject == "Your password was changed"
    # By now it is known whose name this is.
    assert "Hello ann," in notice.text
    assert "UTC" in notice.text


def test_nobody_is_greeted_by_a_name_before_the_address_is_theirs(services, client):
    body = {"name": "You won! http://evil.example", "email": ANN, "password": "secret"}
    client.post("/auth/signup", json=body)
    forgot(client, services)
    for kind in (MailKind.VERIFICATION, MailKind.PASSWORD_RESET):
        (letter,) = mailed(services, kind, ANN)
        assert "evil" not in letter.text + letter.html


@pytest.mark.parametrize("prefix", FAMILIES)
def test_a_reset_link_that_is_unknown_used_expired_or_overtaken_is_refused_alike(
    client, services, ann, clock, prefix
):
    overtaken, used = forgot(client, services), forgot(client, services)
    path = f"{prefix}/reset-password"
    told(client.post(path, json={"token": used, "password": STRONG}))
    expired = forgot(client, services)
    clock.forward(hours=1, seconds=1)
    tokens = (overtaken, used, expired, "x", NOBODY)
    refused_alike(client, path, [{"token": token, "password": STRONG} for token in tokens])
    assert logs_in(client, STRONG)


def test_a_reset_link_lasts_an_hour(client, services, ann, clock):
    token = forgot(client, services)
    clock.forward(minutes=59)
    told(client.post("/auth/reset-password", json={"token": token, "password": "secret"}))


def test_who_is_deactivated_gets_no_link_and_can_use_none(client, services, ann):
    token = forgot(client, services)
    users = services.accounts.users.collection
    users.update_one({"id": ann.user.id}, {"$set": {"is_active": False}})
    refused_alike(client, "/auth/reset-password", [{"token": token, "password": "secret"}])
    for path in ("/auth/forgot-password", "/auth/resend-verification"):
        told(client.post(path, json={"email": ANN}))
    assert deliver(services) == []


def test_a_reset_lifts_what_guessing_has_locked(client, services, ann):
    for _ in range(6):
        client.post("/auth/login", json={"email": ANN, "password": "wrong"})
    failed(
        client.post("/auth/login", json={"email": ANN, "password": "Passw0rd"}), 429, "RATE_LIMITED"
    )
    token = forgot(client, services)
    client.post("/auth/reset-password", json={"token": token, "password": "secret"})
    assert logs_in(client, "secret")


def test_a_reset_gives_a_password_to_who_has_none(client, services, ann):
    users = services.accounts.users.collection
    users.update_one({"id": ann.user.id}, {"$set": {"password_hash": ""}})
    body = {"current_password": "anything", "password": "secret"}
    answer = client.post("/auth/change-password", json=body, headers=ann.headers)
    failed(answer, 400, "VALIDATION_ERROR")
    token = forgot(client, services)
    told(client.post("/auth/reset-password", json={"token": token, "password": "secret"}))
    assert logs_in(client, "secret")


def test_forgetting_and_resending_answer_everybody_alike_and_as_fast(
    client, services, ann, bob, join, record_property
):
    """The request does the same for all; who it is for is found out while sending."""
    client.post("/auth/verify-email", json={"token": verification_token(services)})
    gone = join("gone")
    services.accounts.users.collection.update_one(
        {"id": gone.user.id}, {"$set": {"is_active": False}}
    )
    people = {
        "verified": ANN,
        "unverified": bob.user.email,
        "deactivated": gone.user.email,
        "unknown": "nobody@example.com",
    }
    for path in ("/auth/forgot-password", "/auth/resend-verification", "/api/auth/forgot-password"):
        answers, seconds = set(), {who: [] for who in people}
        for _ in range(25):
            for who, email in people.items():
                # As the first of its kind: what waits already is quicker to ask for.
                services.mailing.mails.collection.delete_many({"to": email})
                services.queue.rq.connection.flushdb()
                began = time.perf_counter()
                answer = client.post(path, json={"email": email})
                seconds[who].append(time.perf_counter() - began)
                answers.add((answer.status_code, unchanging(answer.json)))
        assert len(answers) == 1
        medians = {who: statistics.median(taken) * 1000 for who, taken in seconds.items()}
        record_property(path, ", ".join(f"{who} {ms:.1f} ms" for who, ms in medians.items()))
        assert max(medians.values()) < 1.5 * min(medians.values()) + 1


# Changing


@pytest.mark.parametrize("prefix", FAMILIES)
def test_a_changed_password_keeps_this_session_and_ends_the_others(client, services, ann, prefix):
    other = sign_in(client, "ann")["tokens"]
    body = {"current_password": "Passw0rd", "password": STRONG}
    answer = client.post(f"{prefix}/change-password", json=body, headers=ann.headers)
    assert told(answer) == {"message"}
    assert ("success" in answer.json) is (prefix == "/api/auth")
    assert client.get("/auth/me", headers=ann.headers).status_code == 200
    failed(client.get("/auth/me", headers=bearer(other["access_token"])), 401, "UNAUTHORIZED")
    assert logs_in(client, STRONG)
    assert not logs_in(client, "Passw0rd")
    assert "password_changed" in actions(services, ann.user.id)
    assert len(mailed(services, MailKind.PASSWORD_CHANGED, ANN)) == 1


@pytest.mark.parametrize("prefix", FAMILIES)
def test_a_wrong_current_password_changes_nothing_and_counts(client, services, ann, prefix):
    path, body = f"{prefix}/change-password", {"current_password": "wrong", "password": STRONG}
    for _ in range(6):
        answer = client.post(path, json=body, headers=ann.headers)
        if answer.status_code == 429:
            break
        found = failed(answer, 400, "VALIDATION_ERROR")
        assert set(fields_of(found)) == {"current_password"}
    right = body | {"current_password": "Passw0rd"}
    failed(client.post(path, json=right, headers=ann.headers), 429, "RATE_LIMITED")
    assert user_of(services).password_hash == ann.user.password_hash
    done = actions(services, ann.user.id)
    assert {"sign_in_failed", "locked_out"} <= set(done)
    assert "password_changed" not in done


def test_a_change_makes_an_outstanding_reset_link_worthless(client, services, ann):
    token = forgot(client, services)
    body = {"current_password": "Passw0rd", "password": "secret"}
    told(client.post("/auth/change-password", json=body, headers=ann.headers))
    refused_alike(client, "/auth/reset-password", [{"token": token, "password": "stolen"}])
    assert logs_in(client, "secret")


def test_of_two_who_change_a_password_at_once_one_succeeds(app, ann):
    def change(number: int) -> int:
        body = {"current_password": "Passw0rd", "password": f"password{number}"}
        client = app.test_client()
        return client.post("/auth/change-password", json=body, headers=ann.headers).status_code

    with ThreadPoolExecutor(8) as pool:
        statuses = list(pool.map(change, range(8)))
    assert statuses.count(200) == 1
    assert set(statuses) <= {200, 400, 409, 429}


def test_who_is_gone_has_no_password_to_change(client, services, ann):
    services.accounts.users.collection.delete_one({"id": ann.user.id})
    body = {"current_password": "Passw0rd", "password": "secret"}
    answer = client.post("/auth/change-password", json=body, headers=ann.headers)
    failed(answer, 404, "NOT_FOUND")


def test_a_session_that_was_being_opened_with_the_old_password_is_over(services, ann):
    """The check came before the change, and the session after the others were ended."""
    services.recovery.change(actor_of(services, ann), "Passw0rd", "secret", Device())
    with pytest.raises(Unauthorized):
        services.sessions.open(ann.user, device=Device(), lifetime=HOUR)
    alive = services.sessions.sessions.alive_of(ann.user.id, services.sessions.now())
    assert [session.id for session in alive] == [actor_of(services, ann).session_id]


def actor_of(services, person):
    return services.sessions.authenticate(person.token).actor


def test_a_change_while_redis_is_away_is_told_all_the_same(services, ann):
    actor = actor_of(services, ann)
    services.sessions.open(user_of(services), device=Device(), lifetime=HOUR)
    away = RedisSessionRegister(Redis(port=1, socket_connect_timeout=0.1))
    cut_off = replace(services.recovery, sessions=replace(services.sessions, live=away))
    with pytest.raises(Unavailable):
        cut_off.change(actor, "Passw0rd", "secret", Device())
    alive = services.sessions.sessions.alive_of(ann.user.id, services.sessions.now())
    assert len(alive) == 1
    assert len(mailed(services, MailKind.PASSWORD_CHANGED, ANN)) == 1


# Where an address must be verified


class TestStrict:
    """REQUIRE_EMAIL_VERIFICATION."""

    @pytest.fixture
    def settings(self, settings):
        return replace(settings, require_email_verification=True)

    SIGN_UP = {"name": "Ann", "email": ANN, "password": "Passw0rd"}  # noqa: RUF012 - a constant
    REGISTER = {"username": "ann_1", "email": ANN, "password": "Passw0rd"}  # noqa: RUF012 - the same

    @pytest.mark.parametrize("path", ["/auth/login", "/api/auth/login"])
    def test_who_is_not_verified_does_not_come_in_and_gets_a_link(self, client, services, path):
        client.post("/auth/signup", json=self.SIGN_UP)
        deliver(services)
        login = {"email": ANN, "password": "Passw0rd"}
        for _ in range(3):
            failed(client.post(path, json=login), 403, "EMAIL_NOT_VERIFIED")
        assert len(waiting(services)) == 1
        # Whoever does not know the password learns nothing and sends nothing.
        wrong = client.post(path, json=login | {"password": "Wrong000"})
        failed(wrong, 401, "UNAUTHORIZED")
        token = verification_token(services)
        told(client.post("/auth/verify-email", json={"token": token}))
        assert client.post(path, json=login).status_code == 200

    def test_registering_signs_nobody_in_and_says_why(self, client, services):
        answer = client.post("/api/auth/register", json=self.REGISTER)
        assert answer.status_code == 201
        assert set(answer.json) == {"success", "message", "user", "tokens"}
        assert answer.json["tokens"] is None
        assert "link" in answer.json["message"]
        assert services.sessions.sessions.alive_of(user_of(services).id, container.now()) == []

    def test_a_taken_address_is_answered_like_a_free_one_and_its_owner_told(self, client, services):
        new = client.post("/api/auth/register", json=self.REGISTER)
        deliver(services)
        again = client.post("/api/auth/register", json=self.REGISTER | {"username": "zed"})
        assert (new.status_code, again.status_code) == (201, 201)
        assert self.shape(new.json) == self.shape(again.json)
        assert again.json["user"]["username"] == "zed"
        assert services.accounts.users.get(again.json["user"]["id"]) is None
        assert services.accounts.users.by_login("zed") is None
        (letter,) = deliver(services)
        assert (letter.to, letter.subject) == (ANN, "You already have an account")
        assert "token=" not in letter.text
        assert "signed_up_again" in actions(services, user_of(services).id)

    def test_the_mobile_api_does_not_tell_either(self, client, services):
        new = client.post("/auth/signup", json=self.SIGN_UP)
        again = client.post("/auth/signup", json=self.SIGN_UP | {"name": "Zed"})
        assert (new.status_code, again.status_code) == (201, 201)
        assert set(new.json) == set(again.json) == {"message", "user_id"}
        assert new.json["message"] == again.json["message"]
        assert new.json["user_id"] != again.json["user_id"]
        assert OID.fullmatch(again.json["user_id"])
        assert services.accounts.users.get(again.json["user_id"]) is None
        assert user_of(services).display_name == "Ann"

    def test_a_taken_username_conflicts_whether_or_not_the_address_is_taken(self, client):
        client.post("/api/auth/register", json=self.REGISTER)
        client.post(
            "/api/auth/register",
            json=self.REGISTER | {"email": "bob@example.com", "username": "bob_1"},
        )
        answers = [
            client.post(
                "/api/auth/register", json=self.REGISTER | {"username": "BOB_1", "email": email}
            )
            for email in (ANN, "free@example.com")
        ]
        assert len({unchanging(failed(answer, 409, "CONFLICT")) for answer in answers}) == 1

    def test_an_owner_who_is_deactivated_is_told_as_well(self, client, services):
        client.post("/auth/signup", json=self.SIGN_UP)
        services.accounts.users.collection.update_one(
            {"id": user_of(services).id}, {"$set": {"is_active": False}}
        )
        assert client.post("/auth/signup", json=self.SIGN_UP).status_code == 201
        assert len(mailed(services, MailKind.ACCOUNT_EXISTS, ANN)) == 1

    def test_a_reset_is_a_verification_too(self, client, services):
        client.post("/auth/signup", json=self.SIGN_UP)
        token = forgot(client, services)
        client.post("/auth/reset-password", json={"token": token, "password": "secret"})
        assert logs_in(client, "secret")

    def test_signing_up_with_a_taken_address_takes_as_long(self, client, services, record_property):
        client.post("/auth/signup", json=self.SIGN_UP)
        seconds: dict[str, list[float]] = {"free": [], "taken": []}
        for number in range(30):
            for kind, email in (("free", f"p{number}@example.com"), ("taken", ANN)):
                services.mailing.mails.collection.delete_many({"to": email})
                services.queue.rq.connection.flushdb()
                began = time.perf_counter()
                client.post("/auth/signup", json=self.SIGN_UP | {"email": email})
                seconds[kind].append(time.perf_counter() - began)
        medians = {kind: statistics.median(taken) * 1000 for kind, taken in seconds.items()}
        record_property("signing up", ", ".join(f"{k} {ms:.1f} ms" for k, ms in medians.items()))
        assert max(medians.values()) < 2 * min(medians.values()) + 2

    @staticmethod
    def shape(answer: dict) -> dict:
        """An answer without what differs between any two people."""
        user = answer["user"]
        assert UUID.fullmatch(user["id"])
        plain = user | {"id": "", "username": "", "display_name": "", "created_at": ""}
        return answer | {"user": plain}


@pytest.mark.parametrize(
    ("path", "body"),
    [("/auth/signup", TestStrict.SIGN_UP), ("/api/auth/register", TestStrict.REGISTER)],
)
def test_where_nothing_must_be_verified_a_taken_address_conflicts_as_documented(
    client, ann, path, body
):
    failed(client.post(path, json=body), 409, "CONFLICT")


# The pages that links lead to


@pytest.mark.parametrize("path", ["/auth/verify-email", "/auth/reset-password"])
def test_opening_a_link_changes_nothing_and_loads_nothing(client, services, ann, path):
    token = verification_token(services) if "verify" in path else forgot(client, services)
    for url in (f"{path}?token={token}", f"{path}?token=<script>", path):
        page = client.get(url)
        assert page.status_code == 200
        assert page.content_type.startswith("text/html")
        assert (page.headers["Cache-Control"], page.headers["Referrer-Policy"]) == (
            "no-store",
            "no-referrer",
        )
        # The page is the same for all: nothing of the address is in it.
        assert token not in page.text
        assert "?token" not in page.text
        assert "://" not in page.text
        policy = page.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert page.headers["X-Frame-Options"] == "DENY"
    assert client.head(f"{path}?token={token}").status_code == 200
    told(client.post(path, json={"token": token, "password": "secret"}))


# From end to end


def test_the_links_in_mails_from_a_real_server_work(services, client, ann):
    """Must-show 4: asked over HTTP, sent by the job over SMTP, opened, and posted."""
    with smtp_server() as inbox:
        mailer = SmtpMailer(
            host=inbox.host, port=inbox.port, sender="CLUTCH <a@clutch.internal>", security="none"
        )
        service = replace(services.mailing, mailer=mailer)
        client.post("/auth/forgot-password", json={"email": ANN})
        for mail in waiting(services):
            service.send(mail.id)
        by_subject = {letter.subject: letter for letter in inbox.received}
    assert inbox.recipients == [ANN, ANN]
    for subject, body in (
        ("Verify your e-mail address", {}),
        ("Choose a new password", {"password": "secret"}),
    ):
        link = by_subject[subject].link
        assert client.get(link).status_code == 200
        path = link.partition("?")[0]
        told(client.post(path, json={"token": by_subject[subject].token, **body}))
    assert user_of(services).email_verified
    assert logs_in(client, "secret")


def test_a_link_that_comes_after_a_refusal_works_and_was_asked_for_once(
    services, client, ann, clock
):
    with smtp_server() as inbox:
        mailer = SmtpMailer(
            host=inbox.host, port=inbox.port, sender="CLUTCH <a@clutch.internal>", security="none"
        )
        service = replace(services.mailing, mailer=mailer)
        client.post("/auth/forgot-password", json={"email": ANN})
        (mail,) = (mail for mail in waiting(services) if mail.kind is MailKind.PASSWORD_RESET)
        inbox.refusals.append("451 4.3.0 later")
        service.send(mail.id)
        clock.forward(seconds=31)
        service.send(mail.id)
        (letter,) = inbox.received
    told(client.post("/auth/reset-password", json={"token": letter.token, "password": "secret"}))
    assert actions(services, ann.user.id).count("password_reset_requested") == 1


@pytest.mark.parametrize(("verified", "stays"), [(False, False), (True, True)])
def test_a_second_factor_that_somebody_set_up_for_an_address_not_theirs_goes_with_a_reset(
    client, services, ann, verified, stays
):
    factor = {"secret": "x", "confirmed_at": services.accounts.now(), "last_step": 0}
    values = {"second_factor": factor | {"recovery_hashes": []}, "email_verified": verified}
    services.accounts.users.collection.update_one({"id": ann.user.id}, {"$set": values})
    token = forgot(client, services)
    told(client.post("/auth/reset-password", json={"token": token, "password": STRONG}))
    assert (user_of(services).second_factor is not None) == stays
