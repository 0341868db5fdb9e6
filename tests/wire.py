"""What every family's failure looks like on the wire, written down a second time, for tests."""

from __future__ import annotations

import datetime as dt
import io
import json
import re
from pathlib import Path
from typing import Any

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from config import Settings

JSON = {"Content-Type": "application/json"}
REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{8,64}")
UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
OID = re.compile(r"[0-9a-f]{24}")
NOBODY = "0190a5d0-0000-7000-8000-000000000000"
# The smallest thing that begins as an MP4 does.
MP4 = b"\x00\x00\x00\x18ftypmp42" + b"\x00" * 100


def failed(response: TestResponse, status: int, code: str) -> dict[str, Any]:
    """Assert that this is a failure in exactly the form of its path's family; answers the body."""
    body = response.get_json()
    assert response.status_code == status, (response.status_code, body)
    assert response.content_type == "application/json"
    assert REQUEST_ID.fullmatch(response.headers["X-Request-ID"])
    assert ("Retry-After" in response.headers) or status not in {429, 503}
    if f"{response.request.path}/".startswith("/api/"):
        return _platform(body, code)
    return _flat(body, status, code)


def fields_of(body: dict[str, Any]) -> dict[str, list[str]]:
    """Which fields a validation failure complains of, in any family."""
    found: dict[str, list[str]] = body.get("fieldErrors") or body["error"]["field_errors"]
    return found


def unchanging(body: dict[str, Any]) -> str:
    """A body without what differs from answer to answer anyway."""
    return json.dumps(body, sort_keys=True)


def stored_files(settings: Settings) -> list[Path]:
    """Every file that storage and uploads have left on disk."""
    return [path for path in settings.media_root.rglob("*") if path.is_file()]


def sign_in(client: FlaskClient, login: str) -> dict[str, Any]:
    """What the platform API answers when one of conftest's people signs in."""
    response = client.post("/api/auth/login", json={"login": login, "password": "Passw0rd"})
    assert response.status_code == 200, response.get_json()
    answer: dict[str, Any] = response.get_json()
    return answer


class Untouched(io.RawIOBase):
    """A request body that must not be read."""

    def readable(self) -> bool:
        return True

    def readinto(self, _buffer: object) -> int:
        raise AssertionError("the body was read")


def body_of(stream: io.IOBase, length: int | None) -> dict[str, Any]:
    """`environ_overrides` for a body as a server would hand it on; without length: chunked."""
    if length is None:
        return {"wsgi.input": stream, "wsgi.input_terminated": True, "CONTENT_LENGTH": ""}
    return {"wsgi.input": stream, "CONTENT_LENGTH": str(length)}


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def moment(text: str) -> dt.datetime:
    """An ISO time, which must say its time zone."""
    found = dt.datetime.fromisoformat(text)
    assert found.tzinfo is not None
    return found


def _platform(body: dict[str, Any], code: str) -> dict[str, Any]:
    assert set(body) == {"success", "error", "detail", "error_code"}
    assert body["success"] is False
    assert set(body["error"]) - {"field_errors", "details"} == {"code", "message"}
    assert body["error"]["code"] == body["error_code"] == code
    assert body["error"]["message"] == body["detail"] != ""
    return body


def _flat(body: dict[str, Any], status: int, code: str) -> dict[str, Any]:
    assert set(body) - {"fieldErrors", "details"} == {"error", "message", "statusCode", "code"}
    assert (body["statusCode"], body["code"]) == (status, code)
    assert body["error"] == body["message"] != ""
    return body
