"""Telephone numbers of residents: read, kept sealed, found again, shown masked.

A number is kept as it is dialled within China: 11 digits of a mobile, or an area code with its 0 and 7 or 8 digits of a
landline. The row holds it encrypted, beside a keyed hash by which the whole number is found and the last four digits,
which every masked number shows and by which a door asks. The hash differs from town to town, so nobody can tell by it
that two towns know the same number.

A `Phone` shows its masked form wherever it is printed, and a refusal never says what was sent.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

from rules.errors import Kind, RuleError
from rules.keys import Keys

TAIL_DIGITS = 4
MASK = "****"
LENGTH_MAX = 32  #: of what is sent, spaces and all
_MOBILE = re.compile(r"1[3-9][0-9]{9}")
#: 010 and 020 to 029 have numbers of 8 digits, the area codes of four digits (none ends in 00) of 7 or 8.
_LANDLINE = re.compile(r"(?P<area>010(?=.{8}$)|02[0-9](?=.{8}$)|0[3-9](?!00)[0-9]{2})[2-8][0-9]{6,7}")
_COUNTRY = re.compile(r"(?:\+|00)86")
_WRITTEN_BETWEEN = "()./"
#: Spaces, dashes, and what address books paste along: marks of writing direction, line ends.
_LEFT_OUT = {"Cc", "Cf", "Pd", "Zs"}


class PhoneInvalid(RuleError):
    code = "resident.phone_invalid"
    kind = Kind.INVALID
    zh = "电话号码不对：请填 11 位手机号，或带区号的固定电话，例如 0571-87654321。"
    en = "Not a telephone number: give 11 digits of a mobile, or a landline with its area code, such as 0571-87654321."


@dataclass(frozen=True, slots=True, repr=False)
class Phone:
    """A number of somebody in China."""

    number: str  #: digits only, as dialled within China

    @property
    def is_mobile(self) -> bool:
        """Whether it belongs to a person; a landline belongs to a household."""
        return not self.number.startswith("0")

    @property
    def tail(self) -> str:
        return self.number[-TAIL_DIGITS:]

    @property
    def masked(self) -> str:
        """138****1234, or 0571****4321."""
        if self.is_mobile:
            return self.number[:3] + MASK + self.tail
        found = _LANDLINE.fullmatch(self.number)
        return (found["area"] if found else "") + MASK + self.tail

    def __repr__(self) -> str:
        return f"Phone({self.masked})"

    __str__ = __repr__


def read_phone(written: str) -> Phone:
    """The number that somebody wrote down: with +86 or 0086, spaces, dashes or full-width digits. Raises PhoneInvalid."""
    digits = "".join(
        character
        for character in unicodedata.normalize("NFKC", written)
        if character not in _WRITTEN_BETWEEN and unicodedata.category(character) not in _LEFT_OUT
    )
    if (country := _COUNTRY.match(digits)) is not None:
        digits = digits[country.end() :]
        if not (_MOBILE.fullmatch(digits) or digits.startswith("0")):
            digits = f"0{digits}"  # behind +86 a landline is written without the 0 of its area code
    elif digits.startswith("86") and _MOBILE.fullmatch(digits[2:]):
        digits = digits[2:]
    if not (_MOBILE.fullmatch(digits) or _LANDLINE.fullmatch(digits)):
        raise PhoneInvalid
    return Phone(digits)


def phone_index(keys: Keys, town_id: int, phone: Phone) -> bytes:
    """The keyed hash under which a town finds a number (`resident.phone_index`)."""
    return keys.index_of(f"phone:{town_id}:{phone.number}")


def phone_columns(keys: Keys, town_id: int, resident_id: int, phone: Phone | None) -> dict[str, bytes | str | None]:
    """The columns of a resident's row that hold a number; all of them NULL for none."""
    if phone is None:
        return {"phone_sealed": None, "phone_index": None, "phone_tail": None}
    return {
        "phone_sealed": keys.seal(phone.number, phone_context(town_id, resident_id)),
        "phone_index": phone_index(keys, town_id, phone),
        "phone_tail": phone.tail,
    }


def open_phone(keys: Keys, town_id: int, resident_id: int, sealed: bytes) -> Phone:
    """The number of a row. Raises InvalidTag for another row's."""
    return Phone(keys.open(sealed, phone_context(town_id, resident_id)))


def masked_phone(keys: Keys, town_id: int, resident_id: int, sealed: bytes | None) -> str | None:
    """The number of a row as it may be shown; None where there is none."""
    return None if sealed is None else open_phone(keys, town_id, resident_id, sealed).masked


def phone_context(town_id: int, resident_id: int) -> str:
    """Where a sealed number belongs; it can't be opened in another row."""
    return f"resident.phone:{town_id}:{resident_id}"
