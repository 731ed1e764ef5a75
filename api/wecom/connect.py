"""The intelligent bot's long connection, for networks that WeCom can't call into (official page 101463).

One WebSocket: subscribe with the bot's id and secret, ping every 30 seconds, hear callbacks, push each answer's stream
under its callback's `req_id`. A connection that ends, however it ends, is made again, after longer and longer pauses.
Only when another connection of the same bot takes over, this one stops, since two would fight.

A message that was heard is taken in before anything is said to it, and forgotten with the write after its stream's end,
which puts down what is sent beside it. If the process ends between, whoever holds the connection next, over the same
database, tells the answer as a message of its own, or where there is none asks for the question again. What is not
guaranteed: WeCom doesn't ask for a word back, so that a message that comes as the process ends, before the write, is
lost; and an answer whose stream had just ended by then is told twice.
"""

import asyncio
import json
import logging
import random
import secrets
import time
from collections.abc import Coroutine
from concurrent.futures import CancelledError
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from starlette.concurrency import run_in_threadpool
from websockets.asyncio.client import ClientConnection
from websockets.asyncio.client import connect as open_socket
from websockets.exceptions import WebSocketException

from api.wecom.chat import LATER, Chat, Frame, To
from api.wecom.post import Outgoing, Post, Undelivered
from api.wecom.said import Message
from assistant.errors import SettingsError, Unavailable, trace
from assistant.settings import Settings
from assistant.store.post import Letter

