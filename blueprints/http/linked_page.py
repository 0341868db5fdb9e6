"""Pages that links in mails open: self-contained, and only a click on them changes anything.

Programs that scan mail follow links, so a GET must not use a token up. The token is read from the
address by the page's own script, never by us, and then taken out of the address.
"""

from __future__ import annotations

import base64
import hashlib
import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from flask import Response

PAGES = Path(__file__).parent / "linked_pages"
SHARED = {name: (PAGES / name).read_text() for name in ("page.css", "page.js")}


@dataclass(frozen=True)
class LinkedPage:
    name: str

    def show(self) -> Response:
        response = Response(self._html, mimetype="text/html")
        response.headers.update(
            {
                "Content-Security-Policy": self._policy,
                # A page with a token in its address: kept nowhere, told to nobody.
                "Cache-Control": "no-store",
                "Referrer-Policy": "no-referrer",
                "X-Robots-Tag": "noindex",
            }
        )
        return response

    @cached_property
    def _html(self) -> str:
        text = (PAGES / self.name).read_text()
        for name, shared in SHARED.items():
            text = text.replace(f"/* {name} */", shared)
        return text

    @cached_property
    def _policy(self) -> str:
        """Only this script and this style, and requests to nobody but CLUTCH."""
        rules = {
            "default-src": "'none'",
            "script-src": _hash("script", self._html),
            "style-src": _hash("style", self._html),
            "connect-src": "'self'",
            "img-src": "'self'",
            "base-uri": "'none'",
            "form-action": "'none'",
            "frame-ancestors": "'none'",
        }
        return "; ".join(f"{name} {value}" for name, value in rules.items())


def _hash(tag: str, html: str) -> str:
    (inside,) = re.findall(f"<{tag}>(.*?)</{tag}>", html, re.DOTALL)
    digest = hashlib.sha256(inside.encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"
