"""The platform API, /api/*: documents 000 and 003. snake_case, uuids, `success` in failures."""

from __future__ import annotations

from blueprints.platform.auth import auth
from blueprints.platform.dialect import dialect
from blueprints.platform.sessions import sessions
from blueprints.platform.videos import videos

PREFIXES = ("/api/",)
BLUEPRINTS = (auth, sessions, videos)

__all__ = ["BLUEPRINTS", "PREFIXES", "dialect"]
