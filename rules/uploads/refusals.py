"""Why a picture is not taken, not used or not shown."""

from __future__ import annotations

from rules.errors import Kind, RuleError


class PictureUnreadable(RuleError):
    code = "upload.unreadable"
    kind = Kind.INVALID
    zh = "这个文件不是可以读取的图片，或已损坏。"
    en = "This file is not a picture that can be read, or it is damaged."


class PictureTypeRefused(RuleError):
    code = "upload.type_refused"
    kind = Kind.INVALID
    zh = "只接受 JPEG、PNG 和 WebP 图片，这个文件是 {found}。"
    en = "Only JPEG, PNG and WebP pictures are taken; this file is {found}."


class PictureTooLarge(RuleError):
    code = "upload.too_large"
    kind = Kind.INVALID
    zh = "图片过大：最多 {bytes_max} 字节、{pixels_max} 像素。请压缩后再上传。"
    en = "The picture is too large: {bytes_max} bytes and {pixels_max} pixels at most. Please make it smaller."


class UploadQuotaReached(RuleError):
    code = "upload.quota_reached"
    kind = Kind.TOO_MANY
    zh = "今天上传的图片已达 {uploads_max} 张，请明天再试。"
    en = "You have sent {uploads_max} pictures today, which is the limit. Please go on tomorrow."


class UploadUnknown(RuleError):
    code = "upload.unknown"
    kind = Kind.UNKNOWN
    zh = "没有这张图片，或不是您上传的，或不是为这一用途上传的。"
    en = "There is no such picture, or it isn't yours, or it was sent for another purpose."


class UploadTaken(RuleError):
    code = "upload.taken"
    kind = Kind.CONFLICT
    zh = "这张图片已在使用中。"
    en = "This picture is in use already."


class LinkInvalid(RuleError):
    code = "upload.link_invalid"
    kind = Kind.FORBIDDEN
    zh = "图片链接无效或已过期，请刷新页面。"
    en = "This link to a picture is not valid or has expired. Please load the page again."


#: What `attaching.claim` raises.
CLAIMING = (UploadUnknown, UploadTaken)
