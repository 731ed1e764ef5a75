"""The typed client, against a started server and against `/openapi.json`; and what that says of the routes."""

import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from api.client import Client, Refused
from assistant.answer import Outcome
from tests.api.conftest import SECRET, settings_for
from tests.api.serving import served

Headers = Callable[..., dict[str, str]]
Make = Callable[..., Client]
GAP = "我今年还差多少学时？"
METHODS = {"get", "post", "put", "delete"}


@pytest.fixture(scope="module")
def site(made_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[FastAPI, str]]:
    home = shutil.copytree(made_home, tmp_path_factory.mktemp("client") / "home")
    with served(settings_for(home, auth_secret=SECRET)) as opened:
        yield opened


@pytest.fixture(scope="module")
def described(site: tuple[FastAPI, str]) -> dict[str, Any]:
    """`/openapi.json`."""
    found: dict[str, Any] = httpx.get(f"{site[1]}/openapi.json", trust_env=False).json()
    return found


@pytest.fixture
def client(site: tuple[FastAPI, str], described: dict[str, Any], bearer: Headers) -> Iterator[Make]:
    """Clients of accounts; whatever one sends has to be as it is described."""
    opened: list[Client] = []

    def made(account: str = "t0001", token: str | Callable[[], str] | None = None) -> Client:
        hooks = {"request": [lambda request: check_described(described, request)]}
        http = httpx.Client(trust_env=False, timeout=60, event_hooks=hooks)
        known = bearer(account)["Authorization"].removeprefix("Bearer ")
        opened.append(Client(site[1], known if token is None else token, http))
        return opened[-1]

    yield made
    for one in opened:
        one.close()


