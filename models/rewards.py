"""What points are spent on: rewards of merchants and of the community, redemptions, and causes that take donations.

`reward.taken` counts pieces that were redeemed, handed out ones included, and `stock` those that there ever were; so what
is left is their difference, and neither a race nor a correction can take it below zero. A redemption keeps the terms of
the day on which it was made: a rule that changes later doesn't move them.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, InTown, Json, one_of


class RewardKind(StrEnum):
    GOODS = "goods"
    SERVICE = "service"  #: a haircut, an hour of help
    VOUCHER = "voucher"  #: a discount, a fee that is let off
    PLACE = "place"  #: a venue, a place in a course


class RewardStatus(StrEnum):
    DRAFT = "draft"
    SUBMITTED = "submitted"  #: waits for a manager
    PUBLISHED = "published"
    WITHDRAWN = "withdrawn"  #: redemptions of it stand, new ones are refused


class RedemptionStatus(StrEnum):
    READY = "ready"  #: points are held, the piece is set aside
    FULFILLED = "fulfilled"  #: handed out, points are spent
    CANCELLED = "cancelled"  #: points were given back
    LAPSED = "lapsed"  #: nobody came in time


class EndedBy(StrEnum):
    """Who ended a redemption before it was handed out."""

    RESIDENT = "resident"
    MERCHANT = "merchant"
    TIME = "time"


class CauseStatus(StrEnum):
    OPEN = "open"
    CANCELLED = "cancelled"  #: what was given is given back


IS_READY = text("status = 'ready'")
IS_LAPSED = text("status = 'lapsed'")
IS_ENDED = text("ended_at IS NOT NULL")
IS_TO_REMIND = text("remind_at IS NOT NULL")
IS_TO_RETURN = text("returned_at IS NULL")  #: and counts for its cause until then
IS_RETURNED = text("returned_at IS NOT NULL")


class Reward(InTown, Base):
    """Something that points are given for."""

    __tablename__ = "reward"

    operator_id: Mapped[int | None]  #: the merchant; NULL: the community's own
    territory_id: Mapped[int]  #: where it belongs: whose staff look after it
    kind: Mapped[RewardKind] = mapped_column(one_of(RewardKind))
    title: Mapped[str]
    description: Mapped[str] = mapped_column(default="")
    item: Mapped[str] = mapped_column(default="")  #: a word by which the rulebook may name it
    upload_ids: Mapped[list[int]] = mapped_column(Json)
    pick_up_at: Mapped[str] = mapped_column(default="")  #: where it is handed out, in words
    latitude: Mapped[float | None]  #: GCJ-02
    longitude: Mapped[float | None]
    price: Mapped[int]  #: of one piece, in the smallest unit of the points book
    fee: Mapped[int] = mapped_column(default=0)  #: fen of money for one piece, paid at the counter
    worth: Mapped[int | None]  #: what one piece is worth in fen, where the rulebook asks for it
    stock: Mapped[int | None]  #: pieces that there ever were; NULL: it never runs out
    taken: Mapped[int] = mapped_column(default=0)  #: pieces that were redeemed
    quantity_max: Mapped[int] = mapped_column(default=1)  #: pieces in one redemption
    limits: Mapped[list[dict[str, Any]]] = mapped_column(Json)  #: [{"per": "month", "quantity": 2}], for each person
    offered_from: Mapped[datetime | None]
    offered_until: Mapped[datetime | None]
    weekdays: Mapped[list[int] | None] = mapped_column(Json)  #: 1 is Monday; NULL: all
    month_days: Mapped[list[int] | None] = mapped_column(Json)
    opens_at: Mapped[str | None]  #: "09:00", local time: redeemed from then on …
    closes_at: Mapped[str | None]  #: … and before that
    eligible_territory_id: Mapped[int | None]
    age_min: Mapped[int | None]
    age_max: Mapped[int | None]
    ladder: Mapped[str | None]  #: of the rulebook, with
    level: Mapped[str | None]  #: the level from which on it may be redeemed
    status: Mapped[RewardStatus] = mapped_column(one_of(RewardStatus), default=RewardStatus.DRAFT)
    created_at: Mapped[datetime]
    created_by: Mapped[int | None]  #: staff
    revision: Mapped[int] = mapped_column(default=0)  #: how often what it says was changed
    decided_at: Mapped[datetime | None]
    decided_by: Mapped[int | None]  #: staff
    decision_note: Mapped[str | None]

    __table_args__ = (
        ForeignKeyConstraint(["town_id", "operator_id"], ["operator.town_id", "operator.id"]),
        ForeignKeyConstraint(["town_id", "territory_id"], ["territory.town_id", "territory.id"]),
        ForeignKeyConstraint(["town_id", "eligible_territory_id"], ["territory.town_id", "territory.id"]),
        CheckConstraint("price > 0 AND fee >= 0 AND (worth IS NULL OR worth >= 0)", name="prices_not_negative"),
        CheckConstraint("taken >= 0 AND (stock IS NULL OR taken <= stock)", name="taken_within_stock"),
        CheckConstraint("quantity_max BETWEEN 1 AND 99", name="quantity_max_within_bounds"),
        CheckConstraint("(latitude IS NULL) = (longitude IS NULL)", name="position_whole"),
        CheckConstraint("(opens_at IS NULL) = (closes_at IS NULL)", name="hours_whole"),
        CheckConstraint("(ladder IS NULL) = (level IS NULL)", name="level_whole"),
        CheckConstraint("age_min IS NULL OR age_max IS NULL OR age_min <= age_max", name="ages_in_order"),
        Index("ix_reward_status", "town_id", "status", "id"),
        Index("ix_reward_operator", "town_id", "operator_id"),
        Index("ix_reward_territory", "town_id", "territory_id"),
    )


class RewardUse(Base):
    """How many pieces of a reward a person has had in a period: the guard of the limit for each person."""

    __tablename__ = "reward_use"

    town_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    reward_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    resident_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    period: Mapped[str] = mapped_column(primary_key=True)  #: "month:2026-11"
    used: Mapped[int]
    most: Mapped[int]  #: as it stood when it was last used

    __table_args__ = (
        ForeignKeyConstraint(["town_id", "reward_id"], ["reward.town_id", "reward.id"]),
        ForeignKeyConstraint(["town_id", "resident_id"], ["resident.town_id", "resident.id"]),
        CheckConstraint("used BETWEEN 0 AND most", name="used_within_limit"),
        Index("ix_reward_use_resident", "town_id", "resident_id"),
    )


class StockChange(InTown, Base):
    """Pieces that came or went by hand. Rows are added and never changed."""

    __tablename__ = "stock_change"

    reward_id: Mapped[int]
    change: Mapped[int | None]  #: pieces; NULL: from or to a stock that never runs out
    stock_after: Mapped[int | None]
    taken: Mapped[int]  #: as it stood then
    reason: Mapped[str]
    staff_id: Mapped[int | None]  #: NULL: the system
    changed_at: Mapped[datetime]

    __table_args__ = (
        ForeignKeyConstraint(["town_id", "reward_id"], ["reward.town_id", "reward.id"]),
        Index("ix_stock_change_reward", "town_id", "reward_id", "id"),
    )


class Redemption(InTown, Base):
    """Points that were given for something, and what became of it."""

    __tablename__ = "redemption"

    reward_id: Mapped[int]
    resident_id: Mapped[int]
    booked_by_kind: Mapped[str | None]  #: "resident" or "staff", where somebody else redeemed for them
    booked_by_id: Mapped[int | None]
    quantity: Mapped[int]
    price: Mapped[int]  #: of all pieces, in the smallest unit of the points book
    payments: Mapped[list[dict[str, Any]]] = mapped_column(Json)  #: [{"book": …, "hold_id": …, "amount": …}]
    fee: Mapped[int]  #: fen of money for all pieces
    fee_paid: Mapped[bool] = mapped_column(default=False)  #: the merchant says so
    code: Mapped[str]  #: whoever shows it gets it
    status: Mapped[RedemptionStatus] = mapped_column(one_of(RedemptionStatus), default=RedemptionStatus.READY)
    section: Mapped[str]  #: of the rulebook
    is_refundable: Mapped[bool]  #: the resident may cancel until it is picked up
    returns_when_lapsed: Mapped[bool]
    is_substitutable: Mapped[bool]
    limit_periods: Mapped[list[str]] = mapped_column(Json)  #: under which periods of `reward_use` it counts
    redeemed_at: Mapped[datetime]
    pick_up_until: Mapped[datetime]  #: and not at that moment any more
    remind_at: Mapped[datetime | None]  #: NULL: reminded, or no need
    fulfilled_at: Mapped[datetime | None]
    fulfilled_by: Mapped[int | None]  #: staff
    ended_at: Mapped[datetime | None]
    ended_by: Mapped[EndedBy | None] = mapped_column(one_of(EndedBy))
    ended_reason: Mapped[str | None]
    points_returned: Mapped[int] = mapped_column(default=0)
    substitute_id: Mapped[int | None]  #: another reward that the merchant offers instead, until the resident answers
    substitute_reason: Mapped[str | None]
    replaced_id: Mapped[int | None]  #: the reward that was redeemed first, where another one took its place
    replaced_at: Mapped[datetime | None]  #: when one last did

    __table_args__ = (
        ForeignKeyConstraint(["town_id", "reward_id"], ["reward.town_id", "reward.id"]),
        ForeignKeyConstraint(["town_id", "resident_id"], ["resident.town_id", "resident.id"]),
        ForeignKeyConstraint(["town_id", "substitute_id"], ["reward.town_id", "reward.id"]),
        ForeignKeyConstraint(["town_id", "replaced_id"], ["reward.town_id", "reward.id"]),
        UniqueConstraint("town_id", "code"),
        CheckConstraint("quantity > 0 AND price > 0 AND fee >= 0", name="amounts_not_negative"),
        CheckConstraint("points_returned >= 0", name="returned_not_negative"),
        CheckConstraint("(status = 'fulfilled') = (fulfilled_at IS NOT NULL)", name="fulfilled_at_a_moment"),
        CheckConstraint("(status IN ('cancelled', 'lapsed')) = (ended_at IS NOT NULL)", name="ended_at_a_moment"),
        CheckConstraint("status = 'ready' OR (remind_at IS NULL AND substitute_id IS NULL)", name="nothing_open_after"),
        Index("ix_redemption_resident", "town_id", "resident_id", "id"),
        Index("ix_redemption_reward", "town_id", "reward_id", "status", "id"),
        Index("ix_redemption_fulfilled", "town_id", "fulfilled_at"),
        Index("ix_redemption_ended", "town_id", "ended_at", sqlite_where=IS_ENDED, postgresql_where=IS_ENDED),
        Index("ix_redemption_lapsed", "town_id", "ended_at", sqlite_where=IS_LAPSED, postgresql_where=IS_LAPSED),
        Index("ix_redemption_ready", "town_id", "pick_up_until", sqlite_where=IS_READY, postgresql_where=IS_READY),
        Index("ix_redemption_remind", "town_id", "remind_at", sqlite_where=IS_TO_REMIND, postgresql_where=IS_TO_REMIND),
    )


class CodeTry(Base):
    """How many wrong codes a member of staff has sent within an hour."""

    __tablename__ = "code_try"

    town_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    staff_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    hour: Mapped[datetime] = mapped_column(primary_key=True)
    wrong: Mapped[int]

    __table_args__ = (
        ForeignKeyConstraint(["town_id", "staff_id"], ["staff.town_id", "staff.id"]),
        CheckConstraint("wrong >= 0", name="wrong_not_negative"),
    )


class Cause(InTown, Base):
    """Something that residents give points to."""

    __tablename__ = "cause"

    operator_id: Mapped[int | None]  #: who redeems the points; NULL: the town
    territory_id: Mapped[int]
    title: Mapped[str]
    description: Mapped[str] = mapped_column(default="")
    upload_ids: Mapped[list[int]] = mapped_column(Json)
    target: Mapped[int]  #: points, in the smallest unit of the points book
    given: Mapped[int] = mapped_column(default=0)  #: less what was given back
    until: Mapped[datetime]
    status: Mapped[CauseStatus] = mapped_column(one_of(CauseStatus), default=CauseStatus.OPEN)
    created_at: Mapped[datetime]
    created_by: Mapped[int | None]  #: staff
    cancelled_at: Mapped[datetime | None]
    cancelled_reason: Mapped[str | None]

    __table_args__ = (
        ForeignKeyConstraint(["town_id", "operator_id"], ["operator.town_id", "operator.id"]),
        ForeignKeyConstraint(["town_id", "territory_id"], ["territory.town_id", "territory.id"]),
        CheckConstraint("target > 0 AND given >= 0", name="points_not_negative"),
        CheckConstraint("(status = 'cancelled') = (cancelled_at IS NOT NULL)", name="cancelled_at_a_moment"),
        Index("ix_cause_status", "town_id", "status", "id"),
    )


class Donation(InTown, Base):
    """Points that a resident gave to a cause."""

    __tablename__ = "donation"

    cause_id: Mapped[int]
    resident_id: Mapped[int]
    amount: Mapped[int]  #: in the smallest unit of the points book
    payments: Mapped[list[dict[str, Any]]] = mapped_column(Json)  #: [{"book": …, "txn_id": …, "amount": …}]
    is_named: Mapped[bool]  #: the resident lets the name be shown
    donated_at: Mapped[datetime]
    returned_at: Mapped[datetime | None]

    __table_args__ = (
        ForeignKeyConstraint(["town_id", "cause_id"], ["cause.town_id", "cause.id"]),
        ForeignKeyConstraint(["town_id", "resident_id"], ["resident.town_id", "resident.id"]),
        CheckConstraint("amount > 0", name="amount_positive"),
        Index("ix_donation_resident", "town_id", "resident_id", "id"),
        Index("ix_donation_returned", "town_id", "returned_at", sqlite_where=IS_RETURNED, postgresql_where=IS_RETURNED),
        Index(
            "ix_donation_cause", "town_id", "cause_id", "id", sqlite_where=IS_TO_RETURN, postgresql_where=IS_TO_RETURN
        ),
    )
