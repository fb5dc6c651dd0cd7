"""What people wrote, whether others see it, who decided that, and who complained of it.

A piece of content is written once and never changed: an edit is new content. Somebody must decide on it while `due_at` is
set, which is so as long as it is in review and as long as there are reports that nobody has looked at.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from sqlalchemy import CheckConstraint, ForeignKey, ForeignKeyConstraint, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, InTown, Path, RootInTown, one_of


class ContentKind(StrEnum):
    """What it is a piece of; how strict the local filter is depends on it."""

    PROFILE = "profile"  #: what somebody says of themselves
    GROUP = "group"  #: a group's name and what it is for
    POST = "post"  #: a partner is wanted
    COMMENT = "comment"
    APPLICATION = "application"  #: what somebody writes who asks to join
    RATING = "rating"
    REPAIR = "repair"  #: for the property company only
    COMPLAINT = "complaint"  #: for the property company and the community only
    PICTURE = "picture"


class ContentState(StrEnum):
    PENDING = "pending"  #: not checked yet
    PASSED = "passed"
    REVIEW = "review"  #: waits for staff
    REFUSED = "refused"


IS_AWAITED = text("due_at IS NOT NULL")
IS_PENDING = text("state = 'pending'")


class Content(RootInTown, Base):
    """Something that a resident or staff wrote, or a picture of theirs. Others see it while it is passed."""

    __tablename__ = "content"

    kind: Mapped[ContentKind] = mapped_column(one_of(ContentKind))
    resident_id: Mapped[int | None]  #: who wrote it
    staff_id: Mapped[int | None]  #: the same; both NULL: the system
    text: Mapped[str]
    upload_id: Mapped[int | None]  #: the picture
    place_path: Mapped[str] = mapped_column(Path)  #: whose managers decide on it
    state: Mapped[ContentState] = mapped_column(one_of(ContentState))
    label: Mapped[str | None]  #: what a check found: "phone", "wechat:20006", "reported", "no_answer"
    written_at: Mapped[datetime]
    review_since: Mapped[datetime | None]  #: when it last began to wait for staff
    due_at: Mapped[datetime | None]  #: by when staff decide; NULL: nobody has to
    open_reports: Mapped[int] = mapped_column(default=0)  #: that nobody has decided on
    decided_by: Mapped[int | None]  #: staff; NULL: a check
    decided_at: Mapped[datetime | None]
    reason: Mapped[str | None]  #: why staff decided so, for the author
    appeal: Mapped[str | None]  #: what the author says to a refusal, once
    appealed_at: Mapped[datetime | None]

    __table_args__ = (
        ForeignKeyConstraint(["town_id", "resident_id"], ["resident.town_id", "resident.id"]),
        ForeignKeyConstraint(["town_id", "staff_id"], ["staff.town_id", "staff.id"]),
        ForeignKeyConstraint(["town_id", "decided_by"], ["staff.town_id", "staff.id"]),
        CheckConstraint("resident_id IS NULL OR staff_id IS NULL", name="one_author"),
        CheckConstraint("state <> 'review' OR due_at IS NOT NULL", name="a_review_is_due"),
        CheckConstraint("due_at IS NULL OR review_since IS NOT NULL", name="due_since_a_moment"),
        CheckConstraint("open_reports >= 0", name="reports_not_negative"),
        CheckConstraint("(kind = 'picture') = (upload_id IS NOT NULL)", name="a_picture_is_an_upload"),
        CheckConstraint("(appeal IS NULL) = (appealed_at IS NULL)", name="appealed_at_a_moment"),
        Index("ix_content_awaited", "town_id", "due_at", "id", sqlite_where=IS_AWAITED, postgresql_where=IS_AWAITED),
        Index(
            "ix_content_pending", "town_id", "written_at", "id", sqlite_where=IS_PENDING, postgresql_where=IS_PENDING
        ),
        Index("ix_content_resident", "town_id", "resident_id", "id"),
    )


class DecisionSource(StrEnum):
    """Who or what changed the state of a piece of content."""

    LOCAL = "local"  #: our own filter
    WECHAT = "wechat"
    CLOCK = "clock"  #: no answer came in time
    REPORTS = "reports"  #: enough residents complained
    STAFF = "staff"
    AUTHOR = "author"  #: who appealed


class ContentDecision(InTown, Base):
    """One change of a content's state. Rows are added and never changed (by trigger)."""

    __tablename__ = "content_decision"

    content_id: Mapped[int]
    source: Mapped[DecisionSource] = mapped_column(one_of(DecisionSource))
    state: Mapped[ContentState] = mapped_column(one_of(ContentState))  #: from then on
    label: Mapped[str | None]
    staff_id: Mapped[int | None]
    reason: Mapped[str | None]
    waited_seconds: Mapped[int | None]  #: for staff; NULL: nobody waited
    decided_at: Mapped[datetime]

    __table_args__ = (
        ForeignKeyConstraint(["town_id", "content_id"], ["content.town_id", "content.id"]),
        ForeignKeyConstraint(["town_id", "staff_id"], ["staff.town_id", "staff.id"]),
        CheckConstraint("(source = 'staff') = (staff_id IS NOT NULL)", name="staff_by_name"),
        CheckConstraint("waited_seconds >= 0", name="waited_not_negative"),
        Index("ix_content_decision_content", "town_id", "content_id", "id"),
        Index("ix_content_decision_day", "town_id", "decided_at"),
    )


