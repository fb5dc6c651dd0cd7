"""What WeChat refuses, and what that means to a resident."""

from __future__ import annotations

from rules.errors import Kind, RuleError


class CodeInvalid(RuleError):
    code = "wechat.code_invalid"
    kind = Kind.UNAUTHENTICATED
    zh = "微信登录凭证无效、已过期或已被使用，请重新获取后再登录。"
    en = "The WeChat sign-in code is not valid, has expired or was used. Please sign in again with a new wx.login code."


class PhoneCodeInvalid(RuleError):
    code = "wechat.phone_code_invalid"
    kind = Kind.INVALID
    zh = "微信手机号凭证无效、已过期或已被使用，请重新点击获取手机号。"
    en = "WeChat's code for the phone number is not valid, has expired or was used. Please tap the button again."


class UserBlocked(RuleError):
    code = "wechat.user_blocked"
    kind = Kind.FORBIDDEN
    zh = "微信判定该账号存在高风险，暂时不能登录，请在微信中查看账号状态。"
    en = "WeChat considers this account a high risk, so it can't sign in. Please check the account in WeChat."


class SubscriptionRefused(RuleError):
    code = "wechat.subscription_refused"
    kind = Kind.CONFLICT
    zh = "用户没有同意接收，或同意的次数已用完。"
    en = "The resident has not agreed to this message, or what they agreed to is used up."


class TemplateWrong(RuleError):
    code = "wechat.template_wrong"
    kind = Kind.INVALID
    zh = "微信不接受这条订阅消息：模板、字段、页面或接收人不正确。"
    en = "WeChat doesn't take this message: its template, a field, its page or whom it is for is wrong."


class OpenidInactive(RuleError):
    code = "wechat.openid_inactive"
    kind = Kind.CONFLICT
    zh = "用户近两小时未使用小程序，微信不能代为检查其内容。"
    en = "WeChat checks content only of those who used the mini-program within two hours."


class CodeImageRefused(RuleError):
    code = "wechat.code_image_refused"
    kind = Kind.INVALID
    zh = "微信不接受这个小程序码的参数或页面。"
    en = "WeChat doesn't take the scene or the page of this code image."


class LinkRefused(RuleError):
    code = "wechat.link_refused"
    kind = Kind.INVALID
    zh = "微信不接受这个链接的页面或有效期。"
    en = "WeChat doesn't take the page or the life of this link."


class WechatBusy(RuleError):
    code = "wechat.busy"
    kind = Kind.BUSY
    zh = "微信服务正忙，请稍后再试。"
    en = "WeChat is busy. Please try again in a moment."


class WechatUnanswered(WechatBusy):
    """The request has left us and no answer came: nobody knows whether it was done."""

    code = "wechat.unanswered"


class TokenRefused(WechatBusy):
    """The access token no longer stands; another one is fetched and the call repeated once."""

    code = "wechat.token_refused"


class Misconfigured(RuleError):
    code = "wechat.misconfigured"
    kind = Kind.BUSY
    zh = "暂时无法使用微信服务，我们已收到提醒，请稍后再试。"
    en = "WeChat can't be used at the moment. We have been alerted; please try again later."
