"""Mail as `make run` sends it: a worker takes the job, and a file appears in the outbox."""

from __future__ import annotations

import pytest

from tests.mailbox import Received, parsed
from tests.stack import running, wait_for

pytestmark = [pytest.mark.stack, pytest.mark.xdist_group("mail")]


def test_who_signs_up_finds_the_link_in_the_outbox(tmp_path):
    with running(tmp_path) as stack:
        person = {"name": "Ann", "email": "ann@example.com", "password": "secret1"}
        assert stack.call("/auth/signup", person).status == 201

        def arrived() -> Received | None:
            found = list((stack.folder / "var" / "outbox").glob("*.eml"))
            return parsed(found[0].read_bytes()) if found else None

        letter = wait_for(arrived, 20)
        assert letter.to == "ann@example.com"
        assert letter.link.startswith(f"{stack.url}/auth/verify-email?token=")
        assert stack.call(letter.link).status == 200
        verified = stack.call("/auth/verify-email", {"token": letter.token})
        assert (verified.status, verified.json) == (200, {"message": "E-mail address verified."})
