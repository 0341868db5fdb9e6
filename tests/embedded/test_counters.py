"""Counters equal the rows that they count, whatever is killed while people act."""

from __future__ import annotations

import secrets
from collections.abc import Iterator

import pytest

from tests.stack import UNMEASURED, UNSEEDED, Stack, running, wait_for
from tests.turmoil import ENVIRONMENT, Turmoil

pytestmark = [pytest.mark.stack, pytest.mark.xdist_group("counters")]

SECONDS = 8
# Anything else is an answer that no client should get, or a mistake of the test's.
EXPECTED = {0, 200, 201, 400, 403, 404, 409, 502, 503, 504}


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with running(
        tmp_path_factory.mktemp("counters"), **UNSEEDED, **UNMEASURED, **ENVIRONMENT
    ) as stack:
        yield stack


def test_every_counter_equals_its_rows_after_turmoil_and_kills(stack: Stack, record_property):
    turmoil = Turmoil(stack, secrets.randbelow(10**6))
    turmoil.prepare(people=10, videos=2)
    turmoil.run(SECONDS, (0.5, 1.5))
    wait_for(lambda: stack.call("/readyz").status == 200, 60)
    said = f"seed {turmoil.seed}, killed {dict(turmoil.killed)}, answered {dict(turmoil.answers)}"
    record_property("turmoil", said)
    assert set(turmoil.answers) <= EXPECTED, said
    assert turmoil.answers[200] > 50, said
    assert turmoil.differences() == [], said
    everybody_likes(stack, turmoil)
    for video_id in turmoil.videos:
        shown = stack.call(f"/api/videos/{video_id}").json
        assert (shown["like_count"], shown["dislike_count"]) == (len(turmoil.people), 0), said
    assert turmoil.differences() == [], said


def everybody_likes(stack: Stack, turmoil: Turmoil) -> None:
    for video_id in turmoil.videos:
        for _, token in turmoil.people:
            answer = stack.call(f"/api/videos/{video_id}/like", {"action": "like"}, token=token)
            assert answer.json["user_action"] == "liked"
