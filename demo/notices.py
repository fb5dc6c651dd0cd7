"""What the street, its communities and a property company announce, who has read it, and the inbox of resident-00001."""

from __future__ import annotations

from datetime import datetime, timedelta
from random import Random
from typing import Any

from demo.history import History
from demo.making import RisingIds, Rows
from demo.people import People
from demo.places import Places
from demo.season import Season
from models.activities import Activity
from models.notices import Announcement, AnnouncementRead, AnnouncementStatus, AnnouncementTarget, Notice
from models.reservations import ReservationStatus
from models.residents import Staff
from models.territory import Territory, TerritoryKind
from models.venues import Venue
from rules.clock import local_day
from rules.notices.announcements import excerpt_of

#: Days ago, for the whole street (else for one community in turn), title, text, and what else is said of it.
ANNOUNCED: tuple[tuple[int, bool, str, str, dict[str, bool]], ...] = (
    (
        21,
        True,
        "缤纷积分使用办法（试行）施行",
        "参加活动、志愿服务、垃圾分类均可获得积分，积分可在积分商城兑换。",
        {"pinned": True},
    ),
    (12, False, "老年食堂新菜单", "本周起新增软饭窗口和低盐套餐，70 周岁以上凭卡八折。", {}),
    (
        9,
        True,
        "电动自行车请勿进电梯",
        "请将电动自行车停放在充电棚，严禁在楼道、家中充电。",
        {"confirmation_needed": True},
    ),
    (6, False, "周末义诊", "本周六 9:00 至 11:30，社区卫生服务站在党群服务中心义诊，免费测血糖、血压。", {}),
    (3, False, "停水通知", "因管道检修，本周三 9:00 至 13:00 停水，请提前储水。", {"public": False}),
    (1, True, "冬季防火提醒", "请检查燃气软管和插线板，外出关阀断电。社区可代为独居老人上门检查。", {"pushed": True}),
)
READERS_MAX = 400


def make_notices(
    random: Random, places: Places, people: People, season: Season, history: History, midnight: datetime
) -> Rows:
    """Announcements of the three weeks before `midnight`, their readers, and some notices of resident-00001."""
    return _NoticeMaker(random, places, people, midnight).make(season, history)


class _NoticeMaker:
    def __init__(self, random: Random, places: Places, people: People, midnight: datetime) -> None:
        self._random = random
        self._places = places
        self._people = people
        self._midnight = midnight
        (self._author_id,) = (each["id"] for each in people.rows[Staff] if each["username"] == "manager")
        self._announcement_ids, self._notice_ids = RisingIds(), RisingIds()
        self._rows: Rows = {Announcement: [], AnnouncementTarget: [], AnnouncementRead: [], Notice: []}

    def make(self, season: Season, history: History) -> Rows:
        communities = [each["id"] for each in self._places.rows[Territory] if each["kind"] is TerritoryKind.COMMUNITY]
        pushed = [self._announce(n, communities, *announced) for n, announced in enumerate(ANNOUNCED)]
        self._fill_inbox(season, history, pushed[-1])
        return self._rows

    def _announce(
        self,
        n: int,
        communities: list[int],
        days_ago: int,
        is_for_all: bool,
        title: str,
        text: str,
        flags: dict[str, bool],
    ) -> tuple[datetime, dict[str, Any]]:
        at = self._midnight - timedelta(days=days_ago, hours=-9, minutes=-n)
        id_ = self._announcement_ids.at(at)
        node = self._places.street_id if is_for_all else communities[n % len(communities)]
        said = {"pinned": False, "public": True, "confirmation_needed": False, "pushed": False} | flags
        moments = {"publishes_at": at, "created_at": at, "published_at": at, "ends_at": None, "withdrawn_at": None}
        words = {"title": title, "text": text, "pictures": [], "status": AnnouncementStatus.PUBLISHED}
        in_town = {"town_id": self._places.town_id}
        author = {"written_by": self._author_id}
        self._rows[Announcement].append({**in_town, "id": id_, **words, **said, **moments, **author})
        self._rows[AnnouncementTarget].append({**in_town, "announcement_id": id_, "territory_id": node})
        residents = [
            each.id
            for each in self._people.circles[None, False].members
            if each.registered_at < at and (is_for_all or each.community_id == node)
        ]
        for resident_id in sorted(self._random.sample(residents, min(READERS_MAX, len(residents) // 4))):
            read_at = at + timedelta(minutes=self._random.randrange(10, 60 * 14))
            confirmed_at = read_at if said["confirmation_needed"] else None
            reader = {"announcement_id": id_, "resident_id": resident_id}
            self._rows[AnnouncementRead].append({**in_town, **reader, "read_at": read_at, "confirmed_at": confirmed_at})
        payload = {"announcement_id": str(id_), "title": title, "excerpt": excerpt_of(text)}
        return at, payload

    def _fill_inbox(self, season: Season, history: History, pushed: tuple[datetime, dict[str, Any]]) -> None:
        day = local_day(self._midnight)
        titles = {each["id"]: each["title"] for each in season.rows[Activity]}
        rooms = {each["id"]: each["name"] for each in self._places.rows[Venue]}
        first_id = self._people.first.id
        booked = [
            each
            for each in history.bookings
            if each.neighbour.id == first_id and each.status is ReservationStatus.CONFIRMED
        ]
        notices: list[tuple[datetime, str, str, dict[str, Any]]] = [
            (
                self._midnight - timedelta(days=5, hours=-9),
                "points.expiring",
                "demo",
                {"resident_id": str(first_id), "amount": 12, "on": (day + timedelta(days=25)).isoformat()},
            ),
            (pushed[0], "announcement.published", pushed[1]["announcement_id"], pushed[1]),
        ]
        for booking in booked[:2]:
            payload = {
                "resident_id": str(first_id),
                "reservation_id": str(booking.id),
                "session_id": str(booking.session.id),
                "activity": titles[booking.session.activity_id],
                "venue": rooms[booking.session.venue_id],
                "starts_at": booking.session.starts_at.isoformat(),
            }
            notices.append((booking.reserved_at, "reservation.promoted", str(booking.id), payload))
        for n, (at, topic, key, payload) in enumerate(sorted(notices, key=lambda each: each[0])):
            row = {"town_id": self._places.town_id, "id": self._notice_ids.at(at), "resident_id": first_id}
            read_at = at + timedelta(hours=1) if n == 0 else None
            said = {"topic": topic, "key": key, "payload": payload, "created_at": at}
            self._rows[Notice].append({**row, "about_id": None, **said, "read_at": read_at, "removed_at": None})
