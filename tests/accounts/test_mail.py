"""Mail: what it says, how it leaves, and what happens when it cannot."""

from __future__ import annotations

import datetime as dt
import logging
import re
import ssl
import subprocess
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from threading import Barrier

import pytest

from models.mails import MailKind, MailState
from services import mailing
from services.adapters.mail.letters import Letter, Letters, one_line, shown_name
from services.adapters.mail.mailer import NotSent, OutboxMailer, SmtpMailer, wire_address
from services.adapters.queue import Job
from services.container.mail import mailer as mailer_of
from tests.mailbox import Inbox, deliver, mailed, outbox, parsed, smtp_server, waiting

SENDER = "CLUTCH <noreply@clutch.internal>"
AT = dt.datetime(2026, 1, 28, 10, 30, tzinfo=dt.UTC)
LETTER = Letter(kind="password_changed", subject="Grüße", text="Ünïcode\n", html="<p>Ünïcode</p>")
VALUES = {
    "site": "https://videos.example.com",
    "link": "https://videos.example.com/auth/verify-email?token=abc&x=1",
    "lifetime": "1 hour",
    "name": "Ann",
    "changed_at": "today",
    "inviter": "Bob",
    "expires_at": "tomorrow",
    "receiver": "hooks.example.com",
    "because": "Nothing arrived for 5 days.",
    "total": "2 notifications",
    "lines": ["Bob followed you", "Bob liked “Film”"],
    "more": "",
    "unsubscribe": "https://videos.example.com/auth/unsubscribe?token=xyz",
}


@pytest.fixture(scope="module")
def inbox():
    with smtp_server() as inbox:
        yield inbox


@pytest.fixture
def certificate(tmp_path) -> tuple[Path, Path]:
    """Self-signed, for 127.0.0.1."""
    key, cert = tmp_path / "key.pem", tmp_path / "cert.pem"
    subject = ["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"]
    make = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", *subject]
    subprocess.run([*make, "-keyout", key, "-out", cert], check=True, capture_output=True)
    return key, cert


@pytest.fixture
def server_context(certificate) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate[1], certificate[0])
    return context


def smtp(inbox: Inbox, **options) -> SmtpMailer:
    settings = {"security": "none", "timeout_seconds": 3} | options
    return SmtpMailer(host=inbox.host, port=inbox.port, sender=SENDER, **settings)


# Ways out


@pytest.mark.parametrize("way", ["smtp", "outbox"])
def test_every_mailer_hands_over_the_same_mail(way, inbox, tmp_path):
    mailer = {"smtp": smtp(inbox), "outbox": OutboxMailer(folder=tmp_path / "box", sender=SENDER)}
    mailer[way].send(LETTER, to="ann@exämple.com", at=AT)
    if way == "smtp":
        received = inbox.received[-1]
        assert inbox.recipients[-1] == "ann@xn--exmple-cua.com"
    else:
        (path,) = (tmp_path / "box").iterdir()
        received = parsed(path.read_bytes())
    message = received.message
    assert received.to == "ann@xn--exmple-cua.com"
    assert (received.subject, message["From"]) == ("Grüße", SENDER)
    assert message["Date"].datetime == AT
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["Message-ID"].endswith("@clutch.internal>")
    assert received.text.strip() == "Ünïcode"
    assert received.html.strip() == "<p>Ünïcode</p>"
    assert message.get_content_type() == "multipart/alternative"
    # Whatever a server takes: nothing but ASCII, and no line too long.
    assert message.as_bytes().isascii()
    assert max(map(len, message.as_bytes().splitlines())) < 998


@pytest.mark.parametrize("way", ["smtp", "outbox"])
def test_every_mailer_says_alike_that_there_is_no_such_address(way, inbox, tmp_path):
    mailer = {"smtp": smtp(inbox), "outbox": OutboxMailer(folder=tmp_path, sender=SENDER)}
    with pytest.raises(NotSent) as refused:
        mailer[way].send(LETTER, to="ann@example.com\r\nBcc: bob@example.com", at=AT)
    assert refused.value.is_final


