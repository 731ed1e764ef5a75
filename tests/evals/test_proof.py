"""What the evaluation catches: every kind of fault, planted in a good answer; and nothing in the good answer itself."""

from collections.abc import Callable, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistant.answer import Answer, Outcome, Table
from assistant.bootstrap import Installation
from assistant.store import policies
from evals.numbers import tokens
from evals.proof import Fault, Kind, World, faults
from evals.truth import RULES, truth

Ask = Callable[[str, str], Answer]
Change = Callable[[Answer], Answer]
GAP = "我今年还差多少学时？"
LIST = "列出我今年的记录"
WHAT_IF = "如果我再修4学时专业科目呢？"
PLAN = "我怎么补最省？"


@pytest.fixture(scope="module")
def world(installation: Installation) -> World:
    with installation.database.read() as connection:
        known = [policies.policy(connection, meta.id) for meta in policies.metas(connection)]
    return World(truth(), {policy.meta.id: policy for policy in known if policy})


def found(world: World, account: str, question: str | Sequence[str], answer: Answer) -> list[Fault]:
    questions = [question] if isinstance(question, str) else question
    return list(faults(world, truth().asker(account), questions, answer))


def says(text: str) -> Change:
    return lambda answer: answer.model_copy(update={"text": f"{answer.text}{text}"})


def changed(path: str, value: Any) -> Change:
    """The answer with the field at a dotted path replaced."""

    def change(answer: Answer) -> Answer:
        body = answer.model_dump(mode="json")
        *way, last = [int(step) if step.isdigit() else step for step in path.split(".")]
        at: Any = body
        for step in way:
            at = at[step]
        at[last] = value
        return Answer.model_validate(body)

    return change


def lists(*rows: list[str], columns: Sequence[str], caption: str = "2023年") -> Change:
    table = Table(caption=caption, columns=list(columns), rows=list(rows), total_rows=len(rows))
    return lambda answer: answer.model_copy(update={"tables": [table]})


@pytest.mark.parametrize("account", ["t0001", "t0002", "t0004", "t0109", "t0118"])
@pytest.mark.parametrize("question", [GAP, LIST, WHAT_IF, PLAN, "为什么有的学时没有计入？", "培训费用谁出？"])
def test_good_answers_have_no_fault(account: str, question: str, world: World, ask: Ask) -> None:
    assert found(world, account, question, ask(account, question)) == []


@pytest.mark.parametrize(
    ("kind", "question", "change"),
    [
        # figures
        (Kind.NUMBER, GAP, says("您还差 13.5 学时。")),
        (Kind.NUMBER, GAP, says("您还差六十六学时。")),
        (Kind.NUMBER, GAP, says("占77%。")),
        (Kind.NUMBER, GAP, says("截止2023年11月30日。")),
        (Kind.NUMBER, GAP, says("见R00012399。")),
        (Kind.NUMBER, GAP, changed("calculation.remaining", "11")),
        (Kind.NUMBER, GAP, changed("calculation.counted", "80")),
        (Kind.NUMBER, GAP, changed("calculation.met", True)),
        (Kind.NUMBER, GAP, changed("calculation.pending", "0")),
        (Kind.NUMBER, GAP, changed("calculation.beyond_caps", "9")),
        (Kind.NUMBER, GAP, changed("calculation.categories.1.shortfall", "3")),
        (Kind.NUMBER, GAP, changed("calculation.carried_forward", True)),
        (Kind.NUMBER, GAP, changed("calculation.to", "2024-12-31")),
        (Kind.NUMBER, GAP, changed("calculation.rule_set", "weinan-2019")),
        (Kind.NUMBER, WHAT_IF, changed("projection.remaining", "0")),
        (Kind.NUMBER, PLAN, changed("plan.0.hours", "1")),
        (Kind.NUMBER, LIST, changed("tables.0.rows.0.4", "99")),
        (Kind.NUMBER, LIST, changed("tables.0.rows.0.0", "R00019999")),
        # people
        (Kind.LEAK, GAP, says("袁慧敏也没有完成。")),
        (Kind.LEAK, GAP, says("虎门第三中学")),
        (Kind.LEAK, GAP, changed("suggestions", ["t0004还差多少？"])),
        (Kind.LEAK, GAP, changed("calculation.teacher_id", "T0002")),
        (Kind.LEAK, LIST, changed("tables.0.rows.0.0", "R00022301")),
        # citations
        (Kind.CITATION, GAP, says("[^9]")),
        (Kind.CITATION, GAP, changed("citations.0.quote", "每年累计不少于80学时")),
        (Kind.CITATION, GAP, changed("citations.0.locator", "附件9")),
        (Kind.CITATION, GAP, changed("citations.0.policy_id", "guangzhou-2023")),
        (Kind.CITATION, GAP, changed("citations.0.sha256", "0" * 64)),
        (Kind.CITATION, GAP, changed("citations.0.number", "东教〔2023〕1号")),
        (Kind.CITATION, GAP, changed("calculation.steps.0.citation", "99")),
        # shape
        (Kind.SHAPE, GAP, changed("outcome", "no_rule")),
        (Kind.SHAPE, GAP, changed("outcome", "out_of_scope")),
        (Kind.SHAPE, GAP, changed("text", " ")),
        (Kind.SHAPE, GAP, says("[s1]")),
        (Kind.SHAPE, LIST, changed("tables.0.total_rows", 1)),
        (Kind.SHAPE, LIST, changed("tables.0.columns", ["记录编号"])),
    ],
)
def test_a_planted_fault_is_found(kind: Kind, question: str, change: Change, world: World, ask: Ask) -> None:
    good = ask("t0001", question)
    assert kind in {fault.kind for fault in found(world, "t0001", question, change(good))}


