"""The mobile API, at the root: document 001, with its bodies and statuses to the letter."""

from __future__ import annotations

from blueprints.mobile.addresses import addresses
from blueprints.mobile.auth import auth
from blueprints.mobile.dialect import dialect
from blueprints.mobile.mfa import mfa
from blueprints.mobile.oidc import oidc
from blueprints.mobile.passwords import passwords
from blueprints.mobile.sessions import sessions
from blueprints.mobile.unsubscribing import unsubscribing
from blueprints.mobile.videos import videos

# What no other family claims is 001's.
PREFIXES = ("/",)
BLUEPRINTS = (auth, addresses, passwords, mfa, oidc, sessions, unsubscribing, videos)

__all__ = ["BLUEPRINTS", "PREFIXES", "dialect"]
