"""The chat page: from a question to the clause and back, one's own history, and every state for everyone's eyes."""

import json
import threading
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.web.conftest import PHONE, Site, watch
from tests.web.scripted import ME, Reply, ScriptedSite, begun, citation, refusal, said, stream, text, token
from tests.web.steps import ASK, answered, ask, box, choose, paste, sign_in

Axe = Callable[[Page], list[str]]
WIDTHS = "() => [document.documentElement.scrollWidth, innerWidth]"


def api(site: Site, account: str, path: str, body: Any = None) -> Any:
    """What the bare API says."""
    headers = {"Authorization": f"Bearer {site.token(account)}"}
    method = "POST" if body else "GET"
    return httpx.request(method, site.url + path, json=body, headers=headers, trust_env=False, timeout=60).json()


# From a question to the clause and back.


@pytest.mark.parametrize("account", ["t0001", "t0002"])
def test_a_teacher_gets_the_proven_answer(page: Page, site: Site, account: str) -> None:
    told = api(site, account, "/v1/ask", {"question": "我今年还差多少学时？"})
    made = told["calculation"]
    choose(page, site.url, account)
    turn = answered(page)
    text_of = turn.locator(".prose").inner_text().replace("\n", "")
    marks = [part["id"] for part in told["citations"]]
    assert all(turn.get_by_role("button", name=f"依据 {mark}", include_hidden=True).count() for mark in marks)
    for line in made["categories"]:
        if line["required"] is not None:
            shown = turn.locator(".bars li", has_text=line["category"])
            expect(shown).to_contain_text(f"计入 {line['counted']}，要求 {line['required']}")
            expect(shown).to_contain_text("已达到" if line["shortfall"] == "0" else f"还差 {line['shortfall']}")
    assert made["remaining"] in text_of
    turn.get_by_text("核算过程").click()
    steps = turn.locator("details ol > li")
    assert steps.count() == len(made["steps"])
    for at, step in enumerate(made["steps"]):
        expect(steps.nth(at)).to_contain_text(step["text"])


def test_from_the_answer_to_the_clause_and_back_by_mouse(page: Page, site: Site) -> None:
    choose(page, site.url)
    turn = answered(page)
    cite = turn.locator(".prose .cite").first
    cite.click()
    source = turn.locator(".sources li.marked")
    quote = source.locator("blockquote").inner_text()
    assert "不少于90学时" in quote
    with page.context.expect_page() as opening:
        source.get_by_role("link", name="查看条款").click()
    viewer = opening.value
    expect(viewer.locator("mark").first).to_be_visible()
    assert viewer.locator("mark").first.inner_text() in quote
    viewer.close()
    source.get_by_role("button", name="回到正文").click()
    expect(cite).to_be_focused()


def test_from_the_question_to_the_clause_and_back_by_keyboard(page: Page, site: Site) -> None:
    page.goto(f"{site.url}/chat")
    expect(page.get_by_label("选择示例账号")).to_be_focused()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.locator(".suggestions")).to_be_visible()
    reach(page, box(page))
    page.keyboard.type("我今年还差多少学时？")
    page.keyboard.press("Enter")
    turn = page.locator("article")
    expect(turn.locator(".actions")).to_be_visible()
    cite = turn.locator(".prose .cite").first
    reach(page, cite, "Shift+Tab")
    page.keyboard.press("Enter")
    expect(turn.locator(".sources .marked summary")).to_be_focused()
    page.keyboard.press("Tab")
    with page.context.expect_page() as opening:
        page.keyboard.press("Enter")
    expect(opening.value.locator("mark").first).to_be_visible()
    opening.value.close()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(cite).to_be_focused()


def reach(page: Page, target: Locator, key: str = "Tab") -> None:
    """Press a key until something has the focus."""
    for _ in range(60):
        if target.evaluate("element => element === element.getRootNode().activeElement"):
            return
        page.keyboard.press(key)
    raise AssertionError("the keyboard does not lead there")


def test_a_suggestion_asks_and_the_thread_goes_on(page: Page, site: Site) -> None:
    choose(page, site.url)
    page.locator(".suggestions button").first.click()
    expect(page.locator("article")).to_be_focused()
    expect(page.locator("article .actions")).to_be_visible()
    answered(page, "那专业科目呢？")
    expect(page.locator("article .actions")).to_have_count(2)
    threads = api(site, "t0001", "/v1/threads")["threads"]
    assert len(api(site, "t0001", f"/v1/threads/{threads[0]['id']}")["turns"]) == 2


