"""A world of two communities: in A one thing of every kind that a route names, in B people who have nothing to do with it.

What is in A is known by the name that routes give it (`world.ids["repair_id"]`); where a route needs a thing in another
state there is a second one under a name of its own (`"repair_done"`).
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

from flask import Flask
from sqlalchemy import select, update
from werkzeug.test import TestResponse

from blueprints.edge.house import House
from models.estates import EstateManagement
from models.jobs import Outbox
from models.moderation import Content, ContentKind, ContentState
from models.notices import Notice
from models.reservations import Appeal, Reservation, ReservationStatus
from models.residents import HouseholdRequest, Merging, MergingStatus, Role
from models.territory import HostKind, Territory, TerritoryKind
from models.uploads import UploadPurpose
from rules.clock import local_day, utc_now
from rules.ids import IdMaker, moment_of
from rules.ledger.sealing import seal_day
from rules.notices.staff import write_staff_notice
from rules.volunteering.registration import STATEMENT_VERSION
from rules.work import Work
from tests.build import RULEBOOK, ApiClient, TownBuilder, add, fresh_key, new_town
from tests.checkins.doors import Door
from tests.estates.homes import Home, home_in, picture
from tests.groups.neighbours import card_of, group_of, meetup_of, pass_all, post_of, respond
from tests.moderation.hands import path_of, write
from tests.points.hands import HAND_RULES, give
from tests.rewards.mall import MALL, host, merchant, redeemed, reward, rich
from tests.rulebook.live import put_in_force
from tests.venues.halls import hall, tomorrow, use

DAY = timedelta(days=1)
ELDERS_PHONE = "13900139000"


@dataclass
class World:
    """Who is where, and what there is in A."""

    app: Flask
    town: TownBuilder
    other_town: TownBuilder
    home: Home
    callers: dict[str, ApiClient] = field(default_factory=dict)
    ids: dict[str, str] = field(default_factory=dict)

    @property
    def api(self) -> ApiClient:
        return ApiClient(self.app, self.town)

    @property
    def of_a(self) -> list[str]:
        """The ids of A's things, none of which B's people are to be told. Operators and companies are the town's.

        A day is everybody's.
        """
        shared = ("of B", "operator_id", "company_id", "measure_name", "duty_day")
        return [id_ for name, id_ in self.ids.items() if len(id_) > 9 and not name.endswith(shared)]

    def made(self, name: str, answer: TestResponse, *, key: str = "id") -> Any:
        """Remember the id of what was just made."""
        assert answer.status_code in (200, 201), (name, answer.text)
        self.ids[name] = str(answer.json[key])
        return answer.json


def world_of(app: Flask, house: House) -> World:
    """Build it all, by way of the API wherever residents and staff have one."""
    town = new_town(house)
    put_in_force(town, RULEBOOK + MALL + HAND_RULES)
    host(town, HostKind.OPERATOR)
    world = World(app, town, new_town(house), home_in(town, ApiClient(app, town)))
    people_of(world)
    for chapter in (
        places,
        homes,
        deeds,
        points,
        mall,
        service,
        neighbours,
        partners,
        words,
        notices,
        rights,
        numbers,
        elsewhere,
    ):
        chapter(world)
    return world


def people_of(world: World) -> None:
    """Staff of A, of the street and of B by role, all roles of B and of another town in one person, and residents."""
    town, api, here = world.town, world.api, world.callers
    for role in Role:
        here[f"{role} of A"] = api.as_(town.staff(role, at=town.community_id))
        here[f"{role} of the street"] = api.as_(town.staff(role))
        here[f"{role} of B"] = api.as_(town.staff(role, at=town.other_community_id))
    here["second manager of the street"] = api.as_(town.staff(Role.MANAGER))
    here["second manager of A"] = api.as_(town.staff(Role.MANAGER, at=town.community_id))
    here["all roles of B"] = api.as_(town.staff(*Role, at=town.other_community_id))
    here["all roles of another town"] = ApiClient(world.app, world.other_town).as_(world.other_town.staff(*Role))
    here["resident of B"] = api.as_(town.resident("赵六", community_id=town.other_community_id))
    here["neighbour in A"] = api.as_(town.resident("钱七"))
    here["owner"], here["keeper"] = api.as_(world.home.owner), api.as_(world.home.keeper)
    world.ids |= {"resident_id": str(world.home.owner.id), "to_resident_id": str(world.home.owner.id)}


def places(world: World) -> None:
    """Where A's things happen: nodes, centres and who is on duty there, rooms."""
    town, ids = world.town, world.ids
    desk = world.callers["manager of A"]
    ids |= {"community_id": str(town.community_id), "territory_id": str(town.community_id)}
    ids |= {"operator_id": str(town.operator_id)}
    centre = {"name": "邻里中心", "address": "星民路 2 号", "opens_at": "09:00", "closes_at": "17:00"}
    world.made("service_centre_id", desk.post("/service-centres", {"territory_id": ids["territory_id"], **centre}))
    path = f"/service-centres/{ids['service_centre_id']}"
    world.made("staff_id", desk.post(f"{path}/staff", {"name": "陈海燕", "title": "社区工作者"}))
    duty = {"day": str(local_day(utc_now()) + DAY), "spans": [{"opens_at": "09:00", "closes_at": "12:00"}]}
    assert desk.call("PUT", f"{path}/staff/{ids['staff_id']}/duty-days", duty).status_code == 200
    ids["duty_day"] = duty["day"]
    holiday = {"day": duty["day"], "is_working_day": False, "name": "社区开放日"}
    assert world.callers["manager of the street"].post("/working-days", holiday).status_code == 200
    service = {"name": "居住证明", "description": "当场办结", "scene": "governance"}
    world.made("service_id", desk.post(f"{path}/services", service))
    ids["venue_id"] = str(hall(town, needs_approval=True, parts=2))
    ids["use_id"] = str(use(town, int(ids["venue_id"]), "会议", 20, 1))
    closure = {"starts_at": tomorrow(12, days=9).isoformat(), "ends_at": tomorrow(13, days=9).isoformat()}
    world.made("closure_id", desk.post(f"/venues/{ids['venue_id']}/closures", closure | {"reason": "检修"}), key="id")
    world.made("booking_id", booking_answer(world))


