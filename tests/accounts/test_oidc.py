"""Signing in with an account elsewhere, against a provider over HTTP, which can also lie."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qs, urlsplit

import jwt
import pytest
import requests

from app import create_app
from config import Settings
from models.audit import Action
from services import container
from services.adapters.openid import PAUSE
from tests.openid_provider import ANN, CLIENT_ID, CLIENT_SECRET, Provider, running
from tests.phones import set_up
from tests.wire import bearer, failed

APP = "https://app.example/done"
LOGIN_KEYS = {"message", "token", "user", "refresh_token", "expires_in"}


@pytest.fixture
def provider() -> Iterator[Provider]:
    with running() as provider:
        yield provider


@pytest.fixture
def settings(settings: Settings, provider: Provider) -> Settings:
    return replace(
        settings,
        oidc_issuer=provider.url,
        oidc_client_id=CLIENT_ID,
        oidc_client_secret=CLIENT_SECRET,
        oidc_name="Example",
        public_url="http://localhost",
        cors_origins=("https://app.example", "http://localhost:3000"),
    )


def start(client: Any, return_to: str | None = None) -> str:
    """Set out; answers the provider's address that the browser is sent to."""
    query = {} if return_to is None else {"return_to": return_to}
    answer = client.get("/auth/oidc/start", query_string=query)
    assert answer.status_code == 302, answer.json
    return answer.headers["Location"]


def go(url: str) -> str:
    """Let the provider send the browser back; answers the path and query of our callback."""
    answer = requests.get(url, allow_redirects=False, timeout=5)
    assert answer.status_code == 302
    back = answer.headers["Location"]
    assert back.startswith("http://localhost/auth/oidc/callback?")
    return back.removeprefix("http://localhost")


def sign_in(client: Any, return_to: str | None = None) -> Any:
    return client.get(go(start(client, return_to)))


def query_of(url: str) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}


def exchange(client: Any, answer: Any, **more: str) -> Any:
    """Trade the code that `return_to` was given."""
    assert answer.status_code == 302, answer.json
    code = query_of(answer.headers["Location"])["code"]
    return client.post("/auth/oidc/token", json={"code": code} | more)


@pytest.fixture
def verified(services) -> Callable:
    """Somebody whose address is verified here."""

    def verify(person):
        users = services.accounts.users.collection
        users.update_one({"id": person.user.id}, {"$set": {"email_verified": True}})
        return person

    return verify


def user_count(services) -> int:
    return services.accounts.users.collection.count_documents({}, hint="_id_")


# What works


def test_it_is_told_that_there_is_a_provider(client):
    assert client.get("/auth/oidc").json == {"enabled": True, "name": "Example"}


def test_somebody_new_is_signed_in_and_their_tokens_are_in_no_address(client, provider, services):
    answer = sign_in(client, APP + "?mine=1")
    location = answer.headers["Location"]
    assert location.startswith(APP + "?mine=1&code=")
    assert set(query_of(location)) == {"mine", "code"}
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    done = exchange(client, answer, device="Ann's phone")
    assert done.status_code == 200
    assert set(done.json) == LOGIN_KEYS
    assert set(done.json["user"]) == {"id", "name", "email"}
    assert done.json["message"] == "Login successful"
    assert done.json["expires_in"] == 86400
    assert done.json["user"]["email"] == "ann@example.com"
    me = client.get("/api/auth/me", headers=bearer(done.json["token"])).json["user"]
    assert (me["display_name"], me["username"]) == ("Ann There", "ann")
    (session,) = client.get("/auth/sessions", headers=bearer(done.json["token"])).json["sessions"]
    assert session["device"] == "Ann's phone"
    user = services.accounts.users.by_login("ann@example.com")
    assert not user.has_password
    assert user.email_verified
    assert user.last_login
    assert provider.authenticated_by == "basic"


def test_without_an_address_to_return_to_the_answer_is_a_logins(client):
    answer = sign_in(client)
    assert answer.status_code == 200
    assert set(answer.json) == LOGIN_KEYS
    assert answer.headers["Cache-Control"] == "no-store"
    assert client.get("/auth/me", headers=bearer(answer.json["token"])).status_code == 200


