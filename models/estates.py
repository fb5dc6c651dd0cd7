"""Property companies, the estates they manage, repairs, complaints and praise.

What applies from a day on is never changed but followed by what applies from a later day (`EstateManagement`,
`RepairList`, `ServiceTerms`). A repair carries what was decided for it when each of its steps began: a deadline stays as
it was promised, whatever the terms say since. What is personal in a repair is a telephone number, sealed and forgotten
once nobody has to call any more, and the words that its resident wrote.
"""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Index, LargeBinary, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, InTown, Json, RootInTown, one_of

IS_MANAGED = text("until_day IS NULL")


class PropertyCompany(RootInTown, Base):
    """A company that manages estates 物业公司."""

    __tablename__ = "property_company"

    name: Mapped[str]
    phone: Mapped[str]  #: of its office, public
    address: Mapped[str]
    credit_code: Mapped[str | None]  #: 统一社会信用代码, 18 characters
    recorded_at: Mapped[datetime]

    __table_args__ = (UniqueConstraint("town_id", "name"),)


class EstateManagement(InTown, Base):
    """A company manages an estate from a day on, until the day before another."""

    __tablename__ = "estate_management"

    estate_id: Mapped[int]
    company_id: Mapped[int]
    from_day: Mapped[date]
    until_day: Mapped[date | None]  #: the first day on which it doesn't any more; NULL: no end is known
    recorded_by: Mapped[int | None]  #: staff
    recorded_at: Mapped[datetime]

    __table_args__ = (
        ForeignKeyConstraint(["town_id", "estate_id"], ["territory.town_id", "territory.id"]),
        ForeignKeyConstraint(["town_id", "company_id"], ["property_company.town_id", "property_company.id"]),
        ForeignKeyConstraint(["town_id", "recorded_by"], ["staff.town_id", "staff.id"]),
        UniqueConstraint("town_id", "estate_id", "from_day"),
        CheckConstraint("until_day >= from_day", name="days_in_order"),
        Index(
            "uq_estate_management_open",
            "town_id",
            "estate_id",
            unique=True,
            sqlite_where=IS_MANAGED,
            postgresql_where=IS_MANAGED,
        ),
        Index("ix_estate_management_company", "town_id", "company_id", "id"),
    )


class ContactKind(StrEnum):
    """What somebody calls an estate for."""

    OFFICE = "office"  #: 物业服务中心
    SECURITY = "security"
    WATER = "water"
    POWER = "power"
    GAS = "gas"
    LIFT = "lift"
    OTHER = "other"


class EstateContact(Base):
    """A public number of an estate, and when somebody answers it."""

    __tablename__ = "estate_contact"

    town_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    estate_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    n: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)  #: 0 comes first
    kind: Mapped[ContactKind] = mapped_column(one_of(ContactKind))
    name: Mapped[str]  #: "电梯困人救援"
    phone: Mapped[str]
    is_emergency: Mapped[bool]
    opens_at: Mapped[str | None]  #: "08:30", local time; NULL: round the clock
    closes_at: Mapped[str | None]
    note: Mapped[str]

    __table_args__ = (
        ForeignKeyConstraint(["town_id", "estate_id"], ["territory.town_id", "territory.id"]),
        CheckConstraint("(opens_at IS NULL) = (closes_at IS NULL)", name="hours_whole"),
    )


class RepairList(RootInTown, Base):
    """The categories of repairs from a day on: an estate's, a company's, or the town's where neither has its own."""

    __tablename__ = "repair_list"

    scope: Mapped[str]  #: "estate:5", "company:7", "town"
    estate_id: Mapped[int | None]
    company_id: Mapped[int | None]
    from_day: Mapped[date]
    content: Mapped[dict[str, Any]]  #: {"categories": [{"code": "lift", "name": "电梯"}, …]}
    recorded_by: Mapped[int | None]
    recorded_at: Mapped[datetime]

    __table_args__ = (
        ForeignKeyConstraint(["town_id", "estate_id"], ["territory.town_id", "territory.id"]),
        ForeignKeyConstraint(["town_id", "company_id"], ["property_company.town_id", "property_company.id"]),
        ForeignKeyConstraint(["town_id", "recorded_by"], ["staff.town_id", "staff.id"]),
        UniqueConstraint("town_id", "scope", "from_day"),
        CheckConstraint("estate_id IS NULL OR company_id IS NULL", name="one_scope"),
    )


