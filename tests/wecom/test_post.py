"""Nothing is lost: what dead processes leave is answered or explained once, and what wasn't sent is sent again."""

import logging
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import func, select, update

from api.wecom import app as door
from api.wecom import chat
from api.wecom import post as outbound
from assistant.ask import Assistant
from assistant.store import post, runs, turns
from assistant.store.database import Database
from assistant.store.tables import WeComInbox, WeComOutbox
from tests.wecom.conftest import NO_APP, Open, Serve, address
from tests.wecom.fake import Caller, FakeWeCom, message
from tests.wecom.fake_bot import LateAnswers

GAP, POLICY = "我今年还差多少学时？", "培训费用谁出？"
ME, OTHER, UNKNOWN = "LinXiaoLan", "ChenJing", "nobody.yet"  # t0001 lacks 12 hours; t0003 is somebody else
MINE = "还差 12 学时"


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outbound, "_LOOK", 0.02)
    monkeypatch.setattr(outbound, "_FIRST", 0.02)


@pytest.fixture
def database(home: Path) -> Iterator[Database]:
    opened = Database(f"sqlite:///{home / 'xueshi.db'}")
    yield opened
    opened.close()


def orphan(database: Database) -> None:
    """As if the processes that answer and send had died."""
    with database.write() as connection:
        connection.execute(update(WeComInbox).values(holder="gone", held_until=0))
        connection.execute(update(WeComOutbox).values(due=0))


def left(database: Database) -> int:
    """How many messages wait to be answered or sent."""
    with database.read() as connection:
        tables = (WeComInbox, WeComOutbox)
        return sum(connection.scalar(select(func.count()).select_from(table)) or 0 for table in tables)


def asked(database: Database, name: str) -> list[tuple[str, bool]]:
    """The questions of an account, and whether they are answered."""
    with database.read() as connection:
        found = [turns.turns(connection, name, one.id) for one in turns.threads(connection, name, 100)]
    return [(turn.question, turn.answer is not None) for thread in found for turn in thread]


def wait(until: Callable[[], bool]) -> None:
    """Return once it is so."""
    end = time.monotonic() + 60
    while not until():
        assert time.monotonic() < end, "it never came"
        time.sleep(0.02)


def taken(database: Database, userid: str, content: str, kind: str = "text") -> None:
    """Take in a message for a process that dies before it answers."""
    with database.write() as connection:
        asked = {"kind": kind, "content": content}
        assert post.take(connection, f"app {userid} {content}", door.DOOR, "gone", userid, asked)


# Coming in.


def test_messages_of_a_dead_process_are_answered_once_each_as_their_senders(
    serve: Serve, beside: Serve, wecom: FakeWeCom, database: Database
) -> None:
    for userid, content in ((ME, GAP), (OTHER, GAP), (ME, POLICY), (UNKNOWN, GAP)):
        taken(database, userid, content)
    orphan(database)
    with serve(), beside():
        wecom.wait(4)
        wait(lambda: left(database) == 0)
    mine, others = wecom.texts(ME), wecom.texts(OTHER)
    assert (len(mine), len(others), len(wecom.texts(UNKNOWN))) == (2, 1, 1)
    assert MINE in mine[0]
    assert "费用" in mine[1]
    assert MINE not in others[0]


