"""One contract for every place that media can be kept in: local disk, and S3 over HTTP."""

from __future__ import annotations

import datetime as dt
import hashlib
import threading
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from config import SettingError, Settings
from models.errors import Invalid, Unavailable
from services.adapters.storage import Fingerprint, LocalStorage, Part, Storage
from services.adapters.storage.listing import entries_below
from services.adapters.storage.s3 import S3Storage
from services.container.storages import storage as wired
from tests.s3 import S3Bucket, S3Server, judge_bucket, judge_server, s3_bucket, s3_server

__all__ = ["judge_bucket", "judge_server", "s3_bucket", "s3_server"]

MIB = 1024 * 1024
LARGE = bytes(range(256)) * (20 * MIB // 256)


@pytest.fixture(params=["local", "s3_bucket", "judge_bucket"])
def storage(request: pytest.FixtureRequest, tmp_path: Path) -> Storage:
    if request.param == "local":
        return LocalStorage(tmp_path / "media")
    bucket: S3Bucket = request.getfixturevalue(request.param)
    return S3Storage(bucket.server.place(bucket.name), tmp_path / "s3")


@pytest.fixture
def strict(storage: Storage, s3_server: S3Server) -> Storage:
    """Not moto: it says of uploads in parts what no store says."""
    if isinstance(storage, S3Storage) and storage.place.endpoint_url == s3_server.url:
        pytest.skip("moto is not a store in this")
    return storage


def made(tmp_path: Path, content: bytes = b"content", name: str = "made") -> Path:
    file = tmp_path / name
    file.write_bytes(content)
    return file


def folder_of(inside: Path, **files: bytes) -> Path:
    inside.mkdir(parents=True)
    for name, content in files.items():
        (inside / f"{name}.m4s").write_bytes(content)
    return inside


def read(storage: Storage, key: str) -> bytes | None:
    found = storage.open(key)
    if found is None:
        return None
    with found.stream as opened:
        return opened.read()


def test_what_is_adopted_can_be_read_and_is_gone_from_where_it_was(storage, tmp_path):
    file = made(tmp_path)
    storage.adopt(file, "a/b/c.mp4")
    assert not file.exists()
    assert read(storage, "a/b/c.mp4") == b"content"
    assert storage.head("a/b/c.mp4") == storage.size("a/b/c.mp4") == 7
    with storage.local("a/b/c.mp4") as local:
        assert local.read_bytes() == b"content"
    assert list(storage.incoming().iterdir()) == []


def test_what_is_copied_stays_where_it_is_too(storage, tmp_path):
    file = made(tmp_path)
    storage.copy(file, "a.mp4")
    assert file.read_bytes() == read(storage, "a.mp4") == b"content"


def test_what_cannot_be_stored_to_its_end_leaves_nothing(tmp_path):
    storage = LocalStorage(tmp_path)
    # It can be opened, and then not be read.
    with pytest.raises(OSError, match="Input/output"):
        storage.copy(Path("/proc/self/mem"), "posters/a.jpg")
    assert list(storage.incoming().iterdir()) == []
    assert list(storage.entries()) == []


def test_a_large_file_arrives_whole(storage, tmp_path):
    storage.adopt(made(tmp_path, LARGE), "large.mp4")
    with storage.local("large.mp4") as local:
        assert local.read_bytes() == LARGE


def test_a_file_is_read_from_anywhere(storage, tmp_path):
    storage.adopt(made(tmp_path, LARGE[:100_000]), "a.mp4")
    found = storage.open("a.mp4")
    with found.stream as opened:
        assert found.size_bytes == 100_000
        opened.seek(99_998)
        assert opened.read() == LARGE[99_998:100_000]
        opened.seek(5)
        assert opened.read(3) == LARGE[5:8]
        opened.seek(-1, 2)
        assert opened.read(10) == LARGE[99_999:100_000]
        assert opened.read(10) == b""


def test_what_several_read_is_what_is_stored_then(storage, tmp_path):
    storage.adopt(made(tmp_path), "sources/a")
    with storage.shared("sources/a") as first, storage.shared("sources/a") as second:
        assert (first, first.read_bytes()) == (second, b"content")
    storage.adopt(made(tmp_path, b"another content"), "sources/a")
    with storage.shared("sources/a") as path:
        assert path.read_bytes() == b"another content"
    storage.remove("sources/a")
    with pytest.raises(FileNotFoundError), storage.shared("sources/a"):
        pytest.fail("it is gone")
    assert not [path for path in storage.incoming().parent.rglob("data*") if path.is_file()]


def test_a_file_can_be_put_under_another_key_however_often_that_is_tried(storage, tmp_path):
    storage.adopt(made(tmp_path, b"old"), "sources/b")
    storage.adopt(made(tmp_path, LARGE), "sources/a")
    for _ in range(2):
        storage.rename("sources/a", "sources/b")
        assert [entry.key for entry in storage.entries()] == ["sources/b"]
        with storage.local("sources/b") as path:
            assert path.read_bytes() == LARGE
    with pytest.raises(FileNotFoundError):
        storage.rename("sources/a", "sources/c")


def test_its_etag_changes_with_its_content(storage, tmp_path):
    etags = set()
    for content in (b"1", b"22", b"22"):
        storage.adopt(made(tmp_path, content), "a.mp4")
        found = storage.open("a.mp4")
        found.stream.close()
        etags.add(found.etag)
    assert len(etags) >= 2


def test_a_file_that_is_adopted_again_is_replaced(storage, tmp_path):
    for content in (b"1", b"2"):
        storage.adopt(made(tmp_path, content), "a.mp4")
    assert read(storage, "a.mp4") == b"2"


def test_a_folder_is_adopted_with_all_that_is_in_it(storage, tmp_path):
    folder = folder_of(tmp_path / "v1", a=b"1", b=b"22")
    (folder / "360p").mkdir()
    (folder / "360p" / "1.m4s").write_bytes(b"333")
    storage.adopt(folder, "playback/x/v1")
    assert not folder.exists()
    assert storage.size("playback/x/v1") == storage.size("playback/x") == 6
    assert storage.head("playback/x/v1/360p/1.m4s") == 3


def test_a_folder_that_is_adopted_again_stays_for_those_who_watch_it(storage, tmp_path):
    for name in ("first", "second"):
        storage.adopt(folder_of(tmp_path / name, **{name: b"x"}), "playback/v1")
    assert storage.head("playback/v1/first.m4s") == 1
    assert storage.head("playback/v1/second.m4s") is None
    assert not (tmp_path / "second").exists()


def test_of_two_workers_who_adopt_one_folder_at_once_neither_fails(storage, tmp_path):
    """A worker that lost its lease, and does not know it yet, may be as far as the next one."""
    barrier = threading.Barrier(4)

    def adopt(worker: int) -> None:
        folder = folder_of(tmp_path / str(worker), x=b"x")
        barrier.wait()
        storage.adopt(folder, "v1")

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(adopt, range(4)))
    assert storage.head("v1/x.m4s") == 1