class ServiceTerms(RootInTown, Base):
    """How long each step may take, from a day on: for a company and a category, for one of the two, or for all."""

    __tablename__ = "service_terms"

    scope: Mapped[str]  #: "7/lift", "7/", "/lift", "/": company and category, empty where it holds for all
    company_id: Mapped[int | None]
    category: Mapped[str | None]
    from_day: Mapped[date]
    assign_minutes: Mapped[int]
    start_minutes: Mapped[int]  #: from being assigned to the beginning of the work
    finish_minutes: Mapped[int]
    confirm_minutes: Mapped[int]  #: after which what is done counts as confirmed
    answer_minutes: Mapped[int]  #: to a complaint or praise
    in_working_days: Mapped[bool]  #: days that aren't working days don't count
    reopen_days: Mapped[int]  #: this and rating_days: from the end of the time to confirm
    reopens_max: Mapped[int]
    rating_days: Mapped[int]
    recorded_by: Mapped[int | None]
    recorded_at: Mapped[datetime]

    __table_args__ = (
        ForeignKeyConstraint(["town_id", "company_id"], ["property_company.town_id", "property_company.id"]),
        ForeignKeyConstraint(["town_id", "recorded_by"], ["staff.town_id", "staff.id"]),
        UniqueConstraint("town_id", "scope", "from_day"),
        CheckConstraint(
            "assign_minutes > 0 AND start_minutes > 0 AND finish_minutes > 0 AND confirm_minutes > 0 "
            "AND answer_minutes > 0",
            name="minutes_positive",
        ),
        CheckConstraint("reopen_days >= 0 AND reopens_max >= 0 AND rating_days >= 0", name="bounds_not_negative"),
    )


class RepairStatus(StrEnum):
    SUBMITTED = "submitted"
    ASSIGNED = "assigned"
    IN_PROGRESS = "in_progress"
    DONE = "done"  #: the company says so, and the resident hasn't answered yet
    CONFIRMED = "confirmed"
    REOPENED = "reopened"
    CANCELLED = "cancelled"  #: by the resident, before the work began
    REJECTED = "rejected"  #: by the company, with a reason


#: The states in which the company has something to do, and somebody may have to call.
OPEN = (RepairStatus.SUBMITTED, RepairStatus.ASSIGNED, RepairStatus.IN_PROGRESS, RepairStatus.REOPENED)
IS_OPEN = text("status IN ({})".format(", ".join(f"'{status}'" for status in OPEN)))
IS_DONE = text("status = 'done'")
IS_PUBLIC = text("place = 'public'")
HAS_PHONE = text("forget_at IS NOT NULL")


class RepairPlace(StrEnum):
    HOME = "home"
    PUBLIC = "public"  #: lifts, lights, paths: what belongs to all


