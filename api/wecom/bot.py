"""The intelligent bot by callback: `/wecom/bot`.

Official pages 101033 (encryption: as an app's, in JSON, with an empty receive id), 100719 (messages, and the requests
for a stream's content), 101027 (events), 101031 (replies), 101138 (`response_url`: one message within an hour).
"""

import json
import logging
from typing import Annotated, Any
from urllib.parse import urlsplit

import httpx
from fastapi import FastAPI, Query, Request, Response
from fastapi.responses import JSONResponse, PlainTextResponse
from pydantic import BaseModel, ValidationError

from api import errors
from api.running import Running
from api.wecom import inbox
from api.wecom.chat import Chat, To
from api.wecom.client import PASSING, Client
from api.wecom.crypto import Box, Refused, check_age
from api.wecom.post import Post, Undelivered
from api.wecom.said import Message
from assistant.bootstrap import Installation
from assistant.errors import trace
from assistant.store.post import Letter

PATH, WAY = "/wecom/bot", "url"
_REFUSED = "这不是发给本服务的企业微信回调，已拒绝。"
_PATIENCE = 10.0  # seconds
_LOG = logging.getLogger(__name__)

Parameter = Annotated[str, Query(max_length=1000)]


class _Envelope(BaseModel):
    """What a callback comes in."""

    encrypt: str


def add(app: FastAPI, installation: Installation, running: Running, outbound: Post, client: Client | None) -> Chat:
    """The routes, and the conversations behind them; the settings have the bot's token and key.

    `client`: of the companion app, None where there is none.
    """
    settings, chat = installation.settings, Chat(installation, running, outbound, client)
    outbound.add_way(WAY, _send)
    box = Box(settings.wecom_bot_token.get_secret_value(), settings.wecom_bot_aes_key.get_secret_value(), "")

    @app.get(PATH, include_in_schema=False)
    def verify(
        echostr: Annotated[str, Query(max_length=10_000)] = "",
        msg_signature: Parameter = "",
        timestamp: Parameter = "",
        nonce: Parameter = "",
    ) -> Response:
        try:
            return PlainTextResponse(box.open(msg_signature, timestamp, nonce, echostr))
        except Refused as error:
            return _refused(str(error))

    @app.post(PATH, include_in_schema=False)
    async def hear(
        request: Request, msg_signature: Parameter = "", timestamp: Parameter = "", nonce: Parameter = ""
    ) -> Response:
        try:
            check_age(timestamp)
            encrypted = _Envelope.model_validate_json(await inbox.body(request)).encrypt
            message = Message.model_validate_json(box.open(msg_signature, timestamp, nonce, encrypted))
        except Refused as error:
            return _refused(str(error))
        except ValidationError:  # its text would tell the content
            return _refused("it is malformed")
        reply = await _reply(chat, message, settings.wecom_api_base)
        if reply is None:
            return Response()
        sealed = box.seal(json.dumps(reply, ensure_ascii=False), timestamp, nonce)
        signed = {"msgsignature": sealed.signature, "timestamp": int(timestamp), "nonce": nonce}
        return JSONResponse({"encrypt": sealed.encrypted, **signed})

    return chat


async def _reply(chat: Chat, message: Message, base: str) -> dict[str, Any] | None:
    """What is said at once; None: nothing."""
    if message.stream:
        return (await chat.look(message.sender.userid, message.stream.id)).body
    if message.event is None:
        return (await chat.hear(message, _to(message.response_url, base))).frame.body
    match message.event.eventtype:
        case "enter_chat":
            return {"msgtype": "text", "text": {"content": await chat.welcome(message)}}
        case "template_card_event":
            card = await chat.choose(message, _to(message.response_url, base))
            return card and {"response_type": "update_template_card", "template_card": card}
        case "feedback_event":
            await chat.rate(message)
    return None


def _to(url: str, base: str) -> To | None:
    """By the `response_url` of a message, which takes one message: sent again, it isn't shown again.

    `base`: where WeCom is. Nothing goes to another host: whoever got hold of the bot's key could have our network
    called, and be told answers.
    """
    return To(WAY, url) if url and _host(url) == _host(base) else None


def _send(letter: Letter) -> None:
    """The way by a `response_url`."""
    try:
        response = httpx.post(letter.to, json=letter.message, timeout=_PATIENCE)
        code = response.json().get("errcode")
    except (httpx.InvalidURL, httpx.UnsupportedProtocol) as error:
        raise Undelivered(f"response_url: {trace(error)}", passing=False) from None
    except (httpx.HTTPError, ValueError, AttributeError) as error:  # none of WeCom's answers came back
        raise Undelivered(f"response_url: {trace(error)}", passing=True) from None
    if code:
        raise Undelivered(f"response_url: {code}", passing=code in PASSING)


def _host(url: str) -> tuple[str, str | None]:
    try:
        parts = urlsplit(url)
        return parts.scheme, parts.hostname
    except ValueError:
        return "", None


def _refused(why: str) -> Response:
    _LOG.warning("%s: callback refused: %s", PATH, why)
    return errors.problem(403, _REFUSED)
