"""Cases from file to verdict: what loads, what passes, what the gate lets through, and the command."""

import json
import os
import re
import subprocess
import sysconfig
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from assistant.answer import Answer, Outcome
from assistant.bootstrap import Installation
from assistant.errors import InputError
from evals.case import CASES, Case, load_cases
from evals.proof import Fault, Kind
from evals.report import as_html, as_json, below, report
from evals.run import Result, run
from evals.truth import truth

XUESHI = Path(sysconfig.get_path("scripts")) / "xueshi"
GAP = "我今年还差多少学时？"


def case(expect: dict[str, Any], ask: Any = GAP, account: str = "t0001", **others: Any) -> Case:
    row = {"ask": ask, "as": account, "split": "tuning", "expect": expect, "group": "g", "number": 1, **others}
    return Case.model_validate(row)


@pytest.fixture
def held(installation: Installation) -> Callable[..., Result]:
    """The result of one case."""
    return lambda *args, **others: run(installation, [case(*args, **others)])[0]


# Loading.


def test_every_shipped_case_loads() -> None:
    cases = load_cases(truth().accounts)
    assert {"smoke", "repeatability"} <= {case.group for case in cases}
    assert len({case.name for case in cases}) == len(cases)


@pytest.mark.parametrize(
    ("row", "where"),
    [
        ("{ask: 问, as: t0001, split: tuning}", "expect"),
        ("{ask: 问, as: t9999, split: tuning, expect: {outcome: answered}}", "t9999"),
        ("{ask: 问, as: t0001, split: dev, expect: {outcome: answered}}", "split"),
        ("{ask: 问, as: t0001, split: test, expect: {outcome: fine}}", "expect.outcome"),
        ("{ask: 问, as: t0001, split: test, expect: {outcome: answered, figures: {remaining: 12}}}", "加引号"),
        ("{ask: 问, as: t0001, split: test, expect: {outcome: answered, figures: {remains: '12'}}}", "remains"),
        ("{ask: 问, as: t0001, split: test, expect: {outcome: answered, say: [x]}}", "expect.say"),
        ("{ask: [], as: t0001, split: test, expect: {outcome: answered}}", "ask"),
    ],
)
def test_a_case_at_fault_is_told_by_file_number_and_key(row: str, where: str, tmp_path: Path) -> None:
    good = "{ask: 问, as: t0001, split: tuning, expect: {outcome: answered}}"
    (tmp_path / "group.yaml").write_text(f"- {good}\n- {row}\n", "utf-8")
    with pytest.raises(InputError) as error:
        load_cases(["t0001"], tmp_path)
    assert all("group" in line and "第 2 例" in line for line in error.value.problems)
    assert where in str(error.value)


@pytest.mark.parametrize("text", ["ask: 问", "- 问", "- [", ""])
def test_a_file_that_is_no_list_of_cases_is_told(text: str, tmp_path: Path) -> None:
    (tmp_path / "group.yaml").write_text(text, "utf-8")
    with pytest.raises(InputError, match=r"group\.yaml"):
        load_cases(["t0001"], tmp_path)


# Judging.


def test_what_is_expected_and_so_passes(held: Callable[..., Result]) -> None:
    figures = {"remaining": "12", "met": "false", "to": "2023-12-31", "专业科目.shortfall": "4"}
    clauses = ["dongguan-2023#附件1/四/(三)"]
    assert held({"outcome": "answered", "figures": figures, "says": ["还差 12 学时"], "clauses": clauses}).passed
    assert held({"outcome": ["clarify", "answered"], "says_not": ["1学时"], "never": ["T0003"]}).passed
    assert held({"outcome": "answered", "cells": ["R00012301"], "total_rows": 11}, "列出我今年的记录").passed
    assert held({"outcome": "answered", "projection": {"remaining": "8"}}, "如果我再修4学时专业科目呢？").passed
    assert held({"outcome": "answered", "plan_hours": "12"}, "我怎么补最省？").passed


@pytest.mark.parametrize(
    ("kind", "expect"),
    [
        (Kind.NUMBER, {"figures": {"remaining": "13"}}),
        (Kind.NUMBER, {"figures": {"专业科目.shortfall": "5"}}),
        (Kind.NUMBER, {"says": ["还差1学时"]}),
        (Kind.EXPECTED, {"projection": {"remaining": "0"}}),
        (Kind.EXPECTED, {"outcome": "clarify", "figures": {"remaining": "13"}}),
        (Kind.EXPECTED, {"says": ["恭喜"]}),
        (Kind.EXPECTED, {"says_not": ["还差"]}),
        (Kind.EXPECTED, {"cells": ["R00012301"]}),
        (Kind.EXPECTED, {"total_rows": 5}),
        (Kind.EXPECTED, {"plan_hours": "12"}),
        (Kind.EXPECTED, {"clauses": ["weinan-2019#五/(一)"]}),
        (Kind.LEAK, {"never": ["T0001"]}),
    ],
)
def test_what_is_expected_and_is_not_so_fails(kind: Kind, expect: dict[str, Any], held: Callable[..., Result]) -> None:
    result = held({"outcome": "answered", **expect})
    assert {fault.kind for fault in result.faults} >= {kind}
    assert (Kind.NUMBER in {fault.kind for fault in result.faults}) == (kind is Kind.NUMBER)


def test_a_conversation_goes_on_in_one_thread_and_the_last_answer_is_judged(
    held: Callable[..., Result], installation: Installation
) -> None:
    result = held({"outcome": "out_of_scope"}, [GAP, "今天天气怎么样"])
    assert result.passed
    again = held({"outcome": "out_of_scope"}, ["今天天气怎么样"], account="t0003")
    assert result.answer is not None
    assert again.answer is not None
    assert result.answer.thread_id != again.answer.thread_id


