"""The guard: nothing unproven is ever sent. Drafts of the planner over the sample, altered in every way."""

import json
import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from decimal import Decimal, InvalidOperation
from fractions import Fraction

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from sqlalchemy import delete, update

from assistant.answer import Answer, Outcome, Table
from assistant.bootstrap import Installation, install
from assistant.draft import Draft, drafted
from assistant.guard import Evidence, Rejected, check_figures, seal
from assistant.planner.planner import Planner
from assistant.results import Clauses, Hours, Records, Result, Run, Sources
from assistant.settings import Settings
from assistant.store.database import Database
from assistant.store.tables import ClauseRow
from assistant.tools import Tools

GAP = "我今年还差多少学时？"
CAPS, MINIMA = "附件1/四/(二)", "附件1/四/(三)"
IDS = Answer(id="a1", thread_id="t1", outcome=Outcome.UNAVAILABLE, text="尚未作答")


@dataclass(frozen=True, repr=False)
class Case:
    """A question, the draft that the planner made for it, and what the draft was made of."""

    database: Database
    question: str
    draft: Draft
    results: Sequence[Result]
    sources: Sources

    def __repr__(self) -> str:
        return f"Case({self.question})"

    def sealed(self, text: str | None = None, **changes: object) -> Answer:
        """What is sent when the draft says something else."""
        changes |= {} if text is None else {"text": text}
        question = str(changes.pop("question", self.question))
        draft = replace(self.draft, **changes)  # type: ignore[arg-type]
        with self.database.read() as connection:
            return seal(connection, question, draft, self.results, self.sources, IDS)

    def refuses(self, text: str, **changes: object) -> bool:
        return self.sealed(text, **changes).text != numbered(text)


def numbered(text: str) -> str:
    """The text with its marks numbered in the order of their first use."""
    numbers = {token: str(at) for at, token in enumerate(dict.fromkeys(re.findall(r"\[\^([^\]]*)\]", text)), 1)}
    return re.sub(r"\[\^([^\]]*)\]", lambda match: f"[^{numbers[match[1]]}]", text)


def case(installation: Installation, account: str, question: str) -> Case:
    planner = Planner(Tools(installation.database, installation.index))
    run = Run(installation.assistant.account(account), installation.settings.clock())
    return Case(installation.database, question, *drafted(planner, question, run), run.sources)


@pytest.fixture(scope="module")
def gap(installation: Installation) -> Case:
    return case(installation, "t0001", GAP)


@pytest.fixture(scope="module")
def clauses(installation: Installation) -> Case:
    return case(installation, "t0001", "镇级培训最多能计多少学时？")


@pytest.fixture(scope="module")
def listed(installation: Installation) -> Case:
    return case(installation, "t0001", "列出我今年的记录")


@pytest.fixture(scope="module")
def cycle(installation: Installation) -> Case:
    """Of a place whose clauses and hours hold few figures."""
    return case(installation, "t0113", GAP)


@pytest.fixture
def own(settings: Settings) -> Iterator[Installation]:
    """An installation whose stores this test may change."""
    made = install(settings)
    yield made
    made.close()


def fixed_gap(answer: Answer) -> None:
    """The answer is the fixed wording of T0001's calculation."""
    assert answer.outcome is Outcome.ANSWERED
    assert answer.text == "核算期间 2023-01-01 至 2023-12-31：要求 90 学时，已计入 78 学时，还差 12 学时。"
    assert answer.calculation
    assert answer.tables == []


def unavailable(answer: Answer) -> None:
    """Nothing is told."""
    assert answer.outcome is Outcome.UNAVAILABLE
    assert (answer.id, answer.thread_id) == ("a1", "t1")
    assert (answer.calculation, answer.projection, answer.tables, answer.citations) == (None, None, [], [])
    assert not re.search(r"\d", answer.text)


# What is proven passes.


