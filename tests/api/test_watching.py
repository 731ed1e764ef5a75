"""What whoever runs the service sees: request ids, logs, counts, traces, states. Nothing of anybody's in any of it."""

import json
import logging
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import grpc
import pytest
from fastapi.testclient import TestClient
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2 as wire
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2_grpc as rpc
from prometheus_client.parser import text_string_to_metric_families

from api import logs
from api.metrics import METRICS
from assistant import watch
from assistant.ask import Assistant
from assistant.errors import Unavailable
from assistant.planner.read import Intent
from assistant.store import policies
from evals.scripted_model import ScriptedModel, says
from ingest.policies import index_again
from tests.chroma import chroma_server
from tests.conftest import SAMPLE
from tests.private import logged, told_of
from tests.spoken import HOURS as CALL
from tests.spoken import spoken

Headers = Callable[..., dict[str, str]]
HOURS = "我今年还差多少学时？"
UUID = "0f8fad5b-d9cb-469f-a165-70867728950e"
# What is somebody's in what `traffic` does, beside every name, number and account of the sample.
SECRETS = {"我今年还差多少学时", "莫国栋今年", "不存在的人", "secret-token-of-mine", "隐私的评语"}


def traffic(web: TestClient, bearer: Headers) -> None:
    """Questions, imports, errors, wrong tokens: what personal data comes in by, and where it could get out."""
    for account, question in (
        ("t0001", HOURS),
        ("t0001", "莫国栋今年还差多少学时？"),
        ("admin-gczx", "林晓岚今年还差多少学时？"),
        ("admin-gczx", "我们学校还有谁没达标？"),
        ("t0001", "学" * 3000),
    ):
        web.post("/v1/ask", json={"question": question}, headers=bearer(account))
    answer = web.post("/v1/ask", json={"question": HOURS}, headers=bearer("t0002")).json()
    said = {"rating": "down", "comment": "隐私的评语"}
    web.post(f"/v1/answers/{answer['id']}/feedback", json=said, headers=bearer("t0002"))
    web.post("/v1/threads/new/runs", json={"question": HOURS}, headers=bearer("t0001"))
    web.get("/v1/threads/林晓岚", headers=bearer("t0001"))
    web.get("/v1/search?q=莫国栋", headers=bearer("t0001"))
    web.get("/v1/policies/T0001", headers=bearer("t0001"))
    web.get("/nowhere/林晓岚?token=secret-token-of-mine")
    web.get("/v1/me", headers=bearer("不存在的人"))
    web.get("/v1/me", headers={"Authorization": "Bearer secret-token-of-mine"})
    web.get("/v1/me", headers=bearer("t0001") | {"X-Request-ID": "T0001 林晓岚".encode()})
    web.get("/v1/compliance?level=teacher", headers=bearer("admin-gczx"))
    bad = "teacher_id,name,unit,stage,subject,employed_from,employed_to\nT0001,林晓岚,无此单位,小学,数学,昨天,\n"
    web.post("/v1/imports", files={"files": ("林晓岚.csv", bad.encode())}, headers=bearer("admin-gczx"))
    path = next(path for path in SAMPLE if path.stem == "teachers")
    good = "\n".join(path.read_text("utf-8-sig").splitlines()[:3])
    web.post("/v1/imports", files={"files": (path.name, good.encode())}, headers=bearer("admin-dongguan"))
    web.post("/wecom/app?msg_signature=secret-token-of-mine", content="<xml>林晓岚</xml>".encode())


def broken(*_: Any) -> None:
    raise RuntimeError("林晓岚 T0001 has 66 hours, secret-token-of-mine")


# Logs and request ids.


