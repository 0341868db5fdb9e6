"""Who listens to what in this process, and what they missed.

One reader of the events feeds all sockets. An event is written as a frame once for all who hear the
same of it; the newest are kept, so that who comes back hears what was said in between.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Protocol

import gevent
import orjson

from blueprints.realtime.outlet import frame
from models.errors import Invalid
from services.adapters.events import Told

# 000's counters, of which a subscriber may choose.
COUNTERS = ("view_count", "like_count", "comment_count")
COUNTS = "video_update"
# Tells nobody anything: whether who listens to a video may still see it is to be looked up.
ACCESS_CHANGED = "access_changed"
# A hot video's counters change a thousand times a second; this is how often they are told.
COUNTS_SECONDS = 0.25
# So many sockets are written to before others of this process have their turn.
BREATH = 1000


class Listener(Protocol):
    """One socket, as the hub knows it."""

    def write(self, data: bytes) -> None: ...

    def look_again(self, channels: list[str]) -> None:
        """Leave those of `channels` that whoever this is may not listen to any more."""
        ...


@dataclass(frozen=True, slots=True)
class Missed:
    """What was said on a channel since; `is_all` is False if some of it is not kept any more."""

    frames: list[bytes]
    is_all: bool


@dataclass(slots=True)
class Channel:
    # By what each wants to hear of the counters; None is all of them.
    listeners: dict[Listener, frozenset[str] | None] = field(default_factory=dict)
    # Counters that were not told yet.
    unsaid: Told | None = None


class Hub:
    def __init__(self, keep: int, now: Callable[[], float]) -> None:
        self._channels: dict[str, Channel] = defaultdict(Channel)
        self._kept: deque[Told] = deque(maxlen=keep)
        self._of_channel: dict[str, deque[Told]] = defaultdict(deque)
        self._now = now
        self._counts_told: dict[str, float] = {}
        self.last_id = "0-0"

    def remember(self, some: Iterable[Told]) -> None:
        """What was said before this process was there."""
        for told in some:
            if told.event.get("type") == ACCESS_CHANGED:
                self.last_id = told.id
            else:
                self._keep(told)

    def listen(self, listener: Listener, channel: str, wanted: frozenset[str] | None) -> None:
        self._channels[channel].listeners[listener] = wanted

    def leave(self, listener: Listener, channel: str) -> None:
        found = self._channels.get(channel)
        if found is None:
            return
        found.listeners.pop(listener, None)
        if not found.listeners:
            del self._channels[channel]
            self._counts_told.pop(channel, None)

    def missed(self, channel: str, since: str, wanted: frozenset[str] | None) -> Missed:
        """What was said on `channel` after the event `since`. Raises `Invalid` for no id."""
        moment = _order(since)
        oldest = _order(self._kept[0].id) if self._kept else moment
        later = [told for told in self._of_channel.get(channel, ()) if _order(told.id) > moment]
        frames = [said for told in later if (said := _frame(told, wanted))]
        is_all = moment >= oldest or len(self._kept) < (self._kept.maxlen or 0)
        return Missed(frames=frames, is_all=is_all)

    def tell(self, told: Told) -> None:
        """Pass an event on to all who listen to its channel here."""
        if told.event.get("type") == ACCESS_CHANGED:
            self.last_id = told.id
            self._look_again(told.channel)
            return
        self._keep(told)
        if told.channel in self._channels:
            self._tell_now_or_soon(told)

    def _look_again(self, channel: str) -> None:
        found = self._channels.get(channel)
        for listener in list(found.listeners) if found else ():
            listener.look_again([channel])

    def _tell_now_or_soon(self, told: Told) -> None:
        if told.event.get("type") != COUNTS:
            self._send(told)
            return
        channel = self._channels[told.channel]
        waiting, channel.unsaid = channel.unsaid, _merged(channel.unsaid, told)
        if waiting is None:
            since = self._now() - self._counts_told.get(told.channel, 0)
            if since >= COUNTS_SECONDS:
                self._say_counts(told.channel)
            else:
                gevent.spawn_later(COUNTS_SECONDS - since, self._say_counts, told.channel)

    def _say_counts(self, name: str) -> None:
        channel = self._channels.get(name)
        if channel and channel.unsaid:
            told, channel.unsaid = channel.unsaid, None
            self._counts_told[name] = self._now()
            self._send(told)

    def _send(self, told: Told) -> None:
        frames: dict[frozenset[str] | None, bytes | None] = {}
        listeners = list(self._channels[told.channel].listeners.items())
        for number, (listener, wanted) in enumerate(listeners, start=1):
            if wanted not in frames:
                frames[wanted] = _frame(told, wanted)
            if said := frames[wanted]:
                listener.write(said)
            if number % BREATH == 0:
                gevent.sleep(0)

    def _keep(self, told: Told) -> None:
        self.last_id = told.id
        if len(self._kept) == self._kept.maxlen:
            gone = self._kept[0].channel
            self._of_channel[gone].popleft()
            if not self._of_channel[gone]:
                del self._of_channel[gone]
        self._kept.append(told)
        self._of_channel[told.channel].append(told)


def _frame(told: Told, wanted: frozenset[str] | None) -> bytes | None:
    """The event with its id, as a socket sends it; None where nothing of it was asked for."""
    event = told.event
    if event.get("type") == COUNTS and wanted is not None:
        data = {name: value for name, value in event["data"].items() if name in wanted}
        if not data:
            return None
        event = {**event, "data": data}
    return frame(orjson.dumps({**event, "event_id": told.id}).decode())


def _merged(earlier: Told | None, later: Told) -> Told:
    if earlier is None:
        return later
    data: dict[str, Any] = {**earlier.event["data"], **later.event["data"]}
    return Told(id=later.id, channel=later.channel, event={**later.event, "data": data})


def _order(event_id: str) -> tuple[int, int]:
    milliseconds, _, number = event_id.partition("-")
    if not (milliseconds.isdecimal() and number.isdecimal()):
        raise Invalid("last_event_id is an event_id that was sent here.")
    return int(milliseconds), int(number)