def test_a_proven_draft_is_sent_as_it_is(gap: Case, clauses: Case, listed: Case) -> None:
    for one in (gap, clauses, listed):
        answer = one.sealed()
        assert answer.text == numbered(one.draft.text)
        assert (answer.id, answer.thread_id, answer.outcome) == ("a1", "t1", Outcome.ANSWERED)
        assert answer.tables == list(one.draft.tables)
        assert answer.suggestions == list(one.draft.suggestions)


def test_marks_are_numbered_by_their_first_use(gap: Case) -> None:
    tokens = re.findall(r"\[\^([^\]]*)\]", gap.draft.text)
    answer = gap.sealed(f"其一[^{tokens[-1]}]，其二[^{tokens[0]}]，再说其一[^{tokens[-1]}]。")
    assert answer.text == "其一[^1]，其二[^2]，再说其一[^1]。"
    first, second = answer.citations[:2]
    assert "市教育局教研室" in first.quote
    assert second.locator == MINIMA


@pytest.mark.parametrize(
    "text",
    ["还差 12 学时。", "还差十二学时。", "还差１２学时。", "还差12.0学时。", "没有数字。", "", "90 学时中的 78 学时"],
)
def test_a_figure_may_be_said_in_any_way(text: str, gap: Case) -> None:
    assert not gap.refuses(text)


# What isn't, doesn't.


@pytest.mark.parametrize(
    ("said", "instead"),
    [
        ("还差 12 学时", "还差 13 学时"),
        ("已计入 78 学时", "已计入 87 学时"),
        ("不少于 90 学时", "不少于 900 学时"),
        ("还差 4（", "还差 4.5（"),
        ("还差 12 学时", "还差十三学时"),
        ("还差 12 学时", "还差１３学时"),
        ("还差 12 学时", "还差 1,200 学时"),
        ("还差 12 学时", "还差 12 万学时"),
        ("另有 3 学时", "另有 3% 学时"),
        ("2023年您", "2032年您"),
        ("共 10 学时", "共 10 学时，占百分之十一"),
    ],
)
def test_an_altered_figure_is_never_sent(said: str, instead: str, gap: Case) -> None:
    assert said in gap.draft.text
    answer = gap.sealed(gap.draft.text.replace(said, instead, 1))
    fixed_gap(answer)


def test_another_teacher_s_answer_is_never_sent(installation: Installation, gap: Case) -> None:
    """T0003's draft over T0001's results: the figures aren't proven by these, whosever else they are."""
    other = case(installation, "t0003", GAP)
    assert not other.refuses(other.draft.text)
    answer = gap.sealed(other.draft.text)
    fixed_gap(answer)
    assert answer.calculation
    assert answer.calculation.teacher_id == "T0001"
    assert "96" not in answer.text


@pytest.mark.parametrize("token", ["s99", "1", "", "S1", "s1 ", "../s1"])
def test_an_unknown_mark_is_never_sent(token: str, gap: Case) -> None:
    """It is left out, and what is left must be proven without it; a sentence that rests on it alone never is."""
    answer = gap.sealed(f"还差 12 学时[^{token}]。")
    assert answer.text == "还差 12 学时。"
    fixed_gap(gap.sealed(f"还差 13 学时[^{token}]。"))
    fixed_gap(gap.sealed(f"产假期间可以免修[^{token}]。"))
    fixed_gap(gap.sealed(f"“产假期间可以免修”[^{token}]。"))


def test_a_mark_of_another_question_is_unknown(gap: Case, clauses: Case) -> None:
    """The tokens of one run say nothing in another."""
    with clauses.database.read() as connection:
        answer = seal(connection, GAP, Draft("见[^s5]。", Outcome.ANSWERED), [], Sources(), IDS)
    unavailable(answer)
    assert not clauses.refuses("见[^s5]。")


def test_the_digits_of_a_mark_need_no_proof_and_give_none(cycle: Case) -> None:
    assert not cycle.refuses("见此[^s2]。")
    assert cycle.refuses("还差 2 学时[^s2]。")


