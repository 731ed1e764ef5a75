"""A model's own SELECT: read for it first, kept to the asker's scope, shown as a table, its figures proven by that."""

import json
import re
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistant import hours
from assistant.agent import Agent
from assistant.answer import Answer, Outcome
from assistant.ask import Assistant
from assistant.bootstrap import Installation
from assistant.errors import InputError
from assistant.figures import figures
from assistant.store import people, scoped
from assistant.store.scoped import MOST_ROWS, VIEWS
from assistant.store.sql import LONGEST, check
from assistant.tools import Tools
from tests.test_agent import Queued, Reply

DIALECTS = ["sqlite", "postgresql"]
SUM = (
    "SELECT SUM(hours_hundredths) / 100.0 AS 学时, COUNT(*) AS 条数 "
    "FROM records WHERE year = 2023 AND status = '已审核'"
)

Play = Callable[..., tuple[Answer, list[dict[str, Any]]]]


@pytest.fixture
def play(installation: Installation) -> Play:
    """The answer that a model with these replies brings about, and what its tools told it."""
    tools = Tools(installation.database, installation.index)

    def played(*replies: Reply, account: str = "t0001") -> tuple[Answer, list[dict[str, Any]]]:
        model = Queued(replies=list(replies))
        assistant = Assistant(installation.settings, installation.database, Agent(model, tools))
        answer = assistant.ask("请看看我的学时", assistant.account(account))
        return answer, [json.loads(str(message.content)) for message in model.results]

    return played


def asks(sql: str) -> Reply:
    return [("query_records", {"sql": sql})]


# What the reader lets pass.

HONEST = [
    SUM,
    "SELECT * FROM records",
    "select Name from Records",
    "SELECT title FROM records ORDER BY completed_on DESC LIMIT 3;",
    "SELECT category, COUNT(*) AS 条数 FROM records GROUP BY category HAVING COUNT(*) > 1 ORDER BY 条数 DESC",
    "SELECT category, COUNT(*) AS n FROM records GROUP BY 1",
    "SELECT r.title, t.name FROM records AS r JOIN teachers AS t ON t.teacher_id = r.teacher_id",
    "SELECT title FROM records WHERE title LIKE '%培训%' AND completed_on >= '2023-01-01' -- 今年",
    "WITH mine AS (SELECT title, year FROM records) SELECT year, COUNT(title) AS n FROM mine GROUP BY year",
    "SELECT name FROM teachers UNION SELECT name FROM records ORDER BY name",
    "SELECT name FROM teachers AS t WHERE EXISTS (SELECT 1 FROM records AS r WHERE r.teacher_id = t.teacher_id)",
    "SELECT title FROM records WHERE hours_hundredths = (SELECT MAX(hours_hundredths) FROM records)",
    "SELECT ROUND(AVG(hours_hundredths) / 100, 2) AS 平均 FROM records",
    "SELECT COUNT(*) * 1.0 / (SELECT COUNT(*) FROM records) AS 比例 FROM records WHERE status = '已审核'",
    "SELECT title, RANK() OVER (PARTITION BY category ORDER BY hours_hundredths DESC) AS 名次 FROM records",
    "SELECT '合计' AS 项, SUM(hours_hundredths) AS n FROM records",
    "SELECT CASE WHEN SUM(hours_hundredths) >= 9000 THEN '达到' ELSE '未达到' END AS 结论 FROM records",
    "SELECT unit, year, public_funds_fen / 100.0 AS 元 FROM budgets",
    "SELECT level, COUNT(*) AS n FROM units GROUP BY level",
    "SELECT SUBSTR(CAST(completed_on AS TEXT), 1, 7) AS 月 FROM records",
]


@pytest.mark.parametrize("sql", HONEST)
def test_an_honest_query_is_run(sql: str, installation: Installation) -> None:
    for dialect in DIALECTS:
        assert check(sql, dialect) == sql.rstrip(";")
    scope = installation.assistant.account("admin-gczx").scope
    assert scoped.query(installation.database, scope, check(sql, scoped.dialect(installation.database))).rows


