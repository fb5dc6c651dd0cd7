"""What is kept about residents, table by table: which rows are somebody's, what a copy shows, what an erasure does.

A copy shows a row as it is, but for columns that are nobody's business (`hidden`: staff's ids, hashes), other people, who
appear by a masked name (`people`), and bytes. An erasure deletes rows, writes columns over, or keeps a row that names nobody
any more once the resident's own row is empty (`kept` says why). Holdings stand in the order in which they are erased, so
that nothing is deleted before what hangs on it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import BindParameter, ColumnElement, and_, bindparam, case, func, or_, select
from sqlalchemy.orm import aliased

from models.adjustments import Adjustment, AwardImportRow
from models.base import Base
from models.calendars import CalendarFeed
from models.cards import Card
from models.checkins import Scan, Visit
from models.daily_counts import DailyCount
from models.estates import Complaint, Repair, RepairEvent, RepairNote
from models.favourites import Favourite
from models.groups import (
    Disclosure,
    Group,
    GroupInvitation,
    GroupMeetup,
    GroupMember,
    GroupPost,
    GroupProposal,
    GroupRequest,
    GroupStatus,
    MeetupAttendee,
    PartnerMessage,
    PartnerPost,
    PostResponse,
    ProposalStatus,
    ResidentBlock,
    ResidentCard,
)
from models.history import ResidentVersion
from models.idempotency import IdempotencyRecord
from models.jobs import Outbox
from models.ledger import Event
from models.moderation import Content, ContentDecision, ContentReport, ContentState
from models.notices import AnnouncementRead, Notice, NoticeSettings, SubscriptionGrant, SubscriptionSend
from models.ranking import RankingChoice, RankingTally
from models.reservations import Appeal, Reservation
from models.residents import (
    Consent,
    ConsentWithdrawal,
    DataExport,
    Erasure,
    HouseholdRequest,
    Merging,
    MobileHolder,
    OpenidLookup,
    OrganisationMember,
    Proxy,
    RefreshToken,
    Registration,
    Resident,
    ResidentStatus,
    SignInDevice,
)
from models.rewards import Donation, Redemption, RewardUse
from models.rulebook import (
    Standing,
    StandingCount,
    StandingFreeze,
    StandingLevel,
    StandingLevelVersion,
    StandingSuspension,
)
from models.territory import Territory, TerritoryKind
from models.uploads import Upload, UploadDay, UploaderKind
from models.venues import BookingUsage, HolderKind, VenueBooking
from models.volunteering import Certificate, ServiceDay, ServiceRecord, VolunteerRegistration, VolunteerWithdrawal

TOWN: BindParameter[int] = bindparam("town")
RESIDENT: BindParameter[int] = bindparam("resident")
NOW: BindParameter[datetime] = bindparam("now")
#: The same person's id as an outbox names it.
RESIDENT_TEXT: BindParameter[str] = bindparam("resident_text")

IN_THE_BOOKS = "部分账目要求保存，且不再含有姓名"
FOR_THE_COUNT = "只有编号、时间和数量，用于统计和名额核算"
AS_PROOF = "作为同意、撤回和办理过的凭证，只有编号、版本和时间"


@dataclass(frozen=True, slots=True)
class Holding:
    """One table that names residents."""

    table: type[Base]
    whose: ColumnElement[bool]  #: the rows of the resident
    room: str | None  #: under which name a copy shows it; None: it doesn't
    why_not_shown: str = ""
    shown: ColumnElement[bool] | None = None  #: which rows a copy shows, where it isn't all of them
    hidden: tuple[str, ...] = ()
    people: tuple[str, ...] = ()  #: columns with residents' ids, some of which are others'
    is_deleted: bool = False
    written: Mapping[str, Any] = field(default_factory=dict)  #: columns and what an erasure writes over them
    kept: str = ""  #: why the row stays, where nothing is written over
    by_rule: str = ""  #: which rule ends it before, where a statement wouldn't do


def _mine(table: Any, column: str = "resident_id") -> ColumnElement[bool]:
    return and_(table.town_id == TOWN, getattr(table, column) == RESIDENT)


def _of_mine(table: Any, column: str, parent: Any, whose: ColumnElement[bool]) -> ColumnElement[bool]:
    """Rows that hang on a row of the resident's."""
    parent_key = next(iter(c for c in parent.__table__.primary_key.columns if c.name != "town_id"))
    return and_(table.town_id == TOWN, getattr(table, column).in_(select(parent_key).where(whose)))


