"""A fake WeCom: its server API over HTTP, and its side of a self-built app's callbacks.

It behaves as the official pages say (90236, 90238, 90930, 91023, 91039, 101521): one token at a time, messages beyond a
member's share dropped without a word, the same message shown once where that is asked for, callbacks cut after 5 s and
sent three times in all.
"""

import json
import secrets
import threading
import time
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar, NamedTuple
from urllib.parse import parse_qsl, urlsplit

import httpx

from api.wecom.crypto import Box

CORP, AGENT, SECRET = "ww1436e0e65a779aee", 1000002, "the-app-s-secret"
TOKEN, AES_KEY = "hJqcu3uJ9Tn2gXPmxx2w9kkCkCE2EPYo", "6qkdMrq68nTKduznJYO1A37W2oEgpkMUvkttRToqhUt"
_BYTES = 2048  # of a text; the rest is cut
TRIES = 3

Params = dict[str, str]
Reply = dict[str, Any]


class Sent(NamedTuple):
    """A message as a member got it."""

    userid: str
    message: dict[str, Any]

    @property
    def text(self) -> str:
        """What it says, of texts and markdown."""
        told: str = self.message[self.message["msgtype"]]["content"]
        return told


class Refusal(Exception):
    """An `errcode` in place of an answer."""

    def __init__(self, code: int, words: str = "") -> None:
        self.code, self.words = code, words


