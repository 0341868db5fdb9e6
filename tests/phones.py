"""Authenticator apps for tests."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

from flask.testing import FlaskClient
from pyotp.totp import TOTP

if TYPE_CHECKING:
    from tests.conftest import Clock


class Phone:
    """An authenticator app, with somebody's secret in it."""

    def __init__(self, secret: str, clock: Clock) -> None:
        self.totp, self.clock = TOTP(secret), clock

    def code(self, steps: int = 0) -> str:
        return self.totp.at(self.clock() + dt.timedelta(seconds=30 * steps))

    def fresh(self) -> str:
        """A code that nobody has used: time moves on for it."""
        self.clock.forward(seconds=30)
        return self.code()

    def wrong(self) -> str:
        right = {self.code(step) for step in (-1, 0, 1)}
        return next(code for code in ("000000", "111111", "222222", "333333") if code not in right)


def set_up(client: FlaskClient, clock: Clock, headers: dict[str, str]) -> tuple[Phone, list[str]]:
    """Turn on the second factor of who sends these headers; answers their phone and codes."""
    offered = client.post("/auth/mfa/enrol", headers=headers).get_json()
    phone = Phone(offered["secret"], clock)
    body = {"code": phone.code()}
    answer = client.post("/auth/mfa/confirm", json=body, headers=headers)
    assert answer.status_code == 200, answer.get_json()
    return phone, answer.get_json()["recovery_codes"]
