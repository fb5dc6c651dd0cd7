"""What residents and staff are told, in words: one entry for each topic of the outbox that ends in somebody's inbox.

Titles and texts name fields of the payload in braces; a part in square brackets is left out where one of its fields is
empty. Moments and days are shown in the community's words. Besides the payload's own fields there are those that are
looked up when a message is delivered (`rules.notices.looking_up`): `activity`, `starts_at` and `venue` of a `session_id`
or `reservation_id`, `venue` of a `venue_id`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from models.residents import Role


class Template(StrEnum):
    """The kinds of subscription messages; settings say which template of WeChat each is."""

    RESERVATION = "reservation"
    BOOKING = "booking"
    REPAIR = "repair"
    POINTS = "points"
    REDEMPTION = "redemption"
    GROUP = "group"
    ANNOUNCEMENT = "announcement"


@dataclass(frozen=True, slots=True)
class Wording:
    """How one topic reads. Titles and texts may name fields of the payload in braces."""

    title_zh: str
    title_en: str
    text_zh: str
    text_en: str
    page: str | None = (
        None  #: where it leads in the mini-program, with fields of the payload: "pages/repair?id={repair_id}"
    )
    template: Template | None = None  #: None: in the inbox only
    is_urgent: bool = False  #: sent in quiet hours too
    useful_until: str | None = None  #: the field with the moment after which it isn't sent by WeChat any more
    to: tuple[str, ...] = ("resident_id",)  #: the fields with who is told
    to_staff: bool = (
        False  #: for staff of the payload's `path`, or of the place of its venue or activity; no resident's
    )
    roles: tuple[Role, ...] = (Role.MANAGER,)  #: whose roles at the place, where it is for staff; admins see all
    words: Mapping[str, Mapping[str, tuple[str, str]]] = field(default_factory=dict)  #: of fields' values, zh and en


_RESERVATION = "pages/reservation?id={reservation_id}"
_SESSION = "pages/session?id={session_id}"
_BOOKING = "pages/booking?id={booking_id}"
_GROUP = "pages/group?id={group_id}"
_POST = "pages/partner?id={post_id}"
_REPAIR = "pages/repair?id={repair_id}"
_COMPLAINT = "pages/complaint?id={complaint_id}"
_REDEMPTION = "pages/redemption?id={redemption_id}"

#: Pieces of content in words.
CONTENT_KINDS = {
    "profile": ("个人资料", "profile"),
    "group": ("小组资料", "group page"),
    "post": ("帖子", "post"),
    "comment": ("评论", "comment"),
    "application": ("申请", "application"),
    "rating": ("评价", "rating"),
    "repair": ("报修", "repair"),
    "complaint": ("投诉建议", "complaint"),
    "picture": ("图片", "picture"),
}
#: Where something is broken.
REPAIR_PLACES = {"home": ("家中", "at home"), "public": ("公共区域", "of what belongs to all")}

CATALOGUE: dict[str, Wording] = {
    "reservation.promoted": Wording(
        "候补成功",
        "You have a place",
        "“{activity}”（{starts_at}，{venue}）有了名额，您的候补已转为正式预约。",
        "A place in “{activity}” ({starts_at}, {venue}) is yours: you moved up from the waiting list.",
        page=_RESERVATION,
        template=Template.RESERVATION,
        useful_until="starts_at",
    ),
    "reservation.offered": Wording(
        "有名额等您确认",
        "A place is kept for you",
        "“{activity}”（{starts_at}）有一个名额为您保留到{until}，请及时确认。",
        "A place in “{activity}” ({starts_at}) is kept for you until {until}. Please confirm it.",
        page=_RESERVATION,
        template=Template.RESERVATION,
        is_urgent=True,
        useful_until="until",
    ),
    "reservation.offer_lapsed": Wording(
        "保留的名额已过期",
        "The offer has lapsed",
        "为您保留的“{activity}”（{starts_at}）名额没有在期限内确认，已让给下一位。",
        "You didn't confirm your place in “{activity}” ({starts_at}) in time, so it went to the next in line.",
        page=_SESSION,
    ),
    "reservation.waits": Wording(
        "暂未分到名额",
        "No place yet",
        "“{activity}”（{starts_at}）的名额已分配完，您在候补名单中，有名额时会通知您。",
        "All places in “{activity}” ({starts_at}) are given out. You are on the waiting list and will be told.",
        page=_SESSION,
        template=Template.RESERVATION,
        useful_until="starts_at",
    ),
    "reservation.no_show": Wording(
        "记录了一次未到",
        "You were missed",
        "您预约了“{activity}”（{starts_at}）而没有签到，已记为未到。如有误，可在 14 天内申诉。",
        "You had a place in “{activity}” ({starts_at}) and weren't checked in. If that is wrong, appeal within 14 days.",
        page=_RESERVATION,
    ),
    "session.cancelled": Wording(
        "活动取消",
        "Called off",
        "“{activity}”（{starts_at}）已取消。[原因：{reason}。]预约已为您退回。",
        "“{activity}” ({starts_at}) is called off.[ Reason: {reason}.] Your reservation is undone.",
        page=_SESSION,
        template=Template.RESERVATION,
        is_urgent=True,
        useful_until="starts_at",
    ),
    "session.moved": Wording(
        "活动时间或地点有变",
        "Moved",
        "“{activity}”改为{starts_at}，地点：{venue}。来不了可免责取消。",
        "“{activity}” is now on {starts_at}, at {venue}. If you can't come, you may cancel freely.",
        page=_RESERVATION,
        template=Template.RESERVATION,
        is_urgent=True,
        useful_until="starts_at",
    ),
    "reminder.session_day": Wording(
        "明天有活动",
        "Tomorrow",
        "您预约的“{activity}”将于{starts_at}在{venue}开始。来不了请提前取消。",
        "“{activity}” begins on {starts_at} at {venue}. If you can't come, please cancel in time.",
        page=_RESERVATION,
        template=Template.RESERVATION,
        useful_until="starts_at",
    ),
    "reminder.session_hour": Wording(
        "活动即将开始",
        "Soon",
        "您预约的“{activity}”将于{starts_at}在{venue}开始，请带上签到码。",
        "“{activity}” begins on {starts_at} at {venue}. Have your code at hand.",
        page=_RESERVATION,
        template=Template.RESERVATION,
        is_urgent=True,
        useful_until="starts_at",
    ),
    "reminder.booking_day": Wording(
        "明天用场地",
        "Your booking is tomorrow",
        "您预订的{venue}将于{starts_at}开始使用。不用请提前取消。",
        "Your booking of {venue} begins on {starts_at}. If you don't need it, please cancel in time.",
        page=_BOOKING,
        template=Template.BOOKING,
        useful_until="starts_at",
    ),
    "reminder.booking_hour": Wording(
        "场地即将开始使用",
        "Your booking begins soon",
        "您预订的{venue}将于{starts_at}开始使用，到场请签到。",
        "Your booking of {venue} begins on {starts_at}. Please check in when you come.",
        page=_BOOKING,
        template=Template.BOOKING,
        is_urgent=True,
        useful_until="starts_at",
    ),
    "appeal.decided": Wording(
        "申诉有结果",
        "Your appeal is decided",
        "您就“{activity}”（{starts_at}）未到记录的申诉{status}。[说明：{note}]",
        "Your appeal about “{activity}” ({starts_at}) is {status}.[ Note: {note}]",
        page=_RESERVATION,
        words={"status": {"upheld": ("成立，记录已撤销", "upheld"), "dismissed": ("未获支持", "dismissed")}},
    ),
    "points.expiring": Wording(
        "积分即将到期",
        "Points will lapse",
        "您有 {amount} 积分在{on}当天结束时到期，请及时使用。",
        "{amount} of your points lapse at the end of {on}.",
        page="pages/points",
        template=Template.POINTS,
    ),
    "rulebook.changed": Wording(
        "积分规则有调整",
        "The rules change",
        "《{rulebook}》第 {number} 版自{effective_from}起施行，您已有的预约适用新规则。",
        "Version {number} of “{rulebook}” takes effect on {effective_from}. It holds for your reservations too.",
        page="pages/rulebook",
    ),
    "booking.confirmed": Wording(
        "场地预订成功",
        "Booked",
        "{venue}，{starts_at}至{ends_at}，已为您订好。[说明：{reason}]",
        "{venue} is yours from {starts_at} to {ends_at}.[ Note: {reason}]",
        page=_BOOKING,
        template=Template.BOOKING,
        useful_until="starts_at",
    ),
    "booking.rejected": Wording(
        "场地申请未通过",
        "Your request was declined",
        "{venue}，{starts_at}至{ends_at}的申请未通过。[原因：{reason}]",
        "Your request for {venue} from {starts_at} to {ends_at} was declined.[ Reason: {reason}]",
        page=_BOOKING,
        template=Template.BOOKING,
        useful_until="starts_at",
    ),
    "booking.cancelled": Wording(
        "场地预订已取消",
        "Your booking is cancelled",
        "{venue}，{starts_at}至{ends_at}的预订已取消。[原因：{reason}]",
        "Your booking of {venue} from {starts_at} to {ends_at} is cancelled.[ Reason: {reason}]",
        page=_BOOKING,
        template=Template.BOOKING,
        is_urgent=True,
        useful_until="starts_at",
    ),
    "booking.released": Wording(
        "场地已释放",
        "Your booking was released",
        "您没有按时到场，{venue}（{starts_at}）的预订已释放，并记为未到。",
        "You didn't come in time, so {venue} ({starts_at}) is free for others, and you were noted as missing.",
        page=_BOOKING,
    ),
    "booking.expired": Wording(
        "场地申请未及时处理",
        "Your request has lapsed",
        "{venue}（{starts_at}）的申请在开始前没有得到处理，已自动失效，积分已退回。",
        "Nobody decided on your request for {venue} ({starts_at}) in time. It has lapsed, and held points are back.",
        page=_BOOKING,
        template=Template.BOOKING,
    ),
    "booking.requested": Wording(
        "有场地申请待处理",
        "A room is asked for",
        "{venue}，{starts_at}至{ends_at}，等待处理。",
        "{venue}, from {starts_at} to {ends_at}: somebody has to decide.",
        to_staff=True,
        roles=(Role.SCANNER, Role.ORGANISER, Role.MANAGER),
    ),
    "series.clash": Wording(
        "系列活动有一场排不进",
        "A session of a series found no room",
        "“{activity}”{starts_at}这一场与场地的其他安排冲突，没有生成。",
        "The session of “{activity}” on {starts_at} meets another use of the room and was not made.",
        to_staff=True,
        roles=(Role.ORGANISER, Role.MANAGER),
    ),
    "service.counted": Wording(
        "服务时长已计入",
        "Service time counted",
        "{served_on}的志愿服务 {minutes} 分钟已计入您的服务时长。",
        "{minutes} minutes of service on {served_on} were counted for you.",
        page="pages/volunteering",
    ),
    "service.declined": Wording(
        "服务时长未计入",
        "Service time not counted",
        "{served_on}的志愿服务 {minutes} 分钟未获认可。",
        "{minutes} minutes of service on {served_on} were not accepted.",
        page="pages/volunteering",
    ),
    "service.voided": Wording(
        "服务时长被撤销",
        "Service time taken back",
        "{served_on}的志愿服务 {minutes} 分钟的记录已撤销。",
        "The record of {minutes} minutes of service on {served_on} was taken back.",
        page="pages/volunteering",
    ),
    "proxy.recorded": Wording(
        "代办授权已登记",
        "A proxy is on record",
        "一项代办授权已登记。如非本人意愿，请在“代办”中解除或联系社区。",
        "A proxy was recorded. If you didn't want that, end it or tell the community.",
        page="pages/proxies",
        to=("principal_id", "agent_id"),
    ),
    "proxy.ended": Wording(
        "代办授权已结束",
        "A proxy has ended",
        "一项代办授权已结束。",
        "A proxy has ended.",
        page="pages/proxies",
        to=("principal_id", "agent_id"),
    ),
    "announcement.published": Wording(
        "{title}",
        "{title}",
        "{excerpt}",
        "{excerpt}",
        page="pages/announcement?id={announcement_id}",
        template=Template.ANNOUNCEMENT,
    ),
    "repair.submitted": Wording(
        "有新的报修",
        "A new repair",
        "{place}报修：{category}，请在{due_at}前派单。",
        "{category} ({place}): please send somebody before {due_at}.",
        page=_REPAIR,
        to_staff=True,
        roles=(Role.PROPERTY, Role.MANAGER),
        words={"place": REPAIR_PLACES},
    ),
    "repair.late": Wording(
        "报修超时",
        "A repair is late",
        "{place}报修：{category}，应在{due_at}前处理，已超时。",
        "{category} ({place}) should have moved on by {due_at}.",
        page=_REPAIR,
        to_staff=True,
        roles=(Role.PROPERTY, Role.MANAGER),
        words={"place": REPAIR_PLACES},
    ),
    "repair.assigned": Wording(
        "报修已派单",
        "Somebody is sent",
        "您的报修（{category}）已派单[，{visit_at}上门][。{note}]",
        "Your repair ({category}) was taken on[; the visit is on {visit_at}][. {note}]",
        page=_REPAIR,
        template=Template.REPAIR,
    ),
    "repair.visit": Wording(
        "上门时间",
        "A visit is planned",
        "您的报修（{category}）定于{visit_at}上门[。{note}]",
        "Somebody comes for your repair ({category}) on {visit_at}[. {note}]",
        page=_REPAIR,
        template=Template.REPAIR,
        useful_until="visit_at",
    ),
    "repair.done": Wording(
        "维修完成，请您确认",
        "Done: please confirm",
        "您的报修（{category}）已完成，请在{due_at}前确认或要求返修，逾期视为确认。",
        "Your repair ({category}) is done. Please confirm or reopen it before {due_at}; after that it counts as confirmed.",
        page=_REPAIR,
        template=Template.REPAIR,
    ),
    "repair.rejected": Wording(
        "报修未受理",
        "Turned down",
        "您的报修（{category}）未被受理。[原因：{note}]",
        "Your repair ({category}) was turned down.[ Reason: {note}]",
        page=_REPAIR,
        template=Template.REPAIR,
    ),
    "repair.overdue": Wording(
        "报修处理超时",
        "Your repair is late",
        "您的报修（{category}）应在{due_at}前有进展，物业已超时，街道可以看到。您可以联系物业或投诉。",
        "Your repair ({category}) should have moved on by {due_at}. The street sees that too; you may call or complain.",
        page=_REPAIR,
    ),
    "repair.confirm_soon": Wording(
        "请确认维修结果",
        "Please confirm",
        "您的报修（{category}）将在{due_at}自动确认，如有问题请尽快要求返修。",
        "Your repair ({category}) counts as confirmed from {due_at} on. Please reopen it before if something is wrong.",
        page=_REPAIR,
        template=Template.REPAIR,
        useful_until="due_at",
    ),
    "repair.auto_confirmed": Wording(
        "报修已自动确认",
        "Confirmed by time",
        "您的报修（{category}）到期未答复，已视为确认，仍可在期限内要求返修或评价。",
        "Nobody answered, so your repair ({category}) counts as confirmed. You may still reopen or rate it for some days.",
        page=_REPAIR,
    ),
    "complaint.answered": Wording(
        "您的意见有答复了",
        "You were answered",
        "您对物业的投诉或表扬已有答复，请查看。",
        "What you had to say of the property company was answered.",
        page=_COMPLAINT,
        template=Template.REPAIR,
    ),
    "complaint.overdue": Wording(
        "答复超时",
        "The answer is late",
        "您的意见没有在期限内得到答复，街道可以看到。",
        "What you had to say wasn't answered in time; the street sees that.",
        page=_COMPLAINT,
    ),
    "content.refused": Wording(
        "您发布的内容未公开",
        "What you wrote isn't shown",
        "您的{kind}未通过审核，其他人看不到[，原因：{reason}]。您可以修改后重新发布，或申诉一次。",
        "Your {kind} was not passed, so others don't see it[: {reason}]. You may change it, or appeal once.",
        page="pages/my-contents?id={content_id}",
        words={"kind": CONTENT_KINDS},
    ),
    "content.restored": Wording(
        "您发布的内容已恢复",
        "What you wrote is shown again",
        "您的{kind}已恢复公开。",
        "Your {kind} is shown again.",
        page="pages/my-contents?id={content_id}",
        words={"kind": CONTENT_KINDS},
    ),
    "report.decided": Wording(
        "您的举报已处理",
        "Your report was decided on",
        "您举报的内容{outcome}，感谢您的监督。",
        "Of what you reported: {outcome}. Thank you.",
        page="pages/my-reports?id={report_id}",
        words={
            "outcome": {
                "upheld": ("已下架", "it was taken down"),
                "dismissed": ("经核查未发现违规", "nothing was found wrong with it"),
            }
        },
    ),
    "redemption.ready": Wording(
        "兑换成功",
        "Redeemed",
        "「{title}」{quantity} 件已为您留好，请在{until}前凭兑换码领取[，地点：{pick_up_at}]。",
        "{quantity} of “{title}” are set aside for you. Show your code before {until}[ at {pick_up_at}].",
        page=_REDEMPTION,
        template=Template.REDEMPTION,
        useful_until="until",
    ),
    "redemption.lapsing": Wording(
        "兑换即将过期",
        "Your redemption lapses soon",
        "「{title}」还没有领取，{until}后失效[，领取地点：{pick_up_at}]。",
        "“{title}” waits for you until {until}[ at {pick_up_at}].",
        page=_REDEMPTION,
        template=Template.REDEMPTION,
        useful_until="until",
    ),
    "redemption.lapsed": Wording(
        "兑换已过期",
        "Your redemption has lapsed",
        "「{title}」逾期未领，退回积分 {points} 分。",
        "“{title}” wasn't picked up in time. Points given back: {points}.",
        page=_REDEMPTION,
    ),
    "redemption.refunded": Wording(
        "兑换已退回",
        "Your points are back",
        "「{title}」由商家退回，{points} 分已返还。原因：{reason}",
        "The merchant can't give you “{title}”; {points} points are back. Reason: {reason}",
        page=_REDEMPTION,
        template=Template.REDEMPTION,
    ),
    "redemption.substitute_offered": Wording(
        "缺货，可换其他物品",
        "Something else instead",
        "「{title}」缺货，商家提出换为「{substitute}」，请在{until}前答复；不换则退回积分。",
        "“{title}” has run out; “{substitute}” is offered instead. Please answer before {until}, or get your points back.",
        page=_REDEMPTION,
        template=Template.REDEMPTION,
        useful_until="until",
    ),
    "redemption.substituted": Wording(
        "已换为其他物品",
        "You get something else",
        "「{title}」已换为「{substitute}」，退回差额 {points} 分，请凭原兑换码领取。",
        "“{substitute}” takes the place of “{title}”; {points} points are back. Your code stays the same.",
        page=_REDEMPTION,
    ),
    "donation.returned": Wording(
        "捐赠积分已退回",
        "Your donation is back",
        "「{title}」已取消，您捐赠的 {points} 分已退回。",
        "“{title}” was cancelled; the {points} points that you gave are back.",
        page="pages/my-donations",
    ),
    "group.request": Wording(
        "有人申请加入小组",
        "Somebody asks to join your group",
        "有邻居申请加入您管理的小组“{group}”，请在 14 天内处理。",
        "A neighbour asks to join “{group}”, which you run. Please answer within 14 days.",
        page="pages/group/requests?id={group_id}",
    ),
    "group.accepted": Wording(
        "入组申请已通过",
        "You are in",
        "您已成为小组“{group}”的成员。",
        "You are a member of “{group}” now.",
        page=_GROUP,
        template=Template.GROUP,
    ),
    "group.refused": Wording(
        "入组申请未通过",
        "Your request was refused",
        "小组“{group}”没有通过您的加入申请。",
        "“{group}” didn't accept your request to join.",
        page=_GROUP,
        template=Template.GROUP,
    ),
    "group.request_lapsed": Wording(
        "入组申请已过期",
        "Your request has lapsed",
        "您的入组申请 14 天内没有得到处理，可以再次申请。",
        "Nobody answered your request to join a group within 14 days. You may ask again.",
        page=_GROUP,
    ),
    "group.removed": Wording(
        "您已被移出小组",
        "You were removed from a group",
        "您已被移出小组“{group}”，如有疑问请联系社区工作人员。",
        "You were removed from “{group}”. If you wonder why, please ask the community's staff.",
    ),
    "group.role_changed": Wording(
        "您在小组里的角色有变",
        "You have another role in a group",
        "您现在是小组“{group}”的{role}。",
        "You are now {role} of “{group}”.",
        page=_GROUP,
        words={"role": {"owner": ("组长", "owner"), "manager": ("管理员", "manager"), "member": ("成员", "member")}},
    ),
    "group.closed": Wording(
        "小组已解散",
        "A group was closed",
        "您所在的小组“{group}”已解散[，原因：{reason}]。",
        "Your group “{group}” was closed[. Reason: {reason}].",
    ),
    "group.announcement": Wording(
        "小组有新公告",
        "A new announcement in your group",
        "小组“{group}”发布了新公告，点开查看。",
        "There is a new announcement in “{group}”.",
        page=_GROUP,
    ),
    "group.meetup_cancelled": Wording(
        "小组聚会已取消",
        "A meet-up was called off",
        "您报名的聚会“{title}”（{starts_at}）已取消。",
        "The meet-up “{title}” ({starts_at}) that you signed up for was called off.",
        page="pages/group/meetup?id={meetup_id}",
        template=Template.GROUP,
        is_urgent=True,
        useful_until="starts_at",
    ),
    "group.proposal_decided": Wording(
        "活动提议有了答复",
        "Your proposal was answered",
        "您小组的活动提议“{title}”{decision}[，说明：{note}]。",
        "Your group's proposal “{title}” {decision}[. Note: {note}].",
        page=_GROUP,
        words={"decision": {"accepted": ("已被采纳", "was accepted"), "refused": ("未被采纳", "was refused")}},
    ),
    "post.response": Wording(
        "有人回应您的找搭子",
        "Somebody is in",
        "有邻居回应了您发布的找搭子信息，点开查看。",
        "A neighbour responded to your post.",
        page=_POST,
        template=Template.GROUP,
    ),
    "post.accepted": Wording(
        "搭子找到了",
        "You found company",
        "对方接受了您的回应，可以互相留言了。",
        "Your response was accepted; you can write to each other now.",
        page=_POST,
        template=Template.GROUP,
    ),
    "post.declined": Wording(
        "对方没有接受您的回应",
        "Not this time",
        "您回应的找搭子信息，对方没有接受。",
        "Your response to a post wasn't accepted.",
        page=_POST,
    ),
    "post.ended": Wording(
        "找搭子信息已结束",
        "A post is over",
        "您回应的找搭子信息已结束，对方没有再答复。",
        "The post that you responded to is over.",
    ),
    "post.message": Wording(
        "搭子给您留言了",
        "A message from your company",
        "您的搭子给您留了言，点开查看。",
        "Somebody whom you found by a post wrote to you.",
        page="pages/partner/messages?id={response_id}",
    ),
    "post.lapsing": Wording(
        "您的找搭子信息即将到期",
        "Your post lapses soon",
        "您发布的找搭子信息将于{lapses_at}到期。",
        "Your post lapses on {lapses_at}.",
        page=_POST,
    ),
    "erasure.asked": Wording(
        "注销申请已提交",
        "You asked to be erased",
        "您的账号将在{due_at}之后注销，在此之前可以撤回。如非本人操作，请立即撤回并联系社区。",
        "Your account will be erased after {due_at}; until then you can take it back. If it wasn't you, do so now.",
        page="pages/me/erasure",
        is_urgent=True,
    ),
    "merging.asked": Wording(
        "有档案合并待处理",
        "Two records may be one person",
        "有居民申请将微信账号与社区登记的档案合并，请核对后处理。",
        "A resident asks to join an account with a record of the desk: somebody has to decide.",
        to_staff=True,
    ),
    "merging.done": Wording(
        "档案已合并",
        "Your records were joined",
        "您的微信账号已与社区登记的档案合并[，转入 {points} 分]。",
        "Your account was joined with the desk's record of you[; {points} points were moved].",
        page="pages/me",
    ),
    "merging.declined": Wording(
        "档案没有合并",
        "Your records weren't joined",
        "社区没有合并您的档案[，原因：{reason}]。",
        "The community left your records as they are[. Reason: {reason}].",
    ),
    "household.requested": Wording(
        "有人申请加入您的家庭",
        "Somebody asks to join your household",
        "有居民申请登记到您的家庭，请确认是否为您的家人。",
        "Somebody says that they live with you. Please say whether that is so.",
        page="pages/me/household",
    ),
    "household.answered": Wording(
        "加入家庭的申请有了答复",
        "Your request was answered",
        "您加入家庭的申请{answer}。",
        "Your request to join a household {answer}.",
        page="pages/me/household",
        words={"answer": {"accepted": ("已通过", "was accepted"), "declined": ("未通过", "was declined")}},
    ),
    "job.failed": Wording(
        "定时任务失败",
        "A job failed",
        "定时任务 {job}（{slot}）执行失败，请在运行状态页查看。",
        "The job {job} ({slot}) failed. Please look into the page of jobs.",
        to_staff=True,
        roles=(Role.AUDITOR,),
    ),
    "job.missed": Wording(
        "定时任务未按时执行",
        "A job was missed",
        "定时任务 {job}（{slot}）没有按时开始，请在运行状态页查看。",
        "The job {job} ({slot}) wasn't begun in time. Please look into the page of jobs.",
        to_staff=True,
        roles=(Role.AUDITOR,),
    ),
    "webhook.disabled": Wording(
        "回调地址已停用",
        "A webhook is disabled",
        "回调地址“{description}”多次没有接收成功（{failure}），已停用。修好后请重新启用。",
        "The webhook “{description}” didn't take its calls ({failure}) and is called no more. Enable it once it is mended.",
        to_staff=True,
        roles=(),
    ),
}
