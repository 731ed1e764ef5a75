"""Questions and answers as they are kept: whose a thread is, how often and how long one may ask, and what is stored."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import func, select

from assistant.answer import Answer, Outcome
from assistant.ask import Assistant
from assistant.bootstrap import Installation, install
from assistant.errors import NotFound, NotRegistered, QuestionError, TooManyQuestions
from assistant.settings import Settings
from assistant.store import turns
from assistant.store.tables import SpentRow, Thread, Turn

GAP = "我今年还差多少学时？"


class Clock:
    """The time that questions are counted by."""

    now = 1_700_000_000.0

    def time(self) -> float:
        return self.now


@pytest.fixture
def own(settings: Settings) -> Iterator[Installation]:
    """An installation of this test's own, with three questions a minute."""
    made = install(settings.model_copy(update={"rate_limit": 3}))
    yield made
    made.close()


@pytest.fixture
def assistant(own: Installation) -> Assistant:
    return own.assistant


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr("assistant.store.turns.time", made)
    return made


def say(assistant: Assistant, account: str, question: str = "你好", thread: str | None = None) -> Answer:
    return assistant.ask(question, assistant.account(account), thread)


def kept(own: Installation, account: str | None = None) -> list[Any]:
    """The stored turns, oldest first."""
    query = select(Turn.id, Turn.thread_id, Turn.account, Turn.question, Turn.answer).order_by(Turn.asked_at)
    with own.database.read() as connection:
        rows = connection.execute(query).all()
    return [row for row in rows if account in (None, row.account)]


def threads(own: Installation) -> dict[str, str]:
    with own.database.read() as connection:
        return {row.id: row.account for row in connection.execute(select(Thread.id, Thread.account))}


# Threads.


def test_every_question_opens_a_thread_of_its_own_unless_it_goes_on_with_one(
    assistant: Assistant, own: Installation
) -> None:
    first, second = say(assistant, "t0001"), say(assistant, "t0001")
    third = say(assistant, "t0001", thread=first.thread_id)
    assert first.thread_id != second.thread_id
    assert third.thread_id == first.thread_id
    assert len({first.id, second.id, third.id}) == 3
    assert threads(own) == {first.thread_id: "t0001", second.thread_id: "t0001"}


@pytest.mark.parametrize("account", ["t0003", "admin-gczx", "admin-dongguan"])
def test_another_s_thread_is_as_good_as_none(account: str, assistant: Assistant, own: Installation) -> None:
    """Administrators' too; and nothing is noted in it."""
    thread = say(assistant, "t0001", GAP).thread_id
    told = []
    for wanted in (thread, "t-unheard-of", ""):
        with pytest.raises(NotFound) as caught:
            say(assistant, account, GAP, wanted)
        told.append(str(caught.value))
    assert len(set(told)) == 1
    assert kept(own, account) == []
    assert threads(own) == {thread: "t0001"}
    assert say(assistant, "t0001", GAP, thread).thread_id == thread


def test_an_account_that_nobody_registered(assistant: Assistant) -> None:
    for name in ("t9999", "T0001", "", "t0001 "):
        with pytest.raises(NotRegistered):
            assistant.account(name)
    assert assistant.account("t0001").teacher_id == "T0001"
    assert assistant.account("t0003").teacher_id == "T0003"


# How often.


def test_so_many_questions_a_minute(assistant: Assistant, own: Installation, clock: Clock) -> None:
    for _ in range(3):
        say(assistant, "t0001")
        clock.now += 10
    with pytest.raises(TooManyQuestions) as caught:
        say(assistant, "t0001")
    assert caught.value.retry_after == 30
    assert "30" in str(caught.value)
    assert len(kept(own)) == 3
    say(assistant, "t0003")
    assert [row.account for row in kept(own)] == ["t0001"] * 3 + ["t0003"]


def test_it_is_the_last_minute_that_counts(assistant: Assistant, clock: Clock) -> None:
    for wait in (0, 30, 29):
        clock.now += wait
        say(assistant, "t0001")
    with pytest.raises(TooManyQuestions) as caught:
        say(assistant, "t0001")
    assert caught.value.retry_after == 1
    clock.now += caught.value.retry_after
    say(assistant, "t0001")
    with pytest.raises(TooManyQuestions) as caught:
        say(assistant, "t0001")
    assert caught.value.retry_after == 30


def test_a_refused_question_is_not_held_against_anybody(assistant: Assistant, clock: Clock) -> None:
    for _ in range(3):
        say(assistant, "t0001")
    for _ in range(5):
        with pytest.raises(TooManyQuestions):
            say(assistant, "t0001")
    clock.now += 60
    assert say(assistant, "t0001").outcome is Outcome.OUT_OF_SCOPE