def _deleted(table: Any, room: str | None, *, whose: ColumnElement[bool] | None = None, **more: Any) -> Holding:
    return Holding(table, _mine(table) if whose is None else whose, room, is_deleted=True, **more)


def _kept(table: Any, room: str | None, kept: str, *, whose: ColumnElement[bool] | None = None, **more: Any) -> Holding:
    return Holding(table, _mine(table) if whose is None else whose, room, kept=kept, **more)


def _written(
    table: Any, room: str | None, written: Mapping[str, Any], *, whose: ColumnElement[bool] | None = None, **more: Any
) -> Holding:
    return Holding(table, _mine(table) if whose is None else whose, room, written=written, **more)


_members = _mine(GroupMember)
_by_my_membership: Callable[[Any, str], ColumnElement[bool]] = lambda table, column: _of_mine(  # noqa: E731
    table, column, GroupMember, _members
)
_my_repair_events = _of_mine(RepairEvent, "repair_id", Repair, _mine(Repair))
_about_me = or_(_mine(Notice), _mine(Notice, "about_id"))
_my_responses = select(PostResponse.id).where(_mine(PostResponse))
_answers_to_my_posts = (
    select(PostResponse.id)
    .join(PartnerPost, and_(PartnerPost.town_id == PostResponse.town_id, PartnerPost.id == PostResponse.post_id))
    .where(_mine(PartnerPost))
)
_my_messages = and_(
    PartnerMessage.town_id == TOWN,
    or_(
        and_(PartnerMessage.by_author.is_(True), PartnerMessage.response_id.in_(_answers_to_my_posts)),
        and_(PartnerMessage.by_author.is_(False), PartnerMessage.response_id.in_(_my_responses)),
    ),
)
#: The words of groups that go on belong to the group.
_words_of_groups = select(Group.content_id).where(Group.town_id == TOWN, Group.status == GroupStatus.ACTIVE)
_new_words_of_groups = select(Group.new_content_id).where(
    Group.town_id == TOWN, Group.status == GroupStatus.ACTIVE, Group.new_content_id.is_not(None)
)
_my_words = and_(_mine(Content), Content.id.not_in(_words_of_groups), Content.id.not_in(_new_words_of_groups))
_to_me = and_(
    Outbox.town_id == TOWN,
    or_(*(Outbox.payload[name].as_string() == RESIDENT_TEXT for name in ("resident_id", "principal_id", "agent_id"))),
)
_founded = and_(Group.town_id == TOWN, Group.founded_by_kind == "resident", Group.founded_by_id == RESIDENT)
#: Numbers of the past are asked for by community; an estate's of then lose the one who is gone.
_place, _community = aliased(Territory), aliased(Territory)
_its_community = (
    select(_community.id)
    .join(_place, and_(_place.town_id == _community.town_id, _place.path.startswith(_community.path)))
    .where(
        _place.town_id == ResidentVersion.town_id,
        _place.id == ResidentVersion.territory_id,
        _community.kind == TerritoryKind.COMMUNITY,
    )
    .scalar_subquery()
)

