"""Protects everybody from those who ask too often, and those who don't from being taken for them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from fakeredis import TcpFakeServer
from flask import Flask
from limits import parse
from structlog.testing import capture_logs

from blueprints.edge import addresses, limits
from blueprints.edge.addresses import client_address, networks_of
from blueprints.edge.house import House
from blueprints.edge.limits import COUNTS_MAX, FREE, LIMITS, Counting, Limits, LocalCounts
from models.residents import Role
from rules.clock import utc_now
from rules.residents.tokens import Owner, issue_access_token
from settings import read_settings
from tests.build import ApiClient, Person, TownBuilder
from tests.edge.helpers import open_at, problem_of, scan

CODE = "request.too_many"
SOMEBODY = "203.0.113.7"
SOMEBODY_ELSE = "203.0.113.8"
Limiting = Callable[..., None]


@pytest.fixture
def limit(app: Flask, house: House, monkeypatch: pytest.MonkeyPatch) -> Limiting:
    """Set limits for this test, none but those that it names."""

    def set_limits(**settings: Any) -> None:
        monkeypatch.setitem(app.extensions, LIMITS, Limits(replace(house.settings, **settings)))

    return set_limits


def visit(api: ApiClient, address: str = SOMEBODY, path: str = "/communities", **options: Any) -> int:
    return api.call("GET", path, environ_overrides={"REMOTE_ADDR": address}, **options).status_code


# Who is counted


def test_a_resident_who_asks_too_often_is_told_when_to_come_back(
    town: TownBuilder, api: ApiClient, limit: Limiting
) -> None:
    limit(rate_caller="3/minute")
    me, neighbour = api.as_(town.resident()), api.as_(town.resident())
    assert [me.get("/me").status_code for _ in range(3)] == [200] * 3
    refused = me.get("/me")
    problem_of(refused, 429, CODE)
    assert 1 <= int(refused.headers["Retry-After"]) <= 60
    assert refused.headers["RateLimit-Policy"] == '"caller";q=3;w=60'
    assert refused.headers["RateLimit"] == f'"caller";r=0;t={refused.headers["Retry-After"]}'
    assert neighbour.get("/me").status_code == 200


def test_a_resident_is_one_over_all_devices_and_a_device_of_staff_is_one(
    town: TownBuilder, api: ApiClient, limit: Limiting
) -> None:
    limit(rate_caller="2/minute")
    resident, staff = town.resident(), town.staff(Role.SCANNER)
    devices = [api.as_(resident), api.with_token(token_of_a_second_device(town, resident))]
    assert [devices[n % 2].get("/communities").status_code for n in range(3)] == [200, 200, 429]
    first = api.as_(staff)
    assert [first.get("/communities").status_code for _ in range(3)] == [200, 200, 429]
    from_another_device = api.with_token(token_of_a_second_device(town, staff))
    assert from_another_device.get("/communities").status_code == 200


def token_of_a_second_device(town: TownBuilder, staff: Person) -> str:
    owner = Owner(staff.kind, town.id, staff.id, 1)
    return issue_access_token(town.house.keys, owner, utc_now() - timedelta(seconds=5))


def test_writes_are_counted_once_more(town: TownBuilder, api: ApiClient, limit: Limiting) -> None:
    limit(rate_caller="100/minute", rate_writes="2/minute")
    me = api.as_(town.resident())
    before = [me.call("PATCH", "/me", {"name": f"第{n}名"}).status_code for n in range(3)]
    assert before == [200, 200, 429]
    assert me.get("/me").json["name"] == "第1名"


def test_who_is_not_signed_in_is_counted_by_address(api: ApiClient, limit: Limiting) -> None:
    limit(rate_visitor="2/minute")
    assert [visit(api) for _ in range(3)] == [200, 200, 429]
    assert visit(api, SOMEBODY_ELSE) == 200


def test_a_token_that_is_none_is_no_way_around_the_address(api: ApiClient, limit: Limiting) -> None:
    limit(rate_visitor="2/minute", rate_caller="1000/minute")
    forged = [visit(api, path="/me", headers={"Authorization": f"Bearer e30.e30.{n}"}) for n in range(3)]
    assert forged == [401, 401, 429]


def test_passwords_are_tried_so_often_from_one_address(api: ApiClient, limit: Limiting) -> None:
    limit(rate_passwords="2/minute")
    tries = [
        api.call(
            "POST",
            "/auth/staff",
            {"username": f"nobody-{n}", "password": "a guess"},
            environ_overrides={"REMOTE_ADDR": SOMEBODY},
        ).status_code
        for n in range(3)
    ]
    assert tries == [401, 401, 429]
    assert visit(api) == 200


def test_a_token_that_is_sent_along_is_no_way_around_the_limit_of_passwords(
    town: TownBuilder, api: ApiClient, limit: Limiting
) -> None:
    limit(rate_passwords="2/minute", rate_visitor="1/minute")
    tries = [
        api.call(
            "POST",
            "/auth/staff",
            {"username": f"nobody-{n}", "password": "a guess"},
            headers={"Authorization": f"Bearer {token_of_a_second_device(town, town.resident())}"},
            environ_overrides={"REMOTE_ADDR": SOMEBODY},
        ).status_code
        for n in range(3)
    ]
    assert tries == [401, 401, 429]


def test_addresses_that_lead_nowhere_are_counted_too(app: Flask, limit: Limiting) -> None:
    limit(rate_visitor="2/minute")
    found = [open_at(app, f"/guess-{n}", environ_overrides={"REMOTE_ADDR": SOMEBODY}).status_code for n in range(3)]
    assert found == [404, 404, 429]


# Who is not


def test_the_queue_at_the_door_and_machines_are_not_counted(
    app: Flask, town: TownBuilder, api: ApiClient, limit: Limiting
) -> None:
    limit(rate_visitor="1/minute", rate_caller="1/minute", rate_writes="1/minute")
    scanner, session_id = api.as_(town.staff(Role.SCANNER)), town.session()
    assert [scan(scanner, session_id, "no code").status_code for _ in range(4)] == [200] * 4
    for path in ("/healthz", "/readyz"):
        asked = [open_at(app, path, environ_overrides={"REMOTE_ADDR": SOMEBODY}).status_code for _ in range(3)]
        assert asked == [200] * 3


def test_every_route_that_is_free_exists(app: Flask) -> None:
    assert set(app.view_functions) >= FREE
    assert limits.PASSWORDS in app.view_functions


def test_this_very_machine_has_no_address_to_be_counted_by(api: ApiClient, limit: Limiting) -> None:
    limit(rate_visitor="1/minute")
    assert [visit(api, "127.0.0.1") for _ in range(3)] == [200] * 3


def test_the_limits_that_nobody_sets_are_met_by_no_honest_user(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("RATE_VISITOR", "RATE_CALLER", "RATE_WRITES", "RATE_PASSWORDS", "REDIS_URL"):
        monkeypatch.delenv(name, raising=False)
    settings = read_settings()
    per_second = {
        name: item.amount / item.get_expiry()
        for name in ("rate_visitor", "rate_caller", "rate_writes", "rate_passwords")
        for item in [parse(getattr(settings, name))]
    }
    # A hall of 500 phones behind one address, each with five requests within a minute before it is signed in.
    assert per_second["rate_visitor"] >= 500 * 5 / 60
    # A screen a second with three requests each; a deed every other second; an office that signs in at nine.
    assert per_second["rate_caller"] >= 3
    assert per_second["rate_writes"] >= 0.5
    assert per_second["rate_passwords"] * 60 >= 20


# By which address


TRUSTED = networks_of("10.0.0.0/8,127.0.0.0/8,::1/128")


@pytest.mark.parametrize(
    ("peer", "forwarded_for", "address"),
    [
        (SOMEBODY, "", SOMEBODY),
        (SOMEBODY, "198.51.100.1", SOMEBODY),
        ("10.0.0.1", SOMEBODY, SOMEBODY),
        ("10.0.0.1", f"198.51.100.1, {SOMEBODY}", SOMEBODY),
        ("10.0.0.1", f"198.51.100.1, {SOMEBODY}, 10.0.0.2", SOMEBODY),
        ("10.0.0.1", "10.0.0.9", "10.0.0.9"),
        ("10.0.0.1", "", "10.0.0.1"),
        ("10.0.0.1", "nonsense", "10.0.0.1"),
        ("10.0.0.1", f"{SOMEBODY}, nonsense, 10.0.0.2", "10.0.0.2"),
        ("127.0.0.1", SOMEBODY, SOMEBODY),
        ("127.0.0.1", "", None),
        ("::1", "", None),
        ("", "", None),
        ("::ffff:203.0.113.7", "", SOMEBODY),
        ("2001:db8:1:2:3:4:5:6", "", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:ffff::1", "", "2001:db8:1:2::/64"),
    ],
)
def test_a_header_is_believed_as_far_as_trusted_proxies_wrote_it(
    peer: str, forwarded_for: str, address: str | None
) -> None:
    assert client_address(peer, forwarded_for, TRUSTED) == address


def test_long_headers_are_not_kept() -> None:
    before = addresses._client_address.cache_info().currsize
    for n in range(3):
        assert client_address("10.0.0.1", f"{'x' * 9_000}{n}, {SOMEBODY}", TRUSTED) == SOMEBODY
    assert addresses._client_address.cache_info().currsize == before


def test_nobody_escapes_by_telling_another_address(api: ApiClient, limit: Limiting) -> None:
    limit(rate_visitor="2/minute")
    told = [visit(api, headers={"X-Forwarded-For": f"198.51.100.{n}"}) for n in range(3)]
    assert told == [200, 200, 429]


def test_behind_a_trusted_proxy_each_caller_is_counted_alone(api: ApiClient, limit: Limiting) -> None:
    limit(rate_visitor="1/minute", trusted_proxies="10.0.0.0/8")
    of_each = [visit(api, "10.0.0.1", headers={"X-Forwarded-For": f"198.51.100.{n}"}) for n in range(3)]
    assert of_each == [200] * 3
    assert visit(api, "10.0.0.1", headers={"X-Forwarded-For": "198.51.100.1"}) == 429


# How they are counted


def test_a_process_counts_so_many_callers_at_a_time() -> None:
    counts = LocalCounts()
    for n in range(COUNTS_MAX + 10):
        counts.incr(f"caller {n}", 60)
        assert len(counts._counts) <= COUNTS_MAX
        assert counts.get("caller 0") == (n < COUNTS_MAX), "nobody is forgotten while there is room"
    assert counts.incr(f"caller {COUNTS_MAX + 9}", 60) == 2


def test_what_is_over_is_forgotten_long_before_a_process_counts_the_most_it_may(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = [100.0]
    monkeypatch.setattr(limits.time, "monotonic", lambda: now[0])
    counts, most = LocalCounts(), 0
    for n in range(COUNTS_MAX):
        now[0] += 0.1
        counts.incr(f"caller {n}", 60)
        most = max(most, len(counts._counts))
    assert 600 <= most <= 1_200, "in a minute 600 come"


def test_a_window_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr(limits.time, "monotonic", lambda: now[0])
    counting, item = Counting(""), parse("1/minute")
    assert counting.count(item, "me").is_within
    assert not counting.count(item, "me").is_within
    now[0] += 59.9
    assert not counting.count(item, "me").is_within
    now[0] += 0.2
    assert counting.count(item, "me").is_within


def test_many_threads_count_right() -> None:
    counts = LocalCounts()
    threads = [threading.Thread(target=lambda: [counts.incr("me", 60) for _ in range(500)]) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert counts.get("me") == 4000


class Redis:
    """A server that speaks Redis' protocol, and can be stopped."""

    def __init__(self) -> None:
        self.server = self._start(0)
        self.port: int = self.server.server_address[1]

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def _start(self, port: int) -> Any:
        server = TcpFakeServer(("127.0.0.1", port), server_type="redis")
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        return server

    def stop(self) -> None:
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def redis_server() -> Iterator[Redis]:
    server = Redis()
    yield server
    server.stop()


