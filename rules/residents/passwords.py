"""Staff names and passwords.

A password is checked outside any transaction, because that takes some 30 ms on purpose, and it is checked for unknown
names too (against a hash that no password has), so the time of the answer doesn't tell which names exist.
"""

from __future__ import annotations

from dataclasses import dataclass

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from sqlalchemy import bindparam, select

from models.residents import Staff, StaffLookup, StaffStatus
from rules.errors import Kind, RuleError
from rules.work import Work

#: OWASP's smallest advised setting for argon2id: 19 MiB, two passes, one lane.
HASHER = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
_NOBODYS_HASH = HASHER.hash("")


class CredentialsWrong(RuleError):
    code = "auth.credentials_wrong"
    kind = Kind.UNAUTHENTICATED
    zh = "用户名或密码不正确。"
    en = "The user name or the password is not right."


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a name stands for; `staff_id` is None where nobody has the name."""

    town_id: int
    staff_id: int | None
    password_hash: str


_find = (
    select(Staff.town_id, Staff.id, Staff.password_hash)
    .join(StaffLookup, (StaffLookup.town_id == Staff.town_id) & (StaffLookup.staff_id == Staff.id))
    .where(StaffLookup.username == bindparam("username"), Staff.status == StaffStatus.ACTIVE)
)


def find_credentials(work: Work, username: str) -> Credentials:
    """The credentials of a name, or nobody's."""
    row = work.db.execute(_find, {"username": username}).first()
    return Credentials(row.town_id, row.id, row.password_hash) if row else Credentials(0, None, _NOBODYS_HASH)


def check_password(credentials: Credentials, password: str) -> int:
    """The staff id that name and password belong to. Raises CredentialsWrong."""
    try:
        HASHER.verify(credentials.password_hash, password)
    except (VerificationError, InvalidHashError):
        raise CredentialsWrong from None
    if credentials.staff_id is None:
        raise CredentialsWrong
    return credentials.staff_id