def test_what_nobody_lacks_is_no_part_of_a_plan(installation: Installation) -> None:
    plan = case(installation, "t0001", "我怎么补最省？")
    nothing = plan.draft.text.replace("专业科目 4 学时", "公需科目 0 学时", 1)
    assert nothing != plan.draft.text
    assert not plan.refuses(plan.draft.text)
    assert plan.refuses(nothing)


# Clauses as they are stored now.


def change_clause(database: Database, locator: str, **values: str) -> None:
    with database.write() as connection:
        found = connection.execute(
            update(ClauseRow).where(ClauseRow.policy_id == "dongguan-2023", ClauseRow.locator == locator).values(values)
        )
        assert found.rowcount == 1


def test_a_quote_that_is_no_longer_in_its_clause_is_never_sent(own: Installation) -> None:
    """Then the fixed wording quotes another clause; where that has changed too, nothing is told."""
    one = case(own, "t0001", "镇级培训最多能计多少学时？")
    [result] = one.results
    assert isinstance(result, Clauses)
    best, second = result.found[:2]
    text = f"另见[^{second.token}]。"
    assert not one.refuses(text)
    change_clause(own.database, second.clause.locator, text="全文改写，一字不留。")
    answer = one.sealed(text)
    assert answer.text == f"最相关的条款：“{best.quote}”[^1]"
    assert [cited.locator for cited in answer.citations] == [best.clause.locator]
    change_clause(own.database, best.clause.locator, text="又改写了。")
    unavailable(one.sealed(text))


def test_one_changed_character_inside_a_quote_is_enough(own: Installation) -> None:
    one = case(own, "t0001", GAP)
    assert not one.refuses(one.draft.text)
    [result] = one.results
    assert isinstance(result, Hours)
    with own.database.read() as connection:
        before = connection.execute(ClauseRow.__table__.select().where(ClauseRow.locator == CAPS)).one()
    change_clause(own.database, CAPS, text=before.text.replace("最多登记12学时", "最多登记13学时"))
    unavailable(one.sealed())


def test_a_clause_changed_outside_the_quote_is_cited_as_it_is_now(own: Installation) -> None:
    one = case(own, "t0001", "镇级培训最多能计多少学时？")
    before = one.sealed().citations[0]
    change_clause(own.database, CAPS, text=f"{before.quote}补充一句。")
    after = one.sealed().citations[0]
    assert after.quote == before.quote
    assert after.sha256 != before.sha256


def test_a_clause_that_is_gone_is_never_cited(own: Installation) -> None:
    one = case(own, "t0001", GAP)
    with own.database.write() as connection:
        connection.execute(delete(ClauseRow).where(ClauseRow.locator == CAPS))
    unavailable(one.sealed())


# Failing closed.


def test_without_results_nothing_is_proven(gap: Case) -> None:
    with gap.database.read() as connection:
        for text in ("还差 12 学时。", "见[^s1]。", gap.draft.text):
            answer = seal(connection, GAP, Draft(text, Outcome.ANSWERED), [], Sources(), IDS)
            assert answer.outcome is Outcome.UNAVAILABLE
            assert (answer.calculation, answer.citations) == (None, [])
            assert not re.search(r"\d", answer.text)


def test_an_error_of_the_guard_s_own_refuses_the_draft(gap: Case) -> None:
    """A draft that isn't even text is refused, and the fixed wording holds."""
    fixed_gap(gap.sealed(text=None, tables=[None]))
    with gap.database.read() as connection:
        broken = Draft(None, Outcome.ANSWERED)  # type: ignore[arg-type]
        fixed_gap(seal(connection, GAP, broken, gap.results, gap.sources, IDS))


def test_where_clauses_cannot_be_read_nothing_is_told(gap: Case) -> None:
    with gap.database.read() as connection:
        pass
    connection.close()
    unavailable(seal(connection, GAP, gap.draft, gap.results, gap.sources, IDS))


