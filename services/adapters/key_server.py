"""A key server elsewhere, for Widevine and FairPlay: it makes content keys, and hands out licences.

Asked over HTTP, once per video, before it is packaged (docs/drm.md has the exchange).
"""

from __future__ import annotations

import base64
import binascii
import json
import logging
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import requests

from models.errors import Unavailable

log = logging.getLogger(__name__)

# To connect, and to answer.
TIMEOUT_SECONDS = (3, 10)
ANSWER_BYTES = 64 * 1024
HEX_128 = re.compile(r"[0-9a-f]{32}")
# It ends up in a playlist, between quotes.
SKD = re.compile(r'skd://[^"\s]{1,500}')
AWAY = "The key server does not answer as it should."


@dataclass(frozen=True, slots=True, kw_only=True)
class ServedKey:
    """A key of the server's making; all in hex digits but the URI."""

    key_id: str
    key: str
    pssh: tuple[str, ...] = ()
    fairplay_uri: str = ""


class KeyServer(Protocol):
    def key_for(self, video_id: str) -> ServedKey:
        """The same key whenever it is asked for the same video. Raises `Unavailable`."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpKeyServer:
    url: str
    token: str

    def key_for(self, video_id: str) -> ServedKey:
        try:
            return _read(self._ask(video_id))
        except (requests.RequestException, ValueError, KeyError, TypeError) as failure:
            # What it answered is not written down: it may hold the key.
            log.warning("no key from the key server", extra={"kind": type(failure).__name__})
            raise Unavailable(AWAY) from None

    def _ask(self, video_id: str) -> Mapping[str, Any]:
        headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        asked = {"content_id": video_id, "scheme": "cbcs"}
        with requests.post(
            self.url,
            json=asked,
            headers=headers,
            timeout=TIMEOUT_SECONDS,
            allow_redirects=False,
            stream=True,
        ) as answer:
            answer.raise_for_status()
            body = answer.raw.read(ANSWER_BYTES + 1, decode_content=True)
        if answer.status_code != requests.codes.ok or len(body) > ANSWER_BYTES:
            raise ValueError("not an answer")
        return json.loads(body)


def _read(said: Mapping[str, Any]) -> ServedKey:
    return ServedKey(
        key_id=_hex_128(said["key_id"]),
        key=_hex_128(said["key"]),
        pssh=tuple(_box(box) for box in said.get("pssh") or ()),
        fairplay_uri=_skd(said.get("fairplay_uri") or ""),
    )


def _hex_128(text: object) -> str:
    plain = str(text).replace("-", "").lower()
    if not HEX_128.fullmatch(plain):
        raise ValueError("not 128 bits in hex digits")
    return plain


def _box(text: str) -> str:
    """A `pssh` box as DASH spells it, in base64."""
    try:
        box = base64.b64decode(text, validate=True)
    except binascii.Error as wrong:
        raise ValueError("not base64") from wrong
    if box[4:8] != b"pssh" or int.from_bytes(box[:4]) != len(box):
        raise ValueError("not a pssh box")
    return box.hex()


def _skd(uri: str) -> str:
    if uri and not SKD.fullmatch(uri):
        raise ValueError("not an skd URI")
    return uri
