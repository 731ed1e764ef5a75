"""Streams that break, repeat themselves, stall or are refused: what is shown, and what is asked of the server."""

import json
import threading

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.web.scripted import (
    RUN,
    Reply,
    ScriptedSite,
    begun,
    citation,
    ended,
    refusal,
    said,
    sent,
    stream,
    text,
    token,
)
from tests.web.steps import ASK, answered, ask, box, paste, sign_in

RESUME = f"GET /v1/runs/{RUN}/events"
STOP = f"POST /v1/runs/{RUN}/stop"
WHOLE = "您还差12学时，学时从严核算。"


def kept(**others: object) -> Reply:
    """The thread as the server keeps it."""
    answer = {
        "id": "a1", "thread_id": "t1", "outcome": "answered", "text": WHOLE, "citations": [], "calculation": None,
        "projection": None, "plan": None, "tables": [], "suggestions": [],
    }  # fmt: skip
    turn = {"answer_id": "a1", "question": "问", "answer": answer, "stopped": False, "run_id": None, **others}
    return Reply((json.dumps({"id": "t1", "turns": [turn]}).encode(),))


def test_a_character_cut_by_the_line_comes_whole(page: Page, scripted: ScriptedSite) -> None:
    whole = b"".join(stream(begun(), *text(WHOLE), *ended()))
    middle = whole.index("学".encode()) + 1
    gate = threading.Event()
    scripted.on(ASK, Reply((whole[:middle], gate, whole[middle : middle + 1], whole[middle + 1 :])))
    paste(page, scripted)
    turn = ask(page)
    gate.set()
    expect(turn.locator(".conclusion")).to_have_text(WHOLE)


def test_events_may_be_cut_anywhere_with_any_line_ends(page: Page, scripted: ScriptedSite) -> None:
    whole = b": ping\n\nretry: 5\n\n" + b"".join(stream(begun(), *text(WHOLE), *ended()))
    whole = whole.replace(b"\n", b"\r\n")
    scripted.on(ASK, Reply(tuple(whole[at : at + 1] for at in range(len(whole)))))
    paste(page, scripted)
    expect(answered(page).locator(".conclusion")).to_have_text(WHOLE)


