"""Webhook endpoints, as their owners manage them: make, change, replace the secret, look, try."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from models.announcements import VideoEvent
from models.audit import Action
from models.documents import After, identity, to_doc
from models.errors import Conflict, Forbidden, NotFound
from models.webhook_deliveries import Delivery, WebhookDeliveries
from models.webhook_endpoints import SigningSecret, WebhookEndpoint, WebhookEndpoints
from services.accounts.secrets_box import SecretsBox
from services.adapters.webhooks import WebhookSender
from services.audit import Audit
from services.policies import Actor, may_administer, may_manage
from services.webhooks.relay import GIVE_UP_AFTER, EventRelay
from services.webhooks.signatures import new_secret

MOST_ENDPOINTS = 10
MOST_SECRETS = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class WithSecret:
    """An endpoint, and the secret that is shown this once."""

    endpoint: WebhookEndpoint
    secret: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryPage:
    items: Sequence[Delivery]
    end: After | None


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointService:
    endpoints: WebhookEndpoints
    deliveries: WebhookDeliveries
    relay: EventRelay
    sender: WebhookSender
    box: SecretsBox
    audit: Audit
    now: Callable[[], datetime]
    new_id: Callable[[], str]

    def create(
        self,
        actor: Actor,
        *,
        url: str,
        events: Sequence[VideoEvent],
        description: str = "",
        everything: bool = False,
    ) -> WithSecret:
        """Subscribe to events of one's own videos; an administrator, of everybody's.

        Raises `Invalid` for an address that is never written to, `Forbidden`, or `Conflict` for
        one endpoint too many.
        """
        if everything and not may_administer(actor):
            raise Forbidden("Only administrators hear of everybody's videos.")
        self.sender.check(url)
        if len(self.endpoints.of(actor.id or "")) >= MOST_ENDPOINTS:
            raise Conflict(f"There are {MOST_ENDPOINTS} endpoints already. Delete one first.")
        now, secret = self.now(), new_secret()
        endpoint = WebhookEndpoint(
            **identity(self.new_id()),
            owner_id=actor.id or "",
            url=url,
            events=tuple(sorted(set(events))),
            secrets=(SigningSecret(closed=self.box.close(secret), created_at=now),),
            created_at=now,
            updated_at=now,
            everything=everything,
            description=description,
        )
        self.endpoints.add(endpoint)
        self._note(Action.WEBHOOK_ADDED, actor, endpoint)
        return WithSecret(endpoint=endpoint, secret=secret)

    def list(self, actor: Actor) -> list[WebhookEndpoint]:
        """One's own; there are never many."""
        return self.endpoints.of(actor.id or "")

    def get(self, actor: Actor, reference: str) -> WebhookEndpoint:
        """Raises `NotFound`, for another's as well."""
        endpoint = self.endpoints.get(reference)
        if endpoint is None or not may_manage(actor, endpoint):
            raise NotFound("Webhook not found")
        return endpoint

    def change(self, actor: Actor, reference: str, changes: dict[str, Any]) -> WebhookEndpoint:
        """Another address, other events, off or on again. Raises as `create` and `get` do."""
        endpoint, now = self.get(actor, reference), self.now()
        if "url" in changes:
            self.sender.check(changes["url"])
        values = {**changes, "updated_at": now}
        if "events" in changes:
            values["events"] = sorted(set(changes["events"]))
        if changes.get("is_active"):
            values |= {"off_because": "", "failing_since": None, "failures": 0, "turn_until": now}
        changed = self.endpoints.change(endpoint.id, values)
        if changed is None:
            raise NotFound("Webhook not found")
        if changes.get("is_active") is False:
            self.deliveries.give_up_all(endpoint.id, now)
        return changed

    def remove(self, actor: Actor, reference: str) -> None:
        endpoint = self.get(actor, reference)
        self.endpoints.remove(endpoint.id)
        self.deliveries.forget_endpoint(endpoint.id)
        self._note(Action.WEBHOOK_REMOVED, actor, endpoint)

    def rotate(self, actor: Actor, reference: str, *, overlap_hours: int) -> WithSecret:
        """Sign with a new secret, and with the one before for as long as receivers need."""
        endpoint, now, secret = self.get(actor, reference), self.now(), new_secret()
        ends_at = now + timedelta(hours=overlap_hours)
        made = SigningSecret(closed=self.box.close(secret), created_at=now)
        before = replace(endpoint.secrets[0], ends_at=ends_at)
        kept = (made, before)[: MOST_SECRETS if overlap_hours else 1]
        values = {"secrets": [to_doc(each) for each in kept], "updated_at": now}
        changed = self.endpoints.change(endpoint.id, values)
        if changed is None:
            raise NotFound("Webhook not found")
        self._note(Action.WEBHOOK_SECRET_REPLACED, actor, endpoint)
        return WithSecret(endpoint=changed, secret=secret)

    def ping(self, actor: Actor, reference: str) -> Delivery:
        """Send a test event. Raises `Conflict` for an endpoint that is off."""
        return self.relay.ping(self._active(actor, reference))

    def log(self, actor: Actor, reference: str, *, after: After | None, limit: int) -> DeliveryPage:
        """What was sent to an endpoint, and what it answered, the newest first."""
        endpoint = self.get(actor, reference)
        found = self.deliveries.newest(endpoint.id, after=after, limit=limit + 1)
        shown = found[:limit]
        has_more = len(found) > limit
        end = After(shown[-1].created_at, shown[-1].oid) if has_more else None
        return DeliveryPage(items=shown, end=end)

    def redeliver(self, actor: Actor, reference: str, delivery_reference: str) -> Delivery:
        """Send something again, under the same id. Raises `Conflict` while it is under way."""
        endpoint, now = self._active(actor, reference), self.now()
        delivery = self.deliveries.get(delivery_reference, endpoint.id)
        if delivery is None:
            raise NotFound("Delivery not found")
        if not self.deliveries.again(delivery.id, now, now + GIVE_UP_AFTER):
            raise Conflict("This delivery is under way.")
        self.endpoints.may_try(endpoint.id, now)
        self.relay.knock(endpoint.id)
        return self.deliveries.get(delivery.id, endpoint.id) or delivery

    def _active(self, actor: Actor, reference: str) -> WebhookEndpoint:
        endpoint = self.get(actor, reference)
        if not endpoint.is_active:
            raise Conflict("This webhook is off. Switch it on first.")
        return endpoint

    def _note(self, action: Action, actor: Actor, endpoint: WebhookEndpoint) -> None:
        details = {"webhook_id": endpoint.id}
        self.audit.record(action, user_id=endpoint.owner_id, actor_id=actor.id, **details)
