"""One's own history: threads, how an answer was made, and what administrators learn of what was asked."""

import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.config import Config
from fastapi.testclient import TestClient
from sqlalchemy import func, insert, inspect, select, update

from api.app import create_app
from assistant.store import database as store
from assistant.store.database import Database
from assistant.store.tables import Credit, Feedback, RunRow, Thread, Turn
from tests.api.conftest import SECRET, settings_for

Headers = Callable[..., dict[str, str]]
Problem = Callable[..., str]
GAP = "我今年还差多少学时？"
MIGRATIONS = Path(store.__file__).parent / "migrations"
NOWHERE = "培训期间的住宿标准是多少钱一晚？"  # the corpus says nothing of it


@pytest.fixture
def web(made_home: Path, tmp_path: Path) -> Iterator[TestClient]:
    """An application that nobody else has asked."""
    home = shutil.copytree(made_home, tmp_path / "home")
    with TestClient(create_app(settings_for(home, auth_secret=SECRET)), raise_server_exceptions=False) as client:
        yield client


@pytest.fixture
def database(web: TestClient) -> Database:
    kept: Database = web.app.state.installation.database  # type: ignore[attr-defined]
    return kept


@pytest.fixture
def ask(web: TestClient, bearer: Headers) -> Callable[..., Any]:
    """One answer, as JSON."""

    def asked(account: str, question: str = GAP, thread: str | None = None) -> Any:
        body = {"question": question, "thread_id": thread}
        return web.post("/v1/ask", json=body, headers=bearer(account)).json()

    return asked


@pytest.fixture
def get(web: TestClient, bearer: Headers) -> Callable[..., Any]:
    """What an account is answered."""

    def got(account: str, path: str, **query: Any) -> Any:
        response = web.get(path, params=query, headers=bearer(account))
        assert response.status_code == 200, response.text
        return response.json()

    return got


# Threads.


def test_one_s_threads_are_listed_the_latest_first(ask: Any, get: Any) -> None:
    first = ask("t0001", "我今年还差多少学时？\n" + "请说详细一点，" * 10)["thread_id"]
    second = ask("t0001", "列出我今年的记录")["thread_id"]
    theirs = ask("t0002")["thread_id"]
    assert [one["id"] for one in get("t0001", "/v1/threads")["threads"]] == [second, first]
    ask("t0001", "那去年呢？", first)
    listed = get("t0001", "/v1/threads")["threads"]
    assert [one["id"] for one in listed] == [first, second]
    assert listed[0]["title"] == ("我今年还差多少学时？ " + "请说详细一点，" * 10)[:40]
    assert listed[1]["title"] == "列出我今年的记录"
    assert all(one["asked_at"].endswith("+08:00") for one in listed)
    assert [one["id"] for one in get("t0001", "/v1/threads", limit=1)["threads"]] == [first]
    assert [one["id"] for one in get("t0002", "/v1/threads")["threads"]] == [theirs]
    assert get("t0003", "/v1/threads") == {"threads": []}


def test_a_thread_has_its_questions_and_answers_in_order(ask: Any, get: Any) -> None:
    first = ask("t0001")
    second = ask("t0001", "那去年呢？", first["thread_id"])
    thread = get("t0001", f"/v1/threads/{first['thread_id']}")
    assert thread["id"] == first["thread_id"]
    assert [turn["question"] for turn in thread["turns"]] == [GAP, "那去年呢？"]
    assert [turn["answer"] for turn in thread["turns"]] == [first, second]
    assert [turn["answer_id"] for turn in thread["turns"]] == [first["id"], second["id"]]
    assert {(turn["stopped"], turn["run_id"]) for turn in thread["turns"]} == {(False, None)}


def test_anothers_thread_is_neither_shown_nor_deleted(
    ask: Any, get: Any, web: TestClient, bearer: Headers, problem: Problem
) -> None:
    mine = ask("t0001")
    told = {
        problem(web.request(method, f"/v1/threads/{thread}", headers=bearer(account)), 404)
        for method in ("GET", "DELETE")
        for account, thread in (
            *(("t0002", mine["thread_id"]), ("admin-gczx", mine["thread_id"])),
            *(("t0001", "t-none"), ("t0001", "%00"), ("t0001", "x" * 500)),
        )
    }
    assert len(told) == 1, "what exists can be told from what doesn't"
    assert get("t0001", f"/v1/threads/{mine['thread_id']}")["turns"][0]["answer"] == mine


