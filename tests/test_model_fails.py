"""A language model that fails, in every way that was ever seen: the planner answers, and nobody waits for it again."""

import json
import logging
import re
import subprocess
import sys
import threading
from collections.abc import Generator
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr
from sqlalchemy import select

from assistant.answer import Answer
from assistant.bootstrap import Installation, install
from assistant.chat import chat_model
from assistant.errors import SettingsError
from assistant.events import Text, doing, parts
from assistant.model import Circuit, Limits, ModelFailed, in_time
from assistant.settings import Settings
from assistant.store.tables import Turn
from assistant.tools import Tools
from evals.scripted_model import Reply, ScriptedModel, calls, fails, says
from tests.spoken import GAP, HOURS, KEY, QUICK, Spoken, body, by_planner, spoken, told

GOOD = says("您还差 12 学时[^s1]。")
SSE = "text/event-stream"
BROKEN = {
    "500": fails(500),
    "502 of a proxy": fails(502, "<html>Bad Gateway</html>", "text/html"),
    "a wrong key": fails(401, json.dumps({"error": {"message": f"Incorrect API key: {KEY}"}})),
    "a page": fails(200, "<html>请登录</html>", "text/html"),
    "an error as JSON": fails(200, '{"error": {"message": "quota"}}'),
    "no choices": fails(200, '{"choices": []}'),
    "no choices in a stream": fails(200, 'data: {"choices": []}\n\ndata: [DONE]\n\n', SSE),
    "choices of null": fails(200, 'data: {"choices": null}\n\ndata: [DONE]\n\n', SSE),
    "half of an event": fails(200, 'data: {"choices": [{"delta"', SSE),
    "no JSON": fails(200, "data: 您还差 37 学时\n\n", SSE),
    "nothing": fails(200, "", SSE),
    "an empty reply": says(""),
    "cut off in the text": says("您还差 12 学时。您还差 37 学时。", pieces=4),
    "cut off by its length": says("您还差 12 学时。", finish="length"),
    "held back by a filter": says("您还差 12 学时。", finish="content_filter"),
    "a call cut off": calls(("list_records", '{"year": 2022, "statuses": ["已审')),
    "a call cut off by its length": calls(("list_records", {"year": 2022}), finish="length"),
    "a call cut off with its line": calls(("list_records", {"year": 2022}), pieces=2),
    "arguments that are no object": calls(("list_records", "[2022]")),
    "arguments that are no JSON": calls(("list_records", "year=2022")),
    "a call of nothing": calls(("", {})),
    "too long": says("很" * 7000),
    "no end of calls": calls(("no_such_tool", {})),
}


@pytest.mark.parametrize("reply", BROKEN.values(), ids=BROKEN)
@pytest.mark.parametrize("after", [[], [HOURS]], ids=["at once", "after a tool"])
def test_the_planner_answers_in_its_place(reply: Reply, after: list[Reply], installation: Installation) -> None:
    with spoken(installation, *after, reply) as model:
        events = model.events()
    answer = events[-1]
    assert isinstance(answer, Answer)
    assert body(answer) == by_planner(installation)
    assert told(events) == answer.text
    # No tool ran with half of its arguments.
    assert doing("list_records") not in events
    assert "37" not in "".join(event.part for event in events if isinstance(event, Text))


STALLED = {
    "before the first word": says("您还差 12 学时。", wait=60),
    "in the middle": says("您还差 12 学时。", pause=60),
    "but for signs of life": says("您还差 12 学时。", beats=600, pause=0.2),
    "drop by drop": says("您还差 12 学时。" * 99, pause=0.3),
}


@pytest.mark.parametrize("reply", STALLED.values(), ids=STALLED)
def test_nobody_waits_for_a_model_that_stalls(reply: Reply, installation: Installation) -> None:
    limits = replace(QUICK, silence=0.5, whole=3)
    with spoken(installation, HOURS, reply, limits=limits) as model:
        answer = model.ask()
    assert body(answer) == by_planner(installation)


