"""Who manages the estates, whom to call there, and some weeks of repairs, complaints and praise.

The estates' companies, their numbers and what is broken are invented; no number behind the area code begins with 0.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random
from typing import Any

from demo.making import RisingIds, Row, Rows
from demo.people import People
from demo.places import Places
from models.estates import (
    Addressee,
    Complaint,
    ComplaintKind,
    ComplaintStatus,
    ContactKind,
    EstateContact,
    EstateManagement,
    PropertyCompany,
    Repair,
    RepairDeed,
    RepairEvent,
    RepairNote,
    RepairPlace,
    RepairStatus,
)
from models.moderation import Content, ContentKind, ContentState
from models.residents import Resident, Staff
from models.territory import Territory, TerritoryKind
from rules.clock import local_day
from rules.estates.states import REMINDED_BEFORE
from rules.estates.terms import DEFAULT_CATEGORIES, DEFAULT_TERMS

PAST_DAYS = 45  #: so long ago the first repair was submitted
COMPANIES = ("星澜绿野物业", "语庭安居物业", "潮涌物业服务", "钱塘和家物业", "水岸邻里物业")
WORKERS = ("周师傅", "吴师傅", "郑师傅", "王师傅", "冯师傅")
#: What somebody calls for; a number's last digits are the estate's and the line's.
LINES: tuple[tuple[ContactKind, str, bool, tuple[str, str] | None], ...] = (
    (ContactKind.OFFICE, "物业服务中心", False, ("08:30", "18:00")),
    (ContactKind.SECURITY, "门岗监控室", False, None),
    (ContactKind.LIFT, "电梯困人救援", True, None),
    (ContactKind.WATER, "水管爆裂抢修", True, None),
    (ContactKind.POWER, "停电抢修", True, None),
    (ContactKind.GAS, "燃气泄漏报警", True, None),
)
#: What is broken: the category, where, in which words.
BROKEN: tuple[tuple[str, RepairPlace, str, str], ...] = (
    ("water_power", RepairPlace.HOME, "厨房", "水槽下面漏水，已经关了角阀。"),
    ("water_power", RepairPlace.HOME, "卫生间", "马桶水箱一直补水。"),
    ("doors_windows", RepairPlace.HOME, "阳台", "移门滑轮卡住，推不动。"),
    ("drains", RepairPlace.HOME, "厨房", "下水道返味，下水很慢。"),
    ("walls_roofs", RepairPlace.HOME, "主卧", "外墙渗水，下雨后墙面起泡。"),
    ("lift", RepairPlace.PUBLIC, "单元电梯厅", "电梯运行有异响，开门偏慢。"),
    ("public_lighting", RepairPlace.PUBLIC, "地下车库 B 区", "一排灯不亮，转弯处看不清。"),
    ("public_lighting", RepairPlace.PUBLIC, "楼道三层", "感应灯坏了。"),
    ("greenery", RepairPlace.PUBLIC, "南门步道", "树枝压到路灯，需要修剪。"),
    ("drains", RepairPlace.PUBLIC, "东侧雨水井", "井盖松动，车过有响声。"),
    ("doors_windows", RepairPlace.PUBLIC, "单元门", "门禁关不上。"),
    ("other", RepairPlace.PUBLIC, "快递柜旁", "地砖翘起，老人容易绊倒。"),
)
#: How far the repairs are, in turn: most are over, some wait.
ENDINGS = (
    RepairStatus.CONFIRMED,
    RepairStatus.CONFIRMED,
    RepairStatus.DONE,
    RepairStatus.CONFIRMED,
    RepairStatus.IN_PROGRESS,
    RepairStatus.CONFIRMED,
    RepairStatus.ASSIGNED,
    RepairStatus.CONFIRMED,
    RepairStatus.SUBMITTED,
    RepairStatus.REJECTED,
    RepairStatus.REOPENED,
    RepairStatus.CONFIRMED,
    RepairStatus.CANCELLED,
)
#: What is still under way was submitted lately: so many days ago, from and to.
DAYS_AGO = {
    RepairStatus.SUBMITTED: (1, 1),
    RepairStatus.ASSIGNED: (1, 2),
    RepairStatus.IN_PROGRESS: (2, 3),
    RepairStatus.DONE: (4, 6),
    RepairStatus.REOPENED: (5, 7),
}
#: The deeds by which a repair comes to each of its ends.
WAY = {
    RepairStatus.SUBMITTED: (),
    RepairStatus.ASSIGNED: (RepairDeed.ASSIGNED,),
    RepairStatus.IN_PROGRESS: (RepairDeed.ASSIGNED, RepairDeed.STARTED),
    RepairStatus.DONE: (RepairDeed.ASSIGNED, RepairDeed.STARTED, RepairDeed.DONE),
    RepairStatus.CONFIRMED: (RepairDeed.ASSIGNED, RepairDeed.STARTED, RepairDeed.DONE, RepairDeed.CONFIRMED),
    RepairStatus.REOPENED: (RepairDeed.ASSIGNED, RepairDeed.STARTED, RepairDeed.DONE, RepairDeed.REOPENED),
    RepairStatus.REJECTED: (RepairDeed.REJECTED,),
    RepairStatus.CANCELLED: (RepairDeed.CANCELLED,),
}
#: The hours that each deed takes, from and to. The company's are within the terms, but for those that are drawn late.
HOURS = {
    RepairDeed.ASSIGNED: (0.2, 3.5),
    RepairDeed.STARTED: (1.0, 20.0),
    RepairDeed.DONE: (0.5, 30.0),
    RepairDeed.CONFIRMED: (1.0, 60.0),
    RepairDeed.REOPENED: (2.0, 40.0),
    RepairDeed.REJECTED: (1.0, 3.5),
    RepairDeed.CANCELLED: (0.5, 3.0),
}
NEXT_MINUTES = {
    RepairDeed.ASSIGNED: DEFAULT_TERMS.start_minutes,
    RepairDeed.STARTED: DEFAULT_TERMS.finish_minutes,
    RepairDeed.DONE: DEFAULT_TERMS.confirm_minutes,
    RepairDeed.REOPENED: DEFAULT_TERMS.assign_minutes,
}
BY_RESIDENT = (RepairDeed.CONFIRMED, RepairDeed.REOPENED, RepairDeed.CANCELLED)
NOTES = {
    RepairDeed.DONE: "已更换配件，现场试用正常。",
    RepairDeed.REOPENED: "用了两天又出现同样的问题。",
    RepairDeed.REJECTED: "属于户内自有设施，不在公共维修范围，可预约有偿服务。",
    RepairDeed.CANCELLED: "自己处理好了。",
}
PRAISES = (
    "师傅准时，做完还把地擦干净了。",
    "响应很快。",
    "修好了，谢谢。",
    "等得有点久，修得还行。",
    "来了两次才修好。",
)
SAID: tuple[tuple[ComplaintKind, Addressee, bool, str, str | None], ...] = (
    (ComplaintKind.PRAISE, Addressee.COMPANY, False, "门岗夜里帮忙搬轮椅，谢谢。", "谢谢您，已转告当班同事。"),
    (ComplaintKind.COMPLAINT, Addressee.COMPANY, True, "地下车库经常有人占用消防通道。", "已增加夜间巡查并张贴提示。"),
    (ComplaintKind.COMPLAINT, Addressee.STREET, False, "公共收益没有按季度公示。", None),
)
PER_ESTATE = 13
A_CONTENT = timedelta(milliseconds=137)  #: keeps their ids apart from those of other rooms, which fall on whole seconds


@dataclass(frozen=True, slots=True)
class _Estate:
    """An estate with its company and those who live there."""

    id: int
    path: str
    name: str
    company_id: int
    residents: Sequence[Row]
    building_names: dict[int, str]


def make_estates(random: Random, places: Places, people: People, opened_at: datetime, midnight: datetime) -> Rows:
    """Companies and contacts as they were when the town opened; repairs of the weeks before `midnight`."""
    return _EstateMaker(random, places, people, midnight).make(opened_at)


class _EstateMaker:
    def __init__(self, random: Random, places: Places, people: People, midnight: datetime) -> None:
        self._midnight = midnight
        self._random = random
        self._places = places
        self._people = people
        (self._keeper_id,) = (each["id"] for each in people.rows[Staff] if each["username"] == "property")
        tables = (
            PropertyCompany,
            EstateManagement,
            EstateContact,
            Content,
            Repair,
            RepairEvent,
            RepairNote,
            Complaint,
        )
        self._ids = {table: RisingIds() for table in tables}
        self._rows: Rows = {table: [] for table in tables}
        self._names = {category.code: category.name for category in DEFAULT_CATEGORIES}

    def make(self, opened_at: datetime) -> Rows:
        estates = [self._add_estate(n, node, opened_at) for n, node in enumerate(self._nodes(TerritoryKind.ESTATE))]
        for submitted_at, estate, n in self._submissions(estates):
            self._add_repair(estate, n, submitted_at)
        for n, estate in enumerate(estates):
            self._add_complaint(estate, SAID[n % len(SAID)], self._midnight - timedelta(days=6 - n, hours=-10))
        return self._rows

    def _nodes(self, kind: TerritoryKind) -> list[Row]:
        return [node for node in self._places.rows[Territory] if node["kind"] is kind]

    def _add_estate(self, n: int, node: Row, at: datetime) -> _Estate:
        name = COMPANIES[n % len(COMPANIES)]
        public = {"phone": f"0571-0653{n}001", "address": f"{node['name']}物业服务中心", "credit_code": None}
        company = self._add(PropertyCompany, at, name=name, recorded_at=at, **public)
        who = {"company_id": company["id"], "recorded_by": None, "recorded_at": at}
        since = {"from_day": local_day(at - timedelta(days=400 + 30 * n)), "until_day": None}
        self._add(EstateManagement, at, estate_id=node["id"], **who, **since)
        for line, (kind, called, is_emergency, hours) in enumerate(LINES):
            opens_at, closes_at = hours or (None, None)
            contact = {"kind": kind, "name": called, "phone": f"0571-0653{n}1{line:02}", "is_emergency": is_emergency}
            times = {"opens_at": opens_at, "closes_at": closes_at, "note": ""}
            where = {"town_id": self._places.town_id, "estate_id": node["id"], "n": line}
            self._rows[EstateContact].append(where | contact | times)
        buildings = {b["id"]: b["name"] for b in self._nodes(TerritoryKind.BUILDING) if b["parent_id"] == node["id"]}
        residents = [
            each
            for each in self._people.rows[Resident]
            if each["territory_id"] in buildings and each["registered_at"] < self._midnight - timedelta(days=PAST_DAYS)
        ]
        return _Estate(node["id"], node["path"], node["name"], company["id"], residents, buildings)

    def _submissions(self, estates: Sequence[_Estate]) -> Iterator[tuple[datetime, _Estate, int]]:
        """When what is submitted where, in order of time; what is still open was submitted lately."""
        found = []
        for estate in estates:
            for n in range(PER_ESTATE):
                days = self._random.randint(*DAYS_AGO.get(ENDINGS[n], (9, PAST_DAYS)))
                minutes = self._random.randint(8 * 60, 20 * 60)
                found.append((self._midnight - timedelta(days=days) + timedelta(minutes=minutes), estate, n))
        yield from sorted(found, key=lambda each: (each[0], each[1].id, each[2]))

    def _add_repair(self, estate: _Estate, n: int, submitted_at: datetime) -> None:
        category, place, location, description = BROKEN[n % len(BROKEN)]
        is_the_first = n < 3 and self._people.first.id == estate.residents[0]["id"]
        resident = estate.residents[0] if is_the_first else self._random.choice(estate.residents)
        repair: Row = dict.fromkeys(column.name for column in Repair.__table__.columns)
        repair |= {
            "town_id": self._places.town_id,
            "id": self._ids[Repair].at(submitted_at),
            "estate_id": estate.id,
            "company_id": estate.company_id,
            "resident_id": resident["id"],
            "household_id": resident["household_id"] if place is RepairPlace.HOME else None,
            "place": place,
            "territory_id": resident["territory_id"],
            "location": f"{estate.building_names[resident['territory_id']]}{location}",
            "category": category,
            "category_name": self._names[category],
            "description": description,
            "status": RepairStatus.SUBMITTED,
            "revision": 1,
            "steps_late": 0,
            "submitted_at": submitted_at,
            "due_at": submitted_at + timedelta(minutes=DEFAULT_TERMS.assign_minutes),
            "was_confirmed_by_time": False,
            "reopens": 0,
            "reopens_max": 0,
        }
        if place is RepairPlace.PUBLIC:
            repair["content_id"] = self._add_content(estate, repair)
        self._add_event(repair, RepairDeed.SUBMITTED, submitted_at, None)
        self._walk(repair, WAY[ENDINGS[n]])
        self._rows[Repair].append(repair)

    def _walk(self, repair: Row, way: Sequence[RepairDeed]) -> None:
        """Let one deed follow the other, as long as there is time before midnight."""
        at = repair["submitted_at"]
        for deed in way:
            low, high = HOURS[deed]
            is_slow = deed not in BY_RESIDENT and self._random.random() < 0.08
            at += timedelta(minutes=int(60 * (low + (high - low) * self._random.random()) * (4 if is_slow else 1)))
            if at >= self._midnight:
                break
            self._do(repair, deed, at)
        is_late = (
            repair["due_at"] is not None and repair["due_at"] < self._midnight and repair["status"] != RepairStatus.DONE
        )
        if is_late:
            repair |= {"overdue_at": repair["due_at"] + timedelta(minutes=7), "steps_late": repair["steps_late"] + 1}
            self._add_event(repair, RepairDeed.OVERDUE, repair["overdue_at"], repair["due_at"])

    def _do(self, repair: Row, deed: RepairDeed, at: datetime) -> None:
        due_at = repair["due_at"]
        is_late = deed not in BY_RESIDENT and due_at < at
        minutes = NEXT_MINUTES.get(deed)
        self._add_event(repair, deed, at, due_at)
        repair |= {
            "status": RepairStatus(deed.value) if deed is not RepairDeed.STARTED else RepairStatus.IN_PROGRESS,
            "revision": repair["revision"] + 1,
            "due_at": at + timedelta(minutes=minutes) if minutes else None,
            "steps_late": repair["steps_late"] + is_late,
        }
        repair |= self._columns_of(repair, deed, at)
        if deed is RepairDeed.CONFIRMED and repair["rating"] is not None:
            self._add_event(repair, RepairDeed.RATED, at, None, stars=repair["rating"])

    def _columns_of(self, repair: Row, deed: RepairDeed, at: datetime) -> dict[str, Any]:
        """What a deed leaves in the repair besides its state."""
        match deed:
            case RepairDeed.ASSIGNED:
                visit_at = (at + timedelta(hours=4)).replace(minute=0, second=0)
                return {"worker_name": self._random.choice(WORKERS), "assigned_at": at, "visit_at": visit_at}
            case RepairDeed.STARTED:
                return {"started_at": at}
            case RepairDeed.DONE:
                end = at + timedelta(minutes=DEFAULT_TERMS.confirm_minutes)
                reopen_until = end + timedelta(days=DEFAULT_TERMS.reopen_days)
                return {
                    "done_at": at,
                    "remind_at": end - REMINDED_BEFORE,
                    "reopens_max": DEFAULT_TERMS.reopens_max,
                    "reopen_until": reopen_until,
                    "rating_until": end + timedelta(days=DEFAULT_TERMS.rating_days),
                    "forget_at": reopen_until,
                }
            case RepairDeed.CONFIRMED:
                return {"confirmed_at": at, "remind_at": None, **self._rating(at)}
            case RepairDeed.REOPENED:
                return {"reopens": repair["reopens"] + 1, "remind_at": None, "forget_at": None}
            case _:
                return {"closed_at": at}

    def _rating(self, at: datetime) -> dict[str, Any]:
        """Three of four who confirm rate."""
        if self._random.random() < 0.25:
            return {}
        stars = self._random.choices((5, 4, 3, 2), weights=(10, 6, 2, 1))[0]
        words = PRAISES[min(5 - stars, len(PRAISES) - 1)] if self._random.random() < 0.6 else ""
        return {"rating": stars, "rating_words": words, "rated_at": at}

    def _add_event(
        self, repair: Row, deed: RepairDeed, at: datetime, due_at: datetime | None, stars: int | None = None
    ) -> None:
        is_residents = deed in BY_RESIDENT or deed in (RepairDeed.SUBMITTED, RepairDeed.RATED)
        kind = "system" if deed is RepairDeed.OVERDUE else "resident" if is_residents else "staff"
        by_id = {"system": 0, "resident": repair["resident_id"], "staff": self._keeper_id}[kind]
        by = {"by_kind": kind, "by_id": by_id, "at": at, "due_at": due_at, "stars": stars}
        event = self._add(RepairEvent, at, repair_id=repair["id"], deed=deed, **by)
        if deed in NOTES:
            beside = {"event_id": event["id"], "words": NOTES[deed], "photos": None}
            self._rows[RepairNote].append({"town_id": self._places.town_id, **beside})

    def _add_content(self, estate: _Estate, repair: Row) -> int:
        content: Row = dict.fromkeys(column.name for column in Content.__table__.columns)
        content |= {
            "town_id": self._places.town_id,
            "id": self._ids[Content].at(repair["submitted_at"] + A_CONTENT),
            "kind": ContentKind.REPAIR,
            "resident_id": repair["resident_id"],
            "text": f"{repair['location']}\n{repair['description']}",
            "place_path": estate.path,
            "state": ContentState.PASSED,
            "written_at": repair["submitted_at"],
            "open_reports": 0,
        }
        self._rows[Content].append(content)
        return int(content["id"])

    def _add_complaint(
        self, estate: _Estate, said: tuple[ComplaintKind, Addressee, bool, str, str | None], at: datetime
    ) -> None:
        kind, addressee, is_anonymous, words, answer = said
        row = {
            "kind": kind,
            "addressee": addressee,
            "estate_id": estate.id,
            "company_id": estate.company_id,
            "repair_id": None,
            "resident_id": self._random.choice(estate.residents)["id"],
            "is_anonymous": is_anonymous,
            "words": words,
            "photos": None,
            "status": ComplaintStatus.ANSWERED if answer else ComplaintStatus.OPEN,
            "made_at": at,
            "due_at": at + timedelta(minutes=DEFAULT_TERMS.answer_minutes),
            "overdue_at": None,
            "answer": answer,
            "answered_by": self._keeper_id if answer else None,
            "answered_at": at + timedelta(hours=20) if answer else None,
        }
        self._add(Complaint, at, **row)

    def _add(self, table: type[Any], moment: datetime, /, **columns: Any) -> Row:
        row = {"town_id": self._places.town_id, "id": self._ids[table].at(moment), **columns}
        self._rows[table].append(row)
        return row