def test_processes_that_share_a_redis_count_together(redis_server: Redis) -> None:
    processes, item = [Counting(redis_server.url) for _ in range(3)], parse("5/minute")
    verdicts = [processes[n % 3].count(item, "me") for n in range(7)]
    assert [verdict.is_within for verdict in verdicts] == [True] * 5 + [False] * 2
    assert all(1 <= verdict.retry_seconds <= 60 for verdict in verdicts[5:])
    assert processes[0].count(item, "somebody else").is_within


def test_a_count_in_redis_that_has_no_end_gets_one(redis_server: Redis) -> None:
    shared, item = limits.SharedCounts(redis_server.url), parse("5/minute")
    name = shared.prefixed_key(item.key_for("me"))
    shared.storage.set(name, 9)
    assert shared.incr(item.key_for("me"), item.get_expiry()) == 10
    assert 0 < shared.storage.ttl(name) <= 60


def test_without_redis_each_process_counts_for_itself_and_says_so_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "REDIS_PAUSE_SECONDS", 0.0)
    alone, item = Counting("redis://127.0.0.1:1/0"), parse("2/minute")
    with capture_logs() as logs:
        verdicts = [alone.count(item, "me").is_within for _ in range(4)]
    assert verdicts == [True, True, False, False]
    assert [line["event"] for line in logs] == ["limits.redis_lost"]
    assert "127.0.0.1" not in repr(logs)


def test_a_redis_that_is_lost_is_left_alone_for_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    counting, item = Counting("redis://127.0.0.1:1/0"), parse("100/minute")
    shared = counting._shared
    assert shared is not None
    hit = shared.hit
    monkeypatch.setattr(shared, "hit", lambda *whom: asked.append(whom) or hit(*whom))
    for _ in range(20):
        assert counting.count(item, "me").is_within
    assert len(asked) == 1


def test_a_redis_that_comes_back_is_asked_again(redis_server: Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "REDIS_PAUSE_SECONDS", 0.0)
    counting, item = Counting(redis_server.url), parse("1/minute")
    shared = counting._shared
    assert shared is not None
    counting._is_lost = True
    with capture_logs() as logs:
        assert counting.count(item, "me").is_within
    assert [line["event"] for line in logs] == ["limits.redis_back"]
    assert shared.get_window_stats(item, "me").remaining == 0
