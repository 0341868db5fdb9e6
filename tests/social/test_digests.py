"""Mails that sum up notifications: to whom, of what, never the same twice, and how to end them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import replace

import pytest

from models.mails import MailKind
from models.notifications import NotificationKind
from services.adapters.mail.mailer import NotSent
from services.policies import Actor
from services.social.digests import latest
from services.social.notifications import video_target
from tests.conftest import Person
from tests.mailbox import deliver, mailed, outbox
from tests.wire import failed

LIKE = NotificationKind.LIKE


@pytest.fixture
def settings(settings):
    return replace(settings, digest_hour=0)


@pytest.fixture
def verified(services) -> Callable:
    def verified(person: Person, **values: object) -> None:
        change = {"$set": {"email_verified": True, **values}}
        services.people.users.collection.update_one({"id": person.user.id}, change)

    return verified


@pytest.fixture
def tell(services, bob, add_video) -> Callable:
    def tell(person: Person, title: str) -> None:
        video = add_video(person, title=title)
        services.notifications.notify(person.user.id, LIKE, bob.user.id, video_target(video.id))

    return tell


def digests(services, person: Person) -> list:
    services.digests.send_due()
    return mailed(services, MailKind.DIGEST, person.user.email)


def test_what_was_not_read_is_summed_up_the_next_day_and_never_again(
    services, tell, verified, ann, clock
):
    verified(ann)
    for title in ("One", "Two"):
        tell(ann, title)
    assert digests(services, ann) == []
    clock.forward(days=1)
    (letter,) = digests(services, ann)
    assert letter.subject == "2 notifications at CLUTCH"
    for part in (letter.text, letter.html):
        assert "bob liked “One”" in part
        assert "bob liked “Two”" in part
    assert len(digests(services, ann)) == 1
    clock.forward(days=1)
    tell(ann, "Three")
    assert len(digests(services, ann)) == 1
    clock.forward(days=1)
    letters = digests(services, ann)
    assert len(letters) == 2
    assert "Three" in letters[1].text
    assert "One" not in letters[1].text


def test_what_was_read_is_not_summed_up(services, tell, verified, ann, clock):
    verified(ann)
    tell(ann, "Read")
    services.notifications.read(Actor(id=ann.user.id), [], None)
    clock.forward(days=1)
    assert digests(services, ann) == []


@pytest.mark.parametrize(
    "values",
    [
        {"email_verified": False},
        {"settings.notifications.email": False},
        {"is_active": False},
    ],
    ids=str,
)
def test_only_who_wants_it_at_an_address_of_theirs_gets_one(
    services, tell, verified, ann, clock, values
):
    verified(ann)
    tell(ann, "Film")
    verified(ann, **values)
    clock.forward(days=1)
    assert digests(services, ann) == []
    verified(ann, **{"settings.notifications.email": True, "is_active": True})
    assert digests(services, ann) == []


def test_of_many_the_latest_are_said_in_words(services, tell, verified, ann, clock):
    verified(ann)
    for number in range(13):
        clock.forward(seconds=1)
        tell(ann, f"Film {number:02}")
    clock.forward(days=1)
    (letter,) = digests(services, ann)
    assert letter.text.count("bob liked") == 10
    assert "Film 12" in letter.text
    assert "And 3 more." in letter.text


class Away:
    """A mail server that is away."""

    def send(self, letter, *, to, at) -> None:  # noqa: ARG002 - the protocol's
        self.letter = letter
        raise NotSent("away", is_final=False)


def test_a_mail_that_is_tried_again_says_the_same_and_another_says_the_rest(
    services, tell, verified, ann, clock
):
    verified(ann)
    deliver(services)
    tell(ann, "One")
    clock.forward(days=1)
    services.digests.send_due()
    (mail_id,) = services.mailing.mails.due(clock() + dt.timedelta(seconds=1), 10)
    away = Away()
    replace(services.mailing, mailer=away).send(mail_id)
    assert "One" in away.letter.text
    tell(ann, "Two")
    clock.forward(minutes=1)
    assert services.digests.send_due() == 0
    (letter,) = deliver(services)
    assert "One" in letter.text
    assert "Two" not in letter.text
    clock.forward(days=1)
    (_, second) = digests(services, ann)
    assert "Two" in second.text
    assert "One" not in second.text


def test_a_link_in_the_mail_ends_them_without_signing_in(
    services, client, tell, verified, ann, clock
):
    verified(ann)
    tell(ann, "Film")
    clock.forward(days=1)
    (letter,) = digests(services, ann)
    header = str(letter.message["List-Unsubscribe"]).strip("<>")
    assert letter.message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    path = header[header.index("/auth/") :]

    def wants() -> bool:
        return services.notifications.recipients.one(ann.user.id).settings.notifications.email

    page = client.get(path)
    assert page.status_code == 302
    assert client.get(page.headers["Location"]).status_code == 200
    assert wants() is True
    one_click = client.post(path, data={"List-Unsubscribe": "One-Click"})
    assert (one_click.status_code, wants()) == (200, False)
    verified(ann, **{"settings.notifications.email": True})
    answer = client.post("/auth/unsubscribe", json={"token": letter.token})
    assert (answer.status_code, wants()) == (200, False)
    for token in ("nonsense", letter.token[:-2] + "xx", ann.token[:150]):
        failed(client.post("/auth/unsubscribe", json={"token": token}), 400, "VALIDATION_ERROR")
    tell(ann, "Another")
    clock.forward(days=1)
    assert len(digests(services, ann)) == 1


def test_mails_of_other_kinds_have_no_such_header(services, client, ann):
    client.post("/auth/forgot-password", json={"email": ann.user.email})
    deliver(services)
    assert all("List-Unsubscribe" not in letter.message for letter in outbox(services))


@pytest.mark.parametrize(
    ("now", "then"), [("08:00", "28 08"), ("07:59", "27 08"), ("23:00", "28 08")]
)
def test_the_hour_is_the_latest_that_there_was(now, then):
    moment = dt.datetime.fromisoformat(f"2026-01-28T{now}:30+00:00")
    assert f"{latest(8, moment):%d %H}" == then