HOLDINGS: tuple[Holding, ...] = (
    # signing in
    _deleted(OpenidLookup, None, why_not_shown="只有微信标识的摘要；标识本身见 resident"),
    _deleted(RefreshToken, "sign_ins", hidden=("family_id", "successor_id", "staff_id")),
    _deleted(SignInDevice, "sign_in_days", hidden=("device_index",)),
    _deleted(MobileHolder, None, why_not_shown="只有手机号的摘要；手机号本身见 resident"),
    _deleted(IdempotencyRecord, None, whose=_mine(IdempotencyRecord, "actor_id"), why_not_shown="重复请求的应答副本"),
    # notices
    _deleted(
        SubscriptionSend,
        "wechat_messages",
        whose=or_(_mine(SubscriptionSend), _of_mine(SubscriptionSend, "notice_id", Notice, _about_me)),
        shown=_mine(SubscriptionSend),
    ),
    _deleted(Notice, "inbox", whose=_about_me, shown=_mine(Notice), people=("about_id",)),
    _deleted(SubscriptionGrant, "wechat_grants"),
    _deleted(NoticeSettings, "notice_settings"),
    _deleted(AnnouncementRead, "announcements_read"),
    _deleted(Outbox, None, whose=_to_me, why_not_shown="待发送的通知，发出后见 inbox"),
    # what lets somebody act, or in
    _written(
        Proxy,
        "proxies",
        {"consent_note": "", "revoked_at": func.coalesce(Proxy.revoked_at, NOW)},
        whose=or_(_mine(Proxy, "principal_id"), _mine(Proxy, "agent_id")),
        hidden=("consent_note", "recorded_by_id"),
        people=("principal_id", "agent_id"),
    ),
    _deleted(Card, "cards", hidden=("issued_by", "revoked_by")),
    _deleted(CalendarFeed, "calendar_feeds"),
    _deleted(OrganisationMember, "organisations"),
    _written(
        Registration,
        "registration",
        {"consent_note": "", "relation": None},
        hidden=("registered_by_id",),
    ),
    _kept(Consent, "consents", AS_PROOF, by_rule="转入 consent_withdrawal"),
    _kept(ConsentWithdrawal, "consents_withdrawn", AS_PROOF, people=("withdrawn_by",)),
    _kept(DataExport, "exports", AS_PROOF, people=("asked_by",)),
    _kept(Erasure, "erasures", AS_PROOF, people=("asked_by",)),
    _written(
        Merging,
        "mergings",
        {"note": None},
        whose=or_(_mine(Merging), _mine(Merging, "record_id")),
        hidden=("decided_by", "wrong_names"),
        people=("resident_id", "record_id"),
    ),
    _written(
        HouseholdRequest,
        "household_requests",
        {"door": "", "household_id": None},
        hidden=("decided_by_id", "household_id"),
        people=("asked_by",),
    ),
    # places
    _written(
        Appeal,
        "appeals",
        {"reason": "", "decision_note": None},
        hidden=("decided_by",),
        whose=_of_mine(Appeal, "reservation_id", Reservation, _mine(Reservation)),
    ),
    _written(Reservation, "reservations", {"answers": None}, hidden=("booked_by_id", "priority", "rank")),
    _written(
        VenueBooking,
        "bookings",
        {"purpose": "", "decision_note": None, "household_id": None},
        hidden=("booked_by_id", "decided_by", "household_id"),
    ),
    _deleted(
        BookingUsage,
        None,
        whose=and_(
            BookingUsage.town_id == TOWN,
            BookingUsage.holder_kind == HolderKind.PERSON,
            BookingUsage.holder_id == RESIDENT,
        ),
        why_not_shown="由 bookings 算出的每周次数",
    ),
    _kept(Visit, "visits", FOR_THE_COUNT),
    _kept(Scan, "scans", FOR_THE_COUNT + "；核验记录不可更改", hidden=("scanner_id", "answer", "nonce")),
    # service
    _written(
        ServiceRecord,
        "service_records",
        {"description": "", "decision_note": None, "void_reason": None},
        hidden=("recorded_by", "decided_by", "voided_by"),
    ),
    _kept(ServiceDay, None, FOR_THE_COUNT, why_not_shown="由 service_records 算出的每日合计"),
    _kept(VolunteerRegistration, "volunteer", AS_PROOF, people=("agreed_by",), by_rule="转入 volunteer_withdrawal"),
    _kept(VolunteerWithdrawal, "volunteer_withdrawals", AS_PROOF, people=("agreed_by", "withdrawn_by")),
    _deleted(Certificate, "certificates", hidden=("withdrawn_by",)),
    # neighbours
    _deleted(Favourite, "favourites"),
    _deleted(ResidentCard, "card"),
    _deleted(
        ResidentBlock,
        "blocks",
        whose=or_(_mine(ResidentBlock, "blocker_id"), _mine(ResidentBlock, "blocked_id")),
        shown=_mine(ResidentBlock, "blocker_id"),
        hidden=("blocked_id", "blocker_id"),
    ),
    _written(PartnerMessage, "partner_messages", {"words": ""}, whose=_my_messages),
    _written(PostResponse, "partner_responses", {"words": ""}),
    _written(PartnerPost, "partner_posts", {"words": "", "when_words": "", "upload_ids": []}),
    _written(GroupRequest, "group_requests", {"words": ""}),
    _written(
        GroupPost,
        "group_posts",
        {"words": "", "upload_ids": [], "removed_at": func.coalesce(GroupPost.removed_at, NOW)},
        whose=_by_my_membership(GroupPost, "member_id"),
    ),
    _written(
        GroupMeetup,
        "group_meetups",
        {"title": "", "about": "", "place": ""},
        whose=_by_my_membership(GroupMeetup, "made_by"),
    ),
    _kept(MeetupAttendee, "meetups_joined", FOR_THE_COUNT, whose=_by_my_membership(MeetupAttendee, "member_id")),
    _written(
        GroupProposal,
        "group_proposals",
        {
            "title": "",
            "about": "",
            "place_wish": "",
            "note": None,
            "status": case(
                (GroupProposal.status == ProposalStatus.PENDING, ProposalStatus.WITHDRAWN), else_=GroupProposal.status
            ),
        },
        whose=_by_my_membership(GroupProposal, "made_by"),
        hidden=("decided_by",),
    ),
    _written(
        GroupInvitation,
        "group_invitations",
        {"revoked_at": func.coalesce(GroupInvitation.revoked_at, NOW)},
        whose=_by_my_membership(GroupInvitation, "made_by"),
    ),
    _kept(GroupMember, "groups", FOR_THE_COUNT),
    _written(
        Group,
        "groups_founded",
        {
            "name": case((Group.status == GroupStatus.CLOSED, ""), else_=Group.name),
            "about": case((Group.status == GroupStatus.CLOSED, ""), else_=Group.about),
            "new_name": case((Group.status == GroupStatus.CLOSED, None), else_=Group.new_name),
            "new_about": case((Group.status == GroupStatus.CLOSED, None), else_=Group.new_about),
            "new_content_id": case((Group.status == GroupStatus.CLOSED, None), else_=Group.new_content_id),
            "closing_reason": None,
        },
        whose=_founded,
        hidden=("founded_by_id",),
    ),
    _deleted(DailyCount, None, why_not_shown="每日次数"),
    _kept(Disclosure, "identity_lookups", "谁出于什么原因查看过身份，属监督记录", hidden=("staff_id",)),
    # what was written, and what became of it
    _written(
        Content,
        "texts",
        {
            "text": "",
            "state": ContentState.REFUSED,
            "reason": None,
            "appeal": None,
            "appealed_at": None,
            "due_at": None,
            "open_reports": 0,
        },
        whose=_my_words,
        shown=_mine(Content),
        hidden=("staff_id", "decided_by", "place_path", "open_reports", "review_since", "due_at"),
    ),
    _kept(
        ContentDecision,
        "decisions_on_texts",
        "审核记录，不含所写内容",
        whose=_of_mine(ContentDecision, "content_id", Content, _mine(Content)),
        hidden=("staff_id",),
    ),
    _written(ContentReport, "reports_made", {"words": ""}, whose=_mine(ContentReport, "reporter_id")),
    # estates
    _written(
        RepairNote,
        "repair_notes",
        {"words": "", "photos": None},
        whose=_of_mine(RepairNote, "event_id", RepairEvent, _my_repair_events),
    ),
    _kept(RepairEvent, "repair_steps", FOR_THE_COUNT, whose=_my_repair_events, hidden=("by_id",)),
    _written(
        Repair,
        "repairs",
        {
            "location": "",
            "description": "",
            "phone_sealed": None,
            "rating_words": None,
            "household_id": None,
            "forget_at": None,
            "worker_phone_sealed": None,
        },
        hidden=("submitted_by_id", "worker_staff_id", "household_id", "worker_name", "revision"),
    ),
    _written(
        Complaint,
        "complaints",
        {"words": "", "photos": None, "answer": case((Complaint.answer.is_(None), None), else_="")},
        hidden=("answered_by",),
    ),
    # points
    _written(
        Redemption,
        "redemptions",
        {"ended_reason": None},
        hidden=("booked_by_id", "fulfilled_by", "payments", "limit_periods"),
    ),
    _kept(RewardUse, None, FOR_THE_COUNT, why_not_shown="由 redemptions 算出的次数"),
    _written(Donation, "donations", {"is_named": False}, hidden=("payments",)),
    _deleted(RankingTally, "rankings"),
    _deleted(RankingChoice, "ranking_choice"),
    _kept(Event, "events", IN_THE_BOOKS, whose=_mine(Event, "subject_id"), hidden=("subject_id",)),
    _kept(Standing, None, FOR_THE_COUNT, why_not_shown="由 events 算出"),
    _kept(StandingCount, "standing_counts", FOR_THE_COUNT),
    _kept(StandingFreeze, "standing_freezes", FOR_THE_COUNT),
    _kept(StandingLevel, "standing_levels", FOR_THE_COUNT),
    _kept(StandingLevelVersion, "standing_levels_before", FOR_THE_COUNT),
    _kept(StandingSuspension, "standing_suspensions", FOR_THE_COUNT),
    _kept(Adjustment, "adjustments", IN_THE_BOOKS, hidden=("requested_by", "decided_by")),
    _written(AwardImportRow, "imported_awards", {"reason": ""}),
    # pictures
    _kept(
        Upload,
        "pictures",
        "文件和记录在当晚删除",
        hidden=("storage_key", "staff_id"),
        by_rule="标记为丢弃，由 uploads 任务删除文件和记录",
    ),
    _deleted(
        UploadDay,
        None,
        whose=and_(
            UploadDay.town_id == TOWN,
            UploadDay.uploader_kind == UploaderKind.RESIDENT,
            UploadDay.uploader_id == RESIDENT,
        ),
        why_not_shown="每日次数",
    ),
    # last, for everything hangs on it
    _written(
        Resident,
        "resident",
        {
            "name": "",
            "openid_sealed": None,
            "phone_sealed": None,
            "phone_index": None,
            "phone_tail": None,
            "born_on": None,
            "territory_id": None,
            "household_id": None,
            "status": ResidentStatus.SUSPENDED,  # nobody books for it any more
            "versioned_at": NOW,
        },
        whose=and_(Resident.town_id == TOWN, Resident.id == RESIDENT),
        hidden=("token_version", "versioned_at"),
    ),
    # after it, for its change leaves a version of where somebody lived
    _written(ResidentVersion, "former_places", {"territory_id": _its_community}, whose=_mine(ResidentVersion, "id")),
)

#: Tables with a column that names residents and yet nothing of its own about them, and why.
OTHERS: Mapping[str, str] = {
    "account": "钱包账户，流水见 statement.csv；只有编号",
    "resident_salt": "封存账目用的随机数，注销时删除",
    "scan_undo": "只有编号；被撤销的核验见 scans",
    "search_entry": "可搜索的内容，不含居民",
    "share_code": "分享码，不含居民",
    "txn": "账目不可更改；流水见 statement.csv",
}