def test_the_outbox_is_its_owners_and_never_holds_half_a_mail(tmp_path, caplog):
    folder = tmp_path / "var" / "outbox"
    with caplog.at_level(logging.INFO):
        OutboxMailer(folder=folder, sender=SENDER).send(LETTER, to="ann@example.com", at=AT)
    (path,) = folder.iterdir()
    assert path.name.startswith("20260128T103000-password_changed-")
    assert path.suffix == ".eml"
    assert (folder.stat().st_mode & 0o777, path.stat().st_mode & 0o777) == (0o700, 0o600)
    (line,) = [record.getMessage() for record in caplog.records]
    assert str(path) in line


def test_an_outbox_that_cannot_be_written_to_is_tried_again(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(NotSent) as failed:
        OutboxMailer(folder=tmp_path / "file" / "box", sender=SENDER).send(
            LETTER, to="ann@example.com", at=AT
        )
    assert not failed.value.is_final


def test_settings_choose_the_way(settings):
    assert mailer_of(settings) == OutboxMailer(
        folder=settings.outbox, sender="CLUTCH <noreply@clutch.internal>"
    )
    found = mailer_of(replace(settings, smtp_host="mail.example.com", smtp_password="secret"))
    assert isinstance(found, SmtpMailer)
    assert (found.host, found.port, found.security) == ("mail.example.com", 587, "starttls")
    assert found.context.verify_mode is ssl.CERT_REQUIRED
    assert found.context.check_hostname
    assert "secret" not in repr(found)


# A server's certificate


@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_a_certificate_that_nobody_vouches_for_is_refused(server_context, security):
    option = {"starttls": "tls_context", "tls": "ssl_context"}[security]
    with smtp_server(**{option: server_context}) as inbox:
        with pytest.raises(NotSent) as refused:
            smtp(inbox, security=security).send(LETTER, to="ann@example.com", at=AT)
        assert inbox.received == []
    assert "CERTIFICATE_VERIFY_FAILED" in refused.value.reason
    assert not refused.value.is_final


@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_a_certificate_that_is_vouched_for_is_good(server_context, certificate, security):
    trusting = ssl.create_default_context(cafile=certificate[1])
    option = {"starttls": "tls_context", "tls": "ssl_context"}[security]
    with smtp_server(**{option: server_context}) as inbox:
        mailer = smtp(inbox, security=security, context=trusting)
        mailer.send(LETTER, to="ann@example.com", at=AT)
        assert len(inbox.received) == 1


def test_a_server_without_starttls_gets_nothing_in_the_clear(inbox):
    before = len(inbox.received)
    with pytest.raises(NotSent) as refused:
        smtp(inbox, security="starttls").send(LETTER, to="ann@example.com", at=AT)
    assert not refused.value.is_final
    assert len(inbox.received) == before


def test_a_user_and_a_password_are_shown_to_the_server():
    with smtp_server(authenticated=True) as inbox:
        smtp(inbox, user="clutch", password="secret").send(LETTER, to="ann@example.com", at=AT)
        with pytest.raises(NotSent) as refused:
            smtp(inbox, user="clutch", password="x").send(LETTER, to="ann@example.com", at=AT)
        assert set(inbox.logins) == {"clutch"}
        assert len(inbox.received) == 1
    # The operator can set it right, so the mail waits.
    assert not refused.value.is_final
    assert "SMTP_PASSWORD" in refused.value.reason


# What a server says


@pytest.mark.parametrize(
    ("step", "said", "is_final"),
    [
        ("refusals", "451 4.3.0 come back later", False),
        ("refusals", "554 5.7.1 looks like spam", True),
        ("rcpt_refusals", "450 4.2.0 greylisted", False),
        ("rcpt_refusals", "550 5.1.1 no such mailbox", True),
    ],
)
def test_what_a_server_refuses_is_sorted_by_whether_time_may_heal_it(inbox, step, said, is_final):
    getattr(inbox, step).append(said)
    with pytest.raises(NotSent) as refused:
        smtp(inbox).send(LETTER, to="ann@example.com", at=AT)
    assert (refused.value.reason, refused.value.is_final) == (said, is_final)


def test_a_server_that_is_away_or_silent_is_tried_again(inbox):
    import socket  # noqa: PLC0415 - only here

    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        port = silent.getsockname()[1]
        away = SmtpMailer(host="127.0.0.1", port=port, sender=SENDER, security="none")
        with pytest.raises(NotSent) as refused:
            away.send(LETTER, to="ann@example.com", at=AT)
        assert not refused.value.is_final
        silent.listen()
        with pytest.raises(NotSent) as late:
            replace(away, timeout_seconds=0.2).send(LETTER, to="ann@example.com", at=AT)
        assert not late.value.is_final


@pytest.mark.parametrize("greeting", ["421 too busy", "554 go away"])
def test_a_server_that_is_not_open_is_tried_again(greeting):
    import socket  # noqa: PLC0415 - only here
    import threading  # noqa: PLC0415 - only here

    with socket.create_server(("127.0.0.1", 0)) as listening:

        def turn_away() -> None:
            caller, _ = listening.accept()
            with caller:
                caller.sendall(f"{greeting}\r\n".encode())

        threading.Thread(target=turn_away, daemon=True).start()
        mailer = SmtpMailer(
            host="127.0.0.1", port=listening.getsockname()[1], sender=SENDER, security="none"
        )
        with pytest.raises(NotSent) as refused:
            mailer.send(LETTER, to="ann@example.com", at=AT)
    assert not refused.value.is_final
    assert greeting[:3] in refused.value.reason


# What letters say


@pytest.mark.parametrize("kind", MailKind)
def test_every_letter_says_the_same_as_text_and_as_html(kind):
    letter = Letters().write(kind, VALUES)
    assert letter.kind == kind
    assert "{" not in letter.subject + letter.text
    assert "\n" not in letter.subject
    assert "videos.example.com" in letter.text
    if VALUES["link"] in letter.text:
        assert f'href="{VALUES["link"].replace("&", "&amp;")}"' in letter.html
    shown = " ".join(re.sub(r"<[^>]+>", " ", letter.html).split())
    assert any(sentence in shown for sentence in ("there is nothing to do", "choose a new one now"))
    # Nothing is loaded from anywhere: a mail must not tell when it is read.
    assert not re.search(r"<(img|script|link)|url\(|src=", letter.html)


EVIL = 'Ann\r\nBcc: all@example.com\n\nBuy at <a href="http://evil.example">\u202ehere\x00'


def test_a_name_cannot_begin_a_header_or_a_paragraph_or_a_link(inbox):
    letter = Letters().write("invitation", VALUES | {"inviter": EVIL})
    assert "\n" not in letter.subject
    assert letter.html.count("<a href") == 1
    assert "&lt;a href=" in letter.html
    (line,) = [line for line in letter.text.splitlines() if "Buy at" in line]
    assert "\u202e" not in letter.text + letter.html + letter.subject
    assert line.startswith("Ann Bcc: all@example.com Buy at")
    inbox.recipients.clear()
    smtp(inbox).send(letter, to="ann@example.com", at=AT)
    received = inbox.received[-1]
    assert received.message["Bcc"] is None
    assert inbox.recipients == ["ann@example.com"]


def test_a_subject_with_a_line_break_is_never_sent(inbox):
    with pytest.raises(ValueError, match="may not contain"):
        smtp(inbox).send(replace(LETTER, subject="x\r\nBcc: y"), to="ann@example.com", at=AT)


def test_a_name_in_a_letter_is_one_short_line():
    assert one_line(" a\r\n\tb\x00c\u2028d ") == "a b c d"
    assert shown_name("x" * 60) == "x" * 60
    assert shown_name("x" * 61) == "x" * 59 + "…"


def test_a_letter_never_leaves_a_gap_where_a_value_is_missing():
    from jinja2 import UndefinedError  # noqa: PLC0415 - only here

    with pytest.raises(UndefinedError):
        Letters().write("verification", {"site": "x", "lifetime": "x"})


def test_an_address_that_cannot_be_written_in_ascii_gets_no_mail():
    assert wire_address("ann@exämple.com") == "ann@xn--exmple-cua.com"
    with pytest.raises(NotSent):
        wire_address("not an address")


# The outbox in the database


@pytest.fixture
def over_smtp(services, inbox):
    """The mail service as it is with an SMTP server."""
    inbox.received.clear()
    inbox.recipients.clear()
    return replace(services.mailing, mailer=smtp(inbox))


def ask(service, to: str = "ann@example.com", link: str = "https://x/?token=1") -> str:
    expires_at = service.now() + dt.timedelta(days=7)
    service.invite(to, link=link, inviter="Bob", expires_at=expires_at)
    (doc,) = service.mails.collection.find({"to": to, "kind": "invitation", "state": "waiting"})
    return doc["id"]


def test_asking_for_a_mail_writes_it_down_and_queues_a_job(services):
    mail_id = ask(services.mailing)
    mail = services.mailing.mails.get(mail_id)
    assert (mail.state, mail.attempts, mail.to) == (MailState.WAITING, 0, "ann@example.com")
    assert services.queue.is_waiting(Job.SEND_MAIL, mail_id)
    # Not in line behind the videos.
    assert services.queue.length() == 0


def test_a_mail_is_sent_once_however_often_the_job_runs(over_smtp, inbox):
    mail_id = ask(over_smtp)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(over_smtp.send, [mail_id] * 8))
    over_smtp.send(mail_id)
    assert len(inbox.received) == 1
    mail = over_smtp.mails.get(mail_id)
    assert (mail.state, mail.attempts, mail.lease, mail.next_at) == ("sent", 1, None, None)
    assert mail.settled_at is not None
    # The link is in the mail, and not here any more.
    assert mail.context == {}


