"""A rulebook made ready for evaluation: rules by the event they speak of, numbers as whole numbers, counters by name.

A plan is made once for each version and holds nothing that changes, so it can be shared by threads.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from decimal import Decimal
from functools import cached_property
from typing import Any, Generic, TypeVar

from rules.rulebook.conditions import Bounds, Condition, facts_in, is_number
from rules.rulebook.document import Rulebook
from rules.rulebook.periods import Calendar, Window
from rules.rulebook.quantities import QUANTITY_MAX, SCALE, scale_of, whole
from rules.rulebook.sections.accounts import Conversion, Currency, FloorNone
from rules.rulebook.sections.booking import Booking, PartyLimit, Quota
from rules.rulebook.sections.common import WINDOW, Limit
from rules.rulebook.sections.earning import (
    TIMES,
    ByFact,
    Claim,
    Deduct,
    Earn,
    PointsOf,
    Range,
    SharedLimit,
    Tally,
    VoidRule,
)
from rules.rulebook.sections.redemption import Redemption
from rules.rulebook.sections.standing import Collects, Ladder, Level, Penalty, WarningRule

#: Events that the house itself makes.
ACCOUNT_OPENED, PERIOD_STARTED, BOOKED, CANCELLED, REDEEMED = (
    "account_opened",
    "period_started",
    "booked",
    "cancelled",
    "redeemed",
)

STREAK_DAYS_MAX = 800  #: so far back the database is asked for a streak
SPLIT_LENGTH_MAX = 100  #: longer values in a counter's name are hashed
EARNING = "earning"  #: the word by which a freeze or a suspension stops earning

R = TypeVar("R", Earn, Deduct)
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Cap:
    """A limit, and the counter that it is held against."""

    name: str  #: of the counter, less the values of `by`
    title: str
    limit: Limit
    most: int  #: points in the smallest unit, times, or the quantity in whole numbers
    is_per_event: bool  #: it holds within one event, so that nothing is counted beyond


@dataclass(frozen=True, slots=True)
class Counted:
    """A tally, and the counter in which it adds up."""

    name: str
    tally: Tally
    scale: int  #: whole numbers in one of its unit
    at_most: int | None
    step: int | None


@dataclass(frozen=True, slots=True)
class Planned(Generic[R]):
    """A rule with its numbers in whole numbers."""

    rule: R
    currency: Currency
    scale: int  #: of the quantity
    at_most: int | None
    step: int | None
    beyond: int | None
    numerator: int | None  #: of a fixed amount, per unit of the quantity, in the currency's smallest unit
    denominator: int
    weights: tuple[tuple[str, int, int], ...]  #: quantity, its scale, its weight in parts of SCALE
    caps: tuple[Cap, ...]
    quantity_caps: tuple[Cap, ...]  #: those of them that limit what is multiplied
    points_caps: tuple[Cap, ...]  #: those that limit points and times


@dataclass(slots=True)
class Speaking:
    """All that speaks of one kind of event."""

    earn: list[Planned[Earn]] = field(default_factory=list)
    deduct: list[Planned[Deduct]] = field(default_factory=list)
    void: list[VoidRule] = field(default_factory=list)
    tallies: list[Counted] = field(default_factory=list)
    watched: list[Counted] = field(
        default_factory=list
    )  #: tallies that milestones and duties look at before they count
    penalties: list[Penalty] = field(default_factory=list)
    warnings: list[WarningRule] = field(default_factory=list)
    quotas: list[tuple[Booking, str, Quota]] = field(default_factory=list)
    redemptions: list[tuple[Redemption, tuple[Cap, ...]]] = field(default_factory=list)


#: Facts of which an event knows whether it has changed them. A person's change outside, an event's with each.
TRACKED = ("balance", "total", "earned", "tally", "level", "frozen", "suspended")


@dataclass(frozen=True, slots=True)
class Trigger:
    """The facts that a level or a freeze hangs on."""

    names: frozenset[str]
    is_outside: bool  #: whether some of them change without an event's knowing

    @classmethod
    def of(cls, facts: Iterable[str]) -> Trigger:
        names = frozenset(facts)
        return cls(names, any(name.partition(".")[0] not in TRACKED for name in names))


_NOTHING = Speaking()


def _costs_points(booking: Booking) -> bool:
    return bool(booking.price) or any(each.points for each in booking.priority)


class Plan:
    """What an evaluation looks things up in."""

    def __init__(self, rulebook: Rulebook) -> None:
        self.rulebook = rulebook
        self.currencies = {each.id: each for each in rulebook.currency}
        self.units = {each.id: 10**each.decimals for each in rulebook.currency}
        self.year_starts = rulebook.calculation.year_starts
        self.tallies = {each.id: self._counted(each) for each in rulebook.tally}
        self.points_tallies = [each for each in self.tallies.values() if each.tally.of in tuple(PointsOf)]
        self.totals = {each.id: frozenset(each.currencies) for each in rulebook.total}
        self.conversions = self._conversions()
        self.ladders = [(each, Trigger.of(_measures_of(each))) for each in rulebook.ladder]
        self.windows_of_ladders = {each.id: self._window_of(each) for each in rulebook.ladder}
        self.ladder_of = {each.id: each for each in rulebook.ladder}
        self.freezes = {each.id: each for each in rulebook.freeze}
        self.freeze_facts = {each.id: Trigger.of(facts_in(each.where)) for each in rulebook.freeze}
        self.floors = {each.id: self._floor(each) for each in rulebook.currency}
        self.ceilings = {each.id: self.points(each.ceiling, each.id) for each in rulebook.currency}
        self.openings = [each for each in rulebook.currency if each.opening > 0]
        self.redemption_caps = {
            each.id: tuple(self._cap(f"redemption:{each.id}", each.title, limit, None, TIMES) for limit in each.limits)
            for each in rulebook.redemption
        }
        self.transfer_caps = tuple(
            self._cap("transfer", "转赠", limit, None, TIMES) for limit in rulebook.transfer.limits
        )
        self.facts = frozenset(_facts_of(rulebook))  #: all that conditions, levels and rankings ask for
        self._speaking: dict[str, Speaking] = {}
        self._index()

    def speaking_of(self, kind: str) -> Speaking:
        """All that speaks of a kind of event."""
        return self._speaking.get(kind, _NOTHING)

    @cached_property
    def kinds(self) -> list[str]:
        """The kinds of event that the rulebook speaks of, in whatever way."""
        ways_out = [way for freeze in self.rulebook.freeze for way in freeze.exit]
        others = [
            kind for way in ways_out for kind in (*(way.event or ()), *(way.collects.events if way.collects else ()))
        ]
        others += [ACCOUNT_OPENED] if self.openings else []
        others += [PERIOD_STARTED] if any(each.opening_each is not Calendar.EVER for each in self.openings) else []
        return list(dict.fromkeys((*self._speaking, *others)))

    @cached_property
    def keeps_standing(self) -> bool:
        """Whether anything is counted or decided of a person beyond the points themselves."""
        book = self.rulebook
        limits = list(_sections_of(book, Limit))
        counted = (
            limits,
            book.tally,
            book.penalty,
            book.freeze,
            book.ladder,
            self.openings,
            book.booking,
            book.redemption,
        )
        return any(counted) or any(fact.startswith("earned.") for fact in self.facts)

    def reads_balances(self, kind: str) -> bool:
        """Whether an event of this kind may turn on what somebody holds."""
        return (
            bool(self.speaking_of(kind).deduct)
            or (kind == BOOKED and any(_costs_points(each) for each in self.rulebook.booking))
            or any(ceiling is not None for ceiling in self.ceilings.values())
            or bool(self.conversions)
            or any(fact.startswith(("balance.", "total.")) for fact in self.facts)
            or any(way.balance_becomes is not None for each in self.rulebook.freeze for way in each.exit)
        )

    def reads_suspensions(self, kind: str) -> bool:
        """Whether an event of this kind may turn on a suspension that is in force."""
        return (
            bool(self.speaking_of(kind).penalties)
            or any(EARNING in each.blocks for each in self.rulebook.penalty)
            or any(fact.startswith("suspended.") for fact in self.facts)
        )

    @cached_property
    def look_back_days(self) -> int:
        """How many days back an event may turn on what was counted by the day; 0: on its own parts of the calendar only."""
        windows = [limit.per for limit in _sections_of(self.rulebook, Limit)]
        windows += [each.per for each in self.rulebook.penalty] + [each.per for each in self.rulebook.tally]
        windows += [quota.per for quota in _sections_of(self.rulebook, Quota)]
        days = [window.days + 31 * window.months for window in windows if window.is_rolling]
        return max([*days, *(STREAK_DAYS_MAX for each in self.rulebook.tally if each.streak)], default=0)

    def rank_of(self, ladder: str, level: str, cycle: int) -> int:
        """The rank of a level that somebody reached, perhaps under another version; 0 where this one doesn't know it."""
        levels = self.ladder_of[ladder].level if ladder in self.ladder_of else ()
        ids = [each.id for each in levels]
        return cycle * len(ids) + ids.index(level) + 1 if level in ids else 0

    def level_at(self, ladder: str, rank: int) -> tuple[str, int]:
        """The level's id and the round of a rank; an empty id below the first level."""
        levels = self.ladder_of[ladder].level
        cycle, n = divmod(rank - 1, len(levels))
        return (levels[n].id, cycle) if rank else ("", 0)

    def points(self, amount: Decimal | None, currency: str) -> int | None:
        """Points of the document in the smallest unit of their currency, rounded down."""
        return None if amount is None else int(amount * self.units[currency])

    def _window_of(self, ladder: Ladder) -> Window:
        """How often a level's points come: once ever, or once a year where it is measured by years or less."""
        measured = [fact.removeprefix("tally.") for fact in _measures_of(ladder) if fact.startswith("tally.")]
        windows = [self.tallies[name].tally.per for name in measured]
        is_yearly = any(window.is_rolling or window.calendar is not Calendar.EVER for window in windows)
        return Window(Calendar.YEAR if is_yearly else Calendar.EVER)

    def _floor(self, currency: Currency) -> int | None:
        return None if isinstance(currency.floor, FloorNone) else self.points(currency.floor, currency.id)

    def _index(self) -> None:
        book = self.rulebook
        shared = [(each, self._rules_of(each)) for each in book.limit]
        for earn in book.earn:
            planned = self._planned(earn, shared)
            self._put(earn.event, lambda speaking: speaking.earn, planned)
        for deduct in book.deduct:
            costing = self._planned(deduct, shared)
            self._put(deduct.event, lambda speaking: speaking.deduct, costing)
        for rule in (*book.earn, *book.deduct):
            for name in {each.tally for each in (rule.beyond, rule.milestone) if each is not None}:
                self._put(rule.event, lambda speaking: speaking.watched, self.tallies[name])
        for void in book.void:
            self._put(void.event, lambda speaking: speaking.void, void)
        for counted in self.tallies.values():
            self._put(counted.tally.events, lambda speaking: speaking.tallies, counted)
        for penalty in book.penalty:
            self._put(penalty.events, lambda speaking: speaking.penalties, penalty)
        for warning in book.warning:
            self._put(warning.event, lambda speaking: speaking.warnings, warning)
        self._index_desk()

    def _index_desk(self) -> None:
        """What bookings and redemptions count."""
        for booking in self.rulebook.booking:
            for n, quota in enumerate(booking.quotas):
                named = (booking, f"quota:{booking.id}#{n}", quota)
                self._put(quota.events, lambda speaking: speaking.quotas, named)
        for redemption in self.rulebook.redemption:
            limited = (redemption, self.redemption_caps[redemption.id])
            self._put((REDEEMED,), lambda speaking: speaking.redemptions, limited)

    def _put(self, kinds: Iterable[str], among: Callable[[Speaking], list[T]], item: T) -> None:
        for kind in kinds:
            among(self._speaking.setdefault(kind, Speaking())).append(item)

    def _counted(self, tally: Tally) -> Counted:
        scale = (
            self.units.get(tally.currency, 1)
            if tally.of in tuple(PointsOf)
            else 1
            if tally.of == TIMES
            else scale_of(tally.of)
        )
        at_most = None if tally.at_most is None else whole(tally.at_most, scale)
        step = None if tally.step is None else whole(tally.step.of, scale)
        return Counted(f"tally:{tally.id}", tally, scale, at_most, step)

    def _rules_of(self, limit: SharedLimit) -> set[str]:
        book = self.rulebook
        if limit.currency:
            return {each.id for each in book.earn if each.currency == limit.currency}
        return {
            each.id
            for each in (*book.earn, *book.deduct)
            if each.id in limit.rules or each.category in limit.categories
        }

    def _planned(self, rule: R, shared: Iterable[tuple[SharedLimit, set[str]]]) -> Planned[R]:
        of = rule.each if isinstance(rule.each, str) else TIMES
        scale = scale_of(of)
        weights = rule.each.items() if isinstance(rule.each, Mapping) else ()
        caps = [self._cap(f"limit:{rule.id}", rule.title, limit, rule.currency, of) for limit in rule.limits]
        caps += [
            self._cap(f"limit:{limit.id}", limit.title, limit, rule.currency, of)
            for limit, ids in shared
            if rule.id in ids
        ]
        return Planned(
            rule,
            self.currencies[rule.currency],
            scale,
            None if rule.at_most is None else whole(rule.at_most, scale),
            None if rule.step is None else whole(rule.step.of, scale),
            None if rule.beyond is None else whole(rule.beyond.amount, scale),
            int(rule.amount * SCALE) * self.units[rule.currency] if isinstance(rule.amount, Decimal) else None,
            int(rule.per * SCALE),
            tuple((name, scale_of(name), int(weight * SCALE)) for name, weight in weights),
            tuple(caps),
            tuple(cap for cap in caps if cap.limit.quantity is not None),
            tuple(cap for cap in caps if cap.limit.quantity is None),
        )

    def _cap(self, name: str, title: str, limit: Limit, currency: str | None, of: str) -> Cap:
        if limit.points is not None:
            most = self.points(limit.points, currency or self.rulebook.main_currency.id)
        elif limit.times is not None:
            most = limit.times
        else:
            assert limit.quantity is not None, "a limit has points, times or a quantity"
            most = int(limit.quantity * scale_of(of))
        assert most is not None, "a limit has a number"
        is_per_event = limit.per.counts_in is Calendar.EVENT
        return Cap(f"{name}#{_name_of(limit)}", title, limit, most, is_per_event)

    def _conversions(self) -> dict[str, list[tuple[Conversion, tuple[Cap, ...]]]]:
        """The automatic conversions, by the currency that turns."""
        found: dict[str, list[tuple[Conversion, tuple[Cap, ...]]]] = {}
        for each in self.rulebook.convert:
            if not each.automatic:
                continue
            for source in each.source:
                caps = tuple(self._cap(f"limit:{each.id}", each.title, limit, source, TIMES) for limit in each.limits)
                found.setdefault(source, []).append((each, caps))
        return found