# One's own.


def test_history_is_ones_own_and_can_be_deleted(page: Page, site: Site) -> None:
    choose(page, site.url, "t0003")
    answered(page, "培训费用谁出？")
    page.get_by_role("button", name="新对话").click()
    expect(page.locator("article")).to_have_count(0)
    page.get_by_role("button", name="历史").click()
    mine = page.locator(".thread", has_text="培训费用谁出？")
    mine.click()
    expect(page.locator("article .actions")).to_be_visible()
    expect(page.locator(".asked")).to_have_text("培训费用谁出？")

    page.get_by_role("button", name="换账号").click()
    page.get_by_label("选择示例账号").select_option("t0004")
    page.get_by_role("button", name="登录").click()
    expect(page.locator(".suggestions")).to_be_visible()
    expect(page.locator("body")).not_to_contain_text("培训费用谁出？")
    page.get_by_role("button", name="历史").click()
    expect(page.locator(".history")).to_contain_text("还没有对话")

    choose(page, site.url, "t0003")
    page.get_by_role("button", name="历史").click()
    remove = page.get_by_role("button", name="删除 培训费用谁出？")
    remove.dblclick()  # one press, as far as anything is deleted for good
    expect(remove).to_have_text("确认删除")
    expect(remove).to_have_accessible_name("确认删除 培训费用谁出？")
    expect(mine).to_be_visible()
    remove.click()
    expect(mine).to_have_count(0)
    assert api(site, "t0003", "/v1/threads")["threads"] == []


def test_what_is_thought_of_an_answer_is_kept(page: Page, site: Site) -> None:
    choose(page, site.url)
    turn = answered(page, "镇级培训最多能计多少学时？")
    turn.get_by_role("button", name="有用", exact=True).click()
    expect(turn.get_by_role("button", name="有用", exact=True)).to_have_attribute("aria-pressed", "true")
    turn.get_by_role("button", name="没用").click()
    turn.get_by_label("哪里不对？").fill("应该再短一点")
    turn.get_by_role("button", name="提交").click()
    expect(page.get_by_role("status")).to_have_text("谢谢，评价已记下。")
    expect(turn.locator(".comment")).to_be_hidden()
    kept = api(site, "admin-gczx", "/v1/feedback")["feedback"]
    mine = [one for one in kept if one["question"] == "镇级培训最多能计多少学时？"]
    assert [(one["rating"], one["comment"]) for one in mine] == [("down", "应该再短一点")]


def test_an_answer_is_copied_with_its_sources(page: Page, site: Site) -> None:
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    choose(page, site.url)
    turn = answered(page, "镇级培训最多能计多少学时？")
    turn.get_by_role("button", name="复制").click()
    expect(page.get_by_role("status")).to_have_text("已复制")
    expect(turn.locator(".said")).to_have_text("已复制")
    copied = page.evaluate("() => navigator.clipboard.readText()")
    assert "12学时" in copied
    assert "[1]" in copied
    assert "《2023年东莞市中小学（幼儿园）教师培训计划》" in copied


def test_where_there_is_no_clipboard_it_is_copied_all_the_same(page: Page, scripted: ScriptedSite) -> None:
    """As on a portal without HTTPS."""
    page.add_init_script("Object.defineProperty(navigator, 'clipboard', { value: undefined });")
    scripted.on(ASK, said(citation(), *text("依据[^1]。")))
    paste(page, scripted)
    answered(page).get_by_role("button", name="复制").click()
    expect(page.get_by_role("status")).to_have_text("已复制")
    box(page).press("Control+V")
    expect(box(page)).to_have_value("依据[1]。\n1 《某市教师培训办法》某教〔2023〕1号 一/(一) 原文")


def test_a_table_is_exported_with_the_token(page: Page, site: Site) -> None:
    choose(page, site.url, "admin-gczx")
    turn = answered(page, "我们学校还有谁没达标？")
    expect(turn.locator("table caption").first).to_be_visible()
    with page.expect_download() as downloading:
        turn.get_by_role("button", name="导出表格").first.click()
    assert downloading.value.path().stat().st_size > 100


