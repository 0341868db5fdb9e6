"""S3 servers for tests, and a bucket of its own for each test.

    from tests.s3 import s3_bucket, s3_server

    __all__ = ["s3_bucket", "s3_server"]                  # fixtures

    @pytest.fixture
    def settings(settings, s3_bucket):                    # services, app and client follow it
        return s3_bucket.settings(settings)

`s3_server` is moto over HTTP: it keeps what it is sent, and checks no signature. What hangs on
signatures (presigned requests: expired, tampered with, too large) asks in the same way for
`judge_bucket` of `judge_server`: Swift's S3 API, which checks every one. Where `make` has not made
an environment for it (.venv-s3), such tests are skipped. `any_bucket` is one of each.
"""

from __future__ import annotations

import itertools
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from moto.server import ThreadedMotoServer

from config import Settings
from services.adapters.storage.s3_client import Place, client_of

_NUMBERS = itertools.count(1)
TESTS = Path(__file__).parent
JUDGE = TESTS.parent / ".venv-s3" / "bin" / "python"


@dataclass(frozen=True, slots=True)
class S3Server:
    """Where an S3 API listens, and the key that it knows."""

    url: str
    access_key_id: str
    secret_access_key: str
    region: str = "us-east-1"

    def place(self, bucket: str) -> Place:
        return Place(
            bucket=bucket,
            access_key_id=self.access_key_id,
            secret_access_key=self.secret_access_key,
            region=self.region,
            endpoint_url=self.url,
            path_style=True,
        )

    def new_bucket(self) -> S3Bucket:
        bucket = S3Bucket(self, f"clutch-test-{next(_NUMBERS)}")
        bucket.client.create_bucket(Bucket=bucket.name)
        return bucket


@dataclass(frozen=True)
class S3Bucket:
    """An empty, private bucket."""

    server: S3Server
    name: str

    @property
    def client(self) -> Any:
        """boto3's, to look at what is in it."""
        place = self.server.place(self.name)
        return client_of(place, place.endpoint_url)

    @property
    def environment(self) -> dict[str, str]:
        """For a process of CLUTCH that is to keep media here."""
        return {
            "MEDIA_STORAGE_BACKEND": "s3",
            "AWS_ACCESS_KEY_ID": self.server.access_key_id,
            "AWS_SECRET_ACCESS_KEY": self.server.secret_access_key,
            "AWS_S3_BUCKET": self.name,
            "AWS_REGION": self.server.region,
            "S3_ENDPOINT_URL": self.server.url,
            "S3_PATH_STYLE": "true",
        }

    def settings(self, settings: Settings) -> Settings:
        """These, with media kept here."""
        return replace(
            settings,
            storage_backend="s3",
            aws_access_key_id=self.server.access_key_id,
            aws_secret_access_key=self.server.secret_access_key,
            aws_s3_bucket=self.name,
            aws_region=self.server.region,
            s3_endpoint_url=self.server.url,
            s3_path_style=True,
        )

    def keys(self) -> list[str]:
        """The keys of all that is in it."""
        found = self.client.get_paginator("list_objects_v2").paginate(Bucket=self.name)
        return [entry["Key"] for page in found for entry in page.get("Contents", ())]


@pytest.fixture(scope="session")
def s3_server() -> Iterator[S3Server]:
    """One for the test process; signatures are not looked at."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield S3Server(f"http://{host}:{port}", "clutch-test", "a secret for tests")
    server.stop()


@pytest.fixture
def s3_bucket(s3_server: S3Server) -> S3Bucket:
    return s3_server.new_bucket()


@pytest.fixture(scope="session")
def judge_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    """One for the test process; it answers nothing that is not signed as it should be."""
    if not JUDGE.exists():
        pytest.skip("there is no .venv-s3; `make test` makes it")
    key = ("clutch:tests", "a/secret+for=tests", "eu-central-1")
    folder = tmp_path_factory.mktemp("swift")
    command = [JUDGE, "-W", "ignore", TESTS / "swift_server.py", folder / "swift", *key]
    with (folder / "errors.txt").open("wb") as errors:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, text=True)
    assert process.stdout is not None
    try:
        port = process.stdout.readline().strip()
        assert port, (folder / "errors.txt").read_text()
        yield S3Server(f"http://127.0.0.1:{port}", *key)
    finally:
        process.terminate()
        process.wait(20)
        process.stdout.close()


@pytest.fixture
def judge_bucket(judge_server: S3Server) -> S3Bucket:
    return judge_server.new_bucket()


@pytest.fixture(params=["s3_bucket", "judge_bucket"])
def any_bucket(request: pytest.FixtureRequest) -> S3Bucket:
    return request.getfixturevalue(request.param)
