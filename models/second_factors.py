"""What `Users` asks and changes about second factors. Each change is one conditional update.

none --offer--> offered       enrolling again replaces an offer; a confirmed factor it does not
offered --confirm--> on       only the offer whose code was shown
on --spend--> on              a time step and a recovery code work once: who updates first has it
on --drop--> none
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from pymongo.collection import Collection

from models.documents import Document, to_doc
from models.user import SecondFactor

ON = {"second_factor.confirmed_at": {"$ne": None}}
OFF = {"second_factor.confirmed_at": None}


class SecondFactors:
    """A part of `Users`: a factor lives in its user's document."""

    collection: Collection[Document]

    def offer_factor(self, user_id: str, factor: SecondFactor) -> bool:
        """False if a factor is on already."""
        return self._change(user_id, OFF, {"$set": {"second_factor": to_doc(factor)}})

    def confirm_factor(
        self, user_id: str, offered: SecondFactor, *, step: int, now: datetime, hashes: list[str]
    ) -> bool:
        """Turn `offered` on; False if it is on already, or another was offered since."""
        on = replace(offered, confirmed_at=now, last_step=step, recovery_hashes=tuple(hashes))
        where = OFF | {"second_factor.secret": offered.secret}
        return self._change(user_id, where, {"$set": {"second_factor": to_doc(on)}})

    def spend_step(self, user_id: str, factor: SecondFactor, step: int) -> bool:
        """False if the code of this time step, or a later one, was used already."""
        where = ON | {"second_factor.secret": factor.secret}
        where |= {"second_factor.last_step": {"$lt": step}}
        return self._change(user_id, where, {"$set": {"second_factor.last_step": step}})

    def spend_recovery_code(self, user_id: str, hashed: str) -> bool:
        """False if there is no such code, or it was used already."""
        where = ON | {"second_factor.recovery_hashes": hashed}
        return self._change(user_id, where, {"$pull": {"second_factor.recovery_hashes": hashed}})

    def renew_recovery_codes(self, user_id: str, factor: SecondFactor, hashes: list[str]) -> bool:
        """Replace all of them; False if the factor is gone."""
        where = ON | {"second_factor.secret": factor.secret}
        return self._change(user_id, where, {"$set": {"second_factor.recovery_hashes": hashes}})

    def drop_factor(self, user_id: str) -> bool:
        """False if there was none."""
        where = {"second_factor": {"$ne": None}}
        return self._change(user_id, where, {"$set": {"second_factor": None}})

    def _change(self, user_id: str, where: Document, change: Document) -> bool:
        return self.collection.update_one({"id": user_id, **where}, change).modified_count == 1
