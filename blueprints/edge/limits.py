"""How often one may ask: limits that no honest user meets and a script does.

Each request is counted once, for whoever can be told best: a resident by who they are, over all their devices; staff by
the token of their device, because a team may share an account; everybody else by their address. Their writes are counted
once more, and tries of a password by address. Not counted: scans at the door and what machines ask, because a queue of
people, a balancer and WeChat are no scripts. Which limits there are says Limits; how high they are, the settings.

Counts are of fixed windows. They are kept by each process, or by all of them in Redis where REDIS_URL is set. While Redis
doesn't answer each process counts for itself: a limit is a hedge, no wall, and losing it must not close the house.
"""

from __future__ import annotations

import hashlib
import threading
import time
from dataclasses import dataclass
from itertools import islice
from typing import Any

import redis
import structlog
from flask import Flask, Response
from flask.globals import request_ctx
from limits import RateLimitItem, parse
from limits.storage import RedisStorage, Storage
from limits.strategies import FixedWindowRateLimiter
from prometheus_client import Counter
from redis.backoff import NoBackoff
from redis.retry import Retry

from blueprints.edge.addresses import client_address, networks_of
from blueprints.edge.house import house
from blueprints.edge.problems import refusal_problem
from rules.errors import Kind, RuleError
from rules.residents.tokens import Owner, read_access_token
from rules.work import ActorKind
from settings import Settings

LIMITS = "binfen.limits"  #: the application's extension that holds its limits
#: What is never counted.
FREE = frozenset(
    {
        "checkins.scan",
        "offline_checkins.upload_scans",
        "system.show_health",
        "system.show_readiness",
        "system.show_metrics",
        "wechat.greet_wechat",
        "wechat.take_push",
    }
)
PASSWORDS = "residents.sign_in_as_staff"
READS = frozenset({"GET", "HEAD", "OPTIONS"})
COUNTS_MAX = 20_000  #: callers that a process counts at a time; about 5 MB
COUNTS_FEW = 1_000  #: so many are kept though some of them are over
REDIS_SECONDS_MAX = 0.2  #: how long one count may take
REDIS_PAUSE_SECONDS = 5.0  #: how long Redis is left alone once it didn't answer

LIMITED = Counter("binfen_rate_limited_total", "Requests that came too soon after others.", ["limit"])

log = structlog.get_logger("binfen")


class TooManyRequests(RuleError):
    code = "request.too_many"
    kind = Kind.TOO_MANY
    zh = "操作过于频繁，请在 {retry_seconds} 秒后再试。"
    en = "Too many requests. Please try again in {retry_seconds} seconds."


