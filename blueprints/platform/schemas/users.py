"""People on the wire of the platform API (000's user and its settings, 003's public profile)."""

from __future__ import annotations

from typing import Any, cast

from marshmallow import Schema, fields

from blueprints.http import profiles
from blueprints.http.links import avatar
from blueprints.http.shapes import Shape
from blueprints.platform.schemas.accounts import Me, ProfileOut
from models.user import ProfileVisibility, Role
from services.accounts.tokens import shown_role
from services.people.people import ProfilePage

# What is sent, and answered in the same form


class Preferences(Shape):
    quality = profiles.quality()
    notifications = fields.Boolean()
    autoplay = fields.Boolean()


class Notifications(Shape):
    email = fields.Boolean()
    push = fields.Boolean()
    comments = fields.Boolean()
    followers = fields.Boolean()


class Privacy(Shape):
    profile_visibility = fields.Enum(ProfileVisibility, by_value=True)
    show_following = fields.Boolean()
    show_followers = fields.Boolean()
    history_paused = fields.Boolean(metadata={"description": "Note nothing of what is watched."})


class Settings(Shape):
    notifications = fields.Nested(Notifications)
    privacy = fields.Nested(Privacy)


# What is sent


class MeChange(Schema):
    """Only what is sent changes."""

    username = profiles.username()
    email = profiles.email()
    current_password = profiles.current_password()
    display_name = profiles.display_name()
    bio = profiles.bio()
    avatar_url = profiles.picture_url()
    preferences = fields.Nested(Preferences)
    settings = fields.Nested(Settings)


# What is answered


class PublicProfile(Shape):
    """003's `UserProfile`, with what 000 tells of an author. Reads a `ProfilePage`."""

    id = fields.String(attribute="user.id")
    username = fields.String(attribute="user.username")
    display_name = fields.String(attribute="user.display_name")
    avatar_url = fields.Function(
        lambda page: avatar(page.user.avatar_url), metadata={"type": "string"}
    )
    bio = fields.String(attribute="user.bio")
    verified = fields.Boolean(attribute="user.verified")
    follower_count = fields.Integer(
        allow_none=True, metadata={"description": "null where the person does not show it."}
    )
    following_count = fields.Integer(
        allow_none=True, metadata={"description": "null where the person does not show it."}
    )
    is_following = fields.Boolean(metadata={"description": "Whether the caller follows them."})
    total_videos = fields.Integer()
    total_views = fields.Integer(attribute="user.total_views")
    created_at = fields.DateTime(attribute="user.created_at")


class OwnUser(Me):
    """000's user as `GET /api/auth/me` answers it, and all that its owner may set."""

    role = fields.Function(
        lambda user: shown_role(user.role),
        metadata={"enum": [shown_role(role) for role in Role], "type": "string"},
    )
    email_verified = fields.Boolean()
    preferences = fields.Nested(Preferences)
    settings = fields.Nested(Settings)
    updated_at = fields.DateTime()


def profile_of(page: ProfilePage) -> dict[str, Any]:
    return cast("dict[str, Any]", ProfileOut().dump(page))


class OwnAnswer(Shape):
    """Reads a `ProfilePage`."""

    user = fields.Nested(OwnUser)
    profile = fields.Function(profile_of)
