"""The points mall: rewards, redemptions, causes, and who of the staff acts for which operator."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from migrations.steps import JSON, make_append_only

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    _create_operator_staff()
    _create_reward()
    _create_reward_use()
    _create_stock_change()
    _create_redemption()
    _create_code_try()
    _create_cause()
    _create_donation()
    _create_indexes()
    make_append_only("stock_change")


def _create_operator_staff() -> None:
    op.create_table(
        "operator_staff",
        sa.Column("town_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("operator_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("staff_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("added_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("added_by", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(
            ["town_id", "operator_id"],
            ["operator.town_id", "operator.id"],
            name=op.f("fk_operator_staff_town_id_operator_id"),
        ),
        sa.ForeignKeyConstraint(
            ["town_id", "staff_id"], ["staff.town_id", "staff.id"], name=op.f("fk_operator_staff_town_id_staff_id")
        ),
        sa.PrimaryKeyConstraint("town_id", "operator_id", "staff_id", name=op.f("pk_operator_staff")),
    )


def _create_reward() -> None:
    op.create_table(
        "reward",
        sa.Column("town_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("operator_id", sa.BigInteger(), nullable=True),
        sa.Column("territory_id", sa.BigInteger(), nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "goods",
                "service",
                "voucher",
                "place",
                name="rewardkind",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("item", sa.Text(), nullable=False),
        sa.Column("upload_ids", JSON, nullable=False),
        sa.Column("pick_up_at", sa.Text(), nullable=False),
        sa.Column("latitude", sa.Double(), nullable=True),
        sa.Column("longitude", sa.Double(), nullable=True),
        sa.Column("price", sa.BigInteger(), nullable=False),
        sa.Column("fee", sa.BigInteger(), nullable=False),
        sa.Column("worth", sa.BigInteger(), nullable=True),
        sa.Column("stock", sa.BigInteger(), nullable=True),
        sa.Column("taken", sa.BigInteger(), nullable=False),
        sa.Column("quantity_max", sa.BigInteger(), nullable=False),
        sa.Column("limits", JSON, nullable=False),
        sa.Column("offered_from", sa.DateTime(timezone=True), nullable=True),
        sa.Column("offered_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("weekdays", JSON, nullable=True),
        sa.Column("month_days", JSON, nullable=True),
        sa.Column("opens_at", sa.Text(), nullable=True),
        sa.Column("closes_at", sa.Text(), nullable=True),
        sa.Column("eligible_territory_id", sa.BigInteger(), nullable=True),
        sa.Column("age_min", sa.BigInteger(), nullable=True),
        sa.Column("age_max", sa.BigInteger(), nullable=True),
        sa.Column("ladder", sa.Text(), nullable=True),
        sa.Column("level", sa.Text(), nullable=True),
        sa.Column(
            "status",
            sa.Enum(
                "draft",
                "submitted",
                "published",
                "withdrawn",
                name="rewardstatus",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_by", sa.BigInteger(), nullable=True),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("decided_by", sa.BigInteger(), nullable=True),
        sa.Column("decision_note", sa.Text(), nullable=True),
        sa.CheckConstraint("(ladder IS NULL) = (level IS NULL)", name=op.f("ck_reward_level_whole")),
        sa.CheckConstraint("(latitude IS NULL) = (longitude IS NULL)", name=op.f("ck_reward_position_whole")),
        sa.CheckConstraint("(opens_at IS NULL) = (closes_at IS NULL)", name=op.f("ck_reward_hours_whole")),
        sa.CheckConstraint(
            "age_min IS NULL OR age_max IS NULL OR age_min <= age_max", name=op.f("ck_reward_ages_in_order")
        ),
        sa.CheckConstraint(
            "price > 0 AND fee >= 0 AND (worth IS NULL OR worth >= 0)", name=op.f("ck_reward_prices_not_negative")
        ),
        sa.CheckConstraint("quantity_max BETWEEN 1 AND 99", name=op.f("ck_reward_quantity_max_within_bounds")),
        sa.CheckConstraint(
            "taken >= 0 AND (stock IS NULL OR taken <= stock)", name=op.f("ck_reward_taken_within_stock")
        ),
        sa.ForeignKeyConstraint(
            ["town_id", "eligible_territory_id"],
            ["territory.town_id", "territory.id"],
            name=op.f("fk_reward_town_id_eligible_territory_id"),
        ),
        sa.ForeignKeyConstraint(
            ["town_id", "operator_id"], ["operator.town_id", "operator.id"], name=op.f("fk_reward_town_id_operator_id")
        ),
        sa.ForeignKeyConstraint(
            ["town_id", "territory_id"],
            ["territory.town_id", "territory.id"],
            name=op.f("fk_reward_town_id_territory_id"),
        ),
        sa.PrimaryKeyConstraint("town_id", "id", name=op.f("pk_reward")),
    )


def _create_reward_use() -> None:
    op.create_table(
        "reward_use",
        sa.Column("town_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("reward_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("resident_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("period", sa.Text(), nullable=False),
        sa.Column("used", sa.BigInteger(), nullable=False),
        sa.Column("most", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("used BETWEEN 0 AND most", name=op.f("ck_reward_use_used_within_limit")),
        sa.ForeignKeyConstraint(
            ["town_id", "resident_id"],
            ["resident.town_id", "resident.id"],
            name=op.f("fk_reward_use_town_id_resident_id"),
        ),
        sa.ForeignKeyConstraint(
            ["town_id", "reward_id"], ["reward.town_id", "reward.id"], name=op.f("fk_reward_use_town_id_reward_id")
        ),
        sa.PrimaryKeyConstraint("town_id", "reward_id", "resident_id", "period", name=op.f("pk_reward_use")),
    )


def _create_stock_change() -> None:
    op.create_table(
        "stock_change",
        sa.Column("town_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("reward_id", sa.BigInteger(), nullable=False),
        sa.Column("change", sa.BigInteger(), nullable=True),
        sa.Column("stock_after", sa.BigInteger(), nullable=True),
        sa.Column("taken", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("staff_id", sa.BigInteger(), nullable=True),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["town_id", "reward_id"], ["reward.town_id", "reward.id"], name=op.f("fk_stock_change_town_id_reward_id")
        ),
        sa.PrimaryKeyConstraint("town_id", "id", name=op.f("pk_stock_change")),
    )


def _create_redemption() -> None:
    op.create_table(
        "redemption",
        sa.Column("town_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("reward_id", sa.BigInteger(), nullable=False),
        sa.Column("resident_id", sa.BigInteger(), nullable=False),
        sa.Column("booked_by_kind", sa.Text(), nullable=True),
        sa.Column("booked_by_id", sa.BigInteger(), nullable=True),
        sa.Column("quantity", sa.BigInteger(), nullable=False),
        sa.Column("price", sa.BigInteger(), nullable=False),
        sa.Column("payments", JSON, nullable=False),
        sa.Column("fee", sa.BigInteger(), nullable=False),
        sa.Column("fee_paid", sa.Boolean(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column(
            "status",
            sa.Enum(
                "ready",
                "fulfilled",
                "cancelled",
                "lapsed",
                name="redemptionstatus",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("section", sa.Text(), nullable=False),
        sa.Column("is_refundable", sa.Boolean(), nullable=False),
        sa.Column("returns_when_lapsed", sa.Boolean(), nullable=False),
        sa.Column("is_substitutable", sa.Boolean(), nullable=False),
        sa.Column("limit_periods", JSON, nullable=False),
        sa.Column("redeemed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("pick_up_until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("remind_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("fulfilled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("fulfilled_by", sa.BigInteger(), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "ended_by",
            sa.Enum(
                "resident", "merchant", "time", name="endedby", native_enum=False, create_constraint=True, length=32
            ),
            nullable=True,
        ),
        sa.Column("ended_reason", sa.Text(), nullable=True),
        sa.Column("points_returned", sa.BigInteger(), nullable=False),
        sa.Column("substitute_id", sa.BigInteger(), nullable=True),
        sa.Column("substitute_reason", sa.Text(), nullable=True),
        sa.Column("replaced_id", sa.BigInteger(), nullable=True),
        sa.CheckConstraint(
            "(status = 'fulfilled') = (fulfilled_at IS NOT NULL)", name=op.f("ck_redemption_fulfilled_at_a_moment")
        ),
        sa.CheckConstraint(
            "(status IN ('cancelled', 'lapsed')) = (ended_at IS NOT NULL)", name=op.f("ck_redemption_ended_at_a_moment")
        ),
        sa.CheckConstraint(
            "status = 'ready' OR (remind_at IS NULL AND substitute_id IS NULL)",
            name=op.f("ck_redemption_nothing_open_after"),
        ),
        sa.CheckConstraint("points_returned >= 0", name=op.f("ck_redemption_returned_not_negative")),
        sa.CheckConstraint("quantity > 0 AND price > 0 AND fee >= 0", name=op.f("ck_redemption_amounts_not_negative")),
        sa.ForeignKeyConstraint(
            ["town_id", "replaced_id"], ["reward.town_id", "reward.id"], name=op.f("fk_redemption_town_id_replaced_id")
        ),
        sa.ForeignKeyConstraint(
            ["town_id", "resident_id"],
            ["resident.town_id", "resident.id"],
            name=op.f("fk_redemption_town_id_resident_id"),
        ),
        sa.ForeignKeyConstraint(
            ["town_id", "reward_id"], ["reward.town_id", "reward.id"], name=op.f("fk_redemption_town_id_reward_id")
        ),
        sa.ForeignKeyConstraint(
            ["town_id", "substitute_id"],
            ["reward.town_id", "reward.id"],
            name=op.f("fk_redemption_town_id_substitute_id"),
        ),
        sa.PrimaryKeyConstraint("town_id", "id", name=op.f("pk_redemption")),
        sa.UniqueConstraint("town_id", "code", name=op.f("uq_redemption_town_id_code")),
    )


def _create_code_try() -> None:
    op.create_table(
        "code_try",
        sa.Column("town_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("staff_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("hour", sa.DateTime(timezone=True), nullable=False),
        sa.Column("wrong", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("wrong >= 0", name=op.f("ck_code_try_wrong_not_negative")),
        sa.ForeignKeyConstraint(
            ["town_id", "staff_id"], ["staff.town_id", "staff.id"], name=op.f("fk_code_try_town_id_staff_id")
        ),
        sa.PrimaryKeyConstraint("town_id", "staff_id", "hour", name=op.f("pk_code_try")),
    )


def _create_cause() -> None:
    op.create_table(
        "cause",
        sa.Column("town_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("operator_id", sa.BigInteger(), nullable=True),
        sa.Column("territory_id", sa.BigInteger(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("upload_ids", JSON, nullable=False),
        sa.Column("target", sa.BigInteger(), nullable=False),
        sa.Column("given", sa.BigInteger(), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False),
        sa.Column(
            "status",
            sa.Enum("open", "cancelled", name="causestatus", native_enum=False, create_constraint=True, length=32),
            nullable=False,
        ),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_by", sa.BigInteger(), nullable=True),
        sa.Column("cancelled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("cancelled_reason", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "(status = 'cancelled') = (cancelled_at IS NOT NULL)", name=op.f("ck_cause_cancelled_at_a_moment")
        ),
        sa.CheckConstraint("target > 0 AND given >= 0", name=op.f("ck_cause_points_not_negative")),
        sa.ForeignKeyConstraint(
            ["town_id", "operator_id"], ["operator.town_id", "operator.id"], name=op.f("fk_cause_town_id_operator_id")
        ),
        sa.ForeignKeyConstraint(
            ["town_id", "territory_id"],
            ["territory.town_id", "territory.id"],
            name=op.f("fk_cause_town_id_territory_id"),
        ),
        sa.PrimaryKeyConstraint("town_id", "id", name=op.f("pk_cause")),
    )


def _create_donation() -> None:
    op.create_table(
        "donation",
        sa.Column("town_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("cause_id", sa.BigInteger(), nullable=False),
        sa.Column("resident_id", sa.BigInteger(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("payments", JSON, nullable=False),
        sa.Column("is_named", sa.Boolean(), nullable=False),
        sa.Column("donated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("returned_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("amount > 0", name=op.f("ck_donation_amount_positive")),
        sa.ForeignKeyConstraint(
            ["town_id", "cause_id"], ["cause.town_id", "cause.id"], name=op.f("fk_donation_town_id_cause_id")
        ),
        sa.ForeignKeyConstraint(
            ["town_id", "resident_id"],
            ["resident.town_id", "resident.id"],
            name=op.f("fk_donation_town_id_resident_id"),
        ),
        sa.PrimaryKeyConstraint("town_id", "id", name=op.f("pk_donation")),
    )


def _create_indexes() -> None:
    op.create_index("ix_operator_staff_staff", "operator_staff", ["town_id", "staff_id"], unique=False)
    op.create_index("ix_reward_operator", "reward", ["town_id", "operator_id"], unique=False)
    op.create_index("ix_reward_status", "reward", ["town_id", "status", "id"], unique=False)
    op.create_index("ix_reward_territory", "reward", ["town_id", "territory_id"], unique=False)
    op.create_index("ix_reward_use_resident", "reward_use", ["town_id", "resident_id"], unique=False)
    op.create_index("ix_stock_change_reward", "stock_change", ["town_id", "reward_id", "id"], unique=False)
    op.create_index("ix_redemption_fulfilled", "redemption", ["town_id", "fulfilled_at"], unique=False)
    op.create_index(
        "ix_redemption_lapsed",
        "redemption",
        ["town_id", "ended_at"],
        unique=False,
        sqlite_where=sa.text("status = 'lapsed'"),
        postgresql_where=sa.text("status = 'lapsed'"),
    )
    op.create_index(
        "ix_redemption_ready",
        "redemption",
        ["town_id", "pick_up_until"],
        unique=False,
        sqlite_where=sa.text("status = 'ready'"),
        postgresql_where=sa.text("status = 'ready'"),
    )
    op.create_index(
        "ix_redemption_remind",
        "redemption",
        ["town_id", "remind_at"],
        unique=False,
        sqlite_where=sa.text("remind_at IS NOT NULL"),
        postgresql_where=sa.text("remind_at IS NOT NULL"),
    )
    op.create_index("ix_redemption_resident", "redemption", ["town_id", "resident_id", "id"], unique=False)
    op.create_index("ix_redemption_reward", "redemption", ["town_id", "reward_id", "status", "id"], unique=False)
    op.create_index("ix_cause_status", "cause", ["town_id", "status", "id"], unique=False)
    op.create_index(
        "ix_donation_cause",
        "donation",
        ["town_id", "cause_id", "id"],
        unique=False,
        sqlite_where=sa.text("returned_at IS NULL"),
        postgresql_where=sa.text("returned_at IS NULL"),
    )
    op.create_index("ix_donation_resident", "donation", ["town_id", "resident_id", "id"], unique=False)