@pytest.mark.parametrize(
    ("account", "question", "outcome", "words"),
    [
        ("t0001", GAP, Outcome.ANSWERED, "要求 90 学时，已计入 78 学时，还差 12 学时"),
        ("t0011", GAP, Outcome.NO_RECORDS, "要求 90 学时，已计入 0 学时，还差 90 学时"),
        ("t0114", GAP, Outcome.NO_RULE, "没有适用"),
        ("t0001", "列出我今年的记录", Outcome.ANSWERED, "记录"),
        ("t0001", "镇级培训最多能计多少学时？", Outcome.ANSWERED, "最多登记12学时"),
    ],
)
def test_the_fixed_wording_says_what_the_results_say(
    account: str, question: str, outcome: Outcome, words: str, installation: Installation
) -> None:
    answer = case(installation, account, question).sealed("编造的 4321 学时。")
    assert answer.outcome is outcome
    assert words in answer.text
    assert "4321" not in answer.text
    check_figures(answer, question)


def test_what_may_not_be_seen_stays_refused_in_the_fixed_wording(installation: Installation) -> None:
    """The refused draft of a refused question tells nothing, in whatever words."""
    answer = case(installation, "t0001", "陈静今年还差多少学时").sealed("陈静计入了 96 学时。")
    assert answer.outcome in (Outcome.NOT_PERMITTED, Outcome.UNAVAILABLE)
    assert (answer.calculation, answer.tables) == (None, [])
    assert not re.search(r"\d|陈静", answer.text)


# Figures: what proves one.


def answer_with(text: str, *tables: Table) -> Answer:
    return IDS.model_copy(update={"outcome": Outcome.ANSWERED, "text": text, "tables": list(tables)})


def table(*rows: Sequence[str], total: int | None = None) -> Table:
    columns = [f"列{letter}" for letter in "甲乙丙丁"[: len(rows[0])]]
    return Table(caption="表", columns=columns, rows=[list(row) for row in rows], total_rows=total or len(rows))


def proven(text: str, *tables: Table, question: str = "") -> bool:
    try:
        check_figures(answer_with(text, *tables), question)
    except Rejected:
        return False
    return True


LIST = table(["甲", "4.5", "2023-03-06"], ["乙", "3", "2023-04-11"], ["丙", "0.25", "2023-05-30"], total=60)


@pytest.mark.parametrize(
    "text", ["4.5 学时", "共 3 条", "三条", "共 60 条", "合计 7.75 学时", "2023年", "5月30日", "2023年4月"]
)
def test_a_table_proves_its_cells_counts_and_sums(text: str) -> None:
    assert proven(text, LIST)
    assert not proven(text)


@pytest.mark.parametrize("text", ["7.5 学时", "共 4 条", "61 条", "7.75%", "5月31日", "2023年6月", "2024年"])
def test_nothing_else_is_proven_by_a_table(text: str) -> None:
    assert not proven(text, LIST)


def test_a_column_with_words_has_no_sum() -> None:
    assert not proven("合计 7 学时", table(["4"], ["—"], ["3"]))
    assert proven("合计 7 学时", table(["4"], ["3"]))


def test_two_tables_are_not_summed_together() -> None:
    assert not proven("合计 16 学时", table(["4"], ["3"]), table(["8"], ["1"]))
    assert proven("合计 7 学时与 9 学时", table(["4"], ["3"]), table(["8"], ["1"]))


def test_a_figure_of_the_question_may_be_said_back() -> None:
    for question in ("我要修 777 学时吗", "我要修七百七十七学时吗", "我要修７７７学时吗"):
        assert proven("您说的 777 学时", question=question)
        assert not proven("您说的 778 学时", question=question)
    assert not proven("您说的 777 学时")


