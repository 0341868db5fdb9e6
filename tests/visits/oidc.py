"""Every route of signing in elsewhere, and the whole way of it past a provider."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qs, urlsplit

import requests
from flask.testing import FlaskClient

from services.accounts.openid import Returned
from services.accounts.sessions import Device
from services.adapters.openid import OpenIdProvider
from services.container import Services
from tests.openid_provider import CLIENT_ID, CLIENT_SECRET, running

HOUR = dt.timedelta(hours=1)


def visit(client: FlaskClient, services: Services, ann: Any) -> None:
    client.get("/auth/oidc")
    client.get("/auth/oidc/start")
    client.get("/auth/oidc/callback?state=x")
    client.post("/auth/oidc/token", json={"code": "x"})
    with running() as provider:
        provider.claims |= {"sub": "visitor", "email": "oidc@example.com"}
        adapter = OpenIdProvider(
            issuer=provider.url,
            client_id=CLIENT_ID,
            client_secret=CLIENT_SECRET,
            redirect_uri="http://localhost/auth/oidc/callback",
            now=services.openid.now,
        )
        # Closed, so that it is looked up whether somebody is new.
        openid = replace(services.openid, provider=adapter, takes_new_people=True)
        for way in (openid, replace(openid, takes_new_people=False)):
            started = way.start("/app")
            answer = requests.get(started.url, allow_redirects=False, timeout=5)
            query = parse_qs(urlsplit(answer.headers["Location"]).query)
            returned = Returned(
                state=query["state"][0], code=query["code"][0], error="", issuer=None
            )
            finished = way.finish(returned, mark=started.mark, device=Device(), lifetime=HOUR)
            code = parse_qs(urlsplit(finished.location or "").query)["code"][0]
            way.exchange(code, "", device=Device(), lifetime=HOUR)