def test_a_statement_ends_at_its_semicolon() -> None:
    assert check("SELECT title FROM records WHERE title = ';' ; -- 完", "sqlite").rstrip().endswith("';'")


# What it has to say about others. Each refusal names what is wrong.

FAULTS = {
    "SELECT nosuch FROM records": "没有列 nosuch：records 有 record_id、",
    "SELECT r.nosuch FROM records AS r": "没有列 nosuch",
    "SELECT x.title FROM records": "没有列 x.title",
    "SELECT hours FROM records": "hours_hundredths",
    "SELECT b FROM (SELECT title AS a FROM records) AS t": "没有列 b",
    "SELECT name FROM records, teachers": "列 name 不止一个视图里有：请写明是哪个视图的，例如 records.name",
    "SELECT title FROM credits": "没有视图 credits：可以查询的是 records、teachers、budgets、units",
    "SELECT * FROM main.records": "没有视图 main.records",
    "SELECT sql FROM sqlite_master": "没有视图 sqlite_master",
    "WITH records AS (SELECT * FROM credits) SELECT * FROM records": "没有视图 credits",
    "SELECT title FROM records UNION SELECT question FROM turns": "没有视图 turns",
    "SELECT title FROM records WHERE title IN (SELECT wecom_userid FROM accounts)": "没有视图 accounts",
    "SELECT PG_SLEEP(1), title FROM records": "不能用函数 PG_SLEEP：可用的是 COUNT、",
    "SELECT query_to_xml('SELECT 1', true, true, '') FROM records": "不能用函数 QUERY_TO_XML",
    "SELECT load_extension('x') FROM records": "不能用函数 LOAD_EXTENSION",
    "SELECT * FROM generate_series(1, 9)": "不能用函数",
    "SELECT title FROM records WHERE completed_on > CURRENT_DATE": "不能用函数 CURRENT_DATE",
    "SELECT 96 AS 学时 FROM records": "不要把数字直接写成结果列",
    "SELECT '还差96学时' AS x FROM records": "不要把数字直接写成结果列",
    "SELECT title, (SELECT 96) AS x FROM records": "不要把数字直接写成结果列",
    "SELECT x FROM (SELECT 96 AS x) AS t": "不要把数字直接写成结果列",
    "SELECT SUM(hours_hundredths) / 100 FROM records": "整数相除会舍去余数",
    "SELECT COUNT(*) * 100 / COUNT(DISTINCT title) FROM records": "整数相除会舍去余数",
    "SELECT title FROM records WHERE hours_hundredths / 100 > 4": "整数相除会舍去余数",
    "SELECT name, COUNT(*) FROM records": "列 name 没有汇总，也不在 GROUP BY 里",
    "SELECT title FROM records GROUP BY category": "列 title 没有汇总，也不在 GROUP BY 里",
    "SELECT title FROM records; SELECT name FROM records": "只能写一句 SELECT",
    "DELETE FROM records": "只能写一句 SELECT",
    "UPDATE records SET title = 'x'": "只能写一句 SELECT",
    "DROP TABLE credits": "只能写一句 SELECT",
    "PRAGMA table_info(credits)": "只能写一句 SELECT",
    "EXPLAIN SELECT title FROM records": "只能写一句 SELECT",
    "VALUES (1)": "只能写一句 SELECT",
    "": "只能写一句 SELECT",
    "-- 无": "只能写一句 SELECT",
    "SELECT title FROM records FOR UPDATE": "只能从视图里读",
    "SELECT title INTO x FROM records": "只能从视图里读",
    "SELECT * FROM (VALUES (96)) AS t": "只能从视图里读",
    "WITH RECURSIVE r AS (SELECT title FROM records UNION ALL SELECT title FROM r) SELECT * FROM r": "只能从视图里读",
    "WITH x AS (DELETE FROM credits RETURNING title) SELECT title FROM x": "只能从视图里读",
    "SELECT title FROM records WHERE (((": "语法错误",
    "SELECT title FROM records WHERE": "语法错误",
    "SELECT title FROM records WHERE title = '": "SQL 读不懂",
    "SELECT " + "(" * 1900 + "year" + ")" * 1900 + " FROM records": "SQL 读不懂",
    "SELECT title FROM records -- " + "长" * LONGEST: f"最多 {LONGEST} 个字符",
}


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize(("sql", "told"), FAULTS.items(), ids=[sql[:60] for sql in FAULTS])
def test_a_fault_is_named_in_one_line(sql: str, told: str, dialect: str) -> None:
    with pytest.raises(InputError) as refusal:
        check(sql, dialect)
    assert told in str(refusal.value)
    assert len(refusal.value.problems) == 1
    assert "\n" not in str(refusal.value)


