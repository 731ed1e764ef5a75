"""Several questions in one message, and questions that go on from the last: each answered as if it stood alone."""

import re
from collections.abc import Callable, Sequence

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from assistant.answer import Answer, Outcome
from assistant.bootstrap import Installation
from assistant.errors import NotFound
from assistant.planner.talk import MOST_PARTS, whole
from assistant.planner.words import phrases
from tests.conftest import Ask
from tests.planner.sample import GAP, as_json, check_own, check_sound

PLACES = {"莞城": "广东省/东莞市/莞城街道", "莞城实验中学": "广东省/东莞市/莞城街道/莞城实验中学"}
Talk = Callable[..., Answer]


@pytest.fixture
def talk(installation: Installation) -> Talk:
    """The last answer of an account's conversation."""

    def ask(account: str, *questions: str, thread: str | None = None) -> Answer:
        assistant = installation.assistant
        for question in questions:
            answer = assistant.ask(question, assistant.account(account), thread)
            thread = answer.thread_id
        return answer

    return ask


def without_marks(answer: Answer) -> str:
    """The text, whatever its citations are numbered."""
    return re.sub(r"\[\^\d+\]", "", answer.text)


# Follow-ups.


@pytest.mark.parametrize(
    ("account", "questions", "meant"),
    [
        ("t0001", ["我今年还差多少学时", "那去年呢"], "我去年还差多少学时"),
        ("t0001", ["我去年还差多少学时", "今年呢？"], "我今年还差多少学时"),
        ("t0001", ["我今年还差多少学时", "专业的呢"], "我今年专业还差多少学时"),
        ("t0001", ["我专业科目还差多少学时", "那公需课呢", "选修呢"], "我选修还差多少学时"),
        ("t0001", ["我今年还差多少学时", "去年呢", "专业的呢", "今年呢"], "我今年专业还差多少学时"),
        ("t0001", ["我今年还差多少学时", "为什么"], "我今年为什么没有计入"),
        ("t0001", ["我今年有哪些待审核的记录", "已驳回的呢"], "我今年有哪些已驳回的记录"),
        ("t0001", ["列出我今年镇级的记录", "市级的呢"], "列出我今年市级的记录"),
        ("t0001", ["我上半年修了多少学时", "下半年呢"], "我下半年修了多少学时"),
        ("t0001", ["我3月修了多少学时", "5月呢"], "我5月修了多少学时"),
        ("t0001", ["我专业科目还差多少学时", "如果再修4学时呢"], "如果再修4学时专业科目呢"),
        ("t0001", ["你好", "我今年还差多少学时"], GAP),
        ("t0001", ["今天天气怎么样", "我今年还差多少学时"], GAP),
        ("admin-gczx", ["林晓岚今年还差多少学时", "那陈静呢"], "陈静今年还差多少学时"),
        ("admin-gczx", ["林晓岚今年还差多少学时", "T0011呢"], "T0011今年还差多少学时"),
        ("admin-gczx", ["林晓岚今年还差多少学时", "为什么"], "林晓岚今年为什么没有计入"),
        ("admin-gczx", ["林晓岚今年还差多少学时", "怎么补"], "林晓岚今年怎么补最省"),
        ("admin-gczx", ["我们学校达标率是多少", "那去年呢"], "我们学校去年达标率是多少"),
        ("admin-gczx", ["我们学校还有哪些老师没达标", "专业的呢"], "我们学校还有哪些老师专业没达标"),
        ("admin-gczx", ["我们学校达标率是多少", "哪些老师没达标"], "我们学校哪些老师没达标"),
        ("admin-guancheng", ["莞城中心小学达标率是多少", "那莞城实验中学呢"], "莞城实验中学达标率是多少"),
        ("admin-guancheng", ["莞城实验中学还有谁没达标", "莞城中心小学呢"], "莞城中心小学还有谁没达标"),
        ("admin-dongguan", ["虎门镇达标率是多少", "莞城呢"], "莞城达标率是多少"),
    ],
)
def test_a_follow_up_is_the_whole_question(
    account: str, questions: Sequence[str], meant: str, ask: Ask, talk: Talk
) -> None:
    answer, alone = talk(account, *questions), ask(account, meant)
    assert alone.outcome not in (Outcome.CLARIFY, Outcome.OUT_OF_SCOPE)
    assert as_json(answer) == as_json(alone)


@pytest.mark.parametrize(
    "before", ["我今年还差多少学时", "列出我的记录", "镇级培训最多能计多少学时？", "陈静还差多少学时"]
)
@pytest.mark.parametrize("question", ["我今年还差多少学时", "列出我今年的记录", "我历年的学时", "我怎么补最省？"])
def test_what_stands_alone_is_what_it_always_is(before: str, question: str, ask: Ask, talk: Talk) -> None:
    assert as_json(talk("t0001", before, question)) == as_json(ask("t0001", question))


