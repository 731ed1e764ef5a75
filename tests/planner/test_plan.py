"""How a gap is closed for the least: in chat and on the command line, replayed before it is shown."""

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pytest

from assistant.answer import Answer, Outcome
from assistant.bootstrap import Installation
from ingest.catalogue import read_catalogue
from tests.conftest import TODAY

Ask = Callable[[str, str], Answer]
HEAD = "课程编号,课程名称,科目类别,组织单位,学时,费用,开始日期,结束日期"


def test_the_plan_closes_every_gap_and_the_projection_proves_it(ask: Ask) -> None:
    answer = ask("t0001", "我怎么补最省？")
    assert answer.outcome is Outcome.ANSWERED
    assert answer.plan is not None
    assert [(one.category, one.organiser, one.hours, one.title) for one in answer.plan] == [
        ("专业科目", None, "4", None),
        ("个人选修科目", None, "8", None),
    ]
    assert answer.projection is not None
    assert (answer.projection.remaining, answer.projection.met) == ("0", True)
    assert answer.calculation is not None
    assert answer.calculation.remaining == "12"
    assert {one.id for one in answer.citations} >= {one.citation for one in answer.plan}
    assert "最少还要取得并审核通过 12 学时" in answer.text
    assert "平均每周不少于 1.72 学时" in answer.text  # 12 hours over 7 weeks, rounded up
    assert "已到上限的不再计入" in answer.text


def test_who_has_met_the_hours_needs_no_plan(ask: Ask) -> None:
    answer = ask("t0002", "我今年怎么补最省？")
    assert "不需要再补" in answer.text
    assert answer.plan == []


def test_without_a_rule_nothing_is_planned(ask: Ask) -> None:
    answer = ask("t0001", "我2022年怎么补最省？")
    assert (answer.outcome, answer.plan) == (Outcome.NO_RULE, None)


def test_another_person_s_plan_is_not_told(ask: Ask) -> None:
    assert ask("t0001", "T0003怎么补最省？").outcome is Outcome.NOT_PERMITTED
    assert ask("t0001", "T9999怎么补最省？").text == ask("t0001", "T0003怎么补最省？").text
    assert ask("admin-gczx", "T0001怎么补最省？").plan == ask("t0001", "我怎么补最省？").plan


@pytest.mark.parametrize("question", ["我们学校怎么补最省？", "全校怎么补最省", "我校怎么补齐"])
@pytest.mark.parametrize("account", ["t0001", "admin-gczx"])
def test_a_whole_school_s_plan_is_not_one_s_own(ask: Ask, question: str, account: str) -> None:
    answer = ask(account, question)
    assert (answer.plan, answer.calculation) == (None, None)


def test_where_only_a_total_is_asked_for_any_category_will_do(ask: Ask) -> None:
    answer = ask("t0110", "我怎么补最省？")
    assert "其他计入的科目类别也可以" in answer.text


def catalogue(folder: Path, *lines: str) -> Path:
    path = folder / "课程.csv"
    path.write_text("\n".join([HEAD, *lines]) + "\n", "utf-8")
    return path


def test_courses_are_chosen_for_the_least_fee_within_the_caps(installation: Installation, tmp_path: Path) -> None:
    """镇级 is at its cap already: the cheap course there would count nothing."""
    path = catalogue(
        tmp_path,
        "K1,镇级讲座,专业科目,镇级,6,0,2023-11-20,",
        "K2,市级研修,专业科目,市级,4,120.50,2023-11-20,2023-12-01",
        "K3,市级长训,专业科目,市级,10,300,2023-11-20,",
        "K4,校本研修,个人选修科目,校级,8,10,2023-12-01,",
        "K5,来不及的课,个人选修科目,校级,8,0,2024-01-02,",
    )
    assistant = installation.assistant
    answer = assistant.plan(assistant.account("t0001"), 2023, read_catalogue(path, TODAY))
    assert answer.plan is not None
    assert [one.title for one in answer.plan] == ["市级研修", "校本研修"]
    assert answer.projection is not None
    assert answer.projection.met
    assert "130.5 元" in answer.text
    [table] = [one for one in answer.tables if one.caption.startswith("补学方案")]
    assert sum(Decimal(row[-1]) for row in table.rows) == Decimal("130.5")


def test_where_no_course_closes_the_gap_that_is_said_with_its_figures(
    installation: Installation, tmp_path: Path
) -> None:
    path = catalogue(tmp_path, "K1,镇级讲座,专业科目,镇级,6,0,2023-11-20,")
    assistant = installation.assistant
    answer = assistant.plan(assistant.account("t0001"), 2023, read_catalogue(path, TODAY))
    assert (answer.plan, answer.projection) == (None, None)
    assert "专业科目还差 4 学时" in answer.text
    assert "无法补足" in answer.text


def test_nothing_of_a_plan_is_kept(installation: Installation, tmp_path: Path) -> None:
    assistant = installation.assistant
    before = assistant.me(assistant.account("t0001"))
    assistant.plan(assistant.account("t0001"))
    assert assistant.me(assistant.account("t0001")) == before


@pytest.mark.parametrize("account", ["admin-dongguan"])
def test_who_is_no_teacher_is_asked_back(installation: Installation, account: str) -> None:
    assistant = installation.assistant
    assert assistant.plan(assistant.account(account)).outcome is Outcome.CLARIFY
