"""Why something among neighbours can't be done."""

from __future__ import annotations

from rules.errors import Kind, RuleError


class GroupUnknown(RuleError):
    code = "group.unknown"
    kind = Kind.UNKNOWN
    zh = "没有这个小组，或它已解散。"
    en = "There is no such group, or it was closed."


class GroupFull(RuleError):
    code = "group.full"
    kind = Kind.CONFLICT
    zh = "小组人数已满。"
    en = "The group is full."


class AlreadyMember(RuleError):
    code = "group.already_member"
    kind = Kind.CONFLICT
    zh = "您已经是这个小组的成员。"
    en = "You are a member of this group already."


class NotMember(RuleError):
    code = "group.not_a_member"
    kind = Kind.FORBIDDEN
    zh = "只有小组成员可以这样做，请先加入小组。"
    en = "Only members of the group can do this. Please join it first."


class NotGroupManager(RuleError):
    code = "group.not_a_manager"
    kind = Kind.FORBIDDEN
    zh = "只有小组的组长或管理员可以这样做。"
    en = "Only the owner or a manager of the group can do this."


class NotGroupOwner(RuleError):
    code = "group.not_the_owner"
    kind = Kind.FORBIDDEN
    zh = "只有小组的组长可以这样做。"
    en = "Only an owner of the group can do this."


class LastOwner(RuleError):
    code = "group.last_owner"
    kind = Kind.CONFLICT
    zh = "您是唯一的组长。请先把小组移交给别人，或解散小组。"
    en = "You are the group's only owner. Please hand it over first, or close the group."


class MemberUnknown(RuleError):
    code = "group.member_unknown"
    kind = Kind.UNKNOWN
    zh = "小组里没有这位成员。"
    en = "There is no such member of the group."


class RemovedBefore(RuleError):
    code = "group.removed_before"
    kind = Kind.CONFLICT
    zh = "您曾被移出这个小组，需要管理员的邀请码才能再次加入。"
    en = "You were removed from this group, so you need an invitation of its managers to join it again."


class InvitationNeeded(RuleError):
    code = "group.invitation_needed"
    kind = Kind.CONFLICT
    zh = "这个小组凭邀请码加入。"
    en = "This group is joined by invitation."


class InvitationInvalid(RuleError):
    code = "group.invitation_invalid"
    kind = Kind.CONFLICT
    zh = "邀请码无效、已过期或已用完。"
    en = "This invitation isn't valid, has expired or is used up."


class InvitationUnknown(RuleError):
    code = "group.invitation_unknown"
    kind = Kind.UNKNOWN
    zh = "没有这个邀请码，或它已经收回。"
    en = "There is no such invitation, or it was taken back."


class AlreadyRequested(RuleError):
    code = "group.already_requested"
    kind = Kind.CONFLICT
    zh = "您的申请正在等待处理。"
    en = "Your request is waiting for an answer already."


class RequestUnknown(RuleError):
    code = "group.request_unknown"
    kind = Kind.UNKNOWN
    zh = "没有这个申请，或它已经处理、撤回或过期。"
    en = "There is no such request, or it was answered, withdrawn or has lapsed."


class MemberMaxBelowMembers(RuleError):
    code = "group.member_max_below_members"
    kind = Kind.CONFLICT
    zh = "小组已有 {members} 人，人数上限不能更小。"
    en = "The group has {members} members; its maximum can't be below that."


class MeetupUnknown(RuleError):
    code = "meetup.unknown"
    kind = Kind.UNKNOWN
    zh = "没有这次聚会。"
    en = "There is no such meet-up."


class MeetupTimesInvalid(RuleError):
    code = "meetup.times_invalid"
    kind = Kind.INVALID
    zh = "聚会须在 {days} 天内开始，先开始后结束，且不超过 {hours} 小时。"
    en = "A meet-up begins within {days} days from now, ends after it begins and lasts {hours} hours at most."


class MeetupFull(RuleError):
    code = "meetup.full"
    kind = Kind.CONFLICT
    zh = "聚会名额已满。"
    en = "The meet-up is full."


class MeetupOver(RuleError):
    code = "meetup.over"
    kind = Kind.CONFLICT
    zh = "聚会已取消或已经开始。"
    en = "The meet-up was cancelled or has begun."


