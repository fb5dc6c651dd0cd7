"""The first storey: towns, people, activities, reservations, the scan log, the ledger.

Tables that are added to and never changed are guarded by triggers on both engines.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None

APPEND_ONLY = ("txn", "posting", "event", "scan", "rulebook_version")


def upgrade() -> None:
    create_idempotency_record()
    create_node_counter()
    create_town()
    create_wechat_token()
    create_book()
    create_openid_lookup()
    create_operator()
    create_rulebook_version()
    create_staff()
    create_staff_lookup()
    create_territory()
    create_account()
    create_activity()
    create_household()
    create_role_grant()
    create_service_centre()
    create_lot()
    create_resident()
    create_venue()
    create_consent()
    create_event()
    create_refresh_token()
    create_series()
    create_volunteer_registration()
    create_session()
    create_txn()
    create_posting()
    create_reservation()
    create_scan()
    op.execute("INSERT INTO node_counter (id, handed_out) VALUES (1, 0)")
    if op.get_bind().dialect.name == "postgresql":
        _guard_on_postgresql()
    else:
        _guard_on_sqlite()


def create_idempotency_record() -> None:
    op.create_table(
        "idempotency_record",
        sa.Column("town_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("actor_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("fingerprint", sa.LargeBinary(), nullable=False),
        sa.Column("status", sa.BigInteger(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("town_id", "actor_id", "key", name=op.f("pk_idempotency_record")),
        info={"distribution": "distributed"},
    )


def create_node_counter() -> None:
    op.create_table(
        "node_counter",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("handed_out", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_node_counter")),
        info={"distribution": "reference"},
    )


def create_town() -> None:
    op.create_table(
        "town",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column(
            "host_kind",
            sa.Enum("government", "operator", name="hostkind", native_enum=False, create_constraint=True, length=32),
            nullable=False,
        ),
        sa.Column("is_demo", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_town")),
        sa.UniqueConstraint("code", name=op.f("uq_town_code")),
        info={"distribution": "reference"},
    )


def create_wechat_token() -> None:
    op.create_table(
        "wechat_token",
        sa.Column("appid", sa.Text(), nullable=False),
        sa.Column("token_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("appid", name=op.f("pk_wechat_token")),
        info={"distribution": "reference"},
    )


def create_book() -> None:
    op.create_table(
        "book",
        sa.Column("town_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("scale", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("scale BETWEEN 0 AND 2", name=op.f("ck_book_scale_known")),
        sa.ForeignKeyConstraint(["town_id"], ["town.id"], name=op.f("fk_book_town_id")),
        sa.PrimaryKeyConstraint("town_id", "id", name=op.f("pk_book")),
        sa.UniqueConstraint("town_id", "code", name=op.f("uq_book_town_id_code")),
        info={"distribution": "distributed"},
    )


def create_openid_lookup() -> None:
    op.create_table(
        "openid_lookup",
        sa.Column("openid_index", sa.LargeBinary(), nullable=False),
        sa.Column("town_id", sa.BigInteger(), nullable=False),
        sa.Column("resident_id", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["town_id"], ["town.id"], name=op.f("fk_openid_lookup_town_id")),
        sa.PrimaryKeyConstraint("openid_index", name=op.f("pk_openid_lookup")),
        info={"distribution": "reference"},
    )


def create_operator() -> None:
    op.create_table(
        "operator",
        sa.Column("town_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["town_id"], ["town.id"], name=op.f("fk_operator_town_id")),
        sa.PrimaryKeyConstraint("town_id", "id", name=op.f("pk_operator")),
        sa.UniqueConstraint("town_id", "name", name=op.f("uq_operator_town_id_name")),
        info={"distribution": "distributed"},
    )


def create_rulebook_version() -> None:
    op.create_table(
        "rulebook_version",
        sa.Column("town_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.Column("document_hash", sa.LargeBinary(), nullable=False),
        sa.Column("effective_from", sa.DateTime(timezone=True), nullable=False),
        sa.Column("published_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["town_id"], ["town.id"], name=op.f("fk_rulebook_version_town_id")),
        sa.PrimaryKeyConstraint("town_id", "id", name=op.f("pk_rulebook_version")),
        sa.UniqueConstraint("town_id", "number", name=op.f("uq_rulebook_version_town_id_number")),
        info={"distribution": "distributed"},
    )
    op.create_index(
        "ix_rulebook_version_effective_from", "rulebook_version", ["town_id", "effective_from"], unique=False
    )


def create_staff() -> None:
    op.create_table(
        "staff",
        sa.Column("town_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("username", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("password_hash", sa.Text(), nullable=False),
        sa.Column(
            "status",
            sa.Enum("active", "closed", name="staffstatus", native_enum=False, create_constraint=True, length=32),
            nullable=False,
        ),
        sa.Column("token_version", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["town_id"], ["town.id"], name=op.f("fk_staff_town_id")),
        sa.PrimaryKeyConstraint("town_id", "id", name=op.f("pk_staff")),
        sa.UniqueConstraint("town_id", "username", name=op.f("uq_staff_town_id_username")),
        info={"distribution": "distributed"},
    )


def create_staff_lookup() -> None:
    op.create_table(
        "staff_lookup",
        sa.Column("username", sa.Text(), nullable=False),
        sa.Column("town_id", sa.BigInteger(), nullable=False),
        sa.Column("staff_id", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["town_id"], ["town.id"], name=op.f("fk_staff_lookup_town_id")),
        sa.PrimaryKeyConstraint("username", name=op.f("pk_staff_lookup")),
        info={"distribution": "reference"},
    )


def create_territory() -> None:
    op.create_table(
        "territory",
        sa.Column("town_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("parent_id", sa.BigInteger(), nullable=True),
        sa.Column(
            "kind",
            sa.Enum(
                "city",
                "street",
                "community",
                "estate",
                "grid",
                "building",
                name="territorykind",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("path", sa.String().with_variant(sa.String(collation="C"), "postgresql"), nullable=False),
        sa.Column("homes", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("homes >= 0", name=op.f("ck_territory_homes_not_negative")),
        sa.ForeignKeyConstraint(
            ["town_id", "parent_id"], ["territory.town_id", "territory.id"], name=op.f("fk_territory_town_id_parent_id")
        ),
        sa.ForeignKeyConstraint(["town_id"], ["town.id"], name=op.f("fk_territory_town_id")),
        sa.PrimaryKeyConstraint("town_id", "id", name=op.f("pk_territory")),
        sa.UniqueConstraint("town_id", "parent_id", "name", name=op.f("uq_territory_town_id_parent_id_name")),
        sa.UniqueConstraint("town_id", "path", name=op.f("uq_territory_town_id_path")),
        info={"distribution": "distributed"},
    )


def create_account() -> None:
    op.create_table(
        "account",
        sa.Column("town_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("book_id", sa.BigInteger(), nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "mint",
                "pool",
                "wallet",
                "escrow",
                "redeemed",
                "breakage",
                "clearing",
                name="accountkind",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column(
            "owner_type",
            sa.Enum(
                "town", "resident", "operator", name="ownertype", native_enum=False, create_constraint=True, length=32
            ),
            nullable=False,
        ),
        sa.Column("owner_id", sa.BigInteger(), nullable=False),
        sa.Column("shard", sa.BigInteger(), nullable=False),
        sa.Column("floor", sa.BigInteger(), nullable=False),
        sa.Column("unbounded", sa.Boolean(), nullable=False),
        sa.Column("credited", sa.BigInteger(), nullable=False),
        sa.Column("debited", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("credited >= 0 AND debited >= 0", name=op.f("ck_account_counters_not_negative")),
        sa.CheckConstraint("unbounded OR credited - debited >= floor", name=op.f("ck_account_balance_above_floor")),
        sa.ForeignKeyConstraint(
            ["town_id", "book_id"], ["book.town_id", "book.id"], name=op.f("fk_account_town_id_book_id")
        ),
        sa.PrimaryKeyConstraint("town_id", "id", name=op.f("pk_account")),
        sa.UniqueConstraint(
            "town_id",
            "book_id",
            "kind",
            "owner_type",
            "owner_id",
            "shard",
            name=op.f("uq_account_town_id_book_id_kind_owner_type_owner_id_shard"),
        ),
        info={"distribution": "distributed"},
    )


def create_activity() -> None:
    op.create_table(
        "activity",
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
                name="scene",
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
        sa.Column(
            "status",
            sa.Enum(
                "published", "cancelled", name="activitystatus", native_enum=False, create_constraint=True, length=32
            ),
            nullable=False,
        ),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("party_size_max > 0", name=op.f("ck_activity_party_size_max_positive")),
        sa.ForeignKeyConstraint(
            ["town_id", "community_id"],
            ["territory.town_id", "territory.id"],
            name=op.f("fk_activity_town_id_community_id"),
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
    op.create_index("ix_activity_community", "activity", ["town_id", "community_id"], unique=False)


def create_household() -> None:
    op.create_table(
        "household",
        sa.Column("town_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("building_id", sa.BigInteger(), nullable=False),
        sa.Column("door", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["town_id", "building_id"],
            ["territory.town_id", "territory.id"],
            name=op.f("fk_household_town_id_building_id"),
        ),
        sa.ForeignKeyConstraint(["town_id"], ["town.id"], name=op.f("fk_household_town_id")),
        sa.PrimaryKeyConstraint("town_id", "id", name=op.f("pk_household")),
        sa.UniqueConstraint("town_id", "building_id", "door", name=op.f("uq_household_town_id_building_id_door")),
        info={"distribution": "distributed"},
    )


def create_role_grant() -> None:
    op.create_table(
        "role_grant",
        sa.Column("town_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("staff_id", sa.BigInteger(), nullable=False),
        sa.Column(
            "role",
            sa.Enum(
                "scanner",
                "organiser",
                "property",
                "operator",
                "manager",
                "auditor",
                "admin",
                name="role",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("territory_id", sa.BigInteger(), nullable=False),
        sa.Column("granted_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["town_id", "staff_id"], ["staff.town_id", "staff.id"], name=op.f("fk_role_grant_town_id_staff_id")
        ),
        sa.ForeignKeyConstraint(
            ["town_id", "territory_id"],
            ["territory.town_id", "territory.id"],
            name=op.f("fk_role_grant_town_id_territory_id"),
        ),
        sa.PrimaryKeyConstraint("town_id", "id", name=op.f("pk_role_grant")),
        sa.UniqueConstraint(
            "town_id", "staff_id", "role", "territory_id", name=op.f("uq_role_grant_town_id_staff_id_role_territory_id")
        ),
        info={"distribution": "distributed"},
    )


def create_service_centre() -> None:
    op.create_table(
        "service_centre",
        sa.Column("town_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("territory_id", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("opens_at", sa.Text(), nullable=False),
        sa.Column("closes_at", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["town_id", "territory_id"],
            ["territory.town_id", "territory.id"],
            name=op.f("fk_service_centre_town_id_territory_id"),
        ),
        sa.ForeignKeyConstraint(["town_id"], ["town.id"], name=op.f("fk_service_centre_town_id")),
        sa.PrimaryKeyConstraint("town_id", "id", name=op.f("pk_service_centre")),
        sa.UniqueConstraint(
            "town_id", "territory_id", "name", name=op.f("uq_service_centre_town_id_territory_id_name")
        ),
        info={"distribution": "distributed"},
    )


def create_lot() -> None:
    op.create_table(
        "lot",
        sa.Column("town_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("account_id", sa.BigInteger(), nullable=False),
        sa.Column("expires_on", sa.Date(), nullable=False),
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column("credited", sa.BigInteger(), nullable=False),
        sa.Column("debited", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("debited BETWEEN 0 AND credited", name=op.f("ck_lot_not_overdrawn")),
        sa.ForeignKeyConstraint(
            ["town_id", "account_id"], ["account.town_id", "account.id"], name=op.f("fk_lot_town_id_account_id")
        ),
        sa.PrimaryKeyConstraint("town_id", "id", name=op.f("pk_lot")),
        sa.UniqueConstraint(
            "town_id", "account_id", "expires_on", "scope", name=op.f("uq_lot_town_id_account_id_expires_on_scope")
        ),
        info={"distribution": "distributed"},
    )
    op.create_index(
        "ix_lot_open",
        "lot",
        ["town_id", "account_id", "expires_on"],
        unique=False,
        sqlite_where=sa.text("credited > debited"),
        postgresql_where=sa.text("credited > debited"),
    )


def create_resident() -> None:
    op.create_table(
        "resident",
        sa.Column("town_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("openid_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("territory_id", sa.BigInteger(), nullable=True),
        sa.Column("household_id", sa.BigInteger(), nullable=True),
        sa.Column(
            "status",
            sa.Enum("active", "suspended", name="residentstatus", native_enum=False, create_constraint=True, length=32),
            nullable=False,
        ),
        sa.Column("token_version", sa.BigInteger(), nullable=False),
        sa.Column("registered_at", sa.DateTime(timezone=True), nullable=False),
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
    op.create_index("ix_resident_household", "resident", ["town_id", "household_id"], unique=False)
    op.create_index("ix_resident_territory", "resident", ["town_id", "territory_id"], unique=False)


def create_venue() -> None:
    op.create_table(
        "venue",
        sa.Column("town_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("service_centre_id", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("capacity", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("capacity > 0", name=op.f("ck_venue_capacity_positive")),
        sa.ForeignKeyConstraint(
            ["town_id", "service_centre_id"],
            ["service_centre.town_id", "service_centre.id"],
            name=op.f("fk_venue_town_id_service_centre_id"),
        ),
        sa.ForeignKeyConstraint(["town_id"], ["town.id"], name=op.f("fk_venue_town_id")),
        sa.PrimaryKeyConstraint("town_id", "id", name=op.f("pk_venue")),
        sa.UniqueConstraint(
            "town_id", "service_centre_id", "name", name=op.f("uq_venue_town_id_service_centre_id_name")
        ),
        info={"distribution": "distributed"},
    )


def create_consent() -> None:
    op.create_table(
        "consent",
        sa.Column("town_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("resident_id", sa.BigInteger(), nullable=False),
        sa.Column(
            "purpose",
            sa.Enum("account", name="purpose", native_enum=False, create_constraint=True, length=32),
            nullable=False,
        ),
        sa.Column("version", sa.Text(), nullable=False),
        sa.Column("given_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["town_id", "resident_id"], ["resident.town_id", "resident.id"], name=op.f("fk_consent_town_id_resident_id")
        ),
        sa.PrimaryKeyConstraint("town_id", "id", name=op.f("pk_consent")),
        sa.UniqueConstraint(
            "town_id", "resident_id", "purpose", "version", name=op.f("uq_consent_town_id_resident_id_purpose_version")
        ),
        info={"distribution": "distributed"},
    )


def create_event() -> None:
    op.create_table(
        "event",
        sa.Column("town_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("source_ref", sa.Text(), nullable=False),
        sa.Column("subject_id", sa.BigInteger(), nullable=False),
        sa.Column("occurred_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column(
            "payload", sa.JSON().with_variant(postgresql.JSONB(astext_type=sa.Text()), "postgresql"), nullable=False
        ),
        sa.ForeignKeyConstraint(
            ["town_id", "subject_id"], ["resident.town_id", "resident.id"], name=op.f("fk_event_town_id_subject_id")
        ),
        sa.PrimaryKeyConstraint("town_id", "id", name=op.f("pk_event")),
        sa.UniqueConstraint("town_id", "source", "source_ref", name=op.f("uq_event_town_id_source_source_ref")),
        info={"distribution": "distributed"},
    )
    op.create_index("ix_event_subject", "event", ["town_id", "subject_id"], unique=False)


def create_refresh_token() -> None:
    op.create_table(
        "refresh_token",
        sa.Column("town_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("family_id", sa.BigInteger(), nullable=False),
        sa.Column("resident_id", sa.BigInteger(), nullable=True),
        sa.Column("staff_id", sa.BigInteger(), nullable=True),
        sa.Column("secret_hash", sa.LargeBinary(), nullable=False),
        sa.Column("issued_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("successor_id", sa.BigInteger(), nullable=True),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("(resident_id IS NULL) <> (staff_id IS NULL)", name=op.f("ck_refresh_token_one_owner")),
        sa.ForeignKeyConstraint(
            ["town_id", "resident_id"],
            ["resident.town_id", "resident.id"],
            name=op.f("fk_refresh_token_town_id_resident_id"),
        ),
        sa.ForeignKeyConstraint(
            ["town_id", "staff_id"], ["staff.town_id", "staff.id"], name=op.f("fk_refresh_token_town_id_staff_id")
        ),
        sa.PrimaryKeyConstraint("town_id", "id", name=op.f("pk_refresh_token")),
        info={"distribution": "distributed"},
    )
    op.create_index("ix_refresh_token_family", "refresh_token", ["town_id", "family_id"], unique=False)
    op.create_index("ix_refresh_token_resident", "refresh_token", ["town_id", "resident_id"], unique=False)
    op.create_index("ix_refresh_token_staff", "refresh_token", ["town_id", "staff_id"], unique=False)


def create_series() -> None:
    op.create_table(
        "series",
        sa.Column("town_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("activity_id", sa.BigInteger(), nullable=False),
        sa.Column("venue_id", sa.BigInteger(), nullable=False),
        sa.Column("rrule", sa.Text(), nullable=False),
        sa.Column("starts_on", sa.Date(), nullable=False),
        sa.Column("starts_at", sa.Text(), nullable=False),
        sa.Column("duration_minutes", sa.BigInteger(), nullable=False),
        sa.Column("capacity", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("capacity > 0", name=op.f("ck_series_capacity_positive")),
        sa.CheckConstraint("duration_minutes > 0", name=op.f("ck_series_duration_positive")),
        sa.ForeignKeyConstraint(
            ["town_id", "activity_id"], ["activity.town_id", "activity.id"], name=op.f("fk_series_town_id_activity_id")
        ),
        sa.ForeignKeyConstraint(
            ["town_id", "venue_id"], ["venue.town_id", "venue.id"], name=op.f("fk_series_town_id_venue_id")
        ),
        sa.PrimaryKeyConstraint("town_id", "id", name=op.f("pk_series")),
        info={"distribution": "distributed"},
    )
    op.create_index("ix_series_activity", "series", ["town_id", "activity_id"], unique=False)


def create_volunteer_registration() -> None:
    op.create_table(
        "volunteer_registration",
        sa.Column("town_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("resident_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("registered_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["town_id", "resident_id"],
            ["resident.town_id", "resident.id"],
            name=op.f("fk_volunteer_registration_town_id_resident_id"),
        ),
        sa.PrimaryKeyConstraint("town_id", "resident_id", name=op.f("pk_volunteer_registration")),
        info={"distribution": "distributed"},
    )


def create_session() -> None:
    op.create_table(
        "session",
        sa.Column("town_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("activity_id", sa.BigInteger(), nullable=False),
        sa.Column("series_id", sa.BigInteger(), nullable=True),
        sa.Column("venue_id", sa.BigInteger(), nullable=False),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("reservable_until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("checkin_opens_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("capacity", sa.BigInteger(), nullable=False),
        sa.Column("taken", sa.BigInteger(), nullable=False),
        sa.Column(
            "status",
            sa.Enum(
                "scheduled", "cancelled", name="sessionstatus", native_enum=False, create_constraint=True, length=32
            ),
            nullable=False,
        ),
        sa.CheckConstraint(
            "checkin_opens_at <= ends_at AND reservable_until <= ends_at",
            name=op.f("ck_session_windows_close_by_the_end"),
        ),
        sa.CheckConstraint("starts_at < ends_at", name=op.f("ck_session_starts_before_it_ends")),
        sa.CheckConstraint("taken BETWEEN 0 AND capacity", name=op.f("ck_session_taken_within_capacity")),
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
    op.create_index("ix_session_activity", "session", ["town_id", "activity_id", "starts_at"], unique=False)
    op.create_index("ix_session_ends_at", "session", ["town_id", "ends_at"], unique=False)


def create_txn() -> None:
    op.create_table(
        "txn",
        sa.Column("town_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("book_id", sa.BigInteger(), nullable=False),
        sa.Column("idempotency_key", sa.Text(), nullable=False),
        sa.Column("request_hash", sa.LargeBinary(), nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "grant_budget",
                "earn",
                "spend",
                "hold",
                "capture",
                "void",
                "transfer",
                "reverse",
                "adjust",
                "expire",
                name="txnkind",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("event_id", sa.BigInteger(), nullable=True),
        sa.Column("rulebook_version_id", sa.BigInteger(), nullable=True),
        sa.Column("reverses_txn_id", sa.BigInteger(), nullable=True),
        sa.Column("actor_id", sa.BigInteger(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("community_id", sa.BigInteger(), nullable=True),
        sa.Column("operator_id", sa.BigInteger(), nullable=True),
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
                name="scene",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=True,
        ),
        sa.Column("effective_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("explanation", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["town_id", "book_id"], ["book.town_id", "book.id"], name=op.f("fk_txn_town_id_book_id")
        ),
        sa.ForeignKeyConstraint(
            ["town_id", "community_id"], ["territory.town_id", "territory.id"], name=op.f("fk_txn_town_id_community_id")
        ),
        sa.ForeignKeyConstraint(
            ["town_id", "event_id"], ["event.town_id", "event.id"], name=op.f("fk_txn_town_id_event_id")
        ),
        sa.ForeignKeyConstraint(
            ["town_id", "operator_id"], ["operator.town_id", "operator.id"], name=op.f("fk_txn_town_id_operator_id")
        ),
        sa.ForeignKeyConstraint(
            ["town_id", "reverses_txn_id"], ["txn.town_id", "txn.id"], name=op.f("fk_txn_town_id_reverses_txn_id")
        ),
        sa.ForeignKeyConstraint(
            ["town_id", "rulebook_version_id"],
            ["rulebook_version.town_id", "rulebook_version.id"],
            name=op.f("fk_txn_town_id_rulebook_version_id"),
        ),
        sa.PrimaryKeyConstraint("town_id", "id", name=op.f("pk_txn")),
        sa.UniqueConstraint(
            "town_id", "book_id", "idempotency_key", name=op.f("uq_txn_town_id_book_id_idempotency_key")
        ),
        info={"distribution": "distributed"},
    )


def create_posting() -> None:
    op.create_table(
        "posting",
        sa.Column("town_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("txn_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("n", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("src_account_id", sa.BigInteger(), nullable=False),
        sa.Column("dst_account_id", sa.BigInteger(), nullable=False),
        sa.Column("src_lot_id", sa.BigInteger(), nullable=True),
        sa.Column("dst_lot_id", sa.BigInteger(), nullable=True),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("src_debited_after", sa.BigInteger(), nullable=False),
        sa.Column("dst_credited_after", sa.BigInteger(), nullable=False),
        sa.Column("src_lot_debited_after", sa.BigInteger(), nullable=True),
        sa.Column("dst_lot_credited_after", sa.BigInteger(), nullable=True),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "(dst_lot_id IS NULL) = (dst_lot_credited_after IS NULL)", name=op.f("ck_posting_dst_lot_with_its_counter")
        ),
        sa.CheckConstraint(
            "(src_lot_id IS NULL) = (src_lot_debited_after IS NULL)", name=op.f("ck_posting_src_lot_with_its_counter")
        ),
        sa.CheckConstraint("amount > 0", name=op.f("ck_posting_amount_positive")),
        sa.CheckConstraint("src_account_id <> dst_account_id", name=op.f("ck_posting_two_accounts")),
        sa.ForeignKeyConstraint(
            ["town_id", "dst_account_id"],
            ["account.town_id", "account.id"],
            name=op.f("fk_posting_town_id_dst_account_id"),
        ),
        sa.ForeignKeyConstraint(
            ["town_id", "dst_lot_id"], ["lot.town_id", "lot.id"], name=op.f("fk_posting_town_id_dst_lot_id")
        ),
        sa.ForeignKeyConstraint(
            ["town_id", "src_account_id"],
            ["account.town_id", "account.id"],
            name=op.f("fk_posting_town_id_src_account_id"),
        ),
        sa.ForeignKeyConstraint(
            ["town_id", "src_lot_id"], ["lot.town_id", "lot.id"], name=op.f("fk_posting_town_id_src_lot_id")
        ),
        sa.ForeignKeyConstraint(
            ["town_id", "txn_id"], ["txn.town_id", "txn.id"], name=op.f("fk_posting_town_id_txn_id")
        ),
        sa.PrimaryKeyConstraint("town_id", "txn_id", "n", name=op.f("pk_posting")),
        sa.UniqueConstraint(
            "town_id",
            "dst_account_id",
            "dst_credited_after",
            name=op.f("uq_posting_town_id_dst_account_id_dst_credited_after"),
        ),
        sa.UniqueConstraint(
            "town_id",
            "dst_lot_id",
            "dst_lot_credited_after",
            name=op.f("uq_posting_town_id_dst_lot_id_dst_lot_credited_after"),
        ),
        sa.UniqueConstraint(
            "town_id",
            "src_account_id",
            "src_debited_after",
            name=op.f("uq_posting_town_id_src_account_id_src_debited_after"),
        ),
        sa.UniqueConstraint(
            "town_id",
            "src_lot_id",
            "src_lot_debited_after",
            name=op.f("uq_posting_town_id_src_lot_id_src_lot_debited_after"),
        ),
        info={"distribution": "distributed"},
    )


def create_reservation() -> None:
    op.create_table(
        "reservation",
        sa.Column("town_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("session_id", sa.BigInteger(), nullable=False),
        sa.Column("resident_id", sa.BigInteger(), nullable=False),
        sa.Column("party_size", sa.BigInteger(), nullable=False),
        sa.Column(
            "status",
            sa.Enum(
                "confirmed",
                "cancelled",
                "checked_in",
                name="reservationstatus",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("reserved_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("cancelled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("checked_in_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("party_size > 0", name=op.f("ck_reservation_party_size_positive")),
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
    op.create_index("ix_reservation_resident", "reservation", ["town_id", "resident_id", "id"], unique=False)
    op.create_index(
        "uq_reservation_live",
        "reservation",
        ["town_id", "session_id", "resident_id"],
        unique=True,
        sqlite_where=sa.text("status IN ('confirmed', 'checked_in')"),
        postgresql_where=sa.text("status IN ('confirmed', 'checked_in')"),
    )


def create_scan() -> None:
    op.create_table(
        "scan",
        sa.Column("town_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("scanner_id", sa.BigInteger(), nullable=False),
        sa.Column("nonce", sa.Text(), nullable=False),
        sa.Column("content_hash", sa.LargeBinary(), nullable=False),
        sa.Column("session_id", sa.BigInteger(), nullable=False),
        sa.Column("resident_id", sa.BigInteger(), nullable=True),
        sa.Column("reservation_id", sa.BigInteger(), nullable=True),
        sa.Column(
            "direction",
            sa.Enum("in", name="direction", native_enum=False, create_constraint=True, length=32),
            nullable=False,
        ),
        sa.Column(
            "result",
            sa.Enum("admitted", "refused", name="scanresult", native_enum=False, create_constraint=True, length=32),
            nullable=False,
        ),
        sa.Column(
            "reason",
            sa.Enum(
                "unknown_code",
                "expired_code",
                "suspended",
                "session_cancelled",
                "wrong_session",
                "not_reserved",
                "cancelled",
                "already_in",
                "too_early",
                "too_late",
                name="refusalreason",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=True,
        ),
        sa.Column(
            "answer", sa.JSON().with_variant(postgresql.JSONB(astext_type=sa.Text()), "postgresql"), nullable=False
        ),
        sa.Column("scanned_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("(result = 'refused') = (reason IS NOT NULL)", name=op.f("ck_scan_a_refusal_has_a_reason")),
        sa.CheckConstraint(
            "result = 'refused' OR reservation_id IS NOT NULL", name=op.f("ck_scan_who_is_admitted_has_a_place")
        ),
        sa.ForeignKeyConstraint(
            ["town_id", "reservation_id"],
            ["reservation.town_id", "reservation.id"],
            name=op.f("fk_scan_town_id_reservation_id"),
        ),
        sa.ForeignKeyConstraint(
            ["town_id", "resident_id"], ["resident.town_id", "resident.id"], name=op.f("fk_scan_town_id_resident_id")
        ),
        sa.ForeignKeyConstraint(
            ["town_id", "scanner_id"], ["staff.town_id", "staff.id"], name=op.f("fk_scan_town_id_scanner_id")
        ),
        sa.ForeignKeyConstraint(
            ["town_id", "session_id"], ["session.town_id", "session.id"], name=op.f("fk_scan_town_id_session_id")
        ),
        sa.PrimaryKeyConstraint("town_id", "id", name=op.f("pk_scan")),
        sa.UniqueConstraint("town_id", "scanner_id", "nonce", name=op.f("uq_scan_town_id_scanner_id_nonce")),
        info={"distribution": "distributed"},
    )
    op.create_index(
        "uq_scan_single_entry",
        "scan",
        ["town_id", "session_id", "resident_id"],
        unique=True,
        sqlite_where=sa.text("result = 'admitted' AND direction = 'in'"),
        postgresql_where=sa.text("result = 'admitted' AND direction = 'in'"),
    )


def _guard_on_postgresql() -> None:
    op.execute(
        """
        CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'integrity_constraint_violation';
        END $$
        """
    )
    for table in APPEND_ONLY:
        op.execute(
            f"CREATE TRIGGER {table}_is_append_only BEFORE UPDATE OR DELETE ON {table} "
            "FOR EACH ROW EXECUTE FUNCTION refuse_change()"
        )
        op.execute(
            f"CREATE TRIGGER {table}_is_not_emptied BEFORE TRUNCATE ON {table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
        )


def _guard_on_sqlite() -> None:
    for table in APPEND_ONLY:
        for change in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER {table}_refuses_{change.lower()} BEFORE {change} ON {table} "
                f"BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
            )
