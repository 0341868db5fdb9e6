"""Wiring: comments, their moderation, reports, and who is kept away."""

from __future__ import annotations

from typing import Any

from services.container.notices import notifications
from services.container.parts import Parts
from services.remembered import Remembered
from services.social.blocking import BlockService
from services.social.comment_news import CommentNews
from services.social.comment_pages import CommentPages
from services.social.comment_targets import CommentTargets
from services.social.comments import CommentService
from services.social.moderation import ModerationService
from services.social.notices import CommentNotices
from services.social.reporting import ReportService

AUTHOR_SECONDS = 2


def commenting(parts: Parts) -> dict[str, Any]:
    """All of it, by the names that `Services` has for it."""
    comments = _comments(parts)
    moderation = ModerationService(
        comments=parts.comments,
        service=comments,
        rules=parts.comment_rules,
        pages=comments.pages,
        news=comments.news,
        notices=comments.notices,
    )
    return {
        "comments": comments,
        "moderation": moderation,
        "reports": _reports(parts, comments, moderation),
        "blocking": BlockService(
            blocks=parts.blocks,
            users=parts.users,
            comments=parts.comments,
            moderation=moderation,
            activity=parts.activity,
            now=parts.now,
            new_id=parts.new_id,
        ),
    }


def targets(parts: Parts) -> CommentTargets:
    return CommentTargets(comments=parts.comments, service=_comments(parts))


def _comments(parts: Parts) -> CommentService:
    return CommentService(
        comments=parts.comments,
        videos=parts.videos,
        shelf=parts.shelf,
        blocks=parts.blocks,
        rules=parts.comment_rules,
        reactions=parts.reactions,
        pages=_pages(parts),
        news=_news(parts),
        notices=CommentNotices(notifications=notifications(parts)),
        audit=parts.audit,
        activity=parts.activity,
        now=parts.now,
        new_id=parts.new_id,
    )


def _pages(parts: Parts) -> CommentPages:
    return CommentPages(
        comments=parts.comments,
        users=parts.users,
        reactions=parts.reactions,
        authors=Remembered(seconds=AUTHOR_SECONDS),
    )


def _news(parts: Parts) -> CommentNews:
    return CommentNews(
        events=parts.events,
        videos=parts.videos,
        shelf=parts.shelf,
        base_url=parts.settings.base_url,
    )


def _reports(
    parts: Parts, comments: CommentService, moderation: ModerationService
) -> ReportService:
    return ReportService(
        reports=parts.reports,
        comments=parts.comments,
        service=comments,
        moderation=moderation,
        pages=comments.pages,
        audit=parts.audit,
        hidden_from=parts.settings.comment_hidden_from_reports,
        now=parts.now,
        new_id=parts.new_id,
    )
