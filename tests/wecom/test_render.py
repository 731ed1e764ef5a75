"""Answers as WeCom's messages: what stands in them, and that they fit."""

import re
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.wecom import render
from assistant.answer import Answer, Calculation, CategoryLine, Citation, Outcome, Table
from tests.conftest import Ask

URL = "https://xueshi.example.cn/answers/a123"
FIGURE = re.compile(r"\d+(?:\.\d+)?")


def cited(number: int, title: str = "培训计划", quote: str = "每年累计不少于90学时") -> Citation:
    return Citation(
        id=str(number),
        policy_id="p",
        title=title,
        number="东教〔2023〕5号",
        issuer="东莞市教育局",
        issued_on=None,
        locator=f"附件1/四/({number})",
        quote=quote,
        text="digest",
        url="/policies/p",
        sha256="",
    )


def answer(text: str, citations: int = 0, outcome: Outcome = Outcome.ANSWERED, **others: object) -> Answer:
    given = {"id": "a123", "thread_id": "t", "outcome": outcome, "text": text}
    return Answer.model_validate({**given, "citations": [cited(one + 1) for one in range(citations)], **others})


def reckoned(counted: str, remaining: str, met: bool) -> Calculation:
    line = CategoryLine(category="专业科目", required="42", recorded="48", counted=counted, shortfall=remaining)
    return Calculation.model_validate(
        {
            "rule_set": "r",
            "carried_forward": False,
            "teacher_id": "T1",
            "from": "2023-01-01",
            "to": "2023-12-31",
            "required": "42",
            "counted": counted,
            "remaining": remaining,
            "met": met,
            "pending": "0",
            "remaining_if_approved": remaining,
            "categories": [line],
            "not_counted": [],
            "beyond_caps": "0",
            "steps": [],
        }
    )


def test_a_gap_is_told_with_its_categories_clauses_and_receipt(ask: Ask) -> None:
    told = render.markdown(ask("t0001", "我今年还差多少学时？"), URL, render.APP)
    assert told.startswith("2023年您还差 12 学时：已计入 78 学时，要求不少于 90 学时[1]。")
    assert "**目前已计入 78 / 90 学时** ■■■■■■■■□□" in told
    assert "> 公需科目：30 / 30，已达到" in told
    assert "> 专业科目：38 / 42，还差 4" in told
    assert "> 个人选修科目：10 / 18，还差 8" in told
    note = r"^\[1\] 《2023年东莞市中小学（幼儿园）教师培训计划》附件1/四/\(三\)（摘要）：“.+”$"
    assert re.search(note, told, re.MULTILINE)
    assert told.endswith(f"[查看过程和依据]({URL})")


def test_the_plain_form_says_the_same_without_markup(ask: Ask) -> None:
    told = render.text(ask("t0001", "我今年还差多少学时？"), URL, render.APP)
    assert "专业科目：38 / 42，还差 4" in told
    assert told.endswith(f"过程和依据：{URL}")
    assert not re.search(r"\*\*|^>|\]\(", told, re.MULTILINE)


def test_rows_that_the_text_points_at_are_told(ask: Ask) -> None:
    assert "市级班主任能力提升培训｜专业科目｜市级｜3" in render.markdown(
        ask("t0001", "我有哪些待审核的记录？"), URL, 2048
    )


def test_a_question_back_comes_with_its_choices_and_no_link(ask: Ask) -> None:
    asked = ask("t0001", "学时")
    told = render.markdown(asked, URL, render.APP)
    assert f"1. {asked.suggestions[0]}" in told
    assert URL not in told


@pytest.mark.parametrize("question", ["我今年还差多少学时？", "我怎么补最省？", "为什么我的镇级培训只算了12学时？"])
@pytest.mark.parametrize("most", [512, 700, 1000, 2048, 20_480])
def test_a_real_answer_fits_and_no_figure_is_made_up(ask: Ask, question: str, most: int) -> None:
    whole = ask("t0001", question)
    known = set(FIGURE.findall(whole.model_dump_json())) | {str(one) for one in range(10)}
    for told in (render.markdown(whole, URL, most), render.text(whole, URL, most)):
        assert len(told.encode()) <= most
        assert URL in told
        assert set(FIGURE.findall(told.replace(URL, ""))) <= known


def test_a_long_answer_is_cut_behind_a_sentence() -> None:
    sentence = "第一句说了二十个字左右的话以便占地方。"
    told = render.markdown(answer(sentence * 100), URL, 1000)
    assert re.fullmatch(rf"({sentence})+……（未完，全文见链接）\n\n\[查看过程和依据\]\({URL}\)", told)
    assert len(told.encode()) > 900


