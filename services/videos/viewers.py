"""Who it is that watches or shares: an account, or else an address and program, hashed.

The hash is keyed: nobody turns it back into an address, and it is the same one another time.
"""

from __future__ import annotations

import hashlib
import hmac

from services.accounts.sessions import Device
from services.policies import Actor

HASH_BYTES = 16


def viewer_of(actor: Actor, device: Device, secret: str) -> str:
    if actor.id:
        return actor.id
    seen = f"{device.address}\n{device.user_agent}".encode()
    digest = hmac.new(secret.encode(), b"viewer\n" + seen, hashlib.sha256).digest()
    return f"visitor:{digest[:HASH_BYTES].hex()}"
