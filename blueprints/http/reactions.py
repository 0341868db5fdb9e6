"""000's words for reactions: what a client asks for, and what is then so."""

from __future__ import annotations

from models.reactions import Choice

ASKED = {"like": Choice.LIKE, "dislike": Choice.DISLIKE, "remove": Choice.NONE}
SAID = {Choice.LIKE: "liked", Choice.DISLIKE: "disliked", Choice.NONE: "none"}


def said(choice: Choice | None) -> str | None:
    return None if choice is None else SAID[choice]


def interaction(choice: Choice | None) -> dict[str, bool] | None:
    """000's `user_interaction`; None where nobody in particular asks."""
    if choice is None:
        return None
    return {"liked": choice is Choice.LIKE, "disliked": choice is Choice.DISLIKE}
