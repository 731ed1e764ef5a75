"""Runs over real HTTP: streams as they come, taken up again, stopped, sent twice, and followed from another process."""

import itertools
import json
import shutil
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pytest
from fastapi import FastAPI
from pydantic import SecretStr
from sqlalchemy import func, select, update
from sqlalchemy.exc import OperationalError

from api import running
from assistant.errors import HomeInUse
from assistant.settings import Settings
from assistant.store import runs, turns
from assistant.store.database import Database
from assistant.store.tables import Feedback, RunEvent, RunRow, Thread, Turn
from evals.scripted_model import ScriptedModel, calls, says
from tests.api import serving
from tests.api.conftest import SECRET, settings_for

Headers = Callable[..., dict[str, str]]
Problem = Callable[..., str]
GAP = "我今年还差多少学时？"
HOURS = calls(("calculate_hours", {}))
PROVEN = "您2023年还差 12 学时[^s1]。"
MORE = "其中专业科目还差 4 学时。"
HELD = 0.001  # the pause that tells pieces which may be held
# All that the AI SDK's parser takes, of what we send; of any other type it breaks.
KNOWN = {"start", "source-document", "text-start", "text-delta", "text-end", "finish", "error", "abort"}


class Told(NamedTuple):
    """A server-sent event."""

    id: str
    data: str

    @property
    def part(self) -> dict[str, Any]:
        made: dict[str, Any] = json.loads(self.data)
        return made

    @property
    def type(self) -> str:
        return self.data if self.data == "[DONE]" else self.part["type"]


def told(response: httpx.Response) -> Iterator[Told]:
    """The events of a stream as they come; its bytes are read to the end only if all events are."""
    assert response.status_code == 200, response.read()
    block: dict[str, str] = {}
    for line in response.iter_lines():
        name, _, value = line.partition(": ")
        if line:
            block[name] = value
        elif block:
            if "data" in block:
                yield Told(block["id"], block["data"])
            block = {}


def text(events: list[Told]) -> str:
    """The text that is on the screen in the end."""
    shown: dict[str, str] = {}
    for one in events:
        if one.type == "text-delta":
            shown[one.part["id"]] = shown.get(one.part["id"], "") + one.part["delta"]
        elif one.type == "data-replaced":
            del shown[one.part["data"]["text"]]
    return "".join(shown.values())


def until(events: Iterator[Told], kind: str) -> list[Told]:
    """The next events, up to the first of a kind."""
    got = []
    for one in events:
        got.append(one)
        if one.type == kind:
            return got
    pytest.fail(f"no {kind} came")


class HeldModel(ScriptedModel):
    """A model that says a few pieces and then waits until it is let go."""

    def __init__(self, said: str, pieces: int = 8) -> None:
        super().__init__([HOURS, says(said, pause=HELD), HOURS, says(said)])
        self.go = threading.Event()
        self._pieces = pieces

    def rest(self, seconds: float) -> None:
        if seconds == HELD:
            self._pieces -= 1
            if self._pieces == 0:
                self.go.wait(60)


