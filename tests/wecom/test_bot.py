"""The intelligent bot by callback, WeCom played: streams, groups, late answers, cards, ratings, bad input."""

import shutil
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from api.wecom import chat
from assistant.store import runs, turns
from assistant.store import wecom as wecom_store
from tests.wecom import fake_bot
from tests.wecom.conftest import NO_APP, Open, address
from tests.wecom.fake import FakeWeCom
from tests.wecom.fake_bot import LateAnswers

GAP, POLICY, LIST = "我今年还差多少学时？", "培训费用谁出？", "我有哪些待审核的记录？"
ME, OTHER = "LinXiaoLan", "ChenJing"  # t0001 lacks 12 hours; t0003 is somebody else


# In single chats.


def test_an_answer_has_its_figures_clauses_receipt_and_card(site: Open) -> None:
    opened = site()
    frames = opened.bot.frames(opened.bot.message(ME, GAP))
    assert frames[0]["msgtype"] == "stream"
    content = frames[-1]["stream"]["content"]
    assert content.startswith("2023年您还差 12 学时")
    assert "> 专业科目：38 / 42，还差 4" in content
    assert "[1] 《2023年东莞市中小学（幼儿园）教师培训计划》" in content
    answer = frames[0]["stream"]["feedback"]["id"]
    assert f"https://xueshi.example.cn/answers/{answer}" in content
    assert frames[-1]["msgtype"] == "stream_with_template_card"
    card = frames[-1]["template_card"]
    assert card["card_type"] == "text_notice"
    assert card["emphasis_content"] == {"title": "12", "desc": "还差学时"}
    assert card["card_action"]["url"].endswith(answer)


def test_members_are_answered_as_themselves_whatever_the_case_of_their_names(site: Open) -> None:
    opened = site()
    mine, theirs = opened.bot.ask(ME.upper(), GAP), opened.bot.ask(OTHER, GAP)
    assert "还差 12 学时" in mine
    assert "还差 12 学时" not in theirs
    assert opened.asked("t0001") == opened.asked("t0003") == [GAP]


def test_a_conversation_goes_on(site: Open) -> None:
    opened = site()
    opened.bot.ask(ME, GAP)
    assert "专业科目还差 4" in opened.bot.ask(ME, "专业的呢？")
    with opened.installation.database.read() as connection:
        assert len(turns.threads(connection, "t0001", 10)) == 1


def test_a_message_that_comes_again_is_the_same_answer(site: Open) -> None:
    opened = site()
    message = opened.bot.message(ME, GAP)
    with ThreadPoolExecutor(3) as pool:
        replies = [reply for reply in pool.map(opened.bot.reply, [message] * 3) if reply]
    assert len({reply["stream"]["id"] for reply in replies}) == 1
    again = opened.bot.frames(message)
    assert "还差 12 学时" in again[-1]["stream"]["content"]
    assert opened.asked() == [GAP]


def test_a_message_whose_first_process_died_before_it_began_is_answered(site: Open) -> None:
    opened = site()
    message = opened.bot.message(ME, GAP)
    with opened.installation.database.write() as connection:
        assert wecom_store.first(connection, f"bot:{message['msgid']}")
    assert "还差 12 学时" in opened.bot.frames(message)[-1]["stream"]["content"]


def test_another_process_tells_the_stream(site: Open, made_home: Path, tmp_path: Path) -> None:
    first = site()
    second = site(shutil.copytree(made_home, tmp_path / "beside"), database_url=address(first))
    message = first.bot.message(ME, GAP)
    told = first.bot.reply(message)
    assert told is not None
    while not (frame := second.bot.refresh(message, told["stream"]["id"]))["stream"]["finish"]:
        pass
    assert "还差 12 学时" in frame["stream"]["content"]


def test_nobody_is_told_somebody_elses_stream(site: Open) -> None:
    opened = site()
    frames = opened.bot.frames(message := opened.bot.message(ME, GAP))
    stream = frames[0]["stream"]["id"]
    for stranger in (OTHER, "nobody.yet"):
        told = opened.bot.refresh(message, stream, stranger)["stream"]
        assert told["finish"]
        assert "12" not in told["content"]
    told = opened.bot.refresh(opened.bot.message(OTHER), "single.rNoSuchRun")["stream"]
    assert told == {"id": "single.rNoSuchRun", "finish": True, "content": "没有这次回答，或它不属于您。"}


def test_an_unknown_member_is_told_how_to_be_registered_and_nothing_else(site: Open) -> None:
    opened = site()
    for reply in (opened.bot.ask("nobody.yet", GAP), opened.bot.ask("nobody.yet", GAP, group="g1")):
        assert "还没有登记" in reply
        assert "学时" not in reply
    assert opened.asked() == []


