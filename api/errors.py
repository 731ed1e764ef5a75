"""The one place where errors become HTTP: `application/problem+json` (RFC 9457), one clear line, no insides."""

import logging
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel
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
_LOG = logging.getLogger(__name__)


class Problem(BaseModel):
    """A problem document. Of an import that was refused, `errors` lists every fault."""

    type: str
    title: str
    status: int
    detail: str
    request_id: str | None
    errors: list[str] | None = None


def _described(what: str) -> dict[str, Any]:
    return {"description": what, "content": {"application/problem+json": {"schema": Problem.model_json_schema()}}}


# What any call may answer instead, for the description of the interface.
RESPONSES: dict[int | str, dict[str, Any]] = {
    "4XX": _described("请求有误、没有登录、没有权限或没有这一项；detail 写明原因和怎样改正"),
    "503": _described("某一部分暂时不可用"),
}


def problem(status: int, detail: str, headers: dict[str, str] | None = None, **more: Any) -> JSONResponse:
    """A problem document, with `more` members. `request_id` finds the request in the log."""
    body = {"type": "about:blank", "title": HTTPStatus(status).phrase, "status": status, "detail": detail}
    body |= {"request_id": request_id.get()} | more
    return JSONResponse(body, status, headers, media_type="application/problem+json")


def install(app: FastAPI) -> None:
    """Have every error of `app` answered as a problem document."""

    @app.exception_handler(XueshiError)
    def ours(_: Request, error: XueshiError) -> JSONResponse:
        headers = {"WWW-Authenticate": "Bearer"} if isinstance(error, NotSignedIn) else {}
        if isinstance(error, TooManyQuestions):
            headers["Retry-After"] = str(error.retry_after)
        return problem(
            next((_STATUS[kind] for kind in type(error).__mro__ if kind in _STATUS), 500), str(error), headers
        )

    @app.exception_handler(RequestValidationError)
    def malformed(_: Request, error: RequestValidationError) -> JSONResponse:
        first = error.errors()[0]
        where = ".".join(part for part in first["loc"][1:] if isinstance(part, str)) or "请求"
        return problem(422, f"{where}：{_SAY.get(first['type'], '格式不对')}")

    @app.exception_handler(HTTPException)
    def http(_: Request, error: HTTPException) -> JSONResponse:
        return problem(error.status_code, _SAID.get(error.status_code, "请求无法处理。"), dict(error.headers or {}))


def unexpected(request: Request, error: Exception) -> JSONResponse:
    """What is said of an error that nobody foresaw."""
    _LOG.error("%s failed: %s", route_of(request.scope), trace(error))
    return problem(500, "系统内部出错，没有作答。请稍后再试。")


_SAID = {404: "没有这个地址。", 405: "这个地址不支持这种请求。", 413: "请求过大。"}
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
