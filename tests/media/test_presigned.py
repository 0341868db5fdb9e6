"""Presigned requests, judged by a store that checks them: what is granted, and nothing else."""

from __future__ import annotations

import time
import urllib.error
import urllib.request
from dataclasses import replace
from pathlib import Path

import pytest

from services.adapters.storage import Part, Presigned
from services.adapters.storage.s3 import S3Storage
from tests.s3 import S3Bucket, any_bucket, judge_bucket, judge_server, s3_bucket, s3_server

__all__ = ["any_bucket", "judge_bucket", "judge_server", "s3_bucket", "s3_server"]

KEY = "sources/video"
CONTENT = b"0123456789"


@pytest.fixture
def storage(judge_bucket: S3Bucket, tmp_path: Path) -> S3Storage:
    return S3Storage(judge_bucket.server.place(judge_bucket.name), tmp_path)


@pytest.fixture
def put(storage: S3Storage) -> Presigned:
    return storage.presigned_put(KEY, len(CONTENT), "video/mp4", 60)


def sent(asked: Presigned, body: bytes | None = None, **headers: str) -> tuple[int, bytes]:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    request = urllib.request.Request(
        asked.url, body, {**asked.headers, **named}, method=asked.method
    )
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as refused:
        return refused.code, b""


def test_what_was_granted_is_done(any_bucket, tmp_path):
    storage = S3Storage(any_bucket.server.place(any_bucket.name), tmp_path)
    assert sent(storage.presigned_put(KEY, len(CONTENT), "video/mp4", 60), CONTENT)[0] == 200
    assert storage.head(KEY) == len(CONTENT)
    get = storage.presigned_get(KEY, 60)
    assert sent(get) == (200, CONTENT)
    assert sent(get, Range="bytes=2-4") == (206, CONTENT[2:5])


def test_a_grant_ends(storage):
    put = storage.presigned_put(KEY, len(CONTENT), "video/mp4", 1)
    get = storage.presigned_get(KEY, 1)
    time.sleep(2.1)  # it is told in whole seconds
    assert sent(put, CONTENT)[0] == 403
    assert sent(get)[0] == 403
    assert storage.head(KEY) is None


@pytest.mark.parametrize(
    ("was", "becomes"),
    [
        ("sources/video", "sources/other"),
        ("X-Amz-Expires=60", "X-Amz-Expires=6000"),
        ("X-Amz-Credential=clutch", "X-Amz-Credential=mallory"),
        ("X-Amz-Signature=", "X-Amz-Signature=0"),
    ],
)
def test_a_grant_that_was_tampered_with_is_none(put, storage, was, becomes):
    assert was in put.url
    forged = replace(put, url=put.url.replace(was, becomes))
    assert sent(forged, CONTENT)[0] == 403
    assert [entry.key for entry in storage.entries()] == []


def test_a_grant_is_for_one_method(put, storage, tmp_path):
    assert sent(replace(put, method="DELETE"))[0] == 403
    (tmp_path / "there").write_bytes(CONTENT)
    storage.copy(tmp_path / "there", KEY)
    get = storage.presigned_get(KEY, 60)
    for method in ("PUT", "DELETE"):
        assert sent(replace(get, method=method), CONTENT, Content_Type="video/mp4")[0] == 403
    assert storage.head(KEY) == len(CONTENT)


@pytest.mark.parametrize("body", [CONTENT + b"x", CONTENT[:-1], b""], ids=["more", "less", "none"])
def test_a_grant_is_for_so_many_bytes(put, storage, body):
    assert sent(put, body, Content_Length=str(len(body)))[0] == 403
    assert storage.head(KEY) is None


def test_a_grant_is_for_one_type(put, storage):
    assert sent(put, CONTENT, Content_Type="text/html")[0] == 403
    assert storage.head(KEY) is None


def test_a_part_is_granted_by_its_number_and_its_size(storage):
    upload_id = storage.begin(KEY, "video/mp4")
    granted = storage.presigned_part(KEY, upload_id, 1, len(CONTENT), 60)
    other = replace(granted, url=granted.url.replace("partNumber=1", "partNumber=2"))
    kind = {"Content_Type": "application/octet-stream"}  # urllib adds another
    assert sent(other, CONTENT, **kind)[0] == 403
    assert sent(granted, CONTENT + b"x", Content_Length="11", **kind)[0] == 403
    assert sent(granted, CONTENT, **kind)[0] == 200
    etag = "781e5e245d69b566979b86e28d23f2c7"
    storage.finish(KEY, upload_id, [Part(number=1, etag=f'"{etag}"')])
    assert storage.head(KEY) == len(CONTENT)


def test_the_bucket_is_private(storage, judge_bucket, tmp_path):
    (tmp_path / "there").write_bytes(CONTENT)
    storage.copy(tmp_path / "there", KEY)
    plain = Presigned(method="GET", url=f"{judge_bucket.server.url}/{judge_bucket.name}/{KEY}")
    assert sent(plain)[0] in range(400, 405)


def test_clients_are_sent_to_where_they_reach_the_store(judge_bucket, tmp_path):
    place = replace(
        judge_bucket.server.place(judge_bucket.name), public_endpoint_url="https://s3.example.com"
    )
    storage = S3Storage(place, tmp_path)
    assert storage.presigned_put(KEY, 1, "video/mp4", 60).url.startswith("https://s3.example.com/")
    assert storage.presigned_get(KEY, 60).url.startswith("https://s3.example.com/")
    assert storage.head(KEY) is None