def booking_answer(world: World) -> TestResponse:
    body = {"starts_at": tomorrow(10).isoformat(), "ends_at": tomorrow(11).isoformat(), "purpose": "邻里聚会"}
    body |= {"use_id": world.ids["use_id"]}
    return world.callers["owner"].post(f"/venues/{world.ids['venue_id']}/bookings", body)


def numbers(world: World) -> None:
    """What is wished of A's numbers, and which ones are asked for."""
    world.ids |= {"measure_name": "repairs.opened", "month": str(local_day(utc_now()))[:7]}
    target = {"measure": "repairs.on_time_share", "territory_id": world.ids["community_id"], "period_kind": "month"}
    target |= {"from_day": str(local_day(utc_now())), "target": 0.9, "amber": 0.8}
    world.made("target_id", world.callers["manager of A"].post("/monitor/targets", target))


def homes(world: World) -> None:
    """The estate, its company, repairs in every state, a complaint."""
    home, ids = world.home, world.ids
    ids |= {"estate_id": str(home.estate_id), "company_id": str(home.company_id)}
    ids["repair_id"] = home.submitted()
    ids["repair_assigned"] = home.submitted()
    ids["repair_started"] = home.submitted()
    for name in ("repair_assigned", "repair_started"):
        assert home.step(ids[name], "assignment", worker_name="周师傅").status_code == 200
    assert home.step(ids["repair_started"], "start").status_code == 200
    ids["repair_done"] = home.done()
    ids["repair_confirmed"] = home.done()
    owner = world.callers["owner"]
    assert owner.post(f"/repairs/{ids['repair_confirmed']}/confirmation").status_code == 200
    public = {"place": "public", "territory_id": str(home.estate_id), "phone": None, "location": "小区大门"}
    ids["repair_public"] = home.submitted(**public)
    complaint = {"kind": "complaint", "addressee": "company", "estate_id": ids["estate_id"], "words": "电梯常坏"}
    world.made("complaint_id", owner.post("/complaints", complaint))