@pytest.mark.parametrize("said", ["2023年2月23日", "2023-02-23", "2023年2月", "2月23日", "2023年"])
def test_a_date_may_be_said_in_part(said: str) -> None:
    assert proven(f"于{said}", question="2023年2月23日之前")


@pytest.mark.parametrize("said", ["2023年2月24日", "2023年3月", "3月23日", "2022年2月23日", "2022年", "2023-02-22"])
def test_another_date_is_another_figure(said: str) -> None:
    assert not proven(f"于{said}", question="2023年2月23日之前")


def test_a_part_of_a_date_proves_no_whole_one() -> None:
    assert not proven("2023年2月23日", question="2月23日之前")
    assert not proven("2023年2月23日", question="2023年2月")


def test_a_share_is_not_the_plain_number() -> None:
    assert proven("您问的 50%，即百分之五十", question="50%")
    assert not proven("您问的 50 学时", question="50%")
    assert not proven("您问的 0.5 学时", question="50%")
    assert not proven("您问的 12%", question="12 学时")
    assert not proven("您问的百分之十二", question="12 学时")


def test_figures_of_a_citation_prove_themselves(clauses: Case) -> None:
    [result] = clauses.results
    assert isinstance(result, Clauses)
    best = result.found[0]
    assert "最多登记12学时" in best.quote
    assert not clauses.refuses(f"12 学时[^{best.token}]")
    assert clauses.refuses("12 学时")
    assert clauses.refuses(f"13 学时[^{best.token}]")
    assert clauses.refuses(f"12%[^{best.token}]")


def test_ids_and_hashes_prove_nothing(cycle: Case) -> None:
    """The digits of teachers' and records' numbers, hashes and addresses aren't figures."""
    answer = cycle.sealed()
    assert answer.calculation
    assert answer.calculation.teacher_id == "T0113"
    hashed = next(run for one in answer.citations for run in re.findall(r"[1-9]\d{2,}", one.sha256))
    recorded = next(name for step in answer.calculation.steps for name in step.record_ids).removeprefix("R")
    encoded = next(run for one in answer.citations for run in re.findall(r"%(\d\d)", one.url))
    for digits in ("113", hashed, recorded, encoded):
        assert cycle.refuses(f"还差 {int(digits)} 学时。"), digits


def test_hours_are_proven_as_they_are_told_not_as_they_are_stored(listed: Case) -> None:
    """Hundredths inside the results are nobody's hours."""
    [result] = listed.results
    assert isinstance(result, Records)
    for record in result.records:
        assert listed.refuses(f"共 {record.hours} 学时。")


# Figures that are there, said of something else.


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("您还差 78 学时。", "counted, not remaining"),
        ("您已计入 90 学时。", "required, not counted"),
        ("要求不少于 78 学时。", "counted, not required"),
        ("还差 4 学时。", "a category's, not the total"),
        ("专业科目还差 12 学时。", "the total, not a category's"),
        ("公需科目还差 4 学时。", "another category's"),
        ("公需科目已计入 38 学时。", "another category's"),
        ("还差 12 天。", "hours, not days"),
        ("还差 12 人。", "hours, not people"),
        ("还差 12 元。", "hours, not money"),
        ("还差 12 课时。", "a unit that nobody said"),
        ("您已计入 12 学时。", "what remains, or a cap"),
        ("若全部通过，还差 12 学时。", "now, not after approval"),
        ("还差 9 学时。", "after approval, not now"),
        ("还差 0 学时。", "a gap on the way to the total"),
        ("2022年您还差 12 学时。", "another year's"),
        ("2021年至2023年您还差 12 学时。", "another period's"),
        ("待审核 12 学时。", "what remains, not what is pending"),
        ("另有 3 学时已审核。", "pending"),
        ("超过登记上限的共 8 学时。", "what one cap cuts off, not all"),
        ("镇级超出 2 学时。", "another source's"),
    ],
)
def test_a_figure_proves_only_what_it_is_a_figure_of(text: str, why: str, gap: Case) -> None:
    fixed_gap(gap.sealed(text))


