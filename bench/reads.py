"""What people look at most: the list of activities, their points, the first page, a search; and the staff's overview.

The list is asked for as a visitor's device asks that has nothing kept. The overview is asked twice: for a moment that
nobody has asked for, so that nothing of the answer is kept, and as the dashboard asks again and again, for now.
"""

from __future__ import annotations

from datetime import timedelta
from itertools import count, cycle
from urllib.parse import urlencode

from bench import floors
from bench.load import Ask, WebArm, answers, get
from bench.town import BenchTown
from rules.clock import utc_now
from rules.work import ActorKind

LIST, POINTS, HOME, SEARCH = "list of 20 activities", "/me/points", "/home, a resident", "/search"  #: names of arms
OVERVIEW_NEW, OVERVIEW = "overview, a new moment", "overview, now"
ACTIVITIES = 20
READERS = 2_000  #: residents who look at their own, in turn
WORDS = ("活动", "瑜伽", "书法", "太极", "社区", "yujia", "hd", "亲子 活动", "讲座", "量子纠缠")
LAG = timedelta(minutes=2)  #: numbers are asked for as of a moment that far back, so that all of it is written


def read_arms(town: BenchTown, address: str) -> list[WebArm]:
    arms = [
        WebArm(LIST, town.size, floors.LIST, address=address, ask=list_asking(town), is_right=is_list),
        WebArm(
            POINTS, town.size, floors.READ, address=address, ask=of_residents(town, "/me/points"), is_right=is_wallet
        ),
        WebArm(HOME, town.size, None, 0.5, address=address, ask=of_residents(town, "/home"), is_right=is_home),
        WebArm(SEARCH, town.size, None, 0.5, address=address, ask=search_asking(town), is_right=is_found),
    ]
    if town.auditor_id is not None:
        for name, ask in ((OVERVIEW_NEW, new_overview_asking(town)), (OVERVIEW, overview_asking(town))):
            arms.append(WebArm(name, town.size, None, 0.1, address=address, ask=ask, is_right=is_overview))
    return arms


def path_of_list(town: BenchTown) -> str:
    return f"/api/v1/activities?town={town.code}&limit={ACTIVITIES}"


def list_asking(town: BenchTown) -> Ask:
    request = get(path_of_list(town))
    return lambda _client: request


def is_list(status: int, body: bytes) -> bool:
    """Whether a page has all its activities. It is looked at, not read: reading it would cost more than the floor does."""
    return status == 200 and body.startswith(b'{"items":[{') and body.count(b'"category":') == ACTIVITIES


def of_residents(town: BenchTown, path: str) -> Ask:
    """What each resident has of their own, of some in turn."""
    readers = cycle(town.residents[:READERS])
    return lambda _client: get(f"/api/v1{path}", town.tokens.of(ActorKind.RESIDENT, next(readers)))


def search_asking(town: BenchTown) -> Ask:
    requests = cycle([get(f"/api/v1/search?{urlencode({'town': town.code, 'q': word})}") for word in WORDS])
    return lambda _client: next(requests)


def overview_asking(town: BenchTown) -> Ask:
    return lambda _client: get("/api/v1/monitor/overview", _auditor(town))


def new_overview_asking(town: BenchTown) -> Ask:
    moments = count(1)

    def ask(_client: int) -> bytes:
        as_of = utc_now() - LAG + timedelta(milliseconds=next(moments))  # later each time, as time goes
        return get(f"/api/v1/monitor/overview?{urlencode({'as_of': as_of.isoformat()})}", _auditor(town))

    return ask


def _auditor(town: BenchTown) -> str:
    assert town.auditor_id is not None
    return town.tokens.of(ActorKind.STAFF, town.auditor_id)


is_wallet = answers(200, lambda answer: answer["balance"] >= 0 and "expiring" in answer)
is_home = answers(200, lambda answer: "points" in answer)
is_found = answers(200, lambda answer: "groups" in answer)
is_overview = answers(200, lambda answer: bool(answer["tiles"]))
