"""One token for all: who fetches it, who waits, and what happens when the holder of the lease is gone."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from cryptography.exceptions import InvalidTag
from sqlalchemy import insert, select

from models.wechat import WechatToken
from rules import wechat_token
from rules.database import connect
from rules.keys import Keys
from rules.wechat_token import LEASE_SECONDS, FetchedToken
from rules.work import SYSTEM, Transactions
from tests.wechat.conftest import SECRET, Clock
from wechat.assembly import make_client
from wechat.client import WechatClient
from wechat.fake import FakeWechat
from wechat.refusals import Misconfigured, WechatBusy
from wechat.token_cache import NO_TOWN, PAUSES_SECONDS, TokenCache

THREADS = 16
PATIENCE_SECONDS = 30  #: a test that waits longer has failed
TOKEN = "/cgi-bin/stable_token"


class Source:
    """Stands for WeChat: every fetch is another token."""

    def __init__(self, expires_in: int = 7200) -> None:
        self.fetches = 0
        self._serial = itertools.count(1)
        self._expires_in = expires_in

    def __call__(self) -> FetchedToken:
        self.fetches += 1
        return FetchedToken(f"token-{next(self._serial)}", self._expires_in)


class Down:
    """WeChat when it doesn't answer."""

    def __init__(self) -> None:
        self.fetches = 0

    def __call__(self) -> FetchedToken:
        self.fetches += 1
        raise WechatBusy


def no_sleep(_seconds: float) -> None:
    """A wait that is over at once."""


@pytest.fixture
def cache(transactions: Transactions, keys: Keys, appid: str) -> TokenCache:
    return TokenCache(transactions, keys, appid, sleep=no_sleep)


@pytest.fixture
def claim(transactions: Transactions, appid: str):
    return lambda: transactions.write(NO_TOWN, SYSTEM, wechat_token.claim_fetch, appid)


def all_at_once(get: Callable[[], str]) -> list[str]:
    with ThreadPoolExecutor(THREADS) as pool:
        return [answer.result(PATIENCE_SECONDS) for answer in [pool.submit(get) for _ in range(THREADS)]]


def test_a_token_is_fetched_once_and_then_read(cache: TokenCache) -> None:
    source = Source()
    assert [cache.get(source) for _ in range(3)] == ["token-1"] * 3
    assert source.fetches == 1


def test_of_many_who_find_no_token_one_fetches_and_the_others_wait_for_it(transactions, keys, appid) -> None:
    source = Source()
    waiting, stored = threading.Semaphore(0), threading.Event()

    def sleep(_seconds: float) -> None:
        waiting.release()
        assert stored.wait(PATIENCE_SECONDS)

    def fetch() -> FetchedToken:
        for _ in range(THREADS - 1):
            assert waiting.acquire(timeout=PATIENCE_SECONDS)
        return source()

    def get() -> str:
        token = cache.get(fetch)
        stored.set()
        return token

    cache = TokenCache(transactions, keys, appid, sleep=sleep)
    assert all_at_once(get) == ["token-1"] * THREADS
    assert source.fetches == 1


def test_without_the_lease_all_of_them_would_fetch(transactions, keys, appid, monkeypatch) -> None:
    """The control arm of the test above: a claim that is always granted."""
    monkeypatch.setattr(wechat_token, "claim_fetch", lambda work, _appid: work.now + timedelta(seconds=LEASE_SECONDS))
    source, everybody = Source(), threading.Barrier(THREADS)

    def fetch() -> FetchedToken:
        everybody.wait(PATIENCE_SECONDS)
        return source()

    cache = TokenCache(transactions, keys, appid, sleep=no_sleep)
    assert len(set(all_at_once(lambda: cache.get(fetch)))) == THREADS


def test_near_the_end_one_fetches_and_the_others_use_the_old_token(transactions, keys, appid, clock: Clock) -> None:
    source = Source()
    others_done = threading.Semaphore(0)

    def fetch() -> FetchedToken:
        for _ in range(THREADS - 1):
            assert others_done.acquire(timeout=PATIENCE_SECONDS)
        return source()

    def get() -> str:
        token = cache.get(fetch)
        others_done.release()
        return token

    def sleep(_seconds: float) -> None:
        pytest.fail("nobody needs to wait while the old token is valid")

    cache = TokenCache(transactions, keys, appid, sleep=sleep)
    cache.get(source)
    clock.advance(seconds=7200 - 300)
    assert sorted(all_at_once(get)) == ["token-1"] * (THREADS - 1) + ["token-2"]
    assert source.fetches == 2
    assert cache.get(source) == "token-2"


