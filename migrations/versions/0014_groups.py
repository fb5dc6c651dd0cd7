"""Interest groups, posts, profiles."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from migrations.steps import JSON, make_append_only

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    create_interest_group()
    create_group_member()
    create_group_request()
    create_group_invitation()
    create_group_meetup()
    create_group_meetup_attendee()
    create_group_proposal()
    create_group_activity()
    create_group_post()
    create_partner_post()
    create_partner_response()
    create_partner_message()
    create_resident_card()
    create_resident_block()
    create_daily_count()
    create_identity_disclosure()
    create_indexes()
    make_append_only("identity_disclosure")


def create_interest_group() -> None:
    op.create_table(
        "interest_group",
        sa.Column("town_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("community_id", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("about", sa.Text(), nullable=False),
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
        sa.Column("content_id", sa.BigInteger(), nullable=False),
        sa.Column("new_name", sa.Text(), nullable=True),
        sa.Column("new_about", sa.Text(), nullable=True),
        sa.Column("new_content_id", sa.BigInteger(), nullable=True),
        sa.Column("upload_id", sa.BigInteger(), nullable=True),
        sa.Column(
            "joining",
            sa.Enum(
                "open", "approval", "invitation", name="joining", native_enum=False, create_constraint=True, length=32
            ),
            nullable=False,
        ),
        sa.Column("member_max", sa.BigInteger(), nullable=False),
        sa.Column("members", sa.BigInteger(), nullable=False),
        sa.Column("owners", sa.BigInteger(), nullable=False),
        sa.Column("is_staffed", sa.Boolean(), nullable=False),
        sa.Column(
            "status",
            sa.Enum("active", "closed", name="groupstatus", native_enum=False, create_constraint=True, length=32),
            nullable=False,
        ),
        sa.Column("founded_by_kind", sa.Text(), nullable=False),
        sa.Column("founded_by_id", sa.BigInteger(), nullable=False),
        sa.Column("founded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("closing_reason", sa.Text(), nullable=True),
        sa.CheckConstraint("(status = 'closed') = (closed_at IS NOT NULL)", name=op.f("ck_interest_group_closed_once")),
        sa.CheckConstraint(
            "is_staffed OR owners > 0 OR status = 'closed'", name=op.f("ck_interest_group_has_an_owner")
        ),
        sa.CheckConstraint(
            "(new_content_id IS NULL) = (new_name IS NULL) AND (new_name IS NULL) = (new_about IS NULL)",
            name=op.f("ck_interest_group_changed_as_a_whole"),
        ),
        sa.CheckConstraint("members BETWEEN 0 AND member_max", name=op.f("ck_interest_group_members_within_max")),
        sa.CheckConstraint("owners >= 0 AND owners <= members", name=op.f("ck_interest_group_owners_are_members")),
        sa.ForeignKeyConstraint(
            ["town_id", "community_id"],
            ["territory.town_id", "territory.id"],
            name=op.f("fk_interest_group_town_id_community_id"),
        ),
        sa.ForeignKeyConstraint(
            ["town_id", "content_id"],
            ["content.town_id", "content.id"],
            name=op.f("fk_interest_group_town_id_content_id"),
        ),
        sa.ForeignKeyConstraint(
            ["town_id", "new_content_id"],
            ["content.town_id", "content.id"],
            name=op.f("fk_interest_group_town_id_new_content_id"),
        ),
        sa.ForeignKeyConstraint(["town_id"], ["town.id"], name=op.f("fk_interest_group_town_id")),
        sa.PrimaryKeyConstraint("town_id", "id", name=op.f("pk_interest_group")),
        info={"distribution": "distributed"},
    )


def create_group_member() -> None:
    op.create_table(
        "group_member",
        sa.Column("town_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("group_id", sa.BigInteger(), nullable=False),
        sa.Column("resident_id", sa.BigInteger(), nullable=False),
        sa.Column(
            "role",
            sa.Enum(
                "owner", "manager", "member", name="grouprole", native_enum=False, create_constraint=True, length=32
            ),
            nullable=False,
        ),
        sa.Column(
            "status",
            sa.Enum(
                "active",
                "left",
                "removed",
                "ended",
                name="memberstatus",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("joined_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("(status = 'active') = (ended_at IS NULL)", name=op.f("ck_group_member_ends_once")),
        sa.ForeignKeyConstraint(
            ["town_id", "group_id"],
            ["interest_group.town_id", "interest_group.id"],
            name=op.f("fk_group_member_town_id_group_id"),
        ),
        sa.ForeignKeyConstraint(
            ["town_id", "resident_id"],
            ["resident.town_id", "resident.id"],
            name=op.f("fk_group_member_town_id_resident_id"),
        ),
        sa.PrimaryKeyConstraint("town_id", "id", name=op.f("pk_group_member")),
        info={"distribution": "distributed"},
    )


def create_group_request() -> None:
    op.create_table(
        "group_request",
        sa.Column("town_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("group_id", sa.BigInteger(), nullable=False),
        sa.Column("resident_id", sa.BigInteger(), nullable=False),
        sa.Column("words", sa.Text(), nullable=False),
        sa.Column("content_id", sa.BigInteger(), nullable=True),
        sa.Column(
            "status",
            sa.Enum(
                "pending",
                "accepted",
                "refused",
                "withdrawn",
                "lapsed",
                name="requeststatus",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("lapses_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("made_at < lapses_at", name=op.f("ck_group_request_lapses_later")),
        sa.ForeignKeyConstraint(
            ["town_id", "content_id"],
            ["content.town_id", "content.id"],
            name=op.f("fk_group_request_town_id_content_id"),
        ),
        sa.ForeignKeyConstraint(
            ["town_id", "group_id"],
            ["interest_group.town_id", "interest_group.id"],
            name=op.f("fk_group_request_town_id_group_id"),
        ),
        sa.ForeignKeyConstraint(
            ["town_id", "resident_id"],
            ["resident.town_id", "resident.id"],
            name=op.f("fk_group_request_town_id_resident_id"),
        ),
        sa.PrimaryKeyConstraint("town_id", "id", name=op.f("pk_group_request")),
        info={"distribution": "distributed"},
    )


def create_group_invitation() -> None:
    op.create_table(
        "group_invitation",
        sa.Column("town_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("group_id", sa.BigInteger(), nullable=False),
        sa.Column("made_by", sa.BigInteger(), nullable=False),
        sa.Column("secret_hash", sa.LargeBinary(), nullable=False),
        sa.Column("uses_max", sa.BigInteger(), nullable=False),
        sa.Column("used", sa.BigInteger(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("used BETWEEN 0 AND uses_max", name=op.f("ck_group_invitation_used_within_max")),
        sa.ForeignKeyConstraint(
            ["town_id", "group_id"],
            ["interest_group.town_id", "interest_group.id"],
            name=op.f("fk_group_invitation_town_id_group_id"),
        ),
        sa.ForeignKeyConstraint(
            ["town_id", "made_by"],
            ["group_member.town_id", "group_member.id"],
            name=op.f("fk_group_invitation_town_id_made_by"),
        ),
        sa.PrimaryKeyConstraint("town_id", "id", name=op.f("pk_group_invitation")),
        sa.UniqueConstraint("town_id", "secret_hash", name=op.f("uq_group_invitation_town_id_secret_hash")),
        info={"distribution": "distributed"},
    )


def create_group_meetup() -> None:
    op.create_table(
        "group_meetup",
        sa.Column("town_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("group_id", sa.BigInteger(), nullable=False),
        sa.Column("made_by", sa.BigInteger(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("about", sa.Text(), nullable=False),
        sa.Column("place", sa.Text(), nullable=False),
        sa.Column("content_id", sa.BigInteger(), nullable=False),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("capacity", sa.BigInteger(), nullable=False),
        sa.Column("taken", sa.BigInteger(), nullable=False),
        sa.Column(
            "status",
            sa.Enum(
                "scheduled", "cancelled", name="meetupstatus", native_enum=False, create_constraint=True, length=32
            ),
            nullable=False,
        ),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("starts_at < ends_at", name=op.f("ck_group_meetup_starts_before_it_ends")),
        sa.CheckConstraint("taken BETWEEN 0 AND capacity", name=op.f("ck_group_meetup_taken_within_capacity")),
        sa.ForeignKeyConstraint(
            ["town_id", "content_id"],
            ["content.town_id", "content.id"],
            name=op.f("fk_group_meetup_town_id_content_id"),
        ),
        sa.ForeignKeyConstraint(
            ["town_id", "group_id"],
            ["interest_group.town_id", "interest_group.id"],
            name=op.f("fk_group_meetup_town_id_group_id"),
        ),
        sa.ForeignKeyConstraint(
            ["town_id", "made_by"],
            ["group_member.town_id", "group_member.id"],
            name=op.f("fk_group_meetup_town_id_made_by"),
        ),
        sa.PrimaryKeyConstraint("town_id", "id", name=op.f("pk_group_meetup")),
        info={"distribution": "distributed"},
    )


def create_group_meetup_attendee() -> None:
    op.create_table(
        "group_meetup_attendee",
        sa.Column("town_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("meetup_id", sa.BigInteger(), nullable=False),
        sa.Column("member_id", sa.BigInteger(), nullable=False),
        sa.Column(
            "status",
            sa.Enum("going", "withdrawn", name="attendeestatus", native_enum=False, create_constraint=True, length=32),
            nullable=False,
        ),
        sa.Column("joined_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["town_id", "meetup_id"],
            ["group_meetup.town_id", "group_meetup.id"],
            name=op.f("fk_group_meetup_attendee_town_id_meetup_id"),
        ),
        sa.ForeignKeyConstraint(
            ["town_id", "member_id"],
            ["group_member.town_id", "group_member.id"],
            name=op.f("fk_group_meetup_attendee_town_id_member_id"),
        ),
        sa.PrimaryKeyConstraint("town_id", "id", name=op.f("pk_group_meetup_attendee")),
        info={"distribution": "distributed"},
    )


def create_group_proposal() -> None:
    op.create_table(
        "group_proposal",
        sa.Column("town_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("group_id", sa.BigInteger(), nullable=False),
        sa.Column("made_by", sa.BigInteger(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("about", sa.Text(), nullable=False),
        sa.Column("place_wish", sa.Text(), nullable=False),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("people", sa.BigInteger(), nullable=False),
        sa.Column("content_id", sa.BigInteger(), nullable=False),
        sa.Column(
            "status",
            sa.Enum(
                "pending",
                "accepted",
                "refused",
                "withdrawn",
                name="proposalstatus",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("activity_id", sa.BigInteger(), nullable=True),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("decided_by", sa.BigInteger(), nullable=True),
        sa.Column("note", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "(status = 'accepted') = (activity_id IS NOT NULL)",
            name=op.f("ck_group_proposal_accepted_with_an_activity"),
        ),
        sa.ForeignKeyConstraint(
            ["town_id", "activity_id"],
            ["activity.town_id", "activity.id"],
            name=op.f("fk_group_proposal_town_id_activity_id"),
        ),
        sa.ForeignKeyConstraint(
            ["town_id", "content_id"],
            ["content.town_id", "content.id"],
            name=op.f("fk_group_proposal_town_id_content_id"),
        ),
        sa.ForeignKeyConstraint(
            ["town_id", "decided_by"], ["staff.town_id", "staff.id"], name=op.f("fk_group_proposal_town_id_decided_by")
        ),
        sa.ForeignKeyConstraint(
            ["town_id", "group_id"],
            ["interest_group.town_id", "interest_group.id"],
            name=op.f("fk_group_proposal_town_id_group_id"),
        ),
        sa.ForeignKeyConstraint(
            ["town_id", "made_by"],
            ["group_member.town_id", "group_member.id"],
            name=op.f("fk_group_proposal_town_id_made_by"),
        ),
        sa.PrimaryKeyConstraint("town_id", "id", name=op.f("pk_group_proposal")),
        info={"distribution": "distributed"},
    )


def create_group_activity() -> None:
    op.create_table(
        "group_activity",
        sa.Column("town_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("activity_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("group_id", sa.BigInteger(), nullable=False),
        sa.Column("members_only", sa.Boolean(), nullable=False),
        sa.Column("linked_by", sa.BigInteger(), nullable=False),
        sa.Column("linked_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["town_id", "activity_id"],
            ["activity.town_id", "activity.id"],
            name=op.f("fk_group_activity_town_id_activity_id"),
        ),
        sa.ForeignKeyConstraint(
            ["town_id", "group_id"],
            ["interest_group.town_id", "interest_group.id"],
            name=op.f("fk_group_activity_town_id_group_id"),
        ),
        sa.ForeignKeyConstraint(
            ["town_id", "linked_by"], ["staff.town_id", "staff.id"], name=op.f("fk_group_activity_town_id_linked_by")
        ),
        sa.PrimaryKeyConstraint("town_id", "activity_id", name=op.f("pk_group_activity")),
        info={"distribution": "distributed"},
    )


def create_group_post() -> None:
    op.create_table(
        "group_post",
        sa.Column("town_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("group_id", sa.BigInteger(), nullable=False),
        sa.Column("member_id", sa.BigInteger(), nullable=False),
        sa.Column("words", sa.Text(), nullable=False),
        sa.Column("upload_ids", JSON, nullable=False),
        sa.Column("content_id", sa.BigInteger(), nullable=False),
        sa.Column("is_announcement", sa.Boolean(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("removed_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["town_id", "content_id"], ["content.town_id", "content.id"], name=op.f("fk_group_post_town_id_content_id")
        ),
        sa.ForeignKeyConstraint(
            ["town_id", "group_id"],
            ["interest_group.town_id", "interest_group.id"],
            name=op.f("fk_group_post_town_id_group_id"),
        ),
        sa.ForeignKeyConstraint(
            ["town_id", "member_id"],
            ["group_member.town_id", "group_member.id"],
            name=op.f("fk_group_post_town_id_member_id"),
        ),
        sa.PrimaryKeyConstraint("town_id", "id", name=op.f("pk_group_post")),
        info={"distribution": "distributed"},
    )


def create_partner_post() -> None:
    op.create_table(
        "partner_post",
        sa.Column("town_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("resident_id", sa.BigInteger(), nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "sport",
                "children",
                "carpool",
                "learning",
                "other",
                name="partnerkind",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("words", sa.Text(), nullable=False),
        sa.Column("when_words", sa.Text(), nullable=False),
        sa.Column("community_id", sa.BigInteger(), nullable=False),
        sa.Column("wanted", sa.BigInteger(), nullable=False),
        sa.Column("accepted", sa.BigInteger(), nullable=False),
        sa.Column("upload_ids", JSON, nullable=False),
        sa.Column("content_id", sa.BigInteger(), nullable=False),
        sa.Column(
            "status",
            sa.Enum(
                "open",
                "closed",
                "lapsed",
                name="partnerpoststatus",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("lapses_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("told_lapsing_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("accepted BETWEEN 0 AND wanted", name=op.f("ck_partner_post_accepted_within_wanted")),
        sa.CheckConstraint("made_at < lapses_at", name=op.f("ck_partner_post_lapses_later")),
        sa.ForeignKeyConstraint(
            ["town_id", "community_id"],
            ["territory.town_id", "territory.id"],
            name=op.f("fk_partner_post_town_id_community_id"),
        ),
        sa.ForeignKeyConstraint(
            ["town_id", "content_id"],
            ["content.town_id", "content.id"],
            name=op.f("fk_partner_post_town_id_content_id"),
        ),
        sa.ForeignKeyConstraint(
            ["town_id", "resident_id"],
            ["resident.town_id", "resident.id"],
            name=op.f("fk_partner_post_town_id_resident_id"),
        ),
        sa.ForeignKeyConstraint(["town_id"], ["town.id"], name=op.f("fk_partner_post_town_id")),
        sa.PrimaryKeyConstraint("town_id", "id", name=op.f("pk_partner_post")),
        info={"distribution": "distributed"},
    )


def create_partner_response() -> None:
    op.create_table(
        "partner_response",
        sa.Column("town_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("post_id", sa.BigInteger(), nullable=False),
        sa.Column("resident_id", sa.BigInteger(), nullable=False),
        sa.Column("words", sa.Text(), nullable=False),
        sa.Column("content_id", sa.BigInteger(), nullable=False),
        sa.Column(
            "status",
            sa.Enum(
                "pending",
                "accepted",
                "declined",
                "withdrawn",
                name="responsestatus",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["town_id", "content_id"],
            ["content.town_id", "content.id"],
            name=op.f("fk_partner_response_town_id_content_id"),
        ),
        sa.ForeignKeyConstraint(
            ["town_id", "post_id"],
            ["partner_post.town_id", "partner_post.id"],
            name=op.f("fk_partner_response_town_id_post_id"),
        ),
        sa.ForeignKeyConstraint(
            ["town_id", "resident_id"],
            ["resident.town_id", "resident.id"],
            name=op.f("fk_partner_response_town_id_resident_id"),
        ),
        sa.PrimaryKeyConstraint("town_id", "id", name=op.f("pk_partner_response")),
        info={"distribution": "distributed"},
    )


def create_partner_message() -> None:
    op.create_table(
        "partner_message",
        sa.Column("town_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("response_id", sa.BigInteger(), nullable=False),
        sa.Column("by_author", sa.Boolean(), nullable=False),
        sa.Column("words", sa.Text(), nullable=False),
        sa.Column("content_id", sa.BigInteger(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["town_id", "content_id"],
            ["content.town_id", "content.id"],
            name=op.f("fk_partner_message_town_id_content_id"),
        ),
        sa.ForeignKeyConstraint(
            ["town_id", "response_id"],
            ["partner_response.town_id", "partner_response.id"],
            name=op.f("fk_partner_message_town_id_response_id"),
        ),
        sa.PrimaryKeyConstraint("town_id", "id", name=op.f("pk_partner_message")),
        info={"distribution": "distributed"},
    )


def create_resident_card() -> None:
    op.create_table(
        "resident_card",
        sa.Column("town_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("resident_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("display_name", sa.Text(), nullable=False),
        sa.Column("about", sa.Text(), nullable=False),
        sa.Column("interests", JSON, nullable=False),
        sa.Column("upload_id", sa.BigInteger(), nullable=True),
        sa.Column("content_id", sa.BigInteger(), nullable=False),
        sa.Column("is_on", sa.Boolean(), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["town_id", "content_id"],
            ["content.town_id", "content.id"],
            name=op.f("fk_resident_card_town_id_content_id"),
        ),
        sa.ForeignKeyConstraint(
            ["town_id", "resident_id"],
            ["resident.town_id", "resident.id"],
            name=op.f("fk_resident_card_town_id_resident_id"),
        ),
        sa.PrimaryKeyConstraint("town_id", "resident_id", name=op.f("pk_resident_card")),
        info={"distribution": "distributed"},
    )


def create_resident_block() -> None:
    op.create_table(
        "resident_block",
        sa.Column("town_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("blocker_id", sa.BigInteger(), nullable=False),
        sa.Column("blocked_id", sa.BigInteger(), nullable=False),
        sa.Column("shown_as", sa.Text(), nullable=False),
        sa.Column("blocked_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("blocker_id <> blocked_id", name=op.f("ck_resident_block_somebody_else")),
        sa.ForeignKeyConstraint(
            ["town_id", "blocked_id"],
            ["resident.town_id", "resident.id"],
            name=op.f("fk_resident_block_town_id_blocked_id"),
        ),
        sa.ForeignKeyConstraint(
            ["town_id", "blocker_id"],
            ["resident.town_id", "resident.id"],
            name=op.f("fk_resident_block_town_id_blocker_id"),
        ),
        sa.PrimaryKeyConstraint("town_id", "id", name=op.f("pk_resident_block")),
        sa.UniqueConstraint(
            "town_id", "blocker_id", "blocked_id", name=op.f("uq_resident_block_town_id_blocker_id_blocked_id")
        ),
        info={"distribution": "distributed"},
    )


def create_daily_count() -> None:
    op.create_table(
        "daily_count",
        sa.Column("town_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("resident_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("day", sa.Text(), nullable=False),
        sa.Column("used", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("used >= 0", name=op.f("ck_daily_count_used_not_negative")),
        sa.ForeignKeyConstraint(
            ["town_id", "resident_id"],
            ["resident.town_id", "resident.id"],
            name=op.f("fk_daily_count_town_id_resident_id"),
        ),
        sa.PrimaryKeyConstraint("town_id", "resident_id", "kind", "day", name=op.f("pk_daily_count")),
        info={"distribution": "distributed"},
    )


def create_identity_disclosure() -> None:
    op.create_table(
        "identity_disclosure",
        sa.Column("town_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("staff_id", sa.BigInteger(), nullable=False),
        sa.Column("resident_id", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("disclosed_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["town_id", "resident_id"],
            ["resident.town_id", "resident.id"],
            name=op.f("fk_identity_disclosure_town_id_resident_id"),
        ),
        sa.ForeignKeyConstraint(
            ["town_id", "staff_id"], ["staff.town_id", "staff.id"], name=op.f("fk_identity_disclosure_town_id_staff_id")
        ),
        sa.PrimaryKeyConstraint("town_id", "id", name=op.f("pk_identity_disclosure")),
        info={"distribution": "distributed"},
    )


def create_indexes() -> None:
    op.create_index("ix_interest_group_community", "interest_group", ["town_id", "community_id"], unique=False)
    op.create_index("ix_group_member_group", "group_member", ["town_id", "group_id", "id"], unique=False)
    op.create_index("ix_group_member_resident", "group_member", ["town_id", "resident_id"], unique=False)
    op.create_index(
        "uq_group_member_active",
        "group_member",
        ["town_id", "group_id", "resident_id"],
        unique=True,
        sqlite_where=sa.text("status = 'active'"),
        postgresql_where=sa.text("status = 'active'"),
    )
    op.create_index(
        "ix_group_request_lapses",
        "group_request",
        ["town_id", "lapses_at"],
        unique=False,
        sqlite_where=sa.text("status = 'pending'"),
        postgresql_where=sa.text("status = 'pending'"),
    )
    op.create_index("ix_group_request_resident", "group_request", ["town_id", "resident_id"], unique=False)
    op.create_index(
        "uq_group_request_pending",
        "group_request",
        ["town_id", "group_id", "resident_id"],
        unique=True,
        sqlite_where=sa.text("status = 'pending'"),
        postgresql_where=sa.text("status = 'pending'"),
    )
    op.create_index("ix_group_invitation_group", "group_invitation", ["town_id", "group_id"], unique=False)
    op.create_index("ix_group_meetup_group", "group_meetup", ["town_id", "group_id", "starts_at"], unique=False)
    op.create_index("ix_group_meetup_attendee_member", "group_meetup_attendee", ["town_id", "member_id"], unique=False)
    op.create_index(
        "uq_group_meetup_attendee_going",
        "group_meetup_attendee",
        ["town_id", "meetup_id", "member_id"],
        unique=True,
        sqlite_where=sa.text("status = 'going'"),
        postgresql_where=sa.text("status = 'going'"),
    )
    op.create_index("ix_group_proposal_group", "group_proposal", ["town_id", "group_id", "id"], unique=False)
    op.create_index(
        "ix_group_proposal_pending",
        "group_proposal",
        ["town_id", "id"],
        unique=False,
        sqlite_where=sa.text("status = 'pending'"),
        postgresql_where=sa.text("status = 'pending'"),
    )
    op.create_index("ix_group_activity_group", "group_activity", ["town_id", "group_id"], unique=False)
    op.create_index("ix_group_post_group", "group_post", ["town_id", "group_id", "id"], unique=False)
    op.create_index(
        "ix_partner_post_lapses",
        "partner_post",
        ["town_id", "lapses_at"],
        unique=False,
        sqlite_where=sa.text("status = 'open'"),
        postgresql_where=sa.text("status = 'open'"),
    )
    op.create_index(
        "ix_partner_post_open",
        "partner_post",
        ["town_id", "id"],
        unique=False,
        sqlite_where=sa.text("status = 'open'"),
        postgresql_where=sa.text("status = 'open'"),
    )
    op.create_index("ix_partner_post_resident", "partner_post", ["town_id", "resident_id", "id"], unique=False)
    op.create_index("ix_partner_response_resident", "partner_response", ["town_id", "resident_id", "id"], unique=False)
    op.create_index(
        "uq_partner_response_once",
        "partner_response",
        ["town_id", "post_id", "resident_id"],
        unique=True,
        sqlite_where=sa.text("status <> 'withdrawn'"),
        postgresql_where=sa.text("status <> 'withdrawn'"),
    )
    op.create_index("ix_partner_message_response", "partner_message", ["town_id", "response_id", "id"], unique=False)
    op.create_index("ix_resident_block_blocked", "resident_block", ["town_id", "blocked_id"], unique=False)
    op.create_index("ix_identity_disclosure_resident", "identity_disclosure", ["town_id", "resident_id"], unique=False)
