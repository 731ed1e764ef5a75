"""The self-built app: who writes is answered once, as who they are, and nobody else is answered at all."""

import logging
import secrets
from collections import Counter
from pathlib import Path

import httpx
import pytest

from api.wecom import app as door
from api.wecom.crypto import Box
from assistant.errors import Unavailable
from assistant.store import turns
from assistant.store import wecom as store
from assistant.store.database import Database
from tests.private import logged, told_of
from tests.wecom import fake
from tests.wecom.conftest import Serve
from tests.wecom.fake import Caller, FakeWeCom, happened, message

GAP = "我今年还差多少学时？"
BOMB = "<!DOCTYPE x [<!ENTITY a 'ha'><!ENTITY b '&a;&a;&a;&a;'><!ENTITY c '&b;&b;&b;&b;'>]><xml>&c;</xml>"
OUTER = f"<xml><ToUserName>{fake.CORP}</ToUserName><Encrypt>%s</Encrypt></xml>"
KNOWN, OTHER, UNKNOWN = "LinXiaoLan", "ChenJing", "nobody.yet"


def said(account: str, home: Path) -> list[str]:
    """What an account has asked, thread by thread."""
    database = Database(f"sqlite:///{home / 'xueshi.db'}")
    with database.read() as connection:
        threads = turns.threads(connection, account, 100)
        asked = [one.question for thread in threads for one in turns.turns(connection, account, thread.id)]
    database.close()
    return asked


# Verification.


def test_the_address_is_verified_with_the_plain_echo_however_old(caller: Caller) -> None:
    for age in (0, 10_000_000):
        answer = caller.verify("1616140317555161061", age=age)
        assert (answer.status_code, answer.text) == (200, "1616140317555161061")
        assert answer.headers["Content-Type"].startswith("text/plain")


@pytest.mark.parametrize(
    "params", [{"msg_signature": "0" * 40}, {"echostr": "AAAA"}, {"nonce": "1"}, {"timestamp": "1"}]
)
def test_a_forged_verification_gets_no_echo(caller: Caller, params: dict[str, str]) -> None:
    assert caller.verify("1616140317555161061", **params).status_code == 403


def test_without_an_app_there_is_no_door(serve: Serve) -> None:
    none = dict.fromkeys(("corp_id", "agent_id", "secret", "token", "aes_key"), "")
    with serve(**{f"wecom_{name}": value for name, value in none.items()}) as web:
        assert Caller(web).post(message(KNOWN, "1", GAP)).status_code == 404


# Answers.


def test_a_member_is_answered_as_their_account_with_their_own_receipt(
    serve: Serve, wecom: FakeWeCom, home: Path
) -> None:
    with serve() as web:
        response = Caller(web).post(message(KNOWN, "1", GAP))
        assert (response.status_code, response.content) == (200, b"")
    [told] = wecom.sent
    assert told.userid == KNOWN
    assert "还差 12 学时" in told.text
    assert "https://xueshi.example.cn/answers/a" in told.text
    assert len(told.text.encode()) <= 2048
    assert said("t0001", home) == [GAP]


def test_two_members_see_nothing_of_each_other(serve: Serve, wecom: FakeWeCom, home: Path) -> None:
    with serve() as web:
        caller = Caller(web)
        caller.post(message(KNOWN, "1", GAP))
        caller.post(message(OTHER, "2", "林晓岚还差多少学时？"))
        caller.post(message(OTHER, "3", "那专业科目呢？"))
    first, second = wecom.texts(KNOWN), wecom.texts(OTHER)
    assert (len(first), len(second)) == (1, 2)
    assert "还差 12 学时" in first[0]
    assert not any("12 学时" in one for one in second)
    assert said("t0001", home) == [GAP]
    assert GAP not in said("t0003", home)


def test_the_case_of_a_members_name_makes_no_difference(serve: Serve, wecom: FakeWeCom) -> None:
    with serve() as web:
        Caller(web).post(message("linxiaolan", "1", GAP))
    assert "还差 12 学时" in wecom.texts(KNOWN)[0]


def test_a_members_conversation_goes_on_after_a_restart_and_is_nobody_elses(
    serve: Serve, wecom: FakeWeCom, home: Path
) -> None:
    with serve() as web:
        Caller(web).post(message(KNOWN, "1", GAP))
    with serve() as web:
        Caller(web).post(message(KNOWN, "2", "专业的呢？"))
        Caller(web).post(message(OTHER, "3", "专业的呢？"))
    mine, others = wecom.texts(KNOWN)[1], wecom.texts(OTHER)[0]
    assert "专业科目" in mine
    assert mine.partition("\n")[0] != others.partition("\n")[0]
    database = Database(f"sqlite:///{home / 'xueshi.db'}")
    with database.read() as connection:
        [thread] = turns.threads(connection, "t0001", 100)
        assert [one.question for one in turns.turns(connection, "t0001", thread.id)] == [GAP, "专业的呢？"]
    database.close()


