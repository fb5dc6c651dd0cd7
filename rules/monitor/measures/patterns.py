"""Patterns that somebody should look into: what one member of staff wrote down by hand, one device, rings of transfers.

A finding accuses nobody: it says where more happened than usual, and an auditor looks at the rows. Only auditors of the
whole town see them. What is usual is said here, once, and in each measure's meaning.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Select, and_, case, distinct, exists, func, literal_column, or_, select, union_all
from sqlalchemy import cast as turned_into
from sqlalchemy.orm import aliased
from sqlalchemy.types import BigInteger

from models.adjustments import Adjustment, AwardImport
from models.ledger import Account, Posting, Txn, TxnKind
from models.reservations import Reservation
from models.residents import SignInDevice
from models.venues import VenueBooking
from models.volunteering import Provenance, ServiceRecord
from rules.errors import InBoth
from rules.local_time import day_of
from rules.monitor.days import AS_OF, BEGIN, END, TOWN, days_before, last_day
from rules.monitor.definitions import Better, Facts, Family, Kind, Measure, Unit
from rules.monitor.measures.parts import DAY_OF_STATE, ONE, fact, happened, made_since
from rules.points.transfers import SOURCE
from rules.volunteering.limits import ENTRY_MINUTES_UNFLAGGED, ENTRY_RECORDS_UNFLAGGED

#: Awards by hand of one member of staff in a day: a list of one activity.
AWARDS_USUAL = 20
#: Residents who sign in from one device within DEVICE_DAYS: a family.
DEVICE_RESIDENTS_USUAL = 5
DEVICE_DAYS = 30
#: Within so many days points come back to who gave them.
RING_DAYS = 7
#: Residents for whom one resident books places and rooms in a day: a family.
AGENT_RESIDENTS_USUAL = 5


def _total(counted: object) -> object:
    return turned_into(func.sum(counted), BigInteger)


# One member of staff, one day: hours written down by hand.
_hours_facts = (
    select(
        *fact(
            ServiceRecord.recorded_by,
            day_of(ServiceRecord.recorded_at),
            findings=ONE,
            records=func.count(),
            minutes=_total(ServiceRecord.minutes),
        )
    )
    .where(
        ServiceRecord.town_id == TOWN,
        made_since(ServiceRecord.id),
        *happened(ServiceRecord.recorded_at),
        ServiceRecord.provenance == Provenance.STAFF,
        ServiceRecord.recorded_by.is_not(None),
    )
    .group_by(ServiceRecord.recorded_by, day_of(ServiceRecord.recorded_at))
    .having(or_(func.count() > ENTRY_RECORDS_UNFLAGGED, func.sum(ServiceRecord.minutes) > ENTRY_MINUTES_UNFLAGGED))
)
BULK_HOURS = Family("bulk_hours", "staff", _hours_facts, ("findings", "records", "minutes"))

# One member of staff, one day: points given by hand, one by one or by a file.
_given = union_all(
    select(
        Adjustment.requested_by,
        day_of(Adjustment.requested_at).label("day"),
        ONE.label("awards"),
        Adjustment.amount.label("points"),
    ).where(
        Adjustment.town_id == TOWN, made_since(Adjustment.id), *happened(Adjustment.requested_at), Adjustment.amount > 0
    ),
    select(
        AwardImport.requested_by, day_of(AwardImport.requested_at), AwardImport.rows_total, AwardImport.amount_total
    ).where(AwardImport.town_id == TOWN, made_since(AwardImport.id), *happened(AwardImport.requested_at)),
).subquery("given")
_awards_facts = (
    select(
        *fact(
            _given.c.requested_by,
            _given.c.day,
            findings=ONE,
            awards=_total(_given.c.awards),
            points=_total(_given.c.points),
        )
    )
    .group_by(_given.c.requested_by, _given.c.day)
    .having(func.sum(_given.c.awards) > AWARDS_USUAL)
)
BULK_AWARDS = Family("bulk_awards", "staff", _awards_facts, ("findings", "awards", "points"))

# One device, many residents. The finding's id is that of the first row by which the device came in these days.
_devices_facts = (
    select(
        *fact(
            func.min(SignInDevice.id),
            DAY_OF_STATE,
            findings=ONE,
            residents=func.count(distinct(SignInDevice.resident_id)),
        )
    )
    .where(
        SignInDevice.town_id == TOWN,
        SignInDevice.day >= last_day(days_before(END, DEVICE_DAYS)),
        SignInDevice.signed_in_at >= days_before(END, DEVICE_DAYS),
        SignInDevice.signed_in_at < END,
        SignInDevice.signed_in_at <= AS_OF,
    )
    .group_by(SignInDevice.device_index)
    .having(func.count(distinct(SignInDevice.resident_id)) > DEVICE_RESIDENTS_USUAL)
)
DEVICES = Family(
    "shared_devices",
    "sign_in_device",
    _devices_facts,
    ("findings", "residents"),
    is_state=True,
    window_days=DEVICE_DAYS,
)

# Points that come back to who gave them, by way of one other resident or of two.
_giver, _receiver = aliased(Account), aliased(Account)
#: Gifts of residents, from RING_DAYS before the span on.
TRANSFERS = (
    select(
        Txn.id,
        Txn.effective_at.label("at"),
        _giver.owner_id.label("giver_id"),
        _receiver.owner_id.label("receiver_id"),
    )
    .join(Posting, and_(Posting.town_id == Txn.town_id, Posting.txn_id == Txn.id, Posting.n == 0))
    .join(_giver, and_(_giver.town_id == Posting.town_id, _giver.id == Posting.src_account_id))
    .join(_receiver, and_(_receiver.town_id == Posting.town_id, _receiver.id == Posting.dst_account_id))
    .where(
        Txn.town_id == TOWN,
        made_since(Txn.id, days_before(BEGIN, RING_DAYS)),
        Txn.effective_at >= days_before(BEGIN, RING_DAYS),
        Txn.effective_at < END,
        Txn.effective_at <= AS_OF,
        Txn.kind == TxnKind.TRANSFER,
        Txn.reason == SOURCE,
    )
    .cte("transfer")
)
#: A gift by which a ring closes, and the ones before it: the last of a ring of two, the first and the second of three.
CLOSING, BACK, OUT, ON = (TRANSFERS.alias(name) for name in ("closing", "back", "out", "onward"))
#: How two gifts, and how three, must hang together.
RING_OF_TWO = and_(
    BACK.c.giver_id == CLOSING.c.receiver_id,
    BACK.c.receiver_id == CLOSING.c.giver_id,
    BACK.c.id < CLOSING.c.id,
    BACK.c.at >= days_before(CLOSING.c.at, RING_DAYS),
)
RING_OF_THREE = and_(
    OUT.c.giver_id == CLOSING.c.receiver_id,
    ON.c.giver_id == OUT.c.receiver_id,
    ON.c.receiver_id == CLOSING.c.giver_id,
    OUT.c.id < ON.c.id,
    ON.c.id < CLOSING.c.id,
    OUT.c.at >= days_before(CLOSING.c.at, RING_DAYS),
)
_is_of_two = exists().where(RING_OF_TWO)
_is_of_three = exists().where(RING_OF_THREE)
_rings_facts = select(
    *fact(
        CLOSING.c.id,
        day_of(CLOSING.c.at),
        detail=case((_is_of_two, literal_column("'2'")), else_=literal_column("'3'")),
        findings=ONE,
    )
).where(CLOSING.c.at >= BEGIN, or_(_is_of_two, _is_of_three))
RINGS = Family("transfer_rings", "txn", _rings_facts, ("findings",))


def _booked_for(table: Any, at: Any) -> Select[Any]:
    return select(
        table.booked_by_id.label("agent_id"), day_of(at).label("day"), table.resident_id.label("resident_id")
    ).where(
        table.town_id == TOWN,
        made_since(table.id),
        *happened(at),
        table.booked_by_kind == "resident",
        table.booked_by_id != table.resident_id,
    )


# One resident who books for many.
_booked = union_all(
    _booked_for(Reservation, Reservation.reserved_at), _booked_for(VenueBooking, VenueBooking.booked_at)
).subquery("booked")
_agents_facts: Facts = (
    select(
        *fact(
            _booked.c.agent_id,
            _booked.c.day,
            findings=ONE,
            residents=func.count(distinct(_booked.c.resident_id)),
            bookings=func.count(),
        )
    )
    .group_by(_booked.c.agent_id, _booked.c.day)
    .having(func.count(distinct(_booked.c.resident_id)) > AGENT_RESIDENTS_USUAL)
)
AGENTS = Family("busy_agents", "resident", _agents_facts, ("findings", "residents", "bookings"))


def _measure(name: str, family: Family, title: InBoth, meaning: InBoth) -> Measure:
    return Measure(
        name,
        title,
        meaning,
        Unit.ITEMS,
        Kind.STATE if family.is_state else Kind.FLOW,
        family,
        "findings",
        better=Better.LESS,
        town_only=True,
        confidential=True,
    )


MEASURES: tuple[Measure, ...] = (
    _measure(
        "patterns.bulk_hours",
        BULK_HOURS,
        InBoth("一人一天大量补录时长", "Hours in bulk"),
        InBoth(
            f"一名工作人员一天内手工补录超过 {ENTRY_RECORDS_UNFLAGGED} 条或 {ENTRY_MINUTES_UNFLAGGED // 60} 小时，"
            "按补录当天计，作废的也计。",
            f"A member of staff wrote down more than {ENTRY_RECORDS_UNFLAGGED} records or "
            f"{ENTRY_MINUTES_UNFLAGGED // 60} hours on the day, voided ones included.",
        ),
    ),
    _measure(
        "patterns.bulk_awards",
        BULK_AWARDS,
        InBoth("一人一天大量手工发分", "Awards in bulk"),
        InBoth(
            f"一名工作人员一天内申请手工发分（含文件导入的行）超过 {AWARDS_USUAL} 笔，无论是否批准。",
            f"A member of staff asked for more than {AWARDS_USUAL} awards by hand on the day, rows of files included, "
            "granted or not.",
        ),
    ),
    _measure(
        "patterns.shared_devices",
        DEVICES,
        InBoth("一机多人", "Shared devices"),
        InBoth(
            f"近 {DEVICE_DAYS} 天同一设备登录的居民超过 {DEVICE_RESIDENTS_USUAL} 人。登录记录保留 92 天，居民注销即删，"
            "更早的日子不能重算。",
            f"Devices from which more than {DEVICE_RESIDENTS_USUAL} residents signed in within {DEVICE_DAYS} days. Sign-ins "
            "are kept for 92 days, and go with the resident: earlier days can't be worked out anew.",
        ),
    ),
    _measure(
        "patterns.transfer_rings",
        RINGS,
        InBoth("积分转赠回环", "Rings of transfers"),
        InBoth(
            f"{RING_DAYS} 天内积分经一人或两人又转回转出者；按最后一笔转赠当天计，每笔计一次。",
            f"Transfers by which points came back to who gave them within {RING_DAYS} days, by way of one resident or two; "
            "on the day of the last of them.",
        ),
    ),
    _measure(
        "patterns.busy_agents",
        AGENTS,
        InBoth("一人代约多人", "Booking for many"),
        InBoth(
            f"一名居民一天内代超过 {AGENT_RESIDENTS_USUAL} 名居民预约活动或场地，其后取消的也计。",
            f"A resident booked places or rooms for more than {AGENT_RESIDENTS_USUAL} residents on the day, cancelled ones "
            "included.",
        ),
    ),
)