class AlreadyGoing(RuleError):
    code = "meetup.already_going"
    kind = Kind.CONFLICT
    zh = "您已经报名这次聚会。"
    en = "You are going to this meet-up already."


class NotGoing(RuleError):
    code = "meetup.not_going"
    kind = Kind.CONFLICT
    zh = "您没有报名这次聚会。"
    en = "You aren't going to this meet-up."


class ProposalUnknown(RuleError):
    code = "group.proposal_unknown"
    kind = Kind.UNKNOWN
    zh = "没有这个活动提议，或它已经处理。"
    en = "There is no such proposal, or it was decided already."


class ProposalIncomplete(RuleError):
    code = "group.proposal_needs_an_operator"
    kind = Kind.INVALID
    zh = "采纳提议须指定运营方 operator_id。"
    en = "To accept a proposal, say which operator runs the activity (operator_id)."


class ActivityOfAnotherGroup(RuleError):
    code = "group.activity_of_another"
    kind = Kind.CONFLICT
    zh = "这个活动已归属另一个小组。"
    en = "This activity is another group's."


class GroupPostUnknown(RuleError):
    code = "group.post_unknown"
    kind = Kind.UNKNOWN
    zh = "没有这条动态，或它已删除。"
    en = "There is no such post, or it was removed."


class PartnerPostUnknown(RuleError):
    code = "post.unknown"
    kind = Kind.UNKNOWN
    zh = "没有这条找搭子信息，或它已结束。"
    en = "There is no such post, or it is over."


class LapseInvalid(RuleError):
    code = "post.lapse_invalid"
    kind = Kind.INVALID
    zh = "结束时间须晚于现在，并在 {days} 天以内。"
    en = "A post lapses later than now, and within {days} days."


class OwnPost(RuleError):
    code = "post.own"
    kind = Kind.CONFLICT
    zh = "这是您自己发布的信息。"
    en = "This is your own post."


class AlreadyResponded(RuleError):
    code = "post.already_responded"
    kind = Kind.CONFLICT
    zh = "您已经回应过这条信息。"
    en = "You have responded to this post already."


class ResponseUnknown(RuleError):
    code = "post.response_unknown"
    kind = Kind.UNKNOWN
    zh = "没有这个回应，或它已处理、撤回。"
    en = "There is no such response, or it was answered or withdrawn."


class PartnersFound(RuleError):
    code = "post.partners_found"
    kind = Kind.CONFLICT
    zh = "人数已满，或这条信息已结束。"
    en = "All the partners that were wanted are found, or the post is over."


class GroupWordsNeeded(RuleError):
    code = "group.words_needed"
    kind = Kind.INVALID
    zh = "小组原来的名称和介绍没有通过审核，请把名称和介绍都重新填写。"
    en = "The group's name and words did not pass the check. Please write both anew."


class CardUnknown(RuleError):
    code = "card.unknown"
    kind = Kind.UNKNOWN
    zh = "对方没有公开名片。"
    en = "There is no card to see."


class CardIncomplete(RuleError):
    code = "card.incomplete"
    kind = Kind.INVALID
    zh = "开启名片前请先填写昵称。"
    en = "Please say how you want to be called before you turn your card on."


class TooYoung(RuleError):
    code = "social.too_young"
    kind = Kind.FORBIDDEN
    zh = "未满 {years} 周岁不能开通名片、发布或回应找搭子信息。"
    en = "Below {years} years of age there is no card, and no looking for company."


class GroupLimitReached(RuleError):
    code = "group.limit_reached"
    kind = Kind.CONFLICT
    zh = "您创办的小组已达上限 {most} 个。"
    en = "You have founded {most} groups that exist, which is the limit."


class ResidentSuspended(RuleError):
    code = "social.suspended"
    kind = Kind.FORBIDDEN
    zh = "您的账号已被停用，不能发布或加入，请联系社区工作人员。"
    en = "Your account is suspended, so you can't write or join. Please ask the community's staff."


class BlockUnknown(RuleError):
    code = "block.unknown"
    kind = Kind.UNKNOWN
    zh = "没有这条屏蔽记录，或没有这个人。"
    en = "There is no such block, or no such person."


class BlockSelf(RuleError):
    code = "block.self"
    kind = Kind.CONFLICT
    zh = "不能屏蔽自己。"
    en = "You can't block yourself."
