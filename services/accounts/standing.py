"""What the register says of a live session: its user's role, and whether a factor is due first.

It is one short text, so that the look-up which authenticates a request tells both.
"""

from __future__ import annotations

from collections.abc import Collection

from models.user import Role, User
from services.policies import Actor

# "admin!": an admin who has to set up a second factor before anything else.
DUE = "!"


def standing(user: User, required: Collection[str]) -> str:
    """`required` are the roles that must have a second factor (MFA_REQUIRED_ROLES)."""
    is_due = user.role in required and not has_second_factor(user)
    return f"{user.role}{DUE}" if is_due else str(user.role)


def has_second_factor(user: User) -> bool:
    """Whether a factor is on: one that is only offered protects nothing."""
    return user.second_factor is not None and user.second_factor.confirmed_at is not None


def actor_of(standing: str, *, user_id: str, session_id: str, stamp: str = "") -> Actor:
    return Actor(
        id=user_id,
        session_id=session_id,
        role=Role(standing.removesuffix(DUE)),
        must_enrol=standing.endswith(DUE),
        stamp=stamp,
    )
