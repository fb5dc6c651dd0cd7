"""Which jobs there are, and when each is due. Another job is another entry of JOBS.

A job is due at moments of the community's clock. Its slot names what a run is for, so that one run comes of a moment
however many processes wake up for it. Its deed works for one town; it gets the way to open units of work, not one that is
open, because a long job works in many short ones. It must bear to be run twice for one slot.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import date, datetime, timedelta
from typing import Any

from apscheduler.triggers.cron import CronTrigger

from models.jobs import JobOutcome
from rules.activities.tending import call_off_short_sessions, tend_activities
from rules.checkins.closing import close_visits
from rules.clock import ZONE, local_day, local_moment
from rules.delivery import clear_ended
from rules.estates.tending import tend_repairs
from rules.files import Files
from rules.groups.lapsing import lapse_among_neighbours
from rules.jobs.clearing import clear_stale
from rules.jobs.runs import Due
from rules.keys import Keys
from rules.ledger.audit import audit
from rules.ledger.expiring import expire
from rules.ledger.expiry_notices import queue_notices_of_day
from rules.ledger.holds import release_lapsed_holds
from rules.ledger.sealing import seal_day
from rules.moderation.checking import hand_over_unanswered
from rules.moderation.queue import count_waiting
from rules.monitor.snapshots import make_snapshots
from rules.notices.inbox import clear_old
from rules.notices.reminders import KINDS, queue_reminders
from rules.points.ranking_tallies import refresh_rankings
from rules.reservations.settling import settle_places_of
from rules.residents.devices import clear_devices
from rules.rewards.donating import return_donations
from rules.rewards.lapsing import tend_redemptions
from rules.rights.erasing import erase_due
from rules.uploads.cleaning import clean_uploads
from rules.venues.days import fix_missing
from rules.venues.lapsing import lapse_bookings
from rules.wechat_push import forget_events
from rules.work import SYSTEM, Transactions

#: How far to look back for the last moment at which a job was due, in steps; no job is due less than once a month.
LOOK_BACK = (timedelta(hours=1), timedelta(days=1), timedelta(days=32))
A_MOMENT = timedelta(microseconds=1)
HOLDS_AT_A_TIME = 100
CONTENTS_AT_A_TIME = 100


@dataclass(frozen=True, slots=True)
class Means:
    """What jobs work with."""

    transactions: Transactions
    keys: Keys
    files: Files | None = None  #: where pictures lie; None where no job that is run needs them
    term: int | None = None  #: in which this process leads; None: what it runs, it runs by hand


@dataclass(frozen=True, slots=True)
class Errand:
    """One run of a job: for which town, and for which moment."""

    means: Means
    town_id: int
    moment: datetime  #: when it was due; it may run later

    @property
    def transactions(self) -> Transactions:
        return self.means.transactions

    @property
    def day(self) -> date:
        """The community's day that the run is for."""
        return local_day(self.moment)


@dataclass(frozen=True, slots=True)
class Done:
    """What came of a run."""

    outcome: JobOutcome
    result: dict[str, Any]  #: in numbers and ids; auditors see it, and it names no person


@dataclass(frozen=True, slots=True)
class Job:
    """Something that is done again and again, for each town."""

    name: str
    when: CronTrigger
    slot_of: Callable[[datetime], str]
    deed: Callable[[Errand], Done]

    @property
    def cron(self) -> str:
        """When it is due, as a line of cron: "30 3 * * *"."""
        fields = {field.name: str(field) for field in self.when.fields}
        return " ".join(fields[name] for name in ("minute", "hour", "day", "month", "day_of_week"))

    def due(self, moment: datetime) -> Due:
        """What it is to be run for at a moment."""
        following = self.when.get_next_fire_time(None, moment + A_MOMENT)
        assert following is not None, f"{self.name} is never due again"
        return Due(self.name, self.slot_of(moment), self.cron, moment, following)


def at(**fields: Any) -> CronTrigger:
    """A cron line of the community's clock: at(hour=3, minute=30)."""
    return CronTrigger(timezone=ZONE, **fields)


def each_day(moment: datetime) -> str:
    """A slot for each day of the community."""
    return local_day(moment).isoformat()


def each_hour(moment: datetime) -> str:
    """A slot for each hour."""
    return moment.astimezone(ZONE).strftime("%Y-%m-%dT%H")


def each_two_minutes(moment: datetime) -> str:
    """A slot for every even minute."""
    local = moment.astimezone(ZONE)
    return local.replace(minute=local.minute - local.minute % 2).strftime("%Y-%m-%dT%H:%M")


def each_ten_minutes(moment: datetime) -> str:
    """A slot for every tenth minute."""
    local = moment.astimezone(ZONE)
    return local.replace(minute=local.minute - local.minute % 10).strftime("%Y-%m-%dT%H:%M")