def test_nothing_is_left_in_the_browser(page: Page, site: Site) -> None:
    choose(page, site.url)
    answered(page)
    box(page).fill("草稿")
    stores = "localStorage.length, sessionStorage.length, document.cookie, (await indexedDB.databases()).length"
    kept = page.evaluate(f"async () => [{stores}]")
    assert kept == [0, 0, "", 0]
    page.reload()
    expect(page.locator("#sample")).to_be_visible()
    expect(page.locator("body")).not_to_contain_text("还差")


THREADS = [{"id": name, "title": name, "asked_at": "2023-11-15T23:30:00+00:00"} for name in ("t8", "t9")]


def listed(threads: list[dict[str, str]]) -> Reply:
    """The history."""
    return Reply((json.dumps({"threads": threads}).encode(),))


def kept(name: str, gate: threading.Event) -> Reply:
    """A thread with a question of its own name, told once the gate is open."""
    turn = {"question": f"{name} 的问题", "answer": None, "answer_id": None, "stopped": False, "run_id": None}
    return Reply((gate, json.dumps({"turns": [turn]}).encode()))


def arrive(page: Page, gate: threading.Event, path: str) -> None:
    """Let a reply come, and the page do with it what it will."""
    with page.expect_event("requestfinished", lambda request: request.url.endswith(path)):
        gate.set()
    page.evaluate("() => new Promise((done) => setTimeout(done))")


def test_a_thread_that_comes_late_is_not_put_over_what_was_asked_since(page: Page, scripted: ScriptedSite) -> None:
    gate = threading.Event()
    scripted.on("GET /v1/threads", listed(THREADS))
    scripted.on("GET /v1/threads/t9", kept("t9", gate))
    scripted.on(ASK, said(*text("第一个回答。")))
    scripted.on("POST /v1/threads/t1/runs", said(*text("第二个回答。")))
    paste(page, scripted)
    page.get_by_role("button", name="历史").click()
    page.locator(".thread", has_text="t9").click()
    page.get_by_role("button", name="新对话").click()
    answered(page)
    arrive(page, gate, "/t9")
    expect(page.locator(".asked")).to_have_text("我今年还差多少学时？")
    answered(page, "那专业科目呢？")
    expect(page.locator(".conclusion")).to_have_text(["第一个回答。", "第二个回答。"])


def test_of_two_threads_the_one_chosen_last_is_opened(page: Page, scripted: ScriptedSite) -> None:
    slow, quick = threading.Event(), threading.Event()
    scripted.on("GET /v1/threads", listed(THREADS))
    scripted.on("GET /v1/threads/t8", kept("t8", slow))
    scripted.on("GET /v1/threads/t9", kept("t9", quick))
    paste(page, scripted)
    page.get_by_role("button", name="历史").click()
    for name in ("t8", "t9"):
        page.locator(".thread", has_text=name).click()
    arrive(page, quick, "/t9")
    expect(page.locator(".asked")).to_have_text("t9 的问题")
    arrive(page, slow, "/t8")
    expect(page.locator(".asked")).to_have_text("t9 的问题")


def test_what_did_not_work_is_seen_where_one_looks(page: Page, scripted: ScriptedSite) -> None:
    refused = refusal(503, "数据库暂不可用。")
    for call in ("GET /v1/threads/t8", "DELETE /v1/threads/t8", "GET /v1/x", "POST /v1/answers/a1/feedback"):
        scripted.on(call, refused)
    scripted.on("GET /v1/threads", listed(THREADS))
    scripted.on(ASK, stale())
    paste(page, scripted)
    notice = page.locator(".notice")
    turn = answered(page)
    turn.get_by_role("button", name="导出表格").click()
    expect(turn.get_by_text("数据库暂不可用。")).to_be_visible()
    turn.get_by_role("button", name="有用", exact=True).click()
    expect(turn.get_by_text("没有成功，请稍后重试。")).to_be_visible()
    page.get_by_role("button", name="历史").click()
    page.locator(".thread", has_text="t8").click()
    expect(notice).to_have_text("数据库暂不可用。")
    page.get_by_role("button", name="返回对话").click()
    expect(notice).to_be_hidden()
    page.get_by_role("button", name="历史").click()
    remove = page.get_by_role("button", name="删除 t8")
    remove.click()
    remove.click()
    expect(notice).to_have_text("数据库暂不可用。")
    expect(page.locator(".thread")).to_have_count(2)


