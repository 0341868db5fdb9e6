"""What an admin sets and sees: /api/admin/config and /api/admin/stats (003)."""

from __future__ import annotations

from blueprints.http.caller import caller
from blueprints.http.context import services
from blueprints.http.dialect import FamilyBlueprint, Json
from blueprints.platform.dialect import dialect
from blueprints.platform.schemas.configuration import (
    ConfigurationChange,
    ConfigurationOut,
    StatisticsOut,
)
from services.configuration import Configured, Statistics

configuration = FamilyBlueprint(
    dialect, "configuration", "/api/admin", "Limits, and what there is, for admins."
)


@configuration.route("/config")
@configuration.response(200, ConfigurationOut)
def get() -> Configured:
    """What is set (003)."""
    return services().configuration.get(caller())


@configuration.route("/config", methods=["PATCH"])
@configuration.arguments(ConfigurationChange)
@configuration.response(200, ConfigurationOut)
def change(changes: Json) -> Configured:
    """Set limits; they hold on every server within a second (003)."""
    return services().configuration.change(caller(), changes)


@configuration.route("/stats")
@configuration.response(200, StatisticsOut)
def statistics() -> Statistics:
    """How many users and videos there are, what they take up, and what waits (003)."""
    return services().configuration.statistics(caller())
