"""How old somebody is, in full years on a day of the community.

A year is full on the birthday itself, as the Civil Code counts it (art. 17: an adult is who is 18 or older; art. 1259: "or
older" includes the number). Who was born on 29 February is a year older on 1 March of a year without that day.
"""

from __future__ import annotations

from datetime import date

ADULT_YEARS = 18  #: who may act alone, and needs no guardian (Civil Code, art. 17)
CONSENT_YEARS = 14  #: below it a guardian consents to the use of personal information (PIPL, art. 31)
AGE_MAX = 130  #: nobody is older; a birthday before that is a typing error


def age_on(born_on: date, day: date) -> int:
    """Full years on that day; negative before the birth."""
    return day.year - born_on.year - ((day.month, day.day) < (born_on.month, born_on.day))


def is_minor(born_on: date | None, day: date) -> bool:
    """Whether somebody is known to be under 18 on that day. Who told no birthday isn't."""
    return born_on is not None and age_on(born_on, day) < ADULT_YEARS
