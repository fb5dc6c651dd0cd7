"""One run: its servers and towns, and what is measured in which order.

A quiet town comes first: reads, the monitoring, the ledger by itself. Then the doors open, for scans and reservations: by
the end of it half of a small town was out on one day, and its boards would be asked about a day that it never has. Within
each of the two, arms take turns.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from app import create_app
from bench import floors
from bench.books import book_arms
from bench.doors import AGAINST, RESERVATION, SCAN, count_again, door_arms
from bench.grow import find_violations
from bench.load import CLIENTS, Arm, WebArm, measure
from bench.measuring import Database, Held, Watch, describe_commit, describe_machine, describe_versions, memory_of
from bench.mixture import VISITS, mixture
from bench.profiling import Spy
from bench.reads import HOME, LAG, LIST, OVERVIEW, OVERVIEW_NEW, POINTS, SEARCH, is_list, path_of_list, read_arms
from bench.results import MemoryLine, Results, TownLine, line_of
from bench.serving import FLOORS, HOUSE, PROCESSES, ROOT, THREADS, Serving, leading_the_jobs, serving
from bench.town import SEED, BenchTown, Made, make_demo_town, new_database, open_doors, settle_in, tidy
from demo.seed import TOWN_ID
from rules.clock import utc_now
from rules.keys import read_or_make
from rules.ledger.pools import set_shards
from rules.monitor.keeping import SETTLES_IN
from rules.monitor.snapshots import read_state
from rules.work import SYSTEM
from tests.build import settings_for
from tests.postgresql import running_postgresql

SERVER = "-c shared_buffers=4GB -c effective_cache_size=12GB -c max_wal_size=4GB -c checkpoint_timeout=30min"
LOGGING = "-c logging_collector=on -c log_filename=bench.log"
QUIET = {"reads": (LIST, POINTS, HOME, SEARCH), "monitor": (OVERVIEW_NEW, OVERVIEW)}
#: Workers share what is imported, and give back what they needed for a moment, as in deploy/systemd/binfen-web.service.
AS_DEPLOYED = {
    "SHARED_IMPORT": "preload",
    "MALLOC_ARENA_MAX": "2",
    "MALLOC_MMAP_THRESHOLD_": "131072",
    "MALLOC_TRIM_THRESHOLD_": "131072",
}
GROUPS = (*QUIET, "ledger", "door", "memory")
PROFILED = {
    "scan": SCAN,
    "reserve": RESERVATION,
    "list": LIST,
    "points": POINTS,
    "home": HOME,
    "search": SEARCH,
    "overview": OVERVIEW_NEW,
}
WARM_UP = 400  #: requests of each arm before anything is measured
MEMORY_STEPS = 10


@dataclass
class Site:
    """A town, and what serves it."""

    url: str
    folder: Path
    made: Made
    town: BenchTown
    house: Serving
    database: Database
    database_bytes: int  #: before anything was measured
    other: Serving | None = None  #: another checkout, which serves the same town
    warmed_up: list[Held] = field(default_factory=list)  #: what each worker held after the first warm-up

    def web_arms(self, arms_of: Callable[[BenchTown, str], list[WebArm]]) -> list[WebArm]:
        """What can be asked of it, of each checkout."""
        arms = arms_of(self.town, self.house.address)
        for arm in arms_of(self.town, self.other.address) if self.other else ():
            arms.append(replace(arm, name=arm.name + AGAINST))
        return arms

    def memory(self) -> list[Held]:
        """What each worker holds."""
        return [memory_of(pid) for pid in self.house.workers]

    def line(self) -> TownLine:
        return TownLine(
            self.made.size,
            self.made.residents,
            self.made.postings,
            self.made.seconds,
            self.database_bytes,
            self.database.size_bytes(),
            self.warmed_up,
            self.memory(),
        )


class Bench:
    """The servers of one run, up until the stack is closed."""

    def __init__(self, stack: ExitStack, options: argparse.Namespace) -> None:
        os.environ.pop("TEST_DATABASE_URL", None)
        self._stack, self._options = stack, options
        self._folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="binfen-bench-")))
        self._server_url = stack.enter_context(running_postgresql(fsync=True, settings=f"{SERVER} {LOGGING}"))
        self._sites = [self._open_site(size) for size in options.size]
        self._floors = self._serve_floors(self._sites[0])
        serving_all = [self._floors, *(each for site in self._sites for each in (site.house, site.other) if each)]
        served = {each.address: each for each in serving_all}
        self._watch = Watch(
            self._sites[0].database, lambda arm: served[arm.address].workers if isinstance(arm, WebArm) else []
        )

    def _open_site(self, size: int) -> Site:
        url = new_database(self._server_url)
        folder = self._folder / f"town-{size}"
        folder.mkdir()
        keys = read_or_make(folder / "keys.json")
        say(f"making a town of {size} …")
        made = make_demo_town(url, keys, size, has_snapshots="monitor" in self._options.only)
        town = settle_in(url, keys, TOWN_ID, size=size)
        self._stack.callback(town.transactions.engine.dispose)
        if self._options.shards > 1:
            town.transactions.write(town.id, SYSTEM, set_shards, self._options.shards)
        tidy(town.transactions.engine)
        say(f"{made.residents:,} residents, {made.postings:,} postings, in {made.seconds:.0f} s")
        self._stack.enter_context(leading_the_jobs(url, folder))
        house = self._stack.enter_context(serving(folder, url, HOUSE, "/readyz", **AS_DEPLOYED))
        other = None
        if self._options.against:
            checkout = self._options.against.resolve()
            other = self._stack.enter_context(serving(folder, url, HOUSE, "/readyz", checkout=checkout, **AS_DEPLOYED))
        database = Database(url)
        self._stack.callback(database.close)
        return Site(url, folder, made, town, house, database, database.size_bytes(), other)

    def _serve_floors(self, site: Site) -> Serving:
        """Beside the first town, in its database."""
        floors.make_floor_tables(site.town.transactions.engine)
        listed = self._folder / "list.json"
        with urllib.request.urlopen(f"http://{site.house.address}{path_of_list(site.town)}") as answer:
            listed.write_bytes(answer.read())
        environment = {floors.LIST_FILE: str(listed)}
        return self._stack.enter_context(serving(self._folder, site.url, FLOORS, "/ready", **environment))

    # --- measuring ----------------------------------------------------------------------------------------------------

    def run(self) -> Results:
        """Everything that was asked for."""
        only = self._options.only
        if "monitor" in only:
            self._wait_for_snapshots()
        arms = self._measure(self._quiet_arms())
        if "door" in only:
            for site in self._sites:
                visits = self._options.requests * self._options.rounds + 2 * WARM_UP
                open_doors(site.town, visits * (2 if site.other else 1))
            busy = self._measure([arm for site in self._sites for arm in site.web_arms(door_arms)])
            for site in self._sites:
                count_again(site.town, busy)
            arms += busy
        memory = self._run_mixture() if "memory" in only else []
        self._audit()
        by_name = {(arm.name, arm.size): arm for arm in arms}
        lines = [line_of(arm, floor_of(arm, by_name), self._watch.of(arm)) for arm in arms]
        return Results(self._describe(), [site.line() for site in self._sites], lines, memory)

    def _wait_for_snapshots(self) -> None:
        """As of a moment before they were stored nobody sees them, and the overview is asked for as of some minutes ago."""
        stored_at = max(
            site.town.transactions.survey(site.town.id, SYSTEM, read_state).recorded_at or utc_now()
            for site in self._sites
        )
        seconds = (stored_at + LAG + SETTLES_IN - utc_now()).total_seconds()
        if seconds > 0:
            say(f"the snapshots are seen in {seconds:.0f} s …")
            time.sleep(seconds)

    def _quiet_arms(self) -> list[Arm]:
        only = self._options.only
        wanted = {name for group in only for name in QUIET.get(group, ())}
        arms: list[Arm] = []
        for site in self._sites:
            arms += [arm for arm in site.web_arms(read_arms) if arm.name.removesuffix(AGAINST) in wanted]
            arms += book_arms(site.town, self._stack) if "ledger" in only else []
        return arms

    def _measure(self, arms: Sequence[Arm]) -> list[Arm]:
        """These and their floors, which take part in the turns."""
        needed = {arm.floor for arm in arms}
        both = [*(floor for floor in floor_arms(self._floors.address) if floor.name in needed), *arms]
        if not both:
            return both
        say(f"{len(both)} arms, {self._options.rounds} rounds …")
        for arm in both:
            arm.run_round(WARM_UP)
            self._watch.count_statements(arm)
            arm.forget()
        for site in self._sites:
            tidy(site.town.transactions.engine)
            site.warmed_up = site.warmed_up or site.memory()
        measure(both, self._options.requests, self._options.rounds, self._watch.run_round)
        return both

    def _run_mixture(self) -> list[MemoryLine]:
        """Of the first town: what its workers hold, step by step."""
        site, total = self._sites[0], self._options.memory
        open_doors(site.town, round(total * VISITS))
        app = create_app(settings_for(site.url, site.folder, log_level="ERROR"))
        arm = mixture(site.town, app, site.house.address, every_arm(site.town, site.house.address))
        lines = [MemoryLine(0, site.memory())]
        for _ in range(MEMORY_STEPS):
            arm.run_round(total // MEMORY_STEPS)
            lines.append(MemoryLine(arm.answered, site.memory()))
            say(f"{arm.answered:,} requests of all kinds, {arm.rates[-1]:,.0f} a second")
        site.warmed_up = site.warmed_up or lines[0].workers
        return lines

    def _audit(self) -> None:
        """Prove the ledgers, after all that load."""
        for site in self._sites if self._options.audit else ():
            if violations := find_violations(site.url):
                raise SystemExit("\n".join(violations))
            say(f"the ledger of the town of {site.made.size} is right")

    # --- looking inside -----------------------------------------------------------------------------------------------

    def profile(self, names: Sequence[str], folder: Path) -> None:
        """Look at a worker of the first town while it answers, one path after the other."""
        site, requests = self._sites[0], self._options.requests * self._options.rounds
        folder.mkdir(parents=True, exist_ok=True)
        open_doors(site.town, requests + WARM_UP)
        by_name = {arm.name: arm for arm in every_arm(site.town, site.house.address)}
        for name in names:
            arm = by_name[PROFILED[name]]
            arm.run(WARM_UP)
            file = folder / f"{name}.txt"
            spy = Spy(site.house.workers[0], file)
            arm.run(requests)
            print(f"\n{arm.name}: stacks in {file}\n\n{spy.stop()}", flush=True)

    def _describe(self) -> dict[str, Any]:
        options = self._options
        return {
            "made_at": utc_now().isoformat(timespec="seconds"),
            "commit": describe_commit(ROOT),
            "machine": describe_machine(self._folder),
            "versions": describe_versions(self._sites[0].database.version),
            "asked": {
                "sizes": options.size,
                "requests": options.requests,
                "rounds": options.rounds,
                "only": options.only,
                "shards": options.shards,
                "clients": CLIENTS,
                "processes": PROCESSES,
                "threads": THREADS,
                "chance": SEED,
                "postgresql": SERVER,
            },
        }


def every_arm(town: BenchTown, address: str) -> list[WebArm]:
    return read_arms(town, address) + door_arms(town, address)


def floor_arms(address: str) -> list[WebArm]:
    """They are of no town: size 0."""
    return [
        WebArm(floors.WRITE, 0, address=address, ask=floors.write_asking(), is_right=floors.is_written),
        WebArm(floors.READ, 0, address=address, ask=floors.read_asking(), is_right=floors.is_read),
        WebArm(floors.LIST, 0, address=address, ask=floors.list_asking(), is_right=is_list),
    ]


def floor_of(arm: Arm, by_name: dict[tuple[str, int], Arm]) -> Arm | None:
    """In the same town, where that has one of its own."""
    if arm.floor is None:
        return None
    return by_name.get((arm.floor, arm.size)) or by_name[arm.floor, 0]


def say(words: str) -> None:
    print(words, file=sys.stderr, flush=True)