def test_voices_and_mixed_and_quoted_messages_are_read(site: Open) -> None:
    opened = site()
    bot = opened.bot
    picture = {"msgtype": "image", "image": {"url": "https://example.invalid/x"}}
    words = {"msgtype": "text", "text": {"content": GAP}}
    assert "还差 12 学时" in bot.ask(ME, "", msgtype="voice", voice={"content": GAP})
    assert "还差 12 学时" in bot.ask(ME, "", msgtype="mixed", mixed={"msg_item": [picture, words]})
    assert "还差 12 学时" in bot.ask(ME, "", quote=words)
    assert "参加培训的费用" in bot.ask(ME, POLICY, quote=words)
    assert opened.asked() == [GAP, GAP, GAP, POLICY]


def test_what_has_no_words_is_answered_with_how_to_ask(site: Open) -> None:
    opened = site()
    for kind in ("image", "file", "video", "location"):
        assert "请用文字或语音提问" in opened.bot.ask(ME, "", msgtype=kind)
    assert opened.asked() == []


def test_a_question_that_cannot_be_taken_is_explained(site: Open) -> None:
    opened = site(rate_limit=1)
    assert "2000" in opened.bot.ask(ME, "长" * 2001)
    opened.bot.ask(ME, GAP)
    assert "过于频繁" in opened.bot.ask(ME, GAP)


# In groups.


@pytest.mark.parametrize("at", ["@学时通 ", "@学时通\u2005", "@学时通 @bot\u2005", ""])
def test_a_group_reads_what_is_nobodys(site: Open, at: str) -> None:
    opened = site()
    frames = opened.bot.frames(opened.bot.message(ME, at + POLICY, "g1"))
    assert "参加培训的费用" in frames[-1]["stream"]["content"]
    assert opened.asked() == [POLICY]


@pytest.mark.parametrize("question", [GAP, LIST, "我怎么补最省？", "我有没有被驳回的记录？"])
def test_a_group_never_reads_what_is_personal(site: Open, wecom: FakeWeCom, question: str) -> None:
    opened = site()
    alone = opened.bot.ask(ME, question)
    frames = opened.bot.frames(opened.bot.message(ME, f"@学时通 {question}", "g1"))
    assert "不在群里显示" in frames[-1]["stream"]["content"]
    assert {frame["msgtype"] for frame in frames} == {"stream"}
    shown = "".join(frame["stream"]["content"] for frame in frames)
    assert not any(part in shown for part in ("12", "78", "班主任", "没有被驳回"))
    wecom.wait(1)
    [direct] = wecom.texts(ME)
    assert direct.splitlines()[0][:40] == alone.splitlines()[0][:40]
    assert len(direct.encode()) <= 2048


def test_where_it_is_not_told_that_nobody_else_reads_it_somebody_does(site: Open, wecom: FakeWeCom) -> None:
    opened = site()
    message = opened.bot.message(ME, GAP)
    del message["chattype"]
    assert "不在群里显示" in opened.bot.frames(message)[-1]["stream"]["content"]
    # Asked for as if it were another's single chat, it stays what it was.
    told = opened.bot.frames(group := opened.bot.message(ME, GAP, "g1"))
    again = opened.bot.refresh(group | {"chattype": "single"}, told[0]["stream"]["id"])
    assert "不在群里显示" in again["stream"]["content"]


def test_a_duplicate_in_a_group_is_sent_directly_once(site: Open, wecom: FakeWeCom) -> None:
    opened = site()
    message = opened.bot.message(ME, GAP, "g1")
    for _ in range(3):
        opened.bot.frames(message)
    opened.bot.frames(opened.bot.message(OTHER, GAP, "g1"))
    wecom.wait(2)
    assert len(wecom.texts(ME)) == len(wecom.texts(OTHER)) == 1
    assert "还差 12 学时" in wecom.texts(ME)[0]
    assert "还差 12 学时" not in wecom.texts(OTHER)[0]


def test_without_the_companion_app_a_group_is_told_to_ask_alone(site: Open, wecom: FakeWeCom) -> None:
    opened = site(**NO_APP)
    assert "单聊" in opened.bot.ask(ME, GAP, "g1")
    assert wecom.calls.total() == 0


# Who it is.