def test_what_is_not_there_is_none_or_an_error_and_is_removed_in_peace(storage, tmp_path):
    for nothing in (storage.file, storage.open, storage.head, storage.fingerprint):
        assert nothing("none") is None
    assert storage.size("none") == 0
    with pytest.raises(FileNotFoundError), storage.local("none"):
        pass
    storage.remove("none")
    assert list(storage.entries()) == []


def test_a_folder_is_no_file_and_goes_as_a_whole(storage, tmp_path):
    storage.adopt(made(tmp_path), "folder/x.mp4")
    storage.adopt(made(tmp_path), "folder2/x.mp4")
    assert storage.head("folder") is storage.open("folder") is None
    storage.remove("folder")
    assert [entry.key for entry in storage.entries()] == ["folder2/x.mp4"]


def test_a_folder_that_was_removed_can_be_adopted_anew(storage, tmp_path):
    storage.adopt(folder_of(tmp_path / "1", a=b"1"), "v1")
    storage.remove("v1")
    storage.adopt(folder_of(tmp_path / "2", b=b"2"), "v1")
    assert [entry.key for entry in storage.entries()] == ["v1/b.m4s"]


def test_a_copy_is_known_by_its_fingerprint(storage, tmp_path):
    for key, content in {"a": b"1", "b": b"1", "c": b"2", "large": LARGE}.items():
        storage.adopt(made(tmp_path, content), key)
    first = storage.fingerprint("a")
    assert first == Fingerprint(size_bytes=1, md5="c4ca4238a0b923820dcc509a6f75849b")
    assert first == storage.fingerprint("b")
    assert first != storage.fingerprint("c")
    # Swift forgets what is said of an upload in parts.
    assert storage.fingerprint("large").md5 in {None, hashlib.md5(LARGE).hexdigest()}  # noqa: S324


def test_entries_come_in_the_order_of_their_keys(storage, tmp_path):
    keys = ["a.b", "a/1", "a/b/2", "a/b3", "a0", "b/ü", "b/z"]
    for key in reversed(keys):
        storage.adopt(made(tmp_path, key.encode()), key)
    made(storage.incoming(), name="under-way")
    found = list(storage.entries())
    assert [entry.key for entry in found] == sorted(keys, key=str.encode)
    assert [entry.size_bytes for entry in found] == [len(e.key.encode()) for e in found]
    age = dt.datetime.now(dt.UTC) - found[0].modified_at
    assert dt.timedelta(minutes=-1) < age < dt.timedelta(minutes=5)
    assert [entry.key for entry in storage.entries("a/")] == ["a/1", "a/b/2", "a/b3"]
    assert [entry.key for entry in storage.entries("a/b")] == ["a/b/2", "a/b3"]
    assert storage.folders() == ["a", "b"]


def test_a_folder_too_large_to_sort_in_memory_is_sorted_all_the_same(tmp_path):
    names = sorted(f"{number * 7919 % 100:02}\n{number}" for number in range(25))
    for name in names:
        made(tmp_path, name=name)
    assert [entry.key for entry in entries_below(tmp_path, "", run=4)] == names


