"""Writing: Enter sends, and never a word that an input method hasn't finished."""

import threading

import pytest
from playwright.sync_api import Browser, CDPSession, Page, expect

from tests.web.conftest import PHONE
from tests.web.scripted import Reply, ScriptedSite, said, text
from tests.web.steps import ASK, answered, box, paste

ENTER = {"key": "Enter", "code": "Enter", "windowsVirtualKeyCode": 13}


@pytest.fixture
def keys(page: Page, scripted: ScriptedSite) -> CDPSession:
    """The keyboard as the browser itself has it, on an open chat with the box in focus."""
    scripted.on(ASK, said(*text("回答。")))
    scripted.on("POST /v1/threads/t1/runs", said(*text("回答。")))
    paste(page, scripted)
    box(page).focus()
    return page.context.new_cdp_session(page)


def enter(keys: CDPSession) -> None:
    """The key alone, as an input method leaves it: it writes nothing by itself."""
    for type_ in ("rawKeyDown", "keyUp"):
        keys.send("Input.dispatchKeyEvent", {"type": type_, **ENTER})


def test_enter_while_a_candidate_is_open_sends_nothing(page: Page, scripted: ScriptedSite, keys: CDPSession) -> None:
    keys.send("Input.imeSetComposition", {"text": "学", "selectionStart": 1, "selectionEnd": 1})
    enter(keys)
    keys.send("Input.insertText", {"text": "学时"})
    expect(box(page)).to_have_value("学时")
    assert scripted.calls(ASK) == []
    page.wait_for_timeout(100)
    enter(keys)
    expect(page.locator(".asked")).to_have_text("学时")


_SAFARI = """(box) => {
  const fire = (type, more) => box.dispatchEvent(new CompositionEvent(type, { bubbles: true, ...more }));
  fire("compositionstart");
  box.value = "学时";
  fire("compositionend", { data: "学时" });
  const enter = new KeyboardEvent("keydown", { key: "Enter", keyCode: 229, bubbles: true, cancelable: true });
  return box.dispatchEvent(enter);
}"""


def test_safaris_enter_after_the_composition_sends_nothing(
    page: Page, scripted: ScriptedSite, keys: CDPSession
) -> None:
    assert box(page).evaluate(_SAFARI), "the input method's own key was held back"
    page.wait_for_timeout(100)
    box(page).evaluate(
        """box => box.dispatchEvent(new KeyboardEvent("keydown", { key: "Enter", keyCode: 229, bubbles: true }))"""
    )
    assert scripted.calls(ASK) == []
    expect(page.locator("article")).to_have_count(0)
    expect(box(page)).to_have_value("学时")
    enter(keys)
    expect(page.locator(".asked")).to_have_text("学时")


def test_the_button_sends_whatever_the_input_method_says(page: Page, scripted: ScriptedSite, keys: CDPSession) -> None:
    box(page).fill("学时")
    box(page).evaluate("box => box.dispatchEvent(new CompositionEvent('compositionstart', { bubbles: true }))")
    page.get_by_role("button", name="发送").click()
    expect(page.locator(".asked")).to_have_text("学时")


def test_a_composition_that_never_ends_does_not_block_enter(page: Page, keys: CDPSession) -> None:
    box(page).fill("学时")
    box(page).evaluate("box => box.dispatchEvent(new CompositionEvent('compositionstart', { bubbles: true }))")
    box(page).blur()
    box(page).focus()
    page.wait_for_timeout(100)
    enter(keys)
    expect(page.locator(".asked")).to_have_text("学时")


def test_shift_and_enter_break_the_line(page: Page, scripted: ScriptedSite, keys: CDPSession) -> None:
    page.keyboard.type("一")
    page.keyboard.press("Shift+Enter")
    page.keyboard.type("二")
    expect(box(page)).to_have_value("一\n二")
    assert scripted.calls(ASK) == []


def test_by_touch_enter_breaks_the_line_and_the_button_sends(browser: Browser, scripted: ScriptedSite) -> None:
    scripted.on(ASK, said(*text("回答。")))
    context = browser.new_context(locale="zh-CN", viewport=PHONE, has_touch=True, is_mobile=True)
    page = context.new_page()
    paste(page, scripted)
    box(page).fill("一")
    box(page).press("End")
    page.keyboard.press("Enter")
    expect(box(page)).to_have_value("一\n")
    assert scripted.calls(ASK) == []
    page.get_by_role("button", name="发送").tap()
    expect(page.locator("article .actions")).to_be_visible()
    expect(page.locator("article")).to_be_focused()  # the keyboard goes, the answer is seen
    context.close()


def test_an_empty_or_an_endless_question_is_not_sent(page: Page, scripted: ScriptedSite, keys: CDPSession) -> None:
    box(page).fill(" \n ")
    enter(keys)
    expect(page.locator("article")).to_have_count(0)
    box(page).fill("学" * 2001)
    expect(page.locator(".count")).to_have_text("超出 1 字，请缩短")
    enter(keys)
    expect(page.get_by_role("status")).to_have_text("问题最多 2000 字，请缩短后再发送。")
    expect(box(page)).to_have_value("学" * 2001)
    assert scripted.calls(ASK) == []
    box(page).fill("😀" * 2000)  # as the server counts: characters, not halves of them
    expect(page.locator(".count")).to_have_text("还可以写 0 字")
    enter(keys)
    expect(page.locator("article")).to_have_count(1)


def test_a_draft_outlives_the_answer_that_comes_meanwhile(page: Page, scripted: ScriptedSite, keys: CDPSession) -> None:
    gate = threading.Event()
    scripted.on(ASK, Reply((gate, *said(*text("回答。")).pieces)))
    box(page).fill("问")
    enter(keys)
    box(page).fill("写到一半")
    gate.set()
    expect(page.locator("article .actions")).to_be_visible()
    expect(box(page)).to_have_value("写到一半")
    expect(box(page)).to_be_focused()


def test_a_suggestion_with_a_blank_is_filled_in_first(page: Page, scripted: ScriptedSite, keys: CDPSession) -> None:
    page.get_by_role("button", name="（教师姓名或编号）").click()
    expect(box(page)).to_be_focused()
    page.keyboard.type("陈静")
    expect(box(page)).to_have_value("陈静今年还差多少学时？")
    assert scripted.calls(ASK) == []


def test_focus_stays_where_one_writes(page: Page, keys: CDPSession) -> None:
    answered(page)
    expect(box(page)).to_be_focused()
    expect(page.get_by_role("status")).to_have_text("回答已到。回答。")
