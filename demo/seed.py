"""The demo town, put into a database.

The whole town is one transaction that begins by claiming its row, so a start that was killed leaves nothing half done,
a retry begins from nothing, and of two starts at once only one makes the town. Rows depend on the number and the day,
not on the hour: all that has happened ends at last midnight. Only what is sealed or hashed differs from one seeding to
the next.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from pathlib import Path
from random import Random

from sqlalchemy import bindparam, select
from sqlalchemy.dialects.postgresql import insert

from demo.estates import make_estates
from demo.groups import make_groups
from demo.history import make_history
from demo.making import Progress, collector_at_rest, dice, take_statistics, write_rows
from demo.moderation import make_moderation
from demo.notices import make_notices
from demo.people import STAFF, keep_password, make_people
from demo.places import make_places
from demo.points import make_points, open_purses, settle_purses
from demo.rewards import make_rewards
from demo.scans import make_scans
from demo.season import PAST_DAYS, commit_to_draws, extend_season, make_season
from demo.slots import make_slots, occupy_rooms
from demo.targets import make_targets
from demo.venue_days import make_venue_days
from models.territory import HostKind, Town
from rules.clock import local_day, local_moment
from rules.ids import IdMaker
from rules.keys import Keys
from rules.residents.passwords import HASHER
from rules.rulebook.versions import InForce, publish, rulebook_in_force
from rules.search.refreshing import fill as fill_search
from rules.search.refreshing import rebuild as rebuild_search
from rules.work import SYSTEM, Transactions, Work

CODE = "binfen"
NAME = "缤纷未来社区"
TOWN_ID = 1
NUMBER = 2026  #: another number makes another town of the same size
OPENED_DAYS = 300  #: how long ago residents began to register
RULEBOOK = Path(__file__).with_name("rulebook.toml")

_find = select(Town.id, Town.is_demo).where(Town.code == bindparam("code"))
_claim = insert(Town).on_conflict_do_nothing().returning(Town.id)


@dataclass(frozen=True, slots=True)
class Plan:
    """What a town is made from, apart from the keys."""

    number: int
    today: date
    password_hashes: dict[str, str]  #: by username

    @property
    def midnight(self) -> datetime:
        """When today began; all that has happened was before."""
        return local_moment(self.today, "00:00")

    @property
    def days(self) -> list[datetime]:
        """When each day since the opening began, without today."""
        return [self.midnight - timedelta(days=ago) for ago in range(OPENED_DAYS, 0, -1)]

    @property
    def season_begins_at(self) -> datetime:
        """A day before the first session, whose doors open before midnight."""
        return self.midnight - timedelta(days=PAST_DAYS + 1)


def seed(
    transactions: Transactions,
    keys: Keys,
    *,
    password: str,
    now: datetime,
    progress: Progress | None = None,
    number: int = NUMBER,
) -> bool:
    """Make the demo town, whose staff have this password. False when it was there: then its season is extended.

    `progress` is called with a table's name, how many of its rows are written, and how many it will have.
    """
    today = local_day(now)
    town = transactions.read(TOWN_ID, SYSTEM, lambda work: work.db.execute(_find, {"code": CODE}).first())
    if town is not None:
        if town.is_demo:
            transactions.write(town.id, SYSTEM, extend_season, today)
            transactions.write(town.id, SYSTEM, commit_to_draws, keys)
            transactions.write(town.id, SYSTEM, occupy_rooms)
            transactions.write(town.id, SYSTEM, keep_password, password)
            transactions.write(town.id, SYSTEM, fill_search)
        return False
    password_hashes = {username: HASHER.hash(password) for username in STAFF}
    with collector_at_rest():
        return transactions.write(TOWN_ID, SYSTEM, _build, keys, Plan(number, today, password_hashes), progress)


def _build(work: Work, keys: Keys, plan: Plan, progress: Progress | None) -> bool:
    town = {"id": TOWN_ID, "code": CODE, "name": NAME, "host_kind": HostKind.OPERATOR, "is_demo": True}
    if work.db.scalar(_claim, town) is None:
        return False
    places = make_places(TOWN_ID, plan.days[0])
    write_rows(work.db, places.rows, progress)
    people = make_people(_dice(plan, "people"), keys, places, plan.password_hashes, plan.days)
    write_rows(work.db, people.rows, progress)
    then = replace(work, now=plan.season_begins_at, id_maker=IdMaker(0))
    purses, in_force = open_purses(then), _publish_rulebook(then)
    season = make_season(places, plan.today)
    history = make_history(_dice(plan, "history"), season, people, in_force.plan, plan.midnight)
    for rows in (season.rows, season.session_rows(), make_slots(places, season.sessions), history.rows(TOWN_ID)):
        write_rows(work.db, rows, progress)
    write_rows(work.db, make_targets(TOWN_ID, plan.days[0]), progress)
    make_venue_days(work, plan.today - timedelta(days=PAST_DAYS), plan.today)
    commit_to_draws(work, keys)
    points = make_points(TOWN_ID, purses, in_force, people.scanner_id, plan.season_begins_at, history)
    mall = make_rewards(_dice(plan, "rewards"), places, people, purses.points, in_force, points, plan.midnight)
    write_rows(work.db, points.rows, progress)
    write_rows(work.db, mall, progress)
    settle_purses(work, purses, points)
    write_rows(work.db, make_scans(TOWN_ID, people.scanner_id, history, points.paid), progress)
    write_rows(work.db, make_estates(_dice(plan, "estates"), places, people, plan.days[0], plan.midnight), progress)
    notices = make_notices(_dice(plan, "notices"), places, people, season, history, plan.midnight)
    write_rows(work.db, notices, progress)
    write_rows(work.db, make_groups(_dice(plan, "groups"), places, people, plan.midnight), progress)
    write_rows(work.db, make_moderation(_dice(plan, "moderation"), places, people, plan.midnight), progress)
    rebuild_search(replace(then, now=plan.midnight))
    take_statistics(work.db)
    return True


def _publish_rulebook(work: Work) -> InForce:
    """The town's first rulebook, in force from the work's moment on."""
    publish(work, RULEBOOK.read_text(encoding="utf-8"), work.now)
    in_force = rulebook_in_force(work, work.now)
    assert in_force is not None, "it was published a line above"
    return in_force


def _dice(plan: Plan, part: str) -> Random:
    return dice(plan.number, plan.today, part)
