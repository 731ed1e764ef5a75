"""`/openapi.json`: what the routes say of themselves, and the errors that all of them share."""

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from api.errors import OPENAI

_KIND = "application/problem+json"
_PROBLEM = {
    "type": "object",
    "title": "Problem",
    "description": "RFC 9457",
    "required": ["type", "title", "status", "detail"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string", "description": "一句话：什么不对，怎样改正"},
        "request_id": {"type": ["string", "null"], "description": "在日志里找到这次请求"},
        "errors": {"type": "array", "items": {"type": "string"}, "description": "导入的文件中每一处要改正的地方"},
    },
}
_OPENAI_ERROR = {
    "type": "object",
    "title": "OpenAIError",
    "required": ["error"],
    "properties": {
        "error": {
            "type": "object",
            "required": ["message", "type", "param", "code"],
            "properties": {
                "message": {"type": "string"},
                "type": {"type": "string"},
                "param": {"type": ["string", "null"]},
                "code": {"type": ["string", "null"]},
            },
        }
    },
}
_SAID = {
    "401": "没有登录，或登录凭证无效、已过期",
    "403": "账号没有登记，或没有权限",
    "404": "没有，或不属于提问者",
    "409": "与已有的不一致",
    "410": "已不再保留",
    "413": "请求过大",
    "422": "请求的内容不对",
    "429": "提问过于频繁；Retry-After 为秒数",
    "503": "一部分暂时不可用",
    "default": "其他错误",
}


def install(app: FastAPI) -> None:
    """Have `app` describe itself so."""

    def described() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = _described(app)
        return app.openapi_schema

    app.openapi = described  # type: ignore[method-assign]


def _described(app: FastAPI) -> dict[str, Any]:
    spec = get_openapi(title=app.title, version=app.version, description=app.description, routes=app.routes)
    for path, operations in spec["paths"].items():
        for operation in operations.values():
            _add_errors(path, operation)
    schemas = spec["components"]["schemas"]
    schemas |= {"Problem": _PROBLEM, "OpenAIError": _OPENAI_ERROR}
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    return spec


def _add_errors(path: str, operation: dict[str, Any]) -> None:
    """The errors that an operation may end in: those that it names, and those that follow from what it is."""
    said = operation["responses"]
    wanted = {"default", *(status for status in said if status >= "4" and "content" not in said[status])}
    wanted |= {status for status in said if status == "422"}
    if "security" in operation:
        wanted |= {"401", "403", "503"}
    if "requestBody" in operation:
        wanted |= {"413", "422"}
    if any(one["in"] == "path" for one in operation.get("parameters", ())):
        wanted.add("404")
    kind, schema = ("application/json", "OpenAIError") if path.startswith(OPENAI) else (_KIND, "Problem")
    content = {kind: {"schema": {"$ref": f"#/components/schemas/{schema}"}}}
    operation["responses"] = said | {status: {"description": _SAID[status], "content": content} for status in wanted}
