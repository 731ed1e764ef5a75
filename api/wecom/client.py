"""Calls to WeCom's server API, with the self-built app's access token.

Official pages 91039 (the token: good for `expires_in` seconds; the same if asked for again; revoked early at times),
90236 (sending), 90313 (error codes).
"""

import hashlib
import logging
import re
import threading
import time
from contextlib import suppress
from typing import Any, Final

import httpx

from assistant.errors import Unavailable
from assistant.settings import Settings
from assistant.store import wecom
from assistant.store.database import Database
from assistant.store.wecom import Access

BUSY: Final = -1
OUTSIDE: Final = 81013
# None of WeCom's codes: there was no connection; a request went out, and no answer of WeCom's came back.
UNREACHABLE: Final = -2
UNCLEAR: Final = -3
# In seconds.
REPEATABLE: Final = 1800  # for so long WeCom knows a message that is sent again (90236)
_PATIENCE = httpx.Timeout(10, connect=5)
_AHEAD = 300.0  # a token is renewed before it ends
_REMEMBERED = 300.0  # a failure that lasts until somebody mends it is believed for so long
_PAUSE = 1.0  # before WeCom is asked again
_TRIES = 3  # official page 90313 advises no more
_AGAIN = {BUSY, UNREACHABLE}  # nothing was done: the same may be asked once more
# Of these one can expect that they pass by themselves.
PASSING: Final = frozenset({BUSY, UNREACHABLE, 45009, 45033})
_STALE = {40014, 42001}
_LASTING = {40001, 40013, 40056, 60020, 301002}
# A member's name (official page 90195). Nothing else is sent to: `@all` would be everybody, `a|b` two.
MEMBER = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.@-]{0,63}")
_OWN_ADDRESS = re.compile(r"from ip: ?([0-9a-fA-F.:]+)")
_WORDS = {
    UNREACHABLE: "连不上企业微信：请检查本机到 {base} 的网络、代理和 XUESHI_WECOM_API_BASE。",
    UNCLEAR: "企业微信没有正常答复：请检查本机到 {base} 的网络、代理和 XUESHI_WECOM_API_BASE。",
    BUSY: "企业微信系统繁忙，请稍后再试。",
    40001: "XUESHI_WECOM_SECRET 不对：请到管理后台“应用管理”中这个应用的页面查看 Secret，整段复制。",
    40003: "成员账号（userid）不对：请在管理后台“通讯录”中核对。",
    40013: "XUESHI_WECOM_CORP_ID 不对：请到管理后台“我的企业”底部查看企业 ID。",
    40014: "access_token 刚取得就不被接受：请核对 XUESHI_WECOM_CORP_ID 和 XUESHI_WECOM_SECRET 是否同属一个应用。",
    40029: "登录码无效、已用过或已过五分钟：请回到企业微信重新打开链接。",
    40056: "XUESHI_WECOM_AGENT_ID 不对：请到管理后台“应用管理”中这个应用的页面查看 AgentId。",
    42001: "access_token 刚取得就已过期：请核对本机的时钟。",
    45009: "调用企业微信接口超过了频率限制，请稍后再试。",
    45033: "同时调用企业微信接口过多，请稍后再试。",
    48002: "这个应用没有调用该接口的权限：请到管理后台“应用管理”中核对应用的权限。",
    50001: "登录的域名没有登记：请在应用的“网页授权及JS-SDK”中把 XUESHI_PUBLIC_URL 的域名设为可信域名，须完全一致。",
    60011: "应用无权访问这个成员：请在管理后台把该成员加入应用的可见范围。",
    60020: "本机的出口地址{address}没有登记：请到管理后台“应用管理”中这个应用的“企业可信IP”里加上它。",
    60111: "通讯录中没有这个成员账号（userid）：请核对 accounts.csv 的 wecom_userid。",
    OUTSIDE: "收信的成员不在应用的可见范围内，或账号（userid）不对：请在管理后台核对应用的可见范围。",
    301002: "XUESHI_WECOM_SECRET 与 XUESHI_WECOM_AGENT_ID 不是同一个应用的：请到管理后台核对。",
}
_LOG = logging.getLogger(__name__)


class WeComError(Unavailable):
    """WeCom refused a call (`code`: its own), or there was no answer; the text tells how to mend it."""

    def __init__(self, code: int, words: str) -> None:
        self.code = code
        super().__init__(words)


