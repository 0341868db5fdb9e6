"""Mail as `make run` sends it: a worker takes the job, and a file appears in the outbox."""

from __future__ import annotations

from uuid import uuid4

import pytest

from tests.mailbox import Received, parsed
from tests.stack import Stack, wait_for

pytestmark = [pytest.mark.stack, pytest.mark.xdist_group("stack")]


def test_who_signs_up_finds_the_link_in_the_outbox(stack: Stack):
    person = {"name": "Ann", "email": f"{uuid4().hex}@example.com", "password": "secret1"}
    assert stack.call("/auth/signup", person).status == 201

    def arrived() -> Received | None:
        found = [parsed(file.read_bytes()) for file in stack.folder.glob("var/outbox/*.eml")]
        return next((letter for letter in found if letter.to == person["email"]), None)

    letter = wait_for(arrived, 20)
    assert letter.link.startswith(f"{stack.url}/auth/verify-email?token=")
    assert stack.call(letter.link).status == 200
    verified = stack.call("/auth/verify-email", {"token": letter.token})
    assert (verified.status, verified.json) == (200, {"message": "E-mail address verified."})
