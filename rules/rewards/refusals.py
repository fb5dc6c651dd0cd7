"""Why something isn't redeemed, handed out, or offered."""

from __future__ import annotations

from rules.errors import Kind, RuleError


class RewardUnknown(RuleError):
    code = "reward.unknown"
    kind = Kind.UNKNOWN
    zh = "没有这个兑换项目。"
    en = "There is no such reward."


class RewardNotOffered(RuleError):
    code = "reward.not_offered"
    kind = Kind.CONFLICT
    zh = "「{title}」现在不能兑换（未上架或已下架）。"
    en = "“{title}” can't be redeemed now: it isn't published."


class RewardSoldOut(RuleError):
    code = "reward.sold_out"
    kind = Kind.CONFLICT
    zh = "「{title}」剩余 {left} 件，不够兑换。"
    en = "Only {left} of “{title}” are left."


class RewardPriceChanged(RuleError):
    code = "reward.price_changed"
    kind = Kind.CONFLICT
    zh = "「{title}」的价格已变为每件 {price} 分。"
    en = "“{title}” now costs {price} points apiece."


class RewardChanged(RuleError):
    code = "reward.changed"
    kind = Kind.CONFLICT
    zh = "「{title}」的内容已被修改，请重新查看后再处理。"
    en = "“{title}” was changed since you saw it. Please look at it again."


class RewardClosed(RuleError):
    code = "reward.closed"
    kind = Kind.CONFLICT
    zh = "「{title}」现在不在兑换时间内：{when}。"
    en = "“{title}” isn't redeemed at this time ({when})."


class TooManyPieces(RuleError):
    code = "reward.too_many"
    kind = Kind.INVALID
    zh = "一次最多兑换 {most} 件。"
    en = "At most {most} at a time."


class PersonalLimitReached(RuleError):
    code = "reward.limit_reached"
    kind = Kind.CONFLICT
    zh = "「{title}」每人{period}最多兑换 {most} 件。"
    en = "At most {most} of “{title}” for each person ({period})."


class RewardOutsideTerritory(RuleError):
    code = "reward.outside_territory"
    kind = Kind.FORBIDDEN
    zh = "本项目只面向{place}的居民。"
    en = "This reward is for residents of {place} only."


class RewardAgeUnfit(RuleError):
    code = "reward.age_unfit"
    kind = Kind.FORBIDDEN
    zh = "本项目只面向 {ages} 岁的居民；没有填写生日的，请先填写。"
    en = "This reward is for residents of age {ages}; who has told no birthday, please do so first."


class LevelTooLow(RuleError):
    code = "reward.level_too_low"
    kind = Kind.FORBIDDEN
    zh = "本项目需要达到「{level}」。"
    en = "This reward needs the level “{level}”."


class ResidentSuspended(RuleError):
    code = "redemption.account_suspended"
    kind = Kind.FORBIDDEN
    zh = "该账号已暂停使用，请联系社区工作人员。"
    en = "This account is suspended. Please ask the community's staff."


class RedemptionNotOffered(RuleError):
    code = "redemption.not_offered"
    kind = Kind.CONFLICT
    zh = "按现行积分规则，积分不能用于此项。"
    en = "The rulebook in force doesn't let points be spent on this."


class RedemptionSuspended(RuleError):
    code = "redemption.suspended"
    kind = Kind.FORBIDDEN
    zh = "兑换资格暂停中：{sentence}。"
    en = "Redeeming is suspended by the rulebook: {sentence}."


class RedemptionNotEligible(RuleError):
    code = "redemption.not_eligible"
    kind = Kind.FORBIDDEN
    zh = "不符合兑换条件：{sentence}。"
    en = "The rulebook's conditions aren't met: {sentence}."


class RedemptionWindowClosed(RuleError):
    code = "redemption.outside_window"
    kind = Kind.CONFLICT
    zh = "今天不能兑换：{sentence}。"
    en = "The rulebook lets nothing be redeemed today: {sentence}."


class RedemptionLimitReached(RuleError):
    code = "redemption.limit_reached"
    kind = Kind.CONFLICT
    zh = "已达积分规则的兑换上限：{sentence}。"
    en = "The rulebook's limit is reached: {sentence}."