def test_times_are_those_of_the_place_wherever_the_browser_is(
    browser: Browser, scripted: ScriptedSite, faults: list[str]
) -> None:
    context = browser.new_context(locale="zh-CN", timezone_id="America/New_York")
    watch(context, faults)
    page = context.new_page()
    scripted.on("GET /v1/threads", listed(THREADS[:1]))
    paste(page, scripted)
    page.get_by_role("button", name="历史").click()
    expect(page.locator(".thread time")).to_have_text("2023/11/16 07:30")
    context.close()
    assert faults == []


def test_an_administrator_who_teaches_may_ask_about_both(page: Page, site: Site) -> None:
    choose(page, site.url, "admin-gczx")
    offered = page.locator(".suggestions button").all_inner_texts()
    assert "我今年还差多少学时？" in offered
    assert "我们单位还有谁没达标？" in offered
    choose(page, site.url, "t0001")
    assert "我们单位还有谁没达标？" not in page.locator(".suggestions button").all_inner_texts()


def test_the_account_that_expired_is_chosen_beforehand(page: Page, site: Site) -> None:
    page.goto(f"{site.url}/chat")
    expect(page.locator("#sign-in")).to_contain_text("学时通")
    assert page.get_by_label("选择示例账号").input_value() != "t0003"
    choose(page, site.url, "t0003")
    page.route("**/v1/threads", lambda route: route.fulfill(status=401, json={"detail": "登录已过期。"}))
    page.get_by_role("button", name="历史").click()
    expect(page.get_by_label("选择示例账号")).to_have_value("t0003")


# Words that would be more than words.


def test_nothing_that_is_said_turns_round_what_stands_beside_it(page: Page, scripted: ScriptedSite) -> None:
    scripted.on("GET /v1/threads", listed([THREADS[0] | {"title": "问\u202e题 abc"}]))
    paste(page, scripted)
    page.get_by_role("button", name="历史").click()
    item = page.locator(".thread")
    title, time = item.locator("bdi").bounding_box(), item.locator("time").bounding_box()
    assert title
    assert time
    assert time["x"] >= title["x"] + title["width"]


HOSTILE = (
    "<img src=x onerror=\"window.hit='img'\"><script>window.hit='script'</script><svg onload=\"window.hit='svg'\">"
)


def test_nothing_that_is_said_becomes_markup_or_script(page: Page, scripted: ScriptedSite) -> None:
    table = {"caption": HOSTILE, "columns": [HOSTILE, "b"], "rows": [[HOSTILE, "[^1]"]], "total_rows": 1,
             "export_url": "javascript:window.hit='export'"}  # fmt: skip
    hostile = citation(title=HOSTILE, quote=HOSTILE, locator=HOSTILE, number=HOSTILE, url="javascript:window.hit='url'")
    parts = [
        {"type": "data-status", "data": {"text": HOSTILE}},
        hostile,
        *text(*HOSTILE, "[^1]"),  # one character at a time
        {"type": "data-table", "data": table},
        {"type": "data-suggestions", "data": [HOSTILE]},
    ]
    scripted.on(ASK, said(*parts))
    paste(page, scripted)
    turn = answered(page, HOSTILE)
    expect(turn.locator(".conclusion")).to_have_text(HOSTILE + "1")
    turn.locator(".prose .cite").click()
    expect(turn.locator("blockquote")).to_have_text(HOSTILE)
    expect(turn.get_by_role("link", name="查看条款")).to_have_count(0)
    expect(turn.get_by_role("button", name="导出表格")).to_have_count(0)
    expect(page.locator(".suggestions button")).to_have_text(HOSTILE)
    assert page.evaluate("() => window.hit") is None
    assert page.locator(".xueshi .xueshi :is(img, script, svg, iframe)").count() == 0


