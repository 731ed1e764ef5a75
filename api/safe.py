"""What every response says to the browser, and what is said where nobody foresaw an error."""

from collections.abc import Sequence

from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api import errors, mcp

# No script, style, font or picture from anywhere else, nothing inline, no text that becomes markup; and no page around
# ours but the one that is made for it.
_CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'self'; require-trusted-types-for 'script'; trusted-types 'none'; frame-ancestors "
)
FRAMED = "/embed"
_HEADERS = {
    "Content-Security-Policy": _CSP + "'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}


class SafeHeaders:
    """ASGI middleware: headers that keep pages to themselves, and a problem document where something fails.

    `framed_by`: the origins of other sites whose pages may frame `/embed`.
    """

    def __init__(self, app: ASGIApp, framed_by: Sequence[str]) -> None:
        self._app, self._has_guests = app, bool(framed_by)
        self._framed = _HEADERS | {"Content-Security-Policy": _CSP + (" ".join(framed_by) or "'none'")}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        begun = False

        async def sent(message: Message) -> None:
            nonlocal begun
            if message["type"] == "http.response.start":
                begun = True
                self._add(scope["path"], MutableHeaders(scope=message))
            await send(message)

        try:
            await self._app(scope, receive, sent)
        except Exception as error:
            if begun:
                raise
            await errors.unexpected(Request(scope), error)(scope, receive, sent)

    def _add(self, path: str, headers: MutableHeaders) -> None:
        for name, value in (self._framed if path == FRAMED else _HEADERS).items():
            headers.setdefault(name, value)
        # Pages and scripts are asked for again after every upgrade; what is somebody's is never kept.
        private = path.startswith(("/v1/", mcp.PATH))
        headers.setdefault("Cache-Control", "no-store" if private else "no-cache")
        if self._has_guests:
            headers.add_vary_header("Origin")