class Repair(InTown, Base):
    """Something that is broken, and how far its repair is."""

    __tablename__ = "repair"

    estate_id: Mapped[int]
    company_id: Mapped[int | None]  #: that managed the estate when it was submitted; NULL: none did
    resident_id: Mapped[int]
    household_id: Mapped[int | None]  #: the resident's, of a repair at home
    submitted_by_kind: Mapped[str | None]  #: who wrote it, where it wasn't the resident: resident, staff
    submitted_by_id: Mapped[int | None]
    place: Mapped[RepairPlace] = mapped_column(one_of(RepairPlace))
    territory_id: Mapped[int]  #: the estate, or a node below it
    location: Mapped[str]  #: "3 幢 2 单元电梯厅"
    category: Mapped[str]  #: the code of it
    category_name: Mapped[str]  #: as the list said when it was submitted
    description: Mapped[str]
    content_id: Mapped[int | None]  #: of the check before neighbours read it; a repair at home has none
    phone_sealed: Mapped[bytes | None] = mapped_column(LargeBinary)  #: encrypted, until `forget_at`
    wanted_from: Mapped[datetime | None]  #: the preferred time of a visit
    wanted_until: Mapped[datetime | None]
    status: Mapped[RepairStatus] = mapped_column(one_of(RepairStatus), default=RepairStatus.SUBMITTED)
    revision: Mapped[int] = mapped_column(
        default=1
    )  #: grows by one with each change; who changes says which one they saw
    worker_staff_id: Mapped[int | None]
    worker_name: Mapped[str | None]
    worker_phone_sealed: Mapped[bytes | None] = mapped_column(LargeBinary)  #: encrypted, until `forget_at`
    visit_at: Mapped[datetime | None]
    due_at: Mapped[datetime | None]  #: when the present step must be over; fixed when it began
    remind_at: Mapped[datetime | None]  #: when the resident is to be reminded of it; NULL: not, or not any more
    overdue_at: Mapped[datetime | None]  #: when the present step was written down as late
    steps_late: Mapped[int] = mapped_column(default=0)  #: the company's steps that took longer than promised
    submitted_at: Mapped[datetime]
    assigned_at: Mapped[datetime | None]  #: the first time; so are the next two
    started_at: Mapped[datetime | None]
    done_at: Mapped[datetime | None]
    confirmed_at: Mapped[datetime | None]  #: the last time
    closed_at: Mapped[datetime | None]  #: cancelled or rejected
    was_confirmed_by_time: Mapped[bool] = mapped_column(default=False)  #: the resident didn't answer
    reopens: Mapped[int] = mapped_column(default=0)
    reopens_max: Mapped[int] = mapped_column(default=0)  #: this and the next two: fixed when it was done
    reopen_until: Mapped[datetime | None]
    rating_until: Mapped[datetime | None]
    rating: Mapped[int | None]  #: 1 to 5
    rating_words: Mapped[str | None]
    rated_at: Mapped[datetime | None]
    forget_at: Mapped[datetime | None]  #: when the numbers are wiped; NULL: not known yet, or done

    __table_args__ = (
        ForeignKeyConstraint(["town_id", "estate_id"], ["territory.town_id", "territory.id"]),
        ForeignKeyConstraint(["town_id", "territory_id"], ["territory.town_id", "territory.id"]),
        ForeignKeyConstraint(["town_id", "company_id"], ["property_company.town_id", "property_company.id"]),
        ForeignKeyConstraint(["town_id", "resident_id"], ["resident.town_id", "resident.id"]),
        ForeignKeyConstraint(["town_id", "household_id"], ["household.town_id", "household.id"]),
        ForeignKeyConstraint(["town_id", "worker_staff_id"], ["staff.town_id", "staff.id"]),
        CheckConstraint("wanted_from < wanted_until", name="wanted_in_order"),
        CheckConstraint("(wanted_from IS NULL) = (wanted_until IS NULL)", name="wanted_whole"),
        CheckConstraint("rating BETWEEN 1 AND 5", name="rating_within_stars"),
        CheckConstraint("(rating IS NULL) = (rated_at IS NULL)", name="rated_at_a_moment"),
        CheckConstraint("status IN ('confirmed', 'cancelled', 'rejected') OR due_at IS NOT NULL", name="a_step_is_due"),
        CheckConstraint(
            "status NOT IN ('assigned', 'in_progress', 'done') OR worker_name IS NOT NULL", name="by_someone"
        ),
        CheckConstraint(
            "status NOT IN ('done', 'confirmed', 'reopened') OR done_at IS NOT NULL", name="done_at_a_moment"
        ),
        CheckConstraint("(status IN ('cancelled', 'rejected')) = (closed_at IS NOT NULL)", name="closed_at_a_moment"),
        CheckConstraint("reopens >= 0 AND steps_late >= 0 AND revision > 0", name="counts_not_negative"),
        Index("ix_repair_resident", "town_id", "resident_id", "id"),
        Index("ix_repair_household", "town_id", "household_id", "id"),
        Index("ix_repair_estate", "town_id", "estate_id", "id"),
        Index("ix_repair_company", "town_id", "company_id", "submitted_at"),
        Index("ix_repair_open", "town_id", "due_at", sqlite_where=IS_OPEN, postgresql_where=IS_OPEN),
        Index("ix_repair_done", "town_id", "due_at", sqlite_where=IS_DONE, postgresql_where=IS_DONE),
        Index("ix_repair_public", "town_id", "estate_id", "id", sqlite_where=IS_PUBLIC, postgresql_where=IS_PUBLIC),
        Index("ix_repair_forget", "town_id", "forget_at", sqlite_where=HAS_PHONE, postgresql_where=HAS_PHONE),
    )


class RepairDeed(StrEnum):
    """What happened to a repair."""

    SUBMITTED = "submitted"
    ASSIGNED = "assigned"
    REASSIGNED = "reassigned"  #: to another worker; the step and its deadline stay
    VISIT_SET = "visit_set"
    STARTED = "started"
    DONE = "done"
    CONFIRMED = "confirmed"
    CONFIRMED_BY_TIME = "confirmed_by_time"
    REOPENED = "reopened"
    CANCELLED = "cancelled"
    REJECTED = "rejected"
    RATED = "rated"
    OVERDUE = "overdue"


