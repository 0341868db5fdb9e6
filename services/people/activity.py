"""When somebody was last active: 004 asks for it with every write a person makes.

A use-case that writes calls `note` once it has written; reads never do. A minute's precision is
enough to rank people by, and costs MongoDB at most one update a minute per person and process.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from models.users import Users
from services.policies import Actor
from services.remembered import Remembered


@dataclass(frozen=True, slots=True, kw_only=True)
class Activity:
    users: Users
    noted: Remembered[str, bool]
    now: Callable[[], datetime]

    def note(self, actor: Actor) -> None:
        if actor.id and not self.noted.known(actor.id):
            self.users.active(actor.id, self.now())
            self.noted.keep(actor.id, True)
