"""The time that a question names: years, stretches of days, and what is neither."""

from datetime import date
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from assistant.planner.times import Times, times_in
from assistant.planner.words import phrases, tokens
from tests.conftest import TODAY


def times(question: str, today: date = TODAY) -> Times:
    return times_in(tokens(question), today)


@pytest.mark.parametrize(
    ("question", "years"),
    [
        ("我还差多少学时", []),
        ("我今年还差多少学时", [2023]),
        ("我去年还差多少学时", [2022]),
        ("我前年和今年还差多少学时", [2021, 2023]),
        ("我今年和去年还差多少学时", [2023, 2022]),
        ("我2021年还差多少学时", [2021]),
        ("我二〇二二年还差多少学时", [2022]),
        ("我22年还差多少学时", [2022]),
        ("我2021年到2023年修了多少学时", [2023, 2022, 2021]),  # of a stretch the last year matters most
        ("我2021年起修了多少学时", [2023, 2022, 2021]),
        ("我近三年修了多少学时", [2023, 2022, 2021]),
        ("我前两年修了多少学时", [2022, 2021]),
        ("我今年和2023年还差多少学时", [2023]),
    ],
)
def test_the_years_named(question: str, years: list[int]) -> None:
    assert times(question) == (years, None, False)


@pytest.mark.parametrize(
    ("question", "first", "last"),
    [
        ("上半年", "2023-01-01", "2023-06-30"),
        ("下半年", "2023-07-01", "2023-12-31"),
        ("去年下半年", "2022-07-01", "2022-12-31"),
        ("第三季度", "2023-07-01", "2023-09-30"),
        ("3月", "2023-03-01", "2023-03-31"),
        ("三月份", "2023-03-01", "2023-03-31"),
        ("2月", "2023-02-01", "2023-02-28"),
        ("2020年2月", "2020-02-01", "2020-02-29"),
        ("十二月", "2023-12-01", "2023-12-31"),
        ("1月到6月", "2023-01-01", "2023-06-30"),
        ("去年1月至3月", "2022-01-01", "2022-03-31"),
        ("这个月", "2023-11-01", "2023-11-30"),
        ("上个月", "2023-10-01", "2023-10-31"),
        ("截至10月底", "2023-01-01", "2023-10-31"),
        ("5月10日", "2023-05-10", "2023-05-10"),
        ("5月10日到6月3日", "2023-05-10", "2023-06-03"),
        ("九月以来", "2023-09-01", "2023-11-15"),
        ("从九月修了多少", "2023-09-01", "2023-11-15"),
        ("9月到现在", "2023-09-01", "2023-11-15"),
        ("从3月到6月", "2023-03-01", "2023-06-30"),
    ],
)
def test_the_stretch_named(question: str, first: str, last: str) -> None:
    found = times(f"我{question}修了多少学时")
    assert (found.span, found.vague) == ((date.fromisoformat(first), date.fromisoformat(last)), False)


def test_last_month_may_lie_in_the_last_year() -> None:
    assert times("我上个月修了多少学时", date(2024, 1, 31)).span == (date(2023, 12, 1), date(2023, 12, 31))
    assert times("我这个月修了多少学时", date(2024, 2, 29)).span == (date(2024, 2, 1), date(2024, 2, 29))


@pytest.mark.parametrize(
    "question",
    [
        "这学期",
        "上周",
        "暑假",
        "2022-2023学年",
        "9999年",
        "0000年",
        "6月到1月",
        "3月、5月和8月",
        "3月和9月",
        "2月30日",
        "去年和今年上半年",
    ],
)
def test_a_time_that_can_t_be_told_is_vague(question: str) -> None:
    assert times(f"我{question}修了多少学时").vague


def said(value: Any) -> list[str]:
    """The wordings that a part of the phrases lists."""
    return [
        text
        for part in (value.values() if isinstance(value, dict) else value)
        for text in (said(part) if isinstance(part, list) else [part])
    ]


KINDS = ("year", "span", "month_ago", "last_years", "former_years", "since", "until", "vague_time")
words = st.sampled_from(sorted({text for kind in KINDS for text in said(phrases()[kind])}))
numbers = st.integers(0, 99999).map(str) | st.sampled_from(["十二", "二〇二三", "０２", "三十", "一二"])
units = st.sampled_from(
    ["年", "月", "日", "号", "季度", "个月", "年度", "月份", "到", "至", "-", "和", "、", "我", "学时"]
)
sentences = st.lists(words | numbers | units, max_size=12).map("".join)
days = st.dates(date(2016, 1, 1), date(2040, 12, 31))


@given(st.text(max_size=200) | sentences, days)
@example("0年2月29日", TODAY)
@example("2024年2月29日到2023年2月29日", TODAY)
@example("近五年到1970年", TODAY)
def test_any_text_has_times_and_stretches_are_in_order(text: str, today: date) -> None:
    found = times(text, today)
    assert len(set(found.years)) == len(found.years)
    if found.vague:
        return
    assert all(1970 <= year <= today.year + 10 for year in found.years)
    if found.span:
        first, last = found.span
        assert first <= last
        assert len(found.years) <= 1


@pytest.mark.parametrize("question", ["九月之后", "九月前", "九月以前", "上半年之后", "12月以来"])
def test_before_and_after_a_month_or_a_time_to_come_is_asked_back(question: str) -> None:
    assert times(question).vague