@pytest.mark.parametrize(
    "url", ["https://evil.example/policies/p#1", "//evil.example/policies/p", "/policies/../v1", ""]
)
def test_a_citation_leads_to_our_policies_or_nowhere(page: Page, scripted: ScriptedSite, url: str) -> None:
    scripted.on(ASK, said(citation(url=url), *text("依据[^1]")))
    paste(page, scripted)
    turn = answered(page)
    turn.locator(".prose .cite").click()
    expect(turn.locator("blockquote")).to_be_visible()
    expect(turn.get_by_role("link", name="查看条款")).to_have_count(0)


def test_a_forged_citation_stays_plain_text(page: Page, scripted: ScriptedSite) -> None:
    scripted.on(ASK, said(citation("1"), *text("真[^1]假[^2]", "假[^__proto__]半[^")))
    paste(page, scripted)
    turn = answered(page)
    expect(turn.locator(".conclusion")).to_have_text("真1假[2]假[^__proto__]半[^")
    expect(turn.locator(".prose button")).to_have_count(1)


def test_a_table_is_fetched_from_our_own_server_alone(page: Page, scripted: ScriptedSite) -> None:
    for url in ("https://evil.example/v1/x", "//evil.example/v1/x", "/v1/\\evil.example", "/static/icon.svg"):
        table = {"caption": "表", "columns": ["a"], "rows": [["1"]], "total_rows": 1, "export_url": url}
        scripted.on(ASK, said(*text("表"), {"type": "data-table", "data": table}))
        paste(page, scripted)
        expect(answered(page).get_by_role("button", name="导出表格")).to_have_count(0)


# Every state, for everyone's eyes.


CALCULATION = {
    "rule_set": "p", "carried_forward": True, "teacher_id": "T0001", "from": "2024-01-01", "to": "2024-12-31",
    "required": "90", "counted": "30", "remaining": "60", "met": False, "pending": "3", "remaining_if_approved": "57",
    "categories": [{"category": "专业科目", "required": "42", "recorded": "48", "counted": "38", "shortfall": "4",
                    "citation": "1"}],
    "not_counted": [{"record_ids": ["R1"], "hours": "8", "why": "cap", "citation": "1"},
                    {"record_ids": ["R2"], "hours": "6", "why": "outside_period", "citation": "1"}],
    "beyond_caps": "8", "steps": [{"text": "专业科目计入38学时", "citation": "1", "record_ids": ["R1"]}],
}  # fmt: skip


def stale() -> Reply:
    table = {
        "caption": "记录",
        "columns": ["项目", "学时"],
        "rows": [["研修", "8"]],
        "total_rows": 9,
        "export_url": "/v1/x",
    }
    made = [{"type": "data-calculation", "data": CALCULATION}, {"type": "data-table", "data": table}]
    return said(citation(), made[0], *text("还差60学时[^1]。"), made[1])


STATES: dict[str, tuple[Callable[[], Reply], str]] = {
    "stale rules": (stale, "所依据的规定已过有效期"),
    "refused": (lambda: said(*text("说明。"), outcome="not_permitted"), "不在可查看范围"),
    "no evidence": (lambda: said(*text("说明。"), outcome="no_evidence"), "政策库未收录"),
    "error": (lambda: refusal(503, "暂不可用。"), "暂不可用。"),
    "rate-limited": (lambda: refusal(429, "太频繁。", Retry_After="60"), "秒后"),
    "streaming": (lambda: Reply((*stream(begun(), *text("您还差")), threading.Event())), "您还差"),
    "loading": (lambda: Reply((*stream(begun()), threading.Event())), "正在查找依据"),
    "stopped": (lambda: Reply(tuple(stream(begun(), *text("您"), {"type": "abort"}, "[DONE]"))), "已停止回答"),
    "signed out": (lambda: refusal(401, "登录已过期。"), ""),
}


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_state_is_accessible(page: Page, scripted: ScriptedSite, axe: Axe, scheme: Any) -> None:
    page.emulate_media(color_scheme=scheme)
    page.goto(f"{scripted.url}/chat")
    expect(page.locator("#token")).to_be_visible()
    found = {"sign-in": axe(page)}
    for name, (reply, seen) in STATES.items():
        scripted.on(ASK, reply())
        paste(page, scripted)
        found["empty"] = axe(page)
        ask(page)
        if seen:
            expect(page.locator("article")).to_contain_text(seen)
        else:
            expect(page.locator("#token")).to_be_visible()
        page.locator("details").evaluate_all("all => all.forEach((one) => { one.open = true; })")
        found[name] = axe(page)
    thread = {"id": "t1", "title": "问", "asked_at": "2023-11-15T08:00:00+08:00"}
    scripted.on("GET /v1/threads", Reply((json.dumps({"threads": [thread]}).encode(),)))
    paste(page, scripted)
    page.get_by_role("button", name="历史").click()
    expect(page.locator(".thread")).to_be_visible()
    found["history"] = axe(page)
    assert {name: faults for name, faults in found.items() if faults} == {}