def test_a_model_that_nobody_serves(installation: Installation) -> None:
    with ScriptedModel([GOOD]) as server:
        pass
    assert body(Spoken(installation, server, QUICK).ask()) == by_planner(installation)


# Trying again.


def test_what_may_pass_is_tried_again(installation: Installation) -> None:
    limits = replace(QUICK, retries=1)
    with spoken(installation, fails(503), HOURS, fails(429), GOOD, limits=limits) as model:
        assert model.ask().text == "您还差 12 学时[^1]。"
    assert len(model.server.requests) == 4


@pytest.mark.parametrize("reply", [fails(400), fails(401), fails(404), BROKEN["a page"], BROKEN["a call cut off"]])
def test_what_will_not_pass_is_not(reply: Reply, installation: Installation) -> None:
    with spoken(installation, reply, limits=replace(QUICK, retries=1)) as model:
        model.ask()
    assert len(model.server.requests) == 1


def test_after_some_failures_the_model_is_left_alone(installation: Installation) -> None:
    limits = replace(QUICK, failures=2, rest=3600)
    with spoken(installation, fails(500), limits=limits) as model:
        answers = [model.ask() for _ in range(4)]
    assert len(model.server.requests) == 2
    assert all(body(answer) == by_planner(installation) for answer in answers)


def test_a_refused_text_is_no_failure_of_the_line(installation: Installation) -> None:
    limits = replace(QUICK, failures=1, rest=3600)
    with spoken(installation, HOURS, says("您还差 37 学时。"), HOURS, GOOD, limits=limits) as model:
        assert body(model.ask()) == by_planner(installation)
        assert model.ask().text == "您还差 12 学时[^1]。"


def test_a_circuit_opens_rests_and_tries_one() -> None:
    now = [0.0]
    circuit = Circuit(2, 60, lambda: now[0])
    circuit.tell(well=False)
    circuit.tell(well=True)
    circuit.tell(well=False)
    assert circuit.admits()
    circuit.tell(well=False)
    now[0] = 59
    assert not circuit.admits()
    now[0] = 60
    assert [circuit.admits(), circuit.admits()] == [True, False]
    circuit.tell(well=False)
    now[0] = 119
    assert not circuit.admits()
    now[0] = 120
    assert circuit.admits()
    circuit.tell(well=True)
    assert [circuit.admits(), circuit.admits()] == [True, True]


def test_a_question_has_a_budget(installation: Installation) -> None:
    with spoken(installation, HOURS, limits=replace(QUICK, characters=30_000)) as model:
        answer = model.ask()
    assert body(answer) == by_planner(installation)
    assert 1 < len(model.server.requests) < 8
    assert sum(len(str(one["messages"])) for one in model.server.requests) < 60_000


def test_a_generator_is_left_when_its_time_is_over() -> None:
    ended = threading.Event()

    def stalling() -> Generator[int]:
        yield 1
        ended.wait(60)

    items = in_time(stalling(), 0.2)
    assert next(items) == 1
    with pytest.raises(ModelFailed):
        next(items)
    ended.set()


def test_a_generator_s_error_comes_through() -> None:
    def broken() -> Generator[int]:
        yield 1
        raise KeyError("x")

    items = in_time(broken(), 10)
    assert next(items) == 1
    with pytest.raises(KeyError):
        next(items)


# Stopping.


def turns_of(installation: Installation, account: str) -> list[dict[str, object]]:
    query = select(Turn.answer).where(Turn.account == account).order_by(Turn.asked_at)
    with installation.database.read() as connection:
        return list(connection.execute(query).scalars())