def test_a_figure_is_never_cut() -> None:
    figure = "1234567890.12"
    for most in range(60, 140):
        kept = render.cut(f"合计还差{figure}学时，" * 20, most).removesuffix("……（未完，全文见链接）")
        assert set(FIGURE.findall(kept)) <= {figure}


@given(st.text(), st.integers(40, 400))
def test_whatever_is_said_fits(said: str, most: int) -> None:
    kept = render.cut(said, most)
    assert len(kept.encode()) <= most
    assert said.startswith(kept.removesuffix("……（未完，全文见链接）"))


@given(
    st.text(st.sampled_from("学时达到。；\n1290.[^]()<>*`😀"), max_size=1500), st.integers(0, 6), st.integers(300, 3000)
)
def test_every_answer_fits_and_names_no_citation_that_it_leaves_out(said: str, citations: int, most: int) -> None:
    made = answer(said + "".join(f"[^{one + 1}]" for one in range(citations)), citations)
    told = render.markdown(made, URL, most)
    assert len(told.encode()) <= most
    assert told.endswith(f"({URL})")
    shown = set(re.findall(r"^\[(\d+)\] 《", told, re.MULTILINE))
    assert shown <= {"1", "2", "3"}
    assert "[^" + "1]" not in told


def test_names_and_titles_cannot_become_links_mentions_or_colours() -> None:
    evil = '<@all>[点我](http://evil.example)<font color="red">**x**'
    table = Table(caption=evil, columns=[evil], rows=[[evil]], total_rows=1)
    for told in (
        render.markdown(answer(evil, tables=[table], citations=0), URL, 2048),
        render.so_far(evil, 2048),
        render.text(answer(evil), URL, 2048),
    ):
        assert "<" not in told
        assert "](http://evil" not in told


@pytest.mark.parametrize(
    ("counted", "remaining", "met", "bar"),
    [("0", "42", False, "□" * 10), ("41.99", "0.01", False, "■" * 9 + "□"), ("42", "0", True, "■" * 10)],
)
def test_the_bar_is_full_only_when_nothing_is_missing(counted: str, remaining: str, met: bool, bar: str) -> None:
    made = answer("。", calculation=reckoned(counted, remaining, met))
    assert f" {bar}\n" in render.markdown(made, URL, 2048)
    card = render.progress_card(made, URL)
    assert card is not None
    assert card["main_title"]["desc"] == bar
    assert card["emphasis_content"]["title"] == remaining


def test_cards_are_made_only_where_they_say_something(ask: Ask) -> None:
    assert render.progress_card(ask("t0001", "培训费用谁出？"), URL) is None
    assert render.progress_card(ask("t0001", "如果我再修4学时专业科目呢？"), URL) is None
    assert render.choice_card(ask("t0001", "我今年还差多少学时？")) is None
    asked = ask("t0001", "学时")
    card = render.choice_card(asked)
    assert card is not None
    assert card["task_id"] == asked.id
    assert [button["key"] for button in card["button_list"]] == ["0", "1", "2", "3"]


@pytest.mark.parametrize("question", ["如果我再修6学时专业课，还差多少？", "我怎么补最省？"])
@pytest.mark.parametrize("form", [render.text, render.markdown])
def test_what_is_assumed_is_told_apart_from_what_is(
    ask: Ask, question: str, form: Callable[[Answer, str, int], str]
) -> None:
    answer = ask("t0001", question)
    assert answer.calculation
    assert answer.projection
    told = form(answer, URL, render.APP).replace("**", "").replace("> ", "")
    assumed = answer.projection.counted
    assert f"目前已计入 78 / 90 学时 {'■' * 8}□□\n公需科目：30 / 30，已达到\n专业科目：38 / 42，还差 4\n" in told
    assert f"假设之后（不是现状）将计入 {assumed} / 90 学时\n假设之后公需科目：30 / 30，可达到\n" in told
    assert told.count(f"计入 {assumed} / 90") == told.count("■" * 8) == 1  # the bar is of what is


def test_what_is_assumed_never_stands_alone(ask: Ask) -> None:
    answer = ask("t0001", "如果我再修6学时专业课，还差多少？")
    for most in range(300, render.APP, 25):
        told = render.text(answer, URL, most)
        assert ("假设之后（不是现状）" in told) == ("目前已计入" in told)
