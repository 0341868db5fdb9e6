"""What notifications say, in one sentence each."""

from __future__ import annotations

from collections.abc import Sequence

from models.notifications import NotificationKind

_DONE = {
    NotificationKind.FOLLOWER: "{who} followed you",
    NotificationKind.COMMENT: "{who} commented on {video}",
    NotificationKind.REPLY: "{who} replied to your comment on {video}",
    NotificationKind.LIKE: "{who} liked {what}",
    NotificationKind.NEW_VIDEO: "{who} published {video}",
    NotificationKind.VIDEO_READY: "{video} is ready",
    NotificationKind.VIDEO_FAILED: "{video} could not be processed",
    NotificationKind.SYSTEM: "CLUTCH has something to tell you",
}
_COMMENTING = {NotificationKind.COMMENT, NotificationKind.REPLY}
_OF_OTHERS = {NotificationKind.NEW_VIDEO, NotificationKind.REPLY}


def sentence(
    kind: NotificationKind, names: Sequence[str], count: int, title: str, *, comment: bool = False
) -> str:
    """`Ann and 11 others liked “Film”`: the latest who did it by name, the rest as a number.

    An empty title: the video is gone, or hidden. `comment`: what is liked is one under it.
    """
    video = f"“{title}”" if title else _unnamed(kind)
    who = _writers(names) if kind in _COMMENTING else _who(names, count)
    return _DONE[kind].format(who=who, video=video, what="your comment" if comment else video)


def _unnamed(kind: NotificationKind) -> str:
    if kind in {NotificationKind.VIDEO_READY, NotificationKind.VIDEO_FAILED}:
        return "Your video"
    return "a video" if kind in _OF_OTHERS else "your video"


def _who(names: Sequence[str], count: int) -> str:
    if not names:
        return "Somebody" if count == 1 else f"{count} people"
    if count == 1:
        return names[0]
    others = f"{count - 1} others" if count > 2 else (*names, "one other")[1]  # noqa: PLR2004 - two are both named
    return f"{names[0]} and {others}"


def _writers(names: Sequence[str]) -> str:
    """What is counted is comments: one person may have written them all."""
    if not names:
        return "Somebody"
    return f"{names[0]} and others" if len(names) > 1 else names[0]