def test_who_comes_again_is_the_same_person_whatever_their_address_is_by_then(
    client, provider, services
):
    first = sign_in(client).json["user"]
    provider.claims |= {"email": "new@example.com", "email_verified": False, "name": "Anna"}
    second = sign_in(client).json["user"]
    assert first == second
    assert user_count(services) == 1
    actions = [entry.action for entry in services.audit.log.newest(limit=20)]
    assert actions.count(Action.IDENTITY_LINKED) == 1
    assert actions.count(Action.SIGNED_IN) == 2


def test_any_process_may_finish_what_another_has_begun(client, services, clock):
    other = create_app(container.build(services.settings, now=clock)).test_client()
    answer = client.get("/auth/oidc/start", query_string={"return_to": "/app"})
    cookie = answer.headers["Set-Cookie"].split(";")[0].partition("=")
    other.set_cookie(cookie[0], cookie[2], path="/auth/oidc")
    back = other.get(go(answer.headers["Location"]))
    assert back.headers["Location"].startswith("/app?code=")
    assert exchange(client, back).status_code == 200


def test_the_cookie_is_for_this_browser_and_this_way_alone(client, services, clock):
    cookie = client.get("/auth/oidc/start").headers["Set-Cookie"]
    parts = {part.strip().split("=")[0] for part in cookie.split(";")[1:]}
    assert {"HttpOnly", "SameSite", "Path", "Max-Age"} <= parts
    assert "SameSite=Lax" in cookie
    assert "Path=/auth/oidc" in cookie
    assert "Secure" not in parts
    secure = replace(services.settings, public_url="https://clutch.example")
    cookie = (
        create_app(container.build(secure, now=clock))
        .test_client()
        .get("/auth/oidc/start")
        .headers["Set-Cookie"]
    )
    assert "Secure" in cookie


def test_the_cookie_is_gone_afterwards(client):
    answer = sign_in(client, "/app")
    assert "Max-Age=0" in answer.headers["Set-Cookie"]


def test_discovery_and_keys_are_fetched_once(client, provider):
    for _ in range(3):
        assert sign_in(client).status_code == 200
    assert provider.asked.count("/.well-known/openid-configuration") == 1
    assert provider.asked.count("/jwks") == 1


def test_discovery_is_fetched_anew_after_an_hour(client, provider, clock):
    start(client)
    clock.forward(minutes=61)
    start(client)
    assert provider.asked.count("/.well-known/openid-configuration") == 2


def test_a_rotated_key_is_fetched(client, provider, clock):
    assert sign_in(client).status_code == 200
    provider.rotate()
    clock.forward(seconds=6)
    assert sign_in(client).status_code == 200


def test_a_provider_that_tells_the_address_in_its_userinfo_only(client, provider):
    provider.metadata["userinfo_endpoint"] = f"{provider.url}/userinfo"
    provider.userinfo, provider.claims = ANN, {"sub": ANN["sub"]}
    assert sign_in(client).json["user"]["email"] == "ann@example.com"


@pytest.mark.parametrize(
    "userinfo", [{**ANN, "sub": "another"}, {"email": "x@example.com"}, [], b"<"]
)
def test_userinfo_of_somebody_else_is_refused(client, provider, userinfo, services):
    provider.metadata["userinfo_endpoint"] = f"{provider.url}/userinfo"
    provider.userinfo, provider.claims = userinfo, {"sub": ANN["sub"]}
    answer = sign_in(client)
    status, code = (503, "SERVICE_UNAVAILABLE") if userinfo == b"<" else (401, "UNAUTHORIZED")
    failed(answer, status, code)
    assert user_count(services) == 0


def test_a_provider_that_takes_the_secret_in_the_body_only(client, provider):
    provider.metadata["token_endpoint_auth_methods_supported"] = ["client_secret_post"]
    assert sign_in(client).status_code == 200
    assert provider.authenticated_by == "post"


def test_a_client_without_a_secret_has_its_verifier(services, provider, clock):
    public = replace(services.settings, oidc_client_secret="")
    client = create_app(container.build(public, now=clock)).test_client()
    assert sign_in(client).status_code == 200
    assert provider.authenticated_by == "none"


