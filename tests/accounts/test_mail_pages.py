"""A real browser opens the links that are in mails, and somebody clicks."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace

import pytest
from playwright.sync_api import Browser, Page, expect
from werkzeug.serving import make_server

from app import create_app
from models.mails import MailKind
from services import container
from services.accounts.sessions import Device
from tests.embedded.test_browser import open_page
from tests.mailbox import mailed
from tests.players import chromium

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]

ANN = "ann@example.com"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as browser:
        yield browser


@pytest.fixture
def services(settings, clock):
    """What is served at the address that mails name."""
    with_server = container.build(settings, now=clock)
    server = make_server("127.0.0.1", 0, create_app(with_server), threaded=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield container.build(
        replace(settings, public_url=f"http://127.0.0.1:{server.server_port}"), now=clock
    )
    server.shutdown()


def said(page: Page) -> str:
    # Not `wait_for_function`: it evaluates a string, and the page's policy forbids that.
    expect(page.locator("#said")).not_to_be_empty()
    return page.inner_text("#said")


def test_a_click_verifies_an_address_and_a_look_does_not(browser, services, ann):
    (letter,) = mailed(services, MailKind.VERIFICATION, ANN)
    asked: list[str] = []
    page, complaints = open_page(browser, letter.link)
    page.on("request", lambda request: asked.append(f"{request.method} {request.url}"))
    # The token is out of the address bar, and out of what a next page is told.
    assert page.url == letter.link.partition("?")[0]
    assert not services.accounts.users.get(ann.user.id).email_verified
    page.click("button")
    assert said(page) == "E-mail address verified."
    assert services.accounts.users.get(ann.user.id).email_verified
    assert page.locator("button").count() == 0
    assert asked == [f"POST {page.url}"]
    assert complaints == []
    page.goto(letter.link)
    page.click("button")
    assert "no longer valid" in said(page)
    page.close()


def test_a_form_sets_a_new_password_once_both_are_the_same(browser, services, client, ann):
    services.recovery.forgot(ANN, Device())
    (letter,) = mailed(services, MailKind.PASSWORD_RESET, ANN)
    page, complaints = open_page(browser, letter.link)
    page.fill("#password", "sécret-1")
    page.fill("#again", "secret-1")
    page.click("button")
    assert said(page) == "The two are not the same."
    page.fill("#again", "sécret-1")
    page.click("button")
    page.wait_for_selector("form", state="detached")
    assert "sign in with the new one" in said(page)
    login = {"email": ANN, "password": "sécret-1"}
    assert client.post("/auth/login", json=login).status_code == 200
    assert complaints == []
    page.close()


def test_a_link_that_was_cut_off_says_so(browser, services):
    page, _ = open_page(browser, f"{services.settings.base_url}/auth/verify-email")
    assert "not complete" in said(page)
    assert page.locator("button").count() == 0
    page.close()
