"""Whom the town's monitoring tells of new snapshots: addresses outside of the house that are called."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, LargeBinary, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, RootInTown


class Webhook(RootInTown, Base):
    """One address that is called. Each call is signed with a secret that only its owner and we know."""

    __tablename__ = "webhook"

    url: Mapped[str]
    description: Mapped[str]  #: whose it is
    secret_sealed: Mapped[bytes] = mapped_column(LargeBinary)
    created_at: Mapped[datetime]
    created_by: Mapped[int]
    failures: Mapped[int] = mapped_column(default=0)  #: calls in a row that failed
    failure: Mapped[str | None]  #: why the last call failed, in a word; None: it didn't
    failed_at: Mapped[datetime | None]
    delivered_at: Mapped[datetime | None]  #: when a call was last taken
    disabled_at: Mapped[datetime | None]  #: it isn't called: by staff, or because too many calls failed
    disabled_by: Mapped[int | None]  #: None: by itself

    __table_args__ = (
        ForeignKeyConstraint(["town_id", "created_by"], ["staff.town_id", "staff.id"]),
        ForeignKeyConstraint(["town_id", "disabled_by"], ["staff.town_id", "staff.id"]),
        UniqueConstraint("town_id", "url"),
        CheckConstraint("failures >= 0", name="failures_not_negative"),
    )