def test_only_what_nobody_writes_to_any_more_is_discarded(storage):
    made(storage.incoming(), name="under-way")
    now = dt.datetime.now(dt.UTC)
    assert storage.discard_incoming(now - dt.timedelta(hours=1)) == 0
    assert storage.discard_incoming(now + dt.timedelta(hours=1)) == 1
    assert list(storage.incoming().iterdir()) == []


# Multipart uploads


def send(storage: Storage, upload_id: str, number: int, content: bytes) -> Part:
    """As a client does it; on local disk, as CLUTCH's own route hands it on."""
    if isinstance(storage, LocalStorage):
        file = made(storage.incoming(), content, f"part-{number}")
        storage.parts.keep(upload_id, number, file, f"etag{number}")
        return Part(number=number, etag=f'"etag{number}"')
    asked = storage.presigned_part("a.mp4", upload_id, number, len(content), 60)
    headers = {"Content-Type": "application/octet-stream", **asked.headers}  # urllib adds another
    request = urllib.request.Request(asked.url, content, headers, method=asked.method)
    with urllib.request.urlopen(request, timeout=20) as answer:
        return Part(number=number, etag=answer.headers["ETag"])


def test_parts_become_one_file_when_all_are_there(storage):
    upload_id = storage.begin("a.mp4", "video/mp4")
    second = send(storage, upload_id, 2, b"the end")
    first = send(storage, upload_id, 1, LARGE[: 5 * MIB])
    assert storage.head("a.mp4") is None
    for _ in range(2):
        storage.finish("a.mp4", upload_id, [second, first])
        assert read(storage, "a.mp4") == LARGE[: 5 * MIB] + b"the end"
    assert storage.discard_incoming(dt.datetime.now(dt.UTC) + dt.timedelta(hours=1)) == 0


def test_a_part_that_is_missing_or_another_is_said_and_nothing_is_lost(storage):
    upload_id = storage.begin("a.mp4", "video/mp4")
    part = send(storage, upload_id, 1, b"x")
    for wrong in (
        replace(part, number=2),
        replace(part, etag='"0123456789abcdef0123456789abcdef"'),
    ):
        with pytest.raises(Invalid):
            storage.finish("a.mp4", upload_id, [wrong])
    assert storage.head("a.mp4") is None
    storage.finish("a.mp4", upload_id, [part])
    assert read(storage, "a.mp4") == b"x"


def test_an_upload_that_is_given_up_leaves_nothing(strict):
    storage = strict
    upload_id = storage.begin("a.mp4", "video/mp4")
    part = send(storage, upload_id, 1, b"x")
    for _ in range(2):
        storage.abort("a.mp4", upload_id)
    with pytest.raises(FileNotFoundError):
        storage.finish("a.mp4", upload_id, [part])
    assert list(storage.incoming().iterdir()) == []


def test_an_upload_in_parts_that_nobody_goes_on_with_is_discarded(strict):
    storage = strict
    upload_id = storage.begin("a.mp4", "video/mp4")
    send(storage, upload_id, 1, b"x")
    now = dt.datetime.now(dt.UTC)
    assert storage.discard_incoming(now - dt.timedelta(hours=1)) == 0
    assert storage.discard_incoming(now + dt.timedelta(hours=1)) == 1
    with pytest.raises(FileNotFoundError):
        storage.finish("a.mp4", upload_id, [])


# S3 alone


def test_a_folder_that_was_interrupted_is_adopted_by_the_next_worker(s3_bucket, tmp_path):
    storage = S3Storage(s3_bucket.server.place(s3_bucket.name), tmp_path / "s3")
    storage.copy(made(tmp_path, b"old"), "v1/a.m4s")
    storage.adopt(folder_of(tmp_path / "v1", a=b"new"), "v1")
    assert read(storage, "v1/a.m4s") == b"new"


def test_a_bucket_that_is_not_there_is_said_at_the_start(s3_bucket, tmp_path):
    storage = S3Storage(s3_bucket.server.place("nobody-made-this"), tmp_path)
    with pytest.raises(SettingError, match=r"nobody-made-this.*AWS_S3_BUCKET"):
        storage.require()
    S3Storage(s3_bucket.server.place(s3_bucket.name), tmp_path).require()


def test_a_store_that_does_not_answer_is_unavailable(s3_bucket, tmp_path):
    place = replace(s3_bucket.server.place(s3_bucket.name), endpoint_url="http://127.0.0.1:9")
    storage = S3Storage(place, tmp_path / "s3")
    file = made(tmp_path)
    for ask in (storage.require, lambda: storage.head("a"), lambda: storage.adopt(file, "a")):
        with pytest.raises(Unavailable):
            ask()
    assert file.exists()


@pytest.mark.parametrize("missing", ["aws_s3_bucket", "aws_access_key_id", "aws_secret_access_key"])
def test_a_setting_that_is_missing_is_named(missing):
    given = Settings(
        jwt_secret_key="x" * 32, storage_backend="s3",
        aws_s3_bucket="b", aws_access_key_id="k", aws_secret_access_key="s",
    )  # fmt: skip
    assert wired(given.checked()).backend == "s3"
    with pytest.raises(SettingError, match=missing.upper()):
        replace(given, **{missing: ""}).checked()
