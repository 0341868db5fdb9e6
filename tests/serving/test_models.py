"""Entities through BSON and back, identities, and the state machine that workers share."""

from __future__ import annotations

import dataclasses
import datetime as dt
import importlib
import pkgutil
import threading
import typing
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from enum import Enum
from types import NoneType, UnionType
from typing import Any
from uuid import UUID

import bson
import pytest
from bson.codec_options import CodecOptions
from hypothesis import given
from hypothesis import strategies as st
from pymongo.errors import DuplicateKeyError

import models
from models.documents import Entity, by_reference, from_doc, identity, to_doc
from models.sessions import Session
from models.user import Author, Role, User
from models.users import Taken
from models.video import Processing, ProcessingStatus, Rendition, Source, Video, Visibility
from models.videos import Videos
from services import container
from services.container import Services

NOW = dt.datetime(2026, 1, 28, 10, 30, 0, 123000, tzinfo=dt.UTC)
SOON = NOW + dt.timedelta(seconds=30)
# What a document has in common, and where a page ended: neither is stored by itself.
NOT_STORED = {"Entity", "After"}


def stored() -> list[type]:
    """Every dataclass of the models, so that a new one is tested without being named here."""
    modules = [f"models.{found.name}" for found in pkgutil.iter_modules(models.__path__)]
    return [
        value
        for module in modules
        for name, value in vars(importlib.import_module(module)).items()
        if dataclasses.is_dataclass(value) and value.__module__ == module
        if isinstance(value, type) and name not in NOT_STORED
    ]


ENTITIES = stored()


def example(hint: Any, *, sparse: bool) -> Any:
    """A value that a field of this type may have; None where it may be None, if `sparse`."""
    if isinstance(hint, UnionType) and NoneType in typing.get_args(hint):
        inner = next(arg for arg in typing.get_args(hint) if arg is not NoneType)
        return None if sparse else example(inner, sparse=sparse)
    if typing.get_origin(hint) is tuple:
        return () if sparse else (example(typing.get_args(hint)[0], sparse=sparse),) * 2
    if typing.get_origin(hint) is dict:
        return {} if sparse else {"key": "value"}
    if dataclasses.is_dataclass(hint):
        return make(typing.cast("type", hint), sparse=sparse)
    if isinstance(hint, type) and issubclass(hint, Enum):
        return list(hint)[-1]
    return {str: "tëxt\x00", int: 2**40, float: 1.5, bool: True, dt.datetime: NOW}[hint]


def make(cls: type, *, sparse: bool) -> Any:
    hints = typing.get_type_hints(cls)
    values = {f.name: example(hints[f.name], sparse=sparse) for f in dataclasses.fields(cls)}
    if issubclass(cls, Entity):
        values |= identity(container.new_id())
    return cls(**values)


def through_bson(doc: dict[str, Any]) -> dict[str, Any]:
    options = CodecOptions(tz_aware=True, tzinfo=dt.UTC)
    return bson.decode(bson.encode(doc), options)


@pytest.mark.parametrize("cls", ENTITIES)
@pytest.mark.parametrize("sparse", [True, False])
def test_every_entity_survives_bson(cls, sparse):
    entity = make(cls, sparse=sparse)
    back = from_doc(cls, through_bson(to_doc(entity)))
    assert back == entity
    for spec in dataclasses.fields(cls):
        # An enum equals its text, so equality alone would not notice one that came back as text.
        assert isinstance(getattr(back, spec.name), type(getattr(entity, spec.name))), spec.name


def test_what_is_stored_is_found():
    assert {User, Author, Session, Video, Processing, Source, Rendition} <= set(ENTITIES)


@pytest.mark.parametrize("cls", ENTITIES)
def test_a_document_from_before_a_field_was_added_still_loads(cls):
    whole = to_doc(make(cls, sparse=False))
    for spec in dataclasses.fields(cls):
        if spec.default is not dataclasses.MISSING:
            default = spec.default
        elif spec.default_factory is not dataclasses.MISSING:
            default = spec.default_factory()
        else:
            continue
        old = {key: value for key, value in whole.items() if key != spec.name}
        assert getattr(from_doc(cls, through_bson(old)), spec.name) == default