WORDS = re.findall(
    r"\S+",
    """SELECT FROM WHERE AND OR NOT AS GROUP ORDER BY HAVING LIMIT UNION WITH IN EXISTS CASE WHEN THEN END JOIN ON OVER
    PARTITION INTO VALUES LATERAL ARRAY NULL LIKE INSERT CREATE records teachers name year hours_hundredths 1 'x' 100.0
    SUM( COUNT(*) CAST( :: $1 :x -- /* */ ( ) * , . = / ; ? # @ { } [ ] ' \"""",
)


@given(st.one_of(st.text(), st.lists(st.sampled_from(WORDS), max_size=15).map(" ".join)), st.sampled_from(DIALECTS))
def test_whatever_is_written_is_read_or_refused(sql: str, dialect: str) -> None:
    with suppress(InputError):
        assert sql.startswith(check(sql, dialect))


# The tool.


def test_two_people_s_queries_find_each_their_own(play: Play, installation: Installation) -> None:
    for account, own in (("t0001", "T0001"), ("t0003", "T0003")):
        _, [told] = play(asks("SELECT DISTINCT teacher_id, name FROM records"), "好。", account=account)
        assert [row[0] for row in told["rows"]] == [own]
        _, [told] = play(
            asks("SELECT teacher_id FROM records WHERE teacher_id <> 'T0000' OR 1 = 1"), "好。", account=account
        )
        assert {row[0] for row in told["rows"]} == {own}
        with installation.database.read() as connection:
            rows = people.records(connection, installation.assistant.account(account).scope, own)
        approved = [row.hours for row in rows if row.completed_on.year == 2023 and row.status == "已审核"]
        _, [told] = play(asks(SUM), "好。", account=account)
        assert told["rows"] == [[hours.show(sum(approved)), str(len(approved))]]


def test_what_is_another_s_is_found_by_no_query(play: Play) -> None:
    for where in ("teacher_id = 'T0003'", "name = '陈静'", "teacher_id = 'T8888'"):
        answer, [told] = play(asks(f"SELECT title FROM records WHERE {where}"), "[^r1]")
        assert (told["rows"], told["total"], told["columns"]) == ([], 0, [])
        assert "陈静" not in answer.model_dump_json()


def test_an_administrator_s_query_ends_at_the_unit(play: Play) -> None:
    _, [told] = play(asks("SELECT DISTINCT unit FROM records"), "好。", account="admin-gczx")
    assert told["rows"] == [["广东省/东莞市/莞城街道/莞城中心小学"]]


@pytest.mark.parametrize(
    "forged", [{"scope": {"unit": "广东省"}}, {"teacher_id": "T0003"}, {"account": "t0003"}], ids=str
)
def test_who_asks_is_no_argument(forged: dict[str, Any], play: Play) -> None:
    _, [told] = play([("query_records", {"sql": "SELECT DISTINCT teacher_id FROM records", **forged})], "好。")
    assert told["rows"] == [["T0001"]]


def test_a_result_that_is_cited_becomes_a_table_and_proves_its_figures(play: Play) -> None:
    _, [told] = play(asks(SUM), "好。")
    [[total, number]] = told["rows"]
    assert told["token"] == "r1"
    answer, _ = play(asks(SUM), f"您有 {number} 条已审核的记录，共 {total} 学时[^r1]。")
    assert answer.outcome is Outcome.ANSWERED
    assert answer.text == f"您有 {number} 条已审核的记录，共 {total} 学时。"
    [table] = answer.tables
    assert (table.columns, table.rows, table.total_rows) == (["学时", "条数"], [[total, number]], 1)
    assert answer.citations == []


