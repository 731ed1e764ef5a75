"""How large a request may be and how slowly it may come: held before anything of it is looked at."""

import asyncio
from collections.abc import Callable
from time import monotonic

from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from api.errors import told

MOST = 64_000  # bytes: of a question of 2,000 characters, however it is escaped, twice over
# Seconds: for a request's head; between two pieces of its body; for the whole body, of an upload and of anything else.
HEAD, SILENT, UPLOAD, BODY = 10.0, 10.0, 300.0, 30.0
CONNECTIONS = 1000  # of a process at a time; beyond, 503: each may hold a stream open, and one file of the system's


class BodyLimit:
    """ASGI middleware that answers 413 where a body is larger than `most` allows at its path, 408 where it is too slow.

    None: uploads, which are held to a size of their own.
    """

    def __init__(self, app: ASGIApp, most: Callable[[str], int | None]) -> None:
        self._app, self._most = app, most

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        most = self._most(scope["path"])
        length = dict(scope["headers"]).get(b"content-length", b"0")
        if most and (not length.isdigit() or len(length) > len(str(most)) or int(length) > most):
            await told(scope["path"], 413, f"请求过大：这里最多 {most // 1000} KB。")(scope, receive, send)
        else:
            await self._limited(most, scope, receive, send)

    async def _limited(self, most: int | None, scope: Scope, receive: Receive, send: Send) -> None:
        had, whole, until = 0, False, monotonic() + (BODY if most else UPLOAD)
        refusal: Response | None = None

        async def timely() -> Message:
            """The next piece; once something is wrong, nothing more is read."""
            nonlocal had, whole, refusal
            if whole:
                return await receive()
            try:
                async with asyncio.timeout(min(SILENT, until - monotonic())):
                    message = await receive()
            except TimeoutError:
                refusal = told(
                    scope["path"], 408, "请求来得太慢，没有处理。请检查网络后重试。", {"Connection": "close"}
                )
                return {"type": "http.disconnect"}
            had, whole = had + len(message.get("body", b"")), not message.get("more_body")
            if most and had > most:  # its length wasn't told, or was told wrong
                refusal = told(scope["path"], 413, "请求过大。")
            return {"type": "http.disconnect"} if refusal else message

        async def sent(message: Message) -> None:
            if not refusal:
                await send(message)

        try:
            await self._app(scope, timely, sent)
        except Exception:
            if not refusal:
                raise
        if refusal:
            await refusal(scope, receive, send)


class PatientProtocol(H11Protocol):
    """The server's protocol, but for clients who never come to the end of a request's head: they are hung up on."""

    _due: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Somebody is there."""
        super().connection_made(transport)
        self._wait()

    def data_received(self, data: bytes) -> None:
        """Something of a request came."""
        super().data_received(data)
        self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        """Nobody is there any more."""
        super().connection_lost(exc)
        self._settle()

    def _wait(self) -> None:
        if self.cycle is not None and not self.cycle.response_complete:
            self._settle()
        elif self._due is None:
            self._due = self.loop.call_later(HEAD, self.transport.close)

    def _settle(self) -> None:
        if self._due is not None:
            self._due.cancel()
            self._due = None
