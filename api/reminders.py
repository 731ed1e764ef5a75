"""Reminders over HTTP, for administrators of a unit and for whoever wants none; and how one is sent by WeCom."""

from typing import Annotated, Any

from fastapi import FastAPI
from pydantic import BaseModel, ConfigDict, Field

from api.wecom import render
from api.wecom.client import OUTSIDE, UNCLEAR, Client, WeComError
from assistant.answer import Answer
from assistant.bootstrap import Installation
from assistant.errors import InputError, NotFound, NotPermitted, Unavailable
from assistant.identity import Account, holds
from assistant.remind import Report, Send, Unsent, remind
from assistant.store import reminders

OFF = "没有设置企业微信自建应用（XUESHI_WECOM_CORP_ID 等），不能发送提醒。"
_AT_ONCE = 50  # teachers of one request, so that its answer comes within seconds
# WeCom's codes that are about the member, not about us.
_ABOUT_MEMBER = {40003, 60011, 60111, OUTSIDE}
_HEAD = "【补学提醒】\n"


class Wanted(BaseModel):
    """Whether one is reminded."""

    model_config = ConfigDict(extra="forbid")

    enabled: bool = Field(strict=True)


class Order(BaseModel):
    """Whom to remind: the teachers of a unit (null: the own) who are short, those behind the number `after`."""

    model_config = ConfigDict(extra="forbid")

    unit: str | None = Field(None, max_length=300, description="单位的路径；不填为本单位")
    dry_run: bool = Field(True, strict=True, description="只统计，不发送")
    after: Annotated[str, Field(max_length=100, description="上一次答复的 next；不填为从头")] = ""


def add(app: FastAPI, installation: Installation, asker: Any, client: Client | None) -> None:
    """The routes. `asker`: FastAPI's annotated account of whoever is signed in; `client`: None without WeCom."""
    database, settings = installation.database, installation.settings

    @app.get("/v1/me/reminders", summary="本人是否接收补学提醒")
    def mine(account: asker) -> Wanted:
        with database.read() as connection:
            return Wanted(enabled=reminders.is_on(connection, _teacher(account)))

    @app.put("/v1/me/reminders", summary="接收或不再接收补学提醒")
    def change(wanted: Wanted, account: asker) -> Wanted:
        with database.write() as connection:
            reminders.turn(connection, _teacher(account), wanted.enabled)
        return wanted

    @app.post("/v1/reminders", summary="提醒本单位及下级单位还差学时的教师，每人每周至多一次；一次请求发一部分")
    def send(order: Order, account: asker) -> Report:
        own = account.scope.unit
        unit = order.unit or own
        if own is None or unit is None or not holds(own, unit):
            raise NotPermitted()
        if client is None:
            raise Unavailable(OFF)
        try:
            return remind(
                installation.assistant,
                database,
                sender(client, settings.public_url),
                unit,
                settings.clock(),
                dry_run=order.dry_run,
                account=account.name,
                after=order.after,
                most=_AT_ONCE,
            )
        except NotFound:
            raise NotPermitted() from None


def sender(client: Client, url: str) -> Send:
    """How reminders are sent: as text, which members on the WeChat plug-in can read, too. `url`: of our pages.

    One after the other, each with a calculation before it, they stay far below WeCom's 10,000 calls a minute (official
    page 90312); one a week is far below what is dropped beyond 30 a minute to a member, or refused beyond 200 a day for
    each account of the corp (90236).
    """

    def send(userid: str, plan: Answer) -> None:
        try:
            client.send(userid, {"msgtype": "text", "text": {"content": message(plan, url)}})
        except WeComError as error:
            raise Unsent(str(error), error.code != UNCLEAR, error.code in _ABOUT_MEMBER) from None

    return send


def message(plan: Answer, url: str) -> str:
    """A reminder: what is missing by category, by when, and how to close it, within the bytes of a text message."""
    now = plan.model_copy(update={"projection": None, "tables": []})  # not how it would be once that is done
    end = f"\n不想再收到提醒：{url}/reminders"
    return _HEAD + render.text(now, f"{url}/", render.APP - len((_HEAD + end).encode())) + end


def _teacher(account: Account) -> str:
    """InputError: the account is nobody's who would be reminded."""
    if account.teacher_id is None:
        raise InputError("这个账号没有对应的教师，不会收到补学提醒，也就没有可以设置的。")
    return account.teacher_id