def audit_ledger(errand: Errand) -> Done:
    """Look at the town's whole ledger; a violation is a failure."""
    report = errand.transactions.survey(errand.town_id, SYSTEM, audit)
    return Done(JobOutcome.OK if report.is_clean else JobOutcome.FAILED, report.in_short())


def expire_points(errand: Errand) -> Done:
    """Book what was good until yesterday at the latest."""
    expired = expire(errand.transactions, errand.town_id, errand.day)
    return Done(JobOutcome.OK, asdict(expired))


def tell_what_lapses(errand: Errand) -> Done:
    """Put a message into the outbox for each resident with points that lapse in as many days as the rulebook says."""
    told = queue_notices_of_day(errand.transactions, errand.town_id, errand.moment)
    return Done(JobOutcome.OK, {"residents": told})


def release_holds(errand: Errand) -> Done:
    """Give back what holds kept beyond their time."""
    released = 0
    while (batch := errand.transactions.write(errand.town_id, SYSTEM, release_lapsed_holds, HOLDS_AT_A_TIME)) > 0:
        released += batch
    return Done(JobOutcome.OK, {"holds": released})


def seal_yesterday(errand: Errand) -> Done:
    """Seal the day before."""
    yesterday = errand.day - timedelta(days=1)
    seal = errand.transactions.write(errand.town_id, SYSTEM, seal_day, errand.means.keys, yesterday)
    return Done(JobOutcome.OK, {"seq": seal.seq, "txns": seal.txn_count})


def settle_places(errand: Errand) -> Done:
    """Give out what is due, pass on offers that lapsed, write down who didn't come, close what is over."""
    settled = settle_places_of(errand.transactions, errand.town_id, errand.means.keys)
    return Done(JobOutcome.FAILED if settled.failed else JobOutcome.OK, asdict(settled))


def tend_season(errand: Errand) -> Done:
    """Make the sessions of series that have come into sight, adapt overbooking, finish what is over."""
    tended = tend_activities(errand.transactions, errand.town_id, errand.means.keys)
    return Done(JobOutcome.FAILED if tended.series_failed else JobOutcome.OK, asdict(tended))


def call_off_short(errand: Errand) -> Done:
    """Call off sessions that too few people want, once their sign-up is over."""
    return Done(JobOutcome.OK, {"sessions": call_off_short_sessions(errand.transactions, errand.town_id)})


def end_visits(errand: Errand) -> Done:
    """End the visits that nobody ended, where the session is over for good."""
    return Done(JobOutcome.OK, {"visits": close_visits(errand.transactions, errand.town_id)})


def end_bookings(errand: Errand) -> Done:
    """End bookings of rooms that nobody decided on or came for in time."""
    lapsed = lapse_bookings(errand.transactions, errand.town_id)
    return Done(JobOutcome.FAILED if lapsed.refused else JobOutcome.OK, asdict(lapsed))


def tend_contents(errand: Errand) -> Done:
    """Let staff look at what no check has answered in time, and count what waits for them too long."""
    handed_over = 0
    while (batch := errand.transactions.write(errand.town_id, SYSTEM, hand_over_unanswered, CONTENTS_AT_A_TIME)) > 0:
        handed_over += batch
    waiting, overdue = errand.transactions.read(errand.town_id, SYSTEM, count_waiting)
    return Done(JobOutcome.OK, {"handed_over": handed_over, "waiting": waiting, "overdue": overdue})


def tend_estates(errand: Errand) -> Done:
    """Write down what is late in estates, remind residents, confirm what nobody answered, forget telephone numbers."""
    return Done(JobOutcome.OK, asdict(tend_repairs(errand.transactions, errand.town_id)))


def remind(errand: Errand) -> Done:
    """Write the reminders that are due before the next run."""
    for kind in range(len(KINDS)):
        after: int | None = 0
        while after is not None:
            after = errand.transactions.write(errand.town_id, SYSTEM, queue_reminders, kind, after)
    return Done(JobOutcome.OK, {})


def clear_notices(errand: Errand) -> Done:
    """Delete delivered messages and old notices."""
    messages = notices = 0
    while (batch := errand.transactions.write(errand.town_id, SYSTEM, clear_ended)) > 0:
        messages += batch
    while (batch := errand.transactions.write(errand.town_id, SYSTEM, clear_old)) > 0:
        notices += batch
    return Done(JobOutcome.OK, {"messages": messages, "notices": notices})


def end_redemptions(errand: Errand) -> Done:
    """Remind of what lapses soon, end what nobody picked up, give back what was given to cancelled causes."""
    tended = tend_redemptions(errand.transactions, errand.town_id)
    returned, refused = return_donations(errand.transactions, errand.town_id)
    outcome = JobOutcome.FAILED if tended.failed + refused else JobOutcome.OK
    return Done(outcome, asdict(tended) | {"donations_returned": returned, "donations_refused": refused})


