"""Signatures of webhooks, as Standard Webhooks has them (https://www.standardwebhooks.com).

Signed is `id.timestamp.body`, by HMAC-SHA256; one header carries a signature for each secret that
is good, so that a secret can be replaced while receivers still know only the other.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import secrets
from collections.abc import Iterable
from datetime import datetime

PREFIX = "whsec_"
ID, TIMESTAMP, SIGNATURE = "webhook-id", "webhook-timestamp", "webhook-signature"
# How far a receiver's clock and ours may be apart.
TOLERANCE_SECONDS = 300
ID_LENGTH = 200


def new_secret() -> str:
    return PREFIX + base64.b64encode(secrets.token_bytes(32)).decode()


def key_of(secret: str) -> bytes:
    """The key behind a secret: what `whsec_` stands before, else the text as it is."""
    if not secret.startswith(PREFIX):
        return secret.encode()
    try:
        return base64.b64decode(secret.removeprefix(PREFIX), validate=True)
    except binascii.Error:
        return secret.encode()


def sign(keys: Iterable[bytes], event_id: str, at: datetime, body: bytes) -> dict[str, str]:
    """The headers that let a receiver check where `body` comes from, and when it was sent."""
    timestamp = str(int(at.timestamp()))
    signed = [_signature(key, event_id, timestamp, body) for key in keys]
    return {ID: event_id, TIMESTAMP: timestamp, SIGNATURE: " ".join(signed)}


def is_signed(key: bytes, event_id: str, timestamp: str, signatures: str, body: bytes) -> bool:
    expected = _signature(key, event_id, timestamp, body).encode()
    return any(hmac.compare_digest(one.encode(), expected) for one in signatures.split(" "))


def is_fresh(timestamp: str, now: datetime) -> bool:
    if not (timestamp.isascii() and timestamp.isdigit()):
        return False
    return abs(now.timestamp() - float(timestamp)) <= TOLERANCE_SECONDS


def _signature(key: bytes, event_id: str, timestamp: str, body: bytes) -> str:
    digest = hmac.digest(key, f"{event_id}.{timestamp}.".encode() + body, "sha256")
    return f"v1,{base64.b64encode(digest).decode()}"
