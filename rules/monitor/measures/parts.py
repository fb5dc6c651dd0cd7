"""What the statements of several families are made of."""

from __future__ import annotations

from enum import StrEnum
from typing import Any, cast

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Date,
    Integer,
    Select,
    String,
    Subquery,
    Text,
    and_,
    case,
    exists,
    literal_column,
    null,
    or_,
    select,
    type_coerce,
)
from sqlalchemy import cast as turned_into
from sqlalchemy.orm import aliased

from models.activities import Activity, ActivityStatus, Session
from models.history import ActivityVersion, ResidentVersion, SessionVersion
from models.ledger import Account, AccountKind, Book, OwnerType, Posting
from rules.history import as_of
from rules.ledger.transactions import POINTS
from rules.local_time import day_of
from rules.monitor.days import AS_OF, BEGIN, END, SINCE, TOWN, UNTIL, first_id, last_day

#: Stands in a fact for what it doesn't have.
NO_SCENE = turned_into(null(), Text)
NO_DETAIL = turned_into(null(), Text)
NO_OPERATOR = turned_into(null(), BigInteger)
NOWHERE = turned_into(null(), BigInteger)
ONE: ColumnElement[int] = literal_column("1", Integer)
NONE: ColumnElement[int] = literal_column("0", Integer)
#: The day of a state: the last one before its end.
DAY_OF_STATE: ColumnElement[Any] = last_day(END)


def fact(
    id_: Any,
    day: Any,
    territory_id: Any = NOWHERE,
    *,
    scene: Any = NO_SCENE,
    operator_id: Any = NO_OPERATOR,
    detail: Any = NO_DETAIL,
    **counters: Any,
) -> tuple[ColumnElement[Any], ...]:
    """The columns of a fact, named as they have to be."""
    return (
        id_.label("id"),
        type_coerce(day, Date()).label("day"),
        territory_id.label("territory_id"),
        type_coerce(scene, Text()).label("scene"),
        operator_id.label("operator_id"),
        type_coerce(detail, Text()).label("detail"),
        *(counter.label(name) for name, counter in counters.items()),
    )


def happened(at: Any) -> tuple[ColumnElement[bool], ...]:
    """It happened in the span, and was recorded then."""
    return at >= BEGIN, at < END, at <= AS_OF


def was_so(at: Any) -> ColumnElement[bool]:
    """It had happened when the state is looked at."""
    return cast(ColumnElement[bool], (at < END) & (at <= AS_OF))


def was_not_yet(at: Any) -> ColumnElement[bool]:
    """It hadn't happened when the state is looked at, or never did."""
    return or_(at.is_(None), at >= END, at > AS_OF)


def made_since(id_: Any, moment: Any = BEGIN) -> ColumnElement[bool]:
    """The narrow way to rows that were made from a moment on; beside the condition on their time."""
    return cast(ColumnElement[bool], id_ >= first_id(moment))


def one_if(condition: Any) -> ColumnElement[int]:
    """1 where it is so, else 0."""
    return case((condition, ONE), else_=NONE)


def home_at(resident: Any, moment: Any) -> ColumnElement[int]:
    """The place where a resident lived at a moment; what changed at the very moment is counted as changed."""
    was = aliased(ResidentVersion)
    return _home(resident, was, resident.versioned_at > moment, was.until > moment)


def home_of_state(resident: Any) -> ColumnElement[int]:
    """The place where a resident lived when the state is looked at."""
    was = aliased(ResidentVersion)
    changed_since = or_(resident.versioned_at >= END, resident.versioned_at > AS_OF)
    return _home(resident, was, changed_since, or_(was.until >= END, was.until > AS_OF))


def home_before(resident: Any, moment: Any) -> ColumnElement[int]:
    """The place where a resident lived until a moment, at which that changed."""
    was = aliased(ResidentVersion)
    return _home(resident, was, resident.versioned_at >= moment, was.until >= moment)