def test_a_token_is_refreshed_five_minutes_before_its_end_and_no_earlier(cache: TokenCache, clock: Clock) -> None:
    source = Source()
    cache.get(source)
    clock.advance(seconds=7200 - 301)
    assert cache.get(source) == "token-1"
    clock.advance(seconds=1)
    assert cache.get(source) == "token-2"


def test_whoever_looked_before_another_one_stored_is_not_let_in(cache: TokenCache, claim) -> None:
    cache.get(Source())
    assert claim() is None


def test_a_forgotten_token_is_fetched_anew_once(cache: TokenCache) -> None:
    source = Source()
    refused = cache.get(source)
    cache.forget(refused)
    assert [cache.get(source) for _ in range(3)] == ["token-2"] * 3
    assert source.fetches == 2


def test_many_whose_token_was_refused_forget_it_once(transactions, keys, appid) -> None:
    source, stored = Source(), threading.Event()
    cache = TokenCache(transactions, keys, appid, sleep=lambda _seconds: stored.wait(PATIENCE_SECONDS))
    refused = cache.get(source)

    def forget_and_get() -> str:
        cache.forget(refused)
        token = cache.get(source)
        stored.set()
        return token

    assert all_at_once(forget_and_get) == ["token-2"] * THREADS
    assert source.fetches == 2


def test_an_older_token_that_was_refused_leaves_the_newer_one_alone(cache: TokenCache) -> None:
    source = Source()
    cache.forget("never seen")
    old = cache.get(source)
    cache.forget(old)
    cache.get(source)
    cache.forget(old)
    assert cache.get(source) == "token-2"


def test_a_holder_that_crashed_blocks_the_others_only_until_its_lease_is_over(cache, claim, clock) -> None:
    assert claim() is not None
    with pytest.raises(WechatBusy):
        cache.get(Source())
    clock.advance(seconds=LEASE_SECONDS)
    with pytest.raises(WechatBusy):
        cache.get(Source())
    clock.advance(microseconds=1)
    assert cache.get(Source()) == "token-1"


def test_the_wait_for_another_one_is_bounded(transactions, keys, appid, claim) -> None:
    waits: list[float] = []
    claim()
    with pytest.raises(WechatBusy):
        TokenCache(transactions, keys, appid, sleep=waits.append).get(Source())
    assert tuple(waits) == PAUSES_SECONDS
    assert sum(waits) <= 3


def test_a_wait_ends_when_the_holder_stores_even_at_the_last_look(transactions, keys, appid, claim) -> None:
    lease, waits = claim(), []

    def sleep(seconds: float) -> None:
        waits.append(seconds)
        if len(waits) == len(PAUSES_SECONDS):
            fetched = FetchedToken("the holder's", 7200)
            transactions.write(NO_TOWN, SYSTEM, wechat_token.store_token, keys, appid, lease, fetched)

    source = Source()
    assert TokenCache(transactions, keys, appid, sleep=sleep).get(source) == "the holder's"
    assert source.fetches == 0


def test_a_holder_that_was_overtaken_stores_nothing_over_the_next_one_s_token(cache, claim, clock) -> None:
    source = Source()

    def slow() -> FetchedToken:
        clock.advance(seconds=LEASE_SECONDS + 1)
        assert cache.get(source) == "token-1"
        return FetchedToken("slow", 7200)

    assert cache.get(slow) == "slow"
    assert cache.get(source) == "token-1"


def test_while_wechat_is_down_the_old_token_serves_to_its_end(cache, clock) -> None:
    down = Down()
    cache.get(Source())
    clock.advance(seconds=7200 - 300)
    assert [cache.get(down) for _ in range(5)] == ["token-1"] * 5
    assert down.fetches == 1, "a failed fetch keeps its lease"
    clock.advance(seconds=299)
    assert cache.get(down) == "token-1"
    assert down.fetches == 2
    clock.advance(seconds=1)
    with pytest.raises(WechatBusy):
        cache.get(down)


def test_a_failed_fetch_without_an_old_token_tells_why_and_is_tried_again_after_its_lease(cache, clock) -> None:
    def refuse() -> FetchedToken:
        raise Misconfigured

    source = Source()
    with pytest.raises(Misconfigured):
        cache.get(refuse)
    with pytest.raises(WechatBusy):
        cache.get(source)
    clock.advance(seconds=LEASE_SECONDS + 1)
    assert cache.get(source) == "token-1"


