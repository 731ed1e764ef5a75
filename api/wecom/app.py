"""The self-built app: members write to it, and are answered as the accounts that they are registered for.

Official pages 90930 (callbacks: cut after 5 s and tried again, three tries in all), 90238 (verification), 90239
(messages), 90240 (events). Whatever comes is taken in and acknowledged at once, empty; answers are sent as messages of
their own, as plain text, which members on the WeChat plug-in can read, too: which of the two a member uses isn't told,
so that no card can be sent here without leaving some with nothing.
"""

import asyncio
import logging
import time
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from typing import Any, NamedTuple
from xml.etree.ElementTree import Element, ParseError

from defusedxml.ElementTree import fromstring
from fastapi import FastAPI, Request, Response
from fastapi.responses import PlainTextResponse

from api import errors
from api.running import Running
from api.wecom import inbox, render
from api.wecom.client import MEMBER
from api.wecom.crypto import Box, Refused, check_age
from api.wecom.post import Outgoing, Post
from assistant.answer import Answer
from assistant.ask import taken
from assistant.bootstrap import Installation
from assistant.errors import XueshiError, trace
from assistant.identity import Account
from assistant.store import people, post, wecom
from assistant.store.post import Waiting

PATH = "/wecom/app"
UNKNOWN = "您的企业微信账号 {userid} 还没有登记，暂时不能提问：请把这个账号告诉学校管理员，登记后再来。"
WELCOME = "您好，我是学时通：直接发问题就行，如“我今年还差多少学时？”“镇级培训最多能计多少学时？”。每个数字都有出处。"
ONLY_TEXT = "暂时只看得懂文字，请把问题打成文字发来。"
LOST = "刚才服务中断过，您之前的问题没有答上来，请再问一次。"
_FAILED = "系统内部出错，没有作答。请稍后再试。"
_REFUSED = "这不是发给本服务的企业微信回调，已拒绝。"
DOOR = WAY = _TALK = "app"
# In seconds.
_OLD = 600.0  # a message that was left unanswered is still answered within it; later its sender is asked to ask again
_AT_ONCE = 3.0  # longer no acknowledgement waits for the message to be taken in: WeCom cuts at 5
_OTHERS = {"image", "voice", "video", "location", "link"}  # messages of members that aren't text
_ENTERED = {"subscribe", "enter_agent"}
_LOG = logging.getLogger(__name__)


class Message(NamedTuple):
    """What a member sent or did. `key` is the same each time WeCom tells of it; `kind`: `text`, `entered`, `other`.

    `turn`: the id of the answer to come, once somebody has begun to answer.
    """

    key: str
    sender: str
    kind: str
    content: str
    turn: str | None = None

    @property
    def asked(self) -> dict[str, Any]:
        """What is put down of it."""
        return {"kind": self.kind, "content": self.content, "turn": self.turn}


class _Told(NamedTuple):
    """What a message is answered with. `unique`: no other answer says the same."""

    text: str
    unique: bool = False


def add(app: FastAPI, installation: Installation, running: Running, outbound: Post) -> "Desk":
    """The routes, and the desk behind them; the settings have a self-built app, and the post has its way."""
    settings, desk = installation.settings, Desk(installation, running, outbound)
    token, key = settings.wecom_token.get_secret_value(), settings.wecom_aes_key.get_secret_value()
    box = Box(token, key, settings.wecom_corp_id)

    def refused(why: Refused) -> Response:
        _LOG.warning("%s: callback refused: %s", PATH, why)
        return errors.problem(403, _REFUSED)

    @app.get(PATH, include_in_schema=False)
    async def verify(msg_signature: str = "", timestamp: str = "", nonce: str = "", echostr: str = "") -> Response:
        try:
            return PlainTextResponse(box.open(msg_signature, timestamp, nonce, echostr))
        except Refused as why:
            return refused(why)

    @app.post(PATH, include_in_schema=False)
    async def callback(request: Request, msg_signature: str = "", timestamp: str = "", nonce: str = "") -> Response:
        body = await inbox.body(request)
        try:
            plain = box.open(msg_signature, timestamp, nonce, _xml(body).findtext("Encrypt", ""))
            check_age(timestamp)
        except Refused as why:
            return refused(why)
        # From here on it is WeCom's own: anything but an empty 200 would have it sent again.
        if message := _read(plain):
            await desk.take(message)
        return Response()

    return desk