WAY = "line"
_BUSY = {45009, 846609}  # too many messages; not subscribed (any more): later it may go
_WRONG_SECRET = 853000
_OVER = {846605, 846608}  # nothing more can be said under a request's id: it is unknown, or its stream has ended
_MEND = "XUESHI_WECOM_BOT_ID 或 XUESHI_WECOM_BOT_SECRET 不对：请到管理后台智能机器人的“API 模式”核对。"
_DOWN = -1  # no code of WeCom's: there is no connection, or no word came back
_LARGEST = 1_048_576  # bytes of a frame
_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast things go, in seconds."""

    ping: float = 30.0
    push: float = 2.5  # between two messages of a conversation: WeCom takes 30 a minute
    settle: float = 0.7  # before a first look, so that a quick answer is one message
    answer: float = 10.0  # how long a word back is waited for
    first: float = 1.0  # pause before the second try, doubled from then on
    longest: float = 60.0
    give_up: float = 600.0  # after a message, what is unsaid is sent as a message of its own


class Displaced(Unavailable):
    """Another connection of the bot has taken over."""

    def __init__(self) -> None:
        super().__init__("同一个机器人的另一个连接接管了长连接，这里停止。一个机器人只能有一个长连接，请只在一处运行。")


class Line:
    """The connection, made again as often as needed, and the answers that are being pushed over it."""

    def __init__(self, settings: Settings, chat: Chat, outbound: Post, pace: Pace = Pace()) -> None:
        """`settings`: with the bot's id and secret."""
        self._url, self._bot = settings.wecom_ws_url, settings.wecom_bot_id
        self._secret, self._chat, self._pace = settings.wecom_bot_secret.get_secret_value(), chat, pace
        self._socket: ClientConnection | None = None
        self._answers: dict[str, asyncio.Future[int]] = {}  # WeCom's codes, by `req_id`
        self._slots: dict[str, float] = {}  # of each conversation, when the next message may go
        self._tasks = set[asyncio.Task[None]]()
        self._steady = self._denied = False
        self._loop: asyncio.AbstractEventLoop | None = None
        outbound.add_way(WAY, self._deliver)

    async def hold(self) -> None:
        """Hold the connection. Displaced: another took over. SettingsError: WeCom doesn't take the id and secret."""
        pause, self._loop = self._pace.first, asyncio.get_running_loop()
        try:
            while True:
                self._steady = False
                try:
                    async with open_socket(self._url, ping_interval=None, max_size=_LARGEST) as socket:
                        await self._serve(socket)
                    _LOG.warning("the connection was closed")
                except (OSError, TimeoutError, WebSocketException) as error:
                    _LOG.warning("the connection was lost: %s", trace(error))
                if self._denied:
                    raise SettingsError(_MEND)
                pause = self._pace.first if self._steady else min(2 * pause, self._pace.longest)
                await asyncio.sleep(pause * random.uniform(0.5, 1))  # noqa: S311  no secret
        finally:
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)

    # One connection.

    async def _serve(self, socket: ClientConnection) -> None:
        """Use a connection until it is closed; OSError, TimeoutError or WebSocketException where it breaks."""
        beat = asyncio.create_task(self._beat(socket))
        try:
            async for raw in socket:
                self._take(raw)
        finally:
            self._socket = None
            beat.cancel()
            for waiting in self._answers.values():
                if not waiting.done():
                    waiting.set_result(_DOWN)
            with suppress(asyncio.CancelledError):
                await beat

    async def _beat(self, socket: ClientConnection) -> None:
        """Subscribe, then ping; where no good answer comes, the connection is closed, so that it is made anew."""
        try:
            code = await self._ask(socket, "aibot_subscribe", {"bot_id": self._bot, "secret": self._secret})
            self._denied = code == _WRONG_SECRET
            if code == 0:
                _LOG.info("connected")
                self._socket = socket
            while code == 0:
                await asyncio.sleep(self._pace.ping)
                code = await self._ask(socket, "ping")
                self._steady = self._steady or code == 0
            _LOG.warning("WeCom gave no good answer: %d", code)
        finally:
            await socket.close()

    def _take(self, raw: str | bytes) -> None:
        """Act on what WeCom says: an answer to us, or something to be answered. Displaced: another took over."""
        try:
            said = json.loads(raw)
            match said:
                case {"body": {"event": {"eventtype": "disconnected_event"}}}:
                    raise Displaced
                case {"cmd": "aibot_msg_callback" | "aibot_event_callback", "headers": {"req_id": str(req_id)}}:
                    self._start(self._reply(req_id, Message.model_validate(said.get("body"))))
                case {"headers": {"req_id": str(req_id)}, "errcode": int(code)}:
                    if (waiting := self._answers.get(req_id)) and not waiting.done():
                        waiting.set_result(code)
        except (ValueError, RecursionError):  # of the JSON, or a ValidationError, whose text would tell the content
            _LOG.warning("something malformed came")

    async def _ask(self, socket: ClientConnection, cmd: str, body: Any = None, req_id: str = "") -> int:
        """Say something under a request's id, or one of its own; WeCom's code for it, 0: well."""
        req_id = req_id or f"{cmd}_{secrets.token_hex(8)}"
        waiting = self._answers[req_id] = asyncio.get_running_loop().create_future()
        said = {"cmd": cmd, "headers": {"req_id": req_id}} | ({} if body is None else {"body": body})
        try:
            await socket.send(json.dumps(said, ensure_ascii=False))
            return await asyncio.wait_for(waiting, self._pace.answer)
        except (OSError, TimeoutError, WebSocketException):
            return _DOWN
        finally:
            self._answers.pop(req_id, None)

    async def _say(self, cmd: str, body: dict[str, Any], req_id: str = "") -> int | None:
        """As `_ask`, on the connection that there is; None: nothing was said, since there is none."""
        return None if self._socket is None else await self._ask(self._socket, cmd, body, req_id)

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        async def watched() -> None:
            try:
                await work
            except Exception as error:
                _LOG.error("a callback was not answered: %s", trace(error))

        task = asyncio.create_task(watched())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    # Answers.

    async def _reply(self, req_id: str, message: Message) -> None:
        if message.event is None:
            await self._stream(req_id, message)
            return
        match message.event.eventtype:
            case "enter_chat":
                welcome = {"msgtype": "text", "text": {"content": await self._chat.welcome(message)}}
                await self._say("aibot_respond_welcome_msg", welcome, req_id)
            case "template_card_event":
                if card := await self._chat.choose(message, _to(message)):
                    update = {"response_type": "update_template_card", "template_card": card}
                    await self._say("aibot_respond_update_msg", update, req_id)
            case "feedback_event":
                await self._chat.rate(message)

    async def _stream(self, req_id: str, message: Message) -> None:
        """Push the stream of a message's answer until its end, whatever becomes of the connection meanwhile."""
        heard = await self._chat.hear(message, _to(message))
        if not heard.first:  # it is being answered already
            return
        frame, shown = await self._push(req_id, message, heard.frame)
        while not frame.finish:
            await asyncio.sleep(self._pace.push)
            frame = await self._chat.look(message.sender.userid, frame.stream_id)
        # What comes late is sent anyway. A card can't go with a stream here.
        beside = [] if shown or frame.content == LATER else [_markdown(frame.content)]
        beside += [{"msgtype": "template_card", "template_card": frame.card}] if frame.card else []
        letters = [Outgoing(*_to(message)[:2], content) for content in beside]
        await run_in_threadpool(self._chat.told, heard.name if frame.all_told else None, *letters)

    async def _push(self, req_id: str, message: Message, frame: Frame) -> tuple[Frame, bool]:
        """Push a stream, to its end if that can be; as it was last, and whether its end is, or may be, shown."""
        if not frame.finish:
            await asyncio.sleep(self._pace.settle)
        unsure, shown, end = False, "", time.monotonic() + self._pace.give_up
        while time.monotonic() < end:
            if not frame.finish:
                frame = await self._chat.look(message.sender.userid, frame.stream_id)
            if frame.finish or frame.content != shown:
                await self._slot(_talk(message))
                code = await self._say("aibot_respond_msg", frame._replace(card=None).body, req_id)
                if code in _OVER:
                    return frame, unsure
                if frame.finish and code == 0:
                    return frame, True
                shown, unsure = frame.content if code == 0 else shown, frame.finish and code == _DOWN
            await asyncio.sleep(self._pace.push)
        return frame, unsure

    def _deliver(self, letter: Letter) -> None:
        """The way of messages of their own; from any thread but the connection's."""
        if self._loop is None or self._socket is None:
            raise Undelivered("there is no connection", passing=True)
        try:
            code = asyncio.run_coroutine_threadsafe(self._delivered(letter), self._loop).result()
        except CancelledError:  # the process ends, and the letter was still waiting for its slot
            raise Undelivered("the connection is given up", passing=True) from None
        if code != 0:
            raise Undelivered(f"aibot_send_msg: {code}", passing=code is None or code in _BUSY)

    async def _delivered(self, letter: Letter) -> int | None:
        to = json.loads(letter.to)
        await self._slot(to["chatid"])
        return await self._say("aibot_send_msg", to | letter.message)

    async def _slot(self, talk: str) -> None:
        """Wait until the next message of a conversation may go."""
        now = time.monotonic()
        self._slots = {name: at for name, at in self._slots.items() if at > now}
        at = self._slots.get(talk, now)
        self._slots[talk] = at + self._pace.push
        await asyncio.sleep(at - now)


def _talk(message: Message) -> str:
    """The conversation that a message belongs to."""
    return message.chatid or message.sender.userid


def _where(message: Message) -> dict[str, Any]:
    """What a message of its own names the conversation by."""
    if message.in_group:
        return {"chatid": message.chatid, "chat_type": 2}
    return {"chatid": message.sender.userid, "chat_type": 1}


def _to(message: Message) -> To:
    return To(WAY, json.dumps(_where(message)), streams=True)


def _markdown(content: str) -> dict[str, Any]:
    return {"msgtype": "markdown", "markdown": {"content": content}}