@pytest.mark.parametrize("cls", ENTITIES)
def test_a_document_from_after_a_field_was_added_still_loads(cls):
    entity = make(cls, sparse=False)
    newer = to_doc(entity) | {"a_field_of_next_year": {"x": [1]}}
    assert from_doc(cls, through_bson(newer)) == entity


def test_a_nested_document_of_an_older_form_still_loads():
    doc = to_doc(make(Video, sparse=False))
    doc["processing"] = {"stage": "encoding"}
    loaded = from_doc(Video, through_bson(doc))
    assert loaded.processing == Processing(stage="encoding")


# Identities


@given(st.integers(0, 2**32 * 1000 - 1), st.integers(0, 2**74 - 1))
def test_an_object_id_keeps_the_second_and_the_random_part_of_its_uuid(milliseconds, random):
    bits = (milliseconds << 80) | (7 << 76) | (random >> 62 << 64) | (2 << 62) | (random % 2**62)
    made = identity(str(UUID(int=bits)))
    assert made["id"] == str(UUID(int=bits))
    oid = bson.ObjectId(made["oid"])
    assert oid.generation_time.timestamp() == milliseconds // 1000
    assert oid.binary[4:] == UUID(int=bits).bytes[8:]


def test_identities_made_at_once_differ_in_both_spellings():
    made = [identity(container.new_id()) for _ in range(5000)]
    assert len({one["id"] for one in made}) == len({one["oid"] for one in made}) == 5000


def test_a_later_identity_sorts_later_to_the_second():
    first = identity("01900000-0000-7000-8000-ffffffffffff")
    later = identity("01900000-03e8-7000-8000-000000000000")
    assert first["id"] < later["id"]
    assert first["oid"] < later["oid"]


@pytest.mark.parametrize(
    "reference", ["", "x", "0" * 23, "0" * 25, "g" * 24, "\x00" * 24, "é" * 12]
)
def test_what_is_no_reference_is_no_filter(reference):
    assert by_reference(reference) is None


def test_a_reference_is_found_in_any_spelling():
    one = identity(container.new_id())
    assert by_reference(one["id"]) == by_reference(one["id"].upper()) == {"id": one["id"]}
    assert by_reference(one["oid"]) == by_reference(one["oid"].upper())
    assert by_reference(one["oid"]) == {"_id": bson.ObjectId(one["oid"])}


# Users and sessions


def test_the_taken_field_is_named(services, ann):
    users = services.accounts.users
    fresh = identity(container.new_id())
    other = replace(ann.user, **fresh, email="other@example.com", username_key="other")
    users.add(other)
    for field, changed in (
        ("email", {"username_key": "another"}),
        ("username", {"email": "another@example.com"}),
    ):
        with pytest.raises(Taken) as taken:
            users.add(replace(other, **identity(container.new_id()), **changed))
        assert taken.value.field == field


def test_a_session_is_alive_until_it_ends_or_is_revoked():
    session = replace(make(Session, sparse=False), revoked_at=None, expires_at=SOON)
    assert session.is_alive(NOW)
    assert not session.is_alive(SOON)
    assert not replace(session, revoked_at=NOW).is_alive(NOW)


def test_roles_are_spelled_as_in_002():
    assert {role.value for role in Role} == {"viewer", "creator", "staff", "admin"}


# The state machine


@pytest.fixture
def videos(services: Services) -> Videos:
    return services.catalogue.videos


@pytest.fixture
def waiting(videos: Videos) -> Video:
    """A video that was uploaded and waits for its worker since `NOW`."""
    video = Video(
        **identity(container.new_id()),
        author_id="a",
        title="t",
        created_at=NOW,
        updated_at=NOW,
        source=Source(key="sources/x", filename="x.mp4", size_bytes=1),
        processing=Processing(lease_until=NOW),
    )
    videos.add(video)
    return video