def test_no_log_tells_anything_of_anybody(make_web: Any, bearer: Headers, monkeypatch: pytest.MonkeyPatch) -> None:
    with logged() as so_far:
        web = make_web()
        traffic(web, bearer)
        monkeypatch.setattr(Assistant, "me", broken)
        web.get("/v1/me", headers=bearer("t0001"))
        logging.getLogger("somebody.elses").error("of %s", "林晓岚")
        try:
            broken()
        except RuntimeError:
            logging.getLogger("api.test").exception("it failed")
        written = so_far()
    assert told_of("林晓岚 is T0001") == {"林晓岚", "T0001", "t0001"}
    assert told_of(written, *SECRETS) == set()
    lines = [json.loads(line) for line in written.splitlines()]
    assert {line["level"] for line in lines} >= {"INFO", "ERROR"}
    requests = [line for line in lines if line["logger"] == "api.watching"]
    assert len(requests) >= 19
    assert {(one["method"], one["route"], one["status"]) for one in requests} >= {
        ("POST", "/v1/ask", 200),
        ("POST", "/v1/ask", 422),
        ("GET", "/v1/threads/{thread}", 404),
        ("GET", "none", 404),
        ("GET", "/v1/me", 401),
        ("GET", "/v1/me", 500),
    }
    assert all(re.fullmatch("[0-9a-f]{32}", one["request"]) for one in requests)
    [foreign] = [line for line in lines if line["logger"] == "somebody.elses"]
    assert foreign["message"].startswith("somebody.elses spoke at ")
    [failed] = [line for line in lines if line["logger"] == "api.test"]
    assert failed["error"].startswith("RuntimeError at ")


def test_on_a_terminal_a_line_can_be_read() -> None:
    record = logging.LogRecord("api.x", logging.WARNING, "x.py", 1, "refused: %s", ("why",), None)
    assert re.fullmatch(r"\d\d:\d\d:\d\d WARNING refused: why", logs.Lines(as_json=False).format(record))


def test_answering_in_the_background_is_logged_under_its_request(make_web: Any, bearer: Headers) -> None:
    headers = bearer("t0001") | {"X-Request-ID": UUID}
    with logged() as so_far:
        make_web().post("/v1/threads/new/runs", json={"question": HOURS}, headers=headers)
        lines = [json.loads(line) for line in so_far().splitlines()]
    assert [line["message"] for line in lines if line.get("request") == UUID and line["logger"] == "assistant.ask"]


def test_a_request_has_one_id_everywhere(web: TestClient, bearer: Headers) -> None:
    for given, taken in ((UUID, True), ("a" * 32, True), ("T0001", False), ("1" * 18, False), ("x" * 5000, False)):
        response = web.get("/v1/policies/nowhere", headers=bearer() | {"X-Request-ID": given})
        name = response.headers["X-Request-ID"]
        assert response.json()["request_id"] == name
        assert (name == given) is taken
    names = {web.get("/healthz").headers["X-Request-ID"] for _ in range(3)}
    assert len(names) == 3


# Counts.