class LocalCounts(Storage):
    """Counts of one process.

    Those that are over are forgotten whenever there are twice as many as were left the last time. Of those that aren't,
    the oldest half is forgotten when there are COUNTS_MAX, and none before.
    """

    STORAGE_SCHEME = ["binfen-local"]  # noqa: RUF012  the library's own form

    def __init__(self) -> None:
        super().__init__()
        self._counts: dict[str, list[float]] = {}  #: how many, and until when on the monotonic clock
        self._room = COUNTS_FEW  #: for so many, before some are forgotten
        self._lock = threading.Lock()

    def incr(self, key: str, expiry: int, amount: int = 1) -> int:
        now = time.monotonic()
        with self._lock:
            count = self._counts.get(key)
            if count is not None and count[1] > now:
                count[0] += amount
                return int(count[0])
            if len(self._counts) >= self._room:
                self._forget(now)
            self._counts.pop(key, None)
            self._counts[key] = [amount, now + expiry]
            return amount

    def get(self, key: str) -> int:
        count = self._counts.get(key)
        return int(count[0]) if count is not None and count[1] > time.monotonic() else 0

    def get_expiry(self, key: str) -> float:
        count = self._counts.get(key)
        return time.time() + (max(count[1] - time.monotonic(), 0.0) if count is not None else 0.0)

    def _forget(self, now: float) -> None:
        left = {key: count for key, count in self._counts.items() if count[1] > now}
        if len(left) > COUNTS_MAX - COUNTS_FEW:
            for key in list(islice(left, len(left) - COUNTS_MAX // 2)):
                del left[key]
        self._counts, self._room = left, min(max(2 * len(left), COUNTS_FEW), COUNTS_MAX)

    def check(self) -> bool:
        return True

    def reset(self) -> int | None:
        forgotten = len(self._counts)
        self._counts, self._room = {}, COUNTS_FEW
        return forgotten

    def clear(self, key: str) -> None:
        self._counts.pop(key, None)

    @property
    def base_exceptions(self) -> type[Exception]:
        return ValueError


class SharedCounts(RedisStorage):
    """Counts of all processes, in Redis; without scripts, so that every kind of Redis will do."""

    STORAGE_SCHEME = ["binfen-redis"]  # noqa: RUF012

    def __init__(self, url: str) -> None:
        waits: dict[str, Any] = {
            "socket_timeout": REDIS_SECONDS_MAX,
            "socket_connect_timeout": REDIS_SECONDS_MAX,
            "retry": Retry(NoBackoff(), 0),
        }
        super().__init__(url, key_prefix="binfen", **waits)

    def incr(self, key: str, expiry: int, amount: int = 1) -> int:
        name = self.prefixed_key(key)
        with self.storage.pipeline(transaction=True) as pipeline:
            pipeline.set(name, 0, ex=expiry, nx=True)
            pipeline.incrby(name, amount)
            pipeline.ttl(name)
            _, count, seconds_left = pipeline.execute()
        if seconds_left < 0:  # it ended between the first command and the second: a count without an end never ends
            self.storage.expire(name, expiry)
        return int(count)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What came of a count."""

    is_within: bool
    retry_seconds: int  #: when the window ends; 0 within the limit


class Counting:
    """Counts in Redis if there is one and it answers, else in this process."""

    def __init__(self, redis_url: str) -> None:
        self._local = FixedWindowRateLimiter(LocalCounts())
        self._shared = FixedWindowRateLimiter(SharedCounts(redis_url)) if redis_url else None
        self._is_lost = False
        self._alone_until = 0.0

    def count(self, item: RateLimitItem, whom: str) -> Verdict:
        """Count a request of somebody."""
        if self._shared is not None and time.monotonic() >= self._alone_until:
            try:
                verdict = _count(self._shared, item, whom)
            except redis.RedisError as error:
                self._alone_until = time.monotonic() + REDIS_PAUSE_SECONDS
                if not self._is_lost:
                    self._is_lost = True
                    log.warning("limits.redis_lost", error=type(error).__name__)
            else:
                if self._is_lost:
                    self._is_lost = False
                    log.info("limits.redis_back")
                return verdict
        return _count(self._local, item, whom)


def _count(limiter: FixedWindowRateLimiter, item: RateLimitItem, whom: str) -> Verdict:
    if limiter.hit(item, whom):
        return Verdict(True, 0)
    reset = limiter.get_window_stats(item, whom).reset_time
    return Verdict(False, min(max(1, round(reset - time.time())), item.get_expiry()))


class Limits:
    """The limits of a deployment; one whose setting is empty isn't there."""

    def __init__(self, settings: Settings) -> None:
        self._counting = Counting(settings.redis_url)
        self._trusted = networks_of(settings.trusted_proxies)
        self._items = {
            "visitor": _parsed("visitor", settings.rate_visitor),
            "caller": _parsed("caller", settings.rate_caller),
            "writes": _parsed("writes", settings.rate_writes),
            "passwords": _parsed("passwords", settings.rate_passwords),
        }

    def check_request(self) -> None:
        """Count the request that is being answered. Raises TooManyRequests."""
        asked = request_ctx.request
        if asked.endpoint in FREE:
            return
        caller = _caller(asked.environ.get("HTTP_AUTHORIZATION", ""))
        if caller is not None:
            self._check("caller", caller)
            if asked.method not in READS:
                self._check("writes", caller)
            if asked.endpoint != PASSWORDS:
                return
        forwarded_for = asked.environ.get("HTTP_X_FORWARDED_FOR", "")
        address = client_address(asked.remote_addr or "", forwarded_for, self._trusted)
        if address is None:
            return
        if caller is None:
            self._check("visitor", address)
        if asked.endpoint == PASSWORDS:  # whoever sends a token along
            self._check("passwords", address)

    def _check(self, name: str, whom: str) -> None:
        item = self._items[name]
        if item is None:
            return
        verdict = self._counting.count(item, whom)
        if not verdict.is_within:
            LIMITED.labels(name).inc()
            raise TooManyRequests(
                limit=name, most=item.amount, seconds=item.get_expiry(), retry_seconds=verdict.retry_seconds
            )


def register_limits(app: Flask, settings: Settings) -> None:
    """Count every request, and say how to come back to those who ask too often."""
    app.extensions[LIMITS] = Limits(settings)

    @app.before_request
    def check_request() -> None:
        app.extensions[LIMITS].check_request()

    app.register_error_handler(TooManyRequests, _too_many)


def _too_many(refusal: TooManyRequests) -> Response:
    response = refusal_problem(refusal)
    name, facts = refusal.facts["limit"], refusal.facts
    # draft-ietf-httpapi-ratelimit-headers
    response.headers["RateLimit-Policy"] = f'"{name}";q={facts["most"]};w={facts["seconds"]}'
    response.headers["RateLimit"] = f'"{name}";r=0;t={facts["retry_seconds"]}'
    return response


def _caller(authorization: str) -> str | None:
    """Who is signed in, as far as the token's signature says; None: nobody. `authorization`: the header."""
    scheme, _, token = authorization.partition(" ")
    if scheme.lower() != "bearer" or not token.isascii():
        return None
    token = token.strip()
    try:
        owner = read_access_token(house().keys, token)
    except RuleError:
        return None
    return _name(owner, token)


def _name(owner: Owner, token: str) -> str:
    if owner.kind is ActorKind.RESIDENT:
        return f"{owner.town_id}:{owner.id}"
    return hashlib.sha256(token.encode()).hexdigest()


def _parsed(name: str, rate: str) -> RateLimitItem | None:
    if not rate:
        return None
    item = parse(rate)
    item.namespace = name
    return item
