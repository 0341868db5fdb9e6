"""A tus client that does just what a test tells it to, right or wrong."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from typing import Any

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests.conftest import Person

VERSION = {"Tus-Resumable": "1.0.0"}
BYTES = {"Content-Type": "application/offset+octet-stream"}
ROOT = "/upload/video"


def said(**values: str) -> str:
    """Upload-Metadata."""
    return ",".join(f"{k} {base64.b64encode(v.encode()).decode()}" for k, v in values.items())


def checksum(content: bytes, algorithm: str = "sha1") -> dict[str, str]:
    digest = hashlib.new(algorithm, content).digest()
    return {"Upload-Checksum": f"{algorithm} {base64.b64encode(digest).decode()}"}


@dataclass(frozen=True)
class Tus:
    client: FlaskClient
    person: Person

    def ask(self, method: str, path: str, **options: Any) -> TestResponse:
        """With a token and the version, unless `headers` say otherwise (None: not at all)."""
        headers = {**self.person.headers, **VERSION, **options.pop("headers", {})}
        sent = {name: value for name, value in headers.items() if value is not None}
        return self.client.open(path, method=method, headers=sent, **options)

    def create(self, size: int | None = None, **headers: Any) -> TestResponse:
        length = {} if size is None else {"Upload-Length": str(size)}
        return self.ask("POST", ROOT, headers={**length, **headers})

    def begin(self, size: int | None = None, **headers: Any) -> str:
        """The path of a new upload."""
        answer = self.create(size, **headers)
        assert answer.status_code == 201, answer.get_json()
        return answer.headers["Location"].removeprefix("http://localhost")

    def patch(self, path: str, offset: object, data: bytes = b"", **options: Any) -> TestResponse:
        headers = {**BYTES, "Upload-Offset": str(offset), **options.pop("headers", {})}
        return self.ask("PATCH", path, headers=headers, data=data, **options)

    def offset(self, path: str) -> int:
        return int(self.ask("HEAD", path).headers["Upload-Offset"])