class ReportReason(StrEnum):
    SPAM = "spam"  #: advertising, flooding
    FRAUD = "fraud"
    ABUSE = "abuse"  #: insults, hatred
    INDECENT = "indecent"
    PRIVACY = "privacy"  #: somebody else's personal information
    FALSE = "false"  #: rumours
    OTHER = "other"


class ReportOutcome(StrEnum):
    PENDING = "pending"
    UPHELD = "upheld"  #: the content is gone
    DISMISSED = "dismissed"


class ContentReport(InTown, Base):
    """A resident complained of a piece of content, once."""

    __tablename__ = "content_report"

    content_id: Mapped[int]
    reporter_id: Mapped[int]  #: never shown to the author
    reason: Mapped[ReportReason] = mapped_column(one_of(ReportReason))
    words: Mapped[str]
    reported_at: Mapped[datetime]
    outcome: Mapped[ReportOutcome] = mapped_column(one_of(ReportOutcome), default=ReportOutcome.PENDING)
    decided_at: Mapped[datetime | None]

    __table_args__ = (
        ForeignKeyConstraint(["town_id", "content_id"], ["content.town_id", "content.id"]),
        ForeignKeyConstraint(["town_id", "reporter_id"], ["resident.town_id", "resident.id"]),
        UniqueConstraint("town_id", "content_id", "reporter_id"),
        CheckConstraint("(outcome = 'pending') = (decided_at IS NULL)", name="decided_at_a_moment"),
        Index("ix_content_report_reporter", "town_id", "reporter_id", "id"),
    )


class ContentTrace(Base):
    """Which content WeChat's answer about a picture belongs to. Global, because the town is what it answers.

    The answer may be pushed before we have written down what was asked for. It is kept here until then, so that the two meet
    in one row whichever comes first.
    """

    __tablename__ = "content_trace"

    trace_id: Mapped[str] = mapped_column(primary_key=True)
    town_id: Mapped[int | None] = mapped_column(ForeignKey("town.id"))  #: NULL: only the answer is known
    content_id: Mapped[int | None]
    suggestion: Mapped[str | None]  #: of an answer that came early, as it was pushed
    label: Mapped[int | None]
    answered_at: Mapped[datetime | None]  #: when it came

    __table_args__ = (
        CheckConstraint("(town_id IS NULL) = (content_id IS NULL)", name="a_town_and_its_content"),
        CheckConstraint("(suggestion IS NULL) = (answered_at IS NULL)", name="answered_at_a_moment"),
        CheckConstraint("(suggestion IS NULL) = (label IS NULL)", name="an_answer_is_whole"),
        CheckConstraint("town_id IS NOT NULL OR suggestion IS NOT NULL", name="asked_or_answered"),
        Index(
            "ix_content_trace_early",
            "answered_at",
            sqlite_where=text("town_id IS NULL"),
            postgresql_where=text("town_id IS NULL"),
        ),
    )


class ModerationTerms(Base):
    """How long staff may take, and how many reports hide something: what held from when. Rows are never changed."""

    __tablename__ = "moderation_terms"

    town_id: Mapped[int] = mapped_column(ForeignKey("town.id"), primary_key=True, autoincrement=False)
    effective_from: Mapped[datetime] = mapped_column(primary_key=True)
    review_hours: Mapped[int]
    reporters_to_hide: Mapped[int]
    set_by: Mapped[int]

    __table_args__ = (
        ForeignKeyConstraint(["town_id", "set_by"], ["staff.town_id", "staff.id"]),
        CheckConstraint("review_hours BETWEEN 1 AND 168", name="review_hours_within_bounds"),
        CheckConstraint("reporters_to_hide BETWEEN 1 AND 100", name="reporters_within_bounds"),
    )