def test_what_waits_is_not_asked_for_twice_and_the_newer_wording_counts(over_smtp, inbox):
    first = ask(over_smtp)
    assert ask(over_smtp, link="https://x/?token=2") == first
    ask(over_smtp, to="bob@example.com")
    over_smtp.send(first)
    (letter,) = inbox.received
    assert letter.link == "https://x/?token=2"


def test_many_who_ask_at_once_ask_for_one_mail(over_smtp):
    together = Barrier(8)

    def ask_together(to: str) -> str:
        together.wait()
        return ask(over_smtp, to)

    with ThreadPoolExecutor(8) as pool:
        for number in range(10):
            to = f"p{number}@example.com"
            assert len(set(pool.map(ask_together, [to] * 8))) == 1


def test_a_mail_that_is_refused_for_now_is_tried_again_with_growing_pauses(over_smtp, inbox, clock):
    mail_id = ask(over_smtp)
    pauses = []
    for _ in range(7):
        inbox.refusals.append("451 4.3.0 later")
        over_smtp.send(mail_id)
        mail = over_smtp.mails.get(mail_id)
        assert (mail.state, mail.error) == ("waiting", "451 4.3.0 later")
        pause = (mail.next_at - clock()).total_seconds()
        pauses.append(round(pause))
        over_smtp.send(mail_id)  # not due: nothing happens
        clock.forward(seconds=pause + 1)
    assert pauses == [30, 60, 120, 240, 480, 900, 900]
    over_smtp.send(mail_id)
    assert len(inbox.received) == 1
    assert over_smtp.mails.get(mail_id).attempts == 8


