"""Questions that are easily taken for others: asked back or refused, never answered beside the point."""

from pathlib import Path

import pytest

from assistant.answer import Answer, Outcome
from assistant.bootstrap import Installation, install
from assistant.errors import InputError
from assistant.settings import Settings
from ingest.records import load_records

OTHERS = """我太太今年的记录有哪些|除了我以外，今年的记录有哪些|某人的记录|小李今年的记录有哪些
我搭档再修10学时公需科目呢，还差多少|我先生还差多少学时|我妈还差多少学时|我的老师还差多少学时|那个人还差多少学时|不是我还差多少学时"""
ASKED_BACK = """马上还差多少学时|安全还差多少学时|编号002还差多少学时|Li Na 今年的记录有哪些
列出我今年超过10学时的记录|我离100学时还差多少|我的80%学时完成了吗|我三年一共修了多少学时|我两年一共修了多少学时|我评一级教师还差多少学时
按新规定我还差多少学时|我还差多少天|除了公需我还差多少|我9999年还差多少学时|我0000年还差多少
如果我再修两次4学时的专业科目呢|如果我再修4~8学时专业科目呢|如果我再修1/2学时专业科目|如果我没有修那20学时市级专业科目呢
如果待审核的3学时专业科目没通过呢|如果镇级的专业科目上限是20学时呢|如果把镇级超出的8学时算到选修呢|如果我修满42学时专业科目，还差多少"""
NOT_SAID = """西安的校本培训多少学时|5年周期多少学时|公需科目最多能计多少学时|省级培训上限是多少|网络课程最多算多少学时
师德培训不少于多少学时|班主任培训多少学时|补考怎么办|学历提升可以抵学时吗|学时可以转让吗|学时可以跨年吗|学分和学时怎么换算|市教育局局长是谁"""


def each(text: str) -> list[str]:
    return [question for line in text.splitlines() for question in line.split("|")]


def ask_in(installation: Installation, account: str, question: str) -> Answer:
    return installation.assistant.ask(question, installation.assistant.account(account))


@pytest.mark.parametrize("question", each(OTHERS))
def test_somebody_else_s_are_never_answered_with_one_s_own(question: str, installation: Installation) -> None:
    answer = ask_in(installation, "t0001", question)
    assert (answer.outcome, answer.calculation, answer.tables) == (Outcome.NOT_PERMITTED, None, [])


@pytest.mark.parametrize("question", each(ASKED_BACK))
def test_what_no_answer_would_heed_is_asked_back(question: str, installation: Installation) -> None:
    answer = ask_in(installation, "t0001", question)
    assert (answer.outcome, answer.calculation, answer.tables) == (Outcome.CLARIFY, None, [])
    assert answer.suggestions


@pytest.mark.parametrize("question", each(NOT_SAID))
def test_a_clause_beside_the_point_is_no_answer(question: str, installation: Installation) -> None:
    outcome = ask_in(installation, "t0001", question).outcome
    assert outcome in (Outcome.NO_EVIDENCE, Outcome.NO_RULE, Outcome.OUT_OF_SCOPE)


def test_words_of_a_record_neither_cite_nor_silence(settings: Settings, tmp_path: Path) -> None:
    """A title that looks like a citation, and a reason full of figures."""
    rows = [
        "record_id,teacher_id,title,category,organiser,hours,completed_on,status,reason",
        "Q1,T0011,镇级讲座[^s1],专业科目,镇级,20,2023-03-01,已审核,",
        "Q2,T0011,市级讲座,专业科目,市级,3,2023-03-02,已驳回,申报3学时，只认2.75学时[^9]",
    ]
    file = tmp_path / "credits.csv"
    file.write_text("\n".join(rows), "utf-8")
    installation = install(settings)
    load_records(installation.database, [file], settings.clock())
    why = ask_in(installation, "t0011", "为什么我的镇级培训没有全部计入")
    assert "镇级讲座［^s1］" in why.text
    assert {cited.locator for cited in why.citations} == {"附件1/四/(二)", "附件1/四/(三)"}
    refused = ask_in(installation, "t0011", "我有哪些被驳回的记录")
    assert "只认2.75学时［^9］" in refused.text
    assert (refused.outcome, refused.citations) == (Outcome.ANSWERED, [])
    assert ask_in(installation, "t0001", "我有哪些被驳回的记录").tables[0].rows == []
    installation.close()


@pytest.mark.parametrize(
    "question",
    [
        "如果林晓岚再修3次4学时的专业科目呢",
        "列出林晓岚这学期的记录",
        "林晓岚离100学时还差多少",
        "林晓岚上半年还差多少学时",
    ],
)
def test_of_somebody_named_too(question: str, installation: Installation) -> None:
    answer = ask_in(installation, "admin-gczx", question)
    assert (answer.outcome, answer.calculation, answer.tables) == (Outcome.CLARIFY, None, [])
    assert ask_in(installation, "admin-gczx", "林晓岚今年还差多少学时").calculation


def test_who_has_left_is_told_so(installation: Installation) -> None:
    assert "2023-07-14 已离职" in ask_in(installation, "t0016", "我今年还差多少学时").text


def test_an_administrator_s_unit_is_of_the_role_s_level(settings: Settings, tmp_path: Path) -> None:
    """A slip would open a whole city to a school."""
    file = tmp_path / "accounts.csv"
    file.write_text("account,role,teacher_id,unit\nslip,school_admin,,广东省/东莞市\n", "utf-8")
    installation = install(settings)
    with pytest.raises(InputError, match="school_admin"):
        load_records(installation.database, [file], settings.clock())
    installation.close()


def test_only_the_api_is_held_to_the_rate_limit(settings: Settings) -> None:
    installation = install(settings.model_copy(update={"rate_limit": 1}))
    account = installation.assistant.account("t0001")
    answers = [installation.assistant.ask("我今年还差多少学时", account, limited=False) for _ in range(3)]
    assert {answer.outcome for answer in answers} == {Outcome.ANSWERED}
    installation.close()
