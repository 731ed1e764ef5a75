"""Every request: an id that its response, problems, logs and audit lines share; a line in the log; counts; a span."""

import logging
import re
import secrets
from contextlib import nullcontext
from time import perf_counter
from typing import TYPE_CHECKING

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.metrics import count_request
from assistant.watch import request_id

if TYPE_CHECKING:
    from api.traces import Traces

HEADER = "X-Request-ID"
# As proxies make them, 32 hexadecimal digits or a UUID: nothing else that is somebody's gets into the logs this way.
_SANE = re.compile(r"[0-9a-f]{32}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_METHODS = {"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH"}
_LOG = logging.getLogger(__name__)


class Watching:
    """ASGI middleware around all others."""

    def __init__(self, app: ASGIApp, traces: "Traces | None") -> None:
        self._app, self._traces = app, traces

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        given = Headers(scope=scope).get(HEADER, "")
        name = given if _SANE.fullmatch(given) else secrets.token_hex(16)
        status = 500

        async def sent(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableHeaders(scope=message)[HEADER] = name
            await send(message)

        begun, named = perf_counter(), request_id.set(name)
        with self._traces.request(scope) if self._traces else nullcontext() as span:
            try:
                await self._app(scope, receive, sent)
            finally:
                method, route = scope["method"] if scope["method"] in _METHODS else "OTHER", route_of(scope)
                seconds = perf_counter() - begun
                count_request(method, route, status, seconds)
                told = {"method": method, "route": route, "status": status, "ms": round(seconds * 1000)}
                _LOG.info("request", extra={"told": told})
                if span:
                    span.update_name(f"{method} {route}")
                    span.set_attributes({"http.request.method": method, "http.route": route})
                    span.set_attribute("http.response.status_code", status)
                request_id.reset(named)


def route_of(scope: Scope) -> str:
    """The template of a request's path, of which there are few; never the path itself, which anybody writes."""
    if scope["path"].startswith("/static/"):
        return "/static"
    return getattr(scope.get("route"), "path", "none")
