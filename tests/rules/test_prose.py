"""Rules as sentences: every line says its figure and what it limits, and every kind of line can be said."""

from functools import cache

import pytest
from hypothesis import given

from assistant.hours import show
from assistant.rules.prose import Sentence, describe
from assistant.rules.schema import Count, Version
from assistant.settings import SHIPPED_CORPUS
from ingest.corpus import read_corpora
from tests.rules.strategies import versions


@cache
def shipped() -> dict[str, list[Sentence]]:
    return {
        one.policy.meta.id: [said for version in one.rules.versions for said in describe(version)]
        for one in read_corpora([SHIPPED_CORPUS])
        if one.rules
    }


@pytest.mark.parametrize(
    ("policy", "rule", "words"),
    [
        ("dongguan-2023", "P1", "每个自然年"),
        ("weinan-2019", "P1", "每5年为一个周期，从2016年起算（起算年份政策没有写明，是本系统的设置）"),
        ("dongguan-2023", "A1", "“已审核”"),
        ("dongguan-2023", "C2", "专业科目（镇级）的学时：一个核算期内最多计入12学时"),
        ("dongguan-2023", "R1", "合计不少于90学时"),
        ("dongguan-2023", "F1", "教师培训经费不低于年度公用经费预算的10%"),
        ("dongguan-2023", "V1", "人次不低于教师数的50%"),
        ("henan-2023", "S1", "实践性课程不低于全部课程的50%"),
        ("henan-2023", "D1", "3年内不得参加省级集中培训"),
        ("henan-2023", "T6", "为400元"),
        ("henan-2023", "L3", "最迟2023年11月20日"),
    ],
)
def test_a_line_is_said_with_its_figure(policy: str, rule: str, words: str) -> None:
    [text] = [said.text for said in shipped()[policy] if said.rule == rule]
    assert words in text


def test_what_is_no_rule_is_said_too() -> None:
    assert any("没有写成规则" in said.text and said.clause == "三/(三)" for said in shipped()["dongguan-2023"])


@given(version=versions())
def test_every_line_of_any_version_is_said_in_order_with_its_figures(version: Version) -> None:
    said = [one for one in describe(version) if one.rule]
    assert [one.rule for one in said] == [line.id for line in version.lines()]
    for one, line in zip(said, version.lines(), strict=True):
        if isinstance(line, Count) and line.at_most is not None:
            assert f"最多计入{show(line.at_most)}学时" in one.text
    for line in version.require:
        assert any(f"{line.category or '合计'}不少于{show(line.at_least)}学时" in one.text for one in said)
