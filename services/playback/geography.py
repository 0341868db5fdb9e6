"""Where a video may play: licences end at borders, so these rules bind its owner and staff too."""

from __future__ import annotations

import re
from dataclasses import dataclass

from models.errors import GeoBlocked
from models.video import Video
from services.adapters.countries import Countries
from services.policies import Actor

CODE = re.compile(r"[A-Z]{2}")
# What Cloudflare says of an address that it cannot place.
NOWHERE = "XX"


@dataclass(frozen=True, slots=True, kw_only=True)
class Geography:
    countries: Countries
    # Countries where nothing plays.
    blocked: frozenset[str]
    # Whether somebody whose country is not known counts as being in a blocked one.
    is_unknown_blocked: bool

    def country_of(self, actor: Actor) -> str | None:
        """What a trusted proxy says, else what the address says; None where neither knows."""
        said = actor.place.country.strip().upper()
        if CODE.fullmatch(said) and said != NOWHERE:
            return said
        return self.countries.country_of(actor.place.address)

    def check(self, actor: Actor, video: Video) -> None:
        """Raise `GeoBlocked` where `video` does not play. A video without limits asks nothing."""
        closed = self.blocked.union(video.geo_restrictions)
        if not closed:
            return
        country = self.country_of(actor)
        if country in closed or (country is None and self.is_unknown_blocked):
            raise GeoBlocked("This video is not available in your country.")
