"""What one answer takes: in one process beside the bare agent loop, over HTTP beside an empty route, and of what.

Over HTTP two workers are asked by eight clients at a time, from a process of their own on the same cores.
"""

import http.client
import json
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from cProfile import Profile
from multiprocessing import get_context
from pathlib import Path
from types import CodeType
from typing import Any, cast

from fastapi import FastAPI
from langchain.agents import create_agent
from langchain.tools import tool
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, SystemMessage, ToolCall, ToolMessage
from langchain_core.outputs import ChatGeneration, ChatResult

from assistant import ask, reckoning
from assistant.bootstrap import install
from assistant.events import Status
from assistant.guard import seal
from assistant.planner import compose, read, talk
from assistant.settings import Settings
from assistant.store import turns
from evals.bench.home import ACCOUNT, QUESTION, TODAY, XUESHI, environment, filled, free_port, resident, run, serving
from evals.bench.measure import in_turn, row, table

QUESTIONS = {
    QUESTION: "1 call",
    "如果我再修6学时专业课，还差多少？": "1 call",
    "培训费用谁出？": "1 call, with a search",
    "我今年还差多少学时？去年呢？": "2 calls",
}
ROUNDS = 200
WORKERS, CLIENTS, ASKED, TURNS = 2, 8, 40, 5
empty = FastAPI()  # what any answer over HTTP takes at least


@empty.post("/v1/ask")
def _nothing(body: dict[str, Any]) -> dict[str, str]:
    return {"text": body["question"]}


@empty.get("/readyz")
def _ready() -> dict[str, str]:
    return {}


def main() -> None:
    """Print the tables, from a home of its own."""
    with tempfile.TemporaryDirectory() as folder:
        one_process(Path(folder) / "alone")
        over_http(Path(folder) / "served")


class Scripted(BaseChatModel):
    """Calls the tool `calls` times at once, then says one sentence."""

    calls: int

    @property
    def _llm_type(self) -> str:
        return "scripted"

    def bind_tools(self, tools: Any, **kwargs: Any) -> Any:
        """It knows its tool."""
        return self

    def _generate(self, messages: list[BaseMessage], *args: Any, **kwargs: Any) -> ChatResult:
        calls = [ToolCall(name="noted", args={"what": str(one)}, id=f"call-{one}") for one in range(self.calls)]
        told = isinstance(messages[-1], ToolMessage)
        said = AIMessage("Done.") if told else AIMessage("", tool_calls=calls)
        return ChatResult(generations=[ChatGeneration(message=said)])


@tool
def noted(what: str) -> str:
    """Does nothing."""
    return what


def bare(calls: int) -> Callable[[], object]:
    """The bare loop of the agent library: a scripted model and a tool that does nothing."""
    graph: Any = create_agent(Scripted(calls=calls), [noted])
    said = [SystemMessage("今天是 2023-11-15。"), HumanMessage(QUESTION)]
    return lambda: list(graph.stream({"messages": said}, stream_mode=["values"]))


def one_process(home: Path) -> None:
    """Questions through `ask()` beside the bare loop with as many calls, and where the time of one goes."""
    filled(home)
    installed = install(Settings(_env_file=None, home=home, today=TODAY, rate_limit=10**9))
    with closing(installed):
        assistant = installed.assistant
        account = assistant.account(ACCOUNT)
        table("One question", "in one process", ["tools", "p50", "p99", "bare loop, p50", "÷ bare loop"])
        for question, tools in QUESTIONS.items():

            def asked(question: str = question) -> object:
                return assistant.ask(question, account)

            calls = sum(isinstance(event, Status) for event in assistant.stream(question, account))
            taken, loop = in_turn([asked, bare(calls)], ROUNDS)
            middle, least = statistics.median(taken), statistics.median(loop)
            last = statistics.quantiles(taken, n=100)[-1]
            times = [f"{one * 1000:.1f} ms" for one in (middle, last, least)]
            row(question, tools, *times, f"{middle / least:.1f}")
        table("Where the time of a question goes", QUESTION, ["share"])
        for name, share in parts(lambda: assistant.ask(QUESTION, account)):
            row(name, f"{share:.0%}")