class FakeWeCom:
    """The corp, its members and its one app. Everything that came in and went out is kept."""

    def __init__(self) -> None:
        self.address = ""
        self.members = {"LinXiaoLan", "ChenJing", "nobody.yet"}  # who is in the app's range
        self.outside = {"Elsewhere"}  # members of the corp that aren't
        self.open_userids: dict[str, str] = {}  # encrypted → plain
        self.oauth_codes: dict[str, Reply] = {}  # each good for one use
        self.redirect_domain = "xueshi.example.cn"
        self.sent: list[Sent] = []
        self.dropped: list[Sent] = []
        self.calls = Counter[str]()
        self.a_minute = 30  # messages that a member gets; more are dropped
        self.skew = 0.0  # seconds that this clock is ahead of the real one
        self._faults: dict[str, deque[int | str | None]] = defaultdict(deque)
        self._token, self._ends = "", 0.0
        self._got: dict[str, list[float]] = defaultdict(list)
        self._same: dict[str, float] = {}  # what was sent to be shown once, and when
        self._lock = threading.Lock()

    # What tests do to it.

    def fail(self, path: str, *faults: int | str) -> None:
        """What the next calls of a path meet.

        An `errcode`, `silent` (cut without an answer), `unheard` (done, then cut) or `page` (no JSON).
        """
        self._faults[path] += faults

    def scatter(self, path: str, faults: list[int | str], among: int) -> None:
        """As `fail`, with the faults spread over the next `among` calls."""
        gap = among // len(faults)
        self._faults[path] += [one for fault in faults for one in (fault, *[None] * (gap - 1))]

    def revoke(self) -> None:
        """Have the token that is out be refused (40014), as WeCom does for reasons of its own."""
        self._token = ""

    def texts(self, userid: str) -> list[str]:
        """What a member was told, in order."""
        return [one.text for one in list(self.sent) if one.userid.lower() == userid.lower()]

    def wait(self, messages: int, seconds: float = 120) -> None:
        """Return once so many messages were sent in all."""
        end = time.monotonic() + seconds
        while len(self.sent) < messages:
            assert time.monotonic() < end, f"{len(self.sent)} of {messages} messages were sent"
            time.sleep(0.01)

    # What it does.

    def answer(self, path: str, params: Params, body: Any) -> Reply | str:
        """The answer to a call; `silent` and `page` as in `fail`."""
        with self._lock:
            self.calls[path] += 1
            fault = self._faults[path].popleft() if self._faults[path] else None
            try:
                if isinstance(fault, int):
                    raise Refusal(fault, f"not allow to access from your ip, hint: [1], from ip: 203.0.113.7, {fault}")
                if fault in ("silent", "page"):
                    return fault
                found = self._CALLS[path](self, params, body)
            except Refusal as refusal:
                return {"errcode": refusal.code, "errmsg": refusal.words or "refused"}
            return "silent" if fault else {"errcode": 0, "errmsg": "ok", **found}

    def _now(self) -> float:
        return time.time() + self.skew

    def _gettoken(self, params: Params, _: Any) -> Reply:
        if params.get("corpid") != CORP:
            raise Refusal(40013)
        if params.get("corpsecret") != SECRET:
            raise Refusal(40001)
        if not self._token or self._ends <= self._now():
            self._token, self._ends = secrets.token_urlsafe(32), self._now() + 7200
        return {"access_token": self._token, "expires_in": int(self._ends - self._now())}

    def _signed(self, params: Params) -> None:
        token = params.get("access_token")
        if not token:
            raise Refusal(41001)
        if token != self._token:
            raise Refusal(40014)
        if self._ends <= self._now():
            raise Refusal(42001)

    def _send(self, params: Params, body: Any) -> Reply:
        self._signed(params)
        if body.get("agentid") != AGENT:
            raise Refusal(40056)
        known = {member.lower(): member for member in self.members}
        everybody = body["touser"].split("|")
        good = [known[name.lower()] for name in everybody if name.lower() in known]
        if not good:
            raise Refusal(81013)
        if body.get("enable_duplicate_check"):
            known_at, same = self._now() - body["duplicate_check_interval"], json.dumps(body, sort_keys=True)
            if self._same.get(same, 0) > known_at:
                return {"msgid": "m"}
            self._same[same] = self._now()
        message = {key: body[key] for key in ("msgtype", body["msgtype"])}
        if message["msgtype"] == "text":
            cut = message["text"]["content"].encode()[:_BYTES].decode(errors="ignore")
            message["text"] = {"content": cut}
        for name in good:
            recent = [at for at in self._got[name] if at > self._now() - 60]
            self._got[name] = [*recent, self._now()]
            (self.sent if len(recent) < self.a_minute else self.dropped).append(Sent(name, message))
        return {"invaliduser": "|".join(name for name in everybody if name.lower() not in known), "msgid": "m"}

    def _agent(self, params: Params, _: Any) -> Reply:
        self._signed(params)
        if params.get("agentid") != str(AGENT):
            raise Refusal(301002)
        return {"agentid": AGENT, "name": "学时通", "redirect_domain": self.redirect_domain}

    def _plain(self, params: Params, body: Any) -> Reply:
        self._signed(params)
        asked = body["open_userid_list"]
        pairs = [{"open_userid": one, "userid": self.open_userids[one]} for one in asked if one in self.open_userids]
        return {
            "userid_list": pairs,
            "invalid_open_userid_list": [one for one in asked if one not in self.open_userids],
        }

    def _who(self, params: Params, _: Any) -> Reply:
        self._signed(params)
        found = self.oauth_codes.pop(params.get("code", ""), None)
        if found is None:
            raise Refusal(40029)
        return found

    _CALLS: ClassVar[dict[str, Callable[["FakeWeCom", Params, Any], Reply]]] = {
        "gettoken": _gettoken,
        "message/send": _send,
        "agent/get": _agent,
        "batch/openuserid_to_userid": _plain,
        "auth/getuserinfo": _who,
    }


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wecom: FakeWeCom

    def do_GET(self) -> None:
        self._reply(None)

    def do_POST(self) -> None:
        self._reply(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))

    def _reply(self, body: Any) -> None:
        asked = urlsplit(self.path)
        path = asked.path.removeprefix("/cgi-bin/")
        told: Reply | str = {"errcode": 404, "errmsg": "no such call"}
        if path in FakeWeCom._CALLS:
            told = self.wecom.answer(path, dict(parse_qsl(asked.query)), body)
        if told == "silent":
            self.close_connection = True
            return
        page = b"<html>502</html>" if isinstance(told, str) else json.dumps(told).encode()
        self.send_response(502 if isinstance(told, str) else 200)
        self.send_header("Content-Length", str(len(page)))
        self.end_headers()
        self.wfile.write(page)

    def log_message(self, *_: Any) -> None:
        pass