def test_whoever_has_no_rule_or_no_records_is_told_so(page: Page, scripted: ScriptedSite) -> None:
    for result, words in (("no_rule", "不套用其他地方的规定"), ("unavailable", "进度暂时算不出来")):
        me = ME | {"teacher_id": "T0001", "outcome": result}
        scripted.on("GET /v1/me", Reply((json.dumps(me).encode(),)))
        paste(page, scripted)
        expect(page.locator(".progress")).to_contain_text(words)


def test_a_server_that_is_away_at_first_is_tried_again(page: Page, scripted: ScriptedSite) -> None:
    ready = scripted.replies["GET /v1/me"]
    scripted.on("GET /v1/me", refusal(503, "数据库暂不可用。"), *ready)
    page.goto(f"{scripted.url}/chat")
    page.get_by_label("登录凭证").fill("not a token at all")
    page.get_by_role("button", name="登录", exact=True).click()
    page.get_by_role("button", name="重新登录").click()
    sign_in(page, token())
    expect(page.locator(".notice")).to_contain_text("数据库暂不可用。")
    page.get_by_role("button", name="重试").click()
    expect(page.locator(".suggestions")).to_be_visible()


@pytest.mark.parametrize(
    "window",
    [
        pytest.param({"viewport": PHONE}, id="320 px"),
        pytest.param({"viewport": {"width": 320, "height": 256}}, id="400% zoom of 1280 by 1024"),
        pytest.param({"viewport": PHONE, "forced_colors": "active"}, id="forced colours"),
        pytest.param({"viewport": PHONE, "has_touch": True, "is_mobile": True}, id="phone"),
    ],
)
def test_it_fits(browser: Browser, scripted: ScriptedSite, axe: Axe, faults: list[str], window: Any) -> None:
    context = browser.new_context(locale="zh-CN", **window)
    watch(context, faults)
    page = context.new_page()
    scripted.on(ASK, stale())
    paste(page, scripted)
    box(page).fill("我今年还差多少学时？")
    page.get_by_role("button", name="发送").click()
    turn = page.locator("article")
    expect(turn.locator(".actions")).to_be_visible()
    width, room = page.evaluate(WIDTHS)
    assert width <= room
    for control in (box(page), page.get_by_role("button", name="发送"), turn.locator(".prose .cite").first):
        control.scroll_into_view_if_needed()
        place = control.bounding_box()
        assert place
        assert place["x"] >= 0
        assert place["x"] + place["width"] <= room
        control.click(trial=True)  # nothing lies over it
    assert axe(page) == []
    context.close()
    assert faults == []


def test_text_may_be_twice_as_large(page: Page, scripted: ScriptedSite) -> None:
    page.set_viewport_size({"width": 640, "height": 800})
    session = page.context.new_cdp_session(page)
    session.send("Page.setFontSizes", {"fontSizes": {"standard": 32, "fixed": 26}})
    scripted.on(ASK, stale())
    paste(page, scripted)
    turn = answered(page)
    assert turn.locator(".asked").evaluate("element => getComputedStyle(element).fontSize") == "32px"
    width, room = page.evaluate(WIDTHS)
    assert width <= room
    box(page).click(trial=True)
    page.get_by_role("button", name="发送").click(trial=True)


def test_hours_of_other_periods_are_folded(page: Page, scripted: ScriptedSite) -> None:
    scripted.on(ASK, stale())
    paste(page, scripted)
    turn = answered(page)
    expect(turn.get_by_text("8 学时：超过登记上限")).to_be_visible()
    expect(turn.get_by_text("6 学时：不在核算期间内")).to_be_hidden()
    turn.get_by_text("不在核算期间内（1 项）").click()
    expect(turn.get_by_text("6 学时：不在核算期间内")).to_be_visible()


