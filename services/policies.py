"""Who may do what. Pure functions: an actor and an entity in, a bool out."""

from __future__ import annotations

from dataclasses import dataclass

from models.comment import Comment
from models.playlists import Playlist, PlaylistVisibility
from models.user import ProfileVisibility, Role, User
from models.video import Video, Visibility
from models.webhook_endpoints import WebhookEndpoint

# Asked for each video of a list.
STAFF = (Role.STAFF, Role.ADMIN)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a request comes from; `country` is what a trusted proxy says."""

    address: str = ""
    country: str = ""


@dataclass(frozen=True, slots=True)
class Actor:
    """Whoever is asking; `id` is None for a visitor who has not said who they are."""

    id: str | None = None
    session_id: str = ""
    role: Role = Role.VIEWER
    # Not before a second factor is set up may one of this role do anything else.
    must_enrol: bool = False
    # Which state of their reactions is the current one, as they came in; empty: ask.
    stamp: str = ""
    place: Place = Place()

    @property
    def is_staff(self) -> bool:
        return self.role in STAFF


VISITOR = Actor()
# Whoever has a shell on the server: `python app.py users ...`.
OPERATOR = Actor(role=Role.ADMIN)


def may_administer(actor: Actor) -> bool:
    """003: who invites people, gives roles, deactivates and deletes. Staff may not."""
    return actor.role is Role.ADMIN


def owns(actor: Actor, video: Video) -> bool:
    return actor.id is not None and actor.id == video.author_id


def may_edit(actor: Actor, video: Video) -> bool:
    return owns(actor, video) or actor.is_staff


def may_moderate(actor: Actor, video: Video) -> bool:
    """Who may take comments away under a video, and bring them back."""
    return may_edit(actor, video)


def wrote(actor: Actor, comment: Comment) -> bool:
    return actor.id is not None and actor.id == comment.user_id


def may_hold(actor: Actor, video: Video) -> bool:
    """Who may end the processing of a video, and begin it again."""
    return owns(actor, video) or may_administer(actor)


def may_manage(actor: Actor, endpoint: WebhookEndpoint) -> bool:
    """Who may look at a webhook, change it, and see what was sent to it."""
    return (actor.id is not None and actor.id == endpoint.owner_id) or may_administer(actor)


def may_list_any_state(actor: Actor, author_id: str | None) -> bool:
    """Whether `actor` may list all videos of `author_id` (None: everybody's), public or not."""
    return actor.is_staff or (actor.id is not None and actor.id == author_id)


def _is_hidden(video: Video) -> bool:
    return video.visibility in {Visibility.PRIVATE, Visibility.SCHEDULED}


def is_public(video: Video) -> bool:
    """Whether anybody may find and see it."""
    return video.is_active and video.playable and video.visibility is Visibility.PUBLIC


def may_see(actor: Actor, video: Video) -> bool:
    """Whether this video exists at all for `actor`. Unlisted ones do, for who knows the id."""
    published = video.is_active and video.playable and not _is_hidden(video)
    return published or may_edit(actor, video)


def may_watch(actor: Actor, video: Video) -> bool:
    """001: an inactive video plays for nobody; a private one for its owner and staff."""
    seen = not _is_hidden(video) or may_edit(actor, video)
    return actor.id is not None and video.is_active and seen


# Playlists. What is in one has a visibility of its own.


def owns_playlist(actor: Actor, playlist: Playlist) -> bool:
    return actor.id is not None and actor.id == playlist.owner_id


def may_open(actor: Actor, playlist: Playlist) -> bool:
    """Whether this list exists for `actor`. Unlisted ones do, for who knows the id."""
    return playlist.visibility is not PlaylistVisibility.PRIVATE or owns_playlist(actor, playlist)


# People. A profile that may not be seen takes its list of videos with it; the videos themselves
# have a visibility of their own, and are found and watched as before.


def knows_all_of(actor: Actor, user: User) -> bool:
    """Whether nothing of a profile is kept from `actor`: one's own, and for staff everybody's."""
    return actor.is_staff or (actor.id is not None and actor.id == user.id)


def may_see_profile(actor: Actor, user: User, *, follows: bool) -> bool:
    """000's `profile_visibility`; `follows` is whether `actor` follows `user`.

    Who is deactivated has a profile for staff alone, and who is deleted for nobody.
    """
    if user.deleted_at is not None:
        return False
    shown_to = user.settings.privacy.profile_visibility
    allowed = shown_to is ProfileVisibility.PUBLIC or (
        shown_to is ProfileVisibility.FOLLOWERS and follows
    )
    return knows_all_of(actor, user) or (user.is_active and allowed)


def may_see_followers(actor: Actor, user: User) -> bool:
    """000's `show_followers`: how many there are, and who (beside a video: `Users.authors`)."""
    return user.settings.privacy.show_followers or knows_all_of(actor, user)


def may_see_following(actor: Actor, user: User) -> bool:
    """000's `show_following`."""
    return user.settings.privacy.show_following or knows_all_of(actor, user)


def may_see_email(actor: Actor, user: User) -> bool:
    """One's own, and an admin's to look up."""
    return actor.role is Role.ADMIN or (actor.id is not None and actor.id == user.id)