class Desk:
    """Answers messages in the background, each once, whichever process gets it and however often."""

    def __init__(self, installation: Installation, running: Running, outbound: Post) -> None:
        """`running`: what answers elsewhere in this process, and takes turns with what is answered here."""
        self._assistant, self._database = installation.assistant, installation.database
        self._running = running
        self._post, self._public = outbound, installation.settings.public_url
        self._jobs, self._clerk = inbox.InOrder("xueshi-wecom"), ThreadPoolExecutor(1, "xueshi-wecom-clerk")
        self._coming: deque[tuple[Message, Future[None]]] = deque()
        outbound.add_door(DOOR, self._resume)

    async def take(self, message: Message) -> None:
        """Have a message answered. Once this returns, it will be, even if this process ends at once.

        Unless the database took too long: WeCom won't wait, and then only this process knows of the message.
        """
        taken: Future[None] = Future()
        self._coming.append((message, taken))
        self._clerk.submit(self._take_in)
        await asyncio.wait([asyncio.wrap_future(taken)], timeout=_AT_ONCE)

    def close(self) -> None:
        """Return when what was taken is answered."""
        self._clerk.shutdown()
        self._jobs.close()

    def _take_in(self) -> None:
        """Put down all messages that are coming in, with one write: on a busy day none waits for each other's."""
        coming = [self._coming.popleft() for _ in range(len(self._coming))]
        try:
            if coming:
                self._put_down([message for message, _ in coming])
        except XueshiError as error:  # nobody can tell whether they were answered: they aren't
            for message, _ in coming:
                told = Outgoing(WAY, message.sender, _text(str(error)))
                self._jobs.add(message.sender.lower(), partial(self._post.tell, told))
        finally:
            for _, taken in coming:
                taken.set_result(None)

    def _put_down(self, messages: list[Message]) -> None:
        def take(message: Message) -> str | None:
            return post.take(connection, message.key, DOOR, self._post.holder, message.sender, message.asked)

        with self._database.write() as connection:
            names = [take(message) for message in messages]
        for name, message in zip(names, messages, strict=True):
            if name:
                self._jobs.add(message.sender.lower(), partial(self._handle, name, message))

    def _resume(self, left: list[Waiting]) -> None:
        """Answer what another process has left, or where that is long ago, ask its senders to ask again."""
        old: dict[str, list[str]] = {}
        for one in left:
            if one.at < time.time() - _OLD:
                old.setdefault(one.userid, []).append(one.name)
            else:
                message = Message("", one.userid, **one.asked)
                self._jobs.add(one.userid.lower(), partial(self._handle, one.name, message))
        for userid, names in old.items():
            self._post.answer(names, Outgoing(WAY, userid, _text(LOST)))

    def _handle(self, name: str, message: Message) -> None:
        told = self._told(name, message)
        self._post.answer([name], Outgoing(WAY, message.sender, _text(told.text), told.unique))

    def _told(self, name: str, message: Message) -> _Told:
        try:
            with self._database.read() as connection:
                account = people.member(connection, message.sender)
            if account is None:
                return _Told(UNKNOWN.format(userid=message.sender))
            said = {"entered": WELCOME, "other": ONLY_TEXT}.get(message.kind)
            return _Told(said) if said else self._answer(name, message, account)
        except XueshiError as error:
            return _Told(str(error))
        except Exception as error:
            _LOG.error("%s: a message could not be answered: %s", PATH, trace(error))
            return _Told(_FAILED)

    def _answer(self, name: str, message: Message, account: Account) -> _Told:
        """The answer; the turn of a process that died meanwhile is answered by whoever goes on, and isn't left open."""
        question = taken(message.content)
        with self._database.write(account.name) as connection:
            thread = wecom.thread(connection, account.name, _TALK)
            asked = self._assistant.take(connection, question, account, thread, again=message.turn)
            post.note(connection, name, message._replace(turn=asked.blank.id).asked)
        with self._running.in_turn():
            answer = next(one for one in self._assistant.answer(asked) if isinstance(one, Answer))
        with self._database.write() as connection:
            wecom.keep_thread(connection, account.name, _TALK, answer.thread_id)
        url = f"{self._public}/answers/{answer.id}"
        said = render.text(answer, url, render.APP)
        return _Told(said, unique=url in said)


def _text(said: str) -> dict[str, Any]:
    return {"msgtype": "text", "text": {"content": said}}


def _xml(said: bytes | str) -> Element:
    """A document without a DTD. Refused: it is none."""
    try:
        document: Element = fromstring(said, forbid_dtd=True)
    except (ParseError, ValueError, LookupError):  # malformed; forbidden; an encoding that nobody knows
        raise Refused("it is no plain XML") from None
    return document


def _read(plain: str) -> Message | None:
    """A decrypted callback; None, and a line in the log: it is nothing that we answer to."""
    try:
        given = _xml(plain)
    except Refused as why:
        _LOG.warning("%s: callback ignored: %s", PATH, why)
        return None
    sender, kind = given.findtext("FromUserName", ""), given.findtext("MsgType", "")
    number = given.findtext("MsgId") or f"{sender.lower()} {given.findtext('CreateTime')}"
    if not MEMBER.fullmatch(sender):
        _LOG.warning("%s: callback ignored: it is nobody's", PATH)
    elif kind == "text":
        return Message(f"app {number}", sender, kind, given.findtext("Content", ""))
    elif kind in _OTHERS:
        return Message(f"app {number}", sender, "other", "")
    elif kind == "event" and given.findtext("Event") in _ENTERED:
        # Whoever opens the app again and again is welcomed once a day.
        return Message(f"app welcome {sender.lower()}", sender, "entered", "")
    else:
        _LOG.info("%s: callback ignored: of a kind that isn't answered", PATH)
    return None