@pytest.fixture
def claimed(videos: Videos, waiting: Video) -> Video:
    video = videos.claim(waiting.id, "mine", now=NOW, until=SOON)
    assert video is not None
    return video


def test_claiming_takes_the_lease_and_counts_an_attempt(claimed):
    assert claimed.processing_status is ProcessingStatus.PROCESSING
    assert (claimed.processing.lease, claimed.processing.attempts) == ("mine", 1)
    assert claimed.processing.lease_until == SOON


def test_of_many_workers_one_gets_the_video(videos, waiting):
    barrier = threading.Barrier(8)

    def claim(number: int) -> Video | None:
        barrier.wait()
        return videos.claim(waiting.id, str(number), now=NOW, until=SOON)

    with ThreadPoolExecutor(8) as pool:
        won = [video for video in pool.map(claim, range(8)) if video]
    assert len(won) == 1
    kept = videos.get(waiting.id)
    assert kept.processing.lease == won[0].processing.lease
    assert kept.processing.attempts == 1


def test_what_is_held_cannot_be_claimed_before_its_lease_ends(videos, claimed):
    almost = SOON - dt.timedelta(milliseconds=1)
    assert videos.claim(claimed.id, "other", now=almost, until=SOON) is None
    taken = videos.claim(claimed.id, "other", now=SOON, until=SOON)
    assert (taken.processing.lease, taken.processing.attempts) == ("other", 2)


@pytest.mark.parametrize("status", [ProcessingStatus.READY, ProcessingStatus.ERROR])
def test_what_is_done_cannot_be_claimed_whatever_its_lease_says(videos, waiting, status):
    videos.collection.update_one({"id": waiting.id}, {"$set": {"processing_status": status}})
    assert videos.claim(waiting.id, "mine", now=SOON, until=SOON) is None


def test_a_heartbeat_moves_the_end_of_the_lease(videos, claimed):
    later = SOON + dt.timedelta(minutes=1)
    assert videos.renew(claimed.id, "mine", until=later, stage="encoding", percent=12.5)
    kept = videos.get(claimed.id).processing
    assert (kept.lease_until, kept.stage, kept.percent) == (later, "encoding", 12.5)
    assert videos.claim(claimed.id, "other", now=SOON, until=later) is None


LATE = {
    "renew": lambda v, i: v.renew(i, "mine", until=SOON, stage="x", percent=1.0),
    "describe": lambda v, i: v.describe(i, "mine", {"duration_seconds": 99.0}),
    "publish": lambda v, i: v.publish(
        i, "mine", version="v9", renditions=(), now=NOW, score=1.0
    ),
    "finish": lambda v, i: v.finish(i, "mine", progressive="progressive/x.mp4", now=NOW),
    "fail": lambda v, i: v.fail(i, "mine", code="x", message="x", now=NOW),
    "release": lambda v, i: v.release(i, "mine", until=NOW, counted=True),
}  # fmt: skip


@pytest.mark.parametrize("step", LATE)
def test_a_worker_whose_lease_passed_to_another_changes_nothing(videos, claimed, step):
    videos.claim(claimed.id, "other", now=SOON, until=SOON)
    before = videos.collection.find_one({"id": claimed.id})
    assert not LATE[step](videos, claimed.id)
    assert videos.collection.find_one({"id": claimed.id}) == before


@pytest.mark.parametrize("step", LATE)
@pytest.mark.parametrize("end", ["finish", "fail"])
def test_what_is_done_stays_done(videos, claimed, end, step):
    assert LATE[end](videos, claimed.id)
    before = videos.collection.find_one({"id": claimed.id})
    assert not LATE[step](videos, claimed.id)
    assert videos.claim(claimed.id, "other", now=SOON, until=SOON) is None
    assert videos.collection.find_one({"id": claimed.id}) == before