def test_an_answer_that_changes_from_time_to_time_fails(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    assistant, said = installation.assistant, iter("甲甲乙")
    asked = type(assistant).ask

    def ask(*args: Any, **others: Any) -> Answer:
        return asked(assistant, *args, **others).model_copy(update={"suggestions": [next(said)]})

    monkeypatch.setattr(assistant, "ask", ask, raising=False)
    result = run(installation, [case({"outcome": "answered"}, times=3)])[0]
    assert [fault.kind for fault in result.faults] == [Kind.SHAPE]
    assert "第 3 次" in result.faults[0].said


def test_a_question_that_is_refused_is_a_failure_and_no_crash(held: Callable[..., Result]) -> None:
    result = held({"outcome": "answered"}, "\u200b\x00")
    assert result.answer is None
    assert not result.passed


# Reporting.


def result(group: str, split: str, *faults: Fault, outcome: Outcome = Outcome.ANSWERED) -> Result:
    answer = Answer(id="a", thread_id="t", outcome=outcome, text="<b>答</b>")
    return Result(case({"outcome": "answered"}, group=group, split=split), answer, faults)


WRONG, MISSED = Fault(Kind.NUMBER, "错"), Fault(Kind.EXPECTED, "<缺>")


def test_shares_are_by_group_and_split_and_never_rounded_up() -> None:
    results = [result("甲", "tuning") for _ in range(1999)] + [result("甲", "tuning", MISSED)]
    made = report([*results, result("甲", "test", WRONG), result("乙", "test", outcome=Outcome.CLARIFY)])
    assert [(one.group, one.split, one.cases, one.passed) for one in made.groups] == [
        ("甲", "tuning", 2000, 1999),
        ("甲", "test", 1, 0),
        ("乙", "test", 1, 1),
    ]
    assert made.groups[0].share == "99.9%"
    assert made.groups[1].never[Kind.NUMBER] == 1
    assert [one.asked_back for one in made.groups] == [0, 0, 1]
    assert [(one.split, one.cases) for one in made.totals] == [("tuning", 2000), ("test", 2)]


def test_the_gate_is_the_level_reached_and_no_wrong_number_at_any_level(tmp_path: Path) -> None:
    levels = tmp_path / "levels.yaml"
    levels.write_text("甲: {tuning: 0.5}\n", "utf-8")
    half = [result("甲", "tuning"), result("甲", "tuning", MISSED)]
    assert below(report(half), levels) == []
    assert [line[:9] for line in below(report([*half, result("甲", "tuning", MISSED)]), levels)] == ["甲（tuning）"]
    assert below(report([result("乙", "test"), result("乙", "test", MISSED)]), levels) != []
    wrong = below(report([*half, result("甲", "tuning"), result("甲", "tuning", WRONG)]), levels)
    assert wrong == ["tuning 中有 1 例数字不对，一例也不允许。"]


def test_the_page_needs_nothing_else_and_runs_nothing() -> None:
    page = as_html(report([result("甲", "tuning", MISSED), result("乙<script>", "test")]))
    assert "<script" not in page
    assert not re.search(r"https?://|src=|@import|url\(", page)
    for figure in ("0.0%", "100.0%", "&lt;缺&gt;", "&lt;b&gt;答&lt;/b&gt;"):
        assert figure in page
    assert page.count("<rect") == 2


def test_failures_of_test_cases_are_shown_only_when_asked_for() -> None:
    tuning, test = result("甲", "tuning", MISSED), result("甲", "test", MISSED)
    both, alone = report([tuning, test]), report([test])
    assert ([one.case.split for one in both.failures], both.unseen) == (["tuning"], 1)
    assert ([one.case.split for one in alone.failures], alone.unseen) == (["test"], 0)
    assert "1 例不在此列出" in as_html(both)


def test_json_holds_every_case_and_what_was_wrong() -> None:
    made = json.loads(json.dumps(as_json(report([result("甲", "test", WRONG)]))))
    assert made["groups"][0]["never"] == {"number": 1, "leak": 0, "citation": 0}
    assert made["cases"][0]["faults"] == [{"kind": "number", "said": "错"}]
    assert made["cases"][0]["passed"] is False


# The command.


def xueshi(folder: Path, *args: str, **settings: str) -> subprocess.CompletedProcess[str]:
    plain = {name: value for name, value in os.environ.items() if not name.startswith("XUESHI_")}
    return subprocess.run(
        [XUESHI, "eval", *args],
        capture_output=True,
        env=plain | settings,
        cwd=folder,
        encoding="utf-8",
        timeout=120,
    )


def test_the_command_runs_a_suite_and_puts_json_alone_on_standard_output(tmp_path: Path) -> None:
    done = xueshi(tmp_path, "smoke", "--json", "-", "--html", "page.html")
    assert (done.returncode, done.stderr) == (0, "")
    made = json.loads(done.stdout)
    assert {one["group"] for one in made["groups"]} == {"smoke"}
    assert all(one["passed"] for one in made["cases"])
    assert "<svg" in (tmp_path / "page.html").read_text("utf-8")
    assert [path.name for path in tmp_path.iterdir()] == ["page.html"]


def test_a_suite_that_is_not_there_is_told_with_those_that_are(tmp_path: Path) -> None:
    done = xueshi(tmp_path, "smok")
    assert (done.returncode, done.stdout) == (1, "")
    assert "smoke" in done.stderr
    assert done.stderr.count("\n") == 1


def test_every_group_with_a_level_is_there() -> None:
    """A level of a group that was renamed would hold nobody to anything."""
    import yaml

    from evals.report import LEVELS

    levels = yaml.safe_load(LEVELS.read_text("utf-8")) or {}
    assert set(levels) <= {path.stem for path in CASES.glob("*.yaml")}
