"""Compliance over HTTP: an administrator sees the own unit and below, and of anything else not even whether it is."""

from collections.abc import Callable
from typing import Any

import pytest
from fastapi.testclient import TestClient

Headers = Callable[..., dict[str, str]]
Problem = Callable[..., str]
CITY, TOWN = "广东省/东莞市", "广东省/东莞市/莞城街道"
SCHOOL = f"{TOWN}/莞城中心小学"
ROW = {"unit", "level", "teachers", "met", "short", "no_records", "rate", "shortfall", "remaining", "checks"}


def get(web: TestClient, headers: dict[str, str], suffix: str = "", **query: Any) -> Any:
    return web.get(f"/v1/compliance{suffix}", params=query, headers=headers)


def test_a_report_has_the_contract_s_fields(web: TestClient, bearer: Headers) -> None:
    made = get(web, bearer("admin-dongguan"), unit=CITY, year=2023, level="town").json()
    assert (made["unit"], made["year"], made["level"], made["as_of"]) == (CITY, 2023, "town", "2023-11-15")
    assert (made["rule_set"], made["carried_forward"], made["teachers"]) == ("dongguan-2023", False, [])
    assert [row["unit"] for row in made["rows"]] == [TOWN, f"{CITY}/虎门镇"]
    for row in (*made["rows"], made["totals"]):
        assert row.keys() == ROW
    check = made["rows"][0]["checks"][0]
    assert check.keys() >= {"rule", "name", "value", "minimum", "status", "policy_id", "locator"}
    assert made["rules"][0]["from"] == "2023-01-01"


def test_without_parameters_it_is_the_own_unit_this_year_by_school(web: TestClient, bearer: Headers) -> None:
    made = get(web, bearer("admin-guancheng")).json()
    assert (made["unit"], made["year"], made["level"]) == (TOWN, 2023, "school")
    assert all(row["unit"].startswith(f"{TOWN}/") for row in made["rows"])


def test_a_school_sees_its_teachers_and_nobody_else(web: TestClient, bearer: Headers) -> None:
    response = get(web, bearer("admin-gczx"), level="teacher")
    made = response.json()
    assert {one["unit"] for one in made["teachers"]} == {SCHOOL}
    assert "T0001" in {one["teacher_id"] for one in made["teachers"]}
    assert "T0004" not in response.text


@pytest.mark.parametrize("suffix", ["", ".csv", ".xlsx"])
def test_what_is_not_the_asker_s_is_refused_in_the_same_words(
    web: TestClient, bearer: Headers, problem: Problem, suffix: str
) -> None:
    """Above, beside, a name that begins alike, none at all, everything; and for a teacher the own school."""
    told = {
        problem(get(web, bearer("admin-gczx"), suffix, unit=unit), 403)
        for unit in (
            TOWN,
            CITY,
            f"{TOWN}/莞城实验中学",
            SCHOOL + "二",
            f"{SCHOOL}/不存在",
            "",
            "/",
            "%",
            "陕西省/渭南市",
        )
        if unit
    }
    told.add(problem(get(web, bearer("t0001"), suffix), 403))
    told.add(problem(get(web, bearer("t0001"), suffix, unit=SCHOOL), 403))
    assert len(told) == 1


def test_nobody_sees_it_without_a_token(web: TestClient, problem: Problem) -> None:
    problem(get(web, {}, unit=CITY), 401)


@pytest.mark.parametrize("query", [{"level": "class"}, {"year": "去年"}, {"year": 0}, {"unit": "x" * 301}])
def test_a_wrong_parameter_is_told(web: TestClient, bearer: Headers, problem: Problem, query: dict[str, Any]) -> None:
    assert problem(get(web, bearer("admin-dongguan"), **query), 422).startswith(next(iter(query)))


def test_files_come_as_attachments(web: TestClient, bearer: Headers) -> None:
    for suffix, begins in ((".csv", b"\xef\xbb\xbf"), (".xlsx", b"PK")):
        response = get(web, bearer("admin-dongguan"), suffix, level="teacher")
        assert response.status_code == 200
        assert response.content.startswith(begins)
        assert f"compliance-2023-teacher{suffix}" in response.headers["Content-Disposition"]
        assert response.headers["Cache-Control"] == "no-store"
