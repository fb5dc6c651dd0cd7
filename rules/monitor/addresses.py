"""Which addresses may be called from inside the house: public ones, so that nobody has us call our own neighbours.

An address that stands for another one (IPv4 in IPv6, 6to4, NAT64) is judged by that one. What is looked at here in a
name's stead is looked at again when a connection is made (`jobs.delivery.calling`): a name can lead elsewhere by then.
"""

from __future__ import annotations

import re
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from urllib.parse import urlsplit

URL_LENGTH_MAX = 500
NAT64 = IPv6Network("64:ff9b::/96")
NAT64_LOCAL = IPv6Network("64:ff9b:1::/48")

_is_plain = re.compile(r"[!-~]+").fullmatch


def is_public(address: str) -> bool:
    """Whether an IP address is one of the public internet."""
    try:
        found = ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if isinstance(found, IPv4Address):
        return _is_public_4(found)
    inner = _inner(found)
    if inner is not None:
        return _is_public_4(inner)
    is_special = found.is_multicast or found.is_site_local or found.teredo is not None or found in NAT64_LOCAL
    return found.is_global and not found.is_reserved and not is_special  # "reserved": also ::127.0.0.1


def is_callable_url(url: str, *, private_allowed: bool) -> bool:
    """Whether an address on the web may be called, as far as it can be told from its words.

    `private_allowed`: also http, and addresses that aren't public.
    """
    if not _is_plain(url) or len(url) > URL_LENGTH_MAX:
        return False
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        return False
    if parts.scheme not in ({"https", "http"} if private_allowed else {"https"}) or not host or port == 0:
        return False
    if parts.username is not None or parts.password is not None or parts.fragment or "\\" in url:
        return False
    return private_allowed or not _is_literal(host) or is_public(host)


def _is_public_4(address: IPv4Address) -> bool:
    return address.is_global and not address.is_multicast and not address.is_reserved


def _inner(address: IPv6Address) -> IPv4Address | None:
    """The IPv4 address that an IPv6 address stands for."""
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address.sixtofour is not None:
        return address.sixtofour
    if address in NAT64:
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return None


def _is_literal(host: str) -> bool:
    """Whether a host is an address, and no name. Digits and dots alone are taken for one, however they are written."""
    return ":" in host or re.fullmatch(r"(0x[0-9a-f]+|[0-9]+)(\.(0x[0-9a-f]+|[0-9]+))*\.?", host) is not None
