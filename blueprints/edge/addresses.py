"""From which address a request comes, as far as that can be believed.

`X-Forwarded-For` is what each proxy adds to; whoever asks can begin it with anything. So it is read from its end, and only
over proxies that the setting TRUSTED_PROXIES names: the first address that isn't one of them is the caller's.
"""

from __future__ import annotations

from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network
#: What one household or one phone gets of IPv6 (RFC 6177); within it a caller has as many addresses as they like.
IPV6_PREFIX_BITS = 64
FORWARDED_KEPT_MAX = 256  #: characters of a header whose answer is kept: whoever asks writes thousands of long ones


def networks_of(written: str) -> tuple[Network, ...]:
    """Networks that were written with commas between them."""
    return tuple(ip_network(network.strip()) for network in written.split(",") if network.strip())


def client_address(peer: str, forwarded_for: str, trusted: tuple[Network, ...]) -> str | None:
    """The caller's address, an IPv6 one as its network; None where it says nothing: this very machine, or no address.

    `peer`: who is connected to the server. `forwarded_for`: the header.
    """
    find = _client_address if len(forwarded_for) <= FORWARDED_KEPT_MAX else _client_address.__wrapped__
    return find(peer, forwarded_for, trusted)


@lru_cache(maxsize=4096)
def _client_address(peer: str, forwarded_for: str, trusted: tuple[Network, ...]) -> str | None:
    found: Address | None = None
    for hop in (peer, *reversed(forwarded_for.split(","))):
        try:
            address = _plain(ip_address(hop.strip()))
        except ValueError:
            break  # what stands before it is hearsay
        found = address
        if not any(address in network for network in trusted):
            break
    if found is None or found.is_loopback:
        return None
    if isinstance(found, IPv6Address):
        return str(IPv6Network((found, IPV6_PREFIX_BITS), strict=False))
    return str(found)


def _plain(address: Address) -> Address:
    """An IPv4 address that is written as an IPv6 one is the IPv4 address."""
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address
