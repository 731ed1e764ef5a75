"""WeCom's side of an intelligent bot by callback: it posts messages, asks for streams, takes late answers.

As the official pages say (100719, 101031, 101033, 101138).
"""

import itertools
import json
import secrets
import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx

from api.wecom.crypto import Box

TOKEN, AES_KEY = "QDG6eK", "jWmYm7qr5nMoAUwZRjGtBxmz3KA1tkAj3ykkR6q2B2C"
MOST = 20_480  # bytes of a stream's content

Reply = dict[str, Any]


class LateAnswers:
    """Where `response_url`s lead: what was posted to each, in order."""

    def __init__(self) -> None:
        self.address = ""
        self.got: list[tuple[str, Reply]] = []
        self.shown: list[tuple[str, str]] = []  # where, and what
        self.faults = deque[str]()  # what the next posts meet: `silent`, `unheard` (shown, then cut), `busy`, `page`

    def contents(self, path: str = "") -> list[str]:
        """The markdown that was posted, to one address or in all."""
        return [body["markdown"]["content"] for at, body in list(self.got) if at.endswith(path)]

    def wait(self, messages: int = 1) -> None:
        """Return once so many are shown."""
        end = time.monotonic() + 60
        while len(self.shown) < messages:
            assert time.monotonic() < end, f"{len(self.shown)} of {messages} late answers came"
            time.sleep(0.01)


@contextmanager
def late_answers() -> Iterator[LateAnswers]:
    """A server for `response_url`s: each takes one message, as the real one does."""
    late = LateAnswers()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            late.got.append((self.path, body))
            fault = late.faults.popleft() if late.faults else ""
            used = any(path == self.path for path, _ in late.shown)
            if not used and fault in ("", "unheard"):
                late.shown.append((self.path, body["markdown"]["content"]))
            if fault in ("silent", "unheard"):
                self.close_connection = True
                return
            told = json.dumps({"errcode": -1 if fault == "busy" else 60140 if used else 0, "errmsg": ""}).encode()
            told = b"<html>502</html>" if fault == "page" else told
            self.send_response(502 if fault == "page" else 200)
            self.send_header("Content-Length", str(len(told)))
            self.end_headers()
            self.wfile.write(told)

        def log_message(self, *_: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        late.address = f"http://127.0.0.1:{server.server_port}"
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield late
        server.shutdown()


class FakeBot:
    """Posts a bot's callbacks to a server and reads its replies."""

    def __init__(self, http: httpx.Client, late: LateAnswers) -> None:
        self._http, self._late, self._box = http, late, Box(TOKEN, AES_KEY, "")
        self._numbers = itertools.count(1)

    def post(self, body: Reply | str, age: float = 0, **params: Any) -> httpx.Response:
        """One callback, signed `age` seconds ago; `params` and `content` take the place of what belongs there."""
        timestamp, nonce = str(int(time.time() - age)), secrets.token_hex(5)
        plain = body if isinstance(body, str) else json.dumps(body, ensure_ascii=False)
        sealed = self._box.seal(plain, timestamp, nonce)
        content = params.pop("content", json.dumps({"encrypt": sealed.encrypted}).encode())
        query = {"msg_signature": sealed.signature, "timestamp": timestamp, "nonce": nonce, **params}
        return self._http.post("/wecom/bot", params=query, content=content)

    def reply(self, body: Reply) -> Reply | None:
        """What a callback is answered with, opened; None: an empty 200."""
        response = self.post(body)
        assert response.status_code == 200, response.text
        if not response.content:
            return None
        sealed = response.json()
        assert sealed.keys() == {"encrypt", "msgsignature", "timestamp", "nonce"}
        assert isinstance(sealed["timestamp"], int)
        plain = self._box.open(sealed["msgsignature"], str(sealed["timestamp"]), sealed["nonce"], sealed["encrypt"])
        told: Reply = json.loads(plain)
        return told

    def message(self, userid: str, text: str = "", group: str = "", **others: Any) -> Reply:
        """A message of a member's, in single chat or in a group; `others` are added or take a field's place."""
        number = f"m{next(self._numbers)}-{secrets.token_hex(4)}"
        where = {"chattype": "group", "chatid": group} if group else {"chattype": "single"}
        told = {
            "msgid": number,
            "aibotid": "AIBOT",
            "from": {"userid": userid},
            "response_url": f"{self._late.address}/{number}",
            "msgtype": "text",
            "text": {"content": text},
        }
        return told | where | others

    def event(self, userid: str, kind: str, **data: Any) -> Reply:
        """Something that a member did."""
        return self.message(userid, msgtype="event", event={"eventtype": kind, kind: data})

    def refresh(self, message: Reply, stream: str, userid: str = "") -> Reply:
        """The content of a stream, as WeCom asks for it."""
        asked = {key: message[key] for key in ("aibotid", "chattype", "chatid") if key in message}
        asked |= {"msgid": f"r{secrets.token_hex(6)}", "from": {"userid": userid or message["from"]["userid"]}}
        told = self.reply(asked | {"msgtype": "stream", "stream": {"id": stream}})
        assert told is not None
        return told

    def frames(self, message: Reply) -> list[Reply]:
        """All that a message is answered with, asked for until its stream ends."""
        told = self.reply(message)
        assert told is not None
        frames, end = [told], time.monotonic() + 30
        while not frames[-1]["stream"]["finish"]:
            assert time.monotonic() < end, "the stream didn't end"
            time.sleep(0.02)
            frames.append(self.refresh(message, told["stream"]["id"]))
        assert {frame["stream"]["id"] for frame in frames} == {told["stream"]["id"]}
        assert all(len(frame["stream"]["content"].encode()) <= MOST for frame in frames)
        return frames

    def ask(self, userid: str, text: str = "", group: str = "", **others: Any) -> str:
        """What is shown in the end."""
        content: str = self.frames(self.message(userid, text, group, **others))[-1]["stream"]["content"]
        return content