def test_an_issuer_may_be_written_with_a_slash_at_its_end(services, clock):
    slashed = replace(services.settings, oidc_issuer=services.settings.oidc_issuer + "/")
    assert sign_in(create_app(container.build(slashed, now=clock)).test_client()).status_code == 200


# Whose account it is


def test_an_address_that_both_sides_have_verified_is_linked(client, ann, verified, services):
    verified(ann)
    assert sign_in(client).json["user"]["id"] == ann.user.oid
    assert user_count(services) == 1
    # The password works as before.
    login = {"email": "ann@example.com", "password": "Passw0rd"}
    assert client.post("/auth/login", json=login).status_code == 200


@pytest.mark.parametrize("said", [False, None, "yes", 1.5, ...])
def test_an_address_that_the_provider_has_not_verified_opens_nobodys_account(
    client, ann, verified, provider, said, services
):
    verified(ann)
    provider.claims["email_verified"] = said
    failed(sign_in(client), 409, "CONFLICT")
    assert services.identities.identities.find(provider.url, ANN["sub"]) is None


def test_an_address_that_is_not_verified_here_is_not_linked(client, ann):
    """Whoever signed up here with somebody else's address does not get them as a guest."""
    body = failed(sign_in(client), 409, "CONFLICT")
    assert "verify" in body["message"].lower()


def test_a_failure_is_told_to_the_app(client, ann):
    answer = sign_in(client, APP)
    assert answer.status_code == 302
    assert answer.headers["Location"].startswith(APP)
    said = query_of(answer.headers["Location"])
    assert set(said) == {"error", "error_description"}
    assert said["error"] == "CONFLICT"


@pytest.mark.parametrize("mode", ["closed", "invite"])
def test_who_is_new_is_refused_where_registration_is_not_open(
    services, client, ann, verified, provider, clock, mode
):
    shut = replace(services.settings, registration_mode=mode)
    client = create_app(container.build(shut, now=clock)).test_client()
    provider.claims |= {"email": "new@example.com", "sub": "new"}
    failed(sign_in(client), 403, "FORBIDDEN")
    assert user_count(services) == 1
    provider.claims.update(ANN)
    verified(ann)
    for _ in range(2):  # linked, and then known
        assert sign_in(client).status_code == 200


@pytest.mark.parametrize("email", [..., "", "no address", 5, "ann@example.com\n"])
def test_who_has_no_address_gets_no_account(client, provider, services, email):
    provider.claims |= {"email": email, "email_verified": True}
    answer = sign_in(client)
    if email == "ann@example.com\n":
        assert answer.status_code == 200
    else:
        failed(answer, 403, "FORBIDDEN")
        assert user_count(services) == 0


def test_where_addresses_must_be_verified_the_providers_word_counts(services, provider, clock):
    strict = replace(services.settings, require_email_verification=True)
    client = create_app(container.build(strict, now=clock)).test_client()
    assert sign_in(client).status_code == 200
    provider.claims |= {"sub": "kim", "email": "kim@example.com", "email_verified": False}
    failed(sign_in(client), 403, "EMAIL_NOT_VERIFIED")


def test_who_is_deactivated_stays_out(client, services):
    user = sign_in(client).json["user"]
    services.accounts.users.collection.update_one(
        {"email": user["email"]}, {"$set": {"is_active": False}}
    )
    failed(sign_in(client), 401, "UNAUTHORIZED")


def test_who_is_deactivated_before_the_exchange_stays_out(client, services):
    for change in ({"$set": {"is_active": False}}, None):
        services.accounts.users.collection.update_many({}, {"$set": {"is_active": True}})
        answer = sign_in(client, "/app")
        users, everybody = services.accounts.users.collection, {"email": "ann@example.com"}
        users.update_one(everybody, change) if change else users.delete_one(everybody)
        failed(exchange(client, answer), 401, "UNAUTHORIZED")


# A second factor