def test_conversations_of_two_accounts_never_mix(installation: Installation, ask: Ask, talk: Talk) -> None:
    """Asked by turns, each goes on from its own; and nobody goes on from another's."""
    asked = {
        "t0001": ["我今年还差多少学时", "专业的呢", "去年呢"],
        "t0009": ["列出我2022年的记录", "今年呢", "镇级的呢"],
    }
    threads = dict.fromkeys(asked, "")
    for number in range(3):
        for account, questions in asked.items():
            answer = talk(account, questions[number], thread=threads[account] or None)
            threads[account] = answer.thread_id
            check_own(answer, account.upper())
            assert as_json(answer) == as_json(talk(account, *questions[: number + 1]))
    assert len(set(threads.values())) == 2
    for account in ("t0009", "admin-gczx", "admin-dongguan"):
        with pytest.raises(NotFound):
            talk(account, "专业的呢", thread=threads["t0001"])


@pytest.mark.parametrize("follow_up", ["那去年呢", "专业的呢", "为什么", "那他呢", "再修4学时呢", "名单呢"])
def test_a_new_conversation_goes_on_from_nothing(follow_up: str, ask: Ask, talk: Talk) -> None:
    alone = ask("t0009", follow_up)
    talk("t0001", "我今年还差多少学时")
    talk("t0009", "列出我的记录")
    assert as_json(ask("t0009", follow_up)) == as_json(alone)


@pytest.mark.parametrize(
    ("account", "questions"),
    [
        ("t0001", ["我今年还差多少学时", "那陈静呢"]),
        ("t0001", ["我今年还差多少学时", "T0003呢"]),
        ("t0001", ["我今年还差多少学时", "那我同事呢"]),
        ("t0001", ["我今年还差多少学时", "那陈静呢", "去年呢"]),
        ("t0001", ["陈静今年还差多少学时", "专业的呢"]),
        ("t0001", ["我们学校达标率是多少", "那去年呢"]),
        ("t0001", ["我们学校达标率是多少", "哪些老师没达标"]),
        ("admin-gczx", ["林晓岚今年还差多少学时", "那苏绮琳呢"]),
        ("admin-gczx", ["林晓岚今年还差多少学时", "那苏绮琳呢", "为什么"]),
        ("admin-gczx", ["林晓岚今年还差多少学时", "那王不在呢"]),
        ("admin-gczx", ["我们学校达标率是多少", "莞城实验中学呢"]),
        ("admin-gczx", ["我们学校达标率是多少", "莞城实验中学呢", "去年呢"]),
        ("admin-guancheng", ["莞城中心小学达标率是多少", "虎门第三中学呢"]),
    ],
)
def test_a_follow_up_opens_nothing(account: str, questions: Sequence[str], ask: Ask, talk: Talk) -> None:
    answer = talk(account, *questions)
    assert as_json(answer) == as_json(ask("t0001", "T0003今年还差多少学时"))


# Several questions in one message.


@pytest.mark.parametrize(
    ("account", "message", "questions"),
    [
        (
            "t0001",
            "我今年还差多少学时？镇级培训最多能计多少学时？我有哪些待审核的记录？",
            ["我今年还差多少学时？", "镇级培训最多能计多少学时？", "我有哪些待审核的记录？"],
        ),
        (
            "t0001",
            "1、我还差多少学时 2、培训费用谁出 3、列出我今年的记录",
            ["我还差多少学时", "培训费用谁出", "列出我今年的记录"],
        ),
        (
            "t0009",
            "我还差多少学时？另外，为什么我的学时没有计入？还有就是我历年的学时",
            ["我还差多少学时？", "为什么我的学时没有计入？", "我历年的学时"],
        ),
        (
            "t0001",
            "我还差多少学时？专业的呢？那去年呢？",
            ["我还差多少学时？", "我专业还差多少学时", "我去年还差多少学时"],
        ),
        (
            "t0001",
            "我还差多少学时，为什么镇级的没算，培训费用谁出",
            ["我还差多少学时", "为什么镇级的没算", "培训费用谁出"],
        ),
        (
            "admin-gczx",
            "我们学校达标率是多少？哪些老师没达标？林晓岚还差多少学时？",
            ["我们学校达标率是多少？", "哪些老师没达标？", "林晓岚还差多少学时？"],
        ),
        (
            "t0001",
            "我还差多少学时？陈静还差多少学时？我有哪些待审核的记录？",
            ["我还差多少学时？", "陈静还差多少学时？", "我有哪些待审核的记录？"],
        ),
        (
            "t0001",
            "今天天气怎么样？我还差多少学时？我怎么补最省？",
            ["今天天气怎么样？", "我还差多少学时？", "我怎么补最省？"],
        ),
    ],
)
def test_three_questions_get_three_answers(
    account: str, message: str, questions: Sequence[str], ask: Ask, installation: Installation
) -> None:
    answer, alone = ask(account, message), [ask(account, question) for question in questions]
    at = [without_marks(answer).find(without_marks(one)) for one in alone]
    assert -1 not in at
    assert at == sorted(set(at))
    shown = {table.caption: table.rows for table in answer.tables}
    assert shown == shown | {table.caption: table.rows for one in alone for table in one.tables}
    assert answer.outcome is Outcome.ANSWERED
    check_sound(answer, message, installation)
    if account != "admin-gczx":
        check_own(answer, account.upper())


