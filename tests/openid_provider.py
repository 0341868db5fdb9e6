"""A small OpenID Connect provider over HTTP, which can also lie."""

from __future__ import annotations

import base64
import json
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import RSAAlgorithm

CLIENT_ID, CLIENT_SECRET = "clutch", "a secret of the client: with/odd+characters"
ANN = {"sub": "ann-there", "email": "ann@example.com", "email_verified": True, "name": "Ann There"}


@cache
def key(number: int) -> rsa.RSAPrivateKey:
    """Making one takes a while: providers of the same test process share theirs."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


class Provider:
    """`claims` are of who signs in there; the rest is what a test lets it do otherwise."""

    def __init__(self, first_key: int = 0) -> None:
        self.url = ""
        self.claims: dict[str, Any] = dict(ANN)
        # Claims of the ID token that are not of the person; `...` leaves one out.
        self.token_claims: dict[str, Any] = {}
        self.metadata: dict[str, Any] = {}
        self.callback: dict[str, str] = {}
        self.userinfo: dict[str, Any] = {}
        self.token_answer: tuple[int, Any] | None = None
        self.codes: dict[str, dict[str, str]] = {}
        self.asked: list[str] = []
        self.authenticated_by: str | None = None
        self.number = first_key - 1
        self.rotate()

    def rotate(self) -> None:
        """A new key; the old one is forgotten."""
        self.number += 1
        self.key = key(self.number)
        self.kid = secrets.token_hex(4)

    def signed(self, claims: dict[str, Any]) -> str:
        """How an ID token is made; a test may set another way."""
        return jwt.encode(claims, self.key, algorithm="RS256", headers={"kid": self.kid})

    def public_key(self) -> dict[str, Any]:
        jwk = json.loads(RSAAlgorithm.to_jwk(self.key.public_key()))
        return jwk | {"kid": self.kid, "use": "sig", "alg": "RS256"}

    # What it answers: a status and a body, or an address to go to

    def answer(self, path: str, query: dict[str, str], headers: Any) -> tuple[int, Any]:
        self.asked.append(path)
        return {
            "/.well-known/openid-configuration": lambda: (200, self._discovery()),
            "/authorize": lambda: (302, self._authorize(query)),
            "/token": lambda: self.token_answer or self._token(query, headers),
            "/jwks": lambda: (200, {"keys": [self.public_key()]}),
            "/userinfo": lambda: (200, self.userinfo),
        }[path]()

    def _discovery(self) -> Any:
        return {
            "issuer": self.url,
            "authorization_endpoint": f"{self.url}/authorize",
            "token_endpoint": f"{self.url}/token",
            "jwks_uri": f"{self.url}/jwks",
            "id_token_signing_alg_values_supported": ["RS256", "HS256", "none"],
        } | self.metadata

    def _authorize(self, query: dict[str, str]) -> str:
        code = secrets.token_urlsafe(8)
        self.codes[code] = query
        assert set(query) == {
            "response_type", "client_id", "redirect_uri", "scope", "state", "nonce",
            "code_challenge", "code_challenge_method",
        }  # fmt: skip
        assert (query["response_type"], query["client_id"]) == ("code", CLIENT_ID)
        assert query["code_challenge_method"] == "S256"
        assert "openid" in query["scope"].split()
        back = {"code": code, "state": query["state"]} | self.callback
        return f"{query['redirect_uri']}?{urlencode(back)}"

    def _token(self, form: dict[str, str], headers: Any) -> tuple[int, Any]:
        begun = self.codes.pop(form["code"], None)
        digest = sha256(form.get("code_verifier", "").encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        if begun is None or challenge != begun["code_challenge"]:
            return 400, {"error": "invalid_grant"}
        if form["redirect_uri"] != begun["redirect_uri"] or not self._knows(form, headers):
            return 401, {"error": "invalid_client"}
        return 200, {
            "access_token": "access",
            "token_type": "Bearer",
            "id_token": self.signed(self._id_token(begun["nonce"])),
        }

    def _knows(self, form: dict[str, str], headers: Any) -> bool:
        scheme, _, basic = headers.get("Authorization", "").partition(" ")
        if scheme == "Basic":
            self.authenticated_by = "basic"
            return base64.b64decode(basic).decode() == f"{CLIENT_ID}:{CLIENT_SECRET}"
        self.authenticated_by = "post" if "client_secret" in form else "none"
        return form.get("client_secret", CLIENT_SECRET) == CLIENT_SECRET

    def _id_token(self, nonce: str) -> dict[str, Any]:
        now = int(time.time())
        registered = {"iss": self.url, "aud": CLIENT_ID, "nonce": nonce}
        times = {"iat": now, "exp": now + 300}
        claims = {**registered, **times, **self.claims, **self.token_claims}
        return {name: value for name, value in claims.items() if value is not ...}


def _handler(provider: Provider) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._serve(dict(parse_qsl(urlsplit(self.path).query)))

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            self._serve({name: values[0] for name, values in parse_qs(body).items()})

        def _serve(self, query: dict[str, str]) -> None:
            status, body = provider.answer(urlsplit(self.path).path, query, self.headers)
            self.send_response(status)
            if status == 302:
                self.send_header("Location", body)
            self.end_headers()
            if status != 302:
                self.wfile.write(body if isinstance(body, bytes) else json.dumps(body).encode())

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - its name there
            pass

    return Handler


@contextmanager
def running() -> Iterator[Provider]:
    provider = Provider()
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(provider))
    provider.url = f"http://127.0.0.1:{server.server_port}"
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield provider
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