def deeds(world: World) -> None:
    """Activities, what is reserved of them, and who came."""
    town, ids, owner = world.town, world.ids, world.home.owner
    mine, desk = world.callers["owner"], world.callers["organiser of A"]
    ids["activity_id"] = str(town.activity())
    ids["session_id"] = str(town.session(activity_id=int(ids["activity_id"])))
    ids["session_later"] = str(town.session(activity_id=int(ids["activity_id"]), begins_in=3 * DAY))
    draft = {"title": "草稿", "summary": "…", "category": "瑜伽", "scene": "health"}
    draft |= {"community_id": ids["community_id"], "operator_id": ids["operator_id"]}
    world.made("activity_draft", desk.post("/activities", draft))
    series = {"venue_id": str(town.venue_id), "duration_minutes": 60, "capacity": 9, "rrule": "FREQ=WEEKLY;COUNT=2"}
    series |= {"starts_on": str(local_day(utc_now()) + 7 * DAY), "starts_at": "09:00"}
    world.made("series_id", desk.post(f"/activities/{ids['activity_id']}/series", series), key="id")
    world.made("reservation_id", mine.post(f"/sessions/{ids['session_later']}/reservations", {}))
    door = Door(town, world.api, town.staff(Role.SCANNER, at=town.community_id))
    world.callers["door"] = door.api
    assert mine.post(f"/sessions/{ids['session_id']}/reservations", {}).status_code == 201
    ids["nonce"] = fresh_key()
    assert door.come(owner, int(ids["session_id"]), nonce=ids["nonce"])["result"] == "admitted"
    past = town.session(activity_id=int(ids["activity_id"]), begins_in=-DAY)
    past_too = town.session(activity_id=int(ids["activity_id"]), begins_in=-DAY)

    def miss(work: Work, session_id: int, *, appeals: bool) -> int:
        row = {"session_id": session_id, "resident_id": owner.id, "party_size": 1, "reserved_at": work.now}
        missed = add(work, Reservation, status=ReservationStatus.NO_SHOW, no_show_at=work.now, **row)
        return add(work, Appeal, reservation_id=missed, reason="我到场了", made_at=work.now) if appeals else missed

    ids["appeal_id"] = str(town.act(None, lambda work: miss(work, past, appeals=True)))
    ids["reservation_missed"] = str(town.act(None, lambda work: miss(work, past_too, appeals=False)))


def points(world: World) -> None:
    """Adjustments, imports and rules that wait for a second person; a transaction, a seal."""
    ids, root = world.ids, world.callers["manager of the street"]
    body = {"resident_id": ids["resident_id"], "amount": 200, "reason": "补发积分"}
    world.made("adjustment_id", root.post("/points/adjustments", body))
    csv = f"ref,resident_id,amount,occurred_on,reason\nA-1,{ids['resident_id']},200,{local_day(utc_now()) - DAY},志愿服务\n"
    world.made("import_id", root.post("/points/imports", {"name": "一月.csv", "csv": csv}))
    rules = {"document": RULEBOOK.replace("amount = 5", "amount = 8")}
    rules |= {"effective_from": (utc_now() + DAY).isoformat()}
    world.made("draft_id", root.post("/rulebooks/drafts", rules))
    give(world.town, world.home.owner, 100)
    txn_id = give(world.town, world.home.owner, 500).txn_id
    ids["txn_id"] = str(txn_id)
    # A test before this one may have travelled, and ids never go back: the day is the id's own.
    written_at = moment_of(txn_id)
    the_day_after = {"now": written_at + DAY, "id_maker": IdMaker(1)}
    world.town.act(
        None, lambda work: seal_day(replace(work, **the_day_after), world.town.house.keys, local_day(written_at))
    )
    ids["seq"] = "1"