def test_a_mail_that_is_refused_for_a_day_is_given_up_with_the_reason(over_smtp, inbox, clock):
    mail_id = ask(over_smtp)
    clock.forward(hours=23, minutes=59, seconds=45)
    inbox.refusals.append("451 4.3.0 later")
    over_smtp.send(mail_id)
    mail = over_smtp.mails.get(mail_id)
    assert (mail.state, mail.error, mail.next_at) == ("failed", "451 4.3.0 later", None)
    assert inbox.received == []


def test_a_mail_that_kills_its_senders_is_given_up_too(over_smtp, inbox, clock):
    mail_id = ask(over_smtp)
    clock.forward(hours=24, seconds=1)
    over_smtp.send(mail_id)
    mail = over_smtp.mails.get(mail_id)
    assert (mail.state, mail.error) == ("failed", "It could not be sent.")


def test_a_mail_that_is_refused_for_good_is_not_tried_again(over_smtp, inbox, caplog):
    mail_id = ask(over_smtp)
    inbox.rcpt_refusals.append("550 5.1.1 no such mailbox")
    over_smtp.send(mail_id)
    mail = over_smtp.mails.get(mail_id)
    assert (mail.state, mail.error) == ("failed", "550 5.1.1 no such mailbox")
    over_smtp.send(mail_id)
    assert inbox.received == []
    # Another may be asked for.
    assert ask(over_smtp) != mail_id
    assert "token=" not in caplog.text