def test_finishing_forgets_the_source_and_the_lease(videos, claimed):
    done = videos.finish(claimed.id, "mine", progressive="progressive/x.mp4", now=SOON)
    assert done.processing_status is ProcessingStatus.READY
    assert (done.source, done.progressive) == (None, "progressive/x.mp4")
    assert (done.processing.lease, done.processing.lease_until) == (None, None)
    assert (done.processing.stage, done.processing.percent) == ("ready", 100.0)
    assert done.processing.finished_at == done.updated_at == SOON


def test_failing_keeps_a_reason(videos, claimed):
    done = videos.fail(claimed.id, "mine", code="truncated", message="Ends early.", now=SOON)
    assert done.processing_status is ProcessingStatus.ERROR
    assert (done.processing.error_code, done.processing.error_message) == (
        "truncated",
        "Ends early.",
    )
    assert (done.source, done.processing.lease, done.playable) == (None, None, False)


def test_the_first_publication_is_the_videos_publication(videos, claimed):
    low = Rendition(name="360p", width=640, height=360)
    high = Rendition(name="720p", width=1280, height=720)
    first = videos.publish(claimed.id, "mine", version="v1", renditions=(low,), now=NOW, score=5.0)
    assert (first.playable, first.playback_version, first.renditions) == (True, "v1", (low,))
    assert (first.published_at, first.ranking_score) == (NOW, 5.0)
    second = videos.publish(
        claimed.id, "mine", version="v2", renditions=(low, high), now=SOON, score=9.0
    )
    assert (second.playback_version, second.renditions) == ("v2", (low, high))
    assert (second.published_at, second.ranking_score, second.updated_at) == (NOW, 5.0, SOON)


def test_text_that_looks_like_an_expression_is_stored_as_text(videos, claimed):
    odd = Rendition(name="$title", width=1, height=1)
    published = videos.publish(
        claimed.id, "mine", version="$$NOW", renditions=(odd,), now=NOW, score=1.0
    )
    assert (published.playback_version, published.renditions) == ("$$NOW", (odd,))


@pytest.mark.parametrize(("counted", "attempts"), [(True, 1), (False, 0)])
def test_a_lease_that_is_given_back_can_be_claimed_from_then_on(videos, claimed, counted, attempts):
    later = SOON + dt.timedelta(minutes=5)
    videos.release(claimed.id, "mine", until=later, counted=counted)
    kept = videos.get(claimed.id).processing
    assert (kept.lease, kept.lease_until, kept.attempts) == (None, later, attempts)
    assert videos.claim(claimed.id, "other", now=SOON, until=later) is None
    assert videos.claim(claimed.id, "other", now=later, until=later) is not None


def test_stalled_names_what_nobody_holds_longest_waiting_first(videos, waiting):
    def add(minutes: int, **fields: Any) -> str:
        at = NOW + dt.timedelta(minutes=minutes)
        video = replace(waiting, **identity(container.new_id()), **fields)
        videos.add(replace(video, processing=Processing(lease_until=at)))
        return video.id

    second = add(2, processing_status=ProcessingStatus.PROCESSING)
    first = add(1)
    add(30)
    for status in (ProcessingStatus.READY, ProcessingStatus.ERROR):
        add(1, processing_status=status)
    before = NOW + dt.timedelta(minutes=10)
    assert list(videos.stalled(before)) == [waiting.id, first, second]
    assert list(videos.stalled(before, limit=2)) == [waiting.id, first]
    assert list(videos.stalled(NOW)) == []


def test_a_deleted_video_is_nowhere_and_nobody_processes_it(videos, waiting):
    videos.collection.update_one({"id": waiting.id}, {"$set": {"deleted_at": NOW}})
    assert videos.get(waiting.id) is None
    assert videos.get(waiting.oid) is None
    assert videos.claim(waiting.id, "mine", now=SOON, until=SOON) is None
    assert videos.count_of("a") == 0
    assert list(videos.stalled(SOON)) == []


def test_a_video_can_be_added_once(videos, waiting):
    with pytest.raises(DuplicateKeyError):
        videos.add(waiting)


def test_visibilities_are_000s_and_002s():
    assert [v.value for v in Visibility] == ["public", "unlisted", "private", "scheduled"]
