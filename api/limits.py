"""How large a request may be: held before anything of it is read or looked at."""

from collections.abc import Callable

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.errors import told

MOST = 64_000  # bytes: of a question of 2,000 characters, however it is escaped, twice over


class BodyLimit:
    """ASGI middleware that answers 413 where a body is larger than `most` allows at its path; None: any may be."""

    def __init__(self, app: ASGIApp, most: Callable[[str], int | None]) -> None:
        self._app, self._most = app, most

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request."""
        most = self._most(scope["path"]) if scope["type"] == "http" else None
        if most is None:
            await self._app(scope, receive, send)
        else:
            await self._limited(most, scope, receive, send)

    async def _limited(self, most: int, scope: Scope, receive: Receive, send: Send) -> None:
        length = dict(scope["headers"]).get(b"content-length", b"0")
        if not length.isdigit() or len(length) > len(str(most)) or int(length) > most:
            await told(scope["path"], 413, f"请求过大：这里最多 {most // 1000} KB。")(scope, receive, send)
            return
        had = 0

        async def counted() -> Message:
            nonlocal had
            message = await receive()
            had += len(message.get("body", b""))
            # Its length wasn't told, or was told wrong: nothing more of it is read.
            return message if had <= most else {"type": "http.disconnect"}

        async def sent(message: Message) -> None:
            if had <= most:
                await send(message)

        try:
            await self._app(scope, counted, sent)
        except Exception:
            if had <= most:
                raise
        if had > most:
            await told(scope["path"], 413, "请求过大。")(scope, receive, send)
