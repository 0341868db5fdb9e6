"""The platform API, /api/*: documents 000 and 003. snake_case, uuids, `success` in failures."""

from __future__ import annotations

from blueprints.platform.administration import administration
from blueprints.platform.audit import audit
from blueprints.platform.auth import auth
from blueprints.platform.configuration import configuration
from blueprints.platform.dialect import dialect
from blueprints.platform.export import export
from blueprints.platform.invitations import invitations
from blueprints.platform.mfa import mfa
from blueprints.platform.passwords import passwords
from blueprints.platform.sessions import sessions
from blueprints.platform.users import users
from blueprints.platform.videos import videos

PREFIXES = ("/api/",)
BLUEPRINTS = (
    auth,
    passwords,
    mfa,
    sessions,
    users,
    administration,
    export,
    invitations,
    audit,
    configuration,
    videos,
)

__all__ = ["BLUEPRINTS", "PREFIXES", "dialect"]
