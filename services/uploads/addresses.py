"""Addresses that let whoever has one send just one file, or one part of it, to local disk.

They are to CLUTCH what presigned URLs are to S3. What one permits is inside it, encrypted: where
something is stored is nobody's business.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from cryptography.fernet import Fernet, InvalidToken
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from models.errors import Expired, Forbidden
from services.adapters.storage import Permission

PREFIX = "/upload/direct/"
LABEL = b"direct requests"


class Addresses:
    def __init__(self, secret: str, now: Callable[[], datetime]) -> None:
        derive = HKDF(algorithm=SHA256(), length=32, salt=None, info=LABEL)
        self._fernet = Fernet(base64.urlsafe_b64encode(derive.derive(secret.encode())))
        self._now = now

    def path(self, permission: Permission) -> str:
        """Where this may be done, as a path of this CLUTCH."""
        said = {
            "m": permission.method,
            "k": permission.key,
            "e": int(permission.expires_at.timestamp()),
            "s": permission.size_bytes,
            "t": permission.content_type,
            "u": permission.upload_id,
            "n": permission.part_number,
        }
        text = json.dumps({name: value for name, value in said.items() if value})
        return PREFIX + self._fernet.encrypt(text.encode()).decode().rstrip("=")

    def read(self, token: str, method: str) -> Permission:
        """What an address permits. Raises `Forbidden` for one that is not ours, or `Expired`."""
        permission = _permission(self._opened(token))
        if permission.method != method:
            raise Forbidden("This address is not for that.")
        if permission.expires_at <= self._now():
            raise Expired("This address has expired. Please ask for a new one.")
        return permission

    def _opened(self, token: str) -> dict[str, Any]:
        try:
            padded = token + "=" * (-len(token) % 4)
            found: dict[str, Any] = json.loads(self._fernet.decrypt(padded.encode()))
        except (InvalidToken, UnicodeEncodeError) as wrong:
            raise Forbidden("This address is not valid. Please ask for a new one.") from wrong
        return found


def _permission(said: dict[str, Any]) -> Permission:
    return Permission(
        method=said["m"],
        key=said["k"],
        expires_at=datetime.fromtimestamp(said["e"], UTC),
        size_bytes=said.get("s", 0),
        content_type=said.get("t", ""),
        upload_id=said.get("u", ""),
        part_number=said.get("n", 0),
    )