def test_a_second_factor_is_asked_for_when_the_code_is_exchanged(client, clock, services):
    phone, recovery = set_up(client, clock, bearer(sign_in(client).json["token"]))
    failed(sign_in(client), 401, "MFA_REQUIRED")  # nothing there could ask for it
    back = sign_in(client, "/app")
    failed(exchange(client, back), 401, "MFA_REQUIRED")
    failed(exchange(client, back, otp=phone.wrong()), 401, "UNAUTHORIZED")
    assert exchange(client, back, otp=phone.fresh()).status_code == 200
    failed(exchange(client, back, otp=recovery[0]), 401, "UNAUTHORIZED")  # the code is spent
    back = sign_in(client, "/app")
    for _ in range(4):
        failed(exchange(client, back, otp=phone.wrong()), 401, "UNAUTHORIZED")
    failed(exchange(client, back, otp=phone.fresh()), 429, "RATE_LIMITED")


@pytest.mark.parametrize(("amr", "status"), [(["pwd", "mfa"], 200), (["pwd"], 401), ([], 401)])
def test_a_provider_that_has_asked_for_one_is_believed(client, clock, provider, amr, status):
    set_up(client, clock, bearer(sign_in(client).json["token"]))
    provider.claims["amr"] = amr
    assert exchange(client, sign_in(client, "/app")).status_code == status


def test_what_is_not_signed_says_nothing_of_a_second_factor(client, clock, provider):
    provider.metadata["userinfo_endpoint"] = f"{provider.url}/userinfo"
    set_up(client, clock, bearer(sign_in(client).json["token"]))
    provider.userinfo, provider.claims = {**ANN, "amr": ["mfa"]}, {"sub": ANN["sub"]}
    failed(sign_in(client), 401, "MFA_REQUIRED")


# Attacks on the way


def test_a_tampered_state_is_refused(client):
    back = go(start(client))
    state = query_of(back)["state"]
    tampered = ("A" if state[0] != "A" else "B") + state[1:]
    failed(client.get(back.replace(state, tampered)), 400, "VALIDATION_ERROR")


def test_a_sign_in_that_another_browser_began_is_refused_and_stays_theirs(client, app, provider):
    """Login CSRF: a victim is sent to the callback of the attacker's own sign-in."""
    attackers = go(start(client, "/app"))
    victim = app.test_client()
    failed(victim.get(attackers), 400, "VALIDATION_ERROR")
    start(victim)  # with a cookie of another sign-in it is no better
    failed(victim.get(attackers), 400, "VALIDATION_ERROR")
    assert "/token" not in provider.asked
    assert client.get(attackers).status_code == 302


def test_a_callback_works_once(client, app, provider):
    answer = client.get("/auth/oidc/start")
    cookie = answer.headers["Set-Cookie"].split(";")[0].partition("=")
    back = go(answer.headers["Location"])
    assert client.get(back).status_code == 200
    failed(client.get(back), 400, "VALIDATION_ERROR")
    client.set_cookie(cookie[0], cookie[2], path="/auth/oidc")
    failed(client.get(back), 400, "VALIDATION_ERROR")
    assert provider.asked.count("/token") == 1


def test_twenty_callbacks_at_once_are_one(app, client):
    answer = client.get("/auth/oidc/start")
    cookie = answer.headers["Set-Cookie"].split(";")[0].partition("=")
    back = go(answer.headers["Location"])

    def finish(_: int) -> int:
        browser = app.test_client()
        browser.set_cookie(cookie[0], cookie[2], path="/auth/oidc")
        return browser.get(back).status_code

    with ThreadPoolExecutor(20) as pool:
        assert sorted(pool.map(finish, range(20))) == [200] + [400] * 19


def test_a_sign_in_takes_ten_minutes_at_most(client, services):
    back = go(start(client))
    redis = services.queue.rq.connection
    (key,) = redis.keys("ticket:oidc-flow:*")
    assert 590 < redis.ttl(key) <= 600
    assert query_of(back)["state"] not in key.decode()
    redis.delete(key)
    failed(client.get(back), 400, "VALIDATION_ERROR")


def test_a_code_of_another_sign_in_is_refused(client, app, provider):
    """Code injection: the verifier and the nonce belong to another sign-in."""
    stolen = query_of(go(start(app.test_client())))["code"]
    back = go(start(client))
    failed(client.get(back.replace(query_of(back)["code"], stolen)), 401, "UNAUTHORIZED")