def test_nor_is_deleting_what_was_asked(assistant: Assistant, own: Installation, clock: Clock) -> None:
    def delete(thread: str) -> None:
        with own.database.write("t0001") as connection:
            turns.delete_thread(connection, "t0001", thread)

    for _ in range(3):
        delete(say(assistant, "t0001").thread_id)
        clock.now += 1
    with pytest.raises(TooManyQuestions) as caught:
        say(assistant, "t0001")
    assert caught.value.retry_after == 57
    say(assistant, "t0002")
    clock.now += 58
    delete(say(assistant, "t0001").thread_id)
    with own.database.read() as connection:  # no longer than it counts
        assert len(connection.execute(select(SpentRow)).all()) == 2


def test_a_thread_is_no_way_round_the_limit(assistant: Assistant, clock: Clock) -> None:
    thread = say(assistant, "t0001").thread_id
    for _ in range(2):
        say(assistant, "t0001", thread=thread)
    for wanted in (thread, None):
        with pytest.raises(TooManyQuestions):
            say(assistant, "t0001", thread=wanted)


def test_nor_is_asking_all_at_once(assistant: Assistant, own: Installation, clock: Clock) -> None:
    def attempt(_: int) -> bool:
        try:
            say(assistant, "t0001")
        except TooManyQuestions:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        answered = list(pool.map(attempt, range(12)))
    assert sum(answered) == 3
    assert len(kept(own, "t0001")) == 3


# How long.


@pytest.mark.parametrize("question", ["", " ", "\n\t", "\u3000\u3000", "学" * 2001, "学" * 5000, f"  {'学' * 2001}  "])
def test_a_question_has_1_to_2000_characters(question: str, assistant: Assistant, own: Installation) -> None:
    with pytest.raises(QuestionError) as caught:
        say(assistant, "t0001", question)
    assert str(len(question.strip())) in str(caught.value)
    assert (kept(own), threads(own)) == ([], {})


@pytest.mark.parametrize("question", ["学", "学" * 2000, f" \n{'学' * 2000}\u3000", "？", "😀" * 2000])
def test_no_fewer_and_no_more(question: str, assistant: Assistant, own: Installation) -> None:
    answer = say(assistant, "t0001", question)
    assert answer.outcome is not Outcome.UNAVAILABLE
    [row] = kept(own)
    assert row.question == question.strip()


# What is kept.


def test_the_answer_is_kept_as_it_was_sent(assistant: Assistant, own: Installation) -> None:
    answers = [say(assistant, "t0001", GAP), say(assistant, "t0003", GAP), say(assistant, "t0001", "列出我的记录")]
    rows = {row.id: row for row in kept(own)}
    assert set(rows) == {answer.id for answer in answers}
    for answer, account in zip(answers, ("t0001", "t0003", "t0001"), strict=True):
        row = rows[answer.id]
        assert (row.account, row.thread_id) == (account, answer.thread_id)
        assert row.answer == answer.model_dump(mode="json")
        assert Answer.model_validate(row.answer) == answer
    [hers] = kept(own, "t0003")
    assert "T0001" not in str(hers.answer)
    assert all("T0003" not in str(row.answer) for row in kept(own, "t0001"))


def test_an_answer_that_failed_is_kept_too(
    assistant: Assistant, own: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any) -> Any:
        raise RuntimeError("no such thing")

    with monkeypatch.context() as patch:
        patch.setattr("assistant.planner.planner.Planner.stream", broken)
        answer = say(assistant, "t0001", GAP)
    assert answer.outcome is Outcome.UNAVAILABLE
    [row] = kept(own)
    assert row.answer == answer.model_dump(mode="json")
    assert say(assistant, "t0001", GAP).outcome is Outcome.ANSWERED


def test_one_s_own_state_leaves_nothing_behind(assistant: Assistant, own: Installation) -> None:
    for account in ("t0001", "t0003"):
        assert assistant.me(assistant.account(account))
    assert (kept(own), threads(own)) == ([], {})


def test_what_is_kept_outlives_the_process(own: Installation, settings: Settings) -> None:
    answer = say(own.assistant, "t0001", GAP)
    own.close()
    again = install(settings)
    try:
        [row] = kept(again)
        assert row.answer == answer.model_dump(mode="json")
        assert say(again.assistant, "t0001", GAP, answer.thread_id).thread_id == answer.thread_id
        with again.database.read() as connection:
            assert connection.execute(select(func.count()).select_from(Thread)).scalar_one() == 1
    finally:
        again.close()
