"""A server that says what it is told to, behind our pages and scripts: streams that break, refusals, hostile words.

site = ScriptedSite(); site.answers = [Reply(*stream(text("您还差 12 学时[^1]。"), citation("1")))]
"""

import json
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import jwt

import api.app

PAGES = Path(api.app.__file__).parent / "pages"
_KINDS = {".html": "text/html", ".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'self'; require-trusted-types-for 'script'; trusted-types 'none'"
)
RUN = "r1"

Part = dict[str, Any]


@dataclass(frozen=True)
class Reply:
    """One reply. `pieces`: sent one by one; an Event among them is waited for first. `cut`: the line breaks then."""

    pieces: tuple[bytes | threading.Event, ...] = ()
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    cut: bool = False


def refusal(status: int, detail: str, **headers: str) -> Reply:
    """A problem document."""
    body = json.dumps({"status": status, "detail": detail}).encode()
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Reply((body,), status, {"Content-Type": "application/problem+json", **named})


def sent(part: Part | str, number: int | None) -> bytes:
    """A part as an event; `number` None: without an id."""
    data = part if isinstance(part, str) else json.dumps(part, ensure_ascii=False)
    return (f"id: {RUN}:{number}\n" if number is not None else "").encode() + f"data: {data}\n\n".encode()


def begun() -> Part:
    return {"type": "start", "messageId": "a1", "messageMetadata": {"threadId": "t1", "runId": RUN}}


def citation(name: str = "1", **others: str) -> Part:
    given = {
        "id": name, "policy_id": "p", "title": "某市教师培训办法", "number": "某教〔2023〕1号", "issuer": "某市教育局",
        "issued_on": "2023-01-01", "locator": "一/(一)", "quote": "每年不少于90学时。", "text": "original",
        "url": "/policies/p#%E4%B8%80/(%E4%B8%80)", "sha256": "0",
    }  # fmt: skip
    return {"type": "data-citation", "id": name, "data": given | others}


def text(*deltas: str) -> list[Part]:
    return [{"type": "text-delta", "id": "text-1", "delta": delta} for delta in deltas]


def ended(outcome: str = "answered") -> list[Part | str]:
    return [
        {"type": "data-outcome", "data": {"outcome": outcome, "answer_id": "a1"}},
        {"type": "finish"},
        "[DONE]",
    ]


def stream(*parts: Part | str) -> list[bytes]:
    """A whole stream as events, numbered from 1."""
    return [sent(part, number) for number, part in enumerate(parts, 1)]


def said(*parts: Part | str, outcome: str = "answered") -> Reply:
    """A stream that ends well: the parts given, between a start and an end."""
    return Reply(tuple(stream(begun(), *parts, *ended(outcome))))


def token(account: str = "t0001", number: int = 0) -> str:
    """A token that only has to look like one."""
    return jwt.encode({"sub": account, "n": number}, "a secret that nobody checks, long enough")


ME = {"account": "t0001", "role": "teacher", "unit": "广东省/东莞市/学校", "teacher_id": None, "outcome": None,
      "calculation": None, "citations": []}  # fmt: skip


class ScriptedSite:
    """Serves our pages; calls of the API are answered in the order given, by path; the last reply stays."""

    def __init__(self) -> None:
        self.replies: dict[str, list[Reply]] = {}
        self.asked: list[tuple[str, str, dict[str, str], bytes]] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self.reset()

    def __enter__(self) -> "ScriptedSite":
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def reset(self) -> None:
        """As for a new test: somebody is signed in, nothing is asked yet."""
        self.asked.clear()
        self.replies.clear()
        self.on("GET /v1/me", Reply((json.dumps(ME).encode(),)))

    def on(self, call: str, *replies: Reply) -> None:
        """Script the replies to a call, e.g. `POST /v1/threads/new/runs`."""
        self.replies[call] = list(replies)

    def calls(self, call: str) -> list[tuple[dict[str, str], bytes]]:
        """Headers and bodies of what was asked so."""
        return [(headers, body) for method, path, headers, body in self.asked if f"{method} {path}" == call]

    def _reply(self, method: str, path: str) -> Reply:
        if method == "GET" and not path.startswith("/v1/"):
            return _file(path)
        scripted = self.replies.get(f"{method} {path}")
        if not scripted:
            return refusal(404, "没有这个地址。")
        return scripted.pop(0) if len(scripted) > 1 else scripted[0]

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        site = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                path = self.path.partition("?")[0]
                length = int(self.headers.get("Content-Length") or 0)
                site.asked.append((self.command, path, dict(self.headers), self.rfile.read(length)))
                reply = site._reply(self.command, path)
                self.send_response(reply.status)
                for name, value in reply.headers.items():
                    self.send_header(name, value)
                if reply.cut:  # a length that is never reached: the browser sees the line break
                    self.send_header("Content-Length", "1000000")
                self.end_headers()
                with suppress(OSError):
                    for piece in reply.pieces:
                        if isinstance(piece, threading.Event):
                            piece.wait(20)
                        else:
                            self.wfile.write(piece)
                            self.wfile.flush()
                    if reply.cut and reply.pieces:
                        time.sleep(0.3)  # what a browser hasn't taken yet when the line breaks is lost to the page

            do_POST = do_DELETE = do_PUT = do_GET  # noqa: N815

            def log_message(self, *_: Any) -> None:
                pass

        return Handler


def _file(path: str) -> Reply:
    name = {"/": "chat.html", "/chat": "chat.html", "/embed": "embed.html", "/widget.js": "widget.js"}.get(path)
    file = PAGES / (name or path.removeprefix("/static/"))
    if not file.is_file():
        return refusal(404, "没有这个地址。")
    headers = {"Content-Type": f"{_KINDS[file.suffix]}; charset=utf-8", "Content-Security-Policy": _POLICY}
    return Reply((file.read_bytes(),), 200, headers)
