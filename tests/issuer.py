"""A Supabase project as CLUTCH sees one: keys of its own, tokens, and a JWKS over HTTP."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from uuid import uuid4

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

from tests.conftest import Clock

Claims = dict[str, Any]
JWKS_PATH = "/auth/v1/.well-known/jwks.json"
SHARED_SECRET = "a JWT secret as Supabase shows it in its dashboard"

# Making one takes a while; tests may share what they do not change.
RSA_KEYS = [rsa.generate_private_key(65537, 2048) for _ in range(2)]
SHORT_RSA_KEY = rsa.generate_private_key(65537, 1024)  # noqa: S505 - to be refused


@dataclass(frozen=True)
class Key:
    kid: str
    alg: str
    private: Any

    @property
    def public(self) -> Claims:
        """As a JWKS lists it."""
        to_jwk: Any = {"RS256": RSAAlgorithm, "ES256": ECAlgorithm}[self.alg].to_jwk
        jwk = to_jwk(self.private.public_key(), as_dict=True)
        return {**jwk, "kid": self.kid, "alg": self.alg, "use": "sig", "key_ops": ["verify"]}


def rsa_key(kid: str = "rsa-1", number: int = 0) -> Key:
    return Key(kid, "RS256", RSA_KEYS[number])


def ec_key(kid: str = "ec-1") -> Key:
    return Key(kid, "ES256", ec.generate_private_key(ec.SECP256R1()))


def claims(issuer: str, now: float, name: str = "mia", **others: Any) -> Claims:
    """What Supabase writes into the access token of who signed in with e-mail and password."""
    said = {
        "iss": issuer,
        "aud": "authenticated",
        "role": "authenticated",
        "sub": str(uuid4()),
        "session_id": str(uuid4()),
        "iat": int(now),
        "exp": int(now) + 3600,
        "email": f"{name}@example.com",
        "phone": "",
        "aal": "aal1",
        "amr": [{"method": "password", "timestamp": int(now)}],
        "is_anonymous": False,
        "app_metadata": {"provider": "email", "providers": ["email"]},
        "user_metadata": {"email_verified": True, "sub": "x"},
    }
    return {key: value for key, value in (said | others).items() if value is not ...}


@dataclass
class Project:
    """`keys` are listed; a token is signed with the last unless another is named."""

    url: str
    clock: Clock
    keys: list[Key] = field(default_factory=list)
    # The body in place of the keys, the status in place of 200, and how long an answer takes.
    body: str | None = None
    status: int = 200
    seconds: float = 0
    fetches: int = 0

    @property
    def issuer(self) -> str:
        return f"{self.url}/auth/v1"

    def claims(self, name: str = "mia", **others: Any) -> Claims:
        return claims(self.issuer, self.clock().timestamp(), name, **others)

    def sign(self, said: Claims, key: Key | None = None, **header: Any) -> str:
        key = key or self.keys[-1]
        headers = {"kid": key.kid, **header}
        return jwt.encode(said, key.private, algorithm=key.alg, headers=headers)

    def token(self, name: str = "mia", **others: Any) -> str:
        return self.sign(self.claims(name, **others))

    def renewed(self, token: str, **others: Any) -> str:
        """The next token of the same session."""
        old = jwt.decode(token, options={"verify_signature": False})
        now = int(self.clock().timestamp())
        return self.sign({**old, "iat": now, "exp": now + 3600, **others})


@contextmanager
def running(clock: Clock) -> Iterator[tuple[Project, Callable[[], None]]]:
    """A project on loopback until the block ends; and what takes its server away before that."""
    project = Project("", clock, keys=[rsa_key(), ec_key()])

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            assert self.path == JWKS_PATH
            project.fetches += 1
            time.sleep(project.seconds)
            keys = {"keys": [key.public for key in project.keys]}
            body = (project.body if project.body is not None else json.dumps(keys)).encode()
            # Who asked may have given up by now.
            with suppress(BrokenPipeError):
                self.send_response(project.status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None: ...  # noqa: A002 - the name it has

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    project.url = f"http://127.0.0.1:{server.server_port}"

    def stop() -> None:
        if thread.is_alive():
            server.shutdown()
            thread.join()
            server.server_close()

    try:
        yield project, stop
    finally:
        stop()
