"""Which addresses elsewhere may be written to, when a stranger says where: no one's own network.

A name is resolved once, each address it has is judged, and the connection goes to one that was:
asked again a moment later, a name may well answer something else (DNS rebinding).
"""

from __future__ import annotations

import socket
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from urllib.parse import SplitResult, urlsplit

Address = IPv4Address | IPv6Address

DEFAULT_PORTS = {"http": 80, "https": 443}
URL_LENGTH = 2000
# An IPv4 address in the last 32 bits: RFC 6052, RFC 2765, and what RFC 4291 has given up.
_HOLDING_IPV4 = [ip_network(each) for each in ("64:ff9b::/96", "::ffff:0:0:0/96", "::/96")]
# RFC 8215: what gateways of one's own network make of an IPv4 address, in a form of their own.
_OWN_GATEWAYS = ip_network("64:ff9b:1::/48")
# Where clouds tell a machine its own secrets; the other one is link-local.
_METADATA = ip_address("fd00:ec2::254")


class OutOfReach(Exception):
    """This address is not written to; the message says why, for who gave it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """`allows_private` is for who runs receivers in their own network. Never link-local."""

    allows_http: bool = False
    allows_private: bool = False

    def check(self, url: str) -> SplitResult:
        """The parts of a URL that may be written to, as far as can be told without asking DNS."""
        try:
            parts = urlsplit(url)
            host, _port = parts.hostname, parts.port
        except ValueError as broken:
            raise OutOfReach("This is not a web address.") from broken
        if not host or len(url) > URL_LENGTH or not _is_plain(url):
            raise OutOfReach("This is not a web address; write other letters as xn-- and %.")
        if parts.scheme not in (DEFAULT_PORTS if self.allows_http else {"https"}):
            raise OutOfReach("Only https:// addresses are written to.")
        if parts.username or parts.password or parts.fragment:
            raise OutOfReach("The address must hold neither a password nor a fragment.")
        if literal := _literal(host):
            self._judge(literal)
        elif host.rstrip(".").endswith("localhost"):
            self._judge(ip_address("127.0.0.1"))
        return parts

    def resolve(self, host: str, port: int) -> str:
        """An address of `host` to connect to. Raises `OutOfReach` if any of them is off limits."""
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as unknown:
            raise OutOfReach(f"The name {host} is not known.") from unknown
        addresses = [str(entry[4][0]).partition("%")[0] for entry in found]
        for address in addresses:
            self._judge(ip_address(address))
        return addresses[0]

    def _judge(self, address: Address) -> None:
        for each in _meant_by(address):
            is_own = not each.is_global or each in _OWN_GATEWAYS
            if _is_never_meant(each) or (is_own and not self.allows_private):
                raise OutOfReach("This address is not on the public internet.")


def _is_plain(url: str) -> bool:
    return all("!" <= char <= "~" and char != "\\" for char in url)


def _literal(host: str) -> Address | None:
    try:
        return ip_address(host)
    except ValueError:
        return None


def _meant_by(address: Address) -> list[Address]:
    """The address, and the one that a gateway would make of it."""
    if isinstance(address, IPv4Address):
        return [address]
    teredo = address.teredo[1] if address.teredo else None
    holds_another = any(address in network for network in _HOLDING_IPV4)
    inside = IPv4Address(int(address) & 0xFFFFFFFF) if holds_another else None
    hidden = [address.ipv4_mapped, address.sixtofour, teredo, inside]
    if address.ipv4_mapped:
        return [address.ipv4_mapped]
    return [address, *(each for each in hidden if each)]


def _is_never_meant(address: Address) -> bool:
    return (
        address.is_link_local
        or address.is_multicast
        or address.is_unspecified
        or address == _METADATA
        or (isinstance(address, IPv6Address) and address.is_site_local)
        or address == IPv4Address("255.255.255.255")
    )
