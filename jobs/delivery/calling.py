"""A POST to an address that somebody outside of the house has named.

The name is looked up here, every address that it leads to is judged, and the connection is made to just that address: a
name that leads elsewhere a moment later changes nothing. No redirect is followed, no proxy of the environment is
asked, nothing that is answered is read but its status, and all of it ends with TOTAL_SECONDS, however slowly the other
side, or whoever knows its name, talks: a batch of calls has to be through before its lease ends.
"""

from __future__ import annotations

import http.client
import socket
import ssl
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from functools import lru_cache
from typing import Any
from urllib.parse import SplitResult, urlsplit

import certifi

from rules.monitor.addresses import is_callable_url, is_public

LOOK_UP_SECONDS = 3.0
CONNECT_SECONDS = 3.0
TOTAL_SECONDS = 8.0
ADDRESSES_MAX = 2  #: of one name, that are tried
PORTS = {"https": 443, "http": 80}


class CallFailed(Exception):
    """Nobody answered, or nobody may be asked."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason  #: in a word, for staff


def post(
    url: str,
    body: bytes,
    headers: Mapping[str, str],
    *,
    private_allowed: bool = False,
    context: ssl.SSLContext | None = None,
) -> int:
    """Send a body, and return the status of the answer. Raises CallFailed.

    `private_allowed`: also to http and to addresses that aren't public. `context`: whose certificates are good.
    """
    if not is_callable_url(url, private_allowed=private_allowed):
        raise CallFailed("url_invalid")
    parts, ends_at = urlsplit(url), time.monotonic() + TOTAL_SECONDS
    try:
        channel = _connect(parts, private_allowed, ends_at)
    except TimeoutError:
        raise CallFailed("timeout") from None
    except OSError:
        raise CallFailed("unreachable") from None
    line = _Line(channel)
    watch = threading.Timer(max(ends_at - time.monotonic(), 0), line.hang_up)
    watch.daemon = True
    watch.start()
    try:
        if parts.scheme == "https":
            line.secure(context or _own_context(), str(parts.hostname))
        status = _ask(line.channel, parts, body, headers)
    except ssl.SSLCertVerificationError:
        raise CallFailed("certificate") from None
    except (OSError, ValueError, http.client.HTTPException) as error:
        is_late = isinstance(error, TimeoutError) or line.is_hung_up
        raise CallFailed("timeout" if is_late else "broken_off") from None
    finally:
        watch.cancel()
        line.channel.close()
    if line.is_hung_up:
        raise CallFailed("timeout")
    return status


class _Line:
    """A connection that another thread may hang up, also in the middle of the handshake."""

    def __init__(self, channel: socket.socket) -> None:
        self.channel = channel
        self.is_hung_up = False

    def secure(self, context: ssl.SSLContext, host: str) -> None:
        secured = context.wrap_socket(self.channel, server_hostname=host, do_handshake_on_connect=False)
        self.channel = secured
        if self.is_hung_up:  # in between
            raise TimeoutError
        secured.do_handshake()

    def hang_up(self) -> None:
        self.is_hung_up = True
        with suppress(OSError):  # the socket's own way: that of a secured one lets it go on in the clear
            socket.socket.shutdown(self.channel, socket.SHUT_RDWR)


def _connect(parts: SplitResult, private_allowed: bool, ends_at: float) -> socket.socket:
    """A connection to an address that was judged."""
    assert parts.hostname is not None, "the address was read before"
    port = parts.port or PORTS[parts.scheme]
    found = _look_up(parts.hostname, port, ends_at)
    if not private_allowed and not all(is_public(str(address[0])) for *_, address in found):
        raise CallFailed("address_not_public")
    failure: OSError = OSError()
    for family, kind, protocol, _, address in found[:ADDRESSES_MAX]:
        seconds = _at_most(CONNECT_SECONDS, ends_at)
        channel = socket.socket(family, kind, protocol)
        channel.settimeout(seconds)
        try:
            channel.connect(address)
        except OSError as error:
            channel.close()
            failure = error
            continue
        channel.settimeout(TOTAL_SECONDS)
        return channel
    raise failure


def _look_up(host: str, port: int, ends_at: float) -> list[Any]:
    """What a name leads to. The system's resolver can't be told when to end, so it is left alone when it takes too long."""
    found: list[Any] = []

    def look() -> None:
        with suppress(OSError, UnicodeError):
            found.extend(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))

    looking = threading.Thread(target=look, name="webhook-name", daemon=True)
    looking.start()
    looking.join(_at_most(LOOK_UP_SECONDS, ends_at))
    if looking.is_alive():
        raise TimeoutError
    if not found:
        raise CallFailed("name_unknown")
    return found


def _at_most(seconds: float, ends_at: float) -> float:
    """So many seconds, or what is left of the call. Raises TimeoutError when nothing is."""
    left = ends_at - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return min(seconds, left)


def _ask(channel: socket.socket, parts: SplitResult, body: bytes, headers: Mapping[str, str]) -> int:
    connection = http.client.HTTPConnection(str(parts.hostname))
    connection.sock = channel
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    connection.request("POST", path, body, {"Host": parts.netloc, "Connection": "close", **headers})
    with connection.getresponse() as answer:
        return answer.status


@lru_cache(maxsize=1)
def _own_context() -> ssl.SSLContext:
    return ssl.create_default_context(cafile=certifi.where())
