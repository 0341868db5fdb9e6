"""The end of an account: closed at once, and then taken away by a job, piece by piece.

Closing is one step: nobody comes in any more, whatever happens next. What the person left (videos
and their media, sessions, all that other collections hold) goes in a job that may be killed and run
again at any point: the account's row stays marked until all of it is gone, and the sweeper starts
the job anew for as long as the mark is there. The row itself is last, and keeps nothing personal.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from models.audit import Action
from models.errors import Invalid, NotFound, Unavailable
from models.mails import Mails
from models.membership import LastAdmin
from models.user import User
from models.users import Users
from models.videos import Videos
from services.accounts.lockout import Lockout
from services.accounts.passwords import Passwords
from services.accounts.second_factor import SecondFactorService
from services.accounts.sessions import Device, SessionService
from services.adapters.events import Events
from services.adapters.queue import Job, JobQueue
from services.adapters.storage import Storage
from services.audit import Audit
from services.people.administration import last_admin, require_admin
from services.policies import Actor
from services.videos.keys import keys_of
from services.videos.listeners import tell_deleted

log = logging.getLogger(__name__)

LEASE = timedelta(seconds=60)
RENEW_EVERY = 50
WRONG = "The password is not right."


@dataclass(frozen=True, slots=True, kw_only=True)
class Closed:
    """What will happen to what somebody leaves behind."""

    user_id: str
    videos: int
    keeps_content: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class DeletionService:
    users: Users
    videos: Videos
    mails: Mails
    sessions: SessionService
    storage: Storage
    queue: JobQueue
    events: Events
    passwords: Passwords
    second_factors: SecondFactorService
    lockout: Lockout
    audit: Audit
    # `forget_all_of` of each collection that knows something of people.
    forgetting: Sequence[Callable[[str], object]]
    # `forget_video` of each collection that knows something of videos.
    forgetting_videos: Sequence[Callable[[str], object]]
    now: Callable[[], datetime]

    def delete(self, actor: Actor, reference: str, *, keeps_content: bool) -> Closed:
        """Close somebody's account for good; doing it again while the job is at it changes nothing.

        Raises `Forbidden`, `NotFound`, or `Conflict` for the last admin.
        """
        require_admin(actor)
        user = self.users.get(reference)
        if user is None or (user.deleted_at is not None and user.deletion is None):
            raise NotFound("User not found")
        return self._close(actor, user, keeps_content=keeps_content)

    def delete_own(
        self, actor: Actor, *, password: str, otp: str, keeps_content: bool, device: Device
    ) -> Closed:
        """Close one's own account; who has a password and a second factor has to give both.

        Raises `Invalid` for a wrong one (each counts as an attempt to sign in), `RateLimited`
        after too many, `SecondFactorNeeded`, or `Conflict` for the last admin.
        """
        user = self.users.get(actor.id or "")
        if user is None:
            raise NotFound("User not found")
        if user.has_password:
            self._prove(user, password, device)
        self.second_factors.demand(user, otp, device.address)
        return self._close(actor, user, keeps_content=keeps_content)

    def run(self, user_id: str) -> None:
        """Take away what a closed account has left; a job calls this. Raising: try again later."""
        now = self.now()
        user = self.users.claim_deletion(user_id, now=now, until=now + LEASE)
        if user is None or user.deletion is None:
            log.info("nothing to do", extra={"user_id": user_id})
            return
        self.sessions.end_all_of(user_id)
        if not user.deletion.keeps_content:
            self._take_videos_away(user_id)
        for forget_all_of in self.forgetting:
            forget_all_of(user_id)
        self.mails.forget_address(user.email)
        # Last: while the row is marked, whatever is missing will be done.
        self.users.forget(user, self.now())
        log.info("an account is gone", extra={"user_id": user_id})

    def sweep(self) -> int:
        """Queue again what no living worker is at; returns how many were not queued already."""
        unfinished = self.users.unfinished_deletions(self.now())
        return sum(self.queue.enqueue(Job.DELETE_USER, user_id) for user_id in unfinished)

    def _close(self, actor: Actor, user: User, *, keeps_content: bool) -> Closed:
        if self.users.is_last_admin(user.id):
            raise last_admin()
        self.sessions.end_all_of(user.id)
        try:
            before = self.users.close(user.id, self.now(), keeps_content=keeps_content)
        except LastAdmin as refused:
            raise last_admin() from refused
        # Whoever signed in between the two was let in rightly, and is so no more.
        self.sessions.end_all_of(user.id)
        if before is not None:
            self.audit.record(Action.DELETED, user_id=user.id, actor_id=actor.id)
        closed = self._closed(user.id)
        self._enqueue(user.id)
        return closed

    def _closed(self, user_id: str) -> Closed:
        """As it was asked for first, whoever asked again."""
        row = self.users.get(user_id)
        return Closed(
            user_id=user_id,
            videos=self.videos.count_of(user_id),
            keeps_content=bool(row and row.deletion and row.deletion.keeps_content),
        )

    def _enqueue(self, user_id: str) -> None:
        try:
            self.queue.enqueue(Job.DELETE_USER, user_id)
        except Unavailable:
            # The row is marked: the sweeper queues it when the queue is back.
            log.warning("not queued, left to the sweeper", extra={"user_id": user_id})

    def _take_videos_away(self, user_id: str) -> None:
        # Hidden, and taken from the workers that hold them, before anything is removed: a worker
        # that notices later removes what it stored in between (services/processing/transcoding.py).
        self.videos.withdraw_all_of(user_id, self.now())
        for number, video_id in enumerate(self.videos.unerased_of(user_id), start=1):
            for key in keys_of(video_id):
                self.storage.remove(key)
            for forget_video in self.forgetting_videos:
                forget_video(video_id)
            tell_deleted(self.events, video_id)
            self.videos.erase(video_id, self.now())
            if number % RENEW_EVERY == 0:
                self.users.renew_deletion(user_id, self.now() + LEASE)

    def _prove(self, user: User, password: str, device: Device) -> None:
        self.lockout.check(user.id, device.address)
        if not self.passwords.matches(password, user.password_hash):
            locked = self.lockout.failed(user.id, device.address)
            action = Action.LOCKED_OUT if locked else Action.SIGN_IN_FAILED
            self.audit.record(action, user_id=user.id, actor_id=user.id, address=device.address)
            raise Invalid(WRONG, fields={"password": [WRONG]})
        self.lockout.passed(user.id, device.address)
