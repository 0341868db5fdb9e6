"""Wiring: follows, reactions, the feed of those whom one follows, and recounting."""

from __future__ import annotations

from typing import Any

from models.database import Transactions
from models.ledgers import ledgers
from models.reactions import Kind
from services.container import comments, keeping, notices
from services.container.parts import Parts
from services.people.people import PeopleService
from services.remembered import Remembered
from services.social.attention import Attention
from services.social.feed import FeedService
from services.social.folding import OneAtATime
from services.social.follows import FollowService
from services.social.reactions import ReactionService
from services.social.recounting import RecountService
from services.social.video_targets import VideoTargets
from services.videos.catalogue import CatalogueService

FEED_COUNT_SECONDS = 30


def reactions(parts: Parts) -> ReactionService:
    return ReactionService(
        reactions=parts.reactions,
        targets={Kind.VIDEO: _videos(parts), Kind.COMMENT: comments.targets(parts)},
        blocks=parts.blocks,
        activity=parts.activity,
        transactions=Transactions(parts.mongo),
        one_at_a_time=OneAtATime(),
        stamps=parts.stamps,
        attention=_attention(parts),
        now=parts.now,
        new_id=parts.new_id,
    )


def social(parts: Parts, people: PeopleService, catalogue: CatalogueService) -> dict[str, Any]:
    """All of it, by the names that `Services` has for it."""
    reacting, follows = reactions(parts), _follows(parts, people)
    return {
        "reactions": reacting,
        **keeping.keeping(parts, people, catalogue),
        "follows": follows,
        "feeds": _feeds(parts, people, catalogue),
        "recounting": RecountService(
            ledgers=ledgers(parts.mongo),
            reactions=reacting,
            follows=follows,
            transactions=Transactions(parts.mongo),
        ),
    }


def _attention(parts: Parts) -> Attention:
    return Attention(notifications=notices.notifications(parts), comments=parts.comments)


def _videos(parts: Parts) -> VideoTargets:
    return VideoTargets(
        videos=parts.videos, users=parts.users, shelf=parts.shelf, events=parts.events
    )


def _follows(parts: Parts, people: PeopleService) -> FollowService:
    return FollowService(
        follows=parts.follows,
        users=parts.users,
        people=people,
        blocks=parts.blocks,
        activity=parts.activity,
        transactions=Transactions(parts.mongo),
        one_at_a_time=OneAtATime(),
        attention=_attention(parts),
        now=parts.now,
        new_id=parts.new_id,
    )


def _feeds(parts: Parts, people: PeopleService, catalogue: CatalogueService) -> FeedService:
    return FeedService(
        follows=parts.follows,
        reactions=parts.reactions,
        videos=parts.videos,
        people=people,
        catalogue=catalogue,
        totals=Remembered(seconds=FEED_COUNT_SECONDS),
    )
