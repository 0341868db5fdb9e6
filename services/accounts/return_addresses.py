"""Where a browser may be sent back to: here, or to an app at one of the configured origins."""

from __future__ import annotations

from collections.abc import Collection
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from models.errors import Invalid

FIELD = "return_to"


def checked(address: str, origins: Collection[str]) -> str:
    """`address`, if it is a path of this server's or lies at one of `origins`.

    Raises `Invalid`: a browser that is sent elsewhere would take a one-time code along.
    """
    if not address or _is_ours(address) or _origin(address) in origins:
        return address
    message = "Not a path on this server, nor an address of an origin in CORS_ORIGINS."
    raise Invalid(f"{FIELD}: {message}", fields={FIELD: [message]})


def extended(address: str, **parameters: str) -> str:
    """`address` with more in its query; what is there already stays."""
    parts = urlsplit(address)
    query = [*parse_qsl(parts.query, keep_blank_values=True), *parameters.items()]
    return urlunsplit(parts._replace(query=urlencode(query)))


def _is_ours(address: str) -> bool:
    # `//host` and `/\\host` are other hosts to a browser, which also skips over tabs and newlines.
    return _is_plain(address) and address.startswith("/") and not address.startswith("//")


def _origin(address: str) -> str | None:
    try:
        parts = urlsplit(address)
    except ValueError:
        return None
    return f"{parts.scheme}://{parts.netloc}" if _is_plain(address) and parts.netloc else None


def _is_plain(address: str) -> bool:
    return address.isascii() and address.isprintable() and not set(address) & {"\\", " "}