class RepairEvent(InTown, Base):
    """One thing that happened to a repair. Rows are added and never changed."""

    __tablename__ = "repair_event"

    repair_id: Mapped[int]
    deed: Mapped[RepairDeed] = mapped_column(one_of(RepairDeed))
    by_kind: Mapped[str]  #: resident, staff, system
    by_id: Mapped[int]  #: 0: the system
    at: Mapped[datetime]
    due_at: Mapped[datetime | None]  #: of the step that ended
    stars: Mapped[int | None]  #: of a rating, 1 to 5

    __table_args__ = (
        ForeignKeyConstraint(["town_id", "repair_id"], ["repair.town_id", "repair.id"]),
        Index("ix_repair_event_repair", "town_id", "repair_id", "id"),
    )


class RepairNote(Base):
    """What somebody wrote or photographed with an event; apart from it, because a person may ask for its erasure."""

    __tablename__ = "repair_note"

    town_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    event_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    words: Mapped[str]
    photos: Mapped[dict[str, Any] | None] = mapped_column(Json)  #: {"upload_ids": ["5", …]}

    __table_args__ = (ForeignKeyConstraint(["town_id", "event_id"], ["repair_event.town_id", "repair_event.id"]),)


class ComplaintKind(StrEnum):
    COMPLAINT = "complaint"
    PRAISE = "praise"


class Addressee(StrEnum):
    """To whom it is said."""

    COMPANY = "company"
    STREET = "street"  #: the company doesn't see it


class ComplaintStatus(StrEnum):
    OPEN = "open"
    ANSWERED = "answered"
    WITHDRAWN = "withdrawn"


IS_UNANSWERED = text("status = 'open'")


class Complaint(InTown, Base):
    """What a resident has to say of a company 投诉 表扬, and the answer."""

    __tablename__ = "complaint"

    kind: Mapped[ComplaintKind] = mapped_column(one_of(ComplaintKind))
    addressee: Mapped[Addressee] = mapped_column(one_of(Addressee))
    estate_id: Mapped[int]
    company_id: Mapped[int | None]
    repair_id: Mapped[int | None]  #: the repair that it is about
    resident_id: Mapped[int]
    is_anonymous: Mapped[bool]  #: the company isn't told who it was; the street may look
    words: Mapped[str]
    photos: Mapped[dict[str, Any] | None] = mapped_column(Json)  #: {"upload_ids": ["5", …]}
    status: Mapped[ComplaintStatus] = mapped_column(one_of(ComplaintStatus), default=ComplaintStatus.OPEN)
    made_at: Mapped[datetime]
    due_at: Mapped[datetime]  #: when it must be answered; fixed when it was made
    overdue_at: Mapped[datetime | None]  #: when it was written down as late
    answer: Mapped[str | None]
    answered_by: Mapped[int | None]
    answered_at: Mapped[datetime | None]

    __table_args__ = (
        ForeignKeyConstraint(["town_id", "estate_id"], ["territory.town_id", "territory.id"]),
        ForeignKeyConstraint(["town_id", "company_id"], ["property_company.town_id", "property_company.id"]),
        ForeignKeyConstraint(["town_id", "repair_id"], ["repair.town_id", "repair.id"]),
        ForeignKeyConstraint(["town_id", "resident_id"], ["resident.town_id", "resident.id"]),
        ForeignKeyConstraint(["town_id", "answered_by"], ["staff.town_id", "staff.id"]),
        CheckConstraint("(status = 'answered') = (answer IS NOT NULL)", name="answered_in_words"),
        CheckConstraint("(answer IS NULL) = (answered_at IS NULL)", name="answered_at_a_moment"),
        Index("ix_complaint_resident", "town_id", "resident_id", "id"),
        Index("ix_complaint_estate", "town_id", "estate_id", "id"),
        Index("ix_complaint_open", "town_id", "due_at", sqlite_where=IS_UNANSWERED, postgresql_where=IS_UNANSWERED),
        Index(
            "ix_complaint_answered_at",
            "town_id",
            "answered_at",
            sqlite_where=text("answered_at IS NOT NULL"),
            postgresql_where=text("answered_at IS NOT NULL"),
        ),
    )