def test_no_transaction_is_open_while_wechat_is_asked(cache: TokenCache, transactions: Transactions) -> None:
    def fetch() -> FetchedToken:
        assert transactions.engine.pool.checkedout() == 0
        return FetchedToken("token-1", 7200)

    assert cache.get(fetch) == "token-1"


def test_the_token_is_sealed_and_can_be_opened_in_its_own_row_only(cache, transactions, keys, appid) -> None:
    cache.get(Source())
    find = select(WechatToken.token_sealed, WechatToken.expires_at).where(WechatToken.appid == appid)
    row = transactions.read(NO_TOWN, SYSTEM, lambda work: work.db.execute(find).one())
    assert b"token-1" not in row.token_sealed
    other = {"appid": f"{appid}-other", "token_sealed": row.token_sealed, "expires_at": row.expires_at}
    transactions.write(NO_TOWN, SYSTEM, lambda work: work.db.execute(insert(WechatToken), other))
    with pytest.raises(InvalidTag):
        TokenCache(transactions, keys, other["appid"], sleep=no_sleep).get(Source())


def test_each_mini_program_has_its_own_token(transactions, keys, appid) -> None:
    source = Source()
    ours, theirs = (TokenCache(transactions, keys, f"{appid}-{n}", sleep=no_sleep) for n in range(2))
    assert (ours.get(source), theirs.get(source)) == ("token-1", "token-2")
    ours.forget("token-1")
    assert (ours.get(source), theirs.get(source)) == ("token-3", "token-2")


def test_a_token_does_not_show_itself() -> None:
    assert "token-1" not in repr(FetchedToken("token-1", 7200)) + repr(wechat_token.CachedToken("token-1", False))


def test_two_clients_on_two_pools_share_one_token_of_the_fake(transactions, keys, appid, fake, clock) -> None:
    engine = connect(transactions.engine.url.render_as_string(hide_password=False))
    elsewhere = Transactions(engine, clock=clock)

    def client_on(some: Transactions) -> WechatClient:
        cache = TokenCache(some, keys, appid, sleep=no_sleep)
        return WechatClient(appid=appid, secret=SECRET, token_cache=cache, transport=fake.transport())

    first, second = client_on(transactions), client_on(elsewhere)
    token = first.access_token()
    assert second.access_token() == token
    assert fake.calls == {TOKEN: 1}
    clock.advance(seconds=6900)
    renewed = second.access_token()
    assert first.access_token() == renewed != token
    first.forget_token(renewed)
    assert second.access_token() == renewed, "WeChat's stable token is the same until it ends"
    assert fake.calls == {TOKEN: 3}
    engine.dispose()


def test_a_deployment_with_the_fake_signs_in_and_gets_a_token(database, keys, appid) -> None:
    client = make_client(mode_is_fake=True, appid=appid, secret="", transactions=database, keys=keys)
    assert client.openid_of("demo:resident-00001") == "resident-00001"
    assert client.access_token() == client.access_token()
    assert isinstance(client, WechatClient)


def test_a_fake_is_one_mini_program(appid: str, clock: Clock, cache: TokenCache) -> None:
    other = FakeWechat(appid="wx-other", secret=SECRET, clock=clock)
    client = WechatClient(appid=appid, secret=SECRET, token_cache=cache, transport=other.transport())
    with pytest.raises(Misconfigured):
        client.access_token()


def test_the_fakes_of_a_deployment_s_processes_take_one_another_s_token(transactions, keys, appid) -> None:
    def process() -> WechatClient:
        return make_client(mode_is_fake=True, appid=appid, secret=SECRET, transactions=transactions, keys=keys)

    one, another = process(), process()
    token = one.access_token()
    for client in (another, one):
        client.make_link("pages/activity", "scene=a", 1)
        assert client.access_token() == token
    stranger = FakeWechat(appid=appid, secret=SECRET)
    stranger.share_tokens(b"another deployment's")
    client = WechatClient(
        appid=appid, secret=SECRET, token_cache=TokenCache(transactions, keys, appid), transport=stranger.transport()
    )
    client.make_link("pages/activity", "scene=a", 1)
    assert (stranger.calls["/wxa/generate_urllink"], client.access_token() != token) == (2, True)
