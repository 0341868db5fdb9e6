"""Webhooks, as the platform API speaks of them: /api/webhooks."""

from __future__ import annotations

from flask import Response, jsonify

from blueprints.http.caller import caller
from blueprints.http.context import services
from blueprints.http.cursors import from_cursor, to_cursor
from blueprints.http.dialect import FamilyBlueprint, Json
from blueprints.platform.dialect import dialect
from blueprints.platform.schemas.sessions import Done
from blueprints.platform.schemas.webhooks import (
    DeliveryListOut,
    DeliveryOut,
    DeliveryQuery,
    NewWebhook,
    Rotation,
    WebhookChange,
    WebhookListOut,
    WebhookOut,
    WebhookWithSecret,
)
from models.webhook_deliveries import Delivery
from models.webhook_endpoints import WebhookEndpoint
from services.webhooks.endpoints import DeliveryPage, WithSecret

webhooks = FamilyBlueprint(dialect, "webhooks", "/api/webhooks", "Hear of videos by webhook.")

ORDER = "deliveries"
_DELIVERY = DeliveryOut()


@webhooks.route("", methods=["POST"])
@webhooks.arguments(NewWebhook)
@webhooks.response(201, WebhookWithSecret)
def create(body: Json) -> WithSecret:
    """Subscribe an address to events of one's own videos; its secret is shown this once.

    409 for one too many.
    """
    return services().webhooks.create(caller(), **body)


@webhooks.route("")
@webhooks.response(200, WebhookListOut)
def list_webhooks() -> Json:
    """List one's own webhooks, the newest first."""
    return {"webhooks": services().webhooks.list(caller())}


@webhooks.route("/<webhook_id>")
@webhooks.response(200, WebhookOut)
def get(webhook_id: str) -> WebhookEndpoint:
    """Show one webhook, and whether anything arrives."""
    return services().webhooks.get(caller(), webhook_id)


@webhooks.route("/<webhook_id>", methods=["PATCH"])
@webhooks.arguments(WebhookChange)
@webhooks.response(200, WebhookOut)
def change(body: Json, webhook_id: str) -> WebhookEndpoint:
    """Change its address or its events, or switch it off or on again."""
    return services().webhooks.change(caller(), webhook_id, body)


@webhooks.route("/<webhook_id>", methods=["DELETE"])
@webhooks.response(200, Done)
def delete(webhook_id: str) -> Json:
    """Delete a webhook, and its log of deliveries."""
    services().webhooks.remove(caller(), webhook_id)
    return {"success": True, "message": "The webhook is deleted."}


@webhooks.route("/<webhook_id>/rotate", methods=["POST"])
@webhooks.arguments(Rotation)
@webhooks.response(200, WebhookWithSecret)
def rotate(body: Json, webhook_id: str) -> WithSecret:
    """Replace its secret; for some hours the one before signs as well."""
    return services().webhooks.rotate(caller(), webhook_id, **body)


@webhooks.route("/<webhook_id>/ping", methods=["POST"])
@webhooks.response(202, DeliveryOut)
def ping(webhook_id: str) -> Delivery:
    """Send a test event. 409 for a webhook that is off."""
    return services().webhooks.ping(caller(), webhook_id)


@webhooks.route("/<webhook_id>/deliveries")
@webhooks.arguments(DeliveryQuery, location="query")
@webhooks.response(200, DeliveryListOut)
def list_deliveries(asked: Json, webhook_id: str) -> Response:
    """List what was sent in the last month and what came back, the newest first."""
    after = from_cursor(ORDER, asked.get("cursor"))
    found = services().webhooks.log(caller(), webhook_id, after=after, limit=asked["page_size"])
    return jsonify(_page(found))


@webhooks.route("/<webhook_id>/deliveries/<delivery_id>/redeliver", methods=["POST"])
@webhooks.response(202, DeliveryOut)
def redeliver(webhook_id: str, delivery_id: str) -> Delivery:
    """Send something again, under the same id. 409 while it is under way."""
    return services().webhooks.redeliver(caller(), webhook_id, delivery_id)


def _page(found: DeliveryPage) -> Json:
    return {
        "deliveries": _DELIVERY.dump(found.items, many=True),
        "next_cursor": to_cursor(ORDER, found.end),
    }
