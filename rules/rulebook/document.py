"""The rulebook document: TOML, checked key by key.

name = "缤纷未来社区积分规则"

[expiry]
years = 1                     # good until the end of the calendar year after the one in which they were earned
                              # or: months = 18, and round_up_to = "day", "month" (if not given), "quarter" or "year":
                              # the last good day is the end of that period, so few lots lie open side by side
notice_days = 30              # how long before they lapse residents are told; 30 if not given

[transfer]                    # residents who give points to each other
within = "household"          # "household": members of one household; "nobody", also if not given: no one

[adjustment]                  # points that staff give, take or take back by hand
second_person_above = 100     # above so many points a second person decides; 0, also if not given: always

[[earn]]
id = "activity-checkin"       # a stable word, named in every explanation
event = "checkin"             # what earns it
title = "参加活动签到"          # in words, for residents
amount = 5                    # points, above 0
unit = "场"                   # what the amount is for: one of these
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Any

from dateutil.relativedelta import relativedelta

EVENTS = ("checkin",)
AMOUNT_MAX = 1_000_000
YEARS_MAX = 50
NOTICE_DAYS = 30  #: unless the rulebook says otherwise
NOTICE_DAYS_MAX = 366
_RULEBOOK_KEYS = {"name", "expiry", "transfer", "adjustment", "earn"}
_EXPIRY_KEYS = {"years", "months", "round_up_to", "notice_days"}
_TRANSFER_KEYS = {"within"}
_ADJUSTMENT_KEYS = {"second_person_above"}
_EARN_KEYS = {"id", "event", "title", "amount", "unit"}


class RulebookInvalid(ValueError):
    """The document can't be a rulebook. The message names the key and says what is allowed."""


class Period(StrEnum):
    """To the end of which the last good day of points is rounded up."""

    DAY = "day"
    MONTH = "month"
    QUARTER = "quarter"
    YEAR = "year"

    @property
    def months(self) -> int:
        return {Period.DAY: 0, Period.MONTH: 1, Period.QUARTER: 3, Period.YEAR: 12}[self]

    def end_of(self, day: date) -> date:
        """The last day of the period that a day is in."""
        if self is Period.DAY:
            return day
        begin = day.replace(month=day.month - (day.month - 1) % self.months, day=1)
        return begin + relativedelta(months=self.months, days=-1)


class TransferWithin(StrEnum):
    """Among whom residents may give points to each other."""

    HOUSEHOLD = "household"
    NOBODY = "nobody"


@dataclass(frozen=True, slots=True)
class EarnRule:
    """Points for one kind of event."""

    id: str
    event: str
    title: str
    amount: int
    unit: str


@dataclass(frozen=True, slots=True)
class Rulebook:
    """One version of a town's rules."""

    name: str
    expiry_months: int  #: how long points are good, from the day of earning, before rounding
    round_up_to: Period
    earn: tuple[EarnRule, ...]
    notice_days: int = NOTICE_DAYS  #: how long before points lapse residents are told
    transfer_within: TransferWithin = TransferWithin.NOBODY
    second_person_above: int = 0  #: points that one member of staff may move by hand alone

    def expiry_of(self, earned_on: date) -> date:
        """The last day on which points earned on a day are good."""
        return self.round_up_to.end_of(earned_on + relativedelta(months=self.expiry_months))