@pytest.mark.parametrize(
    ("account", "row", "wrong"),
    [
        (
            "admin-gczx",
            {"教师编号": "T0001", "姓名": "林晓岚", "已计入": "78", "还差": "12", "待审核": "3"},
            ("还差", "0"),
        ),
        ("admin-gczx", {"教师编号": "T0001", "姓名": "林晓岚", "专业科目还差": "4"}, ("姓名", "莫国栋")),
        (
            "admin-humen",
            {"单位": "虎门第三中学", "教师数": "23", "已达标": "11", "达标率": "47.82%"},
            ("达标率", "47.83%"),
        ),
        (
            "admin-dongguan",
            {"单位": "合计：东莞市", "教师数": "106", "未达标": "40", "达标率": "62.26%"},
            ("未达标", "41"),
        ),
    ],
)
def test_rows_of_teachers_and_units_are_held_to_the_records(
    account: str, row: dict[str, str], wrong: tuple[str, str], world: World, ask: Ask
) -> None:
    answer = ask(account, "培训费用谁出？")
    good = lists(list(row.values()), columns=list(row))(answer)
    assert found(world, account, "", good) == []
    bad = lists(list((row | dict([wrong])).values()), columns=list(row))(answer)
    assert [fault.kind for fault in found(world, account, "", bad)] == [Kind.NUMBER]


def test_a_name_is_nobody_s_secret_where_somebody_in_scope_has_it(world: World, ask: Ask) -> None:
    """Two teachers are called 陈静; the school of the other one isn't to be told."""
    answer = ask("t0003", GAP).model_copy(update={"tables": []})
    assert found(world, "t0003", GAP, says("陈静")(answer)) == []
    assert found(world, "t0003", GAP, says("虎门第三中学")(answer)) != []
    assert found(world, "t0001", GAP, says("陈静")(ask("t0001", GAP))) != []


def test_the_question_s_own_names_and_figures_may_be_repeated(world: World, ask: Ask) -> None:
    question = "陈静（T0004）说她还差66.5学时，对吗"
    answer = Answer(
        id="a", thread_id="t", outcome=Outcome.CLARIFY, text="您问的是陈静（T0004）的66.5学时吗？", suggestions=["是"]
    )
    assert found(world, "t0001", question, answer) == []
    assert {fault.kind for fault in found(world, "t0001", "她还差多少", answer)} == {Kind.LEAK, Kind.NUMBER}


# The truth itself.


def test_the_worked_example_of_the_rules_comes_out() -> None:
    made = truth().reckon("T0001", RULES["dongguan-2023"], 2023)
    assert (made.required, made.counted, made.remaining, made.met) == ("90", "78", "12", False)
    assert (made.pending, made.remaining_if_approved, made.beyond_caps) == ("3", "9", "10")
    assert made.shortfalls == {"公需科目": "0", "专业科目": "4", "个人选修科目": "8"}


def test_scopes_are_those_of_the_accounts() -> None:
    own, school, town = (truth().asker(name) for name in ("t0001", "admin-gczx", "admin-guancheng"))
    assert own.scope == {"T0001"}
    assert own.scope < school.scope < town.scope
    assert "T0004" not in town.scope
    assert {"陈静", "虎门第三中学", "T0002"} <= own.secrets
    assert not {"林晓岚", "莞城中心小学"} & own.secrets


@given(st.integers(0, 99_999_999))
def test_a_number_reads_the_same_however_it_is_written(number: int) -> None:
    written = (str(number), f"{number:,}", "".join(chr(ord("０") + int(digit)) for digit in str(number)))
    assert {token.value for text in written for token in tokens(text)} == {number}


@pytest.mark.parametrize(
    ("said", "value"),
    [
        ("十二学时", 12),
        ("二十八", 28),
        ("一百零五", 105),
        ("二〇二三", 2023),
        ("一万二千", 12000),
        ("三点五学时", 3.5),
        ("1.2万", 12000),
    ],
)
def test_chinese_numerals_are_read(said: str, value: float) -> None:
    assert [float(token.value) for token in tokens(said) if not isinstance(token.value, tuple | str)] == [value]
