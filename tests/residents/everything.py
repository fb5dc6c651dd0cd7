"""A resident with something in every table that an erasure touches, with one secret word in every free text."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from sqlalchemy import Boolean, Date, Enum, Integer, LargeBinary, Table, Text, insert, select, update
from sqlalchemy.sql.sqltypes import JSON

from models.adjustments import AwardImport, AwardImportRow
from models.base import Base, UtcDateTime
from models.calendars import CalendarFeed
from models.cards import Card
from models.daily_counts import DailyCount
from models.estates import Complaint, Repair, RepairEvent, RepairNote
from models.favourites import Favourite
from models.groups import (
    Group,
    GroupInvitation,
    GroupMeetup,
    GroupMember,
    GroupPost,
    GroupProposal,
    GroupRequest,
    PartnerMessage,
    PartnerPost,
    PostResponse,
    ResidentBlock,
    ResidentCard,
)
from models.idempotency import IdempotencyRecord
from models.moderation import Content, ContentReport
from models.notices import (
    Announcement,
    AnnouncementRead,
    Notice,
    NoticeSettings,
    SubscriptionGrant,
    SubscriptionSend,
)
from models.ranking import RankingChoice, RankingTally
from models.reservations import Appeal, Reservation
from models.residents import (
    HouseholdRequest,
    Merging,
    MobileHolder,
    OpenidLookup,
    Organisation,
    OrganisationMember,
    Proxy,
    RefreshToken,
    Registration,
    Resident,
    SignInDevice,
)
from models.rewards import Cause, Donation, Redemption, Reward
from models.territory import Territory
from models.uploads import Upload, UploadDay
from models.venues import BookingUsage, VenueBooking, VenueUse
from models.volunteering import Certificate, ServiceBatch, ServiceRecord
from rules.outbox import Message, put
from rules.residents.phones import phone_columns, read_phone
from rules.residents.sign_in import openid_context
from rules.work import Work
from tests.build import Person, TownBuilder
from tests.residents.people import a_mobile


@dataclass(frozen=True)
class Known:
    """Who was filled in, and the words that must be gone once they are erased."""

    id: int
    name: str
    phone: str
    openid: str
    secret: str

    @property
    def words(self) -> tuple[str, ...]:
        return self.name, self.phone, self.openid, self.secret


def fill_everything(town: TownBuilder) -> Known:
    """Make somebody with a row in every table of an erasure."""
    mark = uuid.uuid4().hex[:10]
    resident = town.resident(f"诸葛{mark}")
    other, staff, session = town.resident("旁人"), town.staff(), town.session()
    known = Known(resident.id, resident.name, a_mobile(), f"openid-{mark}", f"秘密{mark}")

    def deed(work: Work) -> None:
        _Filler(town, work, known, other, staff, session).fill()

    town.act(None, deed)
    return known


class _Filler:
    """Inserts rows; what isn't given is made up, free texts with the secret in them."""

    def __init__(
        self, town: TownBuilder, work: Work, known: Known, other: Person, staff: Person, session_id: int
    ) -> None:
        self.town, self.work, self.known, self.session_id = town, work, known, session_id
        self.me, self.other, self.staff = known.id, other.id, staff.id

    def put(self, model: type[Base], **given: Any) -> int:
        table = model.__table__
        assert isinstance(table, Table)
        row: dict[str, Any] = {"town_id": self.town.id}
        for column in table.columns:
            if column.name in row:
                continue
            if column.name in given:
                row[column.name] = given[column.name]
            elif column.name == "id":
                row["id"] = self.work.new_id()
            elif not column.nullable or (isinstance(column.type, Text) and not isinstance(column.type, Enum)):
                row[column.name] = self._made_up(column)
        self.work.core.execute(insert(table), row)
        return int(row.get("id", 0))

    def _made_up(self, column: Any) -> Any:
        kind = column.type
        if isinstance(kind, Enum):
            return next(iter(kind.enum_class))
        for of, value in (
            (UtcDateTime, self.work.now),
            (Date, date(2026, 5, 1)),
            (Boolean, False),
            (LargeBinary, uuid.uuid4().bytes),
            (Integer, 1),
            (JSON, [self.known.secret]),
        ):
            if isinstance(kind, of):
                return value
        return self.known.secret

    def fill(self) -> None:
        self.sign_ins()
        self.notices()
        self.rights()
        self.places()
        self.service()
        self.neighbours()
        self.groups()
        self.estates()
        self.points()
        self.pictures()

    def sign_ins(self) -> None:
        keys, whom = self.town.house.keys, {"resident_id": self.me}
        row = phone_columns(keys, self.town.id, self.me, read_phone(self.known.phone))
        sealed = keys.seal(self.known.openid, openid_context(self.town.id, self.me))
        self.work.core.execute(
            update(Resident)
            .where(Resident.town_id == self.town.id, Resident.id == self.me)
            .values(openid_sealed=sealed, territory_id=self.town.other_community_id, versioned_at=self.work.now, **row)
        )
        self.put(MobileHolder, phone_index=row["phone_index"], **whom)
        self.work.core.execute(
            insert(OpenidLookup), {"openid_index": keys.index_of(self.known.openid), "town_id": self.town.id, **whom}
        )
        self.put(RefreshToken, **whom)
        self.put(SignInDevice, **whom)
        self.put(IdempotencyRecord, actor_id=self.me, body=f"{self.known.name}{self.known.phone}")

    def notices(self) -> None:
        whom = {"resident_id": self.me}
        notice = self.put(Notice, **whom)
        self.put(SubscriptionGrant, **whom, template_id="t", used=0, given_back=0)
        self.put(SubscriptionSend, **whom, template_id="t", notice_id=notice)
        self.put(NoticeSettings, **whom, quiet_from="22:00", quiet_until="08:00")
        announcement = self.put(
            Announcement,
            title="公告",
            text="公告",
            pictures=[],
            pushed=False,
            written_by=self.staff,
        )
        self.put(AnnouncementRead, **whom, announcement_id=announcement)
        payload = {"resident_id": str(self.me), "words": self.known.secret}
        put(self.work, [Message("test.told", self.known.secret, payload)])

    def rights(self) -> None:
        whom = {"resident_id": self.me}
        self.put(Proxy, principal_id=self.me, agent_id=self.other, kind="helper", recorded_by_kind="staff")
        self.put(Card, **whom, issued_by=self.staff, revoked_by=None, revoked_at=None)
        self.put(CalendarFeed, **whom)
        organisation = self.put(Organisation, name=f"协会{self.known.secret[2:]}x", registered_by=self.staff)
        self.put(OrganisationMember, **whom, organisation_id=organisation)
        self.put(Registration, **whom, registered_by_kind="staff", registered_by_id=self.staff)
        self.put(Merging, **whom, record_id=self.other, lapses_at=self.work.now + timedelta(days=1))
        self.put(HouseholdRequest, **whom, building_id=self.town.community_id, decided_by_kind=None)

    def places(self) -> None:
        whom = {"resident_id": self.me}
        done = {"status": "no_show", "booked_by_kind": None, "answers": {"q": self.known.secret}}
        reservation = self.put(Reservation, **whom, session_id=self.session_id, **done)
        decided = {"status": "dismissed", "decided_by": self.staff, "decided_at": self.work.now}
        self.put(Appeal, reservation_id=reservation, **decided)
        use = self.put(VenueUse, venue_id=self.town.venue_id, name="活动")
        span = {"starts_at": self.work.now - timedelta(days=2), "ends_at": self.work.now - timedelta(days=1)}
        over = {"status": "released", "booked_by_kind": None, "parts": [1]}
        self.put(VenueBooking, **whom, venue_id=self.town.venue_id, use_id=use, **span, **over)
        self.put(BookingUsage, holder_kind="person", holder_id=self.me, venue_id=self.town.venue_id)

    def service(self) -> None:
        whom = {"resident_id": self.me}
        batch = self.put(
            ServiceBatch, provenance="staff", file_hash=None, name=None, problems=[], recorded_by=self.staff
        )
        self.put(
            ServiceRecord,
            **whom,
            provenance="staff",
            batch_id=batch,
            status="pending",
            void_reason=None,
            flags="",
            source_ref=uuid.uuid4().hex,
            category="助老",
        )
        sealed = self.town.house.keys.seal(self.known.name, "certificate")
        self.put(
            Certificate, **whom, name_sealed=sealed, code=uuid.uuid4().hex[:16], star="一星", withdrawal_reason=None
        )

    def content(self, **given: Any) -> int:
        return self.put(
            Content,
            resident_id=self.me,
            kind="comment",
            state="passed",
            label=None,
            place_path="",
            appealed_at=self.work.now,
            **given,
        )

    def neighbours(self) -> None:
        whom = {"resident_id": self.me}
        self.put(Favourite, **whom, kind="venue", subject_id=self.town.venue_id)
        self.put(ResidentCard, **whom, content_id=self.content())
        self.put(ResidentBlock, blocker_id=self.other, blocked_id=self.me)
        post = self.put(
            PartnerPost,
            **whom,
            community_id=self.town.community_id,
            content_id=self.content(),
            accepted=0,
            lapses_at=self.work.now + timedelta(days=3),
        )
        response = self.put(PostResponse, resident_id=self.other, post_id=post, content_id=self.content(), words="好")
        self.put(PartnerMessage, response_id=response, by_author=True, content_id=self.content())
        theirs = self.put(
            PartnerPost,
            resident_id=self.other,
            community_id=self.town.community_id,
            content_id=self.content(),
            accepted=0,
            lapses_at=self.work.now + timedelta(days=3),
            words="别人的",
            when_words="周三",
            upload_ids=[],
        )
        self.put(PostResponse, **whom, post_id=theirs, content_id=self.content())
        self.put(ContentReport, reporter_id=self.me, content_id=self.content())
        self.put(DailyCount, **whom, kind="post", day="2026-05-01")

    def groups(self) -> None:
        whom = {"resident_id": self.me}
        named = {
            "community_id": self.town.community_id,
            "category": "羽毛球",
            "members": 1,
            "owners": 1,
            "member_max": 9,
        }
        founded = {"founded_by_kind": "resident", "founded_by_id": self.me, "content_id": self.content()}
        group = self.put(Group, **named, **founded, new_name=None, new_about=None, closing_reason=None)
        member = self.put(GroupMember, **whom, group_id=group, role="owner")
        span = {"starts_at": self.work.now - timedelta(days=2), "ends_at": self.work.now - timedelta(days=1)}
        made = {"group_id": group, "made_by": member, "content_id": self.content()}
        self.put(GroupMeetup, **made, **span, taken=0)
        self.put(GroupProposal, **made)
        self.put(GroupInvitation, group_id=group, made_by=member, used=0)
        self.put(GroupPost, group_id=group, member_id=member, content_id=self.content())
        self.put(GroupRequest, **whom, group_id=group, lapses_at=self.work.now + timedelta(days=1))

    def estates(self) -> None:
        path = self.work.core.scalar(
            select(Territory.path).where(Territory.town_id == self.town.id, Territory.id == self.town.community_id)
        )
        estate_id = self.work.new_id()
        self.put(
            Territory,
            id=estate_id,
            parent_id=self.town.community_id,
            kind="estate",
            name="星河湾",
            path=f"{path}{estate_id}/",
        )
        repair = self.put(
            Repair,
            resident_id=self.me,
            estate_id=estate_id,
            territory_id=estate_id,
            submitted_by_kind=None,
            rating=5,
            rated_at=self.work.now,
            due_at=self.work.now,
            category="water",
            category_name="水电",
            worker_name="周师傅",
            phone_sealed=self.town.house.keys.seal(self.known.phone, "repair"),
        )
        event = self.put(RepairEvent, repair_id=repair, by_kind="resident", by_id=self.me)
        self.put(RepairNote, event_id=event)
        self.put(Complaint, resident_id=self.me, estate_id=estate_id, answer=None)

    def points(self) -> None:
        whom = {"resident_id": self.me}
        reward = self.put(
            Reward,
            operator_id=None,
            territory_id=self.town.street_id,
            title="抽纸",
            description="",
            item="",
            limits=[],
            upload_ids=[],
            price=1,
            fee=0,
            ladder=None,
            level=None,
            decision_note=None,
            pick_up_at="",
            opens_at=None,
            closes_at=None,
            taken=0,
        )
        self.put(
            Redemption,
            **whom,
            reward_id=reward,
            booked_by_kind=None,
            code=uuid.uuid4().hex,
            status="lapsed",
            section="goods",
            ended_at=self.work.now,
            ended_by="time",
            substitute_reason=None,
            payments=[],
            limit_periods=[],
            fee=0,
        )
        cause = self.put(
            Cause,
            operator_id=None,
            territory_id=self.town.street_id,
            title="助学",
            description="",
            upload_ids=[],
            cancelled_reason=None,
            until=self.work.now + timedelta(days=9),
            target=100,
            given=1,
        )
        self.put(Donation, **whom, cause_id=cause, payments=[], is_named=True)
        self.put(RankingChoice, **whom, is_shown=True)
        self.put(RankingTally, **whom, ranking="earned", period="2026-05", scene="")
        imported = self.put(AwardImport, name="名单", requested_by=self.staff, decided_by=None, decided_at=None)
        self.put(AwardImportRow, import_id=imported, n=2, **whom, ref="a-1", problem="known")

    def pictures(self) -> None:
        upload_id = self.work.new_id()
        content = self.put(
            Content,
            resident_id=self.me,
            kind="picture",
            upload_id=upload_id,
            text="",
            state="passed",
            label=None,
            place_path="",
            appeal=None,
            reason=None,
        )
        self.put(
            Upload,
            id=upload_id,
            resident_id=self.me,
            state="ready",
            storage_key=uuid.uuid4().hex,
            content_id=content,
            attached_at=self.work.now,
        )
        self.put(UploadDay, uploader_kind="resident", uploader_id=self.me)