def test_a_thread_is_deleted_with_all_that_hangs_on_it(
    ask: Any, get: Any, web: TestClient, bearer: Headers, problem: Problem, database: Database
) -> None:
    kept, theirs = ask("t0001", "列出我今年的记录"), ask("t0002")
    run = web.post("/v1/threads/new/runs", json={"question": GAP}, headers=bearer("t0001"))
    thread = run.headers["X-Xueshi-Thread"]
    gone = ask("t0001", "那去年呢？", thread)
    for account, answer in (("t0001", gone["id"]), ("t0001", kept["id"]), ("t0002", theirs["id"])):
        web.post(f"/v1/answers/{answer}/feedback", json={"rating": "down"}, headers=bearer(account))
    done = web.delete(f"/v1/threads/{thread}", headers=bearer("t0001"))
    assert (done.status_code, done.content) == (204, b"")
    problem(web.get(f"/v1/threads/{thread}", headers=bearer("t0001")), 404)
    problem(web.delete(f"/v1/threads/{thread}", headers=bearer("t0001")), 404)
    problem(web.get(f"/v1/answers/{gone['id']}", headers=bearer("t0001")), 404)
    problem(web.get(f"/v1/runs/{run.headers['X-Xueshi-Run']}/events", headers=bearer("t0001")), 404)
    with database.read() as connection:
        for table, count in ((Thread, 2), (Turn, 2), (Feedback, 2), (RunRow, 0)):
            assert connection.scalar(select(func.count()).select_from(table)) == count
    assert get("t0001", f"/v1/threads/{kept['thread_id']}")["turns"][0]["answer"] == kept
    assert get("t0002", f"/v1/threads/{theirs['thread_id']}")["turns"][0]["answer"] == theirs


# Receipts.


def test_a_receipt_says_how_an_answer_was_made(ask: Any, get: Any) -> None:
    mine, theirs = ask("t0001"), ask("t0002")
    receipt = get("t0001", f"/v1/answers/{mine['id']}")
    assert (receipt["id"], receipt["thread_id"]) == (mine["id"], mine["thread_id"])
    assert (receipt["question"], receipt["answer"], receipt["stopped"]) == (GAP, mine, False)
    assert receipt["asked_at"].endswith("+08:00")
    made = mine["calculation"]
    within = [part for part in made["not_counted"] if part["why"] != "outside_period"]
    used = {name for part in (*made["steps"], *within) for name in part["record_ids"]}
    records = {one["record_id"]: one for one in receipt["records"]}
    assert used
    assert used <= records.keys()
    assert all("2023-01-01" <= one["completed_on"] <= "2023-12-31" for one in records.values())
    approved = [float(one["hours"]) for one in records.values() if one["status"] == "已审核"]
    assert sum(approved) == float(made["counted"]) + float(made["beyond_caps"])
    [rules] = receipt["rule_sets"]
    assert (rules["policy_id"], rules["from"], rules["to"]) == ("dongguan-2023", made["from"], made["to"])
    assert rules["carried_forward"] is False
    assert rules["title"] == mine["citations"][0]["title"]
    assert re.fullmatch(r"[0-9a-f]{64}", rules["sha256"])
    assert [one["citation"] for one in receipt["clauses"]] == [one["id"] for one in mine["citations"]]
    for clause, cited in zip(receipt["clauses"], mine["citations"], strict=True):
        assert {name: clause[name] for name in ("policy_id", "locator", "sha256", "url")} == {
            name: cited[name] for name in ("policy_id", "locator", "sha256", "url")
        }
        assert clause["policy_sha256"] == rules["sha256"]
    other = get("t0002", f"/v1/answers/{theirs['id']}")
    assert not {one["record_id"] for one in other["records"]} & records.keys()


def test_a_receipt_stays_as_it_was(ask: Any, get: Any, database: Database) -> None:
    answer = ask("t0001")
    before = get("t0001", f"/v1/answers/{answer['id']}")
    with database.write() as connection:
        connection.execute(update(Credit).where(Credit.teacher_id == "T0001").values(hours=1, title="另一个项目"))
    assert ask("t0001")["calculation"]["counted"] != answer["calculation"]["counted"]
    assert get("t0001", f"/v1/answers/{answer['id']}") == before


def test_an_administrator_s_receipt_names_the_rules_behind_a_report(ask: Any, get: Any) -> None:
    answer = ask("admin-gczx", "我们学校还有谁没达标？")
    receipt = get("admin-gczx", f"/v1/answers/{answer['id']}")
    assert [one["policy_id"] for one in receipt["rule_sets"]] == ["dongguan-2023"]
    assert receipt["answer"] == answer


def test_of_a_refusal_nothing_is_kept_but_the_refusal(ask: Any, get: Any) -> None:
    answer = ask("t0001", "T0002今年还差多少学时？")
    receipt = get("t0001", f"/v1/answers/{answer['id']}")
    assert answer["outcome"] == "not_permitted"
    assert (receipt["records"], receipt["rule_sets"], receipt["clauses"]) == ([], [], [])