def parse(text: str) -> Rulebook:
    """A rulebook from its document. Raises RulebookInvalid."""
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise RulebookInvalid(f"not TOML: {error}") from None
    _allow_only(document, _RULEBOOK_KEYS, "the rulebook")
    expiry = document.get("expiry")
    if not isinstance(expiry, dict):
        raise RulebookInvalid("`expiry` is missing: a table with `years`, 0 to 50, or `months`, 0 to 600")
    _allow_only(expiry, _EXPIRY_KEYS, "`expiry`")
    expiry_months, round_up_to = _expiry(expiry)
    earn = document.get("earn")
    if not (isinstance(earn, list) and all(isinstance(rule, dict) for rule in earn)):
        raise RulebookInvalid("`earn` must be a list of tables, [[earn]]")
    rules = tuple(_earn_rule(rule, f"earn[{n}]") for n, rule in enumerate(earn))
    if len({rule.id for rule in rules}) < len(rules):
        raise RulebookInvalid("`earn.id` must differ from rule to rule")
    adjustment = _optional_table(document, "adjustment", _ADJUSTMENT_KEYS)
    return Rulebook(
        name=_words(document, "name", "name"),
        expiry_months=expiry_months,
        round_up_to=round_up_to,
        earn=rules,
        notice_days=_number(
            {"notice_days": NOTICE_DAYS} | expiry, "notice_days", "expiry.notice_days", 0, NOTICE_DAYS_MAX
        ),
        transfer_within=_transfer_within(_optional_table(document, "transfer", _TRANSFER_KEYS)),
        second_person_above=_number(
            {"second_person_above": 0} | adjustment,
            "second_person_above",
            "adjustment.second_person_above",
            0,
            AMOUNT_MAX,
        ),
    )


def _expiry(expiry: dict[str, Any]) -> tuple[int, Period]:
    """How many months points are good, and to what the end is rounded up."""
    if ("years" in expiry) == ("months" in expiry):
        raise RulebookInvalid("`expiry` must have either `years`, 0 to 50, or `months`, 0 to 600")
    if "years" in expiry:
        if "round_up_to" in expiry:
            raise RulebookInvalid("`expiry.round_up_to` goes with `months`; `years` end with a calendar year")
        return 12 * _number(expiry, "years", "expiry.years", 0, YEARS_MAX), Period.YEAR
    period = expiry.get("round_up_to", Period.MONTH)
    if not isinstance(period, str) or period not in set(Period):
        raise RulebookInvalid(f"`expiry.round_up_to` is {period!r}; allowed: {', '.join(Period)}")
    return _number(expiry, "months", "expiry.months", 0, 12 * YEARS_MAX), Period(period)


def _transfer_within(transfer: dict[str, Any]) -> TransferWithin:
    within = transfer.get("within", TransferWithin.NOBODY)
    if not isinstance(within, str) or within not in set(TransferWithin):
        raise RulebookInvalid(f"`transfer.within` is {within!r}; allowed: {', '.join(TransferWithin)}")
    return TransferWithin(within)


def _optional_table(document: dict[str, Any], key: str, allowed: set[str]) -> dict[str, Any]:
    """A table that may be left out; what it doesn't say has its default."""
    table = document.get(key, {})
    if not isinstance(table, dict):
        raise RulebookInvalid(f"`{key}` must be a table with {', '.join(sorted(allowed))}")
    _allow_only(table, allowed, f"`{key}`")
    return table


def _earn_rule(rule: dict[str, Any], where: str) -> EarnRule:
    _allow_only(rule, _EARN_KEYS, f"`{where}`")
    event = _words(rule, "event", f"{where}.event")
    if event not in EVENTS:
        raise RulebookInvalid(f"`{where}.event` is {event!r}; allowed: {', '.join(EVENTS)}")
    return EarnRule(
        id=_words(rule, "id", f"{where}.id"),
        event=event,
        title=_words(rule, "title", f"{where}.title"),
        amount=_number(rule, "amount", f"{where}.amount", 1, AMOUNT_MAX),
        unit=_words(rule, "unit", f"{where}.unit"),
    )


def _allow_only(table: dict[str, Any], allowed: set[str], where: str) -> None:
    if unknown := sorted(set(table) - allowed):
        raise RulebookInvalid(f"{where} has an unknown key `{unknown[0]}`; allowed: {', '.join(sorted(allowed))}")


def _words(table: dict[str, Any], key: str, where: str) -> str:
    value = table.get(key)
    if not (isinstance(value, str) and value.strip()):
        raise RulebookInvalid(f"`{where}` must be a text that is not empty")
    return value


def _number(table: dict[str, Any], key: str, where: str, least: int, most: int) -> int:
    value = table.get(key)
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
        raise RulebookInvalid(f"`{where}` must be a whole number from {least} to {most}")
    return value