def test_what_is_pressed_is_large_enough_and_named(page: Page, scripted: ScriptedSite) -> None:
    table = {"columns": ["a"], "rows": [["1"]], "total_rows": 1, "export_url": "/v1/x"}
    tables = [{"type": "data-table", "data": table | {"caption": name}} for name in ("名单", "各校")]
    calculation = {"type": "data-calculation", "data": CALCULATION}
    scripted.on(ASK, said(citation(), calculation, *text("还差60学时[^1]。"), *tables))
    paste(page, scripted)
    turn = answered(page)
    for name in ("名单", "各校"):
        expect(turn.get_by_role("button", name=f"导出表格：{name}", exact=True)).to_have_count(1)
    page.locator("details").evaluate_all("all => all.forEach((one) => { one.open = true; })")
    sizes = turn.locator(".cite").evaluate_all("all => all.map((one) => [one.offsetWidth, one.offsetHeight])")
    assert len(sizes) > 4
    assert min(min(size) for size in sizes) >= 24


def test_no_line_begins_with_the_punctuation_behind_a_mark(page: Page, scripted: ScriptedSite) -> None:
    scripted.on(ASK, said(citation(), *text("甲[^1]", "，乙", "[^1]。", "丙[^1]")))
    paste(page, scripted)
    turn = answered(page)
    expect(turn.locator(".conclusion")).to_have_text("甲1，乙1。丙1")
    starts = """e => [10, 20, 30, 40, 50, 60, 70, 80, 90, 100].map((width) => {
      e.style.width = `${width}px`;
      return [...e.querySelectorAll(".cite")].slice(0, 2).every((mark) => {
        const range = document.createRange();
        range.selectNode(mark.nextSibling);
        const [box, next] = [mark.getBoundingClientRect(), range.getBoundingClientRect()];
        return next.width > 0 && next.left >= box.right && next.top < box.bottom;
      });
    })"""
    assert turn.locator(".conclusion").evaluate(starts) == [True] * 10


def test_the_buttons_above_stay_on_one_row_of_a_narrow_screen(page: Page, scripted: ScriptedSite) -> None:
    page.set_viewport_size(PHONE)
    paste(page, scripted)
    tops = page.locator(".bar > :is(h2, button)").evaluate_all(
        "all => all.map((one) => one.getBoundingClientRect()).map((box) => box.top + box.height / 2)"
    )
    assert len(tops) == 3
    assert max(tops) - min(tops) < 2


def test_waiting_keeps_its_size(page: Page, scripted: ScriptedSite) -> None:
    page.set_viewport_size({"width": 246, "height": 640})  # where the dots only just don't fit
    page.emulate_media(reduced_motion="no-preference")
    scripted.on(ASK, Reply((*stream(begun()), threading.Event())))
    paste(page, scripted)
    waiting = ask(page).locator(".waiting")
    expect(waiting).to_be_visible()
    heights = """e => [0, 400, 800, 1200].map((at) => {
      for (const one of e.getAnimations({ subtree: true })) { one.pause(); one.currentTime = at; }
      return e.offsetHeight;
    })"""
    assert len(set(waiting.evaluate(heights))) == 1


@pytest.mark.parametrize(("motion", "name"), [("reduce", "none"), ("no-preference", "dots")])
def test_nothing_moves_for_whoever_wants_it_still(page: Page, scripted: ScriptedSite, motion: Any, name: str) -> None:
    page.emulate_media(reduced_motion=motion)
    scripted.on(ASK, Reply((*stream(begun()), threading.Event())))
    paste(page, scripted)
    waiting = ask(page).locator(".waiting")
    expect(waiting).to_be_visible()
    assert waiting.evaluate("element => getComputedStyle(element, '::after').animationName") == name


def test_bars_are_seen_in_forced_colours(page: Page, scripted: ScriptedSite) -> None:
    page.emulate_media(forced_colors="active")
    scripted.on(ASK, stale())
    paste(page, scripted)
    bar = answered(page).locator("progress").first
    assert bar.evaluate("element => getComputedStyle(element).borderTopStyle") == "solid"
