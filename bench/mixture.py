"""Requests of all kinds, in one arm: what a worker meets in days, to see what it holds on to.

Two in three are what the other arms ask. The rest are every route that is read without naming a thing, asked by a resident,
by staff and by a visitor in turn, so refused about as often as answered, and things that aren't there at all. Any answer
is right but one that says that the house broke.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import count, cycle
from random import Random
from urllib.parse import urlencode

from flask import Flask

from bench.doors import RESERVATION, SCAN
from bench.load import Ask, WebArm, get
from bench.reads import WORDS
from bench.town import SEED, BenchTown
from rules.work import ActorKind

MIXTURE = "requests of all kinds"  #: name of an arm
OF_ARMS = 2 / 3
WRITES = 0.25  #: as often as reads: each needs somebody who hasn't done it yet
SEARCHES = 0.2  #: of the rest, for what nobody has searched for
VISITS = 0.06  #: scans in a request of the mixture, at most
BROKEN = 500
#: Work of minutes that one asks for seldom, and what streams.
LEFT_OUT = ("export", "/openapi.json", "/docs")


def mixture(town: BenchTown, app: Flask, address: str, arms: Sequence[WebArm]) -> WebArm:
    """`app`: an application of the same code, which says which routes there are."""
    return WebArm(MIXTURE, town.size, address=address, ask=_asking(town, paths_of(app), arms), is_right=is_unbroken)


def paths_of(app: Flask) -> list[str]:
    """Routes that are read and name nothing."""
    return sorted(
        rule.rule
        for rule in app.url_map.iter_rules()
        if "GET" in (rule.methods or ()) and not rule.arguments and not any(word in rule.rule for word in LEFT_OUT)
    )


def _asking(town: BenchTown, paths: Sequence[str], arms: Sequence[WebArm]) -> Ask:
    chance = Random(SEED)
    weights = [arm.share * (WRITES if arm.name in (SCAN, RESERVATION) else 1) for arm in arms]
    routes = cycle([*(f"{path}?town={town.code}" for path in paths), "/api/v1/nowhere", "/api/v1/activities/1"])
    numbers = count()
    askers = cycle([(ActorKind.RESIDENT, town.residents), (ActorKind.STAFF, town.ground.scanners), None])

    def ask(client: int) -> bytes:
        if chance.random() < OF_ARMS:
            return chance.choices(arms, weights)[0].ask(client)
        path = next(routes)
        if chance.random() < SEARCHES:
            path = "/api/v1/search?" + urlencode({"town": town.code, "q": f"{chance.choice(WORDS)}{next(numbers)}"})
        asker = next(askers)
        return get(path, town.tokens.of(asker[0], chance.choice(asker[1])) if asker else None)

    return ask


def is_unbroken(status: int, _body: bytes) -> bool:
    """Whether a server that is well would say so."""
    return status < BROKEN
