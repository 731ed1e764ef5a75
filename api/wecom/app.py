"""The self-built app: members write to it, and are answered as the accounts that they are registered for.

Official pages 90930 (callbacks: cut after 5 s and tried again, three tries in all), 90238 (verification), 90239
(messages), 90240 (events). Whatever comes is acknowledged at once, empty; answers are sent as messages of their own, as
plain text, which members on the WeChat plug-in can read, too: which of the two a member uses isn't told.
"""

import logging
import threading
from functools import partial
from typing import NamedTuple
from xml.etree.ElementTree import Element, ParseError

from defusedxml.ElementTree import fromstring
from fastapi import FastAPI, Request, Response
from fastapi.responses import PlainTextResponse

from api import errors
from api.wecom import inbox, render
from api.wecom.client import MEMBER, Client
from api.wecom.crypto import Box, Refused, check_age
from assistant.bootstrap import Installation
from assistant.errors import XueshiError, trace
from assistant.identity import Account
from assistant.store import people, wecom

PATH = "/wecom/app"
UNKNOWN = "您的企业微信账号 {userid} 还没有登记，暂时不能提问：请把这个账号告诉学校管理员，登记后再来。"
WELCOME = "您好，我是学时通：直接发问题就行，如“我今年还差多少学时？”“镇级培训最多能计多少学时？”。每个数字都有出处。"
ONLY_TEXT = "暂时只看得懂文字，请把问题打成文字发来。"
LOST = "刚才服务中断过，您之前的问题没有答上来，请再问一次。"
_FAILED = "系统内部出错，没有作答。请稍后再试。"
_REFUSED = "这不是发给本服务的企业微信回调，已拒绝。"
_TALK = "app"
_LOOK = 60.0  # seconds between two looks for messages that nobody is answering any more
_OTHERS = {"image", "voice", "video", "location", "link"}  # messages of members that aren't text
_ENTERED = {"subscribe", "enter_agent"}
_LOG = logging.getLogger(__name__)


class Message(NamedTuple):
    """What a member sent or did. `key` is the same each time WeCom tells of it; `kind`: `text`, `entered`, `other`."""

    key: str
    sender: str
    kind: str
    content: str


def add(app: FastAPI, installation: Installation, client: Client) -> "Desk":
    """The routes, and the desk behind them; the settings have a self-built app."""
    settings, desk = installation.settings, Desk(installation, client)
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
            desk.take(message)
        return Response()

    return desk


class Desk:
    """Answers messages in the background, each once, whichever process gets it and however often."""

    def __init__(self, installation: Installation, client: Client) -> None:
        self._assistant, self._database = installation.assistant, installation.database
        self._client, self._public = client, installation.settings.public_url
        self._jobs, self._closing = inbox.InOrder("xueshi-wecom"), threading.Event()
        self._watch = threading.Thread(target=self._look_after, name="xueshi-wecom-lost", daemon=True)
        self._watch.start()

    def take(self, message: Message) -> None:
        """Have a message answered."""
        self._jobs.add(message.sender.lower(), partial(self._handle, message))

    def close(self) -> None:
        """Return when what was taken is answered."""
        self._closing.set()
        self._jobs.close()
        self._watch.join()

    def _handle(self, message: Message) -> None:
        try:
            with self._database.write() as connection:
                if not wecom.first(connection, message.key, message.sender):
                    return
        except XueshiError as error:  # nobody can tell whether it was answered: it isn't
            self._send(message.sender, str(error))
            return
        told = self._told(message)
        with self._database.write() as connection:
            owed = wecom.settled(connection, message.key)
        if owed:  # else it took so long that the sender was asked to try again
            self._send(message.sender, told)

    def _told(self, message: Message) -> str:
        try:
            with self._database.read() as connection:
                account = people.member(connection, message.sender)
            if account is None:
                return UNKNOWN.format(userid=message.sender)
            return {"entered": WELCOME, "other": ONLY_TEXT}.get(message.kind) or self._answer(message.content, account)
        except XueshiError as error:
            return str(error)
        except Exception as error:
            _LOG.error("%s: a message could not be answered: %s", PATH, trace(error))
            return _FAILED

    def _answer(self, question: str, account: Account) -> str:
        with self._database.read() as connection:
            thread = wecom.thread(connection, account.name, _TALK)
        answer = self._assistant.ask(question, account, thread)
        with self._database.write() as connection:
            wecom.keep_thread(connection, account.name, _TALK, answer.thread_id)
        return render.text(answer, f"{self._public}/answers/{answer.id}", render.APP)

    def _send(self, userid: str, told: str) -> None:
        try:
            self._client.send(userid, {"msgtype": "text", "text": {"content": told}})
        except XueshiError as error:
            _LOG.error("%s: an answer could not be sent: %s", PATH, error)

    def _look_after(self) -> None:
        """Tell the senders of messages that a process which is no more didn't answer."""
        while True:
            try:
                with self._database.write() as connection:
                    members = wecom.lost(connection)
                for userid in dict.fromkeys(members):
                    self._send(userid, LOST)
            except Exception as error:  # the next look may go well
                _LOG.error("%s: lost messages could not be looked for: %s", PATH, trace(error))
            if self._closing.wait(_LOOK):
                return


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
