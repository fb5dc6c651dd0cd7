"""Until when points are good."""

from __future__ import annotations

from datetime import date
from functools import lru_cache

from dateutil.relativedelta import relativedelta

from rules.rulebook.document import Rulebook
from rules.rulebook.periods import Calendar, end_of
from rules.rulebook.sections.accounts import Currency
from rules.rulebook.sections.common import Expiry, RoundUpTo
from rules.rulebook.standing import NEVER


def last_good_day(rulebook: Rulebook, currency: Currency, earned_on: date, expiry: Expiry | None) -> date:
    """The last day on which points earned on a day are good: as the rule says, else the currency, else the rulebook."""
    return _last_day(expiry or currency.expiry or rulebook.expiry, earned_on, rulebook.calculation.year_starts)


@lru_cache(maxsize=4096)
def _last_day(said: Expiry, earned_on: date, year_starts: str) -> date:
    if said.never:
        return NEVER
    if said.end_of is not None:
        return end_of(said.end_of, earned_on, year_starts)
    if said.years is not None:
        return date(earned_on.year + said.years, 12, 31)
    assert said.months is not None, "an expiry has one of its four forms"
    last: date = earned_on + relativedelta(months=said.months)
    rounded = said.round_up_to or RoundUpTo.MONTH
    return last if rounded is RoundUpTo.DAY else end_of(Calendar(rounded), last, "01-01")


def expiry_of(rulebook: Rulebook, earned_on: date) -> date:
    """The last good day of the main currency's points that no rule says otherwise of."""
    return last_good_day(rulebook, rulebook.main_currency, earned_on, None)