class RedemptionOutOfBounds(RuleError):
    code = "redemption.out_of_bounds"
    kind = Kind.CONFLICT
    zh = "定价不合积分规则：{sentence}。"
    en = "The price isn't what the rulebook allows: {sentence}."


class RedemptionUnknown(RuleError):
    code = "redemption.unknown"
    kind = Kind.UNKNOWN
    zh = "没有这个兑换，或兑换码不对。"
    en = "There is no such redemption, or the code is wrong."


class WrongCode(RedemptionUnknown):
    """The same, kept count of: how many wrong codes somebody sends within an hour is limited."""

    keeps_work = True


class RedemptionOver(RuleError):
    code = "redemption.over"
    kind = Kind.CONFLICT
    zh = "这个兑换已经{state}，不能再办理。"
    en = "This redemption is settled already ({state})."


class RedemptionLapsed(RuleError):
    code = "redemption.lapsed"
    kind = Kind.CONFLICT
    zh = "兑换码已过领取期限（{until}）。"
    en = "The time for picking this up is over (until {until})."


class NotRefundable(RuleError):
    code = "redemption.not_refundable"
    kind = Kind.CONFLICT
    zh = "按积分规则，兑换后不能自行取消；缺货等情况请联系商家。"
    en = "By the rulebook this can't be cancelled by you; if it is out of stock, please ask the merchant."


class FeeUnpaid(RuleError):
    code = "redemption.fee_unpaid"
    kind = Kind.CONFLICT
    zh = "请先收取现金 {yuan} 元并确认。"
    en = "Please take the fee of {yuan} yuan first, and say so."


class TooManyWrongCodes(RuleError):
    code = "redemption.too_many_wrong_codes"
    kind = Kind.TOO_MANY
    zh = "一小时内输错兑换码 {most} 次，请稍后再试。"
    en = "{most} wrong codes within an hour. Please wait before trying again."


class NotSubstitutable(RuleError):
    code = "redemption.not_substitutable"
    kind = Kind.CONFLICT
    zh = "按积分规则，此项不能换成其他物品；请退还积分。"
    en = "By the rulebook nothing else is given instead; please give the points back."


class SubstituteUnfit(RuleError):
    code = "redemption.substitute_unfit"
    kind = Kind.INVALID
    zh = "替换物品须是同一商家已上架、价格不高于原物品的另一项。"
    en = "A substitute is another published reward of the same merchant that costs no more."


class NoSubstituteOffered(RuleError):
    code = "redemption.no_substitute"
    kind = Kind.CONFLICT
    zh = "这个兑换没有待确认的替换。"
    en = "No substitute waits for an answer."


class NoCounter(RuleError):
    code = "reward.no_counter"
    kind = Kind.FORBIDDEN
    zh = "您不代表任何商家，也不负责社区的兑换点。"
    en = "You act for no merchant, and for no counter of the community."


class RewardFieldsUnfit(RuleError):
    code = "reward.fields_unfit"
    kind = Kind.INVALID
    zh = "兑换项目填写有误：{reason}。"
    en = "The reward can't be like this: {reason}."


class RewardStateUnfit(RuleError):
    code = "reward.state_unfit"
    kind = Kind.CONFLICT
    zh = "兑换项目当前状态不能这样办理。"
    en = "The reward's state doesn't allow this."


class StockTooLow(RuleError):
    code = "reward.stock_too_low"
    kind = Kind.CONFLICT
    zh = "库存不能低于已兑换的 {taken} 件。"
    en = "The stock can't be below the {taken} that were redeemed."


class CauseUnknown(RuleError):
    code = "cause.unknown"
    kind = Kind.UNKNOWN
    zh = "没有这个捐赠项目。"
    en = "There is no such cause."


class CauseClosed(RuleError):
    code = "cause.closed"
    kind = Kind.CONFLICT
    zh = "「{title}」已结束，不再接受捐赠。"
    en = "“{title}” is over and takes no more donations."


class CauseEndsEarly(RuleError):
    code = "cause.ends_early"
    kind = Kind.INVALID
    zh = "截止时间须在现在之后。"
    en = "It has to end later than now."