def split_name(name: str, by: tuple[str, ...], facts: Mapping[str, Any], kind: str) -> str:
    """The name of the counter of these values of the facts that are counted apart."""
    if not by:
        return name
    values = [kind if fact == "kind" else facts.get(fact) for fact in by]
    parts = "|".join(_written(value) for value in values)
    if len(parts) > SPLIT_LENGTH_MAX:
        parts = hashlib.sha256(parts.encode()).hexdigest()
    return f"{name}|{parts}"


def _written(value: Any) -> str:
    """A fact's value in the name of a counter; no two that differ are written alike."""
    if isinstance(value, str):
        return value.replace("\\", "\\\\").replace("|", "\\!")
    if is_number(value) and -QUANTITY_MAX <= value <= QUANTITY_MAX:
        return f"\\{Decimal(value).normalize():f}"
    return f"\\{str(value).lower()}" if value is None or isinstance(value, bool) else "\\?"


def _sections_of(section: Any, wanted: type[T]) -> Iterator[T]:
    """All sections of a kind, at any depth."""
    if isinstance(section, wanted):
        yield section
    if isinstance(section, tuple):
        for each in section:
            yield from _sections_of(each, wanted)
    elif is_dataclass(section):
        for part in fields(section):
            yield from _sections_of(getattr(section, part.name), wanted)


