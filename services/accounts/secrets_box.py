"""Keeping what the database alone must not give away: encrypted, under a key that it lacks."""

from __future__ import annotations

import base64
import logging

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

log = logging.getLogger(__name__)


class SecretsBox:
    """`label` says what is kept: the same secret with another label is another key."""

    def __init__(self, secret: str, label: str, previous: str = "") -> None:
        """What was closed under the `previous` secret, where there is one, can be opened too."""
        known = [one for one in (secret, previous) if one]
        self._fernet = MultiFernet([_fernet(one, label) for one in known])

    def close(self, text: str) -> str:
        return self._fernet.encrypt(text.encode()).decode()

    def open(self, closed: str) -> str | None:
        """None for what was closed under another secret: JWT_SECRET_KEY was changed."""
        try:
            return self._fernet.decrypt(closed.encode()).decode()
        except InvalidToken:
            log.warning("a stored secret was encrypted under another JWT_SECRET_KEY")
            return None


def _fernet(secret: str, label: str) -> Fernet:
    derive = HKDF(algorithm=SHA256(), length=32, salt=None, info=label.encode())
    return Fernet(base64.urlsafe_b64encode(derive.derive(secret.encode())))
