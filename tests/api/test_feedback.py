"""Feedback: kept of one's own answers alone, shown to administrators of the unit and above, exported as cases."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from fastapi.testclient import TestClient

from api.app import create_app
from assistant.store import feedback
from evals.case import Case
from evals.collected import drafts
from tests.api.conftest import SECRET, settings_for

Headers = Callable[..., dict[str, str]]
Problem = Callable[..., str]
GAP = "我今年还差多少学时？"


@pytest.fixture(scope="module")
def web(made_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    """An application that nobody else gives feedback to."""
    home = shutil.copytree(made_home, tmp_path_factory.mktemp("feedback") / "home")
    with TestClient(create_app(settings_for(home, auth_secret=SECRET)), raise_server_exceptions=False) as client:
        yield client


@pytest.fixture
def ask(web: TestClient, bearer: Headers) -> Callable[..., Any]:
    """One answer, as JSON."""

    def asked(account: str, question: str = GAP, thread: str | None = None) -> Any:
        body = {"question": question, "thread_id": thread}
        return web.post("/v1/ask", json=body, headers=bearer(account)).json()

    return asked


@pytest.fixture
def rate(web: TestClient, bearer: Headers) -> Callable[..., Any]:
    """The response to an account's feedback."""
    return lambda account, answer, **said: web.post(
        f"/v1/answers/{answer}/feedback", json={"rating": "down", **said}, headers=bearer(account)
    )


@pytest.fixture
def listed(web: TestClient, bearer: Headers) -> Callable[..., list[Any]]:
    """What an administrator is shown."""

    def get(account: str, **query: Any) -> list[Any]:
        response = web.get("/v1/feedback", params=query, headers=bearer(account))
        assert response.status_code == 200, response.text
        found: list[Any] = response.json()["feedback"]
        return found

    return get


def test_it_is_kept_and_shown_to_the_administrators_above_and_to_no_others(
    ask: Any, rate: Any, listed: Any, web: TestClient, bearer: Headers
) -> None:
    mine, theirs = ask("t0001")["id"], ask("t0006")["id"]
    assert rate("t0001", mine, comment=" 数字不对 ").json() == {
        "answer_id": mine,
        "rating": "down",
        "comment": "数字不对",
    }
    assert rate("t0006", theirs, rating="up").json()["comment"] is None
    shown = {
        name: {one["answer_id"] for one in listed(name)} for name in ("admin-gczx", "admin-humen", "admin-dongguan")
    }
    assert mine in shown["admin-gczx"] - shown["admin-humen"]
    assert theirs in shown["admin-humen"] - shown["admin-gczx"]
    assert {mine, theirs} <= shown["admin-dongguan"]
    assert listed("admin-linwei") == []
    found = next(one for one in listed("admin-gczx") if one["answer_id"] == mine)
    assert (found["rating"], found["question"]) == ("down", GAP)
    assert not {"account", "t0001"} & {*found, *map(str, found.values())}
    assert (found["comment"], found["outcome"]) == ("数字不对", "answered")
    assert found["at"].endswith("+08:00")


def test_only_the_owner_of_an_answer_may_rate_it(ask: Any, rate: Any, listed: Any, problem: Problem) -> None:
    """Nobody learns whether it is there: not a colleague, not the administrator above."""
    answer = ask("t0003")["id"]
    told = {
        problem(rate(account, wanted), 404)
        for account, wanted in (("t0004", answer), ("admin-gczx", answer), ("t0003", "a-none"), ("t0003", "%00"))
    }
    assert len(told) == 1
    assert all(one["answer_id"] != answer for one in listed("admin-gczx"))


def test_a_second_rating_takes_the_place_of_the_first(ask: Any, rate: Any, listed: Any) -> None:
    answer = ask("t0005")["id"]
    rate("t0005", answer, comment="不对")
    rate("t0005", answer, rating="up")
    own = [(one["rating"], one["comment"]) for one in listed("admin-gcsy") if one["answer_id"] == answer]
    assert own == [("up", None)]


def test_what_an_administrator_asked_is_for_the_unit_s_administrators(ask: Any, rate: Any, listed: Any) -> None:
    """admin-gczx teaches at the school; the town's administrator is above it, the school beside isn't."""
    answer, above = ask("admin-gczx", "T0001还差多少学时？")["id"], ask("admin-guancheng", "T0001还差多少学时？")["id"]
    rate("admin-gczx", answer)
    rate("admin-guancheng", above)
    shown = {
        name: {one["answer_id"] for one in listed(name)} for name in ("admin-gczx", "admin-gcsy", "admin-guancheng")
    }
    assert answer in shown["admin-gczx"]
    assert above not in shown["admin-gczx"]
    assert not {answer, above} & shown["admin-gcsy"]
    assert {answer, above} <= shown["admin-guancheng"]


def test_the_answer_s_words_are_not_shown_to_an_administrator(ask: Any, rate: Any, listed: Any) -> None:
    answer = ask("t0001", "列出我今年的记录")
    rate("t0001", answer["id"])
    assert "R00012301" in str(answer)
    assert "R0001" not in str(listed("admin-gczx"))


def test_teachers_are_shown_nothing(web: TestClient, bearer: Headers, problem: Problem) -> None:
    problem(web.get("/v1/feedback", headers=bearer("t0001")), 403)
    problem(web.get("/v1/feedback"), 401)


def test_the_latest_come_first_and_the_rest_is_counted(
    ask: Any, rate: Any, listed: Any, web: TestClient, bearer: Headers
) -> None:
    first, second = ask("t0114")["id"], ask("t0115")["id"]
    rate("t0114", first)
    rate("t0115", second)
    assert [one["answer_id"] for one in listed("admin-jyxx")] == [second, first]
    cut = web.get("/v1/feedback", params={"limit": 1}, headers=bearer("admin-jyxx")).json()
    assert [one["answer_id"] for one in cut["feedback"]] == [second]
    assert cut["total"] == 2


@pytest.mark.parametrize(
    "said",
    [{"rating": "bad"}, {"rating": None}, {"comment": "长" * 1001}, {"comment": "\x07"}, {"stars": 5}],
    ids=["rating", "none", "long", "control", "extra"],
)
def test_what_is_no_feedback_is_refused_and_nothing_kept(
    said: Any, ask: Any, rate: Any, listed: Any, problem: Problem
) -> None:
    answer = ask("t0118")["id"]
    problem(rate("t0118", answer, **said), 422)
    assert listed("admin-qtxx") == []


def test_it_is_exported_as_cases_that_load(ask: Any, rate: Any, web: TestClient) -> None:
    """The whole conversation up to the answer that was rated, and neither what came later nor another's."""
    first = ask("t0023")
    second = ask("t0023", "我怎么补最省？", first["thread_id"])
    ask("t0023", "培训费用谁出？", first["thread_id"])
    rate("t0023", second["id"], comment="不对：\n- ask: 假的\n# 注释\u2028又一行")
    with web.app.state.installation.database.read() as connection:  # type: ignore[attr-defined]
        text = drafts(feedback.every(connection))
    assert "个人资料" in text.splitlines()[0]
    cases = [Case.model_validate({**row, "group": "g", "number": 1}) for row in yaml.safe_load(text)]
    (case,) = (case for case in cases if case.account == "t0023")
    assert case.ask == [GAP, "我怎么补最省？"]
    assert "又一行" in case.note
    assert second["text"] in case.note
    assert case.expect.outcome == ["answered"]
    assert case.expect.figures["remaining"] == second["calculation"]["remaining"]
    assert case.expect.plan_hours == second["calculation"]["remaining"]
