"""Interest groups, who is in them, what they write and when they meet; and people who look for company.

All names of groups and all that is written is invented. `resident-00001` belongs to some groups, runs the first one, and
has a post with an answer.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random

from demo.making import RisingIds, Row, Rows
from demo.people import Neighbour, People
from demo.places import Places
from models.groups import (
    AttendeeStatus,
    Group,
    GroupMeetup,
    GroupMember,
    GroupPost,
    GroupRole,
    GroupStatus,
    Joining,
    MeetupAttendee,
    MeetupStatus,
    MemberStatus,
    PartnerKind,
    PartnerPost,
    PartnerPostStatus,
    PostResponse,
    ResidentCard,
    ResponseStatus,
)
from models.moderation import Content, ContentKind, ContentState
from models.territory import Scene, Territory

FOUNDED_DAYS = 60  #: so long ago the first group was founded
A_WHILE = timedelta(milliseconds=700)  #: keeps these contents' ids from those of other rooms
MEMBERS = (14, 40)
ATTENDING_SHARE = 0.4


@dataclass(frozen=True, slots=True)
class Kind:
    """A group as it is invented."""

    name: str
    category: str
    scene: Scene
    about: str
    joining: Joining
    meetup: tuple[str, str]  #: what, and where
    posts: tuple[str, ...]


KINDS = (
    Kind(
        "缤纷舞蹈队",
        "舞蹈",
        Scene.NEIGHBOURHOOD,
        "每周二、四晚上排练广场舞和民族舞，零基础也欢迎。",
        Joining.OPEN,
        ("周四晚排练《茉莉花》", "社区广场"),
        ("这周四排练改到七点，请带扇子。", "新队服已到，周末来领。", "上周的录像剪好了，动作整齐多了！"),
    ),
    Kind(
        "星民书法社",
        "书法",
        Scene.EDUCATION,
        "写楷书和行书，互相点评，逢年过节为邻居写春联福字。",
        Joining.APPROVAL,
        ("临帖：《兰亭序》", "文化家园二楼"),
        ("本月共同临帖《兰亭序》前八行。", "笔墨社里有，人来就行。"),
    ),
    Kind(
        "钱塘羽毛球",
        "羽毛球",
        Scene.HEALTH,
        "周末双打为主，水平不限，轮换上场。",
        Joining.OPEN,
        ("周六下午双打", "邻里中心羽毛球馆"),
        ("周六两片场地已订好。", "球拍穿线有认识的师傅吗？"),
    ),
    Kind(
        "亲子绘本小屋",
        "亲子阅读",
        Scene.EDUCATION,
        "3 到 8 岁孩子和家长一起读绘本，每次一位家长领读。",
        Joining.OPEN,
        ("绘本共读：《小蓝和小黄》", "儿童之家"),
        ("这次请每家带一本旧绘本来交换。", "上周孩子们画的画贴在小屋墙上了。"),
    ),
    Kind(
        "晨跑约跑团",
        "跑步",
        Scene.HEALTH,
        "工作日早上六点沿江慢跑五公里，配速七分左右。",
        Joining.OPEN,
        ("周日长距离 12 公里", "江边步道入口"),
        ("明早有雨，改室内拉伸。",),
    ),
    Kind(
        "夕阳红合唱团",
        "合唱",
        Scene.NEIGHBOURHOOD,
        "爱唱歌的叔叔阿姨都可以来，有专业老师指导。",
        Joining.OPEN,
        ("排练新歌", "多功能厅"),
        ("国庆演出曲目定了三首。", "歌谱已打印，排练时发。"),
    ),
    Kind(
        "阳台种植社",
        "园艺",
        Scene.LOW_CARBON,
        "交流阳台种菜养花，换种子，分享厨余堆肥。",
        Joining.OPEN,
        ("种子交换会", "共享花园"),
        ("薄荷分株，想要的明天来取。", "番茄苗长得太快，求支架做法。"),
    ),
    Kind(
        "象棋擂台",
        "棋牌",
        Scene.NEIGHBOURHOOD,
        "以棋会友，每月一次擂台赛。",
        Joining.OPEN,
        ("本月擂台赛", "邻里客厅"),
        ("上月擂主卫冕成功。",),
    ),
    Kind(
        "数码互助小组",
        "智能手机",
        Scene.SERVICES,
        "年轻人教长辈用手机：挂号、打车、视频通话。",
        Joining.APPROVAL,
        ("手把手教挂号", "社区图书角"),
        ("这周学会了线上挂号的有六位。",),
    ),
    Kind(
        "摄影漫步",
        "摄影",
        Scene.NEIGHBOURHOOD,
        "每月走一条老街，拍人、拍景、拍生活。",
        Joining.INVITATION,
        ("老街慢拍", "地铁站 B 口集合"),
        ("上次作品选了十二张，做成小展。",),
    ),
    Kind(
        "邻里拼车群",
        "拼车",
        Scene.TRANSPORT,
        "早晚高峰同路拼车，少一辆车，多一位朋友。",
        Joining.APPROVAL,
        ("新成员见面", "邻里客厅"),
        ("早上七点四十去未来科技城方向还有一个位子。",),
    ),
    Kind(
        "太极晨练",
        "太极",
        Scene.HEALTH,
        "二十四式太极拳，老师领练，风雨无阻。",
        Joining.OPEN,
        ("云手专项", "小区中央草坪"),
        ("周三请穿平底鞋。", "拍手操放在最后十分钟。"),
    ),
)
#: Who looks for company: kind, what, when, how many.
WANTED: tuple[tuple[PartnerKind, str, str, int], ...] = (
    (PartnerKind.SPORT, "找羽毛球双打搭子，会基本步法就行。", "周六下午", 3),
    (PartnerKind.CHILDREN, "五岁女孩，想找同龄小朋友一起玩沙骑车。", "周末上午", 2),
    (PartnerKind.CARPOOL, "去滨江上班，能拼一位。", "工作日早上八点", 1),
    (PartnerKind.LEARNING, "一起备考初级社工，互相督促。", "每晚八点到九点", 4),
    (PartnerKind.OTHER, "想找人一起遛狗，我家是柯基。", "每天傍晚", 2),
    (PartnerKind.SPORT, "约夜跑，五公里慢速。", "周二、周四晚", 2),
)
ANSWERS = ("算我一个，我住得不远。", "我也想去，先认识一下。")
NICKNAMES = ("爱跳舞的小满", "江边慢跑者", "球场阿宽", "种花的青禾", "绘本妈妈", "棋友老周")


def make_groups(random: Random, places: Places, people: People, midnight: datetime) -> Rows:
    """A dozen groups, and some posts of people who look for company."""
    return _GroupMaker(random, places, people, midnight).make()


class _GroupMaker:
    def __init__(self, random: Random, places: Places, people: People, midnight: datetime) -> None:
        self._random, self._places, self._people, self._midnight = random, places, people, midnight
        tables = (
            Content,
            Group,
            GroupMember,
            GroupMeetup,
            MeetupAttendee,
            GroupPost,
            PartnerPost,
            PostResponse,
            ResidentCard,
        )
        self._ids = {table: RisingIds() for table in tables}
        self._rows: Rows = {table: [] for table in tables}
        self._paths = {row["id"]: row["path"] for row in places.rows[Territory]}

    def make(self) -> Rows:
        begin = self._midnight - timedelta(days=FOUNDED_DAYS)
        founded = [(kind, begin + timedelta(days=4 * n, hours=20)) for n, kind in enumerate(KINDS)]
        communities = list(self._places.communities.values())
        for n, (kind, moment) in enumerate(founded):
            self._add_group(n, kind, communities[n % len(communities)], moment)
        for n, wanted in enumerate(WANTED):
            moment = self._midnight - timedelta(days=len(WANTED) - n, hours=4)
            self._add_partner_post(n, wanted, communities[n % len(communities)], moment)
        self._add_cards()
        return self._rows

    def _add_group(self, n: int, kind: Kind, community_id: int, at: datetime) -> None:
        crowd = self._draw(community_id, self._random.randint(*MEMBERS))
        if n % 3 == 0:
            crowd.insert(int(n > 0), self._people.first)
        words = f"{kind.name}\n{kind.about}"
        group = {
            "id": self._ids[Group].at(at),
            "community_id": community_id,
            "name": kind.name,
            "about": kind.about,
            "category": kind.category,
            "scene": kind.scene,
            "content_id": self._content(ContentKind.GROUP, words, crowd[0], community_id, at),
            "joining": kind.joining,
            "member_max": 60,
            "members": len(crowd),
            "owners": 1,
            "is_staffed": False,
            "status": GroupStatus.ACTIVE,
            "founded_by_kind": "resident",
            "founded_by_id": crowd[0].id,
            "founded_at": at,
        }
        self._add(Group, group)
        members = [self._member(group["id"], k, who, at + timedelta(hours=k)) for k, who in enumerate(crowd)]
        for k, words in enumerate(kind.posts):
            who = k % 3
            self._group_post(group["id"], members[who], words, crowd[who], community_id, at + timedelta(days=3 + 2 * k))
        self._meetup(group["id"], kind, members, crowd[0], community_id, at + timedelta(days=10))

    def _member(self, group_id: int, k: int, who: Neighbour, at: datetime) -> int:
        role = GroupRole.OWNER if k == 0 else GroupRole.MANAGER if k == 1 else GroupRole.MEMBER
        standing = {"role": role, "status": MemberStatus.ACTIVE, "joined_at": at}
        id_ = self._ids[GroupMember].at(at)
        self._add(GroupMember, {"id": id_, "group_id": group_id, "resident_id": who.id, **standing})
        return id_

    def _group_post(
        self, group_id: int, member_id: int, words: str, who: Neighbour, community_id: int, at: datetime
    ) -> None:
        row = {
            "id": self._ids[GroupPost].at(at),
            "group_id": group_id,
            "member_id": member_id,
            "words": words,
            "upload_ids": [],
            "content_id": self._content(ContentKind.POST, words, who, community_id, at),
            "is_announcement": False,
            "made_at": at,
        }
        self._add(GroupPost, row)

    def _meetup(
        self, group_id: int, kind: Kind, members: list[int], who: Neighbour, community_id: int, at: datetime
    ) -> None:
        title, place = kind.meetup
        going = [member for member in members if self._random.random() < ATTENDING_SHARE]
        starts_at = self._midnight + timedelta(days=self._random.randint(1, 9), hours=19)
        row = {
            "id": self._ids[GroupMeetup].at(at),
            "group_id": group_id,
            "made_by": members[0],
            "title": title,
            "about": "",
            "place": place,
            "content_id": self._content(ContentKind.POST, f"{title}\n{place}", who, community_id, at),
            "starts_at": starts_at,
            "ends_at": starts_at + timedelta(hours=2),
            "capacity": 30,
            "taken": len(going),
            "status": MeetupStatus.SCHEDULED,
            "made_at": at,
        }
        self._add(GroupMeetup, row)
        for k, member_id in enumerate(going):
            place_at = at + timedelta(minutes=k + 1)
            place_row = {"meetup_id": row["id"], "member_id": member_id, "joined_at": place_at}
            id_ = self._ids[MeetupAttendee].at(place_at)
            self._add(MeetupAttendee, {"id": id_, **place_row, "status": AttendeeStatus.GOING})

    def _add_partner_post(
        self, n: int, wanted: tuple[PartnerKind, str, str, int], community_id: int, at: datetime
    ) -> None:
        kind, words, when_words, count = wanted
        author, *others = self._draw(community_id, 3)
        author = self._people.first if n == 0 else author
        row = {
            "id": self._ids[PartnerPost].at(at),
            "resident_id": author.id,
            "kind": kind,
            "words": words,
            "when_words": when_words,
            "community_id": community_id,
            "wanted": count,
            "accepted": 0,
            "upload_ids": [],
            "content_id": self._content(ContentKind.POST, f"{words}\n{when_words}", author, community_id, at),
            "status": PartnerPostStatus.OPEN,
            "made_at": at,
            "lapses_at": self._midnight + timedelta(days=5 + 3 * n),
        }
        self._add(PartnerPost, row)
        for k, (who, answer) in enumerate(zip(others, ANSWERS, strict=True)):
            answered_at = at + timedelta(hours=k + 1)
            response = {
                "id": self._ids[PostResponse].at(answered_at),
                "post_id": row["id"],
                "resident_id": who.id,
                "words": answer,
                "content_id": self._content(ContentKind.COMMENT, answer, who, community_id, answered_at),
                "status": ResponseStatus.PENDING,
                "made_at": answered_at,
            }
            self._add(PostResponse, response)

    def _add_cards(self) -> None:
        """The first owner's, and those of some members."""
        at = self._midnight - timedelta(hours=3)
        owners = [row["founded_by_id"] for row in self._rows[Group]]
        for name, resident_id in zip(NICKNAMES, dict.fromkeys(owners), strict=False):
            content = self._content_row(ContentKind.PROFILE, name, resident_id, self._places.city_id, at)
            card = {
                "resident_id": resident_id,
                "display_name": name,
                "about": "很高兴认识邻居们。",
                "interests": ["散步", "读书"],
                "content_id": content,
                "is_on": True,
                "changed_at": at,
            }
            self._add(ResidentCard, card)

    def _draw(self, community_id: int, count: int) -> list[Neighbour]:
        """So many different residents of a community who were there before there were groups."""
        circle = self._people.circles[community_id, False]
        there = circle.count_at(self._midnight - timedelta(days=FOUNDED_DAYS))
        return self._random.sample(circle.members[:there], count)

    def _content(self, kind: ContentKind, text: str, who: Neighbour, place_id: int, at: datetime) -> int:
        return self._content_row(kind, text, who.id, place_id, at)

    def _content_row(self, kind: ContentKind, text: str, resident_id: int, place_id: int, at: datetime) -> int:
        row: Row = {
            "id": self._ids[Content].at(at + A_WHILE),
            "kind": kind,
            "resident_id": resident_id,
            "text": text,
            "place_path": self._paths[place_id],
            "state": ContentState.PASSED,
            "written_at": at,
            "open_reports": 0,
        }
        self._add(Content, row)
        return int(row["id"])

    def _add(self, table: type, row: Row) -> None:
        empty: Row = dict.fromkeys(column.name for column in table.__table__.columns)  # type: ignore[attr-defined]
        self._rows[table].append(empty | {"town_id": self._places.town_id} | row)
