"""WeCom's side of a bot's long connection (page 101463): it takes one subscriber, tells of messages, and cuts lines."""

import asyncio
import itertools
import json
from collections import defaultdict, deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any, NamedTuple

from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

BOT, SECRET = "aib-the-bot", "the-bot-s-secret"
_PATIENCE = 30.0  # seconds, for whatever a test waits for

Body = dict[str, Any]


class Said(NamedTuple):
    """What the bot said."""

    cmd: str
    req_id: str
    body: Body


class FakeGateway:
    """The gateway. Everything that the bot said on any connection is in `said`."""

    def __init__(self) -> None:
        self.url = ""
        self.said: list[Said] = []
        self.subscribed = 0  # how often
        self.deaf = False  # it hears and doesn't answer
        self._socket: ServerConnection | None = None
        self._faults: dict[str, deque[int]] = defaultdict(deque)
        self._numbers = itertools.count(1)

    # What tests do to it.

    def fail(self, cmd: str, *codes: int) -> None:
        """The codes that the next frames of a command are answered with."""
        self._faults[cmd] += codes

    async def tell(self, body: Body, req_id: str = "") -> str:
        """Tell of a message or an event; its `req_id`."""
        req_id = req_id or f"cb-{next(self._numbers)}"
        cmd = "aibot_event_callback" if body.get("msgtype") == "event" else "aibot_msg_callback"
        await self.send(json.dumps({"cmd": cmd, "headers": {"req_id": req_id}, "body": body}))
        return req_id

    async def send(self, raw: str | bytes) -> None:
        """Send anything."""
        assert self._socket is not None
        await self._socket.send(raw)

    async def close(self, code: int = 1000) -> None:
        """Close the connection as servers do."""
        assert self._socket is not None
        await self._socket.close(code)

    def cut(self) -> None:
        """Cut the connection without a word."""
        assert self._socket is not None
        self._socket.transport.abort()

    async def kick(self) -> None:
        """Have another connection take over."""
        await self.tell({"msgtype": "event", "event": {"eventtype": "disconnected_event"}})

    async def until(self, holds: Callable[[], Any]) -> None:
        """Return once something holds."""
        async with asyncio.timeout(_PATIENCE):
            while not holds():
                await asyncio.sleep(0.005)

    async def connected(self, times: int = 1) -> None:
        """Return once the bot has subscribed so often."""
        await self.until(lambda: self.subscribed >= times and self._socket is not None)

    # What the bot said.

    def streams(self, req_id: str) -> list[Body]:
        """The states of a stream that were pushed under a message's id, and taken or not."""
        return [one.body["stream"] for one in self.said if one.req_id == req_id and one.cmd == "aibot_respond_msg"]

    def of(self, cmd: str) -> list[Body]:
        """What was said of a command."""
        return [one.body for one in self.said if one.cmd == cmd]

    async def ended(self, req_id: str) -> list[Body]:
        """The states of a stream, once it has ended."""
        await self.until(lambda: any(one["finish"] for one in self.streams(req_id)))
        return self.streams(req_id)

    # What it does.

    async def serve(self, socket: ServerConnection) -> None:
        """One connection."""
        with suppress(ConnectionClosed):
            async for raw in socket:
                await self._take(socket, json.loads(raw))

    async def _take(self, socket: ServerConnection, frame: Body) -> None:
        cmd, req_id, body = frame["cmd"], frame["headers"]["req_id"], frame.get("body", {})
        if cmd != "ping":
            self.said.append(Said(cmd, req_id, body))
        code = self._faults[cmd].popleft() if self._faults[cmd] else self._judged(socket, cmd, body)
        if not self.deaf:
            await socket.send(json.dumps({"headers": {"req_id": req_id}, "errcode": code, "errmsg": ""}))
        if cmd == "aibot_subscribe" and code == 0:
            self._socket = socket
            self.subscribed += 1

    def _judged(self, socket: ServerConnection, cmd: str, body: Body) -> int:
        if cmd == "aibot_subscribe":
            return 0 if body == {"bot_id": BOT, "secret": SECRET} else 853000
        return 0 if socket is self._socket else 846609


@asynccontextmanager
async def gateway() -> AsyncIterator[FakeGateway]:
    """A gateway that listens."""
    made = FakeGateway()
    async with serve(made.serve, "127.0.0.1", 0, ping_interval=None) as server:
        made.url = f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        yield made
