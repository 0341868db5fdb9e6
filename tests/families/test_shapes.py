"""Answer shapes: what their compiled `dump` writes is what marshmallow itself would write."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields as dataclass_fields
from dataclasses import replace
from typing import Any

import orjson
import pytest
from flask import Flask
from marshmallow import Schema, fields

from blueprints.client.schemas import catalogue as client_catalogue
from blueprints.client.schemas import videos as client_videos
from blueprints.http.shapes import Shape
from blueprints.mobile.schemas import accounts as mobile_accounts
from blueprints.mobile.schemas import videos as mobile_videos
from blueprints.platform.schemas import accounts as platform_accounts
from blueprints.platform.schemas import videos as platform_videos
from models.user import Author
from models.video import Processing, ProcessingStatus, Rendition
from services.accounts.accounts import Profile
from services.accounts.sessions import SignedIn
from services.videos.catalogue import VideoPage
from services.videos.related import DetailPage


@pytest.fixture
def in_request(app: Flask) -> Iterator[None]:
    """Links are absolute: they need a request that came to some host."""
    with app.test_request_context("/"):
        app.preprocess_request()
        yield


def _detail(pages: list[VideoPage]) -> DetailPage:
    own = {spec.name: getattr(pages[0], spec.name) for spec in dataclass_fields(pages[0])}
    return DetailPage(**own, related=pages)


@pytest.fixture
def samples(ann, add_video) -> list[tuple[type[Shape], Any]]:
    """Objects as views hand them to their shapes, full and bare."""
    user = replace(ann.user, bio="b", avatar_url="https://a.example/x.png")
    author = Author(id=user.id, oid=user.oid, username="ann", display_name="Ann", verified=True)
    full = add_video(
        ann,
        title='Ünïcode "quoted" </script>\u2028',
        tags=("a", "b"),
        renditions=(Rendition(name="360p", width=640, height=360),),
        view_count=2**40,
        like_count=1,
        duration_seconds=12.345678,
        ranking_score=1e-7,
        processing=Processing(stage="error", error_code="x", error_message="y"),
    )
    bare = replace(full, published_at=None, tags=(), renditions=(), view_count=0)
    unready = replace(bare, processing_status=ProcessingStatus.UPLOADED, playable=False)
    pages = [
        VideoPage(video=full, author=author, playback_token="t", is_editable=True),
        VideoPage(video=bare, author=None),
        VideoPage(video=unready, author=author, is_editable=True),
    ]
    signed_in = SignedIn(
        user=user, access_token="a", refresh_token="r", expires_in_seconds=60
    )  # fmt: skip
    return [
        *((platform_videos.VideoOut, page) for page in pages),
        *((client_videos.ClientVideo, page) for page in pages),
        *((client_catalogue.CatalogueVideo, page) for page in pages),
        (client_catalogue.DetailVideo, _detail(pages)),
        *((mobile_videos.DashboardVideo, page) for page in pages),
        (mobile_videos.Dashboard, {"videos": pages}),
        (mobile_accounts.MeAnswer, {"user": user}),
        (mobile_videos.StreamOut, {"stream_url": "https://y.example/x"}),
        (mobile_accounts.LoginAnswer, {"message": "m", "user": user, "access_token": "a"}),
        (platform_accounts.TokenPair, signed_in),
        (
            platform_accounts.SignedInAnswer,
            {"success": True, "message": "m", "user": user, "tokens": signed_in},
        ),
        (platform_accounts.MeAnswer, Profile(user=user, total_videos=3)),
    ]


def test_a_compiled_dump_writes_what_marshmallow_writes(in_request, samples):
    for shape, obj in samples:
        compiled, walked = shape().dump(obj), Schema.dump(shape(), obj)
        assert orjson.loads(orjson.dumps(compiled)) == orjson.loads(orjson.dumps(walked)), shape


def test_many_are_dumped_as_each_would_be(in_request, samples):
    for shape, obj in samples:
        assert shape().dump([obj, obj], many=True) == [shape().dump(obj)] * 2
        assert shape(many=True).dump([obj]) == [shape().dump(obj)]


def test_a_kind_of_field_without_a_compiled_form_is_an_error_and_not_a_guess():
    class Odd(Shape):
        moment = fields.TimeDelta()

    with pytest.raises(TypeError, match="TimeDelta"):
        Odd().dump(object())