@pytest.mark.parametrize(
    "said", [{"error": "access_denied"}, {"error": "x" * 500, "code": ""}, {"code": ""}]
)
def test_who_cancels_is_told_so(client, provider, said):
    provider.callback = said
    body = failed(sign_in(client), 401, "UNAUTHORIZED")
    assert "x" * 10 not in body["message"]
    assert "/token" not in provider.asked


@pytest.mark.parametrize(
    "query", ["", "?state=", "?code=x", f"?state={'x' * 600}", "?state=%00&code=%00"]
)
def test_a_callback_of_another_shape_is_refused(client, query):
    failed(client.get(f"/auth/oidc/callback{query}"), 400, "VALIDATION_ERROR")


@pytest.mark.parametrize(
    "address",
    [
        "https://evil.example/", "//evil.example", "///evil.example", "/\\evil.example",
        "\\\\evil.example", "/\t/evil.example", "/\n/evil.example", " //evil.example",
        "https://app.example@evil.example/", "https://app.example.evil.example/",
        "https://app.example:444/", "http://app.example/", "https://APP.example\\@evil.example/",
        "https:app.example", "https:///app.example", "javascript:alert(1)", "data:text/html,x",
        "myapp://done", "app", "?x", "https://[evil", "/ä", "https://app.example/a b",
        "/" + "x" * 2048,
    ],
)  # fmt: skip
def test_nobody_is_sent_elsewhere(client, address):
    answer = client.get("/auth/oidc/start", query_string={"return_to": address})
    failed(answer, 400, "VALIDATION_ERROR")
    assert "Set-Cookie" not in answer.headers


@pytest.mark.parametrize(
    "address",
    [
        "/",
        "/app?x=1&y=#top",
        "https://app.example",
        "https://app.example/a?b=c",
        "http://localhost:3000/",
    ],
)
def test_an_app_at_a_configured_origin_is_returned_to(client, address):
    location = sign_in(client, address).headers["Location"]
    assert location.startswith(address.split("#")[0])
    assert query_of(location)["code"]


# Attacks on the token


REFUSED_CLAIMS = {
    "wrong nonce": {"nonce": "another"},
    "no nonce": {"nonce": ...},
    "wrong audience": {"aud": "another"},
    "audiences without us": {"aud": ["a", "b"]},
    "audiences without saying for whom": {"aud": [CLIENT_ID, "another"]},
    "issued to another": {"aud": [CLIENT_ID, "another"], "azp": "another"},
    "issued to another alone": {"azp": "another"},
    "no audience": {"aud": ...},
    "audience of another type": {"aud": {CLIENT_ID: 1}},
    "wrong issuer": {"iss": "https://evil.example"},
    "no issuer": {"iss": ...},
    "expired": {"exp": 1_700_000_000},
    "no expiry": {"exp": ...},
    "expiry as a text": {"exp": "9999999999"},
    "not yet valid": {"nbf": 9_999_999_999},
    "from the future": {"iat": 9_999_999_999},
    "no time of issue": {"iat": ...},
    "no subject": {"sub": ...},
    "empty subject": {"sub": ""},
    "subject of another type": {"sub": 5},
    "another access token's": {"at_hash": "AAAAAAAAAAAAAAAAAAAAAA"},
}


@pytest.mark.parametrize("attack", REFUSED_CLAIMS)
def test_an_id_token_with_wrong_claims_is_refused(client, provider, services, attack):
    provider.token_claims = REFUSED_CLAIMS[attack]
    failed(sign_in(client), 401, "UNAUTHORIZED")
    assert user_count(services) == 0


def unsigned(provider: Provider, claims: dict) -> str:
    return jwt.encode(claims, "", algorithm="none", headers={"kid": provider.kid})


def by_the_public_key(provider: Provider, claims: dict) -> str:
    """RS256 taken for HS256: the public key is no secret."""
    jwk = jwt.PyJWK({"kty": "oct", "alg": "HS256", "k": provider.public_key()["n"]})
    return jwt.encode(claims, jwk.key, algorithm="HS256", headers={"kid": provider.kid})