@pytest.mark.parametrize(
    "text",
    ["共 {} 学时。", "共 {} 学时[^r2]。", "共 9{} 学时[^r1]。", "96 学时[^r1]"],
    ids=["uncited", "another", "wrong", "invented"],
)
def test_a_figure_that_no_cited_result_has_is_not_sent(text: str, play: Play) -> None:
    _, [told] = play(asks(SUM), "好。")
    said = text.format(told["rows"][0][0])
    answer, _ = play(asks(SUM), said)
    assert answer.text == "在您可以查看的范围内查到的列在下面。"
    assert answer.outcome is Outcome.ANSWERED
    assert [table.rows for table in answer.tables] == [told["rows"]]


def test_names_of_columns_prove_nothing(play: Play) -> None:
    answer, _ = play(asks('SELECT COUNT(*) AS "还差96学时" FROM records'), "您还差 96 学时[^r1]。")
    assert not any(figure.value == 96 for figure in figures(answer.text))


def test_only_the_results_that_are_cited_are_shown(play: Play) -> None:
    two = [("query_records", {"sql": "SELECT title FROM records"}), ("query_records", {"sql": SUM})]
    answer, told = play(two, "列在下面[^r2]。")
    assert {one["token"] for one in told} == {"r1", "r2"}
    cited = next(one for one in told if one["token"] == "r2")
    assert [table.rows for table in answer.tables] == [cited["rows"]]


def test_a_long_result_is_cut_and_its_count_proven(play: Play) -> None:
    answer, [told] = play(asks("SELECT a.title FROM records a, records b, records c"), "好。")
    assert len(told["rows"]) == MOST_ROWS < told["total"]
    answer, _ = play(asks("SELECT a.title FROM records a, records b, records c"), f"共 {told['total']} 行[^r1]。")
    assert answer.text == f"共 {told['total']} 行。"
    assert answer.tables[0].total_rows == told["total"]


def test_a_bad_query_is_told_and_may_be_mended(play: Play) -> None:
    answer, [first, second] = play(asks("SELECT hours FROM records"), asks(SUM), "列在下面[^r1]。")
    assert first == {"reason": first["reason"]}
    assert "没有列 hours" in first["reason"]
    assert second["rows"]
    assert (answer.text, answer.outcome) == ("列在下面。", Outcome.ANSWERED)


def test_a_query_that_the_database_refuses_is_told_no_more_than_that(play: Play) -> None:
    _, [told] = play(asks("SELECT title FROM records WHERE SUM(year) > 1"), "好。")
    assert told == {"reason": scoped.REFUSED}


def test_bad_queries_alone_prove_nothing(play: Play) -> None:
    answer, _ = play(asks("SELECT hours FROM records"), "您有 96 学时。")
    assert answer.outcome is Outcome.UNAVAILABLE
    assert not list(figures(answer.text))
    assert answer.tables == []


def test_a_title_that_reads_as_a_number_of_a_billion_digits_harms_nothing(play: Play) -> None:
    sql = "SELECT '1e' || (hours_hundredths * 0 + 999999999) AS x, 'NaN' AS y, 'Infinity' AS z FROM records LIMIT 1"
    answer, [told] = play(asks(sql), "列在下面[^r1]。")
    assert told["rows"] == [["1e999999999", "NaN", "Infinity"]]
    assert answer.text == "列在下面。"


def test_a_model_is_told_every_column_and_what_it_means(installation: Installation) -> None:
    [tool] = [one for one in Tools(installation.database, installation.index).described if one.name == "query_records"]
    for view, columns in VIEWS.items():
        assert f"{view}：" in tool.description
        for name, column in columns.items():
            assert f"{name} {column.meaning}" in tool.description