def mall(world: World) -> None:
    """Rewards of the community and of a merchant, what was redeemed, a cause."""
    town, ids, mine = world.town, world.ids, world.callers["owner"]
    seller = merchant(town)
    ids["merchant_id"] = str(seller.id)
    world.callers["merchant"] = world.api.as_(seller)
    here = {"territory_id": town.community_id}
    ids["reward_id"] = str(reward(town, **here, stock=9))
    ids["reward_other"] = str(reward(town, **here, stock=9))
    ids["reward_draft"] = str(reward(town, **here, status="draft"))
    ids["reward_submitted"] = str(reward(town, **here, status="submitted"))
    first = redeemed(mine, int(ids["reward_id"]))
    ids |= {"redemption_id": first["id"], "code": first["code"]}
    cause = {"title": "送餐", "territory_id": ids["territory_id"], "target": 100}
    cause |= {"until": (utc_now() + 30 * DAY).isoformat(), "operator_id": ids["operator_id"]}
    world.made("cause_id", world.callers["manager of the street"].post("/causes", cause))


def service(world: World) -> None:
    """Volunteers' hours, written down and imported; a certificate; people without a phone, and whom they trust."""
    ids = world.ids
    desk, mine = world.callers["organiser of A"], world.callers["owner"]
    registered = mine.post("/me/volunteer", {"version": STATEMENT_VERSION})
    assert registered.status_code in (200, 201), registered.text
    row = {"resident_id": ids["resident_id"], "minutes": 60, "served_on": str(local_day(utc_now()) - DAY)}
    written = desk.post("/volunteering/records", {"items": [row | {"description": "清扫"}]})
    assert written.status_code == 201, written.text
    ids["record_id"] = written.json["items"][0]["id"]
    long = row | {"minutes": 720, "served_on": str(local_day(utc_now()) - 3 * DAY), "description": "值守"}
    flagged = desk.post("/volunteering/records", {"items": [long]})
    assert flagged.json["items"][0]["status"] == "pending", flagged.text
    ids["record_flagged"] = flagged.json["items"][0]["id"]
    line = f"A-1,{ids['resident_id']},60,{local_day(utc_now()) - 40 * DAY},清扫"
    csv = f"ref,resident_id,minutes,served_on,description\n{line}"
    world.made("batch_id", desk.post("/volunteering/imports", {"name": "志愿汇.csv", "csv": csv}))
    certificate = world.made("certificate_id", mine.post("/me/certificates", {}))
    ids["certificate_code"] = certificate["code"]
    form = {"name": "陈阿婆", "territory_id": ids["territory_id"], "consent_note": "签字", "phone": ELDERS_PHONE}
    elder = world.made("elder_id", world.callers["scanner of A"].post("/residents", form))
    proxy = {"agent_id": ids["resident_id"], "consent_note": "签字"}
    world.made("proxy_id", world.callers["scanner of A"].post(f"/residents/{elder['id']}/proxies", proxy))
    assert world.callers["scanner of A"].post(f"/residents/{elder['id']}/card").status_code in (200, 201)
    world.made("organisation_id", desk.post("/organisations", {"name": "星民合唱团"}))
    member = {"resident_id": ids["resident_id"]}
    assert desk.post(f"/organisations/{ids['organisation_id']}/members", member).status_code == 204