def counts(web: TestClient) -> dict[tuple[str, ...], float]:
    response = web.get("/metrics")
    assert response.headers["Content-Type"].startswith("text/plain")
    return {
        (sample.name, *map("=".join, sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(response.text)
        for sample in family.samples
    }


def test_what_happens_is_counted(make_web: Any, bearer: Headers) -> None:
    web = make_web()
    before = counts(web)
    traffic(web, bearer)
    assert web.get("/mcp").status_code == 405
    after = counts(web)
    more = {name: value - before.get(name, 0) for name, value in after.items() if value > before.get(name, 0)}
    assert more["xueshi_questions_total", "by=planner", "intent=gap", "outcome=answered"] == 4
    assert more["xueshi_questions_total", "by=planner", "intent=gap", "outcome=not_permitted"] == 1
    assert more["xueshi_questions_total", "by=planner", "intent=unit", "outcome=answered"] == 1
    assert more["xueshi_answer_seconds_count", "by=planner"] == 6
    for stage in ("read", "guard", "calculate_hours", "check_compliance", "search"):
        assert more["xueshi_stage_seconds_count", f"stage={stage}"] >= 1
    assert more["xueshi_search_similarity_count",] == 1
    assert more["xueshi_import_rows_total", "change=unchanged", "kind=teachers"] == 2
    assert more["xueshi_http_requests_total", "method=GET", "route=none", "status=404"] == 1
    assert more["xueshi_http_requests_total", "method=POST", "route=/v1/ask", "status=422"] == 1
    assert more["xueshi_http_requests_total", "method=GET", "route=/mcp", "status=405"] == 1
    assert told_of(web.get("/metrics").text, *SECRETS) == set()


def test_labels_have_few_values(web: TestClient, bearer: Headers) -> None:
    web.get("/v1/me", headers=bearer())
    web.get("/metrics")
    before = counts(web)
    for number in range(20):
        web.get(f"/nowhere/{number}")
        web.request(f"ODD{number}", "/v1/me")
        web.get(f"/v1/answers/a{number}", headers=bearer())
        web.get(f"/static/{number}.js")
    added = {name for name in counts(web).keys() - before.keys() if name[0] == "xueshi_http_requests_total"}
    assert len(added) <= 4
    intents = {part for name in before for part in name if part.startswith("intent=")}
    assert intents <= {"intent=", *(f"intent={intent}" for intent in Intent)}


def test_what_a_model_does_not_do_is_counted(installation: Any, web: TestClient) -> None:
    watch.listen(METRICS)
    before = counts(web)
    with spoken(installation, CALL, says("您还差 55 学时。")) as model:
        model.ask()
    with spoken(installation, says("")) as silent:
        silent.ask()
    after = counts(web)
    refused = ("xueshi_guard_rejections_total", "by=model")
    assert after[refused] == before.get(refused, 0) + 1
    failed = ("xueshi_model_failures_total",)
    assert after[failed] == before.get(failed, 0) + 1


def test_workers_add_up(tmp_path: Path) -> None:
    """As `xueshi serve --workers 2` starts them: what is left of an earlier start isn't counted."""
    count = "from api.metrics import METRICS, shown; from assistant.watch import Imported;"
    count += "METRICS.told(Imported('credits', 'added', 21)); print(shown().decode())"
    start = (
        "import subprocess, sys; from pathlib import Path; from assistant import settings;"
        f"settings.share_metrics(Path({str(tmp_path / 'metrics')!r}));"
        f"[subprocess.run([sys.executable, '-c', {count!r}], check=True) for _ in range(2)]"
    )
    for _ in range(2):
        told = subprocess.run([sys.executable, "-c", start], capture_output=True, encoding="utf-8", check=True).stdout
        rows = re.findall(r'xueshi_import_rows_total\{change="added",kind="credits"\} (\S+)', told)
        assert rows == ["21.0", "42.0"]


# Traces.


class Collector(rpc.TraceServiceServicer):
    """Takes spans as a real collector would."""

    def __init__(self) -> None:
        self.spans: list[Any] = []
        self.names: set[str] = set()

    def Export(self, request: Any, context: Any) -> Any:  # noqa: N802  gRPC's name
        for resource in request.resource_spans:
            self.names |= {
                pair.value.string_value for pair in resource.resource.attributes if pair.key == "service.name"
            }
            for scope in resource.scope_spans:
                self.spans += scope.spans
        return wire.ExportTraceServiceResponse()


@pytest.fixture
def collector() -> Iterator[tuple[Collector, str]]:
    server, taken = grpc.server(ThreadPoolExecutor(2)), Collector()
    rpc.add_TraceServiceServicer_to_server(taken, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    yield taken, f"http://127.0.0.1:{port}"
    server.stop(None)


def test_traces_go_where_the_standard_variables_say(
    make_web: Any, bearer: Headers, collector: tuple[Collector, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    taken, address = collector
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", address)
    monkeypatch.delenv("OTEL_SERVICE_NAME", raising=False)
    trace = "0af7651916cd43dd8448eb211c80319c"
    web = make_web()
    headers = bearer("t0001") | {"traceparent": f"00-{trace}-b7ad6b7169203331-01"}
    web.post("/v1/ask", json={"question": HOURS}, headers=headers)
    traffic(web, bearer)
    monkeypatch.setattr(Assistant, "me", broken)
    web.get("/v1/me", headers=bearer("t0001"))
    web.__exit__(None, None, None)  # what is left is sent off
    assert taken.names == {"xueshi"}
    mine = {span.name for span in taken.spans if span.trace_id.hex() == trace}
    assert mine == {"POST /v1/ask", "read", "calculate_hours", "guard"}
    assert {"GET /v1/me", "GET none", "search", "check_compliance"} <= {span.name for span in taken.spans}
    assert told_of("".join(map(str, taken.spans)), *SECRETS) == set()


def test_without_them_nothing_is_loaded_for_traces(made_home: Any, tmp_path: Any) -> None:
    script = (
        "import sys, api.app; from assistant.settings import Settings; from pathlib import Path;"
        f"api.app.create_app(Settings(_env_file=None, home=Path({str(tmp_path)!r}), auth_secret='s' * 40));"
        "sys.exit('api.traces' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", script]).returncode == 0


# States.


def test_the_part_that_is_down_is_told_in_fixed_words(make_web: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    web = make_web()
    installation = web.app.state.installation
    assert set(web.get("/readyz").json()["parts"].values()) == {"ok"}

    def down(*_: Any) -> None:
        raise Unavailable("10.1.2.3:8000 refused /var/lib/chroma")

    monkeypatch.setattr(installation.index, "check", down)
    said = web.get("/readyz")
    assert said.status_code == 503
    assert {name for name, state in said.json()["parts"].items() if state != "ok"} == {"vectors"}
    monkeypatch.undo()
    monkeypatch.setattr(installation.database, "read", down)
    said_too = web.get("/readyz")
    assert {name for name, state in said_too.json()["parts"].items() if state != "ok"} == {"database"}
    assert "10.1.2.3" not in said.text + said_too.text
    assert "/var" not in said.text + said_too.text


def test_vectors_that_were_lost_are_told_until_they_are_made_anew(make_web: Any, tmp_path: Path) -> None:
    with chroma_server(tmp_path / "chroma") as server:
        web = make_web(vector_url=server.url)
        installation = web.app.state.installation

        def vectors() -> Any:
            said = web.get("/readyz")
            assert said.json()["ready"] == (said.status_code == 200) == (said.json()["parts"]["vectors"] == "ok")
            assert {state for part, state in said.json()["parts"].items() if part != "vectors"} == {"ok"}
            return said.json()["parts"]["vectors"]

        assert "xueshi ingest policies" in vectors()  # the policies' vectors are in another store
        index_again(installation.database, installation.index)
        assert vectors() == "ok"
        with installation.database.read() as connection:
            installation.index.keep_only([meta.id for meta in policies.metas(connection)], [])
        assert "xueshi ingest policies" in vectors()
        index_again(installation.database, installation.index)
        assert vectors() == "ok"
        server.stop()
        assert "xueshi doctor" in vectors()
        shutil.rmtree(server.folder)
        server.start()
        assert "xueshi ingest policies" in vectors()
        index_again(installation.database, installation.index)
        assert vectors() == "ok"


def test_the_model_is_a_part_where_there_is_one(make_web: Any) -> None:
    with ScriptedModel([says("")]) as model:
        web = make_web(model="openai:scripted", model_base_url=model.url)
        assert web.get("/readyz").json()["parts"]["model"] == "ok"


def test_without_its_model_it_is_ready_all_the_same(make_web: Any) -> None:
    web = make_web(model="openai:scripted", model_base_url="http://127.0.0.1:9/v1")
    said = web.get("/readyz").json()
    assert said["ready"]
    assert "语言模型无法连接" in said["parts"]["model"]
    assert "127.0.0.1" not in str(said)