class Person:
    """Somebody's client."""

    def __init__(self, address: str, headers: dict[str, str]) -> None:
        self.http = httpx.Client(base_url=address, headers=headers, timeout=30, trust_env=False)

    @contextmanager
    def asking(
        self, question: str = GAP, thread: str = "new", key: str | None = None
    ) -> Iterator[tuple[httpx.Response, Iterator[Told]]]:
        headers = {"Idempotency-Key": key} if key else {}
        path = f"/v1/threads/{thread}/runs"
        with self.http.stream("POST", path, json={"question": question}, headers=headers) as response:
            yield response, told(response)

    def ask(self, question: str = GAP, thread: str = "new", key: str | None = None) -> list[Told]:
        """All events of a question."""
        with self.asking(question, thread, key) as (_, events):
            return list(events)

    def sent(self, body: Any, thread: str = "new", **headers: str) -> httpx.Response:
        return self.http.post(f"/v1/threads/{thread}/runs", json=body, headers=headers)

    @contextmanager
    def following(self, run: str, last: str | None = None) -> Iterator[tuple[httpx.Response, Iterator[Told]]]:
        headers = {"Last-Event-ID": last} if last else {}
        with self.http.stream("GET", f"/v1/runs/{run}/events", headers=headers) as response:
            yield response, told(response)

    def follow(self, run: str, last: str | None = None) -> list[Told]:
        """All events behind one, or from the beginning."""
        with self.following(run, last) as (_, events):
            return list(events)

    def again(self, run: str, last: str | None = None) -> httpx.Response:
        return self.http.get(f"/v1/runs/{run}/events", headers={"Last-Event-ID": last} if last else {})

    def turns(self, thread: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.http.get(f"/v1/threads/{thread}").json()["turns"]
        return found


class Site(NamedTuple):
    """A server, and who comes to it."""

    app: FastAPI
    address: str
    bearer: Headers

    def person(self, account: str = "t0001") -> Person:
        return Person(self.address, self.bearer(account))

    @property
    def database(self) -> Database:
        kept: Database = self.app.state.installation.database
        return kept


@contextmanager
def served(settings: Settings, bearer: Headers) -> Iterator[Site]:
    """The application behind a real server, from its start to its end."""
    with serving.served(settings) as (app, address):
        yield Site(app, address, bearer)


Open = Callable[..., Site]


@pytest.fixture
def site(make_home: Callable[[], Path], bearer: Headers) -> Iterator[Open]:
    """Opens servers of a test's own, each over a copy of the made home; `model`: what drives the answers."""
    with ExitStack() as opened:

        def open_site(model: ScriptedModel | None = None, **others: Any) -> Site:
            if model:
                opened.enter_context(model)
                others |= {"model": "openai:scripted", "model_base_url": model.url, "model_api_key": SecretStr("k")}
            settings = settings_for(make_home(), **{"auth_secret": SECRET, **others})
            return opened.enter_context(served(settings, bearer))

        yield open_site


@pytest.fixture
def beside(site: Open) -> Callable[[Site], Site]:
    """Another server over the database of one, as another worker process is."""
    return lambda first: site(database_url=first.database._engine.url.render_as_string(hide_password=False))


@pytest.fixture
def make_home(made_home: Path, tmp_path: Path) -> Callable[[], Path]:
    """Copies of the made home."""
    numbers = itertools.count()
    return lambda: shutil.copytree(made_home, tmp_path / f"home{next(numbers)}")


# What comes, and in which order.


def test_a_question_is_answered_as_a_stream(site: Open) -> None:
    person = site().person()
    with person.asking() as (response, events):
        got = list(events)
    assert response.headers["Content-Type"].startswith("text/event-stream")
    assert response.headers["x-vercel-ai-ui-message-stream"] == "v1"
    assert response.headers["Cache-Control"] == "no-cache, no-transform"
    assert response.headers["X-Accel-Buffering"] == "no"
    run, thread = response.headers["X-Xueshi-Run"], response.headers["X-Xueshi-Thread"]
    assert [one.id for one in got] == [f"{run}:{number}" for number in range(1, len(got) + 1)]
    [turn] = person.turns(thread)
    answer = turn["answer"]
    assert got[0].part == {
        "type": "start",
        "messageId": answer["id"],
        "messageMetadata": {"threadId": thread, "runId": run},
    }
    order = list(dict.fromkeys(one.type for one in got))
    assert order == [
        *("start", "data-status", "source-document", "data-citation", "data-calculation"),
        *("text-start", "text-delta", "text-end", "data-progress", "data-suggestions", "data-outcome"),
        *("finish", "[DONE]"),
    ]
    assert text(got) == answer["text"]
    data = {kind: [one.part["data"] for one in got if one.type == f"data-{kind}"] for kind in ("citation", "table")}
    assert data == {"citation": answer["citations"], "table": answer["tables"]}
    single = {one.type: one.part for one in got if one.type.startswith("data-")}
    assert single["data-calculation"]["data"] == answer["calculation"]
    assert single["data-suggestions"]["data"] == answer["suggestions"]
    assert single["data-outcome"]["data"] == {"outcome": "answered", "answer_id": answer["id"]}
    assert single["data-status"]["transient"] is True
    progress = single["data-progress"]["data"]
    assert (progress["required"], progress["counted"], progress["remaining"]) == ("90", "78", "12")
    assert {"category": "专业科目", "required": "42", "counted": "38", "shortfall": "4"} in progress["categories"]
    sources = [one.part for one in got if one.type == "source-document"]
    assert [one["sourceId"] for one in sources] == [one["id"] for one in answer["citations"]]


@pytest.mark.parametrize(
    "question", ["列出我今年的记录", "如果我再修4学时专业科目呢？", "我怎么补最省？", "你好吗", "T0002还差多少？"]
)
def test_every_part_is_of_a_type_that_clients_take(site: Open, question: str) -> None:
    person = site().person()
    got = person.ask(question)
    types = [one.type for one in got]
    assert {one for one in types if not one.startswith("data-")} <= {*KNOWN, "[DONE]"}
    assert types[-2:] == ["finish", "[DONE]"]
    [turn] = person.turns(got[0].part["messageMetadata"]["threadId"])
    answer, data = turn["answer"], [one.part for one in got if one.type.startswith("data-")]
    for field in ("calculation", "projection", "plan"):
        assert [one["data"] for one in data if one["type"] == f"data-{field}"] == (
            [answer[field]] if answer[field] is not None else []
        )
    assert [one["data"] for one in data if one["type"] == "data-table"] == answer["tables"]
    assert text(got) == answer["text"]


def test_two_people_are_told_their_own(site: Open) -> None:
    opened = site()
    first, second = opened.person("t0001").ask(), opened.person("t0002").ask()
    made = [
        next(one.part["data"] for one in got if one.type == "data-calculation")["teacher_id"] for got in (first, second)
    ]
    assert made == ["T0001", "T0002"]
    assert "T0002" not in str(first)
    assert "T0001" not in str(second)


def test_a_thread_is_gone_on_with(site: Open) -> None:
    person = site().person()
    thread = person.ask()[0].part["messageMetadata"]["threadId"]
    again = person.ask("那去年呢？", thread)
    assert again[0].part["messageMetadata"]["threadId"] == thread
    assert [turn["question"] for turn in person.turns(thread)] == [GAP, "那去年呢？"]


def test_sentences_of_a_model_are_told_before_it_has_finished(site: Open) -> None:
    model = HeldModel(PROVEN + MORE)
    person = site(model).person()
    with person.asking() as (_, events):
        first = until(events, "text-delta")
        assert first[-1].part["delta"] == "您2023年还差 12 学时[^1]。"
        [turn] = person.turns(first[0].part["messageMetadata"]["threadId"])
        assert turn["answer"] is None
        assert turn["run_id"] == first[0].part["messageMetadata"]["runId"]
        model.go.set()
        rest = list(events)
    assert text([*first, *rest]) == "您2023年还差 12 学时[^1]。其中专业科目还差 4 学时。"
    [turn] = person.turns(first[0].part["messageMetadata"]["threadId"])
    assert (turn["answer"]["text"], turn["run_id"]) == (text([*first, *rest]), None)
    assert {"data-citation", "data-calculation", "finish"} <= {one.type for one in rest}


def test_what_turns_out_not_to_be_proven_is_withdrawn(site: Open) -> None:
    with_fault = ScriptedModel([HOURS, says(PROVEN + "您已计入 96 学时。")])
    person = site(with_fault).person()
    got = person.ask()
    types = [one.type for one in got]
    at = types.index("data-replaced")
    assert types[at - 1] == "text-end"
    assert got[at].part["data"] == {"text": "text-1"}
    assert [one.part["id"] for one in got if one.type == "text-start"] == ["text-1", "text-2"]
    [turn] = person.turns(got[0].part["messageMetadata"]["threadId"])
    assert text(got) == turn["answer"]["text"]
    assert "96" not in text(got)


# Taking it up again.


def test_a_lost_connection_is_no_stop_and_what_was_missed_is_sent(site: Open) -> None:
    model = HeldModel(PROVEN + MORE)
    person = site(model).person()
    with person.asking() as (_, events):
        first = until(events, "text-delta")
    run = first[0].part["messageMetadata"]["runId"]
    with person.following(run, first[1].id) as (_, events):
        assert until(events, "text-delta") == first[2:]
        model.go.set()
        rest = list(events)
    assert [one.type for one in rest[-2:]] == ["finish", "[DONE]"]
    whole = person.follow(run)
    assert whole == [*first, *rest]
    assert text(whole) == "您2023年还差 12 学时[^1]。其中专业科目还差 4 学时。"


def test_what_is_over_is_sent_again_from_anywhere_and_then_nothing(site: Open) -> None:
    person = site().person()
    whole = person.ask()
    run = whole[0].part["messageMetadata"]["runId"]
    for have in (0, 1, len(whole) // 2, len(whole) - 1):
        last = whole[have - 1].id if have else None
        assert person.follow(run, last) == person.follow(run, last) == whole[have:]
    for last in (whole[-1].id, f"{run}:{len(whole) + 5}"):
        nothing = person.again(run, last)
        assert (nothing.status_code, nothing.content) == (204, b"")


@pytest.mark.parametrize("last", ["1", "another:1", "{run}:", "{run}:-1", "{run}:x", "{run}:²", "{run}:" + "9" * 30])
def test_an_id_of_no_event_of_the_run_is_refused(site: Open, problem: Problem, last: str) -> None:
    person = site().person()
    run = person.ask()[0].part["messageMetadata"]["runId"]
    headers = {"Last-Event-ID": last.format(run=run).encode()}
    assert "Last-Event-ID" in problem(person.http.get(f"/v1/runs/{run}/events", headers=headers), 422)


def expire(database: Database) -> None:
    with database.write() as connection:
        connection.execute(update(RunRow).values(ended_at=RunRow.ended_at - runs.KEPT - 1))


def test_what_is_no_longer_kept_is_gone(site: Open, problem: Problem, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running, "_PURGE", 0)
    opened = site()
    person = opened.person()
    whole = person.ask(key="one")
    run = whole[0].part["messageMetadata"]["runId"]
    settled(opened)
    expire(opened.database)
    for last in (None, whole[2].id, whole[-1].id):
        problem(person.again(run, last), 410)
    problem(person.sent({"question": GAP}, **{"Idempotency-Key": "one"}), 410)
    other = person.ask()[0].part["messageMetadata"]["runId"]
    settled(opened)
    with opened.database.read() as connection:
        assert set(connection.execute(select(RunEvent.run_id)).scalars()) == {other}
        assert connection.scalar(select(func.count()).select_from(Turn)) == 2


def settled(site: Site) -> None:
    """Wait until every run's end is written down."""
    live = site.app.state.running._live
    for _ in range(1000):
        if not live:
            return
        threading.Event().wait(0.01)
    pytest.fail("a run is never written down")


# Stopping.


def test_a_stop_keeps_what_was_shown(site: Open) -> None:
    model = HeldModel(PROVEN + MORE)
    person = site(model).person()
    with person.asking() as (_, events):
        first = until(events, "text-delta")
        run = first[0].part["messageMetadata"]["runId"]
        assert person.http.post(f"/v1/runs/{run}/stop").status_code == 204
        rest = list(events)
    assert [one.type for one in rest] == ["text-end", "abort", "[DONE]"]
    [turn] = person.turns(first[0].part["messageMetadata"]["threadId"])
    assert (turn["stopped"], turn["answer"]["text"]) == (True, text(first))
    assert person.follow(run) == [*first, *rest]
    assert person.http.post(f"/v1/runs/{run}/stop").status_code == 204


def test_a_stop_does_not_wait_for_a_model_that_says_nothing(site: Open) -> None:
    model = HeldModel(PROVEN, pieces=1)
    person = site(model).person()
    with person.asking() as (_, events):
        run = next(events).part["messageMetadata"]["runId"]
        person.http.post(f"/v1/runs/{run}/stop")
        assert [one.type for one in events][-2:] == ["abort", "[DONE]"]
        assert not model.go.is_set()
    model.go.set()


def test_nobody_stops_or_follows_anothers(site: Open, problem: Problem) -> None:
    model = HeldModel(PROVEN + MORE)
    opened = site(model)
    mine, theirs = opened.person("t0001"), opened.person("t0002")
    with mine.asking() as (_, events):
        first = until(events, "text-delta")
        run, thread = (first[0].part["messageMetadata"][name] for name in ("runId", "threadId"))
        refused = {problem(theirs.again(one), 404) for one in (run, "r-none", "%00", "x" * 500)}
        refused |= {problem(theirs.http.post(f"/v1/runs/{one}/stop"), 404) for one in (run, "r-none")}
        assert len(refused) == 1, "what exists can be told from what doesn't"
        problem(theirs.sent({"question": GAP}, thread), 404)
        problem(httpx.get(f"{opened.address}/v1/runs/{run}/events", trust_env=False), 401)
        model.go.set()
        assert [one.type for one in events][-2:] == ["finish", "[DONE]"]


# Sending it twice.


def test_a_question_sent_twice_at_once_is_asked_once(site: Open) -> None:
    opened = site()
    people = [opened.person() for _ in range(4)]
    with ThreadPoolExecutor(4) as pool:
        streams = list(pool.map(lambda person: person.ask(key="send-1"), people))
    assert streams == streams[:1] * 4
    thread = streams[0][0].part["messageMetadata"]["threadId"]
    assert len(people[0].turns(thread)) == 1
    assert len(people[0].http.get("/v1/threads").json()["threads"]) == 1
    assert people[0].ask(f" {GAP}", thread, key="send-1") == streams[0]


def test_a_key_is_one_account_s_and_one_question_s(site: Open, problem: Problem) -> None:
    opened = site()
    mine, theirs = opened.person("t0001"), opened.person("t0002")
    first, other = mine.ask(key="k"), theirs.ask(key="k")
    assert first[0] != other[0]
    assert "T0001" not in str(other)
    thread = theirs.ask()[0].part["messageMetadata"]["threadId"]
    for person, question, where in ((mine, "列出我的记录", "new"), (mine, GAP, thread), (theirs, GAP, thread)):
        assert "Idempotency-Key" in problem(person.sent({"question": question}, where, **{"Idempotency-Key": "k"}), 409)
    assert len(mine.http.get("/v1/threads").json()["threads"]) == 1


def test_a_question_sent_again_counts_once(site: Open, problem: Problem) -> None:
    person = site(rate_limit=1).person()
    first = person.ask(key="k")
    assert person.ask(key="k") == first
    refused = person.sent({"question": GAP})
    problem(refused, 429)
    assert 1 <= int(refused.headers["Retry-After"]) <= 60


@pytest.mark.parametrize(
    ("body", "key"),
    [
        ({"question": " "}, "k"),
        ({"question": "学" * 2001}, "k"),
        ({}, "k"),
        ({"question": GAP, "account": "t0002"}, "k"),
        ({"question": GAP}, ""),
        ({"question": GAP}, "k" * 256),
        ({"question": GAP}, "a b"),
    ],
    ids=["blank", "long", "none", "account", "no key", "long key", "white space"],
)
def test_what_is_no_question_begins_no_run(site: Open, problem: Problem, body: Any, key: str) -> None:
    person = site().person()
    problem(person.sent(body, **{"Idempotency-Key": key}), 422)
    assert person.http.get("/v1/threads").json() == {"threads": []}


# Several processes, and those that die.


def test_a_run_is_followed_and_stopped_from_another_process(site: Open, beside: Any) -> None:
    model = HeldModel(PROVEN + MORE)
    opened = site(model)
    here, there = opened.person(), beside(opened).person()
    with here.asking(key="k") as (_, events):
        first = until(events, "text-delta")
        run = first[0].part["messageMetadata"]["runId"]
        with there.following(run) as (_, from_there), there.asking(key="k") as (_, attached):
            assert until(from_there, "text-delta") == until(attached, "text-delta") == first
            there.http.post(f"/v1/runs/{run}/stop")
            rest = list(events)
            assert [one.type for one in rest] == ["text-end", "abort", "[DONE]"]
            assert list(from_there) == list(attached) == rest
    assert there.follow(run, first[-1].id) == rest


def test_a_run_whose_process_died_ends_with_an_error(site: Open) -> None:
    opened = site()
    person, other = opened.person("t0001"), opened.person("t0002")
    with opened.database.write() as connection:
        _, answer = turns.open_turn(connection, "t0001", GAP, None, None)
        run = runs.open_run(connection, "t0001", answer, "k")
        runs.keep(connection, run, [(1, '{"type":"start"}')], over=False)
        connection.execute(update(RunRow).values(beat_at=RunRow.beat_at - runs.SILENT - 1))
    got = person.follow(run)
    assert [one.type for one in got] == ["start", "error", "[DONE]"]
    assert "重新提问" in got[1].part["errorText"]
    # Whatever the dead process had told beyond what is written down, these come behind it.
    assert person.follow(run, f"{run}:900") == got[1:]
    assert person.ask(key="k") == got
    assert person.again(run, got[-1].id).status_code == 204
    assert other.again(run).status_code == 404


def test_a_server_that_ends_stops_its_runs_and_says_so(site: Open, make_home: Any, bearer: Headers) -> None:
    with HeldModel(PROVEN + MORE) as model:
        given = {"model": "openai:scripted", "model_base_url": model.url, "model_api_key": SecretStr("k")}
        settings = settings_for(make_home(), auth_secret=SECRET, **given)
        with served(settings, bearer) as first, first.person().asking() as (_, events):
            shown = until(events, "text-delta")
        model.go.set()
        run, thread = (shown[0].part["messageMetadata"][name] for name in ("runId", "threadId"))
        with served(settings, bearer) as second:
            person = second.person()
            assert [one.type for one in person.follow(run, shown[-1].id)] == ["text-end", "abort", "[DONE]"]
            [turn] = person.turns(thread)
            assert (turn["stopped"], turn["answer"]["text"]) == (True, text(shown))


def test_what_is_told_while_the_database_is_away_is_written_down_later(
    site: Open, beside: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(running, "_RETRY", 0.05)
    keep, failures = runs.keep, iter(range(3))

    def away(*given: Any, **named: Any) -> bool:
        if next(failures, None) is not None:
            raise OperationalError("UPDATE runs", {}, Exception("locked"))
        return keep(*given, **named)

    monkeypatch.setattr(runs, "keep", away)
    opened = site()
    whole = opened.person().ask()
    assert whole[-1].type == "[DONE]"
    settled(opened)
    assert next(failures, None) is None
    assert beside(opened).person().follow(whole[0].part["messageMetadata"]["runId"]) == whole


# What else may happen.


def test_a_part_that_is_down_ends_with_an_error(site: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    person = site().person()
    for failure, said in (
        (HomeInUse("另一个程序正在使用。"), "另一个程序正在使用。"),
        (RuntimeError("T0002 /var"), "系统内部"),
    ):

        def broken(*_: Any, failure: Exception = failure) -> Any:
            raise failure

        with monkeypatch.context() as patch:
            patch.setattr("assistant.ask.Assistant._answered", broken)
            got = person.ask()
        assert [one.type for one in got] == ["start", "error", "[DONE]"]
        assert said in got[1].part["errorText"]
        assert "T0002" not in str(got)


def test_a_silent_line_is_kept_alive(site: Open, beside: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running, "QUIET", 0.1)
    model = HeldModel(PROVEN + MORE)
    opened = site(model)
    here, there = opened.person(), beside(opened).person()
    with here.asking() as (_, events):
        run = until(events, "text-delta")[0].part["messageMetadata"]["runId"]
        for person in (here, there):
            with person.http.stream("GET", f"/v1/runs/{run}/events") as response:
                assert next(line for line in response.iter_lines() if line.startswith(":")) == ": ping"
        model.go.set()
        assert [one.type for one in events][-2:] == ["finish", "[DONE]"]


def test_a_thread_that_is_deleted_takes_its_run_along(site: Open, problem: Problem) -> None:
    model = HeldModel(PROVEN + MORE)
    opened = site(model)
    person = opened.person()
    with person.asking() as (_, events):
        first = until(events, "text-delta")
        run, thread = (first[0].part["messageMetadata"][name] for name in ("runId", "threadId"))
        assert person.http.delete(f"/v1/threads/{thread}").status_code == 204
        assert [one.type for one in events][-2:] == ["abort", "[DONE]"]
    settled(opened)
    problem(person.again(run), 404)
    with opened.database.read() as connection:
        for table in (Thread, Turn, RunRow, RunEvent, Feedback):
            assert connection.scalar(select(func.count()).select_from(table)) == 0


def test_the_interface_is_described(site: Open) -> None:
    paths = httpx.get(f"{site().address}/openapi.json", trust_env=False).json()["paths"]
    for method, path in (
        ("post", "/v1/threads/{thread}/runs"),
        ("get", "/v1/runs/{run_id}/events"),
        ("post", "/v1/runs/{run_id}/stop"),
    ):
        assert paths[path][method]["summary"]
    asked = paths["/v1/threads/{thread}/runs"]["post"]
    assert "text/event-stream" in asked["responses"]["200"]["content"]
    assert {"409", "410", "429"} <= asked["responses"].keys()
    assert "Idempotency-Key" in [one["name"] for one in asked["parameters"]]