def by_the_client_secret(provider: Provider, claims: dict) -> str:
    return jwt.encode(claims, CLIENT_SECRET, algorithm="HS256", headers={"kid": provider.kid})


def by_another_key(provider: Provider, claims: dict) -> str:
    return jwt.encode(
        claims, Provider(first_key=2).key, algorithm="RS256", headers={"kid": provider.kid}
    )


def by_its_own_key(provider: Provider, claims: dict) -> str:
    """The header brings the key along."""
    mine = Provider(first_key=2)
    headers = {"kid": mine.kid, "jwk": mine.public_key(), "jku": f"{provider.url}/userinfo"}
    return jwt.encode(claims, mine.key, algorithm="RS256", headers=headers)


def by_another_algorithm(provider: Provider, claims: dict) -> str:
    return jwt.encode(claims, provider.key, algorithm="RS512", headers={"kid": provider.kid})


def without_a_key(provider: Provider, claims: dict) -> str:
    return jwt.encode(claims, provider.key, algorithm="RS256")


FORGERIES = (
    unsigned, by_the_public_key, by_the_client_secret, by_another_key, by_its_own_key,
    by_another_algorithm, without_a_key,
    lambda *_: "", lambda *_: "a.b.c", lambda *_: None, lambda *_: 5, lambda *_: {"alg": "none"},
)  # fmt: skip


@pytest.mark.filterwarnings("ignore::jwt.warnings.InsecureKeyLengthWarning")
@pytest.mark.parametrize("forge", FORGERIES)
def test_an_id_token_that_the_provider_did_not_sign_is_refused(client, provider, services, forge):
    provider.signed = lambda claims: forge(provider, claims)
    failed(sign_in(client), 401, "UNAUTHORIZED")
    assert user_count(services) == 0


@pytest.mark.parametrize(
    ("callback", "metadata", "status"),
    [
        ({"iss": "https://evil.example"}, {}, 401),
        ({"iss": ""}, {}, 401),
        ({}, {"authorization_response_iss_parameter_supported": True}, 401),
        ({}, {"authorization_response_iss_parameter_supported": False}, 200),
    ],
)
def test_an_answer_that_says_to_be_of_another_issuer_is_refused(
    client, provider, callback, metadata, status
):
    """Mix-up (RFC 9207): our code must go to no other token endpoint, nor another's to ours."""
    provider.callback, provider.metadata = callback, metadata
    answer = client.get(go(start(client)) + ("&iss=" if callback == {"iss": ""} else ""))
    assert answer.status_code == status
    assert ("/token" in provider.asked) is (status == 200)


def test_an_answer_that_says_its_issuer_is_taken(client, provider):
    provider.callback = {"iss": provider.url}
    provider.metadata = {"authorization_response_iss_parameter_supported": True}
    assert sign_in(client).status_code == 200


# A provider that is away, or set up wrongly


@pytest.mark.parametrize(
    "metadata",
    [
        {"issuer": "https://evil.example"}, {"issuer": None}, {"token_endpoint": ...},
        {"authorization_endpoint": "javascript:alert(1)"}, {"jwks_uri": "file:///etc/passwd"},
        {"token_endpoint": 5},
    ],
)  # fmt: skip
def test_a_discovery_document_of_another_kind_is_not_used(client, provider, metadata):
    provider.metadata = {name: None if value is ... else value for name, value in metadata.items()}
    failed(client.get("/auth/oidc/start"), 503, "SERVICE_UNAVAILABLE")


def test_a_provider_that_is_away_is_asked_again_after_a_pause(client, provider, clock, settings):
    provider.metadata = {"issuer": "https://evil.example"}
    for _ in range(3):
        failed(client.get("/auth/oidc/start"), 503, "SERVICE_UNAVAILABLE")
    assert provider.asked.count("/.well-known/openid-configuration") == 1
    provider.metadata = {}
    clock.forward(seconds=PAUSE.total_seconds() + 1)
    assert sign_in(client).status_code == 200


