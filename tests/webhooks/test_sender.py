"""How a webhook leaves: one request, to the address that was looked at, within its time."""

from __future__ import annotations

import ssl
import subprocess
import time
from http.server import BaseHTTPRequestHandler
from typing import ClassVar

import pytest

from models.errors import Invalid
from services.adapters.reach import Reach
from services.adapters.webhooks import HttpSender, NotDelivered
from tests.webhooks.receiver import receiving

AT_HOME = Reach(allows_http=True, allows_private=True)
SENDER = HttpSender(reach=AT_HOME, timeout_seconds=10)
HASTY = HttpSender(reach=AT_HOME, timeout_seconds=0.5)


class Known(Reach):
    """A name server that knows one name, and counts who asks."""

    __slots__ = ()
    asked: ClassVar[list[str]] = []

    def resolve(self, host: str, port: int) -> str:  # noqa: ARG002 - as it is called
        self.asked.append(host)
        return "127.0.0.1"


@pytest.fixture
def receiver():
    with receiving() as receiver:
        yield receiver


def test_what_is_sent_arrives_as_it_is_and_the_answer_comes_back(receiver):
    receiver.answers = [201]
    answer = SENDER.post(f"{receiver.url}?a=1", {"webhook-id": "x"}, '{"ü": 1}'.encode())
    assert (answer.status, answer.start) == (201, "thank you")
    (got,) = receiver.got
    assert (got.path, got.body.decode(), got.id) == ("/hook?a=1", '{"ü": 1}', "x")
    assert got.headers["host"] == f"127.0.0.1:{receiver.port}"


def test_the_connection_goes_to_the_address_that_was_looked_at_and_names_the_host(receiver):
    Known.asked.clear()
    known = HttpSender(reach=Known(allows_http=True), timeout_seconds=10)
    url = f"http://hooks.example.com:{receiver.port}/hook"
    assert known.post(url, {}, b"{}").status == 204
    # Asked once: a second answer might be another.
    assert Known.asked == ["hooks.example.com"]
    assert receiver.got[0].headers["host"] == f"hooks.example.com:{receiver.port}"


def test_only_the_first_kib_of_an_answer_is_read(receiver):
    receiver.body, receiver.answers = b"\x00\xff" + b"x" * 5_000_000, [200]
    start = SENDER.post(receiver.url, {}, b"{}").start
    assert len(start) < 1100
    assert "\x00" not in start


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_no_redirect_is_followed(receiver, status):
    def elsewhere(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        handler.send_header("Location", f"{receiver.url}/elsewhere")
        handler.send_header("Content-Length", "0")
        handler.end_headers()

    receiver.answers = [elsewhere]
    assert SENDER.post(receiver.url, {}, b"{}").status == status
    assert len(receiver.got) == 1


def test_no_proxy_of_the_environment_is_asked(receiver, monkeypatch):
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    assert SENDER.post(receiver.url, {}, b"{}").status == 204


def drip(handler: BaseHTTPRequestHandler) -> None:
    handler.wfile.write(b"HTTP/1.1 200 OK\r\n")
    for number in range(200):
        handler.wfile.write(f"X-{number}: y\r\n".encode())
        handler.wfile.flush()
        time.sleep(0.1)


@pytest.mark.parametrize("kind", ["silent", "slow"])
def test_whoever_does_not_answer_in_time_has_not_answered(receiver, kind):
    if kind == "silent":
        receiver.is_open.clear()
    else:
        receiver.answers = [drip]
    began = time.monotonic()
    with pytest.raises(NotDelivered, match="too long"):
        HASTY.post(receiver.url, {}, b"{}")
    assert time.monotonic() - began < 10


def nonsense(handler: BaseHTTPRequestHandler) -> None:
    handler.wfile.write(b"220 smtp.example.com ESMTP\r\n")
    handler.close_connection = True


def test_what_is_no_http_is_no_answer(receiver):
    receiver.answers = [nonsense]
    with pytest.raises(NotDelivered, match="not an HTTP answer"):
        SENDER.post(receiver.url, {}, b"{}")


def test_nobody_there_is_no_answer():
    with receiving() as gone:
        url = gone.url
    with pytest.raises(NotDelivered, match="refused"):
        SENDER.post(url, {}, b"{}")


def test_what_is_off_limits_is_not_connected_to(receiver):
    strict = HttpSender(reach=Reach(allows_http=True), timeout_seconds=10)
    for url in (receiver.url, f"http://localhost:{receiver.port}/"):
        with pytest.raises(NotDelivered, match="public internet"):
            strict.post(url, {}, b"{}")
        with pytest.raises(Invalid):
            strict.check(url)
    assert receiver.got == []


def test_a_certificate_must_be_vouched_for_and_name_the_host(tmp_path):
    key, cert = tmp_path / "key.pem", tmp_path / "cert.pem"
    subject = ["-subj", "/CN=hooks.example.com", "-addext", "subjectAltName=DNS:hooks.example.com"]
    make = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", *subject]
    subprocess.run([*make, "-keyout", key, "-out", cert], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)

    def wrap(server) -> None:
        server.socket = context.wrap_socket(server.socket, server_side=True)

    trusting = ssl.create_default_context(cafile=cert)
    with receiving(wrap, "https") as receiver:
        for host, trust, fits in (
            ("hooks.example.com", trusting, True),
            ("other.example.com", trusting, False),
            ("hooks.example.com", ssl.create_default_context(), False),
        ):
            sender = HttpSender(reach=Known(), timeout_seconds=10, context=trust)
            url = f"https://{host}:{receiver.port}/"
            if fits:
                assert sender.post(url, {}, b"{}").status == 204
            else:
                with pytest.raises(NotDelivered, match="TLS"):
                    sender.post(url, {}, b"{}")
    assert len(receiver.got) == 1