def check_described(spec: dict[str, Any], request: httpx.Request) -> None:
    """A request is to an operation of the description, with parameters and fields that it names, and all it needs."""
    paths = {re.sub(r"\{\w+\}", "[^/]+", path): operations for path, operations in spec["paths"].items()}
    [operations] = [
        found for path, found in paths.items() if re.fullmatch(path, request.url.raw_path.decode().split("?")[0])
    ]
    operation = operations[request.method.lower()]
    parameters = operation.get("parameters", [])
    named = {place: {one["name"].lower() for one in parameters if one["in"] == place} for place in ("query", "header")}
    assert set(request.url.params) <= named["query"]
    usual = {"host", "accept", "accept-encoding", "connection", "user-agent", "content-length", "content-type"}
    assert set(request.headers) - usual - {"authorization"} <= named["header"]
    assert "security" in operation
    if not request.content:
        assert "requestBody" not in operation
        return
    schema = operation["requestBody"]["content"]["application/json"]["schema"]
    schema = spec["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    said = httpx.Response(200, content=request.content).json()
    assert set(schema.get("required", ())) <= said.keys() <= schema["properties"].keys()


# The client.


def test_every_call_is_one_of_the_description(client: Make) -> None:
    with client() as xueshi:
        answer = xueshi.ask(GAP)
        assert answer.outcome is Outcome.ANSWERED
        assert answer.calculation
        assert answer.calculation.remaining == "12"
        again = xueshi.ask("专业的呢？", answer.thread_id)
        assert again.thread_id == answer.thread_id
        assert [turn.answer for turn in xueshi.thread(answer.thread_id).turns] == [answer, again]
        assert xueshi.receipt(answer.id).answer == answer
        xueshi.rate(answer.id, "up", "清楚")
        me = xueshi.me()
        assert (me.account, me.teacher_id, me.calculation) == ("t0001", "T0001", answer.calculation)
        policies = xueshi.policies()
        policy = xueshi.policy("dongguan-2023")
        assert policy.title in {one.title for one in policies}
        [found] = xueshi.search("镇级培训最多能计多少学时", limit=1)
        assert found.text in {clause.text for clause in policy.clauses}
        assert len(xueshi.search("培训经费", limit=20, anywhere=True)) == 20
        assert xueshi.threads(limit=1)[0].id == answer.thread_id
        xueshi.delete_thread(answer.thread_id)
        with pytest.raises(Refused) as caught:
            xueshi.thread(answer.thread_id)
        assert caught.value.status == 404


def test_an_administrator_reads_the_own_unit(client: Make) -> None:
    report = client("admin-humen").compliance(year=2023, level="school")
    assert {row.unit.split("/")[2] for row in report.rows} == {"虎门镇"}
    for account, unit in (("admin-humen", "广东省/东莞市/莞城街道"), ("t0001", None)):
        with pytest.raises(Refused) as caught:
            client(account).compliance(unit)
        assert caught.value.status == 403


def test_two_people_see_nothing_of_each_other(client: Make) -> None:
    mine, other = client(), client("t0003")
    answer = mine.ask(GAP)
    assert other.me().teacher_id == "T0003"
    assert answer.thread_id not in {thread.id for thread in other.threads()}
    calls: list[Callable[[], Any]] = [
        lambda: other.thread(answer.thread_id),
        lambda: other.receipt(answer.id),
        lambda: other.delete_thread(answer.thread_id),
        lambda: other.rate(answer.id, "down"),
        lambda: other.ask(GAP, answer.thread_id),
        lambda: next(other.stream(GAP, answer.thread_id)),
    ]
    for call in calls:
        with pytest.raises(Refused) as caught:
            call()
        assert caught.value.status == 404
    assert mine.receipt(answer.id).answer == answer


def test_a_stream_tells_the_answer(client: Make) -> None:
    xueshi = client()
    parts = list(xueshi.stream(GAP))
    assert (parts[0]["type"], parts[-1]["type"]) == ("start", "finish")
    thread = parts[0]["messageMetadata"]["threadId"]
    said = "".join(part["delta"] for part in parts if part["type"] == "text-delta")
    [turn] = xueshi.thread(thread).turns
    assert turn.answer
    assert said == turn.answer.text
    xueshi.stop(parts[0]["messageMetadata"]["runId"])


def test_a_lost_connection_is_taken_up(client: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each connection breaks behind its second event: nothing is missing, and nothing comes twice."""
    whole = list(client().stream(GAP))
    lines, lost = httpx.Response.iter_lines, []

    def breaking(response: httpx.Response) -> Iterator[str]:
        seen = 0
        for line in lines(response):
            yield line
            seen += line.startswith("data: ")
            if seen == 2:
                lost.append(response.request.method)
                raise httpx.ReadError("lost")

    monkeypatch.setattr(httpx.Response, "iter_lines", breaking)
    again = list(client().stream(GAP))
    assert [part["type"] for part in again] == [part["type"] for part in whole]
    assert lost[:2] == ["POST", "GET"]
    monkeypatch.setattr(httpx.Response, "iter_lines", lambda _: iter(()))
    with pytest.raises(httpx.RemoteProtocolError):
        list(client().stream(GAP))


def test_refusals_are_told(client: Make, make_web: Any, bearer: Headers) -> None:
    with pytest.raises(Refused, match="2000") as caught:
        client().ask("")
    assert (caught.value.status, caught.value.retry_after) == (422, None)
    for token in ("x", ""):
        with pytest.raises(Refused) as caught:
            client(token=token or "y").me()
        assert caught.value.status == 401
    web = make_web(rate_limit=1)
    limited = Client("http://testserver", bearer()["Authorization"].removeprefix("Bearer "), web)
    limited.ask(GAP)
    with pytest.raises(Refused, match="频繁") as caught:
        limited.ask(GAP)
    assert caught.value.status == 429
    assert caught.value.retry_after


def test_a_token_is_asked_for_again(client: Make, bearer: Headers) -> None:
    tokens = iter([bearer(account)["Authorization"].removeprefix("Bearer ") for account in ("t0001", "t0003")])
    xueshi = client(token=lambda: next(tokens))
    assert [xueshi.me().account, xueshi.me().account] == ["t0001", "t0003"]


def test_what_comes_from_before_the_api_is_told_by_its_status() -> None:
    gateway = httpx.MockTransport(lambda _: httpx.Response(502, html="<h1>Bad gateway</h1>"))
    with Client("http://x.example", "t", httpx.Client(transport=gateway)) as xueshi, pytest.raises(Refused) as caught:
        xueshi.me()
    assert (caught.value.status, caught.value.detail) == (502, "Bad Gateway")


def test_the_client_needs_no_web_framework() -> None:
    code = (
        "import sys, api.client; print({'fastapi', 'starlette', 'uvicorn', 'chromadb', 'langchain'} & {*sys.modules})"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


# The description.


def test_the_description_is_whole(described: dict[str, Any]) -> None:
    schemes = described["components"]["securitySchemes"]
    operations = [
        (path, method, operation)
        for path, found in described["paths"].items()
        for method, operation in found.items()
        if method in METHODS
    ]
    assert len(operations) > 30
    assert len({operation["operationId"] for *_, operation in operations}) == len(operations)
    for path, method, operation in operations:
        name = f"{method} {path}"
        assert operation["summary"], name
        good = [answer for status, answer in operation["responses"].items() if status.startswith("2")]
        assert good, name
        assert all(answer.get("content") or status == "204" for status, answer in operation["responses"].items()), name
        own = "OpenAIError" if path.startswith(("/v1/chat", "/v1/models")) else "Problem"
        for status, answer in operation["responses"].items():
            if status.startswith("4") or status == "default":
                [content] = answer["content"].values()
                assert content["schema"]["$ref"].endswith(own), name
        if path.startswith("/v1/") and path != "/v1/session":
            assert {"401", "403", "503"} <= operation["responses"].keys(), name
            assert [scheme in schemes for one in operation["security"] for scheme in one] == [True], name


def test_pages_and_other_protocols_are_not_described(described: dict[str, Any]) -> None:
    assert not {"/mcp", "/", "/chat", "/admin", "/widget.js", "/wecom/app"} & described["paths"].keys()


def test_every_reference_is_there(described: dict[str, Any]) -> None:
    named = set(re.findall(r'"#/components/schemas/([^"]+)"', httpx.Response(200, json=described).text))
    assert named <= described["components"]["schemas"].keys()
    assert "HTTPValidationError" not in named
