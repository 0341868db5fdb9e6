"""Who may do what, how videos rank, and grants, each by itself."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import pytest

from models.errors import Expired, Forbidden
from models.user import Role
from models.video import ProcessingStatus, Video, Visibility
from services.playback.grants import Grants
from services.policies import VISITOR, Actor, may_edit, may_see, may_watch
from services.videos.ranking import first_score

NOW = dt.datetime(2026, 1, 28, 10, 30, tzinfo=dt.UTC)

OWNER = Actor(id="owner", session_id="s")
OTHER = Actor(id="other", session_id="s")
STAFF = Actor(id="staff", session_id="s", role=Role.STAFF)
ADMIN = Actor(id="admin", session_id="s", role=Role.ADMIN)
CREATOR = Actor(id="creator", session_id="s", role=Role.CREATOR)


def video(**fields: object) -> Video:
    whole = Video(
        id="v",
        oid="0" * 24,
        author_id="owner",
        title="t",
        created_at=NOW,
        updated_at=NOW,
        playable=True,
        processing_status=ProcessingStatus.READY,
    )
    return replace(whole, **fields)


# Policies: rows are videos, columns are who asks.

PEOPLE = (VISITOR, OTHER, CREATOR, OWNER, STAFF, ADMIN)
SEE = {
    "public": (video(), "111111"),
    "unlisted": (video(visibility=Visibility.UNLISTED), "111111"),
    "private": (video(visibility=Visibility.PRIVATE), "000111"),
    "inactive": (video(is_active=False), "000111"),
    "not playable yet": (video(playable=False), "000111"),
    "nobody's": (video(author_id=""), "111111"),
    "nobody's and private": (video(author_id="", visibility=Visibility.PRIVATE), "000011"),
}
WATCH = {
    "public": (video(), "011111"),
    "unlisted": (video(visibility=Visibility.UNLISTED), "011111"),
    "private": (video(visibility=Visibility.PRIVATE), "000111"),
    "inactive": (video(is_active=False), "000000"),
}


@pytest.mark.parametrize("case", SEE)
def test_who_may_see_a_video(case):
    shown, expected = SEE[case]
    assert "".join(str(int(may_see(person, shown))) for person in PEOPLE) == expected


@pytest.mark.parametrize("case", WATCH)
def test_who_may_watch_a_video(case):
    shown, expected = WATCH[case]
    assert "".join(str(int(may_watch(person, shown))) for person in PEOPLE) == expected


def test_who_may_edit_a_video():
    assert "".join(str(int(may_edit(person, video()))) for person in PEOPLE) == "000111"


def test_a_younger_video_ranks_higher():
    assert first_score(NOW + dt.timedelta(hours=12)) - first_score(NOW) == pytest.approx(1.0)


# Grants


@pytest.fixture
def grants() -> Grants:
    return Grants(secret="edge", now=lambda: NOW)


def parts(path: str) -> tuple[str, str, str]:
    _, _, signature, expires, video_id, _ = path.split("/", 5)
    return signature, expires, video_id


def test_a_grant_is_accepted_until_it_expires(grants):
    signature, expires, video_id = parts(grants.path("v", "v1/master.m3u8", 100.0))
    grants.check(signature, expires, video_id)
    ends = dt.datetime.fromtimestamp(int(expires), dt.UTC)
    assert dt.timedelta(seconds=3800) < ends - NOW <= dt.timedelta(seconds=4100)
    replace(grants, now=lambda: ends - dt.timedelta(seconds=1)).check(signature, expires, video_id)
    with pytest.raises(Expired):
        replace(grants, now=lambda: ends).check(signature, expires, video_id)


def test_a_grant_is_of_one_video_one_end_and_one_secret(grants):
    signature, expires, video_id = parts(grants.path("v", "x", 0.0))
    for wrong in (
        (signature, expires, "w"),
        (signature, str(int(expires) + 1), video_id),
        (signature[:-1] + "~", expires, video_id),
        ("", expires, video_id),
    ):
        with pytest.raises(Forbidden):
            grants.check(*wrong)
    with pytest.raises(Forbidden):
        replace(grants, secret="other").check(signature, expires, video_id)
