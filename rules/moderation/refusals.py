"""What moderation refuses, and in which words."""

from __future__ import annotations

from rules.errors import Kind, RuleError


class ContentRefused(RuleError):
    """`zh`, `en`: what is in the text and must be changed, in words."""

    code = "content.refused"
    kind = Kind.INVALID
    zh = "内容里有不能发布的部分：{findings}。请修改后再提交。"
    en = "This text can't be published because of {findings}. Please change it and send it again."


class ContentUnknown(RuleError):
    code = "content.unknown"
    kind = Kind.UNKNOWN
    zh = "没有这条内容，或它已不再显示。"
    en = "There is no such content, or it is no longer shown."


class ContentDecided(RuleError):
    code = "content.decided"
    kind = Kind.CONFLICT
    zh = "这条内容已有人处理，目前没有待办事项。"
    en = "Somebody has decided on this content already; nothing is left to do."


class AnotherHasToDecide(RuleError):
    code = "content.another_has_to_decide"
    kind = Kind.FORBIDDEN
    zh = "这条内容由您拒绝或发布，须由另一位管理员处理申诉或举报。"
    en = "You refused or wrote this, so another manager has to decide on it."


class ContentNotPassed(RuleError):
    code = "content.not_passed"
    kind = Kind.CONFLICT
    zh = "这条内容目前没有公开，无需下架。"
    en = "This content isn't public, so it can't be taken down."


class ContentNotRefused(RuleError):
    code = "content.not_refused"
    kind = Kind.CONFLICT
    zh = "这条内容没有被拒绝或下架。"
    en = "This content isn't refused or taken down."


class AlreadyAppealed(RuleError):
    code = "content.appealed_already"
    kind = Kind.CONFLICT
    zh = "这条内容已经申诉过了。"
    en = "There has been an appeal for this content already."


class AlreadyReported(RuleError):
    code = "content.reported_already"
    kind = Kind.CONFLICT
    zh = "您已经举报过这条内容，我们会尽快处理。"
    en = "You have reported this content already; we are looking at it."


class OwnContent(RuleError):
    code = "content.own"
    kind = Kind.CONFLICT
    zh = "这是您自己发布的内容，不能举报，可以删除。"
    en = "This is your own content. You can't report it, but you can delete it."


class TermsOutdated(RuleError):
    code = "moderation.terms_outdated"
    kind = Kind.CONFLICT
    zh = "生效时间须晚于现在，且不能与已设定的规则相同。"
    en = "New terms must come into force later than now, and at another moment than those that are set already."
