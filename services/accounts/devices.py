"""Where somebody signs in from (002's device tracking)."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    name: str = ""
    user_agent: str = ""
    address: str = ""
