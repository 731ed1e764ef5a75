"""The tools by the Model Context Protocol, for the SDK's own client: over HTTP, and as a process of its own."""

import asyncio
import json
import os
import shutil
import sysconfig
import time
import traceback
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import httpx2
import pytest
from fastapi.testclient import TestClient
from mcp import Client
from mcp.client.stdio import StdioServerParameters
from mcp.client.streamable_http import streamable_http_client
from mcp.types import CallToolResult, TextContent

from assistant.agent import offered
from assistant.bootstrap import Installation
from assistant.fixed import DENIED
from assistant.policy import Policy
from assistant.settings import SHIPPED_CORPUS
from assistant.tools import Tools
from ingest.corpus import read_corpora
from tests.api.conftest import SECRET, TODAY, settings_for
from tests.api.serving import served

Headers = Callable[..., dict[str, str]]
Problem = Callable[..., str]
Call = Callable[..., CallToolResult]
XUESHI = Path(sysconfig.get_path("scripts")) / "xueshi"
# What is only in T0003's records and in nobody else's.
HERS = ("陈静", "T0003", "R0003")
CAPS = "附件1/四/(二)"


@pytest.fixture(scope="module")
def address(made_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A started server."""
    home = shutil.copytree(made_home, tmp_path_factory.mktemp("mcp") / "home")
    given = settings_for(
        home, auth_secret=SECRET, public_url="https://xueshi.example.cn", origins=["https://a.example"]
    )
    with served(given) as (_, address):
        yield address


def speak(address: str, headers: dict[str, str], say: Callable[[Client], Awaitable[Any]], mode: str = "auto") -> Any:
    """What comes of a conversation over HTTP."""

    async def spoken() -> Any:
        async with (
            httpx2.AsyncClient(headers=headers, trust_env=False, timeout=60) as http,
            Client(streamable_http_client(f"{address}/mcp", http_client=http), mode=mode) as client,
        ):
            return await say(client)

    return asyncio.run(spoken())


@pytest.fixture
def call(address: str, bearer: Headers) -> Call:
    """Calls a tool as an account, `t0001` by default."""

    def called(name: str, account: str = "t0001", mode: str = "auto", /, **arguments: Any) -> CallToolResult:
        result = speak(address, bearer(account), lambda client: client.call_tool(name, arguments), mode)
        assert isinstance(result, CallToolResult)
        return result

    return called


def text(result: CallToolResult) -> str:
    """All that a result tells in words."""
    [block] = result.content
    assert isinstance(block, TextContent)
    return block.text


def refused(result: CallToolResult) -> str:
    """Why a call came to nothing: one clear line without insides."""
    assert result.is_error
    assert result.structured_content is None
    said = text(result)
    assert said.strip()
    assert "\n" not in said
    assert not any(inside in said for inside in ("Traceback", ".py", "Error", "pydantic", "SELECT "))
    return said


@pytest.fixture(scope="module")
def shipped() -> dict[str, Policy]:
    return {entry.policy.meta.id: entry.policy for entry in read_corpora([SHIPPED_CORPUS])}


# What there is to call.


@pytest.mark.parametrize("mode", ["auto", "legacy"])
def test_the_tools_are_the_agent_s(address: str, bearer: Headers, installation: Installation, mode: str) -> None:
    listed = speak(address, bearer(), lambda client: client.list_tools(), mode).tools
    agents = {tool.name: tool for tool in offered(Tools(installation.database, installation.index))}
    assert [tool.name for tool in listed] == list(agents)
    for tool in listed:
        own = agents[tool.name]
        assert tool.description == own.description
        assert tool.input_schema["properties"].keys() == own.tool_call_schema.model_json_schema()["properties"].keys()  # type: ignore[union-attr]
        assert not {"runtime", "account", "scope"} & tool.input_schema["properties"].keys()
        assert tool.input_schema["additionalProperties"] is False
        assert tool.annotations.read_only_hint


# Whose.


@pytest.mark.parametrize("mode", ["auto", "legacy"])
def test_two_people_are_told_each_their_own(call: Call, mode: str) -> None:
    for account, own, other in (("t0001", "T0001", "T0003"), ("t0003", "T0003", "T0001")):
        hours, records = call("calculate_hours", account, mode), call("list_records", account, mode)
        assert hours.structured_content["result"]["calculation"]["teacher_id"] == own
        told = text(hours) + text(records)
        assert own.replace("T", "R") in told
        assert other.replace("T", "R") not in told
        assert other not in told


@pytest.mark.parametrize("name", ["calculate_hours", "list_records"])
def test_others_are_refused_in_the_same_words_as_nobody(call: Call, name: str) -> None:
    said = {refused(call(name, teacher=who)) for who in ("陈静", "T0003", "周无名", "T9999", "t0003")}
    assert said == {DENIED}
    unit = refused(call("check_compliance", unit="莞城中心小学"))
    assert {unit} == said == {refused(call("check_compliance", unit="没有的学校"))}


def test_another_account_is_no_argument(call: Call) -> None:
    for forged in ("account", "runtime", "scope", "teacher_id", "as"):
        said = refused(call("list_records", **{forged: "t0003"}))
        assert "只有这些参数" in said
        assert "teacher" in said


def test_a_query_sees_the_caller_s_scope_alone(call: Call) -> None:
    rows = "SELECT DISTINCT teacher_id AS 编号 FROM records"
    assert call("query_records", sql=rows).structured_content["result"]["rows"] == [["T0001"]]
    assert call("query_records", "t0003", sql=rows).structured_content["result"]["rows"] == [["T0003"]]
    for sql in ("SELECT * FROM credits", "DELETE FROM records", "SELECT 1; SELECT 2", "SELECT * FROM accounts"):
        refused(call("query_records", sql=sql))


def test_an_administrator_sees_the_own_unit(call: Call) -> None:
    hers = call("calculate_hours", "admin-gczx", teacher="陈静")
    assert hers.structured_content["result"]["calculation"]["teacher_id"] == "T0003"
    assert refused(call("calculate_hours", "admin-humen", teacher="T0003")) == DENIED
    survey = call("check_compliance", "admin-humen", level="school").structured_content
    assert {row["unit"].split("/")[2] for row in survey["result"]["report"]["rows"]} == {"虎门镇"}
    assert "编号" in refused(call("calculate_hours", "admin-humen"))


# What is told.


def test_hours_are_the_calculator_s_with_their_clauses(call: Call, shipped: dict[str, Policy]) -> None:
    result = call("calculate_hours")
    assert json.loads(text(result)) == result.structured_content
    told = result.structured_content
    assert told["kind"] == "Hours"
    made = told["result"]["calculation"]
    assert (made["required"], made["counted"], made["remaining"], made["beyond_caps"]) == ("90", "78", "12", "10")
    by_id = {cited["id"]: cited for cited in told["citations"]}
    assert {line["citation"] for line in made["categories"]} <= by_id.keys()
    for cited in by_id.values():
        clause = shipped[cited["policy_id"]].clause(cited["locator"])
        assert clause is not None
        assert cited["quote"] in clause.quotable
        assert cited["sha256"] == clause.sha256
        assert cited["url"].startswith(f"https://xueshi.example.cn/policies/{cited['policy_id']}#")
    cut = next(item for item in made["not_counted"] if item["why"] == "cap")
    assert by_id[cut["citation"]]["locator"] == CAPS


def test_records_are_told_in_hours(call: Call) -> None:
    records = call("list_records", year=2023).structured_content["result"]["records"]
    assert sum(float(one["hours"]) for one in records if one["status"] == "已审核") == 88
    assert {one["hours"] for one in records} >= {"18", "3"}


def test_a_search_gives_clauses_to_be_quoted(call: Call) -> None:
    told = call("search_policy", query="镇级培训最多能计多少学时").structured_content
    first = told["result"]["found"][0]
    [cited] = [one for one in told["citations"] if one["id"] == first["token"]]
    assert (cited["locator"], cited["quote"]) == (CAPS, first["quote"])
    assert "12学时" in cited["quote"]


@pytest.mark.parametrize(
    ("name", "arguments", "named"),
    [
        ("calculate_hours", {"year": 0}, "year"),
        ("calculate_hours", {"year": "今年"}, "year"),
        ("calculate_hours", {"assume": [{"category": "体育", "hours": "6"}]}, "assume"),
        ("list_records", {"start": "昨天"}, "start"),
        ("search_policy", {}, "query"),
        ("search_policy", {"query": ""}, "query"),
        ("search_policy", {"query": "学" * 2001}, "2000"),
        ("calculate_hours", {"teacher": "陈\x00静"}, "字符"),
        ("calculate_hours", {"陈\x00静": 1}, "字符"),
        ("calculate_hours", {"陈\n静": 1}, "参数"),
        ("drop_tables", {}, "calculate_hours"),
    ],
)
def test_faulty_calls_are_told_in_words(call: Call, name: str, arguments: dict[str, Any], named: str) -> None:
    assert named in refused(call(name, **arguments))


def test_a_part_that_fails_tells_no_insides(make_web: Any, bearer: Headers, monkeypatch: pytest.MonkeyPatch) -> None:
    web = make_web()

    def broken(*_: Any) -> Any:
        raise RuntimeError("SELECT name FROM teachers WHERE 陈静")

    monkeypatch.setattr(web.app.state.installation.calls.tools, "call", broken)
    said = post(web, bearer(), "tools/call", name="calculate_hours", arguments={}).json()["result"]
    assert said["isError"]
    assert "暂时不可用" in said["content"][0]["text"]
    assert "teachers" not in said["content"][0]["text"]


# Who is let in.


def post(web: Any, headers: dict[str, str], method: str, /, **params: Any) -> Any:
    """A request as it is on the wire, with no handshake before it."""
    body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
    usual = {"Accept": "application/json, text/event-stream", "Host": "127.0.0.1:8000"}
    return web.post("/mcp", json=body, headers={**usual, **headers})


@pytest.fixture(scope="module")
def wire(address: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=address, trust_env=False, timeout=60) as client:
        yield client


def test_only_a_good_token_is_let_in(wire: httpx.Client, bearer: Headers, problem: Problem) -> None:
    late = int(time.time()) - 60
    bad = [{}, {"Authorization": "Basic dDE6dDE="}, bearer("t0001", "another secret, long enough to sign with it")]
    bad += [bearer(exp=late), bearer(aud="other"), {"Cookie": "__Host-xueshi=x"}]
    for headers in bad:
        refusal = post(wire, headers, "tools/list")
        problem(refusal, 401)
        assert refusal.headers["WWW-Authenticate"] == "Bearer"
    problem(post(wire, bearer("nobody"), "tools/list"), 403)
    assert post(wire, bearer(), "tools/list").status_code == 200


def test_a_client_without_a_token_gets_nothing(address: str) -> None:
    with pytest.raises(ExceptionGroup) as caught:
        speak(address, {}, lambda client: client.list_tools())
    assert "Server returned an error response" in "".join(traceback.format_exception(caught.value))


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "127.0.0.1.evil.example:80",
        "xueshi.example.cn.evil.example",
        "127.0.0.1:x@evil.example",
        "127.0.0.1:80@evil.example:80",
        "localhost:",
        "[::1]:80.evil.example",
    ],
)
def test_no_other_name_leads_here(wire: httpx.Client, bearer: Headers, problem: Problem, host: str) -> None:
    assert "XUESHI_PUBLIC_URL" in problem(post(wire, {**bearer(), "Host": host}, "tools/list"), 421)
    for own in ("xueshi.example.cn", "127.0.0.1", "localhost:8000", "[::1]", "[::1]:8000"):
        assert post(wire, {**bearer(), "Host": own}, "tools/list").status_code == 200


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "https://a.example.evil.example"])
def test_only_named_sites_may_call(wire: httpx.Client, bearer: Headers, problem: Problem, origin: str) -> None:
    problem(post(wire, {**bearer(), "Origin": origin}, "tools/list"), 403)
    for good in ("https://a.example", "https://xueshi.example.cn"):
        assert post(wire, {**bearer(), "Origin": good}, "tools/list").status_code == 200


def test_there_is_nothing_to_listen_to_and_no_session(wire: httpx.Client, bearer: Headers, problem: Problem) -> None:
    for method in ("GET", "DELETE", "PUT"):
        problem(wire.request(method, "/mcp", headers={**bearer(), "Accept": "text/event-stream"}), 405)
    answer = post(wire, {**bearer(), "Mcp-Session-Id": "made-up"}, "tools/call", name="calculate_hours", arguments={})
    assert answer.json()["result"]["structuredContent"]["result"]["calculation"]["teacher_id"] == "T0001"
    assert "Mcp-Session-Id" not in answer.headers


def test_a_call_has_a_size(wire: httpx.Client, bearer: Headers, problem: Problem) -> None:
    problem(post(wire, bearer(), "tools/call", name="search_policy", arguments={"query": "学" * 40_000}), 413)


@pytest.mark.parametrize(
    "version", [{}, {"Mcp-Protocol-Version": "2025-06-18"}, {"Mcp-Protocol-Version": "2026-07-28"}]
)
@pytest.mark.parametrize(
    "body",
    [
        b'[{"jsonrpc": "2.0", "id": 1, "method": "tools/list"}]',
        b"[]",
        b"{}",
        b"3",
        b"null",
        b"{",
        b"",
        b"\xff",
        b"[" * 50_000,
    ],
)
def test_a_body_that_is_no_message_is_refused(
    wire: httpx.Client, bearer: Headers, problem: Problem, body: bytes, version: dict[str, str]
) -> None:
    usual = {"Accept": "application/json, text/event-stream", "Content-Type": "application/json", **version}
    assert "JSON-RPC" in problem(wire.post("/mcp", content=body, headers={**usual, **bearer()}), 400)
    problem(wire.post("/mcp", content=body, headers=usual), 401)


def test_a_client_that_goes_away_is_no_fault(make_web: Any, bearer: Headers, caplog: pytest.LogCaptureFixture) -> None:
    web = make_web()
    usual = {"Host": "127.0.0.1", "Content-Type": "application/json", **bearer()}
    scope = {
        "type": "http",
        "method": "POST",
        "path": "/mcp",
        "query_string": b"",
        "headers": [(name.lower().encode(), value.encode()) for name, value in usual.items()],
    }
    came: list[dict[str, Any]] = [
        {"type": "http.disconnect"},
        {"type": "http.request", "body": b"{", "more_body": True},
    ]
    sent = []

    async def receive() -> Any:
        return came.pop()

    async def send(message: Any) -> None:
        sent.append(message)

    web.portal.call(web.app, scope, receive, send)
    assert (came, sent) == ([], [])
    assert not [record for record in caplog.records if record.levelname == "ERROR"]


# Limits and traces.


def test_calls_and_questions_have_one_limit(make_web: Any, bearer: Headers, problem: Problem) -> None:
    web: TestClient = make_web(rate_limit=3)
    web.post("/v1/ask", json={"question": "我今年还差多少学时？"}, headers=bearer())
    for _ in range(2):
        good = post(web, bearer(), "tools/call", name="calculate_hours", arguments={})
        assert good.json()["result"]["structuredContent"]["kind"] == "Hours"
    over = post(web, bearer(), "tools/call", name="calculate_hours", arguments={}).json()["result"]
    assert over["isError"]
    assert "提问过于频繁" in over["content"][0]["text"]
    problem(web.post("/v1/ask", json={"question": "我今年还差多少学时？"}, headers=bearer()), 429)
    other = post(web, bearer("t0003"), "tools/call", name="calculate_hours", arguments={}).json()["result"]
    assert other["structuredContent"]["result"]["calculation"]["teacher_id"] == "T0003"


def test_calls_are_in_the_caller_s_own_history(make_web: Any, bearer: Headers, problem: Problem) -> None:
    web: TestClient = make_web()
    for teacher in (None, "陈静"):
        post(web, bearer(), "tools/call", name="calculate_hours", arguments={"year": 2023, "teacher": teacher})
    [thread] = web.get("/v1/threads", headers=bearer()).json()["threads"]
    first, second = web.get(f"/v1/threads/{thread['id']}", headers=bearer()).json()["turns"]
    assert "calculate_hours" in first["question"]
    assert (first["answer"]["outcome"], second["answer"]["outcome"]) == ("answered", "not_permitted")
    receipt = web.get(f"/v1/answers/{first['answer_id']}", headers=bearer()).json()
    assert {one["record_id"][:5] for one in receipt["records"]} == {"R0001"}
    assert web.get("/v1/threads", headers=bearer("t0003")).json()["threads"] == []
    problem(web.get(f"/v1/threads/{thread['id']}", headers=bearer("t0003")), 404)
    problem(web.get(f"/v1/answers/{first['answer_id']}", headers=bearer("t0003")), 404)


# On standard input and output.


def run(home: Path, account: str, say: Callable[[Client], Awaitable[Any]]) -> Any:
    """What comes of a conversation with a process of `xueshi mcp`."""
    plain = {name: value for name, value in os.environ.items() if not name.startswith("XUESHI_")}
    given = {**plain, "XUESHI_HOME": str(home), "XUESHI_TODAY": str(TODAY)}
    command = StdioServerParameters(command=str(XUESHI), args=["mcp", "--as", account], env=given, cwd=home.parent)

    async def spoken() -> Any:
        async with Client(command) as client:
            return await say(client)

    return asyncio.run(spoken())


@pytest.mark.parametrize(("account", "own", "other"), [("t0001", "T0001", "T0003"), ("t0003", "T0003", "T0001")])
def test_a_process_serves_its_account(made_home: Path, tmp_path: Path, account: str, own: str, other: str) -> None:
    async def say(client: Client) -> tuple[CallToolResult, CallToolResult, CallToolResult]:
        hours = await client.call_tool("calculate_hours", {})
        clauses = await client.call_tool("search_policy", {"query": "镇级培训最多能计多少学时"})
        return hours, clauses, await client.call_tool("calculate_hours", {"teacher": other})

    hours, clauses, others = run(shutil.copytree(made_home, tmp_path / "home"), account, say)
    assert hours.structured_content["result"]["calculation"]["teacher_id"] == own
    assert other not in text(hours)
    assert clauses.structured_content["citations"]
    assert refused(others) == DENIED


def test_a_process_for_nobody_does_not_start(made_home: Path, tmp_path: Path) -> None:
    home = shutil.copytree(made_home, tmp_path / "home")
    with pytest.raises(Exception, match=r"."):
        run(home, "nobody", lambda client: client.list_tools())