def test_that_nothing_is_cut_off_now_is_no_proof_of_what_would_be_then(installation: Installation) -> None:
    assumed = case(installation, "t0003", "如果我再修6学时镇级专业课，还差多少")
    assert "共 2 学时" in assumed.draft.text
    assert not assumed.refuses(assumed.draft.text)
    assert assumed.refuses(assumed.draft.text.replace("共 2 学时", "共 0 学时"))


@pytest.mark.parametrize(
    "text",
    [
        "您还差 12 学时，其中专业科目还差 4 学时、个人选修科目还差 8 学时。",
        "公需科目要求 30 学时，已计入 30 学时。",
        "按要求须完成 90 学时，目前已计入 78 学时。",
        "镇级培训超出 8 学时，市教研室超出 2 学时，共 10 学时没有计入。",
        "如果待审核的 3 学时全部通过，还差 9 学时。",
        "1. 公需科目已达到要求。\n2. 专业科目还差 4 学时。\n3. 个人选修科目还差 8 学时。",
        "現在還差 12 學時。",
        "三个科目类别里，公需科目已达到。",
    ],
)
def test_what_is_so_may_be_said_in_other_words(text: str, gap: Case) -> None:
    assert not gap.refuses(text)


@pytest.mark.parametrize(
    "said",
    [
        "十几",
        "几十",
        "近百",
        "12 多",
        "廿八",
        "十二分之一",
        "1\u200b3",
        "١٣",
        "𝟏𝟑",
        "１３",
        "1.2e1",
        "l2",
        "1²",
        "⑫",
        "Ⅻ",
        "XII",
        "-12",
        "负十二",
        "012",
        "1 2",
        "1万2",
        "1万2千",
        "12.0001",
        "twelve",
        "两倍",
        "一半",
        "五成",
        "九",
        "拾贰",
        "两天半",
    ],
)
def test_no_way_of_writing_slips_through(said: str, gap: Case) -> None:
    fixed_gap(gap.sealed(f"您还差{said}学时。"))
    fixed_gap(gap.sealed(f"您还差{said}。"))


def test_what_the_question_says_is_no_verdict(gap: Case) -> None:
    question = "我已修 91 学时，还差 1 学时，对吗？"
    for text in ("您已修 91 学时。", "您还差 1 学时。", "一共 91 学时。"):
        fixed_gap(gap.sealed(text, question=question))
    assert not gap.refuses("您说的 91 学时没有查到，现在还差 12 学时。", question=question)


# What is claimed without a figure.


@pytest.mark.parametrize(
    "text",
    [
        "您已达到要求。",
        "您已经达标了。",
        "您的学时合格。",
        "您已修满。",
        "您够了。",
        "不需要再补。",
        "专业科目已达到要求。",
        "公需科目没有达到要求。",
        "公需科目未达标。",
        "若全部通过，即可达到要求。",
        "您的学时全部计入。",
        "没有待审核的记录。",
        "没有查到您的任何学时记录。",
        "没有超过登记上限。",
        "待审核的，也计入。",
        "“已达标”是您现在的情况。",
    ],
)
def test_a_false_claim_is_never_sent(text: str, gap: Case) -> None:
    fixed_gap(gap.sealed(text))


@pytest.mark.parametrize(
    "text",
    [
        "您还没有达到要求。",
        "您尚未达标。",
        "公需科目已达到要求，专业科目还不够。",
        "有的学时超过登记上限。",
        "没有被驳回的记录。",
        "是否达标以学校审核为准。",
        "怎样才能达到要求，请向学校核实。",
    ],
)
def test_a_true_claim_is(text: str, gap: Case) -> None:
    assert not gap.refuses(text)


def test_a_claim_about_somebody_without_a_result_is_never_sent(clauses: Case, listed: Case) -> None:
    for one in (clauses, listed):
        assert one.refuses("您已达到要求。")
        assert one.refuses("您还没有达到要求。")