def test_a_lost_line_is_taken_up_where_it_was_lost(page: Page, scripted: ScriptedSite) -> None:
    events = stream(begun(), *text("您还差", "12学时，", "学时从严核算。"), *ended())
    half = events[2][: len(events[2]) // 2]  # an event that the break cuts counts as not received
    scripted.on(ASK, Reply((events[0], events[1], half), cut=True))
    scripted.on(RESUME, refusal(503, "稍后再试。"), Reply(tuple(events[2:])))
    paste(page, scripted)
    expect(answered(page).locator(".conclusion")).to_have_text(WHOLE)
    assert [headers["Last-Event-ID"] for headers, _ in scripted.calls(RESUME)] == [f"{RUN}:2"] * 2
    assert len(scripted.calls(ASK)) == 1


def test_what_is_sent_twice_is_shown_once(page: Page, scripted: ScriptedSite) -> None:
    events = stream(begun(), *text("您还差", "12学时，"))
    rest = [sent(part, number) for number, part in enumerate([*text("学时从严核算。"), *ended()], 4)]
    scripted.on(ASK, Reply((*events, events[1], *events, events[2]), cut=True))
    scripted.on(RESUME, Reply((*events, *rest, *events)))
    paste(page, scripted)
    expect(answered(page).locator(".conclusion")).to_have_text(WHOLE)


def test_what_is_missing_is_asked_for(page: Page, scripted: ScriptedSite) -> None:
    events = stream(begun(), *text("您还差", "12学时，", "学时从严核算。"), *ended())
    scripted.on(ASK, Reply((*events[:2], *events[3:])))
    scripted.on(RESUME, Reply(tuple(events[2:])))
    paste(page, scripted)
    expect(answered(page).locator(".conclusion")).to_have_text(WHOLE)
    assert [headers["Last-Event-ID"] for headers, _ in scripted.calls(RESUME)] == [f"{RUN}:2"]


def test_events_without_ids_are_taken_as_they_come(page: Page, scripted: ScriptedSite) -> None:
    parts = [begun(), *text("您还差", "12学时，", "学时从严核算。"), *ended()]
    scripted.on(ASK, Reply(tuple(sent(part, None) for part in parts)))
    paste(page, scripted)
    expect(answered(page).locator(".conclusion")).to_have_text(WHOLE)


def test_a_question_whose_answer_never_began_is_sent_again_as_the_same(page: Page, scripted: ScriptedSite) -> None:
    scripted.on(ASK, Reply(cut=True), said(*text(WHOLE)))
    paste(page, scripted)
    expect(answered(page).locator(".conclusion")).to_have_text(WHOLE)
    (first, body), (second, again) = scripted.calls(ASK)
    assert first["Idempotency-Key"] == second["Idempotency-Key"]
    assert body == again


def test_two_questions_have_two_keys(page: Page, scripted: ScriptedSite) -> None:
    scripted.on(ASK, said(*text(WHOLE)))
    scripted.on("POST /v1/threads/t1/runs", said(*text(WHOLE)))
    paste(page, scripted)
    answered(page)
    expect(page.locator(".suggestions")).to_have_count(0)
    answered(page)
    expect(page.locator("article .actions")).to_have_count(2)
    keys = [scripted.calls(call)[0][0]["Idempotency-Key"] for call in (ASK, "POST /v1/threads/t1/runs")]
    assert len(set(keys)) == 2


@pytest.mark.parametrize("gone", [Reply(status=204), refusal(410, "已不再保留。")])
def test_an_answer_whose_events_are_gone_is_read_from_its_thread(
    page: Page, scripted: ScriptedSite, gone: Reply
) -> None:
    scripted.on(ASK, Reply(tuple(stream(begun(), *text("您还差"))), cut=True))
    scripted.on(RESUME, gone)
    scripted.on("GET /v1/threads/t1", kept())
    paste(page, scripted)
    expect(answered(page).locator(".conclusion")).to_have_text(WHOLE)


def test_a_text_withdrawn_gives_way_to_another(page: Page, scripted: ScriptedSite) -> None:
    withdrawn = {"type": "data-replaced", "data": {"text": "text-1"}}
    scripted.on(ASK, said(*text("模型乱说"), withdrawn, citation(), *text(WHOLE, "[^1]")))
    paste(page, scripted)
    turn = answered(page)
    expect(turn.locator(".conclusion")).to_have_text(WHOLE + "1")
    expect(turn).not_to_contain_text("模型乱说")


def test_citations_may_come_behind_the_text(page: Page, scripted: ScriptedSite) -> None:
    scripted.on(ASK, said(*text(WHOLE, "[^", "1]"), citation()))
    paste(page, scripted)
    expect(answered(page).get_by_role("button", name="依据 1")).to_be_visible()


def test_stopping_keeps_what_was_said(page: Page, scripted: ScriptedSite) -> None:
    gate = threading.Event()
    ending = [sent({"type": "abort"}, 3), sent("[DONE]", 4)]
    scripted.on(ASK, Reply((*stream(begun(), *text("您还差")), gate, *ending)))
    scripted.on(STOP, Reply(status=204))
    paste(page, scripted)
    turn = ask(page)
    expect(turn.locator(".conclusion")).to_have_text("您还差")
    page.get_by_role("button", name="停止").click()
    expect(page.get_by_role("button", name="停止")).to_be_visible()  # until the server says so
    gate.set()
    expect(turn).to_contain_text("已停止回答")
    expect(turn.locator(".conclusion")).to_have_text("您还差")
    assert len(scripted.calls(STOP)) == 1


def test_stopping_before_the_run_has_a_name_stops_it_when_it_has(page: Page, scripted: ScriptedSite) -> None:
    gate = threading.Event()
    rest = [sent({"type": "abort"}, 2), sent("[DONE]", 3)]
    scripted.on(ASK, Reply((gate, sent(begun(), 1), *rest)))
    scripted.on(STOP, Reply(status=204))
    paste(page, scripted)
    turn = ask(page)
    page.get_by_role("button", name="停止").click()
    assert scripted.calls(STOP) == []
    with page.expect_response(f"**/v1/runs/{RUN}/stop"):
        gate.set()
    expect(turn).to_contain_text("已停止回答")
    assert len(scripted.calls(STOP)) == 1


def test_stopping_before_the_run_has_a_name_holds_however_quick_it_is(page: Page, scripted: ScriptedSite) -> None:
    gate = threading.Event()
    scripted.on(ASK, Reply((gate, b"".join(stream(begun(), *text("您还差"), *ended())))))
    scripted.on(STOP, Reply(status=204))
    scripted.on("POST /v1/threads/t1/runs", said(*text("第二个回答。")))
    paste(page, scripted)
    turn = ask(page)
    page.get_by_role("button", name="停止").click()
    gate.set()
    expect(turn).to_contain_text("已停止回答")
    expect(turn).not_to_contain_text("您还差")
    answered(page, "那专业科目呢？")
    expect(page.locator(".conclusion")).to_have_text("第二个回答。")


def test_offline_what_is_written_stays_and_the_answer_goes_on(
    page: Page, context: BrowserContext, scripted: ScriptedSite
) -> None:
    gate = threading.Event()
    events = stream(begun(), *text("您还差", "12学时，", "学时从严核算。"), *ended())
    scripted.on(ASK, Reply((*events[:2], gate), cut=True))
    scripted.on(RESUME, Reply(tuple(events[2:])))
    paste(page, scripted)
    turn = ask(page)
    expect(turn.locator(".conclusion")).to_have_text("您还差")
    box(page).fill("下一个问题")
    context.set_offline(True)
    gate.set()
    expect(page.locator(".notice")).to_contain_text("网络已断开")
    expect(page.locator("[data-state=offline]")).to_be_visible()
    context.set_offline(False)
    expect(turn.locator(".conclusion")).to_have_text(WHOLE)
    expect(page.locator(".notice")).to_be_hidden()
    expect(box(page)).to_have_value("下一个问题")


def test_too_many_questions_are_counted_down(page: Page, scripted: ScriptedSite) -> None:
    scripted.on(ASK, refusal(429, "提问太频繁，请稍后再问。", Retry_After="2"), said(*text(WHOLE)))
    paste(page, scripted)
    turn = ask(page, "问")
    expect(turn).to_contain_text("提问太频繁，请稍后再问。")
    expect(turn.get_by_role("button", name="秒后）")).to_be_disabled()
    expect(box(page)).to_have_value("问")
    turn.get_by_role("button", name="重试", exact=True).click()
    expect(page.locator(".conclusion")).to_have_text(WHOLE)
    expect(page.locator("article")).to_have_count(1)
    expect(box(page)).to_have_value("")


@pytest.mark.parametrize(("status", "detail"), [(503, "政策库暂不可用。"), (500, "系统内部出错。")])
def test_a_failure_says_so_and_can_be_retried(page: Page, scripted: ScriptedSite, status: int, detail: str) -> None:
    scripted.on(ASK, refusal(status, detail), said(*text(WHOLE)))
    paste(page, scripted)
    turn = ask(page)
    expect(turn.locator(".error")).to_have_text(detail)
    turn.get_by_role("button", name="重试").click()
    expect(page.locator(".conclusion")).to_have_text(WHOLE)


def test_an_answer_that_fails_on_its_way_says_so(page: Page, scripted: ScriptedSite) -> None:
    fault = {"type": "error", "errorText": "服务中断过，请重新提问。"}
    scripted.on(ASK, Reply(tuple(stream(begun(), *text("您还差"), fault, "[DONE]"))))
    paste(page, scripted)
    turn = ask(page)
    expect(turn.locator(".error")).to_have_text("服务中断过，请重新提问。")
    expect(turn).not_to_contain_text("您还差")


def test_an_expired_token_is_asked_for_again_and_nothing_is_lost(page: Page, scripted: ScriptedSite) -> None:
    scripted.on(ASK, said(*text("第一个回答。")))
    scripted.on("POST /v1/threads/t1/runs", refusal(401, "登录已过期。"), said(*text(WHOLE)))
    paste(page, scripted)
    answered(page)
    ask(page, "第二问")
    expect(page.locator("#view")).to_be_hidden()
    sign_in(page, token(number=1))
    expect(page.locator(".conclusion")).to_have_text(["第一个回答。", WHOLE])
    assert len(scripted.calls("POST /v1/threads/t1/runs")) == 2


def test_another_account_finds_nothing_of_the_one_before(page: Page, scripted: ScriptedSite) -> None:
    scripted.on(ASK, said(*text("第一个人的回答。")))
    scripted.on("POST /v1/threads/t1/runs", refusal(401, "登录已过期。"))
    paste(page, scripted)
    answered(page)
    ask(page, "第一个人的问题")
    sign_in(page, token("t0002"))
    expect(page.locator(".suggestions")).to_be_visible()
    expect(page.locator("body")).not_to_contain_text("第一个人")
    expect(box(page)).to_have_value("")
    assert len(scripted.calls("POST /v1/threads/t1/runs")) == 1, "the question was sent for somebody else"


@pytest.mark.parametrize("events", [said(*text(WHOLE)), Reply(status=204)], ids=["going on", "over since"])
def test_a_question_that_is_still_being_answered_is_gone_on_with(
    page: Page, scripted: ScriptedSite, events: Reply
) -> None:
    thread = {"id": "t1", "title": "问", "asked_at": "2023-11-15T08:00:00+08:00"}
    scripted.on("GET /v1/threads", Reply((json.dumps({"threads": [thread]}).encode(),)))
    scripted.on("GET /v1/threads/t1", kept(answer=None, run_id=RUN), kept())
    scripted.on(RESUME, events)
    paste(page, scripted)
    page.get_by_role("button", name="历史").click()
    page.locator(".thread").click()
    expect(page.locator(".conclusion")).to_have_text(WHOLE)
    expect(page.locator("article .actions")).to_be_visible()


def test_a_second_question_waits_for_the_first(page: Page, scripted: ScriptedSite) -> None:
    gate = threading.Event()
    scripted.on(ASK, Reply((gate, *stream(begun(), *text(WHOLE), *ended()))))
    paste(page, scripted)
    box(page).fill("问")
    page.get_by_role("button", name="发送").dblclick()
    box(page).press("Enter")
    box(page).fill("又问")
    box(page).press("Enter")
    expect(page.get_by_role("status")).to_have_text("上一个问题还在回答，请稍候。")
    expect(page.locator(".composer")).to_contain_text("上一个问题还在回答，请稍候。")
    expect(box(page)).to_have_value("又问")
    gate.set()
    expect(page.locator(".conclusion")).to_have_text(WHOLE)
    expect(page.locator(".composer")).not_to_contain_text("上一个问题还在回答")
    assert len(scripted.calls(ASK)) == 1


def test_what_is_read_stays_where_it_is_unless_its_end_is_in_sight(page: Page, scripted: ScriptedSite) -> None:
    gates = [threading.Event() for _ in range(2)]
    long = ["一行文字。\n" * 30, "又一行。\n" * 30, "再一行。\n" * 30]
    events = stream(begun(), *text(*long), *ended())
    scripted.on(ASK, Reply((*events[:2], gates[0], events[2], gates[1], *events[3:])))
    paste(page, scripted)
    turn = ask(page)
    expect(turn).to_contain_text("一行文字")
    body = page.locator(".body")
    top = "element => Math.round(element.scrollTop)"
    in_sight = turn.evaluate("e => e.getBoundingClientRect().top >= e.closest('.body').getBoundingClientRect().top - 1")
    assert in_sight, "the beginning of the answer was scrolled away"
    body.evaluate("element => { element.scrollTop = 40; }")
    gates[0].set()
    expect(turn).to_contain_text("又一行")
    assert body.evaluate(top) == 40
    gates[1].set()
    expect(turn.locator(".actions")).to_be_attached()
    assert body.evaluate(top) == 40
