"""What nginx-rtmp asks before it lets a live stream in or out, as it asks it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from models.broadcasts import Broadcast
from services import container
from tests.live.streams import create, hold, interrupt, row
from tests.wire import NOBODY, failed

SERVER = "rtmp://rtmp.internal:1935/live"
REFUSED = "No stream of this key may be sent."


@pytest.fixture
def ask(client):
    """Post what nginx-rtmp posts: no header of ours, and a form of its own fields and theirs."""

    def send(call: str, name: str, **arguments: str) -> Any:
        form = {
            "app": "live", "flashver": "FMLE/3.0", "swfurl": "", "tcurl": "rtmp://localhost/live",
            "pageurl": "", "addr": "192.0.2.7", "clientid": "12", "call": call, "type": "live",
        }  # fmt: skip
        return client.post(f"/live/{call}", data={**form, "name": name, **arguments})

    return send


def named(made: dict[str, Any]) -> tuple[str, str]:
    name, _, key = made["stream_key"].partition("?key=")
    return name, key


def ticket_of(url: str) -> str:
    return parse_qs(urlsplit(url).query)["ticket"][0]


def is_let(answer: Any) -> bool:
    """204 lets it; what refuses it is a failure like any other."""
    if answer.status_code == 204:
        assert answer.data == b""
        return True
    assert REFUSED in failed(answer, 403, "FORBIDDEN")["message"]
    return False


def fetched(services) -> Broadcast | None:
    return services.broadcasts.next_to_fetch()


# Publishing


def test_the_right_key_is_let_in_and_its_stream_is_fetched(client, ask, ann, services):
    made = create(client, ann)
    name, key = named(made)
    assert fetched(services) is None
    assert is_let(ask("publish", name, key=key))
    held = fetched(services)
    assert held is not None
    assert held.video_id == name
    assert fetched(services) is None, "two would carry it"


@pytest.mark.parametrize("call", ["publish", "done", "update"])
def test_a_wrong_key_is_refused_and_changes_nothing(client, ask, ann, bob, services, call):
    made, other = create(client, ann), create(client, bob)
    name, key = named(made)
    if call == "done":
        assert is_let(ask("publish", name, key=key))
    before = row(services, name)
    assert not is_let(ask(call, name, key=named(other)[1]))
    assert not is_let(ask(call, name, key=f"{key}x"))
    assert not is_let(ask(call, name, key=""))
    assert not is_let(ask(call, name))
    assert not is_let(ask(call, NOBODY, key=key))
    assert not is_let(ask(call, "", key=key))
    assert row(services, name) == before


@pytest.mark.parametrize("call", ["publish", "done", "update"])
def test_what_is_over_is_refused(client, ask, ann, services, call):
    made = create(client, ann)
    name, key = named(made)
    assert is_let(ask("publish", name, key=key))
    client.post(f"/api/videos/{name}/live/end", headers=ann.headers)
    assert not is_let(ask(call, name, key=key))
    assert fetched(services) is None


def test_what_is_deleted_is_refused(client, ask, ann):
    made = create(client, ann)
    name, key = named(made)
    client.delete(f"/api/videos/{name}", headers=ann.headers)
    assert not is_let(ask("publish", name, key=key))


def test_a_key_that_was_changed_is_refused_and_its_stream_not_fetched_again(
    client, ask, ann, services
):
    made = create(client, ann)
    name, key = named(made)
    assert is_let(ask("publish", name, key=key))
    client.post(f"/api/videos/{name}/live/key", headers=ann.headers)
    assert not is_let(ask("publish", name, key=key))
    assert not is_let(ask("update", name, key=key))
    # Nor could whoever sends it say with that key that they cease to.
    assert not is_let(ask("done", name, key=key))
    assert fetched(services) is None


@pytest.mark.parametrize("field", ["name", "key"])
def test_what_is_said_twice_is_not_said(client, ann, bob, services, field):
    """An encoder's own arguments are appended to what nginx says."""
    mine, theirs = create(client, bob), create(client, ann)
    name, key = named(mine)
    form = {"name": [name], "key": [key]}
    form[field].append({"name": named(theirs)[0], "key": "x"}[field])
    assert not is_let(client.post("/live/publish", data=form))
    assert not is_let(client.post("/live/publish", data={**form, field: form[field][::-1]}))
    assert fetched(services) is None