def _name_of(limit: Limit) -> str:
    """What a limit counts, by what it says and not by where it stands: a version that reorders limits goes on counting."""
    kind = "points" if limit.points is not None else "times" if limit.times is not None else "quantity"
    return "/".join([kind, WINDOW.write(limit.per), *limit.by])


def asked_of_events(rulebook: Rulebook) -> set[str]:
    """What an event may have to say: the facts of conditions, the quantities, and whatever else rules look for in it."""
    facts = {fact for fact in _facts_of(rulebook) if "." not in fact}
    rules: list[Earn | Deduct] = [*rulebook.earn, *rulebook.deduct]
    for rule in rules:
        facts |= {rule.each} if isinstance(rule.each, str) else set(rule.each or ())
        facts |= {"amount"} if isinstance(rule.amount, Range) else set()
    facts |= {"approved_by" for rule in rulebook.earn if rule.approval}
    facts |= {"evidence" for claim in _sections_of(rulebook, Claim) if claim.evidence}
    facts |= {each.fact for each in _sections_of(rulebook, ByFact)}
    facts |= {tally.of for tally in rulebook.tally if tally.of not in (TIMES, *PointsOf)}
    facts |= {each.quantity for each in _sections_of(rulebook, Collects) if each.quantity}
    facts |= {each.of for each in _sections_of(rulebook, PartyLimit)} | {void.of for void in rulebook.void}
    counted: list[Limit | Quota | Penalty | Tally] = [*_sections_of(rulebook, Limit), *_sections_of(rulebook, Quota)]
    counted += [*rulebook.penalty, *rulebook.tally]
    return facts | {fact for each in counted for fact in each.by}


def _facts_of(rulebook: Rulebook) -> set[str]:
    facts = {condition.fact for condition in _sections_of(rulebook, Condition)}
    facts |= {fact for bounds in _sections_of(rulebook, Bounds) for fact in bounds.facts()}
    facts |= {measure for level in _sections_of(rulebook, Level) for measure in level.at}
    return facts | {each.measure for each in rulebook.ranking}


def _measures_of(ladder: Ladder) -> set[str]:
    return {measure for level in ladder.level for measure in (*level.at, *facts_in(level.where))}