def clean_pictures(errand: Errand) -> Done:
    """Delete pictures that nothing shows, and what was remembered of WeChat's pushes."""
    assert errand.means.files is not None, "the job's process is given the storage"
    cleaned = clean_uploads(errand.transactions, errand.means.files, errand.town_id)
    events = errand.transactions.write(errand.town_id, SYSTEM, forget_events)
    return Done(JobOutcome.OK, {"uploads": cleaned.uploads, "events": events})


def erase_residents(errand: Errand) -> Done:
    """Erase those who asked for it, once their time of reflection is over."""
    erased = erase_due(errand.transactions, errand.town_id)
    return Done(JobOutcome.FAILED if erased.failed else JobOutcome.OK, asdict(erased))


def write_venue_days(errand: Errand) -> Done:
    """Write down when rooms are open today, and on days that were missed."""
    return Done(JobOutcome.OK, {"rows": fix_missing(errand.transactions, errand.town_id)})


def forget_devices(errand: Errand) -> Done:
    """Delete old rows of the devices from which residents signed in."""
    deleted = 0
    while (batch := errand.transactions.write(errand.town_id, SYSTEM, clear_devices)) > 0:
        deleted += batch
    return Done(JobOutcome.OK, {"rows": deleted})


def clear_what_is_over(errand: Errand) -> Done:
    """Delete answers, tokens and runs that nobody asks for any more."""
    return Done(JobOutcome.OK, asdict(clear_stale(errand.transactions, errand.town_id)))


def rank_residents(errand: Errand) -> Done:
    """Work out the rankings of periods in which something was earned or taken back."""
    return Done(JobOutcome.OK, asdict(refresh_rankings(errand.transactions, errand.town_id)))


def end_among_neighbours(errand: Errand) -> Done:
    """End requests and posts whose time is over, tell whose posts lapse soon, adopt changed words that have passed."""
    return Done(JobOutcome.OK, asdict(lapse_among_neighbours(errand.transactions, errand.town_id)))


def snapshot_numbers(errand: Errand) -> Done:
    """Work out the numbers of days that are over, and correct those of which something was recorded late."""
    return Done(JobOutcome.OK, asdict(make_snapshots(errand.transactions, errand.town_id)))


JOBS: tuple[Job, ...] = (
    Job("monitor-snapshots", at(hour=0, minute=40), each_day, snapshot_numbers),
    Job("venue-days", at(hour=0, minute=5), each_day, write_venue_days),
    Job("ledger-expiry", at(hour=0, minute=10), each_day, expire_points),
    Job("ledger-seal", at(hour=1, minute=0), each_day, seal_yesterday),
    Job("ledger-audit", at(hour=3, minute=30), each_day, audit_ledger),
    Job("uploads", at(hour=4, minute=10), each_day, clean_pictures),
    Job("expiry-notices", at(hour=9, minute=0), each_day, tell_what_lapses),
    Job("places", at(minute="*/2"), each_two_minutes, settle_places),
    Job("season", at(hour=2, minute=0), each_day, tend_season),
    Job("minimum-to-run", at(minute="1-59/10"), each_two_minutes, call_off_short),
    Job("visits", at(minute="*/10"), each_ten_minutes, end_visits),
    Job("bookings", at(minute="1-59/2"), each_two_minutes, end_bookings),
    Job("repairs", at(minute="7-59/10"), each_ten_minutes, tend_estates),
    Job("contents", at(minute="5-59/10"), each_ten_minutes, tend_contents),
    Job("clearing", at(hour=4, minute=40), each_day, clear_what_is_over),
    Job("devices", at(hour=4, minute=30), each_day, forget_devices),
    Job("reminders", at(minute="3-59/10"), each_ten_minutes, remind),
    Job("notices-clearing", at(hour=4, minute=20), each_day, clear_notices),
    Job("redemptions", at(minute="3-59/10"), each_ten_minutes, end_redemptions),
    Job("erasures", at(minute="9-59/10"), each_ten_minutes, erase_residents),
    Job("rankings", at(minute="8-59/10"), each_ten_minutes, rank_residents),
    Job("groups", at(minute="6-59/10"), each_ten_minutes, end_among_neighbours),
    Job("release-holds", at(minute=5), each_hour, release_holds),
)
JOBS_BY_NAME = {job.name: job for job in JOBS}


def last_due(job: Job, now: datetime) -> datetime:
    """The latest moment, now included, at which the job was due."""
    for span in LOOK_BACK:
        due: datetime | None = None
        following = job.when.get_next_fire_time(None, now - span)
        while following is not None and following <= now:
            due = following
            following = job.when.get_next_fire_time(due, due + A_MOMENT)
        if due is not None:
            return due
    raise AssertionError(f"{job.name} is due too seldom")


def first_due_on(job: Job, day: date) -> datetime:
    """The first moment of a day at which the job is due; of the next such day, if it isn't due on this one."""
    due = job.when.get_next_fire_time(None, local_moment(day, "00:00"))
    assert due is not None, f"{job.name} is never due again"
    return due