def _home(resident: Any, was: Any, is_past: Any, lasted: Any) -> ColumnElement[int]:
    """The place of the first version that lasted, where there is one; else where the resident lives now."""
    of_then = (was.town_id == TOWN, was.id == resident.id, lasted)
    from_version = (
        select(was.territory_id).where(*of_then).order_by(was.until).limit(1).correlate_except(was).scalar_subquery()
    )
    # An update that changes nothing of what is watched leaves a moment and no version.
    has_version = select(was.id).where(*of_then).correlate_except(was).exists()
    return case((and_(is_past, has_version), from_version), else_=resident.territory_id)


# --- Days of which something was recorded after them ---


def ended_days(moment: Any, *conditions: ColumnElement[bool]) -> Select[Any]:
    """The days of moments, as far as they had ended."""
    day = day_of(moment)
    return select(day.label("day")).where(moment < SINCE, day < day_of(SINCE), *conditions)


def was_changed(version: Any) -> ColumnElement[bool]:
    """What the version tells was changed between the two moments."""
    return and_(version.town_id == TOWN, version.until > SINCE, version.until <= UNTIL)


_later = as_of(Activity, moment=UNTIL).c
#: The activity of a Session was put under another scene, place or operator, or is no draft any more.
ACTIVITY_LOOKS_OTHERWISE = (
    was_changed(ActivityVersion),
    _later.town_id == TOWN,
    _later.id == ActivityVersion.id,
    or_(
        ActivityVersion.scene != _later.scene,
        ActivityVersion.community_id != _later.community_id,
        ActivityVersion.operator_id != _later.operator_id,
        (ActivityVersion.status == ActivityStatus.DRAFT) != (_later.status == ActivityStatus.DRAFT),
    ),
    Session.town_id == TOWN,
    Session.activity_id == _later.id,
)

#: The Session was made between the two moments, or says that it was earlier, and was written down then.
SESSION_WAS_MADE = and_(
    Session.town_id == TOWN,
    Session.id >= first_id(SINCE),
    or_(Session.made_at.is_(None), Session.made_at <= UNTIL),
)

#: The Session begins in the span, or did before it was moved.
SESSION_WAS_IN_SPAN = or_(
    and_(Session.starts_at >= BEGIN, Session.starts_at < END),
    exists()
    .where(
        SessionVersion.town_id == TOWN,
        SessionVersion.id == Session.id,
        SessionVersion.starts_at >= BEGIN,
        SessionVersion.starts_at < END,
    )
    .correlate(Session),
)

# --- The points book ---


def word(of_table: StrEnum) -> ColumnElement[Any]:
    """A word of the tables, written out: a statement of these has no parameters but those that it is asked with."""
    return literal_column(f"'{of_table.value}'", String)


POINTS_BOOK = select(Book.id).where(Book.town_id == TOWN, Book.code == literal_column(f"'{POINTS}'")).scalar_subquery()
#: Whether a posting comes into a lot of a resident's, or goes out of one.
IS_IN, IS_OUT = Posting.dst_lot_id.is_not(None), Posting.src_lot_id.is_not(None)


def tills(*kinds: AccountKind) -> Subquery:
    """The few accounts of these kinds, which all residents share."""
    return (
        select(Account.id, Account.kind, Account.owner_type, Account.owner_id)
        .where(
            Account.town_id == TOWN, Account.book_id == POINTS_BOOK, Account.kind.in_([word(kind) for kind in kinds])
        )
        .subquery("till")
    )


def is_the_till(till: Any) -> ColumnElement[bool]:
    """Whether it is the one side of a posting that isn't a resident's. Such a posting names one lot."""
    account = case((Posting.src_lot_id.is_(None), Posting.src_account_id), else_=Posting.dst_account_id)
    return and_(till.id == account, IS_IN != IS_OUT)


def operator_of(account: Any) -> ColumnElement[Any]:
    """The operator to whom a till or another account belongs; NULL: the town."""
    return case((account.owner_type == word(OwnerType.OPERATOR), account.owner_id), else_=null())