def test_a_provider_that_does_not_answer_at_all_is_away(services, clock):
    gone = replace(services.settings, oidc_issuer="http://127.0.0.1:9")
    client = create_app(container.build(gone, now=clock)).test_client()
    failed(client.get("/auth/oidc/start"), 503, "SERVICE_UNAVAILABLE")


@pytest.mark.parametrize(
    ("answer", "status", "code"),
    [
        ((400, {"error": "invalid_grant"}), 401, "UNAUTHORIZED"),
        ((401, {"error": "invalid_client"}), 401, "UNAUTHORIZED"),
        ((200, {"access_token": "x", "token_type": "Bearer"}), 401, "UNAUTHORIZED"),
        ((200, {}), 401, "UNAUTHORIZED"),
        ((200, []), 503, "SERVICE_UNAVAILABLE"),
        ((200, b"<html>"), 503, "SERVICE_UNAVAILABLE"),
        ((429, b"slow down"), 503, "SERVICE_UNAVAILABLE"),
        ((500, {"error": "server_error"}), 503, "SERVICE_UNAVAILABLE"),
    ],
)
def test_a_token_endpoint_that_fails_signs_nobody_in(client, provider, answer, status, code):
    provider.token_answer = answer
    failed(sign_in(client), status, code)


# The code for the app


def test_a_code_is_exchanged_once_and_within_a_minute(client, services):
    answer = sign_in(client, "/app")
    redis = services.queue.rq.connection
    (key,) = redis.keys("ticket:oidc-code:*")
    assert 50 < redis.ttl(key) <= 60
    assert query_of(answer.headers["Location"])["code"] not in key.decode()
    assert exchange(client, answer).status_code == 200
    failed(exchange(client, answer), 401, "UNAUTHORIZED")
    answer = sign_in(client, "/app")
    redis.delete(*redis.keys("ticket:*"))
    failed(exchange(client, answer), 401, "UNAUTHORIZED")


def test_twenty_who_exchange_one_code_at_once_are_one(app, client):
    answer = sign_in(client, "/app")
    with ThreadPoolExecutor(20) as pool:
        done = pool.map(lambda _: exchange(app.test_client(), answer).status_code, range(20))
        assert sorted(done) == [200] + [401] * 19


def test_no_session_begins_before_the_code_is_exchanged(client, services):
    sign_in(client, "/app")
    assert services.sessions.sessions.collection.count_documents({}, hint="_id_") == 0


@pytest.mark.parametrize("body", [{}, {"code": ""}, {"code": 5}, {"code": "x" * 129}])
def test_an_exchange_of_another_shape_is_refused(client, body):
    failed(client.post("/auth/oidc/token", json=body), 400, "VALIDATION_ERROR")


def test_a_state_is_no_code_and_a_code_no_state(client):
    state = query_of(start(client))["state"]
    failed(client.post("/auth/oidc/token", json={"code": state}), 401, "UNAUTHORIZED")


def test_nothing_secret_of_the_provider_is_told_or_kept(client, services):
    told = [sign_in(client).text, sign_in(client, "/app").headers["Location"]]
    database = services.accounts.users.collection.database
    kept = [
        json.dumps(list(database[n].find()), default=str) for n in database.list_collection_names()
    ]
    for secret in (CLIENT_SECRET, 'access"', "id_token"):
        assert not [text for text in (*told[1:], *kept) if secret in text]


# Off


def test_without_a_provider_it_is_off(services, clock):
    off = replace(services.settings, oidc_client_id="")
    client = create_app(container.build(off, now=clock)).test_client()
    assert client.get("/auth/oidc").json == {"enabled": False, "name": "Example"}
    for answer in (
        client.get("/auth/oidc/start"),
        client.get("/auth/oidc/callback?state=x&code=y"),
        client.post("/auth/oidc/token", json={"code": "x"}),
    ):
        failed(answer, 404, "NOT_FOUND")


def test_times_are_judged_by_the_clock_that_is_given(client, clock):
    clock.forward(seconds=300 + 61)
    failed(sign_in(client), 401, "UNAUTHORIZED")
    clock.ahead = dt.timedelta(seconds=300 + 50)
    assert sign_in(client).status_code == 200
