"""Sending webhooks: turn by turn, one endpoint at a time for each process that sends.

A turn sends what is due to one endpoint, one after the other, and ends after some seconds or with
the first failure; whatever is due still gets a turn behind everybody else's. A delivery that fails
is tried again over a day, with pauses that grow; an endpoint that fails pauses as well.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from models.mails import MailKind
from models.users import Users
from models.webhook_deliveries import Attempt, Delivery, DeliveryState, WebhookDeliveries
from models.webhook_endpoints import WebhookEndpoint, WebhookEndpoints
from services.accounts.secrets_box import SecretsBox
from services.adapters.events import Events
from services.adapters.queue import Job, JobQueue
from services.adapters.webhooks import NotDelivered, WebhookSender
from services.mailing import MailService
from services.webhooks.signatures import key_of, sign

log = logging.getLogger(__name__)

TURN_SECONDS = 10
# 10 s, 30 s, 90 s ... four hours: thirteen tries within a day.
FIRST_PAUSE, PAUSE_FACTOR, LONGEST_PAUSE = timedelta(seconds=10), 3, timedelta(hours=4)
# Pauses are up to this share longer: what failed together does not come back together.
JITTER = 0.2
# An endpoint that fails is left alone for as long, doubled with each failure.
BREATH, LONGEST_BREATH = timedelta(seconds=1), timedelta(minutes=5)
GONE = 410
REASON_LENGTH = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryService:
    endpoints: WebhookEndpoints
    deliveries: WebhookDeliveries
    users: Users
    sender: WebhookSender
    box: SecretsBox
    mailing: MailService
    events: Events
    queue: JobQueue
    # After which a sender that is silent is taken for dead; longer than an attempt may last.
    lease_lifetime: timedelta
    # How long nothing may arrive before an endpoint is switched off.
    patience: timedelta
    random: Callable[[], float]
    now: Callable[[], datetime]
    new_id: Callable[[], str]

    def run(self, endpoint_id: str) -> None:
        """One turn of an endpoint's, unless somebody else is at it; a job calls this."""
        now, turn = self.now(), self.new_id()
        lasts = self.lease_lifetime + timedelta(seconds=TURN_SECONDS)
        endpoint = self.endpoints.take_turn(endpoint_id, turn, now=now, until=now + lasts)
        if endpoint is None:
            return
        breath = timedelta()
        try:
            breath = self._deliver_what_is_due(endpoint)
        finally:
            self.endpoints.end_turn(endpoint_id, turn, pause_until=self.now() + breath)
        if not breath and self.deliveries.has_due(endpoint_id, self.now()):
            self.queue.enqueue(Job.DELIVER_WEBHOOKS, endpoint_id)

    def sweep(self) -> int:
        """Queue a turn for each endpoint that something is due for; how many were not queued."""
        now = self.now()
        due = self.deliveries.endpoints_with_due(now)
        for endpoint_id in set(due) - self.endpoints.active(due):
            self.deliveries.give_up_all(endpoint_id, now)
        idle = self.endpoints.idle(due, now)
        return sum(self.queue.enqueue(Job.DELIVER_WEBHOOKS, endpoint_id) for endpoint_id in idle)

    def _deliver_what_is_due(self, endpoint: WebhookEndpoint) -> timedelta:
        """How long to leave the endpoint alone afterwards."""
        ends = time.monotonic() + TURN_SECONDS
        while time.monotonic() < ends:
            now = self.now()
            delivery = self.deliveries.claim(
                endpoint.id, self.new_id(), now=now, until=now + self.lease_lifetime
            )
            if delivery is None:
                break
            if failures := self._deliver(endpoint, delivery):
                return min(BREATH * 2 ** min(failures - 1, 10), LONGEST_BREATH)
        return timedelta()

    def _deliver(self, endpoint: WebhookEndpoint, delivery: Delivery) -> int:
        """Send it once; answers how many times in a row nothing arrived, 0 where this did."""
        attempt = self._try(endpoint, delivery)
        if attempt.status is not None and attempt.status // 100 == 2:  # noqa: PLR2004 - 2xx
            self.deliveries.settle(delivery, DeliveryState.DELIVERED, attempt)
            if endpoint.failing_since is not None:
                self.endpoints.arrived(endpoint.id)
            return 0
        self._put_off(delivery, attempt)
        failing = self.endpoints.missed(endpoint.id, attempt.at)
        if failing is None:  # it was deleted meanwhile
            return 1
        self._judge(failing, attempt)
        return failing.failures

    def _try(self, endpoint: WebhookEndpoint, delivery: Delivery) -> Attempt:
        now, began = self.now(), time.monotonic()
        status, answer, error = None, "", ""
        body = delivery.body.encode()
        headers = sign(self._keys(endpoint, now), delivery.event_id, now, body) | {
            "Content-Type": "application/json",
            "User-Agent": "CLUTCH-Webhooks/1",
        }
        try:
            said = self.sender.post(endpoint.url, headers, body)
            status, answer = said.status, said.start
        except NotDelivered as failure:
            error = str(failure)[:REASON_LENGTH]
        took = round((time.monotonic() - began) * 1000)
        return Attempt(at=now, duration_ms=took, status=status, answer=answer, error=error)

    def _keys(self, endpoint: WebhookEndpoint, now: datetime) -> list[bytes]:
        good = [s for s in endpoint.secrets if s.ends_at is None or s.ends_at > now]
        opened = [self.box.open(secret.closed) for secret in good]
        return [key_of(secret) for secret in opened if secret]

    def _put_off(self, delivery: Delivery, attempt: Attempt) -> None:
        pause = min(FIRST_PAUSE * PAUSE_FACTOR ** min(delivery.tries - 1, 12), LONGEST_PAUSE)
        next_at = self.now() + pause * (1 + JITTER * self.random())
        about = {"delivery_id": delivery.id, "status": attempt.status, "reason": attempt.error}
        if next_at > delivery.give_up_at:
            self.deliveries.settle(delivery, DeliveryState.GIVEN_UP, attempt)
            log.warning("a webhook was given up", extra=about)
        else:
            self.deliveries.put_back(delivery, attempt, next_at)
            log.info("a webhook did not arrive yet", extra=about)

    def _judge(self, failing: WebhookEndpoint, attempt: Attempt) -> None:
        """Switch an endpoint off that says it is gone, or where nothing arrived for days."""
        since = failing.failing_since or attempt.at
        if attempt.status == GONE:
            self._switch_off(failing, "It answered 410 Gone.")
        elif attempt.at - since >= self.patience:
            said = attempt.error or f"It answered {attempt.status}."
            self._switch_off(failing, f"Nothing arrived for {self.patience.days} days. {said}")

    def _switch_off(self, endpoint: WebhookEndpoint, because: str) -> None:
        now = self.now()
        if not self.endpoints.switch_off(endpoint.id, now, because):
            return
        self.deliveries.give_up_all(endpoint.id, now)
        told = {"type": "webhook_off", "webhook_id": endpoint.id, "because": because}
        self.events.publish(f"user:{endpoint.owner_id}", told)
        owner = self.users.get(endpoint.owner_id)
        if owner is not None and owner.deleted_at is None:
            context = {"receiver": urlsplit(endpoint.url).hostname or "", "because": because}
            self.mailing.ask(MailKind.WEBHOOK_OFF, owner.email, user_id=owner.id, context=context)