@contextmanager
def running() -> Iterator[FakeWeCom]:
    """A fake WeCom that listens."""
    wecom = FakeWeCom()
    handler = type("Handler", (_Handler,), {"wecom": wecom})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        server.daemon_threads = True
        wecom.address = f"http://127.0.0.1:{server.server_port}"
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield wecom
        server.shutdown()


def message(sender: str, number: str, content: str, kind: str = "text") -> str:
    """A member's message as the app's callback tells it (page 90239)."""
    return (
        f"<xml><ToUserName><![CDATA[{CORP}]]></ToUserName><FromUserName><![CDATA[{sender}]]></FromUserName>"
        f"<CreateTime>{int(time.time())}</CreateTime><MsgType><![CDATA[{kind}]]></MsgType>"
        f"<Content><![CDATA[{content}]]></Content><MsgId>{number}</MsgId><AgentID>{AGENT}</AgentID></xml>"
    )


def happened(sender: str, what: str, at: int | None = None) -> str:
    """An event as the app's callback tells it (page 90240): without a number."""
    return (
        f"<xml><ToUserName><![CDATA[{CORP}]]></ToUserName><FromUserName><![CDATA[{sender}]]></FromUserName>"
        f"<CreateTime>{at or int(time.time())}</CreateTime><MsgType><![CDATA[event]]></MsgType>"
        f"<Event><![CDATA[{what}]]></Event><AgentID>{AGENT}</AgentID></xml>"
    )


class Caller:
    """Posts callbacks of the self-built app to a server, as WeCom does."""

    def __init__(self, http: httpx.Client, path: str = "/wecom/app", box: Box | None = None) -> None:
        """`http`: a client whose base is the server; `box`: seals under the app's own keys unless told otherwise."""
        self.http, self._path, self._box = http, path, box or Box(TOKEN, AES_KEY, CORP)

    def post(self, xml: str, *, age: float = 0, body: bytes | None = None, **params: str) -> httpx.Response:
        """One callback, signed `age` seconds ago; `body` and `params` take the place of what belongs there."""
        timestamp, nonce = str(int(time.time() - age)), secrets.token_hex(5)
        sealed = self._box.seal(xml, timestamp, nonce)
        outer = (
            f"<xml><ToUserName>{CORP}</ToUserName><Encrypt>{sealed.encrypted}</Encrypt><AgentID>{AGENT}</AgentID></xml>"
        )
        query = {"msg_signature": sealed.signature, "timestamp": timestamp, "nonce": nonce, **params}
        return self.http.post(self._path, params=query, content=outer.encode() if body is None else body)

    def verify(self, echo: str, *, age: float = 0, **params: str) -> httpx.Response:
        """The verification of the address, as the console does it when it is saved."""
        timestamp, nonce = str(int(time.time() - age)), secrets.token_hex(5)
        sealed = self._box.seal(echo, timestamp, nonce)
        query = {"msg_signature": sealed.signature, "timestamp": timestamp, "nonce": nonce, "echostr": sealed.encrypted}
        return self.http.get(self._path, params={**query, **params})

    def deliver(self, xml: str, unheard: int = 0) -> int:
        """One callback until it is acknowledged, three tries at most; how many it took.

        `unheard`: so many acknowledgements come after the 5 s, so that it is sent again though it arrived.
        """
        for tried in range(1, TRIES + 1):
            response = self.post(xml)
            if tried > unheard and response.status_code == 200:
                return tried
        return TRIES