def test_a_conversation_that_was_deleted_or_has_rested_begins_anew(
    serve: Serve, wecom: FakeWeCom, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = Database(f"sqlite:///{home / 'xueshi.db'}")
    with serve() as web:
        Caller(web).post(message(KNOWN, "1", GAP))
    with database.write() as connection:
        turns.delete_thread(connection, "t0001", turns.threads(connection, "t0001", 1)[0].id)
    with serve() as web:
        Caller(web).post(message(KNOWN, "2", GAP))
    monkeypatch.setattr(store, "RESTED", 0)
    with serve() as web:
        Caller(web).post(message(KNOWN, "3", GAP))
    with database.read() as connection:
        assert len(turns.threads(connection, "t0001", 100)) == 2
    database.close()
    assert [("还差 12 学时" in one) for one in wecom.texts(KNOWN)] == [True] * 3


def test_messages_of_a_member_are_answered_in_order(serve: Serve, wecom: FakeWeCom, home: Path) -> None:
    asked = [GAP, "我去年够了吗？", "培训费用谁出？", "我有哪些待审核的记录？", "专业科目还差几学时？"]
    with serve() as web:
        for number, question in enumerate(asked):
            Caller(web).post(message(KNOWN, str(number), question))
    assert said("t0001", home) == asked
    assert len(wecom.texts(KNOWN)) == len(asked)


def test_what_isnt_taken_is_explained(serve: Serve, wecom: FakeWeCom) -> None:
    with serve(rate_limit=1) as web:
        caller = Caller(web)
        caller.post(message(KNOWN, "1", " "))
        caller.post(message(KNOWN, "2", "学" * 2001))
        caller.post(message(KNOWN, "3", "", kind="image"))
        caller.post(message(KNOWN, "4", GAP))
        caller.post(message(KNOWN, "5", GAP))
    empty, long, picture, _, often = wecom.texts(KNOWN)
    assert "1 至 2000 个字" in empty
    assert "2001" in long
    assert picture == door.ONLY_TEXT
    assert "频繁" in often


def test_an_error_that_nobody_foresaw_is_explained_and_its_words_are_not(
    serve: Serve, wecom: FakeWeCom, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serve() as web:
        assistant = web.app.state.installation.assistant  # type: ignore[attr-defined]
        monkeypatch.setattr(assistant, "answer", lambda *_: 1 / 0)
        Caller(web).post(message(KNOWN, "1", GAP))
    [told] = wecom.texts(KNOWN)
    assert "系统内部出错" in told
    assert "division" not in told


# Members whom nobody registered, and events.


def test_an_unknown_member_gets_one_line_on_how_to_be_registered(serve: Serve, wecom: FakeWeCom) -> None:
    with serve() as web:
        caller = Caller(web)
        for number, kind in enumerate(("text", "image")):
            caller.post(message(UNKNOWN, str(number), "陈静还差多少学时？", kind))
        caller.post(happened(UNKNOWN, "enter_agent"))
    assert len(wecom.sent) == 3
    [told] = set(wecom.texts(UNKNOWN))
    assert len(told.splitlines()) == 1
    assert UNKNOWN in told
    assert "管理员" in told
    assert not any(figure.isdigit() for figure in told)


def test_who_enters_is_welcomed_once_a_day(serve: Serve, beside: Serve, wecom: FakeWeCom) -> None:
    with serve() as web, beside() as other:
        for worker in (web, other):
            Caller(worker).post(happened(KNOWN, "subscribe"))
            Caller(worker).post(happened(KNOWN.lower(), "enter_agent"))
    [told] = wecom.texts(KNOWN)
    assert told == door.WELCOME


@pytest.mark.parametrize(
    "xml",
    [
        happened(KNOWN, "unsubscribe"),
        happened(KNOWN, "LOCATION"),
        happened("sys", "change_contact"),
        message(KNOWN, "1", GAP, kind="hologram"),
        message("@all", "1", GAP),
        message("a|b", "1", GAP),
        message("", "1", GAP),
        "<xml></xml>",
        "<xml><FromUserName>LinXiaoLan",
        "{}",
        "",
        BOMB,
    ],
)
def test_what_isnt_for_us_is_acknowledged_and_not_answered(serve: Serve, wecom: FakeWeCom, xml: str) -> None:
    with serve() as web:
        response = Caller(web).post(xml)
    assert (response.status_code, response.content) == (200, b"")
    assert wecom.calls == {}


# Callbacks that aren't WeCom's.


def forged(caller: Caller, what: str) -> httpx.Response:
    """A callback of somebody who isn't WeCom, or is late."""
    xml = message(KNOWN, secrets.token_hex(8), GAP)
    match what:
        case "signature":
            return caller.post(xml, msg_signature="0" * 40)
        case "nonce":
            return caller.post(xml, nonce="1")
        case "replay":
            return caller.post(xml, age=301)
        case "future":
            return caller.post(xml, age=-302)
        case "corp":
            return Caller(caller.http, box=Box(fake.TOKEN, fake.AES_KEY, "ww5823bf96d3bd56c7")).post(xml)
        case "key":
            return Caller(caller.http, box=Box(fake.TOKEN, fake.AES_KEY[::-1], fake.CORP)).post(xml)
        case "nothing":
            return caller.http.post("/wecom/app")
        case "bomb":
            return caller.post(xml, body=BOMB.encode())
        case "malformed":
            return caller.post(xml, body=b"<xml><Encrypt>")
        case "binary":
            return caller.post(xml, body=secrets.token_bytes(500))
        case "encoding":
            return caller.post(xml, body=b"<?xml version='1.0' encoding='nonsense'?><xml/>")
        case "padding":
            return caller.post(xml, body=(OUTER % "AAAA").encode())
        case _:
            return caller.post(xml, body=(OUTER % ("A" * 1_000_000)).encode())


FORGED = {
    **dict.fromkeys(("signature", "nonce", "replay", "future", "corp", "key", "nothing", "bomb"), 403),
    **dict.fromkeys(("malformed", "binary", "encoding", "padding"), 403),
    "large": 413,
}


@pytest.mark.parametrize("what", FORGED)
def test_a_forged_callback_is_refused_and_nothing_of_it_is_logged(
    serve: Serve, wecom: FakeWeCom, what: str, caplog: pytest.LogCaptureFixture
) -> None:
    with serve() as web, caplog.at_level(logging.DEBUG):
        caplog.clear()
        response = forged(Caller(web), what)
        told = [record for record in caplog.records if record.name != "api.watching"]
        ours = [record.getMessage() for record in told if record.name.startswith(("api", "assistant"))]
    assert response.status_code == FORGED[what]
    assert response.headers["Content-Type"] == "application/problem+json"
    assert len(ours) == (what != "large")
    assert not any(told in line for line in ours for told in (KNOWN, GAP, fake.TOKEN, fake.AES_KEY))
    assert wecom.calls == {}


def test_no_log_tells_of_members_of_what_they_ask_or_of_the_keys(serve: Serve, wecom: FakeWeCom) -> None:
    with logged() as so_far:
        with serve() as web:
            caller = Caller(web)
            for member in (KNOWN, OTHER, UNKNOWN):
                caller.post(message(member, secrets.token_hex(8), GAP))
            for what in FORGED:
                forged(caller, what)
            wecom.fail("message/send", 45009)
            caller.post(message(KNOWN, secrets.token_hex(8), GAP))
        written = so_far()
    assert len(wecom.sent) >= 2
    assert '"route": "/wecom/app"' in written
    assert told_of(written, GAP, UNKNOWN, fake.TOKEN, fake.AES_KEY, fake.SECRET, fake.CORP) == set()


# Once, and only once.


def test_a_message_that_comes_again_is_answered_once_by_two_workers_and_after_a_restart(
    serve: Serve, beside: Serve, wecom: FakeWeCom
) -> None:
    xml, without = message(KNOWN, "6054768590064713728", GAP), happened(OTHER, "enter_agent")
    with serve() as web, beside() as other:
        assert Caller(web).deliver(xml, unheard=2) == fake.TRIES
        Caller(other).deliver(xml)
        Caller(other).deliver(without, unheard=1)
    with serve() as web:
        Caller(web).deliver(xml)
        Caller(web).deliver(without)
    assert Counter(one.userid for one in wecom.sent) == {KNOWN: 1, OTHER: 1}


def test_without_the_database_it_is_explained(serve: Serve, wecom: FakeWeCom, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(_: Database) -> None:
        raise Unavailable("数据库暂时无法写入，本次操作没有任何改动，请稍后再试。")

    with serve() as web:
        with monkeypatch.context() as patch:
            patch.setattr(Database, "write", away)
            assert Caller(web).deliver(message(KNOWN, "1", GAP)) == 1
            wecom.wait(1)
        Caller(web).post(message(KNOWN, "2", GAP))
    down, answer = wecom.texts(KNOWN)
    assert "数据库暂时无法写入" in down
    assert "还差 12 学时" in answer


def test_an_answer_that_wecom_doesnt_take_is_logged_without_its_words(
    serve: Serve, wecom: FakeWeCom, caplog: pytest.LogCaptureFixture
) -> None:
    wecom.fail("message/send", 60020)
    with serve() as web:
        Caller(web).post(message(KNOWN, "1", GAP))
    assert "企业可信IP" in caplog.text
    assert "12 学时" not in caplog.text
    assert wecom.sent == []
