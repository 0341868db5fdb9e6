"""Rate limits: 000's figures, counted in Redis per user, or per address of a visitor.

The general limit is counted here, the tighter ones of marked views by flask-limiter.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import IPv4Address, ip_address, ip_network
from math import ceil
from typing import Any, Protocol, TypeVar

from flask import Flask, Response, current_app, g, request
from flask_limiter import Limiter
from limits import RateLimitItem, WindowStats, parse
from limits.errors import StorageError
from limits.storage import MemoryStorage, RedisStorage
from limits.strategies import STRATEGIES, FixedWindowRateLimiter

from blueprints.http.caller import caller, identify
from blueprints.http.context import requested_view, this_request
from config import Settings
from models.errors import RateLimited
from services.adapters.register import Visits

View = TypeVar("View", bound=Callable[..., Any])


class AlignedWindow(FixedWindowRateLimiter):
    """Fixed windows that begin at whole multiples of their length.

    When one ends is then known without asking, and counting a request is all that Redis does.
    """

    def hit(self, item: RateLimitItem, *identifiers: str, cost: int = 1) -> bool:
        count = self.count(item, *identifiers, cost=cost)
        g.setdefault("limit_counts", {})[item.key_for(*identifiers)] = count
        return count <= item.amount

    def count(self, item: RateLimitItem, *identifiers: str, cost: int = 1) -> int:
        seconds = item.get_expiry()
        window = str(int(time.time()) // seconds)
        return self.storage.incr(item.key_for(*identifiers, window), seconds, amount=cost)

    def get_window_stats(self, item: RateLimitItem, *identifiers: str) -> WindowStats:
        """What the hit of this same request found."""
        count = g.get("limit_counts", {}).get(item.key_for(*identifiers), 0)
        seconds = item.get_expiry()
        return WindowStats((time.time() // seconds + 1) * seconds, max(0, item.amount - count))


STRATEGIES["aligned-window"] = AlignedWindow


# What a view may be marked with, beside the general limit.
AUTHENTICATION, UPLOADS, LICENCES, HEARTBEATS = (
    *("authentication", "uploads"),
    *("licences", "heartbeats"),
)
PICTURES, VIEWS, TRACKS = "pictures", "views", "tracks"
REACTIONS = "reactions"
COMMENTS = "comments"
GENERAL = "limit/general"


class Mark(Protocol):
    """A decorator that leaves a view as it is, but for its limit."""

    def __call__(self, view: View) -> View: ...


def unlimited(view: View) -> View:
    """Not counted: media segments, pictures of a list, probes, pages that a person reloads."""
    view.is_unlimited = True  # type: ignore[attr-defined]  # functions take attributes
    return view


def _limit(name: str, *, by_itself: bool = False) -> Mark:
    """Marks views with the limit `name`; `by_itself`, the general limit does not count them."""

    def mark(view: View) -> View:
        view.limited = name  # type: ignore[attr-defined]  # functions take attributes
        return unlimited(view) if by_itself else view

    return mark


# 000: "10 attempts per minute per IP", whoever the token says you are.
limit_authentication = _limit(AUTHENTICATION)
# 000: "5 uploads per hour per user".
limit_uploads = _limit(UPLOADS)
# Per user: each is decoded, and drawn in several sizes.
limit_pictures = _limit(PICTURES)
# Per user: a video in many languages has many of them, and each is read or encoded.
limit_tracks = _limit(TRACKS)
# Per user, or per address of visitors: many may be behind one.
limit_views = _limit(VIEWS)
# 000: "100 actions per minute per user", of videos and comments together.
limit_reactions = _limit(REACTIONS)
# 000: "30 comments per hour per user".
limit_comments = _limit(COMMENTS)
# Per user: a player asks once for each video.
limit_licences = _limit(LICENCES)
# Per user: watching must not use up what browsing needs.
limit_heartbeats = _limit(HEARTBEATS, by_itself=True)


def address() -> str:
    """The caller's network address; of IPv6, the /64 that one subscriber has."""
    try:
        found = ip_address(request.remote_addr or "")
    except ValueError:
        return "unknown"
    if isinstance(found, IPv4Address):
        return str(found)
    return str(found.ipv4_mapped or ip_network((found, 64), strict=False))


def user_or_address() -> str:
    return caller().id or address()