def test_an_encrypted_id_is_converted_once_and_remembered_by_all_for_a_month(
    site: Open, wecom: FakeWeCom, made_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    encrypted, other = "woAJ2GCAAAXtWyujaWJHDDGi0mACAAAA", "woAJ2GCAAAXtWyujaWJHDDGi0mACCCCC"
    wecom.open_userids |= {encrypted: ME, other: OTHER}
    opened = site()
    for _ in range(2):
        assert "还差 12 学时" in opened.bot.ask(encrypted, GAP)
    beside = site(shutil.copytree(made_home, tmp_path / "beside"), database_url=address(opened))
    beside.bot.ask(encrypted, GAP, "g1")
    wecom.wait(1)
    assert len(wecom.texts(ME)) == 1
    assert wecom.calls["batch/openuserid_to_userid"] == 1
    assert "还差 12 学时" not in beside.bot.ask(other, GAP)
    now = time.time()
    monkeypatch.setattr(wecom_store.time, "time", lambda: now + wecom_store.BELIEVED + 1)
    assert "还差 12 学时" in opened.bot.ask(encrypted, GAP)
    assert wecom.calls["batch/openuserid_to_userid"] == 3


def test_an_encrypted_id_that_cannot_be_converted_is_nobodys(site: Open, wecom: FakeWeCom) -> None:
    opened = site()
    assert "还没有登记" in opened.bot.ask("woAJ2GCAAAXtWyujaWJHDDGi0mACBBBB", GAP)
    wecom.fail("batch/openuserid_to_userid", 60020)
    told = opened.bot.ask("woAJ2GCAAAXtWyujaWJHDDGi0mACBBBB", GAP)
    assert "不能确认您的身份" in told
    assert "XUESHI_WECOM" not in told
    assert opened.asked() == []


# Answers that take long.


def test_a_stalled_answer_ends_its_stream_in_time_and_comes_whole_later(
    site: Open, held: threading.Event, late: LateAnswers, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = site()
    message = opened.bot.message(ME, GAP)
    told = opened.bot.reply(message)
    assert told is not None
    stream = told["stream"]["id"]
    while "核算" not in (frame := opened.bot.refresh(message, stream))["stream"]["content"]:
        assert not frame["stream"]["finish"]
    monkeypatch.setattr(chat, "WINDOW", 0.0)
    assert opened.bot.refresh(message, stream)["stream"] == {
        "id": stream,
        "finish": True,
        "content": chat.LATER,
        "feedback": told["stream"]["feedback"],
    }
    assert late.got == []
    held.set()
    late.wait()
    assert late.contents(message["msgid"]) == late.contents()
    assert "还差 12 学时" in late.contents()[0]
    assert opened.bot.refresh(message, stream)["stream"]["content"] == chat.LATER


def test_an_answer_in_time_is_not_sent_again(site: Open, held: threading.Event, late: LateAnswers) -> None:
    opened = site()
    message = opened.bot.message(ME, GAP)
    opened.bot.reply(message)
    held.set()
    assert "还差 12 学时" in opened.bot.frames(message)[-1]["stream"]["content"]
    assert late.got == []


def test_a_late_answer_in_a_group_is_still_not_shown_there(
    site: Open, held: threading.Event, late: LateAnswers, wecom: FakeWeCom, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = site()
    opened.bot.reply(opened.bot.message(ME, GAP, "g1"))
    monkeypatch.setattr(chat, "WINDOW", 0.0)
    held.set()
    late.wait()
    wecom.wait(1)
    assert "不在群里显示" in late.contents()[0]
    assert "12" not in late.contents()[0]
    assert "还差 12 学时" in wecom.texts(ME)[0]


def test_an_answer_whose_process_died_is_explained(
    site: Open, held: threading.Event, made_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = site()
    second = site(shutil.copytree(made_home, tmp_path / "beside"), database_url=address(first))
    message = first.bot.message(ME, GAP)
    told = first.bot.reply(message)
    assert told is not None
    monkeypatch.setattr(runs, "SILENT", -60.0)  # it has been silent for longer than that
    while not (frame := second.bot.refresh(message, told["stream"]["id"]))["stream"]["finish"]:
        pass
    assert "请重新提问" in frame["stream"]["content"]


# Events.


def test_entering_is_greeted(site: Open) -> None:
    opened = site()
    greeted = opened.bot.reply(opened.bot.event(ME, "enter_chat"))
    assert greeted is not None
    assert greeted["msgtype"] == "text"
    assert GAP in greeted["text"]["content"]
    unknown = opened.bot.reply(opened.bot.event("nobody.yet", "enter_chat"))
    assert unknown is not None
    assert "还没有登记" in unknown["text"]["content"]


def test_a_choice_on_a_card_is_asked_and_answered(site: Open, late: LateAnswers) -> None:
    opened = site()
    card = opened.bot.frames(opened.bot.message(ME, "学时"))[-1]["template_card"]
    assert card["button_list"][0]["text"] == GAP
    click = {"card_type": "button_interaction", "event_key": "0", "task_id": card["task_id"]}
    event = opened.bot.event(ME, "template_card_event", **click)
    update = opened.bot.reply(event)
    assert update is not None
    assert update["response_type"] == "update_template_card"
    assert update["template_card"]["task_id"] == card["task_id"]
    late.wait()
    assert "还差 12 学时" in late.contents()[0]
    assert opened.bot.reply(event) is None
    assert opened.asked() == ["学时", GAP]


@pytest.mark.parametrize(("userid", "key"), [(OTHER, "0"), ("nobody.yet", "0"), (ME, "99"), (ME, "-1"), (ME, "²")])
def test_a_choice_of_somebody_else_or_of_nothing_is_passed_over(site: Open, userid: str, key: str) -> None:
    opened = site()
    card = opened.bot.frames(opened.bot.message(ME, "学时"))[-1]["template_card"]
    click = {"event_key": key, "task_id": card["task_id"]}
    assert opened.bot.reply(opened.bot.event(userid, "template_card_event", **click)) is None
    assert opened.asked() == ["学时"]
    assert opened.asked("t0003") == []


def test_ratings_are_kept_of_ones_own_answers(site: Open) -> None:
    opened = site()
    answer = opened.bot.frames(opened.bot.message(ME, GAP))[0]["stream"]["feedback"]["id"]

    def rate(userid: str, **data: Any) -> None:
        assert opened.bot.reply(opened.bot.event(userid, "feedback_event", id=answer, **data)) is None

    rate(OTHER, type=2)
    rate("nobody.yet", type=2)
    assert opened.opinions() == []
    rate(ME, type=1)
    assert opened.opinions() == [("t0001", "up", None)]
    rate(ME, type=2, content=" 数字不对 ", inaccurate_reason_list=[3, 2, 9])
    assert opened.opinions() == [("t0001", "down", "内容有错误；内容不完整；数字不对")]
    rate(OTHER, type=3)
    assert len(opened.opinions()) == 1
    rate(ME, type=3)
    assert opened.opinions() == []


def test_unknown_events_are_acknowledged_in_silence(site: Open) -> None:
    opened = site()
    assert opened.bot.reply(opened.bot.event(ME, "something_new", data=1)) is None


# The door.


def test_the_address_is_verified_with_the_plain_echo_at_any_age(site: Open) -> None:
    opened = site()
    sealed = opened.bot._box.seal("1616140317555161061", "1409659813", "n")
    query = {"msg_signature": sealed.signature, "timestamp": "1409659813", "nonce": "n", "echostr": sealed.encrypted}
    response = opened.bot._http.get("/wecom/bot", params=query)
    assert (response.status_code, response.text) == (200, "1616140317555161061")
    assert opened.bot._http.get("/wecom/bot", params=query | {"nonce": "other"}).status_code == 403
    assert opened.bot._http.get("/wecom/bot").status_code == 403


@pytest.mark.parametrize(
    ("body", "how"),
    [
        (None, {"age": 301}),
        (None, {"age": -301}),
        (None, {"msg_signature": "0" * 40}),
        (None, {"nonce": "forged"}),
        (None, {"timestamp": "soon"}),
        (None, {"content": b""}),
        (None, {"content": b"{}"}),
        (None, {"content": b'{"encrypt": 1}'}),
        (None, {"content": b"<xml/>"}),
        (None, {"content": b"\xff" * 10}),
        ('{"msgid": "m", "msgtype": "text",', {}),  # as the official sample is, cut
        ("[" * 100_000, {}),
        ('{"msgtype": "text", "text": {"content": "\\ud800"}}', {}),
        ('{"msgtype": "text", "from": {"userid": "LinXiaoLan"}}', {}),
        ('{"msgid": "m", "msgtype": "event", "from": {"userid": "LinXiaoLan"}}', {}),
        ("null", {}),
    ],
)
def test_what_is_not_a_callback_is_refused(site: Open, body: str | None, how: dict[str, Any]) -> None:
    opened = site()
    response = opened.bot.post(body or opened.bot.message(ME, GAP), **how)
    assert response.status_code == 403 or (response.status_code == 413 and body and len(body) > 60_000)
    assert response.headers["Content-Type"] == "application/problem+json"
    assert opened.asked() == []


def test_a_body_that_is_too_large_is_refused(site: Open) -> None:
    opened = site()
    assert opened.bot.post(opened.bot.message(ME, GAP), content=b"x" * 1_000_000).status_code == 413


def test_another_receivers_message_is_refused(site: Open) -> None:
    opened = site()
    opened.bot._box = fake_bot.Box(fake_bot.TOKEN, fake_bot.AES_KEY, "wx5823bf96d3bd56c7")
    assert opened.bot.post(opened.bot.message(ME, GAP)).status_code == 403
    assert opened.asked() == []