def neighbours(world: World) -> None:
    """A group with everything in it."""
    town, ids, api = world.town, world.ids, world.api
    member, applicant = town.resident("孙八"), town.resident("周九")
    world.callers["applicant"] = api.as_(applicant)
    group = group_of(town, api, world.home.owner, joining="approval")
    ids["group_id"] = group["id"]
    path, mine = f"/groups/{group['id']}", world.callers["owner"]
    for person, name in ((member, "request_taken"), (applicant, "request_id")):
        answer = api.as_(person).post(f"{path}/members", {})
        assert answer.status_code == 201, answer.text
        ids[name] = answer.json["request_id"]
    taken = mine.post(f"/group-requests/{ids['request_taken']}/decision", {"accept": True})
    assert taken.status_code in (200, 204), taken.text
    world.callers["member"] = api.as_(member)
    for each in mine.get(f"{path}/members").json["items"]:
        ids["owner_member" if each["is_me"] else "member_id"] = each["id"]
    ids["meetup_id"] = meetup_of(town, api, world.home.owner, group)["id"]
    world.made("post_id", mine.post(f"{path}/posts", {"words": "周六场地已订好"}))
    wish = {"title": "友谊赛", "about": "社区杯", "people": 16, "starts_at": (utc_now() + 9 * DAY).isoformat()}
    world.made("proposal_id", mine.post(f"{path}/proposals", wish))
    pass_all(town)
    ids["group_activity"] = str(town.activity())
    link = f"{path}/activities/{ids['group_activity']}"
    assert world.callers["organiser of the street"].call("PUT", link, {}).status_code == 204


def partners(world: World) -> None:
    """A post of somebody who looks for company, an answer to it, and somebody who is blocked."""
    town, ids, api, mine = world.town, world.ids, world.api, world.callers["owner"]
    partner = town.resident("吴十")
    world.callers["partner"] = api.as_(partner)
    post = post_of(town, api, world.home.owner)
    open_post = post_of(town, api, world.home.owner)
    ids |= {"partner_post": open_post["id"], "response_id": respond(town, api, partner, post)["id"]}
    taken = mine.post(f"/post-responses/{ids['response_id']}/decision", {"accept": True})
    assert taken.status_code == 200, taken.text
    other, rude = town.resident("郑一"), town.resident("李二")
    world.callers["other partner"] = api.as_(other)
    ids["response_new"] = respond(town, api, other, open_post)["id"]
    card_of(town, api, world.home.owner, "晓兰")
    world.made("invitation_id", mine.post(f"/groups/{ids['group_id']}/invitations", {}))
    blocked = mine.post("/me/blocks", {"response_id": respond(town, api, rude, open_post)["id"]})
    assert blocked.status_code == 201, blocked.text
    ids["block_id"] = mine.get("/me/blocks").json["items"][0]["id"]
    row = {"resident_id": world.home.owner.id, "topic": "test", "key": fresh_key(), "payload": {}}
    ids["notice_id"] = str(town.act(None, lambda work: add(work, Notice, **row, created_at=work.now)))


def words(world: World) -> None:
    """A picture, and writing that waits, that is shown and that was removed."""
    town, ids, owner = world.town, world.ids, world.home.owner
    ids["upload_id"] = picture(town, owner, UploadPurpose.POST)
    ids["content_shown"] = str(write(town, owner, "已经展示"))
    ids["content_removed"] = str(write(town, owner, "已经下架", kind=ContentKind.POST))
    pass_all(town)
    gone = {"reason": "测试理由"}
    removed = world.callers["manager of A"].post(f"/moderation/contents/{ids['content_removed']}/removal", gone)
    assert removed.status_code == 200, removed.text
    ids["content_id"] = str(write(town, owner, "等待审核"))
    ids["content_review"] = str(write(town, owner, "请人看看"))
    wait = {"state": ContentState.REVIEW, "due_at": utc_now() + DAY, "review_since": utc_now()}
    this = update(Content).where(Content.town_id == town.id, Content.id == int(ids["content_review"]))
    town.act(None, lambda work: work.core.execute(this.values(**wait)))


