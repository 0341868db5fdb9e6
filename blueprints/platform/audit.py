"""The audit log, as the platform API shows it: /api/admin/audit."""

from __future__ import annotations

from flask import Response, jsonify

from blueprints.http.caller import caller
from blueprints.http.context import services
from blueprints.http.cursors import from_cursor, to_cursor
from blueprints.http.dialect import FamilyBlueprint, Json
from blueprints.platform.dialect import dialect
from blueprints.platform.schemas.membership import AuditEntryOut, AuditListOut, AuditQuery
from services.people.administration import AuditPage

audit = FamilyBlueprint(dialect, "audit", "/api/admin", "What happened to accounts.")

ORDER = "audit"
_ENTRY = AuditEntryOut()


@audit.route("/audit")
@audit.arguments(AuditQuery, location="query")
@audit.response(200, AuditListOut)
def list_entries(asked: Json) -> Response:
    """List what happened to accounts, the newest first, for who has to find out (admin)."""
    found = services().administration.read_audit(
        caller(),
        reference=asked.get("user_id"),
        action=asked.get("action"),
        after=from_cursor(ORDER, asked.get("cursor")),
        limit=asked["page_size"],
    )
    return jsonify(_page(found))


def _page(found: AuditPage) -> Json:
    return {
        "entries": _ENTRY.dump(found.items, many=True),
        "has_more": found.has_more,
        "next_cursor": to_cursor(ORDER, found.end) if found.has_more else None,
    }
