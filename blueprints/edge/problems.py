"""Errors as RFC 9457 `application/problem+json`: the one place where a refusal becomes an HTTP answer.

`code` is stable and dotted, `detail` a sentence in the caller's language, `errors` says which field is wrong and why.
`type` is a path of this server that explains the code. Nothing of the inside (a statement, a trace, a constraint's name)
leaves through here.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

import orjson
import structlog
from flask import Flask, Response
from marshmallow import Schema, fields
from prometheus_client import Counter
from werkzeug.exceptions import HTTPException

from blueprints.edge.faults import describe_fault
from blueprints.edge.language import ENGLISH, caller_language
from blueprints.edge.messages import in_chinese
from blueprints.edge.request_log import request_id
from rules.errors import Kind, RuleError

REFUSALS = Counter("binfen_refusals_total", "Refusals answered, by code.", ["code"])
#: Where the refusals are that nobody hears but who types commands.
OF_THE_COMMAND_LINE = "rules.administration."
PROBLEM_TYPE = "application/problem+json"
RETRY_SECONDS = 1
STATUS_OF = {
    Kind.MALFORMED: HTTPStatus.BAD_REQUEST,
    Kind.UNAUTHENTICATED: HTTPStatus.UNAUTHORIZED,
    Kind.FORBIDDEN: HTTPStatus.FORBIDDEN,
    Kind.UNKNOWN: HTTPStatus.NOT_FOUND,
    Kind.CONFLICT: HTTPStatus.CONFLICT,
    Kind.INVALID: HTTPStatus.UNPROCESSABLE_ENTITY,
    Kind.TOO_MANY: HTTPStatus.TOO_MANY_REQUESTS,
    Kind.BUSY: HTTPStatus.SERVICE_UNAVAILABLE,
}
TITLES = {
    400: ("请求无法读取", "The request can't be read"),
    401: ("需要登录", "Sign-in needed"),
    403: ("没有权限", "Not allowed"),
    404: ("没有找到", "Not found"),
    405: ("方法不支持", "Method not allowed"),
    409: ("与现状冲突", "Conflict"),
    411: ("缺少长度", "Length needed"),
    413: ("请求过大", "Too large"),
    415: ("格式不支持", "Unsupported format"),
    422: ("内容不正确", "Content not valid"),
    429: ("次数过多", "Too many"),
    500: ("系统出错", "Server error"),
    503: ("系统正忙", "Busy"),
}
#: The codes of what the web server refuses by itself, with a sentence in Chinese and in English.
HTTP_CODES = {
    400: ("request.malformed", "请求无法读取，请检查 JSON 是否有效。", "The request can't be read. Is it valid JSON?"),
    404: ("route.unknown", "没有这个地址。", "There is no such address."),
    405: ("route.method_not_allowed", "这个地址不支持此方法。", "This address doesn't take this method."),
    411: (
        "request.length_required",
        "请提供 Content-Length；不接受分块传输的请求。",
        "Send a Content-Length; chunked requests are not taken.",
    ),
    413: ("request.too_large", "请求内容过大。", "The request body is too large."),
    415: (
        "request.media_type",
        "请以 Content-Type: application/json 发送 JSON。",
        "Send JSON with Content-Type: application/json.",
    ),
    422: ("request.invalid", "请求中有不正确的字段，详见 errors。", "Some fields are not valid; see errors."),
    500: (
        "server.error",
        "系统出错了，已记录。请把 request_id 告诉工作人员。",
        "Something went wrong here; it was logged. Please tell the staff the request_id.",
    ),
}


class ProblemView(Schema):
    """An error (RFC 9457)."""

    type = fields.String(required=True)
    title = fields.String(required=True)
    status = fields.Integer(required=True)
    detail = fields.String(required=True)
    code = fields.String(required=True, metadata={"description": "Stable and dotted; what a client decides by."})
    errors = fields.Dict(metadata={"description": "Which field is wrong, and why."})
    request_id = fields.String(required=True)


def all_refusals() -> dict[str, type[RuleError]]:
    """Every refusal that can be answered, by its code; whatever else a process has imported."""
    known = RuleError.registry.items()
    return {code: each for code, each in known if not f"{each.__module__}.".startswith(OF_THE_COMMAND_LINE)}


def all_codes() -> dict[str, int]:
    """Every code that can be answered, with its status."""
    codes = {code: int(STATUS_OF[refusal.kind]) for code, refusal in all_refusals().items()}
    return dict(sorted((codes | {code: status for status, (code, _, _) in HTTP_CODES.items()}).items()))


def problem(status: int, code: str, detail: str, errors: Any = None) -> Response:
    """A problem document."""
    REFUSALS.labels(code).inc()
    title_zh, title_en = TITLES.get(status, ("请求失败", "Request failed"))
    english = caller_language() == ENGLISH
    document = {
        "type": f"/problems/{code}",
        "title": title_en if english else title_zh,
        "status": status,
        "detail": detail,
        "code": code,
        "request_id": request_id(),
    }
    if errors:
        document["errors"] = errors if english else in_chinese(errors)
    # A fault within a list is told by its place there, which is a number.
    response = Response(orjson.dumps(document, option=orjson.OPT_NON_STR_KEYS), status, content_type=PROBLEM_TYPE)
    response.headers["Content-Language"] = caller_language()
    response.vary.add("Accept-Language")
    if status == HTTPStatus.SERVICE_UNAVAILABLE:
        response.headers["Retry-After"] = str(RETRY_SECONDS)
    if status == HTTPStatus.UNAUTHORIZED:
        response.headers["WWW-Authenticate"] = "Bearer"
    return response


def refusal_problem(refusal: RuleError) -> Response:
    """A rule's refusal as a problem document."""
    language = caller_language()
    status = int(STATUS_OF[refusal.kind])
    response = problem(status, refusal.code, refusal.sentence(language), refusal.details(language))
    if refusal.kind is Kind.TOO_MANY:
        response.headers["Retry-After"] = str(refusal.facts.get("retry_seconds", RETRY_SECONDS))
    return response


def http_problem(error: HTTPException) -> Response:
    """What werkzeug, Flask or the argument parser refused, as a problem document."""
    status = error.code or int(HTTPStatus.INTERNAL_SERVER_ERROR)
    if status < HTTPStatus.BAD_REQUEST:
        return error.get_response()
    code, zh, en = HTTP_CODES.get(status, (f"http.{status}", error.name, error.name))
    errors = _by_field(getattr(error, "data", {}).get("messages"))
    response = problem(status, code, en if caller_language() == ENGLISH else zh, errors)
    for name, value in error.get_headers():
        if name.lower() not in {"content-type", "content-length"}:
            response.headers[name] = value
    return response


def _by_field(messages: Any) -> Any:
    """webargs' messages without the level that says where a field was sent (json, query)."""
    if not isinstance(messages, dict):
        return messages
    by_field: dict[str, Any] = {}
    for fields_of_location in messages.values():
        by_field |= fields_of_location if isinstance(fields_of_location, dict) else {"request": fields_of_location}
    return by_field


def unexpected_problem(error: Exception) -> Response:
    """A fault of ours: logged with its trace, answered without it."""
    structlog.get_logger("binfen").error("request.failed", fault=describe_fault(error))
    code, zh, en = HTTP_CODES[500]
    return problem(500, code, en if caller_language() == ENGLISH else zh)


def register_error_handlers(app: Flask) -> None:
    """Let every error of the application leave as a problem document."""
    app.register_error_handler(RuleError, refusal_problem)
    app.register_error_handler(HTTPException, http_problem)
    app.register_error_handler(Exception, unexpected_problem)
