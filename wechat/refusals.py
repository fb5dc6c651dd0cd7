"""What WeChat refuses, and what that means to a resident."""

from __future__ import annotations

from rules.errors import Kind, RuleError


class CodeInvalid(RuleError):
    code = "wechat.code_invalid"
    kind = Kind.UNAUTHENTICATED
    zh = "微信登录凭证无效、已过期或已被使用，请重新获取后再登录。"
    en = "The WeChat sign-in code is not valid, has expired or was used. Please sign in again with a new wx.login code."


class UserBlocked(RuleError):
    code = "wechat.user_blocked"
    kind = Kind.FORBIDDEN
    zh = "微信判定该账号存在高风险，暂时不能登录，请在微信中查看账号状态。"
    en = "WeChat considers this account a high risk, so it can't sign in. Please check the account in WeChat."


class WechatBusy(RuleError):
    code = "wechat.busy"
    kind = Kind.BUSY
    zh = "微信服务正忙，请稍后再试。"
    en = "WeChat is busy. Please try again in a moment."


class Misconfigured(RuleError):
    code = "wechat.misconfigured"
    kind = Kind.BUSY
    zh = "暂时无法使用微信服务，我们已收到提醒，请稍后再试。"
    en = "WeChat can't be used at the moment. We have been alerted; please try again later."