def test_an_empty_list_tells_only_of_what_was_looked_for(installation: Installation) -> None:
    one = case(installation, "t0001", "我有哪些被驳回的记录？")
    assert not one.refuses("没有查到您被驳回的记录。")
    assert one.refuses("没有查到您待审核的记录。")


# Whom a text names.


def test_nobody_is_named_whom_nothing_names(gap: Case) -> None:
    """Whoever it is: in the same school, in another town; T0001 asks about herself."""
    for name in ("陈静", "苏绮琳", "陳靜", "陈 静", "陈\u200b静", "T0003", "t0003", "Ｔ０００３"):
        fixed_gap(gap.sealed(f"您还差 12 学时，{name}也是。"))
    assert not gap.refuses("您还差 12 学时，李明明也是。")  # nobody's name


def test_two_people_are_not_exchanged(installation: Installation) -> None:
    one = case(installation, "admin-gczx", "林晓岚和陈静今年还差多少学时")
    text = one.draft.text
    assert not one.refuses(text)
    assert {"林晓岚", "陈静"} <= {name for name in ("林晓岚", "陈静", "莫国栋") if name in text}
    assert one.refuses(text.replace("林晓岚", "某").replace("陈静", "林晓岚").replace("某", "陈静"))
    assert one.refuses(text.replace("陈静", "莫国栋"))  # a colleague of both


def test_a_refusal_has_the_same_words_for_all(installation: Installation) -> None:
    one = case(installation, "t0001", "陈静今年还差多少学时")
    for text in ("没有这位老师。", "您不能看陈静的学时。", f"{one.draft.text}陈静在本校。"):
        assert one.sealed(text).text == one.draft.text


# Quotes and what they cite.


def test_a_quote_is_verbatim_and_where_it_is_said_to_be(clauses: Case) -> None:
    [result] = clauses.results
    assert isinstance(result, Clauses)
    best, other = result.found[0], next(one for one in result.found if "最多登记12学时" not in one.clause.text)
    words = "一年最多登记12学时"
    assert words in best.quote
    for opened, closed in ("“”", "「」", "『』", '""'):
        assert not clauses.refuses(f"{opened}{words}{closed}[^{best.token}]")
        assert clauses.refuses(f"{opened}{words}{closed}[^{other.token}]")
        assert clauses.refuses(f"{opened}{words.replace('最多', '至少')}{closed}[^{best.token}]")
        assert clauses.refuses(f"{opened}{words}[^{best.token}]")
    assert clauses.refuses("《关于免修的通知》规定可以免修。")
    title = f"《{best.policy.title}》"
    assert not clauses.refuses(f"{title}规定：“{words}”[^{best.token}]")
    assert not clauses.refuses(f"{title}{best.clause.locator}：“{words}”[^{best.token}]")
    assert clauses.refuses(f"{title}{best.clause.locator[:-2]}四)：“{words}”[^{best.token}]")
    assert clauses.refuses(f"{title.replace('2023', '2024')}规定：“{words}”[^{best.token}]")


@given(st.data())
def test_one_changed_character_of_a_quote_is_always_refused(clauses: Case, data: st.DataObject) -> None:
    text = clauses.draft.text
    start, end = text.index("“") + 1, text.index("”")
    place = data.draw(st.integers(start, end - 1).filter(lambda at: text[at] not in "“”"))
    other = data.draw(st.sampled_from("不可必须甲9").filter(lambda char: char != text[place]))
    assert clauses.refuses(f"{text[:place]}{other}{text[place + 1 :]}")


def test_a_citation_belongs_to_what_it_stands_behind(gap: Case) -> None:
    [result] = gap.results
    assert isinstance(result, Hours)
    assert result.calculation
    total = next(one.citation for one in result.calculation.categories)
    cap = result.cuts[0][1]
    assert total != cap
    for said in ("要求不少于 90 学时", "公需科目已达到要求", "您还差 12 学时"):
        assert not gap.refuses(f"{said}[^{total}]。")
        assert gap.refuses(f"{said}[^{cap}]。")


