"""Signing in by WeCom: OAuth with `snsapi_base`, which asks nothing of the member (official pages 91022, 91023).

A `state` belongs to one browser, by a signed cookie that holds it; it is good once, for ten minutes. WeCom names those
outside the app's range and visitors, too (91023): who may sign in is on our own list of accounts.
"""

import hmac
import re
import secrets
import time
from hashlib import sha256
from html import escape
from typing import Any
from urllib.parse import urlencode

import jwt
from fastapi import FastAPI, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse

from api.sessions import Sessions, put
from api.wecom.client import Client, WeComError
from assistant.bootstrap import Installation
from assistant.store import people, wecom

PATH = "/wecom/login"
_COOKIE = "__Host-xueshi-login"
_AUTHORIZE = "https://open.weixin.qq.com/connect/oauth2/authorize"
_GOOD_FOR = 600  # seconds
_AUDIENCE = "xueshi-login"
_BAD_CODE = 40029
_LONGEST = 512  # bytes of a code (91023)
# A path of ours, with its query and fragment: what a browser would read as another host's begins with // or /\, and it
# drops tabs and line ends before it looks.
_OWN = re.compile(r"/(?![/\\])[!-\[\]-~]{0,1000}")
_BROKEN = "登录没有完成：请回到原来的页面，重新点“用企业微信登录”。"
_STRANGER = "您不是本单位企业微信的成员，不能登录；本单位教师请用企业微信打开。"
_UNKNOWN = "您的企业微信账号还没有登记：请联系学校管理员，把成员账号 {userid} 登记到您的学时通账号上。"
_PAGE = """<!doctype html>
<html lang="zh-CN">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>没能登录 - 学时通</title>
<link rel="stylesheet" href="/static/page.css">
</head>
<body>
<main id="main"><h1>没能登录</h1><p class="error">{why}</p><p class="links"><a href="/">返回首页</a></p></main>
</body>
</html>
"""


class _Refused(Exception):
    """Why somebody can't sign in, in one line for them; `status`: HTTP's."""

    def __init__(self, why: str, status: int = 403) -> None:
        super().__init__(why)
        self.status = status


def add(app: FastAPI, installation: Installation, sessions: Sessions, client: Client) -> None:
    """The route. The settings have a self-built app."""
    settings, database = installation.settings, installation.database
    # A key of its own, made of a secret that is there wherever one can sign in.
    key = sha256(f"{_AUDIENCE} {settings.wecom_secret.get_secret_value()}".encode()).digest()

    @app.get(PATH, include_in_schema=False)
    def login(request: Request, code: str = "", state: str = "", next: str = "/") -> Response:  # noqa: A002  its name
        if not (code or state):
            return begun(next if _OWN.fullmatch(next) else "/")
        try:
            return finished(request, code, state)
        except _Refused as refused:
            response = HTMLResponse(_PAGE.format(why=escape(str(refused))), refused.status)
        put(response, _COOKIE, "", 0)
        return response

    def begun(onward: str) -> Response:
        state = secrets.token_hex(24)  # letters and digits alone, at most 128 (91022)
        claims = {"aud": _AUDIENCE, "exp": int(time.time()) + _GOOD_FOR, "state": state, "next": onward}
        query = {
            "appid": settings.wecom_corp_id,
            "redirect_uri": settings.public_url + PATH,
            "response_type": "code",
            "scope": "snsapi_base",
            "state": state,
            "agentid": settings.wecom_agent_id,
        }
        response = RedirectResponse(f"{_AUTHORIZE}?{urlencode(query)}#wechat_redirect", 302)
        put(response, _COOKIE, jwt.encode(claims, key, "HS256"), _GOOD_FOR)
        return response

    def finished(request: Request, code: str, state: str) -> Response:
        begun_here = _claims(request.cookies.get(_COOKIE, ""), key)
        same = hmac.compare_digest(state.encode(errors="replace"), begun_here["state"].encode())
        if not (same and 0 < len(code) <= _LONGEST):
            raise _Refused(_BROKEN)
        with database.write() as connection:
            if not wecom.first(connection, f"login:{state}"):
                raise _Refused(_BROKEN)
        userid = _member(client, code)
        with database.read() as connection:
            account = people.member(connection, userid)
        if account is None:
            raise _Refused(_UNKNOWN.format(userid=userid))
        response = RedirectResponse(begun_here["next"], 303)
        put(response, _COOKIE, "", 0)
        sessions.begin(request, response, account.name)
        return response


def _claims(cookie: str, key: bytes) -> dict[str, Any]:
    """What was noted when this browser began to sign in. _Refused: it didn't, or too long ago."""
    try:
        return jwt.decode(cookie, key, algorithms=["HS256"], audience=_AUDIENCE, options={"require": ["exp"]})
    except jwt.PyJWTError:
        raise _Refused(_BROKEN) from None


def _member(client: Client, code: str) -> str:
    """The userid of whoever the code is of. _Refused: no member, or WeCom doesn't say."""
    try:
        told = client.call("auth/getuserinfo", code=code)
    except WeComError as error:
        if error.code == _BAD_CODE:
            raise _Refused(_BROKEN) from None
        raise _Refused("暂时不能用企业微信登录，请稍后再试；仍不行请联系管理员运行 xueshi doctor。", 503) from None
    userid = told.get("userid") or told.get("UserId")  # the older call's name for it
    if not isinstance(userid, str):
        raise _Refused(_STRANGER)
    return userid