def test_a_sender_that_died_is_followed_by_another(over_smtp, inbox, clock):
    mail_id = ask(over_smtp)
    now = clock()
    assert over_smtp.mails.claim(mail_id, "dead", now=now, until=now + mailing.LEASE)
    over_smtp.send(mail_id)
    assert inbox.received == []
    clock.forward(seconds=mailing.LEASE.total_seconds() + 1)
    over_smtp.send(mail_id)
    assert len(inbox.received) == 1


def test_who_lost_the_lease_changes_nothing_any_more(over_smtp, clock):
    mails, mail_id = over_smtp.mails, ask(over_smtp)
    late = mails.claim(mail_id, "late", now=clock(), until=clock())
    mails.claim(mail_id, "next", now=clock(), until=clock())
    mails.fail(late, clock(), "x")
    mails.put_back(late, clock(), next_at=clock(), error="x")
    mails.drop(late)
    mail = mails.get(mail_id)
    assert (mail.state, mail.lease) == ("sending", "next")


def test_a_mail_that_comes_back_gives_way_to_a_newer_one(over_smtp, clock):
    mails, mail_id = over_smtp.mails, ask(over_smtp)
    claimed = mails.claim(mail_id, "mine", now=clock(), until=clock())
    newer = ask(over_smtp, link="https://x/?token=2")
    assert newer != mail_id
    mails.put_back(claimed, clock(), next_at=clock(), error="451 later")
    assert mails.get(mail_id).state == "failed"
    assert mails.get(newer).state == "waiting"


def test_the_sweeper_queues_what_is_due(services, clock):
    mail_id = ask(services.mailing)
    services.queue.rq.connection.flushdb()
    clock.forward(seconds=1)
    assert services.mailing.sweep() == 0
    assert services.queue.is_waiting(Job.SEND_MAIL, mail_id)
    assert outbox(services) == []


def test_the_sweeper_sends_what_no_worker_comes_to(services, clock):
    ask(services.mailing)
    clock.forward(seconds=16)
    assert services.mailing.sweep() == 1
    assert len(outbox(services)) == 1
    assert services.mailing.sweep() == 0


def test_the_sweeper_tries_one_mail_and_no_more_while_the_server_is_away(over_smtp, inbox, clock):
    for name in ("ann", "bob", "cem"):
        ask(over_smtp, to=f"{name}@example.com")
    clock.forward(seconds=16)
    inbox.refusals.append("421 4.3.2 closing")
    assert over_smtp.sweep() == 3
    assert inbox.received == []
    over_smtp.sweep()
    assert len(inbox.received) == 2


def test_a_mail_that_redis_does_not_hear_of_is_left_to_the_sweeper(services, settings, caplog):
    from redis import Redis  # noqa: PLC0415 - only here

    from services.adapters.queue import RqQueue  # noqa: PLC0415 - only here

    away = RqQueue(Redis(port=1, socket_connect_timeout=0.1))
    ask(replace(services.mailing, queue=away))
    assert "waits for the sweeper" in caplog.text
    assert len(waiting(services)) == 1


@pytest.mark.parametrize(
    "kind", [MailKind.VERIFICATION, MailKind.PASSWORD_RESET, MailKind.ACCOUNT_EXISTS]
)
def test_an_address_that_is_nobodys_gets_no_mail_and_is_not_kept(services, kind):
    services.mailing.ask(kind, "nobody@example.com")
    assert deliver(services) == []
    assert services.mailing.mails.collection.count_documents({"to": "nobody@example.com"}) == 0


def test_an_address_gets_five_mails_an_hour_of_what_anybody_can_ask_for(services, ann, clock):
    for _ in range(8):
        services.mailing.ask(MailKind.ACCOUNT_EXISTS, ann.user.email)
        deliver(services)
    assert len(mailed(services, MailKind.ACCOUNT_EXISTS, ann.user.email)) == 5
    clock.forward(hours=1, seconds=1)
    services.mailing.ask(MailKind.ACCOUNT_EXISTS, ann.user.email)
    assert len(mailed(services, MailKind.ACCOUNT_EXISTS, ann.user.email)) == 6


def test_what_is_done_is_forgotten_after_a_week(services):
    found = services.mailing.mails.collection.index_information()
    assert found["settled_at_1"]["expireAfterSeconds"] == 7 * 24 * 3600
    found = services.mailing.email_tokens.collection.index_information()
    assert found["expires_at_1"]["expireAfterSeconds"] == 0