@pytest.mark.parametrize("driven", ["model", "planner"])
def test_whoever_stops_reading_stops_the_answer(driven: str, settings: Settings) -> None:
    own = install(settings)
    replies = [HOURS, says("您还差 12 学时[^s1]。" + "专业科目还差 4 学时。" * 40, pause=0.02)]
    with spoken(own, *replies) as model:
        assistant = model.assistant if driven == "model" else own.assistant
        events = assistant.stream(GAP, assistant.account("t0001"))
        shown = next(event for event in events if isinstance(event, Text))
        events.close()
        [answer] = turns_of(own, "t0001")
        assert answer is not None
        assert (answer["stopped"], answer["text"]) == (True, shown.part)
        # What was broken off is no part of the conversation.
        asked = len(model.server.requests)
        model.ask(thread=str(answer["thread_id"]))
        roles = [one["role"] for one in model.server.requests[asked]["messages"]]
    own.close()
    assert roles == ["system", "user"]


# What is said of it.


def test_the_log_tells_who_answered_and_nothing_else(
    installation: Installation, caplog: pytest.LogCaptureFixture
) -> None:
    question = "T0001林晓岚还差多少学时？"
    with caplog.at_level(logging.INFO, "assistant"), spoken(installation, HOURS, GOOD, fails(401)) as model:
        first, second = model.ask(question), model.ask(question)
    assert f"answer {first.id}: by the language model" in caplog.messages
    assert f"answer {second.id}: by the planner" in caplog.messages
    assert not re.search(f"林晓岚|T0001|t0001|学时|{KEY}", caplog.text)


def test_every_tool_says_what_it_does(installation: Installation) -> None:
    said = [doing(tool.name) for tool in Tools(installation.database, installation.index).described]
    assert len(set(said)) == len(said)
    assert doing("no such tool") not in said


@given(st.text(alphabet="是12。！？；\n[^1] “”"))
def test_a_text_is_shown_in_parts_and_whole(text: str) -> None:
    assert "".join(parts(text)) == text


# Its settings.

WRONG = [
    ("qwen-plus", "http://127.0.0.1:1/v1", KEY, "XUESHI_MODEL"),
    (":qwen-plus", "", KEY, "XUESHI_MODEL"),
    ("openai:", "", KEY, "XUESHI_MODEL"),
    ("nobody:qwen-plus", "", KEY, "XUESHI_MODEL"),
    ("openai:qwen-plus", "", "", "XUESHI_MODEL_API_KEY"),
    ("mistralai:large", "", KEY, "XUESHI_MODEL"),
]


@pytest.mark.parametrize(("name", "url", "key", "fault"), WRONG)
def test_a_model_that_there_is_not_stops_the_start(
    name: str, url: str, key: str, fault: str, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-somebody-else-s")
    given = {"model": name, "model_base_url": url, "model_api_key": SecretStr(key)}
    with pytest.raises(SettingsError, match=fault) as refused:
        install(settings.model_copy(update=given))
    assert len(str(refused.value).splitlines()) == 1
    assert not re.search("sk-", str(refused.value))


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch, settings: Settings) -> None:
    def missing(*_: object, **__: object) -> None:
        raise ImportError("Initializing ChatOpenAI requires the langchain-openai package.")

    monkeypatch.setattr("assistant.chat.init_chat_model", missing)
    given = {"model": "openai:qwen-plus", "model_api_key": SecretStr(KEY)}
    with pytest.raises(SettingsError, match=r"XUESHI_MODEL.*xueshi\[model\]"):
        chat_model(settings.model_copy(update=given), Limits())


def test_a_server_without_a_key_gets_nobody_else_s(installation: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-somebody-else-s")
    with ScriptedModel([GOOD]) as server:
        given = {"model": "openai:m", "model_base_url": server.url}
        chat_model(installation.settings.model_copy(update=given), QUICK).invoke("好")
    assert server.keys == ["Bearer -"]


def test_without_the_setting_no_package_of_a_model_is_imported() -> None:
    code = (
        "import sys, assistant.bootstrap, api.app, api.cli;"
        "print([name for name in sys.modules if name.split('.')[0] in ('langchain_openai', 'openai', 'tiktoken')])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