# As far as a text has come.


def test_every_beginning_of_a_good_answer_passes(good: list[Case]) -> None:
    """Sentence by sentence, as a text is shown while it is written."""
    for one in good:
        with one.database.read() as connection:
            evidence = Evidence(connection, one.question, one.results, one.sources, one.draft.tables)
            whole = evidence.shown(one.draft.text)
            for match in re.finditer(r"[。！？](?!\W*\[\^)", one.draft.text):
                beginning = one.draft.text[: match.end()]
                if beginning.count("“") == beginning.count("”"):
                    evidence.check(beginning)
                    assert whole.startswith(evidence.shown(beginning))


def test_what_is_false_is_refused_at_once(gap: Case) -> None:
    with gap.database.read() as connection:
        evidence = Evidence(connection, GAP, gap.results, gap.sources)
        evidence.check("您还差 12 学时。")
        with pytest.raises(Rejected):
            evidence.check("您还差 12 学时。您已达到要求。")


@pytest.mark.parametrize("char", ["\ue000", "\x00", "\ud800"])
def test_characters_that_nobody_can_read_are_refused(char: str, gap: Case) -> None:
    assert gap.refuses(f"您还差 12 学时{char}。")


@given(st.text("您还差已计入要求学时12390%“”[^s1]。；，（）陈静达标没有", max_size=40))
def test_any_text_is_read_or_refused(gap: Case, text: str) -> None:
    """The guard itself never fails."""
    with gap.database.read() as connection, suppress(Rejected):
        Evidence(connection, GAP, gap.results, gap.sources).check(text)


# One digit.

QUESTIONS = [
    ("t0001", GAP),
    ("t0003", GAP),
    ("t0013", GAP),
    ("t0113", GAP),
    ("t0001", "如果我再修6学时镇级专业课，还差多少"),
    ("t0001", "列出我今年的记录"),
    ("t0009", "为什么我的学时没有计入"),
    ("t0001", "镇级培训最多能计多少学时？"),
    ("t0001", "产假期间学时怎么算"),
]


@pytest.fixture(scope="module")
def good(installation: Installation) -> list[Case]:
    return [case(installation, account, question) for account, question in QUESTIONS]


def evidence(answer: Answer, question: str) -> set[Fraction]:
    """Every number that stands anywhere behind an answer, and more besides: no guard could allow another."""
    body = answer.model_dump(mode="json", exclude={"text", "id", "thread_id"})
    found = {Fraction(said) for said in re.findall(r"\d+(?:\.\d+)?", json.dumps(body, ensure_ascii=False) + question)}
    for one in answer.tables:
        found |= {Fraction(len(one.rows)), Fraction(one.total_rows)}
        for column in zip(*one.rows, strict=True):
            try:
                found.add(Fraction(sum(map(Decimal, column))))
            except InvalidOperation:
                continue
    return found | {number / 100 for number in found}


@given(st.data())
def test_one_wrong_digit_is_always_refused(good: list[Case], data: st.DataObject) -> None:
    one = data.draw(st.sampled_from(good))
    text = one.draft.text
    outside = re.sub(r"\[\^[^\]]*\]", lambda mark: " " * len(mark.group()), text)
    places = [place for place, char in enumerate(outside) if char in "0123456789"]
    assume(places)
    place = data.draw(st.sampled_from(places))
    digit = data.draw(st.sampled_from([digit for digit in "0123456789" if digit != text[place]]))
    altered = f"{text[:place]}{digit}{text[place + 1 :]}"
    number = next(
        match.group() for match in re.finditer(r"\d+(?:\.\d+)?", altered) if match.start() <= place < match.end()
    )
    assume(Fraction(number) not in evidence(one.sealed(), one.question))
    assert one.refuses(altered)