def test_a_question_that_was_begun_is_in_the_thread_once_with_its_answer(
    serve: Serve, wecom: FakeWeCom, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    def died(*_: object) -> None:
        raise SystemExit  # of its thread: nothing is put down any more

    with serve() as web, monkeypatch.context() as patch:
        patch.setattr(Assistant, "answer", died)
        Caller(web).post(message(ME, "1", GAP))
        Caller(web).post(message(OTHER, "2", GAP))
        wait(lambda: [asked(database, name) for name in ("t0001", "t0003")] == [[(GAP, False)]] * 2)
    assert (wecom.sent, left(database)) == ([], 2)
    orphan(database)
    with serve():
        wecom.wait(2)
        wait(lambda: left(database) == 0)
    assert [asked(database, name) for name in ("t0001", "t0003")] == [[(GAP, True)]] * 2
    assert [MINE in told for told in wecom.texts(ME)] == [True]
    assert [MINE in told for told in wecom.texts(OTHER)] == [False]


def test_what_is_held_by_a_living_process_is_left_to_it(
    serve: Serve, beside: Serve, wecom: FakeWeCom, database: Database
) -> None:
    taken(database, ME, GAP)
    with serve(), beside():
        time.sleep(0.3)
        assert wecom.sent == []
    assert left(database) == 1


def test_old_messages_are_explained_once_a_member_and_not_answered_later(
    serve: Serve, beside: Serve, wecom: FakeWeCom, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    for userid, content in ((ME, GAP), (ME, POLICY), (OTHER, GAP)):
        taken(database, userid, content)
    orphan(database)
    now = time.time()
    monkeypatch.setattr(door.time, "time", lambda: now + door._OLD + 60)
    with serve() as web, beside():
        wecom.wait(2)
        wait(lambda: left(database) == 0)
        Caller(web).post(message(ME, "1", GAP))
    assert wecom.texts(OTHER) == [door.LOST]
    assert wecom.texts(ME)[0] == door.LOST
    assert len(wecom.texts(ME)) == 2


def test_an_answer_that_another_process_gave_meanwhile_is_not_given_again(
    serve: Serve, wecom: FakeWeCom, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    go, entered = threading.Event(), threading.Event()
    with serve() as web:
        assistant = web.app.state.installation.assistant  # type: ignore[attr-defined]
        real = assistant.answer

        def slow(*asked: object) -> object:
            entered.set()
            assert go.wait(60)
            return real(*asked)

        monkeypatch.setattr(assistant, "answer", slow)
        Caller(web).post(message(ME, "1", GAP))
        assert entered.wait(60)
        with database.write() as connection:
            names = list(connection.execute(select(WeComInbox.key)).scalars())
            assert post.answered(connection, names)
        go.set()
    assert wecom.sent == []


def test_the_words_of_questions_and_answers_are_gone_once_they_are_told(
    serve: Serve, wecom: FakeWeCom, database: Database
) -> None:
    with serve() as web:
        Caller(web).post(message(ME, "1", GAP))
        Caller(web).post(message(OTHER, "2", "培训", kind="image"))
    assert len(wecom.sent) == 2
    assert left(database) == 0


# Going out.


@pytest.mark.parametrize(
    "fault", [[-1] * 4, [45009], [45033, 45009], ["page"], ["silent", "unheard", "silent"], ["unheard"]]
)
def test_an_answer_that_cannot_be_sent_just_now_arrives_once(
    serve: Serve, beside: Serve, wecom: FakeWeCom, database: Database, fault: list[int | str]
) -> None:
    wecom.fail("message/send", *fault)
    with serve() as web, beside():
        Caller(web).post(message(ME, "1", GAP))
        wecom.wait(1)
        wait(lambda: left(database) == 0)
    [told] = wecom.texts(ME)
    assert MINE in told
    assert wecom.calls["message/send"] > len(fault)


def test_a_fixed_line_that_may_have_arrived_is_not_sent_again(
    serve: Serve, wecom: FakeWeCom, database: Database
) -> None:
    wecom.fail("message/send", "unheard")
    with serve() as web:
        Caller(web).post(message(UNKNOWN, "1", GAP))
        wait(lambda: bool(wecom.sent) and left(database) == 0)
        Caller(web).post(message(UNKNOWN, "2", GAP))  # the same words, of another message
    assert len(wecom.texts(UNKNOWN)) == 2


def test_what_will_never_go_out_is_given_up_and_logged_without_its_words(
    serve: Serve,
    wecom: FakeWeCom,
    database: Database,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(outbound, "_GIVE_UP", 0.0)
    wecom.fail("message/send", 45009, 81013)
    with serve() as web:
        Caller(web).post(message(ME, "1", GAP))
        Caller(web).post(message(OTHER, "2", GAP))
    assert left(database) == 0
    assert wecom.sent == []
    given_up = [record.getMessage() for record in caplog.records if record.levelno == logging.ERROR]
    assert len(given_up) == 2
    assert not any(word in line for line in given_up for word in ("学时", ME, OTHER))


@pytest.mark.parametrize("repeatable", [True, False])
def test_what_was_being_sent_when_its_process_died_is_shown_once_at_most(
    serve: Serve, wecom: FakeWeCom, database: Database, repeatable: bool
) -> None:
    text = {"msgtype": "text", "text": {"content": "答案"}}
    with database.write() as connection:
        post.post(connection, door.WAY, ME, text, repeatable, sending=True)
        post.post(connection, door.WAY, OTHER, text, repeatable, sending=False)
    orphan(database)
    with serve():
        wait(lambda: left(database) == 0)
    assert wecom.texts(ME) == (["答案"] if repeatable else [])
    assert wecom.texts(OTHER) == ["答案"]


# The intelligent bot.


def test_a_late_answer_of_a_dead_process_is_explained_at_its_response_url_once(
    site: Open,
    held: threading.Event,
    late: LateAnswers,
    made_home: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    first = site()
    first.bot.reply(first.bot.message(ME, GAP))
    monkeypatch.setattr(post, "HELD", 0.05)
    orphan(first.installation.database)
    monkeypatch.setattr(chat, "WINDOW", 0.0)
    monkeypatch.setattr(runs, "SILENT", -60.0)  # it has been silent for longer than that
    for folder in ("second", "third"):
        site(shutil.copytree(made_home, tmp_path / folder), database_url=address(first))
    late.wait()
    [(_, said)] = late.shown
    assert "请重新提问" in said
    held.set()
    wait(lambda: left(first.installation.database) == 0)
    assert len(late.shown) == 1


def test_an_answer_for_one_alone_that_a_dead_process_left_reaches_that_one(
    site: Open, wecom: FakeWeCom, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = site()
    with monkeypatch.context() as patch:
        patch.setattr(chat.Chat, "_attend", lambda *_: None)  # as if it died right after its stream ended
        assert "不在群里显示" in opened.bot.ask(ME, GAP, "g1")
        opened.bot.ask(OTHER, GAP, "g1")
    orphan(opened.installation.database)
    wecom.wait(2)
    wait(lambda: left(opened.installation.database) == 0)
    assert [MINE in told for told in wecom.texts(ME)] == [True]
    assert [MINE in told for told in wecom.texts(OTHER)] == [False]


@pytest.mark.parametrize("faults", [["silent"], ["busy", "page"], ["unheard"], ["unheard", "silent"]])
def test_a_late_answer_that_cannot_be_sent_just_now_is_shown_once(
    site: Open, held: threading.Event, late: LateAnswers, monkeypatch: pytest.MonkeyPatch, faults: list[str]
) -> None:
    late.faults.extend(faults)
    opened = site(**NO_APP)
    opened.bot.reply(opened.bot.message(ME, GAP))
    monkeypatch.setattr(chat, "WINDOW", 0.0)
    held.set()
    late.wait()
    wait(lambda: left(opened.installation.database) == 0)
    assert [MINE in said for _, said in late.shown] == [True]
    assert len(late.got) == len(faults) + 1


def test_nothing_is_left_of_what_the_bot_has_told(site: Open, late: LateAnswers, wecom: FakeWeCom) -> None:
    opened = site()
    for userid, content, group in ((ME, GAP, ""), (OTHER, "", ""), (UNKNOWN, GAP, ""), (ME, GAP, "g1")):
        opened.bot.ask(userid, content, group)
    wecom.wait(1)
    wait(lambda: left(opened.installation.database) == 0)
    assert late.got == []
