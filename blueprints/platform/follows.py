"""Follows, as the platform API speaks of them: /api/users/{id}/follow, and lists (000)."""

from __future__ import annotations

from flask import Response, jsonify

from blueprints.http.caller import caller, for_visitors_too
from blueprints.http.context import services
from blueprints.http.cursors import to_cursor
from blueprints.http.dialect import FamilyBlueprint, Json
from blueprints.platform.dialect import dialect
from blueprints.platform.pages import page_of, pagination, stretch_of
from blueprints.platform.schemas.social import (
    AcquaintanceOut,
    FollowersOut,
    FollowingOut,
    FollowOut,
    SocialQuery,
)
from blueprints.platform.schemas.videos import VideoListOut
from services.social.follows import Followed, FollowList

follows = FamilyBlueprint(dialect, "follows", "/api/users", "Who follows whom.")

FOLLOWERS, FOLLOWING, FEED = "followers", "following", "following-videos"
_PERSON = AcquaintanceOut()


@follows.route("/<user_id>/follow", methods=["POST"])
@follows.response(200, FollowOut)
def follow(user_id: str) -> Followed:
    """Follow somebody, by either id; again changes nothing (000).

    400 for oneself, 404 for who is hidden, 403 for who has blocked the caller.
    """
    return services().follows.follow(caller(), user_id)


@follows.route("/<user_id>/follow", methods=["DELETE"])
@follows.response(200, FollowOut)
def unfollow(user_id: str) -> Followed:
    """Follow somebody no more; again changes nothing (000)."""
    return services().follows.unfollow(caller(), user_id)


@follows.route("/<user_id>/followers")
@follows.arguments(SocialQuery, location="query")
@follows.response(200, FollowersOut)
@for_visitors_too
def followers(asked: Json, user_id: str) -> Response:
    """Who follows somebody, or `me`, the latest first (000).

    Who does not show whom they follow is left out. 403 where the person shows no followers.
    """
    stretch = stretch_of(asked, FOLLOWERS)
    found = services().follows.followers(caller(), user_id, **stretch)
    return jsonify(_page(asked, FOLLOWERS, found, stretch["limit"]))


@follows.route("/<user_id>/following")
@follows.arguments(SocialQuery, location="query")
@follows.response(200, FollowingOut)
@for_visitors_too
def following(asked: Json, user_id: str) -> Response:
    """Whom somebody follows, or `me`, the latest first (000).

    Who does not show their followers is left out. 403 where the person does not show this.
    """
    stretch = stretch_of(asked, FOLLOWING)
    found = services().follows.following(caller(), user_id, **stretch)
    return jsonify(_page(asked, FOLLOWING, found, stretch["limit"]))


@follows.route("/me/following/videos")
@follows.arguments(SocialQuery, location="query")
@follows.response(200, VideoListOut)
def feed(asked: Json) -> Response:
    """Public videos of those whom one follows, the newest first (000).

    Numbered pages reach the first 1,000 videos; `cursor` goes on from there.
    """
    stretch = stretch_of(asked, FEED)
    found = services().feeds.following(caller(), **stretch)
    return jsonify(page_of(asked, FEED, stretch["limit"], found))


def _page(asked: Json, name: str, found: FollowList, limit: int) -> Json:
    cursor = to_cursor(name, found.end) if found.has_more else None
    return {
        name: _PERSON.dump(found.items, many=True),
        "pagination": pagination(asked, limit, found.total, cursor),
    }