def parts(asked: Callable[[], object]) -> Iterator[tuple[str, float]]:
    """The share of the profiled time of the parts of an answer, dearest first; the rest is the agent library's."""
    of: dict[str, Sequence[Callable[..., Any]]] = {
        "the guard": [seal],
        "reading the question": [talk.whole, read.read],
        "wording the answer": [compose.compose],
        "the calculation, with its lookup": [reckoning.for_teacher],
        "keeping question and answer": [turns.open_turn, turns.earlier, turns.close_turn],
    }
    profile = Profile()
    for _ in range(ROUNDS):
        profile.runcall(asked)
    took = {entry.code: entry.totaltime for entry in profile.getstats()}

    def seconds(*functions: Callable[..., Any]) -> float:
        return sum(took.get(cast(CodeType, cast(Any, one).__code__), 0.0) for one in functions)

    whole = seconds(ask.Assistant.ask)
    shares = {name: seconds(*functions) / whole for name, functions in of.items()}
    shares["the agent library and the rest"] = 1 - sum(shares.values())
    yield from sorted(shares.items(), key=lambda one: -one[1])


def over_http(home: Path) -> None:
    """Questions a second of two workers, beside two workers of a route that does nothing, in turn."""
    run_at, empty_at = free_port(), free_port()
    with chroma(home) as vectors:
        filled(home, XUESHI_VECTOR_URL=vectors)
        token = run(home, "token", "--as", ACCOUNT, XUESHI_VECTOR_URL=vectors).strip()
        env = environment(home, XUESHI_VECTOR_URL=vectors)
        ours = [XUESHI, "serve", "--port", str(run_at), "--workers", str(WORKERS)]
        theirs = [sys.executable, "-m", "uvicorn", "evals.bench.questions:empty", "--log-level", "warning"]
        theirs += ["--port", str(empty_at), "--workers", str(WORKERS)]
        with (
            serving(ours, f"http://127.0.0.1:{run_at}/readyz", env) as server,
            serving(theirs, f"http://127.0.0.1:{empty_at}/readyz"),
        ):
            asked, nothing = [], []
            for _ in range(TURNS):
                nothing.append(load(empty_at, token))
                asked.append(load(run_at, token))
            memory = max(resident(pid) for pid in workers(server.pid))
    table("Over HTTP", f"{WORKERS} workers, {CLIENTS} clients at a time", ["a second", "÷ empty route"])
    row("an empty FastAPI route", f"{statistics.median(nothing):.0f}", "1")
    row(QUESTION, f"{statistics.median(asked):.0f}", f"{statistics.median(asked) / statistics.median(nothing):.3f}")
    table("Memory", "resident, after those questions", ["largest"])
    row("a worker", f"{memory:.0f} MB")


@contextmanager
def chroma(home: Path, port: int | None = None) -> Iterator[str]:
    """The URL of a Chroma server of one's own."""
    port = port or free_port()
    command = [str(Path(sys.executable).with_name("chroma")), "run", "--path", str(home / "vectors")]
    with serving([*command, "--host", "127.0.0.1", "--port", str(port)], f"http://127.0.0.1:{port}/api/v2/heartbeat"):
        yield f"chroma+http://127.0.0.1:{port}"


def workers(server: int) -> list[int]:
    """The processes that a server has started, of those that serve."""
    children = Path(f"/proc/{server}/task/{server}/children").read_text().split()
    return [int(pid) for pid in children if resident(int(pid)) > 50]


def load(port: int, token: str) -> float:
    """Questions a second, of clients in a process of their own."""
    with get_context("spawn").Pool(1) as pool:
        return pool.apply(clients, (port, token))


def clients(port: int, token: str) -> float:
    """Ask from several threads at a time, each over one connection; how many a second were answered."""
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    body = json.dumps({"question": QUESTION}).encode()

    def one() -> None:
        with closing(http.client.HTTPConnection("127.0.0.1", port)) as connection:
            for _ in range(ASKED):
                connection.request("POST", "/v1/ask", body, headers)
                answer = connection.getresponse()
                assert answer.status == 200, answer.status
                answer.read()

    threads = [threading.Thread(target=one) for _ in range(CLIENTS)]
    start = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return CLIENTS * ASKED / (time.perf_counter() - start)