def test_anothers_receipt_is_none(ask: Any, web: TestClient, bearer: Headers, problem: Problem) -> None:
    answer = ask("t0001")["id"]
    told = {
        problem(web.get(f"/v1/answers/{name}", headers=bearer(account)), 404)
        for account, name in (("t0002", answer), ("admin-gczx", answer), ("t0001", "a-none"), ("t0001", "%00"))
    }
    assert len(told) == 1


# What was asked in vain.


def test_administrators_learn_what_the_corpus_lacks_and_not_who_asked(ask: Any, get: Any) -> None:
    answers = [ask(account, f"{NOWHERE}{note}") for account, note in (("t0001", ""), ("t0006", ""))]
    assert {one["outcome"] for one in answers} == {"no_evidence"}
    ask("t0001")
    shown = {
        name: get(name, "/v1/questions", kind="no_evidence")["questions"]
        for name in ("admin-gczx", "admin-humen", "admin-dongguan", "admin-linwei")
    }
    assert [len(found) for found in shown.values()] == [1, 1, 2, 0]
    [one] = shown["admin-gczx"]
    assert (one["question"], one["outcome"], one["comment"]) == (NOWHERE, "no_evidence", None)
    assert one["asked_at"].endswith("+08:00")
    assert one.keys() == {"question", "asked_at", "outcome", "comment"}
    assert "t0001" not in str(shown).lower()
    assert len(get("admin-dongguan", "/v1/questions", kind="no_evidence", limit=1)["questions"]) == 1


def test_administrators_learn_which_answers_were_disliked(ask: Any, get: Any, web: TestClient, bearer: Headers) -> None:
    liked, disliked = ask("t0001", "列出我今年的记录")["id"], ask("t0003")["id"]
    theirs = ask("t0006")["id"]
    for account, answer, rating in (("t0001", liked, "up"), ("t0003", disliked, "down"), ("t0006", theirs, "down")):
        said = {"rating": rating, "comment": f"{account}说"}
        assert web.post(f"/v1/answers/{answer}/feedback", json=said, headers=bearer(account)).status_code == 200
    [one] = get("admin-gczx", "/v1/questions", kind="down")["questions"]
    assert (one["question"], one["outcome"], one["comment"]) == (GAP, "answered", "t0003说")
    assert len(get("admin-dongguan", "/v1/questions", kind="down")["questions"]) == 2


def test_teachers_learn_nothing_of_what_others_ask(web: TestClient, bearer: Headers, problem: Problem) -> None:
    problem(web.get("/v1/questions", params={"kind": "down"}, headers=bearer("t0001")), 403)
    problem(web.get("/v1/questions", params={"kind": "down"}), 401)
    for query in ({}, {"kind": "all"}, {"kind": "down", "limit": 0}):
        problem(web.get("/v1/questions", params=query, headers=bearer("admin-gczx")), 422)


def test_answers_of_older_versions_are_found_too(made_home: Path, tmp_path: Path, bearer: Headers) -> None:
    """Their outcomes are read out of the answers; what they were made of was never kept."""
    settings = settings_for(shutil.copytree(made_home, tmp_path / "home"), auth_secret=SECRET)
    older = Database(settings.database)
    answer = {"id": "a1", "thread_id": "t1", "outcome": "no_evidence", "text": "没有查到。"}
    turn = {"thread_id": "t1", "account": "t0001", "asked_at": 1.5, "question": NOWHERE}
    with older.write() as connection:
        config = Config()
        config.set_main_option("script_location", str(MIGRATIONS))
        config.attributes["connection"] = connection
        command.downgrade(config, "0007")
        connection.execute(insert(Thread).values(id="t1", account="t0001"))
        connection.execute(insert(Turn).values({"id": "a1", "answer": answer, **turn}))
        connection.execute(insert(Turn).values({"id": "a2", **turn}))
        assert "outcome" not in {one["name"] for one in inspect(connection).get_columns("turns")}
    older.close()
    with TestClient(create_app(settings), raise_server_exceptions=False) as web:
        [one] = web.get("/v1/questions?kind=no_evidence", headers=bearer("admin-gczx")).json()["questions"]
        assert (one["question"], one["outcome"]) == (NOWHERE, "no_evidence")
        receipt = web.get("/v1/answers/a1", headers=bearer("t0001")).json()
        assert (receipt["answer"]["text"], receipt["records"], receipt["clauses"]) == ("没有查到。", [], [])
        assert web.get("/v1/answers/a2", headers=bearer("t0001")).status_code == 404
        turns = web.get("/v1/threads/t1", headers=bearer("t0001")).json()["turns"]
        assert [turn["answer"] is None for turn in turns] == [False, True]
