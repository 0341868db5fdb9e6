"""Reports of comments: anybody may make one of each, and staff settles them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from models.audit import Action
from models.comment import Comment, CommentState
from models.comments import Comments
from models.documents import After, identity
from models.errors import Conflict, Forbidden, Invalid, NotFound
from models.reports import Report, ReportReason, Reports, ReportState
from services.audit import Audit
from services.policies import Actor, wrote
from services.social.comment_pages import CommentPage, CommentPages
from services.social.comments import CommentService
from services.social.moderation import BY_REPORTS, BY_STAFF, ModerationService


class Verdict(StrEnum):
    """What staff makes of a report."""

    DISMISS = "dismiss"
    HIDE = "hide"
    DELETE = "delete"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportPage:
    report: Report
    # None once it is gone.
    comment: CommentPage | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportList:
    items: Sequence[ReportPage]
    has_more: bool
    end: After | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportService:
    reports: Reports
    comments: Comments
    service: CommentService
    moderation: ModerationService
    pages: CommentPages
    audit: Audit
    # By so many people, a comment is hidden until somebody has looked; 0 is never.
    hidden_from: int
    now: Callable[[], datetime]
    new_id: Callable[[], str]

    def report(self, actor: Actor, reference: str, reason: ReportReason, note: str) -> Report:
        """Say that a comment should not be there, once.

        Raises `Invalid` for one's own, `Conflict` for one that was reported before.
        """
        comment, _ = self.service.found(actor, reference)
        if wrote(actor, comment):
            raise Invalid("This is your own comment: delete it.")
        report = self._new(actor, comment, reason, note)
        if not self.reports.add(report):
            raise Conflict("You have reported this comment.")
        self._hide_if_many(comment)
        return report

    def queue(
        self, actor: Actor, state: ReportState, *, after: After | None, limit: int
    ) -> ReportList:
        """What was reported, the longest waiting first, each with its comment as it is now."""
        _require_staff(actor)
        found = self.reports.oldest(state, after=after, limit=limit + 1)
        shown = found[:limit]
        return ReportList(
            items=self._pages(actor, shown),
            has_more=len(found) > limit,
            end=After(shown[-1].created_at, shown[-1].oid) if shown else None,
        )

    def resolve(self, actor: Actor, reference: str, verdict: Verdict) -> ReportPage:
        """Settle this report, and all others of the same comment.

        Dismissed, a comment that many reports have hidden comes back.
        """
        _require_staff(actor)
        report = self.reports.get(reference)
        if report is None:
            raise NotFound("Report not found")
        if report.state is not ReportState.OPEN:
            raise Conflict("This report is settled.")
        self._carry_out(actor, self.comments.get(report.comment_id), verdict)
        state = ReportState.DISMISSED if verdict is Verdict.DISMISS else ReportState.UPHELD
        self.reports.resolve(report.comment_id, state, by=actor.id, now=self.now())
        details = {"comment_id": report.comment_id, "verdict": verdict.value}
        self.audit.record(
            Action.REPORT_RESOLVED, user_id=report.user_id, actor_id=actor.id, **details
        )
        return self._pages(actor, [self.reports.get(report.id) or report])[0]

    def _carry_out(self, actor: Actor, comment: Comment | None, verdict: Verdict) -> None:
        if comment is None or comment.state is CommentState.DELETED:
            return
        if verdict is Verdict.DELETE:
            self.service.withdraw(actor, comment)
        elif verdict is Verdict.HIDE:
            self.moderation.take_away(comment, BY_STAFF)
        elif comment.hidden_by == BY_REPORTS:
            self.moderation.bring_back(comment)

    def _hide_if_many(self, comment: Comment) -> None:
        if not self.hidden_from or comment.state is not CommentState.SHOWN:
            return
        if self.reports.count_open(comment.id) < self.hidden_from:
            return
        try:
            self.moderation.take_away(comment, BY_REPORTS)
        except Conflict:
            # Somebody has just done that, or deleted it.
            return
        self.audit.record(
            Action.COMMENT_HIDDEN, user_id=comment.user_id, comment_id=comment.id, by=BY_REPORTS
        )

    def _new(self, actor: Actor, comment: Comment, reason: ReportReason, note: str) -> Report:
        return Report(
            **identity(self.new_id()),
            comment_id=comment.id,
            video_id=comment.video_id,
            user_id=comment.user_id,
            reporter_id=actor.id or "",
            reason=reason,
            note=note,
            content=comment.content,
            created_at=self.now(),
        )

    def _pages(self, actor: Actor, reports: Sequence[Report]) -> list[ReportPage]:
        """Three queries, whatever their number."""
        known = self.comments.by_ids({report.comment_id for report in reports})
        pages = {page.comment.id: page for page in self.pages.many(actor, list(known.values()))}
        return [ReportPage(report=each, comment=pages.get(each.comment_id)) for each in reports]


def _require_staff(actor: Actor) -> None:
    if not actor.is_staff:
        raise Forbidden("Only staff may look at reports.")
