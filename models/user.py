"""What a user is: 000's users collection, with what 002 and 004 add.

001's `name` is `display_name`, and 002's `viewer` is the role that 000 spells `user`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from models.documents import Entity


class Role(StrEnum):
    VIEWER = "viewer"
    CREATOR = "creator"
    STAFF = "staff"
    ADMIN = "admin"


class ProfileVisibility(StrEnum):
    """000: who may look at a profile."""

    PUBLIC = "public"
    FOLLOWERS = "followers"
    PRIVATE = "private"


class SubscriptionStatus(StrEnum):
    ACTIVE = "active"
    CANCELLED = "cancelled"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True, kw_only=True)
class NotificationSettings:
    email: bool = True
    push: bool = True
    comments: bool = True
    followers: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class PrivacySettings:
    profile_visibility: ProfileVisibility = ProfileVisibility.PUBLIC
    show_following: bool = True
    show_followers: bool = True
    # What is watched meanwhile is not noted (models/history.py).
    history_paused: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class UserSettings:
    """000's `settings`."""

    notifications: NotificationSettings = NotificationSettings()
    privacy: PrivacySettings = PrivacySettings()


@dataclass(frozen=True, slots=True, kw_only=True)
class Preferences:
    """002's `preferences`, for the player."""

    quality: str = "auto"
    notifications: bool = True
    autoplay: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscription:
    """002's: what somebody pays for, and until when."""

    plan_id: str
    start_date: datetime
    end_date: datetime
    status: SubscriptionStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class SecondFactor:
    """TOTP (RFC 6238). It protects nothing until `confirmed_at` is set."""

    # Encrypted: a copy of the database alone makes no codes.
    secret: str
    confirmed_at: datetime | None = None
    # The time step of the last code that was accepted: a code works once.
    last_step: int = 0
    recovery_hashes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Deletion:
    """What was asked for a closed account's content, and until when a worker is at it."""

    keeps_content: bool = False
    lease_until: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class User(Entity):
    email: str
    username: str
    # Compared instead of `username`: "Ann" and "ann" are the same name.
    username_key: str
    display_name: str
    password_hash: str
    created_at: datetime
    updated_at: datetime
    role: Role = Role.VIEWER
    is_active: bool = True
    avatar_url: str = ""
    bio: str = ""
    verified: bool = False
    email_verified: bool = False
    last_login: datetime | None = None
    follower_count: int = 0
    following_count: int = 0
    total_views: int = 0
    total_videos: int = 0
    total_likes_received: int = 0
    total_dislikes_received: int = 0
    settings: UserSettings = UserSettings()
    preferences: Preferences = Preferences()
    subscriptions: tuple[Subscription, ...] = ()
    second_factor: SecondFactor | None = None
    last_active_at: datetime | None = None
    # A session that was opened with an older password is over (services/accounts/sessions.py).
    password_changed_at: datetime | None = None
    # The account is closed for good: it is as if it were not there.
    deleted_at: datetime | None = None
    # Set while a job takes away what the person has left behind.
    deletion: Deletion | None = None

    @property
    def has_password(self) -> bool:
        """False for who has only ever signed in elsewhere (Supabase, OpenID Connect)."""
        return bool(self.password_hash)


@dataclass(frozen=True, slots=True, kw_only=True)
class Author(Entity):
    """What is shown of a person beside their video; read with a projection of just this."""

    username: str
    display_name: str
    avatar_url: str = ""
    follower_count: int = 0
    verified: bool = False
    deleted_at: datetime | None = None
