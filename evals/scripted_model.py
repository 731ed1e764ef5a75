"""A chat model that says what it is told to, behind the real wire protocol: an OpenAI-compatible server on 127.0.0.1.

with ScriptedModel([calls(("calculate_hours", {})), says("您还差 12 学时[^s1]。")]) as model:
    ...  # XUESHI_MODEL=openai:scripted, XUESHI_MODEL_BASE_URL=model.url
assert "林晓岚" not in model.received
"""

import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any

Request = Mapping[str, Any]


@dataclass(frozen=True)
class Reply:
    """One reply to one request.

    `calls`: (tool, arguments), arguments as an object or as the very text that is sent. `finish`: the reason given for
    its end; None: the one that is right. `body`: sent as it is, in place of all these. `wait`: seconds before the first
    byte; `pause`: between the pieces of a stream; `pieces`: how many of them are sent before the line is cut.
    `beats`: comments that only keep the line alive, one a `pause`, sent in place of an answer.
    """

    text: str = ""
    calls: Sequence[tuple[str, Mapping[str, Any] | str]] = ()
    finish: str | None = None
    status: int = 200
    body: str | None = None
    kind: str = "text/html"
    wait: float = 0.0
    pause: float = 0.0
    pieces: int | None = None
    beats: int = 0

    def events(self) -> Iterator[dict[str, Any]]:
        """The stream of a reply: a few characters at a time, as models do."""
        for start in range(0, len(self.text), 3):
            yield _event({"role": "assistant", "content": self.text[start : start + 3]})
        for number, call in enumerate(self._calls()):
            name, arguments = call["function"]["name"], call["function"]["arguments"]
            yield _event({"tool_calls": [call | {"index": number, "function": {"name": name, "arguments": ""}}]})
            for start in range(0, len(arguments), 9):
                part = {"index": number, "function": {"arguments": arguments[start : start + 9]}}
                yield _event({"tool_calls": [part]})
        yield _event({}, self._finish)

    def whole(self) -> dict[str, Any]:
        """The reply to a request that asked for no stream."""
        message = {"role": "assistant", "content": self.text or None, "tool_calls": self._calls() or None}
        choice = {"index": 0, "message": message, "finish_reason": self._finish}
        return _envelope("chat.completion") | {"choices": [choice]}

    @property
    def _finish(self) -> str:
        return self.finish or ("tool_calls" if self.calls else "stop")

    def _calls(self) -> list[dict[str, Any]]:
        return [
            {
                "id": f"call-{number}",
                "type": "function",
                "function": {
                    "name": name,
                    "arguments": given if isinstance(given, str) else json.dumps(given, ensure_ascii=False),
                },
            }
            for number, (name, given) in enumerate(self.calls)
        ]


Scripted = Reply | Callable[[Request], Reply]


def says(text: str, **how: Any) -> Reply:
    """A text; `how`: other fields of a `Reply`."""
    return Reply(text, **how)


def calls(*tools: tuple[str, Mapping[str, Any] | str], **how: Any) -> Reply:
    """Calls of tools, all in one turn."""
    return Reply(calls=tools, **how)


def fails(status: int = 500, body: str = '{"error": {"message": "down"}}', kind: str = "application/json") -> Reply:
    """An error of HTTP; with 200 a body that is no answer."""
    return Reply(status=status, body=body, kind=kind)


class ScriptedModel:
    """The server, from `with` to its end. Replies are given in order, the last one again and again.

    A reply may be a function of the request: it can use what the model was shown, pseudonyms for one.
    """

    def __init__(self, replies: Sequence[Scripted]) -> None:
        self._replies = list(replies)
        self._lock = threading.Lock()
        self._ended = threading.Event()
        self.requests: list[Request] = []
        self.paths: list[str] = []
        self.keys: list[str] = []

    @property
    def url(self) -> str:
        """The base address."""
        return f"http://127.0.0.1:{self._server.server_address[1]}/v1"

    @property
    def received(self) -> str:
        """All that was ever sent to this model, as text in which every character stands for itself."""
        return json.dumps(self.requests, ensure_ascii=False)

    def __enter__(self) -> "ScriptedModel":
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._ended.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def take(self, path: str, key: str, request: Request) -> Reply:
        """The next reply, for a request that is put on record."""
        with self._lock:
            scripted = self._replies[min(len(self.requests), len(self._replies) - 1)]
            self.requests.append(request)
            self.paths.append(path)
            self.keys.append(key)
        return scripted if isinstance(scripted, Reply) else scripted(request)

    def rest(self, seconds: float) -> None:
        """A pause that the server's end cuts short."""
        self._ended.wait(seconds)

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        model = self

        class Handler(BaseHTTPRequestHandler):
            def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
                """Say nothing."""

            def do_POST(self) -> None:
                request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                reply = model.take(self.path, self.headers.get("Authorization", ""), request)
                with suppress(OSError):  # whoever asked may hang up
                    self._send(reply, bool(request.get("stream")))

            def _send(self, reply: Reply, stream: bool) -> None:
                model.rest(reply.wait)
                if reply.body is not None or not stream:
                    body = reply.body if reply.body is not None else json.dumps(reply.whole(), ensure_ascii=False)
                    self._head(reply.status, reply.kind if reply.body is not None else "application/json")
                    self.wfile.write(body.encode())
                    return
                self._head(reply.status, "text/event-stream")
                for _ in range(reply.beats):
                    self._write(": alive\n\n", reply.pause)
                events = list(reply.events())
                for event in events[: reply.pieces]:
                    self._write(f"data: {json.dumps(event, ensure_ascii=False)}\n\n", reply.pause)
                if reply.pieces is None:
                    self._write("data: [DONE]\n\n", 0)

            def _head(self, status: int, kind: str) -> None:
                self.send_response(status)
                self.send_header("Content-Type", kind)
                self.end_headers()

            def _write(self, text: str, pause: float) -> None:
                self.wfile.write(text.encode())
                self.wfile.flush()
                model.rest(pause)

        return Handler


def _envelope(kind: str) -> dict[str, Any]:
    return {"id": "scripted", "object": kind, "created": int(time.time()), "model": "scripted"}


def _event(delta: dict[str, Any], finish: str | None = None) -> dict[str, Any]:
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    return _envelope("chat.completion.chunk") | {"choices": [choice]}
