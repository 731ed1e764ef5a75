"""The one place where errors become HTTP: `application/problem+json` (RFC 9457), one clear line, no insides.

Clients of OpenAI's API are told in its own form, at the paths that are theirs.
"""

import logging
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from api.watching import route_of
from assistant.errors import (
    HomeInUse,
    InputError,
    NotFound,
    NotPermitted,
    NotRegistered,
    NotSignedIn,
    QuestionError,
    TooManyQuestions,
    Unavailable,
    XueshiError,
    trace,
)
from assistant.watch import request_id

_STATUS: dict[type[XueshiError], int] = {
    InputError: 422,
    QuestionError: 422,
    NotSignedIn: 401,
    NotRegistered: 403,
    NotPermitted: 403,
    NotFound: 404,
    TooManyQuestions: 429,
    HomeInUse: 503,
    Unavailable: 503,
}
UNEXPECTED = "系统内部出错，没有作答。请稍后再试。"
NO_SUCH_METHOD = "这个地址不支持这种请求。"
_LOG = logging.getLogger(__name__)


OPENAI = ("/v1/chat/completions", "/v1/models")  # and what lies below them
# As OpenAI's clients know them: (type, code).
_OPENAI_KINDS = {
    401: ("authentication_error", "invalid_api_key"),
    403: ("permission_error", None),
    404: ("not_found_error", "model_not_found"),
    429: ("rate_limit_error", "rate_limit_exceeded"),
}


def told(path: str, status: int, detail: str, headers: dict[str, str] | None = None) -> JSONResponse:
    """An error in the form that clients of a path know."""
    if path.startswith(OPENAI):
        return JSONResponse(openai_fault(status, detail), status, headers)
    return problem(status, detail, headers)


def openai_fault(status: int, detail: str) -> dict[str, Any]:
    """An error as OpenAI's API tells it."""
    kind, code = _OPENAI_KINDS.get(status, ("server_error" if status >= 500 else "invalid_request_error", None))
    return {"error": {"message": detail, "type": kind, "param": None, "code": code}}


def problem(status: int, detail: str, headers: dict[str, str] | None = None, **more: Any) -> JSONResponse:
    """A problem document, with `more` members. `request_id` finds the request in the log."""
    body = {"type": "about:blank", "title": HTTPStatus(status).phrase, "status": status, "detail": detail}
    body |= {"request_id": request_id.get()} | more
    return JSONResponse(body, status, headers, media_type="application/problem+json")


def install(app: FastAPI) -> None:
    """Have every error of `app` answered as a problem document, or as OpenAI's clients know it."""

    @app.exception_handler(XueshiError)
    def ours(request: Request, error: XueshiError) -> JSONResponse:
        headers = {"WWW-Authenticate": "Bearer"} if isinstance(error, NotSignedIn) else {}
        if isinstance(error, TooManyQuestions):
            headers["Retry-After"] = str(error.retry_after)
        status = next((_STATUS[kind] for kind in type(error).__mro__ if kind in _STATUS), 500)
        return told(request.url.path, status, str(error), headers)

    @app.exception_handler(RequestValidationError)
    def malformed(request: Request, error: RequestValidationError) -> JSONResponse:
        first = error.errors()[0]
        where = ".".join(part for part in first["loc"][1:] if isinstance(part, str)) or "请求"
        return told(request.url.path, 422, f"{where}：{_SAY.get(first['type'], '格式不对')}")

    @app.exception_handler(HTTPException)
    def http(request: Request, error: HTTPException) -> JSONResponse:
        said = _SAID.get(error.status_code, "请求无法处理。")
        return told(request.url.path, error.status_code, said, dict(error.headers or {}))


def unexpected(request: Request, error: Exception) -> JSONResponse:
    """What is said of an error that nobody foresaw."""
    _LOG.error("%s failed: %s", route_of(request.scope), trace(error))
    return told(request.url.path, 500, UNEXPECTED)


_SAID = {404: "没有这个地址。", 405: NO_SUCH_METHOD, 413: "请求过大。"}
_SAY = {
    "missing": "缺少这一项",
    "string_type": "应为文字",
    "string_too_long": "太长",
    "string_too_short": "不能为空",
    "json_invalid": "不是合法的 JSON",
    "extra_forbidden": "没有这一项",
    "int_parsing": "应为整数",
    "greater_than_equal": "太小",
    "less_than_equal": "太大",
    "bool_parsing": "应为 true 或 false",
}
