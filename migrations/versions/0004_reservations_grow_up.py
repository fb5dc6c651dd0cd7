"""Reservations grow up: windows, waiting lists, offers, draws, appeals; who has no phone, and who acts for whom.

Sessions of before have no window that opens, nobody waits for them, and nobody goes beyond their capacity.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from migrations.steps import JSON, change_words, is_postgresql, make_anew

revision = "0004"
down_revision = "0003"

#: What a new column holds in the rows of before.
ADDED = {
    "resident": {},
    "activity": {
        "price": "0",
        "allocation": "'first_come'",
        "waiting_max": "0",
        "offer_minutes": "0",
        "allows_reentry": "true",
        "questions": "'[]'",
    },
    "series": {
        "skips_holidays": "false",
        "skips": "'[]'",
        "closes_minutes_before": "0",
        "capacity_min": "0",
        "overbooking_max": "0",
    },
    "session": {
        "capacity_min": "0",
        "overbooking_max": "0",
        "overbooking": "0",
        "waiting": "0",
        "tickets": "0",
        "revision": "0",
    },
    "reservation": {"priority": "0", "rank": "0", "price": "0", "confirmed_at": "reserved_at"},
}


def upgrade() -> None:
    if is_postgresql():
        _change_on_postgresql()
    else:
        _change_on_sqlite()
    create_new_indexes()
    create_proxy()
    create_organisation()
    create_organisation_member()
    create_draw()
    create_appeal()
    create_indexes_of_new_tables()


def _change_on_sqlite() -> None:
    creators = {
        "resident": create_resident,
        "activity": create_activity,
        "series": create_series,
        "session": create_session,
        "reservation": create_reservation,
    }
    for table, create in creators.items():
        make_anew(table, create, ADDED[table])
    create_indexes_again()


def _change_on_postgresql() -> None:
    for table, columns in COLUMNS.items():
        for column in columns:
            op.add_column(table, column)
        for name, value in ADDED[table].items():
            op.execute(f"UPDATE {table} SET {name} = {value}")  # noqa: S608  our own words
            if name != "confirmed_at":
                op.alter_column(table, name, nullable=False)
    for table, checks in CHECKS.items():
        for name, condition in checks.items():
            op.create_check_constraint(op.f(f"ck_{table}_{name}"), table, condition)
    op.alter_column("resident", "openid_sealed", nullable=True)
    op.drop_constraint(op.f("ck_session_taken_within_capacity"), "session", type_="check")
    op.create_check_constraint(
        op.f("ck_session_taken_within_capacity"), "session", "taken BETWEEN 0 AND capacity + overbooking"
    )
    op.create_foreign_key(
        op.f("fk_activity_town_id_copied_from_id"),
        "activity",
        "activity",
        ["town_id", "copied_from_id"],
        ["town_id", "id"],
    )
    words = ("draft", "published", "cancelled", "finished")
    change_words("activity", "status", words, check="activitystatus")
    words = ("applied", "waitlisted", "offered", "confirmed", "checked_in", "cancelled", "no_show", "lapsed")
    change_words("reservation", "status", words, check="reservationstatus")
    op.drop_index("uq_reservation_live", table_name="reservation")


def create_resident(name: str) -> None:
    op.create_table(
        name,
        sa.Column("town_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("openid_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("phone_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("phone_index", sa.LargeBinary(), nullable=True),
        sa.Column("phone_tail", sa.Text(), nullable=True),
        sa.Column("born_on", sa.Date(), nullable=True),
        sa.Column("territory_id", sa.BigInteger(), nullable=True),
        sa.Column("household_id", sa.BigInteger(), nullable=True),
        sa.Column(
            "status",
            sa.Enum(
                "active",
                "suspended",
                name=op.f("ck_resident_residentstatus"),
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("token_version", sa.BigInteger(), nullable=False),
        sa.Column("registered_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "(phone_sealed IS NULL) = (phone_index IS NULL)", name=op.f("ck_resident_phone_can_be_found")
        ),
        sa.ForeignKeyConstraint(
            ["town_id", "household_id"],
            ["household.town_id", "household.id"],
            name=op.f("fk_resident_town_id_household_id"),
        ),
        sa.ForeignKeyConstraint(
            ["town_id", "territory_id"],
            ["territory.town_id", "territory.id"],
            name=op.f("fk_resident_town_id_territory_id"),
        ),
        sa.ForeignKeyConstraint(["town_id"], ["town.id"], name=op.f("fk_resident_town_id")),
        sa.PrimaryKeyConstraint("town_id", "id", name=op.f("pk_resident")),
        info={"distribution": "distributed"},
    )


def create_activity(name: str) -> None:
    op.create_table(
        name,
        sa.Column("town_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("summary", sa.Text(), nullable=False),
        sa.Column("category", sa.Text(), nullable=False),
        sa.Column(
            "scene",
            sa.Enum(
                "neighbourhood",
                "education",
                "health",
                "enterprise",
                "architecture",
                "transport",
                "low_carbon",
                "services",
                "governance",
                name=op.f("ck_activity_scene"),
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("community_id", sa.BigInteger(), nullable=False),
        sa.Column("operator_id", sa.BigInteger(), nullable=False),
        sa.Column("eligible_territory_id", sa.BigInteger(), nullable=True),
        sa.Column("volunteers_only", sa.Boolean(), nullable=False),
        sa.Column("party_size_max", sa.BigInteger(), nullable=False),
        sa.Column("age_min", sa.BigInteger(), nullable=True),
        sa.Column("age_max", sa.BigInteger(), nullable=True),
        sa.Column("price", sa.BigInteger(), nullable=False),
        sa.Column(
            "allocation",
            sa.Enum(
                "first_come",
                "priority",
                "lottery",
                name=op.f("ck_activity_allocation"),
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("waiting_max", sa.BigInteger(), nullable=False),
        sa.Column("offer_minutes", sa.BigInteger(), nullable=False),
        sa.Column("allows_reentry", sa.Boolean(), nullable=False),
        sa.Column("questions", JSON, nullable=False),
        sa.Column("copied_from_id", sa.BigInteger(), nullable=True),
        sa.Column(
            "status",
            sa.Enum(
                "draft",
                "published",
                "cancelled",
                "finished",
                name=op.f("ck_activity_activitystatus"),
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("age_min <= age_max", name=op.f("ck_activity_ages_in_order")),
        sa.CheckConstraint("party_size_max > 0", name=op.f("ck_activity_party_size_max_positive")),
        sa.CheckConstraint(
            "price >= 0 AND waiting_max >= 0 AND offer_minutes >= 0", name=op.f("ck_activity_numbers_not_negative")
        ),
        sa.ForeignKeyConstraint(
            ["town_id", "community_id"],
            ["territory.town_id", "territory.id"],
            name=op.f("fk_activity_town_id_community_id"),
        ),
        sa.ForeignKeyConstraint(
            ["town_id", "copied_from_id"],
            ["activity.town_id", "activity.id"],
            name=op.f("fk_activity_town_id_copied_from_id"),
        ),
        sa.ForeignKeyConstraint(
            ["town_id", "eligible_territory_id"],
            ["territory.town_id", "territory.id"],
            name=op.f("fk_activity_town_id_eligible_territory_id"),
        ),
        sa.ForeignKeyConstraint(
            ["town_id", "operator_id"],
            ["operator.town_id", "operator.id"],
            name=op.f("fk_activity_town_id_operator_id"),
        ),
        sa.ForeignKeyConstraint(["town_id"], ["town.id"], name=op.f("fk_activity_town_id")),
        sa.PrimaryKeyConstraint("town_id", "id", name=op.f("pk_activity")),
        info={"distribution": "distributed"},
    )


def create_series(name: str) -> None:
    op.create_table(
        name,
        sa.Column("town_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("activity_id", sa.BigInteger(), nullable=False),
        sa.Column("venue_id", sa.BigInteger(), nullable=False),
        sa.Column("rrule", sa.Text(), nullable=False),
        sa.Column("starts_on", sa.Date(), nullable=False),
        sa.Column("starts_at", sa.Text(), nullable=False),
        sa.Column("duration_minutes", sa.BigInteger(), nullable=False),
        sa.Column("capacity", sa.BigInteger(), nullable=False),
        sa.Column("ends_on", sa.Date(), nullable=True),
        sa.Column("skips_holidays", sa.Boolean(), nullable=False),
        sa.Column("skips", JSON, nullable=False),
        sa.Column("expanded_until", sa.Date(), nullable=True),
        sa.Column("opens_minutes_before", sa.BigInteger(), nullable=True),
        sa.Column("closes_minutes_before", sa.BigInteger(), nullable=False),
        sa.Column("allocates_minutes_before", sa.BigInteger(), nullable=True),
        sa.Column("capacity_min", sa.BigInteger(), nullable=False),
        sa.Column("overbooking_max", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("capacity > 0", name=op.f("ck_series_capacity_positive")),
        sa.CheckConstraint("capacity_min BETWEEN 0 AND capacity", name=op.f("ck_series_capacity_min_within_capacity")),
        sa.CheckConstraint("duration_minutes > 0", name=op.f("ck_series_duration_positive")),
        sa.CheckConstraint("overbooking_max >= 0", name=op.f("ck_series_overbooking_max_not_negative")),
        sa.ForeignKeyConstraint(
            ["town_id", "activity_id"], ["activity.town_id", "activity.id"], name=op.f("fk_series_town_id_activity_id")
        ),
        sa.ForeignKeyConstraint(
            ["town_id", "venue_id"], ["venue.town_id", "venue.id"], name=op.f("fk_series_town_id_venue_id")
        ),
        sa.PrimaryKeyConstraint("town_id", "id", name=op.f("pk_series")),
        info={"distribution": "distributed"},
    )


def create_session(name: str) -> None:
    op.create_table(
        name,
        sa.Column("town_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("activity_id", sa.BigInteger(), nullable=False),
        sa.Column("series_id", sa.BigInteger(), nullable=True),
        sa.Column("venue_id", sa.BigInteger(), nullable=False),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("reservable_from", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reservable_until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("allocates_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("checkin_opens_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("capacity", sa.BigInteger(), nullable=False),
        sa.Column("capacity_min", sa.BigInteger(), nullable=False),
        sa.Column("overbooking_max", sa.BigInteger(), nullable=False),
        sa.Column("overbooking", sa.BigInteger(), nullable=False),
        sa.Column("taken", sa.BigInteger(), nullable=False),
        sa.Column("waiting", sa.BigInteger(), nullable=False),
        sa.Column("tickets", sa.BigInteger(), nullable=False),
        sa.Column(
            "status",
            sa.Enum(
                "scheduled",
                "cancelled",
                name=op.f("ck_session_sessionstatus"),
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("attendance_complete_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "checkin_opens_at <= ends_at AND reservable_until <= ends_at",
            name=op.f("ck_session_windows_close_by_the_end"),
        ),
        sa.CheckConstraint(
            "overbooking BETWEEN 0 AND overbooking_max", name=op.f("ck_session_overbooking_within_bound")
        ),
        sa.CheckConstraint("starts_at < ends_at", name=op.f("ck_session_starts_before_it_ends")),
        sa.CheckConstraint("taken BETWEEN 0 AND capacity + overbooking", name=op.f("ck_session_taken_within_capacity")),
        sa.CheckConstraint("waiting >= 0", name=op.f("ck_session_waiting_not_negative")),
        sa.ForeignKeyConstraint(
            ["town_id", "activity_id"], ["activity.town_id", "activity.id"], name=op.f("fk_session_town_id_activity_id")
        ),
        sa.ForeignKeyConstraint(
            ["town_id", "series_id"], ["series.town_id", "series.id"], name=op.f("fk_session_town_id_series_id")
        ),
        sa.ForeignKeyConstraint(
            ["town_id", "venue_id"], ["venue.town_id", "venue.id"], name=op.f("fk_session_town_id_venue_id")
        ),
        sa.PrimaryKeyConstraint("town_id", "id", name=op.f("pk_session")),
        sa.UniqueConstraint("town_id", "series_id", "starts_at", name=op.f("uq_session_town_id_series_id_starts_at")),
        info={"distribution": "distributed"},
    )


def create_reservation(name: str) -> None:
    op.create_table(
        name,
        sa.Column("town_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("session_id", sa.BigInteger(), nullable=False),
        sa.Column("resident_id", sa.BigInteger(), nullable=False),
        sa.Column("party_size", sa.BigInteger(), nullable=False),
        sa.Column(
            "status",
            sa.Enum(
                "applied",
                "waitlisted",
                "offered",
                "confirmed",
                "checked_in",
                "cancelled",
                "no_show",
                "lapsed",
                name=op.f("ck_reservation_reservationstatus"),
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("priority", sa.BigInteger(), nullable=False),
        sa.Column("rank", sa.BigInteger(), nullable=False),
        sa.Column(
            "waiting_reason",
            sa.Enum(
                "full",
                "party_too_large",
                "others_first",
                "suspended",
                name=op.f("ck_reservation_waitingreason"),
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=True,
        ),
        sa.Column("waiting_free", sa.BigInteger(), nullable=True),
        sa.Column("answers", JSON, nullable=True),
        sa.Column("price", sa.BigInteger(), nullable=False),
        sa.Column("hold_txn_id", sa.BigInteger(), nullable=True),
        sa.Column("booked_by_kind", sa.Text(), nullable=True),
        sa.Column("booked_by_id", sa.BigInteger(), nullable=True),
        sa.Column("reserved_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("offer_expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("confirmed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("cancellable_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("release_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("cancelled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "cancelled_by",
            sa.Enum(
                "resident",
                "staff",
                "organiser",
                name=op.f("ck_reservation_cancelledby"),
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=True,
        ),
        sa.Column("checked_in_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("no_show_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "status <> 'offered' OR offer_expires_at IS NOT NULL", name=op.f("ck_reservation_an_offer_expires")
        ),
        sa.CheckConstraint("party_size > 0", name=op.f("ck_reservation_party_size_positive")),
        sa.CheckConstraint("price >= 0", name=op.f("ck_reservation_price_not_negative")),
        sa.ForeignKeyConstraint(
            ["town_id", "resident_id"],
            ["resident.town_id", "resident.id"],
            name=op.f("fk_reservation_town_id_resident_id"),
        ),
        sa.ForeignKeyConstraint(
            ["town_id", "session_id"], ["session.town_id", "session.id"], name=op.f("fk_reservation_town_id_session_id")
        ),
        sa.PrimaryKeyConstraint("town_id", "id", name=op.f("pk_reservation")),
        info={"distribution": "distributed"},
    )


def create_proxy() -> None:
    op.create_table(
        "proxy",
        sa.Column("town_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("principal_id", sa.BigInteger(), nullable=False),
        sa.Column("agent_id", sa.BigInteger(), nullable=False),
        sa.Column(
            "kind",
            sa.Enum("guardian", "helper", name="proxykind", native_enum=False, create_constraint=True, length=32),
            nullable=False,
        ),
        sa.Column("consent_note", sa.Text(), nullable=False),
        sa.Column("recorded_by_kind", sa.Text(), nullable=False),
        sa.Column("recorded_by_id", sa.BigInteger(), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("principal_id <> agent_id", name=op.f("ck_proxy_for_somebody_else")),
        sa.ForeignKeyConstraint(
            ["town_id", "agent_id"], ["resident.town_id", "resident.id"], name=op.f("fk_proxy_town_id_agent_id")
        ),
        sa.ForeignKeyConstraint(
            ["town_id", "principal_id"], ["resident.town_id", "resident.id"], name=op.f("fk_proxy_town_id_principal_id")
        ),
        sa.PrimaryKeyConstraint("town_id", "id", name=op.f("pk_proxy")),
        info={"distribution": "distributed"},
    )


def create_organisation() -> None:
    op.create_table(
        "organisation",
        sa.Column("town_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("registered_by", sa.BigInteger(), nullable=False),
        sa.Column("registered_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["town_id", "registered_by"],
            ["staff.town_id", "staff.id"],
            name=op.f("fk_organisation_town_id_registered_by"),
        ),
        sa.ForeignKeyConstraint(["town_id"], ["town.id"], name=op.f("fk_organisation_town_id")),
        sa.PrimaryKeyConstraint("town_id", "id", name=op.f("pk_organisation")),
        sa.UniqueConstraint("town_id", "name", name=op.f("uq_organisation_town_id_name")),
        info={"distribution": "distributed"},
    )


def create_organisation_member() -> None:
    op.create_table(
        "organisation_member",
        sa.Column("town_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("organisation_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("resident_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("added_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["town_id", "organisation_id"],
            ["organisation.town_id", "organisation.id"],
            name=op.f("fk_organisation_member_town_id_organisation_id"),
        ),
        sa.ForeignKeyConstraint(
            ["town_id", "resident_id"],
            ["resident.town_id", "resident.id"],
            name=op.f("fk_organisation_member_town_id_resident_id"),
        ),
        sa.PrimaryKeyConstraint("town_id", "organisation_id", "resident_id", name=op.f("pk_organisation_member")),
        info={"distribution": "distributed"},
    )


def create_draw() -> None:
    op.create_table(
        "draw",
        sa.Column("town_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("session_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("commitment", sa.LargeBinary(), nullable=False),
        sa.Column("seed_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("committed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("published", JSON, nullable=True),
        sa.Column("drawn_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "(published IS NULL) = (drawn_at IS NULL)",
            name=op.f("ck_draw_published_when_drawn"),
        ),
        sa.ForeignKeyConstraint(
            ["town_id", "session_id"], ["session.town_id", "session.id"], name=op.f("fk_draw_town_id_session_id")
        ),
        sa.PrimaryKeyConstraint("town_id", "session_id", name=op.f("pk_draw")),
        info={"distribution": "distributed"},
    )


def create_appeal() -> None:
    op.create_table(
        "appeal",
        sa.Column("town_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("reservation_id", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column(
            "status",
            sa.Enum(
                "pending",
                "upheld",
                "dismissed",
                name="appealstatus",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("decided_by", sa.BigInteger(), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("decision_note", sa.Text(), nullable=True),
        sa.CheckConstraint("(status = 'pending') = (decided_by IS NULL)", name=op.f("ck_appeal_decided_by_somebody")),
        sa.ForeignKeyConstraint(
            ["town_id", "decided_by"], ["staff.town_id", "staff.id"], name=op.f("fk_appeal_town_id_decided_by")
        ),
        sa.ForeignKeyConstraint(
            ["town_id", "reservation_id"],
            ["reservation.town_id", "reservation.id"],
            name=op.f("fk_appeal_town_id_reservation_id"),
        ),
        sa.PrimaryKeyConstraint("town_id", "id", name=op.f("pk_appeal")),
        sa.UniqueConstraint("town_id", "reservation_id", name=op.f("uq_appeal_town_id_reservation_id")),
        info={"distribution": "distributed"},
    )


COLUMNS = {
    "resident": [
        sa.Column("phone_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("phone_index", sa.LargeBinary(), nullable=True),
        sa.Column("phone_tail", sa.Text(), nullable=True),
        sa.Column("born_on", sa.Date(), nullable=True),
    ],
    "activity": [
        sa.Column("age_min", sa.BigInteger(), nullable=True),
        sa.Column("age_max", sa.BigInteger(), nullable=True),
        sa.Column("price", sa.BigInteger(), nullable=True),
        sa.Column(
            "allocation",
            sa.Enum(
                "first_come",
                "priority",
                "lottery",
                name="allocation",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=True,
        ),
        sa.Column("waiting_max", sa.BigInteger(), nullable=True),
        sa.Column("offer_minutes", sa.BigInteger(), nullable=True),
        sa.Column("allows_reentry", sa.Boolean(), nullable=True),
        sa.Column("questions", JSON, nullable=True),
        sa.Column("copied_from_id", sa.BigInteger(), nullable=True),
    ],
    "series": [
        sa.Column("ends_on", sa.Date(), nullable=True),
        sa.Column("skips_holidays", sa.Boolean(), nullable=True),
        sa.Column("skips", JSON, nullable=True),
        sa.Column("expanded_until", sa.Date(), nullable=True),
        sa.Column("opens_minutes_before", sa.BigInteger(), nullable=True),
        sa.Column("closes_minutes_before", sa.BigInteger(), nullable=True),
        sa.Column("allocates_minutes_before", sa.BigInteger(), nullable=True),
        sa.Column("capacity_min", sa.BigInteger(), nullable=True),
        sa.Column("overbooking_max", sa.BigInteger(), nullable=True),
    ],
    "session": [
        sa.Column("reservable_from", sa.DateTime(timezone=True), nullable=True),
        sa.Column("allocates_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("capacity_min", sa.BigInteger(), nullable=True),
        sa.Column("overbooking_max", sa.BigInteger(), nullable=True),
        sa.Column("overbooking", sa.BigInteger(), nullable=True),
        sa.Column("waiting", sa.BigInteger(), nullable=True),
        sa.Column("tickets", sa.BigInteger(), nullable=True),
        sa.Column("revision", sa.BigInteger(), nullable=True),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("attendance_complete_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
    ],
    "reservation": [
        sa.Column("priority", sa.BigInteger(), nullable=True),
        sa.Column("rank", sa.BigInteger(), nullable=True),
        sa.Column(
            "waiting_reason",
            sa.Enum(
                "full",
                "party_too_large",
                "others_first",
                "suspended",
                name="waitingreason",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=True,
        ),
        sa.Column("waiting_free", sa.BigInteger(), nullable=True),
        sa.Column("answers", JSON, nullable=True),
        sa.Column("price", sa.BigInteger(), nullable=True),
        sa.Column("hold_txn_id", sa.BigInteger(), nullable=True),
        sa.Column("booked_by_kind", sa.Text(), nullable=True),
        sa.Column("booked_by_id", sa.BigInteger(), nullable=True),
        sa.Column("offer_expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("confirmed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("cancellable_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("release_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "cancelled_by",
            sa.Enum(
                "resident",
                "staff",
                "organiser",
                name="cancelledby",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=True,
        ),
        sa.Column("no_show_at", sa.DateTime(timezone=True), nullable=True),
    ],
}
CHECKS = {
    "resident": {
        "phone_can_be_found": "(phone_sealed IS NULL) = (phone_index IS NULL)",
    },
    "activity": {
        "ages_in_order": "age_min <= age_max",
        "numbers_not_negative": "price >= 0 AND waiting_max >= 0 AND offer_minutes >= 0",
    },
    "series": {
        "capacity_min_within_capacity": "capacity_min BETWEEN 0 AND capacity",
        "overbooking_max_not_negative": "overbooking_max >= 0",
    },
    "session": {
        "overbooking_within_bound": "overbooking BETWEEN 0 AND overbooking_max",
        "waiting_not_negative": "waiting >= 0",
    },
    "reservation": {
        "an_offer_expires": "status <> 'offered' OR offer_expires_at IS NOT NULL",
        "price_not_negative": "price >= 0",
    },
}


def create_indexes_again() -> None:
    """On SQLite the indexes of a table that is made anew are gone."""
    op.create_index("ix_resident_household", "resident", ["town_id", "household_id"], unique=False)
    op.create_index("ix_resident_territory", "resident", ["town_id", "territory_id"], unique=False)
    op.create_index("ix_activity_community", "activity", ["town_id", "community_id"], unique=False)
    op.create_index("ix_series_activity", "series", ["town_id", "activity_id"], unique=False)
    op.create_index("ix_session_activity", "session", ["town_id", "activity_id", "starts_at"], unique=False)
    op.create_index("ix_session_ends_at", "session", ["town_id", "ends_at"], unique=False)
    op.create_index("ix_reservation_resident", "reservation", ["town_id", "resident_id", "id"], unique=False)
    op.create_index(
        "ix_reservation_session_resident", "reservation", ["town_id", "session_id", "resident_id"], unique=False
    )


def create_new_indexes() -> None:
    op.create_index("ix_resident_phone", "resident", ["town_id", "phone_index"], unique=False)
    op.create_index("ix_resident_phone_tail", "resident", ["town_id", "phone_tail"], unique=False)
    op.create_index("ix_session_venue", "session", ["town_id", "venue_id", "starts_at"], unique=False)
    op.create_index(
        "ix_reservation_offered",
        "reservation",
        ["town_id", "offer_expires_at"],
        unique=False,
        sqlite_where=sa.text("status = 'offered'"),
        postgresql_where=sa.text("status = 'offered'"),
    )
    op.create_index(
        "ix_reservation_release",
        "reservation",
        ["town_id", "release_at"],
        unique=False,
        sqlite_where=sa.text("status = 'confirmed'"),
        postgresql_where=sa.text("status = 'confirmed'"),
    )
    op.create_index(
        "ix_reservation_waiting",
        "reservation",
        ["town_id", "session_id", "priority", "rank"],
        unique=False,
        sqlite_where=sa.text("status = 'waitlisted'"),
        postgresql_where=sa.text("status = 'waitlisted'"),
    )
    op.create_index(
        "uq_reservation_live",
        "reservation",
        ["town_id", "session_id", "resident_id"],
        unique=True,
        sqlite_where=sa.text("status IN ('applied', 'waitlisted', 'offered', 'confirmed', 'checked_in')"),
        postgresql_where=sa.text("status IN ('applied', 'waitlisted', 'offered', 'confirmed', 'checked_in')"),
    )


def create_indexes_of_new_tables() -> None:
    op.create_index("ix_proxy_agent", "proxy", ["town_id", "agent_id"], unique=False)
    op.create_index(
        "uq_proxy_in_force",
        "proxy",
        ["town_id", "principal_id", "agent_id"],
        unique=True,
        sqlite_where=sa.text("revoked_at IS NULL"),
        postgresql_where=sa.text("revoked_at IS NULL"),
    )
    op.create_index("ix_organisation_member_resident", "organisation_member", ["town_id", "resident_id"], unique=False)
    op.create_index("ix_appeal_status", "appeal", ["town_id", "status", "id"], unique=False)