def test_of_several_questions_none_is_answered_that_may_not_be(ask: Ask) -> None:
    refused = ask("t0001", "T0003今年还差多少学时")
    answer = ask("t0001", "陈静今年还差多少学时？T0003有哪些被驳回的记录？我们学校达标率是多少？")
    assert answer.outcome is Outcome.NOT_PERMITTED
    assert set(answer.text.split("\n\n")) == {refused.text}
    assert (answer.calculation, answer.tables, answer.citations) == (None, [], [])


def test_more_questions_than_are_answered_at_once_are_not_answered_as_another(ask: Ask) -> None:
    message = "我还差多少学时？我历年的学时？我怎么补最省？镇级培训最多能计多少学时？培训费用谁出？"
    assert ask("t0001", message).outcome is Outcome.CLARIFY


@pytest.mark.parametrize("question", ["另外，", "还有：", "1、", "？", "。。。", "，"])
def test_a_message_that_asks_nothing_is_no_outage_and_stops_no_conversation(
    question: str, ask: Ask, talk: Talk
) -> None:
    assert ask("t0001", question).outcome is not Outcome.UNAVAILABLE
    assert as_json(talk("t0001", question, GAP)) == as_json(ask("t0001", GAP))


# Any message at all.

ALONE = st.sampled_from(
    [
        "我今年还差多少学时",
        "我专业科目够了吗",
        "镇级培训最多能计多少学时",
        "培训费用谁出",
        "列出我2022年的记录",
        "为什么我的镇级培训没有计入",
        "我有哪些待审核的记录",
        "陈静今年还差多少学时",
        "我们学校达标率是多少",
        "我怎么补最省",
    ]
)
breaks = st.sampled_from(
    ["？", "？ ", "！", "；", "。", "\n", "？另外，", "，还有就是", "？再问一下，", "，顺便问一下"]
)


@given(st.lists(ALONE, min_size=1, max_size=MOST_PARTS), st.lists(breaks, min_size=MOST_PARTS, max_size=MOST_PARTS))
def test_no_question_is_lost_or_changed(questions: list[str], between: list[str]) -> None:
    message = "".join(question + mark for question, mark in zip(questions, between, strict=False)).rstrip("，")
    assert [part.strip("？！；。\n ") for part in whole(message)][: len(questions)] == questions


@given(st.lists(ALONE, min_size=1, max_size=MOST_PARTS))
def test_numbered_questions_are_all_found(questions: list[str]) -> None:
    message = " ".join(f"{number}、{question}" for number, question in enumerate(questions, 1))
    assert whole(message) == questions


def wordings(value: object) -> list[str]:
    """Every wording that the phrases list."""
    if isinstance(value, str):
        return [value]
    return [text for part in (value.values() if isinstance(value, dict) else value) for text in wordings(part)]  # type: ignore[attr-defined]


words = st.sampled_from(sorted({*wordings(phrases())}))
marks = st.sampled_from(
    ["？", "。", "，", "\n", " ", "1、", "2、", "另外", "还有", "呢", "莞城", "陈静", "T0003", "4学时", "3月"]
)
texts = st.text(max_size=200) | st.lists(words | marks, max_size=20).map("".join)


@given(texts, st.lists(texts, max_size=4))
@example("另外，", [])
@example("那去年呢", ["另外，"])
@example("", [""])
@example("？" * 2000, [])
@example("呢", ["？"])
def test_any_message_has_one_to_four_questions(message: str, before: list[str]) -> None:
    questions = whole(message, before, PLACES)
    assert 1 <= len(questions) <= MOST_PARTS


@given(texts, st.lists(texts, min_size=1, max_size=4), st.lists(texts, max_size=3))
def test_what_was_asked_long_ago_changes_nothing_once_a_question_stood_alone(
    message: str, after: list[str], long_ago: list[str]
) -> None:
    recent = [GAP, *after]
    assert whole(message, [*long_ago, *recent], PLACES) == whole(message, recent, PLACES)
