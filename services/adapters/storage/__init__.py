"""Where media is kept: a protocol, and the places that speak it.

`s3.py` is imported where it is wanted (services/container/storages.py): it takes half a second.
"""

from __future__ import annotations

from services.adapters.storage.local import LocalStorage
from services.adapters.storage.protocol import (
    Entry,
    Fingerprint,
    Part,
    Permission,
    Presigned,
    Readable,
    Storage,
)

__all__ = [
    "Entry",
    "Fingerprint",
    "LocalStorage",
    "Part",
    "Permission",
    "Presigned",
    "Readable",
    "Storage",
]
