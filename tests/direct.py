"""A client of direct uploads: asks for an address, sends bytes there, says that they are sent."""

from __future__ import annotations

import urllib.error
import urllib.request
from dataclasses import dataclass, field
from typing import Any

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests.conftest import Person
from tests.wire import MP4

HERE = "http://localhost/"
ROOT = "/api/upload/video"


@dataclass(frozen=True)
class Sent:
    status: int
    headers: Any
    body: bytes = field(repr=False)


@dataclass(frozen=True)
class Direct:
    client: FlaskClient
    person: Person

    def ask(self, method: str, path: str, **options: Any) -> TestResponse:
        return self.client.open(path, method=method, headers=self.person.headers, **options)

    def request(self, size: int = len(MP4), **said: Any) -> TestResponse:
        """POST .../request; a name that is None is not said."""
        told = {"filename": "My film.mp4", "file_size": size, "content_type": "video/mp4", **said}
        body = {name: value for name, value in told.items() if value is not None}
        return self.ask("POST", f"{ROOT}/request", json=body)

    def begin(self, size: int = len(MP4), **said: Any) -> Any:
        answer = self.request(size, **said)
        assert answer.status_code == 200, answer.get_json()
        return answer.get_json()

    def put(self, url: str, data: bytes = MP4, headers: dict[str, str] | None = None) -> Sent:
        """PUT to an address, wherever it is, with nothing that says who sends."""
        if url.startswith(HERE):
            return self._put_here(url.removeprefix(HERE), data, headers or {})
        # urllib would call it a form.
        sent = {"Content-Type": "application/octet-stream", **(headers or {})}
        asked = urllib.request.Request(url, data, sent, method="PUT")
        try:
            with urllib.request.urlopen(asked, timeout=30) as answer:
                return Sent(answer.status, answer.headers, answer.read())
        except urllib.error.HTTPError as refused:
            return Sent(refused.code, refused.headers, refused.read())

    def _put_here(self, path: str, data: bytes, headers: dict[str, str]) -> Sent:
        sent = {name: value for name, value in headers.items() if name != "Content-Length"}
        answer = self.client.put(f"/{path}", data=data, headers=sent)
        return Sent(answer.status_code, answer.headers, answer.data)

    def put_parts(self, offer: Any, data: bytes, only: set[int] | None = None) -> list[Any]:
        """Send the parts (those in `only`); answers what completing names them by."""
        size, found = offer["parts"]["part_size"], []
        for number, url in enumerate(offer["parts"]["part_urls"], start=1):
            if only is None or number in only:
                answer = self.put(url, data[(number - 1) * size : number * size])
                assert answer.status == 200, answer.body
                found.append({"part_number": number, "etag": answer.headers["ETag"]})
        return found

    def complete(self, video_id: str, **said: Any) -> TestResponse:
        return self.ask("POST", f"{ROOT}/complete", json={"video_id": video_id, **said})

    def status(self, video_id: str) -> TestResponse:
        return self.ask("GET", f"{ROOT}/{video_id}")

    def abort(self, video_id: str) -> TestResponse:
        return self.ask("DELETE", f"{ROOT}/{video_id}")

    def upload(self, data: bytes = MP4, **said: Any) -> TestResponse:
        """All of it."""
        offer = self.begin(len(data))
        assert self.put(offer["upload_url"], data, offer["headers"]).status == 200
        return self.complete(offer["video_id"], **said)