# Ceasing


def test_who_ceases_to_send_is_fetched_no_more(client, ask, ann, services):
    made = create(client, ann)
    name, key = named(made)
    ask("publish", name, key=key)
    held = fetched(services)
    assert held is not None
    assert is_let(ask("done", name, key=key))
    # Whoever carries it notices by itself; nobody begins anew.
    assert row(services, name).lease == held.lease
    interrupt(services, held)
    assert fetched(services) is None
    assert is_let(ask("publish", name, key=key))
    again = fetched(services)
    assert again is not None
    assert again.sessions == held.sessions + 1


def test_it_is_said_as_often_as_one_likes(client, ask, ann, services):
    made = create(client, ann)
    name, key = named(made)
    assert is_let(ask("done", name, key=key)), "before anything was sent"
    for _ in range(2):
        assert is_let(ask("publish", name, key=key))
    for _ in range(2):
        assert is_let(ask("done", name, key=key))
        assert fetched(services) is None
    shown = client.get(f"/api/videos/{name}/live", headers=ann.headers).json
    assert shown["status"] == "waiting"


def test_a_fetcher_that_is_lost_is_followed_by_another_while_it_is_sent(
    client, ask, ann, services, clock
):
    made = create(client, ann)
    name, key = named(made)
    ask("publish", name, key=key)
    first = fetched(services)
    assert first is not None
    for _ in range(4):
        clock.forward(seconds=10)
        assert is_let(ask("update", name, key=key))
    second = fetched(services)
    assert second is not None
    assert (second.video_id, second.sessions) == (name, first.sessions + 1)
    assert second.lease != first.lease


def test_a_server_that_was_killed_is_not_asked_for_ever(client, ask, ann, services, clock):
    made = create(client, ann)
    name, key = named(made)
    ask("publish", name, key=key)
    clock.forward(hours=1)
    assert fetched(services) is None


# Fetching


def test_only_who_has_our_ticket_fetches(client, ask, ann, services):
    made, other = create(client, ann), create(client, ann)
    name, key = named(made)
    ask("publish", name, key=key)
    held = fetched(services)
    assert held is not None
    url = services.broadcasts.address_at(f"{SERVER}/", held)
    assert url.startswith(f"{SERVER}/{name}?ticket=")
    ticket = ticket_of(url)
    assert key not in url
    assert is_let(ask("play", name, ticket=ticket))
    assert is_let(ask("update", name, ticket=ticket))
    for call in ("play", "update"):
        assert not is_let(ask(call, name, ticket=f"{ticket}x"))
        assert not is_let(ask(call, name, ticket=""))
        assert not is_let(ask(call, name))
        assert not is_let(ask(call, named(other)[0], ticket=ticket))
    # The key that sends a stream does not fetch it, and the ticket does not send it.
    assert not is_let(ask("play", name, key=key))
    assert not is_let(ask("publish", name, key=ticket))


def test_a_ticket_is_of_this_installation(client, ask, ann, services):
    made = create(client, ann)
    held = hold(services, made)
    ticket = ticket_of(services.broadcasts.address_at(SERVER, held))
    settings = replace(services.settings, edge_secret="another secret, of another installation")
    elsewhere = container.build(settings)
    found = ticket_of(elsewhere.broadcasts.address_at(SERVER, held))
    assert found != ticket
    assert not is_let(ask("play", held.video_id, ticket=found))


def test_no_token_stands_in_for_a_key(client, ann, services):
    made = create(client, ann)
    form = {"name": named(made)[0], "key": ann.token}
    assert not is_let(client.post("/live/publish", data=form, headers=ann.headers))


@pytest.mark.parametrize("call", ["publish", "done", "play", "update"])
def test_only_posts_are_answered(client, call):
    failed(client.get(f"/live/{call}"), 405, "VALIDATION_ERROR")