@dataclass(frozen=True, slots=True)
class General:
    """000's "1000 requests per hour per user", over all routes together.

    Counted without flask-limiter, which resolves the limits of a route anew for each request: that
    costs more than counting, and here there is one limit for all.
    """

    item: RateLimitItem
    counted: AlignedWindow
    # Redis away: each process counts for itself rather than let all, or nothing, through.
    by_itself: AlignedWindow

    def visits(self, user_id: str) -> Visits | None:
        """What a user's request is counted under, while their session is looked up."""
        if _is_exempt():
            return None
        seconds = self.item.get_expiry()
        window = int(time.time()) // seconds
        return Visits(self.item.key_for(GENERAL, user_id, str(window)), seconds)

    def count(self) -> None:
        """Raise `RateLimited` for a request too many."""
        # Of who is signed in, the look-up of their session has counted it.
        visits = g.get("visits")
        if visits is None:
            if _is_exempt():
                return
            visits = self._visits_of(user_or_address())
        seconds = self.item.get_expiry()
        ends = (time.time() // seconds + 1) * seconds
        g.limits = [(self.item, WindowStats(ends, max(0, self.item.amount - visits)))]
        if visits > self.item.amount:
            raise too_many(self.item)

    def _visits_of(self, who: str) -> int:
        try:
            return self.counted.count(self.item, GENERAL, who)
        except StorageError:
            return self.by_itself.count(self.item, GENERAL, who)


def too_many(item: RateLimitItem) -> RateLimited:
    seconds = item.get_expiry()
    return RateLimited(
        f"Too many requests: {item} are allowed. Please wait and try again.",
        retry_after_seconds=max(1, ceil(seconds - time.time() % seconds)),
    )


TIMEOUTS: dict[str, Any] = {"socket_timeout": 2, "socket_connect_timeout": 2}


def general(settings: Settings) -> General:
    storage = RedisStorage(settings.redis_url, wrap_exceptions=True, **TIMEOUTS)
    return General(
        item=parse(settings.rate_limit_general),
        counted=AlignedWindow(storage),
        by_itself=AlignedWindow(MemoryStorage()),
    )


def start(app: Flask, settings: Settings) -> None:
    """Count requests. What views are marked with is read by `apply`, once they are mounted."""
    counter = general(settings)
    app.before_request(lambda: identify(counter.visits))
    app.before_request(counter.count)
    limiter = Limiter(
        key_func=user_or_address,
        strategy="aligned-window",
        storage_uri=settings.redis_url,
        storage_options=TIMEOUTS,
        in_memory_fallback_enabled=True,
        key_prefix="limit",
    )
    limiter.init_app(app)
    # Marked views check themselves when called; of all others it need not even be asked.
    app.before_request_funcs[None].remove(limiter._check_request_limit)  # noqa: SLF001 - it offers no switch
    # Nor need every answer pass it: its headers are ours to write, and no count is taken back.
    app.after_request_funcs[None] = [
        after
        for after in app.after_request_funcs[None]
        if limiter not in getattr(after, "args", ())
    ]
    # What it keeps of a request goes with the request.
    app.teardown_request_funcs[None] = [
        after
        for after in app.teardown_request_funcs[None]
        if getattr(after, "__self__", None) is not limiter
    ]
    app.extensions["clutch.limiter"] = limiter
    app.after_request(_tell)


def apply(app: Flask, settings: Settings) -> None:
    """Give each view the limit it is marked with."""
    limiter: Limiter = app.extensions["clutch.limiter"]
    marks = {
        AUTHENTICATION: limiter.shared_limit(
            settings.rate_limit_auth, scope=AUTHENTICATION, key_func=address
        ),
        UPLOADS: limiter.shared_limit(
            settings.rate_limit_upload, scope=UPLOADS, exempt_when=_brings_no_file
        ),
        PICTURES: limiter.shared_limit(settings.rate_limit_picture, scope=PICTURES),
        TRACKS: limiter.shared_limit(settings.rate_limit_tracks, scope=TRACKS),
        VIEWS: limiter.shared_limit(settings.rate_limit_views, scope=VIEWS),
        REACTIONS: limiter.shared_limit(settings.rate_limit_reactions, scope=REACTIONS),
        COMMENTS: limiter.shared_limit(settings.rate_limit_comments, scope=COMMENTS),
        LICENCES: limiter.shared_limit(settings.rate_limit_license, scope=LICENCES),
        HEARTBEATS: limiter.shared_limit(settings.rate_limit_heartbeat, scope=HEARTBEATS),
    }
    for endpoint, view in app.view_functions.items():
        if mark := getattr(view, "limited", None):
            limited: Any = marks[mark](view)
            app.view_functions[endpoint] = limited


def _brings_no_file() -> bool:
    """Whether a video is only changed: new content is put as a form (002)."""
    return request.method == "PUT" and request.mimetype != "multipart/form-data"


def _is_exempt() -> bool:
    asked = this_request()
    return (
        asked.endpoint is None
        or asked.method == "OPTIONS"
        or getattr(requested_view(), "is_unlimited", False)
    )


def _tell(response: Response) -> Response:
    """Say what is left of the tightest limit, and when it begins anew."""
    limits = [*g.get("limits", ()), *_tighter()]
    if limits:
        item, window = min(limits, key=lambda limit: limit[1].remaining)
        headers = response.headers
        headers.add("X-RateLimit-Limit", str(item.amount))
        headers.add("X-RateLimit-Remaining", str(window.remaining))
        headers.add("X-RateLimit-Reset", str(int(window.reset_time)))
    return response


def _tighter() -> list[tuple[RateLimitItem, WindowStats]]:
    """What flask-limiter counted; asking it costs something, and most views are not marked."""
    if getattr(requested_view(), "limited", None) is None:
        return []
    limiter: Limiter = current_app.extensions["clutch.limiter"]
    return [(one.limit, one.window) for one in limiter.current_limits]