class Client:
    """The self-built app's calls. Its token and its lasting failures are shared with other processes' clients."""

    def __init__(self, settings: Settings, database: Database) -> None:
        """`settings`: with a self-built app."""
        self._database, self._base = database, settings.wecom_api_base
        self._corp, self._secret = settings.wecom_corp_id, settings.wecom_secret.get_secret_value()
        self._agent = int(settings.wecom_agent_id)
        # Another secret is another app: what failed with the old one says nothing of it.
        named = f"{self._base} {self._corp} {self._agent} {self._secret}"
        self._app = hashlib.sha256(named.encode()).hexdigest()
        self._known, self._lock = Access(), threading.Lock()
        self._http = httpx.Client(timeout=_PATIENCE)

    def close(self) -> None:
        """Let go of the connections."""
        self._http.close()

    def call(self, path: str, body: dict[str, Any] | None = None, **params: str) -> dict[str, Any]:
        """What WeCom answers to `/cgi-bin/<path>`; a POST where there is a body. WeComError, also one remembered."""
        token = self._token()
        try:
            return self._asked(path, body, {**params, "access_token": token})
        except WeComError as error:
            if error.code not in _STALE:
                raise
        return self._asked(path, body, {**params, "access_token": self._token(stale=token)})

    def send(self, userid: str, message: dict[str, Any], repeatable: bool = False) -> None:
        """Send a member one message, given as its `msgtype` and the part of that name. WeComError: it wasn't sent.

        After a time-out nobody knows. `repeatable`: WeCom shows the same message once within half an hour, however
        often it is sent. Beyond 30 a minute or 1,000 an hour to a member it drops messages without a word (90236).
        """
        if not MEMBER.fullmatch(userid):
            raise self._error(40003)
        once = {"enable_duplicate_check": 1, "duplicate_check_interval": REPEATABLE} if repeatable else {}
        told = self.call("message/send", {"touser": userid, "agentid": self._agent, **message, **once})
        if userid.lower() in str(told.get("invaliduser", "")).lower().split("|"):
            raise self._error(OUTSIDE)

    def check(self) -> dict[str, Any]:
        """What WeCom says of the app now, whatever is remembered: its `name`, `redirect_domain` and so on (page 90227).

        WeComError: why it can't be used.
        """
        with self._lock:
            self._renew()
        return self.call("agent/get", agentid=str(self._agent))

    # The token.

    def _token(self, stale: str | None = None) -> str:
        """The access token; `stale`: one that is refused, and never given again."""
        with self._lock:  # in one process one asks; that others ask at the same time does no harm (91039)
            # Without the database, what this process knows will do.
            with suppress(Unavailable), self._database.read() as connection:
                self._known = wecom.access(connection, self._app)
            known, now = self._known, time.time()
            if known.failed_until > now:
                raise WeComError(known.failure, known.words)
            if known.token and known.token != stale and known.expires_at > now + _AHEAD:
                return known.token
            return self._renew()

    def _renew(self) -> str:
        told = self._asked("gettoken", None, {"corpid": self._corp, "corpsecret": self._secret})
        token, lasts = told.get("access_token"), told.get("expires_in")
        if not (isinstance(token, str) and token and isinstance(lasts, int)):
            raise self._error(UNCLEAR)
        self._keep(Access(token, time.time() + lasts))
        return token

    def _keep(self, known: Access) -> None:
        self._known = known
        with suppress(Unavailable), self._database.write() as connection:
            wecom.keep_access(connection, self._app, known)

    # Asking.

    def _asked(self, path: str, body: dict[str, Any] | None, params: dict[str, str]) -> dict[str, Any]:
        """What WeCom answers, asked again where nothing was done. WeComError, remembered if it will last."""
        for left in reversed(range(_TRIES)):
            try:
                return self._asked_once(path, body, params)
            except WeComError as error:
                _LOG.warning("WeCom %s: %d", path, error.code)
                if error.code in _LASTING:
                    until = time.time() + _REMEMBERED
                    self._keep(self._known._replace(failure=error.code, words=str(error), failed_until=until))
                if error.code not in _AGAIN or not left:
                    raise
            time.sleep(_PAUSE)
        raise AssertionError

    def _asked_once(self, path: str, body: dict[str, Any] | None, params: dict[str, str]) -> dict[str, Any]:
        method = "GET" if body is None else "POST"
        try:
            told = self._http.request(method, f"{self._base}/cgi-bin/{path}", params=params, json=body).json()
        except (httpx.ConnectError, httpx.ConnectTimeout):
            raise self._error(UNREACHABLE) from None
        except (httpx.HTTPError, ValueError):  # `ValueError`: what came isn't JSON
            raise self._error(UNCLEAR) from None
        if not isinstance(told, dict):
            raise self._error(UNCLEAR)
        if code := told.get("errcode", 0):
            raise self._error(code, str(told.get("errmsg", "")))
        return told

    def _error(self, code: Any, said: str = "") -> WeComError:
        """The error of a code, in words that tell how to mend it; `said`: WeCom's own, which may hold our address."""
        if not isinstance(code, int):
            code = UNCLEAR
        own = _OWN_ADDRESS.search(said)
        unknown = f"企业微信返回错误 {code}：含义见 https://developer.work.weixin.qq.com/document/path/90313 。"
        words = _WORDS.get(code, unknown).format(base=self._base, address=f" {own[1]} " if own else "")
        return WeComError(code, words)