def notices(world: World) -> None:
    """Announcements, written and published, and a message that was given up."""
    town, ids, desk = world.town, world.ids, world.callers["manager of A"]
    text = {"title": "停水通知", "text": "周三停水。", "place_ids": [ids["community_id"]], "public": False}
    text |= {"confirmation_needed": True}
    world.made("announcement_draft", desk.post("/staff/announcements", text))
    world.made("announcement_id", desk.post("/staff/announcements", text))
    path = f"/staff/announcements/{ids['announcement_id']}/publication"
    assert desk.post(path).status_code == 200

    def give_up(work: Work) -> int:
        columns = {"topic": "test", "key": fresh_key(), "payload": {}, "created_at": work.now}
        return add(work, Outbox, **columns, available_at=work.now, failed_at=work.now, failure="test")

    ids["message_id"] = str(town.act(None, give_up))
    payload = {"repair_id": ids["repair_id"], "estate": "星河湾"}
    town.act(None, write_staff_notice, "repair.submitted", fresh_key(), path_of(town), payload)


def rights(world: World) -> None:
    """A copy of everything, a record that may be the owner's, somebody who says that they live in A."""
    town, ids = world.town, world.ids
    world.made("export_id", world.callers["owner"].post("/me/exports", {}))
    newcomer = town.resident("孙八")

    def ask(work: Work) -> tuple[int, int]:
        later = {"lapses_at": work.now + DAY}
        pair = {"resident_id": world.home.owner.id, "record_id": int(ids["elder_id"]), "status": MergingStatus.ASKED}
        there = {"resident_id": newcomer.id, "building_id": world.home.building_id, "door": "1单元101室"}
        merging = add(work, Merging, **pair, **later, offered_at=work.now)
        return merging, add(work, HouseholdRequest, **there, **later, asked_at=work.now)

    ids["merging_id"], ids["household_request_id"] = map(str, town.act(None, ask))


def elsewhere(world: World) -> None:
    """What B's people have of their own, to bring together with what is A's."""
    town, ids = world.town, world.ids
    manager, organiser = world.callers["manager of B"], world.callers["organiser of B"]
    place = town.other_community_id
    ids["community of B"] = str(place)
    ids["activity of B"] = str(town.activity(community_id=place))
    ids["session of B"] = str(town.session(activity_id=int(ids["activity of B"]), begins_in=3 * DAY))
    ids["reward of B"] = str(reward(town, territory_id=place, stock=9))
    theirs = world.api.as_(rich(town, community_id=place))
    ids["redemption of B"] = redeemed(theirs, int(ids["reward of B"]))["id"]
    form = {"name": "何阿公", "territory_id": str(place), "consent_note": "签字"}
    world.made("elder of B", world.callers["scanner of B"].post("/residents", form))
    text = {"title": "停气通知", "text": "周五停气。", "place_ids": [str(place)]}
    world.made("announcement of B", manager.post("/staff/announcements", text))
    group = {
        "name": "水电棋社",
        "about": "下棋",
        "category": "象棋",
        "scene": "neighbourhood",
        "community_id": str(place),
    }
    world.made("group of B", organiser.post("/groups", group))
    pass_all(town)
    estate = town.act(None, _estate_of_the_same_company, world, place)
    ids["estate of B"] = str(estate)
    keeper = town.staff(Role.PROPERTY, at=estate)
    world.callers["keeper of B"], ids["worker of B"] = world.api.as_(keeper), str(keeper.id)
    world.callers["owner in B"] = world.api.as_(town.resident("冯三", territory_id=estate))
    broken = {"estate_id": ids["estate of B"], "place": "home", "location": "厨房", "category": "water_power"}
    world.made("repair of B", world.callers["owner in B"].post("/repairs", broken | {"description": "漏水"}))


def _estate_of_the_same_company(work: Work, world: World, place: int) -> int:
    """An estate of B that the company of A's estate looks after too."""
    parent = work.core.scalar(select(Territory.path).where(Territory.town_id == work.town_id, Territory.id == place))
    id_ = work.new_id()
    node = {"parent_id": place, "kind": TerritoryKind.ESTATE, "name": "水电新村"}
    add(work, Territory, id=id_, path=f"{parent}{id_}/", **node)
    begin = {"from_day": local_day(work.now - 365 * DAY), "recorded_at": work.now}
    add(work, EstateManagement, estate_id=id_, company_id=world.home.company_id, **begin)
    return id_
